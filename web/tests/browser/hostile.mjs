/**
 * Everything that others send is hostile. A corpus of it is sent as real messages, names, topics and events; the page must show it
 * without running, loading or breaking anything (what the browser refused or was asked for fails the test at its end), and must go on working.
 */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { assertNoFaults, Person, Server, until } from "./kit.mjs";
import { Outsider } from "./outsider.mjs";

const corpus = JSON.parse(await readFile(new URL("hostile.json", import.meta.url), "utf8"));
const html = (formatted_body, body = "fallback") => ({ msgtype: "m.text", body, format: "org.matrix.custom.html", formatted_body });
const RIGHT_TO_LEFT = "\u202e";

/** What the SDK's crypto says of broken events of a verification; it goes on. */
const SDK = /missing field `[a-z_]+` at line/;

/** What must never stand in the page, whoever wrote it. */
const FORBIDDEN = "script:not([src^='/']), iframe, object, embed, base, link[rel=import], svg:not(.lucide), math, form [action], .timeline form, .timeline input:not([type=file]), .timeline style, .timeline meta";

async function findHarm(page) {
    return page.evaluate((forbidden) => {
        const harm = [...document.querySelectorAll(forbidden)].map((e) => e.outerHTML.slice(0, 200));
        for (const e of document.querySelectorAll(".timeline *, .room-list *, .panel *, .space *"))
            for (const { name, value } of e.attributes) {
                if (/^on/i.test(name)) harm.push(`${name} in ${e.outerHTML.slice(0, 200)}`);
                if (["href", "src", "xlink:href", "action", "formaction"].includes(name) && /^\s*(javascript|data|vbscript|file):/i.test(value)) harm.push(`${name}=${value.slice(0, 80)}`);
                if (name === "src" && !/^(blob:|\/)/.test(value)) harm.push(`loads ${value.slice(0, 80)}`);
            }
        for (const a of document.querySelectorAll(".timeline a[target=_blank]")) if (!/\bnoopener\b/.test(a.rel)) harm.push(`without noopener: ${a.href}`);
        if (globalThis.harmed) harm.push(`ran: ${globalThis.harmed}`);
        return harm;
    }, FORBIDDEN);
}

export async function hostile(test) {
    const server = await Server.start();
    const reader = await Person.open(server, "reader");
    const mallory = await Outsider.register(server, "mallory");
    let room;
    try {
        await test("a room with somebody who means no good", async () => {
            await reader.register();
            room = await mallory.createRoom({ preset: "public_chat", name: "trap", room_alias_name: "trap", power_level_content_override: { state_default: 0, events_default: 0 } });
            await mallory.invite(room, "@reader:localhost");
            await reader.acceptInvitation();
        });

        const alive = async (after) => {
            await mallory.send(room, `still here after ${after}`);
            await reader.message(`still here after ${after}`).waitFor();
            assert.deepEqual(await findHarm(reader.page), []);
        };

        await test(`${corpus.html.length} formatted bodies`, async () => {
            for (const [i, body] of corpus.html.entries()) {
                await mallory.send(room, html(body));
                if (i % 12 === 11) await alive(`body ${i}`);
            }
            await alive("bodies");
        });

        await test("what is allowed is shown", async () => {
            await mallory.send(room, html(corpus.allowed.join("\n")));
            await alive("the allowed");
            const shown = reader.timeline.getByRole("article").filter({ has: reader.page.locator("blockquote") }).first();
            for (const tag of ["strong", "em", "del", "code", "pre", "blockquote", "ul li", "ol li", "table td", "a[href='https://example.org/']"]) await until(tag, async () => (await shown.locator(tag).count()) > 0);
        });

        await test("fields that take the names of what a form and a document can do hide nothing", async () => {
            await mallory.send(room, html("<img name=body><form><input name=childNodes><input name=tagName><input name=nodeType><p>within the form</p></form><p>after the form</p>"));
            await reader.message("within the form").getByText("after the form").waitFor();
        });

        await test("texts that want to be something else", async () => {
            for (const text of corpus.texts) await mallory.send(room, text);
            await alive("texts");
        });

        await test("huge messages", async () => {
            await mallory.send(room, "x".repeat(60_000));
            await mallory.send(room, "wörter ".repeat(6_000));
            await mallory.send(room, html("<b>".repeat(5_000) + "deep" + "</b>".repeat(5_000)));
            await mallory.send(room, html("<p>many</p>".repeat(5_000)));
            await mallory.send(room, html(`<table>${"<tr><td>x</td></tr>".repeat(2_500)}</table>`));
            await alive("huge messages");
            const { wide, high } = await reader.page.evaluate(() => ({ wide: document.documentElement.scrollWidth <= innerWidth, high: document.querySelector(".scroller").scrollWidth <= document.querySelector(".scroller").clientWidth }));
            assert.ok(wide && high, "something is wider than its column");
        });

        await test("broken events and types that nobody knows", async () => {
            for (const [type, content] of corpus.events) await mallory.send(room, content, type);
            await alive("broken events");
        });

        await test("broken state", async () => {
            for (const [type, key, content] of corpus.state) await mallory.state(room, type, content, key).catch(() => {}); // what the server refuses cannot harm
            await alive("broken state");
            await mallory.state(room, "m.room.name", { name: "trap" });
            await reader.room("trap").waitFor();
        });

        await test("names with overrides of direction stay in their place", async () => {
            await mallory.rename(`${RIGHT_TO_LEFT}evil <img src=x onerror=harmed=1>`);
            await alive("a name");
            const isolated = await reader.timeline.locator(".sender").last().evaluate((e) => e.closest("bdi, [dir=auto]") !== null);
            assert.ok(isolated);
        });

        await test("a space with broken children, and somebody who asks to join with more than words", async () => {
            const harmful = `${RIGHT_TO_LEFT}<img src=x onerror=harmed=1>`;
            const space = await mallory.createRoom({ preset: "public_chat", name: harmful, room_alias_name: "den", creation_content: { type: "m.space" } });
            const child = await mallory.createRoom({ preset: "public_chat", name: harmful, topic: harmful.repeat(200) });
            await mallory.state(space, "m.space.child", { via: ["localhost", 7, harmful], order: {} }, child);
            for (const [i, via] of [7, "localhost", null, {}, [null], [[]]].entries()) await mallory.state(space, "m.space.child", { via }, `!odd${i}${harmful}`).catch(() => {});
            await reader.joinByAddress("#den:localhost");
            await reader.page.locator(".space .directory li").first().waitFor();
            assert.deepEqual(await findHarm(reader.page), []);
            await reader.createRoom("door");
            const door = await reader.roomId();
            await reader.call("PUT", `/rooms/${encodeURIComponent(door)}/state/m.room.join_rules`, { join_rule: "knock" });
            await mallory.knock(door, harmful.repeat(100));
            await reader.page.locator(".knock").waitFor();
            assert.deepEqual(await findHarm(reader.page), []);
            await reader.openRoom("trap");
            await alive("a space");
        });

        await test("two thousand reactions", async () => {
            const target = await mallory.send(room, "react to this");
            const react = (key) => mallory.send(room, { "m.relates_to": { rel_type: "m.annotation", event_id: target, key } }, "m.reaction");
            for (let i = 0; i < 2_000; i += 20) await Promise.all(Array.from({ length: 20 }, (_, j) => react(`r${i + j}`)));
            await react("<img src=x onerror=harmed=1>").catch(() => {});
            await react("y".repeat(5_000)).catch(() => {});
            await alive("reactions");
            assert.ok((await reader.message("react to this").locator(".reaction").count()) <= 60);
        });

        await test("after a reload it is all as before", async () => {
            await reader.reload();
            await reader.message("still here after reactions").waitFor();
            await alive("a reload");
        });

        await test("nothing ran, nothing was loaded, nothing broke", () => {
            reader.faults = reader.faults.filter((fault) => !SDK.test(fault));
            assertNoFaults(reader);
        });
    } finally {
        await reader.close();
        await server.close();
    }
}
