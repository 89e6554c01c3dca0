/** What was typed and not sent, by room (and thread). */
import type { Mention } from "./markdown";

const PREFIX = "rookery.draft.";
const LONGEST = 60_000;

export interface Draft {
    text: string;
    mentions: Mention[];
}

const isMention = (x: any): x is Mention => typeof x?.userId === "string" && typeof x.name === "string";

/** Older clients stored the text alone. */
export function parseDraft(stored: string): Draft {
    try {
        const { text, mentions } = JSON.parse(stored);
        if (typeof text === "string" && Array.isArray(mentions)) return { text, mentions: mentions.filter(isMention) };
    } catch {
        // such a text
    }
    return { text: stored, mentions: [] };
}

export const loadDraft = (place: string): Draft => parseDraft(localStorage.getItem(PREFIX + place) ?? "");

export function saveDraft(place: string, { text, mentions }: Draft): void {
    if (text) localStorage.setItem(PREFIX + place, JSON.stringify({ text: text.slice(0, LONGEST), mentions }));
    else localStorage.removeItem(PREFIX + place);
}
