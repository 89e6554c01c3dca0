// Two people, two browsers: from registration to an encrypted chat, through everything that a day of chatting has.
import assert from "node:assert/strict";
import { auditBoth } from "./audit.mjs";
import { Person, picture, Server, until } from "./kit.mjs";

export async function chat(test) {
    const server = await Server.start();
    const [alice, bob] = await Promise.all([Person.open(server, "alice"), Person.open(server, "bob")]);
    try {
        await test("two people register", () => Promise.all([alice.register(), bob.register()]));

        await test("a public room is created, found in the directory and joined", async () => {
            await alice.createRoom("Garden", { isPublic: true });
            await alice.say("Hello **world** :tada: <b>no html</b>");
            await alice.sees("Hello world 🎉 <b>no html</b>");
            await bob.page.getByRole("button", { name: "New" }).click();
            await bob.page.getByRole("menuitem", { name: "Explore rooms" }).click();
            await bob.page.getByRole("listitem").filter({ hasText: "Garden" }).getByRole("button", { name: "Join" }).click();
            await bob.sees("Hello world 🎉 <b>no html</b>");
            assert.equal(await bob.message("Hello").locator("strong").innerText(), "world");
        });

        await test("answers, edits, reactions, redactions arrive", async () => {
            await bob.act("Hello", "Reply");
            await bob.say("Good morning");
            await alice.message("Good morning").getByRole("button", { name: /alice Hello/ }).waitFor();
            await alice.act("Hello", "Edit");
            await until("the old text", () => alice.composer().inputValue());
            await alice.say("Hello garden");
            await bob.message("Hello garden").getByText("(edited)").waitFor();
            await bob.act("Hello garden", "React with 👍");
            await alice.message("Hello garden").getByRole("button", { name: /👍 1/ }).waitFor();
            await bob.act("Hello garden", "React with 👍");
            await alice.message("Hello garden").getByRole("button", { name: /👍 1/ }).waitFor({ state: "detached" });
            await bob.remove("Good morning");
            await alice.sees("Message deleted");
        });

        await test("a thread is opened, answered, and counted at its root", async () => {
            await bob.act("Hello garden", "Reply in a thread");
            const panel = bob.page.getByRole("complementary", { name: "Thread" });
            await panel.getByRole("textbox").fill("aside one");
            await panel.getByRole("textbox").press("Enter");
            await panel.locator("article", { hasText: "aside one" }).waitFor();
            await alice.message("Hello garden").getByRole("button", { name: "One reply" }).click();
            const other = alice.page.getByRole("complementary", { name: "Thread" });
            await other.locator("article", { hasText: "aside one" }).waitFor();
            await other.getByRole("textbox").fill("aside two");
            await other.getByRole("textbox").press("Enter");
            await panel.locator("article", { hasText: "aside two" }).waitFor();
            assert.equal(await alice.page.locator("main article", { hasText: "aside" }).count(), 0);
            for (const person of [alice, bob]) await person.page.getByRole("complementary").getByRole("button", { name: "Close" }).click();
        });

        await test("a mention is completed, sent and marked", async () => {
            await alice.composer().pressSequentially("ping @bo");
            await alice.page.getByRole("option", { name: /bob/ }).waitFor();
            await alice.composer().press("Enter");
            await alice.composer().press("Enter");
            await bob.message("ping @bob").waitFor();
            assert.equal(await bob.page.locator("article.mentioned").count(), 1);
        });

        await test("a direct chat is encrypted", async () => {
            await alice.startChat(bob);
            await alice.page.getByText("Messages here").or(alice.page.locator(".room-title").getByLabel("End-to-end encrypted")).first().waitFor();
            await bob.acceptInvitation();
            await alice.say("only for you");
            await bob.sees("only for you");
            await bob.say("and for you");
            await alice.sees("and for you");
            const { chunk } = await alice.call("GET", `/rooms/${encodeURIComponent(await alice.roomId())}/messages?dir=b&limit=20`);
            assert(chunk.some((event) => event.type === "m.room.encrypted"));
            assert(!JSON.stringify(chunk).includes("only for you"));
        });

        await test("an encrypted picture and a file arrive whole", async () => {
            const image = await picture(alice.page);
            await alice.page.locator("main input[type=file]").setInputFiles({ name: "square.png", mimeType: "image/png", buffer: image });
            const shown = bob.page.getByRole("button", { name: "Open the picture square.png" });
            await shown.locator("img").waitFor();
            assert.equal(await shown.locator("img").evaluate((i) => i.naturalWidth), 64);
            await shown.click();
            await bob.page.locator("dialog.viewer img").waitFor();
            await bob.page.keyboard.press("Escape");
            await alice.page.locator("main input[type=file]").setInputFiles({ name: "notes.txt", mimeType: "text/plain", buffer: Buffer.from("plain words") });
            const download = bob.page.waitForEvent("download");
            await bob.page.getByRole("button", { name: /notes\.txt/ }).click();
            const path = await (await download).path();
            assert.equal((await import("node:fs")).readFileSync(path, "utf8"), "plain words");
        });

        await test("two people verify each other by emoji", async () => {
            await alice.page.getByRole("button", { name: "Members" }).click();
            await alice.page.getByRole("complementary").getByRole("button", { name: /bob/ }).click();
            await bob.choose("New", "Create a room");
            await bob.dialog.getByLabel("Topic").fill("half a plan");
            await alice.button("Verify").click();
            await bob.page.getByText(/^.alice. wants to verify/).waitFor();
            assert.equal(await bob.dialog.getByLabel("Topic").inputValue(), "half a plan", "a request takes no dialog's place");
            await bob.page.keyboard.press("Escape");
            await bob.button("Decline").click();
            await alice.dialog.getByText("The verification was cancelled.").waitFor();
            await alice.button("Close", alice.dialog).last().click();
            await alice.button("Verify").click();
            await bob.button("Compare").click();
            await alice.page.getByRole("button", { name: "Compare emoji" }).click();
            await alice.page.locator(".sas").waitFor();
            await auditBoth(alice, "wide verify");
            const emoji = await Promise.all([alice, bob].map((p) => p.page.locator(".sas").innerText()));
            assert.equal(emoji[0], emoji[1]);
            await Promise.all([alice, bob].map((p) => p.page.getByRole("button", { name: "They match" }).click()));
            for (const person of [alice, bob]) {
                await person.page.getByText(/^Verified: you and/).waitFor();
                await person.page.getByRole("dialog").getByRole("button", { name: "Close" }).last().click();
            }
            await alice.page.getByRole("complementary").locator(".profile .verified").waitFor();
            await alice.page.getByRole("complementary").getByRole("button", { name: "Close" }).click();
        });

        await test("search finds what is encrypted", async () => {
            await bob.page.getByRole("button", { name: "Search", exact: true }).click();
            await bob.page.getByRole("searchbox", { name: "Search messages" }).fill("YOU only");
            await bob.page.getByRole("complementary").getByRole("button", { name: /only for you/ }).click();
            await bob.page.locator("article.flash", { hasText: "only for you" }).waitFor();
            await bob.page.getByRole("complementary").getByRole("button", { name: "Close" }).click();
        });

        let key;
        await test("a recovery key is made", async () => {
            await alice.page.getByRole("button", { name: "Create a recovery key" }).click();
            await alice.page.getByRole("dialog").getByLabel("Password").fill("correct horse battery");
            await alice.page.getByRole("dialog").getByRole("button", { name: "Create a recovery key" }).click();
            key = await alice.page.locator(".recovery-key").innerText();
            await auditBoth(alice, "wide recovery");
            for (const way of ["Escape", "Escape", "Control+k"]) await alice.page.keyboard.press(way);
            await alice.page.mouse.click(5, 5);
            assert.equal(await alice.dialog.locator(".recovery-key").innerText(), key, "it is shown until its own button is pressed");
            await alice.page.getByRole("button", { name: "I have kept it" }).click();
        });

        await test("a reload goes on from the browser's own storage", async () => {
            await alice.composer().fill("half a thought");
            const syncs = [];
            alice.page.on("request", (r) => /\/sync\?/.test(r.url()) && syncs.push(new URL(r.url()).searchParams.get("since")));
            await alice.page.reload();
            await alice.sees("and for you");
            assert.equal(await alice.composer().inputValue(), "half a thought");
            await alice.composer().fill("");
            await alice.say("after the reload");
            await bob.sees("after the reload");
            assert(syncs.length > 0 && syncs.every((since) => since), "a sync without a position");
        });

        await test("the server is killed in the middle of a conversation: nothing lost, nothing twice", async () => {
            await alice.say("before the kill");
            await bob.sees("before the kill");
            await server.kill();
            for (const n of [1, 2, 3]) await alice.say(`while it was away ${n}`);
            await bob.say("also while it was away");
            await alice.page.getByText("No connection.").waitFor();
            await server.run();
            for (const person of [alice, bob]) {
                for (const n of [1, 2, 3]) await person.sees(`while it was away ${n}`);
                await person.sees("also while it was away");
                await person.page.getByText("No connection.").waitFor({ state: "detached" });
            }
            await bob.say("back again");
            await alice.sees("back again");
            for (const person of [alice, bob]) {
                const texts = await person.page.locator("main article .body").allInnerTexts();
                const away = texts.filter((text) => text.includes("while it was away"));
                assert.deepEqual(away.sort(), ["also while it was away", ...[1, 2, 3].map((n) => `while it was away ${n}`)], `${person.name} sees ${away}`);
            }
        });

        await test("a new session reads old messages with the recovery key", async () => {
            const again = await Person.open(server, "alice");
            try {
                await again.login();
                await again.openRoom("bob");
                const locked = again.timeline.locator(".utd").first();
                await locked.getByText("Unable to decrypt this message").click();
                await locked.getByText("This was written before this session existed.").waitFor();
                await again.say("from a session that nobody has verified");
                await bob.message("from a session that nobody has verified").getByText("From a session that its owner has not verified").waitFor();
                assert.equal(await bob.message("for you").first().locator(".shield").count(), 0);
                await again.page.getByRole("button", { name: "Use the recovery key" }).first().click();
                await again.page.getByRole("dialog").getByLabel("Recovery key").fill(key);
                await again.page.getByRole("dialog").getByRole("button", { name: "Use the recovery key" }).click();
                await again.page.getByText("This session is verified").waitFor();
                await again.sees("only for you");
                await again.choose(/^Your account/, "Log out"); // without a question: its keys are backed up
                await again.page.getByLabel("User name").waitFor();
                assert.deepEqual(again.faults, []);
            } finally {
                await again.close();
            }
        });

        await test("logging out forgets everything, also what something still reads", async () => {
            await bob.page.evaluate(async () => {
                for (const { name } of await indexedDB.databases()) indexedDB.open(name).onsuccess = (event) => (globalThis.reads ??= []).push(event.target.result);
            });
            await bob.choose(/^Your account/, "Log out");
            await bob.dialog.getByText("you cannot read those messages again").waitFor();
            await bob.button("Create a recovery key", bob.dialog).click();
            await bob.dialog.getByLabel("Password").waitFor();
            await bob.page.keyboard.press("Escape");
            await bob.choose(/^Your account/, "Log out");
            await bob.button("Log out anyway", bob.dialog).click();
            await bob.page.getByLabel("User name").waitFor();
            assert.deepEqual(await bob.page.evaluate(async () => [Object.keys(localStorage).filter((k) => k !== "rookery.settings"), (await indexedDB.databases()).map((d) => d.name)]), [[], []]);
        });

        await test("no fault, no request to others", () => {
            assert.deepEqual([...alice.faults, ...bob.faults], []);
            assert.deepEqual([...alice.foreign, ...bob.foreign], []);
        });
    } finally {
        await Promise.all([alice.close(), bob.close()]);
        await server.close();
    }
}
