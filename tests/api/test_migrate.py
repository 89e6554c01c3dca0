"""From the embedded store to PostgreSQL: whoever was logged in stays so, and finds everything."""
import sys

import pytest

from harness import settings
from harness.client import Client, bodies, unique
from harness.server import running
from test_program import ok, program, refused

sys.path.insert(0, str(settings.ROOT / "tests" / "support"))
import postgres  # noqa: E402


@pytest.fixture
def databases():
    with postgres.Postgres(databases=2) as p:
        yield " ".join(p.urls)


def test_a_server_moves_to_postgres(own_server, databases):
    old = own_server()
    alice, bob = (Client(old).register(unique(name)) for name in ("alice", "bob"))
    room = alice.room_with(bob)
    said = [alice.send(room, {"msgtype": "m.text", "body": f"{i}"}, txn=f"t{i}") for i in range(30)]
    since = bob.token_now()
    late = alice.say(room, "not seen yet")
    refused("migrate", "--from", "data", "--to", databases, status=1, says="", cwd=old.folder)
    old.check_alive()
    old.stop()
    refused("migrate", "--from", "nowhere", "--to", databases, status=1, says="no embedded store", cwd=old.folder)
    done = program("migrate", "--from", "data", "--to", databases, cwd=old.folder)
    assert done.returncode == 0 and "64 of 64 slots" in done.stderr and "is in the databases" in done.stdout, done
    with running({("store", "url"): databases, ("media", "path"): str(old.folder / "data" / "media")}) as new:
        alice, bob = (Client(new, c.user_id, c.token, c.device_id) for c in (alice, bob))
        assert alice.send(room, {"msgtype": "m.text", "body": "5"}, txn="t5") == said[5], "what was done is not done again"
        answer = bob.sync(since)
        assert [e["event_id"] for e in answer["rooms"]["join"][room]["timeline"]["events"]][:1] == [late]
        alice.say(room, "from the new one")
        assert [b for b in bodies(bob.history(room, direction="f")) if b.isdigit()] == [f"{i}" for i in range(30)]
    refused("migrate", "--from", "data", "--to", databases, status=1, says="has something else in it", cwd=old.folder)
    assert "usage" in ok("migrate", "--help")
