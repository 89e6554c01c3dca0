"""Power levels: who may do what, and who may change who may."""
import pytest

from harness.client import unique


def may_not(client, room, type, content, key=None):
    path = ("rooms", room, "send", type, unique()) if key is None else ("rooms", room, "state", type, key)
    client.fails(403, "M_FORBIDDEN", "PUT", path, content)


@pytest.fixture(params=["6", "10", "11", "12"])
def levelled(request, alice, bob, carol):
    """A room in which bob has 50 and carol nothing."""
    room = alice.room_with(bob, carol, room_version=request.param)
    alice.set_power(room, {"users": {bob.user_id: 50}})
    return room


def test_state_needs_power(levelled, alice, bob, carol):
    bob.put_state(levelled, "m.room.name", {"name": "by bob"})
    may_not(carol, levelled, "m.room.name", {"name": "by carol"}, "")
    may_not(carol, levelled, "org.example.anything", {}, "")
    may_not(bob, levelled, "m.room.power_levels", {"users": {}}, "")
    assert alice.state(levelled, "m.room.name") == {"name": "by bob"}


def test_outsiders(alice, bob, carol, room):
    may_not(carol, room, "m.room.message", {"body": "x", "msgtype": "m.text"})
    may_not(carol, room, "m.room.name", {"name": "x"}, "")
    for action in ("invite", "kick", "ban"):
        carol.fails(403, "M_FORBIDDEN", "POST", ("rooms", room, action), {"user_id": bob.user_id})


def test_messages_need_power(levelled, alice, bob, carol):
    alice.set_power(levelled, {"events_default": 40, "events": {**alice.state(levelled, "m.room.power_levels").get("events", {}), "org.example.free": 0}})
    may_not(carol, levelled, "m.room.message", {"body": "x", "msgtype": "m.text"})
    carol.send(levelled, {}, "org.example.free")
    bob.say(levelled, "I may")


def test_users_default(levelled, alice, carol):
    alice.set_power(levelled, {"users_default": 50})
    carol.put_state(levelled, "m.room.topic", {"topic": "by carol"})


def test_nobody_gives_more_than_they_have(levelled, alice, bob, carol):
    alice.set_power(levelled, {"events": {**alice.state(levelled, "m.room.power_levels").get("events", {}), "m.room.power_levels": 50}})
    levels = bob.state(levelled, "m.room.power_levels")
    bob.put_state(levelled, "m.room.power_levels", {**levels, "users": {**levels["users"], carol.user_id: 50}})
    for bad in ({**levels, "users": {**levels["users"], carol.user_id: 51}}, {**levels, "users": {**levels["users"], bob.user_id: 60}},
                {**levels, "ban": 100}, {**levels, "events": {**levels["events"], "m.room.name": 90}}):
        may_not(bob, levelled, "m.room.power_levels", bad, "")


def test_equals_do_not_demote_each_other(levelled, alice, bob, carol):
    levels = alice.state(levelled, "m.room.power_levels")
    alice.put_state(levelled, "m.room.power_levels",
                    {**levels, "users": {**levels["users"], carol.user_id: 50}, "events": {**levels.get("events", {}), "m.room.power_levels": 50}})
    levels = bob.state(levelled, "m.room.power_levels")
    may_not(bob, levelled, "m.room.power_levels", {**levels, "users": {k: v for k, v in levels["users"].items() if k != carol.user_id}}, "")
    lowered = {**levels, "users": {**levels["users"], bob.user_id: 0}}
    bob.put_state(levelled, "m.room.power_levels", lowered)
    may_not(bob, levelled, "m.room.power_levels", levels, "")


def test_kick_and_ban_need_more_power_than_the_target(levelled, alice, bob, carol):
    for action in ("kick", "ban"):
        for target in (alice, bob):
            carol.fails(403, "M_FORBIDDEN", "POST", ("rooms", levelled, action), {"user_id": target.user_id})
        bob.fails(403, "M_FORBIDDEN", "POST", ("rooms", levelled, action), {"user_id": alice.user_id})
    bob.member("ban", levelled, carol.user_id)
    alice.set_power(levelled, {"ban": 60})
    bob.fails(403, "M_FORBIDDEN", "POST", ("rooms", levelled, "unban"), {"user_id": carol.user_id})
    alice.member("unban", levelled, carol.user_id)


def test_invite_needs_power(levelled, alice, bob, carol, new_user):
    dave = new_user("dave")
    alice.set_power(levelled, {"invite": 50})
    carol.fails(403, "M_FORBIDDEN", "POST", ("rooms", levelled, "invite"), {"user_id": dave.user_id})
    bob.invite(levelled, dave)


def test_redactions_need_power(levelled, alice, bob, carol):
    ours, theirs = bob.say(levelled, "by bob"), carol.say(levelled, "by carol")
    carol.redact(levelled, theirs)
    assert alice.event(levelled, theirs)["content"] == {}
    r = carol.call("PUT", ("rooms", levelled, "redact", ours, unique()), {})
    assert r.status == 403 and r.errcode == "M_FORBIDDEN", r
    assert bob.event(levelled, ours)["content"]["body"] == "by bob"
    another = carol.say(levelled, "more")
    bob.redact(levelled, another)
    assert "body" not in carol.event(levelled, another)["content"]


@pytest.mark.parametrize("version", ["10", "12"])
@pytest.mark.parametrize("bad", [{"ban": "50"}, {"users": {"@x:localhost": "100"}}, {"users": {"@x:localhost": 1.5}}, {"users": {"nonsense": 1}}, {"users": []},
                                 {"events": []}, {"events": {"x": None}}, {"notifications": []}, {"kick": True}])
def test_bad_contents(alice, version, bad):
    room = alice.create_room(room_version=version)
    before = alice.state(room, "m.room.power_levels")
    r = alice.call("PUT", ("rooms", room, "state", "m.room.power_levels", ""), {**before, **bad})
    assert r.status in (400, 403) and r.errcode in ("M_BAD_JSON", "M_FORBIDDEN", "M_INVALID_PARAM"), r
    assert alice.state(room, "m.room.power_levels") == before


def test_strings_count_before_version_10(alice, bob):
    room = alice.room_with(bob, room_version="9")
    levels = alice.state(room, "m.room.power_levels")
    r = alice.call("PUT", ("rooms", room, "state", "m.room.power_levels", ""), {**levels, "users": {**levels["users"], bob.user_id: "50"}})
    if r.status == 200:
        bob.put_state(room, "m.room.name", {"name": "with a string of power"})
    else:
        assert r.status in (400, 403), r


def test_creators_of_version_12_are_above_all(alice, bob, carol):
    room = alice.room_with(bob, carol)
    levels = alice.state(room, "m.room.power_levels")
    alice.fails((400, 403), ("M_FORBIDDEN", "M_BAD_JSON"), "PUT", ("rooms", room, "state", "m.room.power_levels", ""),
                {**levels, "users": {alice.user_id: 100}})
    alice.set_power(room, {"users": {bob.user_id: 2**53 - 1}})
    bob.fails(403, "M_FORBIDDEN", "POST", ("rooms", room, "kick"), {"user_id": alice.user_id})
    alice.member("kick", room, bob.user_id)


def test_state_keys_with_a_user_id_are_theirs(alice, bob, room):
    alice.set_power(room, {"state_default": 0})
    bob.put_state(room, "org.example.mine", {}, bob.user_id)
    may_not(bob, room, "org.example.mine", {}, alice.user_id)
    may_not(alice, room, "org.example.mine", {}, bob.user_id)


def test_create_events_are_made_once(alice, room):
    r = alice.call("PUT", ("rooms", room, "state", "m.room.create", ""), {"room_version": "12", "more": 1})
    assert r.status in (400, 403) and r.errcode in ("M_FORBIDDEN", "M_BAD_JSON", "M_INVALID_PARAM"), r


def test_power_levels_may_be_set_with_a_user_of_another_server(alice, room):
    alice.set_power(room, {"users": {"@someone:elsewhere.example": 10}})
    assert alice.state(room, "m.room.power_levels")["users"]["@someone:elsewhere.example"] == 10
