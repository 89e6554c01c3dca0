import assert from "node:assert/strict";
import { test } from "node:test";
import { candidates, insert, wordAt } from "../../src/model/complete.ts";
import { compose } from "../../src/model/markdown.ts";
import { messageBody, withoutFallback } from "../../src/model/message.ts";
import { arrange, directRooms, matches, type RoomSummary } from "../../src/model/rooms.ts";
import { matcher } from "../../src/model/search.ts";
import { continues } from "../../src/model/timeline.ts";
import { decryptAttachment, encryptAttachment } from "../../src/sdk/attachment.ts";

const room = (part: Partial<RoomSummary>): RoomSummary => ({
    id: "!a",
    name: "a",
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
    ...part,
});

test("rooms stand in one section each, the most active first", () => {
    const rooms = [
        room({ id: "!old", name: "old", lastTs: 1 }),
        room({ id: "!new", name: "new", lastTs: 9 }),
        room({ id: "!fav", name: "fav", favourite: true, directWith: "@x:y" }),
        room({ id: "!dm", name: "dm", directWith: "@x:y" }),
        room({ id: "!space", name: "Space", isSpace: true, children: ["!child", "!fav"] }),
        room({ id: "!child", name: "child" }),
        room({ id: "!inv", name: "inv", membership: "invite" }),
        room({ id: "!low", name: "low", lowPriority: true }),
    ];
    const shape = arrange(rooms).map((s) => [s.id, ...s.rooms.map((r) => r.id)]);
    assert.deepEqual(shape, [["invites", "!inv"], ["favourites", "!fav"], ["!space", "!child"], ["direct", "!dm"], ["rooms", "!new", "!old"], ["low", "!low"]]);
    assert.deepEqual(arrange(rooms, "ol").map((s) => s.id), ["rooms"]);
});

test("the filter wants all words, in any order", () => {
    assert(matches(room({ name: "Green Garden" }), "gar gre"));
    assert(!matches(room({ name: "Green Garden" }), "gar blue"));
});

test("direct rooms survive broken account data", () => {
    assert.deepEqual([...directRooms({ "@a:b": ["!1", 7], "@c:d": "no" } as any)], [["!1", "@a:b"]]);
});

test("plain text stays plain, markdown becomes HTML, typed HTML stays text", () => {
    assert.deepEqual(compose("hello"), { msgtype: "m.text", body: "hello", "m.mentions": {} });
    assert.equal(compose("a **b**").formatted_body, "a <strong>b</strong>");
    const hostile = compose("**x** <script>alert(1)</script>").formatted_body!;
    assert(!hostile.includes("<script"), hostile);
    assert.equal(compose("it's 1 < 2 & so").formatted_body, undefined);
    assert.equal(compose("two\nlines").formatted_body, undefined);
    assert.equal(compose("/me waves").msgtype, "m.emote");
    assert.equal(compose(":tada:").body, "🎉");
    assert.match(compose("```js\nlet a;\n```").formatted_body!, /^<pre><code class="language-js">let a;\n<\/code><\/pre>$/);
});

test("mentions are links and are told to the server; a name with markup stays text", () => {
    const made = compose("hi @<b>x</b>", [{ userId: "@x:y", name: "<b>x</b>" }]);
    assert.deepEqual(made["m.mentions"], { user_ids: ["@x:y"] });
    assert(!/<b>/.test(made.formatted_body!), made.formatted_body);
    const code = compose("`@bob` and @bob", [{ userId: "@x:y", name: "bob" }]).formatted_body!;
    assert.match(code, /^<code>@bob<\/code> and <a href="https:\/\/matrix\.to\/#\/%40x%3Ay">bob<\/a>$/);
    assert.deepEqual(compose("nobody", [{ userId: "@x:y", name: "bob" }])["m.mentions"], {});
    assert.deepEqual(compose("wake up @room")["m.mentions"], { room: true });
});

test("completion sees the word at the cursor", () => {
    assert.deepEqual(wordAt("hi @bo", 6), { kind: "user", text: "bo", from: 3 });
    assert.deepEqual(wordAt("a :tad", 6), { kind: "emoji", text: "tad", from: 2 });
    assert.equal(wordAt("mail@bo", 7), null);
    assert.equal(wordAt("12:30", 5), null);
    const [first] = candidates({ kind: "user", text: "bo", from: 3 }, [{ userId: "@rob:y", name: "Rob" }, { userId: "@bo:y", name: "Bo" }].concat({ userId: "@x:y", name: "Abo" }));
    assert.equal(first.userId, "@bo:y");
    assert.deepEqual(insert("hi @bo!", 6, { kind: "user", text: "bo", from: 3 }, first), { text: "hi @Bo !", cursor: 7 });
});

test("message bodies of the wrong shape are not believed", () => {
    assert.deepEqual(messageBody("m.room.message", { msgtype: 5, body: { a: 1 } }, false), { kind: "unknown", type: "m.room.message" });
    assert.equal(messageBody("m.room.message", { msgtype: "m.image", body: "x", url: "https://evil.example/x.png" }, false).kind, "text");
    for (const msgtype of ["constructor", "toString", "__proto__"]) assert.equal(messageBody("m.room.message", { msgtype, body: "x" }, false).kind, "text");
    const image = messageBody("m.room.message", { msgtype: "m.image", body: "x", url: "mxc://a/b", info: { w: "1", h: -3, size: 1e999 } }, false);
    assert(image.kind === "image" && image.media.width === undefined && image.media.height === undefined && image.media.size === undefined);
    const long = messageBody("m.room.message", { msgtype: "m.text", body: "x".repeat(1e6) }, false);
    assert(long.kind === "text" && long.text.length < 50_000);
});

test("the quote of old clients is taken away", () => {
    assert.equal(withoutFallback("> <@a:b> hi\n> there\n\nyes"), "yes");
    assert.equal(withoutFallback("> only a quote"), "> only a quote");
});

test("search folds case and accents", () => {
    assert(matcher("CAFE")!("Un café"));
    assert(!matcher("cafe noir")!("Un café"));
    assert.equal(matcher("  "), null);
});

test("messages are grouped by sender and time", () => {
    const message = (sender: string, ts: number, part = {}) => ({ id: "$", sender, ts, body: { kind: "text" as const, text: "" }, edited: false, status: "sent" as const, encrypted: false, ...part });
    assert(continues(message("a", 0), message("a", 1000)));
    assert(!continues(message("a", 0), message("b", 1000)));
    assert(!continues(message("a", 0), message("a", 600_000)));
    assert(!continues(message("a", 0), message("a", 1000, { replyTo: "$x" })));
});

test("attachments: what is encrypted is decrypted, what was changed is refused", async () => {
    const plain = new TextEncoder().encode("plain words");
    const { data, file } = await encryptAttachment(plain);
    const whole = { ...file, url: "mxc://a/b" };
    assert.notDeepEqual(data, plain);
    assert.deepEqual(await decryptAttachment(data, whole), plain);
    data[0] ^= 1;
    await assert.rejects(decryptAttachment(data, whole), /damaged/);
});
