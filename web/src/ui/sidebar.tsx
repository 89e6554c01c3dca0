/** The list of rooms, and the way to everything else. */
import { useComputed, useSignal } from "@preact/signals";
import { AtSign, BellOff, ChevronDown, CircleAlert, Compass, Folder, FolderPlus, Keyboard, LogOut, MessageCirclePlus, Plus, Search, Settings, SquarePlus, X } from "lucide-preact";
import { useRef } from "preact/hooks";
import type { RoomSummary, Section } from "../model/rooms";
import { type Key, t } from "../text";
import { Avatar, IconButton, MenuButton } from "./bits";
import { previewText } from "./body";
import { useChat } from "./context";
import { askToLogOut } from "./log-out";
import { memo } from "./memo";
import { useRoving } from "./roving";
import { shortTime } from "./time";

export function Sidebar() {
    const chat = useChat();
    const list = useRef<HTMLDivElement>(null);
    useRoving(list, "a, button");
    return (
        <nav class="sidebar" aria-label={t("rooms")}>
            <SidebarHead />
            <FilterBox />
            <div class="room-list" tabIndex={-1} ref={list}>
                {chat.sections.value.map((section) => (
                    <SectionView key={section.id} section={section} />
                ))}
                {chat.sections.value.length === 0 && <p class="list-empty muted">{chat.filter.value ? t("nothing_found") : t("no_rooms")}</p>}
            </div>
        </nav>
    );
}

function SidebarHead() {
    const chat = useChat();
    const { name, avatar } = chat.profile.value;
    const show = (dialog: typeof chat.dialog.value) => () => (chat.dialog.value = dialog);
    return (
        <div class="sidebar-head">
            <MenuButton
                label={t("account_menu")}
                class="account"
                entries={[
                    { label: t("settings"), icon: Settings, act: show({ kind: "settings" }) },
                    { label: t("shortcuts"), icon: Keyboard, act: show({ kind: "shortcuts" }) },
                    { label: t("log_out"), icon: LogOut, danger: true, act: () => askToLogOut(chat) },
                ]}
            >
                <Avatar id={chat.me} name={name} mxc={avatar} size={32} />
                <bdi class="account-name">{name}</bdi>
                <ChevronDown size={14} aria-hidden="true" />
            </MenuButton>
            <MenuButton
                label={t("new")}
                icon={Plus}
                entries={[
                    { label: t("start_chat"), icon: MessageCirclePlus, act: show({ kind: "create", direct: true }) },
                    { label: t("create_room"), icon: SquarePlus, act: show({ kind: "create" }) },
                    { label: t("create_space"), icon: FolderPlus, act: show({ kind: "create", space: true }) },
                    { label: t("explore"), icon: Compass, act: show({ kind: "join" }) },
                ]}
            />
        </div>
    );
}

function FilterBox() {
    const chat = useChat();
    return (
        <div class="filter">
            <Search size={15} aria-hidden="true" />
            <input
                type="search"
                value={chat.filter.value}
                placeholder={t("filter")}
                aria-label={t("filter")}
                onInput={(e) => (chat.filter.value = e.currentTarget.value)}
                onKeyDown={(e) => e.key === "Escape" && (chat.filter.value = "")}
            />
            {chat.filter.value ? <IconButton icon={X} label={t("clear")} onClick={() => (chat.filter.value = "")} /> : <kbd>Ctrl K</kbd>}
        </div>
    );
}

const NAMES: Record<string, Key> = { invites: "section_invites", favourites: "section_favourites", direct: "section_direct", rooms: "section_rooms", low: "section_low" };

function SectionView({ section }: { section: Section }) {
    const chat = useChat();
    const storage = `rookery.folded.${section.id}`;
    const folded = useSignal(localStorage.getItem(storage) === "1");
    const toggle = () => {
        folded.value = !folded.value;
        if (folded.value) localStorage.setItem(storage, "1");
        else localStorage.removeItem(storage);
    };
    const name = section.name ?? t(NAMES[section.id]);
    const waiting = section.rooms.reduce((sum, r) => sum + r.unread, 0);
    const today = new Date().toDateString();
    return (
        <section class="section" aria-label={name}>
            <div class="section-head">
                <button type="button" class="section-toggle" aria-expanded={!folded.value} onClick={toggle}>
                    <ChevronDown size={13} aria-hidden="true" class={folded.value ? "turned" : ""} />
                    {section.name !== undefined && <Folder size={13} aria-hidden="true" />}
                    <bdi>{name}</bdi>
                    {folded.value && waiting > 0 && <span class="badge">{waiting}</span>}
                </button>
                {section.name !== undefined && <IconButton icon={Settings} label={t("space_settings", { name })} onClick={() => chat.open(section.id)} />}
            </div>
            {!folded.value && (
                <ul>
                    {section.rooms.map((room) => (
                        <li key={room.id}>
                            <RoomRow room={room} today={today} />
                        </li>
                    ))}
                </ul>
            )}
        </section>
    );
}

function previewOf(room: RoomSummary): string {
    if (room.membership === "invite") return t("invitation");
    if (room.membership === "knock") return t("knock_waiting");
    if (!room.last) return room.topic ?? "";
    const text = previewText(room.last.message);
    return room.last.mine ? t("you_said", { text }) : room.directWith ? text : `${room.last.sender}: ${text}`;
}

/** Made again when its room has changed, is opened or left, and on another day, which times are told by. */
const RoomRow = memo(function RoomRow({ room }: { room: RoomSummary; today: string }) {
    const chat = useChat();
    const current = useComputed(() => chat.roomId.value === room.id).value;
    if (room.directWith) void chat.tick.value; // presence
    const presence = room.directWith ? chat.client.getUser(room.directWith)?.presence : undefined;
    const waiting = room.unread > 0 || room.membership === "invite";
    return (
        <a
            class={`room-row ${waiting ? "unread" : ""}`}
            href={`#/room/${encodeURIComponent(room.id)}`}
            aria-current={current ? "page" : undefined}
            onClick={(e) => {
                if (e.ctrlKey || e.metaKey) return;
                e.preventDefault();
                chat.open(room.id);
            }}
        >
            <span class="avatar-wrap">
                <Avatar id={room.directWith ?? room.id} name={room.name} mxc={room.avatar} size={38} square={!room.directWith} />
                {presence === "online" && <span class="online" title={t("online")} />}
            </span>
            <span class="room-row-text">
                <span class="room-row-top">
                    <bdi class="room-name">{room.name}</bdi>
                    <time class="muted">{shortTime(room.lastTs)}</time>
                </span>
                <span class="room-row-bottom">
                    <bdi class="preview muted">{previewOf(room)}</bdi>
                    {room.last?.message.status === "failed" && <CircleAlert size={13} class="bad" aria-label={t("not_sent")} />}
                    {room.muted && <BellOff size={13} class="muted" aria-label={t("muted")} />}
                    {room.mentions > 0 && (
                        <span class="badge mention" title={t("mentions", { count: room.mentions })}>
                            <AtSign size={11} aria-hidden="true" />
                            {room.mentions}
                            <span class="sr-only"> {t("mentions", { count: room.mentions })}</span>
                        </span>
                    )}
                    {room.mentions === 0 && waiting && (
                        <span class="badge">
                            {room.unread || <span aria-hidden="true">!</span>}
                            {room.unread > 0 && <span class="sr-only"> {t("unread", { count: room.unread })}</span>}
                        </span>
                    )}
                </span>
            </span>
        </a>
    );
}, () => null);
