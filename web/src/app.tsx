/** The chat itself, with the SDK: loaded after the shell, when there is a session. */
import type { JSX } from "preact";
import { Chat } from "./model/chat";
import { prepareAccount, watchKeys } from "./model/encryption";
import { toMessage } from "./model/message";
import { watchMessages } from "./model/notify";
import { sendWhenOnline } from "./model/send";
import { makeClient, startSync } from "./sdk/client";
import type { Session } from "./sdk/session";
import { previewText } from "./ui/body";
import { ChatContext } from "./ui/context";
import { Layout } from "./ui/layout";

export async function start(session: Session, password?: string): Promise<JSX.Element> {
    const client = await makeClient(session);
    const chat = new Chat(client, session);
    sendWhenOnline(chat);
    watchKeys(chat);
    watchMessages(chat, (event) => previewText(toMessage(event)));
    await startSync(client);
    void chat.loadProfile();
    // The keys are looked at when the first sync is through, which is not waited for.
    void prepareAccount(chat, password).catch((error) => console.warn("keys:", error?.message));
    return (
        <ChatContext.Provider value={chat}>
            <Layout />
        </ChatContext.Provider>
    );
}
