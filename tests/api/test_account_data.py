"""Account data, tags, filters, ignored users."""
import pytest

from harness.client import bodies, joined, timeline


def events(answer, room=None):
    section = joined(answer, room) if room else answer
    return {e["type"]: e["content"] for e in section.get("account_data", {}).get("events", [])}


def test_global(alice):
    since = alice.token_now()
    alice.account_data("org.example.a", {"x": [1, {"y": None}]})
    assert alice.ok("GET", ("user", alice.user_id, "account_data", "org.example.a")) == {"x": [1, {"y": None}]}
    answer = alice.sync_until(lambda a: events(a)["org.example.a"], since)
    assert events(answer)["org.example.a"] == {"x": [1, {"y": None}]}
    assert "org.example.a" not in events(alice.sync(answer["next_batch"]))
    alice.account_data("org.example.a", {})
    assert events(alice.sync_until(lambda a: "org.example.a" in events(a), answer["next_batch"]))["org.example.a"] == {}
    assert "org.example.a" in events(alice.sync())


def test_of_a_room(alice, room):
    since = alice.token_now()
    alice.account_data("org.example.r", {"x": 1}, room)
    assert alice.ok("GET", ("user", alice.user_id, "rooms", room, "account_data", "org.example.r")) == {"x": 1}
    assert events(alice.sync_until(lambda a: events(a, room)["org.example.r"], since), room)["org.example.r"] == {"x": 1}
    assert events(alice.sync(), room)["org.example.r"] == {"x": 1}
    alice.fails(404, "M_NOT_FOUND", "GET", ("user", alice.user_id, "account_data", "org.example.r"))


def test_other_devices_see_it(alice):
    other = alice.device()
    since = other.token_now()
    alice.account_data("m.direct", {"@x:localhost": ["!a:b"]})
    assert events(other.sync_until(lambda a: events(a)["m.direct"], since))


def test_nothing_there(alice, room):
    alice.fails(404, "M_NOT_FOUND", "GET", ("user", alice.user_id, "account_data", "org.example.none"))
    alice.fails(404, "M_NOT_FOUND", "GET", ("user", alice.user_id, "rooms", room, "account_data", "org.example.none"))


def test_private(alice, bob, room):
    alice.account_data("org.example.secret", {"x": 1})
    alice.account_data("org.example.secret", {"x": 1}, room)
    for where in (("user", alice.user_id, "account_data", "org.example.secret"), ("user", alice.user_id, "rooms", room, "account_data", "org.example.secret")):
        bob.fails(403, "M_FORBIDDEN", "GET", where)
        bob.fails(403, "M_FORBIDDEN", "PUT", where, {})
    assert "org.example.secret" not in events(bob.sync())


@pytest.mark.parametrize("kind", ["m.fully_read", "m.push_rules"])
def test_managed_by_the_server(alice, room, kind):
    alice.fails(405, "M_BAD_JSON", "PUT", ("user", alice.user_id, "account_data", kind), {})
    alice.fails(405, "M_BAD_JSON", "PUT", ("user", alice.user_id, "rooms", room, "account_data", kind), {})


def test_push_rules_are_shown(alice):
    assert "override" in events(alice.sync())["m.push_rules"]["global"]
    assert "global" in alice.ok("GET", ("user", alice.user_id, "account_data", "m.push_rules"))


def test_odd_rooms(alice):
    for room in ("not-a-room", "!a b"):
        r = alice.call("PUT", ("user", alice.user_id, "rooms", room, "account_data", "org.example.x"), {})
        assert r.status in (200, 400, 403, 404) and (r.status == 200 or r.errcode in ("M_INVALID_PARAM", "M_NOT_FOUND", "M_FORBIDDEN")), r


# --- tags ---

def test_tags(alice, bob, room):
    where = ("user", alice.user_id, "rooms", room, "tags")
    assert alice.ok("GET", where) == {"tags": {}}
    since = alice.token_now()
    alice.ok("PUT", where + ("m.favourite",), {"order": 0.25})
    alice.ok("PUT", where + ("u.Work & play",), {})
    assert alice.ok("GET", where)["tags"] == {"m.favourite": {"order": 0.25}, "u.Work & play": {}}
    answer = alice.sync_until(lambda a: len(events(a, room)["m.tag"]["tags"]) == 2, since)
    alice.ok("DELETE", where + ("u.Work & play",))
    alice.ok("DELETE", where + ("u.Work & play",))
    assert events(alice.sync_until(lambda a: "m.tag" in events(a, room), answer["next_batch"]), room)["m.tag"] == {"tags": {"m.favourite": {"order": 0.25}}}
    assert bob.ok("GET", ("user", bob.user_id, "rooms", room, "tags")) == {"tags": {}}
    bob.fails(403, "M_FORBIDDEN", "GET", where)
    bob.fails(403, "M_FORBIDDEN", "PUT", where + ("m.favourite",), {})


def test_bad_tags(alice, room):
    where = ("user", alice.user_id, "rooms", room, "tags")
    alice.fails(400, ("M_BAD_JSON", "M_INVALID_PARAM"), "PUT", where + ("m.favourite",), {"order": "first"})
    alice.fails(400, ("M_INVALID_PARAM", "M_TOO_LARGE", "M_BAD_JSON", "M_UNKNOWN"), "PUT", where + ("u." + "x" * 300,), {})
    assert alice.ok("GET", where) == {"tags": {}}


# --- filters ---

def test_filters(alice, bob):
    wanted = {"room": {"timeline": {"limit": 3, "types": ["m.room.message"]}, "include_leave": True}, "presence": {"not_types": ["*"]}}
    name = alice.ok("POST", ("user", alice.user_id, "filter"), wanted)["filter_id"]
    assert alice.ok("GET", ("user", alice.user_id, "filter", name)) == wanted
    assert not name.startswith("{")
    bob.fails((403, 404), ("M_FORBIDDEN", "M_NOT_FOUND"), "GET", ("user", alice.user_id, "filter", name))
    bob.fails(403, "M_FORBIDDEN", "POST", ("user", alice.user_id, "filter"), {})
    alice.fails((400, 404), ("M_NOT_FOUND", "M_INVALID_PARAM"), "GET", ("user", alice.user_id, "filter", "no-such"))
    alice.sync(filter=name)


@pytest.mark.parametrize("bad", [{"room": 5}, {"room": {"timeline": {"limit": "x"}}}, {"room": {"timeline": {"types": "m.room.message"}}},
                                 {"event_fields": {}}, {"event_format": "yaml"}, {"room": {"rooms": [5]}}, {"presence": []},
                                 {"room": {"timeline": {"lazy_load_members": "yes"}}}])
def test_bad_filters(alice, bad):
    alice.fails(400, ("M_BAD_JSON", "M_INVALID_PARAM"), "POST", ("user", alice.user_id, "filter"), bad)


# --- ignored users ---

def test_ignored_users(alice, bob, carol):
    room = alice.room_with(bob, carol)
    alice.account_data("m.ignored_user_list", {"ignored_users": {bob.user_id: {}}})
    since = alice.token_now()
    bob.say(room, "from bob")
    bob_room = bob.create_room(invite=[alice.user_id])
    carol.say(room, "from carol")
    answer = alice.sync_until(lambda a: "from carol" in bodies(timeline(a, room)), since)
    assert "from bob" not in bodies(timeline(answer, room))
    assert bob_room not in alice.sync().get("rooms", {}).get("invite", {})
    alice.account_data("m.ignored_user_list", {"ignored_users": {}})
    since = alice.token_now()
    bob.say(room, "again")
    alice.sync_until(lambda a: "again" in bodies(timeline(a, room)), since)


def test_state_of_ignored_users_is_shown(alice, bob):
    room = bob.room_with(alice)
    alice.account_data("m.ignored_user_list", {"ignored_users": {bob.user_id: {}}})
    since = alice.token_now()
    bob.put_state(room, "m.room.name", {"name": "Bob's"})
    alice.sync_until(lambda a: [e for e in timeline(a, room) if e["type"] == "m.room.name"], since)


def test_odd_ignore_lists(alice, room):
    for content in ({}, {"ignored_users": []}, {"ignored_users": {"nonsense": 5}}, {"ignored_users": "x"}):
        alice.account_data("m.ignored_user_list", content)
        alice.say(room, "still")
        assert "still" in bodies(timeline(alice.sync(), room))
