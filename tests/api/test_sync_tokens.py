"""/sync: unread counts, and tokens: for ever valid, over restarts, and what becomes of wrong ones."""
import contextlib
import http.client
import threading
import time

import pytest

from harness.client import Client, bodies, has_body, ids, joined, timeline, unique


# --- unread counts ---

def unread(answer, room):
    section = joined(answer, room)
    return section["unread_notifications"]["notification_count"], section["unread_notifications"]["highlight_count"]


def read(client, room, event, kind="m.read", **body):
    client.ok("POST", ("rooms", room, "receipt", kind, event), body)


def test_unread_counts(alice, bob, carol, room):
    carol.join(room)
    read(alice, room, carol.say(room, "start"))
    for n in range(3):
        last = bob.say(room, str(n))
    assert unread(alice.sync(), room) == (3, 0)
    ping = bob.say(room, "look", **{"m.mentions": {"user_ids": [alice.user_id]}})
    assert unread(alice.sync(), room) == (4, 1)
    alice.put_state(room, "m.room.topic", {"topic": "by alice"})
    read(alice, room, last)
    assert unread(alice.sync(), room) == (1, 1)
    read(alice, room, ping, "m.read.private")
    assert unread(alice.sync(), room) == (0, 0)
    read(alice, room, last, "m.read.private")
    assert unread(alice.sync(), room) == (0, 0), "a receipt does not go back"


def test_own_messages_do_not_count_and_read(alice, bob, room):
    bob.say(room, "x")
    alice.say(room, "mine")
    assert unread(alice.sync(), room)[1] == 0
    bob.say(room, "y")
    assert 1 <= unread(alice.sync(), room)[0] <= 2


def test_counts_come_with_news_and_with_receipts(alice, bob, room):
    answer = alice.sync()
    event = bob.say(room, "x")
    answer = alice.sync_until(lambda a: unread(a, room)[0] >= 1, answer["next_batch"])
    read(alice, room, event)
    alice.sync_until(lambda a: unread(a, room) == (0, 0), answer["next_batch"])


def test_counts_of_threads(alice, bob, room):
    root = alice.say(room, "root")
    read(alice, room, root)
    relation = {"m.relates_to": {"rel_type": "m.thread", "event_id": root}}
    bob.say(room, "in the main timeline")
    bob.say(room, "1", **relation)
    last = bob.say(room, "2", **relation)
    assert unread(alice.sync(), room)[0] == 3, "without the filter's flag all count together"
    threads = {"room": {"timeline": {"unread_thread_notifications": True}}}
    answer = alice.sync(filter=threads)
    assert unread(answer, room)[0] == 1
    assert joined(answer, room)["unread_thread_notifications"][root]["notification_count"] == 2
    read(alice, room, last, thread_id=root)
    answer = alice.sync(filter=threads)
    assert unread(answer, room)[0] == 1
    assert joined(answer, room).get("unread_thread_notifications", {}).get(root, {"notification_count": 0})["notification_count"] == 0


# --- tokens ---

@pytest.mark.parametrize("token", ["nonsense", "", "s", "0", "-1", "s1_2_3", "x" * 5000, "\0", "s99999999999999999999", "☃"])
def test_malformed_tokens(alice, token):
    r = alice.call("GET", ("sync",), query={"since": token})
    assert (r.status == 400 and r.errcode in ("M_INVALID_PARAM", "M_UNKNOWN_POS", "M_UNKNOWN")) or (token == "" and r.status == 200), r


@pytest.mark.parametrize("query", [{"timeout": "x"}, {"timeout": "-1"}, {"set_presence": "nonsense"}, {"full_state": "maybe"}])
def test_bad_parameters(alice, query):
    r = alice.call("GET", ("sync",), query=query)
    assert r.status == 200 or r.errcode == "M_INVALID_PARAM", r


def test_a_changed_token_is_refused_or_harmless(alice, room):
    token = alice.token_now()
    for at in range(0, len(token), max(1, len(token) // 12)):
        r = alice.call("GET", ("sync",), query={"since": token[:at] + ("0" if token[at] != "0" else "1") + token[at + 1:]})
        assert r.status in (200, 400), r


def test_another_users_token_shows_nothing_foreign(alice, bob, carol, room):
    token = alice.token_now()
    bob.say(room, "not for carol")
    r = carol.call("GET", ("sync",), query={"since": token})
    assert r.status in (200, 400) and b"not for carol" not in r.body


@pytest.mark.parametrize("kill", [False, True])
def test_tokens_are_valid_after_a_restart(own_server, kill):
    server = own_server()
    alice, bob = (Client(server).register(unique()) for _ in range(2))
    room = alice.room_with(bob)
    bob.say(room, "one")
    old = alice.token_now()
    bob.say(room, "two")
    newer = alice.sync(old)["next_batch"]
    server.restart(kill=kill)
    assert bodies(timeline(alice.sync(old), room)) == ["two"]
    assert not joined(alice.sync(newer), room)
    event = bob.say(room, "three")
    answer = alice.sync_until(has_body(room, "three"), newer)
    assert ids(timeline(answer, room)) == [event]
    assert bodies(timeline(alice.sync(old), room)) == ["two", "three"]


def wait(client, since):
    """A sync that the server's end may cut."""
    with contextlib.suppress(OSError, http.client.HTTPException):
        client.call("GET", ("sync",), query={"since": since, "timeout": 25000}, retry=False)


def test_syncs_end_when_the_server_stops(own_server):
    """A stop does not wait for those who wait."""
    server = own_server()
    alice = Client(server).register(unique())
    since = alice.token_now()
    waiting = threading.Thread(target=wait, args=(alice, since))
    waiting.start()
    time.sleep(0.5)
    began = time.monotonic()
    server.stop()
    waiting.join()
    assert time.monotonic() - began < 12

