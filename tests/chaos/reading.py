"""Devices that sync on from their tokens, and what a reader makes of an answer: gaps are filled by /messages, as clients do."""
import asyncio
import json
import time

from history import Reader

LIMIT, PAGE = 100, 100
FILTER = json.dumps({"room": {"timeline": {"limit": LIMIT}}, "presence": {"types": []}})
WAIT_SECONDS = 20
TYPE, DEVICE_TYPE = "org.example.number", "org.example.chaos"


class Device:
    """A logged-in client. `roams`: it asks another server each time that one does not answer, and now and then without need."""

    def __init__(self, caller, name, answer, roams=False):
        self.caller, self.roams = caller, roams
        self.user, self.token, self.id = answer["user_id"], answer["access_token"], answer["device_id"]
        self.label = f"{name}/{self.id}"
        self.reader, self.since, self.base, self.idle = Reader(self.label, self.user), None, None, 0
        self.follows = False  # at work, at the load balancer: its times are the users'

    def begin(self, reader, since):
        self.reader, self.since = reader, since
        return self

    async def run(self, rng, stopping):
        self.caller.history.readers.append(self.reader)
        self.follows = not self.roams
        while not stopping.is_set():
            if self.roams and (self.base is None or rng.random() < 0.05):
                self.base = rng.choice(self.caller.servers)
            if not await self.step(WAIT_SECONDS, stopping):
                self.base = None
                await asyncio.sleep(0.1)
        self.follows = False

    async def step(self, wait=0.0, stopping=None):
        """One /sync; false when it had no answer. What had none is asked for again with the same token."""
        query = {"filter": FILTER, "timeout": str(int(wait * 1000)), **({"since": self.since} if self.since else {})}
        patience = wait + 10 if not self.roams else min(wait, 2) + 3
        if self.roams:
            query["timeout"] = str(int(min(wait, 2) * 1000))
        asking = asyncio.ensure_future(self.caller.call("GET", ("sync",), token=self.token, base=self.base, timeout=patience, query=query))
        began = time.monotonic()
        if stopping and not await first_of(asking, stopping):
            return False
        answer = await asking
        if self.follows:
            self.reader.asked.append((began, time.monotonic(), answer and answer.status))
        if not answer or answer.status != 200:
            if answer and answer.status not in (429, 502, 503, 504):
                self.caller.history.wrong.append(f"{self.label} sync: {answer.status} {answer.body}")
            return False
        await self.take(answer.body, time.monotonic())
        return True

    async def take(self, body, now):
        h, before = self.caller.history, sum(map(len, self.reader.seen.values()))
        for event in body.get("to_device", {}).get("events", []):
            if event["type"] == DEVICE_TYPE:
                h.device_seen[self.id].append(event["content"]["text"])
        for event in body.get("account_data", {}).get("events", []):
            if event["type"] == TYPE:
                self.reader.account_data[TYPE].append(event["content"]["n"])
        for room, part in body.get("rooms", {}).get("join", {}).items():
            await self.take_room(room, part.get("timeline", {}), now)
        self.since = body["next_batch"]
        self.idle = self.idle + 1 if sum(map(len, self.reader.seen.values())) == before else 0

    async def take_room(self, room, timeline, now):
        events, gap = timeline.get("events", []), []
        if timeline.get("limited"):
            last = self.reader.seen[room][-1] if self.reader.seen[room] else self.reader.after.get(room)
            gap = await self.back_to(room, timeline["prev_batch"], last)
        elif self.follows and self.reader.seen[room]:
            self.reader.arrived.update((e["event_id"], now) for e in events)
        for event in gap + events:
            note_key(self.caller.history, event)
            self.reader.seen[room].append(event["event_id"])

    async def back_to(self, room, start, last):
        """The events between the last one that was seen and the token, in their order."""
        found = []
        while start:
            answer = await self.caller.insist("GET", ("rooms", room, "messages"), token=self.token, base=self.base, query={"dir": "b", "limit": str(PAGE), "from": start})
            for event in answer.body.get("chunk", []):
                if event["event_id"] == last:
                    return found[::-1]
                found.append(event)
            start = answer.body.get("end")
        return found[::-1]

    async def until_idle(self, seconds=30):
        """Syncs until nothing has come three times."""
        self.idle, end = 0, time.monotonic() + seconds
        while self.idle < 3 and time.monotonic() < end:
            if not await self.step(0.3):
                await asyncio.sleep(0.2)


async def first_of(future, event):
    """Whether the future was done before the event; else it is cancelled."""
    waiting = asyncio.ensure_future(event.wait())
    await asyncio.wait({future, waiting}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    if not future.done():
        future.cancel()
        return False
    return True


def note_key(history, event):
    body = event.get("content", {}).get("body")
    if event["type"] == "m.room.message" and body:
        before = history.keys_of.setdefault(event["event_id"], body)
        if before != body:
            history.wrong.append(f"{event['event_id']} says {before!r} and {body!r}")
    return event["event_id"]


async def whole_order(device, room, base):
    """The room by /messages from its beginning, at one server: its events."""
    events, start = [], None
    while True:
        query = {"dir": "f", "limit": str(PAGE), **({"from": start} if start else {})}
        answer = await device.caller.insist("GET", ("rooms", room, "messages"), token=device.token, base=base, query=query)
        events += answer.body.get("chunk", [])
        start = answer.body.get("end")
        if not start:
            return events
