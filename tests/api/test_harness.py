"""The harness itself: does it see the faults that it is there to see? Against a stand-in server with faults on demand."""
import json
import pathlib
import random

import pytest

import mutate
from harness import schema, wire
from harness.client import Client
from harness.ed25519 import SigningKey
from harness.keys import DeviceKeys
from harness.server import Server, ServerFault, running
from harness.world import World

GOOD = {"content-type": "application/json", "access-control-allow-origin": "*",
        "access-control-allow-methods": "GET, POST, PUT, DELETE, OPTIONS",
        "access-control-allow-headers": "X-Requested-With, Content-Type, Authorization"}


@pytest.fixture
def fake(monkeypatch):
    monkeypatch.setenv("ROOKERY_BINARY", str(pathlib.Path(__file__).with_name("fake_server.py")))
    return lambda fault="": running(environ={"FAKE": fault}, deadline=10)


def check(method, path, status, value, **headers):
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    schema.spec.check(method, path, status, {**GOOD, **headers}, body)


def test_a_good_server_passes(fake):
    with fake() as server:
        client = Client(server)
        assert client.ok("GET", "/_matrix/client/versions")["versions"] == ["v1.19"]
        client.fails(401, "M_MISSING_TOKEN", "GET", ("account", "whoami"))
        port = server.port
        server.restart()
        assert server.port == port
        client.ok("GET", "/_matrix/client/versions")
        server.restart(kill=True)
        client.ok("GET", "/_matrix/client/versions")


@pytest.mark.parametrize("fault", ["schema", "cors", "type", "duplicate"])
def test_violations_are_seen(fake, fault):
    with fake(fault) as server, pytest.raises(schema.SchemaViolation):
        Client(server).call("GET", "/_matrix/client/versions")


@pytest.mark.parametrize("fault", ["errcode", "500"])
def test_bad_errors_are_seen(fake, fault):
    with fake(fault) as server, pytest.raises(schema.SchemaViolation):
        Client(server).call("GET", ("account", "whoami"))


def test_wrong_expectations_fail(fake):
    with fake() as server:
        client = Client(server)
        for status, errcode in ((401, "M_UNKNOWN_TOKEN"), (403, "M_MISSING_TOKEN")):
            with pytest.raises(AssertionError):
                client.fails(status, errcode, "GET", ("account", "whoami"))
        with pytest.raises(AssertionError):
            client.ok("GET", ("account", "whoami"))


def test_a_crash_is_seen(fake):
    with pytest.raises(ServerFault, match="status 7"), fake("crash") as server, pytest.raises(OSError):
        Client(server).call("GET", ("account", "whoami"))


@pytest.mark.parametrize("fault", ["leak", "status"])
def test_an_unclean_end_is_seen(fake, fault):
    with pytest.raises(ServerFault), fake(fault):
        pass


def test_a_server_that_does_not_start_is_seen(fake):
    with pytest.raises(ServerFault, match="no start"), fake("start"):
        pass


def test_a_server_that_does_not_stop_is_seen(fake):
    with fake("hang") as server:
        with pytest.raises(ServerFault, match="did not stop"):
            server.stop(deadline=0.5)


def test_operations_are_found():
    for method, path, want in (
            ("GET", "/_matrix/client/r0/sync", "sync"), ("GET", "/_matrix/client/v3/rooms/!a:b/state", "getRoomState"),
            ("PUT", "/_matrix/client/v3/rooms/!a/state/m.room.name/", "setRoomStateWithKey"),
            ("PUT", "/_matrix/client/v3/rooms/!a/state/m.room.name", "setRoomStateWithKey"),
            ("POST", "/_matrix/client/v3/rooms/!a/invite", "inviteUser"), ("GET", "/_matrix/client/v1/rooms/!a/threads", "getThreadRoots"),
            ("GET", "/_matrix/media/r0/download/a/b", "getContent"), ("POST", "/_matrix/media/v1/upload", "uploadContent"),
            ("GET", "/_matrix/client/v3/register/available", "checkUsernameAvailability"), ("HEAD", "/_matrix/client/versions", "getVersions")):
        assert schema.spec.find(method, path).id == want
    assert schema.spec.find("GET", "/_matrix/client/v3/nothing") is None


def test_bodies_are_validated():
    whoami = ("GET", "/_matrix/client/v3/account/whoami")
    check(*whoami, 200, {"user_id": "@a:localhost"})
    for bad in ({}, {"user_id": 3}, {"user_id": "a"}, {"user_id": "@a"}, [], b"{", b'{"user_id":"@a:b","x":NaN}', b'{"user_id":"@\xff:b"}'):
        with pytest.raises(schema.SchemaViolation):
            check(*whoami, 200, bad)


def test_events_in_sync_are_validated():
    event = {"type": "m.room.message", "sender": "@a:b", "event_id": "$" + "a" * 43, "origin_server_ts": 1, "content": {}}
    answer = {"next_batch": "s", "rooms": {"join": {"!r:b": {"timeline": {"events": [event]}}}}}
    check("GET", "/_matrix/client/v3/sync", 200, answer)
    for key, value in (("event_id", "$a"), ("sender", None), ("origin_server_ts", "1"), ("origin_server_ts", 2**60), ("content", [])):
        bad = json.loads(json.dumps(answer))
        bad["rooms"]["join"]["!r:b"]["timeline"]["events"][0][key] = value
        with pytest.raises(schema.SchemaViolation, match=key):
            check("GET", "/_matrix/client/v3/sync", 200, bad)


def test_errors_are_validated():
    path = ("POST", "/_matrix/client/v3/account/password")
    flows = {"flows": [{"stages": ["m.login.password"]}], "session": "s", "params": {}}
    check(*path, 401, flows)
    check(*path, 401, {"errcode": "M_MISSING_TOKEN", "error": "x"})
    check(*path, 401, {**flows, "errcode": "M_FORBIDDEN", "error": "x", "completed": []})
    check("GET", "/nowhere", 404, {"errcode": "M_UNRECOGNIZED", "error": "x"})
    check("GET", "/nowhere", 503, {"errcode": "M_UNKNOWN", "error": "x"})
    for status, bad in ((400, {"errcode": "M_BAD_JSON"}), (400, {"error": "x"}), (400, {"errcode": "M_BAD_JSON", "error": ""}), (401, {}),
                        (429, {"errcode": "M_LIMIT_EXCEEDED", "error": "x", "retry_after_ms": "5"}), (400, {"errcode": "no", "error": "x"})):
        with pytest.raises(schema.SchemaViolation):
            check(*path, status, bad)


def test_paths_are_encoded():
    assert wire.path_of(("rooms", "!a/b:c", "state", "x y", "")) == "/_matrix/client/v3/rooms/%21a%2Fb%3Ac/state/x%20y/"
    assert wire.path_of("/raw%2") == "/raw%2"


def test_signatures():
    """Key and signature of a known seed, checked once with libolm."""
    key = SigningKey("x")
    assert key.public == "zZd7tqRa5QpsN58h37sn8pW9ebfm3Vu7GGUaKuAE24g" and key.sign(b"hello") == \
        "eNMDo/oykc4O0QufD9h5fEnaHzRUoVZlAUCK18fTlQogfCpaZE1UgwjgIGFnS3/V3SUaEqQAbLX6ScF9mC1SBw"
    signed = key.sign_json({"b": 1, "a": "é", "unsigned": {"c": 1}}, "@a:b", "ID")
    assert signed["signatures"]["@a:b"]["ed25519:ID"] == key.sign('{"a":"é","b":1}'.encode())


def test_unused_port_is_not_a_server():
    server = Server()
    server.port = 1
    with pytest.raises(OSError):
        Client(server).call("GET", "/_matrix/client/versions")


class StubWorld(World):
    """A world without a server behind it."""

    def __init__(self):
        self._made = dict.fromkeys(("room", "event", "alias", "media", "pending_media", "filter", "rule", "backup", "token", "datum", "refresh", "banned", "left"), "!x:y")
        self.server = None
        self.alice = self._made["bob"] = self._made["carol"] = Client(None, "@a:b", "token", "DEVICE")
        self._made["keys"] = DeviceKeys(self.alice)
        self._made["signatures"] = {}


def test_mutated_requests_are_made_again_from_their_number(monkeypatch):
    monkeypatch.setattr(Client, "ok", lambda *args, **more: {"room_id": "!x:y", "user_id": "@x:y", "access_token": "t", "device_id": "D"})
    world, kinds = StubWorld(), set()
    for number in range(3000):
        one, two = (mutate.Maker(random.Random(f"seed/{number}"), world).make() for _ in range(2))
        kinds.add((one.operation.id, one.well_formed))
        assert one.well_formed == two.well_formed and (one.operation.id, one.method) == (two.operation.id, two.method)
        if one.well_formed:
            assert one.data.count(b"\r\n\r\n") and one.data.startswith(one.method.encode())
    assert len({name for name, _ in kinds}) > 150 and len({name for name, ok in kinds if not ok}) > 30


def test_faults_of_answers_are_seen():
    request = mutate.Request(schema.spec.find("GET", "/_matrix/client/versions"), "GET", "/_matrix/client/versions", b"")
    error = lambda code: json.dumps({"errcode": code, "error": "x"}).encode()  # noqa: E731
    assert mutate.fault(request, 200, GOOD, b'{"versions":[]}', True) is None
    assert mutate.fault(request, 404, GOOD, error("M_UNRECOGNIZED"), True) is None
    assert mutate.fault(request, 503, GOOD, error("M_LIMIT_EXCEEDED"), False) is None
    for status, body in ((500, error("M_UNKNOWN")), (503, error("M_UNKNOWN")), (400, b""), (400, b"{}"), (404, b"<html>")):
        assert mutate.fault(request, status, GOOD, body, False)
    assert mutate.fault(request, 200, GOOD, b'{"versions":5}', True)
