"""Profiles: display name, avatar, arbitrary fields; and how they show up in rooms."""
import pytest

from harness.client import state_events, timeline, unique


def put(client, field, value, user=None):
    return client.call("PUT", ("profile", user or client.user_id, field), {field: value})


def get(client, user, field=None, **options):
    return client.ok("GET", ("profile", user) + ((field,) if field else ()), **options)


def test_display_name_and_avatar(alice, bob):
    assert put(alice, "displayname", "Alice ☃").status == 200
    assert put(alice, "avatar_url", "mxc://localhost/abc").status == 200
    assert get(bob, alice.user_id) == {"displayname": "Alice ☃", "avatar_url": "mxc://localhost/abc"}
    assert get(bob, alice.user_id, "displayname") == {"displayname": "Alice ☃"}
    assert get(bob, alice.user_id, "avatar_url", token=None) == {"avatar_url": "mxc://localhost/abc"}


def test_arbitrary_fields(alice, bob):
    for field, value in (("m.tz", "Europe/London"), ("org.example.job", {"title": "Wizard", "grades": [1, 2]}), ("org.example.n", 5)):
        r = put(alice, field, value)
        assert r.status == 200, r
        assert get(bob, alice.user_id, field) == {field: value}
        assert get(bob, alice.user_id)[field] == value


def test_delete_a_field(alice, bob):
    put(alice, "org.example.a", 1)
    alice.ok("DELETE", ("profile", alice.user_id, "org.example.a"))
    bob.fails(404, "M_NOT_FOUND", "GET", ("profile", alice.user_id, "org.example.a"))
    alice.ok("DELETE", ("profile", alice.user_id, "org.example.a"))
    alice.ok("DELETE", ("profile", alice.user_id, "displayname"))
    assert "displayname" not in get(bob, alice.user_id)


def test_unknown_users_and_fields(alice):
    alice.fails((403, 404), ("M_NOT_FOUND", "M_FORBIDDEN"), "GET", ("profile", f"@{unique('nobody')}:localhost"))
    alice.fails((403, 404), ("M_NOT_FOUND", "M_FORBIDDEN"), "GET", ("profile", f"@{unique('nobody')}:localhost", "displayname"))
    alice.fails(404, "M_NOT_FOUND", "GET", ("profile", alice.user_id, "org.example.none"))
    alice.fails((400, 404), ("M_INVALID_PARAM", "M_NOT_FOUND"), "GET", ("profile", "not-a-user-id"))


def test_only_ones_own(alice, bob):
    r = put(alice, "displayname", "Evil", user=bob.user_id)
    assert r.status == 403 and r.errcode == "M_FORBIDDEN", r
    alice.fails(403, "M_FORBIDDEN", "DELETE", ("profile", bob.user_id, "displayname"))


@pytest.mark.parametrize("body, errcodes", [({}, ("M_MISSING_PARAM", "M_BAD_JSON")), ({"other": "x"}, ("M_MISSING_PARAM", "M_BAD_JSON", "M_INVALID_PARAM")),
                                            ({"displayname": 5}, ("M_BAD_JSON", "M_INVALID_PARAM")), ({"displayname": []}, ("M_BAD_JSON", "M_INVALID_PARAM"))])
def test_bad_bodies(alice, body, errcodes):
    alice.fails(400, errcodes, "PUT", ("profile", alice.user_id, "displayname"), body)


def test_sizes(alice):
    alice.fails(400, "M_KEY_TOO_LARGE", "PUT", ("profile", alice.user_id, "a." + "x" * 300), {"a." + "x" * 300: 1})
    half = "x" * 40000
    assert put(alice, "org.example.one", half).status == 200
    r = put(alice, "org.example.two", half)
    assert r.status == 400 and r.errcode == "M_PROFILE_TOO_LARGE", r
    assert "org.example.two" not in get(alice, alice.user_id)


def test_bad_field_names(alice):
    for name in ("Nope", "has space", "é"):
        alice.fails(400, ("M_INVALID_PARAM", "M_UNKNOWN", "M_BAD_JSON"), "PUT", ("profile", alice.user_id, name), {name: "x"})


def test_changes_reach_rooms(alice, bob):
    room = alice.room_with(bob)
    since = bob.token_now()
    put(alice, "displayname", "Alicia")

    def renamed(answer):
        return [e for e in timeline(answer, room) if e["type"] == "m.room.member" and e["content"].get("displayname") == "Alicia"]
    event = renamed(bob.sync_until(renamed, since))[0]
    assert event["state_key"] == event["sender"] == alice.user_id and event["content"]["membership"] == "join"
    assert "displayname" not in event["unsigned"]["prev_content"] or event["unsigned"]["prev_content"]["displayname"] != "Alicia"
    put(alice, "avatar_url", "mxc://localhost/new")
    bob.sync_until(lambda _: bob.full_state(room)["m.room.member", alice.user_id]["content"].get("avatar_url") == "mxc://localhost/new", since)
    assert bob.full_state(room)["m.room.member", alice.user_id]["content"]["displayname"] == "Alicia"


def test_an_unchanged_name_makes_no_event(alice, bob):
    put(alice, "displayname", "Same")
    room = alice.room_with(bob)
    before = alice.full_state(room)["m.room.member", alice.user_id]["event_id"]
    put(alice, "displayname", "Same")
    alice.say(room, "after")
    assert alice.full_state(room)["m.room.member", alice.user_id]["event_id"] == before


def test_joins_and_invites_carry_the_profile(alice, bob, carol):
    put(alice, "displayname", "Alice A")
    put(bob, "displayname", "Bob B")
    put(bob, "avatar_url", "mxc://localhost/bob")
    room = alice.create_room(invite=[bob.user_id], preset="private_chat")
    member = alice.full_state(room)
    assert member["m.room.member", alice.user_id]["content"]["displayname"] == "Alice A"
    assert member["m.room.member", bob.user_id]["content"]["displayname"] == "Bob B"
    invite = bob.sync_until(lambda a: a["rooms"]["invite"][room])
    shown = {(e["type"], e["state_key"]): e["content"] for e in state_events(invite, room, "invite", "invite_state")}
    assert shown["m.room.member", bob.user_id]["membership"] == "invite" and shown["m.room.member", alice.user_id]["displayname"] == "Alice A"
    bob.join(room)
    content = alice.full_state(room)["m.room.member", bob.user_id]["content"]
    assert content["displayname"] == "Bob B" and content["avatar_url"] == "mxc://localhost/bob"
    joined = alice.ok("GET", ("rooms", room, "joined_members"))["joined"]
    assert joined[bob.user_id]["display_name"] == "Bob B" and joined[bob.user_id]["avatar_url"] == "mxc://localhost/bob"
