"""Aliases and the public directory: paging, search, types."""
import pytest

from harness.client import Client, unique
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


def test_paging_both_ways(alice, bob, carol):
    """In the order of members, forth and back over the same pages; what joins and leaves meanwhile moves only itself."""
    word = unique("pages")
    rooms = [alice.create_room(visibility="public", preset="public_chat", name=f"{word} {n}") for n in range(9)]
    for room in (rooms[4], rooms[7]):
        bob.join(room)
    carol.join(rooms[7])
    whole = search(bob, word)
    order = [c["room_id"] for c in whole["chunk"]]
    assert order[:2] == [rooms[7], rooms[4]] and order[2:] == sorted(set(rooms) - set(order[:2])) and whole["total_room_count_estimate"] == 9
    assert "next_batch" not in whole and "prev_batch" not in whole
    pages, answer = [], search(bob, word, limit=2)
    assert "prev_batch" not in answer
    while True:
        pages.append([c["room_id"] for c in answer["chunk"]])
        assert answer["total_room_count_estimate"] == 9
        if "next_batch" not in answer:
            break
        answer = search(bob, word, limit=2, since=answer["next_batch"])
    assert sum(pages, []) == order and [len(p) for p in pages] == [2, 2, 2, 2, 1]
    for page in reversed(pages[:-1]):
        answer = search(bob, word, limit=2, since=answer["prev_batch"])
        assert [c["room_id"] for c in answer["chunk"]] == page and "next_batch" in answer
    assert "prev_batch" not in answer
    forth = search(bob, word, limit=4)
    carol.join(order[-1])  # comes to the front
    rest = [c["room_id"] for c in search(bob, word, since=forth["next_batch"])["chunk"]]
    assert rest == order[4:-1]
    assert [c["room_id"] for c in search(bob, word, limit=3)["chunk"]] == [rooms[7], *sorted([rooms[4], order[-1]])]


def test_leaving_counts_and_so_does_what_is_redacted(published, alice, bob):
    word, rooms = published
    bob.join(rooms[1])
    bob.leave(rooms[1])
    bob.join(rooms[2])
    alice.member("kick", rooms[2], bob.user_id)
    topic = alice.put_state(rooms[0], "m.room.topic", {"topic": "to go"})
    alice.redact(rooms[0], topic)
    entries = {c["room_id"]: c for c in search(bob, word)["chunk"]}
    assert entries[rooms[1]]["num_joined_members"] == entries[rooms[2]]["num_joined_members"] == 1
    assert "topic" not in entries[rooms[0]] and entries[rooms[1]]["topic"] == "about 1"


def test_over_a_restart(own_server):
    server = own_server()
    alice, bob = Client(server).register(unique()), Client(server).register(unique())
    rooms = [alice.create_room(visibility="public", preset="public_chat", name=f"Room {n}", topic="a place") for n in range(70)]
    bob.join(rooms[30])
    before = bob.ok("GET", ("publicRooms",), query={"limit": 100})
    assert before["total_room_count_estimate"] == 70 and before["chunk"][0]["room_id"] == rooms[30]
    for kill in (False, True):
        server.restart(kill=kill)
        assert bob.ok("GET", ("publicRooms",), query={"limit": 100}) == before
    alice.ok("PUT", ("directory", "list", "room", rooms[30]), {"visibility": "private"})
    alice.put_state(rooms[31], "m.room.name", {"name": "Other"})
    after = bob.ok("GET", ("publicRooms",), query={"limit": 100})
    assert after["total_room_count_estimate"] == 69 and rooms[30] not in {c["room_id"] for c in after["chunk"]}
    server.restart(kill=True)
    assert bob.ok("GET", ("publicRooms",), query={"limit": 100}) == after
    assert [c["room_id"] for c in search(bob, "other")["chunk"]] == [rooms[31]]


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
