import { useSignal } from "@preact/signals";
import type { Chat } from "../model/chat";
import { keysAreHereAlone, keyState } from "../model/encryption";
import { forgetSession } from "../sdk/session";
import { t } from "../text";
import { Dialog } from "./bits";
import { useChat } from "./context";

/** So long the server has to end the session; one that does not answer keeps nobody logged in here. */
const PATIENCE_MS = 5_000;

/** Where keys would be lost by it, that is said first. */
export function askToLogOut(chat: Chat): void {
    if (keysAreHereAlone(chat)) chat.dialog.value = { kind: "log-out" };
    else void logOut(chat);
}

/** Ends the session at the server and forgets everything here; when the server cannot be reached it is forgotten all the same. */
async function logOut(chat: Chat): Promise<void> {
    await Promise.race([chat.client.logout(true).catch(() => {}), new Promise((resolve) => setTimeout(resolve, PATIENCE_MS))]);
    location.hash = "";
    forgetSession();
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
                    <button type="button" class="primary" disabled={busy.value} autofocus onClick={() => (chat.dialog.value = { kind: "recovery", mode })}>
                        {t(`${mode}_recovery_key`)}
                    </button>
                </>
            }
        >
            <p>{t("log_out_loses")}</p>
        </Dialog>
    );
}
