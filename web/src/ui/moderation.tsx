/** What a moderator can do with a member: role, kick, ban. Only what the room allows is offered. */
import { useSignal } from "@preact/signals";
import { Ban, UserMinus, Undo2 } from "lucide-preact";
import type { Room, RoomMember } from "matrix-js-sdk";
import { t } from "../text";
import { useChat } from "./context";
import { SelectSetting } from "./fields";
import { roleOptions } from "./roles";

export function Moderation({ room, member }: { room: Room; member: RoomMember }) {
    const chat = useChat();
    const reason = useSignal("");
    const own = room.getMember(chat.me)?.powerLevel ?? 0;
    const above = own > member.powerLevel;
    const may = (what: "kick" | "ban") => above && room.currentState.hasSufficientPowerLevelFor(what, own);
    const mayPromote = above && room.currentState.maySendStateEvent("m.room.power_levels", chat.me);
    const { client } = chat;
    if (!mayPromote && !may("kick") && !may("ban")) return null;
    const act = (work: () => Promise<unknown>) => () => void chat.attempt(work).then(() => chat.touch(room.roomId));
    return (
        <section class="stack" aria-label={t("moderation")}>
            <h4>{t("moderation")}</h4>
            {mayPromote && member.membership === "join" && (
                <SelectSetting
                    label={t("role")}
                    may
                    value={String(member.powerLevel)}
                    options={roleOptions(member.powerLevel, own)}
                    onChange={(level) => void chat.attempt(() => client.setPowerLevel(room.roomId, member.userId, Number(level)))}
                />
            )}
            <label class="field">
                <span>{t("reason")}</span>
                <input value={reason.value} onInput={(e) => (reason.value = e.currentTarget.value)} />
            </label>
            <div class="buttons">
                {may("kick") && ["join", "invite"].includes(member.membership ?? "") && (
                    <button type="button" class="secondary danger" onClick={act(() => client.kick(room.roomId, member.userId, reason.value || undefined))}>
                        <UserMinus size={15} aria-hidden="true" /> {t("kick")}
                    </button>
                )}
                {may("ban") && member.membership !== "ban" && (
                    <button type="button" class="secondary danger" onClick={act(() => client.ban(room.roomId, member.userId, reason.value || undefined))}>
                        <Ban size={15} aria-hidden="true" /> {t("ban")}
                    </button>
                )}
                {may("ban") && member.membership === "ban" && (
                    <button type="button" class="secondary" onClick={act(() => client.unban(room.roomId, member.userId))}>
                        <Undo2 size={15} aria-hidden="true" /> {t("unban")}
                    </button>
                )}
            </div>
        </section>
    );
}
