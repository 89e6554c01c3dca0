/** Which addresses may become links, in what others wrote and in what we send. */

const SAFE_SCHEMES = new Set(["http:", "https:", "mailto:", "matrix:", "tel:"]);

/** The address, if following it does nothing but go there. */
export function safeUrl(href: string): string | null {
    try {
        const url = new URL(href);
        return SAFE_SCHEMES.has(url.protocol) ? url.href : null;
    } catch {
        return null;
    }
}

/** The user, room or alias that a permalink names. */
export function permalink(href: string): string | null {
    const found = href.match(/^https:\/\/matrix\.to\/#\/([^/?]+)/);
    try {
        const id = found && decodeURIComponent(found[1]);
        return id && /^[@#!]\S+$/.test(id) && id.length <= 255 ? id : null;
    } catch {
        return null;
    }
}

const IN_TEXT = /\bhttps?:\/\/[^\s<>"'`]+/g;
const MOST_LINKS = 200;

/** Stops and closing brackets at the end belong to the sentence, unless the bracket was opened in the address. */
function trimmed(url: string): string {
    for (;;) {
        const last = url.at(-1)!;
        const opening = { ")": "(", "]": "[", "}": "{" }[last];
        const count = (c: string) => url.split(c).length;
        if (opening ? count(last) <= count(opening) : !".,:;!?*_~".includes(last)) return url;
        url = url.slice(0, -1);
    }
}

/** The text in order, cut where an address begins and ends. */
export function splitLinks(text: string): (string | { url: string })[] {
    const parts: (string | { url: string })[] = [];
    let at = 0;
    for (const found of text.matchAll(IN_TEXT)) {
        if (parts.length > 2 * MOST_LINKS) break;
        const url = trimmed(found[0]);
        if (!safeUrl(url)) continue;
        parts.push(text.slice(at, found.index), { url });
        at = found.index + url.length;
    }
    parts.push(text.slice(at));
    return parts.filter((part) => part !== "");
}
