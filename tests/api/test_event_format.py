"""Events as servers have them, for clients whose filter says event_format = federation."""
import base64
import hashlib
import json

import pytest

from harness.ed25519 import canonical

RAW = {"event_format": "federation"}
SERVERS_ONLY = {"auth_events", "prev_events", "depth", "hashes"}


def check(event, room, version="12"):
    """The members of a PDU, of which the hash is right; and what tells a client which event it is."""
    assert SERVERS_ONLY <= event.keys() and event["event_id"].startswith("$"), event
    assert "redacts" not in event or int(version) < 11
    nameless = version == "12" and event["type"] == "m.room.create"
    assert event.get("room_id", room) == room and (nameless or "room_id" in event)
    pdu = {k: v for k, v in event.items() if k not in ("hashes", "unsigned", "signatures", "event_id", "room_id" if nameless else "")}
    hash = base64.b64encode(hashlib.sha256(canonical(pdu)).digest()).decode().rstrip("=")
    assert "redacted_because" in event["unsigned"] or event["hashes"]["sha256"] == hash, event


def section(answer, room, membership="join"):
    return answer["rooms"][membership][room]


@pytest.mark.parametrize("version", ["10", "12"])
def test_sync(alice, bob, version):
    room = alice.room_with(bob, room_version=version)
    gone = alice.say(room, "gone")
    alice.redact(room, gone)
    for n in range(3):
        alice.say(room, str(n))
    first = bob.sync(filter={**RAW, "room": {"timeline": {"limit": 5}}})
    events, state = (section(first, room)[part]["events"] for part in ("timeline", "state"))
    assert len(events) == 5 and {e["type"] for e in state} > {"m.room.create", "m.room.power_levels"}
    assert bob.sync(filter={"room": {"timeline": {"limit": 5}}})["rooms"]["join"][room]["timeline"]["events"][0].keys().isdisjoint(SERVERS_ONLY)
    for event in events + state:
        check(event, room, version)
    assert [e["depth"] for e in events] == list(range(events[0]["depth"], events[0]["depth"] + 5))
    assert all(after["prev_events"] == [before["event_id"]] for before, after in zip(events, events[1:]))
    redacted = bob.history(room, "f", filter=RAW)
    assert next(e for e in redacted if e["event_id"] == gone)["content"] == {}
    alice.say(room, "new")
    (event,) = section(bob.sync_until(lambda a: a["rooms"]["join"], first["next_batch"], filter=RAW), room)["timeline"]["events"]
    check(event, room, version)
    since = bob.token_now(filter=RAW)
    bob.leave(room)
    left = section(bob.sync_until(lambda a: a["rooms"]["leave"], since, filter=RAW), room, "leave")
    check(left["timeline"]["events"][-1], room, version)


def test_messages_and_context(alice, bob, room):
    root = alice.say(room, "root")
    bob.say(room, "edited", **{"m.relates_to": {"rel_type": "m.thread", "event_id": root}})
    for event in (history := alice.history(room, "b", filter=RAW)):
        check(event, room)
    latest = next(e for e in history if e["event_id"] == root)["unsigned"]["m.relations"]["m.thread"]["latest_event"]
    check(latest, room)
    context = alice.ok("GET", ("rooms", room, "context", root), query={"filter": json.dumps(RAW), "limit": 4})
    for event in [context["event"], *context["events_before"], *context["events_after"], *context["state"]]:
        check(event, room)
    assert alice.ok("GET", ("rooms", room, "context", root))["event"].keys().isdisjoint(SERVERS_ONLY)


def test_own_transaction_and_unknown_format(alice, room):
    event_id = alice.send(room, {"msgtype": "m.text", "body": "x"}, txn="mine")
    event = next(e for e in alice.history(room, "b", filter=RAW) if e["event_id"] == event_id)
    assert event["unsigned"]["transaction_id"] == "mine" and event["unsigned"]["age"] >= 0
    alice.fails(400, "M_BAD_JSON", "GET", ("rooms", room, "messages"), query={"filter": '{"event_format": "raw"}', "dir": "b"})
