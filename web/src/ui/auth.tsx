import { useSignal } from "@preact/signals";
import { ApiError, discover, login, register, type Session } from "../sdk/session";
import { t } from "../text";

type OnSession = (session: Session, password: string) => void;

function explain(error: unknown): string {
    if (!(error instanceof ApiError)) return String(error);
    switch (error.code) {
        case "UNREACHABLE":
            return t("auth_unreachable");
        case "M_FORBIDDEN":
            return t("auth_wrong");
        case "M_USER_IN_USE":
            return t("auth_taken");
        case "M_INVALID_USERNAME":
            return t("auth_bad_name");
        case "M_LIMIT_EXCEEDED":
            return t("auth_slow_down");
        case "TOKEN_NEEDED":
            return t("auth_token_needed");
        case "UNSUPPORTED":
            return t("auth_unsupported", { stages: error.message });
        default:
            return error.message;
    }
}

function Field(props: { label: string; name: string; type?: string; hint?: string; autocomplete?: string; required?: boolean; autofocus?: boolean }) {
    const { label, hint, ...input } = props;
    return (
        <label class="field">
            <span>{label}</span>
            <input {...input} spellcheck={false} autocapitalize="none" aria-describedby={hint ? `${props.name}-hint` : undefined} />
            {hint && (
                <small id={`${props.name}-hint`} class="muted">
                    {hint}
                </small>
            )}
        </label>
    );
}

export function Auth({ onSession }: { onSession: OnSession }) {
    const registering = useSignal(false);
    const busy = useSignal(false);
    const failure = useSignal("");
    const wantsToken = useSignal(false);

    async function submit(event: SubmitEvent) {
        event.preventDefault();
        const values = Object.fromEntries(new FormData(event.currentTarget as HTMLFormElement)) as Record<string, string>;
        busy.value = true;
        failure.value = "";
        try {
            const baseUrl = await discover(values.server ?? "");
            const username = values.user.trim();
            const session = registering.value
                ? await register(baseUrl, { username: username.toLowerCase(), displayName: username, password: values.password, deviceName: t("device_name"), token: values.token?.trim() })
                : await login(baseUrl, username, values.password, t("device_name"));
            onSession(session, values.password);
        } catch (error) {
            if (error instanceof ApiError && error.code === "TOKEN_NEEDED") wantsToken.value = true;
            failure.value = explain(error);
            busy.value = false;
        }
    }

    const choose = (value: boolean) => () => {
        registering.value = value;
        failure.value = "";
    };

    return (
        <main class="auth">
            <div class="auth-card">
                <img src="/icon.svg" alt="" width="56" height="56" />
                <h1>Rookery</h1>
                <p class="muted">{t("auth_welcome")}</p>
                <div class="segments" role="group" aria-label={t("auth_choice")}>
                    <button type="button" aria-pressed={!registering.value} onClick={choose(false)}>
                        {t("auth_login")}
                    </button>
                    <button type="button" aria-pressed={registering.value} onClick={choose(true)}>
                        {t("auth_register")}
                    </button>
                </div>
                <form onSubmit={submit}>
                    <Field label={t("auth_user")} name="user" autocomplete="username" required autofocus />
                    <Field
                        label={t("auth_password")}
                        name="password"
                        type="password"
                        required
                        autocomplete={registering.value ? "new-password" : "current-password"}
                        hint={registering.value ? t("auth_password_hint") : undefined}
                    />
                    {registering.value && wantsToken.value && <Field label={t("auth_token")} name="token" required />}
                    <details>
                        <summary>{t("auth_other_server")}</summary>
                        <Field label={t("auth_server")} name="server" hint={t("auth_server_hint")} />
                    </details>
                    <p class="error" role="alert">
                        {failure.value}
                    </p>
                    <button class="primary" type="submit" disabled={busy.value}>
                        {registering.value ? t("auth_create_account") : t("auth_login")}
                    </button>
                </form>
            </div>
        </main>
    );
}
