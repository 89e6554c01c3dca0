/** Completion in the composer: what is being typed at the cursor, and what it may become. Pure. */
import { findEmoji } from "./shortcodes";

export interface Candidate {
    /** What stands in the text afterwards, and what the list shows. */
    insert: string;
    label: string;
    detail?: string;
    userId?: string;
    emoji?: string;
}

export interface Word {
    kind: "user" | "emoji";
    text: string;
    from: number;
}

/** `@na|` or `:tad|` before the cursor. */
export function wordAt(text: string, cursor: number): Word | null {
    const before = text.slice(0, cursor);
    const user = before.match(/(?:^|[\s(])@([^\s@]{0,40})$/);
    if (user) return { kind: "user", text: user[1], from: cursor - user[1].length - 1 };
    const emoji = before.match(/(?:^|\s):([a-z0-9_+-]{2,30})$/);
    return emoji ? { kind: "emoji", text: emoji[1], from: cursor - emoji[1].length - 1 } : null;
}

interface Person {
    userId: string;
    name: string;
}

export function candidates(word: Word, people: Person[], most = 8): Candidate[] {
    const wanted = word.text.toLowerCase();
    if (word.kind === "emoji") return findEmoji(wanted, most).map((e) => ({ insert: e.emoji, label: `:${e.names[0]}:`, emoji: e.emoji }));
    const rank = (p: Person) => (p.name.toLowerCase().startsWith(wanted) || p.userId.toLowerCase().startsWith(`@${wanted}`) ? 0 : 1);
    const fits = (p: Person) => p.name.toLowerCase().includes(wanted) || p.userId.toLowerCase().includes(wanted);
    const found = people.filter(fits).sort((a, b) => rank(a) - rank(b) || a.name.localeCompare(b.name));
    return found.slice(0, most).map((p) => ({ insert: `@${p.name}`, label: p.name, detail: p.userId, userId: p.userId }));
}

export function insert(text: string, cursor: number, word: Word, chosen: Candidate): { text: string; cursor: number } {
    const head = `${text.slice(0, word.from)}${chosen.insert} `;
    return { text: head + text.slice(cursor).replace(/^ /, ""), cursor: head.length };
}
