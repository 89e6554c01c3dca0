/** People: who is in a room, and one of them. */
import { useSignal } from "@preact/signals";
import { MessageCircle, ShieldCheck, ShieldQuestion, UserPlus } from "lucide-preact";
import { useEffect } from "preact/hooks";
import type { RoomMember } from "matrix-js-sdk";
import { openDirect } from "../model/actions";
import { verifyUser } from "../model/encryption";
import { type Key, t } from "../text";
import { Avatar, IconButton, Switch } from "./bits";
import { useChat } from "./context";
import { Frame } from "./frame";
import { KnockAnswer } from "./knocks";
import { Moderation } from "./moderation";
import { roleName } from "./roles";

const TAGS: Record<string, Key> = { invite: "invited", knock: "asks", ban: "banned" };

/** Longer lists are shown as far as this; the filter finds the rest. */
const MOST_MEMBERS = 300;

export function Members() {
    const chat = useChat();
    const filter = useSignal("");
    void chat.tick.value;
    const room = chat.room();
    if (!room) return null;
    const wanted = filter.value.toLowerCase();
    const order = (m: RoomMember) => (chat.client.getUser(m.userId)?.presence === "online" ? 0 : 1);
    const mayBan = room.currentState.hasSufficientPowerLevelFor("ban", room.getMember(chat.me)?.powerLevel ?? 0);
    const shown = ["join", "knock", "invite", ...(mayBan ? ["ban"] : [])];
    const all = shown
        .flatMap((membership) => room.getMembersWithMembership(membership))
        .filter((m) => !wanted || m.name.toLowerCase().includes(wanted) || m.userId.toLowerCase().includes(wanted))
        .sort((a, b) => shown.indexOf(a.membership!) - shown.indexOf(b.membership!) || b.powerLevel - a.powerLevel || order(a) - order(b) || a.name.localeCompare(b.name));
    return (
        <Frame title={t("members_count", { count: room.getJoinedMemberCount() })}>
            <div class="panel-tools">
                <input type="search" placeholder={t("filter_members")} aria-label={t("filter_members")} value={filter.value} onInput={(e) => (filter.value = e.currentTarget.value)} />
                {room.canInvite(chat.me) && <IconButton icon={UserPlus} label={t("invite")} onClick={() => (chat.dialog.value = { kind: "invite", roomId: room.roomId })} />}
            </div>
            <ul class="people">
                {all.slice(0, MOST_MEMBERS).map((m) => (
                    <li key={m.userId}>
                        <button type="button" class="person" onClick={() => (chat.panel.value = { kind: "member", userId: m.userId })}>
                            <span class="avatar-wrap">
                                <Avatar id={m.userId} name={chat.nameOf(m.userId, room)} mxc={m.getMxcAvatarUrl()} size={34} />
                                {chat.client.getUser(m.userId)?.presence === "online" && <span class="online" title={t("online")} />}
                            </span>
                            <span class="person-text">
                                <bdi>{chat.nameOf(m.userId, room)}</bdi>
                                <small class="muted">{m.userId}</small>
                            </span>
                            {TAGS[m.membership!] && <small class="tag">{t(TAGS[m.membership!])}</small>}
                            {roleName(m.powerLevel) && <small class="tag">{t(roleName(m.powerLevel)!)}</small>}
                        </button>
                    </li>
                ))}
            </ul>
        </Frame>
    );
}

export function MemberPanel({ userId }: { userId: string }) {
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
    const knocking = member?.membership === "knock" && room!.canInvite(chat.me);
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
            {knocking && <KnockAnswer room={room!} userId={userId} />}
            {userId !== chat.me && (
                <div class="stack">
                    <button type="button" class={knocking ? "secondary" : "primary"} onClick={() => void openDirect(chat, userId)}>
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
                        {d.verified ? <ShieldCheck size={15} class="verified" aria-label={t("verified")} /> : <ShieldQuestion size={15} aria-hidden="true" />}
                        <bdi>{d.name || d.id}</bdi> <code class="muted">{d.id}</code>
                        {!d.verified && <span class="tag">{t("not_verified")}</span>}
                    </li>
                ))}
                {devices.value.length === 0 && <li class="muted">{t("no_sessions")}</li>}
            </ul>
        </Frame>
    );
}
