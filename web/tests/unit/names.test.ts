import assert from "node:assert/strict";
import { test } from "node:test";
import { MatrixEvent, RoomMember } from "matrix-js-sdk";
import { formerName } from "../../src/model/names";

type Step = [id: string, membership: string, before: Record<string, unknown>, replaces?: unknown];

/** Bob after the last of these events, of which all are in memory. */
function nameAfter(...steps: Step[]): string | undefined {
    const events = steps.map(([event_id, membership, prev_content, replaces_state]) =>
        new MatrixEvent({ type: "m.room.member", room_id: "!r:x", sender: "@a:x", state_key: "@bob:x", event_id, content: { membership }, unsigned: { prev_content, replaces_state } as any }));
    const member = new RoomMember("!r:x", "@bob:x");
    member.setMembershipEvent(events.at(-1)!);
    return formerName(member, (id) => events.find((event) => event.getId() === id));
}

const JOINED = { membership: "join", displayname: "Bob" };
const BANNED: Step = ["$ban", "ban", JOINED, "$join"];

test("who was removed or banned keeps the name", () => {
    assert.equal(nameAfter(["$kick", "leave", JOINED, "$join"]), "Bob");
    assert.equal(nameAfter(BANNED), "Bob");
});

test("... also when the ban is lifted, and when it was one after a removal", () => {
    const lifted: Step = ["$lift", "leave", { membership: "ban" }, "$ban"];
    assert.equal(nameAfter(BANNED, lifted), "Bob");
    assert.equal(nameAfter(["$kick", "leave", JOINED, "$join"], ["$ban", "ban", { membership: "leave" }, "$kick"], lifted), "Bob");
});

test("who is in the room has the name of now", () => {
    assert.equal(nameAfter(["$join", "join", { membership: "leave", displayname: "Robert" }]), undefined);
});

test("what was never seen, a circle and what is no name give none", () => {
    assert.equal(nameAfter(["$lift", "leave", { membership: "ban" }, "$unknown"]), undefined);
    assert.equal(nameAfter(["$lift", "leave", { membership: "ban" }, "$lift"]), undefined);
    assert.equal(nameAfter(["$kick", "leave", { displayname: ["Bob"] }, { id: 1 }]), undefined);
});

test("a name cannot turn the text around it", () => {
    assert.equal(nameAfter(["$kick", "leave", { displayname: "\u202eboB" }]), "boB");
});
