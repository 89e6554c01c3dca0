"""The server on PostgreSQL: TLS and passwords, what is refused, and a database that goes and comes back."""
import sys
import threading
import time

import pytest

from harness import settings
from harness.client import Client, bodies, unique
from harness.server import running
from test_program import refused

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


def test_backups_are_made_elsewhere(database, tmp_path):
    environment = {"ROOKERY_STORE_URL": database.new_database(), "ROOKERY_STORE_PATH": str(tmp_path / "data")}
    refused("backup", "--to", str(tmp_path / "b"), status=1, says="pg_dump", environ=environment)
    refused("restore", "--from", str(tmp_path / "b"), status=1, says="pg_dump", environ=environment)
    assert not (tmp_path / "b").exists()
    refused("serve", "--set", "store.url=db.example.org/x", says="[store] url: number 1 is no address", environ=environment)


def test_the_database_goes_and_comes_back(database):
    """What was acknowledged is there, once; what was refused may be said again."""
    with running({URL: database.new_database()}) as server:
        alice = Client(server).register(unique("alice"))
        room = alice.create_room()
        acknowledged, refusals, stop = [], [], threading.Event()

        def talk():
            while not stop.is_set():
                body = f"message {len(acknowledged) + len(refusals)}"
                r = alice.call("PUT", ("rooms", room, "send", "m.room.message", unique("t")), {"msgtype": "m.text", "body": body})
                assert r.status in (200, 503), r
                (acknowledged if r.status == 200 else refusals).append(body)

        talking = threading.Thread(target=talk)
        talking.start()
        wait(lambda: len(acknowledged) > 20)
        database.kill()
        wait(lambda: "database is away" in server.log())
        database.start()
        wait(lambda: "database is back" in server.log())
        after = len(acknowledged)
        wait(lambda: len(acknowledged) > after + 20)
        stop.set()
        talking.join()
        server.restart(kill=True)
        said = bodies(alice.history(room, direction="f"))
        assert [b for b in said if b in set(acknowledged)] == acknowledged
        assert len(said) == len(set(said))


def wait(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)
