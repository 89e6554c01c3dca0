import assert from "node:assert/strict";
import { test } from "node:test";
import { EventStatus, MatrixEvent } from "matrix-js-sdk";
import { isShown, messageBody, outgoing, toMessage, withoutFallback } from "../../src/model/message";

const event = (fields: Record<string, unknown>) =>
    new MatrixEvent({ type: "m.room.message", event_id: "$1", sender: "@a:x", room_id: "!r:x", origin_server_ts: 1, content: {}, ...fields } as any);

const ODD = [null, undefined, 0, -1, Number.NaN, true, "", "x", [], ["x"], {}, { a: 1 }];

test("a text, an emote, a notice; HTML only in the format that is known", () => {
    assert.deepEqual(messageBody("m.room.message", { msgtype: "m.text", body: "x" }, false), { kind: "text", text: "x", html: undefined });
    assert.equal(messageBody("m.room.message", { msgtype: "m.emote", body: "x" }, false).kind, "emote");
    const html = (format: string) => (messageBody("m.room.message", { msgtype: "m.notice", body: "x", format, formatted_body: "<b>x" }, false) as any).html;
    assert.equal(html("org.matrix.custom.html"), "<b>x");
    assert.equal(html("text/html"), undefined);
});

test("a type of message that is not known is shown by its body", () => {
    for (const msgtype of ["org.example.new", "constructor", "toString", "__proto__"])
        assert.deepEqual(messageBody("m.room.message", { msgtype, body: "fallback" }, false), { kind: "text", text: "fallback", html: undefined }, msgtype);
});

test("no odd value breaks a body", () => {
    const fields = ["msgtype", "body", "format", "formatted_body", "url", "file", "info", "filename"];
    for (const field of fields) for (const value of ODD) messageBody("m.room.message", { msgtype: "m.image", body: "x", url: "mxc://x/y", [field]: value }, false);
    for (const inner of ["mimetype", "size", "w", "h", "duration", "thumbnail_url", "thumbnail_file"])
        for (const value of ODD) messageBody("m.room.message", { msgtype: "m.image", body: "x", url: "mxc://x/y", info: { [inner]: value } }, false);
});

test("media comes from media repositories and nowhere else", () => {
    const kind = (url: unknown) => messageBody("m.room.message", { msgtype: "m.image", body: "x.png", url }, false).kind;
    assert.equal(kind("mxc://example.org/abc"), "image");
    for (const url of ["https://example.org/x.png", "mxc://example.org/../x", "mxc://example.org/a?b", "mxc:///x", "javascript:x", "MXC://x/y z"]) assert.equal(kind(url), "text", url);
});

test("an encrypted file needs all of its parts", () => {
    const whole = { url: "mxc://x/y", iv: "i", key: { k: "k" }, hashes: { sha256: "h" } };
    const kind = (file: object) => messageBody("m.room.message", { msgtype: "m.file", body: "x", file }, false).kind;
    assert.equal(kind(whole), "file");
    for (const part of Object.keys(whole)) assert.equal(kind({ ...whole, [part]: 1 }), "text", part);
});

test("sizes that make no sense count as unknown", () => {
    const made = (info: object) => (messageBody("m.room.message", { msgtype: "m.image", body: "x", url: "mxc://x/y", info }, false) as any).media;
    assert.deepEqual([made({ w: -1, h: "9" }).width, made({ w: -1, h: "9" }).height, made({ size: 5 }).size], [undefined, undefined, 5]);
});

test("a huge body is cut, huge HTML is not shown as such", () => {
    const body = messageBody("m.room.message", { msgtype: "m.text", body: "x".repeat(1e6), format: "org.matrix.custom.html", formatted_body: "y".repeat(1e6) }, false) as any;
    assert.ok(body.text.length < 50_000 && body.text.endsWith("…"));
    assert.equal(body.html, undefined);
});

test("what an old client quotes before its answer is left out", () => {
    assert.equal(withoutFallback("> <@a:x> hi\n> there\n\nanswer\nmore"), "answer\nmore");
    assert.equal(withoutFallback("no > quote"), "no > quote");
    assert.equal(withoutFallback("> only a quote"), "> only a quote");
});

test("an answer knows to what; inside a thread only when it is meant", () => {
    const reply = { "m.in_reply_to": { event_id: "$0" } };
    const made = (relation: object) => toMessage(event({ content: { msgtype: "m.text", body: "x", "m.relates_to": relation } }));
    assert.equal(made(reply).replyTo, "$0");
    const thread = { rel_type: "m.thread", event_id: "$root", ...reply };
    assert.deepEqual([made({ ...thread, is_falling_back: true }).replyTo, made(thread).threadRoot], [undefined, "$root"]);
    assert.equal(made({ ...thread, is_falling_back: false }).replyTo, "$0");
});

test("no odd relation or content breaks a message", () => {
    for (const value of ODD) {
        toMessage(event({ content: { msgtype: "m.text", body: "x", "m.relates_to": value } }));
        toMessage(event({ content: value }));
        toMessage(event({ content: { body: value }, unsigned: value }));
        toMessage(event({ type: "m.room.member", state_key: "@b:x", content: { membership: value, displayname: value } }));
    }
});

test("an edit that is not sent is said of its message", () => {
    const original = event({ content: { msgtype: "m.text", body: "x" } });
    const edit = event({ event_id: "$2", content: { "m.new_content": { msgtype: "m.text", body: "y" } } });
    original.makeReplaced(edit);
    for (const [now, told] of [[EventStatus.SENDING, "sending"], [EventStatus.NOT_SENT, "failed"], [EventStatus.SENT, "sent"], [null, "sent"]] as const) {
        edit.setStatus(now);
        assert.deepEqual([toMessage(original).status, outgoing(original) === edit], [told, now !== null]);
    }
});

test("a type that nobody knows is told, not hidden and not broken", () => {
    const made = toMessage(event({ type: "org.example.unknown", content: { x: 1 } }));
    assert.deepEqual(made.body, { kind: "unknown", type: "org.example.unknown" });
});

test("edits and reactions are no messages of their own", () => {
    const relates = (rel_type: string) => ({ content: { "m.relates_to": { rel_type, event_id: "$0" } } });
    assert.equal(isShown(event({ content: { msgtype: "m.text", body: "x" } })), true);
    assert.equal(isShown(event(relates("m.replace"))), false);
    assert.equal(isShown(event({ type: "m.reaction", ...relates("m.annotation") })), false);
    assert.equal(isShown(event({ type: "m.room.redaction" })), false);
    assert.equal(isShown(event({ type: "m.room.name", state_key: "", content: { name: "x" } })), true);
    assert.equal(isShown(event({ type: "org.example.state", state_key: "", content: {} })), false);
});
