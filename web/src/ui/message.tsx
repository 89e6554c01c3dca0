/** One message of a timeline: head, body, what hangs on it, and what can be done with it. */
import { CircleAlert, MessageSquareText, MoreHorizontal, Pencil, Pin, Quote, Reply, RotateCw, SmilePlus, Trash2, Link2, Check, Clock } from "lucide-preact";
import { useSignal } from "@preact/signals";
import { useRef } from "preact/hooks";
import { memo } from "./memo";
import type { Chat } from "../model/chat";
import type { Item, Reaction, Timeline } from "../model/timeline";
import { canRedact, isPinned, togglePin } from "../model/actions";
import { discard, retry, toggleReaction } from "../model/send";
import { t } from "../text";
import { Avatar, IconButton, type MenuEntry, MenuButton } from "./bits";
import { Body, previewText } from "./body";
import { useChat } from "./context";
import { editing, replyingTo } from "./compose-state";
import { EmojiButton } from "./emoji";
import { useRoving } from "./roving";
import { Shield } from "./shield";
import { describeState } from "./state-text";
import { ThreadLink } from "./threads";
import { clock, fullTime } from "./time";

const QUICK = ["👍", "❤️", "😂"];

export const MessageRow = memo(function MessageRow({ item, inThread, last }: { item: Item; inThread?: boolean; last?: boolean }) {
    const chat = useChat();
    const { message, event } = item;
    const wanted = useSignal(false);
    if (message.body.kind === "state") return <StateRow item={item} />;
    const want = () => (wanted.value = true);
    const name = chat.nameOf(message.sender, chat.client.getRoom(event.getRoomId()));
    const member = chat.client.getRoom(event.getRoomId())?.getMember(message.sender);
    const mine = message.sender === chat.me;
    const mentioned = !mine && !!chat.client.getPushActionsForEvent(event)?.tweaks?.highlight;
    const classes = ["message", item.head ? "head" : "", mentioned ? "mentioned" : "", message.status === "failed" ? "failed" : ""].join(" ");
    return (
        <article class={classes} id={`m-${item.key}`} tabIndex={-1} aria-label={`${name}, ${clock(message.ts)}: ${previewText(message)}`} data-event={message.id} onPointerEnter={want} onFocusIn={want}>
            <div class="gutter">
                {item.head ? (
                    <button type="button" class="plain" tabIndex={-1} aria-label={t("profile_of", { name })} onClick={() => (chat.panel.value = { kind: "member", userId: message.sender })}>
                        <Avatar id={message.sender} name={name} mxc={member?.getMxcAvatarUrl()} size={36} />
                    </button>
                ) : (
                    <time class="time" title={fullTime(message.ts)}>
                        {clock(message.ts)}
                    </time>
                )}
            </div>
            <div class="content">
                {item.head && (
                    <header>
                        <bdi class="sender">{name}</bdi>
                        <time class="time" title={fullTime(message.ts)}>
                            {clock(message.ts)}
                        </time>
                    </header>
                )}
                {message.replyTo && <ReplyQuote roomId={event.getRoomId()!} eventId={message.replyTo} />}
                <Body message={message} event={event} />
                <Shield message={message} event={event} />
                {message.edited && message.body.kind !== "redacted" && <span class="edited">{t("edited")}</span>}
                <Reactions item={item} />
                {item.thread && !inThread && <ThreadLink roomId={event.getRoomId()!} thread={item.thread} />}
                <Delivery item={item} last={!!last} inThread={inThread} />
            </div>
            {wanted.value && message.status === "sent" && message.body.kind !== "redacted" && <Actions item={item} inThread={inThread} />}
        </article>
    );
}, Unshowable);

function Unshowable() {
    return <p class="state">{t("unknown_event")}</p>;
}

function StateRow({ item }: { item: Item }) {
    const chat = useChat();
    return (
        <div class="state" id={`m-${item.key}`} data-event={item.message.id}>
            <bdi>{describeState(chat, item.message, item.event)}</bdi> <time title={fullTime(item.message.ts)}>{clock(item.message.ts)}</time>
        </div>
    );
}

function ReplyQuote({ roomId, eventId }: { roomId: string; eventId: string }) {
    const chat = useChat();
    const timeline = chat.timeline.value;
    void timeline?.version.value;
    const found = timeline?.item(eventId);
    const name = found && chat.nameOf(found.message.sender, chat.client.getRoom(roomId));
    return (
        <button type="button" class="quote" onClick={() => void chat.goTo(eventId)}>
            <Reply size={13} aria-hidden="true" />
            {found ? (
                <>
                    <bdi class="quote-name">{name}</bdi>
                    <span class="quote-text">{previewText(found.message)}</span>
                </>
            ) : (
                <span class="quote-text">{t("reply_to_older")}</span>
            )}
        </button>
    );
}

/** Takes our own back where there is one. */
function react(chat: Chat, item: Item, key: string): void {
    void toggleReaction(chat, item.event, key, item.reactions.find((r) => r.key === key)?.mine);
}

function Reactions({ item }: { item: Item }) {
    const chat = useChat();
    if (item.reactions.length === 0) return null;
    const title = (r: Reaction) => t("reacted", { names: r.senders.slice(0, 8).map((id) => chat.nameOf(id)).join(", "), key: r.key.slice(0, 40) });
    return (
        <div class="reactions">
            {item.reactions.map((r) => (
                <button key={r.key} type="button" class={r.mine ? "reaction mine" : "reaction"} aria-pressed={!!r.mine} title={title(r)} onClick={() => react(chat, item, r.key)}>
                    <span class="reaction-key">{r.key.slice(0, 24)}</span> <span>{r.count}</span>
                </button>
            ))}
            <EmojiButton label={t("add_reaction")} icon={SmilePlus} class="reaction-add" onPick={(key) => react(chat, item, key)} />
        </div>
    );
}

/** Of our own messages: on its way, failed, sent, seen. */
function Delivery({ item, last, inThread }: { item: Item; last: boolean; inThread?: boolean }) {
    const chat = useChat();
    const { message, event } = item;
    if (message.sender !== chat.me) return null;
    if (message.status === "failed")
        return (
            <div class="delivery bad" role="alert">
                <CircleAlert size={14} aria-hidden="true" /> {t("not_sent")}
                <button type="button" class="link" onClick={() => retry(chat, event)}>
                    <RotateCw size={13} aria-hidden="true" /> {t("retry")}
                </button>
                <button type="button" class="link" onClick={() => discard(chat, event)}>
                    {t("discard")}
                </button>
            </div>
        );
    if (message.status === "sending")
        return (
            <span class="delivery" title={t("sending")}>
                <Clock size={12} aria-label={t("sending")} />
            </span>
        );
    return last ? <Seen item={item} timeline={inThread ? chat.threadTimeline.value : chat.timeline.value} /> : null;
}

function Seen({ item, timeline }: { item: Item; timeline: Timeline | null }) {
    const chat = useChat();
    void chat.tick.value;
    const readers = timeline?.readersSince(item.event) ?? [];
    const text = readers.length ? t("seen_by", { names: readers.slice(0, 12).map((id) => chat.nameOf(id, timeline!.room)).join(", ") }) : t("sent");
    return (
        <span class={readers.length ? "delivery seen" : "delivery"} title={text}>
            <Check size={13} aria-hidden="true" />
            {readers.length > 0 && <Check size={13} aria-hidden="true" class="second" />}
            <span class="sr-only">{text}</span>
        </span>
    );
}

/** Made when the pointer or the keyboard comes to the message: nobody sees the others, and they are most of what a row has in it. */
function Actions({ item, inThread }: { item: Item; inThread?: boolean }) {
    const chat = useChat();
    const bar = useRef<HTMLDivElement>(null);
    useRoving(bar, ":scope > button, :scope > .menu-anchor > button");
    const { event, message } = item;
    const room = chat.client.getRoom(event.getRoomId())!;
    const place = inThread ? "thread" : "room";
    const mine = message.sender === chat.me;
    const editable = mine && "text" in message.body && typeof message.body.text === "string" && ["text", "emote"].includes(message.body.kind);
    const more: MenuEntry[] = [];
    if ("text" in message.body && message.body.text) {
        const { text } = message.body;
        more.push({ label: t("copy_text"), icon: Quote, act: () => void navigator.clipboard.writeText(text!) });
    }
    more.push({ label: t("copy_link"), icon: Link2, act: () => void navigator.clipboard.writeText(`https://matrix.to/#/${room.roomId}/${message.id}`) });
    if (room.currentState.maySendStateEvent("m.room.pinned_events", chat.me))
        more.push({ label: isPinned(room, message.id) ? t("unpin") : t("pin"), icon: Pin, act: () => void togglePin(chat, room, message.id) });
    if (canRedact(chat, room, event)) more.push({ label: t("delete"), icon: Trash2, danger: true, act: () => (chat.dialog.value = { kind: "redact", event }) });
    return (
        <div class="actions" role="toolbar" ref={bar} aria-label={t("message_actions")}>
            {QUICK.map((key) => (
                <button key={key} type="button" class="icon-button" aria-label={t("react_with", { key })} title={t("react_with", { key })} onClick={() => react(chat, item, key)}>
                    {key}
                </button>
            ))}
            <EmojiButton label={t("add_reaction")} icon={SmilePlus} onPick={(key) => react(chat, item, key)} />
            <IconButton icon={Reply} label={t("reply")} onClick={() => (replyingTo.value = { place, event })} />
            {!inThread && !message.threadRoot && <IconButton icon={MessageSquareText} label={t("reply_in_thread")} onClick={() => chat.openThread(message.id)} />}
            {editable && <IconButton icon={Pencil} label={t("edit")} onClick={() => (editing.value = { place, event })} />}
            <MenuButton icon={MoreHorizontal} label={t("more")} entries={more} />
        </div>
    );
}
