import assert from "node:assert/strict";
import { test } from "node:test";
import { EMOJI, findEmoji, SHORTCODES } from "../../src/model/shortcodes";

test("an emoji is found by its name, those that begin with it first", () => {
    assert.equal(findEmoji("tada")[0].emoji, "🎉");
    const found = findEmoji("hear");
    assert.ok(found[0].names.some((name) => name.startsWith("hear")));
});

test("an emoji is found by what it is about", () => {
    assert.ok(findEmoji("party").some((e) => e.emoji === "🎉"));
});

test("nothing wanted is all, no more than asked for", () => {
    assert.equal(findEmoji("", 10).length, 10);
    assert.deepEqual(findEmoji("qqqqq"), []);
    assert.ok(EMOJI.length > 1500);
});

test("short names are those that people know", () => {
    assert.equal(SHORTCODES.get("+1"), "👍");
    assert.equal(SHORTCODES.get("heart"), "❤️");
});
