import assert from "node:assert/strict";
import { test } from "node:test";
import { Rows } from "../../src/model/rows";
import { dice } from "./dice";

/** The same, plainly. */
class Plain {
    keys: string[] = [];
    heights = new Map<string, number>();
    /** Where each row begins, and the end. */
    starts(): number[] {
        const starts = [0];
        for (const key of this.keys) starts.push(starts.at(-1)! + (this.heights.get(key) ?? 44));
        return starts;
    }
}

function assertSame(rows: Rows<{ key: string }>, plain: Plain): void {
    const starts = plain.starts();
    assert.deepEqual(rows.slice(0, rows.length).map((row) => row.key), plain.keys);
    assert.deepEqual([rows.length, rows.last()?.key], [plain.keys.length, plain.keys.at(-1)]);
    assert.deepEqual(starts.map((_, i) => rows.start(i)), starts);
    assert.deepEqual(plain.keys.map((key) => rows.indexOf(key)), [...plain.keys.keys()]);
    for (let y = -50; y < starts.at(-1)! + 50; y += 97) {
        const row = Math.max(0, starts.slice(0, -1).findLastIndex((start) => start <= Math.max(0, y)));
        assert.equal(rows.find(y), row, `at ${y}`);
    }
}

test("rows are where a plain list has them, whatever is added, taken away and measured", () => {
    for (let seed = 1; seed <= 10; seed++) {
        const roll = dice(seed);
        const rows = new Rows<{ key: string }>();
        const plain = new Plain();
        let next = 0;
        for (let step = 0; step < 120; step++) {
            const more = Array.from({ length: roll(40) }, () => `k${next++}`);
            const act = roll(5);
            if (act === 0) {
                for (const key of more) rows.push({ key });
                plain.keys.push(...more);
            } else if (act === 1) {
                rows.unshift(more.map((key) => ({ key })));
                plain.keys.unshift(...more);
            } else if (act === 2) {
                for (let i = roll(20); i > 0 && plain.keys.length; i--) {
                    rows.pop();
                    plain.keys.pop();
                }
            } else if (plain.keys.length) {
                const key = plain.keys[roll(plain.keys.length)];
                const height = roll(90);
                assert.equal(rows.measured(key, height), plain.heights.get(key) !== height);
                plain.heights.set(key, height);
            }
            if (step % 20 === 0) assertSame(rows, plain);
        }
        assertSame(rows, plain);
    }
});

test("a row that comes back has the height that it had", () => {
    const rows = new Rows<{ key: string }>();
    rows.push({ key: "a" });
    rows.measured("a", 100);
    rows.pop();
    assert.equal(rows.start(0), 0);
    rows.push({ key: "b" });
    rows.push({ key: "a" });
    assert.equal(rows.start(2), 144);
    rows.clear();
    assert.deepEqual([rows.length, rows.indexOf("a"), rows.at(0), rows.last()], [0, -1, undefined, undefined]);
    rows.unshift([{ key: "a" }]);
    assert.equal(rows.start(1), 100);
});
