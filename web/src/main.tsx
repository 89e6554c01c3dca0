/** The shell: the login screen at once, or the chat (with the SDK, loaded then) where there is a session. */
import { signal } from "@preact/signals";
import { render } from "preact";
import { Auth } from "./ui/auth";
import { Splash } from "./ui/splash";
import { followLook, settings } from "./model/settings";
import { clearStores, loadSession, type Session, saveSession } from "./sdk/session";
import { keepShell } from "./sdk/update";
import { setLanguage } from "./text";

const view = signal(<Splash />);

/** `password` is known just after logging in, and makes the keys of a new account without asking for it again. */
async function openChat(session: Session, password?: string): Promise<void> {
    view.value = <Splash />;
    const { start } = await import("./app");
    view.value = await start(session, password);
}

function showAuth(): void {
    view.value = (
        <Auth
            onSession={(session, password) => {
                saveSession(session);
                void openChat(session, password);
            }}
        />
    );
}

const Root = () => view.value;

followLook();
await setLanguage(settings.value.language);
render(<Root />, document.getElementById("app")!);
const session = loadSession();
if (session) void openChat(session);
else void clearStores().catch(() => {}).then(showAuth);
void keepShell().catch((error) => console.warn("service worker:", error?.message));
