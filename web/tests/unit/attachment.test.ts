import assert from "node:assert/strict";
import { webcrypto } from "node:crypto";
import { test } from "node:test";
import { decryptAttachment, encryptAttachment, fromBase64, toBase64 } from "../../src/sdk/attachment";

globalThis.crypto ??= webcrypto as Crypto; // Debian's Node has it, but not there

const bytes = (length: number) => Uint8Array.from({ length }, (_, i) => (i * 31) & 255);

test("what was encrypted comes back, and is not to be read in between", async () => {
    for (const length of [0, 1, 16, 100_000]) {
        const { data, file } = await encryptAttachment(bytes(length));
        assert.deepEqual(await decryptAttachment(data, { url: "mxc://x/y", ...file }), bytes(length));
        if (length > 1) assert.notDeepEqual(data, bytes(length));
    }
});

test("the same file is never the same twice", async () => {
    const [one, two] = [await encryptAttachment(bytes(32)), await encryptAttachment(bytes(32))];
    assert.notEqual(one.file.key.k, two.file.key.k);
    assert.notEqual(one.file.iv, two.file.iv);
});

test("a file that somebody changed is refused", async () => {
    const { data, file } = await encryptAttachment(bytes(64));
    data[10] ^= 1;
    await assert.rejects(decryptAttachment(data, { url: "mxc://x/y", ...file }));
});

test("as the specification wants it: unpadded base64, half of the vector is a counter from zero", async () => {
    const { file } = await encryptAttachment(bytes(8));
    assert.deepEqual([...fromBase64(file.iv).subarray(8)], [0, 0, 0, 0, 0, 0, 0, 0]);
    assert.doesNotMatch(file.iv + file.hashes.sha256, /=/);
    assert.deepEqual([file.v, file.key.alg, file.key.kty, file.key.ext], ["v2", "A256CTR", "oct", true]);
});

test("base64 there and back, in both alphabets", () => {
    assert.deepEqual(fromBase64(toBase64(bytes(300))), bytes(300));
    assert.deepEqual([...fromBase64("-_8")], [251, 255]);
});
