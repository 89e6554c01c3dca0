"""The server on PostgreSQL: TLS and passwords, what is refused, and a database that goes and comes back."""
import json
import signal
import sys
import threading
import time

import pytest

from harness import settings
from harness.client import Client, bodies, unique
from harness.server import running
from test_program import ok, refused

sys.path.insert(0, str(settings.ROOT / "tests" / "support"))
import postgres  # noqa: E402

URL = ("store", "url")


@pytest.fixture(scope="module")
def database():
    with postgres.Postgres(databases=1) as p:
        yield p


def test_tls_and_password():
    with postgres.Postgres(databases=2, password="hidden-word") as p:
        urls = f"{p.tls_url('shard1')} {p.tls_url('shard2')}"
        with running({URL: urls}) as server:
            alice = Client(server).register(unique("alice"))
            room = alice.create_room()
            event = alice.say(room, "over TLS")
            server.restart()
            assert alice.event(room, event)["content"]["body"] == "over TLS"
            assert "hidden-word" not in server.log()
        environment = {"ROOKERY_STORE_URL": p.tls_url("shard1").replace(str(p.certificate), str(settings.ROOT / "tests" / "support" / "postgres.py"))}
        refused("serve", status=1, says="cannot be reached", environ=environment, cwd=p.folder)
        environment = {"ROOKERY_STORE_URL": p.tls_url("shard1").replace("hidden-word", "wrong-word")}
        refused("serve", status=1, says="password authentication failed", environ=environment, cwd=p.folder)
        environment = {"ROOKERY_STORE_URL": p.tls_url("shard1")}
        refused("serve", status=1, says="live in a database that is not listed", environ=environment, cwd=p.folder)


def test_a_server_waits_for_its_database():
    def come_back():
        while "waiting for the database" not in server.log():
            time.sleep(0.01)
        p.start()
    with postgres.Postgres(databases=1) as p, running({URL: p.urls[0]}) as server:
        server.stop()
        p.stop()
        back = threading.Thread(target=come_back, daemon=True)
        back.start()
        server.start()
        back.join()
        Client(server).register(unique("alice"))


def test_servers_without_a_broker_do_not_share(database, tmp_path):
    url = database.new_database()
    with running({URL: url}) as first:
        refused("serve", status=1, says="Another server uses these databases", environ={"ROOKERY_STORE_URL": url}, cwd=tmp_path)
        first.check_alive()
        first.restart(kill=True)
    with running({URL: url}):
        pass


def test_backups_are_made_elsewhere(database, tmp_path):
    environment = {"ROOKERY_STORE_URL": database.new_database(), "ROOKERY_STORE_PATH": str(tmp_path / "data")}
    refused("backup", "--to", str(tmp_path / "b"), status=1, says="pg_dump", environ=environment)
    refused("restore", "--from", str(tmp_path / "b"), status=1, says="pg_dump", environ=environment)
    assert not (tmp_path / "b").exists()
    refused("serve", "--set", "store.url=db.example.org/x", says="[store] url: number 1 is no address", environ=environment)


class Talk:
    """Alice talks to herself. What was acknowledged is there in the end, in order and once; what was refused may be said again."""

    def __init__(self, server):
        self.server, self.alice = server, Client(server).register(unique("alice"))
        self.room = self.alice.create_room()
        self.acknowledged, self.refused, self.stop = [], [], threading.Event()
        self.thread = threading.Thread(target=self._run)
        self.thread.start()
        self.goes_on()

    def _run(self):
        while not self.stop.is_set():
            body = f"message {len(self.acknowledged) + len(self.refused)}"
            r = self.alice.call("PUT", ("rooms", self.room, "send", "m.room.message", unique("t")), {"msgtype": "m.text", "body": body})
            assert r.status in (200, 503), r
            (self.acknowledged if r.status == 200 else self.refused).append(body)

    def pause(self):
        """For a restart, which refuses connections for a moment."""
        self.stop.set()
        self.thread.join()

    def resume(self):
        self.stop.clear()
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def goes_on(self):
        before = len(self.acknowledged)
        wait(lambda: len(self.acknowledged) > before + 20)

    def check(self):
        self.pause()
        self.server.restart(kill=True)
        said = bodies(self.alice.history(self.room, direction="f"))
        acknowledged = set(self.acknowledged)
        assert [b for b in said if b in acknowledged] == self.acknowledged
        assert len(said) == len(set(said))


def test_the_database_goes_and_comes_back(database):
    with running({URL: database.new_database()}) as server:
        talk = Talk(server)
        database.kill()
        wait(lambda: "database is away" in server.log())
        database.start()
        wait(lambda: "database is back" in server.log())
        talk.goes_on()
        talk.check()


def test_status_while_the_database_stands_still(database):
    """It tells what the server says, and why the shards cannot be seen."""
    status = lambda *options: json.loads(ok("admin", "status", "--json", *options, cwd=server.folder, environ=environment(server)))  # noqa: E731
    with running({URL: database.new_database()}) as server:
        [shard] = status()["shards"]
        assert shard["slots"] == list(range(64))
        database.signal_all(signal.SIGSTOP)
        try:
            told = status("--no-shards")
            assert told["nodes"] and "shards" not in told and "shards_unseen" not in told
            told = status()
            assert told["nodes"] and told["shards"] == [] and "cannot be reached" in told["shards_unseen"]
        finally:
            database.signal_all(signal.SIGCONT)


def environment(server):
    return {settings.environment_name(*k): str(v) for k, v in server.settings.items()}


def shards(server):
    return json.loads(ok("admin", "shard", "list", "--json", cwd=server.folder, environ=environment(server)))


def test_a_shard_is_added_while_people_chat(database):
    """Nothing is refused; the rooms' slots live in the new database in the end."""
    old, new = database.new_database(), database.new_database()
    with running({URL: old}) as server:
        listed = ok("admin", "shard", "list", cwd=server.folder, environ={**environment(server), "ROOKERY_STORE_URL": new})
        assert "64 slots live in none of them" in listed  # and it is not made ready for that
        assert database.sql("SELECT count(*) FROM pg_namespace WHERE nspname = 'rookery'", f"shard{database.databases}").strip() == "0"
        talk = Talk(server)
        server.settings[URL] = f"{old} {new}"
        assert "ready" in ok("admin", "shard", "add", cwd=server.folder, environ=environment(server))
        talk.pause()
        server.restart()
        talk.resume()
        moved = ok("admin", "shard", "move", "--shard", "2", cwd=server.folder, environ=environment(server))
        assert "32 slots are there." in moved and moved.count("rows\n" ) + moved.count("rows   \n") == 32
        assert [len(s["slots"]) for s in shards(server)] == [32, 32]
        ok("admin", "shard", "move", "--shard", "1", "--slots", "60-62,63", cwd=server.folder, environ=environment(server))
        assert [len(s["slots"]) for s in shards(server)] == [36, 28]
        talk.goes_on()
        assert not talk.refused
        talk.check()
        refused("admin", "shard", "move", "--shard", "3", status=1, says="there is no shard", environ=environment(server), cwd=server.folder)
        refused("admin", "shard", "move", "--shard", "1", "--slots", "64", status=1, says="is not understood", environ=environment(server), cwd=server.folder)
    with running({URL: ""}) as server:
        refused("admin", "shard", "list", status=1, says="has no shards", environ=environment(server), cwd=server.folder)


def test_the_standby_takes_over():
    """The primary dies for good; the URL names both."""
    with postgres.Postgres(databases=1) as primary, primary.standby() as standby:
        both = f"postgresql://rookery@/shard1?host={primary.folder},{standby.folder}"
        with running({URL: both}) as server:
            talk = Talk(server)
            primary.kill()
            wait(lambda: "database is away" in server.log())
            standby.promote()
            wait(lambda: "database is back" in server.log())
            talk.goes_on()
            talk.check()


def wait(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)
