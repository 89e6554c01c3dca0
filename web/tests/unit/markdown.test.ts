import assert from "node:assert/strict";
import { test } from "node:test";
import { compose, escapeHtml, replaceShortcodes } from "../../src/model/markdown";

const alice = { userId: "@alice:example.org", name: "Alice" };

test("plain text is sent without HTML", () => {
    for (const text of ["hello", "a < b & c > d", "two\nlines", "1 + 1 = 2", "it's", "5 * 3 * 2", "snake_case_name", "#general"]) {
        assert.equal(compose(text).formatted_body, undefined, text);
        assert.equal(compose(text).body, text);
    }
});

test("Markdown becomes HTML beside the text as it was typed", () => {
    const made = compose("some **bold** and `code`");
    assert.equal(made.body, "some **bold** and `code`");
    assert.equal(made.format, "org.matrix.custom.html");
    assert.equal(made.formatted_body, "some <strong>bold</strong> and <code>code</code>");
});

test("a code block keeps what is in it", () => {
    const { formatted_body } = compose("```c\nif (a < b) *p = 1;\n```");
    assert.match(formatted_body!, /<pre><code class="language-c">if \(a &lt; b\) \*p = 1;\n<\/code><\/pre>/);
});

test("HTML that is typed is text", () => {
    const { formatted_body } = compose("**x** <img src=x onerror=alert(1)> <script>alert(1)</script>");
    assert.doesNotMatch(formatted_body!, /<(img|script)/);
});

test("an address that would run something is not sent as a link", () => {
    for (const address of ["javascript:alert(1)", "JaVaScRiPt:alert(1)", "data:text/html,x", "vbscript:x"]) {
        assert.doesNotMatch(compose(`[x](${address}) **y**`).formatted_body ?? "", /href/, address);
    }
    assert.match(compose("[x](https://example.org/)").formatted_body!, /href="https:\/\/example.org\/"/);
});

test("a picture of elsewhere is not sent as one", () => {
    assert.doesNotMatch(compose("![x](https://example.org/x.png) **y**").formatted_body!, /<img/);
});

test("a mention names the user, in HTML too", () => {
    const made = compose("hi @Alice", [alice]);
    assert.deepEqual(made["m.mentions"], { user_ids: ["@alice:example.org"] });
    assert.equal(made.formatted_body, 'hi <a href="https://matrix.to/#/%40alice%3Aexample.org">Alice</a>');
});

test("who is not named is not mentioned", () => {
    assert.deepEqual(compose("hi Alice", [alice])["m.mentions"], {});
});

test("the longer of two names is meant", () => {
    const made = compose("hi @Alice B", [alice, { userId: "@alice.b:example.org", name: "Alice B" }]);
    assert.match(made.formatted_body!, />Alice B<\/a>$/);
    assert.deepEqual(made["m.mentions"].user_ids, ["@alice.b:example.org"]);
});

test("a name in code or in an address is no mention", () => {
    assert.doesNotMatch(compose("`@Alice` **x**", [alice]).formatted_body!, /<a /);
    assert.match(compose("https://example.org/@Alice **x**", [alice]).formatted_body!, /^<a href="https:\/\/example.org\/@Alice">https:\/\/example.org\/@Alice<\/a> /);
});

test("a name cannot bring HTML along", () => {
    const evil = { userId: '@e:x"><script>', name: "<b>x</b>" };
    assert.doesNotMatch(compose("@<b>x</b>", [evil]).formatted_body ?? "", /<b>|<script>/);
});

test("the room is mentioned by a word of its own", () => {
    assert.equal(compose("@room look")["m.mentions"].room, true);
    assert.equal(compose("me@room.org")["m.mentions"].room, undefined);
});

test("/me is an emote, // is a slash", () => {
    assert.deepEqual([compose("/me waves").msgtype, compose("/me waves").body], ["m.emote", "waves"]);
    assert.deepEqual([compose("//me").msgtype, compose("//me").body], ["m.text", "/me"]);
});

test("short names become emoji, others stay", () => {
    assert.equal(replaceShortcodes("so :tada: and :no_such_thing: at 10:30:45"), "so 🎉 and :no_such_thing: at 10:30:45");
});

test("a short name in code stays", () => {
    assert.equal(compose("`:tada:`").body, "`:tada:`");
});

test("every character that means something in HTML is escaped", () => {
    assert.doesNotMatch(escapeHtml(`<>"'`), /[<>"']/);
    assert.doesNotMatch(escapeHtml("a&b"), /&b/);
});

test("what is long or deep is done in a moment", () => {
    const began = performance.now();
    for (const text of ["*".repeat(20_000), "[".repeat(5_000), "> ".repeat(2_000) + "x", "`".repeat(20_000), "_a".repeat(10_000)]) compose(text);
    assert.ok(performance.now() - began < 5_000);
});
