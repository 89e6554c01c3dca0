"""The clients: a process of its own that knows the load balancer's and the servers' addresses, and nothing else of the cluster.

    clients.py --front URL --servers URL... --seed N [--users N] [--rate R] --out FILE

reads lines of JSON from its standard input: {"mark": NAME} (a fault begins or ends now), {"servers": [URL...]}, {"stop": true}. At the stop everything is read again; then the
history is judged, and verdict, pauses and latencies are written to FILE. Says "ready" when the clients are at work."""
import argparse
import asyncio
import json
import random
import sys
import time

import checker
import figures
from caller import Caller, GaveUp
from history import Claim, DeviceMessage, History, Message, Read, Reader
from reading import DEVICE_TYPE, TYPE, Device, note_key, whole_order

PASSWORD = "correct horse battery staple"
ALGORITHM = "signed_curve25519"
ROOMS_PER_USER = 1.0
DUMMY = {"type": "m.login.dummy"}


class User:
    def __init__(self, name):
        self.name, self.id, self.devices, self.rooms = name, None, [], []
        self.number = self.account_number = self.device_number = 0

    @property
    def first(self):
        return self.devices[0]


class World:
    """Users, their devices and rooms, and what they do until the stop."""

    def __init__(self, args):
        self.args, self.seed = args, args.seed
        self.history = History()
        self.caller = Caller(self.history, args.front, args.servers)
        self.users, self.rooms = [], []
        self.talking, self.reading = asyncio.Event(), asyncio.Event()  # set: they stop
        self.tasks, self.listeners, self.old = [], [], []
        self.marks, self.serial = [], 0

    def rng(self, *what):
        return random.Random("/".join(map(str, (self.seed, *what))))

    def fresh(self, prefix):
        self.serial += 1
        return f"{prefix}{self.serial}s{self.args.run}"

    # --- before ---

    async def populate(self):
        for n in range(self.args.users):
            await self.new_user(f"u{n}s{self.args.run}", n)
        rng = self.rng("rooms")
        for n in range(int(self.args.users * ROOMS_PER_USER)):
            members = rng.sample(self.users, min(4, len(self.users)))
            await self.new_room(members)

    async def new_user(self, name, n):
        user = User(name)
        answer = await self.caller.insist("POST", ("register",), {"username": name, "password": PASSWORD, "auth": DUMMY})
        user.id = answer.body["user_id"]
        user.devices.append(Device(self.caller, name, answer.body))
        user.devices.append(await self.login(user, roams=True))
        await self.upload_keys(user, 10)
        self.users.append(user)
        self.history.names[name].append("itself")

    async def login(self, user, roams=False):
        body = {"type": "m.login.password", "identifier": {"type": "m.id.user", "user": user.id}, "password": PASSWORD}
        return Device(self.caller, user.name, (await self.caller.insist("POST", ("login",), body)).body, roams)

    async def new_room(self, members):
        """Not repeated when its answer is lost: it would be a second room."""
        first = members[0]
        answer = await self.caller.call("POST", ("createRoom",), {"preset": "public_chat"}, token=first.first.token)
        if answer and answer.status == 200:
            room = answer.body["room_id"]
            self.joined(first, room)
            for other in members[1:]:
                await self.join(other, room)
            self.rooms.append(room)

    async def join(self, user, room):
        """From the second device: the first one hears of it by its sync."""
        answer = await self.caller.insist("POST", ("join", room), {}, token=user.devices[1].token)
        if answer.status == 200:
            self.joined(user, room)

    def joined(self, user, room):
        if room not in user.rooms:
            user.rooms.append(room)
        self.history.joined.add((user.id, room))

    # --- at work ---

    def start(self):
        for user in self.users:
            for device in user.devices:
                self.listeners.append(asyncio.ensure_future(device.run(self.rng(device.id), self.reading)))
            self.tasks.append(asyncio.ensure_future(self.repeat(user, "talk", [self.message], self.args.rate / len(self.users))))
            self.tasks.append(asyncio.ensure_future(self.repeat(user, "more", self.actions(), 1.0)))

    def actions(self):
        often = [self.device_message, self.claim, self.account_data, self.read_account_data]
        return often * 3 + [self.redact, self.keep_token, self.register, self.alias, self.create, self.fresh_device, self.message_twice]

    async def repeat(self, user, what, actions, rate):
        rng = self.rng(what, user.name)
        while not self.talking.is_set():
            try:
                await rng.choice(actions)(user, rng)
            except GaveUp:
                pass
            except Exception as e:  # an answer that is none: told, not swallowed
                self.history.wrong.append(f"{user.name}: {type(e).__name__}: {e}")
            await asyncio.sleep(rng.expovariate(rate))

    async def message(self, user, rng, times=1):
        if not user.rooms:
            return
        user.number += 1
        room, key, h = rng.choice(user.rooms), f"{user.name} {user.number}", self.history
        m = h.messages[key] = Message(key, room, time.monotonic(), at_front=times == 1)
        path = ("rooms", room, "send", "m.room.message", f"t{user.number}")
        for _ in range(times):
            answer = await self.caller.insist("PUT", path, {"msgtype": "m.text", "body": key}, token=user.first.token, anywhere=times > 1)
            if answer.status != 200:
                return
            event = answer.body["event_id"]
            if m.event_id is None:
                m.event_id, m.acknowledged = event, time.monotonic()
            elif m.event_id != event:
                h.other_ids.append((key, m.event_id, event))

    async def message_twice(self, user, rng):
        """The same request at two servers, as after an answer that was lost."""
        await self.message(user, rng, 2)

    async def redact(self, user, rng):
        mine = [m for m in list(self.history.messages.values())[-50:] if m.event_id and m.key.startswith(user.name + " ")]
        if mine:
            m = rng.choice(mine)
            user.number += 1
            path = ("rooms", m.room, "redact", m.event_id, f"t{user.number}")
            if (await self.caller.insist("PUT", path, {}, token=user.first.token)).status == 200:
                self.history.redacted.add(m.event_id)

    async def device_message(self, user, rng):
        other = rng.choice(self.users)
        user.device_number += 1
        text = f"{user.name} {user.device_number}"
        to_all = rng.random() < 0.5
        devices = other.devices[:2] if to_all else [rng.choice(other.devices[:2])]
        m = self.history.device_messages[text] = DeviceMessage(text, user.name, [d.id for d in devices])
        body = {"messages": {other.id: {d.id: {"text": text} for d in devices}}}
        answer = await self.caller.insist("PUT", ("sendToDevice", DEVICE_TYPE, f"d{user.device_number}"), body, token=user.first.token)
        m.acknowledged = answer.status == 200

    async def upload_keys(self, user, count):
        """Not repeated: between the two another may have claimed a key, which would then rightly be given twice."""
        device, h = user.first, self.history
        keys = {f"{ALGORITHM}:{self.fresh('k')}": {"key": "A" * 43, "signatures": {user.id: {f"ed25519:{device.id}": "A" * 86}}} for _ in range(count)}
        h.uploaded_perhaps[device.id].update(keys)
        answer = await self.caller.call("POST", ("keys", "upload"), {"one_time_keys": keys}, token=device.token)
        if answer and answer.status == 200:
            h.uploaded[device.id].update(keys)

    async def claim(self, user, rng):
        """From two sides at once; the key's owner adds some when there are few."""
        other, third = rng.choice(self.users), rng.choice(self.users)
        await asyncio.gather(self.claim_one(user, other), self.claim_one(third, other))
        if rng.random() < 0.3:
            await self.upload_keys(other, 5)

    async def claim_one(self, user, other):
        device = other.first.id
        body = {"one_time_keys": {other.id: {device: ALGORITHM}}}
        answer = await self.caller.call("POST", ("keys", "claim"), body, token=user.first.token, base=random.choice(self.caller.servers))
        if not answer or answer.status != 200:
            self.history.doubtful_claims += 1
            return
        for key in answer.body.get("one_time_keys", {}).get(other.id, {}).get(device, {}):
            self.history.claims.append(Claim(device, key))

    async def account_data(self, user, rng):
        n = user.writing = getattr(user, "writing", 0) + 1
        answer = await self.caller.insist("PUT", ("user", user.id, "account_data", TYPE), {"n": n}, token=user.first.token)
        if answer.status == 200:
            user.account_number = n
        if not answer.first:
            self.history.may_come_late.add((user.id, n))

    async def read_account_data(self, user, rng):
        known = user.account_number
        answer = await self.caller.insist("GET", ("user", user.id, "account_data", TYPE), token=user.devices[1].token, anywhere=True, allowed=(200, 404))
        self.history.reads.append(Read(user.id, known, answer.body.get("n", 0)))

    async def keep_token(self, user, rng):
        """To be read from at the end."""
        device = user.devices[1]
        if device.since:
            self.old.append((device, device.since, device.reader.snapshot()))

    async def register(self, user, rng):
        """The same name from two sides at once, with two passwords."""
        name = self.fresh("n")
        sides = rng.sample(self.caller.servers, 2) if len(self.caller.servers) > 1 else self.caller.servers * 2
        await asyncio.gather(*(self.register_one(name, f"{PASSWORD} {i}", base) for i, base in enumerate(sides)))

    async def register_one(self, name, password, base):
        answer = await self.caller.call("POST", ("register",), {"username": name, "password": password, "auth": DUMMY}, base=base)
        if answer and answer.status == 200:
            self.history.names[name].append(password)

    async def alias(self, user, rng):
        """The same alias from two sides at once, for two rooms."""
        if len(user.rooms) < 2:
            return
        name = f"#{self.fresh('a')}:{user.id.partition(':')[2]}"
        rooms = rng.sample(user.rooms, 2)
        await asyncio.gather(*(self.alias_one(user, name, room) for room in rooms))

    async def alias_one(self, user, name, room):
        answer = await self.caller.call("PUT", ("directory", "room", name), {"room_id": room}, token=user.first.token, base=random.choice(self.caller.servers))
        if answer and answer.status == 200:
            self.history.names[name].append(room)

    async def create(self, user, rng):
        if len(self.rooms) < 4 * len(self.users):
            await self.new_room([user, rng.choice([u for u in self.users if u is not user])])

    async def fresh_device(self, user, rng):
        """Logs in, reads everything, follows for a while."""
        device = await self.login(user, rng.random() < 0.5)
        user.devices.append(device)
        if len(user.devices) <= 6:
            self.listeners.append(asyncio.ensure_future(device.run(self.rng(device.id), self.reading)))

    # --- at the end ---

    async def finish(self):
        """Everything is read again: what the servers have, by /messages and by /sync, from tokens old and new, and from nothing."""
        self.talking.set()
        await asyncio.gather(*self.tasks)
        self.reading.set()
        await asyncio.gather(*self.listeners)
        await self.read_orders()
        await asyncio.gather(*(d.until_idle() for u in self.users for d in u.devices if d.since))
        for base in self.caller.servers:
            await self.read_at(base)
        await self.look_at_names()
        await asyncio.gather(*(self.count_keys(u) for u in self.users))

    async def read_orders(self):
        h = self.history
        for room in self.rooms:
            member = next(u for u in self.users if room in u.rooms)
            for base in self.caller.servers:
                events = await whole_order(member.first, room, base)
                h.orders[base, room] = [note_key(h, e) for e in events]
                h.still_readable.update(e["event_id"] for e in events if e["content"])

    async def read_at(self, base):
        """Some users' whole past, and some old tokens."""
        rng = self.rng("end", base)
        users = rng.sample(self.users, min(4, len(self.users)))
        lines = [(u.devices[1], None, {}) for u in users] + rng.sample(self.old, min(8, len(self.old)))
        await asyncio.gather(*(self.read_line(base, n, *line) for n, line in enumerate(lines)))
        for user in self.users:
            rooms = await self.caller.insist("GET", ("joined_rooms",), token=user.first.token, base=base)
            self.history.rooms_of[base, user.id] = set(rooms.body.get("joined_rooms", []))

    async def read_line(self, base, number, device, since, after):
        what = "an old token" if since else "nothing"
        again = Device(self.caller, f"{device.label} from {what} ({number}) at {base}", {"user_id": device.user, "access_token": device.token, "device_id": f"again-{number}-{base}"})
        again.base = base
        again.begin(Reader(again.label, device.user, after), since)
        self.history.readers.append(again.reader)
        await again.until_idle(60)

    async def look_at_names(self):
        for name, owners in self.history.names.items():
            if name.startswith("#"):
                answer = await self.caller.insist("GET", ("directory", "room", name), allowed=(200, 404))
                good = answer.body.get("room_id") in owners
            elif owners and owners != ["itself"]:
                body = {"type": "m.login.password", "identifier": {"type": "m.id.user", "user": name}, "password": owners[0]}
                good = (await self.caller.insist("POST", ("login",), body, allowed=(200, 403))).status == 200
            else:
                good = True
            if owners and not good:
                self.history.names_lost.append(name)

    async def count_keys(self, user):
        """By the owner's upload of nothing, which tells how many there are."""
        answer = await self.caller.insist("POST", ("keys", "upload"), {}, token=user.first.token)
        self.history.keys_left[user.first.id] = answer.body.get("one_time_key_counts", {}).get(ALGORITHM, 0)


async def obey(world):
    """Lines from whoever started this, until the stop. Without one it has died, and nobody wants to know."""
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        order = json.loads(line)
        if "mark" in order:
            world.marks.append((time.monotonic(), order["mark"]))
        if "servers" in order:
            world.caller.servers = order["servers"]
        if order.get("stop"):
            return
    sys.exit("no stop, and nobody there")


async def run(args):
    world = World(args)
    await world.populate()
    world.start()
    print("ready", flush=True)
    await obey(world)
    print("reading everything again", flush=True)
    await world.finish()
    await world.caller.session.close()
    verdict = checker.judge(world.history)
    with open(args.out, "w") as out:
        json.dump(figures.result(world, verdict), out, indent=1)
    return 0 if verdict.good else 1


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--front", required=True)
    parser.add_argument("--servers", nargs="+", required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--run", default="", help="part of all names, so that a server can be used again")
    parser.add_argument("--users", type=int, default=8)
    parser.add_argument("--rate", type=float, default=20, help="messages a second of all users")
    parser.add_argument("--out", required=True)
    return asyncio.run(run(parser.parse_args()))


if __name__ == "__main__":
    sys.exit(main())
