"""Where the servers of a run keep their data: STORE=postgres in the environment gives each a database of its own, in a PostgreSQL that lives as long
as the run; without it each has the embedded store in its folder."""
import atexit
import os
import sys

from . import settings

sys.path.insert(0, str(settings.ROOT / "tests" / "support"))
import postgres  # noqa: E402

_server = None


def settings_of_new():
    """What a new server's settings need for a store of its own."""
    global _server
    if os.environ.get("STORE") != "postgres":
        return {}
    if _server is None:
        _server = postgres.Postgres(databases=0, settings={"max_connections": "400"}).create()
        atexit.register(_server.close)
    return {("store", "url"): _server.new_database()}
