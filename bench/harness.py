"""What the measurements share: servers of their own, and figures with their targets."""
import contextlib
import datetime
import http.client
import os
import pathlib
import platform
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
RESULTS = ROOT / "bench/results"
BUILD = ROOT / "build/release"
LIMITS = "requests messages joins registrations logins user_logins uploads".split()
MIB = 1 << 20


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def ready(port):
    """Whether the server on this port takes requests."""
    with contextlib.suppress(OSError, http.client.HTTPException):
        c = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
        c.request("GET", "/health/ready")
        return c.getresponse().status == 200
    return False


class Server:
    """The server on one core (`cpus`), with rate limits off and passwords that cost nothing: neither is what is measured. `settings`: more of the
    environment; `binary`: another build."""

    def __init__(self, folder, cpus="0", loops=1, settings=None, binary=None):
        self.folder, self.cpus, self.loops, self.port, self.process = folder, cpus, loops, free_port(), None
        self.settings, self.binary = settings or {}, binary or os.environ.get("ROOKERY_BINARY", BUILD / "rookery")

    def start(self):
        """Returns the seconds until it was ready."""
        env = {k: v for k, v in os.environ.items() if not k.startswith("ROOKERY_")}
        env.update({f"ROOKERY_LIMITS_{n.upper()}": "0" for n in LIMITS}, ROOKERY_SERVER_LISTEN=f"127.0.0.1:{self.port}",
                   ROOKERY_STORE_PATH=str(self.folder / "data"), ROOKERY_PASSWORD_MEMORY_KIB="8", ROOKERY_PASSWORD_PASSES="1",
                   ROOKERY_SERVER_LOOPS=str(self.loops), **self.settings)
        began = time.monotonic()
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen(["taskset", "-c", self.cpus, self.binary, "serve"],
                                            env=env, stdout=log, stderr=log, cwd=self.folder)
        while not ready(self.port):
            if self.process.poll() is not None or time.monotonic() - began > 120:
                sys.exit(f"the server did not start:\n{(self.folder / 'log').read_text(errors='replace')[-2000:]}")
            time.sleep(0.002)
        return time.monotonic() - began

    def stop(self, with_signal=signal.SIGTERM):
        if self.process:
            self.process.send_signal(with_signal)
            self.process.wait()
        self.process = None

    def rss(self):
        for line in pathlib.Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
        return -1

    def faults(self):
        """Lines of the log that no measurement should cause."""
        return [line for line in (self.folder / "log").read_text(errors="replace").splitlines() if "level=error" in line]


@contextlib.contextmanager
def server(**options):
    """A new server in a folder of its own; what its log complained about is told."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="rookery-bench-", dir=os.environ.get("BENCH_DIR")))
    s = Server(folder, **options)
    try:
        s.start()
        yield s
    finally:
        s.stop()
        for line in s.faults()[:5]:
            print("  the server's log:", line, file=sys.stderr)
        shutil.rmtree(folder, ignore_errors=True)


class Figures:
    """What came out: printed at once, and kept."""

    def __init__(self):
        self.rows, self.raw = [], {}

    def row(self, what, value, unit, target=None, below=True):
        """One figure; with a target, a verdict."""
        verdict = "" if target is None else ("ok" if (value <= target) == below else "MISSED")
        self.rows.append({"figure": what, "value": round(value, 3), "unit": unit, "target": target, "verdict": verdict})
        print(f"  {what:<66} {value:>11,.2f} {unit:<6} {'' if target is None else f'{target:>9,.4g}'} {verdict}", flush=True)

    def keep(self, name, result):
        self.raw[name] = result
        return result


def about_this_run():
    commit = subprocess.run(["git", "-C", ROOT, "rev-parse", "--short", "HEAD"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                            text=True, check=False).stdout.strip()
    cpu = next((line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), platform.machine())
    return {"date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"), "commit": commit, "cores": os.cpu_count(),
            "cpu": cpu}
