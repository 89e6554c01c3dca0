/**
 * Search in what this browser can read, so in encrypted rooms too: what is loaded, and on request the older history, page by page. The
 * server's own search is not used: it cannot read what is encrypted, and a server need not have one.
 */
import { signal } from "@preact/signals";
import { Direction, type MatrixClient, type MatrixEvent, type Room } from "matrix-js-sdk";
import { isShown, toMessage } from "./message";

export interface Hit {
    event: MatrixEvent;
    room: Room;
}

const MOST = 200;
const PAGE = 100;
/** After so many pages without anything new the person is asked again. */
const PAGES_AT_ONCE = 20;

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

/** What was read of a room's history for searching only: its timeline on the page stays as it is. */
interface Archive {
    room: Room;
    /** Where the next page begins; null at the beginning of the room. */
    from: string | null;
    oldest: number;
    events: MatrixEvent[];
}

function textOf(event: MatrixEvent): string {
    if (!isShown(event) || event.isState()) return "";
    const { body } = toMessage(event);
    return "media" in body ? `${body.media.name} ${body.text ?? ""}` : "text" in body ? (body.text ?? "") : "";
}

function loadedEvents(room: Room): MatrixEvent[] {
    const sets = [room.getUnfilteredTimelineSet(), ...room.getThreads().map((thread) => thread.timelineSet)];
    return sets.flatMap((set) => set.getTimelines().flatMap((timeline) => timeline.getEvents()));
}

function openArchive(room: Room): Archive {
    let first = room.getLiveTimeline();
    for (let t = first.getNeighbouringTimeline(Direction.Backward); t; t = t.getNeighbouringTimeline(Direction.Backward)) first = t;
    return { room, from: first.getPaginationToken(Direction.Backward), oldest: first.getEvents()[0]?.getTs() ?? Date.now(), events: [] };
}

export class Search {
    readonly hits = signal<Hit[]>([]);
    readonly busy = signal(false);
    /** Everything that was written since then has been searched; 0: everything. */
    readonly since = signal(0);
    private readonly archives = new Map<string, Archive>();
    private fits: ReturnType<typeof matcher> = null;
    private rooms: Archive[] = [];

    constructor(private readonly client: MatrixClient) {}

    /** In one room, or in all. */
    look(typed: string, only?: Room): void {
        this.fits = matcher(typed);
        const wanted = only ? [only] : this.client.getRooms().filter((room) => room.getMyMembership() === "join");
        this.rooms = wanted.map((room) => this.archive(room));
        this.collect();
    }

    /** Reads older pages, until there is something new, or nothing older. */
    async older(): Promise<void> {
        if (this.busy.value) return;
        this.busy.value = true;
        const before = this.hits.value.length;
        try {
            for (let i = 0; i < PAGES_AT_ONCE && this.since.value > 0 && this.hits.value.length <= before; i++) {
                await this.page(this.rooms.filter((a) => a.from).reduce((a, b) => (a.oldest > b.oldest ? a : b)));
                this.collect();
            }
        } finally {
            this.busy.value = false;
        }
    }

    private archive(room: Room): Archive {
        let archive = this.archives.get(room.roomId);
        if (!archive) this.archives.set(room.roomId, (archive = openArchive(room)));
        return archive;
    }

    private async page(archive: Archive): Promise<void> {
        const answer = await this.client.createMessagesRequest(archive.room.roomId, archive.from, PAGE, Direction.Backward);
        const toEvent = this.client.getEventMapper({ preventReEmit: true });
        for (const raw of answer.chunk) {
            const event = toEvent(raw);
            await event.getDecryptionPromise();
            await event.replacingEvent()?.getDecryptionPromise();
            archive.events.push(event);
            archive.oldest = Math.min(archive.oldest, Math.max(1, event.getTs()));
        }
        archive.from = answer.chunk.length ? (answer.end ?? null) : null;
    }

    private collect(): void {
        const { fits } = this;
        const found = new Map<string, Hit>();
        if (fits)
            for (const { room, events } of this.rooms)
                for (const event of [...events, ...loadedEvents(room)]) if (fits(textOf(event))) found.set(event.getId()!, { event, room });
        this.hits.value = [...found.values()].sort((a, b) => b.event.getTs() - a.event.getTs()).slice(0, MOST);
        this.since.value = Math.max(0, ...this.rooms.map((a) => (a.from ? a.oldest : 0)));
    }
}
