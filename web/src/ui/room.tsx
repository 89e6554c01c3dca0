/** A room: its head, its timeline, and where to write. */
import { useSignal } from "@preact/signals";
import { ArrowDown, ArrowLeft, Calendar, Hash, Info, MessagesSquare, MoreVertical, Pin, Search, Star, UserPlus, Users, LogOut, Ban, Lock } from "lucide-preact";
import { Direction } from "matrix-js-sdk";
import { useCallback, useEffect, useRef } from "preact/hooks";
import { join, leave, pinned, toggleFavourite, toggleLow } from "../model/actions";
import { sendFiles } from "../model/send";
import type { Item, Timeline } from "../model/timeline";
import { isolate, t } from "../text";
import { Avatar, Dialog, Empty, IconButton, type MenuEntry, MenuButton } from "./bits";
import { Composer } from "./composer";
import { useChat } from "./context";
import { useDrop } from "./drop";
import { Knocked, Knocks } from "./knocks";
import { MessageRow } from "./message";
import { SpaceView } from "./space";
import { dayName, isoDay } from "./time";
import { VirtualList } from "./virtual";

export function RoomView() {
    const chat = useChat();
    const timeline = chat.timeline.value;
    const summary = chat.roomId.value ? chat.summaries.value.get(chat.roomId.value) : undefined;
    const drop = useDrop(timeline?.room.maySendMessage() ? (files) => sendFiles(chat, { room: timeline.room }, files) : null);
    if (!timeline || !summary) return <Welcome />;
    if (summary.membership === "invite") return <Invitation />;
    if (summary.membership === "knock") return <Knocked />;
    if (summary.isSpace && summary.membership === "join") return <SpaceView />;
    const { room } = timeline;
    return (
        <main class="room" {...drop.listeners}>
            <RoomHead />
            <Knocks room={room} />
            <TimelineView key={room.roomId} timeline={timeline} />
            <Typing />
            <Composer timeline={timeline} place="room" />
            {drop.over && <div class="drop">{t("drop_here")}</div>}
        </main>
    );
}

function RoomHead() {
    const chat = useChat();
    const summary = chat.summaries.value.get(chat.roomId.value!)!;
    const room = chat.room()!;
    const jumping = useSignal(false);
    const news = room.hasThreadUnreadNotification() ? t("new_replies") : undefined;
    const panelIs = (kind: string) => chat.panel.value?.kind === kind;
    const toggle = (kind: "members" | "info" | "pinned" | "search" | "threads") => () => (panelIs(kind) ? chat.closePanel() : (chat.panel.value = { kind }));
    const entries: MenuEntry[] = [
        { label: summary.favourite ? t("unfavourite") : t("favourite"), icon: Star, act: () => void toggleFavourite(chat, room) },
        { label: summary.lowPriority ? t("normal_priority") : t("low_priority"), icon: ArrowDown, act: () => void toggleLow(chat, room) },
        ...(room.canInvite(chat.me) ? [{ label: t("invite"), icon: UserPlus, act: () => (chat.dialog.value = { kind: "invite", roomId: room.roomId }) }] : []),
        { label: t("jump_to_date"), icon: Calendar, act: () => (jumping.value = true) },
        { label: t("pinned"), icon: Pin, act: toggle("pinned") },
        { label: t("threads"), icon: MessagesSquare, news, act: toggle("threads") },
        { label: t("room_settings"), icon: Info, act: toggle("info") },
        { label: t("leave"), icon: LogOut, danger: true, act: () => (chat.dialog.value = { kind: "leave", roomId: room.roomId }) },
    ];
    return (
        <header class="room-head">
            <IconButton icon={ArrowLeft} label={t("back")} class="back" onClick={() => chat.open(null)} />
            <h1 class="room-title">
                <button type="button" onClick={toggle("info")}>
                    <Avatar id={summary.directWith ?? summary.id} name={summary.name} mxc={summary.avatar} size={34} square={!summary.directWith} />
                    <span class="room-title-text">
                        <span class="room-title-name">
                            <bdi>{summary.name}</bdi>
                            {summary.encrypted && <Lock size={13} aria-label={t("encrypted")} />}
                        </span>
                        {summary.topic && (
                            <bdi class="topic muted" aria-hidden="true">
                                {summary.topic}
                            </bdi>
                        )}
                    </span>
                </button>
            </h1>
            <div class="room-tools">
                {pinned(room).length > 0 && <IconButton icon={Pin} label={t("pinned")} class="wide" pressed={panelIs("pinned")} onClick={toggle("pinned")} />}
                <IconButton icon={Search} label={t("search")} pressed={panelIs("search")} onClick={toggle("search")} />
                <IconButton icon={MessagesSquare} label={t("threads")} news={news} class="wide" pressed={panelIs("threads")} onClick={toggle("threads")} />
                <IconButton icon={Users} label={t("members")} pressed={panelIs("members")} onClick={toggle("members")} />
                <MenuButton icon={MoreVertical} label={t("room_menu")} news={news} class="narrow-news" entries={entries} />
            </div>
            {jumping.value && <JumpToDate onClose={() => (jumping.value = false)} />}
        </header>
    );
}

function JumpToDate({ onClose }: { onClose: () => void }) {
    const chat = useChat();
    async function jump(event: SubmitEvent) {
        event.preventDefault();
        const date = new FormData(event.currentTarget as HTMLFormElement).get("date") as string;
        const ts = new Date(`${date}T00:00:00`).getTime();
        const find = (direction: Direction) => chat.client.timestampToEvent(chat.roomId.value!, ts, direction);
        const found = await chat.attempt(() => find(Direction.Forward).catch(() => find(Direction.Backward))); // what was written since then, or last before
        onClose();
        if (found) await chat.goTo(found.event_id);
    }
    return (
        <Dialog title={t("jump_to_date")} onClose={onClose}>
            <form class="form" onSubmit={jump}>
                <label class="field">
                    <span>{t("date")}</span>
                    <input type="date" name="date" required max={isoDay(new Date())} />
                </label>
                <button class="primary" type="submit">
                    {t("jump")}
                </button>
            </form>
        </Dialog>
    );
}

/** Arrows go from message to message. */
function moveFocus(event: KeyboardEvent): void {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const active = document.activeElement;
    if (!step || (active && active !== event.currentTarget && !active.matches("article"))) return;
    const all = [...(event.currentTarget as HTMLElement).querySelectorAll<HTMLElement>("article.message")];
    const at = all.indexOf(active as HTMLElement);
    const next = at < 0 ? all.at(-1) : all[at + step];
    if (!next) return;
    event.preventDefault();
    next.focus();
}

export function TimelineView({ timeline, inThread }: { timeline: Timeline; inThread?: boolean }) {
    const chat = useChat();
    const atEnd = useRef(true);
    const showJump = useSignal(false);
    const { rows } = timeline;
    void timeline.version.value;
    const focus = timeline.focus.value;
    const end = timeline.end.value;
    const focused = focus && timeline.item(focus.id);

    const read = () => {
        if (atEnd.current && timeline.live.value && document.visibilityState === "visible" && document.hasFocus()) chat.markRead(timeline.room.roomId, timeline.thread);
    };
    useEffect(read, [rows.length]);
    useEffect(() => {
        window.addEventListener("focus", read);
        return () => window.removeEventListener("focus", read);
    }, []);
    useEffect(() => {
        if (!focus) return;
        const timer = setTimeout(() => {
            const article = document.querySelector<HTMLElement>(`article[data-event="${CSS.escape(focus.id)}"]`);
            article?.classList.add("flash");
            setTimeout(() => article?.classList.remove("flash"), 1800);
        }, 50);
        return () => clearTimeout(timer);
    }, [focus?.at]);
    const onAtEnd = useCallback((value: boolean) => {
        atEnd.current = value;
        showJump.value = !value;
        if (value) read();
    }, []);
    useEffect(() => onAtEnd(true), [end]);
    const { ahead } = timeline;
    const away = showJump.value || !timeline.live.value;
    async function toUnread() {
        if (!(await chat.goTo(ahead!))) timeline.meet(); // it is nowhere
    }
    const render = (item: Item) => (
        <>
            {item.day && (
                <div class="day" role="separator">
                    <span>{dayName(item.message.ts)}</span>
                </div>
            )}
            {item.unread && <UnreadLine onSeen={() => timeline.meet()} />}
            <MessageRow item={item} inThread={inThread} last={item.key === timeline.lastOwn} />
        </>
    );
    return (
        <div class="timeline">
            <VirtualList
                rows={rows}
                render={render}
                label={t("messages")}
                focus={focused ? { key: focused.key, at: focus.at } : null}
                end={end}
                onNearTop={() => void timeline.loadOlder()}
                onNearEnd={() => void timeline.loadNewer()}
                onAtEnd={onAtEnd}
                onKeyDown={moveFocus}
                header={!timeline.canGoBack.value && !inThread ? <Beginning /> : timeline.loading.value ? <p class="loading-more">{t("loading")}</p> : null}
            />
            {(ahead || away) && (
                <div class="jump">
                    {ahead && (
                        <button type="button" class="chip" onClick={toUnread}>
                            {t("jump_to_unread")}
                        </button>
                    )}
                    {away && (
                        <button type="button" class="chip" onClick={() => timeline.goToEnd()}>
                            <ArrowDown size={15} aria-hidden="true" /> {t("jump_to_end")}
                        </button>
                    )}
                </div>
            )}
        </div>
    );
}

function UnreadLine({ onSeen }: { onSeen: () => void }) {
    const line = useRef<HTMLDivElement>(null);
    useEffect(() => {
        const observer = new IntersectionObserver((entries) => entries.some((e) => e.isIntersecting) && onSeen());
        observer.observe(line.current!);
        return () => observer.disconnect();
    }, []);
    return (
        <div class="unread-line" role="separator" ref={line}>
            <span>{t("new_messages")}</span>
        </div>
    );
}

function Beginning() {
    const chat = useChat();
    const summary = chat.summaries.value.get(chat.roomId.value ?? "");
    if (!summary) return null;
    return (
        <div class="beginning">
            <Avatar id={summary.directWith ?? summary.id} name={summary.name} mxc={summary.avatar} size={56} square={!summary.directWith} />
            <p class="beginning-name" aria-hidden="true">
                <bdi>{summary.name}</bdi>
            </p>
            <p class="muted">{summary.directWith ? t("beginning_direct", { name: summary.name }) : t("beginning")}</p>
        </div>
    );
}

function Typing() {
    const chat = useChat();
    const names = chat.typing.value;
    const text = names.length === 0 ? "" : names.length > 3 ? t("typing_many") : t("typing", { count: names.length, names: names.map(isolate).join(", ") });
    return (
        <div class="typing" aria-live="polite">
            {text && (
                <>
                    <span class="dots" aria-hidden="true">
                        <i />
                        <i />
                        <i />
                    </span>
                    <bdi>{text}</bdi>
                </>
            )}
        </div>
    );
}

function Invitation() {
    const chat = useChat();
    const busy = useSignal(false);
    const summary = chat.summaries.value.get(chat.roomId.value!)!;
    async function accept() {
        busy.value = true;
        await join(chat, summary.id);
        busy.value = false;
    }
    return (
        <main class="room welcome">
            <IconButton icon={ArrowLeft} label={t("back")} class="back" onClick={() => chat.open(null)} />
            <div class="empty">
                <Avatar id={summary.directWith ?? summary.id} name={summary.name} mxc={summary.avatar} size={72} square={!summary.directWith} />
                <h1>
                    <bdi>{summary.name}</bdi>
                </h1>
                <p class="muted">{t("invited_by", { name: summary.inviter ? chat.nameOf(summary.inviter, chat.room(summary.id)) : "?" })}</p>
                <div class="buttons">
                    <button type="button" class="secondary" onClick={() => void leave(chat, summary.id)}>
                        <Ban size={15} aria-hidden="true" /> {t("decline")}
                    </button>
                    <button type="button" class="primary" disabled={busy.value} onClick={accept}>
                        {t("accept")}
                    </button>
                </div>
            </div>
        </main>
    );
}

function Welcome() {
    const chat = useChat();
    const none = chat.summaries.value.size === 0;
    return (
        <main class="room welcome">
            <Empty icon={Hash} title={none ? t("welcome_none") : t("welcome")}>
                <p>{none ? t("welcome_none_hint") : t("welcome_hint")}</p>
                <div class="buttons">
                    <button type="button" class="secondary" onClick={() => (chat.dialog.value = { kind: "join" })}>
                        {t("explore")}
                    </button>
                    <button type="button" class="secondary" onClick={() => (chat.dialog.value = { kind: "create", direct: true })}>
                        {t("start_chat")}
                    </button>
                    <button type="button" class="primary" onClick={() => (chat.dialog.value = { kind: "create" })}>
                        {t("create_room")}
                    </button>
                </div>
            </Empty>
        </main>
    );
}
