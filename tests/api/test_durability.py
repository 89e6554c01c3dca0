"""kill -9 at random moments under load, at least ten times (ROOKERY_KILLS, default 12); seed ROOKERY_SEED or printed. ROOKERY_PRELOAD names a library
that the server is started with, so that the same load can run on a system whose writes are cut as well."""
import os
import random

from durability import Load

SEED = os.environ.get("ROOKERY_SEED") or str(random.randrange(10**9))
KILLS = int(os.environ.get("ROOKERY_KILLS", "12"))
PRELOAD = os.environ.get("ROOKERY_PRELOAD")


def test_nothing_acknowledged_is_lost(own_server, capsys):
    server = own_server(preload=PRELOAD)
    load = Load(server, SEED)
    load.run(KILLS)
    journal = load.journal
    with capsys.disabled():
        print(f"\ndurability: seed {SEED}, {KILLS} kills, {sum(map(len, journal.messages.values()))} messages, {len(journal.to_device)} to devices, "
              f"{len(journal.claimed)} keys claimed ({journal.doubtful_claims} in doubt), {len(journal.accounts)} accounts, {len(journal.rooms)} rooms", flush=True)
    load.check()
    server.restart(kill=True)
    load.check_messages()
    load.check_accounts()


def test_orderly_stops_under_load(own_server):
    """The same with SIGTERM: an orderly stop loses nothing either, and ends in time."""
    server = own_server(preload=PRELOAD)
    load = Load(server, SEED, workers=3, rooms=1)
    load.run(3, kill=lambda s: s.restart())
    load.check()
