/** A long conversation: what one reads stays where it is, whatever comes; and the page holds only what is near. And what is typed without a pause. */
import assert from "node:assert/strict";
import { assertNoFaults, gone, Person, Server, until } from "./kit.mjs";
import { Outsider } from "./outsider.mjs";

const MESSAGES = 400;

/** In the page: the first message that is wholly in view, and where it stands, when a frame has shown it there. */
async function firstInView(box) {
    const { top, bottom } = box.getBoundingClientRect();
    await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
    const articles = [...box.querySelectorAll("article")].map((a) => ({ id: a.dataset.event, y: a.getBoundingClientRect().top }));
    return articles.find(({ y }) => y >= top && y < bottom);
}

async function reading(box) {
    let found;
    await until("a message in view", async () => (found = await box.evaluate(firstInView)));
    return found;
}

const placeOf = (box, id) => box.querySelector(`article[data-event="${CSS.escape(id)}"]`)?.getBoundingClientRect().top;

/** In the page: a key or a click, and then text, in tasks that follow each other; a frame comes between one text and the next. */
async function typeOn(box, { key, click, texts }) {
    const frame = () => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
    const task = () => new Promise((resolve) => {
        const channel = new MessageChannel();
        channel.port1.onmessage = resolve;
        channel.port2.postMessage(null);
    });
    if (click) document.querySelector(click).click();
    else box.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
    for (const text of texts) {
        await task();
        document.execCommand("insertText", false, text);
        await frame();
    }
    return box.value;
}

export async function timeline(test) {
    const server = await Server.start();
    const bob = await Outsider.register(server, "bob");
    const room = await bob.createRoom({ preset: "public_chat", name: "Long talk", room_alias_name: "long" });
    for (let i = 0; i < MESSAGES; i++) await bob.send(room, `message ${i} ${"and more words ".repeat((i * 7) % 40)}`);
    const alice = await Person.open(server, "alice");
    const scroller = () => alice.timeline.elementHandle();
    try {
        await test("a long room is joined", async () => {
            await alice.register();
            await alice.call("POST", `/join/${encodeURIComponent(room)}`, {});
            await alice.openRoom("Long talk");
            await alice.sees(`message ${MESSAGES - 1} `);
        });

        await test("what one reads stays where it is while older messages come in front, up to the first", async () => {
            const box = await scroller();
            const asked = [];
            await alice.page.route(/\/messages\?/, (route) => asked.push(route));
            let pages = 0;
            for (; !(await alice.page.locator("main .beginning").count()); pages++) {
                await box.evaluate((b) => (b.scrollTop = 500));
                await until("a request for older messages", () => asked.length > 0);
                const { id, y } = await reading(box);
                const height = await box.evaluate((b) => b.scrollHeight);
                await asked.shift().continue();
                await until("a longer list", () => box.evaluate((b, h) => b.scrollHeight > h + 500, height));
                assert.ok(Math.abs((await box.evaluate(placeOf, id)) - y) <= 2, `page ${pages}: ${id} has moved`);
            }
            await alice.page.unroute(/\/messages\?/);
            assert.ok(pages >= 4, `${pages} pages`);
            await box.evaluate((b) => (b.scrollTop = 0));
            await alice.sees("message 0 ");
            assert.ok((await alice.page.locator("main .row").count()) < 120, "rows in the document");
        });

        await test("who reads old messages is not moved by new ones, an edit or a reaction", async () => {
            const box = await scroller();
            await box.evaluate((b) => (b.scrollTop = b.scrollHeight / 2));
            const { id, y } = await reading(box);
            const height = await box.evaluate((b) => b.scrollHeight);
            await bob.send(room, { "m.relates_to": { rel_type: "m.annotation", event_id: id, key: "🌱" } }, "m.reaction");
            await alice.timeline.getByRole("button", { name: /🌱 1/ }).waitFor();
            await bob.send(room, "a new one");
            await until("a longer list", () => box.evaluate((b, h) => b.scrollHeight > h, height));
            assert.ok(Math.abs((await box.evaluate(placeOf, id)) - y) <= 2, "it has moved");
            await bob.send(room, { msgtype: "m.text", body: "* short", "m.new_content": { msgtype: "m.text", body: "short" }, "m.relates_to": { rel_type: "m.replace", event_id: id } });
            await alice.message("short").getByText("(edited)").waitFor();
            assert.ok(Math.abs((await box.evaluate(placeOf, id)) - y) <= 2, "it has moved");
        });

        await test("at the end one stays at the end", async () => {
            await alice.button("To the newest").click();
            await alice.message("a new one").waitFor();
            const box = await scroller();
            const atEnd = () => box.evaluate((b) => b.scrollHeight - b.scrollTop - b.clientHeight < 2);
            await until("the end", atEnd);
            await bob.send(room, `the last one ${"with words ".repeat(60)}`);
            await alice.sees("the last one");
            await until("the end", atEnd);
        });

        await test("what one writes while one reads old messages comes into view", async () => {
            const box = await scroller();
            await box.evaluate((b) => (b.scrollTop = 0));
            await alice.button("To the newest").waitFor();
            await alice.say("written from far above");
            await until("the end", () => box.evaluate((b) => b.scrollHeight - b.scrollTop - b.clientHeight < 2));
            await alice.message("written from far above").getByText("Sent", { exact: true }).waitFor();
            await gone(alice.button("To the newest"));
        });

        await test("to the newest of a room leaves the thread beside it where it is", async () => {
            const [{ event_id: root }] = await bob.messages(room, 1);
            for (let i = 0; i < 20; i++) await bob.send(room, { msgtype: "m.text", body: `aside ${i} ${"with words ".repeat(30)}`, "m.relates_to": { rel_type: "m.thread", event_id: root } });
            await alice.message("written from far above").locator(".thread-link").click();
            const aside = await alice.panel.getByRole("log", { name: "Messages" }).elementHandle();
            await alice.panel.getByText("aside 19").waitFor();
            const main = await scroller();
            for (const box of [aside, main]) await box.evaluate((b) => (b.scrollTop = 0));
            await until("two ways to the newest", () => alice.button("To the newest").count(), 2);
            await alice.button("To the newest", alice.page.getByRole("main")).click();
            await until("the end", () => main.evaluate((b) => b.scrollHeight - b.scrollTop - b.clientHeight < 2));
            assert.equal(await alice.button("To the newest", alice.panel).count(), 1);
            assert.ok(await aside.evaluate((b) => b.scrollHeight - b.scrollTop - b.clientHeight > 100), "the thread has moved");
            await alice.closePanel();
        });

        await test("who types on while an edit begins or a name is completed loses nothing", async () => {
            await alice.say("first thought");
            await alice.message("first thought").getByText("Sent", { exact: true }).waitFor();
            const box = await alice.composer().elementHandle();
            assert.equal(await box.evaluate(typeOn, { key: "ArrowUp", texts: [" and", " second"] }), "first thought and second");
            await alice.page.keyboard.press("Escape");
            await alice.composer().pressSequentially("hi @bo");
            await alice.page.getByRole("option", { name: "bob" }).waitFor();
            assert.equal(await box.evaluate(typeOn, { key: "Enter", texts: ["lo", "ok"] }), "hi @bob look");
            await alice.composer().fill("");
        });

        await test("what is typed right after another room is opened is that room's", async () => {
            await alice.composer().fill("for the long talk");
            const other = await alice.call("POST", "/createRoom", { name: "Other" });
            await alice.room("Other").waitFor();
            const box = await alice.composer().elementHandle();
            const click = `a[href="#/room/${encodeURIComponent(other.room_id)}"]`;
            assert.equal(await box.evaluate(typeOn, { click, texts: ["for the ", "other"] }), "for the other");
            await alice.openRoom("Long talk");
            assert.equal(await alice.composer().inputValue(), "for the long talk");
        });

        await test("no fault, no request to others", () => assertNoFaults(alice));
    } finally {
        await alice.close();
        await server.close();
    }
}
