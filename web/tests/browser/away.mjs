/** What reaches somebody who looks elsewhere, and what there is while the server is away: notifications, the shell without a network, a newer client. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { copyFile, cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { auditBoth } from "./audit.mjs";
import { assertNoFaults, DIST, gone, Person, Server, until } from "./kit.mjs";
import { Outsider } from "./outsider.mjs";

/** The same client under another name, as a new build would be. */
async function renew(folder) {
    const html = await readFile(join(folder, "index.html"), "utf8");
    const [, name] = html.match(/src="\/assets\/(app-[^"]+)"/);
    await copyFile(join(folder, "assets", name), join(folder, "assets", `newer-${name}`));
    await writeFile(join(folder, "index.html"), html.replace(name, `newer-${name}`));
    await writeFile(join(folder, "sw.js"), `${await readFile(join(folder, "sw.js"), "utf8")}\n// newer\n`);
    for (const old of ["index.html", "sw.js"]) for (const form of ["gz", "br"]) await rm(join(folder, `${old}.${form}`), { force: true });
}

/** What a proxy says while the server behind it is away. */
async function standIn(port) {
    const proxy = createServer((_, answer) => answer.writeHead(503, { "Content-Type": "text/html" }).end("<h1>503 Service Unavailable</h1>"));
    await once(proxy.listen(port, "127.0.0.1"), "listening");
    return proxy;
}

export async function away(test) {
    const dist = await mkdtemp(join(tmpdir(), "rookery-dist-"));
    await cp(DIST, dist, { recursive: true });
    const server = await Server.start({ "web.path": dist });
    const alice = await Person.open(server, "alice", { permissions: ["notifications"] });
    const bob = await Outsider.register(server, "bob");
    const { page } = alice;
    const rooms = {};
    const told = () => page.evaluate(async () => (await (await navigator.serviceWorker.ready).getNotifications()).map((n) => `${n.title}: ${n.body}`).sort());
    const sounds = () => page.evaluate(() => globalThis.sounds);
    const loudness = async (name, wanted) => {
        await alice.openRoom(name);
        await alice.choose("Room menu", "Room settings");
        const rules = page.waitForResponse((answer) => answer.request().method() === "GET" && /\/pushrules\/$/.test(answer.url())); // the last that it does
        await alice.panel.getByLabel("Notifications").selectOption(wanted);
        await (await rules).finished();
        await until("the setting", () => alice.panel.getByLabel("Notifications").evaluate((select) => select.selectedOptions[0].text), wanted);
        await alice.closePanel();
    };
    const newer = () => page.getByText("There is a new version of this page.");
    const newWorker = () => page.evaluate(() => void navigator.serviceWorker.dispatchEvent(new Event("controllerchange")));
    const preview = (name, text) => alice.room(name).getByText(text).waitFor();
    try {
        await test("notifications and sound are turned on", async () => {
            await alice.register();
            await until("the service worker", () => page.evaluate(() => !!navigator.serviceWorker.controller));
            await page.evaluate(() => {
                globalThis.sounds = 0;
                const Real = AudioContext;
                globalThis.AudioContext = class extends Real {
                    constructor() {
                        super();
                        globalThis.sounds++;
                    }
                };
            });
            await alice.settings("Notifications");
            await alice.dialog.getByLabel("Show notifications").check();
            await alice.dialog.getByLabel("Play a sound").check();
            await page.keyboard.press("Escape");
            await gone(page.getByRole("dialog"));
        });

        await test("an invitation is told", async () => {
            for (const name of ["Desk", "Hall"]) {
                rooms[name] = await bob.createRoom({ name, invite: ["@alice:localhost"] });
                await until("told", told, [`${name}: Invitation`]);
                await alice.acceptInvitation();
            }
            await until("sounds", sounds, 2);
        });

        await test("a message is told, with a sound and in the title; once it is read, no more", async () => {
            await alice.openRoom("Hall");
            await until("nothing is left", told, []);
            await bob.send(rooms.Desk, "are you there?");
            await until("told", told, ["bob · Desk: are you there?"]);
            await until("the title", async () => /^\(1\) Hall · Rookery$/.test(await page.title()));
            await until("sounds", sounds, 3);
            await alice.openRoom("Desk");
            await until("taken back", told, []);
            await until("the title", () => page.title(), "Desk · Rookery");
        });

        await test("what is before one's eyes is not told", async () => {
            await bob.send(rooms.Desk, "here I am");
            await alice.sees("here I am");
            assert.deepEqual(await told(), []);
        });

        await test("a notification opens its room", async () => {
            await alice.openRoom("Hall");
            const worker = alice.context.serviceWorkers()[0];
            await worker.evaluate(async (open) => (await clients.matchAll({ type: "window" })).forEach((window) => window.postMessage({ open })), rooms.Desk);
            await page.getByRole("heading", { name: "Desk", level: 1 }).waitFor();
        });

        await test("a room that is off says nothing, and shows that", async () => {
            await loudness("Desk", "Off");
            await alice.room("Desk").getByLabel("Muted").waitFor();
            await alice.openRoom("Hall");
            await bob.send(rooms.Desk, "into the void");
            await preview("Desk", "into the void");
            assert.deepEqual(await told(), []);
            assert.equal(await alice.room("Desk").locator(".badge").count(), 0);
        });

        await test("mentions only", async () => {
            await loudness("Desk", "Mentions only");
            await gone(alice.room("Desk").getByLabel("Muted"));
            await alice.openRoom("Hall");
            await bob.send(rooms.Desk, "never mind");
            await preview("Desk", "never mind");
            await bob.send(rooms.Desk, { msgtype: "m.text", body: "alice: look", "m.mentions": { user_ids: ["@alice:localhost"] } });
            await until("told", told, ["bob · Desk: alice: look"]);
        });

        await test("as usual again", async () => {
            await loudness("Desk", "As usual");
            await alice.openRoom("Hall");
            await bob.send(rooms.Desk, "back to normal");
            await until("told", told, ["bob · Desk: back to normal"]);
        });

        await test("a second tab waits until it is told to take over; then the first one stops", async () => {
            const second = await alice.context.newPage();
            await second.goto(server.url);
            const elsewhere = (tab) => tab.getByRole("heading", { name: "Rookery is open in another tab" });
            await elsewhere(second).waitFor();
            await auditBoth({ page: second }, "wide elsewhere");
            assert.equal(await second.evaluate(() => performance.getEntriesByType("resource").filter((e) => e.name.includes("/_matrix/")).length), 0);
            await alice.list.waitFor();
            await second.getByRole("button", { name: "Use it here" }).click();
            await second.getByRole("navigation", { name: "Rooms" }).waitFor();
            await elsewhere(page).waitFor();
            const asked = [];
            page.on("request", (request) => asked.push(request.url()));
            await bob.send(rooms.Hall, "to the second tab");
            await second.getByText("to the second tab").first().waitFor();
            assert.deepEqual(asked, []);
            await alice.button("Use it here").click();
            await alice.list.waitFor();
            await elsewhere(second).waitFor();
            await second.close();
        });

        await test("it can be installed", async () => {
            const { icons, display, start_url } = await page.evaluate(async () => (await fetch(document.querySelector("link[rel=manifest]").href)).json());
            assert.deepEqual([display, start_url], ["standalone", "/"]);
            for (const { src, sizes } of icons) {
                const width = await page.evaluate(async (src) => {
                    const image = Object.assign(new Image(), { src });
                    await image.decode();
                    return image.naturalWidth;
                }, src);
                assert.ok(sizes === "any" || sizes === `${width}x${width}`, `${src} is ${width} wide`);
            }
        });

        await test("without the server, the page opens, shows what it knows and says so", async () => {
            await until("the crypto module is kept", () => page.evaluate(async () => {
                const kept = await Promise.all((await caches.keys()).map(async (name) => (await (await caches.open(name)).keys()).map((r) => r.url)));
                return kept.flat().some((url) => url.endsWith(".wasm"));
            }));
            await until("the state is kept", () => page.evaluate(async () => {
                const db = await new Promise((resolve) => (indexedDB.open("matrix-js-sdk:rookery").onsuccess = (e) => resolve(e.target.result)));
                const rows = await new Promise((resolve) => (db.transaction("sync").objectStore("sync").getAll().onsuccess = (e) => resolve(e.target.result)));
                db.close();
                return JSON.stringify(rows).includes("back to normal");
            }));
            await server.kill();
            await alice.reload();
            await page.getByText("No connection.").waitFor();
            await Promise.all([page.waitForEvent("requestfailed", (request) => new URL(request.url()).pathname === "/"), newWorker()]);
            await alice.openRoom("Desk");
            await alice.sees("back to normal");
            await alice.say("written without a server");
            await server.run();
            await gone(page.getByText("No connection."));
            await until("sent", async () => (await bob.messages(rooms.Desk, 1))[0].content.body, "written without a server");
        });

        await test("a proxy that answers instead of the server is no newer client, and the page opens all the same", async () => {
            await server.kill();
            const proxy = await standIn(server.port);
            await alice.reload();
            await page.getByText("No connection.").waitFor();
            await Promise.all([page.waitForResponse((answer) => answer.status() === 503 && new URL(answer.url()).pathname === "/"), newWorker()]);
            proxy.closeAllConnections();
            await once(proxy.close(), "close");
            await server.run();
            await gone(page.getByText("No connection."));
            assert.equal(await newer().count(), 0);
        });

        await test("what is put off does not hide what is new", async () => {
            await alice.createRoom("Vault", { encrypted: true });
            await page.getByText("Without a recovery key").waitFor();
            await alice.button("Later").click();
            await gone(page.getByText("Without a recovery key"));
        });

        await test("a newer client is noticed, and taken", async () => {
            const script = () => page.locator("script[src]").getAttribute("src");
            assert.doesNotMatch(await script(), /newer/);
            await renew(dist);
            server.process.kill("SIGHUP");
            await until("the server has it", async () => (await (await fetch(server.url)).text()).includes("newer-"));
            await page.evaluate(() => window.dispatchEvent(new Event("online")));
            await newer().waitFor();
            await auditBoth(alice, "wide newer");
            await alice.button("Reload").click();
            await until("the new one runs", async () => /newer/.test(await script().catch(() => "")));
            await alice.list.waitFor();
            await gone(newer());
        });

        await test("no fault, no request to others", () => assertNoFaults(alice));
    } finally {
        await alice.close();
        await server.close();
        await rm(dist, { recursive: true, force: true });
    }
}
