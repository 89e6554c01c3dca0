"""Every class of malformed request: the specification's status and errcode, a sentence, and state unchanged."""
import json

import pytest

from harness.client import Client, unique

NOT_JSON = ("M_NOT_JSON",)
BAD_JSON = ("M_BAD_JSON",)
EITHER = ("M_NOT_JSON", "M_BAD_JSON")


@pytest.fixture
def slot(alice, room):
    """(path that takes an event's content, function that tells whether anything was stored)."""
    before = len(alice.history(room))
    return lambda: ("rooms", room, "send", "org.example.x", unique()), lambda: len(alice.history(room)) > before


BROKEN = {
    "nothing": b"", "space": b"  ", "text": b"nonsense", "open object": b'{"a":1', "open string": b'{"a":"x', "open array": b'{"a":[1,2}', "comma": b'{"a":1,}',
    "two values": b"{}{}", "trailing text": b"{} x", "single quotes": b"{'a':1}", "bare key": b"{a:1}", "no colon": b'{"a" 1}', "leading comma": b"{,}", "NaN": b'{"a":NaN}',
    "Infinity": b'{"a":Infinity}', "hex": b'{"a":0x1}', "leading zero": b'{"a":01}', "plus": b'{"a":+1}', "point": b'{"a":.5}', "half a literal": b'{"a":tru}',
    "capital literal": b'{"a":True}', "bad escape": b'{"a":"\\x"}', "short unicode escape": b'{"a":"\\u12"}', "raw newline": b'{"a":"x\ny"}', "raw NUL": b'{"a":"x\0y"}',
    "bad UTF-8": b'{"a":"\xff"}', "overlong UTF-8": b'{"a":"\xc0\xaf"}', "surrogate in UTF-8": b'{"a":"\xed\xa0\x80"}', "cut UTF-8": b'{"a":"\xe2\x82"}',
    "beyond Unicode": b'{"a":"\xf5\x80\x80\x80"}', "UTF-16": '{"a":1}'.encode("utf-16"), "comment": b'{"a":1/**/}', "NUL after": b"{}\0",
}


@pytest.mark.parametrize("body", BROKEN.values(), ids=BROKEN.keys())
def test_no_json(alice, slot, body):
    path, stored = slot
    alice.fails(400, EITHER if not body.strip() else NOT_JSON, "PUT", path(), body)
    assert not stored()


@pytest.mark.parametrize("body", [b"[]", b"5", b'"x"', b"null", b"true", b"[{}]"])
def test_no_object(alice, slot, body):
    path, stored = slot
    alice.fails(400, EITHER, "PUT", path(), body)
    assert not stored()


@pytest.mark.parametrize("number", ["1.5", "1e3", "1E400", "-1e-5", "9007199254740992", "-9007199254740992", "123456789012345678901234567890", "0.1", "1.0", "-0"])
@pytest.mark.parametrize("version", ["6", "12"])
def test_numbers_outside_canonical_json(alice, version, number):
    room = alice.create_room(room_version=version)
    before = len(alice.history(room))
    r = alice.call("PUT", ("rooms", room, "send", "org.example.x", unique()), f'{{"n":{number}}}'.encode())
    if r.status == 200:
        assert number in ("1.0", "1e3"), f"{number} is no integer: {r}"
        assert alice.event(room, r.json["event_id"])["content"]["n"] == float(number)
    else:
        assert r.status == 400 and r.errcode == "M_BAD_JSON" and len(alice.history(room)) == before, r


@pytest.mark.parametrize("number", ["9007199254740991", "-9007199254740991", "0"])
def test_numbers_inside(alice, room, number):
    event = alice.ok("PUT", ("rooms", room, "send", "org.example.x", unique()), f'{{"n":{number}}}'.encode())["event_id"]
    assert alice.event(room, event)["content"]["n"] == int(number)


@pytest.mark.parametrize("text", ['"\\ud800"', '"\\udc00\\ud800"', '"x\\ud83d"', '{"\\ud800":1}'])
def test_lone_surrogates(alice, slot, text):
    path, stored = slot
    r = alice.call("PUT", path(), f'{{"a":{text}}}'.encode())
    assert r.status == 400 and r.errcode in EITHER, r
    assert not stored()


def test_escaped_nul_and_pairs_are_fine(alice, room):
    event = alice.ok("PUT", ("rooms", room, "send", "org.example.x", unique()), b'{"a":"\\u0000 \\ud83d\\ude00 \\/"}')["event_id"]
    assert alice.event(room, event)["content"]["a"] == "\0 \U0001f600 /"


def test_duplicate_keys(alice, room):
    """Refused, or one of them counts; never both in what others read (the schema check refuses duplicates in answers)."""
    for body in (b'{"a":1,"a":2}', b'{"x":{"a":1,"a":2}}', b'{"a":1,"\\u0061":2}'):
        r = alice.call("PUT", ("rooms", room, "send", "org.example.x", unique()), body)
        assert r.status == 200 or (r.status == 400 and r.errcode in EITHER), r
        if r.status == 200:
            alice.event(room, r.json["event_id"])


@pytest.mark.parametrize("opening, closing", [(b"[", b"]"), (b'{"a":', b"}")])
@pytest.mark.parametrize("depth", [200, 5000, 100000])
def test_too_deep(alice, slot, opening, closing, depth):
    path, stored = slot
    r = alice.call("PUT", path(), b'{"a":' + opening * depth + (b"1" if closing == b"}" else b"") + closing * depth + b"}")
    assert (r.status in (400, 413) and r.errcode in ("M_BAD_JSON", "M_NOT_JSON", "M_TOO_LARGE")) or (depth == 200 and r.status == 200), r
    assert depth == 200 or not stored()


def test_depth_that_is_fine(alice, room):
    content = {"a": 1}
    for _ in range(40):
        content = {"a": content}
    assert alice.event(room, alice.send(room, content))["content"] == content


def test_too_large(alice, slot):
    path, stored = slot
    alice.fails(413, "M_TOO_LARGE", "PUT", path(), {"a": "x" * 100_000})
    alice.fails(413, "M_TOO_LARGE", "PUT", path(), {"a": "x" * 3_000_000})
    alice.fails(413, "M_TOO_LARGE", "PUT", path(), {f"k{n}": 1 for n in range(20000)})
    assert not stored()


@pytest.mark.parametrize("kind", [None, "", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "application/json; charset=utf-8", "nonsense"])
def test_content_types_do_not_matter(alice, room, kind):
    """Clients send all sorts of things; the body decides."""
    r = alice.call("PUT", ("rooms", room, "send", "org.example.x", unique()), b"{}", headers={"Content-Type": kind} if kind is not None else {"Content-Type": "application/json"})
    assert r.status == 200, r


# --- where one is not, what is not there, what one may not ---

ROOM_CALLS = [("GET", ("state",)), ("GET", ("members",)), ("GET", ("joined_members",)), ("GET", ("messages?dir=b",)), ("GET", ("event", "$" + "A" * 43)),
              ("GET", ("context", "$" + "A" * 43)), ("GET", ("state", "m.room.create", "")), ("PUT", ("send", "m.room.message", "t1")), ("PUT", ("state", "m.room.name", "")),
              ("PUT", ("redact", "$" + "A" * 43, "t2")), ("POST", ("invite",)), ("POST", ("kick",)), ("POST", ("ban",)), ("POST", ("read_markers",)),
              ("POST", ("receipt", "m.read", "$" + "A" * 43)), ("POST", ("upgrade",))]


@pytest.mark.parametrize("where", ["closed", "!none:localhost", "!" + "A" * 43, "!none:elsewhere.example"])
@pytest.mark.parametrize("method, call", ROOM_CALLS, ids=lambda v: v[0] if isinstance(v, tuple) else v)
def test_rooms_of_others(alice, bob, where, method, call):
    if where == "closed":
        where = alice.create_room(preset="private_chat")
    path = "/_matrix/client/v3/rooms/" + "/".join([where, *call])
    body = None if method == "GET" else {"user_id": alice.user_id, "new_version": "12", "m.fully_read": "$" + "A" * 43}
    r = bob.call(method, path, body)
    assert r.status in (403, 404) and r.errcode in ("M_FORBIDDEN", "M_NOT_FOUND"), r
    if where.startswith("!" + "A"):
        assert b"exist" not in r.body or r.status == 404


@pytest.mark.parametrize("method, path, body", [
    ("PUT", ("profile", "OTHER", "displayname"), {"displayname": "x"}), ("GET", ("user", "OTHER", "account_data", "m.direct"), None),
    ("PUT", ("user", "OTHER", "account_data", "m.direct"), {}), ("POST", ("user", "OTHER", "filter"), {}), ("GET", ("user", "OTHER", "rooms", "!a:b", "tags"), None),
    ("PUT", ("user", "OTHER", "rooms", "!a:b", "tags", "m.favourite"), {}), ("PUT", ("presence", "OTHER", "status"), {"presence": "online"}),
    ("GET", ("user", "OTHER", "rooms", "!a:b", "account_data", "x"), None), ("PUT", ("user", "OTHER", "rooms", "!a:b", "account_data", "x"), {})])
def test_things_of_others(alice, bob, method, path, body):
    alice.fails(403, "M_FORBIDDEN", method, tuple(bob.user_id if p == "OTHER" else p for p in path), body)


@pytest.mark.parametrize("user", ["nonsense", "@", "@:", "@a", "", "@a:b:c d", "!room:localhost", "@" + "x" * 300 + ":localhost"])
def test_malformed_user_ids(alice, room, user):
    if user:
        r = alice.call("GET", ("profile", user))
        assert r.status in (400, 403, 404) and r.errcode in ("M_INVALID_PARAM", "M_NOT_FOUND", "M_FORBIDDEN"), r
    for action in ("invite", "kick", "ban"):
        r = alice.call("POST", ("rooms", room, action), {"user_id": user})
        assert r.status in (400, 403) and r.errcode in ("M_INVALID_PARAM", "M_BAD_JSON", "M_FORBIDDEN", "M_MISSING_PARAM"), r


@pytest.mark.parametrize("room", ["nonsense", "!", "!:", "#alias:localhost", "@user:localhost", "$event", "!a:b c", "! :", "!" + "x" * 300 + ":localhost", "%21"])
def test_malformed_room_ids(alice, room):
    for method, path, body in (("GET", ("rooms", room, "state"), None), ("PUT", ("rooms", room, "send", "m.x", unique()), {}), ("POST", ("rooms", room, "join"), {}),
                               ("POST", ("rooms", room, "leave"), {}), ("GET", ("rooms", room, "members"), None)):
        r = alice.call(method, path, body)
        assert r.status in (400, 403, 404) and r.errcode in ("M_INVALID_PARAM", "M_NOT_FOUND", "M_FORBIDDEN", "M_UNKNOWN"), r


# --- tokens ---

def test_expired_and_foreign_tokens(alice, bob):
    tablet = alice.device()
    tablet.ok("POST", ("logout",), {})
    for token in (tablet.token, "nonsense", alice.token[:-1], alice.token + "x", alice.token.swapcase(), "x" * 5000, alice.user_id):
        body = alice.fails(401, "M_UNKNOWN_TOKEN", "GET", ("account", "whoami"), token=token)
        assert body.get("soft_logout", False) is False


def test_errors_are_sentences(alice, bob, room):
    """The reader is a person."""
    for r in (bob.call("GET", ("rooms", "!none:localhost", "state")), alice.call("PUT", ("rooms", room, "send", "m.x", unique()), b"{"), alice.call("GET", "/nothing"),
              alice.call("POST", ("createRoom",), {"preset": "x"}), alice.call("GET", ("account", "whoami"), token=None)):
        sentence = r.json["error"]
        assert len(sentence) > 8 and sentence[0].isupper() and " " in sentence, sentence


def test_errors_name_the_field(alice):
    for body, field in (({"preset": "x"}, "preset"), ({"invite": 5}, "invite"), ({"initial_state": {}}, "initial_state"), ({"name": 5}, "name")):
        r = alice.call("POST", ("createRoom",), body)
        assert r.status == 400 and field in r.json["error"], r


@pytest.mark.parametrize("path, name, value", [
    (("sync",), "full_state", "yes"), (("sync",), "use_state_after", "1"), (("sync",), "timeout", "soon"), (("rooms", "ROOM", "members"), "membership", "joined"),
    (("rooms", "ROOM", "members"), "not_membership", "x"), (("rooms", "ROOM", "state", "m.room.create", ""), "format", "json"),
    (("rooms", "ROOM", "messages"), "filter", "{"), (("rooms", "ROOM", "messages"), "limit", "-1"), (("rooms", "ROOM", "context", "EVENT"), "filter", "[}"),
    ("/_matrix/client/v1/rooms/ROOM/relations/EVENT", "recurse", "TRUE"), ("/_matrix/client/v1/rooms/ROOM/hierarchy", "suggested_only", "0"),
    ("/_matrix/client/v1/rooms/ROOM/threads", "include", "some"), ("/_matrix/client/v1/mutual_rooms", "user_id", "nonsense")])
def test_queries_with_wrong_values(alice, room, path, name, value):
    """Refused, and the parameter is named; without a value it is as if it were not there."""
    names = {"ROOM": room, "EVENT": alice.say(room, "x")}
    path = tuple(names.get(p, p) for p in path) if isinstance(path, tuple) else path.replace("ROOM", room).replace("EVENT", names["EVENT"].replace("$", "%24"))
    others = {"dir": "b"} if "messages" in path else {}
    r = alice.call("GET", path, query={**others, name: value})
    assert r.status == 400 and r.errcode in ("M_INVALID_PARAM", "M_NOT_JSON") and f"'{name}'" in r.json["error"], r
    assert "9223372036854775807" not in r.json["error"]
    if name not in ("timeout", "limit", "user_id"):
        assert alice.call("GET", path, query={**others, name: ""}).status == 200


def test_pages_of_mutual_rooms(alice, bob):
    alice.fails(400, "M_INVALID_PARAM", "GET", "/_matrix/client/v1/mutual_rooms", query={"user_id": bob.user_id, "from": "nonsense"})


def test_wrong_methods(alice, room):
    """405, and what the path takes instead."""
    for method, path, allowed in (("PATCH", ("rooms", room, "state"), {"GET", "HEAD", "OPTIONS"}), ("POST", ("account", "whoami"), {"GET", "HEAD", "OPTIONS"}),
                                  ("GET", ("createRoom",), {"POST", "OPTIONS"}), ("DELETE", ("devices", "x", ), None)):
        r = alice.call(method, path, {} if method in ("POST", "PATCH") else None)
        if allowed is None:
            assert r.status != 405 and "allow" not in r.headers, r
            continue
        assert r.status == 405 and r.errcode == "M_UNRECOGNIZED" and {m.strip() for m in r.headers["allow"].split(",")} == allowed, r


@pytest.mark.parametrize("body, errcode, word", [
    ({}, "M_MISSING_PARAM", "identifier"), ({"identifier": 5}, "M_BAD_JSON", "identifier"), ({"identifier": {}}, "M_MISSING_PARAM", "type"),
    ({"identifier": {"type": 5}}, "M_BAD_JSON", "type"), ({"identifier": {"type": "m.id.user"}}, "M_MISSING_PARAM", "user"),
    ({"identifier": {"type": "m.id.user", "user": None}}, "M_BAD_JSON", "user"), ({"user": 5}, "M_BAD_JSON", "user")])
def test_logins_without_a_user(anyone, body, errcode, word):
    r = anyone.fails(400, errcode, "POST", ("login",), {"type": "m.login.password", "password": "x", **body}, token=None)
    assert f"'{word}'" in r["error"]


def test_sentences_that_help(alice, room):
    for request, words in ((("GET", ("user", alice.user_id, "account_data", "org.none")), "no account data of that type"),
                           (("GET", ("rooms", room, "messages?dir=b&from=x")), "Leave it out"),
                           (("PUT", ("rooms", room, "state", "m.room.canonical_alias", ""), {"alias": 5}), "'alias' must be a string"),
                           (("POST", ("keys", "upload"), {"one_time_keys": {"signed_curve25519:A": 5}}), "an object with the string 'key'")):
        path = request[1]
        if "?" in path[-1]:
            path = "/_matrix/client/v3/" + "/".join(path)
        r = alice.call(request[0], path, *request[2:])
        assert r.status in (400, 404) and words in r.json["error"], r


def test_hostile_strings_are_not_echoed_unsafely(alice):
    for hostile in ("<script>", "\r\nX-Evil: 1", "%s%n", "\u202e", "\0"):
        r = alice.call("GET", ("profile", f"@{hostile}:localhost"))
        assert r.status in (400, 403, 404) and "x-evil" not in r.headers
        r = alice.call("POST", ("createRoom",), {"preset": hostile})
        assert r.status == 400 and r.headers["content-type"].startswith("application/json")


def test_deep_query_nonsense(alice, room):
    for query in ("limit=5&limit=x", "limit=%zz", "=", "&&&", "a=b=c", "limit=5;dir=b", "dir=b&dir=f", "%00=1", "dir=b&x=" + "y" * 5000, "limit=5%00&dir=b"):
        r = alice.call("GET", ("rooms", room, "messages"), query=query)
        assert r.status in (200, 400), r


def test_errors_leave_no_half_done_room(alice, bob):
    rooms = alice.joined_rooms()
    for body in ({"invite": [bob.user_id, "bad"]}, {"initial_state": [{"type": "m.room.topic", "content": {"n": 1.5}}]}, {"creation_content": {"x": 1.5}},
                 {"power_level_content_override": {"users": {"@a:localhost": 2**60}}}):
        r = alice.call("POST", ("createRoom",), json.dumps(body).encode())
        assert r.status == 400, r
    assert alice.joined_rooms() == rooms


def test_names_of_other_servers_stay_outside(server):
    """Users of servers that cannot be reached are refused in time, or taken as what they are: unknown."""
    client = Client(server).register(unique())
    room = client.create_room(preset="public_chat")
    r = client.call("POST", ("rooms", room, "invite"), {"user_id": "@someone:elsewhere.example"}, timeout=20)
    assert r.status in (200, 400, 403, 404, 502), r
    r = client.call("POST", ("join", "#room:elsewhere.example"), {}, timeout=20)
    assert r.status in (400, 403, 404, 502), r
