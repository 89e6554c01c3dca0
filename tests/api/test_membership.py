"""join, invite, knock, leave, forget, kick, ban, unban, restricted joins: every transition, allowed and refused."""
import threading

import pytest

from harness.client import left, state_events, timeline, unique


def refused(client, action, room, user=None):
    path = ("join", room) if action == "join" else ("knock", room) if action == "knock" else ("rooms", room, action)
    return client.fails(403, "M_FORBIDDEN", "POST", path, {"user_id": user} if user else {})


def membership(reader, room, user):
    event = reader.full_state(room).get(("m.room.member", user.user_id))
    return event and event["content"]["membership"]


def room_of_rule(creator, rule, version="12", **content):
    return creator.create_room(room_version=version, initial_state=[{"type": "m.room.join_rules", "content": {"join_rule": rule, **content}}])


# --- join ---

def test_join_public(alice, bob, carol):
    room = alice.create_room(preset="public_chat")
    assert bob.ok("POST", ("join", room), {})["room_id"] == room
    assert carol.ok("POST", ("rooms", room, "join"), {"reason": "curious"})["room_id"] == room
    assert alice.full_state(room)["m.room.member", carol.user_id]["content"]["reason"] == "curious"
    assert room in bob.joined_rooms() and set(alice.ok("GET", ("rooms", room, "joined_members"))["joined"]) == {alice.user_id, bob.user_id, carol.user_id}


def test_join_twice_changes_nothing(alice, bob, room):
    before = alice.full_state(room)["m.room.member", bob.user_id]["event_id"]
    bob.join(room)
    assert alice.full_state(room)["m.room.member", bob.user_id]["event_id"] == before


def test_join_without_a_body(alice, bob):
    room = alice.create_room(preset="public_chat")
    assert bob.ok("POST", ("join", room))["room_id"] == room


def test_join_private(alice, bob):
    room = alice.create_room(preset="private_chat")
    refused(bob, "join", room)
    alice.invite(room, bob, reason="come in")
    assert bob.join(room) == room
    assert room in bob.joined_rooms()


@pytest.mark.parametrize("where", ["!none:localhost", "#none:localhost", "!" + "A" * 43])
def test_join_unknown(alice, where):
    alice.fails((403, 404), ("M_NOT_FOUND", "M_FORBIDDEN"), "POST", ("join", where), {})
    assert alice.joined_rooms() == []


@pytest.mark.parametrize("where", ["nonsense", "@alice:localhost", "%zz", "!", "#"])
def test_join_nonsense(alice, where):
    r = alice.call("POST", ("join", where), {})
    assert r.status in (400, 404) and r.errcode in ("M_INVALID_PARAM", "M_NOT_FOUND", "M_UNKNOWN", "M_BAD_JSON"), r


# --- invite ---

def test_invite_shows_stripped_state(alice, bob):
    room = alice.create_room(name="Party", preset="private_chat", topic="T", initial_state=[
        {"type": "m.room.avatar", "content": {"url": "mxc://localhost/a"}}, {"type": "m.room.encryption", "content": {"algorithm": "m.megolm.v1.aes-sha2"}}])
    since = bob.token_now()
    alice.invite(room, bob, reason="please")
    answer = bob.sync_until(lambda a: a["rooms"]["invite"][room], since)
    shown = {(e["type"], e["state_key"]): e for e in state_events(answer, room, "invite", "invite_state")}
    assert shown["m.room.name", ""]["content"]["name"] == "Party" and shown["m.room.avatar", ""]["content"]["url"]
    assert shown["m.room.encryption", ""]["content"]["algorithm"] and ("m.room.create", "") in shown
    me = shown["m.room.member", bob.user_id]
    assert me["content"]["membership"] == "invite" and me["content"]["reason"] == "please" and me["sender"] == alice.user_id
    assert room not in bob.sync(answer["next_batch"]).get("rooms", {}).get("invite", {}), "told once"
    assert room in bob.sync()["rooms"]["invite"], "still there in an initial sync"
    assert room not in bob.joined_rooms()


def test_invite_again(alice, bob):
    room = alice.create_room(preset="private_chat", invite=[bob.user_id])
    alice.invite(room, bob)
    assert membership(alice, room, bob) == "invite"


def test_invites_refused(alice, bob, carol, new_user, room):
    refused(alice, "invite", room, bob.user_id)  # is joined
    closed = alice.create_room(preset="private_chat")
    refused(bob, "invite", closed, carol.user_id)  # is not in the room
    alice.member("ban", room, carol.user_id)
    refused(alice, "invite", room, carol.user_id)  # is banned
    alice.set_power(room, {"invite": 50})
    refused(bob, "invite", room, new_user().user_id)


@pytest.mark.parametrize("body, errcodes", [({}, ("M_MISSING_PARAM", "M_BAD_JSON")), ({"user_id": "nonsense"}, ("M_INVALID_PARAM", "M_BAD_JSON")),
                                            ({"user_id": 5}, ("M_BAD_JSON", "M_INVALID_PARAM")), ({"user_id": None}, ("M_MISSING_PARAM", "M_BAD_JSON", "M_INVALID_PARAM"))])
@pytest.mark.parametrize("action", ["invite", "kick", "ban", "unban"])
def test_bad_bodies(alice, room, action, body, errcodes):
    alice.fails(400, errcodes, "POST", ("rooms", room, action), body)


def test_reject_an_invite(alice, bob):
    room = alice.create_room(preset="private_chat", invite=[bob.user_id])
    since = bob.token_now()
    bob.leave(room, reason="no thanks")
    assert membership(alice, room, bob) == "leave"
    answer = bob.sync_until(lambda a: a["rooms"]["leave"][room], since)
    assert room not in answer["rooms"].get("invite", {}) and room not in bob.sync().get("rooms", {}).get("invite", {})
    refused(bob, "join", room)


def test_revoke_an_invite(alice, bob):
    room = alice.create_room(preset="private_chat", invite=[bob.user_id])
    since = bob.token_now()
    alice.member("kick", room, bob.user_id)
    bob.sync_until(lambda a: a["rooms"]["leave"][room], since)
    refused(bob, "join", room)


# --- leave and forget ---

def test_leave(alice, bob, room):
    since = bob.token_now()
    bob.leave(room, reason="bye")
    assert membership(alice, room, bob) == "leave" and room not in bob.joined_rooms()
    alice.say(room, "after the leave")
    answer = bob.sync_until(lambda a: a["rooms"]["leave"][room], since)
    last = timeline(answer, room, "leave")[-1]
    assert last["state_key"] == bob.user_id and last["content"]["membership"] == "leave" and last["content"]["reason"] == "bye"
    assert room not in bob.sync(answer["next_batch"]).get("rooms", {}).get("leave", {})
    assert room not in bob.sync().get("rooms", {}).get("leave", {}), "left rooms only come when asked for"
    assert room in bob.sync(filter={"room": {"include_leave": True}})["rooms"]["leave"]
    bob.fails(403, "M_FORBIDDEN", "PUT", ("rooms", room, "send", "m.room.message", unique()), {})


def test_leave_what_one_is_not_in(alice, bob):
    room = alice.create_room(preset="public_chat")
    r = bob.call("POST", ("rooms", room, "leave"), {})
    assert r.status == 403 and r.errcode == "M_FORBIDDEN" or r.status == 404, r
    r = bob.call("POST", ("rooms", "!none:localhost", "leave"), {})
    assert r.status in (403, 404), r


def test_leave_twice(alice, bob, room):
    bob.leave(room)
    r = bob.call("POST", ("rooms", room, "leave"), {})
    assert r.status in (200, 403), r
    assert membership(alice, room, bob) == "leave"


def test_rejoin(alice, bob, room):
    bob.leave(room)
    since = bob.token_now()
    bob.join(room)
    answer = bob.sync_until(lambda a: a["rooms"]["join"][room], since)
    types = {e["type"] for e in state_events(answer, room) + timeline(answer, room)}
    assert "m.room.create" in types, "a room that one joins comes whole"


def test_forget(alice, bob, room):
    bob.fails(400, ("M_UNKNOWN", "M_BAD_STATE", "M_FORBIDDEN", "M_INVALID_PARAM"), "POST", ("rooms", room, "forget"), {})
    bob.leave(room)
    bob.messages(room)
    bob.forget(room)
    bob.fails((403, 404), ("M_FORBIDDEN", "M_NOT_FOUND"), "GET", ("rooms", room, "messages"), query={"dir": "b"})
    assert room not in bob.sync(filter={"room": {"include_leave": True}}).get("rooms", {}).get("leave", {})
    bob.forget(room)
    bob.join(room)
    assert room in bob.sync()["rooms"]["join"]
    bob.messages(room)


def test_the_last_one_leaves(alice):
    room = alice.create_room(preset="public_chat")
    alice.leave(room)
    alice.forget(room)
    assert alice.joined_rooms() == []


# --- kick, ban, unban ---

def test_kick(alice, bob, room):
    since = bob.token_now()
    alice.member("kick", room, bob.user_id, reason="spam")
    answer = bob.sync_until(lambda a: a["rooms"]["leave"][room], since)
    event = timeline(answer, room, "leave")[-1]
    assert event["sender"] == alice.user_id and event["content"] == {**event["content"], "membership": "leave", "reason": "spam"}
    bob.join(room)


def test_kicks_refused(alice, bob, carol, room):
    refused(bob, "kick", room, alice.user_id)
    refused(alice, "kick", room, carol.user_id)  # is not there
    refused(carol, "kick", room, bob.user_id)
    bob.leave(room)
    refused(alice, "kick", room, bob.user_id)


def test_ban_and_unban(alice, bob, room):
    since = bob.token_now()
    alice.member("ban", room, bob.user_id, reason="spam")
    answer = bob.sync_until(lambda a: a["rooms"]["leave"][room], since)
    assert timeline(answer, room, "leave")[-1]["content"]["membership"] == "ban"
    refused(bob, "join", room)
    refused(alice, "invite", room, bob.user_id)
    bob.fails((403, 404), ("M_FORBIDDEN", "M_NOT_FOUND"), "POST", ("knock", room), {})
    alice.member("unban", room, bob.user_id)
    assert membership(alice, room, bob) == "leave"
    bob.join(room)


def test_ban_someone_who_was_never_there(alice, bob):
    room = alice.create_room(preset="public_chat")
    alice.member("ban", room, bob.user_id)
    refused(bob, "join", room)


def test_bans_refused(alice, bob, carol, room):
    refused(bob, "ban", room, alice.user_id)
    refused(bob, "ban", room, carol.user_id)
    refused(bob, "unban", room, carol.user_id)
    r = alice.call("POST", ("rooms", room, "unban"), {"user_id": bob.user_id})
    assert r.status in (400, 403) and r.errcode in ("M_BAD_STATE", "M_FORBIDDEN"), "bob is not banned"
    assert membership(alice, room, bob) == "join"


def test_leave_does_not_lift_a_ban(alice, bob, room):
    alice.member("ban", room, bob.user_id)
    bob.fails(403, "M_FORBIDDEN", "POST", ("rooms", room, "leave"), {})
    assert membership(alice, room, bob) == "ban"


def test_membership_by_state(alice, bob, carol, room):
    alice.put_state(room, "m.room.member", {"membership": "invite"}, carol.user_id)
    carol.sync_until(lambda a: a["rooms"]["invite"][room])
    alice.put_state(room, "m.room.member", {"membership": "ban"}, carol.user_id)
    refused(carol, "join", room)
    carol.fails(403, "M_FORBIDDEN", "PUT", ("rooms", room, "state", "m.room.member", carol.user_id), {"membership": "join"})
    bob.put_state(room, "m.room.member", {"membership": "join", "displayname": "Room nick"}, bob.user_id)
    assert alice.full_state(room)["m.room.member", bob.user_id]["content"]["displayname"] == "Room nick"
    bob.put_state(room, "m.room.member", {"membership": "leave"}, bob.user_id)
    assert room not in bob.joined_rooms()


@pytest.mark.parametrize("content", [{}, {"membership": "nonsense"}, {"membership": 5}, {"membership": None}])
def test_bad_memberships(alice, bob, room, content):
    r = alice.call("PUT", ("rooms", room, "state", "m.room.member", bob.user_id), content)
    assert r.status in (400, 403) and r.errcode in ("M_BAD_JSON", "M_FORBIDDEN", "M_INVALID_PARAM", "M_MISSING_PARAM"), r
    assert membership(alice, room, bob) == "join"


def test_nobody_joins_for_another(alice, bob, carol, room):
    alice.fails((400, 403), ("M_FORBIDDEN", "M_BAD_JSON"), "PUT", ("rooms", room, "state", "m.room.member", carol.user_id), {"membership": "join"})
    alice.fails((400, 403), ("M_FORBIDDEN", "M_BAD_JSON", "M_INVALID_PARAM"), "PUT", ("rooms", room, "state", "m.room.member", "nonsense"), {"membership": "invite"})


# --- knock ---

def test_a_refused_knock_is_told_with_its_event(alice, bob):
    """However soon it comes: a client that waits may stand behind it in the room's slot when it hears of it."""
    since = bob.token_now()
    query = {"filter": {"room": {"state": {"lazy_load_members": True}}}, "org.matrix.msc4222.use_state_after": True}
    for _ in range(40):
        room, seen, answers = room_of_rule(alice, "knock"), threading.Event(), []

        def watch(room=room, seen=seen, answers=answers):
            stand = since
            while not answers or room not in answers[-1]["rooms"].get("leave", {}):
                answers.append(bob.sync(stand, timeout=10, **query))
                stand = answers[-1]["next_batch"]
                answers[-1].setdefault("rooms", {})
                if room in answers[-1]["rooms"].get("knock", {}):
                    seen.set()
        waiting = threading.Thread(target=watch)
        waiting.start()
        bob.knock(room)
        assert seen.wait(30)
        alice.ok("POST", ("rooms", room, "kick"), {"user_id": bob.user_id})
        waiting.join(60)
        section, since = answers[-1]["rooms"]["leave"][room], answers[-1]["next_batch"]
        told = [e for part in section.values() for e in part.get("events", []) if e["type"] == "m.room.member" and e["state_key"] == bob.user_id]
        assert [e["content"]["membership"] for e in told][-1:] == ["leave"], section


@pytest.mark.parametrize("version", ["7", "9", "12"])
def test_knock(alice, bob, version):
    room = room_of_rule(alice, "knock", version)
    refused(bob, "join", room)
    since, alices = bob.token_now(), alice.token_now()
    assert bob.knock(room, reason="let me in") == room
    answer = bob.sync_until(lambda a: a["rooms"]["knock"][room], since)
    shown = {(e["type"], e["state_key"]): e["content"] for e in state_events(answer, room, "knock", "knock_state")}
    assert shown["m.room.member", bob.user_id]["membership"] == "knock" and ("m.room.create", "") in shown
    assert room in bob.sync()["rooms"]["knock"]
    alice.sync_until(lambda a: [e for e in timeline(a, room) if e["content"].get("membership") == "knock" and e["content"]["reason"] == "let me in"], alices)
    alice.invite(room, bob)
    assert room not in bob.sync(answer["next_batch"]).get("rooms", {}).get("knock", {})
    bob.join(room)


def test_knock_denied_and_withdrawn(alice, bob, carol):
    room = room_of_rule(alice, "knock")
    for who in (bob, carol):
        who.knock(room)
    since = bob.token_now()
    alice.member("kick", room, bob.user_id)
    bob.sync_until(lambda a: a["rooms"]["leave"][room], since)
    carol.leave(room)
    assert membership(alice, room, bob) == membership(alice, room, carol) == "leave"
    assert room not in carol.sync().get("rooms", {}).get("knock", {})


def test_knocks_refused(alice, bob, room):
    for where in (alice.create_room(preset="private_chat"), alice.create_room(preset="public_chat")):
        refused(bob, "knock", where)
    knocking = room_of_rule(alice, "knock")
    alice.invite(knocking, bob)
    refused(bob, "knock", knocking)  # is invited
    bob.join(knocking)
    refused(bob, "knock", knocking)  # is joined
    bob.fails(404, "M_NOT_FOUND", "POST", ("knock", "!none:localhost"), {})


def test_knock_in_a_version_without(alice, bob):
    room = alice.create_room(room_version="6")
    r = bob.call("POST", ("knock", room), {})
    assert r.status == 403 and r.errcode == "M_FORBIDDEN" or r.status == 400, r


# --- restricted ---

def restricted(creator, allowed, rule="restricted", version="12"):
    return room_of_rule(creator, rule, version, allow=[{"type": "m.room_membership", "room_id": allowed}])


@pytest.mark.parametrize("version", ["8", "9", "10", "12"])
def test_restricted(alice, bob, carol, version):
    club = alice.room_with(bob)
    room = restricted(alice, club, version=version)
    bob.join(room)
    event = alice.full_state(room)["m.room.member", bob.user_id]
    assert event["content"]["join_authorised_via_users_server"] == alice.user_id
    refused(carol, "join", room)
    alice.invite(room, carol)
    carol.join(room)
    bob.leave(club)
    assert room in bob.joined_rooms(), "the condition is for the moment of joining"
    bob.leave(room)
    refused(bob, "join", room)


def test_restricted_needs_someone_who_may_invite(alice, bob, carol):
    club = alice.room_with(bob, carol)
    room = restricted(alice, club)
    bob.join(room)
    alice.set_power(room, {"invite": 100})
    alice.leave(room)
    r = carol.call("POST", ("join", room), {})
    assert r.status in (400, 403) and r.errcode in ("M_FORBIDDEN", "M_UNABLE_TO_AUTHORISE_JOIN", "M_UNABLE_TO_GRANT_JOIN"), r


def test_restricted_by_an_unknown_room(alice, bob):
    room = restricted(alice, "!none:elsewhere.example")
    r = bob.call("POST", ("join", room), {})
    assert r.status in (400, 403) and r.errcode in ("M_FORBIDDEN", "M_UNABLE_TO_AUTHORISE_JOIN"), r


def test_restricted_does_not_work_before_version_8(alice, bob):
    club = alice.room_with(bob)
    room = restricted(alice, club, version="7")
    refused(bob, "join", room)


@pytest.mark.parametrize("version", ["10", "12"])
def test_knock_restricted(alice, bob, carol, version):
    club = alice.room_with(bob)
    room = restricted(alice, club, "knock_restricted", version)
    bob.join(room)
    refused(carol, "join", room)
    carol.knock(room)
    alice.invite(room, carol)
    carol.join(room)


def test_bans_win_over_conditions(alice, bob):
    club = alice.room_with(bob)
    room = restricted(alice, club)
    alice.member("ban", room, bob.user_id)
    refused(bob, "join", room)


def test_left_rooms_keep_their_last_state(alice, bob, room):
    alice.put_state(room, "m.room.name", {"name": "before"})
    bob.leave(room)
    alice.put_state(room, "m.room.name", {"name": "after"})
    assert bob.state(room, "m.room.name") == {"name": "before"}
    assert "after" not in str(left(bob.sync(filter={"room": {"include_leave": True}}), room))
