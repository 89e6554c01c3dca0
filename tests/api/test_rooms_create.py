"""createRoom with every preset and option, in every room version; upgrades."""
import threading

import pytest

from harness.client import state_events, unique
from harness.settings import SERVER_NAME

VERSIONS = [str(v) for v in range(6, 13)]
each_version = pytest.mark.parametrize("version", VERSIONS)


def content(state, type, key=""):
    return state[type, key]["content"]


@pytest.mark.parametrize("preset, join_rule, guests", [
    ("private_chat", "invite", "can_join"), ("trusted_private_chat", "invite", "can_join"), ("public_chat", "public", "forbidden")])
def test_presets(alice, preset, join_rule, guests):
    state = alice.full_state(alice.create_room(preset=preset))
    assert content(state, "m.room.join_rules")["join_rule"] == join_rule
    assert content(state, "m.room.history_visibility")["history_visibility"] == "shared"
    assert state.get(("m.room.guest_access", ""), {"content": {"guest_access": "forbidden"}})["content"]["guest_access"] == guests


@pytest.mark.parametrize("visibility, join_rule", [("public", "public"), ("private", "invite"), (None, "invite")])
def test_visibility_chooses_the_preset(alice, visibility, join_rule):
    room = alice.create_room(**({"visibility": visibility} if visibility else {}))
    assert alice.state(room, "m.room.join_rules")["join_rule"] == join_rule
    assert alice.ok("GET", ("directory", "list", "room", room))["visibility"] == (visibility or "private")


def test_preset_and_visibility_are_independent(alice):
    room = alice.create_room(visibility="public", preset="private_chat")
    assert alice.state(room, "m.room.join_rules")["join_rule"] == "invite"
    assert alice.ok("GET", ("directory", "list", "room", room))["visibility"] == "public"


@each_version
def test_versions(alice, bob, version):
    room = alice.create_room(preset="public_chat", room_version=version, name="N", topic="T")
    state = alice.full_state(room)
    create = state["m.room.create", ""]
    assert create["sender"] == alice.user_id and create["content"].get("room_version") == version
    assert ("creator" in create["content"]) == (int(version) < 11)
    if int(version) < 11:
        assert create["content"]["creator"] == alice.user_id
    users = content(state, "m.room.power_levels").get("users", {})
    if version == "12":
        assert room == "!" + create["event_id"][1:] and alice.user_id not in users
        tombstone, default = content(state, "m.room.power_levels")["events"]["m.room.tombstone"], content(state, "m.room.power_levels").get("state_default", 50)
        assert tombstone > default
    else:
        assert room.endswith(":" + SERVER_NAME) and users == {alice.user_id: 100}
    bob.join(room)
    event = bob.say(room, "hello")
    assert alice.event(room, event)["content"]["body"] == "hello"
    assert alice.event(room, event)["room_id"] == room


def test_default_version_is_12(alice):
    assert alice.state(alice.create_room(), "m.room.create")["room_version"] == "12"


@pytest.mark.parametrize("version", ["13", "1", "", "org.example.mad", "12 "])
def test_unknown_versions(alice, version):
    alice.fails(400, "M_UNSUPPORTED_ROOM_VERSION", "POST", ("createRoom",), {"room_version": version})


def test_order_of_the_first_events(alice, bob):
    room = alice.create_room(preset="private_chat", name="Name", topic="Topic", room_alias_name=unique("order"), invite=[bob.user_id],
                             initial_state=[{"type": "m.room.encryption", "content": {"algorithm": "m.megolm.v1.aes-sha2"}}])
    types = [(e["type"], e["state_key"]) for e in alice.history(room, "f")]
    assert types[:4] == [("m.room.create", ""), ("m.room.member", alice.user_id), ("m.room.power_levels", ""), ("m.room.canonical_alias", "")]
    assert set(types[4:7]) == {("m.room.join_rules", ""), ("m.room.history_visibility", ""), ("m.room.guest_access", "")}
    assert types[7] == ("m.room.encryption", "") and set(types[8:10]) == {("m.room.name", ""), ("m.room.topic", "")}
    assert types[10:] == [("m.room.member", bob.user_id)]


def test_name_and_topic(alice):
    room = alice.create_room(name="A name ☃", topic="About")
    assert alice.state(room, "m.room.name") == {"name": "A name ☃"}
    topic = alice.state(room, "m.room.topic")
    assert topic["topic"] == "About"
    if "m.topic" in topic:
        assert topic["m.topic"]["m.text"][0]["body"] == "About"


def test_name_wins_over_initial_state(alice):
    room = alice.create_room(name="right", initial_state=[{"type": "m.room.name", "state_key": "", "content": {"name": "wrong"}}])
    assert alice.state(room, "m.room.name") == {"name": "right"}


def test_initial_state(alice):
    room = alice.create_room(preset="private_chat", initial_state=[
        {"type": "m.room.history_visibility", "content": {"history_visibility": "joined"}},
        {"type": "org.example.thing", "state_key": "key", "content": {"a": 1}},
        {"type": "org.example.thing", "content": {"a": 2}}])
    assert alice.state(room, "m.room.history_visibility")["history_visibility"] == "joined"
    assert alice.state(room, "org.example.thing", "key") == {"a": 1} and alice.state(room, "org.example.thing") == {"a": 2}


def test_creation_content(alice):
    room = alice.create_room(creation_content={"m.federate": False, "type": "m.space", "org.example.x": [1], "creator": "@evil:x", "room_version": "1"})
    create = alice.state(room, "m.room.create")
    assert create["m.federate"] is False and create["type"] == "m.space" and create["org.example.x"] == [1]
    assert create["room_version"] == "12" and create.get("creator") != "@evil:x"


def test_additional_creators(alice, bob):
    room = alice.create_room(preset="public_chat", creation_content={"additional_creators": [bob.user_id]})
    bob.join(room)
    bob.put_state(room, "m.room.name", {"name": "by the other creator"})
    alice.fails(403, "M_FORBIDDEN", "POST", ("rooms", room, "kick"), {"user_id": bob.user_id})


@pytest.mark.parametrize("creators", ["x", [5], ["nonsense"], {}])
def test_bad_additional_creators(alice, creators):
    alice.fails(400, ("M_BAD_JSON", "M_INVALID_PARAM", "M_INVALID_ROOM_STATE"), "POST", ("createRoom",),
                {"creation_content": {"additional_creators": creators}})


@pytest.mark.parametrize("version", ["11", "12"])
def test_trusted_private_chat_gives_power(alice, bob, version):
    room = alice.create_room(preset="trusted_private_chat", invite=[bob.user_id], room_version=version)
    bob.join(room)
    bob.put_state(room, "m.room.name", {"name": "mine too"})
    if version == "12":
        assert alice.state(room, "m.room.create")["additional_creators"] == [bob.user_id]
    else:
        assert alice.state(room, "m.room.power_levels")["users"][bob.user_id] == 100


def test_power_level_override(alice):
    room = alice.create_room(power_level_content_override={"events_default": 30, "events": {"org.example.x": 5}, "users_default": 7})
    levels = alice.state(room, "m.room.power_levels")
    assert levels["events_default"] == 30 and levels["events"]["org.example.x"] == 5 and levels["users_default"] == 7
    assert levels.get("ban", 50) == 50


def test_override_that_leaves_the_creator_powerless(alice):
    r = alice.call("POST", ("createRoom",), {"room_version": "11", "name": "x", "power_level_content_override": {"users": {alice.user_id: 0}}})
    assert r.status == 400 and r.errcode in ("M_INVALID_ROOM_STATE", "M_FORBIDDEN", "M_BAD_JSON"), r


def test_creator_in_the_users_of_version_12(alice):
    r = alice.call("POST", ("createRoom",), {"power_level_content_override": {"users": {alice.user_id: 100}}})
    assert r.status == 400 and r.errcode in ("M_INVALID_ROOM_STATE", "M_BAD_JSON", "M_INVALID_PARAM"), r


@pytest.mark.parametrize("override", [{"ban": "50"}, {"users": []}, {"events": {"x": "y"}}, {"users": {"@a:b": 1.5}}])
def test_bad_overrides(alice, override):
    r = alice.call("POST", ("createRoom",), {"power_level_content_override": override})
    assert r.status == 400 and r.errcode in ("M_INVALID_ROOM_STATE", "M_BAD_JSON", "M_INVALID_PARAM"), r


def test_invites(alice, bob, carol):
    room = alice.create_room(preset="private_chat", invite=[bob.user_id, carol.user_id], is_direct=True, name="Direct")
    for who in (bob, carol):
        answer = who.sync_until(lambda a: a["rooms"]["invite"][room])
        shown = {(e["type"], e["state_key"]): e["content"] for e in state_events(answer, room, "invite", "invite_state")}
        assert shown["m.room.member", who.user_id] == {**shown["m.room.member", who.user_id], "membership": "invite", "is_direct": True}
        assert shown["m.room.name", ""]["name"] == "Direct" and shown["m.room.join_rules", ""]["join_rule"] == "invite"
        assert shown["m.room.create", ""]["room_version"] == "12", "stripped state has the create event"
        who.join(room)
    assert alice.members(room) == {c.user_id: "join" for c in (alice, bob, carol)}


def test_alias(alice, bob):
    name = unique("alias")
    room = alice.create_room(room_alias_name=name, preset="public_chat")
    alias = f"#{name}:{SERVER_NAME}"
    assert alice.state(room, "m.room.canonical_alias")["alias"] == alias
    assert bob.ok("GET", ("directory", "room", alias))["room_id"] == room
    assert bob.join(alias) == room
    before = alice.joined_rooms()
    alice.fails(400, "M_ROOM_IN_USE", "POST", ("createRoom",), {"room_alias_name": name})
    assert alice.joined_rooms() == before, "nothing remains of the room that was refused"


@pytest.mark.parametrize("name", ["a b:c", "a:b", "x" * 260, "a\x00b"])
def test_bad_alias_names(alice, name):
    before = alice.joined_rooms()
    alice.fails(400, ("M_INVALID_PARAM", "M_BAD_JSON"), "POST", ("createRoom",), {"room_alias_name": name})
    assert alice.joined_rooms() == before


@pytest.mark.parametrize("body", [
    {"preset": "nonsense"}, {"visibility": "semi"}, {"invite": ["not a user"]}, {"invite": [5]}, {"initial_state": [5]}, {"initial_state": [{"type": "x"}]},
    {"initial_state": [{"content": {}}]}, {"initial_state": [{"type": 5, "content": {}}]}, {"initial_state": [{"type": "x", "state_key": 3, "content": {}}]},
    {"name": "x" * 70000}, {"is_direct": "yes"}, {"creation_content": []}])
def test_bad_requests_make_no_room(alice, body):
    before = alice.joined_rooms()
    r = alice.call("POST", ("createRoom",), body)
    assert r.status in (400, 413) and r.errcode in ("M_BAD_JSON", "M_INVALID_PARAM", "M_MISSING_PARAM", "M_TOO_LARGE", "M_INVALID_ROOM_STATE"), r
    assert alice.joined_rooms() == before


@pytest.mark.parametrize("type", ["m.room.create", "m.room.member"])
def test_initial_state_of_reserved_types(alice, type):
    r = alice.call("POST", ("createRoom",), {"initial_state": [{"type": type, "state_key": "", "content": {"membership": "join"}}]})
    assert r.status in (400, 403), r


def test_a_new_room_is_in_sync(alice):
    since = alice.token_now()
    room = alice.create_room(name="New")
    answer = alice.sync_until(lambda a: a["rooms"]["join"][room], since)
    seen = {e["type"] for e in state_events(answer, room) + answer["rooms"]["join"][room]["timeline"]["events"]}
    assert {"m.room.create", "m.room.member", "m.room.power_levels", "m.room.name"} <= seen
    assert room in alice.joined_rooms()


# --- upgrades ---

@pytest.mark.parametrize("old, new", [("9", "11"), ("10", "12"), ("12", "12"), ("11", "6")])
def test_upgrade(alice, bob, old, new):
    name = unique("up")
    room = alice.create_room(preset="public_chat", room_version=old, name="Old", topic="T", room_alias_name=name, creation_content={"type": "m.space"})
    bob.join(room)
    alice.set_power(room, {"users": {bob.user_id: 50}})
    replacement = alice.ok("POST", ("rooms", room, "upgrade"), {"new_version": new})["replacement_room"]
    create = alice.state(replacement, "m.room.create")
    assert create["room_version"] == new and create["predecessor"]["room_id"] == room and create["type"] == "m.space"
    assert alice.state(room, "m.room.tombstone")["replacement_room"] == replacement
    assert alice.state(replacement, "m.room.name") == {"name": "Old"} and alice.state(replacement, "m.room.topic")["topic"] == "T"
    assert alice.state(replacement, "m.room.join_rules")["join_rule"] == "public"
    levels = alice.state(replacement, "m.room.power_levels")
    assert levels["users"][bob.user_id] == 50 and (alice.user_id in levels["users"]) == (new != "12")
    alias = f"#{name}:{SERVER_NAME}"
    assert bob.ok("GET", ("directory", "room", alias))["room_id"] == replacement
    assert bob.join(replacement) == replacement
    bob.say(replacement, "moved")
    assert ("m.room.member", bob.user_id) in alice.full_state(replacement)


def test_upgrade_closes_the_old_room(alice, bob, room):
    alice.ok("POST", ("rooms", room, "upgrade"), {"new_version": "12"})
    levels = alice.state(room, "m.room.power_levels")
    assert levels["events_default"] >= 50 and levels["invite"] >= 50
    bob.fails(403, "M_FORBIDDEN", "PUT", ("rooms", room, "send", "m.room.message", unique()), {"body": "x", "msgtype": "m.text"})


def test_many_rooms_in_one_moment(alice):
    """A room of version 12 is named by its create event, which is the same for two rooms that one user makes in the same millisecond."""
    rooms, faults = [], []

    def make():
        for _ in range(10):
            r = alice.call("POST", ("createRoom",), {})
            (rooms if r.status == 200 else faults).append(r)
    threads = [threading.Thread(target=make) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not faults, faults[:3]
    assert len({r.json["room_id"] for r in rooms}) == 120


def test_upgrade_refused(alice, bob, room):
    bob.fails(403, "M_FORBIDDEN", "POST", ("rooms", room, "upgrade"), {"new_version": "12"})
    alice.fails(400, "M_UNSUPPORTED_ROOM_VERSION", "POST", ("rooms", room, "upgrade"), {"new_version": "99"})
    alice.fails(400, ("M_MISSING_PARAM", "M_BAD_JSON"), "POST", ("rooms", room, "upgrade"), {})
    alice.fails((403, 404), ("M_FORBIDDEN", "M_NOT_FOUND"), "POST", ("rooms", "!none:localhost", "upgrade"), {"new_version": "12"})
    assert ("m.room.tombstone", "") not in alice.full_state(room)
