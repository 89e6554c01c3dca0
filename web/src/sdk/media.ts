/**
 * Media by its mxc address, as a blob's address: the API wants the token in a header, which no <img> sends. The most recently used
 * are kept; older ones are given back to the browser.
 */
import type { MatrixClient } from "matrix-js-sdk";
import { decryptAttachment, type EncryptedFile } from "./attachment";

export interface MediaSource {
    mxc: string;
    file?: EncryptedFile;
    /** Of the wanted thumbnail, where a thumbnail will do. Encrypted files have none. */
    thumbnail?: { width: number; height: number; crop?: boolean };
    type?: string;
}

const KEPT = 300;
const kept = new Map<string, Promise<string>>();

/** Shown in place by the browser: what cannot run as a document of ours. */
const SAFE_TYPES = /^(image\/(jpeg|png|gif|webp|avif|apng|bmp)|video\/(mp4|webm|ogg|quicktime)|audio\/[a-z0-9.+-]+)$/;

export const isSafeType = (type: string | undefined): boolean => !!type && SAFE_TYPES.test(type);

/** `onProgress` hears only of what is not here, and not under way, already. */
export function mediaUrl(client: MatrixClient, source: MediaSource, onProgress?: (part: number) => void): Promise<string> {
    const id = JSON.stringify([source.mxc, source.thumbnail]);
    const known = kept.get(id);
    if (known) {
        kept.delete(id);
        kept.set(id, known);
        return known;
    }
    const loading = load(client, source, onProgress).then((blob) => URL.createObjectURL(blob));
    loading.catch(() => kept.delete(id));
    kept.set(id, loading);
    forgetOldest();
    return loading;
}

function forgetOldest(): void {
    if (kept.size <= KEPT) return;
    const [id, url] = kept.entries().next().value!;
    kept.delete(id);
    url.then(URL.revokeObjectURL, () => {});
}

export async function load(client: MatrixClient, source: MediaSource, onProgress?: (part: number) => void): Promise<Blob> {
    const { width, height, crop } = source.file ? {} : (source.thumbnail ?? ({} as any));
    const url = client.mxcUrlToHttp(source.mxc, width, height, width ? (crop ? "crop" : "scale") : undefined, false, true, true);
    if (!url) throw new Error("not the address of a file");
    const answer = await fetch(url, { headers: { Authorization: `Bearer ${client.getAccessToken()}` } });
    if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
    const data = await readAll(answer, onProgress);
    const type = source.file ? source.type : (answer.headers.get("Content-Type") ?? undefined);
    return new Blob([source.file ? await decryptAttachment(data, source.file) : data], { type: isSafeType(type) ? type : "application/octet-stream" });
}

async function readAll(answer: Response, onProgress?: (part: number) => void): Promise<Uint8Array<ArrayBuffer>> {
    const total = Number(answer.headers.get("Content-Length"));
    if (!onProgress || !total || !answer.body) return new Uint8Array(await answer.arrayBuffer());
    const parts: Uint8Array<ArrayBuffer>[] = [];
    let done = 0;
    const reader = answer.body.getReader();
    for (let r = await reader.read(); !r.done; r = await reader.read()) {
        parts.push(r.value as Uint8Array<ArrayBuffer>);
        onProgress(Math.min(1, (done += r.value.length) / total));
    }
    return new Uint8Array(await new Blob(parts).arrayBuffer());
}
