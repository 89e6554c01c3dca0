import assert from "node:assert/strict";
import { test } from "node:test";
import type { Message } from "../../src/model/message";
import { createClient, EventStatus, MatrixEvent, MatrixEventEvent, PendingEventOrdering, Room, RoomEvent } from "matrix-js-sdk";
import { continues, sameDay, Timeline } from "../../src/model/timeline";
import { dice } from "./dice";

const MINUTE = 60_000;
const message = (fields: Partial<Message> = {}): Message => ({
    id: "$1",
    sender: "@a:x",
    ts: 0,
    body: { kind: "text", text: "x" },
    edited: false,
    status: "sent",
    encrypted: false,
    ...fields,
});

test("what one person says at one go is one group", () => {
    assert.ok(continues(message(), message({ ts: 2 * MINUTE })));
    assert.ok(!continues(message(), message({ ts: 10 * MINUTE })), "later");
    assert.ok(!continues(message(), message({ sender: "@b:x" })), "somebody else");
    assert.ok(!continues(message(), message({ replyTo: "$0" })), "an answer");
    const state = message({ body: { kind: "state", type: "m.room.name", stateKey: "", content: {}, before: {} } });
    assert.ok(!continues(state, message()) && !continues(message(), state), "a change of the room");
});

test("a day is the reader's", () => {
    const noon = new Date(2026, 5, 1, 12).getTime();
    assert.ok(sameDay(noon, noon + 60 * MINUTE));
    assert.ok(!sameDay(noon, noon + 24 * 60 * MINUTE));
});

const ME = "@me:x";
const OTHERS = ["@a:x", "@b:x"];
const PEOPLE = [ME, ...OTHERS];

/** The next task: all that waited for this one to end is done. */
const settled = () => new Promise((resolve) => setImmediate(resolve));

/** A room as the SDK has it. Its clock goes forwards for what is new and backwards for what is loaded. */
class Place {
    readonly client = createClient({ baseUrl: "http://127.0.0.1:1", userId: ME, timelineSupport: true });
    readonly room = new Room("!r:x", this.client, ME, { pendingEventOrdering: PendingEventOrdering.Detached, timelineSupport: true });
    readonly live = this.room.getLiveTimeline();
    private oldest = new Date(2026, 5, 15, 12).getTime();
    private newest = this.oldest;
    private count = 0;
    onEvent = (_event: MatrixEvent) => {};

    event(fields: Record<string, unknown> = {}, ts = (this.newest += 70_000)): MatrixEvent {
        const n = this.count++;
        const content = { msgtype: "m.text", body: `message ${n}` };
        const event = new MatrixEvent({ type: "m.room.message", event_id: `$${n}`, room_id: "!r:x", sender: PEOPLE[n % 3], origin_server_ts: ts, content, ...fields } as any);
        this.onEvent(event);
        return event;
    }

    /** Newest first, as a server gives them. */
    older(count: number, fields?: Record<string, unknown>): void {
        const events = Array.from({ length: count }, () => this.event(fields, (this.oldest -= 70_000)));
        this.room.addEventsToTimeline(events, true, false, this.live, "more");
    }

    async newer(fields?: Record<string, unknown>): Promise<void> {
        await this.room.addLiveEvents([this.event(fields)], { addToState: false });
    }

    related(rel_type: string, event_id: string, more: Record<string, unknown> = {}): Record<string, unknown> {
        return { content: { msgtype: "m.text", body: "* other", "m.new_content": { msgtype: "m.text", body: "other" }, "m.relates_to": { rel_type, event_id, ...more } } };
    }

    echo(): MatrixEvent {
        const event = this.event({ sender: ME, event_id: `~${this.count}` });
        event.setTxnId(`txn${this.count}`);
        event.setStatus(EventStatus.SENDING);
        this.room.addPendingEvent(event, event.getTxnId()!);
        return event;
    }

    async arrive(echo: MatrixEvent): Promise<void> {
        await this.newer({ sender: ME, content: echo.getContent(), unsigned: { transaction_id: echo.getTxnId() } });
    }

    discard(echo: MatrixEvent): void {
        this.room.updatePendingEvent(echo, EventStatus.NOT_SENT);
        this.room.updatePendingEvent(echo, EventStatus.CANCELLED);
    }
}

/** A timeline that is told what happens, as the chat tells it. */
function followed(place: Place): Timeline {
    const timeline = new Timeline(place.client, place.room);
    place.room.on(RoomEvent.Timeline, (event, _room, _start, removed) => {
        timeline.changedId(event.getRelation()?.event_id);
        if (removed) timeline.rearranged();
        else timeline.changed();
    });
    place.room.on(RoomEvent.LocalEchoUpdated, (event) => timeline.changed(event));
    place.room.on(RoomEvent.Redaction, (event) => timeline.changedId(event.getAssociatedId()));
    place.onEvent = (event) => event.on(MatrixEventEvent.Replaced, () => timeline.changed(event));
    return timeline;
}

const told = ({ rows, unread, lastOwn }: Timeline) => ({ unread, lastOwn, rows: rows.slice(0, rows.length).map(({ event: _, ...row }) => row) });

test("a timeline that has followed everything is one that is made now", async () => {
    for (let seed = 1; seed <= 12; seed++) {
        const roll = dice(seed);
        const place = new Place();
        const timeline = followed(place);
        const echoes: MatrixEvent[] = [];
        let marker: string | null = null;
        const some = () => place.live.getEvents()[roll(place.live.getEvents().length)]?.getId() ?? "$none";
        const shown = () => timeline.rows.at(roll(timeline.rows.length))?.message.id ?? "$none";
        const acts = [
            () => place.newer(),
            () => place.newer(place.related("m.replace", some())),
            () => place.newer({ type: "m.reaction", ...place.related("m.annotation", some(), { key: "+" }) }),
            () => place.newer({ type: "m.room.redaction", redacts: shown(), content: {} }),
            () => place.newer({ type: "m.room.name", state_key: "", content: { name: "x" } }),
            () => place.older(roll(8)),
            () => place.older(1, { type: "m.reaction", ...place.related("m.annotation", some(), { key: "-" }) }),
            () => place.room.removeEvent(shown()),
            () => echoes.push(place.echo()),
            () => echoes.length && place.arrive(echoes.shift()!),
            () => echoes.length && place.discard(echoes.pop()!),
            () => timeline.markUnreadFrom((marker = roll(3) ? some() : null)),
        ];
        place.older(5);
        for (let step = 0; step < 150; step++) {
            await acts[roll(acts.length)]();
            if (roll(2)) continue; // several together
            await settled();
            const fresh = new Timeline(place.client, place.room);
            fresh.markUnreadFrom(marker);
            assert.deepEqual(told(timeline), told(fresh), `seed ${seed}, step ${step}`);
        }
    }
});

test("what nothing has happened to stays the same item", async () => {
    const place = new Place();
    const timeline = followed(place);
    place.older(50);
    await settled();
    const before = timeline.rows.slice(0, 50);
    place.older(20);
    await place.newer();
    await place.newer({ type: "m.reaction", ...place.related("m.annotation", before[30].message.id, { key: "+" }) });
    await settled();
    const others = timeline.rows.slice(20, 70).flatMap((item, i) => (item === before[i] ? [] : [i]));
    assert.deepEqual(others, [0, 30], "the one that has got a neighbour, and the one with the reaction");
});

test("with 100,000 messages, a change costs what has changed", async () => {
    const place = new Place();
    for (let i = 0; i < 100; i++) place.older(1000);
    const timeline = new Timeline(place.client, place.room);
    assert.equal(timeline.rows.length, 100_000);
    const events = place.live.getEvents();
    let read = 0;
    const counted = new Proxy(events, { get: (target, name) => (read++, Reflect.get(target, name)) });
    /** How often the events are looked at while the timeline follows. */
    const cost = async (tell: () => void) => {
        read = 0;
        place.live.getEvents = () => counted;
        tell();
        await settled();
        place.live.getEvents = () => events;
        return read;
    };
    const few = (reads: number, what: string) => assert.ok(reads < 1000, `${what}: ${reads} reads`);
    const target = events[50_000].getId()!;

    await place.newer();
    few(await cost(() => timeline.changed()), "a new message");
    await place.newer({ type: "m.reaction", ...place.related("m.annotation", target, { key: "+" }) });
    few(await cost(() => timeline.changedId(target)), "a reaction");
    assert.equal(timeline.item(target)!.reactions[0].key, "+");
    await place.newer({ sender: events[50_000].getSender(), ...place.related("m.replace", target) });
    few(await cost(() => timeline.changedId(target)), "an edit");
    assert.deepEqual(timeline.item(target)!.message.body, { kind: "text", text: "other", html: undefined });
    place.older(60);
    few(await cost(() => timeline.changed()), "a page of older ones");
    few(await cost(() => timeline.markUnreadFrom(events.at(-20)!.getId()!)), "where one has read up to");
    place.echo();
    few(await cost(() => timeline.changed()), "a message of one's own");
    assert.equal(timeline.rows.length, 100_062);
});
