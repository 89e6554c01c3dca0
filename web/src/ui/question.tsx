/** What cannot be undone, or is done to others, is asked once more; to others one can say why. */
import { useSignal } from "@preact/signals";
import type { MatrixEvent } from "matrix-js-sdk";
import type { ComponentChildren } from "preact";
import { leave } from "../model/actions";
import { toMessage } from "../model/message";
import { redact } from "../model/send";
import { t } from "../text";
import { Dialog } from "./bits";
import { previewText } from "./body";
import { useChat } from "./context";

export function Question(props: { title: string; button: string; danger?: boolean; act: () => void; onClose: () => void; children: ComponentChildren }) {
    const onSubmit = (event: SubmitEvent) => {
        event.preventDefault();
        props.onClose();
        props.act();
    };
    const footer = (
        <>
            <button type="button" class="secondary" onClick={props.onClose}>
                {t("cancel")}
            </button>
            <button type="submit" form="question" class={props.danger ? "primary danger" : "primary"} autofocus>
                {props.button}
            </button>
        </>
    );
    return (
        <Dialog title={props.title} onClose={props.onClose} footer={footer}>
            <form id="question" class="form" onSubmit={onSubmit}>
                {props.children}
            </form>
        </Dialog>
    );
}

/** Of a room that is not open to everybody nothing is left afterwards. */
export function LeaveDialog({ roomId, onClose }: { roomId: string; onClose: () => void }) {
    const chat = useChat();
    const room = chat.room(roomId);
    return (
        <Question title={t("leave_room", { name: room?.name ?? roomId })} button={t("leave")} danger act={() => void leave(chat, roomId)} onClose={onClose}>
            <p>{room?.getJoinRule() === "public" ? t("leave_public") : t("leave_private")}</p>
        </Question>
    );
}

export function RedactDialog({ event, onClose }: { event: MatrixEvent; onClose: () => void }) {
    const chat = useChat();
    const reason = useSignal("");
    return (
        <Question title={t("delete_message")} button={t("delete")} danger act={() => void redact(chat, event, reason.value.trim())} onClose={onClose}>
            <bdi class="matter">{previewText(toMessage(event))}</bdi>
            <p>{t("delete_hint")}</p>
            {event.getSender() !== chat.me && <Reason value={reason} />}
        </Question>
    );
}

export function RemoveDialog({ how, roomId, userId, onClose }: { how: "kick" | "ban"; roomId: string; userId: string; onClose: () => void }) {
    const chat = useChat();
    const reason = useSignal("");
    const act = () => void chat.attempt(() => chat.client[how](roomId, userId, reason.value.trim() || undefined)).then(() => chat.touch(roomId));
    return (
        <Question title={t(`${how}_person`, { name: chat.nameOf(userId, chat.room(roomId)) })} button={t(how)} danger act={act} onClose={onClose}>
            <p>{t(`${how}_hint`)}</p>
            <Reason value={reason} />
        </Question>
    );
}

function Reason({ value }: { value: { value: string } }) {
    return (
        <label class="field">
            <span>{t("reason")}</span>
            <input autofocus maxLength={200} value={value.value} onInput={(e) => (value.value = e.currentTarget.value)} />
        </label>
    );
}
