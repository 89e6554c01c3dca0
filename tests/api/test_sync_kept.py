"""/sync goes on with what the server kept of the client's last request: what happens meanwhile is told, once."""
import contextlib
import http.client
import json
import random
import socket
import struct
import threading
import time
import urllib.parse

import pytest

from harness.client import bodies, ids, joined, timeline, unique
from harness.server import Server


@pytest.fixture(scope="module", params=("1", "3"), ids=lambda n: f"loops{n}")
def shared(request):
    server = Server({("server", "loops"): request.param}).start()
    yield server
    if server.process is not None:
        server.close()


def say_many(client, room, n, prefix="m"):
    return [client.say(room, f"{prefix}{i}") for i in range(n)]


def many(n):
    return json.dumps({"room": {"timeline": {"limit": n}}})


def kept(client, **query):
    """A token that the client has just been given, twice in a row: its place is kept."""
    token = client.sync(**query)["next_batch"]
    return client.sync(token, **query)["next_batch"]


def events_of(client, room, since, until, **query):
    """The ids of all events of the room up to one, as told."""
    told = []
    while until not in told:
        answer = client.sync(since, timeout=5, **query)
        since = answer["next_batch"]
        if room in answer.get("rooms", {}).get("join", {}):
            told += ids(timeline(answer, room))
    return told, since


def test_each_event_is_told_once(alice, bob, new_user):
    rooms = [alice.room_with(bob) for _ in range(4)]
    since = kept(alice)
    for turn in range(10):
        sent = {room: bob.say(room, str(turn)) for room in rooms}
        told = []
        while len(told) < len(rooms):
            answer = alice.sync(since, timeout=5)
            since = answer["next_batch"]
            told += [e for room in answer.get("rooms", {}).get("join", {}) for e in ids(timeline(answer, room))]
        assert sorted(told) == sorted(sent.values())


def test_what_was_acknowledged_is_in_an_answer_that_does_not_wait(alice, bob, room):
    """Who asks without waiting, after a change was answered, is told of it."""
    since, stop = kept(alice), threading.Event()
    other = bob.create_room()

    def load():
        while not stop.is_set():
            bob.say(other, "x")
    threads = [threading.Thread(target=load) for _ in range(4)]
    for t in threads:
        t.start()
    try:
        for n in range(60):
            event = alice.say(room, str(n))
            answer = alice.sync(since)
            since = answer["next_batch"]
            assert event in ids(timeline(answer, room))
    finally:
        stop.set()
        for t in threads:
            t.join()


def test_rooms_come_and_go_while_kept(alice, bob):
    since = kept(alice)
    for n in range(8):
        room = bob.create_room(preset="public_chat")
        alice.join(room)
        answer = alice.sync_until(lambda a: joined(a, room), since)
        since = answer["next_batch"]
        said = bob.say(room, "while kept")
        told, since = events_of(alice, room, since, said)
        assert told.count(said) == 1
        alice.leave(room)
        since = alice.sync_until(lambda a: room in a["rooms"]["leave"], since)["next_batch"]
        hidden = bob.say(room, "not for who left")
        alice.join(room)
        answer = alice.sync_until(lambda a: joined(a, room), since)
        since = answer["next_batch"]
        again = bob.say(room, "again")
        told, since = events_of(alice, room, since, again)
        assert hidden not in told and told.count(again) == 1


def test_messages_to_the_device_are_redelivered_and_acknowledged(alice, bob):
    since = kept(alice)
    def send(n):
        bob.ok("PUT", ("sendToDevice", "org.test", unique("t")), {"messages": {alice.user_id: {alice.device_id: {"n": n}}}})
    def told(answer):
        return [e["content"]["n"] for e in answer.get("to_device", {}).get("events", [])]
    send(1)
    answer = alice.sync_until(lambda a: told(a) == [1], since)
    assert told(alice.sync(since)) == [1], "the answer may have been lost"
    send(2)
    second = alice.sync_until(told, answer["next_batch"])
    assert told(second) == [2]
    assert told(alice.sync(second["next_batch"])) == []
    assert told(alice.sync(answer["next_batch"])) in ([2], [])


def test_account_data_ignores_and_rules_change_while_kept(alice, bob, carol, room):
    carol.join(room)
    since = kept(alice)
    alice.account_data("org.test", {"n": 1})
    answer = alice.sync_until(lambda a: "org.test" in [e["type"] for e in a["account_data"]["events"]], since)
    alice.account_data("m.ignored_user_list", {"ignored_users": {bob.user_id: {}}})
    since = alice.sync_until(lambda a: a["account_data"]["events"], answer["next_batch"])["next_batch"]
    ignored, seen = bob.say(room, "ignored"), carol.say(room, "seen")
    told, since = events_of(alice, room, since, seen)
    assert ignored not in told
    alice.account_data("m.ignored_user_list", {"ignored_users": {}})
    since = alice.sync_until(lambda a: a["account_data"]["events"], since)["next_batch"]
    back = bob.say(room, "back")
    told, since = events_of(alice, room, since, back)
    assert told == [back]


def test_two_requests_of_one_device_at_once(alice, bob, room):
    since = kept(alice)
    answers = []

    def follow():
        answers.append(alice.sync_until(lambda a: "to all" in bodies(timeline(a, room)), since))
    threads = [threading.Thread(target=follow) for _ in range(3)]
    for t in threads:
        t.start()
    event = bob.say(room, "to all")
    for t in threads:
        t.join()
    assert [ids(timeline(a, room)) for a in answers] == [[event]] * 3
    for a in answers:
        assert "rooms" not in alice.sync(a["next_batch"])


def test_a_stored_filter_and_a_client_that_hangs_up(alice, bob, room):
    """At any moment: while the filter is looked up, while the owners are asked, while it waits."""
    stored = alice.ok("POST", ("user", alice.user_id, "filter"), {"room": {"timeline": {"limit": 20}}})["filter_id"]
    since = kept(alice, filter=stored)
    for n in range(30):
        query = urllib.parse.urlencode({"since": since, "filter": stored if n % 2 else "", "timeout": 20000})
        c = http.client.HTTPConnection("127.0.0.1", alice.server.port)
        with contextlib.closing(c):
            c.request("GET", f"/_matrix/client/v3/sync?{query}", headers={"Authorization": f"Bearer {alice.token}"})
        if n % 3 == 0:
            bob.say(room, str(n))
    last = bob.say(room, "last")
    told, since = events_of(alice, room, since, last, filter=stored)
    assert len(told) == len(set(told)) == 11


def test_a_client_is_cut_off_while_its_filter_is_looked_up(alice, room):
    """Its request's memory goes with it."""
    stored = alice.ok("POST", ("user", alice.user_id, "filter"), {"room": {"timeline": {"limit": 20}}})["filter_id"]
    since = kept(alice)
    chance = random.Random(1)
    for n in range(300):
        query = urllib.parse.urlencode({"since": since, "filter": stored if n % 2 else f"{n}" * 20, "timeout": 20000})
        with socket.create_connection(("127.0.0.1", alice.server.port)) as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # close: a reset
            s.sendall(f"GET /_matrix/client/v3/sync?{query} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {alice.token}\r\n\r\n".encode())
            end = time.monotonic() + chance.random() * 0.002
            while time.monotonic() < end:
                pass
    assert alice.sync(since, filter=stored)["next_batch"]


def test_a_session_ends_while_it_waits_and_is_kept(alice, bob, room):
    other = alice.device()
    since = kept(other)
    thread = threading.Thread(target=lambda: other.call("GET", ("sync",), query={"since": since, "timeout": 3000}))
    thread.start()
    other.ok("POST", ("logout",), {})
    bob.say(room, "x")
    other.fails(401, "M_UNKNOWN_TOKEN", "GET", ("sync",), query={"since": since})
    thread.join()
    again = alice.device(device_id=other.device_id)
    event = bob.say(room, "y")
    told, _ = events_of(again, room, since, event)
    assert told.count(event) == 1


def test_transaction_ids_are_the_senders_alone(alice, bob, carol, room):
    """Also where there are more events than the room's memory has at hand, and others stand at the same place."""
    carol.join(room)
    for c in (alice, bob, carol):
        kept(c, filter=many(200))
    since = {c: c.token_now(filter=many(200)) for c in (alice, bob, carol)}
    mine = bob.say(room, "with an id")
    say_many(alice, room, 80)
    for order in ((bob, carol), (carol, bob)):
        for c in order:
            events = timeline(c.sync(since[c], filter=many(200)), room)
            event = next(e for e in events if e["event_id"] == mine)
            assert ("transaction_id" in event.get("unsigned", {})) == (c is bob)


def test_redaction_relation_and_receipt_between_equal_readers(alice, bob, carol, room):
    carol.join(room)
    readers = (alice, carol)
    since = {c: kept(c) for c in readers}
    event = bob.say(room, "secret")
    for c in readers:
        assert "secret" in bodies(timeline(c.sync(since[c], timeout=5), room))
    bob.redact(room, event)
    for c in readers:
        assert "secret" not in bodies([e for e in timeline(c.sync_until(lambda a: timeline(a, room), since[c]), room) if e["content"]])
    root = bob.say(room, "root")
    since = {c: c.token_now() for c in readers}
    bob.send(room, {"m.relates_to": {"rel_type": "m.annotation", "event_id": root, "key": "x"}}, type="m.reaction")
    alice.ok("POST", ("rooms", room, "receipt", "m.read.private", root), {})
    alice.sync_until(lambda a: alice.user_id in json.dumps(joined(a, room)["ephemeral"]), since[alice])
    answer = carol.sync(since[carol])
    assert "m.read.private" not in json.dumps(answer)


def test_news_that_a_filter_hides_do_not_hold_an_answer_up(alice, bob, room):
    """However fast they come: the time that the client gave is kept."""
    nothing = json.dumps({"room": {"timeline": {"types": []}, "state": {"types": []}, "ephemeral": {"types": []}},
                          "presence": {"types": []}, "account_data": {"types": []}})
    since = kept(alice, filter=nothing)
    stop = threading.Event()

    def write():
        while not stop.is_set():
            bob.say(room, "x")
    threads = [threading.Thread(target=write) for _ in range(4)]
    for t in threads:
        t.start()
    try:
        for n in range(20):
            answer = alice.call("GET", ("sync",), query={"since": since, "filter": nothing, "timeout": 0 if n % 2 else 100}, timeout=10)
            assert answer.status == 200
            since = answer.json["next_batch"]
    finally:
        stop.set()
        for t in threads:
            t.join()
