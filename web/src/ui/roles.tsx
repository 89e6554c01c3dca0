/** Roles: what they are called, and what each of them may do in a room. */
import type { Room } from "matrix-js-sdk";
import { type Key, t } from "../text";
import { useChat } from "./context";
import { SelectSetting } from "./fields";

const ROLES: [number, Key][] = [
    [0, "role_user"],
    [50, "role_moderator"],
    [100, "role_admin"],
];

/** The roles up to `most`, and `now` where it is none of them. */
export function roleOptions(now: number, most: number): string[][] {
    const known = ROLES.filter(([level]) => level <= most || level === now).map(([level, text]) => [String(level), t(text)]);
    return ROLES.some(([level]) => level === now) ? known : [...known, [String(now), t("role_other", { level: now })]];
}

export const roleName = (level: number): Key | null => (level >= 100 ? "role_admin" : level >= 50 ? "role_moderator" : null);

/** The fields of m.room.power_levels, with what counts where one is absent. */
const RIGHTS: [field: string, text: Key, absent: number][] = [
    ["events_default", "may_write", 0],
    ["invite", "may_invite", 0],
    ["redact", "may_redact", 50],
    ["kick", "may_kick", 50],
    ["ban", "may_ban", 50],
    ["state_default", "may_change", 50],
];

export function Roles({ room }: { room: Room }) {
    const chat = useChat();
    const levels = room.currentState.getStateEvents("m.room.power_levels", "")?.getContent() ?? {};
    const own = room.getMember(chat.me)?.powerLevel ?? 0;
    const may = room.currentState.maySendStateEvent("m.room.power_levels", chat.me);
    const set = (field: string, level: string) => void chat.attempt(() => chat.client.sendStateEvent(room.roomId, "m.room.power_levels" as any, { ...levels, [field]: Number(level) } as any, ""));
    return (
        <details class="roles">
            <summary>{t("roles")}</summary>
            <div class="stack">
                {RIGHTS.map(([field, text, absent]) => {
                    const now = typeof levels[field] === "number" ? levels[field] : absent;
                    return <SelectSetting key={field} label={t(text)} value={String(now)} may={may && now <= own} options={roleOptions(now, own)} onChange={(level) => set(field, level)} />;
                })}
            </div>
        </details>
    );
}
