"""Push rules: the defaults, every operation, and their evaluation for counts and highlights."""
import pytest

from harness.client import joined, unique

OVERRIDES = [".m.rule.master", ".m.rule.suppress_notices", ".m.rule.invite_for_me", ".m.rule.member_event", ".m.rule.is_user_mention",
             ".m.rule.is_room_mention", ".m.rule.tombstone", ".m.rule.reaction", ".m.rule.room.server_acl", ".m.rule.suppress_edits"]
UNDERRIDES = [".m.rule.call", ".m.rule.encrypted_room_one_to_one", ".m.rule.room_one_to_one", ".m.rule.message", ".m.rule.encrypted"]
BASE = ("pushrules", "global")


def rules(client, kind):
    return client.ok("GET", "/_matrix/client/v3/pushrules/")["global"][kind]


def names(client, kind):
    return [r["rule_id"] for r in rules(client, kind) if not r["rule_id"].startswith(".")]


def put(client, kind, name, body=None, **query):
    body = body or {"actions": ["notify"], **({"pattern": "x"} if kind == "content" else {}), **({"conditions": []} if kind.endswith("ride") else {})}
    return client.call("PUT", BASE + (kind, name), body, query=query or None)


def counts(client, room):
    section = joined(client.sync(), room)["unread_notifications"]
    return section["notification_count"], section["highlight_count"]


@pytest.fixture
def quiet(alice, bob, carol):
    """A room of three where alice has read everything."""
    room = alice.room_with(bob, carol)
    alice.ok("POST", ("rooms", room, "receipt", "m.read", bob.say(room, "start")), {})
    assert counts(alice, room) == (0, 0)
    return room


# --- the rules and their operations ---

def test_defaults(alice):
    everything = alice.ok("GET", "/_matrix/client/v3/pushrules/")["global"]
    by_name = {r["rule_id"]: r for kind in everything.values() for r in kind}
    listed = [r["rule_id"] for r in everything["override"]]
    assert [n for n in listed if n in OVERRIDES] == OVERRIDES, "in the specification's order"
    assert [n for n in (r["rule_id"] for r in everything["underride"]) if n in UNDERRIDES] == UNDERRIDES
    assert everything["room"] == everything["sender"] == []
    assert all(r["default"] and r["enabled"] is (r["rule_id"] != ".m.rule.master") for r in by_name.values())
    mention = by_name[".m.rule.is_user_mention"]
    assert mention["conditions"] == [{"kind": "event_property_contains", "key": "content.m\\.mentions.user_ids", "value": alice.user_id}]
    assert {"set_tweak": "highlight"} in mention["actions"] or {"set_tweak": "highlight", "value": True} in mention["actions"]
    assert by_name[".m.rule.message"]["conditions"] == [{"kind": "event_match", "key": "type", "pattern": "m.room.message"}]


def test_the_global_part(alice):
    assert alice.ok("GET", "/_matrix/client/v3/pushrules/global/") == alice.ok("GET", "/_matrix/client/v3/pushrules/")["global"]


@pytest.mark.parametrize("kind", ["override", "content", "room", "sender", "underride"])
def test_put_get_delete(alice, kind):
    name = {"room": "!room:localhost", "sender": "@them:localhost"}.get(kind, "my rule ☃")
    r = put(alice, kind, name)
    assert r.status == 200, r
    rule = alice.ok("GET", BASE + (kind, name))
    assert rule["rule_id"] == name and rule["default"] is False and rule["enabled"] is True and rule["actions"] == ["notify"]
    assert name in names(alice, kind)
    alice.ok("DELETE", BASE + (kind, name))
    assert name not in names(alice, kind)
    alice.fails(404, "M_NOT_FOUND", "GET", BASE + (kind, name))
    alice.fails(404, "M_NOT_FOUND", "DELETE", BASE + (kind, name))


def test_put_again_changes(alice):
    put(alice, "content", "cake", {"pattern": "cake", "actions": ["notify"]})
    put(alice, "content", "cake", {"pattern": "pie", "actions": []})
    rule = alice.ok("GET", BASE + ("content", "cake"))
    assert rule["pattern"] == "pie" and rule["actions"] == [] and names(alice, "content") == ["cake"]


def test_order(alice):
    for name in ("a", "b", "c"):
        put(alice, "override", name)
    assert names(alice, "override") == ["c", "b", "a"], "a new rule is the most important"
    put(alice, "override", "d", before="b")
    assert names(alice, "override") == ["c", "d", "b", "a"]
    put(alice, "override", "e", after="b")
    assert names(alice, "override") == ["c", "d", "b", "e", "a"]
    put(alice, "override", "a", before="c")
    assert names(alice, "override") == ["a", "c", "d", "b", "e"]
    listed = [r["rule_id"] for r in rules(alice, "override")]
    assert listed[0] == ".m.rule.master" and listed[1:6] == ["a", "c", "d", "b", "e"], "the user's come before the defaults, the master before all"
    for bad in ({"before": "none"}, {"after": "none"}, {"before": ".m.rule.master"}):
        r = put(alice, "override", "z", **bad)
        assert r.status in (400, 404), r


def test_enabled_and_actions(alice):
    put(alice, "override", "x")
    for kind, name in (("override", "x"), ("underride", ".m.rule.message"), ("override", ".m.rule.master")):
        path = BASE + (kind, name)
        was = alice.ok("GET", path + ("enabled",))["enabled"]
        alice.ok("PUT", path + ("enabled",), {"enabled": not was})
        assert alice.ok("GET", path + ("enabled",)) == {"enabled": not was} and alice.ok("GET", path)["enabled"] is (not was)
        actions = ["notify", {"set_tweak": "sound", "value": "ring"}]
        alice.ok("PUT", path + ("actions",), {"actions": actions})
        assert alice.ok("GET", path + ("actions",)) == {"actions": actions} == {"actions": alice.ok("GET", path)["actions"]}
    for part, body in (("enabled", {"enabled": True}), ("actions", {"actions": []})):
        alice.fails(404, "M_NOT_FOUND", "GET", BASE + ("override", "none", part))
        alice.fails(404, "M_NOT_FOUND", "PUT", BASE + ("override", "none", part), body)


def test_reserved_names(alice):
    for name in (".m.rule.mine", ".x", "a/b", "a\\b"):
        r = put(alice, "override", name)
        assert r.status == 400, r
    r = alice.call("DELETE", BASE + ("override", ".m.rule.master"))
    assert r.status in (400, 404), r


@pytest.mark.parametrize("kind, body", [
    ("override", {}), ("override", {"actions": "notify"}), ("override", {"actions": [5]}), ("override", {"actions": ["notify"], "conditions": {}}),
    ("override", {"actions": ["notify"], "conditions": [5]}), ("content", {"actions": ["notify"]}), ("content", {"actions": ["notify"], "pattern": 5})])
def test_bad_rules(alice, kind, body):
    r = put(alice, kind, unique("bad"), body or {"x": 1})
    assert r.status == 400 and r.errcode in ("M_BAD_JSON", "M_MISSING_PARAM", "M_INVALID_PARAM", "M_UNKNOWN"), r


def test_unknown_kinds(alice):
    for kind in ("nonsense", "overrides"):
        r = put(alice, kind, "x", {"actions": []})
        assert r.status in (400, 404), r


def test_changes_come_by_sync(alice):
    since = alice.token_now()
    put(alice, "override", "fresh")

    def shown(answer):
        content = next(e["content"] for e in answer["account_data"]["events"] if e["type"] == "m.push_rules")
        return "fresh" in [r["rule_id"] for r in content["global"]["override"]]
    alice.sync_until(shown, since)


# --- evaluation ---

def test_plain_messages(alice, bob, quiet):
    bob.say(quiet, "hello")
    assert counts(alice, quiet) == (1, 0)
    bob.send(quiet, {"a": 1}, "org.example.other")
    bob.send(quiet, {"algorithm": "m.megolm.v1.aes-sha2", "ciphertext": "x"}, "m.room.encrypted")
    assert counts(alice, quiet) == (2, 0)


def test_mentions(alice, bob, quiet):
    bob.say(quiet, "hi", **{"m.mentions": {"user_ids": [alice.user_id, "@other:localhost"]}})
    assert counts(alice, quiet) == (1, 1)
    bob.say(quiet, alice.localpart, **{"m.mentions": {}})
    assert counts(alice, quiet) == (2, 1)
    last = bob.say(quiet, "@room", **{"m.mentions": {"room": True}})
    assert counts(alice, quiet) == (3, 1), "bob has no power to mention the room"
    alice.ok("POST", ("rooms", quiet, "receipt", "m.read", last), {})
    alice.set_power(quiet, {"users": {bob.user_id: 50}})
    bob.say(quiet, "@room", **{"m.mentions": {"room": True}})
    assert counts(alice, quiet) == (1, 1)


def test_what_does_not_notify(alice, bob, carol, quiet):
    event = bob.say(quiet, "x")
    alice.ok("POST", ("rooms", quiet, "receipt", "m.read", event), {})
    bob.send(quiet, {"msgtype": "m.notice", "body": "notice"})
    bob.send(quiet, {"m.relates_to": {"rel_type": "m.annotation", "event_id": event, "key": "x"}}, "m.reaction")
    bob.send(quiet, {"msgtype": "m.text", "body": "* x", "m.new_content": {"msgtype": "m.text", "body": "y"},
                     "m.relates_to": {"rel_type": "m.replace", "event_id": event}})
    carol.leave(quiet)
    assert counts(alice, quiet) == (0, 0)


def test_keywords(alice, bob, quiet):
    put(alice, "content", "cake", {"pattern": "c?k*", "actions": ["notify", {"set_tweak": "highlight"}]})
    for text, hit in (("a cake", True), ("CAKE!", True), ("pancake", False), ("coke-zero", True), ("ck", False)):
        before = counts(alice, quiet)[1]
        bob.say(quiet, text)
        assert counts(alice, quiet)[1] - before == hit, text


def test_muted_rooms_and_senders(alice, bob, carol, quiet):
    put(alice, "room", quiet, {"actions": []})
    bob.say(quiet, "x")
    assert counts(alice, quiet) == (0, 0)
    bob.say(quiet, "hi", **{"m.mentions": {"user_ids": [alice.user_id]}})
    assert counts(alice, quiet) == (1, 1), "overrides come before"
    alice.ok("DELETE", BASE + ("room", quiet))
    put(alice, "sender", bob.user_id, {"actions": ["dont_notify"]})
    carol_before = counts(alice, quiet)[0]
    carol.say(quiet, "y")
    assert counts(alice, quiet)[0] > carol_before


def test_master_switch(alice, bob, quiet):
    alice.ok("PUT", BASE + ("override", ".m.rule.master", "enabled"), {"enabled": True})
    bob.say(quiet, "hi", **{"m.mentions": {"user_ids": [alice.user_id]}})
    assert counts(alice, quiet) == (0, 0)


@pytest.mark.parametrize("condition, content, hit", [
    ({"kind": "event_match", "key": "content.a.b", "pattern": "x*"}, {"a": {"b": "xyz"}}, True),
    ({"kind": "event_match", "key": "content.a.b", "pattern": "x"}, {"a": {"b": "xyz"}}, False),
    ({"kind": "event_match", "key": "content.a.b", "pattern": "*"}, {"a": {"b": 5}}, False),
    ({"kind": "event_match", "key": "content.a\\.b", "pattern": "x"}, {"a.b": "X"}, True),
    ({"kind": "event_match", "key": "content.a", "pattern": "a?c"}, {"a": "ac"}, False),
    ({"kind": "event_property_is", "key": "content.n", "value": 5}, {"n": 5}, True),
    ({"kind": "event_property_is", "key": "content.n", "value": True}, {"n": 1}, False),
    ({"kind": "event_property_is", "key": "content.n", "value": None}, {"n": None}, True),
    ({"kind": "event_property_is", "key": "content.n", "value": "a"}, {"n": "A"}, False),
    ({"kind": "event_property_contains", "key": "content.l", "value": "x"}, {"l": [1, "x"]}, True),
    ({"kind": "event_property_contains", "key": "content.l", "value": "x"}, {"l": ["xy"]}, False),
    ({"kind": "event_property_contains", "key": "content.l", "value": "x"}, {"l": "x"}, False),
    ({"kind": "room_member_count", "is": "3"}, {}, True), ({"kind": "room_member_count", "is": ">3"}, {}, False),
    ({"kind": "room_member_count", "is": ">=3"}, {}, True), ({"kind": "room_member_count", "is": "<4"}, {}, True),
    ({"kind": "room_member_count", "is": "nonsense"}, {}, False), ({"kind": "sender_notification_permission", "key": "room"}, {}, False),
    ({"kind": "org.example.unknown"}, {}, False)])
def test_conditions(alice, bob, quiet, condition, content, hit):
    r = put(alice, "override", "test", {"actions": ["notify", {"set_tweak": "highlight"}], "conditions": [condition]})
    assert r.status == 200, r
    bob.send(quiet, content, "org.example.event")
    assert counts(alice, quiet) == ((1, 1) if hit else (0, 0))


def test_all_conditions_must_hold(alice, bob, quiet):
    conditions = [{"kind": "event_match", "key": "type", "pattern": "org.example.*"}, {"kind": "event_match", "key": "content.a", "pattern": "x"}]
    put(alice, "override", "both", {"actions": ["notify"], "conditions": conditions})
    bob.send(quiet, {"a": "y"}, "org.example.event")
    assert counts(alice, quiet) == (0, 0)
    bob.send(quiet, {"a": "x"}, "org.example.event")
    assert counts(alice, quiet) == (1, 0)


def test_disabled_rules_do_not_match(alice, bob, quiet):
    put(alice, "override", "off", {"actions": ["notify"], "conditions": []})
    alice.ok("PUT", BASE + ("override", "off", "enabled"), {"enabled": False})
    bob.send(quiet, {}, "org.example.event")
    assert counts(alice, quiet) == (0, 0)
