// matrix-bot-sdk: a bot that answers. Usage: node -r ./no_native.cjs bot.cjs URL
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { MatrixAuth, MatrixClient, SimpleFsStorageProvider, AutojoinRoomsMixin, LogService, LogLevel } = require('matrix-bot-sdk');

LogService.setLevel(LogLevel.ERROR);

async function client(base, user) {
    const auth = await new MatrixAuth(base).passwordRegister(user, `password of ${user}`);
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'rookery-bot-'));
    return new MatrixClient(base, auth.accessToken, new SimpleFsStorageProvider(path.join(folder, 'state.json')));
}

async function all(base) {
    const { step, until } = await import('./report.mjs');
    const run = Date.now().toString(36);
    const [bot, human] = await step('bot-sdk: register', () => Promise.all([client(base, `bot${run}`), client(base, `human${run}`)]));
    const heard = [];
    bot.on('room.message', async (roomId, event) => {
        if (event.sender === (await bot.getUserId()) || event.content?.msgtype !== 'm.text') return;
        await bot.replyNotice(roomId, event, `echo: ${event.content.body}`);
    });
    human.on('room.message', (roomId, event) => heard.push(event));
    AutojoinRoomsMixin.setupOnClient(bot);
    await step('bot-sdk: sync', () => Promise.all([bot.start(), human.start()]));
    const roomId = await step('bot-sdk: the bot joins when it is invited', async () => {
        const id = await human.createRoom({ preset: 'private_chat', invite: [await bot.getUserId()] });
        const me = await bot.getUserId();
        await until(async () => (await human.getJoinedRoomMembers(id)).includes(me));
        return id;
    });
    await step('bot-sdk: the bot answers', async () => {
        const asked = await human.sendText(roomId, 'hello');
        const answer = await until(() => heard.find((e) => e.content.msgtype === 'm.notice' && e.content.body.includes('echo: hello')));
        if (answer.content['m.relates_to']?.['m.in_reply_to']?.event_id !== asked) throw new Error('it does not reply to the question');
    });
    await step('bot-sdk: state, account data, profile', async () => {
        await human.sendStateEvent(roomId, 'm.room.topic', '', { topic: 'bots' });
        await until(async () => (await bot.getRoomStateEvent(roomId, 'm.room.topic', '')).topic === 'bots');
        await bot.setAccountData('org.example.bot', { n: 1 });
        if ((await bot.getAccountData('org.example.bot')).n !== 1) throw new Error('account data');
        await bot.setDisplayName('The bot');
        if ((await human.getUserProfile(await bot.getUserId())).displayname !== 'The bot') throw new Error('display name');
    });
    bot.stop();
    human.stop();
}

all(process.argv[2]).then(() => process.exit(0), (error) => {
    console.error(error);
    process.exit(1);
});
