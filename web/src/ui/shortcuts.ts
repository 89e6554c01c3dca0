/** Keys that work everywhere. The list under `?` is made from the same rows. */
import { useEffect } from "preact/hooks";
import type { Chat } from "../model/chat";
import { type Key, t } from "../text";
import { anyModal } from "./modal";

interface Shortcut {
    keys: string;
    text: Key;
    matches?: (event: KeyboardEvent) => boolean;
    act?: (chat: Chat) => void;
}

const ctrl = (event: KeyboardEvent) => (event.ctrlKey || event.metaKey) && !event.altKey;

function step(chat: Chat, by: number, onlyUnread: boolean): void {
    const rooms = chat.sections.value.flatMap((s) => s.rooms).filter((r) => !onlyUnread || r.unread > 0 || r.id === chat.roomId.value);
    const at = rooms.findIndex((r) => r.id === chat.roomId.value);
    const next = rooms[(at + by + rooms.length) % rooms.length];
    if (next) chat.open(next.id);
}

export const SHORTCUTS: Shortcut[] = [
    { keys: "Ctrl K", text: "key_switcher", matches: (e) => ctrl(e) && e.key === "k", act: (c) => (c.dialog.value = { kind: "switcher" }) },
    { keys: "Alt ↑ / Alt ↓", text: "key_rooms", matches: (e) => e.altKey && !e.shiftKey && /^Arrow(Up|Down)$/.test(e.key) },
    { keys: "Alt Shift ↑ / ↓", text: "key_unread", matches: (e) => e.altKey && e.shiftKey && /^Arrow(Up|Down)$/.test(e.key) },
    { keys: "Ctrl F", text: "key_search", matches: (e) => ctrl(e) && e.key === "f", act: (c) => c.roomId.value && (c.panel.value = { kind: "search" }) },
    { keys: "Ctrl ,", text: "key_settings", matches: (e) => ctrl(e) && e.key === ",", act: (c) => (c.dialog.value = { kind: "settings" }) },
    { keys: "?", text: "key_shortcuts", matches: (e) => e.key === "?" && !typing(e), act: (c) => (c.dialog.value = { kind: "shortcuts" }) },
    { keys: "Esc", text: "key_escape", matches: (e) => e.key === "Escape", act: (c) => c.closePanel() },
    { keys: "Enter", text: "key_send" },
    { keys: "Shift Enter", text: "key_newline" },
    { keys: "↑", text: "key_edit" },
    { keys: "↑ / ↓", text: "key_messages" },
    { keys: "@ :", text: "key_complete" },
];

const typing = (event: KeyboardEvent): boolean => (event.target as Element).matches?.("input, textarea, select, [contenteditable]");

/** Dialogs that hold what is lost when they go. */
const KEEPS = new Set<string | undefined>(["verify", "recovery"]);

export function useShortcuts(chat: Chat): void {
    useEffect(() => {
        const onKey = (event: KeyboardEvent) => {
            if ((chat.dialog.value || anyModal()) && (event.key !== "k" || KEEPS.has(chat.dialog.value?.kind))) return;
            const found = SHORTCUTS.find((s) => s.matches?.(event));
            if (!found) return;
            event.preventDefault();
            if (found.act) found.act(chat);
            else step(chat, event.key === "ArrowUp" ? -1 : 1, event.shiftKey);
        };
        document.addEventListener("keydown", onKey);
        return () => document.removeEventListener("keydown", onKey);
    }, []);
}

export const shortcutText = (shortcut: Shortcut): string => t(shortcut.text);
