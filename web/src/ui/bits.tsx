/** The small pieces that every screen is made of. */
import { useSignal } from "@preact/signals";
import { X } from "lucide-preact";
import type { ComponentChildren, ComponentType, RefObject } from "preact";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { mediaUrl, type MediaSource } from "../sdk/media";
import { t } from "../text";
import { useChat } from "./context";
import { useModal } from "./modal";
import { Toasts } from "./toasts";

export type Icon = ComponentType<any>;

interface IconButtonProps {
    icon: Icon;
    label: string;
    /** What is new there: a dot, and words after the label. */
    news?: string;
    onClick?: (event: MouseEvent) => void;
    pressed?: boolean;
    disabled?: boolean;
    class?: string;
    expanded?: boolean;
    id?: string;
}

const withNews = (label: string, news?: string): string => (news ? `${label}, ${news}` : label);

export function IconButton({ icon: Glyph, label, news, pressed, expanded, class: extra = "", ...rest }: IconButtonProps) {
    const name = withNews(label, news);
    return (
        <button type="button" class={`icon-button ${news ? "new" : ""} ${extra}`} aria-label={name} title={name} aria-pressed={pressed} aria-expanded={expanded} {...rest}>
            <Glyph size={18} aria-hidden="true" />
        </button>
    );
}

/** A media file's address once it is there; undefined before, null when it cannot be had. */
export function useMedia(source: MediaSource | undefined, onProgress?: (part: number) => void): string | null | undefined {
    const chat = useChat();
    const url = useSignal<string | null | undefined>(undefined);
    const id = source && JSON.stringify([source.mxc, source.thumbnail]);
    useEffect(() => {
        let gone = false;
        url.value = undefined;
        if (source)
            mediaUrl(chat.client, source, onProgress).then(
                (found) => !gone && (url.value = found),
                () => !gone && (url.value = null),
            );
        return () => {
            gone = true;
        };
    }, [id]);
    return url.value;
}

function hueOf(id: string): number {
    let hash = 0;
    for (const c of id) hash = (hash * 31 + c.codePointAt(0)!) >>> 0;
    return hash % 8;
}

const graphemes = new Intl.Segmenter(undefined, { granularity: "grapheme" });

function initial(name: string): string {
    const clean = name.replace(/^[@#!\s\p{P}]+/u, "");
    for (const { segment } of graphemes.segment(clean.slice(0, 16))) return segment.toUpperCase();
    return "#";
}

export function Avatar({ id, name, mxc, size = 36, square = false }: { id: string; name: string; mxc?: string; size?: number; square?: boolean }) {
    const url = useMedia(mxc ? { mxc, thumbnail: { width: size * 2, height: size * 2, crop: true } } : undefined);
    const shape = square ? "avatar avatar-square" : "avatar";
    const style = { width: size, height: size, fontSize: size * 0.42 };
    if (url) return <img class={shape} style={style} src={url} alt="" width={size} height={size} />;
    return (
        <span class={`${shape} hue-${hueOf(id)}`} style={style} aria-hidden="true">
            {initial(name)}
        </span>
    );
}

/** Keeps the keyboard inside while it is open, closes on Escape, and gives the focus back afterwards. Without `onClose` only what is in it closes it. */
export function Dialog(props: { title: string; onClose?: () => void; children: ComponentChildren; class?: string; footer?: ComponentChildren }) {
    const ref = useRef<HTMLDialogElement>(null);
    const innermost = useModal(ref);
    const onBackdrop = (event: MouseEvent) => event.target === ref.current && props.onClose?.();
    const onCancel = (event: Event) => {
        event.preventDefault();
        props.onClose?.();
    };
    return (
        <dialog ref={ref} class={`dialog ${props.class ?? ""}`} aria-label={props.title} closedby={props.onClose ? undefined : "none"} onMouseDown={onBackdrop} onCancel={onCancel}>
            <div class="dialog-inner">
                <header class="dialog-head">
                    <h2>{props.title}</h2>
                    {props.onClose && <IconButton icon={X} label={t("close")} onClick={props.onClose} />}
                </header>
                <div class="dialog-body">{props.children}</div>
                {props.footer && <footer class="dialog-foot">{props.footer}</footer>}
            </div>
            <Toasts shown={innermost} />
        </dialog>
    );
}

/** Closes what `ref` holds when somebody clicks elsewhere or presses Escape. */
export function useDismiss(ref: RefObject<HTMLElement>, onClose: () => void): void {
    useEffect(() => {
        const onDown = (event: Event) => ref.current && !ref.current.contains(event.target as Node) && onClose();
        const onKey = (event: KeyboardEvent) => {
            if (event.key !== "Escape") return;
            event.stopPropagation();
            onClose();
        };
        document.addEventListener("pointerdown", onDown, true);
        document.addEventListener("keydown", onKey, true);
        return () => {
            document.removeEventListener("pointerdown", onDown, true);
            document.removeEventListener("keydown", onKey, true);
        };
    }, []);
}

export interface MenuEntry {
    label: string;
    icon?: Icon;
    danger?: boolean;
    news?: string;
    checked?: boolean;
    act: () => void;
}

/** A button that opens a menu; arrows move in it. */
export function MenuButton(props: { label: string; news?: string; icon?: Icon; entries: MenuEntry[]; class?: string; children?: ComponentChildren; onOpen?: (open: boolean) => void }) {
    const open = useSignal(false);
    const button = useRef<HTMLDivElement>(null);
    const set = (value: boolean) => {
        open.value = value;
        props.onOpen?.(value);
        if (!value) button.current?.querySelector("button")?.focus();
    };
    return (
        <div class="menu-anchor" ref={button}>
            {props.children ? (
                <button type="button" class={props.class} aria-haspopup="menu" aria-expanded={open.value} onClick={() => set(!open.value)}>
                    <span class="sr-only">{props.label}: </span>
                    {props.children}
                </button>
            ) : (
                <IconButton icon={props.icon!} label={props.label} news={props.news} class={props.class} expanded={open.value} onClick={() => set(!open.value)} />
            )}
            {open.value && <Menu entries={props.entries} label={props.label} onClose={() => set(false)} anchor={button} />}
        </div>
    );
}

function Menu({ entries, label, onClose, anchor }: { entries: MenuEntry[]; label: string; onClose: () => void; anchor: RefObject<HTMLElement> }) {
    const ref = useRef<HTMLDivElement>(null);
    useDismiss(anchor, onClose);
    useLayoutEffect(() => {
        placeNear(ref.current!, anchor.current!);
        ref.current!.querySelector<HTMLElement>("[role^=menuitem]")?.focus();
    }, []);
    function onKeyDown(event: KeyboardEvent) {
        const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
        if (!step) return;
        event.preventDefault();
        event.stopPropagation();
        const items = [...ref.current!.querySelectorAll<HTMLElement>("[role^=menuitem]")];
        const at = items.indexOf(document.activeElement as HTMLElement);
        items[(at + step + items.length) % items.length].focus();
    }
    return (
        <div class="menu" role="menu" aria-label={label} ref={ref} onKeyDown={onKeyDown}>
            {entries.map(({ label: text, icon: Glyph, danger, news, checked, act }) => (
                <button
                    key={text}
                    type="button"
                    role={checked === undefined ? "menuitem" : "menuitemradio"}
                    aria-checked={checked}
                    aria-label={news && withNews(text, news)}
                    class={danger ? "danger" : news ? "new" : ""}
                    onClick={() => {
                        onClose();
                        act();
                    }}
                >
                    {Glyph && <Glyph size={16} aria-hidden="true" />}
                    <span>{text}</span>
                </button>
            ))}
        </div>
    );
}

/** Below the anchor, or above it where there is no room; always inside the window. What floats is fixed by its style: within the anchor it would make that larger. */
export function placeNear(floating: HTMLElement, anchor: HTMLElement): void {
    const a = anchor.getBoundingClientRect();
    const { offsetWidth: w, offsetHeight: h } = floating;
    const below = a.bottom + 4 + h <= innerHeight || a.top < h;
    floating.style.left = `${Math.max(8, Math.min(a.right - w, innerWidth - w - 8))}px`;
    floating.style.top = `${Math.max(8, below ? Math.min(a.bottom + 4, innerHeight - h - 8) : a.top - h - 4)}px`;
}

export function Switch({ label, checked, onChange, hint }: { label: string; checked: boolean; onChange: (value: boolean) => void; hint?: string }) {
    return (
        <label class="switch">
            <span>
                {label}
                {hint && <small class="muted">{hint}</small>}
            </span>
            <input type="checkbox" role="switch" checked={checked} onChange={(e) => onChange(e.currentTarget.checked)} />
        </label>
    );
}

export function Empty({ icon: Glyph, title, children }: { icon: Icon; title: string; children?: ComponentChildren }) {
    return (
        <div class="empty">
            <Glyph size={40} strokeWidth={1.25} aria-hidden="true" />
            <p class="empty-title">{title}</p>
            {children && <div class="muted">{children}</div>}
        </div>
    );
}
