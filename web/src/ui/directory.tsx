/** A room that one may not be in yet: in the server's directory, or in a space. */
import { Users } from "lucide-preact";
import type { IPublicRoomsChunkRoom } from "matrix-js-sdk";
import { join, knock } from "../model/actions";
import { str } from "../model/message";
import { t } from "../text";
import { Avatar } from "./bits";
import { useChat } from "./context";

/** `onGone`: the room is open now, or its members have been asked. */
export function DirectoryEntry({ room, via, onGone }: { room: IPublicRoomsChunkRoom; via?: string[]; onGone: () => void }) {
    const chat = useChat();
    const name = str(room.name) ?? str(room.canonical_alias) ?? room.room_id;
    const membership = chat.summaries.value.get(room.room_id)?.membership;
    function open() {
        onGone();
        chat.open(room.room_id);
    }
    async function enter() {
        if (await join(chat, room.room_id, via)) onGone();
    }
    async function ask() {
        if (!(await knock(chat, room.room_id))) return;
        chat.say(t("knocked"));
        onGone();
    }
    const known = membership === "join" || membership === "knock";
    const mustAsk = room.join_rule === "knock" && membership !== "invite";
    const action = known ? { text: t("open"), act: open } : mustAsk ? { text: t("knock"), act: ask } : { text: t("join"), act: enter };
    return (
        <li>
            <Avatar id={room.room_id} name={name} mxc={room.avatar_url} size={40} square />
            <span class="directory-text">
                <bdi class="room-name">{name}</bdi>
                <bdi class="muted preview">{str(room.topic) || str(room.canonical_alias)}</bdi>
            </span>
            <span class="muted members-count" title={t("members_count", { count: room.num_joined_members })}>
                <Users size={13} aria-hidden="true" /> {room.num_joined_members}
            </span>
            <button type="button" class={known ? "secondary" : "primary"} onClick={() => void action.act()}>
                {action.text}
            </button>
        </li>
    );
}
