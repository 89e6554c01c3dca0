"""What a client reads before it logs in: versions, well-known, capabilities, flows."""
import pytest

from harness.settings import PUBLIC_URL


def test_versions(anyone):
    versions = anyone.ok("GET", "/_matrix/client/versions", token=None)
    assert "v1.19" in versions["versions"] and "r0.6.1" in versions["versions"]
    assert all(isinstance(v, bool) for v in versions.get("unstable_features", {}).values())


def test_versions_with_a_token(alice):
    alice.ok("GET", "/_matrix/client/versions")


def test_well_known(anyone):
    assert anyone.ok("GET", "/.well-known/matrix/client", token=None)["m.homeserver"]["base_url"] == PUBLIC_URL


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


def test_health_and_metrics(alice):
    assert alice.call("GET", "/health/live", token=None, check=False).status == 200
    assert alice.call("GET", "/health/ready", token=None, check=False).status == 200
    metrics = alice.call("GET", "/metrics", token=None, check=False)
    assert metrics.status == 200 and b"# TYPE" in metrics.body
