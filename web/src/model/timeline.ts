/**
 * A room's (or a thread's) timeline as a list of items for the page, followed live. Owns nothing of the SDK's: it reads the
 * SDK's timelines and makes the list again when they change, which is cheap because messages are kept until they change.
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

export interface Reaction {
    key: string;
    count: number;
    senders: string[];
    /** Our own reaction's event, to take it back. */
    mine?: string;
}

export type Item =
    | { kind: "day"; key: string; ts: number }
    | { kind: "unread"; key: string }
    | { kind: "message"; key: string; event: MatrixEvent; message: Message; head: boolean; reactions: Reaction[]; thread?: ThreadSummary };

export interface ThreadSummary {
    id: string;
    count: number;
    lastTs: number;
    lastSender: string;
}

type MessageItem = Extract<Item, { kind: "message" }>;

/** More different reactions than this to one message are not shown. */
const MOST_REACTIONS = 60;
const GROUP_GAP = 5 * 60_000;
const PAGE = 60;

const keys = new WeakMap<MatrixEvent, string>();

/** Stays the same when a local echo becomes the real event. */
function keyOf(event: MatrixEvent): string {
    let key = keys.get(event);
    if (!key) keys.set(event, (key = event.getTxnId() ?? event.getId() ?? String(Math.random())));
    return key;
}

export const dayOf = (ts: number): string => new Date(ts).toDateString();

/** Whether `next` belongs to the same group as `before`: then it needs no head of its own. */
export function continues(before: Message, next: Message): boolean {
    const grouped = (m: Message) => m.body.kind !== "state";
    return before.sender === next.sender && grouped(before) && grouped(next) && next.ts - before.ts < GROUP_GAP && !next.replyTo;
}

/** What the creator's client sets right after creating a room is nothing to read about. */
export function isSetup(event: MatrixEvent, created: MatrixEvent | undefined): boolean {
    if (!created || event === created || !event.isState() || event.getSender() !== created.getSender()) return false;
    const told = event.getType() === "m.room.encryption" || (event.getType() === "m.room.member" && event.getStateKey() !== created.getSender());
    return !told && event.getTs() - created.getTs() < 2000;
}

export class Timeline {
    readonly items = signal<Item[]>([]);
    readonly canGoBack = signal(true);
    readonly loading = signal(false);
    /** False while the reader is at an old place that is not joined to the present. */
    readonly live = signal(true);
    readonly focus = signal<{ id: string; at: number } | null>(null);
    /** What a reaction belonged to: once it is redacted it does not say so itself. */
    private readonly parents = new Map<string, string>();
    private made = new WeakMap<MatrixEvent, { item: MessageItem; head: boolean }>();
    private anchor: EventTimeline | null = null;
    private scheduled = false;
    private readMarker: string | null = null;

    constructor(
        readonly client: MatrixClient,
        readonly room: Room,
        readonly thread?: Thread,
    ) {
        this.rebuild();
    }

    private get set(): EventTimelineSet {
        return this.thread ? this.thread.timelineSet : this.room.getUnfilteredTimelineSet();
    }

    private get liveTimeline(): EventTimeline {
        return this.thread ? this.thread.liveTimeline : this.room.getLiveTimeline();
    }

    /** The line above which everything had been read; set when a room is opened. */
    markUnreadFrom(eventId: string | null): void {
        this.readMarker = eventId;
        this.changed();
    }

    /** Call when something may be different; `event` is what has to be made anew. */
    changed(event?: MatrixEvent | null): void {
        if (event) this.made.delete(event);
        if (this.scheduled) return;
        this.scheduled = true;
        queueMicrotask(() => {
            this.scheduled = false;
            this.rebuild();
        });
    }

    changedId(eventId: string | undefined): void {
        const parent = eventId && this.parents.get(eventId);
        if (parent) this.changed(this.find(parent));
        this.changed(eventId ? this.find(eventId) : null);
    }

    find(eventId: string): MatrixEvent | undefined {
        return this.room.findEventById(eventId) ?? this.set.findEventById(eventId) ?? undefined;
    }

    private chain(): EventTimeline[] {
        let first = this.anchor ?? this.liveTimeline;
        for (let t = first.getNeighbouringTimeline(Direction.Backward); t; t = t.getNeighbouringTimeline(Direction.Backward)) first = t;
        const chain = [first];
        for (let t = first.getNeighbouringTimeline(Direction.Forward); t; t = t.getNeighbouringTimeline(Direction.Forward)) chain.push(t);
        return chain;
    }

    private events(chain: EventTimeline[]): MatrixEvent[] {
        const events = chain.flatMap((t) => t.getEvents());
        if (chain.at(-1) !== this.liveTimeline) return events;
        const waiting = this.room.getPendingEvents().filter((e) => (this.thread ? e.threadRootId === this.thread.id : !e.threadRootId));
        return events.concat(waiting);
    }

    private rebuild(): void {
        const chain = this.chain();
        const items: Item[] = [];
        let before: Message | undefined;
        let unreadNext = false;
        const me = this.client.getUserId();
        let created: MatrixEvent | undefined;
        for (const event of this.events(chain)) {
            if (event.getType() === "m.room.create") created = event;
            if (isShown(event) && !isSetup(event, created) && (this.thread || !event.threadRootId || event.isThreadRoot)) {
                const message = this.made.get(event)?.item.message ?? toMessage(event);
                if (!before || dayOf(before.ts) !== dayOf(message.ts)) {
                    items.push({ kind: "day", key: `day-${keyOf(event)}`, ts: message.ts });
                    before = undefined;
                }
                if (unreadNext && message.sender !== me) {
                    items.push({ kind: "unread", key: "unread" });
                    before = undefined;
                    unreadNext = false;
                }
                items.push(this.make(event, message, !before || !continues(before, message)));
                before = message;
            }
            if (this.readMarker && event.getId() === this.readMarker) unreadNext = true;
        }
        this.items.value = items;
        this.live.value = chain.at(-1) === this.liveTimeline;
        this.canGoBack.value = !!chain[0].getPaginationToken(Direction.Backward);
    }

    private make(event: MatrixEvent, message: Message, head: boolean): MessageItem {
        const known = this.made.get(event);
        if (known && known.head === head) return known.item;
        const item: MessageItem = { kind: "message", key: keyOf(event), event, message, head, reactions: this.reactions(event), thread: this.summary(event) };
        this.made.set(event, { item, head });
        return item;
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
        if (!this.items.value.some((i) => i.kind === "message" && i.message.id === eventId)) {
            this.loading.value = true;
            const found = await this.client.getEventTimeline(this.set, eventId).catch(() => null);
            this.loading.value = false;
            if (!found) return false;
            this.anchor = found;
            this.rebuild();
        }
        this.focus.value = { id: this.nearest(eventId), at: Date.now() };
        return true;
    }

    /** The event itself, or what follows it where it is not shown. */
    private nearest(eventId: string): string {
        const ts = this.find(eventId)?.getTs() ?? 0;
        const messages = this.items.value.flatMap((i) => (i.kind === "message" ? [i.message] : []));
        const found = messages.find((m) => m.id === eventId) ?? messages.find((m) => m.ts >= ts);
        return found?.id ?? eventId;
    }

    goToEnd(): void {
        this.focus.value = null;
        if (!this.anchor) return;
        this.anchor = null;
        this.rebuild();
    }
}
