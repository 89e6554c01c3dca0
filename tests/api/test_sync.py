"""/sync: what comes, what does not, and that nothing is lost or doubled between answers, tokens and restarts."""
import threading
import time

import pytest

from harness.client import Client, Follower, bodies, has_body, ids, joined, state_events, timeline, with_type
from harness.keys import DeviceKeys


QUIET = {"presence": {"not_types": ["*"]}}  # that somebody comes online must not end a wait


def limit(n, **more):
    return {"room": {"timeline": {"limit": n, **more}}}


def state_of(events):
    return {(e["type"], e["state_key"]): e["event_id"] for e in events if "state_key" in e}


def client_state(answers, room, start=None):
    """The room's state as a client builds it: each answer's state, then its timeline."""
    state = dict(start or {})
    for answer in answers:
        state.update(state_of(state_events(answer, room)))
        state.update(state_of(timeline(answer, room)))
    return state


def true_state(client, room):
    return {k: e["event_id"] for k, e in client.full_state(room).items()}


# --- initial ---

def test_a_new_user(alice):
    answer = alice.sync()
    assert answer["next_batch"] and not answer.get("rooms", {}).get("join")
    assert [e for e in answer["account_data"]["events"] if e["type"] == "m.push_rules"]


def test_initial(alice, bob, room):
    for n in range(15):
        bob.say(room, str(n))
    answer = alice.sync()
    section = joined(answer, room)
    assert bodies(timeline(answer, room))[-1] == "14" and len(timeline(answer, room)) <= 20
    state, shown = state_of(section["state"]["events"]), state_of(timeline(answer, room))
    assert {**state, **shown} == true_state(alice, room)
    assert section["summary"]["m.joined_member_count"] == 2 and section["summary"]["m.heroes"] == [bob.user_id]
    assert section["summary"].get("m.invited_member_count", 0) == 0
    assert isinstance(section["unread_notifications"]["notification_count"], int)


def test_initial_answers_at_once(alice):
    began = time.monotonic()
    alice.sync(timeout=20)
    assert time.monotonic() - began < 5


@pytest.mark.parametrize("n", [1, 5, 100])
def test_initial_limits(alice, bob, room, n):
    for i in range(30):
        bob.say(room, str(i))
    answer = alice.sync(filter=limit(n))
    section = joined(answer, room)
    shown = timeline(answer, room)
    everything = alice.history(room, "f")
    assert ids(shown) == ids(everything)[-len(shown):] and len(shown) == min(n, len(everything))
    assert section["timeline"].get("limited", False) is (n < len(everything))
    assert client_state([answer], room) == true_state(alice, room)
    assert not set(ids(section["state"]["events"])) & set(ids(shown)), "no event is in both"
    if n < len(everything):
        older = alice.history(room, "b", start=section["timeline"]["prev_batch"])
        assert ids(older) == ids(everything)[:-n][::-1], "prev_batch continues exactly"


# --- incremental ---

def test_incremental(alice, bob, room):
    since = alice.token_now()
    event = bob.say(room, "new")
    answer = alice.sync_until(has_body(room, "new"), since)
    section = joined(answer, room)
    assert ids(timeline(answer, room)) == [event] and not section["timeline"].get("limited", False)
    assert state_events(answer, room) == []
    assert not joined(alice.sync(answer["next_batch"]), room)


def test_nothing_new(alice, room):
    since = alice.token_now()
    answer = alice.sync(since)
    assert not answer.get("rooms", {}).get("join") and not answer.get("account_data", {}).get("events")


def test_a_token_can_be_used_again(alice, bob, room):
    since = alice.token_now()
    for n in range(3):
        bob.say(room, str(n))
    alice.sync_until(has_body(room, "2"), since)
    first, second = alice.sync(since), alice.sync(since)
    assert ids(timeline(first, room)) == ids(timeline(second, room)) and bodies(timeline(first, room)) == ["0", "1", "2"]


def test_waiting(alice, bob, room):
    since = alice.token_now(filter=QUIET)
    began = time.monotonic()
    answer = alice.sync(since, timeout=1, filter=QUIET)
    assert 0.8 < time.monotonic() - began < 6 and not joined(answer, room)
    timer = threading.Timer(0.5, lambda: bob.say(room, "wake up"))
    timer.start()
    began = time.monotonic()
    answer = alice.sync(answer["next_batch"], timeout=20, filter=QUIET)
    timer.join()
    assert bodies(timeline(answer, room)) == ["wake up"] and 0.3 < time.monotonic() - began < 5


def test_many_wait(alice, room, new_user):
    users = [new_user() for _ in range(8)]
    for user in users:
        user.join(room)
    answers = {}
    tokens = {user: user.token_now(filter=QUIET) for user in users}
    threads = [threading.Thread(target=lambda u=user: answers.update({u: u.sync(tokens[u], timeout=20, filter=QUIET)})) for user in users]
    for thread in threads:
        thread.start()
    time.sleep(0.3)
    alice.say(room, "to all")
    for thread in threads:
        thread.join()
    assert len(answers) == 8 and all("to all" in bodies(timeline(a, room)) for a in answers.values())


@pytest.mark.parametrize("n", [1, 3, 10])
def test_gaps_are_filled(alice, bob, room, n):
    """Limited answers, with the gap read by /messages, give every event once and in order; state deltas give the true state."""
    start = alice.sync(filter=limit(n))
    before = {k: e["event_id"] for k, e in alice.full_state(room).items()}
    for i in range(14):
        bob.say(room, str(i))
        if i % 4 == 0:
            alice.put_state(room, "m.room.topic", {"topic": str(i)})
            alice.put_state(room, "org.example.s", {"v": i}, str(i))
    everything = ids(alice.history(room, "f"))
    answer = alice.sync_until(has_body(room, "13"), start["next_batch"], filter=limit(n))
    section = joined(answer, room)
    assert section["timeline"]["limited"] is True and len(timeline(answer, room)) == n
    gap = alice.history(room, "b", start=section["timeline"]["prev_batch"], to=start["next_batch"])
    seen = ids(gap)[::-1] + ids(timeline(answer, room))
    assert seen == everything[-len(seen):] and len(seen) == 14 + 8
    forth = alice.history(room, "f", start=start["next_batch"], to=section["timeline"]["prev_batch"])
    assert ids(forth) == ids(gap)[::-1]
    assert client_state([answer], room, before) == true_state(alice, room)
    assert not set(ids(section["state"]["events"])) & set(ids(timeline(answer, room)))


def test_a_busy_room_in_order(alice, bob, carol, room):
    """Three write at once; two who sync and one who reads history see one order, each event once."""
    carol.join(room)
    followers = [Follower(c, filter=limit(100)) for c in (alice, bob)]

    def write(client, name):
        for n in range(30):
            client.say(room, f"{name}{n}")
    threads = [threading.Thread(target=write, args=(c, name)) for c, name in ((alice, "a"), (bob, "b"), (carol, "c"))]
    for thread in threads:
        thread.start()
    for follower in followers:
        follower.until(lambda f: len(with_type(f.timeline[room], "m.room.message")) >= 90, 30)
    for thread in threads:
        thread.join()
    history = ids(with_type(carol.history(room, "f"), "m.room.message"))
    assert len(history) == 90 == len(set(history))
    for follower in followers:
        assert ids(with_type(follower.timeline[room], "m.room.message")) == history


# --- full_state, state_after, filters ---

def test_full_state(alice, room):
    since = alice.token_now()
    answer = alice.sync(since, full_state=True)
    assert client_state([answer], room) == true_state(alice, room)
    assert room in answer["rooms"]["join"], "even rooms without news"


def test_full_state_does_not_wait(alice, room):
    since = alice.token_now()
    began = time.monotonic()
    alice.sync(since, timeout=20, full_state=True)
    assert time.monotonic() - began < 5


@pytest.mark.parametrize("prefix", ["", "org.matrix.msc4222."])
def test_use_state_after(alice, bob, room, prefix):
    """Clients look for the answer under the prefix with which they asked."""
    name, key = prefix + "use_state_after", prefix + "state_after"
    answer = alice.sync(filter=limit(2), **{name: True})
    section = joined(answer, room)
    assert "state" not in section or not section["state"].get("events")
    assert state_of(section[key]["events"]) == true_state(alice, room), "the state at the end of the timeline"
    event = alice.put_state(room, "m.room.name", {"name": "after"})
    for n in range(4):
        bob.say(room, str(n))
    answer = alice.sync_until(has_body(room, "3"), answer["next_batch"], filter=limit(2), **{name: True})
    assert state_of(joined(answer, room)[key]["events"]) == {("m.room.name", ""): event}


def test_room_filters(alice, bob, room):
    other = alice.room_with(bob)
    for filter, want in (({"rooms": [room]}, {room}), ({"not_rooms": [room]}, {other}), ({"rooms": []}, set()),
                         ({"timeline": {"rooms": [room]}}, None)):
        answer = alice.sync(filter={"room": filter})
        if want is not None:
            assert set(answer.get("rooms", {}).get("join", {})) & {room, other} == want, filter
        else:
            assert timeline(answer, room) and not timeline(answer, other)


def test_timeline_filters(alice, bob, room):
    bob.say(room, "by bob")
    alice.send(room, {"a": 1}, "org.example.x")
    everything = alice.history(room, "f")
    for filter, want in (({"types": ["m.room.message"]}, lambda e: e["type"] == "m.room.message"), ({"not_types": ["m.*"]}, lambda e: not e["type"].startswith("m.")),
                         ({"senders": [bob.user_id]}, lambda e: e["sender"] == bob.user_id), ({"not_senders": [bob.user_id]}, lambda e: e["sender"] != bob.user_id)):
        shown = timeline(alice.sync(filter={"room": {"timeline": {"limit": 50, **filter}}}), room)
        assert ids(shown) == ids([e for e in everything if want(e)]), filter


def test_state_and_other_filters(alice, bob, room):
    alice.account_data("org.example.a", {})
    alice.account_data("org.example.b", {}, room)
    answer = alice.sync(filter={"room": {"timeline": {"limit": 1, "types": ["m.room.message"]}, "state": {"types": ["m.room.create"]}, "account_data": {"not_types": ["*"]}},
                                "account_data": {"types": ["org.example.a"]}, "presence": {"types": []}})
    assert [e["type"] for e in state_events(answer, room)] == ["m.room.create"]
    assert [e["type"] for e in answer["account_data"]["events"]] == ["org.example.a"]
    assert not joined(answer, room).get("account_data", {}).get("events") and not answer.get("presence", {}).get("events")


def test_event_fields(alice, bob, room):
    bob.say(room, "x")
    answer = alice.sync(filter={"event_fields": ["type", "content.body", "sender", "event_id", "origin_server_ts", "content"], "room": {"timeline": {"limit": 1}}})
    assert bodies(timeline(answer, room)) == ["x"], "more fields may come, those that were asked for must"


def test_filtered_news_do_not_hold_the_token_back(alice, bob, room):
    filter = {**QUIET, "room": {"timeline": {"types": ["org.example.none"]}}}
    since = alice.token_now(filter=filter)
    bob.say(room, "x")
    later = alice.sync(since, timeout=0.5, filter=filter)["next_batch"]
    assert "x" not in bodies(timeline(alice.sync(later), room))


def test_stored_and_inline_filters_agree(alice, room):
    filter = limit(2, types=["m.room.member"])
    name = alice.ok("POST", ("user", alice.user_id, "filter"), filter)["filter_id"]
    assert ids(timeline(alice.sync(filter=name), room)) == ids(timeline(alice.sync(filter=filter), room))


@pytest.mark.parametrize("filter", ["nonsense", "{", "[]", "5", '{"room":5}', '{"room":{"timeline":{"limit":"x"}}}', "{\"event_format\":\"x\"}"])
def test_bad_filters(alice, filter):
    alice.fails(400, ("M_INVALID_PARAM", "M_BAD_JSON", "M_NOT_JSON", "M_UNKNOWN", "M_NOT_FOUND"), "GET", ("sync",), query={"filter": filter})


# --- lazy-loaded members ---

def test_lazy_loading(alice, bob, room, new_user):
    quiet = [new_user("quiet") for _ in range(3)]
    for user in quiet:
        user.join(room)
    bob.say(room, "x")
    lazy = {"room": {"timeline": {"limit": 1}, "state": {"lazy_load_members": True}}}
    answer = alice.sync(filter=lazy)
    members = {e["state_key"] for e in state_events(answer, room) if e["type"] == "m.room.member"}
    assert bob.user_id in members and not members & {q.user_id for q in quiet} - set(joined(answer, room)["summary"]["m.heroes"])
    assert alice.user_id in members, "oneself is always there"
    since = answer["next_batch"]
    quiet[0].say(room, "not quiet")
    answer = alice.sync_until(has_body(room, "not quiet"), since, filter=lazy)
    shown = {e["state_key"] for e in state_events(answer, room) + timeline(answer, room) if e["type"] == "m.room.member"}
    assert quiet[0].user_id in shown
    everything = alice.sync(filter={"room": {"timeline": {"limit": 1}}})
    assert {q.user_id for q in quiet} <= {e["state_key"] for e in state_events(everything, room) if e["type"] == "m.room.member"}


def test_lazy_loading_still_tells_membership_changes(alice, bob, carol, room):
    lazy = {"room": {"timeline": {"limit": 1}, "state": {"lazy_load_members": True}}}
    since = alice.token_now(filter=lazy)
    carol.join(room)
    bob.say(room, "1")
    alice.sync_until(lambda a: joined(a, room)["summary"]["m.joined_member_count"] == 3, since, filter=lazy)


def test_lazy_loading_with_state_after_tells_what_happened_to_members(alice, bob, carol, room):
    """Clients take no state from the timeline then."""
    query = {"filter": {"room": {"timeline": {"limit": 10}, "state": {"lazy_load_members": True}}}, "use_state_after": True}
    since = alice.token_now(**query)
    alice.invite(room, carol)
    alice.member("kick", room, bob.user_id)
    seen = {}

    def told(answer):
        for event in joined(answer, room)["state_after"]["events"]:
            seen[event["state_key"]] = event["content"].get("membership")
        return {carol.user_id: "invite", bob.user_id: "leave"}.items() <= seen.items()

    alice.sync_until(told, since, **query)


# --- left, invited, banned ---

def test_left_rooms(alice, bob, room):
    since = alice.token_now()
    bob.say(room, "before the kick")
    bob.say(room, "last words")
    alice.leave(room)
    bob.say(room, "behind one's back")
    answer = alice.sync_until(lambda a: a["rooms"]["leave"][room], since)
    assert bodies(timeline(answer, room, "leave")) == ["before the kick", "last words"]
    assert timeline(answer, room, "leave")[-1]["content"]["membership"] == "leave" and room not in answer["rooms"].get("join", {})


def test_join_and_leave_between_two_syncs(alice, bob):
    room = bob.create_room(preset="public_chat")
    since = alice.token_now()
    alice.join(room)
    alice.leave(room)
    answer = alice.sync_until(lambda a: a["rooms"]["leave"][room], since)
    assert room not in answer["rooms"].get("join", {})


def test_leave_and_rejoin_between_two_syncs(alice, bob, room):
    since = alice.token_now()
    alice.leave(room)
    bob.put_state(bob.create_room(), "m.room.name", {"name": "elsewhere"})
    alice.join(room)
    answer = alice.sync_until(lambda a: a["rooms"]["join"][room], since)
    assert client_state([answer], room).items() >= {k: v for k, v in true_state(alice, room).items() if k[0] == "m.room.member"}.items()


def test_include_leave(alice, bob, room):
    bob.say(room, "seen")
    alice.leave(room)
    bob.say(room, "unseen")
    answer = alice.sync(filter={"room": {"include_leave": True}})
    shown = bodies(timeline(answer, room, "leave"))
    assert "seen" in shown and "unseen" not in shown
    assert room not in alice.sync().get("rooms", {}).get("leave", {})


def test_summary(alice, bob, carol, new_user):
    room = alice.room_with(bob, invite=[carol.user_id])
    answer = alice.sync()
    summary = joined(answer, room)["summary"]
    assert summary["m.joined_member_count"] == 2 and summary["m.invited_member_count"] == 1
    assert set(summary["m.heroes"]) == {bob.user_id, carol.user_id}
    carol.join(room)
    answer = alice.sync_until(lambda a: joined(a, room)["summary"]["m.joined_member_count"] == 3, answer["next_batch"])
    assert joined(answer, room)["summary"].get("m.invited_member_count", 0) == 0
    for _ in range(6):
        new_user().join(room)
    assert len(joined(alice.sync(), room)["summary"]["m.heroes"]) <= 5


def test_heroes_are_former_members_when_alone(alice, bob, room):
    bob.leave(room)
    assert joined(alice.sync(), room)["summary"]["m.heroes"] == [bob.user_id]


def test_an_orderly_stop_answers_who_waits(own_server):
    """Nobody has to wait for the grace of an orderly stop because of clients that wait in /sync."""
    server = own_server({("server", "shutdown_grace"): "60s"})
    client = Client(server).register("waiting")
    since = client.token_now()
    answers = []
    waiting = threading.Thread(target=lambda: answers.append(client.sync(since, timeout=60)))
    waiting.start()
    end = time.monotonic() + 20
    while client.metric("rookery_sync_waiters") != 1:
        assert time.monotonic() < end
        time.sleep(0.02)
    server.stop(deadline=30)
    waiting.join(20)
    assert answers and answers[0]["next_batch"]


def test_each_answer_tells_the_counts_of_keys(alice, bob, room):
    """Their absence means that there are none left."""
    DeviceKeys(alice).upload(one_time=3)
    since = alice.token_now(filter=QUIET)
    for n in range(3):
        bob.say(room, str(n))
        answer = alice.sync(since, timeout=5, filter=QUIET)
        assert bodies(timeline(answer, room)) == [str(n)]
        assert answer["device_one_time_keys_count"]["signed_curve25519"] == 3
        assert answer["device_unused_fallback_key_types"] == []
        since = answer["next_batch"]
