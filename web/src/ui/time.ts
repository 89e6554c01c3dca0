import { language, t } from "../text";

const DAY = 86_400_000;

const format = (options: Intl.DateTimeFormatOptions) => {
    const made = new Map<string, Intl.DateTimeFormat>();
    return (ts: number): string => {
        let f = made.get(language.value);
        if (!f) made.set(language.value, (f = new Intl.DateTimeFormat(language.value === "en" ? undefined : language.value, options)));
        return f.format(ts);
    };
};

export const clock = format({ hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
export const fullTime = format({ dateStyle: "full", timeStyle: "medium" });
const weekday = format({ weekday: "short" });
const date = format({ day: "numeric", month: "short" });
export const fullDate = format({ dateStyle: "long", timeStyle: "short" });
const longDate = format({ weekday: "long", day: "numeric", month: "long", year: "numeric" });

const daysAgo = (ts: number): number => {
    const midnight = (x: number) => new Date(x).setHours(0, 0, 0, 0);
    return Math.round((midnight(Date.now()) - midnight(ts)) / DAY);
};

export function shortTime(ts: number): string {
    if (!ts) return "";
    const days = daysAgo(ts);
    return days <= 0 ? clock(ts) : days < 7 ? weekday(ts) : date(ts);
}

export function dayName(ts: number): string {
    const days = daysAgo(ts);
    return days === 0 ? t("today") : days === 1 ? t("yesterday") : longDate(ts);
}

export function fileSize(bytes: number | undefined): string {
    if (bytes === undefined) return "";
    const units = ["B", "KB", "MB", "GB"];
    const step = Math.min(units.length - 1, bytes > 0 ? Math.floor(Math.log(bytes) / Math.log(1024)) : 0);
    return `${(bytes / 1024 ** step).toLocaleString(language.value, { maximumFractionDigits: step ? 1 : 0 })} ${units[step]}`;
}

export function duration(ms: number): string {
    const s = Math.round(ms / 1000);
    return `${Math.floor(s / 60)}:${String(s % 60).padStart(2, "0")}`;
}

/** As a date field wants it: the day that it is here, not in Greenwich. */
export function isoDay(day: Date): string {
    return [day.getFullYear(), day.getMonth() + 1, day.getDate()].map((n) => String(n).padStart(2, "0")).join("-");
}
