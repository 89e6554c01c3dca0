/** Keys of the account and of the session: made, backed up, restored, verified. The SDK does the work; this says in what order. */
import { signal } from "@preact/signals";
import { type MatrixClient } from "matrix-js-sdk";
import { CryptoEvent, decodeRecoveryKey, type VerificationRequest, VerifierEvent, VerificationPhase, VerificationRequestEvent, type ShowSasCallbacks } from "matrix-js-sdk/lib/crypto-api";
import { secretStorageKey } from "../sdk/secrets";
import type { Chat } from "./chat";

export type KeyState =
    | "unknown"
    /** This session is signed by its owner, and keys are backed up. */
    | "good"
    /** The account has keys that this session does not trust yet: verify it. */
    | "unverified"
    /** Verified, but nothing is backed up: whoever loses this browser loses the messages. */
    | "no-backup";

export const keyState = signal<KeyState>("unknown");
export const verification = signal<VerificationRequest | null>(null);
/** What others ask for, and nobody has answered yet. */
export const asked = signal<VerificationRequest[]>([]);
/** Grows with each step of the verification. */
export const verificationTick = signal(0);
/** Grows when somebody's keys or devices, or what is believed of them, changed. */
export const trustTick = signal(0);
export const sas = signal<ShowSasCallbacks | null>(null);

/** Answers the server's wish to see the password again, with what the person typed a moment ago. */
export function withPassword(client: MatrixClient, password?: string) {
    return async <T>(request: (auth: any) => Promise<T>): Promise<T> => {
        try {
            return await request(null);
        } catch (error: any) {
            if (error?.httpStatus !== 401 || !error.data?.session || !password) throw error;
            const identifier = { type: "m.id.user", user: client.getUserId()! };
            return await request({ type: "m.login.password", identifier, password, session: error.data.session });
        }
    };
}

/** A new account gets its keys at once; one that has them already is left alone. */
export async function prepareAccount(chat: Chat, password?: string): Promise<void> {
    const crypto = chat.client.getCrypto()!;
    if (password && !(await crypto.userHasCrossSigningKeys(chat.me, true))) {
        await crypto.bootstrapCrossSigning({ authUploadDeviceSigningKeys: withPassword(chat.client, password) as any });
    }
    await lookAtKeys(chat);
}

let looks = 0;

/** Of several looks under way the last one counts: an earlier one may end later, with what was true before. */
export async function lookAtKeys(chat: Chat): Promise<void> {
    const crypto = chat.client.getCrypto();
    if (!crypto) return;
    const look = ++looks;
    const [device, hasKeys] = await Promise.all([crypto.getDeviceVerificationStatus(chat.me, chat.session.deviceId), crypto.userHasCrossSigningKeys()]);
    const backedUp = (await crypto.getActiveSessionBackupVersion()) !== null;
    if (look !== looks) return;
    if (!device?.signedByOwner && hasKeys) keyState.value = "unverified";
    else keyState.value = backedUp ? "good" : "no-backup";
    chat.tick.value++; // profiles show who is verified
}

/** Encrypted messages have been seen, and this browser is the only place that is known to have their keys. */
export const keysAreHereAlone = (chat: Chat): boolean => keyState.value !== "good" && [...chat.summaries.value.values()].some((r) => r.encrypted);

export function watchKeys(chat: Chat): void {
    const look = () => {
        trustTick.value++;
        void lookAtKeys(chat).catch(() => {});
    };
    for (const event of [CryptoEvent.KeysChanged, CryptoEvent.UserTrustStatusChanged, CryptoEvent.DevicesUpdated, CryptoEvent.KeyBackupStatus] as const)
        chat.client.on(event as any, look);
    chat.client.on(CryptoEvent.VerificationRequestReceived, (request) => !request.initiatedByMe && receive(chat, request));
}

// --- recovery key ---

/** A new backup, and the key that opens it: what the person has to keep. */
export async function makeRecoveryKey(chat: Chat, password?: string): Promise<string> {
    const crypto = chat.client.getCrypto()!;
    const made = await crypto.createRecoveryKeyFromPassphrase();
    await crypto.bootstrapCrossSigning({ authUploadDeviceSigningKeys: withPassword(chat.client, password) as any });
    await crypto.bootstrapSecretStorage({ createSecretStorageKey: async () => made, setupNewSecretStorage: true, setupNewKeyBackup: true });
    await lookAtKeys(chat);
    return made.encodedPrivateKey!;
}

/** Opens the secret storage with it: signs this session, and fetches the keys of old messages. The number of keys. */
export async function openWithRecoveryKey(chat: Chat, typed: string): Promise<number> {
    const crypto = chat.client.getCrypto()!;
    const key = decodeRecoveryKey(typed.trim()) as Uint8Array<ArrayBuffer>;
    await checkRecoveryKey(chat.client, key);
    return secretStorageKey.using(key, async () => {
        await crypto.bootstrapCrossSigning({});
        await crypto.loadSessionBackupPrivateKeyFromSecretStorage();
        const { imported } = await crypto.restoreKeyBackup();
        await lookAtKeys(chat);
        return imported;
    });
}

async function checkRecoveryKey(client: MatrixClient, key: Uint8Array<ArrayBuffer>): Promise<void> {
    const found = await client.secretStorage.getKey();
    if (!found) throw new Error("this account has no recovery key");
    if (!(await client.secretStorage.checkKey(key, found[1]))) throw new Error("this is not the account's recovery key");
}

// --- verification ---

/** Anybody may ask: it waits in a banner until it is answered, and takes no dialog's place. */
function receive(chat: Chat, request: VerificationRequest): void {
    watchRequest(chat, request);
    asked.value = [...asked.value, request];
}

export function follow(chat: Chat, request: VerificationRequest): void {
    watchRequest(chat, request);
    show(chat, request);
}

function show(chat: Chat, request: VerificationRequest): void {
    sas.value = null;
    verification.value = request;
    chat.dialog.value = { kind: "verify" };
}

function watchRequest(chat: Chat, request: VerificationRequest): void {
    request.on(VerificationRequestEvent.Change, () => {
        verificationTick.value++;
        if (request.phase !== VerificationPhase.Requested) answered(request);
        if (request.verifier && !watched.has(request.verifier)) watchVerifier(chat, request);
        if (request.phase === VerificationPhase.Done) void lookAtKeys(chat);
    });
}

const watched = new WeakSet<object>();

function watchVerifier(chat: Chat, request: VerificationRequest): void {
    const verifier = request.verifier!;
    watched.add(verifier);
    const show = (callbacks: ShowSasCallbacks) => {
        sas.value = callbacks;
        verificationTick.value++;
    };
    verifier.on(VerifierEvent.ShowSas, show);
    verifier.verify().then(
        () => void lookAtKeys(chat),
        () => verificationTick.value++,
    );
}

/** By us, by another session of ours, or taken back. */
function answered(request: VerificationRequest): void {
    asked.value = asked.value.filter((other) => other !== request);
}

export async function acceptVerification(chat: Chat, request: VerificationRequest): Promise<void> {
    answered(request);
    show(chat, request);
    await chat.attempt(() => request.accept());
}

export async function declineVerification(chat: Chat, request: VerificationRequest): Promise<void> {
    answered(request);
    await chat.attempt(() => request.cancel());
}

export async function startEmoji(chat: Chat, request: VerificationRequest): Promise<void> {
    await request.startVerification("m.sas.v1");
    if (request.verifier && !watched.has(request.verifier)) watchVerifier(chat, request);
}

export async function verifySelf(chat: Chat): Promise<void> {
    const request = await chat.attempt(() => chat.client.getCrypto()!.requestOwnUserVerification());
    if (request) follow(chat, request);
}

export async function verifyUser(chat: Chat, userId: string, roomId: string): Promise<void> {
    const request = await chat.attempt(() => chat.client.getCrypto()!.requestVerificationDM(userId, roomId));
    if (request) follow(chat, request);
}

export async function verifyDevice(chat: Chat, userId: string, deviceId: string): Promise<void> {
    const request = await chat.attempt(() => chat.client.getCrypto()!.requestDeviceVerification(userId, deviceId));
    if (request) follow(chat, request);
}
