// A room of very many messages (MESSAGES=100000), all of them loaded, beside one of few: what scrolling and changes cost.
//   a frame while scrolling   the time between two frames while the wheel turns through what is loaded
//   a jump                    from setting the scroll bar somewhere to the frame that shows what is there
//   the changes               what the main thread does for each, by the trace: sync, SDK, rows and page together
import { Outsider } from "../tests/browser/outsider.mjs";
import { until } from "../tests/browser/kit.mjs";
import { heapOf, median, part, tasksOf, untilShown, worst } from "./measure.mjs";

const MESSAGES = Number(process.env.MESSAGES ?? 100_000);
const FEW = 60;
const TIMES = 20;
const FRAMES = 300;
const JUMPS = 40;

async function fill(bob, room, count) {
    let next = 0;
    const one = async () => {
        for (let i = next++; i < count; i = next++) await bob.send(room, `line ${i} ${"and more words ".repeat((i * 7) % 12)}`);
    };
    await Promise.all(Array.from({ length: 24 }, one));
}

/** As a reader does it, by scrolling up, but in larger pages. */
async function loadAll({ page }) {
    await page.route(/\/messages\?/, (route) => route.continue({ url: route.request().url().replace(/limit=\d+/, "limit=1000") }));
    const box = await page.locator("main .scroller").elementHandle();
    const first = page.locator("main .beginning");
    while (!(await first.count())) {
        const height = await box.evaluate((b) => ((b.scrollTop = 0), b.scrollHeight));
        await until("older messages", async () => (await box.evaluate((b) => b.scrollHeight)) > height || (await first.count()) > 0);
    }
    await page.unroute(/\/messages\?/);
    return box;
}

/** In the page: the times between frames while it scrolls on in each of them. */
const framesOf = (box, [frames, step]) =>
    new Promise((resolve) => {
        const times = [];
        let before = 0;
        const frame = (now) => {
            if (before) times.push(now - before);
            before = now;
            if (times.length >= frames) return resolve(times);
            box.scrollTop += step;
            requestAnimationFrame(frame);
        };
        requestAnimationFrame(frame);
    });

/** In the page: the time until a row is in the middle of the window, in a frame. */
const jumpTo = (box, share) =>
    new Promise((resolve) => {
        const began = performance.now();
        box.scrollTop = box.scrollHeight * share;
        const { x, y, width, height } = box.getBoundingClientRect();
        const look = () => (document.elementFromPoint(x + width / 2, y + height / 2)?.closest(".row") ? resolve(performance.now() - began) : requestAnimationFrame(look));
        requestAnimationFrame(look);
    });

const changes = {
    "a new message": {
        send: (bob, room, i) => bob.send(room, `news ${i}!`),
        shown: (alice, i) => alice.message(`news ${i}!`).waitFor(),
    },
    "an edit": {
        send: (bob, room, i, id) => bob.send(room, { msgtype: "m.text", body: "*", "m.new_content": { msgtype: "m.text", body: `edit ${i}!` }, "m.relates_to": { rel_type: "m.replace", event_id: id } }),
        shown: (alice, i) => alice.message(`edit ${i}!`).waitFor(),
    },
    "a reaction": {
        send: (bob, room, i, id) => bob.send(room, { "m.relates_to": { rel_type: "m.annotation", event_id: id, key: `r${i}` } }, "m.reaction"),
        shown: (alice, i) => alice.timeline.getByRole("button", { name: `r${i} 1` }).waitFor(),
    },
    "a receipt": {
        send: (bob, room, i, id, recent) => bob.call("POST", `/v3/rooms/${encodeURIComponent(room)}/receipt/m.read/${encodeURIComponent(recent[i])}`, {}),
        shown: (alice, i, answer) => answer,
    },
};

/** Per change: all that the main thread did while they came in, one after the other. */
async function costs(alice, bob, room) {
    const found = {};
    await alice.composer().waitFor();
    const recent = (await bob.messages(room, TIMES)).map((e) => e.event_id).reverse();
    for (const [what, { send, shown }] of Object.entries(changes)) {
        const target = await bob.send(room, `target of ${what} in ${room}`);
        await alice.sees(`target of ${what} in ${room}`);
        const tasks = await tasksOf(alice, async () => {
            for (let i = 0; i < TIMES; i++) {
                const answer = alice.page.waitForResponse(/\/sync\?/);
                await send(bob, room, i, target, recent);
                await shown(alice, i, answer);
            }
        });
        found[what] = tasks.reduce((sum, ms) => sum + ms, 0) / TIMES;
    }
    return found;
}

async function reopen(alice, name, other, last) {
    const times = [];
    for (let i = 0; i < 10; i++) {
        await alice.openRoom(other);
        const shown = alice.page.evaluate(untilShown, ["click", "main article .body", last]);
        await alice.page.locator(".room-row", { hasText: name }).first().click();
        times.push(await shown);
    }
    return times;
}

async function echo(alice) {
    const times = [];
    for (let i = 0; i < 15; i++) {
        await alice.composer().fill(`mine ${i}!`);
        const shown = alice.page.evaluate(untilShown, ["keydown", "main article .body", `mine ${i}!`]);
        await alice.composer().press("Enter");
        times.push(await shown);
    }
    return times;
}

/** `alice` is logged in; prints a table. */
export async function long(server, alice) {
    const bob = await Outsider.register(server, "bob");
    const [short, huge] = [await bob.createRoom({ preset: "public_chat", name: "Short talk" }), await bob.createRoom({ preset: "public_chat", name: "Long talk" })];
    await fill(bob, short, FEW);
    await fill(bob, huge, MESSAGES);
    for (const room of [short, huge]) await alice.call("POST", `/join/${encodeURIComponent(room)}`, {});
    await alice.openRoom("Short talk");
    await loadAll(alice);
    await alice.openRoom("Short talk");
    const few = await costs(alice, bob, short);
    const before = await heapOf(alice);
    await alice.openRoom("Long talk");
    const box = await loadAll(alice);
    const after = await heapOf(alice);
    const [down, jumps] = [await box.evaluate(framesOf, [FRAMES, 60]), []];
    for (let i = 0; i < JUMPS; i++) jumps.push(await box.evaluate(jumpTo, ((i * 37) % JUMPS) / JUMPS));
    const up = await box.evaluate(framesOf, [FRAMES, -60]);
    await alice.button("To the newest").click();
    const many = await costs(alice, bob, huge);
    const newest = `target of a receipt in ${huge}`;
    await alice.sees(newest);
    const opened = await reopen(alice, "Long talk", "Short talk", newest);
    const echoes = await echo(alice);
    const ms = (x) => `${x.toFixed(1)} ms`;
    console.log(`\n| with ${MESSAGES} messages loaded | median | p99 | worst |\n| --- | --- | --- | --- |`);
    for (const [what, list] of [["a frame, scrolling down", down], ["a frame, scrolling up", up], ["a jump to anywhere", jumps], ["opening the room", opened], ["key press to local echo", echoes]])
        console.log(`| ${what} | ${ms(median(list))} | ${ms(part(list, 0.99))} | ${ms(worst(list))} |`);
    console.log(`\n| main thread for | ${FEW} messages | ${MESSAGES} messages |\n| --- | --- | --- |`);
    for (const what of Object.keys(changes)) console.log(`| ${what} | ${ms(few[what])} | ${ms(many[what])} |`);
    const rows = await alice.page.locator("main .row").count();
    console.log(`\n${rows} rows in the document; the page's objects take ${before.toFixed(0)} MiB before, ${after.toFixed(0)} MiB with all messages loaded (${(((after - before) * 1024) / MESSAGES).toFixed(1)} KiB each)`);
}
