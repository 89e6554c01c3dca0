/** Somebody without a browser: what a test wants to have happened before, or from elsewhere, is done over the API. */
import { PASSWORD } from "./kit.mjs";

let transaction = 0;

export class Outsider {
    constructor(base, userId, token) {
        Object.assign(this, { base, userId, token });
    }

    static async register({ url: base }, username, password = PASSWORD) {
        const auth = { type: "m.login.dummy" };
        const r = await request(base, "POST", "/v3/register", { username, password, auth });
        const account = new Outsider(base, r.user_id, r.access_token);
        await account.rename(username);
        return account;
    }

    static async login({ url: base }, user, password) {
        const r = await request(base, "POST", "/v3/login", { type: "m.login.password", identifier: { type: "m.id.user", user }, password });
        return new Outsider(base, r.user_id, r.access_token);
    }

    call(method, path, body) {
        return request(this.base, method, path, body, this.token);
    }

    rename(displayname) {
        return this.call("PUT", `/v3/profile/${encodeURIComponent(this.userId)}/displayname`, { displayname });
    }

    async createRoom(options = {}) {
        return (await this.call("POST", "/v3/createRoom", { preset: "private_chat", ...options })).room_id;
    }

    join(room) {
        return this.call("POST", `/v3/join/${encodeURIComponent(room)}`, {});
    }

    knock(room, reason) {
        return this.call("POST", `/v3/knock/${encodeURIComponent(room)}`, { reason });
    }

    invite(room, userId) {
        return this.call("POST", `${roomPath(room)}/invite`, { user_id: userId });
    }

    async send(room, content, type = "m.room.message") {
        const path = `${roomPath(room)}/send/${encodeURIComponent(type)}/t${process.pid}.${transaction++}`;
        return (await this.call("PUT", path, typeof content === "string" ? { msgtype: "m.text", body: content } : content)).event_id;
    }

    state(room, type, content, key = "") {
        return this.call("PUT", `${roomPath(room)}/state/${encodeURIComponent(type)}/${encodeURIComponent(key)}`, content);
    }

    readState(room, type, key = "") {
        return this.call("GET", `${roomPath(room)}/state/${encodeURIComponent(type)}/${encodeURIComponent(key)}`);
    }

    kick(room, userId) {
        return this.call("POST", `${roomPath(room)}/kick`, { user_id: userId });
    }

    async giveLevel(room, userId, level) {
        const now = await this.readState(room, "m.room.power_levels");
        await this.state(room, "m.room.power_levels", { ...now, users: { ...now.users, [userId]: level } });
    }

    async upload(bytes, type, name) {
        const headers = { Authorization: `Bearer ${this.token}`, "Content-Type": type };
        const answer = await fetch(`${this.base}/_matrix/media/v3/upload?filename=${encodeURIComponent(name)}`, { method: "POST", headers, body: bytes });
        return (await answer.json()).content_uri;
    }

    /** The newest messages, newest first. */
    async messages(room, limit = 100) {
        return (await this.call("GET", `${roomPath(room)}/messages?dir=b&limit=${limit}`)).chunk;
    }
}

const roomPath = (room) => `/v3/rooms/${encodeURIComponent(room)}`;

async function request(base, method, path, body, token) {
    const answer = await fetch(`${base}/_matrix/client${path}`, {
        method,
        headers: token ? { Authorization: `Bearer ${token}` } : {},
        body: body && JSON.stringify(body),
    });
    const json = await answer.json();
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${json.errcode} ${json.error}`);
    return json;
}
