/** Search: what is found stands in the right column, and it is said how far back was looked. */
import { useSignal } from "@preact/signals";
import { Search as Glass } from "lucide-preact";
import type { MatrixEvent } from "matrix-js-sdk";
import { useEffect, useMemo, useRef } from "preact/hooks";
import { Search } from "../model/search";
import { t } from "../text";
import { Empty, Switch } from "./bits";
import { useChat } from "./context";
import { EventList, Frame } from "./frame";
import { fullDate } from "./time";

export function SearchPanel() {
    const chat = useChat();
    const typed = useSignal("");
    const everywhere = useSignal(false);
    const search = useMemo(() => new Search(chat.client), []);
    const box = useRef<HTMLInputElement>(null);
    const room = chat.room()!;
    const hits = search.hits.value;
    useEffect(() => box.current?.focus(), []);
    useEffect(() => search.look(typed.value, everywhere.value ? undefined : room), [typed.value, everywhere.value, room.roomId]);
    async function open(event: MatrixEvent) {
        if (event.getRoomId() !== chat.roomId.value) chat.open(event.getRoomId()!);
        const inThread = event.threadRootId && !event.isThreadRoot ? event.threadRootId : undefined;
        if ((await chat.goTo(inThread ?? event.getId()!)) && inThread) chat.openThread(inThread);
    }
    return (
        <Frame title={t("search")}>
            <div class="panel-tools">
                <input type="search" ref={box} placeholder={t("search_messages")} aria-label={t("search_messages")} value={typed.value} onInput={(e) => (typed.value = e.currentTarget.value)} />
            </div>
            <Switch label={t("search_everywhere")} checked={everywhere.value} onChange={(on) => (everywhere.value = on)} />
            {hits.length > 0 && <EventList events={hits.map((hit) => hit.event)} onOpen={(event) => void open(event)} />}
            {hits.length === 0 && (
                <Empty icon={Glass} title={typed.value.trim() ? t("nothing_found") : t("search_what")}>
                    {t("search_hint")}
                </Empty>
            )}
            {typed.value.trim() && <Extent search={search} />}
        </Frame>
    );
}

function Extent({ search }: { search: Search }) {
    const chat = useChat();
    const since = search.since.value;
    const busy = search.busy.value;
    return (
        <div class="stack" role="status">
            <p class="muted extent">{since ? t("search_since", { date: fullDate(since) }) : t("search_all")}</p>
            {since > 0 && (
                <button type="button" class="secondary" disabled={busy} onClick={() => void chat.attempt(() => search.older())}>
                    {busy ? t("search_busy") : t("search_older")}
                </button>
            )}
        </div>
    );
}
