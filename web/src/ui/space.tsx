/** A space: what it is, and the rooms in it, also those that one has not joined. */
import { useSignal } from "@preact/signals";
import { ArrowLeft, FolderOpen, Info, LogOut, SquarePlus, UserPlus, Users } from "lucide-preact";
import type { IPublicRoomsChunkRoom } from "matrix-js-sdk";
import { useEffect } from "preact/hooks";
import { mayAddTo } from "../model/actions";
import { t } from "../text";
import { Avatar, Empty, IconButton } from "./bits";
import { useChat } from "./context";
import { DirectoryEntry } from "./directory";

interface Child {
    room: IPublicRoomsChunkRoom;
    via?: string[];
}

function useChildren(spaceId: string): Child[] | null {
    const chat = useChat();
    const children = useSignal<Child[] | null>(null);
    const known = chat.summaries.value.get(spaceId)?.children.join();
    useEffect(() => {
        let gone = false;
        void chat.attempt(() => chat.client.getRoomHierarchy(spaceId, 100, 1)).then((answer) => {
            if (gone) return;
            const space = answer?.rooms.find((r) => r.room_id === spaceId);
            const via = new Map(space?.children_state.map((child): [string, string[] | undefined] => [child.state_key, servers(child.content?.via)]));
            children.value = (answer?.rooms ?? []).filter((r) => r.room_id !== spaceId).map((room) => ({ room, via: via.get(room.room_id) }));
        });
        return () => {
            gone = true;
        };
    }, [spaceId, known]);
    return children.value;
}

function servers(via: unknown): string[] | undefined {
    return Array.isArray(via) ? via.filter((name) => typeof name === "string").slice(0, 5) : undefined;
}

export function SpaceView() {
    const chat = useChat();
    const summary = chat.summaries.value.get(chat.roomId.value!)!;
    const children = useChildren(summary.id);
    const show = (kind: "info" | "members") => () => (chat.panel.value?.kind === kind ? chat.closePanel() : (chat.panel.value = { kind }));
    return (
        <main class="room space">
            <IconButton icon={ArrowLeft} label={t("back")} class="back" onClick={() => chat.open(null)} />
            <header class="space-head">
                <Avatar id={summary.id} name={summary.name} mxc={summary.avatar} size={64} square />
                <h1>
                    <bdi>{summary.name}</bdi>
                </h1>
                {summary.topic && <p class="muted">{summary.topic}</p>}
                <div class="buttons">
                    {mayAddTo(chat, summary.id) && (
                        <button type="button" class="primary" onClick={() => (chat.dialog.value = { kind: "create", parent: summary.id })}>
                            <SquarePlus size={15} aria-hidden="true" /> {t("create_room")}
                        </button>
                    )}
                    {chat.room(summary.id)?.canInvite(chat.me) && (
                        <button type="button" class="secondary" onClick={() => (chat.dialog.value = { kind: "invite", roomId: summary.id })}>
                            <UserPlus size={15} aria-hidden="true" /> {t("invite")}
                        </button>
                    )}
                    <IconButton icon={Users} label={t("members")} onClick={show("members")} />
                    <IconButton icon={Info} label={t("room_settings")} onClick={show("info")} />
                    <IconButton icon={LogOut} label={t("leave")} onClick={() => (chat.dialog.value = { kind: "leave", roomId: summary.id })} />
                </div>
            </header>
            <ul class="directory" aria-label={t("rooms")}>
                {children?.map(({ room, via }) => <DirectoryEntry key={room.room_id} room={room} via={via} onGone={() => {}} />)}
            </ul>
            {children?.length === 0 && (
                <Empty icon={FolderOpen} title={t("space_empty")}>
                    {t("space_empty_hint")}
                </Empty>
            )}
        </main>
    );
}
