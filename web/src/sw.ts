// The service worker keeps the shell, so that the page opens without a network. It never touches the API: what is below
// /_matrix is not answered here.
declare const FILES: string[];
declare const VERSION: string;

/** The types of a worker are not those of a page. */
const worker = self as any;

const CACHE = `shell-${VERSION}`;

worker.addEventListener("install", (event: any) => {
    event.waitUntil(
        caches.open(CACHE).then(async (cache) => {
            await cache.addAll(["/", "/icon.svg", ...FILES]);
            await worker.skipWaiting();
        }),
    );
});

worker.addEventListener("activate", (event: any) => {
    event.waitUntil(
        caches.keys().then(async (names) => {
            await Promise.all(names.filter((name) => name.startsWith("shell-") && name !== CACHE).map((name) => caches.delete(name)));
            await worker.clients.claim();
        }),
    );
});

/** The page asks for what is loaded only by those who need it; most of the time it is here already, or in the browser's own cache. */
worker.addEventListener("message", (event: any) => {
    const url = String(event.data?.keep);
    if (!url.startsWith("/assets/")) return;
    event.waitUntil(caches.open(CACHE).then(async (cache) => (await cache.match(url)) ?? cache.add(url)));
});

/** Names below /assets/ change with the content: what is in the cache is right for good. */
async function asset(request: Request): Promise<Response> {
    const cache = await caches.open(CACHE);
    const kept = await cache.match(request);
    if (kept) return kept;
    const answer = await fetch(request);
    if (answer.ok) await cache.put(request, answer.clone());
    return answer;
}

/** The server's page. A proxy before a server that is away has one of its own, which is worth less than the shell. */
async function page(request: Request): Promise<Response> {
    const answer = await fetch(request).catch(() => null);
    if (answer && answer.status < 500) return answer;
    return (await caches.match("/")) ?? answer ?? Response.error();
}

worker.addEventListener("fetch", (event: any) => {
    const { request } = event;
    const url = new URL(request.url);
    if (request.method !== "GET" || url.origin !== worker.location.origin) return;
    if (url.pathname.startsWith("/assets/") || url.pathname === "/icon.svg") event.respondWith(asset(request));
    else if (url.pathname === "/" && request.mode === "navigate") event.respondWith(page(request));
});

worker.addEventListener("notificationclick", (event: any) => {
    event.notification.close();
    event.waitUntil(
        worker.clients.matchAll({ type: "window" }).then((windows: any[]) => {
            const room = event.notification.data?.room;
            const open = windows[0];
            if (!open) return worker.clients.openWindow(`/#/room/${encodeURIComponent(room)}`);
            open.postMessage({ open: room });
            return open.focus();
        }),
    );
});
