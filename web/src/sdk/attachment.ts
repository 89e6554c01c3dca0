/** Encrypted attachments as the specification has them (AES-CTR with a hash of the ciphertext), with the browser's own crypto. */

export interface EncryptedFile {
    url: string;
    key: JsonWebKey & { ext: true };
    iv: string;
    hashes: { sha256: string };
    v: "v2";
}

type Bytes = Uint8Array<ArrayBuffer>;

export function toBase64(bytes: Bytes): string {
    let text = "";
    for (let at = 0; at < bytes.length; at += 0x8000) text += String.fromCharCode(...bytes.subarray(at, at + 0x8000));
    return btoa(text).replace(/=+$/, "");
}

export function fromBase64(text: string): Bytes {
    const plain = atob(text.replace(/-/g, "+").replace(/_/g, "/"));
    return Uint8Array.from(plain, (c) => c.charCodeAt(0));
}

async function sha256(data: Bytes): Promise<string> {
    return toBase64(new Uint8Array(await crypto.subtle.digest("SHA-256", data)));
}

/** The ciphertext, and what a receiver needs besides the address that it gets by the upload. */
export async function encryptAttachment(data: Bytes): Promise<{ data: Bytes; file: Omit<EncryptedFile, "url"> }> {
    const iv = new Uint8Array(16);
    crypto.getRandomValues(iv.subarray(0, 8)); // the other half is the counter
    const key = await crypto.subtle.generateKey({ name: "AES-CTR", length: 256 }, true, ["encrypt", "decrypt"]);
    const encrypted = new Uint8Array(await crypto.subtle.encrypt({ name: "AES-CTR", counter: iv, length: 64 }, key, data));
    const exported = await crypto.subtle.exportKey("jwk", key);
    const jwk = { kty: "oct", key_ops: ["encrypt", "decrypt"], alg: "A256CTR", k: exported.k, ext: true as const };
    return { data: encrypted, file: { key: jwk, iv: toBase64(iv), hashes: { sha256: await sha256(encrypted) }, v: "v2" } };
}

/** Throws when the data is not what the sender hashed. */
export async function decryptAttachment(data: Bytes, file: EncryptedFile): Promise<Bytes> {
    if ((await sha256(data)) !== file.hashes.sha256.replace(/=+$/, "")) throw new Error("the file is damaged: its hash is another");
    const key = await crypto.subtle.importKey("jwk", file.key, { name: "AES-CTR" }, false, ["decrypt"]);
    const algorithm = { name: "AES-CTR", counter: fromBase64(file.iv), length: 64 };
    return new Uint8Array(await crypto.subtle.decrypt(algorithm, key, data));
}
