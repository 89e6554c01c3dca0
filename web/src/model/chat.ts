/**
 * The state of the whole chat, derived from the SDK and observable. One per session; components get it by `useChat()`.
 * What a person does is in the modules beside this one (send.ts, actions.ts), which take it as their first argument.
 */
import { batch, computed, signal } from "@preact/signals";
import {
    ClientEvent,
    KnownMembership,
    MatrixClient,
    type MatrixEvent,
    MatrixEventEvent,
    ReceiptType,
    Room,
    RoomEvent,
    RoomMemberEvent,
    RoomStateEvent,
    SyncState,
    type Thread,
    ThreadEvent,
    UserEvent,
} from "matrix-js-sdk";
import type { Session } from "../sdk/session";
import { t } from "../text";
import { str } from "./message";
import { formerName } from "./names";
import { arrange, directRooms, isListed, type RoomSummary, summarize } from "./rooms";
import { settings } from "./settings";
import { Timeline } from "./timeline";

export type Panel =
    | { kind: "members" }
    | { kind: "member"; userId: string }
    | { kind: "info" }
    | { kind: "thread"; id: string }
    | { kind: "threads" }
    | { kind: "pinned" }
    | { kind: "search" };

export type Dialog =
    | { kind: "create"; direct?: boolean; space?: boolean; parent?: string }
    | { kind: "join"; address?: string; via?: string[] }
    | { kind: "invite"; roomId: string }
    | { kind: "leave"; roomId: string }
    | { kind: "redact"; event: MatrixEvent }
    | { kind: "remove"; how: "kick" | "ban"; roomId: string; userId: string }
    | { kind: "log-out" }
    | { kind: "settings" }
    | { kind: "shortcuts" }
    | { kind: "switcher" }
    | { kind: "verify" }
    | { kind: "recovery"; mode: "make" | "use" }
    | { kind: "viewer"; eventId: string };

export interface Toast {
    id: number;
    text: string;
    bad: boolean;
}

/** "unreachable": nothing is known from before, and the server does not answer. */
export type Connection = "starting" | "unreachable" | "online" | "offline";

export class Chat {
    readonly connection = signal<Connection>("starting");
    readonly summaries = signal<Map<string, RoomSummary>>(new Map());
    readonly filter = signal("");
    readonly sections = computed(() => arrange([...this.summaries.value.values()].filter(isListed), this.filter.value));
    readonly roomId = signal<string | null>(null);
    readonly timeline = signal<Timeline | null>(null);
    readonly threadTimeline = signal<Timeline | null>(null);
    readonly panel = signal<Panel | null>(null);
    readonly dialog = signal<Dialog | null>(null);
    readonly toasts = signal<Toast[]>([]);
    readonly typing = signal<string[]>([]);
    /** Grows when members, receipts, presence or state of rooms changed: for components that read the SDK directly. */
    readonly tick = signal(0);
    readonly announcement = signal("");
    readonly loggedOut = signal(false);
    readonly profile = signal<{ name: string; avatar?: string }>({ name: "" });
    private readonly timelines = new Map<string, Timeline>();
    private readonly dirty = new Set<string>();
    /** The event up to which the server was last told that a room or thread is read. */
    private readonly told = new Map<string, string>();
    private scheduled = false;
    private toastId = 0;

    constructor(
        readonly client: MatrixClient,
        readonly session: Session,
    ) {
        this.profile.value = { name: session.userId };
        this.listen();
    }

    /** Asked from the server: what the SDK knows of oneself is as old as the last room that was joined. */
    async loadProfile(): Promise<void> {
        const found = await this.client.getProfileInfo(this.me).catch(() => null);
        const known = this.client.getUser(this.me);
        this.profile.value = found ? { name: found.displayname || this.me, avatar: found.avatar_url } : { name: known?.displayName || this.me, avatar: known?.avatarUrl };
    }

    get me(): string {
        return this.session.userId;
    }

    room(id: string | null = this.roomId.value): Room | null {
        return id ? this.client.getRoom(id) : null;
    }

    nameOf(userId: string, room: Room | null = this.room()): string {
        const member = room?.getMember(userId);
        return (member && formerName(member, (id) => room?.findEventById(id))) ?? member?.name ?? this.client.getUser(userId)?.displayName ?? userId;
    }

    // --- places ---

    open(roomId: string | null): void {
        const room = this.room(roomId);
        if (roomId && !room) return;
        batch(() => {
            if (room && roomId !== this.roomId.value) this.timelineOf(room).goToEnd(); // wherever the reader was before
            this.roomId.value = roomId;
            this.panel.value = this.panel.value?.kind === "members" ? this.panel.value : null;
            this.threadTimeline.value = null;
            this.timeline.value = room ? this.timelineOf(room) : null;
            this.updateTyping();
        });
        const hash = roomId ? `#/room/${encodeURIComponent(roomId)}` : "#/";
        if (location.hash !== hash) history.pushState(null, "", hash);
        if (room) this.entered(room);
    }

    private entered(room: Room): void {
        if (room.getMyMembership() !== KnownMembership.Join) return;
        void room.loadMembersIfNeeded().then(
            () => this.touch(room.roomId),
            (error) => console.warn("members:", error?.message),
        );
        if (room.hasEncryptionStateEvent()) this.client.getCrypto()?.prepareToEncrypt(room);
        // The SDK says nothing of a receipt for what is not loaded; the marker is set together with it.
        const read = room.getEventReadUpTo(this.me) ?? str(room.getAccountData("m.fully_read")?.getContent().event_id) ?? null;
        const last = room.getLiveTimeline().getEvents().at(-1);
        this.timeline.value!.markUnreadFrom(read !== last?.getId() ? read : null);
    }

    /** To a message of this room; whether it is there. */
    async goTo(eventId: string): Promise<boolean> {
        const found = !!(await this.timeline.value?.goTo(eventId));
        if (!found) this.say(t("not_found"), true);
        return found;
    }

    openThread(rootId: string): void {
        const room = this.room();
        const root = room?.findEventById(rootId);
        if (!room || !root) return;
        const thread = room.getThread(rootId) ?? room.createThread(rootId, root, [], false);
        this.threadTimeline.value = new Timeline(this.client, room, thread);
        this.panel.value = { kind: "thread", id: rootId };
        void this.threadTimeline.value.loadOlder();
    }

    closePanel(): void {
        this.panel.value = null;
        this.threadTimeline.value = null;
    }

    timelineOf(room: Room): Timeline {
        let timeline = this.timelines.get(room.roomId);
        if (!timeline) this.timelines.set(room.roomId, (timeline = new Timeline(this.client, room)));
        return timeline;
    }

    // --- telling ---

    say(text: string, bad = false): void {
        const id = ++this.toastId;
        this.toasts.value = [...this.toasts.value.slice(-3), { id, text, bad }];
        setTimeout(() => (this.toasts.value = this.toasts.value.filter((toast) => toast.id !== id)), bad ? 8000 : 4000);
    }

    /** For screen readers, which tell what has changed: the same words twice are not the same text. */
    announce(text: string): void {
        this.announcement.value = text === this.announcement.value ? `${text}\u00a0` : text;
    }

    /** Runs what may fail; the reason is shown, and undefined returned. */
    async attempt<T>(work: () => Promise<T>): Promise<T | undefined> {
        try {
            return await work();
        } catch (error: any) {
            this.say(error?.data?.error ?? error?.message ?? String(error), true);
            return undefined;
        }
    }

    // --- following the SDK ---

    /** The room's summary is made anew before the next frame. */
    touch(roomId: string): void {
        this.dirty.add(roomId);
        if (this.scheduled) return;
        this.scheduled = true;
        setTimeout(() => this.flush(), 0);
    }

    private flush(): void {
        this.scheduled = false;
        const direct = directRooms(this.client.getAccountData("m.direct" as any)?.getContent());
        const next = new Map(this.summaries.value);
        for (const id of this.dirty) {
            const room = this.client.getRoom(id);
            if (room) next.set(id, summarize(this.client, room, direct));
            else next.delete(id);
        }
        this.dirty.clear();
        batch(() => {
            this.summaries.value = next;
            this.tick.value++;
        });
        this.showTitle();
        if (this.ready && !this.roomId.value) this.followHash();
    }

    touchAll(): void {
        for (const room of this.client.getRooms()) this.touch(room.roomId);
    }

    private showTitle(): void {
        const rooms = [...this.summaries.value.values()];
        const waiting = rooms.reduce((sum, r) => sum + (r.membership === "invite" ? 1 : r.unread), 0);
        const open = this.roomId.value && this.summaries.value.get(this.roomId.value)?.name;
        document.title = `${waiting ? `(${waiting}) ` : ""}${open ? `${open} · ` : ""}Rookery`;
        void navigator.setAppBadge?.(waiting).catch(() => {}); // on the icon, where the client is installed
    }

    private each(roomId: string | undefined, act: (timeline: Timeline) => void): void {
        const main = roomId && this.timelines.get(roomId);
        if (main) act(main);
        const thread = this.threadTimeline.value;
        if (thread && thread.room.roomId === roomId) act(thread);
    }

    private listen(): void {
        const { client } = this;
        client.on(ClientEvent.Sync, (state, before) => this.onSync(state, before));
        client.on(ClientEvent.Room, (room) => this.touch(room.roomId));
        client.on(ClientEvent.DeleteRoom, (id) => this.touch(id));
        client.on(ClientEvent.AccountData, (event) => ["m.direct", "m.push_rules"].includes(event.getType()) && this.touchAll());
        client.on(RoomEvent.Timeline, (event, room, _start, removed, data) => {
            if (!room) return;
            this.each(room.roomId, (timeline) => {
                timeline.changedId(event.getRelation()?.event_id);
                if (removed) timeline.rearranged();
                else timeline.changed();
            });
            if (data.liveEvent) this.touch(room.roomId);
        });
        client.on(RoomEvent.TimelineReset, (room) => this.each(room?.roomId, (timeline) => timeline.changed()));
        client.on(RoomEvent.LocalEchoUpdated, (event, room) => {
            this.each(room.roomId, (timeline) => {
                timeline.changed(event);
                timeline.changedId(event.getRelation()?.event_id ?? event.event.redacts);
            });
            this.touch(room.roomId);
        });
        client.on(RoomEvent.Redaction, (event, room) => {
            const gone = event.getAssociatedId();
            this.each(room.roomId, (timeline) => {
                timeline.changedId(gone);
            });
            this.touch(room.roomId);
        });
        const remade = (event: { getRoomId(): string | undefined }) => {
            this.each(event.getRoomId(), (timeline) => timeline.changed(event as any));
            if (event.getRoomId()) this.touch(event.getRoomId()!);
        };
        client.on(MatrixEventEvent.Decrypted, (event) => {
            remade(event);
            this.each(event.getRoomId(), (timeline) => timeline.changedId(event.getRelation()?.event_id));
        });
        client.on(MatrixEventEvent.Replaced, remade);
        client.on(MatrixEventEvent.RelationsCreated as any, remade);
        for (const event of [ThreadEvent.New, ThreadEvent.Update, ThreadEvent.NewReply] as const)
            client.on(event as any, (thread: Thread) => this.threadChanged(thread));
        for (const event of [RoomEvent.Receipt, RoomEvent.Name, RoomEvent.Tags, RoomEvent.MyMembership, RoomEvent.UnreadNotifications] as const)
            client.on(event as any, (...args: any[]) => {
                const room = args.find((a) => a instanceof Room) as Room | undefined;
                if (room) this.touch(room.roomId);
                else this.touchAll();
            });
        client.on(RoomStateEvent.Events, (event) => event.getRoomId() && this.touch(event.getRoomId()!));
        client.on(RoomMemberEvent.Typing, () => this.updateTyping());
        for (const event of [UserEvent.Presence, UserEvent.DisplayName, UserEvent.AvatarUrl] as const) client.on(event, () => this.tick.value++);
        client.on("Session.logged_out" as any, () => (this.loggedOut.value = true));
        window.addEventListener("online", () => client.retryImmediately());
        window.addEventListener("offline", () => (this.connection.value = "offline"));
        window.addEventListener("popstate", () => this.followHash());
        navigator.serviceWorker?.addEventListener("message", (e) => e.data?.open && this.open(e.data.open));
    }

    private threadChanged(thread: Thread): void {
        this.each(thread.room.roomId, (timeline) => timeline.changedId(thread.id));
    }

    /** The rooms that were known are whole; before that they are being made, and nothing may be asked of them. */
    private ready = false;

    private onSync(state: SyncState, before: SyncState | null): void {
        if (state === SyncState.Prepared) {
            this.ready = true;
            this.touchAll();
            this.flush();
        }
        if (!this.ready) {
            if (state === SyncState.Error) this.connection.value = "unreachable";
            return;
        }
        if (state === SyncState.Error || state === SyncState.Reconnecting) this.connection.value = "offline";
        else if (state !== SyncState.Stopped) this.connection.value = "online";
        if (state === SyncState.Syncing && before !== SyncState.Syncing) this.onOnline?.();
    }

    /** Set by send.ts: what waited for the network goes out. */
    onOnline: (() => void) | null = null;

    followHash(): void {
        const found = location.hash.match(/^#\/room\/([^/]+)$/);
        const id = found ? decodeURIComponent(found[1]) : null;
        if (id !== this.roomId.value && (!id || this.client.getRoom(id))) this.open(id);
    }

    private updateTyping(): void {
        const room = this.room();
        const names = room?.getMembersWithMembership(KnownMembership.Join).filter((m) => m.typing && m.userId !== this.me) ?? [];
        this.typing.value = names.map((m) => m.name);
    }

    /** Everything up to the newest message counts as read, for us and (if wanted) for others to see. */
    markRead(roomId = this.roomId.value, thread?: Thread): void {
        const room = this.room(roomId);
        const events = thread ? thread.liveTimeline.getEvents() : room?.getLiveTimeline().getEvents();
        const last = events?.findLast((e) => !e.status);
        if (!room || !last || room.getMyMembership() !== "join") return;
        const [place, id, unread] = thread ? [thread, thread.id, room.getThreadUnreadNotificationCount(thread.id)] : [room, room.roomId, room.getRoomUnreadNotificationCount()];
        const known = [ReceiptType.Read, ReceiptType.ReadPrivate].some((type) => place.getReadReceiptForUserId(this.me, true, type)?.eventId === last.getId());
        if (last.getId() === thread?.id || this.told.get(id) === last.getId() || (known && !unread)) return;
        this.told.set(id, last.getId()!);
        const type = settings.value.sendReceipts ? ReceiptType.Read : ReceiptType.ReadPrivate;
        void this.client.sendReadReceipt(last, type).catch(() => this.told.delete(id));
        if (!thread) void this.client.setRoomReadMarkers(room.roomId, last.getId()!).catch(() => {});
    }
}
