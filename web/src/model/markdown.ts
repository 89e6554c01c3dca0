/** What a person typed, as the content of a message. Markdown becomes HTML only where that says more than the text itself. */
import { marked } from "marked";
import { SHORTCODES } from "./shortcodes";

export interface Mention {
    userId: string;
    name: string;
}

export interface Composed {
    msgtype: "m.text" | "m.emote";
    body: string;
    format?: "org.matrix.custom.html";
    formatted_body?: string;
    "m.mentions": { user_ids?: string[]; room?: boolean };
}

const ESCAPED: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };

/** As marked does it, so that text that is only text can be known by its HTML. */
export const escapeHtml = (text: string): string => text.replace(/[&<>"']/g, (c) => ESCAPED[c]);

/** HTML that somebody types is meant as text. */
marked.use({ gfm: true, breaks: true, renderer: { html: ({ text }) => escapeHtml(text) } });

export function replaceShortcodes(text: string): string {
    return text.replace(/:([a-z0-9_+-]{2,40}):/g, (all, name) => SHORTCODES.get(name) ?? all);
}

const linkTo = (m: Mention) => `<a href="https://matrix.to/#/${encodeURIComponent(m.userId)}">${escapeHtml(m.name)}</a>`;

/** Names that were completed (`@name`) become links that clients show as mentions; not in code, nor in what is a link already. */
function linkMentions(html: string, mentions: Mention[]): string {
    const longest = [...mentions].sort((a, b) => b.name.length - a.name.length);
    let closed = "";
    return html.replace(/<(\/?)(\w+)[^>]*>|[^<]+/g, (piece, slash: string | undefined, tag: string | undefined) => {
        if (tag && /^(a|code|pre)$/.test(tag)) {
            if (!slash && !closed) closed = tag;
            else if (slash && closed === tag) closed = "";
        }
        if (tag || closed) return piece;
        const found = longest.find((m) => piece.includes(`@${escapeHtml(m.name)}`));
        return found ? linkIn(piece, longest) : piece;
    });
}

/** All names in one go, so that no name is looked for in the link of another. */
function linkIn(text: string, mentions: Mention[]): string {
    const names = new Map(mentions.map((m) => [`@${escapeHtml(m.name)}`, m]));
    const any = [...names.keys()].map((name) => name.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")).join("|");
    return text.replace(new RegExp(any, "g"), (name) => linkTo(names.get(name)!));
}

export function compose(typed: string, known: Mention[] = []): Composed {
    const emote = typed.startsWith("/me ");
    const text = replaceShortcodes(emote ? typed.slice(4) : typed.replace(/^\/\//, "/")).trim();
    const mentions = known.filter((m) => text.includes(`@${m.name}`));
    const html = linkMentions((marked.parse(text, { async: false }) as string).trim(), mentions);
    const plain = `<p>${escapeHtml(text).replace(/\n/g, "<br>")}</p>`;
    const formatted = html === plain ? undefined : html.replace(/^<p>([^]*)<\/p>$/, (all, inner) => (inner.includes("<p>") ? all : inner));
    return {
        msgtype: emote ? "m.emote" : "m.text",
        body: text,
        ...(formatted === undefined ? {} : { format: "org.matrix.custom.html", formatted_body: formatted }),
        "m.mentions": {
            ...(mentions.length ? { user_ids: mentions.map((m) => m.userId) } : {}),
            ...(/(^|\s)@room\b/.test(text) ? { room: true } : {}),
        },
    };
}
