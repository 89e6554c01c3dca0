/** Every string that a person reads comes from here. English is part of the shell; other languages are loaded when chosen. */
import { signal } from "@preact/signals";
import { en } from "./en";

export type Texts = typeof en;
export type Key = keyof Texts;

export const LANGUAGES = { en: "English", de: "Deutsch" } as const;
export type Language = keyof typeof LANGUAGES;

const texts = signal<Texts>(en);
export const language = signal<Language>("en");

export async function setLanguage(wanted: Language): Promise<void> {
    texts.value = wanted === "de" ? (await import("./de")).de : en;
    language.value = wanted;
    document.documentElement.lang = wanted;
}

export function browserLanguage(): Language {
    return navigator.languages.some((l) => l.startsWith("de")) && !navigator.language.startsWith("en") ? "de" : "en";
}

/** The text of `key`; `{name}` in it is replaced by `values.name`. With a `count` of one, `key_one` is taken where there is one. */
export function t(key: Key, values: Record<string, string | number> = {}): string {
    const one = values.count === 1 ? (`${key}_one` as Key) : key;
    const text = texts.value[one] ?? texts.value[key] ?? key;
    return text.replace(/\{(\w+)\}/g, (all, name) => String(values[name] ?? all));
}

/** A name without what turns the direction of the words that follow. */
export const withoutTurns = (name: string): string => name.replace(/[\u202a-\u202e\u2066-\u2069]/g, "");

/** What others call themselves, or a room, for within a sentence: however it is written, it does not turn the words around it. */
export const isolate = (name: string): string => `\u2068${withoutTurns(name)}\u2069`;
