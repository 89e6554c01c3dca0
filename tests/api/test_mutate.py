"""mutate.py as a test: ROOKERY_MUTATIONS requests (default 100,000), seed ROOKERY_SEED or of the day's choosing; then the server stops cleanly."""
import os
import random

from mutate import mutate

SEED = os.environ.get("ROOKERY_SEED") or str(random.randrange(10**9))
COUNT = int(os.environ.get("ROOKERY_MUTATIONS", "100000"))


def test_mutated_requests(own_server, capsys):
    server = own_server()
    with capsys.disabled():
        failures = mutate(server, COUNT, SEED)
    assert not failures, "\n\n".join(failures)
    server.stop()
