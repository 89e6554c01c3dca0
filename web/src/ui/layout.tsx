/** The three columns, what lies over them, and the keyboard. */
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { Download, KeyRound, ShieldAlert, WifiOff } from "lucide-preact";
import { keysAreHereAlone, keyState, verifySelf } from "../model/encryption";
import { clearSession } from "../sdk/session";
import { updated } from "../sdk/update";
import { t } from "../text";
import { useChat } from "./context";
import { Dialogs } from "./dialogs";
import { useNoAccidents } from "./drop";
import { VerifyBanner } from "./keys";
import { anyModal } from "./modal";
import { PanelView } from "./panels";
import { RoomView } from "./room";
import { useShortcuts } from "./shortcuts";
import { Sidebar } from "./sidebar";
import { Splash } from "./splash";
import { Toasts } from "./toasts";

export function Layout() {
    const chat = useChat();
    useShortcuts(chat);
    useNoAccidents();
    useEffect(
        () =>
            chat.loggedOut.subscribe((gone) => {
                if (gone) void clearSession().then(() => location.reload());
            }),
        [],
    );
    if (chat.connection.value === "starting") return <Splash />;
    if (chat.connection.value === "unreachable") return <Splash text={t("auth_unreachable")} />;
    const place = [chat.roomId.value ? "in-room" : "", chat.panel.value ? "with-panel" : ""].join(" ");
    return (
        <>
            <Banner />
            <VerifyBanner />
            <div class={`layout ${place}`}>
                <Sidebar />
                <RoomView />
                {chat.panel.value && <PanelView panel={chat.panel.value} />}
            </div>
            <Dialogs />
            <Toasts shown={!anyModal()} />
            <div class="sr-only" aria-live="polite" role="status">
                {chat.announcement.value}
            </div>
        </>
    );
}

const Later = ({ onClick }: { onClick: () => void }) => (
    <button type="button" class="link quiet" onClick={onClick}>
        {t("later")}
    </button>
);

function Banner() {
    const chat = useChat();
    const later = useSignal(false);
    const putOff = () => (later.value = true);
    if (chat.connection.value === "offline")
        return (
            <div class="banner warn" role="status">
                <WifiOff size={15} aria-hidden="true" /> {t("offline")}
                <button type="button" class="link" onClick={() => chat.client.retryImmediately()}>
                    {t("try_now")}
                </button>
            </div>
        );
    if (later.value) return null;
    if (updated.value)
        return (
            <div class="banner" role="status">
                <Download size={15} aria-hidden="true" /> <span>{t("updated")}</span>
                <button type="button" class="link" onClick={() => location.reload()}>
                    {t("reload")}
                </button>
                <Later onClick={putOff} />
            </div>
        );
    if (keyState.value === "unverified")
        return (
            <div class="banner" role="status">
                <ShieldAlert size={15} aria-hidden="true" /> <span>{t("unverified_session")}</span>
                <button type="button" class="link" onClick={() => void verifySelf(chat)}>
                    {t("verify_other_session")}
                </button>
                <button type="button" class="link" onClick={() => (chat.dialog.value = { kind: "recovery", mode: "use" })}>
                    {t("use_recovery_key")}
                </button>
                <Later onClick={putOff} />
            </div>
        );
    if (keyState.value === "no-backup" && keysAreHereAlone(chat))
        return (
            <div class="banner" role="status">
                <KeyRound size={15} aria-hidden="true" /> <span>{t("no_backup")}</span>
                <button type="button" class="link" onClick={() => (chat.dialog.value = { kind: "recovery", mode: "make" })}>
                    {t("make_recovery_key")}
                </button>
                <Later onClick={putOff} />
            </div>
        );
    return null;
}
