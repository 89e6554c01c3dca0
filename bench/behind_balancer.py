"""A whole cluster behind HAProxy (tools/cluster), with one server more that does not run yet: for what clients notice when servers come and go."""
import argparse
import contextlib
import os
import pathlib
import shutil
import sys
import tempfile
import time

from harness import BUILD, LIMITS, ROOT, ready

sys.path.insert(0, str(ROOT / "tests" / "support"))
from cluster_tool import tool  # noqa: E402

SERVERS, READY_SECONDS = 3, 60
REST_SECONDS = 4  # until what a change has begun is over


def free_port():
    """After which all that the tool needs are free."""
    for port in range(20000, 32000, 100):
        with contextlib.suppress(SystemExit):
            tool.check_ports(argparse.Namespace(port=port, servers=SERVERS + 1))
            return port
    raise RuntimeError("no free ports")


class Cluster(tool.Cluster):
    def __init__(self):
        os.environ["PATH"] += os.pathsep + "/usr/sbin"
        folder = tempfile.mkdtemp(prefix="rookery-bench-", dir=os.environ.get("BENCH_DIR"))
        pathlib.Path(folder).chmod(0o755)  # PostgreSQL has a user of its own
        binary = os.environ.get("ROOKERY_BINARY", BUILD / "rookery")
        super().__init__(argparse.Namespace(folder=folder, port=free_port(), servers=SERVERS + 1, binary=binary))
        self.spare = self.servers[SERVERS]

    def settings(self, i):
        more = {"PASSWORD_MEMORY_KIB": "8", "PASSWORD_PASSES": "1", "SERVER_LOOPS": "1", "WEB_PATH": "", **{f"LIMITS_{name.upper()}": "0" for name in LIMITS}}
        return {**super().settings(i), **{f"ROOKERY_{name}": value for name, value in more.items()}}

    def start(self):
        for shard in self.shards:
            shard.open()
        for part in (self.redis, *self.servers[:SERVERS], self.balancer):
            part.start()
        for i in range(SERVERS):
            self.wait_for(i)
        time.sleep(REST_SECONDS)

    def wait_for(self, i):
        end = time.monotonic() + READY_SECONDS
        while not ready(self.server_ports[i]):
            if time.monotonic() > end:
                raise RuntimeError(f"{self.servers[i].name} does not get ready: {self.servers[i].log}")
            time.sleep(0.02)

    # --- what changes ---

    def stop_one(self):
        self.servers[0].stop()
        self.servers[0].wait()

    def start_it_again(self):
        self.servers[0].start()
        self.wait_for(0)

    def add_one(self):
        self.spare.start()
        self.wait_for(SERVERS)

    def close(self):
        self.stop()
        for part in self.servers:
            faults = part.log.read_text(errors="replace").splitlines() if part.log.exists() else []
            for line in [line for line in faults if "level=error" in line][:5]:
                print(f"  the log of {part.name}:", line, file=sys.stderr)
        shutil.rmtree(self.folder, ignore_errors=True)
