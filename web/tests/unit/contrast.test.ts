import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";

const sheet = await readFile("src/style/tokens.css", "utf8");

/** The colours of one theme, by their names. */
function colours(theme: string): Map<string, string> {
    const rules = sheet.slice(sheet.indexOf(`[data-theme="${theme}"] {`));
    return new Map([...rules.slice(0, rules.indexOf("}")).matchAll(/--([a-z-]+): (#[0-9a-f]{6});/g)].map(([, name, value]) => [name, value]));
}

function luminance(colour: string): number {
    const [r, g, b] = [1, 3, 5].map((at) => Number.parseInt(colour.slice(at, at + 2), 16) / 255).map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function contrast(a: string, b: string): number {
    const [dark, light] = [luminance(a), luminance(b)].sort((x, y) => x - y);
    return (light + 0.05) / (dark + 0.05);
}

const GROUNDS = ["bg", "bg-side", "bg-raised", "bg-hover"];
/** What stands on what, and how far apart they are at least (WCAG 1.4.3 and 1.4.11). */
const PAIRS: [string, string[], number][] = [
    ["text", [...GROUNDS, "bg-active", "bg-field", "bg-code", "bg-mention"], 4.5],
    ["text-soft", [...GROUNDS, "bg-active", "bg-field"], 4.5],
    ["accent-text", GROUNDS, 4.5],
    ["link", ["bg", "bg-raised"], 4.5],
    ["bad", ["bg", "bg-raised", "bad-bg"], 4.5],
    ["on-accent", ["accent", "accent-hover"], 4.5],
    ["warn-text", ["warn-bg"], 4.5],
    ["line-field", ["bg", "bg-side", "bg-raised", "bg-field"], 3],
];

for (const theme of ["light", "dark"])
    test(`contrast: ${theme}`, () => {
        const known = colours(theme);
        for (const [name, grounds, least] of PAIRS)
            for (const ground of grounds) {
                const found = contrast(known.get(name)!, known.get(ground)!);
                assert.ok(found >= least, `--${name} on --${ground}: ${found.toFixed(2)}, not ${least}`);
            }
    });
