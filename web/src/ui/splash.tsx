import { t } from "../text";

export const Splash = () => (
    <main class="splash" aria-busy="true">
        <img src="/icon.svg" alt="" width="56" height="56" />
        <p class="splash-text">{t("loading")}</p>
    </main>
);
