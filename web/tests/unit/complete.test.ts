import assert from "node:assert/strict";
import { test } from "node:test";
import { candidates, insert, wordAt } from "../../src/model/complete";
import { matcher } from "../../src/model/search";

const people = [
    { userId: "@zed:x", name: "Zed Alison" },
    { userId: "@alice:x", name: "Alice" },
    { userId: "@al:x", name: "Bob" },
];

test("a word that wants completion begins after a blank", () => {
    assert.deepEqual(wordAt("hi @al", 6), { kind: "user", text: "al", from: 3 });
    assert.deepEqual(wordAt("hi @al there", 6), { kind: "user", text: "al", from: 3 });
    assert.deepEqual(wordAt(":tad", 4), { kind: "emoji", text: "tad", from: 0 });
    for (const text of ["me@al", "10:30", ": x", "@al x", ""]) assert.equal(wordAt(text, text.length), null, text);
});

test("who begins with it stands before who only has it", () => {
    const found = candidates({ kind: "user", text: "al", from: 0 }, people);
    assert.deepEqual(found.map((c) => c.label), ["Alice", "Bob", "Zed Alison"]);
});

test("emoji by their short names", () => {
    assert.equal(candidates({ kind: "emoji", text: "tada", from: 0 }, [])[0].insert, "🎉");
});

test("what was chosen takes the word's place, and the cursor stands behind it", () => {
    const word = wordAt("hi @al there", 6)!;
    const made = insert("hi @al there", 6, word, candidates(word, people)[0]);
    assert.deepEqual(made, { text: "hi @Alice there", cursor: 10 });
});

test("search wants all words, and cares neither for case nor for accents", () => {
    const fits = matcher("CAFE crème")!;
    assert.ok(fits("Crème brûlée at the Café"));
    assert.ok(!fits("Café"));
    assert.equal(matcher("  "), null);
});
