/** From the login form to a conversation without a mouse: Tab, arrows, Enter and Escape alone. */
import assert from "node:assert/strict";
import { assertNoFaults, gone, PASSWORD, Person, Server, until } from "./kit.mjs";
import { Outsider } from "./outsider.mjs";

export async function keyboard(test) {
    const server = await Server.start();
    const bob = await Outsider.register(server, "bob");
    await Outsider.register(server, "alice");
    const alice = await Person.open(server, "alice");
    const { page } = alice;
    const press = async (...keys) => {
        for (const key of keys) await page.keyboard.press(key);
    };
    const focused = (locator) => locator.evaluate((e) => e === document.activeElement);
    const hasFocus = (locator) => until(`${locator} has no focus`, () => focused(locator).catch(() => false));
    /** Presses Tab until it is there; how often. */
    const tabTo = async (locator, key = "Tab") => {
        await locator.waitFor();
        for (let i = 0; i < 30; i++) {
            if (await focused(locator)) return i;
            await press(key);
        }
        throw new Error(`${key} does not come to ${locator}`);
    };
    const row = (name) => alice.room(name);
    try {
        await test("logging in", async () => {
            await tabTo(page.getByLabel("User name"));
            await page.keyboard.type("alice");
            await press("Tab");
            await page.keyboard.type(PASSWORD);
            await press("Enter");
            await alice.list.waitFor();
        });

        await test("a room is made in a menu, and a message written", async () => {
            await tabTo(alice.button("New"));
            await press("Enter");
            await hasFocus(page.getByRole("menuitem", { name: "Start a chat" }));
            await press("ArrowDown", "Enter");
            await hasFocus(alice.dialog.getByLabel("Name", { exact: true }));
            await page.keyboard.type("Workshop");
            await press("Enter");
            await page.getByRole("heading", { name: "Workshop", level: 1 }).waitFor();
            await tabTo(alice.composer());
            await page.keyboard.type("by hand");
            await press("Enter");
            await alice.sees("by hand");
            await bob.createRoom({ preset: "public_chat", name: "Library", invite: ["@alice:localhost"] });
            await row("Library").waitFor();
            assert.doesNotMatch(await row("Library").textContent(), /unread/, "an invitation has no messages yet");
        });

        await test("the list of rooms is one stop, with arrows in it", async () => {
            await page.keyboard.press("Shift+Tab");
            await tabTo(row("Workshop"), "Shift+Tab");
            await press("Home", "ArrowDown");
            await hasFocus(row("Library"));
            await press("Enter");
            await page.getByText("bob invites you.").waitFor();
            await press("ArrowDown", "ArrowDown");
            await hasFocus(row("Workshop"));
            await press("Enter");
            await page.getByRole("heading", { name: "Workshop", level: 1 }).waitFor();
            await alice.composer().waitFor();
            await tabTo(alice.button("New"), "Shift+Tab");
            const stops = [];
            for (let i = 0; i < 12; i++) {
                stops.push(await page.evaluate(() => !!document.activeElement.closest(".room-list")));
                await press("Tab");
            }
            assert.equal(stops.filter(Boolean).length, 1, "stops in the list");
        });

        await test("the list can be skipped", async () => {
            await tabTo(alice.button("New"), "Shift+Tab");
            await tabTo(alice.button("Skip to the conversation"), "Shift+Tab");
            await press("Enter");
            await hasFocus(alice.composer());
        });

        await test("a message is gone to, and reacted to", async () => {
            const message = alice.message("by hand");
            const reaction = (emoji) => message.locator(".reactions").getByRole("button", { name: `${emoji} 1` });
            await tabTo(alice.timeline, "Shift+Tab");
            await press("ArrowUp");
            await hasFocus(message);
            await tabTo(alice.button("React with 👍", message));
            await press("ArrowRight", "Enter");
            await reaction("❤️").waitFor();
            await tabTo(message.getByRole("toolbar").getByRole("button", { name: "React with ❤️" }), "Shift+Tab");
            await press("ArrowRight", "ArrowRight", "Enter");
            const picker = page.getByRole("dialog", { name: "Emoji" });
            await hasFocus(picker.getByRole("searchbox"));
            await page.keyboard.type("rocket");
            await picker.getByText("Found").waitFor();
            await press("ArrowDown");
            await hasFocus(picker.getByRole("button", { name: "rocket", exact: true }));
            await press("Enter");
            await reaction("🚀").waitFor();
        });

        await test("arrows go through the grid of emoji", async () => {
            await tabTo(alice.button("Emoji"));
            await press("Enter");
            const buttons = page.locator(".picker-grid").last().locator("button");
            await hasFocus(page.getByRole("searchbox", { name: "Search emoji" }));
            await page.keyboard.type("face");
            await page.getByText("Found").waitFor();
            await press("ArrowDown", "ArrowRight", "ArrowDown");
            await hasFocus(buttons.nth(9)); // eight in a row
            await press("ArrowUp");
            await hasFocus(buttons.nth(1));
            await press("Escape");
            await hasFocus(alice.button("Emoji"));
        });

        await test("a panel takes the focus, and gives it back", async () => {
            await tabTo(alice.button("Members"), "Shift+Tab");
            await press("Enter");
            await hasFocus(alice.panel.getByRole("heading", { name: "One member" }));
            await tabTo(alice.panel.getByRole("button", { name: /^alice/ }));
            await press("Enter");
            await hasFocus(alice.panel.getByRole("heading", { name: "Profile" }));
            await press("Escape");
            await gone(alice.panel);
            await hasFocus(alice.button("Members"));
        });

        await test("Escape closes a dialog, and not the panel below it", async () => {
            await press("Enter");
            await hasFocus(alice.panel.getByRole("heading", { name: "One member" }));
            await tabTo(alice.button("Room menu"), "Shift+Tab");
            await press("Enter");
            for (let i = 0; i < 3; i++) await press("ArrowDown");
            await press("Enter");
            await page.getByRole("dialog", { name: "Jump to a date" }).waitFor();
            await press("Escape");
            await gone(page.getByRole("dialog"));
            assert.equal(await alice.panel.count(), 1);
            await hasFocus(alice.button("Room menu"));
        });

        await test("the list of keys has those between messages", async () => {
            await press("?");
            await alice.dialog.getByText("Between messages").waitFor();
            await press("Escape");
        });

        await test("no fault, no request to others", () => assertNoFaults(alice));
    } finally {
        await alice.close();
        await server.close();
    }
}
