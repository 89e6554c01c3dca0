/** Emoji by their short names, as people know them from elsewhere (:tada:). */
import { gemoji } from "gemoji";

export interface Emoji {
    emoji: string;
    name: string;
    names: string[];
    category: string;
    words: string;
}

export const EMOJI: Emoji[] = gemoji.map((g) => ({
    emoji: g.emoji,
    name: g.description,
    names: g.names,
    category: g.category,
    words: [...g.names, ...g.tags, g.description].join(" ").toLowerCase(),
}));

export const SHORTCODES = new Map(gemoji.flatMap((g) => g.names.map((name) => [name, g.emoji] as const)));

export function findEmoji(wanted: string, most = 400): Emoji[] {
    const text = wanted.toLowerCase().trim();
    if (!text) return EMOJI.slice(0, most);
    const starts = EMOJI.filter((e) => e.names.some((n) => n.startsWith(text)));
    const others = EMOJI.filter((e) => !starts.includes(e) && e.words.includes(text));
    return [...starts, ...others].slice(0, most);
}
