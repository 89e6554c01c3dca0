/** Verification by emoji, and the recovery key. */
import { type Signal, useSignal } from "@preact/signals";
import { KeyRound, ShieldAlert, ShieldCheck, ShieldQuestion } from "lucide-preact";
import { VerificationPhase, type VerificationRequest } from "matrix-js-sdk/lib/crypto-api";
import type { Chat } from "../model/chat";
import { acceptVerification, asked, declineVerification, makeRecoveryKey, sas, startEmoji, openWithRecoveryKey, verification, verificationTick } from "../model/encryption";
import { isolate, t } from "../text";
import { Act, Notice } from "./banner";
import { Dialog } from "./bits";
import { saveBlob } from "./body";
import { useChat } from "./context";

/** One request at a time, those of one's own sessions first: anybody may ask, as often as they like. */
export function VerifyBanner() {
    const chat = useChat();
    const request = asked.value.find((r) => r.isSelfVerification) ?? asked.value[0];
    if (!request) return null;
    return (
        <Notice icon={ShieldQuestion} text={t("verify_asked", { name: otherName(chat, request) })}>
            <Act text={t("verify_begin")} onClick={() => void acceptVerification(chat, request)} />
            <Act text={t("decline")} quiet onClick={() => void declineVerification(chat, request)} />
        </Notice>
    );
}

const otherName = (chat: Chat, request: VerificationRequest): string => (request.isSelfVerification ? t("other_session") : isolate(chat.nameOf(request.otherUserId)));

export function VerifyDialog({ onClose }: { onClose: () => void }) {
    void verificationTick.value;
    const request = verification.value;
    if (!request) return null;
    function close() {
        const over = [VerificationPhase.Done, VerificationPhase.Cancelled].includes(request!.phase);
        if (!over) void request!.cancel().catch(() => {});
        verification.value = null;
        sas.value = null;
        onClose();
    }
    return (
        <Dialog title={t("verify")} onClose={close} class="verify">
            <VerifyStep request={request} onClose={close} />
        </Dialog>
    );
}

function VerifyStep({ request, onClose }: { request: VerificationRequest; onClose: () => void }) {
    const chat = useChat();
    const busy = useSignal(false);
    const run = (work: () => Promise<unknown>) => () => {
        busy.value = true;
        void chat.attempt(work).then(() => (busy.value = false));
    };
    const other = otherName(chat, request);
    const button = (text: string, act: () => void) => (
        <button type="button" class="primary" disabled={busy.value} onClick={act}>
            {text}
        </button>
    );
    switch (request.phase) {
        case VerificationPhase.Unsent:
        case VerificationPhase.Requested:
            return <Waiting text={t("verify_waiting", { name: other })} />;
        case VerificationPhase.Ready:
            return (
                <>
                    <p>{t("verify_ready", { name: other })}</p>
                    <div class="buttons">{button(t("verify_compare"), run(() => startEmoji(chat, request)))}</div>
                </>
            );
        case VerificationPhase.Started:
            return sas.value ? <CompareEmoji name={other} /> : <Waiting text={t("verify_waiting", { name: other })} />;
        case VerificationPhase.Done:
            return (
                <div class="empty good">
                    <ShieldCheck size={48} aria-hidden="true" />
                    <p class="empty-title">{t("verify_done", { name: other })}</p>
                    {button(t("close"), onClose)}
                </div>
            );
        default:
            return (
                <div class="empty">
                    <ShieldAlert size={48} aria-hidden="true" />
                    <p class="empty-title">{t("verify_cancelled")}</p>
                    {button(t("close"), onClose)}
                </div>
            );
    }
}

const Waiting = ({ text }: { text: string }) => (
    <p class="waiting" role="status" aria-busy="true">
        {text}
    </p>
);

function CompareEmoji({ name }: { name: string }) {
    const chat = useChat();
    const answered = useSignal(false);
    const shown = sas.value!;
    const confirm = () => {
        answered.value = true;
        void chat.attempt(() => shown.confirm());
    };
    const refuse = () => {
        answered.value = true;
        shown.mismatch();
    };
    if (answered.value) return <Waiting text={t("verify_waiting", { name })} />;
    return (
        <>
            <p>{t("verify_same", { name })}</p>
            <ul class="sas">
                {shown.sas.emoji?.map(([emoji, text], i) => (
                    <li key={i}>
                        <span aria-hidden="true">{emoji}</span>
                        <small>{text}</small>
                    </li>
                ))}
            </ul>
            <div class="buttons">
                <button type="button" class="secondary danger" onClick={refuse}>
                    {t("verify_differ")}
                </button>
                <button type="button" class="primary" onClick={confirm}>
                    {t("verify_match")}
                </button>
            </div>
        </>
    );
}

/** A key that was made is not shown again: then only its own button closes. */
export function RecoveryDialog({ mode, onClose }: { mode: "make" | "use"; onClose: () => void }) {
    const made = useSignal("");
    const making = useSignal(false);
    return (
        <Dialog title={t("recovery_key")} onClose={making.value || made.value ? undefined : onClose}>
            {made.value ? <KeepKey made={made.value} onClose={onClose} /> : mode === "make" ? <MakeKey busy={making} onMade={(key) => (made.value = key)} /> : <UseKey onClose={onClose} />}
        </Dialog>
    );
}

function MakeKey({ busy, onMade }: { busy: Signal<boolean>; onMade: (key: string) => void }) {
    const chat = useChat();
    async function make(event: SubmitEvent) {
        event.preventDefault();
        const password = new FormData(event.currentTarget as HTMLFormElement).get("password") as string;
        busy.value = true;
        const key = await chat.attempt(() => makeRecoveryKey(chat, password));
        if (key) onMade(key);
        busy.value = false;
    }
    return (
        <form class="form" onSubmit={make}>
            <p>
                <KeyRound size={16} aria-hidden="true" /> {t("recovery_why")}
            </p>
            <label class="field">
                <span>{t("auth_password")}</span>
                <input type="password" name="password" autocomplete="current-password" required />
            </label>
            <button type="submit" class="primary" disabled={busy.value}>
                {busy.value ? t("working") : t("make_recovery_key")}
            </button>
        </form>
    );
}

function KeepKey({ made, onClose }: { made: string; onClose: () => void }) {
    const chat = useChat();
    return (
        <div class="form">
            <p>{t("recovery_keep")}</p>
            <code class="recovery-key" tabIndex={0}>
                {made}
            </code>
            <div class="buttons">
                <button type="button" class="secondary" onClick={() => void navigator.clipboard.writeText(made)}>
                    {t("copy")}
                </button>
                <button type="button" class="secondary" onClick={() => saveBlob(new Blob([`${made}\n`], { type: "text/plain" }), `recovery-key-${chat.me.slice(1)}.txt`)}>
                    {t("download")}
                </button>
                <button type="button" class="primary" onClick={onClose}>
                    {t("recovery_kept")}
                </button>
            </div>
        </div>
    );
}

function UseKey({ onClose }: { onClose: () => void }) {
    const chat = useChat();
    const busy = useSignal(false);
    const failure = useSignal("");
    async function use(event: SubmitEvent) {
        event.preventDefault();
        const typed = new FormData(event.currentTarget as HTMLFormElement).get("key") as string;
        busy.value = true;
        failure.value = "";
        try {
            const count = await openWithRecoveryKey(chat, typed);
            chat.say(t("recovered", { count }));
            onClose();
        } catch (error: any) {
            failure.value = t("recovery_wrong", { reason: error?.message ?? "" });
        }
        busy.value = false;
    }
    return (
        <form class="form" onSubmit={use}>
            <p>{t("recovery_enter")}</p>
            <label class="field">
                <span>{t("recovery_key")}</span>
                <input name="key" required spellcheck={false} autocomplete="off" placeholder="EsT… …" />
            </label>
            <p class="error" role="alert">
                {failure.value}
            </p>
            <button type="submit" class="primary" disabled={busy.value}>
                {busy.value ? t("working") : t("use_recovery_key")}
            </button>
        </form>
    );
}
