"""A disk that fills up, a machine that stands still, clients that do not keep up: what each costs, and whom."""
import contextlib
import os
import random
import signal
import socket
import subprocess
import threading
import time

import pytest

from durability import Load
from harness.client import Client, bodies, unique
from harness.server import Server
from harness.settings import ADMIN_CONTACT

SEED = os.environ.get("ROOKERY_SEED") or str(random.randrange(10**9))
DISK_MIB = 100  # two logs (of 20 MiB, and 4 more for what is being committed), the table that is made of one, and some
BIG = "x" * 60000


# --- a full disk ---

class SmallDisk:
    """A server whose data folder is a file system of its own."""

    def __init__(self, extra):
        self.server = Server(extra)
        self.path = self.server.folder / "data"
        self.path.mkdir(mode=0o700)
        made = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_MIB}m,mode=700", "rookery-test", self.path], capture_output=True, text=True)
        if made.returncode:
            self.server.close()
            pytest.skip(f"a small file system needs the right to mount: {made.stderr.strip()}")

    def fill(self):
        with open(self.path / "filler", "ab", buffering=0) as f, contextlib.suppress(OSError):
            for size in (1 << 20, 1 << 12, 1):
                with contextlib.suppress(OSError):
                    while f.write(b"x" * size) == size:
                        pass

    def free(self):
        (self.path / "filler").unlink()

    def close(self):
        try:
            if self.server.process is not None:
                self.server.stop()
        finally:
            self.server.kill9()
            subprocess.run(["umount", "-l", self.path], check=True)
            self.server.close()


@pytest.fixture
def small_disk(request):
    disk = SmallDisk(getattr(request, "param", None))
    yield disk
    disk.close()


def refused(r):
    """With a contact; without one, see test_a_disk_that_is_full_again_and_again."""
    assert r.status == 503 and r.errcode == "M_RESOURCE_LIMIT_EXCEEDED" and r.json["admin_contact"] == "mailto:root@example.org", r
    assert len(r.json["error"].split()) > 3, r
    return True


def send(client, room, text, txn, pad=""):
    return client.call("PUT", ("rooms", room, "send", "m.room.message", txn), {"msgtype": "m.text", "body": text, "pad": pad})


def send_until_refused(client, room, said, pad=BIG):
    """Messages until one is refused; what was taken goes into `said`. The refused one's text."""
    for n in range(1500):
        text = f"{len(pad)} {n}"
        r = send(client, room, text, text.replace(" ", "-"), pad)
        if r.status != 200:
            assert refused(r)
            return text
        said.append(text)
    raise AssertionError("the disk does not get full")


def told(client, room):
    return [e["content"]["body"] for e in client.history(room, "f", limit=100) if e["type"] == "m.room.message"]


def until_ok(request, seconds=20):
    end = time.monotonic() + seconds
    while (r := request()).status == 503 and time.monotonic() < end:
        time.sleep(0.1)
    assert r.status == 200, r
    return r


@pytest.mark.skipif(os.environ.get("STORE") == "postgres", reason="it is the embedded store's disk")
@pytest.mark.parametrize("small_disk", [{ADMIN_CONTACT: "root@example.org @root:example.org"}], indirect=True)
def test_full_disk(small_disk):
    server = small_disk.server.start()
    alice, bob = Client(server).register(unique("alice")), Client(server).register(unique("bob"))
    room, other = alice.room_with(bob), alice.create_room(preset="public_chat")
    picture = alice.upload(b"p" * 1000)
    said = ["before"]
    alice.say(room, "before")
    since = bob.token_now()
    small_disk.fill()

    upload = alice.call("POST", "/_matrix/media/v3/upload", os.urandom(2 << 20), headers={"Content-Type": "application/octet-stream"})
    assert refused(upload)
    send_until_refused(alice, room, said)
    small_disk.fill()
    lost = send_until_refused(alice, room, said, "")  # what had no room for a large one may have had some for a small one
    more = "x" * 4000  # than the message that was refused: what is a little smaller may find room
    for request in (("PUT", ("rooms", room, "state", "m.room.topic", ""), {"topic": "none", "pad": more}), ("POST", ("join", other), {"reason": more}), ("POST", ("createRoom",), {}),
                    ("PUT", ("user", bob.user_id, "account_data", "org.example.x"), {"pad": BIG})):
        assert refused(bob.call(*request) if request[1][0] != "rooms" else alice.call(*request))
    for _ in range(20):  # an account takes less room than a message
        r = Client(server).call("POST", ("register",), {"username": unique(), "password": "long enough 1", "auth": {"type": "m.login.dummy"}}, token=None)
        if r.status != 200:
            break
    assert refused(r)
    # Reads go on, and show nothing of what was refused.
    assert told(bob, room) == said
    assert ("m.room.topic", "") not in bob.full_state(room)
    assert set(bob.members(room)) == {alice.user_id, bob.user_id}
    assert other not in bob.joined_rooms()
    assert bodies(bob.sync(since)["rooms"]["join"][room]["timeline"]["events"])[-1] == said[-1]
    assert alice.sync()["rooms"]["join"].keys() == {room, other}
    assert bob.download(picture).body == b"p" * 1000

    small_disk.free()
    until_ok(lambda: send(alice, room, lost, lost.replace(" ", "-")))
    said.append(lost)
    until_ok(lambda: bob.call("POST", ("join", other), {}))
    alice.say(other, "again")
    assert bob.download(alice.upload(b"q" * 300000)).body == b"q" * 300000
    for restart in (lambda: None, server.restart, lambda: server.restart(kill=True)):
        restart()
        assert told(alice, room) == told(bob, room) == said, "every message that was acknowledged, once"
        assert told(bob, other)[-1] == "again" and set(bob.joined_rooms()) == {room, other}
        alice.say(room, f"after {restart}")
        said.append(f"after {restart}")


def test_a_disk_that_is_full_again_and_again(small_disk):
    """Under load, each time at another place of the log; killed in the end."""
    server = small_disk.server.start()
    alice = Client(server).register(unique("alice"))
    room = alice.create_room(preset="public_chat")
    rng, said, stop, faults = random.Random(SEED), [], threading.Event(), []

    def work(n):
        for i in range(10**6):
            text = f"{n}.{i}"
            while not stop.is_set() and (r := send(alice, room, text, text, BIG[:rng.choice([10, 1000, 20000])])).status != 200:
                if r.status != 503 or r.errcode != "M_UNKNOWN" or "admin_contact" in r.json:
                    faults.append(r)
                    return
                time.sleep(0.05)
            if stop.is_set():
                return
            said.append(text)
    threads = [threading.Thread(target=work, args=(n,), daemon=True) for n in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(4):
        small_disk.fill()
        time.sleep(rng.uniform(0.3, 1.5))
        small_disk.free()
        time.sleep(rng.uniform(0.1, 0.5))
    until_ok(lambda: send(alice, room, "last", "last"))
    stop.set()
    for thread in threads:
        thread.join(30)
        assert not thread.is_alive()
    assert not faults, (SEED, faults)
    before = told(alice, room)
    assert len(set(before)) == len(before) and set(said) <= set(before), f"seed {SEED}: lost {set(said) - set(before)}"
    server.restart(kill=True)
    assert told(alice, room) == before, f"seed {SEED}"


# --- a machine that stands still ---

def stand_still(server, seconds=2.0):
    server.check_alive()
    server.process.send_signal(signal.SIGSTOP)
    time.sleep(seconds)
    server.process.send_signal(signal.SIGCONT)


def test_a_server_that_stands_still(own_server):
    load = Load(own_server(), SEED, workers=4, rooms=2)
    load.run(2, kill=stand_still)
    load.check()


# --- clients that do not keep up ---

def fast(client, room, times=20):
    """The longest of so many sends."""
    longest = 0.0
    for n in range(times):
        began = time.monotonic()
        client.say(room, f"fast {n}")
        longest = max(longest, time.monotonic() - began)
    return longest


def resident(server):
    with open(f"/proc/{server.process.pid}/statm") as f:
        return int(f.read().split()[1]) * os.sysconf("SC_PAGESIZE")


def deaf_socket(server, data):
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    s.connect(("127.0.0.1", server.port))
    s.sendall(data)
    return s


def request(method, path, client, *headers, body=b""):
    return "\r\n".join([f"{method} {path} HTTP/1.1", "Host: x", f"Authorization: Bearer {client.token}", *headers, "", ""]).encode() + body


def cut_off(s, whole):
    """What had been sent before is still there to be read; then there is the end, before so many bytes."""
    got = 0
    s.settimeout(3)
    try:
        while piece := s.recv(1 << 20):
            got += len(piece)
    except TimeoutError:
        return False
    except OSError:
        pass
    s.close()
    return got < whole


def test_clients_that_do_not_read(own_server):
    """Each asks for an answer of some MB and takes none of it."""
    server = own_server({("limits", "body_timeout"): "2s"})
    alice = Client(server).register(unique("alice"))
    room = alice.create_room()
    for n in range(40):
        alice.send(room, {"msgtype": "m.text", "body": f"{n}", "pad": BIG})
    path = "/_matrix/client/v3/sync?filter=%7B%22room%22:%7B%22timeline%22:%7B%22limit%22:100%7D%7D%7D"
    deaf = [deaf_socket(server, request("GET", path, alice) * 3) for _ in range(20)]
    time.sleep(0.5)
    held = resident(server)
    end = time.monotonic() + 5
    while time.monotonic() < end:
        assert fast(alice, room) < 5
    assert all(cut_off(s, 3 * 40 * len(BIG)) for s in deaf), "who takes nothing is let go"
    assert held < 1 << 30, f"{held >> 20} MiB"
    assert fast(alice, room) < 5


def test_slow_uploads(own_server):
    """They come a byte at a time, or stop in the middle; others upload meanwhile, and those that stop are let go."""
    server = own_server({("limits", "body_timeout"): "2s"})
    alice = Client(server).register(unique("alice"))
    room = alice.create_room()
    head = request("POST", "/_matrix/media/v3/upload", alice, "Content-Type: text/plain", "Content-Length: 1000000", body=b"x" * 1000)
    stopped = [deaf_socket(server, head) for _ in range(20)]
    dripping = [deaf_socket(server, head) for _ in range(20)]
    end = time.monotonic() + 4
    while time.monotonic() < end:
        for s in dripping:
            with contextlib.suppress(OSError):
                s.send(b"x")
        assert fast(alice, room, 3) < 5
        assert alice.download(alice.upload(b"y" * 100000)).body == b"y" * 100000
    time.sleep(1)
    assert all(cut_off(s, 10000) for s in stopped), "who stopped is let go"
    for s in dripping:
        s.close()
    assert fast(alice, room) < 5
