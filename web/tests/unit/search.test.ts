import assert from "node:assert/strict";
import { test } from "node:test";
import { matcher } from "../../src/model/search";

test("all words have to occur, in any order, whatever their case and accents", () => {
    const fits = matcher("  CAFE two ")!;
    assert.ok(fits("Two cups at the café"));
    assert.ok(!fits("one café"));
});

test("nothing typed finds nothing", () => {
    for (const typed of ["", "   ", "\u0301"]) assert.equal(matcher(typed), null);
});
