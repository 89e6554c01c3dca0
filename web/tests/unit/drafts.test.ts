import assert from "node:assert/strict";
import { test } from "node:test";
import { loadDraft, parseDraft, saveDraft } from "../../src/model/drafts";

const storage = new Map<string, string>();
globalThis.localStorage = { getItem: (key: string) => storage.get(key) ?? null, setItem: (key: string, value: string) => storage.set(key, value), removeItem: (key: string) => storage.delete(key) } as any;

test("a draft comes back with those whom it mentions, and leaves nothing behind", () => {
    const draft = { text: "hi @bob", mentions: [{ userId: "@bob:x", name: "bob" }] };
    saveDraft("!r", draft);
    assert.deepEqual(loadDraft("!r"), draft);
    assert.deepEqual(loadDraft("!other"), { text: "", mentions: [] });
    saveDraft("!r", { ...draft, text: "" });
    assert.equal(storage.size, 0);
});

test("what an older client stored is a text", () => {
    for (const text of ["half a thought", "null", "12", "{", "[]", '{"text":1,"mentions":[]}', '{"text":"x"}']) assert.deepEqual(parseDraft(text), { text, mentions: [] });
});

test("mentions that are none are left out", () => {
    const fine = { userId: "@bob:x", name: "bob" };
    assert.deepEqual(parseDraft(JSON.stringify({ text: "x", mentions: [null, 1, {}, { userId: 1, name: "x" }, fine] })).mentions, [fine]);
});
