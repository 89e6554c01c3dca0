"""A cluster whose database is away: people in rooms that are in memory go on, in all that they do with encrypted rooms, and find all of it afterwards."""
import contextlib
import itertools
import json
import os
import signal
import subprocess
import sys
import time

import pytest

from harness import settings
from harness.client import Client, Follower, bodies, ephemeral, unique
from harness.cluster import Cluster
from harness.keys import DeviceKeys
from test_postgres import environment
from test_program import ok
from test_to_device import inbox

sys.path.insert(0, str(settings.ROOT / "tests" / "support"))
import postgres  # noqa: E402

ROUNDS = 15
AWAY_SECONDS = 60
PATIENCE = 60  # for what comes within a moment on a machine that has nothing else to do


@pytest.fixture(scope="module")
def broker():
    """The URL of a RabbitMQ: of whoever runs this test, or one of its own."""
    with contextlib.ExitStack() as stack:
        url = os.environ.get("WITH_RABBITMQ_URLS", "")
        if not url:
            own = stack.enter_context(subprocess.Popen([settings.ROOT / "tools" / "with-rabbitmq", "sh", "-c", 'echo "$WITH_RABBITMQ_URLS"; exec cat'],
                                                       stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
            url = own.stdout.readline().strip()
        yield url.split()[0]


@pytest.fixture(scope="module")
def database():
    with postgres.Postgres(databases=2) as p:
        yield p


@pytest.fixture
def cluster(broker, database):
    servers = Cluster(3, {("store", "url"): " ".join(database.urls[:2]), ("broker", "url"): broker})
    try:
        yield servers.start().at_rest()  # a slot that moves cannot be opened without the database
    finally:
        if database.is_running():
            database.signal_all(signal.SIGCONT)
        else:
            database.start()
        try:
            servers.check_alive()
            servers.check_log()
        finally:
            for s in servers.server:  # all at once: how a server leaves others is not what is tested here
                s.kill9()
            servers.close()


def wait(condition, seconds=PATIENCE):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def all_is_written(cluster):
    return all(Client(s).metric("rookery_backlog_records") == 0 for s in cluster.server)


def all_know(cluster, text):
    return all(text in s.log() for s in cluster.server)


class Person(Follower):
    """Stays with one server of the cluster, and expects every /sync to be answered."""

    def __init__(self, server, name):
        client = Client(server).register(unique(name))
        self.keys = DeviceKeys(client)
        self.keys.upload(one_time=5)
        self.said = []
        super().__init__(client)

    def say(self, room, text):
        self.client.say(room, text)
        self.said.append(text)

    def has(self, predicate):
        self.until(lambda f: predicate(self), timeout=PATIENCE)

    def heard(self, room):
        return bodies(self.timeline.get(room, []))

    def got(self):
        return [n for a in self.answers for n in inbox(a)]

    def note(self):
        """The newest account data."""
        seen = [e["content"]["n"] for a in self.answers for e in a.get("account_data", {}).get("events", []) if e["type"] == "org.example.note"]
        return seen[-1] if seen else None

    def keys_left(self):
        return self.answers[-1]["device_one_time_keys_count"]["signed_curve25519"]


def one_round(n, alice, bob, room):
    """Each sees what the other does, and what the account's own devices would have to see."""
    alice.say(room, f"a{n}")
    bob.say(room, f"b{n}")
    alice.client.account_data("org.example.note", {"n": n})
    alice.client.to_device("m.room.encrypted", {bob.client.user_id: {bob.client.device_id: {"n": n}}})
    bob.client.to_device("m.room.encrypted", {alice.client.user_id: {alice.client.device_id: {"n": n}}})
    bob.has(lambda f: f"a{n}" in f.heard(room) and n in f.got())
    alice.has(lambda f: f"b{n}" in f.heard(room) and n in f.got() and f.note() == n)
    read = alice.timeline[room][-1]["event_id"]
    bob.client.ok("POST", ("rooms", room, "receipt", "m.read", read), {})
    alice.has(lambda f: any(read in (ephemeral(a, room, "m.receipt") or {}) for a in f.answers))
    bob.client.ok("PUT", ("rooms", room, "typing", bob.client.user_id), {"typing": True, "timeout": 30000})
    alice.has(lambda f: any(bob.client.user_id in (ephemeral(a, room, "m.typing") or {}).get("user_ids", []) for a in f.answers))
    bob.client.ok("PUT", ("rooms", room, "typing", bob.client.user_id), {"typing": False})


def claim(claimer, owner):
    r = claimer.client.ok("POST", ("keys", "claim"), {"one_time_keys": {owner.client.user_id: {owner.client.device_id: "signed_curve25519"}}})
    return len(r["one_time_keys"][owner.client.user_id][owner.client.device_id])


def check_heard(person, room, *others):
    """All that was said while the person followed, once; that of each in the order in which it was said."""
    heard = person.heard(room)
    assert len(heard) == len(set(heard))
    for who in (person, *others):
        assert [b for b in heard if b in set(who.said)] == who.said


def between_commits(cluster, database, say):
    """A commit that is cut off is in doubt, and not said to have failed: here none is, so that what is said now does fail."""
    wait(lambda: all_is_written(cluster))
    database.kill()
    wait(lambda: all_know(cluster, "database is away"))
    end = time.monotonic() + PATIENCE
    while not any("store is away" in s.log() for s in cluster.server):
        assert time.monotonic() < end
        say()


def amid_commits(cluster, database, say):
    """The first of what is said is on its way to each shard, and nobody ever hears of it; the rest has not been sent."""
    database.signal_all(signal.SIGSTOP)
    say()
    database.signal_all(signal.SIGQUIT)
    database.signal_all(signal.SIGCONT)
    wait(lambda: not database.is_running() and all_know(cluster, "database is away"))


@pytest.mark.parametrize("lose", (between_commits, amid_commits))
def test_people_in_warm_rooms_go_on(cluster, database, lose):
    alice, bob = Person(cluster.server[0], "alice"), Person(cluster.server[1], "bob")
    room = alice.client.room_with(bob.client, initial_state=[{"type": "m.room.encryption", "content": {"algorithm": "m.megolm.v1.aes-sha2"}}])
    for person in (alice, bob):
        person.has(lambda f: room in f.timeline)
    rounds = itertools.count(1)

    def say():
        n = next(rounds)
        one_round(n, alice, bob, room)
        return n

    lose(cluster, database, say)
    for _ in range(ROUNDS):
        say()
    before = bob.keys_left()
    assert claim(alice, bob) == 1
    bob.has(lambda f: f.keys_left() == before - 1)
    assert not any("database is back" in s.log() for s in cluster.server)
    database.start()
    wait(lambda: all_is_written(cluster))
    n = say()
    for person, other in ((alice, bob), (bob, alice)):
        check_heard(person, room, other)
        assert person.got() == list(range(1, n + 1))
    for s in cluster.server:
        s.restart(kill=True)
    said = bodies(bob.client.history(room, direction="f"))
    assert [b for b in said if b[0] == "a"] == alice.said and [b for b in said if b[0] == "b"] == bob.said
    assert alice.client.ok("GET", ("user", alice.client.user_id, "account_data", "org.example.note")) == {"n": n}


def rows_of(database, room):
    """(position, event id) of the room's events as they stand in SQL, in its order; they are in one of the shards."""
    query = f"SELECT position, event_id FROM rookery.timeline WHERE room_id = '{room}' ORDER BY ord"
    lines = [line.split("|") for shard in ("shard1", "shard2") for line in database.sql(query, shard).split()]
    return [(int(position), event) for position, event in lines]


def test_people_chat_for_a_minute_without_the_database(cluster, database):
    """No send is refused (say expects 200) and every message arrives; afterwards the rows are there, in the order that everybody saw."""
    people = [Person(server, name) for server, name in zip(cluster.server, ("alice", "bob", "carol"))]
    rooms = [first.client.room_with(*(p.client for p in people if p is not first)) for first in people]
    for person in people:
        person.has(lambda f: all(room in f.timeline for room in rooms))
    database.kill()
    end, n = time.monotonic() + AWAY_SECONDS, 0
    while time.monotonic() < end:
        n += 1
        for i, person in enumerate(people):
            for room in rooms:
                person.say(room, f"{i} says {n} in {rooms.index(room)}")
        for person in people:
            person.has(lambda f: all(f"{i} says {n} in {r}" in f.heard(room) for i in range(3) for r, room in enumerate(rooms)))
    told = json.loads(ok("admin", "status", "--json", cwd=cluster.server[0].folder, environ=environment(cluster.server[0])))
    assert told["shards"] == [] and "cannot be reached" in told["shards_unseen"]
    assert sum(Client(s).metric("rookery_backlog_records") for s in cluster.server) > 0
    database.start()
    wait(lambda: all_is_written(cluster))
    for r, room in enumerate(rooms):
        rows = rows_of(database, room)
        assert [p for p, _ in rows] == sorted({p for p, _ in rows})
        for person in people:
            seen = [e["event_id"] for e in person.timeline[room]]
            assert seen == [e for _, e in rows][-len(seen):]
            for i in range(3):
                assert [b for b in person.heard(room) if b.startswith(f"{i} ")] == [f"{i} says {k} in {r}" for k in range(1, n + 1)]
    told = json.loads(ok("admin", "status", "--json", cwd=cluster.server[0].folder, environ=environment(cluster.server[0])))
    assert sorted(slot for shard in told["shards"] for slot in shard["slots"]) == list(range(64))
    assert all(shard["bytes"] > 0 for shard in told["shards"])


def test_who_is_not_in_memory_is_told_when_to_try_again(cluster, database):
    stranger = Client(cluster.server[0]).register(unique("stranger"))
    for s in cluster.server:
        s.restart(kill=True)
    alice = Person(cluster.server[0], "alice")
    database.kill()
    wait(lambda: all_know(cluster, "database is away"))
    r = stranger.call("GET", ("sync",))
    assert r.status == 503 and int(r.headers["retry-after"]) > 0
    alice.step(timeout=1)  # she can be told that there is nothing
    database.start()
    wait(lambda: stranger.call("GET", ("sync",)).status == 200)
