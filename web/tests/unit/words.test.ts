import assert from "node:assert/strict";
import { test } from "node:test";
import { isolate } from "../../src/text";
import { isoDay } from "../../src/ui/time";

test("a name in a sentence does not turn the words around it", () => {
    assert.equal(isolate("Maya"), "\u2068Maya\u2069");
    assert.equal(isolate("\u202egpj.exe\u2069 \u2067"), "\u2068gpj.exe \u2069");
});

test("a date field has the day that it is here", () => {
    process.env.TZ = "Pacific/Kiritimati"; // fourteen hours ahead
    assert.equal(isoDay(new Date(Date.UTC(2026, 0, 31, 12))), "2026-02-01");
    process.env.TZ = "Pacific/Honolulu";
    assert.equal(isoDay(new Date(Date.UTC(2026, 1, 1, 4))), "2026-01-31");
    delete process.env.TZ;
});
