/** Many buttons that are one stop of the Tab key: arrows, Home and End go from one to the next, and the last one used is where Tab comes back to. */
import type { RefObject } from "preact";
import { useEffect } from "preact/hooks";

const visible = (element: HTMLElement): boolean => element.checkVisibility();

/** `selector`: which elements in `ref`. They come and go as they like. */
export function useRoving(ref: RefObject<HTMLElement>, selector: string): void {
    useEffect(() => {
        const box = ref.current!;
        const items = () => [...box.querySelectorAll<HTMLElement>(selector)];
        let stop: HTMLElement | undefined;
        const settle = () => {
            const all = items();
            if (!box.contains(document.activeElement)) stop = all.find((item) => item.ariaCurrent) ?? stop;
            if (!stop || !all.includes(stop)) stop = all.find(visible);
            for (const item of all) item.tabIndex = item === stop ? 0 : -1;
        };
        const onFocus = (event: FocusEvent) => {
            const item = (event.target as HTMLElement).closest<HTMLElement>(selector);
            if (!item || item === stop) return;
            stop = item;
            settle();
        };
        const onKey = (event: KeyboardEvent) => {
            if (event.altKey || event.ctrlKey || event.metaKey) return;
            const all = items().filter(visible);
            const at = all.indexOf(event.target as HTMLElement);
            const next = at < 0 ? undefined : beside(all, at, event.key);
            if (!next) return;
            event.preventDefault();
            next.focus();
        };
        settle();
        const watcher = new MutationObserver(settle);
        watcher.observe(box, { childList: true, subtree: true, attributeFilter: ["aria-current"] });
        box.addEventListener("focusin", onFocus);
        box.addEventListener("keydown", onKey);
        return () => watcher.disconnect();
    }, []);
}

function beside(all: HTMLElement[], at: number, key: string): HTMLElement | undefined {
    switch (key) {
        case "ArrowRight":
            return all[at + 1];
        case "ArrowLeft":
            return all[at - 1];
        case "ArrowDown":
            return inNextRow(all, at, 1);
        case "ArrowUp":
            return inNextRow(all, at, -1);
        case "Home":
            return all[0];
        case "End":
            return all.at(-1);
    }
}

/** Of the next row that lies below (or above), what is nearest to being straight below. */
function inNextRow(all: HTMLElement[], at: number, step: number): HTMLElement | undefined {
    const from = all[at].getBoundingClientRect();
    const beyond = (rect: DOMRect, other: DOMRect) => (step > 0 ? rect.top >= other.bottom - 1 : rect.bottom <= other.top + 1);
    let best: { item: HTMLElement; rect: DOMRect } | undefined;
    for (let i = at + step; all[i]; i += step) {
        const rect = all[i].getBoundingClientRect();
        if (!beyond(rect, from)) continue;
        if (best && beyond(rect, best.rect)) break;
        if (!best || Math.abs(rect.left - from.left) < Math.abs(best.rect.left - from.left)) best = { item: all[i], rect };
    }
    return best?.item;
}
