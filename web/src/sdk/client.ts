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

/** The SDK writes its state every five minutes; a page that is hidden may not come back, and a first sync is dear. */
function keepState(client: MatrixClient, store: IndexedDBStore): void {
    let saved = false;
    client.on(ClientEvent.Sync, (state) => {
        if (state !== SyncState.Syncing || saved) return;
        saved = true;
        void store.save(true);
    });
    const save = () => document.visibilityState === "hidden" && client.isInitialSyncComplete() && void store.save(true);
    document.addEventListener("visibilitychange", save);
    window.addEventListener("pagehide", () => void (client.isInitialSyncComplete() && store.save(true)));
}
