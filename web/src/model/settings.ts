/** What a person chose in this browser. Survives logging out. */
import { effect, signal } from "@preact/signals";
import { browserLanguage, type Language } from "../text";

export type Theme = "system" | "light" | "dark";

interface Settings {
    theme: Theme;
    language: Language;
    sound: boolean;
    notify: boolean;
    sendReceipts: boolean;
    compact: boolean;
}

const KEY = "rookery.settings";

function load(): Settings {
    const defaults: Settings = { theme: "system", language: browserLanguage(), sound: false, notify: false, sendReceipts: true, compact: false };
    try {
        return { ...defaults, ...JSON.parse(localStorage.getItem(KEY) ?? "{}") };
    } catch {
        return defaults;
    }
}

export const settings = signal<Settings>(load());

export function change(part: Partial<Settings>): void {
    settings.value = { ...settings.value, ...part };
    localStorage.setItem(KEY, JSON.stringify(settings.value));
}

/** The page's colours and density follow the choice; colours the system where nothing was chosen. */
export function followLook(): void {
    const dark = matchMedia("(prefers-color-scheme: dark)");
    const apply = () => {
        const { theme, compact } = settings.value;
        document.documentElement.dataset.density = compact ? "compact" : "roomy";
        document.documentElement.dataset.theme = theme === "system" ? (dark.matches ? "dark" : "light") : theme;
    };
    dark.addEventListener("change", apply);
    effect(apply);
}
