import assert from "node:assert/strict";
import { test } from "node:test";
import type { Message } from "../../src/model/message";
import { continues, dayOf } from "../../src/model/timeline";

const MINUTE = 60_000;
const message = (fields: Partial<Message> = {}): Message => ({
    id: "$1",
    sender: "@a:x",
    ts: 0,
    body: { kind: "text", text: "x" },
    edited: false,
    status: "sent",
    encrypted: false,
    ...fields,
});

test("what one person says at one go is one group", () => {
    assert.ok(continues(message(), message({ ts: 2 * MINUTE })));
    assert.ok(!continues(message(), message({ ts: 10 * MINUTE })), "later");
    assert.ok(!continues(message(), message({ sender: "@b:x" })), "somebody else");
    assert.ok(!continues(message(), message({ replyTo: "$0" })), "an answer");
    const state = message({ body: { kind: "state", type: "m.room.name", stateKey: "", content: {}, before: {} } });
    assert.ok(!continues(state, message()) && !continues(message(), state), "a change of the room");
});

test("a day is the reader's", () => {
    const noon = new Date(2026, 5, 1, 12).getTime();
    assert.equal(dayOf(noon), dayOf(noon + 60 * MINUTE));
    assert.notEqual(dayOf(noon), dayOf(noon + 24 * 60 * MINUTE));
});
