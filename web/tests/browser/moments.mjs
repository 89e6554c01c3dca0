/** Screens that last for a moment: what is asked once more, what is on its way, what has failed. */
import { audit } from "./audit.mjs";
import { gone } from "./kit.mjs";

const UPLOAD = /\/media\/v3\/upload/;
const SEND = /\/send\/m\.room\.message\//;

/** In a room of one's own, where Maya has written something. */
export async function questions(person, form, written) {
    const { page } = person;
    const asked = async (what) => {
        await person.dialog.waitFor();
        await audit(person, `${form} ${what}`);
        await page.keyboard.press("Escape");
        await gone(page.getByRole("dialog"));
    };
    await person.choose("Room menu", "Room settings");
    await person.button("Turn on encryption", person.panel).click();
    await asked("turn on encryption");
    await person.closePanel();
    await person.profile(/Maya/);
    for (const [button, what] of [["Remove", "kick"], ["Ban", "ban"]]) {
        await person.button(button, person.panel).click();
        await asked(what);
    }
    await person.closePanel();
    await person.act(written, "More");
    await page.getByRole("menuitem", { name: "Delete" }).click();
    await asked("delete");
}

/** The same in German, whose words are longer, in a room where somebody else is. */
export async function inGerman(person) {
    const { page } = person;
    const panel = page.getByRole("complementary");
    const open = async (name, role = "button", within = page) => within.getByRole(role, { name, exact: true }).click();
    const seen = async (what) => {
        await page.getByRole(what === "menu" ? "menu" : "dialog").waitFor();
        await audit(person, `phone german ${what}`);
        await page.keyboard.press("Escape");
    };
    await open("Raum-Menü");
    await seen("menu");
    await open("Raum-Menü");
    await open("Raum-Einstellungen", "menuitem");
    await audit(person, "phone german room settings");
    await open("Verschlüsselung einschalten", "button", panel);
    await seen("turn on encryption");
    await open("Schließen", "button", panel);
    await open("Mitglieder");
    await panel.getByRole("button", { name: /Maya/ }).click();
    await open("Sperren", "button", panel);
    await seen("ban");
    await open("Schließen", "button", panel);
}

export async function failures(person, form) {
    const { page } = person;
    const refuse = (route) => route.fulfill({ status: 403, json: { errcode: "M_FORBIDDEN", error: "not today" } });
    const pick = (name) => page.locator("main input[type=file]").setInputFiles({ name, mimeType: "text/plain", buffer: Buffer.from("words") });
    await page.route(UPLOAD, (route) => /list/.test(route.request().url()) && refuse(route)); // nobody answers to the other
    await pick("minutes of the last evening.txt");
    await page.getByRole("progressbar").waitFor();
    await pick("list.txt");
    await page.locator(".uploads .error").waitFor();
    await audit(person, `${form} uploads`);
    for (let left = 2; left > 0; left--) await person.button("Cancel", page.locator(".uploads")).first().click();
    await gone(page.locator(".uploads"));
    await page.unroute(UPLOAD);
    await page.route(SEND, refuse);
    await person.say("Shall we read it aloud?");
    await person.message("aloud").getByText("Not sent.").waitFor();
    await audit(person, `${form} not sent`);
    await person.button("Discard", person.message("aloud")).click();
    await gone(person.message("aloud"));
    await page.unroute(SEND);
}
