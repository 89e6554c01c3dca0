/** What a change of the room's state says, in words. */
import type { MatrixEvent } from "matrix-js-sdk";
import type { Chat } from "../model/chat";
import { type Message, str } from "../model/message";
import { type Key, t } from "../text";

const SIMPLE = new Map<unknown, Key>(Object.entries<Key>({
    "m.room.create": "state_created",
    "m.room.avatar": "state_avatar",
    "m.room.encryption": "state_encryption",
    "m.room.power_levels": "state_roles",
    "m.room.pinned_events": "state_pinned",
    "m.room.tombstone": "state_tombstone",
    "m.room.canonical_alias": "state_alias",
    "m.room.guest_access": "state_guests",
}));

const ACCESS = new Map<unknown, Key>(Object.entries<Key>({ public: "access_public", invite: "access_invite", knock: "access_knock", restricted: "access_restricted" }));
const HISTORY = new Map<unknown, Key>(Object.entries<Key>({ world_readable: "history_world", shared: "history_shared", invited: "history_invited", joined: "history_joined" }));

export function describeState(chat: Chat, message: Message, event: MatrixEvent): string {
    if (message.body.kind !== "state") return "";
    const { type, content, before, stateKey } = message.body;
    const room = chat.client.getRoom(event.getRoomId());
    const name = chat.nameOf(message.sender, room).slice(0, 100);
    if (type === "m.room.member") return describeMember(name, chat.nameOf(stateKey, room).slice(0, 100), message.sender === stateKey, content, before);
    if (type === "m.room.name") return content.name ? t("state_name", { name, value: String(content.name).slice(0, 200) }) : t("state_name_gone", { name });
    if (type === "m.room.topic") return content.topic ? t("state_topic", { name, value: String(content.topic).slice(0, 300) }) : t("state_topic_gone", { name });
    if (type === "m.room.join_rules") return t("state_access", { name, value: accessName(content.join_rule) });
    if (type === "m.room.history_visibility") return t("state_history", { name, value: historyName(content.history_visibility) });
    return t(SIMPLE.get(type) ?? "state_other", { name });
}

export function accessName(rule: unknown): string {
    return t(ACCESS.get(rule) ?? "access_invite");
}

export function historyName(rule: unknown): string {
    return t(HISTORY.get(rule) ?? "history_shared");
}

function describeMember(name: string, target: string, self: boolean, content: Record<string, any>, before: Record<string, any>): string {
    const reason = str(content.reason);
    const said = reason ? ` (${reason.slice(0, 200)})` : "";
    switch (content.membership) {
        case "join":
            if (before.membership === "join") return content.displayname !== before.displayname ? t("member_renamed", { name, before: str(before.displayname) ?? "", after: str(content.displayname) ?? "" }) : t("member_avatar", { name });
            return t("member_joined", { name });
        case "invite":
            return t("member_invited", { name, target });
        case "knock":
            return t("member_knocked", { name }) + said;
        case "ban":
            return t("member_banned", { name, target }) + said;
        default:
            if (!self) return t(before.membership === "ban" ? "member_unbanned" : before.membership === "invite" ? "member_uninvited" : "member_kicked", { name, target }) + said;
            return t(before.membership === "invite" ? "member_declined" : "member_left", { name }) + said;
    }
}
