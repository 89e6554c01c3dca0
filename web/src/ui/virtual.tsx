/**
 * A list of any length, of which only what is near the window is in the document. Heights are measured as rows appear; the place that the
 * reader looks at stays where it is whatever happens above it, and the end stays in view while the reader is there.
 */
import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import type { Rows } from "../model/rows";

interface Props<T extends { key: string }> {
    rows: Rows<T>;
    render: (item: T) => ComponentChildren;
    label: string;
    onNearTop: () => void;
    onNearEnd: () => void;
    onAtEnd: (atEnd: boolean) => void;
    /** A row to bring into view; `at` makes each wish a new one. */
    focus: { key: string; at: number } | null;
    /** Another number than before: the end is to come into view. */
    end: number;
    header?: ComponentChildren;
    footer?: ComponentChildren;
    onKeyDown?: (event: KeyboardEvent) => void;
}

const OVERSCAN = 700;
const NEAR = 900;

/** A row, and how far above the window's edge it begins. */
interface Anchor {
    key: string;
    index: number;
    above: number;
}

interface View {
    /** Of the window. */
    height: number;
    /** The first row that is in the document. */
    first: number;
    stick: boolean;
    /** What stays where it is, unless the end does: the first row in view. */
    anchor: Anchor | null;
    focused: number;
    ended: number;
    /** Our own changes of scrollTop are no scrolling of the reader. */
    expected: number;
}

/** Where the list is now so that the anchor is in its place. If its row is gone, the one that took its number is the anchor. */
function held(rows: Rows<{ key: string }>, anchor: Anchor): number {
    const index = rows.indexOf(anchor.key);
    anchor.index = index >= 0 ? index : Math.max(0, Math.min(anchor.index, rows.length - 1));
    anchor.key = rows.at(anchor.index)?.key ?? "";
    return rows.start(anchor.index) + anchor.above;
}

export function VirtualList<T extends { key: string }>(props: Props<T>) {
    const { rows } = props;
    const scroller = useRef<HTMLDivElement>(null);
    const shown = useRef<HTMLDivElement>(null);
    const view = useRef<View>({ height: 900, first: 0, stick: true, anchor: null, focused: 0, ended: props.end, expected: -1 }).current;
    const version = useSignal(0);
    void version.value;

    if (props.end !== view.ended) {
        view.ended = props.end;
        view.stick = true;
    }
    if (props.focus && props.focus.at !== view.focused) {
        view.stick = false;
        view.focused = props.focus.at;
        view.anchor = { key: props.focus.key, index: 0, above: -view.height / 3 };
    }
    const total = rows.start(rows.length);
    const top = view.stick || !view.anchor ? total - view.height : held(rows, view.anchor);
    const first = rows.find(top - OVERSCAN);
    const last = Math.min(rows.length, rows.find(top + view.height + OVERSCAN) + 1);
    view.first = first;

    /** Where the list begins in what is scrolled. */
    const origin = () => shown.current!.offsetTop - rows.start(view.first);

    function settle(): void {
        const box = scroller.current!;
        view.height = box.clientHeight;
        const end = box.scrollHeight - view.height;
        const wanted = view.stick || !view.anchor ? end : origin() + held(rows, view.anchor);
        const y = Math.max(0, Math.min(wanted, end));
        if (Math.abs(box.scrollTop - y) >= 1) box.scrollTop = y;
        view.expected = box.scrollTop; // also where the browser went by itself, since the list has become shorter
    }

    function measure(): boolean {
        let changed = false;
        for (const row of shown.current!.children as HTMLCollectionOf<HTMLElement>)
            if (rows.measured(row.dataset.key!, row.getBoundingClientRect().height)) changed = true;
        return changed;
    }

    function isAtEnd(): boolean {
        const box = scroller.current!;
        return box.scrollHeight - box.scrollTop - box.clientHeight < 24;
    }

    function remember(): void {
        const box = scroller.current!;
        view.stick = isAtEnd();
        const y = box.scrollTop - origin();
        const index = rows.find(y);
        view.anchor = rows.length ? { key: rows.at(index)!.key, index, above: y - rows.start(index) } : null;
    }

    function onScroll(): void {
        const box = scroller.current;
        if (!box) return; // told after the list is gone
        if (Math.abs(box.scrollTop - view.expected) < 1) view.expected = -1;
        else {
            remember();
            props.onAtEnd(view.stick);
        }
        const y = box.scrollTop - origin();
        const outside = first > 0 && y - OVERSCAN / 2 < rows.start(first);
        if (outside || (last < rows.length && y + box.clientHeight + OVERSCAN / 2 > rows.start(last))) version.value++;
        if (box.scrollTop < NEAR) props.onNearTop();
        if (box.scrollHeight - box.scrollTop - box.clientHeight < NEAR) props.onNearEnd();
    }

    useLayoutEffect(() => {
        const changed = measure();
        settle();
        if (changed && !view.stick) version.value++;
    });
    // Where the list went by itself is no scrolling.
    useEffect(() => props.onAtEnd(view.stick || isAtEnd()), [props.focus?.at, rows.length]);
    useEffect(() => {
        const observer = new ResizeObserver(() => {
            measure();
            settle();
        });
        observer.observe(shown.current!);
        observer.observe(scroller.current!);
        return () => observer.disconnect();
    }, []);
    useEffect(() => {
        const box = scroller.current!;
        if (box.scrollTop < NEAR) props.onNearTop();
    }, [rows.length]);

    return (
        <div class="scroller" ref={scroller} onScroll={onScroll} onKeyDown={props.onKeyDown} role="log" aria-live="off" aria-label={props.label} tabIndex={0}>
            {props.header}
            <div aria-hidden="true" style={{ height: rows.start(first) }} />
            <div class="rows" ref={shown}>
                {rows.slice(first, last).map((item) => (
                    <div key={item.key} data-key={item.key} class="row">
                        {props.render(item)}
                    </div>
                ))}
            </div>
            <div aria-hidden="true" style={{ height: total - rows.start(last) }} />
            {props.footer}
        </div>
    );
}
