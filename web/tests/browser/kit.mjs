// What the browser tests are made of: the server as a process of its own, browsers with a profile each, and the page's pieces by
// the names that a person (or a screen reader) sees. Nothing here waits for time to pass, only for what must happen.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const ROOT = fileURLToPath(new URL("../../..", import.meta.url));
const BINARY = process.env.ROOKERY_BINARY ?? join(ROOT, "build/release/rookery");
export const DIST = process.env.ROOKERY_WEB ?? join(ROOT, "web/dist");
const CHROMIUM = process.env.CHROMIUM ?? "/usr/bin/chromium";
const ARGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"];
/** Nobody is told to wait here, and passwords are hashed quickly. */
const QUICK = {
    ...Object.fromEntries(["requests", "messages", "joins", "registrations", "logins", "user_logins", "uploads"].map((name) => [`limits.${name}`, 0])),
    "password.memory_kib": 1024,
    "password.passes": 1,
};

/** What Chromium says of a document that is only parsed, to be sanitised: nothing in it runs. That nothing of it gets into the page is looked at there. */
const INERT = /Executing inline event handler|Applying inline style|Setting the document's base URI/;

export const PASSWORD = "correct horse battery";

/** The real server on a free port, which it keeps over a kill and a new start. */
export class Server {
    port = 0;

    static async start(settings = {}) {
        const server = new Server();
        server.folder = await mkdtemp(join(tmpdir(), "rookery-web-"));
        server.settings = settings;
        await server.run();
        return server;
    }

    get url() {
        return `http://127.0.0.1:${this.port}`;
    }

    async run() {
        const set = { "server.listen": `127.0.0.1:${this.port}`, "store.path": join(this.folder, "data"), "web.path": DIST, ...QUICK, ...this.settings };
        const args = Object.entries(set).flatMap(([k, v]) => ["--set", `${k}=${v}`]);
        const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("ROOKERY_"))); // those are settings
        this.process = spawn(BINARY, ["serve", ...args], { env, cwd: this.folder, stdio: ["ignore", "pipe", "pipe"] });
        this.log = "";
        this.process.stderr.on("data", (data) => (this.log += data));
        let said = "";
        for await (const data of this.process.stdout) {
            said += data;
            const found = said.match(/http:\/\/[^\s:]+:(\d+)/);
            if (found) {
                this.port = Number(found[1]);
                this.process.stdout.resume();
                return;
            }
        }
        throw new Error(`the server did not start:\n${said}${this.log.slice(-4000)}`);
    }

    async kill() {
        this.process.kill("SIGKILL");
        await once(this.process, "exit");
    }

    async close() {
        if (this.process.exitCode === null && this.process.signalCode === null) {
            this.process.kill("SIGTERM");
            await once(this.process, "exit");
        }
        await rm(this.folder, { recursive: true, force: true });
    }
}

/** A browser of its own, so that nothing is shared with another person's. */
export class Person {
    static #opened = 0;

    static async open(server, name, options = {}) {
        const person = new Person();
        person.server = server;
        person.name = name;
        person.number = ++Person.#opened;
        person.browser = await chromium.launch({ executablePath: CHROMIUM, args: ARGS });
        person.context = await person.browser.newContext({ viewport: { width: 1280, height: 800 }, locale: "en-GB", ...options });
        person.page = await person.context.newPage();
        person.page.setDefaultTimeout(20_000);
        person.faults = [];
        person.page.on("pageerror", (error) => person.faults.push(String(error.stack ?? error)));
        person.page.on("console", (message) => {
            if (/Content Security Policy/.test(message.text()) && !INERT.test(message.text())) person.faults.push(message.text());
        });
        person.foreign = [];
        person.page.on("request", (request) => {
            if (!request.url().startsWith(server.url) && !/^(blob|data):/.test(request.url())) person.foreign.push(request.url());
        });
        await person.page.goto(server.url);
        return person;
    }

    get id() {
        return `@${this.name}:${this.domain}`;
    }

    async register() {
        const { page } = this;
        await page.getByRole("button", { name: "Register", exact: true }).click();
        await this.fillAccount("Create account");
    }

    async login() {
        await this.fillAccount("Sign in");
    }

    async fillAccount(button) {
        const { page } = this;
        await page.getByLabel("User name").fill(this.name);
        await page.getByLabel("Password").fill(PASSWORD);
        await page.locator("form").getByRole("button", { name: button }).click();
        await page.getByRole("navigation", { name: "Rooms" }).waitFor();
        this.domain = await page.evaluate(() => JSON.parse(localStorage.getItem("rookery.session")).userId.split(":").slice(1).join(":"));
    }

    async createRoom(name, { encrypted = false, isPublic = false } = {}) {
        const { page } = this;
        await page.getByRole("button", { name: "New" }).click();
        await page.getByRole("menuitem", { name: "Create a room" }).click();
        await page.getByLabel("Name", { exact: true }).fill(name);
        if (encrypted) await page.getByRole("switch", { name: /End-to-end/ }).check();
        if (isPublic) await page.getByRole("switch", { name: /^Public/ }).check();
        await page.getByRole("button", { name: "Create", exact: true }).click();
        await page.getByRole("heading", { name, level: 1 }).waitFor();
    }

    async startChat(other) {
        const { page } = this;
        await page.getByRole("button", { name: "New" }).click();
        await page.getByRole("menuitem", { name: "Start a chat" }).click();
        await page.getByLabel("Name or user id").fill(other.id);
        await page.getByRole("dialog").getByRole("button", { name: "Start a chat" }).click();
        await this.composer().waitFor();
    }

    async acceptInvitation() {
        await this.page.locator(".room-row", { hasText: "Invitation" }).first().click();
        await this.page.getByRole("button", { name: "Accept" }).click();
        await this.composer().waitFor();
    }

    async joinByAddress(address) {
        await this.choose("New", "Explore rooms");
        await this.dialog.getByLabel("Search, or an address").fill(address);
        await this.button("Join", this.dialog.locator("form")).click();
        await this.page.getByRole("dialog").waitFor({ state: "detached" });
    }

    async openRoom(name) {
        await this.page.locator(".room-row", { hasText: name }).first().click();
        await this.page.getByRole("heading", { name, level: 1 }).waitFor();
    }

    // --- pieces of the page ---

    get list() {
        return this.page.getByRole("navigation", { name: "Rooms" });
    }

    get timeline() {
        return this.page.getByRole("main").getByRole("log", { name: "Messages" });
    }

    get panel() {
        return this.page.getByRole("complementary");
    }

    get dialog() {
        return this.page.getByRole("dialog").last();
    }

    /** A room's row in the list. */
    room(name) {
        return this.list.getByRole("link").filter({ has: this.page.locator(".room-name", { hasText: name }) });
    }

    button(name, within = this.page) {
        return within.getByRole("button", { name, exact: true });
    }

    /** The menu may have something new to tell. */
    async choose(menu, entry) {
        await this.button(typeof menu === "string" ? new RegExp(`^${menu}(,|$)`) : menu).click();
        await this.page.getByRole("menu").getByText(entry, { exact: true }).click();
    }

    async settings(tab) {
        await this.choose(/^Your account/, "Settings");
        await this.dialog.getByRole("tab", { name: tab }).click();
    }

    /** Somebody's profile, from the room's list of members. */
    async profile(name) {
        await this.button("Members").click();
        await this.panel.getByRole("button", { name }).click();
        await this.page.getByRole("complementary", { name: "Profile" }).waitFor();
    }

    async closePanel() {
        await this.button("Close", this.panel).click();
    }

    async reload() {
        await this.page.reload();
        await this.list.waitFor();
    }

    composer() {
        return this.page.locator("main .composer textarea");
    }

    async say(text) {
        await this.composer().fill(text);
        await this.composer().press("Enter");
    }

    /** The message with that text, in the main timeline. */
    message(text) {
        return this.page.locator("main article.message").filter({ has: this.page.locator(".body", { hasText: text }) });
    }

    async sees(text) {
        await this.message(text).first().waitFor();
    }

    async act(text, action) {
        const message = this.message(text).last();
        await message.hover();
        await message.getByRole("button", { name: action, exact: true }).first().click();
    }

    /** To what is asked once more. */
    async answer(button, reason) {
        if (reason) await this.dialog.getByLabel("Reason (optional)").fill(reason);
        await this.button(button, this.dialog).click();
        await gone(this.page.getByRole("dialog"));
    }

    /** Deletes a message. */
    async remove(text, reason) {
        await this.act(text, "More");
        await this.page.getByRole("menuitem", { name: "Delete" }).click();
        await this.answer("Delete", reason);
    }

    async call(method, path, body) {
        return this.page.evaluate(
            async ([method, path, body]) => {
                const { accessToken } = JSON.parse(localStorage.getItem("rookery.session"));
                const answer = await fetch(`/_matrix/client/v3${path}`, { method, headers: { Authorization: `Bearer ${accessToken}` }, body: body && JSON.stringify(body) });
                const json = await answer.json();
                if (!answer.ok) throw new Error(`${method} ${path}: ${JSON.stringify(json)}`);
                return json;
            },
            [method, path, body],
        );
    }

    roomId() {
        return this.page.evaluate(() => decodeURIComponent(location.hash.split("/")[2]));
    }

    async close() {
        // What was seen last, for whoever wants to know why a test failed.
        const path = process.env.SHOTS && join(process.env.SHOTS, `web-${this.number}-${this.name}.png`);
        if (path) await this.page.screenshot({ path, timeout: 5_000 }).catch(() => {});
        await this.browser.close();
    }
}

/** A picture of 64 by 48 pixels, drawn by the browser. */
export async function picture(page) {
    const data = await page.evaluate(() => {
        const canvas = Object.assign(document.createElement("canvas"), { width: 64, height: 48 });
        const context = canvas.getContext("2d");
        context.fillStyle = "#5151cd";
        context.fillRect(8, 8, 48, 32);
        return canvas.toDataURL("image/png").split(",")[1];
    });
    return Buffer.from(data, "base64");
}

/** Waits until `read` gives what is wanted (or, without that, something true); the last that it gave is told. */
export async function until(what, read, wanted) {
    const end = Date.now() + 20_000;
    for (;;) {
        const found = await read();
        if (wanted === undefined ? found : JSON.stringify(found) === JSON.stringify(wanted)) return;
        if (Date.now() > end) throw new Error(`${what}: ${JSON.stringify(found)}${wanted === undefined ? "" : `, not ${JSON.stringify(wanted)}`}`);
        await new Promise((resolve) => setTimeout(resolve, 50));
    }
}

export const gone = (locator) => until(`${locator} is still there`, async () => (await locator.count()) === 0);

/** The page did nothing that it should not have done. */
export function assertNoFaults(...people) {
    for (const { name, faults, foreign } of people) assert.deepEqual([...new Set(faults), ...new Set(foreign)], [], `${name}'s page`);
}
