"""Rate limits, on servers that have them on: who is told to wait, for how long, and that others are not."""
import time

import pytest

from harness import settings
from harness.client import PASSWORD, Client, unique

DUMMY = {"auth": {"type": "m.login.dummy"}}


def limits(**rates):
    """limits(messages="2/s", messages_burst=3)"""
    return {("limits", name): str(value) for name, value in rates.items()}


def until_limited(call, most):
    """Calls until 429; (how many were let through, the refusal)."""
    for n in range(most):
        r = call()
        if r.status == 429:
            assert r.errcode == "M_LIMIT_EXCEEDED"
            assert int(r.headers["retry-after"]) >= 1 and r.json.get("retry_after_ms", 1) > 0
            return n, r
        assert r.status in (200, 403), r
    pytest.fail(f"no limit within {most}")


def test_messages(own_server):
    server = own_server(limits(messages="2/s", messages_burst=5))
    alice, bob = (Client(server).register(unique()) for _ in range(2))
    room = alice.create_room(preset="public_chat")
    bob.join(room)
    say = lambda who: who.call("PUT", ("rooms", room, "send", "m.room.message", unique()), {"msgtype": "m.text", "body": "x"})  # noqa: E731
    through, refusal = until_limited(lambda: say(alice), 20)
    assert 3 <= through <= 8
    assert say(bob).status == 200, "the limit is each user's own"
    time.sleep(refusal.json.get("retry_after_ms", 1000) / 1000 + 0.1)
    assert say(alice).status == 200, "after the time that was told"
    alice.token_now()


def test_state_counts_as_messages(own_server):
    server = own_server(limits(messages="1/m", messages_burst=3))
    alice = Client(server).register(unique())
    room = alice.create_room()
    until_limited(lambda: alice.call("PUT", ("rooms", room, "state", "org.example.x", ""), {"n": unique()}), 10)


def test_repeated_transactions_are_answered(own_server):
    """A message that was accepted is answered again even when the limit has been reached, or the client is told to wait; never sent twice."""
    server = own_server(limits(messages="1/m", messages_burst=2))
    alice = Client(server).register(unique())
    room = alice.create_room()
    event = alice.send(room, {"body": "x"}, txn="t")
    for _ in range(3):
        r = alice.call("PUT", ("rooms", room, "send", "m.room.message", "t"), {"body": "x"})
        assert r.status == 429 or r.json["event_id"] == event


def test_logins_of_an_account(own_server):
    server = own_server(limits(user_logins="6/m", user_logins_burst=4))
    alice, bob = (Client(server).register(unique()) for _ in range(2))

    def attempt(user, password):
        return alice.call("POST", ("login",), {"type": "m.login.password", "identifier": {"type": "m.id.user", "user": user}, "password": password}, token=None)
    through, _ = until_limited(lambda: attempt(alice.user_id, "wrong"), 12)
    assert 3 <= through <= 6
    assert attempt(alice.user_id.upper(), PASSWORD).status in (400, 403, 429)
    assert attempt(alice.localpart, PASSWORD).status == 429, "the localpart is the same account"
    assert attempt(bob.user_id, PASSWORD).status == 200


def test_logins_of_an_address(own_server):
    server = own_server(limits(logins="6/m", logins_burst=4))
    users = [Client(server).register(unique()) for _ in range(2)]

    def attempt(user):
        return users[0].call("POST", ("login",), {"type": "m.login.password", "identifier": {"type": "m.id.user", "user": user}, "password": "wrong"}, token=None)
    until_limited(lambda: attempt(f"@{unique()}:localhost"), 12)
    assert attempt(users[1].user_id).status == 429


def test_registrations(own_server):
    server = own_server(limits(registrations="1/m", registrations_burst=3))
    client = Client(server)
    register = lambda: client.call("POST", ("register",), {"username": unique(), "password": PASSWORD, **DUMMY}, token=None)  # noqa: E731
    through, _ = until_limited(register, 10)
    assert 2 <= through <= 4
    client.ok("GET", "/_matrix/client/versions", token=None)


def test_rooms_and_joins(own_server):
    server = own_server(limits(joins="1/m", joins_burst=4))
    alice, bob = (Client(server).register(unique()) for _ in range(2))
    rooms = []

    def create():
        r = alice.call("POST", ("createRoom",), {"preset": "public_chat"})
        rooms.extend([r.json["room_id"]] if r.status == 200 else [])
        return r
    until_limited(create, 10)
    assert set(alice.joined_rooms()) == set(rooms), "nothing of the room that was refused"
    bob.join(rooms[0])
    until_limited(lambda: bob.call("POST", ("join", rooms[1]), {}), 10)


def test_all_requests(own_server):
    server = own_server(limits(requests="5/s", requests_burst=20))
    alice = Client(server).register(unique())
    through, _ = until_limited(lambda: alice.call("GET", ("account", "whoami")), 60)
    assert through >= 10
    time.sleep(1.2)
    alice.ok("GET", ("account", "whoami"))


def test_uploads(own_server):
    server = own_server(limits(uploads="1/m", uploads_burst=3))
    alice = Client(server).register(unique())
    until_limited(lambda: alice.call("POST", "/_matrix/media/v3/upload", b"x", headers={"Content-Type": "text/plain"}), 10)


def test_behind_a_proxy(own_server):
    """With a trusted proxy the limit is that of the address behind it; without, the header counts for nothing."""
    rates = limits(logins="1/m", logins_burst=2)
    for trusted, shared_limit in (({("server", "trusted_proxies"): "127.0.0.1"}, False), ({}, True)):
        client = Client(own_server({**rates, **trusted}))

        def attempt(address):
            return client.call("POST", ("login",), {"type": "m.login.password", "identifier": {"type": "m.id.user", "user": unique()}, "password": "x"}, token=None,
                               headers={"X-Forwarded-For": address})
        until_limited(lambda: attempt("192.0.2.1"), 6)
        assert (attempt("192.0.2.2").status == 429) is shared_limit


def test_defaults_are_on(own_server):
    """A server without settings limits, and does not hinder an ordinary client at its start."""
    server = own_server()
    server.stop()
    server.settings = {k: v for k, v in server.settings.items() if k not in settings.LIMITS_OFF}
    server.start()
    alice = Client(server).register(unique())
    room = alice.create_room()
    for _ in range(20):
        alice.say(room, "x")
        alice.token_now()
    until_limited(lambda: alice.call("PUT", ("rooms", room, "send", "m.room.message", unique()), {"body": "x"}), 1000)


def test_zero_is_off(own_server):
    server = own_server()
    alice = Client(server).register(unique())
    room = alice.create_room()
    for _ in range(300):
        alice.say(room, "x")
