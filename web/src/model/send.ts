/** Everything that goes into a room: text, answers, edits, reactions, files; retried when the network comes back. */
import { signal } from "@preact/signals";
import { EventStatus, EventType, type MatrixEvent, MsgType, RelationType, type Room } from "matrix-js-sdk";
import { encryptAttachment } from "../sdk/attachment";
import type { Chat } from "./chat";
import { compose, type Mention } from "./markdown";
import { outgoing } from "./message";

export interface Target {
    room: Room;
    threadId?: string;
}

export interface Upload {
    id: number;
    roomId: string;
    threadId?: string;
    name: string;
    part: number;
    /** Why it has failed. */
    failed?: string;
    retry: () => void;
    cancel: () => void;
}

export const uploads = signal<Upload[]>([]);
let uploadId = 0;

export async function sendText(chat: Chat, to: Target, typed: string, mentions: Mention[], replyTo?: MatrixEvent): Promise<void> {
    const content: Record<string, any> = compose(typed, mentions);
    if (!content.body) return;
    if (replyTo) {
        content["m.relates_to"] = { "m.in_reply_to": { event_id: replyTo.getId() } };
        const users = new Set([...(content["m.mentions"].user_ids ?? []), replyTo.getSender()]);
        users.delete(chat.me);
        if (users.size) content["m.mentions"].user_ids = [...users];
    }
    await send(chat, to, content);
}

/** A failure is seen at the message itself, which stays and can be sent again. */
async function send(chat: Chat, to: Target, content: Record<string, any>): Promise<void> {
    await chat.client.sendMessage(to.room.roomId, to.threadId ?? null, content as any).catch(() => {});
}

export async function sendEdit(chat: Chat, event: MatrixEvent, typed: string, mentions: Mention[]): Promise<void> {
    const next: Record<string, any> = compose(typed, mentions);
    const failed = outgoing(event);
    if (!next.body || (failed === event && next.body === event.getContent().body)) return;
    if (failed !== event && failed.status === EventStatus.NOT_SENT) discard(chat, event); // this one takes its place
    const content = {
        ...next,
        body: `* ${next.body}`,
        ...(next.formatted_body ? { formatted_body: `* ${next.formatted_body}` } : {}),
        "m.new_content": next,
        "m.relates_to": { rel_type: RelationType.Replace, event_id: event.getId() },
    };
    await chat.client.sendMessage(event.getRoomId()!, content as any).catch(() => {});
}

export async function toggleReaction(chat: Chat, event: MatrixEvent, key: string, mine?: string): Promise<void> {
    const roomId = event.getRoomId()!;
    const relation = { rel_type: RelationType.Annotation, event_id: event.getId()!, key } as const;
    await attemptOrForget(chat, roomId, () => (mine ? chat.client.redactEvent(roomId, mine) : chat.client.sendEvent(roomId, EventType.Reaction, { "m.relates_to": relation })));
}

export async function redact(chat: Chat, event: MatrixEvent, reason?: string): Promise<void> {
    const roomId = event.getRoomId()!;
    await attemptOrForget(chat, roomId, () => chat.client.redactEvent(roomId, event.getId()!, undefined, reason ? { reason } : undefined));
}

async function attemptOrForget(chat: Chat, roomId: string, work: () => Promise<unknown>): Promise<void> {
    if (!(await chat.attempt(work))) forgetRowless(chat, chat.client.getRoom(roomId));
}

/** Nobody could try these again or discard them. */
function isRowless(room: Room, event: MatrixEvent): boolean {
    if (event.isRelation(RelationType.Replace)) return !room.findEventById(event.getRelation()!.event_id!);
    return event.isRedaction() || event.getType() === EventType.Reaction;
}

/** The SDK sends nothing more into a room where something has failed, until that is sent or discarded. */
function forgetRowless(chat: Chat, room: Room | null): void {
    for (const event of room?.getPendingEvents() ?? []) {
        if (event.status !== EventStatus.NOT_SENT || !isRowless(room!, event)) continue;
        if (event.isRedaction()) room!.findEventById(event.event.redacts ?? "")?.unmarkLocallyRedacted(); // in threads the SDK forgets it
        chat.client.cancelPendingEvent(event);
    }
}

export function retry(chat: Chat, event: MatrixEvent): void {
    const room = chat.client.getRoom(event.getRoomId());
    if (room) void chat.client.resendEvent(outgoing(event), room).catch(() => {});
}

export function discard(chat: Chat, event: MatrixEvent): void {
    chat.client.cancelPendingEvent(outgoing(event));
}

/** In the order in which they were written. The transaction's id stays, so that nothing is sent twice. */
async function sendWaiting(chat: Chat): Promise<void> {
    for (const room of chat.client.getRooms())
        for (const event of room.getPendingEvents().filter((e) => e.status === EventStatus.NOT_SENT))
            await chat.client.resendEvent(event, room).catch(() => forgetRowless(chat, room));
}

export function sendWhenOnline(chat: Chat): void {
    chat.onOnline = () => void sendWaiting(chat);
}

// --- files ---

const kinds: [string, MsgType][] = [
    ["image/", MsgType.Image],
    ["video/", MsgType.Video],
    ["audio/", MsgType.Audio],
];

async function measure(file: File): Promise<{ w?: number; h?: number; duration?: number }> {
    const url = URL.createObjectURL(file);
    try {
        if (file.type.startsWith("image/")) {
            const image = new Image();
            image.src = url;
            await image.decode();
            return { w: image.naturalWidth, h: image.naturalHeight };
        }
        if (!/^(video|audio)\//.test(file.type)) return {};
        const media = document.createElement(file.type.startsWith("video/") ? "video" : "audio");
        media.preload = "metadata";
        media.src = url;
        await new Promise((resolve, reject) => ((media.onloadedmetadata = resolve), (media.onerror = reject)));
        const size = media instanceof HTMLVideoElement ? { w: media.videoWidth, h: media.videoHeight } : {};
        return { ...size, ...(Number.isFinite(media.duration) ? { duration: Math.round(media.duration * 1000) } : {}) }; // a recording does not know
    } catch {
        return {}; // not something that this browser can show: a file like any other
    } finally {
        URL.revokeObjectURL(url);
    }
}

function update(id: number, part: Partial<Upload> | null): void {
    uploads.value = uploads.value.flatMap((u) => (u.id !== id ? [u] : part ? [{ ...u, ...part }] : []));
}

export function sendFiles(chat: Chat, to: Target, files: Iterable<File>): void {
    for (const file of files) startUpload(chat, to, file);
}

function startUpload(chat: Chat, to: Target, file: File): void {
    const id = ++uploadId;
    const abort = new AbortController();
    const retryIt = () => {
        update(id, null);
        startUpload(chat, to, file);
    };
    const cancel = () => {
        abort.abort();
        update(id, null);
    };
    const entry = { id, roomId: to.room.roomId, threadId: to.threadId, name: file.name, part: 0, retry: retryIt, cancel };
    uploads.value = [...uploads.value, entry];
    uploadFile(chat, to, file, abort, (part) => update(id, { part })).then(
        () => update(id, null),
        (error) => {
            if (abort.signal.aborted) return;
            const failed = String(error?.data?.error ?? error?.message ?? error);
            update(id, { failed });
            if (!isInView(chat, to)) chat.say(`${file.name}: ${failed}`, true);
        },
    );
}

function isInView(chat: Chat, { room, threadId }: Target): boolean {
    return threadId ? chat.threadTimeline.value?.thread?.id === threadId : chat.roomId.value === room.roomId;
}

async function uploadFile(chat: Chat, to: Target, file: File, abortController: AbortController, onPart: (part: number) => void): Promise<void> {
    const size = await measure(file);
    const msgtype = kinds.find(([prefix]) => file.type.startsWith(prefix) && Object.keys(size).length)?.[1] ?? MsgType.File;
    const info = { mimetype: file.type || "application/octet-stream", size: file.size, ...size };
    const progressHandler = ({ loaded, total }: { loaded: number; total: number }) => onPart(total ? loaded / total : 0);
    const content: Record<string, any> = { msgtype, body: file.name, filename: file.name, info };
    if (to.room.hasEncryptionStateEvent()) {
        const { data, file: secret } = await encryptAttachment(new Uint8Array(await file.arrayBuffer()));
        const blob = new Blob([data], { type: "application/octet-stream" });
        const answer = await chat.client.uploadContent(blob, { includeFilename: false, progressHandler, abortController });
        content.file = { ...secret, url: answer.content_uri };
    } else {
        content.url = (await chat.client.uploadContent(file, { name: file.name, progressHandler, abortController })).content_uri;
    }
    await send(chat, to, content);
}
