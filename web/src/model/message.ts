/**
 * A timeline event as the page shows it: plain data, made from the SDK's event. Everything in it comes from others and may be
 * anything at all; what has not the expected type counts as absent.
 */
import { EventStatus, type MatrixEvent } from "matrix-js-sdk";
import type { EncryptedFile } from "../sdk/attachment";

export type Status = "sent" | "sending" | "failed";

export interface Media {
    mxc: string;
    file?: EncryptedFile;
    name: string;
    type?: string;
    size?: number;
    width?: number;
    height?: number;
    duration?: number;
    thumbnail?: { mxc: string; file?: EncryptedFile };
}

export type Body =
    | { kind: "text" | "emote" | "notice"; text: string; html?: string }
    | { kind: "image" | "video" | "audio" | "file"; media: Media; text?: string; html?: string }
    | { kind: "undecryptable"; reason: string }
    | { kind: "redacted"; by?: string; reason?: string }
    | { kind: "state"; type: string; stateKey: string; content: Record<string, any>; before: Record<string, any> }
    | { kind: "unknown"; type: string };

export interface Message {
    id: string;
    sender: string;
    ts: number;
    body: Body;
    edited: boolean;
    status: Status;
    encrypted: boolean;
    replyTo?: string;
    threadRoot?: string;
}

export const str = (x: unknown): string | undefined => (typeof x === "string" ? x : undefined);
const num = (x: unknown): number | undefined => (typeof x === "number" && Number.isFinite(x) && x >= 0 ? x : undefined);
const obj = (x: unknown): Record<string, any> => (x && typeof x === "object" && !Array.isArray(x) ? (x as Record<string, any>) : {});

/** Longer bodies would make the page slow; they are cut, and the reader is told by an ellipsis. */
const LONGEST_TEXT = 40_000;
const cut = (text: string): string => (text.length > LONGEST_TEXT ? `${text.slice(0, LONGEST_TEXT)}…` : text);

const isMxc = (x: unknown): x is string => typeof x === "string" && /^mxc:\/\/[^/?#\s]+\/[A-Za-z0-9_-]+$/.test(x);

function encryptedFile(x: unknown): EncryptedFile | undefined {
    const file = obj(x);
    const whole = isMxc(file.url) && str(file.iv) && str(obj(file.key).k) && str(obj(file.hashes).sha256);
    return whole ? (file as EncryptedFile) : undefined;
}

function media(content: Record<string, any>): Media | undefined {
    const file = encryptedFile(content.file);
    const mxc = file?.url ?? (isMxc(content.url) ? content.url : undefined);
    if (!mxc) return undefined;
    const info = obj(content.info);
    const thumbFile = encryptedFile(info.thumbnail_file);
    const thumb = thumbFile?.url ?? (isMxc(info.thumbnail_url) ? info.thumbnail_url : undefined);
    return {
        mxc,
        file,
        name: (str(content.filename) ?? str(content.body) ?? "").slice(0, 255),
        type: str(info.mimetype),
        size: num(info.size),
        width: num(info.w),
        height: num(info.h),
        duration: num(info.duration),
        thumbnail: thumb ? { mxc: thumb, file: thumbFile } : undefined,
    };
}

/** Maps, since an object would find "constructor" and the like in itself. */
const MEDIA_KINDS = new Map<unknown, "image" | "video" | "audio" | "file">([
    ["m.image", "image"],
    ["m.video", "video"],
    ["m.audio", "audio"],
    ["m.file", "file"],
    ["m.sticker", "image"],
]);
const TEXT_KINDS = new Map<unknown, "text" | "emote" | "notice">([
    ["m.text", "text"],
    ["m.emote", "emote"],
    ["m.notice", "notice"],
]);

/** Old clients put the quoted message before their answer. */
export function withoutFallback(text: string): string {
    if (!text.startsWith("> ")) return text;
    const lines = text.split("\n");
    const end = lines.findIndex((line) => !line.startsWith(">"));
    return end < 0 ? text : lines.slice(lines[end] === "" ? end + 1 : end).join("\n");
}

export function messageBody(type: string, content: Record<string, any>, isReply: boolean): Body {
    const msgtype = type === "m.sticker" ? "m.sticker" : str(content.msgtype);
    const text = str(content.body);
    const html = content.format === "org.matrix.custom.html" ? str(content.formatted_body) : undefined;
    const mediaKind = MEDIA_KINDS.get(msgtype);
    const found = mediaKind && media(content);
    if (mediaKind && found) {
        const caption = str(content.filename) && text !== content.filename ? text : undefined;
        return { kind: mediaKind, media: found, text: caption && cut(caption), html: caption && html && cut(html) };
    }
    if (text === undefined) return { kind: "unknown", type };
    const kind = TEXT_KINDS.get(msgtype) ?? "text";
    return { kind, text: cut(isReply ? withoutFallback(text) : text), html: html && html.length <= LONGEST_TEXT ? html : undefined };
}

/** What of a message is on its way, or has failed: its newest edit, as long as the server has not taken it; else itself. */
export function outgoing(event: MatrixEvent): MatrixEvent {
    const edit = event.replacingEvent();
    return edit?.status ? edit : event;
}

function status(event: MatrixEvent): Status {
    const { status } = outgoing(event);
    if (status === EventStatus.NOT_SENT || status === EventStatus.CANCELLED) return "failed";
    return status === null || status === EventStatus.SENT ? "sent" : "sending";
}

function body(event: MatrixEvent, replyTo: string | undefined): Body {
    if (event.isRedacted()) {
        const because = obj(obj(event.getUnsigned()).redacted_because);
        return { kind: "redacted", by: str(because.sender), reason: str(obj(because.content).reason) };
    }
    const type = event.getType();
    if (event.isDecryptionFailure() || type === "m.room.encrypted") return { kind: "undecryptable", reason: event.decryptionFailureReason ?? "" };
    if (event.isState())
        return { kind: "state", type, stateKey: event.getStateKey() ?? "", content: obj(event.getContent()), before: obj(event.getPrevContent()) };
    if (type === "m.room.message" || type === "m.sticker") return messageBody(type, obj(event.getContent()), !!replyTo);
    return { kind: "unknown", type };
}

export function toMessage(event: MatrixEvent): Message {
    const relation = obj(obj(event.getWireContent())["m.relates_to"]);
    const fallback = relation.rel_type === "m.thread" && relation.is_falling_back !== false;
    const replyTo = fallback ? undefined : str(obj(relation["m.in_reply_to"]).event_id);
    return {
        id: event.getId() ?? "",
        sender: event.getSender() ?? "",
        ts: event.getTs(),
        body: body(event, replyTo),
        edited: !!event.replacingEvent(),
        status: status(event),
        encrypted: event.isEncrypted(),
        replyTo,
        threadRoot: relation.rel_type === "m.thread" ? str(relation.event_id) : undefined,
    };
}

/** State that a reader wants to see in the timeline. */
const SHOWN_STATE = new Set([
    "m.room.create",
    "m.room.member",
    "m.room.name",
    "m.room.topic",
    "m.room.avatar",
    "m.room.encryption",
    "m.room.join_rules",
    "m.room.history_visibility",
    "m.room.power_levels",
    "m.room.pinned_events",
    "m.room.tombstone",
    "m.room.canonical_alias",
    "m.room.guest_access",
]);
const HIDDEN = new Set(["m.reaction", "m.room.redaction"]);

/** Edits and reactions belong to what they relate to; profile-only and other silent state is not told. */
export function isShown(event: MatrixEvent): boolean {
    if (event.isState()) return SHOWN_STATE.has(event.getType());
    if (HIDDEN.has(event.getType())) return false;
    if (event.isRelation("m.replace")) return false;
    if (str(event.getContent().msgtype)?.startsWith("m.key.verification.")) return false;
    return !event.getType().startsWith("m.key.verification.") && event.getType() !== "org.matrix.msc3381.poll.response";
}
