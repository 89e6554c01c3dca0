/** What axe-core says of what is on the screen: no violation of WCAG A or AA; and nothing is wider than the window, no button cut off. With SCREENS=folder a picture is left there. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";

const AXE = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const LEVELS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];

export async function audit(person, what) {
    const { page } = person;
    await page.evaluate(AXE);
    const { violations } = await page.evaluate((values) => globalThis.axe.run({ runOnly: { type: "tag", values } }), LEVELS);
    const told = violations.map((v) => `${v.id}: ${v.help}\n${v.nodes.slice(0, 4).map((n) => `    ${n.html.slice(0, 160)}\n      ${n.failureSummary.replace(/\n/g, "\n      ")}`).join("\n")}`);
    assert.equal(told.length, 0, `${what}:\n${told.join("\n")}`);
    const { width, shown } = await page.evaluate(() => ({ width: document.documentElement.scrollWidth, shown: innerWidth }));
    assert.ok(width <= shown, `${what}: the page is ${width} wide in a window of ${shown}`);
    assert.deepEqual(await page.evaluate(cutOff), [], `${what}: cut off`);
    if (process.env.SCREENS) await page.screenshot({ path: join(process.env.SCREENS, `${what.replaceAll(" ", "-")}.png`) });
}

/** Buttons that reach out of what they lie in; tabs are scrolled. */
function cutOff() {
    const reachesOut = (button) => {
        const [inner, outer] = [button, button.closest("dialog, .menu, .panel")].map((e) => e.getBoundingClientRect());
        return inner.width > 0 && (inner.left < Math.max(0, outer.left) || inner.right > Math.min(innerWidth, outer.right));
    };
    return [...document.querySelectorAll(":is(dialog, .menu, .panel) button:not(.tabs *)")].filter(reachesOut).map((button) => button.textContent || button.ariaLabel);
}

/** The same in both colour schemes. */
export async function auditBoth(person, what) {
    for (const colorScheme of ["light", "dark"]) {
        await person.page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
        await person.page.waitForFunction((theme) => document.documentElement.dataset.theme === theme && new Promise((shown) => requestAnimationFrame(() => setTimeout(shown, 0, true))), colorScheme);
        await audit(person, `${what} ${colorScheme}`);
    }
}
