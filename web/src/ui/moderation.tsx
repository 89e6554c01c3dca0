/** What a moderator can do with a member: role, kick, ban. Only what the room allows is offered. */
import { Ban, UserMinus, Undo2 } from "lucide-preact";
import type { Room, RoomMember } from "matrix-js-sdk";
import { t } from "../text";
import { useChat } from "./context";
import { SelectSetting } from "./fields";
import { roleOptions } from "./roles";

export function Moderation({ room, member }: { room: Room; member: RoomMember }) {
    const chat = useChat();
    const own = room.getMember(chat.me)?.powerLevel ?? 0;
    const above = own > member.powerLevel;
    const may = (what: "kick" | "ban") => above && room.currentState.hasSufficientPowerLevelFor(what, own);
    const mayPromote = above && room.currentState.maySendStateEvent("m.room.power_levels", chat.me);
    const { client } = chat;
    if (!mayPromote && !may("kick") && !may("ban")) return null;
    const ask = (how: "kick" | "ban") => () => (chat.dialog.value = { kind: "remove", how, roomId: room.roomId, userId: member.userId });
    const unban = () => void chat.attempt(() => client.unban(room.roomId, member.userId)).then(() => chat.touch(room.roomId));
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
            <div class="buttons">
                {may("kick") && ["join", "invite"].includes(member.membership ?? "") && (
                    <button type="button" class="secondary danger" onClick={ask("kick")}>
                        <UserMinus size={15} aria-hidden="true" /> {t("kick")}
                    </button>
                )}
                {may("ban") && member.membership !== "ban" && (
                    <button type="button" class="secondary danger" onClick={ask("ban")}>
                        <Ban size={15} aria-hidden="true" /> {t("ban")}
                    </button>
                )}
                {may("ban") && member.membership === "ban" && (
                    <button type="button" class="secondary" onClick={unban}>
                        <Undo2 size={15} aria-hidden="true" /> {t("unban")}
                    </button>
                )}
            </div>
        </section>
    );
}
