/**
 * Accounts and sessions, with nothing but fetch: the login screen works before the SDK is loaded. Owns what is kept of a session
 * in localStorage.
 */

export interface Session {
    baseUrl: string;
    userId: string;
    deviceId: string;
    accessToken: string;
}

/** What a homeserver refused, or that it could not be reached (`code` is then "UNREACHABLE"). */
export class ApiError extends Error {
    constructor(
        readonly code: string,
        message: string,
        readonly status = 0,
        readonly body: Record<string, any> = {},
    ) {
        super(message);
    }
}

const KEY = "rookery.session";

export function loadSession(): Session | null {
    try {
        const found = JSON.parse(localStorage.getItem(KEY) ?? "null");
        return found && found.accessToken && found.userId && found.deviceId && found.baseUrl ? found : null;
    } catch {
        return null;
    }
}

export function saveSession(session: Session): void {
    localStorage.setItem(KEY, JSON.stringify(session));
}

/**
 * Forgets this browser's session and drafts, and loads the page anew. Its messages and keys go then: as long as this page uses them,
 * the browser would put off their deletion, and nobody could say until when.
 */
export function forgetSession(): void {
    for (const key of Object.keys(localStorage)) if (key !== "rookery.settings") localStorage.removeItem(key);
    location.reload();
}

/** What the SDK calls the databases that client.ts has it make. */
const STORES = ["matrix-js-sdk:rookery", "rookery::matrix-sdk-crypto", "rookery::matrix-sdk-crypto-meta"];
const CLEAR_MS = 3_000;

/** Deletes what sessions that have ended left: messages and keys. Where the browser takes long, it goes on by itself. */
export async function clearStores(): Promise<void> {
    await Promise.race([Promise.all(STORES.map(deleteDatabase)), new Promise((resolve) => setTimeout(resolve, CLEAR_MS))]);
}

function deleteDatabase(name: string): Promise<void> {
    return new Promise((resolve) => {
        const request = indexedDB.deleteDatabase(name);
        request.onsuccess = request.onerror = request.onblocked = () => resolve();
    });
}

export async function call(baseUrl: string, method: string, path: string, body?: unknown, token?: string): Promise<any> {
    let answer: Response;
    try {
        answer = await fetch(`${baseUrl}/_matrix/client${path}`, {
            method,
            headers: { ...(body ? { "Content-Type": "application/json" } : {}), ...(token ? { Authorization: `Bearer ${token}` } : {}) },
            body: body ? JSON.stringify(body) : undefined,
        });
    } catch {
        throw new ApiError("UNREACHABLE", `${baseUrl} does not answer`);
    }
    const json = await answer.json().catch(() => ({}));
    if (!answer.ok) throw new ApiError(json.errcode ?? "M_UNKNOWN", json.error ?? `HTTP ${answer.status}`, answer.status, json);
    return json;
}

/** The API's address for what a person typed: nothing (the server that the page came from), a server name, or an address. */
export async function discover(typed: string): Promise<string> {
    const wanted = typed.trim().replace(/\/+$/, "");
    if (!wanted) return location.origin;
    const url = /^https?:\/\//.test(wanted) ? wanted : `https://${wanted}`;
    try {
        const known = await (await fetch(`${url}/.well-known/matrix/client`)).json();
        const base = known["m.homeserver"]?.base_url;
        if (typeof base === "string" && /^https?:\/\//.test(base)) return base.replace(/\/+$/, "");
    } catch {
        // No such file: the address itself is then the API's.
    }
    return url;
}

export async function login(baseUrl: string, user: string, password: string, deviceName: string): Promise<Session> {
    const answer = await call(baseUrl, "POST", "/v3/login", {
        type: "m.login.password",
        identifier: { type: "m.id.user", user },
        password,
        initial_device_display_name: deviceName,
    });
    return toSession(baseUrl, answer);
}

interface Registration {
    username: string;
    displayName: string;
    password: string;
    deviceName: string;
    token?: string;
}

/** Goes through the stages that the server asks for. Throws ApiError "TOKEN_NEEDED" when one of them is a registration token. */
export async function register(baseUrl: string, r: Registration): Promise<Session> {
    const body = { username: r.username, password: r.password, initial_device_display_name: r.deviceName };
    let auth: Record<string, unknown> | undefined;
    for (let step = 0; step < 5; step++) {
        try {
            const session = toSession(baseUrl, await call(baseUrl, "POST", "/v3/register", { ...body, auth }));
            await introduce(session, r.displayName);
            return session;
        } catch (error) {
            if (!(error instanceof ApiError) || error.status !== 401 || !error.body.flows) throw error;
            auth = nextStage(error.body, r.token);
        }
    }
    throw new ApiError("M_UNKNOWN", "the server asks for more and more");
}

/** Others see a name and not an id. A server that does not allow it has said so for reasons of its own. */
async function introduce(s: Session, displayname: string): Promise<void> {
    await call(s.baseUrl, "PUT", `/v3/profile/${encodeURIComponent(s.userId)}/displayname`, { displayname }, s.accessToken).catch(() => {});
}

function nextStage(body: Record<string, any>, token?: string): Record<string, unknown> {
    const done: string[] = body.completed ?? [];
    const flows: string[][] = body.flows.map((flow: any) => flow.stages ?? []);
    const supported = ["m.login.dummy", "m.login.registration_token"];
    const flow = flows.find((stages) => stages.every((stage) => supported.includes(stage)));
    const stage = flow?.find((name) => !done.includes(name));
    if (!stage) throw new ApiError("UNSUPPORTED", flows.flat().join(", "));
    if (stage === "m.login.dummy") return { type: stage, session: body.session };
    if (!token || body.errcode) throw new ApiError(body.errcode ? "M_FORBIDDEN" : "TOKEN_NEEDED", body.error ?? "");
    return { type: stage, session: body.session, token };
}

function toSession(baseUrl: string, answer: any): Session {
    return { baseUrl, userId: answer.user_id, deviceId: answer.device_id, accessToken: answer.access_token };
}
