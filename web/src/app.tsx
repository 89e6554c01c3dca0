/** The chat itself, with the SDK: loaded after the shell, when there is a session. */
import { signal } from "@preact/signals";
import type { JSX } from "preact";
import { Chat } from "./model/chat";
import { prepareAccount, watchKeys } from "./model/encryption";
import { toMessage } from "./model/message";
import { watchMessages } from "./model/notify";
import { sendWhenOnline } from "./model/send";
import { makeClient, startSync } from "./sdk/client";
import type { Session } from "./sdk/session";
import { claimDevice } from "./sdk/tab";
import { previewText } from "./ui/body";
import { ChatContext } from "./ui/context";
import { Elsewhere } from "./ui/elsewhere";
import { Layout } from "./ui/layout";

export async function start(session: Session, password?: string): Promise<JSX.Element> {
    const lost = signal(false);
    if (!(await claimDevice(() => (lost.value = true)))) return <Elsewhere />;
    const client = await makeClient(session);
    const chat = new Chat(client, session);
    sendWhenOnline(chat);
    watchKeys(chat);
    watchMessages(chat, (event) => previewText(toMessage(event)));
    if (!lost.value) await startSync(client);
    lost.subscribe((gone) => gone && client.stopClient());
    void chat.loadProfile();
    // The keys are looked at when the first sync is through, which is not waited for.
    void prepareAccount(chat, password).catch((error) => console.warn("keys:", error?.message));
    const Root = () =>
        lost.value ? (
            <Elsewhere />
        ) : (
            <ChatContext.Provider value={chat}>
                <Layout />
            </ChatContext.Provider>
        );
    return <Root />;
}
