"""Typing, receipts (public, private, threaded), read markers, presence."""
import threading
import time

import pytest

from harness.client import ephemeral, has_body, joined


def typing(client, room, on=True, timeout=20000, user=None):
    return client.call("PUT", ("rooms", room, "typing", user or client.user_id), {"typing": on, **({"timeout": timeout} if on else {})})


def receipt(client, room, event, kind="m.read", **body):
    return client.call("POST", ("rooms", room, "receipt", kind, event), body)


def receipts(answer, room):
    """{(event, kind, user, thread): ts}"""
    content = ephemeral(answer, room, "m.receipt") or {}
    return {(event, kind, user, data.get("thread_id")): data["ts"] for event, kinds in content.items() for kind, users in kinds.items()
            for user, data in users.items()}


# --- typing ---

def test_typing(alice, bob, room):
    since = bob.token_now()
    assert typing(alice, room).status == 200
    answer = bob.sync_until(lambda a: ephemeral(a, room, "m.typing")["user_ids"] == [alice.user_id], since)
    assert typing(alice, room, False).status == 200
    bob.sync_until(lambda a: ephemeral(a, room, "m.typing")["user_ids"] == [], answer["next_batch"])


def test_typing_ends_by_itself(alice, bob, room):
    since = bob.token_now()
    typing(alice, room, timeout=700)
    answer = bob.sync_until(lambda a: ephemeral(a, room, "m.typing")["user_ids"] == [alice.user_id], since)
    began = time.monotonic()
    bob.sync_until(lambda a: ephemeral(a, room, "m.typing")["user_ids"] == [], answer["next_batch"])
    assert time.monotonic() - began < 5


def test_several_type(alice, bob, carol, room):
    carol.join(room)
    since = bob.token_now()
    typing(alice, room), typing(carol, room)
    bob.sync_until(lambda a: set(ephemeral(a, room, "m.typing")["user_ids"]) == {alice.user_id, carol.user_id}, since)


def test_a_message_comes_with_the_end_of_typing(alice, bob, room):
    since = bob.token_now()
    typing(alice, room)
    answer = bob.sync_until(lambda a: ephemeral(a, room, "m.typing"), since)
    typing(alice, room, False)
    alice.say(room, "typed")
    bob.sync_until(has_body(room, "typed"), answer["next_batch"])


def test_typing_refused(alice, bob, carol, room):
    assert typing(carol, room).status == 403
    assert typing(alice, room, user=bob.user_id).status == 403
    for body in ({}, {"typing": "yes"}, {"typing": 1}, {"typing": True, "timeout": "x"}):
        alice.fails(400, ("M_BAD_JSON", "M_MISSING_PARAM", "M_INVALID_PARAM"), "PUT", ("rooms", room, "typing", alice.user_id), body)
    assert typing(alice, "!none:localhost").status in (403, 404)


def test_typing_is_not_kept_from_a_filter(alice, bob, room):
    typing(alice, room)
    answer = bob.sync(filter={"room": {"ephemeral": {"not_types": ["m.typing"]}}})
    assert ephemeral(answer, room, "m.typing") is None


# --- receipts ---

def test_public_receipt(alice, bob, room):
    event = alice.say(room, "x")
    since, own = alice.token_now(), bob.token_now()
    before = time.time() * 1000
    assert receipt(bob, room, event).status == 200
    seen = receipts(alice.sync_until(lambda a: receipts(a, room), since), room)
    assert list(seen) == [(event, "m.read", bob.user_id, None)] and abs(seen[event, "m.read", bob.user_id, None] - before) < 60000
    assert receipts(bob.sync_until(lambda a: receipts(a, room), own), room) == seen
    assert (event, "m.read", bob.user_id, None) in receipts(alice.sync(), room), "in an initial sync as well"


def test_private_receipt(alice, bob, room):
    event = alice.say(room, "x")
    since, own = alice.token_now(), bob.token_now()
    assert receipt(bob, room, event, "m.read.private").status == 200
    assert list(receipts(bob.sync_until(lambda a: receipts(a, room), own), room)) == [(event, "m.read.private", bob.user_id, None)]
    bob.say(room, "after")
    answer = alice.sync_until(has_body(room, "after"), since)
    assert receipts(answer, room) == {} and "m.read.private" not in str(alice.sync())


def test_receipts_move_on(alice, bob, room):
    one, two = alice.say(room, "1"), alice.say(room, "2")
    receipt(bob, room, one)
    receipt(bob, room, two)
    seen = [k for k in receipts(alice.sync(), room) if k[2] == bob.user_id]
    assert seen == [(two, "m.read", bob.user_id, None)], "one receipt per user, kind and thread"


def test_threaded_receipts(alice, bob, room):
    root = alice.say(room, "root")
    reply = alice.say(room, "reply", **{"m.relates_to": {"rel_type": "m.thread", "event_id": root}})
    since = alice.token_now()
    for event, thread in ((root, "main"), (reply, root)):
        r = receipt(bob, room, event, thread_id=thread)
        assert r.status == 200, r
    assert receipt(bob, room, reply).status == 200
    want = {(root, "m.read", bob.user_id, "main"), (reply, "m.read", bob.user_id, root), (reply, "m.read", bob.user_id, None)}
    answers = alice.sync(since)
    got = set(receipts(answers, room)) | set(receipts(alice.sync(), room))
    assert want <= got or {w[:3] for w in want} <= {g[:3] for g in got}, got


@pytest.mark.parametrize("thread", ["", 5, None, {}, []])
def test_bad_threads(alice, bob, room, thread):
    event = alice.say(room, "x")
    r = receipt(bob, room, event, thread_id=thread)
    assert (r.status == 400 and r.errcode in ("M_INVALID_PARAM", "M_BAD_JSON")) or (thread is None and r.status == 200), r


def test_bad_receipts(alice, bob, carol, room):
    event = alice.say(room, "x")
    r = receipt(carol, room, event)
    assert r.status in (403, 404), r
    r = receipt(bob, room, event, "m.nonsense")
    assert r.status == 400, r
    r = receipt(bob, room, event, "m.fully_read", thread_id="main")
    assert r.status == 400, r
    for unknown in ("$" + "A" * 43, "nonsense"):
        r = receipt(bob, room, unknown)
        assert r.status in (200, 400, 404), r


# --- read markers ---

def fully_read(client, room):
    r = client.call("GET", ("user", client.user_id, "rooms", room, "account_data", "m.fully_read"))
    return r.json["event_id"] if r.status == 200 else None


def test_read_markers(alice, bob, room):
    one, two = alice.say(room, "1"), alice.say(room, "2")
    since, alices = bob.token_now(), alice.token_now()
    bob.ok("POST", ("rooms", room, "read_markers"), {"m.fully_read": one, "m.read": two})
    answer = bob.sync_until(lambda a: [e for e in joined(a, room)["account_data"]["events"] if e["type"] == "m.fully_read"], since)
    marker = next(e for e in joined(answer, room)["account_data"]["events"] if e["type"] == "m.fully_read")
    assert marker["content"]["event_id"] == one == fully_read(bob, room)
    assert (two, "m.read", bob.user_id, None) in receipts(alice.sync_until(lambda a: receipts(a, room), alices), room)
    bob.ok("POST", ("rooms", room, "read_markers"), {"m.read.private": two})
    assert "m.read.private" not in str(alice.sync())
    bob.ok("POST", ("rooms", room, "read_markers"), {})
    assert fully_read(bob, room) == one


def test_fully_read_by_receipt(alice, bob, room):
    event = alice.say(room, "x")
    assert receipt(bob, room, event, "m.fully_read").status == 200
    assert fully_read(bob, room) == event


def test_bad_read_markers(alice, carol, room):
    for body in ({"m.fully_read": 5}, {"m.read": []}, {"m.read.private": {}}):
        alice.fails(400, ("M_BAD_JSON", "M_INVALID_PARAM"), "POST", ("rooms", room, "read_markers"), body)
    r = carol.call("POST", ("rooms", room, "read_markers"), {"m.fully_read": alice.say(room, "x")})
    assert r.status in (403, 404), r


# --- presence ---

def presence(answer):
    return {e["sender"]: e["content"] for e in answer.get("presence", {}).get("events", [])}


def set_presence(client, state, **more):
    client.ok("PUT", ("presence", client.user_id, "status"), {"presence": state, **more})


def test_presence(alice, bob, room):
    since = bob.token_now()
    set_presence(alice, "online", status_msg="Hello ☃")
    answer = bob.sync_until(lambda a: presence(a)[alice.user_id]["status_msg"] == "Hello ☃", since)
    assert presence(answer)[alice.user_id]["presence"] == "online"
    status = bob.ok("GET", ("presence", alice.user_id, "status"))
    assert status["presence"] == "online" and status["status_msg"] == "Hello ☃"
    set_presence(alice, "unavailable", status_msg="Lunch")
    answer = bob.sync_until(lambda a: presence(a)[alice.user_id]["presence"] == "unavailable", answer["next_batch"])
    assert presence(answer)[alice.user_id]["status_msg"] == "Lunch"


def test_offline(alice, bob, room):
    set_presence(alice, "online")
    since = bob.token_now()
    set_presence(alice, "offline")
    bob.sync_until(lambda a: presence(a)[alice.user_id]["presence"] == "offline", since)


def test_presence_by_sync(alice, bob, room):
    set_presence(alice, "offline")
    since = bob.token_now()
    alice.sync(set_presence="unavailable")
    answer = bob.sync_until(lambda a: presence(a)[alice.user_id]["presence"] == "unavailable", since)
    alice.sync(set_presence="online")
    bob.sync_until(lambda a: presence(a)[alice.user_id]["presence"] == "online", answer["next_batch"])


def test_presence_is_for_those_who_share_rooms(alice, bob, carol, room):
    since = carol.token_now()
    set_presence(alice, "online", status_msg="secret")
    bob.sync_until(lambda a: alice.user_id in presence(a))
    assert alice.user_id not in presence(carol.sync(since))
    carol.fails((403, 404), ("M_FORBIDDEN", "M_NOT_FOUND"), "GET", ("presence", alice.user_id, "status"))


def test_many_who_come_at_once_are_told_together(alice, room, new_user):
    """Each change by itself would wake every member, thousands of times when thousands come."""
    users = [new_user() for _ in range(30)]
    for user in users:
        user.join(room)
    since, answers, last = alice.token_now(), 0, {}

    def come():
        for word in ("first", "last"):
            for user in users:
                set_presence(user, "online", status_msg=word)
    thread = threading.Thread(target=come, daemon=True)
    began = time.monotonic()
    thread.start()
    while set(last.values()) != {"last"} or len(last) < len(users):
        answer = alice.sync(since, timeout=5)
        since = answer["next_batch"]
        news = {user: content.get("status_msg") for user, content in presence(answer).items() if user in {u.user_id for u in users}}
        answers += bool(news)
        last.update(news)
        assert time.monotonic() - began < 20, (len(last), last)
    thread.join()
    seconds = time.monotonic() - began
    assert answers <= seconds + 2, f"{answers} answers in {seconds:.1f} s"


def test_presence_refused(alice, bob, room):
    alice.fails(403, "M_FORBIDDEN", "PUT", ("presence", bob.user_id, "status"), {"presence": "online"})
    for body in ({}, {"presence": "asleep"}, {"presence": 5}, {"presence": "online", "status_msg": 5}):
        alice.fails(400, ("M_BAD_JSON", "M_MISSING_PARAM", "M_INVALID_PARAM"), "PUT", ("presence", alice.user_id, "status"), body)


def test_presence_filter(alice, bob, room):
    set_presence(alice, "online")
    bob.sync_until(lambda a: alice.user_id in presence(a))
    assert not presence(bob.sync(filter={"presence": {"not_senders": [alice.user_id]}})).get(alice.user_id)
    assert not presence(bob.sync(filter={"presence": {"types": ["m.none"]}}))
