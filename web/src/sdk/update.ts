/** The service worker's other side: the shell is kept for a start without a network, and a newer client on the server is noticed. */
import { signal } from "@preact/signals";

/** The server has another client than the one that runs here. */
export const updated = signal(false);

export async function keepShell(): Promise<void> {
    const { serviceWorker } = navigator;
    if (!serviceWorker || !window.isSecureContext) return;
    serviceWorker.addEventListener("controllerchange", () => void compare().catch((error) => console.warn("newer client:", error?.message)));
    const registration = await serviceWorker.register("/sw.js");
    const look = () => document.visibilityState === "visible" && void registration.update().catch(() => {}); // offline, there is nothing new
    document.addEventListener("visibilitychange", look);
    window.addEventListener("online", look);
}

/** A new worker came: either this page came with it, or it is an old one. Names of files change with what is in them. An answer that is not the server's says nothing. */
async function compare(): Promise<void> {
    const answer = await fetch("/", { cache: "no-cache" }).catch(() => null);
    if (!answer?.ok) return;
    const html = await answer.text();
    const own = [...document.head.querySelectorAll("script[src], link[rel=stylesheet]")].map((e) => e.getAttribute("src") ?? e.getAttribute("href")!);
    updated.value = !own.every((name) => html.includes(name));
}

/** What the worker does not fetch by itself, because not every visitor needs it. */
export async function keepOffline(url: string): Promise<void> {
    const registration = await navigator.serviceWorker?.ready;
    registration?.active?.postMessage({ keep: url });
}
