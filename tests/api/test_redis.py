"""Servers with a real Redis as their cache: limits that hold for all of them together, and that nothing but these depends on it."""
import os
import signal
import socket
import subprocess
import time

import pytest

from harness.client import PASSWORD, Client, unique


class Redis:
    def __init__(self, folder, password="secret"):
        self.folder, self.password, self.port, self.process = folder, password, None, None

    def start(self):
        """On the port that it has; a free one the first time."""
        while True:
            if not self.port or not self.process:
                with socket.socket() as s:
                    s.bind(("127.0.0.1", self.port or 0))
                    self.port = s.getsockname()[1]
            self.process = subprocess.Popen(["redis-server", "--bind", "127.0.0.1", "--port", str(self.port), "--save", "", "--requirepass", self.password,
                                             "--dir", str(self.folder)], stdout=subprocess.DEVNULL)
            while self.process.poll() is None:
                try:
                    socket.create_connection(("127.0.0.1", self.port), 5).close()
                    return self
                except OSError:
                    time.sleep(0.01)
            self.process = None

    def kill(self):
        self.process.kill()
        self.process.wait()

    def settings(self, **more):
        return {("cache", "url"): f"redis://:{more.pop('password', self.password)}@127.0.0.1:{self.port}",
                **{("cache", name): value for name, value in more.items()}}


@pytest.fixture
def redis(tmp_path):
    r = Redis(tmp_path).start()
    yield r
    r.kill()


def logins(servers, name, most=60):
    """Wrong passwords, given to the servers in turn; how many were looked at before each of them had said no."""
    seen, refused = 0, set()
    for n in range(most):
        server = servers[n % len(servers)]
        r = Client(server).call("POST", ("login",), {"type": "m.login.password", "identifier": {"type": "m.id.user", "user": name},
                                                     "password": "wrong"}, token=None, check=False)
        assert r.status in (403, 429), r
        seen += r.status == 403
        refused |= {server} if r.status == 429 else set()
    assert len(refused) == len(servers)
    return seen


def test_limits_hold_for_all_servers_together(own_server, redis):
    rates = {("limits", "user_logins"): "1/h", ("limits", "user_logins_burst"): "12"}
    two = [own_server({**rates, **redis.settings(patience="10s")}) for _ in range(2)]
    # Each may be ahead of what the other knows by one, and by what is under way.
    assert 12 <= logins(two, "alice") <= 15
    assert logins([own_server(rates)], "alice") == 12
    redis.kill()
    assert logins(two, "bob") == 24, "without the cache each server has its own"
    redis.start()


def test_a_lost_cache_costs_nothing_else(own_server, redis):
    server = own_server({**redis.settings(), ("limits", "messages"): "1000/s", ("limits", "messages_burst"): "1000"})
    alice = Client(server).register(unique())
    room = alice.create_room()
    redis.kill()
    for _ in range(300):
        alice.send(room, {"body": "x"})
    assert alice.metric("rookery_cache_unanswered_total") > 0
    Client(server).register(unique())
    Client(server).login(alice.user_id, PASSWORD)
    assert "redis is away" in server.log()
    redis.start()
    os.kill(redis.process.pid, signal.SIGSTOP)  # there, and silent
    began = time.monotonic()
    for _ in range(300):
        alice.send(room, {"body": "x"})
    assert time.monotonic() - began < 30
    os.kill(redis.process.pid, signal.SIGCONT)
    server.stop()


def test_a_wrong_password_is_said_at_start(own_server, redis):
    server = own_server(redis.settings(password="guessed"))
    end = time.monotonic() + 30
    while "the user or the password is not right" not in server.log():
        assert time.monotonic() < end, server.log()
        time.sleep(0.02)
    assert "[cache] url" in server.log() and "guessed" not in server.log()
    alice = Client(server).register(unique())
    alice.send(alice.create_room(), {"body": "x"})


def test_a_dialogue_goes_on_at_another_server(own_server, redis):
    """What has been completed is in the cache: any server knows it."""
    one, other = (own_server(redis.settings(patience="10s")) for _ in range(2))
    body = {"username": unique(), "password": PASSWORD}
    session = Client(one).call("POST", ("register",), body, token=None, check=False).json["session"]
    asked = Client(other).call("POST", ("register",), {**body, "auth": {"session": session}}, token=None, check=False)
    assert asked.status == 401 and asked.json["session"] == session
    unknown = Client(other).call("POST", ("register",), {**body, "auth": {"session": "x" * 24}}, token=None, check=False)
    assert unknown.status == 401 and unknown.json["session"] != "x" * 24
