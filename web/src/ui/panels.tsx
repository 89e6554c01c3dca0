/** The right column: people, a thread, what is pinned, what was found. */
import { useSignal } from "@preact/signals";
import { Pin } from "lucide-preact";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import type { MatrixEvent } from "matrix-js-sdk";
import type { Panel } from "../model/chat";
import { pinned } from "../model/actions";
import { sendFiles } from "../model/send";
import { t } from "../text";
import { Empty } from "./bits";
import { Composer } from "./composer";
import { useChat } from "./context";
import { useDrop } from "./drop";
import { EventList, Frame } from "./frame";
import { MemberPanel, Members } from "./members";
import { TimelineView } from "./room";
import { RoomInfo } from "./room-info";
import { SearchPanel } from "./search";
import { ThreadList } from "./threads";

/** Where the focus was before the first panel, it is after the last. */
export function PanelView({ panel }: { panel: Panel }) {
    const before = useRef(document.activeElement as HTMLElement | null);
    useLayoutEffect(
        () => () => {
            if (document.activeElement?.closest(".panel")) before.current?.focus();
        },
        [],
    );
    switch (panel.kind) {
        case "members":
            return <Members />;
        case "member":
            return <MemberPanel userId={panel.userId} />;
        case "info":
            return (
                <Frame title={t("room_settings")}>
                    <RoomInfo />
                </Frame>
            );
        case "thread":
            return <ThreadPanel />;
        case "threads":
            return <ThreadList />;
        case "pinned":
            return <PinnedPanel />;
        case "search":
            return <SearchPanel />;
    }
}

function ThreadPanel() {
    const chat = useChat();
    const timeline = chat.threadTimeline.value;
    const drop = useDrop(timeline?.room.maySendMessage() ? (files) => sendFiles(chat, { room: timeline.room, threadId: timeline.thread!.id }, files) : null);
    if (!timeline) return null;
    return (
        <Frame title={t("thread")} plain>
            <div class="thread" {...drop.listeners}>
                <TimelineView key={timeline.thread!.id} timeline={timeline} inThread />
                <Composer timeline={timeline} place="thread" />
                {drop.over && <div class="drop">{t("drop_here")}</div>}
            </div>
        </Frame>
    );
}

function PinnedPanel() {
    const chat = useChat();
    void chat.tick.value;
    const room = chat.room();
    const ids = room ? pinned(room) : [];
    const events = useSignal<MatrixEvent[]>([]);
    useEffect(() => {
        let gone = false;
        const find = async (id: string) => room!.findEventById(id) ?? (await chat.client.getEventTimeline(room!.getUnfilteredTimelineSet(), id).catch(() => null))?.getEvents().find((e) => e.getId() === id);
        void Promise.all(ids.map(find)).then((found) => !gone && (events.value = found.filter((e): e is MatrixEvent => !!e)));
        return () => {
            gone = true;
        };
    }, [ids.join()]);
    return (
        <Frame title={t("pinned")}>
            {ids.length ? <EventList events={events.value} onOpen={(e) => void chat.goTo(e.getId()!)} /> : <Empty icon={Pin} title={t("no_pinned")}>{t("no_pinned_hint")}</Empty>}
        </Frame>
    );
}
