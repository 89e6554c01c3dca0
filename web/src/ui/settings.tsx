/** What belongs to the person and to this browser. */
import { useSignal } from "@preact/signals";
import { ShieldCheck, ShieldQuestion, Trash2 } from "lucide-preact";
import { useEffect, useRef } from "preact/hooks";
import type { IMyDevice } from "matrix-js-sdk";
import { keyState, verifyDevice, withPassword } from "../model/encryption";
import { askToNotify } from "../model/notify";
import { change, settings, type Theme } from "../model/settings";
import { LANGUAGES, type Language, setLanguage, t } from "../text";
import { Avatar, Dialog, IconButton, Switch } from "./bits";
import { useChat } from "./context";
import { TextSetting } from "./fields";
import { askToLogOut } from "./log-out";
import { shortTime } from "./time";

const TABS = ["profile", "look", "notifications", "sessions", "security"] as const;
type Tab = (typeof TABS)[number];

export function SettingsDialog({ onClose }: { onClose: () => void }) {
    const tab = useSignal<Tab>("profile");
    const views: Record<Tab, () => any> = { profile: Profile, look: Look, notifications: Notifications, sessions: Sessions, security: Security };
    const View = views[tab.value];
    function onKeyDown(event: KeyboardEvent) {
        const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
        if (!step) return;
        event.preventDefault();
        tab.value = TABS[(TABS.indexOf(tab.value) + step + TABS.length) % TABS.length];
        requestAnimationFrame(() => document.getElementById(`tab-${tab.value}`)?.focus());
    }
    return (
        <Dialog title={t("settings")} onClose={onClose} class="settings">
            <div class="settings-body">
                <div class="tabs" role="tablist" aria-label={t("settings")} onKeyDown={onKeyDown}>
                    {TABS.map((name) => (
                        <button key={name} id={`tab-${name}`} type="button" role="tab" aria-selected={tab.value === name} aria-controls="settings-panel" tabIndex={tab.value === name ? 0 : -1} onClick={() => (tab.value = name)}>
                            {t(`tab_${name}`)}
                        </button>
                    ))}
                </div>
                <div class="settings-panel stack" role="tabpanel" id="settings-panel" aria-labelledby={`tab-${tab.value}`} tabIndex={0}>
                    <View />
                </div>
            </div>
        </Dialog>
    );
}

function Profile() {
    const chat = useChat();
    const picker = useRef<HTMLInputElement>(null);
    const { name, avatar } = chat.profile.value;
    const reload = () => chat.loadProfile();
    async function changePicture(file: File | undefined) {
        if (!file) return;
        await chat.attempt(async () => chat.client.setAvatarUrl((await chat.client.uploadContent(file)).content_uri));
        await reload();
    }
    return (
        <>
            <div class="profile">
                <Avatar id={chat.me} name={name} mxc={avatar} size={88} />
                <input ref={picker} type="file" accept="image/*" hidden aria-label={t("change_picture")} onChange={(e) => void changePicture(e.currentTarget.files?.[0])} />
                <button type="button" class="link" onClick={() => picker.current!.click()}>
                    {t("change_picture")}
                </button>
                <code class="muted">{chat.me}</code>
            </div>
            <TextSetting label={t("display_name")} value={name} may onSave={(value) => void chat.attempt(() => chat.client.setDisplayName(value)).then(reload)} />
        </>
    );
}

function Look() {
    const themes: [Theme, string][] = [
        ["system", t("theme_system")],
        ["light", t("theme_light")],
        ["dark", t("theme_dark")],
    ];
    function choose(language: Language) {
        change({ language });
        void setLanguage(language);
    }
    return (
        <>
            <fieldset class="choices">
                <legend>{t("theme")}</legend>
                {themes.map(([value, text]) => (
                    <label key={value}>
                        <input type="radio" name="theme" checked={settings.value.theme === value} onChange={() => change({ theme: value })} /> {text}
                    </label>
                ))}
            </fieldset>
            <label class="field">
                <span>{t("language")}</span>
                <select value={settings.value.language} onChange={(e) => choose(e.currentTarget.value as Language)}>
                    {Object.entries(LANGUAGES).map(([value, text]) => (
                        <option key={value} value={value} lang={value}>
                            {text}
                        </option>
                    ))}
                </select>
            </label>
            <Switch label={t("compact")} hint={t("compact_hint")} checked={settings.value.compact} onChange={(compact) => change({ compact })} />
        </>
    );
}

function Notifications() {
    const chat = useChat();
    async function turn(on: boolean) {
        const allowed = on && (await askToNotify());
        if (on && !allowed) chat.say(t("notify_refused"), true);
        change({ notify: allowed });
    }
    return (
        <>
            <Switch label={t("notify_browser")} hint={t("notify_browser_hint")} checked={settings.value.notify} onChange={(on) => void turn(on)} />
            <Switch label={t("notify_sound")} checked={settings.value.sound} onChange={(sound) => change({ sound })} />
            <Switch label={t("send_receipts")} hint={t("send_receipts_hint")} checked={settings.value.sendReceipts} onChange={(sendReceipts) => change({ sendReceipts })} />
        </>
    );
}

function Sessions() {
    const chat = useChat();
    const devices = useSignal<(IMyDevice & { verified: boolean })[]>([]);
    const removing = useSignal<string | null>(null);
    async function reload() {
        const crypto = chat.client.getCrypto()!;
        const found = (await chat.attempt(() => chat.client.getDevices()))?.devices ?? [];
        devices.value = await Promise.all(found.map(async (d) => ({ ...d, verified: !!(await crypto.getDeviceVerificationStatus(chat.me, d.device_id))?.signedByOwner })));
    }
    useEffect(() => void reload(), []);
    async function remove(event: SubmitEvent) {
        event.preventDefault();
        const password = new FormData(event.currentTarget as HTMLFormElement).get("password") as string;
        const id = removing.value!;
        const done = await chat.attempt(() => withPassword(chat.client, password)((auth) => chat.client.deleteDevice(id, auth ?? undefined)).then(() => true));
        if (!done) return;
        removing.value = null;
        await reload();
    }
    return (
        <>
            <ul class="devices">
                {devices.value.map((d) => (
                    <li key={d.device_id}>
                        {d.verified ? <ShieldCheck size={16} class="verified" aria-label={t("verified")} /> : <ShieldQuestion size={16} aria-hidden="true" />}
                        <span class="device-text">
                            <span>
                                <bdi>{d.display_name || d.device_id}</bdi> {!d.verified && <span class="tag">{t("not_verified")}</span>}
                            </span>
                            <small class="muted">
                                {d.device_id === chat.session.deviceId ? t("this_session") : [d.device_id, d.last_seen_ip, d.last_seen_ts && shortTime(d.last_seen_ts)].filter(Boolean).join(" · ")}
                            </small>
                        </span>
                        {d.device_id !== chat.session.deviceId && !d.verified && keyState.value !== "unverified" && (
                            <button type="button" class="link" onClick={() => void verifyDevice(chat, chat.me, d.device_id)}>
                                {t("verify")}
                            </button>
                        )}
                        {d.device_id !== chat.session.deviceId && <IconButton icon={Trash2} label={t("end_session", { name: d.display_name || d.device_id })} onClick={() => (removing.value = d.device_id)} />}
                    </li>
                ))}
            </ul>
            {removing.value && (
                <form class="form boxed" onSubmit={remove}>
                    <p>{t("end_session_confirm")}</p>
                    <label class="field">
                        <span>{t("auth_password")}</span>
                        <input type="password" name="password" required autocomplete="current-password" />
                    </label>
                    <div class="buttons">
                        <button type="button" class="secondary" onClick={() => (removing.value = null)}>
                            {t("cancel")}
                        </button>
                        <button type="submit" class="primary danger">
                            {t("end_session_short")}
                        </button>
                    </div>
                </form>
            )}
            <button type="button" class="secondary danger" onClick={() => askToLogOut(chat)}>
                {t("log_out")}
            </button>
        </>
    );
}

function Security() {
    const chat = useChat();
    const busy = useSignal(false);
    async function changePassword(event: SubmitEvent) {
        event.preventDefault();
        const form = event.currentTarget as HTMLFormElement;
        const { old, next } = Object.fromEntries(new FormData(form)) as Record<string, string>;
        busy.value = true;
        const auth = { type: "m.login.password", identifier: { type: "m.id.user", user: chat.me }, password: old };
        const done = await chat.attempt(async () => {
            await withPassword(chat.client, old)((stage) => chat.client.setPassword(stage ?? (auth as any), next, false));
            return true;
        });
        busy.value = false;
        if (!done) return;
        form.reset();
        chat.say(t("password_changed"));
    }
    return (
        <>
            <h3>{t("encryption")}</h3>
            <p class={keyState.value === "good" ? "verified" : "muted"}>{t(`keys_${keyState.value}`)}</p>
            <div class="buttons">
                <button type="button" class="secondary" onClick={() => (chat.dialog.value = { kind: "recovery", mode: "make" })}>
                    {t("make_recovery_key")}
                </button>
                <button type="button" class="secondary" onClick={() => (chat.dialog.value = { kind: "recovery", mode: "use" })}>
                    {t("use_recovery_key")}
                </button>
            </div>
            <h3>{t("change_password")}</h3>
            <form class="form" onSubmit={changePassword}>
                <input type="text" name="user" autocomplete="username" value={chat.me} hidden readOnly aria-hidden="true" />
                <label class="field">
                    <span>{t("old_password")}</span>
                    <input type="password" name="old" required autocomplete="current-password" />
                </label>
                <label class="field">
                    <span>{t("new_password")}</span>
                    <input type="password" name="next" required autocomplete="new-password" minLength={8} />
                </label>
                <button type="submit" class="primary" disabled={busy.value}>
                    {t("change_password")}
                </button>
            </form>
        </>
    );
}
