/** The room list: each room as plain data, in the order and the sections in which it is shown. Pure but for `summarize`. */
import { KnownMembership, type MatrixClient, NotificationCountType, type Room } from "matrix-js-sdk";
import { loudness } from "./loudness";
import { isShown, str, toMessage } from "./message";

export interface RoomSummary {
    id: string;
    name: string;
    avatar?: string;
    topic?: string;
    membership: string;
    isSpace: boolean;
    children: string[];
    favourite: boolean;
    lowPriority: boolean;
    /** The other one, in a direct conversation. */
    directWith?: string;
    encrypted: boolean;
    unread: number;
    mentions: number;
    muted: boolean;
    lastTs: number;
    last?: { sender: string; mine: boolean; message: ReturnType<typeof toMessage> };
    inviter?: string;
}

export type SectionName = "invites" | "favourites" | "direct" | "rooms" | "low";

export interface Section {
    /** A fixed section, or a space's id. */
    id: SectionName | string;
    /** The space's name. */
    name?: string;
    rooms: RoomSummary[];
}

/** Who is talked with in which rooms (account data m.direct), the other way round. */
export function directRooms(content: Record<string, unknown> | undefined): Map<string, string> {
    const found = new Map<string, string>();
    for (const [user, rooms] of Object.entries(content ?? {})) {
        if (Array.isArray(rooms)) for (const id of rooms) if (typeof id === "string") found.set(id, user);
    }
    return found;
}

/** What is on its way counts too. */
function lastShown(room: Room) {
    const events = room.getLiveTimeline().getEvents().slice(-60).concat(room.getPendingEvents());
    return events.findLast((event) => isShown(event) && !event.isState() && !event.threadRootId);
}

export function summarize(client: MatrixClient, room: Room, direct: Map<string, string>): RoomSummary {
    const me = client.getUserId()!;
    const last = lastShown(room);
    const membership = room.getMyMembership();
    const own = room.getMember(me);
    const directWith = direct.get(room.roomId) ?? (membership === KnownMembership.Invite ? room.getDMInviter() : undefined);
    const avatar = room.getMxcAvatarUrl() ?? (directWith ? room.getMember(directWith)?.getMxcAvatarUrl() : undefined) ?? undefined;
    const create = room.currentState.getStateEvents("m.room.create", "")?.getTs() ?? 0;
    return {
        id: room.roomId,
        name: room.name,
        avatar,
        topic: str(room.currentState.getStateEvents("m.room.topic", "")?.getContent().topic),
        membership,
        isSpace: room.isSpaceRoom(),
        children: room.isSpaceRoom() ? children(room) : [],
        favourite: "m.favourite" in room.tags,
        lowPriority: "m.lowpriority" in room.tags,
        directWith,
        encrypted: room.hasEncryptionStateEvent(),
        unread: unreadOf(room),
        mentions: room.getUnreadNotificationCount(NotificationCountType.Highlight),
        muted: loudness(client, room.roomId) === "mute",
        lastTs: last?.getTs() ?? own?.events.member?.getTs() ?? create,
        last: last && { sender: room.getMember(last.getSender() ?? "")?.name ?? last.getSender() ?? "", mine: last.getSender() === me, message: toMessage(last) },
        inviter: membership === KnownMembership.Invite ? own?.events.member?.getSender() : undefined,
    };
}

/** What is new in a thread is told at its root; only what mentions the reader counts here, too. */
export function unreadOf(room: Room): number {
    const inThreads = room.getUnreadNotificationCount(NotificationCountType.Highlight) - room.getRoomUnreadNotificationCount(NotificationCountType.Highlight);
    return room.getRoomUnreadNotificationCount(NotificationCountType.Total) + inThreads;
}

function children(space: Room): string[] {
    return space.currentState
        .getStateEvents("m.space.child")
        .filter((event) => Array.isArray(event.getContent().via))
        .map((event) => event.getStateKey()!);
}

/** Rooms that somebody left, or was banned from, are nowhere. */
export const isListed = (room: RoomSummary): boolean => ["join", "invite", "knock"].includes(room.membership);

const byActivity = (a: RoomSummary, b: RoomSummary) => b.lastTs - a.lastTs || (a.id < b.id ? -1 : 1);

export function matches(room: RoomSummary, filter: string): boolean {
    const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
    const text = `${room.name} ${room.directWith ?? ""}`.toLowerCase();
    return words.every((word) => text.includes(word));
}

/** Each room stands in one section only: invitations first, then favourites, spaces as folders, people, other rooms. */
export function arrange(all: RoomSummary[], filter = ""): Section[] {
    const spaces = all.filter((r) => r.isSpace && r.membership === "join");
    const rest = all.filter((r) => !r.isSpace || r.membership === "invite").filter((r) => matches(r, filter)).sort(byActivity);
    const taken = new Set<string>();
    const take = (wanted: (r: RoomSummary) => boolean) => {
        const found = rest.filter((r) => !taken.has(r.id) && wanted(r));
        for (const room of found) taken.add(room.id);
        return found;
    };
    const sections: Section[] = [
        { id: "invites", rooms: take((r) => r.membership === "invite") },
        { id: "favourites", rooms: take((r) => r.favourite) },
        { id: "low", rooms: take((r) => r.lowPriority) },
    ];
    const low = sections.pop()!;
    for (const space of spaces) sections.push({ id: space.id, name: space.name, rooms: take((r) => space.children.includes(r.id)) });
    sections.push({ id: "direct", rooms: take((r) => !!r.directWith) }, { id: "rooms", rooms: take(() => true) }, low);
    return sections.filter((s) => s.rooms.length > 0 || (s.name !== undefined && !filter));
}
