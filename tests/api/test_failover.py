"""Three servers with Redis, of which one dies: the others read from the cache what it had in memory, and nobody sees anything old."""
import contextlib
import itertools
import json
import threading
import time

import pytest

from harness import cluster
from harness.client import Client, bodies, unique
from test_postgres import environment
from test_program import ok

pytestmark = pytest.mark.skipif(not cluster.BROKER or not cluster.STORE, reason="needs a message queue and databases: tools/run-tests cluster/api")
PEOPLE = 10


def again(call, patience=60):
    """What a fail-over may interrupt; the answer."""
    end = time.monotonic() + patience
    while True:
        try:
            return call()
        except (AssertionError, OSError):
            assert time.monotonic() < end, "it does not come back"
            time.sleep(0.05)


def total(servers, name):
    return sum(Client(s).metric(name) for s in servers)


@pytest.fixture
def three(redis):
    apart = cluster.STORE.split()[2]  # the servers of other tests, with another queue, have the first two
    servers = cluster.Cluster(3, {**redis.settings(patience="10s"), ("store", "url"): apart})
    with contextlib.closing(servers):
        yield servers.start()


@contextlib.contextmanager
def ready_all_along(servers, seconds=60):
    """A load balancer that asks them has no reason to send anybody elsewhere. (After 5 s without one of its slots a server says so.)"""
    over, said, end = threading.Event(), [], time.monotonic() + seconds

    def ask():
        while not over.wait(0.01) and time.monotonic() < end:
            for s in servers:
                try:
                    said.append(Client(s).call("GET", "/health/ready", check=False).status)
                except OSError as e:
                    said.append(e)
    asking = threading.Thread(target=ask)
    asking.start()
    try:
        yield
    finally:
        over.set()
        asking.join()
    assert said and set(said) == {200}


def kill(three, number):
    """What is asked from then on is asked of the others; which these are, once they have all slots."""
    others = [n for n in range(3) if n != number]
    three.turn = itertools.cycle(others)
    with ready_all_along([three.server[n] for n in others], 4):
        three.server[number].kill9()
        again(lambda: _assert_equal(total([three.server[n] for n in others], "rookery_slots_open"), 64))
    return [three.server[n] for n in others]


def come_back(three, number):
    three.server[number].start()
    three.turn = itertools.cycle(range(3))
    again(lambda: _assert_equal(total(three.server, "rookery_slots_open"), 64))
    again(lambda: _assert_equal(Client(three.server[number]).metric("rookery_slots_open") > 0, True))


def _assert_equal(x, y):
    assert x == y


def look(people, room):
    """Everybody looks at everything; what they see."""
    seen = []
    for person in people:
        answer = again(lambda p=person: p.sync(p.since))
        person.since = answer["next_batch"]
        seen.append(again(lambda p=person: p.ok("GET", ("profile", p.user_id)))["displayname"])
    seen += again(lambda: people[0].state(room, "m.room.topic"))["topic"], len(again(lambda: people[0].members(room)))
    return seen


def test_nobody_sees_anything_old_when_an_owner_dies(three):
    people = [Client(three).register(unique()) for _ in range(PEOPLE)]
    room = people[0].room_with(*people[1:])
    for person in people:
        person.since = person.sync()["next_batch"]
    for n in range(3):
        leaving = people[1].device()
        again(leaving.token_now)
        for person in people:
            again(lambda p=person: p.ok("PUT", ("profile", p.user_id, "displayname"), {"displayname": f"{p.localpart} {n}"}))
        event = again(lambda: people[0].put_state(room, "m.room.topic", {"topic": f"number {n}"}))
        look(people, room)
        again(lambda: people[0].redact(room, event))
        again(lambda: people[0].put_state(room, "m.room.topic", {"topic": f"again {n}"}))
        again(lambda: leaving.ok("POST", ("logout",), {}))
        text = again(lambda: people[2].say(room, f"said {n}"))

        others = kill(three, n)
        assert look(people, room) == [*(f"{p.localpart} {n}" for p in people), f"again {n}", PEOPLE]
        assert again(lambda: people[3].event(room, event))["content"] == {}
        assert again(lambda: people[3].event(room, text))["content"]["body"] == f"said {n}"
        for _ in others:
            again(lambda: leaving.fails(401, "M_UNKNOWN_TOKEN", "GET", ("account", "whoami")))
        come_back(three, n)
    assert total(three.server, 'rookery_hot_total{result="used"}') > 0
    assert total(three.server, 'rookery_hot_total{result="broken"}') == 0


def test_a_fail_over_costs_fewer_reads(three, redis):
    people = [Client(three).register(unique()) for _ in range(PEOPLE)]
    room = people[0].room_with(*people[1:])
    for person in people:
        again(lambda p=person: p.ok("PUT", ("profile", p.user_id, "displayname"), {"displayname": p.localpart}))
    again(lambda: people[0].put_state(room, "m.room.topic", {"topic": "reads"}))
    for person in people:
        person.since = again(person.sync)["next_batch"]
    reads = {}
    for what in ("first", "kept", "lost"):  # at first the cache is told
        if what == "lost":
            redis.command("FLUSHALL")
        for n in range(3):  # so that everything has lost its owner
            others = kill(three, n)
            before = total(others, "rookery_store_reads_total")
            look(people, room)
            reads[what] = reads.get(what, 0) + total(others, "rookery_store_reads_total") - before
            come_back(three, n)
            if what == "lost":
                redis.command("FLUSHALL")
    print(f"three fail-overs, {PEOPLE} people and their room: {reads['kept']} reads of the database, {reads['lost']} without the cache")
    assert reads["kept"] < reads["lost"]


@contextlib.contextmanager
def talking(people, room):
    """Each says one thing after another until the end. What was acknowledged, by person, in order; what was not is raised in the end."""
    said, failed, stop = [[] for _ in people], [], threading.Event()

    def talk(i):
        try:
            while not stop.is_set():
                text = f"{i} says {len(said[i])}"
                people[i].say(room, text)
                said[i].append(text)
        except (AssertionError, OSError) as e:
            failed.append(e)

    threads = [threading.Thread(target=talk, args=(i,)) for i in range(len(people))]
    for thread in threads:
        thread.start()
    try:
        yield said
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert not failed, failed[0]


def go_on(said, more=10):
    before = [len(one) for one in said]
    again(lambda: _assert_equal(all(len(one) >= n + more for one, n in zip(said, before)), True))


def admin(server, *command):
    return ok("admin", *command, cwd=server.folder, environ=environment(server))


def slots_of(name, at):
    """How many slots the server of that name has, as another sees it."""
    nodes = json.loads(admin(at, "status", "--json"))["nodes"]
    return sum(node["open"] for node in nodes if node["name"] == name)


def test_a_server_is_drained_under_load(three):
    """Nobody is refused anything, at the drained server either; the others have all slots; started anew it has its share again."""
    people = [Client(server).register(unique()) for server in three.server for _ in range(2)]
    room = people[0].room_with(*people[1:])
    drained, other = three.server[:2]
    [name] = [node["name"] for node in json.loads(admin(drained, "status", "--json"))["nodes"] if node["self"]]
    with talking(people, room) as said, ready_all_along(three.server[1:]):
        go_on(said)
        assert slots_of(name, other) > 0
        assert "have its slots" in admin(drained, "drain")
        assert slots_of(name, drained) == 0
        again(lambda: _assert_equal((slots_of(name, other), total(three.server[1:], "rookery_slots_open")), (0, 64)))
        go_on(said)
    there = bodies(people[3].history(room, direction="f"))
    for i, one in enumerate(said):
        assert [b for b in there if b.startswith(f"{i} says")] == one
    drained.restart()
    again(lambda: _assert_equal(Client(drained).metric("rookery_slots_open") > 0, True))


ROOMS, MESSAGES = 12, 80  # more than a room has at hand of its newest


def test_what_a_room_remembers_goes_with_its_slot(three):
    """Its newest events, the requests that made them and what is unread: the next owner is told of them, and knows the same."""
    alice, bob = (Client(three.server[1]).register(unique()) for _ in range(2))
    rooms = [alice.room_with(bob) for _ in range(ROOMS)]
    sent = {room: [(f"m{i}", alice.send(room, {"msgtype": "m.text", "body": f"number {i}"}, txn=f"m{i}")) for i in range(MESSAGES)] for room in rooms}

    def unread_at(server):
        joined = Client(server, bob.user_id, bob.token, bob.device_id).sync()["rooms"]["join"]
        return {room: joined[room]["unread_notifications"]["notification_count"] for room in rooms}
    assert unread_at(three.server[1]) == dict.fromkeys(rooms, MESSAGES)
    admin(three.server[0], "drain")
    others = three.server[1:]
    again(lambda: _assert_equal(total(others, "rookery_slots_open"), 64))
    for room in rooms:
        for txn, event_id in (sent[room][0], sent[room][-1]):
            assert alice.send(room, {"msgtype": "m.text", "body": "once more"}, txn=txn) == event_id
    assert unread_at(three.server[2]) == dict.fromkeys(rooms, MESSAGES)
    for room in rooms:
        assert bodies(alice.history(room, direction="f"))[-MESSAGES:] == [f"number {i}" for i in range(MESSAGES)]
    assert total(others, "rookery_rooms_inherited_total") > 0
