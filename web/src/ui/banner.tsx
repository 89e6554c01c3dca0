/** What is told above everything: that there is no connection, that there is a newer client, what the keys want. */
import { useSignal } from "@preact/signals";
import { Download, KeyRound, type LucideIcon, ShieldAlert, WifiOff } from "lucide-preact";
import type { ComponentChildren } from "preact";
import { keysAreHereAlone, keyState, verifySelf } from "../model/encryption";
import { updated } from "../sdk/update";
import { t } from "../text";
import { useChat } from "./context";

interface NoticeProps {
    icon: LucideIcon;
    text: string;
    warn?: boolean;
    /** Puts it off, where it may wait. */
    onLater?: () => void;
    children: ComponentChildren;
}

export const Notice = ({ icon: Icon, text, warn, onLater, children }: NoticeProps) => (
    <div class={warn ? "banner warn" : "banner"} role="status">
        <Icon size={15} aria-hidden="true" /> <span>{text}</span>
        {children}
        {onLater && <Act text={t("later")} quiet onClick={onLater} />}
    </div>
);

export const Act = ({ text, quiet, onClick }: { text: string; quiet?: boolean; onClick: () => void }) => (
    <button type="button" class={quiet ? "link quiet" : "link"} onClick={onClick}>
        {text}
    </button>
);

/** The most urgent of what there is to tell. What was put off stays so until the page is loaded anew, and hides nothing else. */
export function Banner() {
    const chat = useChat();
    const later = useSignal<ReadonlySet<string>>(new Set());
    const due = (what: string) => !later.value.has(what);
    const putOff = (what: string) => () => (later.value = new Set([...later.value, what]));
    if (chat.connection.value === "offline")
        return (
            <Notice icon={WifiOff} text={t("offline")} warn>
                <Act text={t("try_now")} onClick={() => chat.client.retryImmediately()} />
            </Notice>
        );
    if (updated.value && due("updated"))
        return (
            <Notice icon={Download} text={t("updated")} onLater={putOff("updated")}>
                <Act text={t("reload")} onClick={() => location.reload()} />
            </Notice>
        );
    if (keyState.value === "unverified" && due("unverified"))
        return (
            <Notice icon={ShieldAlert} text={t("unverified_session")} onLater={putOff("unverified")}>
                <Act text={t("verify_other_session")} onClick={() => void verifySelf(chat)} />
                <Act text={t("use_recovery_key")} onClick={() => (chat.dialog.value = { kind: "recovery", mode: "use" })} />
            </Notice>
        );
    if (keyState.value === "no-backup" && due("no-backup") && keysAreHereAlone(chat))
        return (
            <Notice icon={KeyRound} text={t("no_backup")} onLater={putOff("no-backup")}>
                <Act text={t("make_recovery_key")} onClick={() => (chat.dialog.value = { kind: "recovery", mode: "make" })} />
            </Notice>
        );
    return null;
}
