/** Where messages are written: completion, drafts, answers, edits, files. */
import { batch, useComputed, useSignal } from "@preact/signals";
import { Paperclip, Reply, SendHorizontal, Smile, X, Pencil, RotateCw } from "lucide-preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import { candidates, insert, wordAt } from "../model/complete";
import { loadDraft, saveDraft } from "../model/drafts";
import type { Mention } from "../model/markdown";
import { toMessage } from "../model/message";
import { sendEdit, sendFiles, sendText, type Target, uploads } from "../model/send";
import type { Timeline } from "../model/timeline";
import { t } from "../text";
import { Avatar, IconButton } from "./bits";
import { previewText } from "./body";
import { editing, replyingTo } from "./compose-state";
import { useChat } from "./context";
import { EmojiButton } from "./emoji";

/** The box is as high as what is in it, by the style sheet alone; reading its height would lay out the page at each key. */
const growsByItself = CSS.supports("field-sizing", "content");

interface Props {
    timeline: Timeline;
    place: "room" | "thread";
}

export function Composer(props: Props) {
    void useChat().tick.value; // who may write
    return props.timeline.room.maySendMessage() ? <Writing {...props} /> : <p class="no-composer">{t("may_not_send")}</p>;
}

function Writing({ timeline, place }: Props) {
    const chat = useChat();
    const { room } = timeline;
    const threadId = timeline.thread?.id;
    const draftKey = threadId ?? room.roomId;
    const target: Target = { room, threadId };
    const area = useRef<HTMLTextAreaElement>(null);
    const picker = useRef<HTMLInputElement>(null);
    const text = useSignal("");
    const cursor = useSignal(0);
    const chosen = useSignal(0);
    const dismissed = useSignal("");
    const mentions = useRef<Mention[]>([]);
    const lastTyping = useRef(0);
    const reply = replyingTo.value?.place === place && replyingTo.value.event.getRoomId() === room.roomId ? replyingTo.value.event : null;
    const edit = editing.value?.place === place && editing.value.event.getRoomId() === room.roomId ? editing.value.event : null;

    const word = useComputed(() => wordAt(text.value, cursor.value));
    const list = word.value && dismissed.value !== text.value ? candidates(word.value, people()) : [];

    function people() {
        return room.getMembersWithMembership("join").filter((m) => m.userId !== chat.me).slice(0, 2000);
    }

    /** At once in the box itself, too: the next key may come before the next frame, and belongs to this text and this place. */
    function set(value: string, at = value.length) {
        const box = area.current!;
        box.value = value;
        box.setSelectionRange(at, at);
        batch(() => {
            text.value = value;
            cursor.value = at;
        });
    }

    function restore() {
        const draft = loadDraft(draftKey);
        mentions.current = draft.mentions;
        set(draft.text);
    }

    function keep() {
        if (!edit) saveDraft(draftKey, { text: text.value, mentions: mentions.current });
    }

    useLayoutEffect(() => {
        restore();
        if (matchMedia("(pointer: fine)").matches) area.current?.focus();
    }, [draftKey]);
    useLayoutEffect(() => {
        if (edit) {
            mentions.current = [];
            set(String(edit.getContent().body ?? ""));
        }
        if (edit || reply) area.current?.focus();
    }, [edit, reply]);
    useLayoutEffect(() => {
        if (growsByItself) return;
        const box = area.current!;
        box.style.height = "auto";
        box.style.height = `${Math.min(box.scrollHeight, innerHeight * 0.4)}px`;
    }, [text.value]);

    function onInput(event: Event) {
        const box = event.currentTarget as HTMLTextAreaElement;
        batch(() => {
            text.value = box.value;
            cursor.value = box.selectionStart;
            chosen.value = 0;
        });
        keep();
        tellTyping(box.value !== "");
    }

    function tellTyping(typing: boolean) {
        if (threadId || (typing && Date.now() - lastTyping.current < 8000) || (!typing && !lastTyping.current)) return;
        lastTyping.current = typing ? Date.now() : 0;
        void chat.client.sendTyping(room.roomId, typing, 15_000).catch(() => {});
    }

    function take(index: number) {
        const candidate = list[index];
        if (candidate.userId) mentions.current.push({ userId: candidate.userId, name: candidate.label });
        const next = insert(text.value, cursor.value, word.value!, candidate);
        set(next.text, next.cursor);
        keep();
        area.current?.focus();
    }

    function submit() {
        const typed = text.value.trim();
        if (!typed) return;
        if (edit) void sendEdit(chat, edit, typed, mentions.current);
        else void sendText(chat, target, typed, mentions.current, reply ?? undefined);
        if (!edit) saveDraft(draftKey, { text: "", mentions: [] });
        leave();
        timeline.goToEnd();
        requestAnimationFrame(() => setTimeout(() => tellTyping(false))); // the message is shown first
    }

    /** Ends answering or editing; what is not sent stays, and what was being written before an edit comes back. */
    function leave() {
        batch(() => {
            editing.value = null;
            replyingTo.value = null;
            restore();
        });
    }

    function editLast() {
        const own = timeline.rows.findLast(({ event, message }) => message.sender === chat.me && ["text", "emote"].includes(message.body.kind) && (message.status === "sent" || !event.status));
        if (own) editing.value = { place, event: own.event };
    }

    function onKeyDown(event: KeyboardEvent) {
        if (event.isComposing) return;
        if (list.length) {
            const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
            if (step) {
                chosen.value = (chosen.value + step + list.length) % list.length;
                return event.preventDefault();
            }
            if (event.key === "Enter" || event.key === "Tab") {
                take(chosen.value);
                return event.preventDefault();
            }
            if (event.key === "Escape") {
                dismissed.value = text.value;
                return event.stopPropagation();
            }
        }
        if (event.key === "Enter" && !event.shiftKey) {
            event.preventDefault();
            submit();
        } else if (event.key === "Escape" && (edit || reply)) {
            event.stopPropagation();
            leave();
        } else if (event.key === "ArrowUp" && !text.value) {
            event.preventDefault();
            editLast();
        }
    }

    function addFiles(files: Iterable<File>) {
        sendFiles(chat, target, files);
    }

    function onPaste(event: ClipboardEvent) {
        const files = [...(event.clipboardData?.files ?? [])];
        if (files.length === 0) return;
        event.preventDefault();
        addFiles(files);
    }

    function addEmoji(emoji: string) {
        const at = area.current?.selectionStart ?? text.value.length;
        set(text.value.slice(0, at) + emoji + text.value.slice(at), at + emoji.length);
        keep();
        area.current?.focus();
    }

    const hint = threadId ? t("write_thread") : room.hasEncryptionStateEvent() ? t("write_encrypted") : t("write");
    return (
        <div class="composer">
            <Uploads target={target} />
            {(reply || edit) && (
                <div class="composing">
                    {edit ? <Pencil size={14} aria-hidden="true" /> : <Reply size={14} aria-hidden="true" />}
                    <span class="composing-text">
                        {edit ? t("editing") : t("replying_to", { name: chat.nameOf(reply!.getSender() ?? "", room) })}
                        {reply && <span class="muted"> {previewText(toMessage(reply))}</span>}
                    </span>
                    <IconButton icon={X} label={t("cancel")} onClick={leave} />
                </div>
            )}
            {list.length > 0 && (
                <ul class="completion" role="listbox" id={`completion-${place}`} aria-label={t("suggestions")}>
                    {list.map((c, i) => (
                        <li key={c.userId ?? c.label} id={`completion-${place}-${i}`} role="option" aria-selected={i === chosen.value} onMouseDown={(e) => (e.preventDefault(), take(i))}>
                            {c.emoji ? <span class="completion-emoji">{c.emoji}</span> : <Avatar id={c.userId!} name={c.label} size={24} />}
                            <bdi>{c.label}</bdi>
                            {c.detail && <small class="muted">{c.detail}</small>}
                        </li>
                    ))}
                </ul>
            )}
            <div class="composer-box">
                <IconButton icon={Paperclip} label={t("attach")} onClick={() => picker.current!.click()} />
                <input ref={picker} type="file" multiple hidden data-place={place} aria-label={t("attach")} onChange={(e) => (addFiles([...e.currentTarget.files!]), (e.currentTarget.value = ""))} />
                <textarea
                    ref={area}
                    rows={1}
                    dir="auto"
                    value={text.value}
                    placeholder={hint}
                    aria-label={hint}
                    role={list.length ? "combobox" : undefined}
                    aria-expanded={list.length ? true : undefined}
                    aria-controls={list.length ? `completion-${place}` : undefined}
                    aria-activedescendant={list.length ? `completion-${place}-${chosen.value}` : undefined}
                    onInput={onInput}
                    onKeyDown={onKeyDown}
                    onPaste={onPaste}
                    onSelect={(e) => (cursor.value = e.currentTarget.selectionStart)}
                    onBlur={() => tellTyping(false)}
                />
                <EmojiButton icon={Smile} label={t("emoji")} onPick={addEmoji} />
                <IconButton icon={SendHorizontal} label={edit ? t("save") : t("send")} class="send" disabled={!text.value.trim()} onClick={submit} />
            </div>
        </div>
    );
}

function Uploads({ target }: { target: Target }) {
    const mine = uploads.value.filter((u) => u.roomId === target.room.roomId && u.threadId === target.threadId);
    if (mine.length === 0) return null;
    return (
        <ul class="uploads">
            {mine.map((u) => (
                <li key={u.id}>
                    <bdi>{u.name}</bdi>
                    {u.failed === undefined ? (
                        <progress value={u.part} aria-label={t("uploading", { name: u.name })} />
                    ) : (
                        <span class="error" role="alert">
                            <span class="sr-only">{u.name}: </span>
                            {u.failed}
                        </span>
                    )}
                    {u.failed !== undefined && <IconButton icon={RotateCw} label={t("retry")} onClick={u.retry} />}
                    <IconButton icon={X} label={t("cancel")} onClick={u.cancel} />
                </li>
            ))}
        </ul>
    );
}
