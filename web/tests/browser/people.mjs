/** Who may come in, who may do what, who has to go: asking to join, roles, moderation; and spaces, which are rooms of rooms. */
import assert from "node:assert/strict";
import { assertNoFaults, gone, Person, picture, Server, until } from "./kit.mjs";
import { Outsider } from "./outsider.mjs";

const ASKED = "You have asked to join. A member has to let you in.";

export async function people(test) {
    const server = await Server.start();
    const alice = await Person.open(server, "alice");
    const [bob, carol] = await Promise.all(["bob", "carol"].map((name) => Outsider.register(server, name)));
    const me = "@alice:localhost";
    const setting = (label) => alice.panel.getByLabel(new RegExp(`^${label}`)); // the name of a select has its options in it
    let workshop, market, guild;
    try {
        await test("who asks to join is let in", async () => {
            await alice.register();
            await alice.createRoom("Workshop");
            workshop = await alice.roomId();
            await alice.choose("Room menu", "Room settings");
            await setting("Who can join").selectOption("Invited people; others may ask");
            await until("the server has it", async () => (await alice.call("GET", `/rooms/${encodeURIComponent(workshop)}/state/m.room.join_rules`)).join_rule, "knock");
            await alice.closePanel();
            await bob.knock(workshop, "I bring tools");
            const asking = alice.page.getByRole("region", { name: "bob asks to join" });
            await asking.getByText("I bring tools").waitFor();
            await alice.button("Let in", asking).click();
            await gone(asking);
            await bob.join(workshop);
            await alice.timeline.getByText("bob joined").waitFor();
        });

        await test("who is there is marked in the list of members", async () => {
            const present = (presence) => bob.call("PUT", `/v3/presence/${encodeURIComponent(bob.userId)}/status`, { presence });
            await alice.button("Members").click();
            const mark = alice.panel.getByRole("button", { name: /bob/ }).getByTitle("Online");
            await present("online");
            await mark.waitFor();
            await present("offline");
            await gone(mark);
            await alice.closePanel();
        });

        await test("another is refused, in the list of members", async () => {
            await carol.knock(workshop);
            await alice.profile(/carol.*asks to join/);
            await alice.button("Refuse", alice.panel).click();
            await until("no member", async () => (await bob.readState(workshop, "m.room.member", carol.userId)).membership, "leave");
            await gone(alice.page.getByRole("region", { name: "carol asks to join" }));
            await alice.closePanel();
        });

        await test("asking oneself: seen as such, refused, and let in", async () => {
            guild = await carol.createRoom({ name: "Guild", visibility: "public", initial_state: [{ type: "m.room.join_rules", content: { join_rule: "knock" } }] });
            const ask = async () => {
                await alice.choose("New", "Explore rooms");
                await alice.dialog.getByRole("listitem").filter({ hasText: "Guild" }).getByRole("button", { name: "Ask to join" }).click();
                await gone(alice.page.getByRole("dialog"));
                await alice.room("Guild").getByText("You have asked to join").click();
                await alice.page.getByRole("main").getByText(ASKED).waitFor();
            };
            await ask();
            await carol.kick(guild, me);
            await alice.page.getByText(/^You were not let into .Guild.\.$/).waitFor();
            await gone(alice.room("Guild"));
            await ask();
            await carol.invite(guild, me);
            await alice.button("Accept").click();
            await alice.composer().waitFor();
        });

        await test("somebody is invited by the name that people see", async () => {
            const dora = await Outsider.register(server, "dora");
            await dora.rename("Dora Maar");
            await dora.createRoom({ preset: "public_chat", visibility: "public", name: "Studio" });
            await alice.openRoom("Workshop");
            await alice.choose("Room menu", "Invite");
            const who = alice.dialog.getByLabel("Name or user id");
            await who.fill("bob");
            await who.press("Enter");
            await alice.dialog.getByRole("status").getByText("That user is in the room already.").waitFor();
            await who.fill("Dora Maar");
            await who.press("Enter");
            await gone(alice.page.getByRole("dialog"));
            await alice.page.getByText(/^.Dora Maar. was invited\.$/).waitFor();
            assert.equal((await bob.readState(workshop, "m.room.member", dora.userId)).membership, "invite");
        });

        await test("nobody is offered to invite who may not", async () => {
            await alice.openRoom("Guild");
            await alice.button("Members").click();
            await alice.button("Invite", alice.panel).waitFor();
            await alice.button("Room menu").click();
            const entry = alice.page.getByRole("menuitem", { name: "Invite" });
            await entry.waitFor();
            await carol.state(guild, "m.room.power_levels", { ...(await carol.readState(guild, "m.room.power_levels")), invite: 50 });
            await gone(entry);
            await gone(alice.button("Invite", alice.panel));
            await alice.page.keyboard.press("Escape");
            await alice.closePanel();
        });

        await test("a room's picture, history and rights are changed", async () => {
            await alice.openRoom("Workshop");
            await alice.choose("Room menu", "Room settings");
            await alice.panel.locator("input[type=file]").setInputFiles({ name: "sign.png", mimeType: "image/png", buffer: await picture(alice.page) });
            await alice.room("Workshop").locator("img.avatar").waitFor();
            await setting("Who can read the history").selectOption("Members, since they joined");
            await until("history", async () => (await bob.readState(workshop, "m.room.history_visibility")).history_visibility, "joined");
            await alice.panel.getByText("Roles", { exact: true }).click();
            await setting("May write").selectOption("Moderator");
            await until("level", async () => (await bob.readState(workshop, "m.room.power_levels")).events_default, 50);
            await assert.rejects(bob.send(workshop, "may I?"), /M_FORBIDDEN/);
            await alice.closePanel();
        });

        await test("a member becomes moderator", async () => {
            await alice.profile("bob");
            await setting("Role").selectOption("Moderator");
            await until("level", async () => (await bob.readState(workshop, "m.room.power_levels")).users[bob.userId], 50);
            await bob.send(workshop, "now I may");
            await alice.sees("now I may");
            await alice.closePanel();
        });

        await test("a moderator deletes what others wrote", async () => {
            market = await carol.createRoom({ preset: "public_chat", name: "Market", room_alias_name: "market" });
            await carol.giveLevel(market, me, 50);
            await alice.joinByAddress("#market:localhost");
            await bob.join(market);
            const spam = await bob.send(market, "buy my things");
            await alice.remove("buy my things", "advertising");
            await alice.sees("Message deleted: advertising");
            await until("redacted", async () => (await carol.messages(market)).find((e) => e.event_id === spam).unsigned?.redacted_because?.content.reason, "advertising");
        });

        await test("... removes, and bans, and lifts the ban", async () => {
            await alice.profile("bob");
            await alice.button("Remove", alice.panel).click();
            await alice.answer("Remove", "spam");
            await alice.timeline.getByText("alice removed bob (spam)").waitFor();
            await assert.rejects(bob.send(market, "still here?"), /M_FORBIDDEN/);
            await bob.join(market);
            await alice.timeline.getByText("bob joined").last().waitFor();
            await alice.button("Ban", alice.panel).click();
            await alice.answer("Ban");
            await alice.timeline.getByText("alice banned bob").waitFor();
            await assert.rejects(bob.join(market), /M_FORBIDDEN/);
            await alice.closePanel();
            await alice.profile(/bob.*banned/);
            await alice.button("Lift the ban", alice.panel).click();
            await alice.timeline.getByText("alice lifted the ban of bob", { exact: true }).waitFor();
            await bob.join(market);
            await alice.closePanel();
        });

        await test("... and can do nothing to who stands above", async () => {
            await alice.profile("carol");
            await alice.button("Message", alice.panel).waitFor();
            assert.equal(await alice.panel.getByRole("region", { name: "Moderation" }).count(), 0);
            await alice.closePanel();
        });

        await test("who is removed is told so", async () => {
            await carol.kick(market, me);
            await alice.page.getByText(/^You were removed from .Market.\.$/).waitFor();
            await gone(alice.room("Market"));
        });

        const folder = (name) => alice.list.getByRole("region", { name, exact: true });
        let hall;
        await test("a space shows its rooms, which are joined from there", async () => {
            const child = (name) => carol.createRoom({ preset: "public_chat", name, topic: `the ${name}` });
            const space = await carol.createRoom({ preset: "public_chat", name: "Village", room_alias_name: "village", creation_content: { type: "m.space" } });
            hall = await child("Town hall");
            for (const id of [hall, await child("Yard")]) await carol.state(space, "m.space.child", { via: ["localhost"] }, id);
            await alice.joinByAddress("#village:localhost");
            const rooms = alice.page.getByRole("main").getByRole("listitem");
            await rooms.filter({ hasText: "Yard" }).waitFor();
            await alice.button("Join", rooms.filter({ hasText: "Town hall" })).click();
            await alice.page.getByRole("main").getByRole("heading", { name: "Town hall", level: 1 }).waitFor();
            await folder("Village").getByText("Town hall").first().waitFor();
            assert.equal(await folder("Village").getByRole("link").count(), 1);
        });

        await test("a space is a folder: closed, it says what waits in it", async () => {
            await alice.openRoom("Workshop");
            const head = folder("Village").getByRole("button", { expanded: true });
            await head.click();
            await gone(folder("Village").getByRole("link"));
            await carol.send(hall, "hear, hear");
            await folder("Village").locator(".section-head .badge", { hasText: "1" }).waitFor();
            await alice.reload();
            await folder("Village").getByRole("button", { expanded: false }).click();
            await alice.room("Town hall").locator(".badge", { hasText: "1" }).waitFor();
        });

        await test("a room is made in a space of one's own", async () => {
            await alice.choose("New", "Create a space");
            await alice.dialog.getByLabel("Name", { exact: true }).fill("Home");
            await alice.button("Create", alice.dialog).click();
            await alice.page.getByText("No rooms in this space yet").waitFor();
            await alice.button("Create a room", alice.page.getByRole("main")).click();
            await alice.dialog.getByLabel("Name", { exact: true }).fill("Kitchen");
            await alice.button("Create", alice.dialog).click();
            await folder("Home").getByText("Kitchen").waitFor();
            await alice.button("Open the space Home").click();
            await alice.page.getByRole("main").getByRole("listitem").filter({ hasText: "Kitchen" }).getByRole("button", { name: "Open" }).click();
            await alice.composer().waitFor();
        });

        await test("no fault, no request to others", () => assertNoFaults(alice));
    } finally {
        await alice.close();
        await server.close();
    }
}
