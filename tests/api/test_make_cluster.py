"""`make cluster`: all parts start, work together through the load balancer, are started again when they die, stop without a trace, and go on with their data."""
import contextlib
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time

import pytest

from harness import settings
from harness.client import Client, unique

TOOL = settings.ROOT / "tools" / "cluster"
SERVERS = 3


def free_base():
    """A port after which all those that the tool takes are free; none of those that the system gives to connections, since it stays free between two runs."""
    for base in range(20000 + os.getpid() % 150 * 60, 32000, 60):
        with contextlib.ExitStack() as stack:
            try:
                for offset in range(52):
                    stack.enter_context(socket.socket()).bind(("127.0.0.1", base + offset))
            except OSError:
                continue
            return base
    pytest.fail("no free ports")


class Tool:
    def __init__(self, folder):
        self.folder, self.port, self.runs = folder, free_base(), 0

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def out(self):
        return (self.folder / f"out.{self.runs}").read_text()

    def wait_for(self, words, seconds=120):
        end = time.monotonic() + seconds
        while not re.search(words, self.out()):
            assert time.monotonic() < end and self.process.poll() is None, f"{words}: {self.out()}"
            time.sleep(0.05)

    def start(self):
        self.runs += 1
        with open(self.folder / f"out.{self.runs}", "wb") as out:
            self.process = subprocess.Popen([TOOL, "--servers", str(SERVERS), "--port", str(self.port), "--folder", self.folder / "data", "--binary",
                                             settings.binary()], stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True,
                                            env={k: v for k, v in os.environ.items() if k != "WITH_RABBITMQ_URLS"})
        self.wait_for(r"The cluster is ready\.[^$]*Ctrl-C")
        return self

    def ctrl_c(self):
        os.killpg(self.process.pid, signal.SIGINT)
        self.process.wait(90)
        assert not self.left(), f"still there: {self.left()}\n{self.out()}"
        for log in (self.folder / "data" / "log").glob("server*.log"):
            text = log.read_text(errors="replace")
            assert not any(re.search(fault, text) for fault in settings.FAULTS), text[-6000:]

    def left(self):
        """Processes that have to do with the folder."""
        found = []
        for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
            with contextlib.suppress(OSError):
                command = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
                if str(self.folder) in command:
                    found.append(command)
        return found


@pytest.fixture
def tool():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="rookery-cluster-"))
    folder.chmod(0o755)  # PostgreSQL and RabbitMQ have users of their own
    t = Tool(folder)
    yield t
    if t.process.poll() is None:
        os.killpg(t.process.pid, signal.SIGINT)
        t.process.wait(90)
    shutil.rmtree(folder, ignore_errors=True)


def until_sent(client, room, body):
    """A server that has died may have had the room: then sending is told to try again, or is cut off, for some seconds."""
    end = time.monotonic() + 30
    while True:
        with contextlib.suppress(OSError):
            r = client.call("PUT", ("rooms", room, "send", "m.room.message", body), {"msgtype": "m.text", "body": body}, check=False)
            if r.status == 200:
                return
        assert time.monotonic() < end
        time.sleep(0.1)


def test_make_cluster(tool):
    tool.start()
    alice = Client(tool).register(unique())
    room = alice.create_room()
    alice.send(room, {"msgtype": "m.text", "body": "before"})
    second = subprocess.run([TOOL, "--folder", tool.folder / "data", "--binary", settings.binary()], text=True, stderr=subprocess.PIPE)
    assert second.returncode == 1 and "runs in" in second.stderr
    victim = int(re.search(r"server1 .*\(process (\d+)\)", tool.out())[1])
    os.kill(victim, signal.SIGKILL)
    until_sent(alice, room, "meanwhile")
    tool.wait_for(r"server1 is started again")
    tool.ctrl_c()
    tool.start()
    assert [e["content"]["body"] for e in alice.history(room, "f") if e["type"] == "m.room.message"] == ["before", "meanwhile"]
    tool.ctrl_c()
