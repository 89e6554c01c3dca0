// The three budgets of the client, measured with the browser's own tracing and clocks: node bench/run.mjs. Prints a table for docs/web.md.
//   key press to local echo      from the input event of Enter to the next frame that has the message, by the trace
//   opening a room in memory     from the click to the next frame that has the room's newest message, by the trace
//   cold start                   from the navigation to a room list that can be clicked: a reload with what the browser has stored
//   a very long room             long.mjs (MESSAGES=0 leaves it out)
import { Person, Server } from "../tests/browser/kit.mjs";
import { long } from "./long.mjs";
import { median, tasksOf, untilShown, worst } from "./measure.mjs";

const ROOMS = 20;
const FILL = 60;
const TIMES = 15;

const line = (name, list, budget) => console.log(`| ${name} | ${median(list).toFixed(1)} ms | ${worst(list).toFixed(1)} ms | ${budget} ms |`);

async function fill(alice) {
    for (let r = 0; r < ROOMS; r++) {
        const { room_id } = await alice.call("POST", "/createRoom", { name: `Room ${r}`, preset: "public_chat" });
        await Promise.all(Array.from({ length: FILL }, (_, i) =>
            alice.call("PUT", `/rooms/${encodeURIComponent(room_id)}/send/m.room.message/${r}-${i}`, { msgtype: "m.text", body: `message ${i} of room ${r}` })));
    }
    await alice.page.locator(".room-row", { hasText: `Room ${ROOMS - 1}` }).waitFor();
}

async function echo(alice) {
    const times = [];
    await alice.openRoom("Room 3");
    for (let i = 0; i < TIMES; i++) {
        await alice.composer().fill(`echo number ${i}!`);
        const shown = alice.page.evaluate(untilShown, ["keydown", "main article .body", `echo number ${i}!`]);
        await alice.composer().press("Enter");
        times.push(await shown);
    }
    return times;
}

async function open(alice) {
    const times = [];
    for (let i = 0; i < TIMES + 2; i++) {
        const name = `Room ${5 + (i % 2)}`;
        const shown = alice.page.evaluate(untilShown, ["click", "main article .body", `message ${FILL - 1} of room ${5 + (i % 2)}`]);
        await alice.page.locator(".room-row", { hasText: name }).first().click();
        times.push(await shown);
    }
    return times.slice(2); // the first time each room is loaded into memory
}

async function start(alice) {
    const times = [];
    for (let i = 0; i < 7; i++) {
        await alice.page.goto("about:blank");
        await alice.page.goto(alice.server.url, { waitUntil: "commit" });
        await alice.page.locator(".room-row").first().waitFor();
        times.push(await alice.page.evaluate(() => performance.now()));
    }
    return times;
}

const server = await Server.start();
const alice = await Person.open(server, "alice");
await alice.register();
await fill(alice);
let echoes, opened;
const tasks = await tasksOf(alice, async () => {
    echoes = await echo(alice);
    opened = await open(alice);
});
const started = await start(alice);
console.log("| what | median | worst | budget |\n| --- | --- | --- | --- |");
line("key press to local echo", echoes, 16);
line("opening a room in memory", opened, 50);
line("cold start to a usable room list", started, 1500);
console.log(`\n${ROOMS} rooms, ${FILL} messages each; ${tasks.filter((ms) => ms > 50).length} tasks of more than 50 ms in the trace`);
if (process.env.MESSAGES !== "0") await long(server, alice);
await alice.close();
await server.close();
