"""Key backup: versions, sessions, which of two is better, counts and etags."""
import pytest

from harness.client import Client, unique
from harness.world import BACKUP, SESSION

KEYS = ("room_keys", "keys")
VERSION = ("room_keys", "version")
ROOM = "!room:localhost"


def new(client):
    return client.ok("POST", VERSION, BACKUP)["version"]


def put(client, version, room=ROOM, name="s", **change):
    return client.ok("PUT", KEYS + (room, name), {**SESSION, **change}, query={"version": version})


def get(client, version, *where):
    return client.ok("GET", KEYS + where, query={"version": version})


@pytest.fixture
def version(alice):
    return new(alice)


def test_versions(alice):
    alice.fails(404, "M_NOT_FOUND", "GET", VERSION)
    one = new(alice)
    shown = alice.ok("GET", VERSION)
    assert shown["version"] == one and shown["algorithm"] == BACKUP["algorithm"] and shown["auth_data"] == BACKUP["auth_data"] and shown["count"] == 0
    two = new(alice)
    assert two != one and alice.ok("GET", VERSION)["version"] == two and alice.ok("GET", VERSION + (one,))["version"] == one
    alice.ok("DELETE", VERSION + (two,))
    assert alice.ok("GET", VERSION)["version"] == one, "the latest that there is"
    alice.fails(404, "M_NOT_FOUND", "GET", VERSION + (two,))
    assert new(alice) not in (one, two), "a version is never used twice"
    alice.fails(404, "M_NOT_FOUND", "GET", VERSION + ("nonsense",))
    alice.fails(404, "M_NOT_FOUND", "DELETE", VERSION + ("9999",))


def test_versions_are_not_used_twice(alice):
    one = new(alice)
    alice.ok("DELETE", VERSION + (one,))
    alice.fails(404, "M_NOT_FOUND", "GET", VERSION)
    assert new(alice) != one


def test_versions_are_ordered_by_age(alice):
    """And not as texts would be; deleted ones leave no hole in the order, and can be deleted again, those that never were cannot."""
    versions = [new(alice) for _ in range(12)]
    assert len(set(versions)) == 12 and alice.ok("GET", VERSION)["version"] == versions[-1]
    for version in versions[3:]:
        alice.ok("DELETE", VERSION + (version,))
    assert alice.ok("GET", VERSION)["version"] == versions[2]
    assert put(alice, versions[2])["count"] == 1, "the newest that is left is written to"
    again = new(alice)
    assert again not in versions
    for version in versions[2:]:
        alice.ok("DELETE", VERSION + (version,))
        alice.fails(404, "M_NOT_FOUND", "GET", VERSION + (version,))
        alice.fails(404, "M_NOT_FOUND", "PUT", VERSION + (version,), BACKUP)
    assert alice.ok("GET", VERSION)["version"] == again
    alice.fails(404, "M_NOT_FOUND", "DELETE", VERSION + (str(int(again) + 1),))


@pytest.mark.parametrize("auth_data", [
    {}, {"public_key": 5}, {"public_key": ""}, {"public_key": "not base64!"}, {**BACKUP["auth_data"], "signatures": []},
    {**BACKUP["auth_data"], "signatures": {"@a:b": "x"}}, {**BACKUP["auth_data"], "signatures": {"@a:b": {"ed25519:X": 5}}}])
def test_bad_auth_data(alice, version, auth_data):
    for method, where in (("POST", ()), ("PUT", (version,))):
        alice.fails(400, ("M_BAD_JSON", "M_INVALID_PARAM"), method, VERSION + where, {**BACKUP, "auth_data": auth_data})


def test_auth_data_may_have_more(alice):
    auth_data = {"public_key": BACKUP["auth_data"]["public_key"], "org.example.more": {"a": [1]}}
    alice.ok("POST", VERSION, {**BACKUP, "auth_data": auth_data})
    assert alice.ok("GET", VERSION)["auth_data"] == auth_data


@pytest.mark.parametrize("algorithm", ["", "org.example.other", "m.megolm_backup.v1"])
def test_unknown_algorithm(alice, algorithm):
    alice.fails(400, "M_INVALID_PARAM", "POST", VERSION, {**BACKUP, "algorithm": algorithm})
    alice.fails(404, "M_NOT_FOUND", "GET", VERSION)


def test_update(alice, version):
    data = {"public_key": "abcdefg", "signatures": {alice.user_id: {"ed25519:X": "sig"}}}
    alice.ok("PUT", VERSION + (version,), {"algorithm": BACKUP["algorithm"], "auth_data": data, "version": version})
    assert alice.ok("GET", VERSION)["auth_data"] == data
    alice.ok("PUT", VERSION + (version,), {"algorithm": BACKUP["algorithm"], "auth_data": data})
    for bad in ({"algorithm": "other", "auth_data": data}, {"algorithm": BACKUP["algorithm"], "auth_data": data, "version": "77"}):
        alice.fails(400, ("M_INVALID_PARAM", "M_BAD_JSON"), "PUT", VERSION + (version,), bad)
    alice.fails(404, "M_NOT_FOUND", "PUT", VERSION + ("9999",), {"algorithm": BACKUP["algorithm"], "auth_data": data})


def test_one_session(alice, version):
    r = put(alice, version)
    assert r["count"] == 1 and r["etag"]
    assert get(alice, version, ROOM, "s") == SESSION
    assert get(alice, version, ROOM) == {"sessions": {"s": SESSION}}
    assert get(alice, version) == {"rooms": {ROOM: {"sessions": {"s": SESSION}}}}


def test_many_sessions(alice, version):
    rooms = {f"!r{n}:localhost": {"sessions": {f"s{i}": {**SESSION, "first_message_index": i} for i in range(10)}} for n in range(5)}
    r = alice.ok("PUT", KEYS, {"rooms": rooms}, query={"version": version})
    assert r["count"] == 50
    assert get(alice, version) == {"rooms": rooms}
    assert get(alice, version, "!r3:localhost") == rooms["!r3:localhost"]
    r = alice.ok("PUT", KEYS + ("!r0:localhost",), {"sessions": {"extra/name": SESSION}}, query={"version": version})
    assert r["count"] == 51 and get(alice, version, "!r0:localhost", "extra/name") == SESSION


def test_etag(alice, version):
    one = put(alice, version)["etag"]
    assert alice.ok("GET", VERSION)["etag"] == one and alice.ok("GET", VERSION)["count"] == 1
    two = put(alice, version, name="other")["etag"]
    assert two != one and put(alice, version, name="other")["etag"] == two, "nothing changed"


@pytest.mark.parametrize("worse, better", [
    ({"is_verified": False}, {"is_verified": True}), ({"first_message_index": 5}, {"first_message_index": 1}),
    ({"forwarded_count": 3}, {"forwarded_count": 0})])
def test_the_better_one_stays(alice, version, worse, better):
    put(alice, version, name="a", **better)
    put(alice, version, name="a", **worse)
    put(alice, version, name="b", **worse)
    put(alice, version, name="b", **better)
    assert get(alice, version, ROOM, "a") == get(alice, version, ROOM, "b") == {**SESSION, **better}


def test_delete(alice, version):
    for room in (ROOM, "!other:localhost"):
        for name in ("a", "b"):
            put(alice, version, room, name)
    assert alice.ok("DELETE", KEYS + (ROOM, "a"), query={"version": version})["count"] == 3
    alice.fails(404, "M_NOT_FOUND", "GET", KEYS + (ROOM, "a"), query={"version": version})
    assert alice.ok("DELETE", KEYS + (ROOM,), query={"version": version})["count"] == 2
    assert get(alice, version, ROOM) == {"sessions": {}}
    assert alice.ok("DELETE", KEYS, query={"version": version})["count"] == 0
    assert get(alice, version) == {"rooms": {}}


def test_only_the_current_version_is_written(alice, version):
    put(alice, version)
    second = new(alice)
    r = alice.fails(403, "M_WRONG_ROOM_KEYS_VERSION", "PUT", KEYS + (ROOM, "s"), SESSION, query={"version": version})
    assert r["current_version"] == second
    alice.fails(403, "M_WRONG_ROOM_KEYS_VERSION", "PUT", KEYS, {"rooms": {}}, query={"version": version})
    assert get(alice, version, ROOM, "s") == SESSION, "an older one can be read"
    assert get(alice, second) == {"rooms": {}}


def test_no_version(alice):
    alice.fails((403, 404), ("M_NOT_FOUND", "M_WRONG_ROOM_KEYS_VERSION"), "PUT", KEYS + (ROOM, "s"), SESSION, query={"version": "1"})
    alice.fails(404, "M_NOT_FOUND", "GET", KEYS, query={"version": "1"})
    alice.fails(400, ("M_MISSING_PARAM", "M_INVALID_PARAM"), "GET", KEYS)
    alice.fails(400, ("M_MISSING_PARAM", "M_INVALID_PARAM"), "PUT", KEYS + (ROOM, "s"), SESSION)


def test_backups_are_private(alice, bob, version):
    put(alice, version)
    bob.fails(404, "M_NOT_FOUND", "GET", KEYS + (ROOM, "s"), query={"version": version})
    bob.fails(404, "M_NOT_FOUND", "GET", VERSION)


@pytest.mark.parametrize("change", [{"first_message_index": "x"}, {"forwarded_count": None}, {"is_verified": "yes"}, {"session_data": "x"}, {"first_message_index": 1.5}])
def test_bad_sessions(alice, version, change):
    for body, where in (({**SESSION, **change}, (ROOM, "s")), ({"sessions": {"s": {**SESSION, **change}}}, (ROOM,)),
                        ({"rooms": {ROOM: {"sessions": {"s": {**SESSION, **change}}}}}, ())):
        alice.fails(400, ("M_BAD_JSON", "M_INVALID_PARAM", "M_MISSING_PARAM"), "PUT", KEYS + where, body, query={"version": version})
    assert get(alice, version) == {"rooms": {}}


@pytest.mark.parametrize("body", [{}, {"algorithm": 5, "auth_data": {}}, {"algorithm": BACKUP["algorithm"]}, {"auth_data": {}}, {"algorithm": BACKUP["algorithm"], "auth_data": "x"}])
def test_bad_versions(alice, body):
    alice.fails(400, ("M_BAD_JSON", "M_MISSING_PARAM", "M_INVALID_PARAM", "M_UNKNOWN"), "POST", VERSION, body)


def test_over_a_restart(own_server):
    server = own_server()
    alice = Client(server).register(unique())
    version = new(alice)
    etag = put(alice, version)["etag"]
    server.restart(kill=True)
    assert get(alice, version, ROOM, "s") == SESSION
    shown = alice.ok("GET", VERSION)
    assert shown["count"] == 1 and shown["etag"] == etag
