#!/usr/bin/python3
"""An S3-compatible storage of its own for tests: OpenStack Swift (Debian's) with its S3 interface, in a temporary folder, on free ports of the loopback.

    tests/support/objects.py run COMMAND [ARGUMENT...]

runs COMMAND with TEST_OBJECTS, the URL of a bucket with key and secret, and ends the storage afterwards.
In Python: `with Objects() as o: o.url`."""
import ctypes
import datetime
import getpass
import hashlib
import hmac
import http.client
import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request

KEY, SECRET, REGION, BUCKET = "test:tester", "testing/secret", "us-east-1", "rookery-media"
READY_SECONDS, ANSWER_SECONDS = 120, 10
COMMON = "[DEFAULT]\nbind_ip = 127.0.0.1\nbind_port = {port}\nswift_dir = {folder}\nuser = {user}\nworkers = 0\n"
STORE = COMMON + "devices = {folder}/devices\nmount_check = false\n[pipeline:main]\npipeline = {kind}-server\n[app:{kind}-server]\nuse = egg:swift#{kind}\n"
PROXY = COMMON + f"""\
[pipeline:main]
pipeline = catch_errors cache s3api tempauth copy slo dlo proxy-server
[filter:catch_errors]
use = egg:swift#catch_errors
[filter:cache]
use = egg:swift#memcache
memcache_servers = 127.0.0.1:{{cache}}
[filter:s3api]
use = egg:swift#s3api
[filter:tempauth]
use = egg:swift#tempauth
user_{KEY.replace(":", "_")} = {SECRET} .admin
[filter:copy]
use = egg:swift#copy
[filter:slo]
use = egg:swift#slo
[filter:dlo]
use = egg:swift#dlo
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
"""


def free_ports(count):
    """Not of those that the system gives to whoever asks for any: they are let go of here, and taken by the servers only seconds later."""
    for _ in range(50):
        ports = random.sample(range(20000, 32000), count)
        taken = [socket.socket() for _ in ports]
        try:
            for s, port in zip(taken, ports):
                s.bind(("127.0.0.1", port))
            return ports
        except OSError:
            continue
        finally:
            for s in taken:
                s.close()
    raise RuntimeError("no free ports")


def die_with_parent():
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


def signed(method, url):
    """A request without a body, by AWS's signature version 4."""
    at = urllib.parse.urlsplit(url)
    now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
    nothing = hashlib.sha256(b"").hexdigest()
    headers = {"host": at.netloc, "x-amz-content-sha256": nothing, "x-amz-date": now}
    names = ";".join(headers)
    canonical = "\n".join([method, at.path, "", *(f"{k}:{v}" for k, v in headers.items()), "", names, nothing])
    scope = f"{now[:8]}/{REGION}/s3/aws4_request"
    key = ("AWS4" + SECRET).encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    text = f"AWS4-HMAC-SHA256\n{now}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    signature = hmac.digest(key, text.encode(), "sha256").hex()
    headers["authorization"] = f"AWS4-HMAC-SHA256 Credential={KEY}/{scope}, SignedHeaders={names}, Signature={signature}"
    return urllib.request.Request(url, method=method, headers=headers)


class Objects:
    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="rookery-objects-"))
        self.processes = {}

    def create(self):
        (self.folder / "swift.conf").write_text("[swift-hash]\nswift_hash_path_suffix = rookery\n[storage-policy:0]\nname = only\ndefault = yes\n")
        (self.folder / "devices" / "one").mkdir(parents=True)
        kinds = ("account", "container", "object", "proxy")
        self.ports = dict(zip((*kinds, "cache"), free_ports(len(kinds) + 1)))
        self._spawn("cache", ["memcached", "-l", "127.0.0.1", "-p", str(self.ports["cache"]), "-u", "nobody"])
        for kind in kinds:
            form = PROXY if kind == "proxy" else STORE
            (self.folder / f"{kind}.conf").write_text(form.format(kind=kind, port=self.ports[kind], cache=self.ports["cache"], folder=self.folder, user=getpass.getuser()))
            if kind != "proxy":
                self._ring(kind)
            self.start(kind)
        self.ask("PUT")
        return self

    def _ring(self, kind):
        file = self.folder / f"{kind}.builder"
        device = ["--region", "1", "--zone", "1", "--ip", "127.0.0.1", "--port", str(self.ports[kind]), "--device", "one", "--weight", "1"]
        for words in (["create", "4", "1", "0"], ["add", *device], ["rebalance"]):
            subprocess.run(["swift-ring-builder", file, *words], check=True, stdout=subprocess.DEVNULL)

    def start(self, kind):
        self._spawn(kind, [f"swift-{kind}-server", self.folder / f"{kind}.conf"])

    def stop(self, kind):
        """`proxy` is who answers; the others hold the data."""
        process = self.processes.pop(kind)
        process.kill()
        process.wait()

    def _spawn(self, kind, command):
        with open(self.folder / f"{kind}.log", "a") as log:
            self.processes[kind] = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=die_with_parent)

    def check(self):
        for kind, process in self.processes.items():
            if process.poll() is not None:
                raise RuntimeError(f"the {kind} server has ended with {process.returncode}: {(self.folder / f'{kind}.log').read_text(errors='replace')[-2000:]}")

    def ask(self, method):
        """The bucket, until the storage answers as it should."""
        end = time.monotonic() + READY_SECONDS
        while True:
            try:
                urllib.request.build_opener(urllib.request.ProxyHandler({})).open(signed(method, self.address), timeout=ANSWER_SECONDS).read()
                return
            except (OSError, http.client.HTTPException) as e:
                if method == "PUT" and getattr(e, "code", None) == 409:  # it was made by an earlier one whose answer was another
                    return
                self.check()
                if time.monotonic() > end:
                    raise RuntimeError(f"{method} {self.address}: {e}") from e
                time.sleep(0.1)

    @property
    def address(self):
        return f"http://127.0.0.1:{self.ports['proxy']}/{BUCKET}"

    @property
    def url(self):
        quote = urllib.parse.quote
        return self.address.replace("//", f"//{quote(KEY, safe='')}:{quote(SECRET, safe='')}@")

    def close(self):
        for process in self.processes.values():
            process.kill()
        for process in self.processes.values():
            process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self):
        try:
            return self.create()
        except BaseException:
            self.close()
            raise

    def __exit__(self, *_):
        self.close()


def main():
    if len(sys.argv) < 3 or sys.argv[1] != "run":
        sys.exit(__doc__)
    with Objects() as o:
        environment = {**os.environ, "TEST_OBJECTS": o.url}
        status = subprocess.run(sys.argv[2:], env=environment).returncode
    return status if status >= 0 else 128 - status


if __name__ == "__main__":
    sys.exit(main())
