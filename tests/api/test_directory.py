"""Aliases and the public directory: paging, search, types."""
import pytest

from harness.client import unique
from harness.settings import SERVER_NAME


def alias_of(prefix="a"):
    return f"#{unique(prefix)}:{SERVER_NAME}"


def put(client, alias, room):
    return client.call("PUT", ("directory", "room", alias), {"room_id": room})


# --- aliases ---

def test_alias(alice, bob, room):
    alias = alias_of("Ünïcode ☃ ")
    assert put(alice, alias, room).status == 200
    found = bob.ok("GET", ("directory", "room", alias), token=None)
    assert found["room_id"] == room and found["servers"] == [SERVER_NAME]
    r = put(alice, alias, room)
    assert r.status == 409, r
    alice.ok("DELETE", ("directory", "room", alias))
    bob.fails(404, "M_NOT_FOUND", "GET", ("directory", "room", alias))
    alice.fails(404, "M_NOT_FOUND", "DELETE", ("directory", "room", alias))
    assert put(alice, alias, room).status == 200


@pytest.mark.parametrize("alias", ["nonsense", "!room:localhost", "#no-server", "#" + "x" * 300 + ":localhost", "#:"])
def test_bad_aliases(alice, room, alias):
    r = put(alice, alias, room)
    assert r.status == 400 and r.errcode in ("M_INVALID_PARAM", "M_BAD_JSON"), r
    r = alice.call("GET", ("directory", "room", alias))
    assert r.status in (400, 404), r


def test_alias_of_another_server(alice, room):
    r = put(alice, "#a:elsewhere.example", room)
    assert r.status in (400, 403), r
    alice.fails(404, "M_NOT_FOUND", "GET", ("directory", "room", "#a:elsewhere.example"))


def test_alias_to_nowhere(alice):
    r = put(alice, alias_of(), "!none:localhost")
    assert r.status in (400, 403, 404), r
    r = put(alice, alias_of(), "nonsense")
    assert r.status == 400, r


def test_who_may_set_and_delete(alice, bob, carol, room):
    assert put(carol, alias_of(), room).status == 403, "carol is not in the room"
    alias = alias_of()
    assert put(bob, alias, room).status == 200
    assert carol.call("DELETE", ("directory", "room", alias)).status == 403
    alice.ok("DELETE", ("directory", "room", alias))
    assert put(bob, alias, room).status == 200
    bob.ok("DELETE", ("directory", "room", alias))


def test_aliases_of_a_room(alice, bob, carol, room):
    one, two = alias_of(), alias_of()
    put(alice, one, room), put(bob, two, room)
    r = alice.call("GET", ("rooms", room, "aliases"))
    if r.errcode == "M_UNRECOGNIZED":
        pytest.skip("not served")
    assert sorted(r.json["aliases"]) == sorted([one, two])
    carol.fails(403, "M_FORBIDDEN", "GET", ("rooms", room, "aliases"))


def test_canonical_alias_must_point_here(alice, room):
    alias = alias_of()
    path = ("rooms", room, "state", "m.room.canonical_alias", "")
    alice.fails(400, "M_BAD_ALIAS", "PUT", path, {"alias": alias})
    put(alice, alias, room)
    alice.ok("PUT", path, {"alias": alias, "alt_aliases": [alias]})
    other = alias_of()
    put(alice, other, alice.create_room())
    alice.fails(400, "M_BAD_ALIAS", "PUT", path, {"alias": other})
    alice.fails(400, "M_BAD_ALIAS", "PUT", path, {"alias": alias, "alt_aliases": [other]})
    alice.fails(400, ("M_INVALID_PARAM", "M_BAD_ALIAS", "M_BAD_JSON"), "PUT", path, {"alias": "nonsense"})
    alice.ok("DELETE", ("directory", "room", alias))
    alice.ok("PUT", path, {})


# --- the directory ---

@pytest.fixture
def published(alice):
    """Rooms of one word that nobody else uses; the word, then the rooms by members."""
    word = unique("word")
    rooms = [alice.create_room(visibility="public", preset="public_chat", name=f"{word.upper()} {n}", topic=f"about {n}") for n in range(5)]
    return word, rooms


def search(client, word, **more):
    return client.ok("POST", ("publicRooms",), {"filter": {"generic_search_term": word}, **more})


def test_search(published, bob):
    word, rooms = published
    chunk = search(bob, word)["chunk"]
    assert {c["room_id"] for c in chunk} == set(rooms)
    assert search(bob, word + "nothing")["chunk"] == []
    entry = next(c for c in chunk if c["room_id"] == rooms[0])
    assert entry["name"] == f"{word.upper()} 0" and entry["topic"] == "about 0" and entry["num_joined_members"] == 1
    assert entry["world_readable"] is False and entry["guest_can_join"] is False and entry.get("join_rule", "public") == "public"


def test_search_by_topic_and_alias(alice, bob):
    word = unique("topical")
    by_topic = alice.create_room(visibility="public", topic=f"all about {word}")
    by_alias = alice.create_room(visibility="public", room_alias_name=f"{word}-room")
    found = {c["room_id"]: c for c in search(bob, word)["chunk"]}
    assert set(found) >= {by_topic}
    assert found.get(by_alias, {}).get("canonical_alias", f"#{word}-room:{SERVER_NAME}") == f"#{word}-room:{SERVER_NAME}"


def test_paging(published, bob):
    word, rooms = published
    seen, since, pages = [], None, 0
    while True:
        page = search(bob, word, limit=2, **({"since": since} if since else {}))
        seen += [c["room_id"] for c in page["chunk"]]
        assert len(page["chunk"]) <= 2
        since, pages = page.get("next_batch"), pages + 1
        if not since:
            break
        assert pages < 10
    assert sorted(seen) == sorted(rooms)


def test_paging_of_everything(published, bob):
    """GET with small pages sees every published room once."""
    seen, since = [], None
    while True:
        page = bob.ok("GET", ("publicRooms",), query={"limit": 3, **({"since": since} if since else {})}, token=None)
        seen += [c["room_id"] for c in page["chunk"]]
        since = page.get("next_batch")
        if not since:
            break
    assert len(seen) == len(set(seen)) and set(published[1]) <= set(seen)


def test_members_are_counted(published, bob, carol):
    word, rooms = published
    for who in (bob, carol):
        who.join(rooms[3])
    counts = {c["room_id"]: c["num_joined_members"] for c in search(bob, word)["chunk"]}
    assert counts[rooms[3]] == 3 and counts[rooms[0]] == 1


def test_entries_follow_the_room(published, alice, bob):
    word, rooms = published
    alice.put_state(rooms[0], "m.room.name", {"name": f"{word} renamed"})
    alice.put_state(rooms[0], "m.room.history_visibility", {"history_visibility": "world_readable"})
    alice.put_state(rooms[0], "m.room.guest_access", {"guest_access": "can_join"})
    alice.put_state(rooms[0], "m.room.avatar", {"url": "mxc://localhost/a"})
    entry = next(c for c in search(bob, word)["chunk"] if c["room_id"] == rooms[0])
    assert entry["name"] == f"{word} renamed" and entry["world_readable"] is True and entry["guest_can_join"] is True
    assert entry["avatar_url"] == "mxc://localhost/a"


def test_visibility(alice, bob, carol, room):
    path = ("directory", "list", "room", room)
    assert carol.ok("GET", path, token=None)["visibility"] == "private"
    alice.ok("PUT", path, {"visibility": "public"})
    assert carol.ok("GET", path)["visibility"] == "public"
    carol.fails(403, "M_FORBIDDEN", "PUT", path, {"visibility": "private"})
    bob.fails(403, "M_FORBIDDEN", "PUT", path, {"visibility": "private"})
    alice.ok("PUT", path, {})
    assert carol.ok("GET", path)["visibility"] == "public", "public is the default"
    alice.fails(400, ("M_BAD_JSON", "M_INVALID_PARAM"), "PUT", path, {"visibility": "semi"})
    alice.ok("PUT", path, {"visibility": "private"})
    for unknown in ("!none:localhost", "!" + "A" * 43):
        alice.fails(404, "M_NOT_FOUND", "GET", ("directory", "list", "room", unknown))
        alice.fails(404, "M_NOT_FOUND", "PUT", ("directory", "list", "room", unknown), {"visibility": "public"})


def test_private_rooms_are_not_listed(alice, bob):
    word = unique("hidden")
    room = alice.create_room(visibility="private", preset="public_chat", name=word)
    assert search(bob, word)["chunk"] == []
    alice.ok("PUT", ("directory", "list", "room", room), {"visibility": "public"})
    assert [c["room_id"] for c in search(bob, word)["chunk"]] == [room]


def test_room_types(alice, bob):
    word = unique("types")
    space = alice.create_room(visibility="public", name=word, creation_content={"type": "m.space"})
    plain = alice.create_room(visibility="public", name=word)
    for types, want in (([None], {plain}), (["m.space"], {space}), (["m.space", None], {plain, space}), (["org.example.none"], set())):
        found = bob.ok("POST", ("publicRooms",), {"filter": {"generic_search_term": word, "room_types": types}})["chunk"]
        assert {c["room_id"] for c in found} == want, types
    assert next(c for c in search(bob, word)["chunk"] if c["room_id"] == space)["room_type"] == "m.space"


@pytest.mark.parametrize("body", [{"limit": "x"}, {"limit": -1}, {"since": 5}, {"filter": []}, {"filter": {"generic_search_term": 5}}, {"since": "nonsense"},
                                  {"filter": {"room_types": "m.space"}}])
def test_bad_searches(bob, body):
    bob.fails(400, ("M_BAD_JSON", "M_INVALID_PARAM"), "POST", ("publicRooms",), body)


def test_bad_queries(bob):
    for query in ({"limit": "x"}, {"limit": "-5"}, {"since": "nonsense"}):
        bob.fails(400, ("M_INVALID_PARAM", "M_BAD_JSON"), "GET", ("publicRooms",), query=query)


def test_another_server(bob):
    r = bob.call("GET", ("publicRooms",), query={"server": "elsewhere.example"})
    assert r.status in (200, 400, 403, 404, 501, 502), r
