/** The right column: people, a thread, what is pinned, what was found. */
import { useSignal } from "@preact/signals";
import { MessageCircle, MessagesSquare, Pin, Search, ShieldCheck, ShieldQuestion, UserPlus, X } from "lucide-preact";
import type { ComponentChildren } from "preact";
import { useEffect, useMemo, useRef } from "preact/hooks";
import type { MatrixEvent, RoomMember } from "matrix-js-sdk";
import type { Panel } from "../model/chat";
import { openDirect, pinned } from "../model/actions";
import { verifyUser } from "../model/encryption";
import { toMessage } from "../model/message";
import { type Hit, searchRooms } from "../model/search";
import { type Key, t } from "../text";
import { Avatar, Empty, IconButton, Switch } from "./bits";
import { previewText } from "./body";
import { Composer } from "./composer";
import { useChat } from "./context";
import { Moderation } from "./moderation";
import { TimelineView } from "./room";
import { RoomInfo } from "./room-info";
import { shortTime } from "./time";

export function PanelView({ panel }: { panel: Panel }) {
    switch (panel.kind) {
        case "members":
            return <Members />;
        case "member":
            return <MemberPanel userId={panel.userId} />;
        case "info":
            return (
                <Frame title={t("room_settings")}>
                    <RoomInfo />
                </Frame>
            );
        case "thread":
            return <ThreadPanel />;
        case "threads":
            return <ThreadList />;
        case "pinned":
            return <PinnedPanel />;
        case "search":
            return <SearchPanel />;
    }
}

function Frame({ title, children, plain }: { title: string; children: ComponentChildren; plain?: boolean }) {
    const chat = useChat();
    return (
        <aside class="panel" aria-label={title}>
            <header class="panel-head">
                <h2>{title}</h2>
                <IconButton icon={X} label={t("close")} onClick={() => chat.closePanel()} />
            </header>
            {plain ? children : <div class="panel-body">{children}</div>}
        </aside>
    );
}

const roleName = (level: number): Key | null => (level >= 100 ? "role_admin" : level >= 50 ? "role_moderator" : null);

/** Longer lists are shown as far as this; the filter finds the rest. */
const MOST_MEMBERS = 300;

function Members() {
    const chat = useChat();
    const filter = useSignal("");
    void chat.tick.value;
    const room = chat.room();
    if (!room) return null;
    const wanted = filter.value.toLowerCase();
    const order = (m: RoomMember) => (chat.client.getUser(m.userId)?.presence === "online" ? 0 : 1);
    const all = [...room.getMembersWithMembership("join"), ...room.getMembersWithMembership("invite")]
        .filter((m) => !wanted || m.name.toLowerCase().includes(wanted) || m.userId.toLowerCase().includes(wanted))
        .sort((a, b) => b.powerLevel - a.powerLevel || order(a) - order(b) || a.name.localeCompare(b.name));
    return (
        <Frame title={t("members_count", { count: room.getJoinedMemberCount() })}>
            <div class="panel-tools">
                <input type="search" placeholder={t("filter_members")} aria-label={t("filter_members")} value={filter.value} onInput={(e) => (filter.value = e.currentTarget.value)} />
                <IconButton icon={UserPlus} label={t("invite")} onClick={() => (chat.dialog.value = { kind: "invite", roomId: room.roomId })} />
            </div>
            <ul class="people">
                {all.slice(0, MOST_MEMBERS).map((m) => (
                    <li key={m.userId}>
                        <button type="button" class="person" onClick={() => (chat.panel.value = { kind: "member", userId: m.userId })}>
                            <span class="avatar-wrap">
                                <Avatar id={m.userId} name={m.name} mxc={m.getMxcAvatarUrl()} size={34} />
                                {chat.client.getUser(m.userId)?.presence === "online" && <span class="online" title={t("online")} />}
                            </span>
                            <span class="person-text">
                                <bdi>{m.name}</bdi>
                                <small class="muted">{m.userId}</small>
                            </span>
                            {m.membership === "invite" && <small class="tag">{t("invited")}</small>}
                            {roleName(m.powerLevel) && <small class="tag">{t(roleName(m.powerLevel)!)}</small>}
                        </button>
                    </li>
                ))}
            </ul>
        </Frame>
    );
}

function MemberPanel({ userId }: { userId: string }) {
    const chat = useChat();
    void chat.tick.value;
    const room = chat.room();
    const member = room?.getMember(userId);
    const user = chat.client.getUser(userId);
    const name = chat.nameOf(userId);
    const verified = useSignal<boolean | null>(null);
    const devices = useSignal<{ id: string; name: string; verified: boolean }[]>([]);
    useEffect(() => {
        const crypto = chat.client.getCrypto();
        void crypto?.getUserVerificationStatus(userId).then((s) => (verified.value = s.isVerified()));
        void loadDevices().then((found) => (devices.value = found));
    }, [userId, chat.tick.value]);
    async function loadDevices() {
        const crypto = chat.client.getCrypto()!;
        const found = (await crypto.getUserDeviceInfo([userId], true)).get(userId);
        return Promise.all(
            [...(found?.values() ?? [])].map(async (d) => ({ id: d.deviceId, name: d.displayName ?? "", verified: !!(await crypto.getDeviceVerificationStatus(userId, d.deviceId))?.isVerified() })),
        );
    }
    return (
        <Frame title={t("profile")}>
            <div class="profile">
                <Avatar id={userId} name={name} mxc={member?.getMxcAvatarUrl() ?? user?.avatarUrl} size={88} />
                <h3>
                    <bdi>{name}</bdi>
                </h3>
                <code class="muted">{userId}</code>
                <p class={verified.value ? "verified" : "muted"}>
                    {verified.value ? <ShieldCheck size={15} aria-hidden="true" /> : <ShieldQuestion size={15} aria-hidden="true" />} {verified.value ? t("verified") : t("not_verified")}
                </p>
            </div>
            {userId !== chat.me && (
                <div class="stack">
                    <button type="button" class="primary" onClick={() => void openDirect(chat, userId)}>
                        <MessageCircle size={15} aria-hidden="true" /> {t("message_them")}
                    </button>
                    {!verified.value && room?.hasEncryptionStateEvent() && (
                        <button type="button" class="secondary" onClick={() => void verifyUser(chat, userId, room.roomId)}>
                            <ShieldCheck size={15} aria-hidden="true" /> {t("verify")}
                        </button>
                    )}
                    <Switch
                        label={t("ignore")}
                        hint={t("ignore_hint")}
                        checked={chat.client.isUserIgnored(userId)}
                        onChange={(on) => {
                            const now = chat.client.getIgnoredUsers().filter((id) => id !== userId);
                            void chat.attempt(() => chat.client.setIgnoredUsers(on ? [...now, userId] : now));
                        }}
                    />
                </div>
            )}
            {member && room && userId !== chat.me && <Moderation room={room} member={member} />}
            <h4>{t("sessions")}</h4>
            <ul class="devices">
                {devices.value.map((d) => (
                    <li key={d.id}>
                        {d.verified ? <ShieldCheck size={15} class="verified" aria-label={t("verified")} /> : <ShieldQuestion size={15} aria-label={t("not_verified")} />}
                        <bdi>{d.name || d.id}</bdi> <code class="muted">{d.id}</code>
                    </li>
                ))}
                {devices.value.length === 0 && <li class="muted">{t("no_sessions")}</li>}
            </ul>
        </Frame>
    );
}

function ThreadPanel() {
    const chat = useChat();
    const timeline = chat.threadTimeline.value;
    if (!timeline) return null;
    return (
        <Frame title={t("thread")} plain>
            <TimelineView key={timeline.thread!.id} timeline={timeline} inThread />
            <Composer timeline={timeline} place="thread" />
        </Frame>
    );
}

function EventList({ events, onOpen }: { events: MatrixEvent[]; onOpen: (event: MatrixEvent) => void }) {
    const chat = useChat();
    return (
        <ul class="hits">
            {events.map((event) => {
                const message = toMessage(event);
                const room = chat.client.getRoom(event.getRoomId());
                const name = chat.nameOf(message.sender, room);
                return (
                    <li key={message.id}>
                        <button type="button" class="hit" onClick={() => onOpen(event)}>
                            <Avatar id={message.sender} name={name} mxc={room?.getMember(message.sender)?.getMxcAvatarUrl()} size={28} />
                            <span class="hit-text">
                                <span class="hit-head">
                                    <bdi class="sender">{name}</bdi> <time class="muted">{shortTime(message.ts)}</time>
                                </span>
                                <bdi class="hit-body">{previewText(message)}</bdi>
                                {room && room.roomId !== chat.roomId.value && <small class="muted">{room.name}</small>}
                            </span>
                        </button>
                    </li>
                );
            })}
        </ul>
    );
}

function ThreadList() {
    const chat = useChat();
    const room = chat.room();
    void chat.tick.value;
    useEffect(() => {
        void chat.attempt(async () => {
            await room?.createThreadsTimelineSets();
            await room?.fetchRoomThreads();
            chat.tick.value++;
        });
    }, [room?.roomId]);
    const roots = (room?.getThreads() ?? []).filter((thread) => thread.rootEvent && thread.length > 0).sort((a, b) => (b.replyToEvent?.getTs() ?? 0) - (a.replyToEvent?.getTs() ?? 0));
    return (
        <Frame title={t("threads")}>
            {roots.length ? <EventList events={roots.map((thread) => thread.rootEvent!)} onOpen={(e) => chat.openThread(e.getId()!)} /> : <Empty icon={MessagesSquare} title={t("no_threads")}>{t("no_threads_hint")}</Empty>}
        </Frame>
    );
}

function PinnedPanel() {
    const chat = useChat();
    void chat.tick.value;
    const room = chat.room();
    const ids = room ? pinned(room) : [];
    const events = useSignal<MatrixEvent[]>([]);
    useEffect(() => {
        let gone = false;
        const find = async (id: string) => room!.findEventById(id) ?? (await chat.client.getEventTimeline(room!.getUnfilteredTimelineSet(), id).catch(() => null))?.getEvents().find((e) => e.getId() === id);
        void Promise.all(ids.map(find)).then((found) => !gone && (events.value = found.filter((e): e is MatrixEvent => !!e)));
        return () => {
            gone = true;
        };
    }, [ids.join()]);
    return (
        <Frame title={t("pinned")}>
            {ids.length ? <EventList events={events.value} onOpen={(e) => void chat.timeline.value!.goTo(e.getId()!)} /> : <Empty icon={Pin} title={t("no_pinned")}>{t("no_pinned_hint")}</Empty>}
        </Frame>
    );
}

function SearchPanel() {
    const chat = useChat();
    const typed = useSignal("");
    const everywhere = useSignal(false);
    const older = useSignal(false);
    const box = useRef<HTMLInputElement>(null);
    useEffect(() => box.current?.focus(), []);
    const room = chat.room()!;
    const hits = useMemo<Hit[]>(() => searchRooms(chat.client, typed.value, everywhere.value ? undefined : room), [typed.value, everywhere.value, room.roomId, older.value]);
    async function loadMore() {
        older.value = true;
        for (let i = 0; i < 10 && chat.timeline.value?.canGoBack.value; i++) await chat.timeline.value.loadOlder();
        older.value = false;
    }
    async function open(event: MatrixEvent) {
        if (event.getRoomId() !== chat.roomId.value) chat.open(event.getRoomId()!);
        if (event.threadRootId && !event.isThreadRoot) chat.openThread(event.threadRootId);
        else await chat.timeline.value!.goTo(event.getId()!);
    }
    return (
        <Frame title={t("search")}>
            <div class="panel-tools">
                <input type="search" ref={box} placeholder={t("search_messages")} aria-label={t("search_messages")} value={typed.value} onInput={(e) => (typed.value = e.currentTarget.value)} />
            </div>
            <Switch label={t("search_everywhere")} checked={everywhere.value} onChange={(on) => (everywhere.value = on)} />
            {hits.length ? <EventList events={hits.map((h) => h.event)} onOpen={open} /> : <Empty icon={Search} title={typed.value ? t("nothing_found") : t("search_what")}>{t("search_hint")}</Empty>}
            {typed.value && !everywhere.value && chat.timeline.value?.canGoBack.value && (
                <button type="button" class="secondary" disabled={older.value} onClick={loadMore}>
                    {older.value ? t("loading") : t("search_older")}
                </button>
            )}
        </Frame>
    );
}
