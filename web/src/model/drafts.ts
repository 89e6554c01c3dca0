/** What was typed and not sent, by room (and thread). */
const PREFIX = "rookery.draft.";

export const loadDraft = (place: string): string => localStorage.getItem(PREFIX + place) ?? "";

export function saveDraft(place: string, text: string): void {
    if (text) localStorage.setItem(PREFIX + place, text.slice(0, 60_000));
    else localStorage.removeItem(PREFIX + place);
}
