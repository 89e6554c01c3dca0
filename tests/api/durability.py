"""Clients at work while the server is killed again and again; then everything that was acknowledged is looked for.

Each worker is a thread with a user of its own. A request whose answer did not come is repeated, as clients do, under the same transaction id
where there is one; `Journal` keeps what was acknowledged and what is in doubt."""
import collections
import http.client
import random
import threading
import time

from harness.client import PASSWORD, Client, ids, joined, timeline, unique, with_type
from harness.keys import DeviceKeys

ALL = {"room": {"timeline": {"limit": 1000}}}
LOST = (OSError, http.client.HTTPException)
ALGORITHM = "signed_curve25519"


class GaveUp(AssertionError):
    pass


class Journal:
    """What was acknowledged. Written by all workers; list.append and set.add need no lock here."""

    def __init__(self):
        self.messages = collections.defaultdict(dict)  # room -> {body: event id}
        self.accounts, self.tried_accounts = [], []    # Clients; names
        self.rooms = []                                # (creator, room id, name)
        self.uploaded, self.claimed, self.doubtful_claims = set(), [], 0
        self.to_device = []                            # texts, all acknowledged
        self.faults = []


KEYS_MAX = 500  # that wait for being claimed; a device may have 1000


class Worker(threading.Thread):
    def __init__(self, load, number):
        super().__init__(daemon=True)
        self.load, self.journal, self.rng = load, load.journal, random.Random(f"{load.seed}/{number}")
        self.client = Client(load.server).register(unique("w"))
        self.sent = 0

    def run(self):
        actions = [self.message] * 6 + [self.device_message] * 3 + [self.claim] * 3 + [self.upload, self.account, self.room, self.come_and_go]
        try:
            while not self.load.done.is_set():
                self.rng.choice(actions)()
        except Exception as e:
            self.journal.faults.append(f"{self.client.user_id}: {type(e).__name__}: {e}")
            self.load.done.set()

    def call(self, method, path, body=None, client=None, token=True):
        """The Response, or None when it did not come."""
        try:
            r = (client or self.client).call(method, path, body, token=token, retry=False, timeout=20)
        except LOST:
            return None
        return None if r.status in (502, 503, 504) else r

    def insist(self, *request, **options):
        """Repeats a request until its answer comes."""
        end = time.monotonic() + 60
        while (r := self.call(*request, **options)) is None:
            if time.monotonic() > end:
                raise GaveUp(f"no answer for 60 s to {request[:2]}")
            time.sleep(0.02)
        return r

    # --- what clients do ---

    def message(self):
        room = self.rng.choice(self.load.rooms)
        self.sent += 1
        text = f"{self.client.localpart} {self.sent}"
        path = ("rooms", room, "send", "m.room.message", f"t{self.sent}")
        for _ in range(self.rng.choice([1, 1, 1, 2])):
            r = self.insist("PUT", path, {"msgtype": "m.text", "body": text})
            assert r.status == 200, r
            assert self.journal.messages[room].setdefault(text, r.json["event_id"]) == r.json["event_id"], "a repeated message got another id"

    def device_message(self):
        self.sent += 1
        text = f"{self.client.localpart} {self.sent}"
        r = self.insist("PUT", ("sendToDevice", "org.example.msg", f"t{self.sent}"), {"messages": {self.load.inbox.user_id: {"*": {"text": text}}}})
        assert r.status == 200, r
        self.journal.to_device.append(text)

    def claim(self):
        target = self.load.keys
        r = self.call("POST", ("keys", "claim"), {"one_time_keys": {target.user: {target.device: ALGORITHM}}})
        if r is None:
            with self.load.lock:
                self.journal.doubtful_claims += 1
        else:
            assert r.status == 200, r
            self.journal.claimed.extend(r.json["one_time_keys"].get(target.user, {}).get(target.device, {}))

    def upload(self):
        """Not repeated: between the two another may have claimed a key, which would then rightly be given twice."""
        if len(self.journal.uploaded) - len(self.journal.claimed) > KEYS_MAX:
            return
        keys = self.load.keys.one_time(5)
        r = self.call("POST", ("keys", "upload"), {"one_time_keys": keys}, client=self.load.keys.client)
        if r is not None:
            assert r.status == 200, r
            self.journal.uploaded.update(keys)

    def account(self):
        name = unique("d")
        self.journal.tried_accounts.append(name)
        r = self.call("POST", ("register",), {"username": name, "password": PASSWORD, "auth": {"type": "m.login.dummy"}}, token=None)
        if r is not None:
            assert r.status == 200, r
            self.journal.accounts.append(Client(self.load.server).take(r.json))

    def room(self):
        name = unique("room")
        other = self.rng.choice(self.load.workers).client
        r = self.call("POST", ("createRoom",), {"preset": "public_chat", "name": name, "invite": [other.user_id] if other is not self.client else []})
        if r is not None:
            assert r.status == 200, r
            self.journal.rooms.append((self.client, r.json["room_id"], name))

    def come_and_go(self):
        """Joins a room of another, and leaves most again; answers may be lost."""
        made = list(self.journal.rooms)
        if made:
            room = self.rng.choice(made)[1]
            self.call("POST", ("join", room), {})
            if self.rng.random() < 0.5:
                self.call("POST", ("rooms", room, "leave"), {})


class Load:
    """`kill(server)` ends the server at once and starts it again; other forms of death can be given."""

    def __init__(self, server, seed, workers=6, rooms=3):
        self.server, self.seed, self.journal = server, seed, Journal()
        self.done, self.lock = threading.Event(), threading.Lock()
        self.workers = [Worker(self, n) for n in range(workers)]
        self.inbox = Client(server).register(unique("inbox"))
        owner = Client(server).register(unique("keys"))
        self.keys = DeviceKeys(owner)
        self.journal.uploaded.update(self.keys.upload(one_time=20))
        first = self.workers[0].client
        self.rooms = [first.room_with(*[w.client for w in self.workers[1:]]) for _ in range(rooms)]
        self.old = {w.client: w.client.token_now(filter=ALL) for w in self.workers}
        self.tokens = {**self.old, self.inbox: self.inbox.token_now()}  # where the followers stand
        self.received, self.seen = [], collections.defaultdict(list)

    def follow(self, client, since, query, take):
        """Syncs on until the end; an answer that did not come is asked for again with the same token."""
        while not self.done.is_set():
            try:
                answer = client.sync(since, timeout=0.5, **query)
            except LOST:
                time.sleep(0.02)
                continue
            except Exception as e:
                self.journal.faults.append(f"sync of {client.user_id}: {type(e).__name__}: {e}")
                return self.done.set()
            take(answer)
            since = self.tokens[client] = answer["next_batch"]

    def take_inbox(self, answer):
        self.received += [e["content"]["text"] for e in answer.get("to_device", {}).get("events", [])]

    def take_timeline(self, answer):
        for room in self.rooms:
            assert not joined(answer, room).get("timeline", {}).get("limited"), "the limit was meant to be large"
            self.seen[room] += ids(with_type(timeline(answer, room), "m.room.message"))

    def run(self, kills, kill=lambda server: server.restart(kill=True)):
        rng = random.Random(self.seed)
        reader = self.workers[0].client
        followers = [threading.Thread(target=self.follow, args=(self.inbox, self.tokens[self.inbox], {}, self.take_inbox), daemon=True),
                     threading.Thread(target=self.follow, args=(reader, self.tokens[reader], {"filter": ALL}, self.take_timeline), daemon=True)]
        threads = self.workers + followers
        for thread in threads:
            thread.start()
        for _ in range(kills):
            if self.done.wait(rng.uniform(0.05, 1.5)):
                break
            kill(self.server)
        self.done.wait(0.5)
        self.done.set()
        for thread in threads:
            thread.join(90)
            assert not thread.is_alive(), "a worker hangs"
        assert not self.journal.faults, "\n".join(self.journal.faults)

    # --- afterwards ---

    def check(self):
        self.check_messages()
        self.check_keys()
        self.check_to_device()
        self.check_accounts()
        self.check_rooms()

    def check_messages(self):
        for room in self.rooms:
            acknowledged = self.journal.messages[room]
            events = with_type(self.workers[0].client.history(room, "f", limit=500), "m.room.message")
            order = ids(events)
            assert len(set(order)) == len(order), "an event twice in /messages"
            texts = [e["content"]["body"] for e in events]
            assert len(set(texts)) == len(texts), f"sent once, there twice: {[t for t, n in collections.Counter(texts).items() if n > 1]}"
            there = {e["content"]["body"]: e["event_id"] for e in events}
            assert there == acknowledged, (f"what was acknowledged is not what is there: lost {acknowledged.items() - there.items()}, "
                                           f"never acknowledged {there.items() - acknowledged.items()}")
            for worker in self.workers:
                client = worker.client
                assert ids(with_type(client.history(room, "b", limit=300), "m.room.message"))[::-1] == order, "another order by /messages backwards"
                assert self.by_sync(client, room) == order, "another order by /sync from an old token"
            seen = self.seen[room]
            assert seen == order[:len(seen)], "the one who synced all along saw another order"

    def by_sync(self, client, room):
        """The room's messages since the token that the client began with; a gap is filled by /messages."""
        answer = client.sync(self.old[client], filter=ALL)
        part = joined(answer, room)["timeline"]
        gap = client.history(room, "b", start=part["prev_batch"], to=self.old[client], limit=500)[::-1] if part.get("limited") else []
        return ids(with_type(gap + part["events"], "m.room.message"))

    def check_keys(self):
        claimed = self.journal.claimed
        assert len(set(claimed)) == len(claimed), f"keys given twice: {[k for k, n in collections.Counter(claimed).items() if n > 1]}"
        client, rest = self.workers[0].client, []
        while given := self.claim_one(client):
            rest += given
        assert not set(rest) & set(claimed), "a key given twice"
        lost = self.journal.uploaded - set(claimed) - set(rest)
        assert len(lost) <= self.journal.doubtful_claims, f"{len(lost)} keys are gone, with {self.journal.doubtful_claims} claims in doubt"

    def claim_one(self, client):
        r = client.ok("POST", ("keys", "claim"), {"one_time_keys": {self.keys.user: {self.keys.device: ALGORITHM}}})
        return list(r["one_time_keys"].get(self.keys.user, {}).get(self.keys.device, {}))

    def check_to_device(self):
        answer = self.inbox.sync(self.tokens[self.inbox])
        while events := answer.get("to_device", {}).get("events"):
            self.received += [e["content"]["text"] for e in events]
            answer = self.inbox.sync(answer["next_batch"])
        received, sent = collections.Counter(self.received), collections.Counter(self.journal.to_device)
        assert received == sent, f"messages to a device: lost {dict(sent - received)}, too many {dict(received - sent)}"
        for worker in self.workers:
            mine = [int(t.split()[1]) for t in self.received if t.split()[0] == worker.client.localpart]
            assert mine == sorted(mine), "messages to devices out of order"

    def check_accounts(self):
        for client in self.journal.accounts:
            assert client.ok("GET", ("account", "whoami"))["user_id"] == client.user_id
        for name in self.journal.tried_accounts:
            anyone = Client(self.server)
            free = anyone.call("GET", ("register", "available"), token=None, query={"username": name}).status == 200
            if free:
                assert name not in {c.localpart for c in self.journal.accounts}, f"{name} was acknowledged and is gone"
            else:
                anyone.login(name, PASSWORD)
                assert anyone.sync()["next_batch"] and anyone.ok("GET", ("devices",))["devices"]

    def check_rooms(self):
        clients = {w.client.user_id: w.client for w in self.workers}
        names = {room: name for _, room, name in self.journal.rooms}
        mine, invites = {user: set(client.joined_rooms()) for user, client in clients.items()}, []
        for creator, room, _ in self.journal.rooms:
            state = creator.call("GET", ("rooms", room, "state"))
            assert state.status == 200, f"{room} was acknowledged: {state}"
        for user, client in clients.items():
            synced = client.sync(filter=ALL).get("rooms", {})
            assert set(synced.get("join", {})) == mine[user], "joined_rooms and /sync disagree"
            for room in mine[user]:
                self.check_room(client, room, names.get(room), clients, mine)
            invites += [(client, room) for room in synced.get("invite", {})]
        for client, room in invites:
            assert client.join(room) == room, "an invite that one sees can be accepted"

    def check_room(self, client, room, name, clients, mine):
        state = client.full_state(room)
        types = {type for type, _ in state}
        whole = {"m.room.create", "m.room.member", "m.room.power_levels", "m.room.join_rules", "m.room.history_visibility"}
        assert whole <= types, f"{room} is half made: {types}"
        if room not in self.rooms:
            assert ("m.room.name", "") in state and name in (None, state["m.room.name", ""]["content"]["name"]), f"{room} is half made"
        members = {key for (type, key), e in state.items() if type == "m.room.member" and e["content"]["membership"] == "join"}
        assert client.user_id in members
        for user in members & set(clients):
            assert room in mine[user], f"{user} is a member of {room} but it is not in joined_rooms"
