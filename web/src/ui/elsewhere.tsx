/** What a page shows while another one runs the client. */
import { takeDevice } from "../sdk/tab";
import { t } from "../text";

export const Elsewhere = () => (
    <main class="splash">
        <img src="/icon.svg" alt="" width="56" height="56" />
        <h1>{t("elsewhere")}</h1>
        <p class="splash-text">{t("elsewhere_hint")}</p>
        <button type="button" class="primary" onClick={takeDevice}>
            {t("use_here")}
        </button>
    </main>
);
