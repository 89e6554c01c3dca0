import type { Chat } from "../model/chat";
import { clearSession } from "../sdk/session";

/** Ends the session at the server and forgets everything here; when the server cannot be reached it is forgotten all the same. */
export async function logOut(chat: Chat): Promise<void> {
    await chat.client.logout(true).catch(() => chat.client.stopClient());
    await chat.client.clearStores().catch(() => {});
    await clearSession();
    location.hash = "";
    location.reload();
}
