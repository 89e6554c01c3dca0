"""What a client reads before it logs in: versions, well-known, capabilities, flows."""
import concurrent.futures
import socket
import time

import pytest

from harness.client import Client, bodies, timeline, unique
from harness.settings import ADMIN_CONTACT, DEFAULT_ROOM_VERSION, PUBLIC_URL


def test_versions(anyone):
    versions = anyone.ok("GET", "/_matrix/client/versions", token=None)
    assert "v1.19" in versions["versions"] and "r0.6.1" in versions["versions"]
    assert all(isinstance(v, bool) for v in versions.get("unstable_features", {}).values())


def test_versions_with_a_token(alice):
    alice.ok("GET", "/_matrix/client/versions")


def test_well_known(anyone):
    assert anyone.ok("GET", "/.well-known/matrix/client", token=None)["m.homeserver"]["base_url"] == PUBLIC_URL


SUPPORT = "/.well-known/matrix/support"


def test_no_support_information(anyone):
    anyone.fails(404, "M_NOT_FOUND", "GET", SUPPORT, token=None)


@pytest.mark.parametrize("contact, told", [
    ("root@example.org", {"contacts": [{"role": "m.role.admin", "email_address": "root@example.org"}]}),
    ("https://example.org/help, @root:example.org root@example.org",
     {"contacts": [{"role": "m.role.admin", "matrix_id": "@root:example.org"}, {"role": "m.role.admin", "email_address": "root@example.org"}],
      "support_page": "https://example.org/help"}),
    ("https://example.org/help", {"support_page": "https://example.org/help"}),
])
def test_support_information(own_server, contact, told):
    assert Client(own_server({ADMIN_CONTACT: contact})).ok("GET", SUPPORT, token=None) == told


def test_login_flows(anyone):
    flows = anyone.ok("GET", ("login",), token=None)["flows"]
    assert {"type": "m.login.password"} in [{"type": f["type"]} for f in flows]


def test_capabilities(alice):
    capabilities = alice.ok("GET", ("capabilities",))["capabilities"]
    versions = capabilities["m.room_versions"]
    assert versions["default"] == "12"
    assert {str(v) for v in range(6, 13)} <= {v for v, stability in versions["available"].items() if stability == "stable"}
    assert capabilities.get("m.change_password", {"enabled": True})["enabled"] is True
    assert capabilities.get("m.profile_fields", {"enabled": True})["enabled"] is True
    assert capabilities.get("m.3pid_changes", {}).get("enabled") is False, "third-party identifiers cannot be changed here"


def test_default_room_version(own_server):
    alice = Client(own_server({DEFAULT_ROOM_VERSION: "11"})).register(unique())
    versions = alice.ok("GET", ("capabilities",))["capabilities"]["m.room_versions"]
    assert versions["default"] == "11" and versions["available"]["12"] == "stable"
    for wish, version in (({}, "11"), ({"room_version": "12"}, "12")):
        assert alice.state(alice.create_room(**wish), "m.room.create")["room_version"] == version


def test_capabilities_need_a_token(anyone):
    anyone.fails(401, "M_MISSING_TOKEN", "GET", ("capabilities",), token=None)


@pytest.mark.parametrize("version", ["r0", "v3"])
def test_older_versions_of_paths(alice, version):
    assert alice.ok("GET", f"/_matrix/client/{version}/account/whoami")["user_id"] == alice.user_id
    assert alice.ok("GET", f"/_matrix/client/{version}/sync", query={"timeout": 0})["next_batch"]
    alice.ok("GET", f"/_matrix/client/{version}/pushrules/")


def test_a_bare_question_mark_and_unknown_parameters(alice):
    alice.ok("GET", "/_matrix/client/v3/account/whoami?")
    alice.ok("GET", "/_matrix/client/v3/account/whoami?_cacheBuster=1&&x&=y&org.matrix.msc4222.use_state_after=true")


NUMBERS = ("rookery_events_accepted_total", "rookery_events_delivered_total", "rookery_delivery_seconds_count")


def test_health_and_metrics(alice):
    assert alice.call("GET", "/health/live", token=None, check=False).status == 200
    assert alice.call("GET", "/health/ready", token=None, check=False).status == 200
    metrics = alice.call("GET", "/metrics", token=None, check=False)
    assert metrics.status == 200 and b"# TYPE" in metrics.body


def test_metrics_of_all_addresses(own_server, tmp_path):
    """What comes in at the second address of server.listen counts, too."""
    server = own_server({("server", "listen"): f"127.0.0.1:0 unix:{tmp_path}/second"})
    client = Client(server)
    before = client.metric("rookery_http_received_bytes_total")
    with socket.socket(socket.AF_UNIX) as other:
        other.settimeout(20)
        other.connect(f"{tmp_path}/second")
        other.sendall(b"GET /health/live HTTP/1.1\r\nHost: x\r\nX-Long: " + b"x" * 9000 + b"\r\n\r\n")
        assert b"200" in other.recv(1000)
        assert client.metric("rookery_http_received_bytes_total") > before + 9000
        assert client.metric("rookery_connections") >= 2


def test_metrics_of_a_message(own_server):
    """What was accepted and delivered is counted; the way to clients that waited, and the store's commits, are measured."""
    server = own_server({("presence", "enabled"): "false"})  # it would wake the one who waits
    alice, bob = Client(server).register(unique("alice")), Client(server).register(unique("bob"))
    room = alice.room_with(bob)
    since = bob.token_now()
    accepted, delivered, measured = (alice.metric(name) for name in NUMBERS)
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(bob.sync, since, timeout=20)
        while alice.metric("rookery_sync_waiters") != 1:
            time.sleep(0.005)
        began = time.monotonic()
        alice.say(room, "now")
        assert bodies(timeline(waiting.result(), room)) == ["now"]
        took = time.monotonic() - began
    assert [alice.metric(name) for name in NUMBERS] == [accepted + 1, delivered + 1, measured + 1]
    assert 0 <= alice.metric("rookery_delivery_seconds_sum", float) <= took + 0.002, "times of events are whole milliseconds"
    # Who comes later is delivered to as well, but says nothing about the way; what was refused was not accepted.
    assert bodies(timeline(bob.sync(since), room)) == ["now"]
    bob.fails(403, "M_FORBIDDEN", "PUT", ("rooms", room, "state", "m.room.name", ""), {"name": "mine"})
    assert [alice.metric(name) for name in NUMBERS] == [accepted + 1, delivered + 2, measured + 1]
    assert alice.metric("rookery_store_commit_seconds_count") == alice.metric("rookery_store_commits_total") > 0
    assert alice.metric("rookery_store_commit_seconds_sum", float) > 0
