/** Rooms: made, found, joined, ordered, changed, moderated; and what one writes into them, by keyboard alone where that is claimed. */
import assert from "node:assert/strict";
import { assertNoFaults, gone, Person, Server, until } from "./kit.mjs";
import { Outsider } from "./outsider.mjs";

export async function rooms(test) {
    const server = await Server.start();
    const alice = await Person.open(server, "alice");
    const bob = await Outsider.register(server, "bob");
    const sections = () => alice.list.getByRole("region").evaluateAll((all) => all.map((s) => s.getAttribute("aria-label")));
    try {
        await test("a new account is told what to do", async () => {
            await alice.register();
            await alice.page.getByText("Welcome to Rookery").waitFor();
        });

        await test("a public room is made", async () => {
            await alice.choose("New", "Create a room");
            await alice.dialog.getByLabel("Name", { exact: true }).fill("Garden Party");
            await alice.dialog.getByLabel("Topic").fill("flowers");
            await alice.dialog.getByRole("switch", { name: "Public" }).check();
            await alice.button("Create", alice.dialog).click();
            await alice.page.locator(".room-head").getByText("flowers").waitFor();
        });

        await test("somebody joins by its address and is seen", async () => {
            const { room_id } = await bob.join("#garden-party:localhost");
            bob.room = room_id;
            await bob.send(room_id, "hello from elsewhere");
            await alice.message("hello from elsewhere").waitFor();
        });

        await test("a screen reader is told of each message, also of the same words again", async () => {
            const heard = () => alice.page.locator("[role=status].sr-only").textContent();
            for (const wanted of ["bob: anybody there?", "bob: anybody there?\u00a0", "bob: anybody there?"]) {
                await bob.send(bob.room, "anybody there?");
                await until("heard", heard, wanted);
            }
        });

        await test("a room in the directory is found and joined", async () => {
            await bob.createRoom({ preset: "public_chat", visibility: "public", name: "Chess club", topic: "every Tuesday", room_alias_name: "chess" });
            await alice.choose("New", "Explore rooms");
            await alice.dialog.getByLabel("Search, or an address").fill("chess");
            await alice.dialog.getByRole("listitem").filter({ hasText: "Chess club" }).getByRole("button", { name: "Join" }).click();
            await alice.page.getByRole("main").getByRole("heading", { name: "Chess club", level: 1 }).waitFor();
        });

        await test("unread messages and mentions are counted, and reading them is enough", async () => {
            await bob.send(bob.room, "one");
            await alice.room("Garden Party").locator(".badge", { hasText: "1" }).waitFor();
            await bob.send(bob.room, { msgtype: "m.text", body: "alice: two", "m.mentions": { user_ids: ["@alice:localhost"] } });
            await alice.room("Garden Party").locator(".badge.mention").waitFor();
            await until("the title says how many", async () => /^\(2\)/.test(await alice.page.title()));
            await alice.openRoom("Garden Party");
            await gone(alice.room("Garden Party").locator(".badge"));
            await alice.timeline.locator(".unread-line").waitFor();
        });

        await test("what is new in a thread is told at its root and not in the list; opening the thread reads it", async () => {
            const receipts = [];
            const note = (request) => /\/receipt\//.test(request.url()) && receipts.push(request.postDataJSON().thread_id);
            const root = await bob.send(bob.room, "root of a thread");
            await alice.sees("root of a thread");
            const reply = { "m.relates_to": { rel_type: "m.thread", event_id: root } };
            await bob.send(bob.room, { msgtype: "m.text", body: "aside one", ...reply });
            await bob.send(bob.room, { msgtype: "m.text", body: "aside two", ...reply });
            const link = alice.message("root of a thread").locator(".thread-link");
            await link.locator(".badge", { hasText: "2" }).waitFor();
            await alice.button("Threads, with new replies").waitFor();
            await gone(alice.room("Garden Party").locator(".badge"));
            alice.page.on("request", note);
            for (let i = 0; i < 3; i++) await alice.timeline.dispatchEvent("scroll"); // at the end all is read, and told already
            await link.click();
            await gone(link.locator(".badge"));
            await alice.button("Threads").waitFor();
            alice.page.off("request", note);
            assert.deepEqual([...new Set(receipts)], [root]);
            await alice.closePanel();
        });

        await test("the list of threads says where something is new; on a phone the room menu leads there", async () => {
            const root = await bob.send(bob.room, "another root");
            await bob.send(bob.room, { msgtype: "m.text", body: "aside three", "m.relates_to": { rel_type: "m.thread", event_id: root } });
            const { width, height } = alice.page.viewportSize();
            await alice.page.setViewportSize({ width: 360, height: 740 });
            await alice.button("Room menu, with new replies").click();
            await alice.page.getByRole("menuitem", { name: "Threads, with new replies" }).click();
            const row = (text) => alice.panel.getByRole("button").filter({ hasText: text });
            await row("another root").getByText("1 unread").waitFor();
            assert.match(await row("another root").innerText(), /bob: aside three\s+One reply/);
            assert.doesNotMatch(await row("root of a thread").textContent(), /unread/);
            await row("another root").click();
            await alice.panel.getByText("aside three").waitFor();
            await gone(alice.button("Room menu, with new replies"));
            await alice.closePanel();
            await alice.choose("Room menu", "Threads");
            await row("another root").waitFor();
            assert.doesNotMatch(await row("another root").textContent(), /unread/);
            await alice.closePanel();
            await alice.page.setViewportSize({ width, height });
        });

        await test("the newest stands first", async () => {
            const names = () => alice.list.locator(".room-name").allInnerTexts();
            await until("order", names, ["Garden Party", "Chess club"]);
            await alice.openRoom("Chess club");
            await alice.say("e4");
            await until("order", names, ["Chess club", "Garden Party"]);
        });

        await test("a favourite has a section of its own; the filter finds by words", async () => {
            await alice.openRoom("Garden Party");
            await alice.choose("Room menu", "Add to favourites");
            await until("sections", sections, ["Favourites", "Rooms"]);
            await alice.list.getByLabel("Filter rooms").fill("chess");
            await until("sections", sections, ["Rooms"]);
            await alice.list.getByLabel("Filter rooms").fill("");
        });

        await test("a space is a folder", async () => {
            await alice.choose("New", "Create a space");
            await alice.dialog.getByLabel("Name", { exact: true }).fill("Home");
            await alice.button("Create", alice.dialog).click();
            await until("the space", async () => (await sections()).includes("Home"));
            await alice.page.getByRole("heading", { name: "Home", level: 1 }).waitFor();
            await alice.openRoom("Chess club");
            await alice.choose("Room menu", "Room settings");
            await alice.panel.getByLabel("Space").selectOption({ label: "Home" });
            await alice.list.getByRole("region", { name: "Home" }).getByText("Chess club").waitFor();
            await alice.closePanel();
        });

        await test("name and topic are changed, and the change is told", async () => {
            await alice.openRoom("Garden Party");
            await alice.choose("Room menu", "Room settings");
            await alice.panel.getByLabel("Topic").fill("flowers and cake");
            await alice.button("Save", alice.panel).click();
            await alice.page.getByRole("main").locator(".topic", { hasText: "flowers and cake" }).waitFor();
            await alice.timeline.getByText("alice set the topic: flowers and cake").waitFor();
            await alice.closePanel();
        });

        await test("a name is completed and mentions its owner", async () => {
            await alice.composer().pressSequentially("hi @bo");
            await alice.page.getByRole("option", { name: "bob" }).waitFor();
            await alice.page.keyboard.press("Enter");
            await alice.page.getByRole("option", { name: "bob" }).waitFor({ state: "hidden" });
            await alice.page.keyboard.type("look");
            await alice.page.keyboard.press("Enter");
            await alice.sees("look");
            const find = async () => (await bob.messages(bob.room)).find((e) => e.content.body?.includes("look"));
            await until("the message has not arrived", find);
            const event = await find();
            assert.deepEqual(event.content["m.mentions"], { user_ids: ["@bob:localhost"] });
            assert.match(event.content.formatted_body, /^hi <a href="https:\/\/matrix.to\/#\/%40bob%3Alocalhost">bob<\/a> look$/);
        });

        await test("an emoji by its short name, and Markdown", async () => {
            await alice.say("so :tada: and **bold** `code`");
            const message = alice.message("so 🎉 and");
            await message.locator("strong", { hasText: "bold" }).waitFor();
            await message.locator("code", { hasText: "code" }).waitFor();
        });

        await test("an emoji from the picker", async () => {
            await alice.button("Emoji").click();
            await alice.page.getByLabel("Search emoji").fill("rocket");
            await alice.page.keyboard.press("Enter");
            await alice.page.keyboard.press("Enter");
            await alice.message("🚀").waitFor();
        });

        await test("a draft is kept for its room, and after a reload", async () => {
            await alice.composer().fill("not finished");
            await alice.openRoom("Chess club");
            assert.equal(await alice.composer().inputValue(), "");
            await alice.reload();
            await alice.openRoom("Garden Party");
            await until("the draft", async () => (await alice.composer().inputValue()) === "not finished");
            await alice.composer().fill("");
        });

        await test("a draft keeps whom it mentions and its emoji over a reload, and outlives a reply that is given up", async () => {
            await alice.composer().pressSequentially("hey @bo");
            await alice.page.getByRole("option", { name: "bob" }).waitFor();
            await alice.composer().press("Enter");
            await alice.button("Emoji").click();
            await alice.page.getByLabel("Search emoji").fill("rocket");
            await alice.page.keyboard.press("Enter");
            await alice.reload();
            await alice.openRoom("Garden Party");
            await until("the draft", () => alice.composer().inputValue(), "hey @bob 🚀");
            await alice.act("root of a thread", "Reply");
            await alice.page.locator(".composing").waitFor();
            await alice.composer().press("Escape");
            await gone(alice.page.locator(".composing"));
            assert.equal(await alice.composer().inputValue(), "hey @bob 🚀");
            await alice.composer().press("Enter");
            await alice.message("hey @bob").getByText("Sent", { exact: true }).waitFor();
            assert.equal(await alice.composer().inputValue(), "");
            const [last] = await bob.messages(bob.room, 1);
            assert.deepEqual(last.content["m.mentions"], { user_ids: ["@bob:localhost"] });
        });

        await test("where one may not write, one may not in a thread either", async () => {
            const room = await bob.createRoom({ preset: "public_chat", name: "News", power_level_content_override: { events_default: 50 } });
            const root = await bob.send(room, "the news");
            await bob.send(room, { msgtype: "m.text", body: "and more", "m.relates_to": { rel_type: "m.thread", event_id: root } });
            await alice.call("POST", `/join/${encodeURIComponent(room)}`, {});
            await alice.openRoom("News");
            await alice.message("the news").locator(".thread-link").click();
            await alice.panel.getByText("and more").waitFor();
            await alice.page.getByText("You may not write in this room.").nth(1).waitFor();
            assert.equal(await alice.page.locator(".composer").count(), 0);
            await alice.closePanel();
            await alice.choose("Room menu", "Leave");
            await alice.button("Leave", alice.dialog).click();
            await gone(alice.room("News"));
            await alice.openRoom("Garden Party");
        });

        await test("who writes is shown", async () => {
            const writes = (content) => bob.call("PUT", `/v3/rooms/${encodeURIComponent(bob.room)}/typing/${encodeURIComponent(bob.userId)}`, content);
            await writes({ typing: true, timeout: 20_000 });
            await alice.page.getByText(/^.bob. is typing$/).waitFor();
            await writes({ typing: false });
            await gone(alice.page.getByText(/^.bob. is typing$/));
        });

        await test("who has read is shown", async () => {
            await alice.say("did you read this?");
            await alice.message("did you read this?").getByText("Sent", { exact: true }).waitFor();
            const [last] = await bob.messages(bob.room, 1);
            await bob.call("POST", `/v3/rooms/${encodeURIComponent(bob.room)}/receipt/m.read/${encodeURIComponent(last.event_id)}`, {});
            await alice.message("did you read this?").getByText("Seen by bob").waitFor();
        });

        await test("a message is pinned", async () => {
            await alice.act("did you read this?", "More");
            await alice.page.getByRole("menu").getByText("Pin", { exact: true }).click();
            await alice.page.locator(".room-tools").getByRole("button", { name: "Pinned messages" }).click();
            await alice.panel.getByText("did you read this?").waitFor();
            await alice.closePanel();
        });

        await test("Ctrl-K goes to a room, ? lists the keys", async () => {
            await alice.page.keyboard.press("Control+k");
            await alice.page.keyboard.type("ches");
            await alice.page.keyboard.press("Enter");
            await alice.page.getByRole("main").getByRole("heading", { name: "Chess club", level: 1 }).waitFor();
            await alice.timeline.focus();
            await alice.page.keyboard.press("?");
            await alice.page.getByRole("dialog", { name: "Keyboard shortcuts" }).waitFor();
            await alice.page.keyboard.press("Escape");
            await gone(alice.page.getByRole("dialog"));
        });

        await test("arrow up edits the last message", async () => {
            await alice.openRoom("Garden Party");
            await alice.say("I cann spell");
            await alice.message("I cann spell").getByText("Sent", { exact: true }).waitFor();
            await alice.composer().press("ArrowUp");
            await until("what is edited", async () => (await alice.composer().inputValue()) === "I cann spell");
            await alice.say("I can spell");
            await alice.message("I can spell").getByText("(edited)").waitFor();
        });

        await test("a message of somebody else is removed, and he is banned", async () => {
            await bob.send(bob.room, "buy my things");
            await alice.remove("buy my things");
            await gone(alice.message("buy my things"));
            await alice.button("Members").click();
            await alice.panel.getByRole("button", { name: "bob" }).click();
            await alice.button("Ban", alice.panel).click();
            await alice.answer("Ban", "spam");
            await alice.timeline.getByText(/\(spam\)/).waitFor();
            await assert.rejects(bob.send(bob.room, "still here?"), /M_FORBIDDEN/);
            await alice.closePanel();
        });

        await test("a room is left", async () => {
            await alice.openRoom("Chess club");
            await alice.choose("Room menu", "Leave");
            await alice.dialog.getByText("You can join again at any time.").waitFor();
            await alice.button("Leave", alice.dialog).click();
            await gone(alice.room("Chess club"));
        });

        await test("no fault, no request to others", () => assertNoFaults(alice));
    } finally {
        await alice.close();
        await server.close();
    }
}
