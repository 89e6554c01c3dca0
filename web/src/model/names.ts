/** The names of people who are no longer in a room. Only reads what the SDK has. */
import type { IContent, MatrixEvent, RoomMember } from "matrix-js-sdk";
import { withoutTurns } from "../text";
import { str } from "./message";

/** Removed, banned, let in again and gone: further back nobody knows them. It also ends a chain that somebody has made a circle. */
const MOST_STEPS = 4;

const nameIn = (content: IContent): string | undefined => withoutTurns(str(content.displayname) ?? "") || undefined;

/**
 * Who was removed keeps the name under which people knew them; the event that removes has none, nor has one that lifts a ban, and
 * what it replaces has none either: so the name is sought in what that replaced. `find` gives an event that is in memory.
 */
export function formerName(member: RoomMember, find: (id: string) => MatrixEvent | undefined): string | undefined {
    if (member.membership !== "leave" && member.membership !== "ban") return undefined;
    let event = member.events.member;
    for (let step = 0; event && step < MOST_STEPS; step++) {
        const name = nameIn(event.getPrevContent());
        if (name) return name;
        const before = str(event.getUnsigned().replaces_state);
        event = before ? find(before) : undefined;
    }
    return undefined;
}
