/** What was written before: found by search, by date, by a pin; and the way back to the present. */
import assert from "node:assert/strict";
import { assertNoFaults, gone, Person, Server, until } from "./kit.mjs";
import { Outsider } from "./outsider.mjs";

const LINES = 240;

export async function history(test) {
    const server = await Server.start();
    const alice = await Person.open(server, "alice");
    const bob = await Outsider.register(server, "bob");
    const ids = [];
    let room;
    /** What the reader has before the eyes, and not only in the document. */
    const inView = (text) => until(`"${text}" is not in view`, () => alice.message(text).first().evaluate((e) => {
        const [a, b] = [e.getBoundingClientRect(), e.closest(".scroller").getBoundingClientRect()];
        return a.bottom > b.top && a.top < b.bottom;
    }).catch(() => false));
    const hit = (text) => alice.panel.locator(".hit", { hasText: text });
    const box = () => alice.panel.getByRole("searchbox", { name: "Search messages" });
    try {
        await test("a room with a past", async () => {
            await alice.register();
            room = await bob.createRoom({ preset: "public_chat", name: "Archive", room_alias_name: "archive" });
            for (let i = 1; i <= LINES; i++) ids[i] = await bob.send(room, i === 7 ? "a needle in the hay" : `line ${i} of the record`);
            await bob.send(room, { msgtype: "m.text", body: "* a thimble", "m.new_content": { msgtype: "m.text", body: "a thimble" }, "m.relates_to": { rel_type: "m.replace", event_id: ids[9] } });
            await alice.joinByAddress("#archive:localhost");
            await alice.sees(`line ${LINES} of the record`);
        });

        await test("search says how far it looked, and goes on from there", async () => {
            await alice.button("Search").click();
            await box().fill(`line ${LINES}`);
            await hit(`line ${LINES} of the record`).waitFor();
            await box().fill("needle");
            await alice.panel.getByText(/^Searched: everything since \d/).waitFor();
            assert.equal(await hit("needle").count(), 0);
            await alice.button("Search older messages", alice.panel).click();
            await hit("a needle in the hay").click();
            await inView("a needle in the hay");
        });

        await test("an edited message is found by what it says now", async () => {
            await box().fill("thimble");
            await hit("a thimble").waitFor();
        });

        await test("a message that cannot be had is told", async () => {
            await alice.page.route("**/context/**", (route) => route.abort());
            await box().fill("line 110");
            await hit("line 110 of the record").click();
            await alice.page.getByText("That message cannot be found.").waitFor();
            await alice.page.unroute("**/context/**");
        });

        await test("it says when there is nothing older", async () => {
            await box().fill("nowhere to be found");
            await until("searched to the beginning", async () => {
                const older = alice.button("Search older messages", alice.panel);
                if (await older.isEnabled({ timeout: 100 }).catch(() => false)) await older.click({ timeout: 1000 }).catch(() => {});
                return alice.panel.getByText("Searched: everything since the beginning.").isVisible();
            });
            await gone(alice.button("Search older messages", alice.panel));
            await alice.closePanel();
        });

        await test("back to the newest", async () => {
            await alice.button("To the newest").click();
            await inView(`line ${LINES} of the record`);
        });

        await test("a date is jumped to", async () => {
            await alice.choose("Room menu", "Jump to a date");
            await alice.dialog.getByLabel("Date").fill(await alice.page.evaluate(() => new Date(Date.now() - new Date().getTimezoneOffset() * 60_000).toISOString().slice(0, 10)));
            await alice.button("Jump", alice.dialog).click();
            await inView("line 1 of the record");
            await alice.button("To the newest").click();
            await inView(`line ${LINES} of the record`);
        });

        await test("a pinned message is seen by others, and leads to its place", async () => {
            await bob.state(room, "m.room.pinned_events", { pinned: [ids[3]] });
            await alice.page.locator(".room-tools").getByRole("button", { name: "Pinned messages" }).click();
            await hit("line 3 of the record").click();
            await inView("line 3 of the record");
            await bob.state(room, "m.room.pinned_events", { pinned: [] });
            await alice.panel.getByText("Nothing pinned").waitFor();
            await alice.closePanel();
            await alice.button("To the newest").click();
            await inView(`line ${LINES} of the record`);
        });

        await test("what was written meanwhile begins at a line, which is jumped to", async () => {
            await alice.createRoom("Elsewhere");
            for (let i = 1; i <= 40; i++) await bob.send(room, `meanwhile ${i}.`);
            await alice.room("Archive").locator(".badge", { hasText: "40" }).waitFor();
            await alice.openRoom("Archive");
            await inView("meanwhile 40.");
            await alice.button("To the first unread").click();
            await inView("meanwhile 1.");
            await gone(alice.button("To the first unread"));
            await alice.button("To the newest").click();
            await inView("meanwhile 40.");
            await gone(alice.page.locator(".jump button"));
        });

        await test("so does what was written in a long absence, which is not loaded", async () => {
            await alice.openRoom("Elsewhere");
            await alice.page.goto("about:blank");
            for (let i = 1; i <= 90; i++) await bob.send(room, `in absence ${i}.`);
            await alice.page.goto(server.url);
            await alice.room("Archive").getByText("in absence 90.").waitFor();
            await alice.openRoom("Archive");
            await inView("in absence 90.");
            assert.equal(await alice.message("in absence 1.").count(), 0);
            await alice.button("To the first unread").click();
            await inView("in absence 1.");
            await gone(alice.button("To the first unread"));
            await alice.button("To the newest").click();
            await inView("in absence 90.");
        });

        await test("links to rooms and messages lead there, and to nobody else's page", async () => {
            const hall = await bob.createRoom({ preset: "public_chat", name: "Hall", room_alias_name: "hall" });
            const said = await bob.send(hall, "the first word");
            await bob.send(room, `line five: https://matrix.to/#/${room}/${ids[5]}`);
            await alice.message("line five").getByRole("button", { name: "Message in Archive" }).click();
            await inView("line 5 of the record");
            await alice.button("To the newest").click();
            await bob.send(room, { msgtype: "m.text", body: "the hall", format: "org.matrix.custom.html", formatted_body: '<a href="https://matrix.to/#/%23hall:localhost?via=localhost">anything</a> is the hall' });
            await alice.message("is the hall").getByRole("button", { name: "#hall:localhost" }).click();
            await until("the address is filled in", () => alice.dialog.getByLabel("Search, or an address").inputValue(), "#hall:localhost");
            await alice.button("Join", alice.dialog.locator("form")).click();
            await alice.sees("the first word");
            await alice.openRoom("Archive");
            await bob.send(room, `a word: https://matrix.to/#/${hall}/${said}`);
            await alice.message("a word").getByRole("button", { name: "Message in Hall" }).click();
            await inView("the first word");
        });

        await test("no fault, no request to others", () => assertNoFaults(alice));
    } finally {
        await alice.close();
        await server.close();
    }
}
