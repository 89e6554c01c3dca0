#!/usr/bin/python3
"""Writes event_vectors.h: events with their hashes, made by an implementation that shares nothing with ours."""
import base64, hashlib, json


def canonical(v):
    return json.dumps(v, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()


def b64(data, safe):
    text = (base64.urlsafe_b64encode if safe else base64.b64encode)(data).decode()
    return text.rstrip("=")


def redact(event, version):
    top = {"event_id", "type", "room_id", "sender", "state_key", "content", "hashes", "signatures", "depth", "prev_events",
           "auth_events", "origin_server_ts"}
    if version < 11:
        top |= {"prev_state", "origin", "membership"}
    keep = {
        "m.room.member": {"membership"} | ({"join_authorised_via_users_server"} if version >= 9 else set()),
        "m.room.create": {"creator"},
        "m.room.join_rules": {"join_rule"} | ({"allow"} if version >= 8 else set()),
        "m.room.power_levels": {"ban", "events", "events_default", "kick", "redact", "state_default", "users", "users_default"}
        | ({"invite"} if version >= 11 else set()),
        "m.room.history_visibility": {"history_visibility"},
        "m.room.redaction": {"redacts"} if version >= 11 else set(),
    }.get(event["type"], set())
    content = event["content"]
    kept = {k: v for k, v in content.items() if k in keep}
    if version >= 11 and event["type"] == "m.room.create":
        kept = content
    if version >= 11 and event["type"] == "m.room.member" and "third_party_invite" in content:
        kept["third_party_invite"] = {"signed": content["third_party_invite"]["signed"]}
    out = {k: v for k, v in event.items() if k in top}
    out["content"] = kept
    return out


def build(version, fields):
    pdu = {k: v for k, v in fields.items() if v is not None}
    pdu["content"] = dict(pdu["content"])
    redacts = pdu.pop("redacts", None)
    if redacts:
        pdu["content"]["redacts"] = redacts
        if version < 11:
            pdu["redacts"] = redacts
    if version >= 12 and pdu["type"] == "m.room.create":
        del pdu["room_id"]
    content_hash = b64(hashlib.sha256(canonical(pdu)).digest(), False)
    pdu["hashes"] = {"sha256": content_hash}
    event_id = "$" + b64(hashlib.sha256(canonical(redact(pdu, version))).digest(), True)
    client = {k: pdu[k] for k in ("content", "origin_server_ts", "sender", "state_key", "type") if k in pdu}
    client["event_id"] = event_id
    if redacts:
        client["redacts"] = redacts
    fed = {k: pdu[k] for k in ("auth_events", "depth", "hashes", "prev_events")}
    return event_id, client, fed


def fields(kind, content, state_key=None, redacts=None, refs=2):
    ids = ["$" + b64(hashlib.sha256(bytes([i])).digest(), True) for i in range(refs)]
    return dict(type=kind, sender="@alice:example.org", room_id="!room:example.org", state_key=state_key, content=content, redacts=redacts,
                prev_events=ids[:1], auth_events=ids, depth=7, origin_server_ts=1700000000123)


LEVELS = {"ban": 50, "events": {"m.room.name": 50}, "events_default": 0, "invite": 0, "kick": 50, "notifications": {"room": 20},
          "redact": 50, "state_default": 50, "users": {"@alice:example.org": 100}, "users_default": 0, "custom": 1}
MEMBER = {"membership": "join", "displayname": "Älice \u0001\"\\", "join_authorised_via_users_server": "@bob:example.org",
          "third_party_invite": {"display_name": "a", "signed": {"mxid": "@alice:example.org", "token": "t"}}}
EVENTS = [
    fields("m.room.message", {"msgtype": "m.text", "body": "Grüße, 世界 \U0001f600", "z": [1, -2, {"b": None, "a": True}], "m.mentions": {}}),
    fields("m.room.member", MEMBER, "@alice:example.org"),
    fields("m.room.power_levels", LEVELS, ""),
    fields("m.room.join_rules", {"join_rule": "restricted", "allow": [{"type": "m.room_membership", "room_id": "!x:y"}], "x": 1}, ""),
    fields("m.room.history_visibility", {"history_visibility": "shared", "more": {}}, ""),
    fields("m.room.create", {"creator": "@alice:example.org", "room_version": "1", "m.federate": False, "type": "m.space"}, "", refs=0),
    fields("m.room.redaction", {"reason": "because"}, redacts="$abc"),
    fields("m.room.topic", {"topic": "<\u007f\u2028/>"}, ""),
]


def c_string(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def main():
    print("/* Made by make_event_vectors.py. */")
    print("static const struct vector {\n    unsigned version;\n    const char *type, *state_key, *content, *redacts;\n    unsigned refs;")
    print("    const char *event_id, *client, *fed;\n} vectors[] = {")
    for version in (6, 7, 8, 9, 10, 11, 12):
        for f in EVENTS:
            event_id, client, fed = build(version, f)
            row = [f["type"], f["state_key"], json.dumps(f["content"]), f["redacts"]]
            cells = ["NULL" if c is None else c_string(c) for c in row]
            tail = [c_string(event_id), c_string(canonical(client).decode()), c_string(canonical(fed).decode())]
            print("    {%d, %s, %d, %s}," % (version, ", ".join(cells), len(f["auth_events"]), ",\n     ".join(tail)))
    print("};")


main()
