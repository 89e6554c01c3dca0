/**
 * Formatted bodies. What others wrote is parsed as a document of its own (no script runs, nothing is loaded there) and made anew from
 * an allow-list: no markup of theirs ever reaches the page, only elements that are named here, with the attributes that are named here.
 */
import { useSignal } from "@preact/signals";
import { type ComponentChildren, h } from "preact";
import { useMemo } from "preact/hooks";
import { follow, roomOf } from "../model/actions";
import { permalink, type Place, safeUrl, splitLinks } from "../model/links";
import { t } from "../text";
import { useChat } from "./context";

/** Deeper or longer than this is shown as far as it goes. */
const DEEPEST = 40;
const MOST_NODES = 4000;

const ALLOWED = new Set(
    "p br b strong i em u s del code pre blockquote ul ol li h1 h2 h3 h4 h5 h6 hr sub sup table thead tbody tr th td details summary caption div".split(" "),
);
/** A message is no document: its headings do not compete with the page's. */
const RENAMED: Record<string, string> = { h1: "h3", h2: "h4", h3: "h4", h4: "h5", h5: "h6", strike: "del", center: "div", font: "span" };
/** Their content is not text that anybody was meant to read. */
const DROPPED = new Set("mx-reply script style template noscript iframe object embed head title math svg textarea select audio video".split(" "));

interface Walk {
    nodes: number;
}

export function FormattedBody({ html }: { html: string }) {
    const content = useMemo(() => renderHtml(html), [html]);
    return <>{content}</>;
}

/** The property itself, and not the field of a form (or the picture in a document) that has taken its name. */
const own = <N extends Node, K extends keyof N & string>(type: { prototype: N }, key: K, node: Node): N[K] => Reflect.get(type.prototype, key, node);

export function renderHtml(html: string): ComponentChildren {
    const parsed = new DOMParser().parseFromString(html, "text/html");
    return children(own(Document, "body", parsed), { nodes: 0 }, 0, false);
}

function children(parent: Node, walk: Walk, depth: number, literal: boolean): ComponentChildren[] {
    if (depth > DEEPEST) return [own(Node, "textContent", parent)];
    const out: ComponentChildren[] = [];
    for (const node of own(Node, "childNodes", parent)) {
        if (++walk.nodes > MOST_NODES) break;
        if (node.nodeType === Node.TEXT_NODE) out.push(literal ? node.textContent : linkify(node.textContent ?? ""));
        else if (node instanceof HTMLFormElement) out.push(children(node, walk, depth + 1, literal));
        else if (node instanceof Element) out.push(element(node, walk, depth, literal));
    }
    return out;
}

function element(node: Element, walk: Walk, depth: number, literal: boolean): ComponentChildren {
    const name = node.tagName.toLowerCase();
    if (DROPPED.has(name)) return null;
    const inner = () => children(node, walk, depth + 1, literal || name === "a" || name === "code" || name === "pre");
    if (name === "a") return <Link href={node.getAttribute("href") ?? ""}>{inner()}</Link>;
    if (name === "img") return node.getAttribute("alt") || node.getAttribute("title") || "";
    if (name === "span" && node.hasAttribute("data-mx-spoiler")) return <Spoiler reason={node.getAttribute("data-mx-spoiler") ?? ""}>{inner()}</Spoiler>;
    const tag = RENAMED[name] ?? name;
    if (tag === "pre") return <CodeBlock text={node.textContent ?? ""} />;
    if (!ALLOWED.has(tag)) return inner();
    if (tag === "br" || tag === "hr") return h(tag, null);
    if (tag === "table") return <div class="table-wrap">{h("table", null, inner())}</div>;
    const start = tag === "ol" ? Number.parseInt(node.getAttribute("start") ?? "", 10) : Number.NaN;
    return h(tag, Number.isSafeInteger(start) ? { start } : null, inner());
}

export function CodeBlock({ text }: { text: string }) {
    const copied = useSignal(false);
    async function copy() {
        await navigator.clipboard.writeText(text);
        copied.value = true;
        setTimeout(() => (copied.value = false), 1500);
    }
    return (
        <div class="code-block">
            <pre tabIndex={0} aria-label={t("code")}>
                <code>{text.replace(/\n$/, "")}</code>
            </pre>
            <button type="button" class="copy" onClick={copy}>
                {copied.value ? t("copied") : t("copy")}
            </button>
        </div>
    );
}

function Spoiler({ reason, children }: { reason: string; children: ComponentChildren }) {
    const shown = useSignal(false);
    if (shown.value) return <span class="spoiler-open">{children}</span>;
    return (
        <button type="button" class="spoiler" onClick={() => (shown.value = true)}>
            {reason || t("spoiler")}
        </button>
    );
}

export function Link({ href, children }: { href: string; children: ComponentChildren }) {
    const url = safeUrl(href);
    const place = url && permalink(href);
    if (place) return place.id.startsWith("@") ? <Pill userId={place.id} /> : <PlacePill place={place} />;
    if (!url) return <>{children}</>;
    return (
        <a href={url} target="_blank" rel="noopener noreferrer nofollow" title={url}>
            {children}
        </a>
    );
}

function Pill({ userId }: { userId: string }) {
    const chat = useChat();
    const mine = userId === chat.me;
    return (
        <button type="button" class={mine ? "pill pill-me" : "pill"} onClick={() => (chat.panel.value = { kind: "member", userId })}>
            @<bdi>{chat.nameOf(userId)}</bdi>
        </button>
    );
}

/** A room, or a message in one. It is named by what it is, whatever the link's text says. */
function PlacePill({ place }: { place: Place }) {
    const chat = useChat();
    const name = roomOf(chat, place.id)?.name ?? place.id;
    return (
        <button type="button" class="pill" onClick={() => void follow(chat, place)}>
            <bdi>{place.eventId ? t("message_in", { room: name }) : name}</bdi>
        </button>
    );
}

export function linkify(text: string): ComponentChildren {
    if (!text.includes("://")) return text;
    return splitLinks(text).map((part) => (typeof part === "string" ? part : <Link href={part.url}>{part.url}</Link>));
}

/** A message of a few emoji and nothing else is shown large. */
export const isOnlyEmoji = (text: string): boolean =>
    text.length < 40 && /^(\p{Extended_Pictographic}|\p{Emoji_Component}|\p{Emoji_Modifier}|‍|️|\s)+$/u.test(text) && /\p{Extended_Pictographic}/u.test(text);
