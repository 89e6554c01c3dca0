"""Several servers on one database and one message queue, used as if they were one: each request goes to the next of them, so that nothing may
depend on where the one before went.

    tests/support/postgres.py run tools/with-rabbitmq env CLUSTER=3 pytest tests/api

runs the tests of one server against three (those that start or configure a server of their own have one each)."""
import itertools
import os
import secrets
import time

from .client import Client
from .server import Server

BROKER = os.environ.get("WITH_RABBITMQ_URLS", "")
STORE = os.environ.get("TEST_POSTGRES", "")
SLOTS = 64


def wanted():
    """How many servers; 0: one, as usual."""
    return int(os.environ.get("CLUSTER", "0"))


class Cluster:
    def __init__(self, count, extra=None):
        urls = STORE.split()
        where = {("store", "url"): " ".join(urls[:2]), ("broker", "url"): BROKER, ("broker", "prefix"): f"t{secrets.token_hex(3)}"}
        self.server = [Server({**where, **(extra or {})}) for _ in range(count)]
        for s in self.server:
            s.settings["media", "path"] = str(self.server[0].folder / "media")
        self.turn = itertools.cycle(range(count))

    @property
    def port(self):
        return self.server[next(self.turn)].port

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    @property
    def process(self):
        return None if any(s.process is None for s in self.server) else self.server[0].process

    @property
    def folder(self):
        return self.server[0].folder

    def log(self):
        return "".join(s.log() for s in self.server)

    def start(self):
        for s in self.server:
            if s.process is None:
                s.start()
        return self

    def at_rest(self, seconds=60):
        """Once each server has its share of the slots, and none has moved for two seconds."""
        seen, since, end = None, time.monotonic(), time.monotonic() + seconds
        while time.monotonic() < since + 2:
            now = [Client(s).metric("rookery_slots_open") for s in self.server]
            if now != seen or sum(now) != SLOTS or min(now) < SLOTS // len(now) // 2:
                seen, since = now, time.monotonic()
            assert time.monotonic() < end, f"the servers have {now} of the slots, and that does not come to rest"
            time.sleep(0.05)
        return self

    def check_alive(self):
        for s in self.server:
            s.check_alive()

    def check_log(self):
        for s in self.server:
            s.check_log()

    def close(self):
        for s in self.server:
            s.close()
