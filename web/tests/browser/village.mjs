/** What there is to look at in `screens`: other people, their rooms, and what they have said. */
import { Outsider } from "./outsider.mjs";

const NAMES = { maya: "Maya Lindqvist", tom: "Tom Okafor", priya: "Priya Raman" };
const CHILDREN = [
    ["Town hall", "Meetings, and what came of them"],
    ["Market day", "Who sells what, and where the stalls stand"],
    ["Choir", "Tuesdays at seven, above the bakery"],
    ["Lost and found", "Mostly gloves"],
];

const rich = (body, formatted_body, more = {}) => ({ msgtype: "m.text", body, format: "org.matrix.custom.html", formatted_body, ...more });
const plain = (body, more = {}) => ({ msgtype: "m.text", body, ...more });
const inThread = (event_id) => ({ "m.relates_to": { rel_type: "m.thread", event_id, is_falling_back: true, "m.in_reply_to": { event_id } } });
const answerTo = (event_id) => ({ "m.relates_to": { "m.in_reply_to": { event_id } } });
const react = (person, room, event_id, key) => person.send(room, { "m.relates_to": { rel_type: "m.annotation", event_id, key } }, "m.reaction");

export async function found(server) {
    const people = {};
    for (const [user, name] of Object.entries(NAMES)) {
        people[user] = await Outsider.register(server, user);
        await people[user].rename(name);
    }
    const { maya, tom, priya } = people;
    const open = async (by, alias, name, topic, ...others) => {
        const id = await by.createRoom({ preset: "public_chat", visibility: "public", name, topic, room_alias_name: alias });
        for (const other of others) await other.join(id);
        return id;
    };
    const garden = await open(maya, "garden", "Garden club", "What grows, what does not, and why", tom);
    const release = await open(tom, "release", "Release 2.4", "Ship it on Thursday", maya, priya);
    const lunch = await open(priya, "lunch", "Lunch", "Twelve sharp, at the fountain", maya, tom);
    const design = await open(maya, "design", "Design", "Pictures before opinions", priya);
    await maya.send(garden, "The first tomatoes are out. Two of them were eaten before I could take a picture.");
    await tom.send(garden, "By you, or by the birds?");
    const village = await maya.createRoom({ preset: "public_chat", name: "Village", topic: "All that goes on between the mill and the gate", room_alias_name: "village", creation_content: { type: "m.space" } });
    const children = [garden];
    for (const [name, topic] of CHILDREN) children.push(await maya.createRoom({ preset: "public_chat", name, topic }));
    await tom.join(children[1]);
    await priya.join(children[3]);
    for (const id of children) await maya.state(village, "m.space.child", { via: ["localhost"] }, id);
    return { ...people, garden, release, lunch, design };
}

/** A team before its release. */
export async function ship(ada, { maya, tom, priya, release, lunch, design }) {
    await tom.send(release, rich("Good morning! The release candidate has been on staging since eight: https://staging.example.org", 'Good morning! The <strong>release candidate</strong> has been on staging since eight: <a href="https://staging.example.org">staging.example.org</a>'));
    const red = await maya.send(release, rich("Two tests were red last night:\n```\ntest_sync      41 passed\ntest_upload    12 passed, 2 failed\n```", "Two tests were red last night:<pre><code>test_sync      41 passed\ntest_upload    12 passed, 2 failed\n</code></pre>"));
    const cause = await priya.send(release, plain("Found it: the limit for uploads was read in KiB, and counted in bytes. The fix is in review.", answerTo(red)));
    for (const [person, key] of [[maya, "🎉"], [tom, "🎉"], [tom, "👀"]]) await react(person, release, cause, key);
    await tom.send(release, plain("Does anybody have to migrate?", inThread(cause)));
    await priya.send(release, plain("No, what is stored was right all along. Only the comparison was not.", inThread(cause)));
    await maya.send(release, rich("Read and approved. I like the test with limit - 1, limit and limit + 1.", "Read and approved. I like the test with <code>limit - 1</code>, <code>limit</code> and <code>limit + 1</code>.", inThread(cause)));
    await tom.send(release, rich("Then, for Thursday:\n- freeze at noon\n- tag, build, sign\n- tell support before we tell the world", "Then, for Thursday:<ul><li>freeze at noon</li><li>tag, build, <em>sign</em></li><li>tell support <strong>before</strong> we tell the world</li></ul>"));
    await tom.send(release, rich("Ada Berg: can you write the announcement?", `<a href="https://matrix.to/#/${ada.id}">Ada Berg</a>: can you write the announcement?`, { "m.mentions": { user_ids: [ada.id] } }));
    await ada.openRoom("Release 2.4");
    await ada.sees("can you write the announcement?");
    await ada.say("Gladly. There is a draft by four ☕");
    await ada.message("a draft by four").getByText("Sent", { exact: true }).waitFor();
    const last = (await tom.messages(release, 1))[0].event_id;
    await react(tom, release, last, "❤️");
    for (const person of [tom, maya]) await person.call("POST", `/v3/rooms/${encodeURIComponent(release)}/receipt/m.read/${encodeURIComponent(last)}`, {});
    for (const [person, text] of [[priya, "The place with the dumplings is open again."], [tom, "Say no more."], [maya, "Four seats?"]]) await person.send(lunch, text);
    await priya.send(design, plain("Ada Berg: which of the two icons?", { "m.mentions": { user_ids: [ada.id] } }));
}

/** One of everything that a message can be. */
export async function garden(ada, { maya, tom, garden }, photo) {
    const question = await maya.send(garden, { msgtype: "m.text", body: "Does anybody have seeds of the blue ones? I would swap for beans: https://example.org/beans", "m.mentions": {} });
    await react(tom, garden, question, "🌱");
    await react(maya, garden, question, "👍");
    await tom.send(garden, plain("I have some, from last year.", inThread(question)));
    await maya.send(garden, plain("Lovely. Saturday, at the gate?", inThread(question)));
    await maya.send(garden, { msgtype: "m.image", body: "beds.png", url: await maya.upload(photo, "image/png", "beds.png"), info: { w: 64, h: 48, mimetype: "image/png" } });
    await maya.send(garden, { algorithm: "m.megolm.v1.aes-sha2", ciphertext: "AwgA", session_id: "none", sender_key: "none", device_id: "none" }, "m.room.encrypted");
    await maya.send(garden, `It was said here: https://matrix.to/#/${garden}/$nowhere`);
    await maya.state(garden, "m.room.pinned_events", { pinned: [question] });
    await tom.send(garden, rich("The list for Saturday:\n- shears\n- **gloves**\n- cake", "The list for Saturday:<ul><li>shears</li><li><strong>gloves</strong></li><li>cake</li></ul>"));
    await ada.sees("The list for Saturday");
    return question;
}

/** Something new in the garden's thread. */
export const goOn = ({ tom, garden }, question) => tom.send(garden, plain("I have put them aside for you.", inThread(question)));
