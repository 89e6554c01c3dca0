/**
 * Every screen, light and dark, wide and on a phone: no violation of WCAG A or AA that axe-core can see, nothing wider than the window. With SCREENS=folder
 * it leaves a picture of each there.
 */
import assert from "node:assert/strict";
import { audit } from "./audit.mjs";
import { assertNoFaults, gone, Person, picture, Server } from "./kit.mjs";
import { failures, inGerman, questions } from "./moments.mjs";
import { found, garden, goOn, ship } from "./village.mjs";

const PHONE = { width: 360, height: 740 };
const WIDE = { width: 1280, height: 800 };
const OPINION = "The second half is better than the first.";

export async function screens(test) {
    const server = await Server.start();
    const people = [];
    const visit = async (name, options) => {
        const person = await Person.open(server, name, options);
        people.push(person);
        return person;
    };
    try {
        const others = await found(server);
        let question;
        const ada = await visit("ada", { viewport: WIDE, colorScheme: "light", serviceWorkers: "block" }); // requests are held up here

        for (const [form, viewport, colorScheme] of [["wide light", WIDE, "light"], ["phone dark", PHONE, "dark"]]) {
            await test(`before one is logged in: ${form}`, async () => {
                const guest = await visit("guest", { viewport, colorScheme });
                await audit(guest, `${form} login`);
                await guest.button("Register").click();
                await audit(guest, `${form} register`);
                await guest.page.locator("summary").click();
                await audit(guest, `${form} other server`);
            });
        }

        await test("the first minute of an account", async () => {
            await ada.register();
            await audit(ada, "wide light nothing yet");
            await ada.call("PUT", `/profile/${encodeURIComponent(ada.id)}/displayname`, { displayname: "Ada Berg" });
            await ada.choose("New", "Explore rooms");
            await ada.dialog.getByRole("listitem").first().waitFor();
            await audit(ada, "wide light directory");
            await ada.page.keyboard.press("Escape");
            for (const id of [others.lunch, others.design]) await ada.call("POST", `/join/${encodeURIComponent(id)}`, {});
            for (const alias of ["#release:localhost", "#village:localhost", "#garden:localhost"]) {
                await ada.choose("New", "Explore rooms");
                await ada.dialog.getByRole("searchbox").fill(alias);
                await ada.button("Join", ada.dialog).first().click();
                await ada.page.getByRole("dialog").waitFor({ state: "detached" });
            }
            await ada.startChat({ id: "@maya:localhost" });
            await ada.page.getByRole("heading", { name: "maya", level: 1 }).waitFor();
            await ada.say("Shall I bring the cake?");
            await ada.createRoom("Reading circle");
            await ada.call("PUT", `/rooms/${encodeURIComponent(await ada.roomId())}/state/m.room.join_rules`, { join_rule: "knock" });
            const circle = await ada.roomId();
            await ada.call("POST", `/rooms/${encodeURIComponent(circle)}/invite`, { user_id: others.maya.userId });
            await others.maya.join(circle);
            await others.maya.send(circle, OPINION);
            await others.tom.knock(circle, "I have read the book, twice.");
            await ada.page.getByRole("region", { name: "Tom Okafor asks to join" }).waitFor();
            await others.maya.createRoom({ preset: "private_chat", name: "Surprise for Tom", invite: ["@ada:localhost"] });
            const chess = await others.maya.createRoom({ preset: "private_chat", name: "Chess evening", initial_state: [{ type: "m.room.join_rules", state_key: "", content: { join_rule: "knock" } }] });
            await ada.call("POST", `/knock/${encodeURIComponent(chess)}`, {});
            await ada.room("Chess evening").waitFor();
            await ship(ada, others);
            await ada.openRoom("Garden club");
            question = await garden(ada, others, await picture(ada.page));
        });

        const seen = async (person, form) => {
            const { page } = person;
            const isPhone = form.startsWith("phone");
            const back = async () => isPhone && (await person.button("Back").click());
            await audit(person, `${form} start`);
            await person.button("Later").click();
            await goOn(others, question);
            if (isPhone) await audit(person, `${form} list`);
            await person.openRoom("Release 2.4");
            await person.sees("a draft by four");
            await page.mouse.move(0, 0); // what can be done with a message is seen elsewhere
            await audit(person, `${form} conversation`);
            await person.message("the limit for uploads").getByRole("button", { name: /replies/ }).click();
            await person.panel.getByText("Read and approved").waitFor();
            await page.mouse.move(0, 0);
            await audit(person, `${form} conversation thread`);
            await person.closePanel();
            await person.button("Search", page.locator(".room-tools")).click();
            await person.panel.getByRole("searchbox").fill("limit");
            await person.panel.locator(".hit").nth(1).waitFor();
            await audit(person, `${form} search`);
            await person.closePanel();
            await back();
            await person.openRoom("Reading circle");
            await audit(person, `${form} knock`);
            await questions(person, form, OPINION);
            await failures(person, form);
            await back();
            for (const [room, what] of [["Surprise for Tom", "invitation"], ["Chess evening", "knocked"]]) {
                await person.room(room).click();
                await page.getByRole("main").getByText(room).first().waitFor();
                await audit(person, `${form} ${what}`);
                await back();
            }
            await page.getByRole("button", { name: "Open the space Village" }).click();
            await page.getByRole("main").getByRole("listitem").nth(1).waitFor();
            await audit(person, `${form} space`);
            await back();
            await person.openRoom("Garden club");
            await person.sees("The list for Saturday");
            await audit(person, `${form} room`);
            await person.message("It was said here").hover();
            await person.page.getByRole("toolbar").first().waitFor();
            await audit(person, `${form} message actions`);
            await person.message("It was said here").getByRole("button", { name: "Message in Garden club" }).click();
            await page.locator(".toast.bad").first().waitFor();
            await audit(person, `${form} toast`);
            await person.timeline.getByRole("button", { name: /beds\.png/ }).first().click();
            await page.locator("dialog.viewer img").waitFor();
            await audit(person, `${form} viewer`);
            await page.keyboard.press("Escape");
            await gone(page.locator("dialog[open]"));
            for (const entry of ["Invite", "Jump to a date"]) {
                await person.choose("Room menu", entry);
                await audit(person, `${form} ${entry}`);
                await page.keyboard.press("Escape");
                await gone(page.getByRole("dialog"));
            }
            for (const entry of ["Pinned messages", "Threads"]) {
                await person.choose("Room menu", entry);
                await person.panel.locator(entry === "Threads" ? ".hit.unread" : ".hit").first().waitFor();
                await audit(person, `${form} ${entry}`);
                await person.closePanel();
            }
            await person.message("seeds of the blue").getByRole("button", { name: /replies/ }).click();
            await person.panel.getByText("put them aside").last().waitFor();
            await audit(person, `${form} thread`);
            await person.closePanel();
            await person.button("Members").click();
            await audit(person, `${form} members`);
            await person.panel.getByRole("button", { name: /Maya/ }).click();
            await audit(person, `${form} profile`);
            await person.closePanel();
            await person.choose("Room menu", "Room settings");
            await person.panel.getByText("Roles", { exact: true }).click();
            await audit(person, `${form} room settings`);
            await person.closePanel();
            await person.choose("Room menu", "Leave");
            await audit(person, `${form} leave`);
            await page.keyboard.press("Escape");
            await page.getByRole("dialog").waitFor({ state: "detached" });
            await person.button("Room menu").click();
            const [button, menu] = await Promise.all([person.button("Room menu"), page.getByRole("menu")].map((e) => e.boundingBox()));
            assert.ok(menu.y - button.y - button.height < 10, "the menu stands at its button");
            await audit(person, `${form} menu`);
            await page.keyboard.press("Escape");
            await person.button("Emoji", page.locator(".composer")).click();
            await audit(person, `${form} emoji`);
            await page.keyboard.press("Escape");
            await person.composer().pressSequentially("@ma");
            await page.getByRole("option").first().waitFor();
            await audit(person, `${form} completion`);
            await person.composer().fill("");
            for (const [key, what] of [["Control+k", "switcher"], ["Control+,", "settings"]]) {
                await page.keyboard.press(key);
                await page.getByRole("dialog").waitFor();
                await audit(person, `${form} ${what}`);
                if (what === "settings")
                    for (const tab of ["Appearance", "Notifications", "Sessions", "Security"]) {
                        await person.dialog.getByRole("tab", { name: tab }).click();
                        await audit(person, `${form} ${tab}`);
                    }
                await page.keyboard.press("Escape");
                await page.getByRole("dialog").waitFor({ state: "detached" });
            }
            await back();
            for (const entry of ["Start a chat", "Create a room", "Create a space"]) {
                await person.choose("New", entry);
                await audit(person, `${form} ${entry}`);
                await page.keyboard.press("Escape");
                await page.getByRole("dialog").waitFor({ state: "detached" });
            }
            await person.choose(/^Your account/, "Keyboard shortcuts");
            await audit(person, `${form} shortcuts`);
            await page.keyboard.press("Escape");
        };

        for (const [form, viewport, colorScheme] of [["wide light", WIDE, "light"], ["wide dark", WIDE, "dark"], ["phone light", PHONE, "light"], ["phone dark", PHONE, "dark"]]) {
            await test(`every screen: ${form}`, async () => {
                await ada.page.setViewportSize(viewport);
                await ada.page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
                await ada.page.goto(`${server.url}/#/`);
                await ada.reload();
                await seen(ada, form);
            });
        }

        await test("on a phone in German", async () => {
            await ada.openRoom("Reading circle");
            await ada.page.keyboard.press("Control+,");
            await ada.dialog.getByRole("tab", { name: "Appearance" }).click();
            await ada.dialog.getByLabel("Language").selectOption("Deutsch");
            await ada.page.keyboard.press("Escape");
            await inGerman(ada);
        });

        await test("no fault, no request to others", () => assertNoFaults(...people));
    } finally {
        await Promise.all(people.map((p) => p.close()));
        await server.close();
    }
}
