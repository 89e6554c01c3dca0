/** Whom somebody means by what they typed. */
import type { Chat } from "./chat";

export interface Person {
    user_id: string;
    display_name?: string;
    avatar_url?: string;
}

/** Who the server knows by that name. */
export async function searchPeople(chat: Chat, term: string): Promise<Person[]> {
    const answer = await chat.client.searchUserDirectory({ term, limit: 10 }).catch(() => null);
    return answer?.results.filter((p) => p.user_id !== chat.me) ?? [];
}

/** A user id, or the name of an account of this server: those mean one person. What is neither is a name that people see: the first who has it. */
export async function personMeant(chat: Chat, typed: string): Promise<Person | undefined> {
    const user_id = toUserId(chat, typed);
    const profile = await chat.client.getProfileInfo(user_id).catch(() => null);
    if (profile) return { user_id, display_name: profile.displayname, avatar_url: profile.avatar_url };
    if (typed.trim().startsWith("@")) return { user_id }; // the server says what is wrong with it
    return (await searchPeople(chat, typed.trim()))[0];
}

/** The server's own people need no server name. */
function toUserId(chat: Chat, typed: string): string {
    const text = typed.trim();
    return text.startsWith("@") && text.includes(":") ? text : `@${text.replace(/^@/, "").toLowerCase()}:${chat.client.getDomain()}`;
}
