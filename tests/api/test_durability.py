"""Death under load, at random moments, at least ten times in each form (ROOKERY_KILLS, default 12): SIGKILL, and the power cut, which forgets what was
not synced. Seed ROOKERY_SEED or printed. ROOKERY_PRELOAD names a library that the server is started with in the first form."""
import os
import random
import time

import pytest

from durability import Load
from powercut import PoweredServer

SEED = os.environ.get("ROOKERY_SEED") or str(random.randrange(10**9))
KILLS = int(os.environ.get("ROOKERY_KILLS", "12"))
PRELOAD = os.environ.get("ROOKERY_PRELOAD")


@pytest.fixture
def powered_server():
    """A function that starts a server whose power can be cut."""
    made = []

    def start(**options):
        made.append(PoweredServer(SEED, **options))
        return made[-1].start()
    yield start
    for server in made:
        server.close()


def report(form, load, kills, capsys):
    j = load.journal
    with capsys.disabled():
        print(f"\ndurability: {form}, seed {SEED}, {kills} times, {sum(map(len, j.messages.values()))} messages, {len(j.to_device)} to devices, "
              f"{len(j.claimed)} keys claimed ({j.doubtful_claims} in doubt), {len(j.accounts)} accounts, {len(j.rooms)} rooms", flush=True)


def test_nothing_acknowledged_is_lost(own_server, capsys):
    server = own_server(preload=PRELOAD)
    load = Load(server, SEED)
    load.run(KILLS)
    report("SIGKILL", load, KILLS, capsys)
    load.check()
    server.restart(kill=True)
    load.check_messages()
    load.check_accounts()


def test_power_cuts_lose_nothing_acknowledged(powered_server, capsys):
    server = powered_server()
    load = Load(server, SEED)
    load.run(KILLS, kill=PoweredServer.cut_power)
    report(f"power cut ({server.spilled} sectors that nobody synced survived)", load, KILLS, capsys)
    load.check()
    server.cut_power()
    load.check_messages()
    load.check_accounts()


@pytest.mark.skipif(os.environ.get("STORE") == "postgres", reason="it is the embedded store's log")
def test_a_log_that_is_not_synced_is_noticed(powered_server):
    """What the form above finds: the same on a disk that says "synced" for the log and forgets it."""
    server = powered_server()
    load = Load(server, SEED, workers=3, rooms=1)
    server.forget = "/log-"
    server.cut_power()
    with pytest.raises(AssertionError, match="acknowledged|another id|another order"):
        load.run(1, kill=lambda s: (time.sleep(0.5), s.cut_power()))
        load.check_messages()


def test_orderly_stops_under_load(own_server):
    """The same with SIGTERM: an orderly stop loses nothing either, and ends in time."""
    server = own_server(preload=PRELOAD)
    load = Load(server, SEED, workers=3, rooms=1)
    load.run(3, kill=lambda s: s.restart())
    load.check()
