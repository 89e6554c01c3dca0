import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { ApiError, call, discover, login, register } from "../../src/sdk/session";

interface Asked {
    url: string;
    body: any;
}
let asked: Asked[];

/** The server gives one answer after the other; an Error is a network that fails. */
function answers(...list: ([number, unknown] | Error)[]): void {
    globalThis.fetch = (async (url: string, init: RequestInit = {}) => {
        asked.push({ url, body: init.body && JSON.parse(String(init.body)) });
        const next = list.shift();
        if (!next) throw new Error(`not expected: ${url}`);
        if (next instanceof Error) throw next;
        return new Response(JSON.stringify(next[1]), { status: next[0] });
    }) as any;
}

const ACCOUNT = { user_id: "@a:x", device_id: "D", access_token: "secret" };
const flows = (...stages: string[][]) => ({ session: "S", flows: stages.map((s) => ({ stages: s })) });
const code = (wanted: string) => (error: unknown) => error instanceof ApiError && error.code === wanted;

beforeEach(() => {
    asked = [];
    (globalThis as any).location = { origin: "https://here.example" };
});

test("a login is a session", async () => {
    answers([200, ACCOUNT]);
    assert.deepEqual(await login("https://x", "a", "p", "Web"), { baseUrl: "https://x", userId: "@a:x", deviceId: "D", accessToken: "secret" });
    assert.equal(asked[0].url, "https://x/_matrix/client/v3/login");
});

test("registering goes through the stages that it knows", async () => {
    answers([401, flows(["m.login.recaptcha"], ["m.login.dummy"])], [200, ACCOUNT]);
    await register("https://x", { username: "a", password: "p", deviceName: "Web" });
    assert.deepEqual(asked[1].body.auth, { type: "m.login.dummy", session: "S" });
});

test("a registration token is asked for when it is wanted, and then given", async () => {
    answers([401, flows(["m.login.registration_token"])]);
    await assert.rejects(register("https://x", { username: "a", password: "p", deviceName: "Web" }), code("TOKEN_NEEDED"));
    answers([401, flows(["m.login.registration_token"])], [200, ACCOUNT]);
    await register("https://x", { username: "a", password: "p", deviceName: "Web", token: "T" });
    assert.equal(asked.findLast(({ url }) => url.endsWith("/register"))!.body.auth.token, "T");
});

test("a token that is refused is not tried again and again", async () => {
    answers([401, flows(["m.login.registration_token"])], [401, { ...flows(["m.login.registration_token"]), errcode: "M_FORBIDDEN", error: "no" }]);
    await assert.rejects(register("https://x", { username: "a", password: "p", deviceName: "Web", token: "T" }), code("M_FORBIDDEN"));
});

test("stages that it does not know are told", async () => {
    answers([401, flows(["m.login.recaptcha"])]);
    await assert.rejects(register("https://x", { username: "a", password: "p", deviceName: "Web" }), code("UNSUPPORTED"));
});

test("a server that wants more and more is left", async () => {
    answers(...Array.from({ length: 9 }, (): [number, unknown] => [401, flows(["m.login.dummy"])]));
    await assert.rejects(register("https://x", { username: "a", password: "p", deviceName: "Web" }), ApiError);
});

test("what a server refuses, and one that does not answer, are told apart", async () => {
    answers([403, { errcode: "M_FORBIDDEN", error: "no" }], new Error("network"), [502, {}]);
    await assert.rejects(call("https://x", "GET", "/v3/x"), code("M_FORBIDDEN"));
    await assert.rejects(call("https://x", "GET", "/v3/x"), code("UNREACHABLE"));
    await assert.rejects(call("https://x", "GET", "/v3/x"), code("M_UNKNOWN"));
});

test("the address of a homeserver: the page's own, by .well-known, or as it was typed", async () => {
    assert.equal(await discover("  "), "https://here.example");
    answers([200, { "m.homeserver": { base_url: "https://matrix.example.org/" } }]);
    assert.equal(await discover("example.org"), "https://matrix.example.org");
    answers(new Error("network"));
    assert.equal(await discover("http://localhost:8008/"), "http://localhost:8008");
    for (const odd of [null, 7, [], {}, { "m.homeserver": { base_url: "javascript:alert(1)" } }]) {
        answers([200, odd]);
        assert.equal(await discover("example.org"), "https://example.org");
    }
});
