"""The server as a process: started on a free port in a folder of its own, stopped, killed, started again on the same data."""
import contextlib
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import time

from . import settings, store


class ServerFault(AssertionError):
    """The server crashed, leaked, hung or did not start."""


class Server:
    """One server process and its folder. `settings` adds to or replaces the defaults; keys are (section, name).
    `preload` is a library that the server is started with (LD_PRELOAD), for tests that inject faults into its system calls."""

    def __init__(self, extra=None, preload=None, environ=None, deadline=30.0):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="rookery-api-"))
        self.settings = {**settings.BASE, **settings.LIMITS_OFF, **store.settings_of_new(), **(extra or {})}
        self.preload, self.environ, self.deadline = preload, environ or {}, deadline
        self.port = self.process = None
        self.runs = 0

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    @property
    def log_path(self):
        return self.folder / f"log.{self.runs}"

    def log(self):
        try:
            return self.log_path.read_text(errors="replace")
        except FileNotFoundError:  # it has not been started, or is just being started
            return ""

    def start(self):
        assert self.process is None, "already running"
        if self.port:
            self.settings["server", "listen"] = f"127.0.0.1:{self.port}"
        self.runs += 1
        out = self.folder / f"out.{self.runs}"
        with open(out, "wb") as stdout, open(self.log_path, "wb") as stderr:
            self.process = subprocess.Popen([settings.binary(), "serve"], cwd=self.folder, env=self._environment(), stdin=subprocess.DEVNULL,
                                            stdout=stdout, stderr=stderr, start_new_session=True)
        end = time.monotonic() + self.deadline
        while time.monotonic() < end:
            found = re.search(settings.READY, out.read_text(errors="replace"))
            if found:
                self.port = int(found[1])
                return self
            if self.process.poll() is not None:
                break
            time.sleep(0.005)
        self.kill9()
        raise ServerFault(f"the server did not get ready:\n{out.read_text(errors='replace')[-2000:]}\n{self.log()[-6000:]}")

    def stop(self, deadline=30.0):
        """The orderly stop: SIGTERM, and nothing but status 0 and a clean log is accepted."""
        self.check_alive()
        self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(deadline)
        except subprocess.TimeoutExpired:
            self.kill9()
            raise ServerFault(f"the server did not stop within {deadline} s:\n{self.log()[-6000:]}") from None
        self.process = None
        self.check_log()
        if status != 0:
            raise ServerFault(f"the server ended with status {status}:\n{self.log()[-6000:]}")

    def kill9(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def restart(self, kill=False):
        """Again on the same data and port; `kill` ends the running process with SIGKILL first."""
        if kill:
            self.check_alive()
            self.kill9()
            self.check_log()
        else:
            self.stop()
        return self.start()

    def check_alive(self):
        if self.process is None or self.process.poll() is not None:
            status = self.process and self.process.returncode
            self.process = None
            raise ServerFault(f"the server died (status {status}):\n{self.log()[-8000:]}")

    def check_log(self):
        """Refuses reports of sanitizers and failed assertions."""
        log = self.log()
        for pattern in settings.FAULTS:
            found = re.search(pattern, log)
            if found:
                raise ServerFault(f"the log has a fault:\n{log[max(0, found.start() - 500):found.start() + 6000]}")

    def close(self):
        """For teardown: stops, checks, removes the folder (unless ROOKERY_KEEP is set)."""
        try:
            if self.process is not None:
                self.stop()
        finally:
            self.kill9()
            if os.environ.get("ROOKERY_KEEP"):
                print(f"kept {self.folder}")
            else:
                shutil.rmtree(self.folder, ignore_errors=True)

    def _environment(self):
        env = settings.environment()
        env.update({settings.environment_name(*k): str(v) for k, v in self.settings.items()})
        env.setdefault("ASAN_OPTIONS", "detect_leaks=1:exitcode=99")
        env.setdefault("UBSAN_OPTIONS", "print_stacktrace=1")
        env.setdefault("TSAN_OPTIONS", "exitcode=99")
        if self.preload:
            env["LD_PRELOAD"] = str(self.preload)
            env["ASAN_OPTIONS"] += ":verify_asan_link_order=0"
        env.update(self.environ)
        return env


@contextlib.contextmanager
def running(extra=None, **options):
    server = Server(extra, **options).start()
    try:
        yield server
    finally:
        server.close()
