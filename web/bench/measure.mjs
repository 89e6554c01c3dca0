// What the benches have in common: figures of a list, and what a page has done according to the browser's own trace.
import { readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

export const part = (list, share) => [...list].sort((a, b) => a - b)[Math.min(list.length - 1, Math.floor(list.length * share))];
export const median = (list) => part(list, 0.5);
export const worst = (list) => Math.max(...list);

/** Runs `work` under the browser's tracing; gives the length in ms of each task of the page's main thread meanwhile. */
export async function tasksOf(person, work) {
    const path = join(tmpdir(), `rookery-web-trace-${process.pid}.json`);
    await person.browser.startTracing(person.page, { path, categories: ["blink.user_timing", "devtools.timeline", "disabled-by-default-devtools.timeline"] });
    await work();
    await person.browser.stopTracing();
    const events = JSON.parse(await readFile(path, "utf8")).traceEvents;
    const main = new Set(events.filter((e) => e.name === "thread_name" && e.args.name === "CrRendererMain").map((e) => `${e.pid}.${e.tid}`));
    return events.filter((e) => e.name === "RunTask" && e.dur && main.has(`${e.pid}.${e.tid}`)).map((e) => e.dur / 1000);
}

/** In the page: the time from when the event came in (its own stamp) to the frame that shows `selector` with `text`. */
export function untilShown([event, selector, text]) {
    return new Promise((resolve) => {
        addEventListener(event, (e) => {
            const look = () => {
                const shown = [...document.querySelectorAll(selector)].some((found) => found.textContent.includes(text));
                if (!shown) return requestAnimationFrame(look);
                const done = performance.now();
                performance.measure(`bench-${event}`, { start: e.timeStamp, end: done });
                resolve(done - e.timeStamp);
            };
            queueMicrotask(look);
        }, { once: true, capture: true });
    });
}

/** What the page's objects take after a collection, in MiB. */
export async function heapOf(person) {
    const session = await person.context.newCDPSession(person.page);
    await session.send("HeapProfiler.collectGarbage");
    const { usedSize } = await session.send("Runtime.getHeapUsage");
    await session.detach();
    return usedSize / 2 ** 20;
}
