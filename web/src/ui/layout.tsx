/** The three columns, what lies over them, and the keyboard. */
import { useEffect } from "preact/hooks";
import { forgetSession } from "../sdk/session";
import { t } from "../text";
import { Banner } from "./banner";
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
                if (gone) forgetSession();
            }),
        [],
    );
    if (chat.connection.value === "starting") return <Splash />;
    if (chat.connection.value === "unreachable") return <Splash text={t("auth_unreachable")} />;
    const place = [chat.roomId.value ? "in-room" : "", chat.panel.value ? "with-panel" : ""].join(" ");
    return (
        <>
            <button type="button" class="skip" onClick={skip}>
                {t("skip")}
            </button>
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

/** Past the list of rooms: to where one writes, or else to the first thing that can be done. */
function skip(): void {
    const place = document.querySelector<HTMLElement>("main textarea") ?? document.querySelector<HTMLElement>("main button:not(.back)");
    place?.focus();
}
