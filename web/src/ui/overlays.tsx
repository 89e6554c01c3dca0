/** Things that lie over the chat for a moment: the quick switcher, the list of keys, a picture. */
import { useSignal } from "@preact/signals";
import { Download, X } from "lucide-preact";
import { useRef } from "preact/hooks";
import { isListed, matches, type RoomSummary } from "../model/rooms";
import { toMessage } from "../model/message";
import { load } from "../sdk/media";
import { t } from "../text";
import { Avatar, Dialog, IconButton, useMedia } from "./bits";
import { saveBlob } from "./body";
import { useChat } from "./context";
import { useModal } from "./modal";
import { SHORTCUTS, shortcutText } from "./shortcuts";
import { Toasts } from "./toasts";

export function SwitcherDialog({ onClose }: { onClose: () => void }) {
    const chat = useChat();
    const typed = useSignal("");
    const at = useSignal(0);
    const found: RoomSummary[] = [...chat.summaries.value.values()]
        .filter((r) => isListed(r) && matches(r, typed.value))
        .sort((a, b) => Number(b.unread > 0) - Number(a.unread > 0) || b.lastTs - a.lastTs)
        .slice(0, 12);
    function go(room: RoomSummary | undefined) {
        if (!room) return;
        onClose();
        chat.open(room.id);
    }
    function onKeyDown(event: KeyboardEvent) {
        const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
        if (step && found.length) {
            event.preventDefault();
            at.value = (at.value + step + found.length) % found.length;
        } else if (event.key === "Enter") {
            event.preventDefault();
            go(found[at.value]);
        }
    }
    return (
        <Dialog title={t("switcher")} onClose={onClose} class="switcher">
            <input
                type="search"
                autofocus
                role="combobox"
                aria-expanded="true"
                aria-controls="switcher-list"
                aria-activedescendant={found.length ? `switch-${at.value}` : undefined}
                aria-label={t("switcher")}
                placeholder={t("switcher_hint")}
                value={typed.value}
                onInput={(e) => {
                    typed.value = e.currentTarget.value;
                    at.value = 0;
                }}
                onKeyDown={onKeyDown}
            />
            <ul id="switcher-list" role="listbox" aria-label={t("rooms")}>
                {found.map((room, i) => (
                    <li key={room.id} id={`switch-${i}`} role="option" aria-selected={i === at.value} onClick={() => go(room)} onMouseMove={() => (at.value = i)}>
                        <Avatar id={room.directWith ?? room.id} name={room.name} mxc={room.avatar} size={28} square={!room.directWith} />
                        <bdi>{room.name}</bdi>
                        {room.unread > 0 && <span class="badge">{room.unread}</span>}
                    </li>
                ))}
            </ul>
            {found.length === 0 && <p class="muted">{t("nothing_found")}</p>}
        </Dialog>
    );
}

export function ShortcutsDialog({ onClose }: { onClose: () => void }) {
    return (
        <Dialog title={t("shortcuts")} onClose={onClose}>
            <dl class="shortcuts">
                {SHORTCUTS.map((s) => (
                    <div key={s.text}>
                        <dt>{shortcutText(s)}</dt>
                        <dd>
                            <kbd>{s.keys}</kbd>
                        </dd>
                    </div>
                ))}
            </dl>
        </Dialog>
    );
}

export function ViewerDialog({ eventId, onClose }: { eventId: string; onClose: () => void }) {
    const chat = useChat();
    const ref = useRef<HTMLDialogElement>(null);
    const event = chat.timeline.value?.find(eventId);
    const body = event && toMessage(event).body;
    const media = body && "media" in body ? body.media : undefined;
    const url = useMedia(media && { mxc: media.mxc, file: media.file, type: media.type });
    const innermost = useModal(ref);
    async function save() {
        const blob = media && (await chat.attempt(() => load(chat.client, { mxc: media.mxc, file: media.file, type: media.type })));
        if (blob) saveBlob(blob, media!.name);
    }
    return (
        <dialog ref={ref} class="viewer" aria-label={media?.name || t("kind_image")} onCancel={(e) => (e.preventDefault(), onClose())} onClick={(e) => e.target === e.currentTarget && onClose()}>
            <div class="viewer-head">
                <bdi>{media?.name}</bdi>
                <IconButton icon={Download} label={t("download")} onClick={() => void save()} />
                <IconButton icon={X} label={t("close")} onClick={onClose} />
            </div>
            {url ? <img src={url} alt={media?.name ?? ""} /> : <p>{url === null ? t("not_found") : t("loading")}</p>}
            <Toasts shown={innermost} />
        </dialog>
    );
}
