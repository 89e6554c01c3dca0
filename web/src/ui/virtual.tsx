/**
 * A list of any length, of which only what is near the window is in the document. Heights are measured as rows appear; the place that the
 * reader looks at stays where it is whatever happens above it, and the end stays in view while the reader is there.
 */
import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";

interface Props<T extends { key: string }> {
    items: T[];
    render: (item: T) => ComponentChildren;
    label: string;
    onNearTop: () => void;
    onNearEnd: () => void;
    onAtEnd: (atEnd: boolean) => void;
    /** A row to bring into view; `at` makes each wish a new one. */
    focus: { key: string; at: number } | null;
    header?: ComponentChildren;
    footer?: ComponentChildren;
    onKeyDown?: (event: KeyboardEvent) => void;
}

const ESTIMATE = 44;
const OVERSCAN = 700;
const NEAR = 900;

/** Where rows begin, from what was measured and a guess for the rest. */
class Offsets {
    private readonly heights = new Map<string, number>();
    starts = new Float64Array(1);

    place(items: { key: string }[]): void {
        if (this.starts.length < items.length + 1) this.starts = new Float64Array(Math.ceil((items.length + 1) * 1.5));
        let at = 0;
        for (let i = 0; i < items.length; i++) {
            this.starts[i] = at;
            at += this.heights.get(items[i].key) ?? ESTIMATE;
        }
        this.starts[items.length] = at;
    }

    /** Whether it was another. */
    measured(key: string, height: number): boolean {
        if (this.heights.get(key) === height) return false;
        this.heights.set(key, height);
        return true;
    }

    at(y: number, count: number): number {
        let low = 0;
        let high = count;
        while (low < high) {
            const middle = (low + high + 1) >> 1;
            if (this.starts[middle] <= y) low = middle;
            else high = middle - 1;
        }
        return Math.min(low, Math.max(0, count - 1));
    }
}

interface View {
    offsets: Offsets;
    stick: boolean;
    /** The first row in view and how far above the window's edge it begins. */
    anchor: { key: string; index: number; above: number } | null;
    focused: number;
    /** Our own changes of scrollTop are no scrolling of the reader. */
    expected: number;
}

function indexOfKey(items: { key: string }[], key: string, hint: number): number {
    if (items[hint]?.key === key) return hint;
    return items.findIndex((item) => item.key === key);
}

export function VirtualList<T extends { key: string }>(props: Props<T>) {
    const { items } = props;
    const scroller = useRef<HTMLDivElement>(null);
    const rows = useRef<HTMLDivElement>(null);
    const view = useRef<View>({ offsets: new Offsets(), stick: true, anchor: null, focused: 0, expected: -1 }).current;
    const version = useSignal(0);
    void version.value;

    const height = scroller.current?.clientHeight ?? 900;
    view.offsets.place(items);
    const { starts } = view.offsets;
    const total = starts[items.length];
    if (props.focus && props.focus.at !== view.focused) {
        const index = items.findIndex((item) => item.key === props.focus!.key);
        if (index >= 0) {
            view.stick = false;
            view.focused = props.focus.at;
            view.anchor = { key: items[index].key, index, above: -height / 3 };
        }
    }
    let top = total - height;
    if (!view.stick && view.anchor) {
        const index = indexOfKey(items, view.anchor.key, view.anchor.index);
        if (index >= 0) {
            view.anchor.index = index;
            top = starts[index] + view.anchor.above;
        }
    }
    const first = view.offsets.at(top - OVERSCAN, items.length);
    const last = Math.min(items.length, view.offsets.at(top + height + OVERSCAN, items.length) + 1);

    const headHeight = () => rows.current!.offsetTop - starts[first];

    function settle(): void {
        const box = scroller.current!;
        let wanted = box.scrollHeight - box.clientHeight;
        if (!view.stick && view.anchor) {
            const row = rows.current!.querySelector<HTMLElement>(`[data-key="${CSS.escape(view.anchor.key)}"]`);
            if (row) wanted = row.offsetTop + view.anchor.above;
        }
        wanted = Math.max(0, Math.min(wanted, box.scrollHeight - box.clientHeight));
        if (Math.abs(box.scrollTop - wanted) >= 1) box.scrollTop = wanted;
        view.expected = box.scrollTop; // also where the browser went by itself, since the list has become shorter
    }

    function measure(): boolean {
        let changed = false;
        for (const row of rows.current!.children as HTMLCollectionOf<HTMLElement>)
            if (view.offsets.measured(row.dataset.key!, row.getBoundingClientRect().height)) changed = true;
        return changed;
    }

    function remember(): void {
        const box = scroller.current!;
        view.stick = box.scrollHeight - box.scrollTop - box.clientHeight < 24;
        const y = box.scrollTop;
        for (const row of rows.current!.children as HTMLCollectionOf<HTMLElement>) {
            if (row.offsetTop + row.offsetHeight <= y) continue;
            const key = row.dataset.key!;
            view.anchor = { key, index: indexOfKey(items, key, view.anchor?.index ?? 0), above: y - row.offsetTop };
            return;
        }
        const index = view.offsets.at(y - headHeight(), items.length);
        if (items[index]) view.anchor = { key: items[index].key, index, above: y - headHeight() - starts[index] };
    }

    function onScroll(): void {
        const box = scroller.current;
        if (!box) return; // told after the list is gone
        if (Math.abs(box.scrollTop - view.expected) < 1) view.expected = -1;
        else {
            remember();
            props.onAtEnd(view.stick);
        }
        const y = box.scrollTop - headHeight();
        const outside = y - OVERSCAN / 2 < starts[first] && first > 0;
        if (outside || (y + box.clientHeight + OVERSCAN / 2 > starts[last] && last < items.length)) version.value++;
        if (box.scrollTop < NEAR) props.onNearTop();
        if (box.scrollHeight - box.scrollTop - box.clientHeight < NEAR) props.onNearEnd();
    }

    useLayoutEffect(() => {
        const changed = measure();
        settle();
        if (changed && !view.stick) version.value++;
    });
    useEffect(() => {
        const observer = new ResizeObserver(() => {
            measure();
            settle();
        });
        observer.observe(rows.current!);
        observer.observe(scroller.current!);
        return () => observer.disconnect();
    }, []);
    useEffect(() => {
        const box = scroller.current!;
        if (box.scrollTop < NEAR) props.onNearTop();
    }, [items.length]);

    return (
        <div class="scroller" ref={scroller} onScroll={onScroll} onKeyDown={props.onKeyDown} role="log" aria-live="off" aria-label={props.label} tabIndex={0}>
            {props.header}
            <div aria-hidden="true" style={{ height: starts[first] }} />
            <div class="rows" ref={rows}>
                {items.slice(first, last).map((item) => (
                    <div key={item.key} data-key={item.key} class="row">
                        {props.render(item)}
                    </div>
                ))}
            </div>
            <div aria-hidden="true" style={{ height: total - starts[last] }} />
            {props.footer}
        </div>
    );
}
