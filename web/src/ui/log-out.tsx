import { useSignal } from "@preact/signals";
import type { Chat } from "../model/chat";
import { keysAreHereAlone, keyState } from "../model/encryption";
import { clearSession } from "../sdk/session";
import { t } from "../text";
import { Dialog } from "./bits";
import { useChat } from "./context";

/** Where keys would be lost by it, that is said first. */
export function askToLogOut(chat: Chat): void {
    if (keysAreHereAlone(chat)) chat.dialog.value = { kind: "log-out" };
    else void logOut(chat);
}

/** Ends the session at the server and forgets everything here; when the server cannot be reached it is forgotten all the same. */
async function logOut(chat: Chat): Promise<void> {
    await chat.client.logout(true).catch(() => chat.client.stopClient());
    await chat.client.clearStores().catch(() => {});
    await clearSession();
    location.hash = "";
    location.reload();
}

export function LogOutDialog({ onClose }: { onClose: () => void }) {
    const chat = useChat();
    const busy = useSignal(false);
    const mode = keyState.value === "unverified" ? "use" : "make";
    const leave = () => {
        busy.value = true;
        void logOut(chat);
    };
    return (
        <Dialog
            title={t("log_out")}
            onClose={onClose}
            footer={
                <>
                    <button type="button" class="secondary danger" disabled={busy.value} onClick={leave}>
                        {t("log_out_anyway")}
                    </button>
                    <button type="button" class="primary" autofocus onClick={() => (chat.dialog.value = { kind: "recovery", mode })}>
                        {t(`${mode}_recovery_key`)}
                    </button>
                </>
            }
        >
            <p>{t("log_out_loses")}</p>
        </Dialog>
    );
}
