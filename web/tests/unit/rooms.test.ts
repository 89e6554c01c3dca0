import assert from "node:assert/strict";
import { test } from "node:test";
import { arrange, directRooms, matches, type RoomSummary } from "../../src/model/rooms";

const room = (id: string, fields: Partial<RoomSummary> = {}): RoomSummary => ({
    id,
    name: id,
    membership: "join",
    isSpace: false,
    children: [],
    favourite: false,
    lowPriority: false,
    encrypted: false,
    unread: 0,
    mentions: 0,
    muted: false,
    lastTs: 0,
    ...fields,
});
const shape = (rooms: RoomSummary[], filter?: string) => arrange(rooms, filter).map((s) => [s.id, ...s.rooms.map((r) => r.id)]);

test("the newest stands first", () => {
    assert.deepEqual(shape([room("a", { lastTs: 1 }), room("b", { lastTs: 3 }), room("c", { lastTs: 2 })]), [["rooms", "b", "c", "a"]]);
});

test("each room stands in one section: invitations, favourites, spaces, people, rooms, low priority", () => {
    const rooms = [
        room("plain"),
        room("low", { lowPriority: true }),
        room("friend", { directWith: "@f:x" }),
        room("space", { isSpace: true, children: ["inside", "star"] }),
        room("inside"),
        room("star", { favourite: true, directWith: "@s:x" }),
        room("asked", { membership: "invite", directWith: "@i:x" }),
    ];
    assert.deepEqual(shape(rooms), [["invites", "asked"], ["favourites", "star"], ["space", "inside"], ["direct", "friend"], ["rooms", "plain"], ["low", "low"]]);
});

test("a space without rooms is there, but not in what a filter found", () => {
    const rooms = [room("space", { isSpace: true }), room("one")];
    assert.deepEqual(shape(rooms), [["space"], ["rooms", "one"]]);
    assert.deepEqual(shape(rooms, "one"), [["rooms", "one"]]);
});

test("a filter wants all of its words, in any case", () => {
    const found = room("!1", { name: "Garden Party", directWith: "@zoe:x" });
    assert.ok(matches(found, "PARTY gard"));
    assert.ok(matches(found, "zoe"));
    assert.ok(matches(found, "  "));
    assert.ok(!matches(found, "garden house"));
});

test("who is talked with where, whatever the account data holds", () => {
    assert.deepEqual([...directRooms({ "@a:x": ["!1", "!2"], "@b:x": ["!3", 7, null] } as any)], [["!1", "@a:x"], ["!2", "@a:x"], ["!3", "@b:x"]]);
    for (const odd of [undefined, {}, { "@a:x": null }, { "@a:x": "x" }, { "@a:x": { length: 3 } }]) assert.equal(directRooms(odd as any).size, 0);
});
