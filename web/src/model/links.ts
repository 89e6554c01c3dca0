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

/** What a permalink names: a user, a room or an alias, perhaps a message there, and servers that know the room. */
export interface Place {
    id: string;
    eventId?: string;
    via: string[];
}

const MATRIX_TO = /^https:\/\/matrix\.to\/#\/([^/?]+)(?:\/([^/?]+))?/;
const MATRIX_URI = /^matrix:(u|r|roomid)\/([^/?]+)(?:\/e\/([^/?]+))?/;
const SIGILS: Record<string, string> = { u: "@", r: "#", roomid: "!" };
const LONGEST = 255;

export function permalink(href: string): Place | null {
    const [, kind, name, event] = href.match(MATRIX_URI) ?? [];
    const [, id = kind && SIGILS[kind] + name, eventId = event && `$${event}`] = href.match(MATRIX_TO) ?? [];
    try {
        const place = { id: decodeURIComponent(id ?? ""), eventId: decodeURIComponent(eventId ?? "") };
        if (!/^[@#!]\S+$/.test(place.id) || place.id.length > LONGEST) return null;
        const isMessage = !place.id.startsWith("@") && /^\$\S+$/.test(place.eventId) && place.eventId.length <= LONGEST;
        const via = new URLSearchParams(href.split("?")[1]).getAll("via").slice(0, 5);
        return { id: place.id, eventId: isMessage ? place.eventId : undefined, via };
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
