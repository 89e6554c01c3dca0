/** Ways into conversations: a new room or space, a person, an address, the directory, an invitation for somebody else. */
import { useSignal } from "@preact/signals";
import { Compass } from "lucide-preact";
import { useEffect } from "preact/hooks";
import type { IPublicRoomsChunkRoom } from "matrix-js-sdk";
import { createRoom, invite, join, knock, mayAddTo, openDirect } from "../model/actions";
import { type Person, personMeant, searchPeople } from "../model/people";
import { isolate, t } from "../text";
import { Avatar, Dialog, Empty, Switch } from "./bits";
import { useChat } from "./context";
import { DirectoryEntry } from "./directory";

/** Who the server knows by that name, some time after the last key. */
function usePeople(typed: string): Person[] {
    const chat = useChat();
    const found = useSignal<Person[]>([]);
    useEffect(() => {
        const term = typed.trim();
        if (!term) {
            found.value = [];
            return;
        }
        const timer = setTimeout(async () => (found.value = await searchPeople(chat, term)), 200);
        return () => clearTimeout(timer);
    }, [typed]);
    return found.value;
}

function PersonPicker({ action, onPick }: { action: string; onPick: (person: Person) => Promise<unknown> }) {
    const chat = useChat();
    const typed = useSignal("");
    const people = usePeople(typed.value);
    const busy = useSignal(false);
    async function submit(event: SubmitEvent) {
        event.preventDefault();
        if (busy.value) return;
        busy.value = true;
        const person = await personMeant(chat, typed.value);
        if (person) await onPick(person);
        else chat.say(t("nothing_found"), true);
        busy.value = false;
    }
    return (
        <form class="form" onSubmit={submit}>
            <label class="field">
                <span>{t("person")}</span>
                <input autofocus value={typed.value} placeholder={`@name:${chat.client.getDomain()}`} spellcheck={false} autocapitalize="none" onInput={(e) => (typed.value = e.currentTarget.value)} />
            </label>
            <ul class="people">
                {people.map((p) => (
                    <li key={p.user_id}>
                        <button type="button" class="person" onClick={() => void onPick(p)}>
                            <Avatar id={p.user_id} name={p.display_name ?? p.user_id} mxc={p.avatar_url} size={34} />
                            <span class="person-text">
                                <bdi>{p.display_name ?? p.user_id}</bdi>
                                <small class="muted">{p.user_id}</small>
                            </span>
                        </button>
                    </li>
                ))}
            </ul>
            <button type="submit" class="primary" disabled={!typed.value.trim() || busy.value}>
                {action}
            </button>
        </form>
    );
}

export function InviteDialog({ roomId, onClose }: { roomId: string; onClose: () => void }) {
    const chat = useChat();
    async function pick({ user_id, display_name }: Person) {
        if (!(await invite(chat, roomId, user_id))) return;
        chat.say(t("was_invited", { name: isolate(display_name ?? user_id) }));
        onClose();
    }
    return (
        <Dialog title={t("invite")} onClose={onClose}>
            <PersonPicker action={t("invite")} onPick={pick} />
        </Dialog>
    );
}

export function CreateDialog({ direct, space, parent, onClose }: { direct?: boolean; space?: boolean; parent?: string; onClose: () => void }) {
    const chat = useChat();
    if (direct)
        return (
            <Dialog title={t("start_chat")} onClose={onClose}>
                <p class="muted">{t("start_chat_hint")}</p>
                <PersonPicker
                    action={t("start_chat")}
                    onPick={(person) => {
                        onClose();
                        return openDirect(chat, person.user_id);
                    }}
                />
            </Dialog>
        );
    return <NewRoom space={!!space} parent={parent} onClose={onClose} />;
}

const toAlias = (name: string) => name.toLowerCase().normalize("NFKD").replace(/\p{M}/gu, "").replace(/[^a-z0-9]+/g, "-").replace(/^-|-$/g, "");

function NewRoom({ space, parent, onClose }: { space: boolean; parent?: string; onClose: () => void }) {
    const chat = useChat();
    const name = useSignal("");
    const isPublic = useSignal(false);
    const encrypted = useSignal(false);
    const alias = useSignal<string | null>(null);
    async function submit(event: SubmitEvent) {
        event.preventDefault();
        const values = Object.fromEntries(new FormData(event.currentTarget as HTMLFormElement)) as Record<string, string>;
        onClose();
        await createRoom(chat, {
            name: name.value.trim(),
            topic: values.topic?.trim(),
            isPublic: isPublic.value,
            alias: alias.value ?? toAlias(name.value),
            encrypted: encrypted.value,
            space,
            parent: values.parent || undefined,
        });
    }
    const spaces = [...chat.summaries.value.values()].filter((r) => r.isSpace && r.membership === "join" && mayAddTo(chat, r.id));
    return (
        <Dialog title={space ? t("create_space") : t("create_room")} onClose={onClose}>
            <form class="form" onSubmit={submit}>
                <label class="field">
                    <span>{t("room_name")}</span>
                    <input autofocus required maxLength={200} value={name.value} onInput={(e) => (name.value = e.currentTarget.value)} />
                </label>
                <label class="field">
                    <span>{t("topic")}</span>
                    <input name="topic" maxLength={1000} />
                </label>
                {!space && spaces.length > 0 && (
                    <label class="field">
                        <span>{t("space")}</span>
                        <select name="parent">
                            <option value="">{t("no_space")}</option>
                            {spaces.map((s) => (
                                <option key={s.id} value={s.id} selected={s.id === parent}>
                                    {s.name}
                                </option>
                            ))}
                        </select>
                    </label>
                )}
                <Switch label={t("public_room")} hint={t("public_room_hint")} checked={isPublic.value} onChange={(on) => (isPublic.value = on)} />
                {isPublic.value && (
                    <label class="field">
                        <span>{t("address")}</span>
                        <span class="affixed">
                            <span>#</span>
                            <input value={alias.value ?? toAlias(name.value)} spellcheck={false} autocapitalize="none" onInput={(e) => (alias.value = e.currentTarget.value)} />
                            <span>:{chat.client.getDomain()}</span>
                        </span>
                    </label>
                )}
                {!isPublic.value && !space && <Switch label={t("encrypt_room")} hint={t("encryption_for_good")} checked={encrypted.value} onChange={(on) => (encrypted.value = on)} />}
                <button type="submit" class="primary" disabled={!name.value.trim()}>
                    {t("create")}
                </button>
            </form>
        </Dialog>
    );
}

/** `address` is that of a link that was followed, and `via` the servers that it names. */
export function JoinDialog({ address = "", via, onClose }: { address?: string; via?: string[]; onClose: () => void }) {
    const chat = useChat();
    const typed = useSignal(address);
    const rooms = useSignal<IPublicRoomsChunkRoom[] | null>(null);
    const isAddress = /^[#!]\S+/.test(typed.value.trim());
    useEffect(() => {
        const timer = setTimeout(async () => {
            if (isAddress) return;
            const term = typed.value.trim();
            const answer = await chat.attempt(() => chat.client.publicRooms({ limit: 60, filter: term ? { generic_search_term: term } : undefined }));
            rooms.value = answer?.chunk ?? [];
        }, 200);
        return () => clearTimeout(timer);
    }, [typed.value]);
    async function ask() {
        if (!(await knock(chat, typed.value.trim()))) return;
        chat.say(t("knocked"));
        onClose();
    }
    async function submit(event: SubmitEvent) {
        event.preventDefault();
        const wanted = typed.value.trim();
        if (isAddress && (await join(chat, wanted, wanted === address ? via : undefined))) onClose();
    }
    return (
        <Dialog title={t("explore")} onClose={onClose} class="tall">
            <form class="form" onSubmit={submit}>
                <label class="field">
                    <span>{t("search_or_address")}</span>
                    <span class="affixed">
                        <input autofocus type="search" value={typed.value} placeholder={`#room:${chat.client.getDomain()}`} spellcheck={false} autocapitalize="none" onInput={(e) => (typed.value = e.currentTarget.value)} />
                        {isAddress && (
                            <>
                                <button type="submit" class="primary">
                                    {t("join")}
                                </button>
                                <button type="button" class="secondary" onClick={() => void ask()}>
                                    {t("knock")}
                                </button>
                            </>
                        )}
                    </span>
                </label>
            </form>
            <ul class="directory">
                {rooms.value?.map((room) => <DirectoryEntry key={room.room_id} room={room} onGone={onClose} />)}
            </ul>
            {rooms.value?.length === 0 && <Empty icon={Compass} title={t("no_public_rooms")} />}
        </Dialog>
    );
}
