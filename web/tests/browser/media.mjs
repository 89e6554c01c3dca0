/** Files: pasted, dropped, chosen, played; how far they are; and what becomes of a message on its way. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { assertNoFaults, gone, Person, picture, Server, until } from "./kit.mjs";
import { Outsider } from "./outsider.mjs";

const TONE_MS = 250;
const UPLOAD = /\/media\/v3\/upload/;
const SEND = /\/send\/m\.room\.message\//;
const REACTION = /\/send\/m\.reaction\//;
const REDACTION = /\/redact\//;

/** A tone, as a WAV file. */
function tone(rate = 8000) {
    const samples = (rate * TONE_MS) / 1000;
    const file = Buffer.alloc(44 + samples * 2);
    file.write("RIFF");
    file.writeUInt32LE(36 + samples * 2, 4);
    file.write("WAVEfmt ", 8);
    for (const [value, at] of [[16, 16], [rate, 24], [rate * 2, 28], [samples * 2, 40]]) file.writeUInt32LE(value, at);
    for (const [value, at] of [[1, 20], [1, 22], [2, 32], [16, 34]]) file.writeUInt16LE(value, at);
    file.write("data", 36);
    for (let i = 0; i < samples; i++) file.writeInt16LE(Math.round(8000 * Math.sin((i * 440 * 2 * Math.PI) / rate)), 44 + i * 2);
    return file;
}

/** A moving picture, recorded by the browser. */
async function film(page) {
    const data = await page.evaluate(async () => {
        const canvas = Object.assign(document.createElement("canvas"), { width: 64, height: 48 });
        const context = canvas.getContext("2d");
        const recorder = new MediaRecorder(canvas.captureStream(), { mimeType: "video/webm" });
        const parts = [];
        recorder.ondataavailable = (e) => parts.push(e.data);
        recorder.start();
        for (let i = 0; i < 20; i++) {
            context.fillStyle = i % 2 ? "#5151cd" : "#ffffff";
            context.fillRect(0, 0, 64, 48);
            await new Promise(requestAnimationFrame);
        }
        await new Promise((resolve) => ((recorder.onstop = resolve), recorder.stop()));
        const bytes = new Uint8Array(await new Blob(parts).arrayBuffer());
        return btoa(String.fromCharCode(...bytes));
    });
    return Buffer.from(data, "base64");
}

/** Requests that match wait until they are let go. */
async function hold(page, pattern) {
    const held = [];
    let open = false;
    await page.route(pattern, (route) => (open ? route.continue() : held.push(route)));
    return {
        arrived: () => until("a request", () => held.length > 0),
        async release() {
            open = true;
            for (const route of held) await route.continue().catch(() => {}); // or was given up meanwhile
            await page.unroute(pattern);
        },
    };
}

/** Notes what the page's progress bars show, as they show it; call what it returns to wait until one was seen part of the way. */
async function watchProgress(page) {
    await page.evaluate(() => {
        globalThis.parts = [];
        const note = () => document.querySelectorAll("progress").forEach((bar) => globalThis.parts.push(bar.value));
        new MutationObserver(note).observe(document.body, { subtree: true, childList: true, attributes: true });
    });
    return () => page.waitForFunction(() => globalThis.parts.some((part) => part > 0 && part < 1));
}

export async function media(test) {
    const server = await Server.start();
    // Requests are held up here, which a service worker must not hide.
    const alice = await Person.open(server, "alice", { serviceWorkers: "block" });
    const bob = await Outsider.register(server, "bob");
    const { page } = alice;
    const network = await alice.context.newCDPSession(page);
    const slow = (bytesPerSecond) => network.send("Network.emulateNetworkConditions", { offline: false, latency: 0, downloadThroughput: bytesPerSecond, uploadThroughput: bytesPerSecond });
    const pick = (name, mimeType, buffer) => page.locator("main input[type=file]").setInputFiles({ name, mimeType, buffer });
    const find = async (name) => (await bob.messages(room)).find((e) => e.content.filename === name);
    const arrived = async (name) => {
        await until(`${name} has not arrived`, () => find(name));
        return (await find(name)).content;
    };
    /** A DataTransfer of the page with one file in it. */
    const transfer = (name, type, bytes) =>
        page.evaluateHandle(([name, type, data]) => {
            const made = new DataTransfer();
            made.items.add(new File([Uint8Array.from(atob(data), (c) => c.charCodeAt(0))], name, { type }));
            return made;
        }, [name, type, bytes.toString("base64")]);
    let room;
    try {
        await test("two people in a room", async () => {
            await alice.register();
            await alice.createRoom("Studio", { isPublic: true });
            ({ room_id: room } = await bob.join("#studio:localhost"));
            await alice.timeline.getByText("bob joined").waitFor();
        });

        await test("a picture is pasted", async () => {
            const clip = await transfer("pasted.png", "image/png", await picture(page));
            await alice.composer().evaluate((area, clipboardData) => area.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true })), clip);
            await page.getByRole("button", { name: "Open the picture pasted.png" }).locator("img").waitFor();
            const { msgtype, info } = await arrived("pasted.png");
            assert.deepEqual([msgtype, info.w, info.h], ["m.image", 64, 48]);
        });

        await test("a file is dropped", async () => {
            const dataTransfer = await transfer("dropped.txt", "text/plain", Buffer.from("plain words"));
            await alice.composer().dispatchEvent("dragover", { dataTransfer });
            await page.getByText("Drop files to send them").waitFor();
            await alice.composer().dispatchEvent("dragleave", { dataTransfer });
            await gone(page.getByText("Drop files to send them"));
            await alice.composer().dispatchEvent("dragover", { dataTransfer });
            await alice.composer().dispatchEvent("drop", { dataTransfer });
            await gone(page.getByText("Drop files to send them"));
            assert.equal((await arrived("dropped.txt")).msgtype, "m.file");
        });

        await test("a file that misses its place does not replace the page", async () => {
            const dataTransfer = await transfer("missed.txt", "text/plain", Buffer.from("x"));
            const refused = await alice.list.evaluate((list, dataTransfer) => !list.dispatchEvent(new DragEvent("drop", { dataTransfer, bubbles: true, cancelable: true })), dataTransfer);
            assert.ok(refused, "the browser would open it");
        });

        await test("a sound is sent and played", async () => {
            await pick("tone.wav", "audio/wav", tone());
            const { msgtype, info } = await arrived("tone.wav");
            assert.deepEqual([msgtype, info.duration], ["m.audio", TONE_MS]);
            await alice.button("Play tone.wav").click();
            await until("it plays", () => alice.timeline.locator("audio").evaluate((audio) => audio.duration > 0.2 && audio.played.length > 0));
        });

        await test("a video is sent and played", async () => {
            await pick("film.webm", "video/webm", await film(page));
            const { msgtype, info } = await arrived("film.webm");
            assert.deepEqual([msgtype, info.w, info.h], ["m.video", 64, 48]);
            await alice.button("Play film.webm").click();
            await until("it plays", () => alice.timeline.locator("video").evaluate((video) => video.videoWidth === 64 && video.played.length > 0));
        });

        await test("an upload shows how far it is", async () => {
            const moved = await watchProgress(page);
            await slow(20_000);
            await pick("big.bin", "application/octet-stream", Buffer.alloc(400_000, 7));
            await page.getByRole("progressbar", { name: "Uploading big.bin" }).waitFor();
            await moved();
            await slow(-1);
            await arrived("big.bin");
            await gone(page.locator(".uploads li"));
        });

        await test("an upload is cancelled", async () => {
            const held = await hold(page, UPLOAD);
            await pick("regretted.txt", "text/plain", Buffer.from("no"));
            await held.arrived();
            await alice.button("Cancel", page.locator(".uploads")).click();
            await gone(page.locator(".uploads li"));
            await held.release();
            await alice.say("nothing came of it");
            await until("the next message", async () => (await bob.messages(room, 1))[0].content.body, "nothing came of it");
            assert.equal(await find("regretted.txt"), undefined);
        });

        await test("an upload that failed is tried again", async () => {
            await page.route(UPLOAD, (route) => route.fulfill({ status: 500, json: { errcode: "M_UNKNOWN", error: "no room on the disk" } }));
            await pick("stubborn.txt", "text/plain", Buffer.from("yes"));
            await page.getByText("stubborn.txt: no room on the disk").waitFor();
            await page.unroute(UPLOAD);
            await alice.button("Retry", page.locator(".uploads")).click();
            await arrived("stubborn.txt");
        });

        await test("a download shows how far it is, and arrives whole", async () => {
            const bytes = Buffer.alloc(300_000, "0123456789");
            await bob.send(room, { msgtype: "m.file", body: "from-bob.bin", url: await bob.upload(bytes, "application/octet-stream", "from-bob.bin"), info: { size: bytes.length } });
            const file = page.getByRole("button", { name: /from-bob\.bin/ });
            await file.waitFor();
            const moved = await watchProgress(page);
            await slow(20_000);
            const download = page.waitForEvent("download");
            await file.click();
            await moved();
            await slow(-1);
            assert.ok(bytes.equals(await readFile(await (await download).path())));
        });

        const state = (text, state) => alice.message(text).getByText(state, { exact: true });
        await test("a message is seen on its way, here and in the list of rooms; then sent, then seen", async () => {
            const held = await hold(page, SEND);
            await alice.say("on its way");
            await alice.message("on its way").getByLabel("Sending").waitFor();
            await alice.room("Studio").getByText("You: on its way").waitFor();
            await held.release();
            await state("on its way", "Sent").waitFor();
            const [last] = await bob.messages(room, 1);
            await bob.call("POST", `/v3/rooms/${encodeURIComponent(room)}/receipt/m.read/${encodeURIComponent(last.event_id)}`, {});
            await state("on its way", "Seen by bob").waitFor();
            await bob.send(room, "seen, and answered");
            await alice.sees("seen, and answered");
            await state("on its way", "Seen by bob").waitFor();
        });

        await test("a message that the server refuses is sent again, or discarded", async () => {
            await page.route(SEND, (route) => route.fulfill({ status: 403, json: { errcode: "M_FORBIDDEN", error: "not today" } }));
            await alice.say("second try");
            await alice.say("never mind");
            for (const text of ["second try", "never mind"]) await alice.message(text).getByText("Not sent.").waitFor();
            await alice.room("Studio").getByLabel("Not sent.").waitFor();
            await page.unroute(SEND);
            await alice.button("Discard", alice.message("never mind")).click();
            await gone(alice.message("never mind"));
            await alice.button("Retry", alice.message("second try")).click();
            await state("second try", "Sent").waitFor();
            assert.deepEqual((await bob.messages(room, 2)).map((e) => e.content.body), ["second try", "seen, and answered"]);
        });

        await test("a reaction or a deletion that the server refuses is taken back, and the next message goes out", async () => {
            let refusals = 0;
            const refused = (route) => (refusals++, route.fulfill({ status: 403, json: { errcode: "M_FORBIDDEN", error: "not today" } }));
            for (const [pattern, refuse] of [
                [REACTION, () => alice.act("second try", "React with 👍")],
                [REDACTION, () => alice.remove("second try")],
            ]) {
                await page.route(pattern, refused);
                const before = refusals;
                await refuse();
                await until("a refusal", () => refusals > before);
                await page.unroute(pattern);
                await state("second try", "Sent").waitFor();
                await gone(alice.message("second try").locator(".reaction"));
            }
            await alice.say("after the refusals");
            await state("after the refusals", "Sent").waitFor();
        });

        await test("an edit that the server refuses is seen as such: sent again, discarded, or written anew", async () => {
            const edit = async (from, to) => {
                await alice.composer().press("ArrowUp");
                await until("what is edited", () => alice.composer().inputValue(), from);
                await alice.say(to);
            };
            const refuseEdit = async (from, to) => {
                await page.route(SEND, (route) => route.fulfill({ status: 403, json: { errcode: "M_FORBIDDEN", error: "not today" } }));
                await edit(from, to);
                await alice.message(to).getByText("Not sent.").waitFor();
                await page.unroute(SEND);
            };
            await refuseEdit("after the refusals", "edited once");
            await alice.button("Retry", alice.message("edited once")).click();
            await state("edited once", "Sent").waitFor();
            await refuseEdit("edited once", "never so");
            await alice.button("Discard", alice.message("never so")).click();
            await state("edited once", "Sent").waitFor();
            await refuseEdit("edited once", "edited with an eror");
            await edit("edited with an eror", "edited twice");
            await state("edited twice", "Sent").waitFor();
            await alice.say("next");
            await state("next", "Sent").waitFor();
            assert.deepEqual((await bob.messages(room, 3)).map((e) => e.content.body), ["next", "* edited twice", "* edited once"]);
        });

        await test("what was refused before the page was closed stops nothing either", async () => {
            const [{ event_id }] = await bob.messages(room, 1);
            const content = { "m.relates_to": { rel_type: "m.annotation", event_id, key: "🌵" } };
            const left = { type: "m.reaction", content, event_id: "~left", txn_id: "left", room_id: room, sender: alice.id, user_id: alice.id, origin_server_ts: Date.now() };
            const stored = `mx_pending_events_${room}`; // where the SDK keeps what waits
            await until("nothing waits", () => page.evaluate((stored) => localStorage.getItem(stored) === null, stored));
            await page.evaluate(([stored, left]) => localStorage.setItem(stored, JSON.stringify([left])), [stored, left]);
            let asked = 0;
            await page.route(REACTION, (route) => (asked++, route.fulfill({ status: 403, json: { errcode: "M_FORBIDDEN", error: "not today" } })));
            await alice.reload();
            await until("a refusal", () => asked > 0);
            await page.unroute(REACTION);
            await alice.openRoom("Studio");
            await gone(alice.message("next").locator(".reaction"));
            await alice.say("after the reload");
            await state("after the reload", "Sent").waitFor();
        });

        await test("no fault, no request to others", () => assertNoFaults(alice));
    } finally {
        await alice.close();
        await server.close();
    }
}
