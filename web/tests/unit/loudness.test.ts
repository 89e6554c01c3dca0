import assert from "node:assert/strict";
import { test } from "node:test";
import type { MatrixClient } from "matrix-js-sdk";
import { loudness } from "../../src/model/loudness";

const of = (global: Record<string, unknown> | undefined) => loudness({ pushRules: global && { global } } as unknown as MatrixClient, "!r");
const rule = (rule_id: string, actions: unknown[], enabled = true) => ({ rule_id, enabled, actions });

test("without a rule of its own a room is as loud as others", () => {
    for (const rules of [undefined, {}, { override: [], room: [] }, { override: [rule("!other", [])], room: [rule("!other", ["notify"])] }]) assert.equal(of(rules), "default");
});

test("a room's rule tells everything, or mentions only; an override that says nothing mutes it", () => {
    assert.equal(of({ room: [rule("!r", ["notify", { set_tweak: "sound", value: "default" }])] }), "all");
    assert.equal(of({ room: [rule("!r", [])] }), "mentions");
    assert.equal(of({ room: [rule("!r", ["dont_notify"])] }), "mentions");
    assert.equal(of({ override: [rule("!r", [])], room: [rule("!r", ["notify"])] }), "mute");
});

test("rules that are off do not count", () => {
    assert.equal(of({ override: [rule("!r", [], false)], room: [rule("!r", [], false)] }), "default");
});
