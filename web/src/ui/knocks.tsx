/** Asking to be let in: what it looks like for who asks, and for those who may answer. */
import { ArrowLeft, DoorOpen, Hourglass } from "lucide-preact";
import type { Room } from "matrix-js-sdk";
import { invite, leave } from "../model/actions";
import { str } from "../model/message";
import { t } from "../text";
import { Avatar, Empty, IconButton } from "./bits";
import { useChat } from "./context";

/** More than these do not stand above the timeline; the list of members has all. */
const MOST = 3;

export function Knocks({ room }: { room: Room }) {
    const chat = useChat();
    void chat.tick.value;
    if (!room.canInvite(chat.me)) return null;
    return (
        <>
            {room.getMembersWithMembership("knock").slice(0, MOST).map((member) => {
                const reason = str(member.events.member?.getContent().reason)?.slice(0, 200);
                return (
                    <section key={member.userId} class="knock" aria-label={t("member_knocked", { name: member.name })}>
                        <DoorOpen size={18} aria-hidden="true" />
                        <Avatar id={member.userId} name={member.name} mxc={member.getMxcAvatarUrl()} size={26} />
                        <span class="knock-text">
                            <bdi>{t("member_knocked", { name: member.name })}</bdi>
                            {reason && <bdi class="muted">{reason}</bdi>}
                        </span>
                        <KnockAnswer room={room} userId={member.userId} />
                    </section>
                );
            })}
        </>
    );
}

export function KnockAnswer({ room, userId }: { room: Room; userId: string }) {
    const chat = useChat();
    const own = room.getMember(chat.me)?.powerLevel ?? 0;
    return (
        <span class="buttons">
            {room.currentState.hasSufficientPowerLevelFor("kick", own) && (
                <button type="button" class="secondary" onClick={() => void chat.attempt(() => chat.client.kick(room.roomId, userId))}>
                    {t("refuse")}
                </button>
            )}
            <button type="button" class="primary" onClick={() => void invite(chat, room.roomId, userId)}>
                {t("let_in")}
            </button>
        </span>
    );
}

/** The room itself cannot be seen yet. */
export function Knocked() {
    const chat = useChat();
    const summary = chat.summaries.value.get(chat.roomId.value!)!;
    return (
        <main class="room welcome">
            <IconButton icon={ArrowLeft} label={t("back")} class="back" onClick={() => chat.open(null)} />
            <Empty icon={Hourglass} title={summary.name}>
                <p>{t("knocked")}</p>
                <div class="buttons">
                    <button type="button" class="secondary" onClick={() => void leave(chat, summary.id)}>
                        {t("knock_withdraw")}
                    </button>
                </div>
            </Empty>
        </main>
    );
}
