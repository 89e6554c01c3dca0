// Two people talk; one of them uses Hydrogen. Usage: node drive.mjs URL PICTURE.png
import fs from 'node:fs';
import http from 'node:http';
import os from 'node:os';
import path from 'node:path';
import { chromium } from 'playwright-core';

const [base, picture] = process.argv.slice(2);
const run = Date.now().toString(36);
const TYPES = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css', '.wasm': 'application/wasm', '.json': 'application/json', '.svg': 'image/svg+xml' };
// What a server answers where nothing is there yet.
const MAY_BE_MISSING = [/\.well-known\//, /\/room_keys\/version/, /\/dehydrated_device/, /\/account_data\//];
// Nothing outside this machine is asked for.
const BROWSER = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update',
    '--disable-sync', '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost'];
let step = 'start';

function must(holds, message) {
    if (!holds) throw new Error(message);
}

async function call(token, method, place, body, type = 'application/json') {
    const headers = { 'Content-Type': type, ...(token && { Authorization: `Bearer ${token}` }) };
    const answer = await fetch(base + place, { method, headers, body: type === 'application/json' ? JSON.stringify(body) : body });
    const text = await answer.text();
    must(answer.ok, `${method} ${place}: ${answer.status} ${text}`);
    return JSON.parse(text);
}

class Person {
    async register(name) {
        this.name = name;
        this.login = `${name.toLowerCase()}-${run}`;
        this.password = `password of ${name}`;
        const auth = { type: 'm.login.dummy' };
        const made = await call(null, 'POST', '/_matrix/client/v3/register', { username: this.login, password: this.password, auth });
        [this.id, this.token] = [made.user_id, made.access_token];
        await call(this.token, 'PUT', `/_matrix/client/v3/profile/${encodeURIComponent(this.id)}/displayname`, { displayname: name });
        return this;
    }

    async send(room, type, content) {
        this.sent = (this.sent ?? 0) + 1;
        const place = `/_matrix/client/v3/rooms/${encodeURIComponent(room)}/send/${type}/${this.sent}`;
        return (await call(this.token, 'PUT', place, content)).event_id;
    }

    say(room, body, more = {}) {
        return this.send(room, 'm.room.message', { msgtype: 'm.text', body, ...more });
    }

    // Follows the room by /sync until an event fits.
    async hears(fits, seconds = 30) {
        const end = Date.now() + seconds * 1000;
        while (Date.now() < end) {
            const since = this.since ? `&since=${encodeURIComponent(this.since)}` : '';
            const news = await call(this.token, 'GET', `/_matrix/client/v3/sync?timeout=1000${since}`);
            this.since = news.next_batch;
            const events = Object.values(news.rooms?.join ?? {}).flatMap((room) => room.timeline.events);
            const found = events.find(fits);
            if (found) return found;
        }
        throw new Error(`${this.name} heard nothing of it in ${seconds} s`);
    }
}

async function drawBoard(browser) {
    const page = await browser.newPage();
    await page.setViewportSize({ width: 320, height: 200 });
    const pieces = { 9: '♜', 14: '♚', 28: '♙', 36: '♖' };
    const squares = Array.from({ length: 40 }, (_, i) => `<i style="background:${(i + (i >> 3)) & 1 ? '#6a8aaa' : '#dfe8f0'}">${pieces[i] ?? ''}</i>`);
    const style = 'body{margin:0;display:grid;grid-template-columns:repeat(8,40px)}i{height:40px;font:30px/40px DejaVu Sans;text-align:center}';
    await page.setContent(`<!doctype html><style>${style}</style>${squares.join('')}`);
    const image = await page.screenshot();
    await page.close();
    return image;
}

async function talk(ada, bob, board) {
    const room = (await call(ada.token, 'POST', '/_matrix/client/v3/createRoom',
        { preset: 'private_chat', name: 'Rook endings', topic: 'Chess, one evening a week', invite: [bob.id] })).room_id;
    await call(bob.token, 'POST', `/_matrix/client/v3/join/${encodeURIComponent(room)}`, {});
    await ada.say(room, 'Here is where we stopped last night. White to move.');
    const { content_uri: url } = await call(ada.token, 'POST', '/_matrix/media/v3/upload?filename=board.png', board, 'image/png');
    const image = await ada.send(room, 'm.room.message',
        { msgtype: 'm.image', body: 'board.png', url, info: { w: 320, h: 200, size: board.length, mimetype: 'image/png' } });
    await bob.send(room, 'm.reaction', { 'm.relates_to': { rel_type: 'm.annotation', event_id: image, key: '♟️' } });
    const question = await bob.say(room, 'Push the pawn, or keep the rook behind it?');
    await ada.say(room, `> <${bob.id}> Push the pawn, or keep the rook behind it?\n\nRooks belong behind passed pawns.`, {
        format: 'org.matrix.custom.html',
        formatted_body: `<mx-reply><blockquote><a href="https://matrix.to/#/${room}/${question}">In reply to</a> `
            + `<a href="https://matrix.to/#/${bob.id}">${bob.id}</a><br>Push the pawn, or keep the rook behind it?</blockquote></mx-reply>Rooks belong <em>behind</em> passed pawns.`,
        'm.relates_to': { 'm.in_reply_to': { event_id: question } },
    });
    const thanks = await bob.say(room, 'Then the rook stays. Same time next week?');
    await ada.send(room, 'm.reaction', { 'm.relates_to': { rel_type: 'm.annotation', event_id: thanks, key: '👍' } });
    return room;
}

function serveClient() {
    const server = http.createServer((request, response) => {
        const place = path.normalize(new URL(request.url, 'http://x').pathname).replace(/\/$/, '/index.html');
        if (place === '/config.json') {
            response.setHeader('Content-Type', 'application/json');
            return response.end(JSON.stringify({ defaultHomeServer: base, themeManifests: [], defaultTheme: { light: 'element-light', dark: 'element-dark' } }));
        }
        const file = path.join(import.meta.dirname, 'dist', place);
        if (!fs.existsSync(file)) return response.writeHead(404).end();
        response.setHeader('Content-Type', TYPES[path.extname(file)] ?? 'application/octet-stream');
        return fs.createReadStream(file).pipe(response);
    });
    return new Promise((done) => server.listen(0, '127.0.0.1', () => done(server)));
}

// Collects what the client's own eyes count as wrong.
function watch(page, faults, calls) {
    page.on('pageerror', (error) => faults.push(`uncaught: ${error.message}`));
    page.on('requestfailed', (request) => {
        const why = request.failure()?.errorText;
        if (request.url().startsWith(base) && why !== 'net::ERR_ABORTED') faults.push(`${request.method()} ${request.url()}: ${why}`);
    });
    page.on('response', (response) => {
        if (!response.url().startsWith(base)) return;
        const place = response.url().slice(base.length).replace(/\?.*/, '');
        const line = `${response.status()} ${response.request().method()} ${place}`;
        calls.set(line, (calls.get(line) ?? 0) + 1);
        if (response.status() >= 400 && !MAY_BE_MISSING.some((known) => known.test(place))) faults.push(line);
    });
}

async function useHydrogen(page, address, ada, bob) {
    step = 'log in';
    await page.goto(address);
    await page.fill('#username', ada.login);
    await page.fill('#password', ada.password);
    await page.click('.PasswordLoginView button[type=submit]');
    step = 'open the room';
    await page.click('.RoomList >> text=Rook endings');
    step = 'show the conversation';
    for (const text of ['White to move.', 'keep the rook behind it?', 'behind passed pawns.', 'Same time next week?']) {
        await page.locator('.Timeline', { hasText: text }).waitFor();
    }
    await page.waitForFunction(() => [...document.querySelectorAll('.Timeline .media img')].some((image) => image.naturalWidth > 1));
    await page.locator('.Timeline_messageReactions', { hasText: '👍' }).waitFor();
    step = 'send';
    await page.fill('.MessageComposer textarea', 'Same time next week. I bring the clock.');
    await page.press('.MessageComposer textarea', 'Enter');
    const heard = await bob.hears((event) => event.content?.body === 'Same time next week. I bring the clock.');
    must(heard.sender === ada.id, `sent by ${heard.sender}`);
    step = 'receive while open';
    await bob.say(bob.room, 'See you then!');
    await page.locator('.Timeline', { hasText: 'See you then!' }).waitFor();
    await page.waitForFunction(() => !document.querySelector('.Timeline .unsent'));
    step = 'stay logged in over a reload';
    await page.reload();
    await page.locator('.Timeline', { hasText: 'See you then!' }).waitFor();
    await page.waitForFunction(() => [...document.querySelectorAll('.Timeline .media img')].some((image) => image.naturalWidth > 1));
    step = 'mark as read';
    await page.waitForFunction(() => !document.querySelector('.RoomList .badge:not(.hidden)'));
    await page.screenshot({ path: picture });
}

async function main() {
    const faults = [];
    const calls = new Map();
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'rookery-hydrogen-'));
    const server = await serveClient();
    const viewport = { width: 1100, height: 860 };
    const context = await chromium.launchPersistentContext(folder, { executablePath: '/usr/bin/chromium', args: BROWSER, viewport });
    context.setDefaultTimeout(30000);
    try {
        step = 'make a conversation';
        const [ada, bob] = [await new Person().register('Ada'), await new Person().register('Bob')];
        bob.room = await talk(ada, bob, await drawBoard(context));
        const page = await context.newPage();
        watch(page, faults, calls);
        try {
            await useHydrogen(page, `http://127.0.0.1:${server.address().port}/`, ada, bob);
        } catch (error) {
            await page.screenshot({ path: picture.replace(/\.png$/, '') + '-failed.png' });
            throw error;
        }
        step = 'no faults';
        must(!faults.length, faults.join('; '));
    } finally {
        for (const [line, count] of [...calls].sort()) console.error(`${count} x ${line}`);
        faults.forEach((fault) => console.error(`fault: ${fault}`));
        await context.close();
        server.close();
        fs.rmSync(folder, { recursive: true, force: true });
    }
}

const NAME = 'hydrogen: logs in, shows a conversation, sends and receives';
main().then(() => {
    console.log(`ok ${NAME}\n1 passed, 0 failed`);
    process.exit(0);
}, (error) => {
    console.error(error);
    console.log(`not ok ${NAME}: at "${step}": ${error.message.split('\n')[0]}\n0 passed, 1 failed`);
    process.exit(1);
});
