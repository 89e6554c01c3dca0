/** A room's settings: what may not be changed is shown, but not offered. */
import { useSignal } from "@preact/signals";
import { EventType, type Room } from "matrix-js-sdk";
import { useRef } from "preact/hooks";
import { addToSpace, mayAddTo } from "../model/actions";
import { loudness, type Loudness, setLoudness } from "../model/loudness";
import { t } from "../text";
import { Avatar } from "./bits";
import { useChat } from "./context";
import { SelectSetting, TextSetting } from "./fields";
import { Question } from "./question";
import { Roles } from "./roles";
import { accessName, historyName } from "./state-text";

const content = (room: Room, type: string): Record<string, any> => room.currentState.getStateEvents(type, "")?.getContent() ?? {};

const ACCESS = ["invite", "knock", "public"];

export function RoomInfo() {
    const chat = useChat();
    void chat.tick.value;
    const room = chat.room()!;
    const may = (type: string) => room.currentState.maySendStateEvent(type, chat.me);
    const set = (type: string, value: Record<string, unknown>) => void chat.attempt(() => chat.client.sendStateEvent(room.roomId, type as any, value as any, ""));
    const alias = room.getCanonicalAlias();
    const access = String(content(room, "m.room.join_rules").join_rule ?? "invite");
    return (
        <div class="stack" key={room.roomId}>
            <RoomAvatar room={room} may={may("m.room.avatar")} />
            <TextSetting label={t("room_name")} value={String(content(room, "m.room.name").name ?? "")} may={may("m.room.name")} onSave={(name) => set("m.room.name", { name })} />
            <TextSetting label={t("topic")} value={String(content(room, "m.room.topic").topic ?? "")} may={may("m.room.topic")} long onSave={(topic) => set("m.room.topic", { topic })} />
            {alias && (
                <p>
                    <span class="muted">{t("address")}</span> <code>{alias}</code>
                </p>
            )}
            <NotifySetting room={room} />
            <SelectSetting
                label={t("access")}
                may={may("m.room.join_rules")}
                value={access}
                options={ACCESS.concat(ACCESS.includes(access) ? [] : [access]).map((rule) => [rule, accessName(rule)])}
                onChange={(join_rule) => set("m.room.join_rules", { join_rule })}
            />
            <SelectSetting
                label={t("history")}
                may={may("m.room.history_visibility")}
                value={String(content(room, "m.room.history_visibility").history_visibility ?? "shared")}
                options={["joined", "invited", "shared", "world_readable"].map((rule) => [rule, historyName(rule)])}
                onChange={(history_visibility) => set("m.room.history_visibility", { history_visibility })}
            />
            <Roles room={room} />
            <SpaceSetting room={room} />
            {!room.isSpaceRoom() && <Encryption room={room} may={may("m.room.encryption")} />}
            <button type="button" class="secondary danger" onClick={() => (chat.dialog.value = { kind: "leave", roomId: room.roomId })}>
                {t("leave")}
            </button>
        </div>
    );
}

function RoomAvatar({ room, may }: { room: Room; may: boolean }) {
    const chat = useChat();
    const picker = useRef<HTMLInputElement>(null);
    async function change(file: File | undefined) {
        if (!file) return;
        await chat.attempt(async () => {
            const { content_uri } = await chat.client.uploadContent(file);
            await chat.client.sendStateEvent(room.roomId, EventType.RoomAvatar, { url: content_uri }, "");
        });
    }
    return (
        <div class="profile">
            <Avatar id={room.roomId} name={room.name} mxc={room.getMxcAvatarUrl() ?? undefined} size={72} square />
            {may && (
                <>
                    <input ref={picker} type="file" accept="image/*" hidden aria-label={t("change_picture")} onChange={(e) => void change(e.currentTarget.files?.[0])} />
                    <button type="button" class="link" onClick={() => picker.current!.click()}>
                        {t("change_picture")}
                    </button>
                </>
            )}
        </div>
    );
}

function NotifySetting({ room }: { room: Room }) {
    const chat = useChat();
    const options: [Loudness, string][] = [
        ["default", t("notify_default")],
        ["all", t("notify_all")],
        ["mentions", t("notify_mentions")],
        ["mute", t("notify_mute")],
    ];
    return <SelectSetting label={t("notifications")} may value={loudness(chat.client, room.roomId)} options={options} onChange={(wanted) => void setLoudness(chat, room.roomId, wanted as Loudness)} />;
}

function SpaceSetting({ room }: { room: Room }) {
    const chat = useChat();
    const spaces = [...chat.summaries.value.values()].filter((s) => s.isSpace && s.membership === "join" && s.id !== room.roomId);
    const now = spaces.find((s) => s.children.includes(room.roomId))?.id ?? "";
    const offered = spaces.filter((s) => s.id === now || mayAddTo(chat, s.id));
    if (offered.length === 0) return null;
    async function move(to: string) {
        if (now) await chat.attempt(() => chat.client.sendStateEvent(now, EventType.SpaceChild, {} as any, room.roomId));
        if (to) await addToSpace(chat, to, room.roomId);
    }
    return <SelectSetting label={t("space")} may={!now || mayAddTo(chat, now)} value={now} options={[["", t("no_space")], ...offered.map((s) => [s.id, s.name])]} onChange={(to) => void move(to)} />;
}

function Encryption({ room, may }: { room: Room; may: boolean }) {
    const chat = useChat();
    const asking = useSignal(false);
    if (room.hasEncryptionStateEvent()) return <p class="muted">{t("encrypted_hint")}</p>;
    if (!may) return <p class="muted">{t("not_encrypted")}</p>;
    const turnOn = () => void chat.attempt(() => chat.client.sendStateEvent(room.roomId, EventType.RoomEncryption, { algorithm: "m.megolm.v1.aes-sha2" }, ""));
    return (
        <>
            <button type="button" class="secondary" onClick={() => (asking.value = true)}>
                {t("turn_on_encryption")}
            </button>
            {asking.value && (
                <Question title={t("turn_on_encryption")} button={t("turn_on_encryption")} act={turnOn} onClose={() => (asking.value = false)}>
                    <p>{t("encryption_for_good")}</p>
                </Question>
            )}
        </>
    );
}
