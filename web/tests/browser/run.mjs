// The client in a real browser against the real server. Usage: node tests/browser/run.mjs [NAME...]; ends with "N passed, N failed".
import { account } from "./account.mjs";
import { away } from "./away.mjs";
import { chat } from "./chat.mjs";
import { history } from "./history.mjs";
import { hostile } from "./hostile.mjs";
import { keyboard } from "./keyboard.mjs";
import { media } from "./media.mjs";
import { people } from "./people.mjs";
import { rooms } from "./rooms.mjs";
import { screens } from "./screens.mjs";
import { timeline } from "./timeline.mjs";

const suites = { chat, rooms, timeline, people, history, media, away, account, keyboard, hostile, screens };
let passed = 0;
let failed = 0;
const faults = [];

function tell(name, error) {
    const text = `not ok ${name}\n${error.stack}`;
    faults.push(text);
    console.log(text);
}

/** Later tests build on earlier ones: the first failure ends the suite. */
async function test(name, work) {
    const began = performance.now();
    try {
        await work();
        passed++;
        console.log(`ok     ${name} (${Math.round(performance.now() - began)} ms)`);
    } catch (error) {
        failed++;
        tell(name, error);
        throw new Stop();
    }
}

class Stop extends Error {}

const wanted = process.argv.slice(2);
for (const [name, suite] of Object.entries(suites)) {
    if (wanted.length && !wanted.includes(name)) continue;
    console.log(`--- ${name}`);
    await suite(test).catch((error) => {
        if (error instanceof Stop) return;
        failed++;
        tell(name, error);
    });
}
if (faults.length) console.log(["--- what failed", ...faults].join("\n"));
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed || !passed ? 1 : 0);
