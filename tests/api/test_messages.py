"""Sending, reading and redacting: transaction ids, state, /messages both ways, /context, /event, members at a time, history visibility."""
import pytest

from harness.client import Client, bodies, has_body, ids, timeline, unique, with_type


def texts(events):
    return bodies(events)


# --- send ---

def test_send_is_idempotent(alice, bob, room):
    txn = unique("txn")
    content = {"msgtype": "m.text", "body": "once"}
    first = alice.send(room, content, txn=txn)
    assert alice.send(room, content, txn=txn) == first
    assert alice.send(room, {**content, "body": "other"}, txn=txn) == first, "the transaction id decides"
    assert texts(bob.history(room)) == ["once"]


def test_transaction_ids_belong_to_a_device(alice, room):
    other = alice.device()
    txn = unique("txn")
    assert alice.send(room, {"body": "a"}, txn=txn) != other.send(room, {"body": "a"}, txn=txn)


def test_transaction_ids_survive_a_restart(own_server):
    server = own_server()
    alice = Client(server).register(unique())
    room = alice.create_room()
    event = alice.send(room, {"body": "a"}, txn="t1")
    server.restart()
    assert alice.send(room, {"body": "a"}, txn="t1") == event
    server.restart(kill=True)
    assert alice.send(room, {"body": "a"}, txn="t1") == event
    assert len(with_type(alice.history(room), "m.room.message")) == 1


def test_transaction_ids_survive_in_a_room_of_many_messages(own_server):
    """More than a room that is loaded again keeps at hand."""
    server = own_server()
    alice = Client(server).register(unique())
    room = alice.create_room()
    events = [alice.send(room, {"body": "a"}, txn=f"t{i}") for i in range(100)]
    server.restart()
    assert [alice.send(room, {"body": "a"}, txn=f"t{i}") for i in range(100)] == events
    events.append(alice.send(room, {"body": "a"}, txn="t100"))
    assert [alice.send(room, {"body": "a"}, txn=f"t{i}") for i in range(101)] == events


def test_a_message_in_a_room_that_was_loaded_asks_the_store_nothing(own_server):
    """So that it can be sent while a database is away."""
    server = own_server()
    alice = Client(server).register(unique("alice"))
    room = alice.create_room()
    for i in range(100):
        alice.say(room, f"{i}")
    server.restart()
    alice.say(room, "loads the room")
    before = alice.metric("rookery_store_reads_total")
    for i in range(10):
        alice.say(room, f"and {i}")
    assert alice.metric("rookery_store_reads_total") == before


def test_the_sender_gets_the_transaction_id_back(alice, bob, room):
    other = alice.device()
    since, others, bobs = alice.token_now(), other.token_now(), bob.token_now()
    event = alice.send(room, {"msgtype": "m.text", "body": "x"}, txn="mine1")
    mine = next(e for e in timeline(alice.sync_until(has_body(room, "x"), since), room) if e["event_id"] == event)
    assert mine["unsigned"]["transaction_id"] == "mine1"
    for who, token in ((other, others), (bob, bobs)):
        seen = next(e for e in timeline(who.sync_until(has_body(room, "x"), token), room) if e["event_id"] == event)
        assert "transaction_id" not in seen.get("unsigned", {})


def test_content_is_kept_as_sent(alice, bob, room):
    content = {"msgtype": "m.text", "body": "héllo ☃ \U0001f600 \u0000 \"quoted\" \\ / \n", "n": {"a": [1, -1, 0, 2**53 - 1, -(2**53) + 1, None, True, {"": ""}]},
               "": "empty key", "é": {}}
    event = alice.send(room, content)
    assert bob.event(room, event)["content"] == content
    assert next(e for e in bob.messages(room)["chunk"] if e["event_id"] == event)["content"] == content


def test_event_form(alice, bob, room):
    event = bob.event(room, alice.say(room, "x"))
    assert event["sender"] == alice.user_id and event["room_id"] == room and event["type"] == "m.room.message"
    assert not {"hashes", "signatures", "auth_events", "prev_events", "depth", "state_key", "origin"} & set(event), "client format"
    assert 0 <= event["unsigned"]["age"] < 60000


@pytest.mark.parametrize("kind", ["org.example.any", "ü", "a b", "x/y", "m.room.name"])
def test_types_of_messages(alice, room, kind):
    event = alice.send(room, {"a": 1}, type=kind)
    assert alice.event(room, event)["type"] == kind and "state_key" not in alice.event(room, event)


def test_sizes(alice, room):
    assert alice.say(room, "x" * 60000)
    before = len(alice.history(room))
    for content in ({"body": "x" * 66000}, {"body": "x" * 200000}):
        alice.fails(413, "M_TOO_LARGE", "PUT", ("rooms", room, "send", "m.room.message", unique()), content)
    for kind in ("x" * 256, "☃" * 100):
        alice.fails((400, 413), ("M_TOO_LARGE", "M_INVALID_PARAM", "M_BAD_JSON"), "PUT", ("rooms", room, "send", kind, unique()), {})
    alice.fails((400, 413), ("M_TOO_LARGE", "M_INVALID_PARAM", "M_BAD_JSON"), "PUT", ("rooms", room, "state", "org.example.x", "k" * 256), {})
    alice.fails((400, 413), ("M_TOO_LARGE", "M_INVALID_PARAM"), "PUT", ("rooms", room, "send", "m.room.message", "t" * 2000), {})
    assert len(alice.history(room)) == before


def test_where_one_may_not_send(alice, bob, carol, room):
    for where in ("!none:localhost", "nonsense", "@alice:localhost", "!" + "A" * 43):
        r = alice.call("PUT", ("rooms", where, "send", "m.room.message", unique()), {})
        assert r.status in (400, 403, 404) and r.errcode in ("M_FORBIDDEN", "M_NOT_FOUND", "M_INVALID_PARAM"), r
    carol.fails(403, "M_FORBIDDEN", "PUT", ("rooms", room, "send", "m.room.message", unique()), {"body": "x"})


# --- state ---

def test_state(alice, bob, room):
    first = alice.put_state(room, "org.example.s", {"v": 1}, "key/with slash")
    second = alice.put_state(room, "org.example.s", {"v": 2}, "key/with slash")
    assert bob.state(room, "org.example.s", "key/with slash") == {"v": 2}
    event = next(e for e in bob.messages(room)["chunk"] if e["event_id"] == second)
    assert event["state_key"] == "key/with slash" and event["unsigned"]["prev_content"] == {"v": 1} and event["unsigned"]["replaces_state"] == first
    whole = bob.ok("GET", ("rooms", room, "state", "org.example.s", "key/with slash"), query={"format": "event"})
    assert whole["event_id"] == second and whole["content"] == {"v": 2} and whole["room_id"] == room


def test_state_of_the_empty_key(alice, room):
    for path in (f"/_matrix/client/v3/rooms/{room}/state/org.example.e", f"/_matrix/client/v3/rooms/{room}/state/org.example.e/"):
        alice.ok("PUT", path, {"p": path[-1]})
        assert alice.ok("GET", f"/_matrix/client/v3/rooms/{room}/state/org.example.e") == {"p": path[-1]}
        assert alice.ok("GET", f"/_matrix/client/v3/rooms/{room}/state/org.example.e/") == {"p": path[-1]}


def test_unknown_state(alice, bob, carol, room):
    alice.fails(404, "M_NOT_FOUND", "GET", ("rooms", room, "state", "org.example.none", ""))
    carol.fails(403, "M_FORBIDDEN", "GET", ("rooms", room, "state", "m.room.create", ""))
    carol.fails(403, "M_FORBIDDEN", "GET", ("rooms", room, "state"))
    carol.fails(403, "M_FORBIDDEN", "GET", ("rooms", room, "members"))
    carol.fails(403, "M_FORBIDDEN", "GET", ("rooms", room, "joined_members"))
    carol.fails(403, "M_FORBIDDEN", "GET", ("rooms", room, "messages"), query={"dir": "b"})


def test_the_same_state_again(alice, room):
    """Both a new event and the old one's id are right; the state is the same."""
    alice.put_state(room, "m.room.topic", {"topic": "x"})
    alice.put_state(room, "m.room.topic", {"topic": "x"})
    assert alice.state(room, "m.room.topic") == {"topic": "x"}


# --- redact ---

@pytest.mark.parametrize("version", ["6", "9", "11", "12"])
def test_redact(alice, bob, version):
    room = alice.room_with(bob, room_version=version)
    event = alice.say(room, "a secret")
    since = bob.token_now()
    redaction = alice.redact(room, event, reason="typo")
    seen = bob.sync_until(lambda a: with_type(timeline(a, room), "m.room.redaction"), since)
    shown = with_type(timeline(seen, room), "m.room.redaction")[0]
    assert shown["event_id"] == redaction and shown["content"]["reason"] == "typo"
    assert event in (shown.get("redacts"), shown["content"].get("redacts"))
    if int(version) >= 11:
        assert shown["content"]["redacts"] == event
    gone = bob.event(room, event)
    assert gone["content"] == {} and gone["unsigned"]["redacted_because"]["event_id"] == redaction
    assert "a secret" not in str(bob.history(room))
    assert "a secret" not in str(bob.sync())


def test_redact_is_idempotent(alice, room):
    event = alice.say(room, "x")
    txn = unique()
    assert alice.redact(room, event, txn) == alice.redact(room, event, txn)


def test_redacted_state_keeps_what_matters(alice, bob, room):
    member = alice.full_state(room)["m.room.member", bob.user_id]["event_id"]
    name = alice.put_state(room, "m.room.name", {"name": "secret"})
    alice.redact(room, name)
    assert alice.state(room, "m.room.name") == {}
    alice.redact(room, member)
    assert alice.full_state(room)["m.room.member", bob.user_id]["content"] == {"membership": "join"}
    bob.say(room, "still in")
    levels = alice.full_state(room)["m.room.power_levels", ""]
    alice.redact(room, levels["event_id"])
    assert alice.state(room, "m.room.power_levels")["events"] == levels["content"]["events"]


def test_redact_what_is_not_there(alice, carol, room):
    other = carol.create_room()
    foreign = carol.say(other, "x")
    for event in ("$" + "A" * 43, foreign, "nonsense"):
        r = alice.call("PUT", ("rooms", room, "redact", event, unique()), {})
        assert r.status in (400, 403, 404) and r.errcode in ("M_NOT_FOUND", "M_FORBIDDEN", "M_INVALID_PARAM"), r
    assert "body" in carol.event(other, foreign)["content"]


# --- /messages ---

@pytest.fixture
def long_room(alice, bob, room):
    for n in range(25):
        (alice, bob)[n % 2].say(room, str(n))
    return room


def test_both_ways(alice, long_room):
    back = alice.history(long_room, "b", limit=7)
    forth = alice.history(long_room, "f", limit=7)
    assert ids(forth) == ids(back)[::-1] and len(set(ids(forth))) == len(forth)
    assert texts(forth) == [str(n) for n in range(25)]
    assert forth[0]["type"] == "m.room.create"


@pytest.mark.parametrize("limit", [1, 2, 10, 100])
def test_page_sizes(alice, long_room, limit):
    assert texts(alice.history(long_room, "b", limit=limit)) == [str(n) for n in range(24, -1, -1)]
    assert len(alice.messages(long_room, limit=limit)["chunk"]) <= limit


def test_default_limit(alice, long_room):
    page = alice.messages(long_room)
    assert len(page["chunk"]) == 10 and page["start"] and page["end"] != page["start"]


def test_turning_round(alice, long_room):
    """Forth again from where back ended, and the other way: the same events, none lost between."""
    page = alice.messages(long_room, "b", limit=9)
    again = alice.messages(long_room, "f", start=page["end"], limit=9)
    assert ids(again["chunk"]) == ids(page["chunk"])[::-1]
    back = alice.messages(long_room, "b", start=again["end"], limit=9)
    assert ids(back["chunk"]) == ids(page["chunk"])


def test_to(alice, long_room):
    one = alice.messages(long_room, "b", limit=5)
    two = alice.messages(long_room, "b", start=one["end"], limit=5)
    between = alice.messages(long_room, "b", start=one["start"], to=two["end"], limit=100)
    assert ids(between["chunk"]) == ids(one["chunk"]) + ids(two["chunk"])


def test_forth_from_a_sync_token(alice, bob, long_room):
    since = alice.token_now()
    assert alice.messages(long_room, "f", start=since)["chunk"] == []
    bob.say(long_room, "new")
    assert texts(alice.messages(long_room, "f", start=since)["chunk"]) == ["new"]
    assert "new" not in texts(alice.messages(long_room, "b", start=since, limit=100)["chunk"])


@pytest.mark.parametrize("filter, want", [
    ({"types": ["m.room.message"]}, lambda e, a: e["type"] == "m.room.message"), ({"not_types": ["m.room.message"]}, lambda e, a: e["type"] != "m.room.message"),
    ({"types": ["m.room.*"], "not_types": ["m.room.m*"]}, lambda e, a: e["type"].startswith("m.room.") and not e["type"].startswith("m.room.m")),
    ({"senders": ["ALICE"]}, lambda e, a: e["sender"] == a), ({"not_senders": ["ALICE"]}, lambda e, a: e["sender"] != a),
    ({"contains_url": True}, lambda e, a: "url" in e["content"]), ({"types": []}, lambda e, a: False)])
def test_filters(alice, long_room, filter, want):
    alice.send(long_room, {"msgtype": "m.image", "body": "25", "url": "mxc://localhost/x"})
    filter = {k: [alice.user_id] if v == ["ALICE"] else v for k, v in filter.items()}
    everything = alice.history(long_room, "b")
    got = alice.history(long_room, "b", limit=4, filter=filter)
    assert ids(got) == ids([e for e in everything if want(e, alice.user_id)])


def test_lazy_loading(alice, bob, carol, long_room):
    carol.join(long_room)
    page = alice.messages(long_room, "b", limit=5, filter={"lazy_load_members": True, "types": ["m.room.message"]})
    senders = {e["sender"] for e in page["chunk"]}
    state = page["state"]
    assert {e["state_key"] for e in state} == senders == {alice.user_id, bob.user_id} and all(e["type"] == "m.room.member" for e in state)
    assert "state" not in alice.messages(long_room) or alice.messages(long_room)["state"] == []


@pytest.mark.parametrize("query", [{"dir": "x"}, {}, {"dir": "b", "limit": "x"}, {"dir": "b", "limit": "-1"}, {"dir": "b", "from": "nonsense"},
                                   {"dir": "b", "to": "nonsense"}, {"dir": "b", "filter": "nonsense"}, {"dir": "b", "filter": "[]"},
                                   {"dir": "b", "filter": "{\"types\": 5}"}])
def test_bad_queries(alice, room, query):
    alice.fails(400, ("M_INVALID_PARAM", "M_MISSING_PARAM", "M_BAD_JSON", "M_NOT_JSON", "M_UNKNOWN"), "GET", ("rooms", room, "messages"), query=query)


def test_huge_limit(alice, long_room):
    assert alice.messages(long_room, limit=10**9)["chunk"]


# --- /event, /context, members ---

def test_event(alice, bob, carol, room):
    event = alice.say(room, "x")
    assert bob.event(room, event)["event_id"] == event
    other = alice.create_room()
    for who, where, what in ((carol, room, event), (bob, other, event), (bob, room, "$" + "A" * 43), (bob, room, "nonsense"), (bob, "!none:localhost", event)):
        who.fails((403, 404), ("M_NOT_FOUND", "M_FORBIDDEN"), "GET", ("rooms", where, "event", what))


def test_context(alice, long_room):
    everything = alice.history(long_room, "f")
    middle = next(i for i, e in enumerate(everything) if e["content"].get("body") == "12")
    r = alice.ok("GET", ("rooms", long_room, "context", everything[middle]["event_id"]), query={"limit": 10})
    assert r["event"]["event_id"] == everything[middle]["event_id"]
    before, after = ids(r["events_before"]), ids(r["events_after"])
    assert len(before) + len(after) == 10 and abs(len(before) - len(after)) <= 1
    assert before == ids(everything[middle - len(before):middle])[::-1] and after == ids(everything[middle + 1:middle + 1 + len(after)])
    assert {"m.room.create", "m.room.member", "m.room.power_levels"} <= {e["type"] for e in r["state"]}
    older = alice.messages(long_room, "b", start=r["start"], limit=3)["chunk"]
    newer = alice.messages(long_room, "f", start=r["end"], limit=3)["chunk"]
    assert ids(older) == ids(everything[middle - len(before) - 3:middle - len(before)])[::-1]
    assert ids(newer) == ids(everything[middle + 1 + len(after):middle + 4 + len(after)])


def test_context_limits(alice, long_room):
    event = alice.messages(long_room, limit=8)["chunk"][7]["event_id"]
    r = alice.ok("GET", ("rooms", long_room, "context", event), query={"limit": 0})
    assert r["event"]["event_id"] == event and r["events_before"] == r["events_after"] == []
    r = alice.ok("GET", ("rooms", long_room, "context", event), query={"limit": 1})
    assert len(r["events_before"]) + len(r["events_after"]) <= 1
    alice.fails(400, "M_INVALID_PARAM", "GET", ("rooms", long_room, "context", event), query={"limit": "x"})


def test_context_filter_and_permission(alice, carol, long_room):
    event = alice.messages(long_room, limit=8)["chunk"][7]["event_id"]
    r = alice.ok("GET", ("rooms", long_room, "context", event), query={"filter": '{"types":["m.room.none"],"lazy_load_members":true}'})
    assert r["event"]["event_id"] == event and r["events_before"] == r["events_after"] == []
    carol.fails((403, 404), ("M_FORBIDDEN", "M_NOT_FOUND"), "GET", ("rooms", long_room, "context", event))
    alice.fails(404, "M_NOT_FOUND", "GET", ("rooms", long_room, "context", "$" + "A" * 43))


def test_state_in_context_is_of_its_time(alice, room):
    alice.put_state(room, "m.room.name", {"name": "old"})
    event = alice.say(room, "x")
    alice.put_state(room, "m.room.name", {"name": "new"})
    r = alice.ok("GET", ("rooms", room, "context", event), query={"limit": 0})
    assert with_type(r["state"], "m.room.name")[0]["content"]["name"] == "old"


def test_members(alice, bob, carol, new_user, room):
    dave = new_user("dave")
    alice.invite(room, carol)
    alice.member("ban", room, dave.user_id)
    everyone = {alice.user_id: "join", bob.user_id: "join", carol.user_id: "invite", dave.user_id: "ban"}
    assert bob.members(room) == everyone
    assert bob.members(room, membership="join") == {k: v for k, v in everyone.items() if v == "join"}
    assert bob.members(room, not_membership="join") == {k: v for k, v in everyone.items() if v != "join"}
    assert bob.members(room, membership="ban", not_membership="join") == {k: v for k, v in everyone.items() if v != "join"}
    bob.fails(400, ("M_INVALID_PARAM", "M_BAD_JSON"), "GET", ("rooms", room, "members"), query={"at": "nonsense"})


def test_members_at_a_token(alice, bob, carol, room):
    then = alice.token_now()
    carol.join(room)
    bob.leave(room)
    assert alice.members(room, at=then) == {alice.user_id: "join", bob.user_id: "join"}
    assert alice.members(room) == {alice.user_id: "join", bob.user_id: "leave", carol.user_id: "join"}


# --- history visibility ---

def visible_to(who, room):
    return texts(who.history(room, "f"))


@pytest.mark.parametrize("visibility, want", [
    ("world_readable", ["1 before", "2 invited", "3 joined"]), ("shared", ["1 before", "2 invited", "3 joined"]),
    ("invited", ["2 invited", "3 joined"]), ("joined", ["3 joined"])])
def test_history_visibility(alice, bob, visibility, want):
    room = alice.create_room(initial_state=[{"type": "m.room.history_visibility", "content": {"history_visibility": visibility}}])
    first = alice.say(room, "1 before")
    alice.invite(room, bob)
    second = alice.say(room, "2 invited")
    bob.join(room)
    third = alice.say(room, "3 joined")
    bob.leave(room)
    fourth = alice.say(room, "4 left")
    assert visible_to(bob, room) == want if visibility != "world_readable" else visible_to(bob, room)[:3] == want
    for text, event in (("1 before", first), ("2 invited", second), ("3 joined", third)):
        r = bob.call("GET", ("rooms", room, "event", event))
        assert (r.status == 200) == (text in want) and r.status in (200, 403, 404), (text, r)
    if visibility != "world_readable":
        assert bob.call("GET", ("rooms", room, "event", fourth)).status in (403, 404)


def test_world_readable_for_strangers(alice, carol):
    room = alice.create_room(initial_state=[{"type": "m.room.history_visibility", "content": {"history_visibility": "world_readable"}}])
    alice.say(room, "for all")
    assert visible_to(carol, room) == ["for all"]
    assert ("m.room.create", "") in carol.full_state(room)
    alice.put_state(room, "m.room.history_visibility", {"history_visibility": "shared"})
    alice.say(room, "no more")
    r = carol.call("GET", ("rooms", room, "messages"), query={"dir": "b"})
    assert r.status == 403 or "no more" not in texts(r.json["chunk"])


def test_visibility_changes_count_from_then(alice, bob):
    room = alice.create_room(preset="public_chat", initial_state=[{"type": "m.room.history_visibility", "content": {"history_visibility": "joined"}}])
    alice.say(room, "hidden")
    alice.put_state(room, "m.room.history_visibility", {"history_visibility": "shared"})
    alice.say(room, "shown")
    bob.join(room)
    assert visible_to(bob, room) == ["shown"]
    assert "hidden" not in str(bob.sync())


def test_sync_hides_what_history_hides(alice, bob):
    room = alice.create_room(preset="public_chat", initial_state=[{"type": "m.room.history_visibility", "content": {"history_visibility": "joined"}}])
    alice.say(room, "hidden")
    bob.join(room)
    alice.say(room, "seen")
    answer = bob.sync_until(has_body(room, "seen"))
    assert "hidden" not in bodies(timeline(answer, room))


def test_after_the_leave(alice, bob, room):
    alice.say(room, "before")
    bob.leave(room)
    late = alice.say(room, "after")
    assert "after" not in visible_to(bob, room) and "before" in visible_to(bob, room)
    bob.fails((403, 404), ("M_NOT_FOUND", "M_FORBIDDEN"), "GET", ("rooms", room, "event", late))
    assert bob.members(room)[bob.user_id] == "leave"
