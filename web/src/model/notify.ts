/** New messages told outside the timeline: browser notifications, a sound, and the live region of screen readers. */
import { type MatrixEvent, type Room, RoomEvent, RoomStateEvent } from "matrix-js-sdk";
import { isolate, t } from "../text";
import type { Chat } from "./chat";
import { isShown, toMessage } from "./message";
import { settings } from "./settings";

export function watchMessages(chat: Chat, preview: (event: MatrixEvent) => string): void {
    chat.client.on(RoomEvent.Timeline, async (event, room, _start, _removed, data) => {
        if (!room || !data.liveEvent || event.getSender() === chat.me || event.isState()) return;
        if (event.isBeingDecrypted()) await event.getDecryptionPromise();
        if (!isShown(event)) return;
        const seen = document.visibilityState === "visible" && document.hasFocus() && chat.roomId.value === room.roomId;
        if (chat.roomId.value === room.roomId) chat.announce(`${chat.nameOf(event.getSender()!, room)}: ${preview(event)}`);
        if (seen || chat.connection.value !== "online") return;
        const actions = chat.client.getPushActionsForEvent(event);
        if (!actions?.notify) return;
        const name = chat.nameOf(toMessage(event).sender, room);
        await tell(chat, room, room.name === name ? name : `${name} · ${room.name}`, preview(event), !!actions.tweaks?.sound, event.getId());
    });
    chat.client.on(RoomEvent.MyMembership, (room, membership, before) => void membershipChanged(chat, room, membership, before));
    chat.client.on(RoomEvent.Receipt, (event, room) => {
        if (settings.value.notify && isOwn(event, chat.me)) void takeBack(room, (id) => isRead(room, chat.me, id));
    });
}

/** Invitations are told like messages; who was sent away by somebody else is told so, also when that was while there was no connection. */
async function membershipChanged(chat: Chat, room: Room, membership: string, before?: string): Promise<void> {
    await Promise.resolve(); // the room has its name a moment later
    if (before === "invite") await takeBack(room, () => true);
    if (membership === "invite" && chat.connection.value === "starting") return; // they are in the list that is just being made
    if (membership === "invite") return tell(chat, room, room.name, t("invitation"), true);
    if (membership !== "leave" && membership !== "ban") return;
    const by = (await ownMember(chat, room, membership)).getSender();
    if (by === chat.me) return;
    if (before === "knock") chat.say(t("knock_refused", { room: isolate(room.name) }), true);
    if (before === "join") chat.say(t("was_removed", { room: isolate(room.name) }), true);
}

/** The event by which one's membership has become that. The SDK may tell of the membership before the room's state has it. */
function ownMember(chat: Chat, room: Room, membership: string): Promise<MatrixEvent> {
    const fits = (event?: MatrixEvent) => event?.getStateKey() === chat.me && event.getRoomId() === room.roomId && event.getContent().membership === membership;
    const member = room.getMember(chat.me)?.events.member;
    if (member && fits(member)) return Promise.resolve(member);
    return new Promise((resolve) => {
        const look = (event: MatrixEvent) => {
            if (event.getType() !== "m.room.member" || !fits(event)) return;
            chat.client.off(RoomStateEvent.Events, look);
            resolve(event);
        };
        chat.client.on(RoomStateEvent.Events, look);
    });
}

async function tell(chat: Chat, room: Room, title: string, text: string, loud: boolean, eventId = ""): Promise<void> {
    if (settings.value.sound && loud) chime();
    if (!settings.value.notify || !("Notification" in window) || Notification.permission !== "granted") return;
    const options = { body: text.slice(0, 300), tag: room.roomId, icon: "/icon.svg", silent: true, data: { room: room.roomId, event: eventId } };
    const worker = await navigator.serviceWorker?.getRegistration();
    if (worker?.active) return worker.showNotification(title, options); // the only way on a phone; sw.ts opens the room
    const shown = new Notification(title, options);
    shown.onclick = () => {
        window.focus();
        chat.open(room.roomId);
        shown.close();
    };
}

/** A receipt by which one has read oneself, here or at another device. */
const isOwn = (receipt: MatrixEvent, me: string): boolean =>
    Object.values(receipt.getContent()).some((byType) => Object.values(byType as object).some((byUser) => me in byUser));

/** Of an event that is not loaded any more the room's count tells. */
const isRead = (room: Room, me: string, eventId: string): boolean => (room.findEventById(eventId) ? room.hasUserReadEvent(me, eventId) : room.getUnreadNotificationCount() === 0);

/** What has been read, here or elsewhere, needs no notification any more. One that came meanwhile stays. */
async function takeBack(room: Room, isOver: (eventId: string) => boolean): Promise<void> {
    const worker = await navigator.serviceWorker?.getRegistration();
    for (const shown of (await worker?.getNotifications({ tag: room.roomId })) ?? []) if (isOver(shown.data?.event)) shown.close();
}

/** Two soft tones; no file to fetch. */
function chime(): void {
    const audio = new AudioContext();
    for (const [at, frequency] of [
        [0, 660],
        [0.09, 880],
    ]) {
        const tone = audio.createOscillator();
        const volume = audio.createGain();
        tone.frequency.value = frequency;
        volume.gain.setValueAtTime(0.08, audio.currentTime + at);
        volume.gain.exponentialRampToValueAtTime(0.001, audio.currentTime + at + 0.25);
        tone.connect(volume).connect(audio.destination);
        tone.start(audio.currentTime + at);
        tone.stop(audio.currentTime + at + 0.3);
    }
    setTimeout(() => void audio.close(), 600);
}

export async function askToNotify(): Promise<boolean> {
    return "Notification" in window && (await Notification.requestPermission()) === "granted";
}
