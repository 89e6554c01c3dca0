/**
 * A room's (or a thread's) timeline as rows for the page, followed live. Owns nothing of the SDK's: it reads the SDK's timelines. What came
 * at their ends is added to the rows, what has changed is made anew where it stands; only when the SDK has arranged its timelines in
 * another way are all rows made again.
 */
import { signal } from "@preact/signals";
import {
    Direction,
    type EventTimeline,
    type EventTimelineSet,
    type MatrixClient,
    type MatrixEvent,
    type Room,
    type Thread,
} from "matrix-js-sdk";
import { isShown, type Message, toMessage } from "./message";
import { Rows } from "./rows";

export interface Reaction {
    key: string;
    count: number;
    senders: string[];
    /** Our own reaction's event, to take it back. */
    mine?: string;
}

/** A message, and what stands above it. */
export interface Item {
    key: string;
    event: MatrixEvent;
    message: Message;
    /** The first of its day; the first that is new; the first of its group, which has a head. */
    day: boolean;
    unread: boolean;
    head: boolean;
    reactions: Reaction[];
    thread?: ThreadSummary;
}

export interface ThreadSummary {
    id: string;
    count: number;
    lastTs: number;
    lastSender: string;
}

/** More different reactions than this to one message are not shown. */
const MOST_REACTIONS = 60;
const GROUP_GAP = 5 * 60_000;
const PAGE = 60;
/** Who stands further back than so many messages is not looked for among those who have seen one. */
const FURTHEST_RECEIPT = 500;

const keys = new WeakMap<MatrixEvent, string>();

/** Stays the same when a local echo becomes the real event. */
function keyOf(event: MatrixEvent): string {
    let key = keys.get(event);
    if (!key) keys.set(event, (key = event.getTxnId() ?? event.getId() ?? String(Math.random())));
    return key;
}

const QUARTER = 15 * 60_000;

/** Of the reader's clock, which is whole quarters of an hour away from everybody else's. */
export const sameDay = (a: number, b: number): boolean =>
    Math.floor(a / QUARTER) === Math.floor(b / QUARTER) || new Date(a).toDateString() === new Date(b).toDateString();

/** Whether `next` belongs to the same group as `before`: then it needs no head of its own. */
export function continues(before: Message, next: Message): boolean {
    const grouped = (m: Message) => m.body.kind !== "state";
    return before.sender === next.sender && grouped(before) && grouped(next) && next.ts - before.ts < GROUP_GAP && !next.replyTo;
}

/** What the creator's client sets right after creating a room is nothing to read about. */
export function isSetup(event: MatrixEvent, created: MatrixEvent | null): boolean {
    if (!created || !event.isState() || event.getSender() !== created.getSender() || event.getType() === "m.room.create") return false;
    const told = event.getType() === "m.room.encryption" || (event.getType() === "m.room.member" && event.getStateKey() !== created.getSender());
    return !told && event.getTs() - created.getTs() < 2000;
}

/** What the rows were made of. */
interface Taken {
    chain: EventTimeline[];
    first: MatrixEvent;
    last: MatrixEvent;
    count: number;
}

const countOf = (chain: EventTimeline[]): number => chain.reduce((sum, timeline) => sum + timeline.getEvents().length, 0);

export class Timeline {
    readonly rows = new Rows<Item>();
    /** Grows when the rows are others. */
    readonly version = signal(0);
    readonly canGoBack = signal(true);
    readonly loading = signal(false);
    /** False while the reader is at an old place that is not joined to the present. */
    readonly live = signal(true);
    /** Grows when the reader wants to be at the end. */
    readonly end = signal(0);
    readonly focus = signal<{ id: string; at: number } | null>(null);
    /** Keys of rows: of the last that we wrote, and of the first that is new. */
    lastOwn: string | null = null;
    unread: string | null = null;
    /** What a reaction belonged to: once it is redacted it does not say so itself. */
    private readonly parents = new Map<string, string>();
    private readonly byId = new Map<string, MatrixEvent>();
    private readonly made = new WeakMap<MatrixEvent, Item>();
    private readonly stale = new Set<MatrixEvent>();
    private taken: Taken | null = null;
    /** How many rows at the end are of messages that wait to be sent. */
    private waiting = 0;
    private anchor: EventTimeline | null = null;
    private scheduled = false;
    private readMarker: string | null = null;
    /** The marker below which the first new message has been in view. */
    private readonly met = signal<string | null>(null);
    /** The marker has been met, and nothing of others after it. */
    private expecting = false;

    constructor(
        readonly client: MatrixClient,
        readonly room: Room,
        readonly thread?: Thread,
    ) {
        this.follow();
    }

    private get set(): EventTimelineSet {
        return this.thread ? this.thread.timelineSet : this.room.getUnfilteredTimelineSet();
    }

    private get liveTimeline(): EventTimeline {
        return this.thread ? this.thread.liveTimeline : this.room.getLiveTimeline();
    }

    /** The row of that event, if there is one. */
    item(eventId: string): Item | undefined {
        const event = this.byId.get(eventId);
        return event && this.rows.at(this.rows.indexOf(keyOf(event)));
    }

    find(eventId: string): MatrixEvent | undefined {
        return this.item(eventId)?.event ?? this.room.findEventById(eventId) ?? this.set.findEventById(eventId);
    }

    /** Whose receipt is at that message or after it. */
    readersSince(event: MatrixEvent): string[] {
        const place = this.thread ?? this.room;
        const events = this.liveTimeline.getEvents();
        const from = events.lastIndexOf(event);
        const later = from < 0 ? [event] : events.slice(Math.max(from, events.length - FURTHEST_RECEIPT));
        const readers = new Set(later.flatMap((e) => place.getUsersReadUpTo(e)));
        readers.delete(this.client.getUserId()!);
        return [...readers];
    }

    // --- what has changed ---

    /** Call when something may be different; `event` is what has to be made anew. */
    changed(event?: MatrixEvent): void {
        if (event) this.stale.add(event);
        if (this.scheduled) return;
        this.scheduled = true;
        queueMicrotask(() => {
            this.scheduled = false;
            this.follow();
        });
    }

    changedId(eventId: string | undefined): void {
        const parent = this.parents.get(eventId ?? "");
        if (parent) this.changed(this.byId.get(parent));
        this.changed(this.byId.get(eventId ?? ""));
    }

    /** Call when something was taken out. */
    rearranged(): void {
        this.taken = null;
        this.changed();
    }

    /** The line above which everything had been read; set when a room is opened. */
    markUnreadFrom(eventId: string | null): void {
        this.follow();
        const drawn = this.rows.indexOf(this.unread ?? "");
        this.readMarker = eventId;
        this.met.value = null;
        this.unread = null;
        this.expecting = false;
        this.refresh(drawn);
        if (eventId && this.set.getTimelineForEvent(eventId)) this.seekMarker(eventId);
        this.version.value++;
    }

    /** From the end, where it mostly is. */
    private seekMarker(eventId: string): void {
        let next = this.rows.length;
        for (const timeline of this.chain().reverse()) {
            const events = timeline.getEvents();
            for (let i = events.length - 1; i >= 0; i--) {
                if (events[i].getId() === eventId) return this.drawUnread(next);
                const index = this.rows.indexOf(keys.get(events[i]) ?? "");
                if (index >= 0) next = index;
            }
        }
    }

    /** The first row from there on that others wrote is new. */
    private drawUnread(from: number): void {
        let index = from;
        while (this.rows.at(index)?.message.sender === this.client.getUserId()) index++;
        this.unread = this.rows.at(index)?.key ?? null;
        this.expecting = this.unread === null;
        this.refresh(index);
    }

    /** The event to go to for the first new message, until it has been in view: where that is not loaded, the last that was read. */
    get ahead(): string | null {
        if (this.met.value === this.readMarker) return null;
        const first = this.unread && this.rows.at(this.rows.indexOf(this.unread));
        return first ? first.message.id : this.expecting ? null : this.readMarker;
    }

    /** The first new message is in view. */
    meet(): void {
        this.met.value = this.readMarker;
    }

    // --- following ---

    private chain(): EventTimeline[] {
        let first = this.anchor ?? this.liveTimeline;
        for (let t = first.getNeighbouringTimeline(Direction.Backward); t; t = t.getNeighbouringTimeline(Direction.Backward)) first = t;
        const chain = [first];
        for (let t = first.getNeighbouringTimeline(Direction.Forward); t; t = t.getNeighbouringTimeline(Direction.Forward)) chain.push(t);
        return chain;
    }

    private follow(): void {
        const chain = this.chain();
        const live = chain.at(-1) === this.liveTimeline;
        for (const event of this.stale) this.made.delete(event);
        for (; this.waiting > 0; this.waiting--) this.rows.pop();
        this.takeNew(chain);
        for (const event of this.stale) this.remake(event);
        this.stale.clear();
        const settled = this.rows.length;
        if (live) this.append(this.room.getPendingEvents().filter((e) => (this.thread ? e.threadRootId === this.thread.id : !e.threadRootId)));
        this.waiting = this.rows.length - settled;
        this.keepLastOwn();
        this.live.value = live;
        this.canGoBack.value = !!chain[0].getPaginationToken(Direction.Backward);
        this.version.value++;
    }

    private takeNew(chain: EventTimeline[]): void {
        const [head, tail] = [chain[0].getEvents(), chain.at(-1)!.getEvents()];
        const grown = this.growth(chain, head, tail);
        if (grown) {
            this.prepend(head.slice(0, grown.before));
            this.append(tail.slice(tail.length - grown.after));
        } else {
            this.rows.clear();
            this.unread = this.lastOwn = null;
            this.expecting = false;
            this.append(chain.flatMap((timeline) => timeline.getEvents()));
        }
        this.taken = { chain, first: head[0], last: tail.at(-1)!, count: countOf(chain) };
    }

    /** How many events came at the ends; null when something else has happened. */
    private growth(chain: EventTimeline[], head: MatrixEvent[], tail: MatrixEvent[]): { before: number; after: number } | null {
        const { taken } = this;
        if (!taken || chain.length !== taken.chain.length || chain.some((timeline, i) => timeline !== taken.chain[i])) return null;
        const before = head.indexOf(taken.first);
        const last = tail.lastIndexOf(taken.last);
        const after = tail.length - 1 - last;
        return before >= 0 && last >= 0 && countOf(chain) === taken.count + before + after ? { before, after } : null;
    }

    private append(events: MatrixEvent[]): void {
        for (const item of this.take(events, this.rows.last())) {
            this.rows.push(item);
            if (item.message.sender === this.client.getUserId()) this.lastOwn = item.key;
        }
    }

    private prepend(events: MatrixEvent[]): void {
        const { expecting } = this;
        this.expecting = false;
        const items = this.take(events);
        this.rows.unshift(items);
        if (this.expecting) this.drawUnread(items.length);
        else this.expecting = expecting;
        if (items.length) this.refresh(items.length);
    }

    /** The rows of `events`, which come after `before`. */
    private take(events: MatrixEvent[], before?: Item): Item[] {
        const items: Item[] = [];
        const me = this.client.getUserId();
        for (const event of events) {
            if (this.shows(event)) {
                if (this.expecting && event.getSender() !== me) {
                    this.unread = keyOf(event);
                    this.expecting = false;
                }
                items.push((before = this.make(event, before)));
            }
            if (this.readMarker !== null && event.getId() === this.readMarker) this.expecting = true;
        }
        return items;
    }

    private shows(event: MatrixEvent): boolean {
        if (!isShown(event) || (!this.thread && event.threadRootId && !event.isThreadRoot)) return false;
        return !event.isState() || !isSetup(event, this.room.currentState.getStateEvents("m.room.create", ""));
    }

    /** Its row, and the next one, which may be of its group. */
    private remake(event: MatrixEvent): void {
        const index = this.rows.indexOf(keyOf(event));
        if (index < 0) return;
        if (this.shows(event)) {
            this.refresh(index);
            this.refresh(index + 1);
        } else {
            this.taken = null;
            this.takeNew(this.chain());
        }
    }

    private refresh(index: number): void {
        const item = this.rows.at(index);
        if (item) this.rows.replace(index, this.make(item.event, this.rows.at(index - 1)));
    }

    /** The same item for as long as nothing in it is another. */
    private make(event: MatrixEvent, before: Item | undefined): Item {
        const known = this.made.get(event);
        const message = known?.message ?? toMessage(event);
        const key = keyOf(event);
        const day = !before || !sameDay(before.message.ts, message.ts);
        const unread = key === this.unread;
        const head = day || unread || !continues(before!.message, message);
        if (known && known.day === day && known.unread === unread && known.head === head) return known;
        const item = known ? { ...known, day, unread, head } : { key, event, message, day, unread, head, reactions: this.reactions(event), thread: this.summary(event) };
        this.made.set(event, item);
        this.byId.set(message.id, event);
        return item;
    }

    private keepLastOwn(): void {
        if (this.lastOwn === null || this.rows.indexOf(this.lastOwn) >= 0) return;
        this.lastOwn = this.rows.findLast((item) => item.message.sender === this.client.getUserId())?.key ?? null;
    }

    private reactions(event: MatrixEvent): Reaction[] {
        const id = event.getId();
        const relations = id && this.set.relations?.getChildEventsForEvent(id, "m.annotation", "m.reaction");
        if (!relations) return [];
        const me = this.client.getUserId();
        const sorted = (relations.getSortedAnnotationsByKey() ?? []).slice(0, MOST_REACTIONS);
        return sorted.map(([key, events]) => {
            for (const event of events) this.parents.set(event.getId()!, id);
            const senders = new Map([...events].filter((e) => !e.isRedacted()).map((e) => [e.getSender() ?? "", e.getId()]));
            return { key: String(key), count: senders.size, senders: [...senders.keys()].slice(0, 20), mine: senders.get(me ?? "") };
        }).filter((r) => r.count > 0);
    }

    private summary(event: MatrixEvent): ThreadSummary | undefined {
        const id = event.getId();
        const thread = !this.thread && id ? this.room.getThread(id) : null;
        if (!thread || thread.length === 0) return undefined;
        const last = thread.replyToEvent;
        return { id: thread.id, count: thread.length, lastTs: last?.getTs() ?? 0, lastSender: last?.getSender() ?? "" };
    }

    /** Older messages; at an old place that is not joined to the present also newer ones. */
    async loadOlder(): Promise<void> {
        const first = this.chain()[0];
        await this.page(first, true);
    }

    async loadNewer(): Promise<void> {
        const last = this.chain().at(-1)!;
        if (last !== this.liveTimeline) await this.page(last, false);
    }

    private async page(timeline: EventTimeline, backwards: boolean): Promise<void> {
        if (this.loading.value || !timeline.getPaginationToken(backwards ? Direction.Backward : Direction.Forward)) return;
        this.loading.value = true;
        try {
            await this.client.paginateEventTimeline(timeline, { backwards, limit: PAGE });
        } catch (error: any) {
            console.warn("messages:", error?.message); // asked for again when the reader comes near once more
        } finally {
            this.loading.value = false;
            this.changed();
        }
    }

    /** Brings the event into the list and asks the page to show it. */
    async goTo(eventId: string): Promise<boolean> {
        if (!this.item(eventId)) {
            this.loading.value = true;
            const found = await this.client.getEventTimeline(this.set, eventId).catch(() => null);
            this.loading.value = false;
            if (!found) return false;
            this.anchor = found;
            this.follow();
        }
        this.focus.value = { id: this.nearest(eventId), at: Date.now() };
        return true;
    }

    /** The event itself, or what follows it where it is not shown. */
    private nearest(eventId: string): string {
        const ts = this.find(eventId)?.getTs() ?? 0;
        const found = this.item(eventId) ?? this.rows.slice(0, this.rows.length).find(({ message }) => message.ts >= ts);
        return found?.message.id ?? eventId;
    }

    goToEnd(): void {
        this.focus.value = null;
        this.end.value++;
        if (!this.anchor) return;
        this.anchor = null;
        this.follow();
    }
}
