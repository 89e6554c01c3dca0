/** What the panels of the right column have in common. */
import { X } from "lucide-preact";
import type { MatrixEvent } from "matrix-js-sdk";
import type { ComponentChildren } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import { toMessage } from "../model/message";
import { t } from "../text";
import { Avatar, IconButton } from "./bits";
import { previewText } from "./body";
import { useChat } from "./context";
import { shortTime } from "./time";

/** Takes the focus, unless something in it has it already; PanelView gives it back. */
export function Frame({ title, children, plain }: { title: string; children: ComponentChildren; plain?: boolean }) {
    const chat = useChat();
    const heading = useRef<HTMLHeadingElement>(null);
    useLayoutEffect(() => {
        const { current } = heading;
        if (!current!.closest("aside")!.contains(document.activeElement)) current!.focus();
    }, []);
    return (
        <aside class="panel" aria-label={title}>
            <header class="panel-head">
                <h2 ref={heading} tabIndex={-1}>
                    {title}
                </h2>
                <IconButton icon={X} label={t("close")} onClick={() => chat.closePanel()} />
            </header>
            {plain ? children : <div class="panel-body">{children}</div>}
        </aside>
    );
}

export function EventList({ events, onOpen }: { events: MatrixEvent[]; onOpen: (event: MatrixEvent) => void }) {
    return (
        <ul class="hits">
            {events.map((event) => (
                <li key={event.getId()}>
                    <Hit event={event} onOpen={() => onOpen(event)} />
                </li>
            ))}
        </ul>
    );
}

/** A message in a list; `children` is what else there is to say of it. */
export function Hit({ event, unread, onOpen, children }: { event: MatrixEvent; unread?: boolean; onOpen: () => void; children?: ComponentChildren }) {
    const chat = useChat();
    const message = toMessage(event);
    const room = chat.client.getRoom(event.getRoomId());
    const name = chat.nameOf(message.sender, room);
    return (
        <button type="button" class={unread ? "hit unread" : "hit"} onClick={onOpen}>
            <Avatar id={message.sender} name={name} mxc={room?.getMember(message.sender)?.getMxcAvatarUrl()} size={28} />
            <span class="hit-text">
                <span class="hit-head">
                    <bdi class="sender">{name}</bdi> <time class="muted">{shortTime(message.ts)}</time>
                </span>
                <bdi class="hit-body">{previewText(message)}</bdi>
                {room && room.roomId !== chat.roomId.value && <small class="muted">{room.name}</small>}
                {children}
            </span>
        </button>
    );
}
