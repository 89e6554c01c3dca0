/** New messages told outside the timeline: browser notifications, a sound, and the live region of screen readers. */
import { type MatrixEvent, type Room, RoomEvent } from "matrix-js-sdk";
import type { Chat } from "./chat";
import { isShown, toMessage } from "./message";
import { settings } from "./settings";

export function watchMessages(chat: Chat, preview: (event: MatrixEvent) => string): void {
    chat.client.on(RoomEvent.Timeline, async (event, room, _start, _removed, data) => {
        if (!room || !data.liveEvent || event.getSender() === chat.me || !isShown(event) || event.isState()) return;
        if (event.isBeingDecrypted()) await event.getDecryptionPromise();
        const seen = document.visibilityState === "visible" && document.hasFocus() && chat.roomId.value === room.roomId;
        if (chat.roomId.value === room.roomId) chat.announcement.value = `${chat.nameOf(event.getSender()!, room)}: ${preview(event)}`;
        if (seen || chat.connection.value !== "online") return;
        const actions = chat.client.getPushActionsForEvent(event);
        if (actions?.notify) tell(chat, room, event, preview(event), !!actions.tweaks?.sound);
    });
}

function tell(chat: Chat, room: Room, event: MatrixEvent, text: string, loud: boolean): void {
    if (settings.value.sound && loud) chime();
    if (!settings.value.notify || !("Notification" in window) || Notification.permission !== "granted") return;
    const name = chat.nameOf(toMessage(event).sender, room);
    const title = room.name === name ? name : `${name} · ${room.name}`;
    const shown = new Notification(title, { body: text.slice(0, 300), tag: room.roomId, icon: "/icon.svg", silent: true });
    shown.onclick = () => {
        window.focus();
        chat.open(room.roomId);
        shown.close();
    };
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
