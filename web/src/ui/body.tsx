/** What a message says: text, media, or why there is nothing to see. */
import { useSignal } from "@preact/signals";
import { Ban, Download, File as FileIcon, KeyRound, Play, Trash2 } from "lucide-preact";
import type { MatrixEvent } from "matrix-js-sdk";
import type { Media, Message } from "../model/message";
import { load } from "../sdk/media";
import { t } from "../text";
import { useMedia } from "./bits";
import { useChat } from "./context";
import { FormattedBody, isOnlyEmoji, linkify } from "./html";
import { duration, fileSize } from "./time";

/** More than this is folded. */
const LONG_TEXT = 3000;

/** In one line, Markdown's marks only disturb. */
const withoutMarks = (text: string): string => text.replace(/```\w*|\*\*|~~|^> |^- (\[[ x]\] )?/gm, "").trim();

export function previewText(message: Message): string {
    const { body } = message;
    switch (body.kind) {
        case "text":
        case "notice":
        case "emote":
            return withoutMarks(body.text.slice(0, 200));
        case "redacted":
            return t("deleted");
        case "undecryptable":
            return t("undecryptable");
        case "unknown":
            return t("unknown_event");
        case "state":
            return body.type;
        default:
            return body.text || body.media.name || t(`kind_${body.kind}`);
    }
}

export function Body({ message, event }: { message: Message; event: MatrixEvent }) {
    const { body } = message;
    switch (body.kind) {
        case "redacted":
            return (
                <p class="body gone">
                    <Trash2 size={14} aria-hidden="true" /> {t("deleted")}
                    {body.reason ? `: ${body.reason}` : ""}
                </p>
            );
        case "undecryptable":
            return <Undecryptable reason={body.reason} />;
        case "unknown":
            return (
                <p class="body gone">
                    <Ban size={14} aria-hidden="true" /> {t("unknown_event")} <code>{body.type.slice(0, 80)}</code>
                </p>
            );
        case "state":
            return null;
        case "text":
        case "notice":
        case "emote":
            return <TextBody {...body} sender={message.sender} />;
        default:
            return (
                <div>
                    <MediaBody kind={body.kind} media={body.media} event={event} />
                    {body.text && <TextBody kind="text" text={body.text} html={body.html} sender={message.sender} />}
                </div>
            );
    }
}

function TextBody({ kind, text, html, sender }: { kind: string; text: string; html?: string; sender: string }) {
    const chat = useChat();
    const whole = useSignal(false);
    const folded = !whole.value && text.length > LONG_TEXT;
    const shown = folded ? `${text.slice(0, LONG_TEXT)}…` : text;
    return (
        <div class={`body ${kind} ${html ? "rich" : isOnlyEmoji(text) ? "big-emoji" : ""}`} dir="auto">
            {kind === "emote" && <bdi class="sender">{chat.nameOf(sender)} </bdi>}
            {html && !folded ? <FormattedBody html={html} /> : linkify(shown)}
            {folded && (
                <button type="button" class="link" onClick={() => (whole.value = true)}>
                    {t("show_all")}
                </button>
            )}
        </div>
    );
}

function Undecryptable({ reason }: { reason: string }) {
    const chat = useChat();
    const early = reason.startsWith("HISTORICAL");
    return (
        <details class="body utd">
            <summary>
                <KeyRound size={14} aria-hidden="true" /> {t("undecryptable")}
            </summary>
            <p>{early ? t("utd_historical") : reason === "MEGOLM_KEY_WITHHELD_FOR_UNVERIFIED_DEVICE" ? t("utd_withheld") : t("utd_no_key")}</p>
            <button type="button" class="secondary" onClick={() => (chat.dialog.value = { kind: "recovery", mode: "use" })}>
                {t("use_recovery_key")}
            </button>
        </details>
    );
}

function MediaBody({ kind, media, event }: { kind: "image" | "video" | "audio" | "file"; media: Media; event: MatrixEvent }) {
    if (kind === "image") return <ImageBody media={media} event={event} />;
    if (kind === "file") return <FileBody media={media} />;
    return <PlayerBody kind={kind} media={media} />;
}

/** The box has its size before the picture is there, so that nothing jumps. */
function boxOf(media: Media): { width: number; height: number } {
    const w = media.width || 320;
    const h = media.height || 240;
    const scale = Math.min(1, 400 / w, 300 / h);
    return { width: Math.max(40, Math.round(w * scale)), height: Math.max(40, Math.round(h * scale)) };
}

function ImageBody({ media, event }: { media: Media; event: MatrixEvent }) {
    const chat = useChat();
    const box = boxOf(media);
    const thumbnail = { width: 800, height: 600 };
    const small = media.thumbnail ?? media;
    const url = useMedia({ mxc: small.mxc, file: small.file, type: media.type, thumbnail: small.file ? undefined : thumbnail });
    if (url === null) return <FileBody media={media} />;
    return (
        <button type="button" class="image" style={{ width: box.width, aspectRatio: `${box.width} / ${box.height}` }} aria-label={t("open_image", { name: media.name })} onClick={() => (chat.dialog.value = { kind: "viewer", eventId: event.getId()! })}>
            {url && <img src={url} alt={media.name} />}
        </button>
    );
}

function PlayerBody({ kind, media }: { kind: "video" | "audio"; media: Media }) {
    const wanted = useSignal(false);
    const part = useSignal(0);
    const url = useMedia(wanted.value ? { mxc: media.mxc, file: media.file, type: media.type } : undefined, (p) => (part.value = p));
    if (url === null) return <FileBody media={media} />;
    if (url && kind === "video") return <video class="video" controls autoplay src={url} />;
    if (url) return <audio controls autoplay src={url} />;
    return (
        <button type="button" class="file" aria-label={t("play", { name: media.name || t(`kind_${kind}`) })} disabled={wanted.value} onClick={() => (wanted.value = true)}>
            <span class="file-icon">
                <Play size={20} aria-hidden="true" />
            </span>
            <span class="file-text">
                <bdi>{media.name || t(`kind_${kind}`)}</bdi>
                <small class="muted">{wanted.value ? <progress value={part.value} aria-label={t("downloading")} /> : [media.duration ? duration(media.duration) : "", fileSize(media.size)].filter(Boolean).join(" · ")}</small>
            </span>
        </button>
    );
}

export function FileBody({ media }: { media: Media }) {
    const chat = useChat();
    const part = useSignal<number | null>(null);
    async function download() {
        part.value = 0;
        const blob = await chat.attempt(() => load(chat.client, { mxc: media.mxc, file: media.file, type: media.type }, (p) => (part.value = p)));
        part.value = null;
        if (blob) saveBlob(blob, media.name);
    }
    return (
        <button type="button" class="file" onClick={download} disabled={part.value !== null}>
            <span class="file-icon">
                <FileIcon size={20} aria-hidden="true" />
            </span>
            <span class="file-text">
                <bdi>{media.name || t("kind_file")}</bdi>
                <small class="muted">{part.value === null ? fileSize(media.size) : <progress value={part.value} aria-label={t("downloading")} />}</small>
            </span>
            <Download size={16} aria-label={t("download")} />
        </button>
    );
}

export function saveBlob(blob: Blob, name: string): void {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = name || "file";
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
