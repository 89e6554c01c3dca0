/** The threads of a room: at their roots in the timeline, and in a list of their own. */
import { MessageSquareText, MessagesSquare } from "lucide-preact";
import { NotificationCountType, type Room, type Thread } from "matrix-js-sdk";
import { useEffect } from "preact/hooks";
import { toMessage } from "../model/message";
import type { ThreadSummary } from "../model/timeline";
import { t } from "../text";
import { Empty } from "./bits";
import { previewText } from "./body";
import { useChat } from "./context";
import { Frame, Hit } from "./frame";
import { shortTime } from "./time";

const unreadIn = (room: Room | null, id: string, type = NotificationCountType.Total): number => room?.getThreadUnreadNotificationCount(id, type) ?? 0;

function ThreadBadge({ room, id }: { room: Room | null; id: string }) {
    void useChat().tick.value;
    const unread = unreadIn(room, id);
    if (unread === 0) return null;
    return (
        <span class={unreadIn(room, id, NotificationCountType.Highlight) ? "badge mention" : "badge"}>
            <span aria-hidden="true">{unread}</span>
            <span class="sr-only">{t("unread", { count: unread })}</span>
        </span>
    );
}

export function ThreadLink({ roomId, thread }: { roomId: string; thread: ThreadSummary }) {
    const chat = useChat();
    return (
        <button type="button" class="thread-link" onClick={() => chat.openThread(thread.id)}>
            <MessageSquareText size={15} aria-hidden="true" />
            <strong>{t("replies", { count: thread.count })}</strong>
            <span class="muted">{shortTime(thread.lastTs)}</span>
            <ThreadBadge room={chat.room(roomId)} id={thread.id} />
        </button>
    );
}

export function ThreadList() {
    const chat = useChat();
    const room = chat.room();
    void chat.tick.value;
    useEffect(() => {
        void chat.attempt(async () => {
            await room?.createThreadsTimelineSets();
            await room?.fetchRoomThreads();
            chat.tick.value++;
        });
    }, [room?.roomId]);
    const threads = (room?.getThreads() ?? []).filter((thread) => thread.rootEvent && thread.length > 0).sort((a, b) => (b.replyToEvent?.getTs() ?? 0) - (a.replyToEvent?.getTs() ?? 0));
    return (
        <Frame title={t("threads")}>
            {threads.length === 0 && (
                <Empty icon={MessagesSquare} title={t("no_threads")}>
                    {t("no_threads_hint")}
                </Empty>
            )}
            <ul class="hits">
                {threads.map((thread) => (
                    <li key={thread.id}>
                        <Hit event={thread.rootEvent!} unread={unreadIn(room, thread.id) > 0} onOpen={() => chat.openThread(thread.id)}>
                            <LastReply thread={thread} />
                        </Hit>
                    </li>
                ))}
            </ul>
        </Frame>
    );
}

function LastReply({ thread }: { thread: Thread }) {
    const chat = useChat();
    void chat.tick.value;
    const last = thread.replyToEvent && toMessage(thread.replyToEvent);
    return (
        <>
            {last && (
                <bdi class="preview muted">
                    {chat.nameOf(last.sender, thread.room)}: {previewText(last)}
                </bdi>
            )}
            <span class="last-reply">
                <strong>{t("replies", { count: thread.length })}</strong>
                {last && <time class="muted">{shortTime(last.ts)}</time>}
                <ThreadBadge room={thread.room} id={thread.id} />
            </span>
        </>
    );
}
