/** Search in what this browser has: all loaded timelines, encrypted rooms too. The server's own search is not used. */
import type { MatrixClient, MatrixEvent, Room } from "matrix-js-sdk";
import { isShown, toMessage } from "./message";

export interface Hit {
    event: MatrixEvent;
    room: Room;
    text: string;
}

const MOST = 200;

/** Words that all occur, in any order; case and accents do not matter. */
export function matcher(typed: string): ((text: string) => boolean) | null {
    const words = fold(typed).split(/\s+/).filter(Boolean);
    if (words.length === 0) return null;
    return (text) => {
        const folded = fold(text);
        return words.every((word) => folded.includes(word));
    };
}

const fold = (text: string): string => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();

function eventsOf(room: Room): MatrixEvent[] {
    const seen = new Map<string, MatrixEvent>();
    const sets = [room.getUnfilteredTimelineSet(), ...room.getThreads().map((thread) => thread.timelineSet)];
    for (const set of sets) for (const timeline of set.getTimelines()) for (const event of timeline.getEvents()) seen.set(event.getId()!, event);
    return [...seen.values()];
}

export function searchRooms(client: MatrixClient, typed: string, only?: Room): Hit[] {
    const fits = matcher(typed);
    if (!fits) return [];
    const hits: Hit[] = [];
    for (const room of only ? [only] : client.getRooms())
        for (const event of eventsOf(room)) {
            if (!isShown(event) || event.isState()) continue;
            const { body } = toMessage(event);
            const text = "media" in body ? `${body.media.name} ${body.text ?? ""}` : "text" in body ? (body.text ?? "") : "";
            if (text && fits(text)) hits.push({ event, room, text });
        }
    return hits.sort((a, b) => b.event.getTs() - a.event.getTs()).slice(0, MOST);
}
