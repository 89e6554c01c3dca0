/** The emoji picker, and a button that opens it. The list itself is loaded with the first picker. */
import { useSignal } from "@preact/signals";
import { useEffect, useLayoutEffect, useMemo, useRef } from "preact/hooks";
import { EMOJI, type Emoji, findEmoji } from "../model/shortcodes";
import { t } from "../text";
import { type Icon, IconButton, placeNear, useDismiss } from "./bits";
import { useRoving } from "./roving";

const RECENT = "rookery.emoji";

function recent(): string[] {
    try {
        const kept = JSON.parse(localStorage.getItem(RECENT) ?? "[]");
        return Array.isArray(kept) ? kept.filter((x) => typeof x === "string").slice(0, 24) : [];
    } catch {
        return [];
    }
}

function remember(emoji: string): void {
    localStorage.setItem(RECENT, JSON.stringify([emoji, ...recent().filter((e) => e !== emoji)].slice(0, 24)));
}

export function EmojiButton({ label, icon, onPick, class: extra }: { label: string; icon: Icon; onPick: (emoji: string) => void; class?: string }) {
    const open = useSignal(false);
    const anchor = useRef<HTMLDivElement>(null);
    const close = () => {
        open.value = false;
        anchor.current?.querySelector("button")?.focus();
    };
    return (
        <div class="menu-anchor" ref={anchor}>
            <IconButton icon={icon} label={label} class={extra} expanded={open.value} onClick={() => (open.value = !open.value)} />
            {open.value && (
                <Picker
                    anchor={anchor}
                    onClose={close}
                    onPick={(emoji) => {
                        remember(emoji);
                        close();
                        onPick(emoji);
                    }}
                />
            )}
        </div>
    );
}

function Picker({ anchor, onPick, onClose }: { anchor: { current: HTMLDivElement | null }; onPick: (emoji: string) => void; onClose: () => void }) {
    const ref = useRef<HTMLDivElement>(null);
    const wanted = useSignal("");
    const groups = useMemo(() => grouped(wanted.value), [wanted.value]);
    useDismiss(anchor, onClose);
    useRoving(ref, ".picker-grid button");
    useLayoutEffect(() => placeNear(ref.current!, anchor.current!), []);
    useEffect(() => ref.current!.querySelector("input")!.focus(), []);
    function onKeyDown(event: KeyboardEvent) {
        if (event.key === "ArrowDown") {
            event.preventDefault();
            ref.current!.querySelector<HTMLElement>(".picker-grid button")?.focus();
        } else if (event.key === "Enter" && groups[0]?.[1][0]) {
            event.preventDefault();
            onPick(groups[0][1][0].emoji);
        }
    }
    return (
        <div class="picker" role="dialog" aria-label={t("emoji")} ref={ref}>
            <input type="search" placeholder={t("search_emoji")} aria-label={t("search_emoji")} value={wanted.value} onInput={(e) => (wanted.value = e.currentTarget.value)} onKeyDown={onKeyDown} />
            <div class="picker-list" role="group" aria-label={t("emoji")}>
                {groups.map(([name, list]) => (
                    <section key={name}>
                        <h3>{name}</h3>
                        <div class="picker-grid">
                            {list.map((e) => (
                                <button key={e.emoji} type="button" title={`:${e.names[0]}:`} aria-label={e.name} onClick={() => onPick(e.emoji)}>
                                    {e.emoji}
                                </button>
                            ))}
                        </div>
                    </section>
                ))}
                {groups.length === 0 && <p class="muted">{t("nothing_found")}</p>}
            </div>
        </div>
    );
}

function grouped(wanted: string): [string, Emoji[]][] {
    if (wanted.trim()) {
        const found = findEmoji(wanted, 120);
        return found.length ? [[t("found"), found]] : [];
    }
    const groups = new Map<string, Emoji[]>();
    const last = recent().map((emoji) => EMOJI.find((e) => e.emoji === emoji) ?? { emoji, name: emoji, names: [emoji], category: "", words: "" });
    if (last.length) groups.set(t("recent"), last);
    for (const e of EMOJI) groups.set(e.category, [...(groups.get(e.category) ?? []), e]);
    return [...groups];
}
