// matrix-js-sdk with its Rust encryption: two users, three devices. Usage: js_sdk.mjs URL
import assert from 'node:assert';
import crypto from 'node:crypto';
import { step, until } from './report.mjs';

console.debug = console.info = () => {};
const sdk = await import('matrix-js-sdk');
const { logger } = await import('matrix-js-sdk/lib/logger.js');
const { VerificationPhase, VerifierEvent, VerificationRequestEvent, CryptoEvent, decodeRecoveryKey } = await import('matrix-js-sdk/lib/crypto-api/index.js');
logger.setLevel?.('error');

const base = process.argv[2];
const run = Date.now().toString(36);
const devices = [];

async function device(user, registers) {
    const anonymous = sdk.createClient({ baseUrl: base });
    const session = registers
        ? await anonymous.registerRequest({ username: user, password: `password of ${user}`, auth: { type: 'm.login.dummy' } })
        : await anonymous.loginRequest({ type: 'm.login.password', identifier: { type: 'm.id.user', user }, password: `password of ${user}` });
    const secrets = new Map();
    const client = sdk.createClient({
        baseUrl: base, userId: session.user_id, deviceId: session.device_id, accessToken: session.access_token,
        verificationMethods: ['m.sas.v1'],
        cryptoCallbacks: {
            getSecretStorageKey: async ({ keys }) => {
                const id = Object.keys(keys).find((k) => secrets.has(k)) ?? Object.keys(keys)[0];
                const key = secrets.get(id) ?? secrets.get('');
                return key ? [id, key] : null;
            },
            cacheSecretStorageKey: (id, info, key) => secrets.set(id, key),
        },
    });
    client.secrets = secrets;
    await client.initRustCrypto({ useIndexedDB: false });
    devices.push(client);
    client.startClient({ initialSyncLimit: 20 });
    await new Promise((ok) => client.on('sync', (state) => state === 'PREPARED' && ok()));
    return client;
}

const password = (client) => async (request) => {
    const user = client.getUserId();
    return request({ type: 'm.login.password', identifier: { type: 'm.id.user', user }, password: `password of ${user.slice(1).split(':')[0]}` });
};

// The clear text of a message whose body is `body`, once the client has it.
function message(client, roomId, body) {
    return until(() => client.getRoom(roomId)?.getLiveTimeline().getEvents().find((e) => e.getType() === 'm.room.message' && e.getContent().body === body));
}

async function sas(asker, answerer) {
    const incoming = new Promise((ok) => answerer.once(CryptoEvent.VerificationRequestReceived, ok));
    const request = await asker.getCrypto().requestOwnUserVerification();
    const other = await incoming;
    await other.accept();
    await until(() => request.phase === VerificationPhase.Ready && other.phase === VerificationPhase.Ready);
    const shown = [];
    const play = async (verifier) => {
        verifier.on(VerifierEvent.ShowSas, (s) => {
            shown.push(s);
            if (shown.length === 2) shown.forEach((x) => x.confirm());
        });
        await verifier.verify();
    };
    const first = await request.startVerification('m.sas.v1');
    const verifier = until(() => other.verifier);
    const [a] = await Promise.all([play(first), verifier.then(play)]);
    assert.deepEqual(shown[0].sas.decimal, shown[1].sas.decimal);
    return a;
}

async function all() {
    const alice = await step('js-sdk: register, encryption, sync', () => device(`alice${run}`, true));
    const bob = await step('js-sdk: a second user', () => device(`bob${run}`, true));
    const recovery = await step('js-sdk: cross-signing and secret storage', async () => {
        await bob.getCrypto().bootstrapCrossSigning({ authUploadDeviceSigningKeys: password(bob) });
        const key = await alice.getCrypto().createRecoveryKeyFromPassphrase();
        alice.secrets.set('', key.privateKey);
        await alice.getCrypto().bootstrapCrossSigning({ authUploadDeviceSigningKeys: password(alice) });
        await alice.getCrypto().bootstrapSecretStorage({ createSecretStorageKey: async () => key, setupNewKeyBackup: true });
        await until(() => alice.getCrypto().getActiveSessionBackupVersion());
        return key;
    });
    const roomId = await step('js-sdk: an encrypted room, joined', async () => {
        const encryption = { type: 'm.room.encryption', state_key: '', content: { algorithm: 'm.megolm.v1.aes-sha2' } };
        const { room_id } = await alice.createRoom({ preset: 'private_chat', invite: [bob.getUserId()], initial_state: [encryption] });
        await until(() => bob.getRoom(room_id)?.getMyMembership() === 'invite');
        await bob.joinRoom(room_id);
        await until(() => alice.getRoom(room_id)?.getMember(bob.getUserId())?.membership === 'join');
        await until(() => bob.getRoom(room_id)?.hasEncryptionStateEvent() && alice.getRoom(room_id)?.hasEncryptionStateEvent());
        return room_id;
    });
    await step('js-sdk: encrypted messages both ways', async () => {
        await alice.sendTextMessage(roomId, 'from alice');
        const got = await message(bob, roomId, 'from alice');
        assert(got.isEncrypted() && got.getSender() === alice.getUserId());
        await bob.sendTextMessage(roomId, 'from bob');
        assert((await message(alice, roomId, 'from bob')).isEncrypted());
    });
    await step('js-sdk: an encrypted attachment', async () => {
        const clear = crypto.randomBytes(100000), key = crypto.randomBytes(32), iv = Buffer.concat([crypto.randomBytes(8), Buffer.alloc(8)]);
        const cipher = crypto.createCipheriv('aes-256-ctr', key, iv);
        const bytes = Buffer.concat([cipher.update(clear), cipher.final()]);
        const hash = crypto.createHash('sha256').update(bytes).digest('base64').replace(/=+$/, '');
        const { content_uri } = await alice.uploadContent(bytes, { type: 'application/octet-stream', includeFilename: false });
        const file = { v: 'v2', url: content_uri, iv: iv.toString('base64').replace(/=+$/, ''), hashes: { sha256: hash },
            key: { kty: 'oct', alg: 'A256CTR', ext: true, key_ops: ['encrypt', 'decrypt'], k: key.toString('base64url') } };
        await alice.sendMessage(roomId, { msgtype: 'm.file', body: 'secret.bin', file });
        const got = (await message(bob, roomId, 'secret.bin')).getContent().file;
        const url = bob.mxcUrlToHttp(got.url, undefined, undefined, undefined, false, true, true);
        const answer = await fetch(url, { headers: { Authorization: `Bearer ${bob.getAccessToken()}` } });
        assert.equal(answer.status, 200);
        const stored = Buffer.from(await answer.arrayBuffer());
        assert.equal(crypto.createHash('sha256').update(stored).digest('base64').replace(/=+$/, ''), got.hashes.sha256);
        const decipher = crypto.createDecipheriv('aes-256-ctr', Buffer.from(got.key.k, 'base64url'), Buffer.from(got.iv, 'base64'));
        assert(Buffer.concat([decipher.update(stored), decipher.final()]).equals(clear));
    });
    const second = await step('js-sdk: a second device', () => device(`alice${run}`, false));
    await step('js-sdk: verified by emoji', async () => {
        await sas(second, alice);
        const status = await until(async () => {
            const s = await alice.getCrypto().getDeviceVerificationStatus(alice.getUserId(), second.getDeviceId());
            return s?.crossSigningVerified && s;
        });
        assert(status.crossSigningVerified);
    });
    await step('js-sdk: the second device reads and is read', async () => {
        await bob.sendTextMessage(roomId, 'to all devices');
        await message(second, roomId, 'to all devices');
        await until(() => second.getRoom(roomId)?.getMember(bob.getUserId()));
        await second.sendTextMessage(roomId, 'from the second device');
        await message(bob, roomId, 'from the second device');
        await message(alice, roomId, 'from the second device');
    });
    await step('js-sdk: keys of old messages from the backup', async () => {
        /* Both devices upload, now and then; of each session the one that begins first has to stay. */
        await until(async () => {
            const { version } = await alice.http.authedRequest('GET', '/room_keys/version');
            const { rooms } = await alice.http.authedRequest('GET', '/room_keys/keys', { version });
            const sessions = Object.values(rooms[roomId]?.sessions ?? {});
            return sessions.length >= 3 && sessions.every((s) => s.first_message_index === 0);
        });
        const third = await device(`alice${run}`, false);
        third.secrets.set('', recovery.privateKey);
        await third.getCrypto().loadSessionBackupPrivateKeyFromSecretStorage();
        const restored = await third.getCrypto().restoreKeyBackup();
        assert(restored.imported >= 3, `${restored.imported} of ${restored.total} imported`);
        for (const body of ['from alice', 'from bob', 'secret.bin']) await message(third, roomId, body);
    });
}

// The reasons are told by the steps.
const failed = await all().then(() => 0, () => 1);
devices.forEach((d) => d.stopClient());
process.exit(failed);
