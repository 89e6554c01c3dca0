"""Uploaded files in an S3-compatible storage, which is a real one (OpenStack Swift): two servers that share nothing else, the storage away and back,
and what an administrator is told at the start."""
import http.server
import re
import shutil
import socket
import struct
import subprocess
import sys
import threading
import time

import pytest

from harness import images, settings
from harness.client import Client, unique

sys.path.insert(0, str(settings.ROOT / "tests" / "support"))
import objects as support  # noqa: E402

PNG = images.png(400, 300)


@pytest.fixture(scope="module")
def storage():
    with support.Objects() as o:
        yield o


def given(storage, url=None, **more):
    return {("media", "url"): url or storage.url, **{("media", name): value for name, value in more.items()}}


def test_upload_download_thumbnail(own_server, storage):
    server = own_server(given(storage))
    alice = Client(server).register(unique())
    for data in (b"", b"x", bytes(range(256)) * 8192):
        r = alice.download(alice.upload(data, "video/mp4"))
        assert r.status == 200 and r.body == data
    big = bytes(range(251)) * 12000
    r = alice.download(alice.upload(big, "video/mp4"), headers={"Range": "bytes=262134-262154"})
    assert r.status == 206 and r.body == big[262134:262155]
    r = alice.call("GET", "/_matrix/client/v1/media/thumbnail/" + alice.upload(PNG, "image/png")[6:], query={"width": 96, "height": 96, "method": "scale"})
    assert r.status == 200 and r.headers["content-type"].startswith("image/")
    assert not (server.folder / "data" / "media").exists()


def test_files_outlive_the_server(own_server, storage):
    server = own_server(given(storage))
    alice = Client(server).register(unique())
    mxc = alice.upload(b"a" * 3_000_000)
    server.restart(kill=True)
    assert alice.download(mxc).body == b"a" * 3_000_000


def test_storage_away_and_back(own_server, storage):
    """Chat goes on; what needs the storage is refused with a sentence, and works again by itself."""
    server = own_server(given(storage))
    alice = Client(server).register(unique())
    room, mxc = alice.create_room(), alice.upload(b"kept" * 1000)
    storage.stop("proxy")
    for r in (alice.download(mxc, check=False), alice.call("POST", "/_matrix/media/v3/upload", b"new", check=False)):
        assert r.status in (500, 503) and "stored files" in r.json["error"], r
    alice.send(room, {"body": "chat goes on"})
    server.stop()
    server.start()
    assert "setting=media.url" in server.log() and "testing" not in server.log()
    storage.start("proxy")
    storage.ask("HEAD")
    assert alice.download(mxc).body == b"kept" * 1000
    assert alice.upload(b"new")


class Slow(http.server.ThreadingHTTPServer):
    """A storage that gives nothing until `go_on`."""
    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), SlowHandler)
        self.objects, self.begun, self.later, self.go_on = {}, threading.Event(), 0, threading.Event()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, request, client_address):
        """Who has waited for long enough is gone."""


class SlowHandler(http.server.BaseHTTPRequestHandler):
    def answer(self, status, body=b"", **headers):
        self.send_response(status)
        for name, value in {"Content-Length": len(body), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def do_HEAD(self):
        self.answer(200)

    def do_PUT(self):
        self.server.objects[self.path] = self.rfile.read(int(self.headers["Content-Length"]))
        self.answer(200)

    def do_GET(self):
        all_of_it, (first, last) = self.server.objects[self.path], map(int, re.findall(r"\d+", self.headers["Range"]))
        self.server.later += first > 0
        self.server.begun.set()
        self.server.go_on.wait(60)
        part = all_of_it[first:last + 1]
        self.answer(206, part, Content_Range=f"bytes {first}-{first + len(part) - 1}/{len(all_of_it)}")

    def log_message(self, *_):
        pass


def connections(client):
    return re.search(rb"^rookery_connections (\d+)", client.call("GET", "/metrics", token=None).body, re.M)[1]


def test_a_client_that_goes_while_its_file_is_opened(own_server):
    """Nothing more is fetched for it."""
    with Slow() as slow:
        server = own_server({("media", "url"): f"http://key:secret@127.0.0.1:{slow.server_port}/bucket"})
        alice = Client(server).register(unique())
        data = bytes(range(250)) * 8000
        mxc, before = alice.upload(data), connections(alice)
        with socket.create_connection(("127.0.0.1", server.port)) as client:
            client.sendall(f"GET /_matrix/client/v1/media/download/{mxc[6:]} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {alice.token}\r\n\r\n".encode())
            assert slow.begun.wait(60) and connections(alice) != before
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # its end is a reset: a mere FIN could be half a close
        end = time.monotonic() + 60
        while connections(alice) != before:
            assert time.monotonic() < end, "the server has not seen that its client is gone"
            time.sleep(0.02)
        slow.go_on.set()
        assert alice.download(mxc).body == data
        server.stop()  # nothing is under way any more
        assert slow.later == len(data) // (256 * 1024)  # of the download that has ended
        slow.shutdown()


def test_a_storage_that_refuses(storage):
    """Said at the start in one line, with no secret in it."""
    key, secret = "test%3Atester", "testing%2Fsecret"
    for url, words in ((storage.url.replace(secret, "guessed"), "refuses key or secret"), (storage.url.replace(support.BUCKET, "no-such-bucket"), "no such bucket"),
                       (storage.url.replace(f"{key}:{secret}@", ""), "it has no key"), ("s3://" + storage.url[7:], "https:// or http://"),
                       (storage.url + "/folder", "is no bucket")):
        done = subprocess.run([settings.binary(), "serve", "--set", f"media.url={url}", "--set", "server.listen=127.0.0.1:0"], capture_output=True, text=True,
                              timeout=60, cwd=storage.folder, env=settings.environment())
        assert done.returncode != 0 and words in done.stderr and "media" in done.stderr, done.stderr
        assert "guessed" not in done.stderr and secret not in done.stderr and "testing/secret" not in done.stderr, done.stderr
        shutil.rmtree(storage.folder / "data", ignore_errors=True)
