/** What a person does with rooms and people. Each returns when the server has accepted it; failures are shown by Chat.attempt. */
import { EventType, type ICreateRoomOpts, type MatrixEvent, Method, Preset, type Room, Visibility } from "matrix-js-sdk";
import type { Chat } from "./chat";
import type { Place } from "./links";
import { directRooms } from "./rooms";

export interface NewRoom {
    name: string;
    topic?: string;
    isPublic: boolean;
    alias?: string;
    encrypted: boolean;
    space?: boolean;
    parent?: string;
    invite?: string[];
}

const ENCRYPTION = { type: "m.room.encryption", state_key: "", content: { algorithm: "m.megolm.v1.aes-sha2" } };

async function createAndOpen(chat: Chat, options: ICreateRoomOpts): Promise<string | undefined> {
    const made = await chat.attempt(() => chat.client.createRoom(options));
    if (made) await openWhenHere(chat, made.room_id);
    return made?.room_id;
}

/** The room is known when the next sync has brought it. */
export async function openWhenHere(chat: Chat, roomId: string): Promise<void> {
    for (let i = 0; i < 200 && chat.client.getRoom(roomId)?.getMyMembership() !== "join"; i++) await new Promise((resolve) => setTimeout(resolve, 50));
    chat.touch(roomId);
    chat.open(roomId);
}

export async function createRoom(chat: Chat, room: NewRoom): Promise<void> {
    const id = await createAndOpen(chat, {
        name: room.name,
        topic: room.topic || undefined,
        preset: room.isPublic ? Preset.PublicChat : Preset.PrivateChat,
        visibility: room.isPublic ? Visibility.Public : Visibility.Private,
        room_alias_name: room.isPublic && room.alias ? room.alias : undefined,
        invite: room.invite,
        initial_state: room.encrypted && !room.isPublic && !room.space ? [ENCRYPTION] : [],
        creation_content: room.space ? { type: "m.space" } : undefined,
    });
    if (id && room.parent) await addToSpace(chat, room.parent, id);
}

export function mayAddTo(chat: Chat, spaceId: string): boolean {
    return !!chat.client.getRoom(spaceId)?.currentState.maySendStateEvent(EventType.SpaceChild, chat.me);
}

export async function addToSpace(chat: Chat, spaceId: string, roomId: string): Promise<void> {
    await chat.attempt(() => chat.client.sendStateEvent(spaceId, EventType.SpaceChild, { via: [chat.client.getDomain()!] }, roomId));
}

/** The conversation with that person: the one there is, or a new one, encrypted. */
export async function openDirect(chat: Chat, userId: string): Promise<void> {
    const content = chat.client.getAccountData("m.direct" as any)?.getContent() as Record<string, string[]> | undefined;
    for (const [roomId, other] of directRooms(content)) {
        if (other === userId && chat.client.getRoom(roomId)?.getMyMembership() === "join") return chat.open(roomId);
    }
    const made = await chat.attempt(() =>
        chat.client.createRoom({ preset: Preset.TrustedPrivateChat, is_direct: true, invite: [userId], initial_state: [ENCRYPTION] }),
    );
    if (!made) return;
    await markDirect(chat, made.room_id, userId);
    await openWhenHere(chat, made.room_id);
}

async function markDirect(chat: Chat, roomId: string, userId: string): Promise<void> {
    const now = (chat.client.getAccountData("m.direct" as any)?.getContent() ?? {}) as Record<string, string[]>;
    const next = { ...now, [userId]: [...new Set([...(now[userId] ?? []), roomId])] };
    await chat.attempt(() => chat.client.setAccountData("m.direct" as any, next as any));
}

/**
 * Not by the SDK's joinRoom: for a day after an invitation was accepted that one asks the server for the inviter's keys whenever it
 * starts, and does not start without an answer.
 */
async function enter(chat: Chat, idOrAlias: string, viaServers: string[] = []): Promise<string> {
    const path = `/join/${encodeURIComponent(idOrAlias)}`;
    return (await chat.client.http.authedRequest<{ room_id: string }>(Method.Post, path, { via: viaServers, server_name: viaServers }, {})).room_id;
}

export async function join(chat: Chat, idOrAlias: string, viaServers?: string[]): Promise<boolean> {
    const inviter = chat.client.getRoom(idOrAlias)?.getDMInviter();
    const roomId = await chat.attempt(() => enter(chat, idOrAlias, viaServers));
    if (!roomId) return false;
    if (inviter) await markDirect(chat, roomId, inviter);
    await openWhenHere(chat, roomId);
    return true;
}

/** The room of that id or alias, where one is in it or invited. */
export function roomOf(chat: Chat, idOrAlias: string): Room | undefined {
    const named = (room: Room) => room.roomId === idOrAlias || room.getCanonicalAlias() === idOrAlias || room.getAltAliases().includes(idOrAlias);
    return chat.client.getRooms().find((room) => named(room) && ["join", "invite", "knock"].includes(room.getMyMembership()));
}

/** Where a permalink leads: to the room, and the message there; a room that one is not in can be joined. */
export async function follow(chat: Chat, { id, eventId, via }: Place): Promise<void> {
    const room = roomOf(chat, id);
    if (!room) {
        chat.dialog.value = { kind: "join", address: id, via };
        return;
    }
    if (room.roomId !== chat.roomId.value) chat.open(room.roomId);
    if (eventId) await chat.goTo(eventId);
}

export async function knock(chat: Chat, idOrAlias: string, reason?: string): Promise<boolean> {
    return !!(await chat.attempt(() => chat.client.knockRoom(idOrAlias, { reason })));
}

export async function leave(chat: Chat, roomId: string): Promise<void> {
    await chat.attempt(() => chat.client.leave(roomId));
    if (chat.roomId.value === roomId) chat.open(null);
}

export async function invite(chat: Chat, roomId: string, userId: string): Promise<boolean> {
    return !!(await chat.attempt(() => chat.client.invite(roomId, userId)));
}

export async function toggleFavourite(chat: Chat, room: Room): Promise<void> {
    const on = "m.favourite" in room.tags;
    await chat.attempt(() => (on ? chat.client.deleteRoomTag(room.roomId, "m.favourite") : chat.client.setRoomTag(room.roomId, "m.favourite", { order: 0.5 })));
}

export async function toggleLow(chat: Chat, room: Room): Promise<void> {
    const on = "m.lowpriority" in room.tags;
    await chat.attempt(() => (on ? chat.client.deleteRoomTag(room.roomId, "m.lowpriority") : chat.client.setRoomTag(room.roomId, "m.lowpriority", { order: 0.5 })));
}

export function canRedact(chat: Chat, room: Room, event: MatrixEvent): boolean {
    const own = event.getSender() === chat.me && room.currentState.maySendEvent("m.room.redaction", chat.me);
    return own || room.currentState.maySendRedactionForEvent(event, chat.me);
}

export function pinned(room: Room): string[] {
    const ids = room.currentState.getStateEvents("m.room.pinned_events", "")?.getContent().pinned;
    return Array.isArray(ids) ? ids.filter((id) => typeof id === "string").slice(0, 100) : [];
}

export const isPinned = (room: Room, eventId: string): boolean => pinned(room).includes(eventId);

export async function togglePin(chat: Chat, room: Room, eventId: string): Promise<void> {
    const now = pinned(room);
    const next = now.includes(eventId) ? now.filter((id) => id !== eventId) : [...now, eventId];
    await chat.attempt(() => chat.client.sendStateEvent(room.roomId, EventType.RoomPinnedEvents, { pinned: next }, ""));
}
