import { t } from "../text";

export const Splash = ({ text = t("loading") }: { text?: string }) => (
    <main class="splash" aria-busy="true">
        <img src="/icon.svg" alt="" width="56" height="56" />
        <p class="splash-text">{text}</p>
    </main>
);
