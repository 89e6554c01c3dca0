/** A mark at messages whose origin is in doubt: not encrypted where all are, or from a session that nobody vouches for. */
import { useSignal } from "@preact/signals";
import { LockOpen, ShieldAlert } from "lucide-preact";
import type { MatrixEvent } from "matrix-js-sdk";
import { type CryptoApi, EventShieldColour, EventShieldReason } from "matrix-js-sdk/lib/crypto-api";
import { useEffect } from "preact/hooks";
import { trustTick } from "../model/encryption";
import type { Message } from "../model/message";
import { type Key, t } from "../text";
import type { Icon } from "./bits";
import { useChat } from "./context";

const REASONS = new Map<EventShieldReason | null, Key>([
    [EventShieldReason.UNSIGNED_DEVICE, "shield_unsigned"],
    [EventShieldReason.UNKNOWN_DEVICE, "shield_unknown_device"],
    [EventShieldReason.VERIFICATION_VIOLATION, "shield_changed"],
    [EventShieldReason.MISMATCHED_SENDER, "shield_sender"],
]);

export function Shield({ message, event }: { message: Message; event: MatrixEvent }) {
    const chat = useChat();
    if (message.status !== "sent" || message.body.kind === "redacted" || message.body.kind === "undecryptable") return null;
    if (message.encrypted) return <OriginMark event={event} />;
    const since = chat.client.getRoom(event.getRoomId())?.currentState.getStateEvents("m.room.encryption", "")?.getTs();
    return since !== undefined && since < message.ts ? <Mark icon={LockOpen} text="not_encrypted" /> : null;
}

function OriginMark({ event }: { event: MatrixEvent }) {
    const chat = useChat();
    const doubt = useSignal<Key | null>(null);
    const tick = trustTick.value;
    useEffect(() => {
        let gone = false;
        void doubtOf(chat.client.getCrypto(), event).then((found) => !gone && (doubt.value = found));
        return () => {
            gone = true;
        };
    }, [event, tick]);
    return doubt.value && <Mark icon={ShieldAlert} text={doubt.value} />;
}

async function doubtOf(crypto: CryptoApi | undefined, event: MatrixEvent): Promise<Key | null> {
    const info = await crypto?.getEncryptionInfoForEvent(event);
    return info?.shieldColour === EventShieldColour.RED ? (REASONS.get(info.shieldReason) ?? "shield_unknown") : null;
}

function Mark({ icon: Glyph, text }: { icon: Icon; text: Key }) {
    return (
        <span class="shield" title={t(text)}>
            <Glyph size={13} aria-hidden="true" />
            <span class="sr-only">{t(text)}</span>
        </span>
    );
}
