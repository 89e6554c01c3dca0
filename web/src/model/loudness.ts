/** How loud a room is, by the account's push rules: read, and set for that room alone. */
import type { MatrixClient } from "matrix-js-sdk";
import type { Chat } from "./chat";

export type Loudness = "all" | "mentions" | "mute" | "default";

/** A rule of the room's own that tells, or one that says nothing. */
export function loudness(client: MatrixClient, roomId: string): Loudness {
    const rules = client.pushRules?.global;
    const notifies = (rule: any) => rule?.enabled && rule.actions?.includes("notify");
    const silent = (rule: any) => rule?.enabled && !rule.actions?.includes("notify");
    if (rules?.override?.some((r) => r.rule_id === roomId && silent(r))) return "mute";
    const room = rules?.room?.find((r) => r.rule_id === roomId);
    return silent(room) ? "mentions" : notifies(room) ? "all" : "default";
}

export async function setLoudness(chat: Chat, roomId: string, wanted: Loudness): Promise<void> {
    const { client } = chat;
    const now = loudness(client, roomId);
    await chat.attempt(async () => {
        if (now === "mute") await client.deletePushRule("global", "override" as any, roomId);
        if (now === "all" || now === "mentions") await client.deletePushRule("global", "room" as any, roomId);
        const condition = { kind: "event_match", key: "room_id", pattern: roomId };
        if (wanted === "mute") await client.addPushRule("global", "override" as any, roomId, { conditions: [condition], actions: [] } as any);
        if (wanted === "mentions") await client.addPushRule("global", "room" as any, roomId, { actions: [] });
        if (wanted === "all") await client.addPushRule("global", "room" as any, roomId, { actions: ["notify", { set_tweak: "sound", value: "default" }] } as any);
        await client.getPushRules(); // and takes them
        chat.touch(roomId);
    });
}
