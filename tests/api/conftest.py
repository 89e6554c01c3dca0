"""Fixtures: one shared server for the session, fresh users for each test, servers of their own where a test restarts or configures one.

Environment: ROOKERY_BINARY or BUILD choose the binary; ROOKERY_KEEP keeps the folders; ROOKERY_UPDATE_DOCS=1 rewrites docs/operations.md."""
import contextlib
import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(__file__))
from harness import cluster, settings  # noqa: E402
from harness.client import Client, unique  # noqa: E402
from harness.redis import Redis  # noqa: E402
from harness.server import Server  # noqa: E402


def pytest_collection_modifyitems(items):
    """The harness's own tests need no server; they and the generated ones come first, the long ones last."""
    order = {"test_harness.py": 0, "test_conformance.py": 1, "test_mutate.py": 8, "test_durability.py": 9}
    items.sort(key=lambda item: order.get(os.path.basename(str(item.path)), 5))


@pytest.fixture(scope="session")
def shared():
    """Keeps the shared server running: a test that finds it dead fails, and the next one gets a new one."""
    if not os.path.exists(settings.binary()):
        pytest.fail(f"no server at {settings.binary()}: build it, or set BUILD or ROOKERY_BINARY")
    server = cluster.Cluster(cluster.wanted()) if cluster.wanted() else Server()
    yield server
    if server.process is not None:
        server.close()


@pytest.fixture
def server(shared):
    if shared.process is None:
        shared.start()
    yield shared
    shared.check_alive()


@pytest.fixture
def new_user(server):
    """A function that registers a user and returns its Client."""
    return lambda prefix="u", **more: Client(server).register(unique(prefix), **more)


@pytest.fixture
def anyone(server):
    """A client without an account."""
    return Client(server)


@pytest.fixture
def alice(new_user):
    return new_user("alice")


@pytest.fixture
def bob(new_user):
    return new_user("bob")


@pytest.fixture
def carol(new_user):
    return new_user("carol")


@pytest.fixture
def guest(server):
    client = Client(server)
    return client.take(client.ok("POST", ("register",), {}, token=None, query={"kind": "guest"}))


@pytest.fixture
def room(alice, bob):
    """A public room of alice that bob has joined."""
    return alice.room_with(bob)


@pytest.fixture
def own_server():
    """A function that starts a server with settings of its own; all are stopped and checked at the end of the test."""
    with contextlib.ExitStack() as stack:
        def start(extra=None, **options):
            server = Server(extra, **options)
            stack.callback(server.close)
            return server.start()
        yield start


@pytest.fixture
def redis(tmp_path):
    r = Redis(tmp_path).start()
    yield r
    r.kill()
