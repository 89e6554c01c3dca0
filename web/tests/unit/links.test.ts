import assert from "node:assert/strict";
import { test } from "node:test";
import { permalink, safeUrl, splitLinks } from "../../src/model/links";
import { isOnlyEmoji } from "../../src/ui/html";

/** The addresses of the links, and all the text. */
function links(text: string): [string[], string] {
    const parts = splitLinks(text);
    return [parts.flatMap((part) => (typeof part === "string" ? [] : [part.url])), parts.map((part) => (typeof part === "string" ? part : part.url)).join("")];
}

test("an address is safe when following it only goes there", () => {
    for (const url of ["https://example.org/a?b#c", "http://x/", "mailto:a@b.c", "matrix:u/a:x", "tel:+491"]) assert.equal(safeUrl(url), url);
    const unsafe = ["javascript:alert(1)", " javascript:alert(1)", "java\nscript:alert(1)", "JAVASCRIPT:x", "data:text/html,x", "vbscript:x", "blob:https://x/y", "file:///etc/passwd", "//x/y", "/x", "x", "", "https://"];
    for (const url of unsafe) assert.equal(safeUrl(url), null, url);
});

test("a permalink names a user, a room or an alias, and a message there", () => {
    const named = (href: string) => {
        const place = permalink(href);
        return place && [place.id, place.eventId, ...place.via];
    };
    assert.deepEqual(named("https://matrix.to/#/@a:example.org"), ["@a:example.org", undefined]);
    assert.deepEqual(named("https://matrix.to/#/%23room%3Aexample.org?via=x&via=y"), ["#room:example.org", undefined, "x", "y"]);
    assert.deepEqual(named("https://matrix.to/#/!r:example.org/$event"), ["!r:example.org", "$event"]);
    assert.deepEqual(named("https://matrix.to/#/!r%3Aexample.org/%24event?via=x"), ["!r:example.org", "$event", "x"]);
    assert.deepEqual(named("https://matrix.to/#/@a:example.org/$event"), ["@a:example.org", undefined]);
    assert.deepEqual(named("https://matrix.to/#/!r:example.org/event"), ["!r:example.org", undefined]);
    assert.deepEqual(named("matrix:u/a:example.org?action=chat"), ["@a:example.org", undefined]);
    assert.deepEqual(named("matrix:r/room:example.org"), ["#room:example.org", undefined]);
    assert.deepEqual(named("matrix:roomid/r:example.org/e/event?via=x"), ["!r:example.org", "$event", "x"]);
    const others = ["https://matrix.to.evil.org/#/@a:x", "https://matrix.to/#/%E0%A4%A", "https://matrix.to/#/!r:x/%E0%A4%A", "https://matrix.to/#/x", "matrix:x/a:b", "matrix:u/", `https://matrix.to/#/@${"a".repeat(300)}:x`, `matrix:roomid/${"a".repeat(300)}:x`];
    for (const href of others) assert.equal(permalink(href), null, href);
});

test("addresses in a text become links, and no letter is lost", () => {
    const text = "see https://example.org/a_(b), (http://x.org/y) and https://z.org/?q=1&r=2.";
    assert.deepEqual(links(text), [["https://example.org/a_(b)", "http://x.org/y", "https://z.org/?q=1&r=2"], text]);
});

test("what only looks like an address stays text", () => {
    for (const text of ["javascript://x", "ftp://x", "https://", "https://.", "a://b", "://", "xhttps//y"]) assert.deepEqual(links(text), [[], text]);
});

test("a text full of addresses stays whole", () => {
    const text = "https://example.org/ ".repeat(3000);
    const began = performance.now();
    assert.equal(links(text)[1], text);
    assert.ok(performance.now() - began < 1000);
});

test("a few emoji and nothing else are shown large", () => {
    for (const text of ["🎉", "👍🏽 👨‍👩‍👧", "❤️"]) assert.ok(isOnlyEmoji(text), text);
    for (const text of ["", " ", "1", "#", "x🎉", "123", "🎉".repeat(100)]) assert.ok(!isOnlyEmoji(text), text);
});
