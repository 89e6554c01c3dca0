/**
 * The key of the account's secret storage, while somebody holds it: the SDK asks for it in the middle of its work, and what it gets
 * is what `provide` was given. It is in memory only, and for the time of one operation.
 */

let held: { id?: string; key: Uint8Array<ArrayBuffer> } | null = null;

async function get({ keys }: { keys: Record<string, unknown> }): Promise<[string, Uint8Array<ArrayBuffer>] | null> {
    const ids = Object.keys(keys);
    if (!held || ids.length === 0) return null;
    return [held.id && ids.includes(held.id) ? held.id : ids[0], held.key];
}

function remember(id: string, _info: unknown, key: Uint8Array<ArrayBuffer>): void {
    held = { id, key };
}

async function using<T>(key: Uint8Array<ArrayBuffer>, work: () => Promise<T>): Promise<T> {
    held = { key };
    try {
        return await work();
    } finally {
        held = null;
    }
}

export const secretStorageKey = { get, remember, using };
