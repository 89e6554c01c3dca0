"""Registration by token. How tokens are made is the server's matter: here they come from the settings."""
import pytest

from harness.client import PASSWORD, Client, unique
from harness.settings import REGISTRATION_TOKENS

TOKEN = "let-me-in"
FLOW = "m.login.registration_token"


@pytest.fixture
def client(own_server):
    return Client(own_server({("registration", "mode"): "token", REGISTRATION_TOKENS: TOKEN}))


def register(client, body):
    return client.call("POST", ("register",), body, token=None)


def test_register_by_token(client):
    r = register(client, {})
    assert r.status == 401 and [f for f in r.json["flows"] if FLOW in f["stages"]] and not [f for f in r.json["flows"] if f["stages"] == ["m.login.dummy"]]
    body = {"username": unique(), "password": PASSWORD}
    for auth in ({"type": "m.login.dummy"}, {"type": FLOW, "token": "wrong"}, {"type": FLOW, "token": ""}, {"type": FLOW}):
        refused = register(client, {**body, "auth": {**auth, "session": r.json["session"]}})
        assert refused.status in (400, 401), refused
    stages = next(f["stages"] for f in r.json["flows"] if FLOW in f["stages"])
    last = register(client, {**body, "auth": {"type": FLOW, "token": TOKEN, "session": r.json["session"]}})
    if last.status == 401 and "m.login.dummy" in stages:
        assert last.json["completed"] == [FLOW]
        last = register(client, {**body, "auth": {"type": "m.login.dummy", "session": r.json["session"]}})
    assert last.status == 200, last
    assert client.take(last.json).ok("GET", ("account", "whoami"))


def test_validity(client):
    path = "/_matrix/client/v1/register/m.login.registration_token/validity"
    assert client.ok("GET", path, token=None, query={"token": TOKEN})["valid"] is True
    assert client.ok("GET", path, token=None, query={"token": "wrong"})["valid"] is False
    client.fails(400, "M_MISSING_PARAM", "GET", path, token=None)
