/**
 * One page at a time runs the client: two that share a device's keys would encrypt with the same ones twice. The page that holds the browser's
 * lock is the one. Without a secure context there are no locks, and nothing is kept apart.
 */

/** A page that is being closed or loaded anew gives its lock back a moment later. */
const PATIENCE = 2000;
const TAKE = "rookery.take";

/** Whether this page may run the client, from now until `onLost` is called because another page has taken over. */
export function claimDevice(onLost: () => void): Promise<boolean> {
    const { locks } = navigator;
    if (!locks) return Promise.resolve(true);
    const take = sessionStorage.getItem(TAKE) !== null;
    sessionStorage.removeItem(TAKE);
    return new Promise((resolve) => {
        let held = false;
        const keep = () => {
            resolve((held = true));
            return new Promise(() => {}); // until the page goes
        };
        locks.request("rookery", take ? { steal: true } : { signal: AbortSignal.timeout(PATIENCE) }, keep).catch(() => (held ? onLost() : resolve(false)));
    });
}

/** Begins anew, as the page that runs the client; the one that did is told. */
export function takeDevice(): void {
    sessionStorage.setItem(TAKE, "1");
    location.reload();
}
