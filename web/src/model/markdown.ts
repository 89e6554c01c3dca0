/** What a person typed, as the content of a message. Markdown becomes HTML only where that says more than the text itself. */
import { Marked, type Token, type Tokens } from "marked";
import { safeUrl } from "./links";
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

export const escapeHtml = (text: string): string =>
    text.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);

const CODE = /(```[^]*?(?:```|$)|`[^`\n]*`)/;

/** `:tada:` becomes the emoji, but not in code. */
export function replaceShortcodes(text: string): string {
    const emoji = (part: string) => part.replace(/:([a-z0-9_+-]{2,40}):/g, (all, name) => SHORTCODES.get(name) ?? all);
    return text.split(CODE).map((part, i) => (i % 2 ? part : emoji(part))).join("");
}

const linkTo = (href: string, inner: string) => `<a href="${escapeHtml(href)}">${inner}</a>`;

/**
 * Markdown with HTML that somebody types meant as text, with links that only go somewhere, and with names that were completed (`@name`) as the links
 * that clients show as mentions. Whom it mentions it puts into `found`.
 */
function parser(mentions: Mention[], found: Set<string>): Marked {
    const longestFirst = [...mentions].sort((a, b) => b.name.length - a.name.length);
    return new Marked({
        gfm: true,
        breaks: true,
        renderer: {
            html: ({ text }) => escapeHtml(text),
            checkbox: ({ checked }) => (checked ? "☑ " : "☐ "),
            link({ href, tokens }) {
                const inner = this.parser.parseInline(tokens);
                return safeUrl(href) ? linkTo(href, inner) : inner;
            },
            image: ({ href, text }) => (safeUrl(href) ? linkTo(href, escapeHtml(text || href)) : escapeHtml(text)),
        },
        extensions: [
            {
                name: "mention",
                level: "inline",
                start: (text) => text.match(/(?<!\w)@/)?.index,
                tokenizer(text) {
                    const mention = !this.lexer.state.inLink && longestFirst.find((m) => text.startsWith(`@${m.name}`));
                    if (!mention) return undefined;
                    found.add(mention.userId);
                    return { type: "mention", raw: `@${mention.name}`, mention };
                },
                renderer: ({ mention }) => linkTo(`https://matrix.to/#/${encodeURIComponent(mention.userId)}`, escapeHtml(mention.name)),
            },
        ],
    });
}

/** Receivers make links of bare addresses themselves. */
const saysNoMore = (token: Token): boolean => ["text", "br", "html"].includes(token.type) || (token.type === "link" && token.raw === token.text);
const isPlain = (tokens: Token[]): boolean =>
    tokens.every((token) => token.type === "space" || token.type === "html" || (token.type === "paragraph" && (token as Tokens.Paragraph).tokens.every(saysNoMore)));

function toHtml(text: string, mentions: Mention[], found: Set<string>): string | undefined {
    const marked = parser(mentions, found);
    const tokens = marked.lexer(text);
    if (isPlain(tokens)) return undefined;
    const html = marked.parser(tokens).trim();
    return html.replace(/^<p>([^]*)<\/p>$/, (all, inner) => (inner.includes("<p>") ? all : inner)) || undefined;
}

export function compose(typed: string, known: Mention[] = []): Composed {
    const emote = typed.startsWith("/me ");
    const text = replaceShortcodes(emote ? typed.slice(4) : typed.replace(/^\/\//, "/")).trim();
    const found = new Set<string>();
    const html = toHtml(text, known, found);
    return {
        msgtype: emote ? "m.emote" : "m.text",
        body: text,
        ...(html ? { format: "org.matrix.custom.html", formatted_body: html } : {}),
        "m.mentions": {
            ...(found.size ? { user_ids: [...found] } : {}),
            ...(/(^|\s)@room\b/.test(text) ? { room: true } : {}),
        },
    };
}
