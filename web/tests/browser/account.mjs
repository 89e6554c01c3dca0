/** An account: its password, its sessions, its name, and how the client looks to it. */
import assert from "node:assert/strict";
import { assertNoFaults, gone, PASSWORD, Person, picture, Server, until } from "./kit.mjs";
import { Outsider } from "./outsider.mjs";

export async function account(test) {
    const server = await Server.start();
    await Outsider.register(server, "alice");
    const alice = await Person.open(server, "alice");
    const phone = await Person.open(server, "alice", { viewport: { width: 360, height: 740 } });
    /** Said in the dialog: what is outside of it is dimmed, and not heard. */
    const refusal = () => alice.dialog.getByRole("status").getByText("The user name or the password is wrong.");
    try {
        await test("before login little is loaded", async () => {
            const size = await alice.page.evaluate(() => performance.getEntriesByType("resource").filter((e) => /\.js$/.test(e.name)).reduce((sum, e) => sum + e.encodedBodySize, 0));
            assert.ok(size > 1024 && size < 300 * 1024, `${size} bytes of script`);
        });

        await test("a wrong password is told", async () => {
            await alice.page.getByLabel("User name").fill("alice");
            await alice.page.getByLabel("Password").fill("wrong");
            await alice.page.locator("form").getByRole("button", { name: "Sign in" }).click();
            await alice.page.getByRole("alert").getByText("The server says no: name or password are wrong.").waitFor();
            await alice.login();
        });

        await test("a theme is chosen, and kept", async () => {
            const isDark = () => alice.page.evaluate(() => document.documentElement.dataset.theme === "dark");
            await alice.settings("Appearance");
            await alice.dialog.getByLabel("Dark").check();
            await until("dark", isDark);
            await alice.page.keyboard.press("Escape");
            await alice.reload();
            await until("dark", isDark);
        });

        await test("a closer layout is chosen, and kept", async () => {
            await alice.createRoom("Notes");
            const height = () => alice.room("Notes").evaluate((row) => row.offsetHeight);
            const before = await height();
            await alice.settings("Appearance");
            await alice.dialog.getByLabel("Compact").check();
            await alice.page.keyboard.press("Escape");
            await until("rows are lower", async () => (await height()) < before);
            await alice.reload();
            await until("rows are lower", async () => (await height()) < before);
        });

        await test("another language", async () => {
            await alice.settings("Appearance");
            await alice.dialog.getByLabel("Language").selectOption("de");
            await alice.page.getByRole("heading", { name: "Einstellungen" }).waitFor();
            assert.equal(await alice.page.evaluate(() => document.documentElement.lang), "de");
            await alice.dialog.locator("select").selectOption("en");
            await alice.page.keyboard.press("Escape");
        });

        await test("a second session is seen, and ended from the first", async () => {
            await phone.login();
            await alice.settings("Sessions");
            await until("how many", () => alice.dialog.getByRole("listitem").count(), 3); // the account was made over the API: that session counts too
            const device = await phone.page.evaluate(() => JSON.parse(localStorage.getItem("rookery.session")).deviceId);
            const row = alice.dialog.getByRole("listitem").filter({ hasText: device });
            await row.getByText("Not verified").waitFor();
            await row.getByRole("button", { name: /^End the session/ }).click();
            await alice.dialog.getByLabel("Password").fill("wrong");
            await alice.button("End session", alice.dialog).click();
            await refusal().waitFor();
            await alice.dialog.getByLabel("Password").fill(PASSWORD);
            await alice.button("End session", alice.dialog).click();
            await until("how many", () => alice.dialog.getByRole("listitem").count(), 2);
            await phone.page.getByLabel("User name").waitFor();
        });

        await test("the password is changed", async () => {
            await alice.dialog.getByRole("tab", { name: "Security" }).click();
            await gone(refusal());
            await alice.dialog.getByLabel("Old password").fill("wrong");
            await alice.dialog.getByLabel("New password").fill("another secret");
            await alice.button("Change password", alice.dialog).click();
            await refusal().waitFor();
            await alice.dialog.getByLabel("Old password").fill(PASSWORD);
            await alice.button("Change password", alice.dialog).click();
            await alice.dialog.getByText("The password has been changed.").waitFor();
            await assert.rejects(Outsider.login(server, "alice", PASSWORD), /M_FORBIDDEN/);
            await Outsider.login(server, "alice", "another secret");
        });

        await test("a name is chosen, and kept", async () => {
            await alice.dialog.getByRole("tab", { name: "Profile" }).click();
            await alice.dialog.getByLabel("Display name").fill("Alice Liddell");
            await alice.button("Save", alice.dialog).click();
            await alice.list.getByText("Alice Liddell").waitFor();
        });

        await test("so is a picture", async () => {
            await alice.dialog.locator("input[type=file]").setInputFiles({ name: "me.png", mimeType: "image/png", buffer: await picture(alice.page) });
            await alice.dialog.locator("img.avatar").waitFor();
            await alice.page.keyboard.press("Escape");
            await alice.reload();
            await alice.list.getByText("Alice Liddell").waitFor();
            await alice.list.locator(".account img.avatar").waitFor();
        });

        await test("no fault, no request to others", () => assertNoFaults(alice, phone));
    } finally {
        await alice.close();
        await phone.close();
        await server.close();
    }
}
