"""A client of the API for tests: terse, every exchange checked against the specification's schemas.

`call` returns the Response whatever its status; `ok` asserts 200 and returns the JSON; `fails` asserts status and errcode. Paths
are tuples (parts are percent-encoded behind /_matrix/client/v3) or raw strings."""
import itertools
import json
import secrets
import time

from . import wire

PASSWORD = "correct horse battery staple"
_numbers = itertools.count(1)
_run = secrets.token_hex(3)


def unique(prefix="u"):
    return f"{prefix}{next(_numbers)}{_run}"


class Client:
    def __init__(self, server, user_id=None, token=None, device_id=None, password=PASSWORD):
        self.server, self.user_id, self.token, self.device_id, self.password = server, user_id, token, device_id, password
        self.refresh_token = None

    def __repr__(self):
        return f"<{self.user_id} {self.device_id}>"

    @property
    def localpart(self):
        return self.user_id[1:].split(":")[0]

    # --- requests ---

    def call(self, method, path, body=None, token=True, **options):
        """`token`: True for the client's own, None for none, or a text."""
        return wire.exchange(self.server.port, method, path, body=body, token=self.token if token is True else token, **options)

    def ok(self, method, path, body=None, **options):
        r = self.call(method, path, body, **options)
        assert r.status == 200, f"expected 200: {r}"
        return r.json

    def fails(self, status, errcode, method, path, body=None, **options):
        """`status` and `errcode` may be tuples of what is allowed; an errcode of None allows any."""
        r = self.call(method, path, body, **options)
        codes = errcode if isinstance(errcode, tuple) else (errcode,)
        assert r.status in (status if isinstance(status, tuple) else (status,)) and (errcode is None or r.errcode in codes), \
            f"expected {status} {errcode}: {r}"
        return r.json

    # --- accounts ---

    def take(self, answer):
        """The identity of an answer to register or login."""
        self.user_id, self.token, self.device_id = answer["user_id"], answer["access_token"], answer["device_id"]
        self.refresh_token = answer.get("refresh_token")
        return self

    def register(self, name=None, password=PASSWORD, **more):
        self.password = password
        body = {"username": name or unique(), "password": password, "auth": {"type": "m.login.dummy"}, **more}
        return self.take(self.ok("POST", ("register",), body, token=None))

    def login(self, user=None, password=None, **more):
        body = {"type": "m.login.password", "identifier": {"type": "m.id.user", "user": user or self.user_id},
                "password": password or self.password, **more}
        return self.take(self.ok("POST", ("login",), body, token=None))

    def device(self, **more):
        """Another client of the same user, logged in on a device of its own."""
        return Client(self.server, password=self.password).login(self.user_id, self.password, **more)

    def uia(self, method, path, body=None, password=None):
        """Goes through the password stage of user-interactive authentication; the Response."""
        first = self.call(method, path, body or {})
        assert first.status == 401 and "flows" in first.json, f"expected the flows: {first}"
        assert any("m.login.password" in f["stages"] for f in first.json["flows"]), first
        return self.call(method, path, {**(body or {}), "auth": self.password_auth(first.json["session"], password)})

    def password_auth(self, session, password=None):
        return {"type": "m.login.password", "session": session, "identifier": {"type": "m.id.user", "user": self.user_id},
                "password": password or self.password}

    # --- rooms ---

    def create_room(self, **body):
        return self.ok("POST", ("createRoom",), body)["room_id"]

    def room_with(self, *others, **body):
        """A public room that the others have joined."""
        room = self.create_room(**{"preset": "public_chat", **body})
        for other in others:
            other.join(room)
        return room

    def join(self, room, **body):
        return self.ok("POST", ("join", room), body)["room_id"]

    def knock(self, room, **body):
        return self.ok("POST", ("knock", room), body)["room_id"]

    def leave(self, room, **body):
        return self.ok("POST", ("rooms", room, "leave"), body)

    def forget(self, room):
        return self.ok("POST", ("rooms", room, "forget"), {})

    def member(self, action, room, user, **body):
        """invite, kick, ban or unban."""
        return self.ok("POST", ("rooms", room, action), {"user_id": user, **body})

    def invite(self, room, other, **body):
        return self.member("invite", room, other.user_id, **body)

    def send(self, room, content, type="m.room.message", txn=None):
        return self.ok("PUT", ("rooms", room, "send", type, txn or unique("t")), content)["event_id"]

    def say(self, room, text, **content):
        return self.send(room, {"msgtype": "m.text", "body": text, **content})

    def redact(self, room, event_id, txn=None, **body):
        return self.ok("PUT", ("rooms", room, "redact", event_id, txn or unique("t")), body)["event_id"]

    def put_state(self, room, type, content, key=""):
        return self.ok("PUT", ("rooms", room, "state", type, key), content)["event_id"]

    def state(self, room, type, key=""):
        return self.ok("GET", ("rooms", room, "state", type, key))

    def full_state(self, room):
        """{(type, state_key): event}"""
        return {(e["type"], e["state_key"]): e for e in self.ok("GET", ("rooms", room, "state"))}

    def set_power(self, room, content):
        levels = self.state(room, "m.room.power_levels")
        users = {**levels.get("users", {}), **content.pop("users", {})}
        return self.put_state(room, "m.room.power_levels", {**levels, **content, "users": users})

    def event(self, room, event_id):
        return self.ok("GET", ("rooms", room, "event", event_id))

    def messages(self, room, direction="b", **query):
        if isinstance(query.get("filter"), dict):
            query["filter"] = json.dumps(query["filter"])
        query = {("from" if k == "start" else k): v for k, v in query.items()}
        return self.ok("GET", ("rooms", room, "messages"), query={"dir": direction, **query})

    def history(self, room, direction="b", limit=50, start=None, **query):
        """All events of /messages, page by page."""
        events, seen = [], 0
        while True:
            page = self.messages(room, direction, limit=limit, **({"start": start} if start else {}), **query)
            events += page["chunk"]
            seen += 1
            start = page.get("end")
            if not start:
                return events
            assert seen < 2000, "/messages does not come to an end"

    def members(self, room, **query):
        """{user: membership}"""
        chunk = self.ok("GET", ("rooms", room, "members"), query=query)["chunk"]
        return {e["state_key"]: e["content"]["membership"] for e in chunk}

    def joined_rooms(self):
        return self.ok("GET", ("joined_rooms",))["joined_rooms"]

    # --- sync ---

    def sync(self, since=None, timeout=0, **query):
        if isinstance(query.get("filter"), dict):
            query["filter"] = json.dumps(query["filter"])
        query = {k: ("true" if v is True else "false" if v is False else v) for k, v in query.items()}
        if since is not None:
            query["since"] = since
        return self.ok("GET", ("sync",), query={"timeout": int(timeout * 1000), **query}, timeout=timeout + 60)

    def token_now(self, **query):
        """A sync token that stands at the present."""
        return self.sync(**query)["next_batch"]

    def sync_until(self, predicate, since=None, timeout=10.0, **query):
        """Syncs on from `since` until the predicate holds for an answer, and returns that answer. An AssertionError or a missing key in
        the predicate counts as not yet."""
        end = time.monotonic() + timeout
        answer = None
        while True:
            answer = self.sync(since, timeout=0 if since is None else max(0.0, min(2.0, end - time.monotonic())), **query)
            since = answer["next_batch"]
            if holds(predicate, answer):
                return answer
            assert time.monotonic() < end, f"{self.user_id} has not seen it within {timeout} s; last answer: {json.dumps(answer)[:3000]}"

    def metric(self, name, kind=int):
        """The value of a series of /metrics that has no labels."""
        text = self.call("GET", "/metrics", token=None, check=False).body.decode()
        return kind(float(next(line for line in text.splitlines() if line.startswith(name + " ")).split()[1]))

    # --- the rest ---

    def account_data(self, type, content, room=None):
        where = ("user", self.user_id) + (("rooms", room) if room else ()) + ("account_data", type)
        return self.ok("PUT", where, content)

    def upload(self, data, content_type="application/octet-stream", filename=None):
        r = self.call("POST", "/_matrix/media/v3/upload", data, headers={"Content-Type": content_type},
                      query={"filename": filename} if filename else None)
        assert r.status == 200, r
        return r.json["content_uri"]

    def download(self, mxc, *more, prefix="/_matrix/client/v1/media/download", **options):
        return self.call("GET", prefix + "/" + mxc[len("mxc://"):] + "".join(more), **options)

    def to_device(self, type, messages, txn=None):
        return self.ok("PUT", ("sendToDevice", type, txn or unique("t")), {"messages": messages})


def holds(predicate, answer):
    try:
        return bool(predicate(answer))
    except (KeyError, IndexError, AssertionError, TypeError):
        return False


# --- reading a sync answer ---

def joined(answer, room):
    return answer.get("rooms", {}).get("join", {}).get(room, {})


def left(answer, room):
    return answer.get("rooms", {}).get("leave", {}).get(room, {})


def timeline(answer, room, section="join"):
    return answer.get("rooms", {}).get(section, {}).get(room, {}).get("timeline", {}).get("events", [])


def state_events(answer, room, section="join", name="state"):
    return answer.get("rooms", {}).get(section, {}).get(room, {}).get(name, {}).get("events", [])


def ephemeral(answer, room, type):
    """The content of the ephemeral event of that type, or None."""
    found = [e["content"] for e in joined(answer, room).get("ephemeral", {}).get("events", []) if e["type"] == type]
    return found[-1] if found else None


def ids(events):
    return [e["event_id"] for e in events]


def bodies(events):
    return [e["content"].get("body") for e in events if e["type"] == "m.room.message"]


def with_type(events, type):
    return [e for e in events if e["type"] == type]


def has_body(room, text):
    """For sync_until: the room's timeline has a message with that text."""
    return lambda answer: text in bodies(timeline(answer, room))


class Follower:
    """Syncs on and keeps what it saw, as a client would: per room the timeline, and every to-device message and account data event."""

    def __init__(self, client, since=None, **query):
        self.client, self.query, self.since = client, query, since
        self.timeline, self.to_device, self.answers = {}, [], []
        if since is None:
            self.step(0)

    def step(self, timeout=0.0):
        answer = self.client.sync(self.since, timeout=timeout, **self.query)
        self.since = answer["next_batch"]
        self.answers.append(answer)
        for section in ("join", "leave"):
            for room in answer.get("rooms", {}).get(section, {}):
                self.timeline.setdefault(room, []).extend(timeline(answer, room, section))
        self.to_device += answer.get("to_device", {}).get("events", [])
        return answer

    def until(self, predicate, timeout=10.0):
        """Steps until the predicate holds for this follower."""
        end = time.monotonic() + timeout
        while not holds(predicate, self):
            assert time.monotonic() < end, f"not seen within {timeout} s; last: {json.dumps(self.answers[-1])[:3000]}"
            self.step(min(2.0, max(0.0, end - time.monotonic())))
        return self
