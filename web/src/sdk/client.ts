/**
 * The one place that makes a MatrixClient: its store, its crypto, its sync. The store (IndexedDB) keeps the sync's state, so that a
 * reload goes on from there; unsent messages are kept too.
 */
import { ClientEvent, createClient, IndexedDBStore, type MatrixClient, PendingEventOrdering, SyncState } from "matrix-js-sdk";
import { logger } from "matrix-js-sdk/lib/logger";
import { initAsync } from "@matrix-org/matrix-sdk-crypto-wasm";
import wasmUrl from "crypto.wasm";
import { secretStorageKey } from "./secrets";
import type { Session } from "./session";
import { keepOffline } from "./update";

(logger as any).setLevel?.("warn", false);

export async function makeClient(session: Session): Promise<MatrixClient> {
    const wasm = initAsync(wasmUrl);
    const store = new IndexedDBStore({ indexedDB, localStorage, dbName: "rookery" });
    const client = createClient({
        baseUrl: session.baseUrl,
        userId: session.userId,
        deviceId: session.deviceId,
        accessToken: session.accessToken,
        store,
        timelineSupport: true,
        disableVoip: true,
        useAuthorizationHeader: true,
        cryptoCallbacks: { getSecretStorageKey: secretStorageKey.get, cacheSecretStorageKey: secretStorageKey.remember },
        verificationMethods: ["m.sas.v1"],
    });
    await Promise.all([store.startup(), wasm.then(() => client.initRustCrypto({ cryptoDatabasePrefix: "rookery" }))]);
    keepState(client, store);
    void keepOffline(wasmUrl);
    return client;
}

export function startSync(client: MatrixClient): Promise<void> {
    return client.startClient({
        lazyLoadMembers: true,
        pendingEventOrdering: PendingEventOrdering.Detached,
        initialSyncLimit: 30,
        threadSupport: true,
        includeArchivedRooms: false,
    });
}

/**
 * The SDK writes its state every five minutes; a page that is closed, or opened without a network, wants the newest. Writing is dear where
 * there are many rooms: it may take a fiftieth of the time.
 */
function keepState(client: MatrixClient, store: IndexedDBStore): void {
    let next = 0;
    let waiting = false;
    const save = async () => client.clientRunning && client.isInitialSyncComplete() && (await store.save(true)); // after another page took over, the state is that page's
    const write = async () => {
        const began = performance.now();
        await save();
        next = performance.now() + 50 * (performance.now() - began);
        waiting = false;
    };
    client.on(ClientEvent.Sync, (state) => {
        if (state !== SyncState.Syncing || waiting) return;
        waiting = true;
        setTimeout(() => void write(), Math.max(500, next - performance.now()));
    });
    document.addEventListener("visibilitychange", () => document.visibilityState === "hidden" && void save());
    window.addEventListener("pagehide", () => void save());
}
