"""Media: upload, download, ranges, thumbnails, uploads in two steps, limits, permissions."""
import re
import shutil
import struct
import threading
import time
import zlib

import pytest

from harness import images
from harness.client import Client, unique
from harness.settings import SERVER_NAME, UPLOAD_LIMIT

AUTHED = "/_matrix/client/v1/media/"
OLD = "/_matrix/media/v3/"
PNG = images.png(400, 300)


def thumbnail(client, mxc, base=AUTHED, **query):
    return client.call("GET", base + "thumbnail/" + mxc[6:], query=query)


# --- upload and download ---

@pytest.mark.parametrize("data", [b"", b"x", bytes(range(256)) * 10, b"a" * 1_000_000], ids=len)
def test_upload_and_download(alice, bob, data):
    mxc = alice.upload(data, "application/x-thing")
    assert re.fullmatch(rf"mxc://{SERVER_NAME}/[A-Za-z0-9_-]+", mxc)
    r = bob.download(mxc)
    assert r.status == 200 and r.body == data and r.headers["content-type"] == "application/x-thing" and int(r.headers["content-length"]) == len(data)


def test_upload_by_older_paths(alice):
    for version in ("v1", "r0", "v3"):
        r = alice.call("POST", f"/_matrix/media/{version}/upload", b"x", headers={"Content-Type": "text/plain"})
        assert r.status == 200 and r.json["content_uri"].startswith("mxc://"), r
        r = alice.download(r.json["content_uri"], prefix=f"/_matrix/media/{version}/download", token=None, check=False)
        assert r.status == 200 and r.body == b"x", r


def test_file_names(alice, bob):
    mxc = alice.upload(b"x", "text/plain", filename="ä \"b\"; c.txt")
    assert "filename" in bob.download(mxc).headers["content-disposition"]
    r = bob.download(mxc, "/other%20name.txt")
    assert r.status == 200 and "other" in r.headers["content-disposition"] and "\n" not in r.headers["content-disposition"]
    r = bob.download(mxc, "/a%0d%0aX-Evil%3a%201")
    assert "x-evil" not in r.headers


def test_the_content_type_is_optional(alice):
    r = alice.call("POST", "/_matrix/media/v3/upload", b"x", headers={"Content-Type": ""})
    assert r.status == 200, r
    assert alice.download(r.json["content_uri"]).headers["content-type"] in ("application/octet-stream", "")


@pytest.mark.parametrize("kind, inline", [("image/png", None), ("text/html", False), ("image/svg+xml", False), ("application/javascript", False),
                                          ("text/html; charset=utf-8", False), ("nonsense", False)])
def test_dangerous_types_are_attachments(alice, kind, inline):
    r = alice.download(alice.upload(b"<script>alert(1)</script>", kind))
    assert r.status == 200
    disposition = r.headers.get("content-disposition", "")
    assert disposition.startswith(("inline", "attachment")) and (inline is None or disposition.startswith("attachment"))
    assert r.headers.get("cross-origin-resource-policy") == "cross-origin" and "sandbox" in r.headers.get("content-security-policy", "")
    assert r.headers.get("x-content-type-options", "nosniff") == "nosniff"


def test_bad_content_types(alice):
    r = alice.call("POST", "/_matrix/media/v3/upload", b"x", headers={"Content-Type": "text/plain" + ";x" * 200})
    assert r.status in (200, 400), r


def test_tokens_are_needed(alice):
    mxc = alice.upload(PNG, "image/png")
    for path in (AUTHED + "download/" + mxc[6:], AUTHED + "thumbnail/" + mxc[6:] + "?width=1&height=1", AUTHED + "config"):
        alice.fails(401, "M_MISSING_TOKEN", "GET", path, token=None)
    alice.fails(401, "M_MISSING_TOKEN", "POST", OLD + "upload", b"x", token=None)


def test_older_endpoints(alice):
    """Without a token; a server may have frozen them for new media, and says 404 then."""
    mxc = alice.upload(PNG, "image/png")
    r = alice.call("GET", OLD + "download/" + mxc[6:], token=None)
    assert r.status == 200 and r.body == PNG or (r.status, r.errcode) == (404, "M_NOT_FOUND"), r
    r = alice.call("GET", "/_matrix/media/r0/download/" + mxc[6:], token=None)
    assert r.status in (200, 404)
    r = thumbnail(alice, mxc, OLD, width=32, height=32)
    assert r.status in (200, 404)


@pytest.mark.parametrize("media", ["nosuch", "../../etc/passwd", "..%2f..%2fetc%2fpasswd", "%2e%2e", "a.b", "x" * 3000, "%00"])
def test_unknown_media(alice, media):
    for prefix in (AUTHED, OLD):
        r = alice.call("GET", f"{prefix}download/{SERVER_NAME}/{media}")
        assert r.status in (400, 404) and r.errcode in ("M_NOT_FOUND", "M_UNRECOGNIZED", "M_INVALID_PARAM"), r


def test_another_server(alice):
    r = alice.call("GET", AUTHED + "download/elsewhere.example/abc")
    assert r.status in (404, 502) and r.errcode in ("M_NOT_FOUND", "M_UNKNOWN"), r


def test_identical_content(alice, bob):
    one, two = alice.upload(b"the same", "text/plain"), bob.upload(b"the same", "text/css")
    assert one != two and alice.download(one).headers["content-type"] == "text/plain" and alice.download(two).headers["content-type"] == "text/css"


def test_config_and_limit(own_server):
    alice = Client(own_server({UPLOAD_LIMIT: "64KiB"})).register(unique())
    assert alice.ok("GET", AUTHED + "config")["m.upload.size"] == 65536 == alice.ok("GET", OLD + "config")["m.upload.size"]
    alice.upload(b"x" * 65536)
    alice.fails(413, "M_TOO_LARGE", "POST", OLD + "upload", b"x" * 65537)
    alice.fails(413, "M_TOO_LARGE", "POST", OLD + "upload", b"x" * 5_000_000)
    alice.upload(b"still there")


def test_over_a_restart(own_server):
    server = own_server()
    alice = Client(server).register(unique())
    mxc = alice.upload(PNG, "image/png", "p.png")
    server.restart(kill=True)
    r = alice.download(mxc)
    assert r.body == PNG and r.headers["content-type"] == "image/png"


# --- ranges ---

@pytest.mark.parametrize("header, want", [("bytes=0-9", (0, 10)), ("bytes=5-", (5, 1000)), ("bytes=-7", (993, 1000)), ("bytes=990-5000", (990, 1000)),
                                          ("bytes=0-0", (0, 1)), ("bytes=-5000", (0, 1000))])
def test_ranges(alice, header, want):
    data = bytes(n % 251 for n in range(1000))
    r = alice.download(alice.upload(data), headers={"Range": header})
    assert r.status == 206 and r.body == data[slice(*want)] and r.headers["content-range"] == f"bytes {want[0]}-{want[1] - 1}/1000", r


@pytest.mark.parametrize("header, statuses", [("bytes=1000-", (416,)), ("bytes=5-2", (200, 416)), ("bytes=x", (200, 416)), ("lines=0-1", (200, 416)),
                                              ("bytes=0-1,5-6", (200, 206, 416)), ("bytes=-0", (200, 416)), ("bytes=" + "9" * 40 + "-", (200, 416))])
def test_odd_ranges(alice, header, statuses):
    r = alice.download(alice.upload(b"x" * 1000), headers={"Range": header}, check=False)
    assert r.status in statuses, r
    if r.status == 200:
        assert len(r.body) == 1000


# --- thumbnails ---

@pytest.mark.parametrize("method, width, height, want", [
    ("crop", 32, 32, (32, 32)), ("crop", 96, 96, (96, 96)), ("scale", 320, 240, (320, 240)), ("scale", 100, 100, None), ("scale", 640, 480, (400, 300)),
    ("crop", 800, 600, None)])
def test_thumbnails(alice, method, width, height, want):
    r = thumbnail(alice, alice.upload(PNG, "image/png"), method=method, width=width, height=height)
    assert r.status == 200 and r.headers["content-type"] in ("image/png", "image/jpeg", "image/webp"), r
    size = images.size(r.body)
    assert size[0] <= 400 and size[1] <= 300, "never larger than the original"
    assert size == want if want else size[0] >= min(width, 400) or size[1] >= min(height, 300)
    assert size == (400, 300) or abs(size[0] / size[1] - (4 / 3 if method == "scale" else width / height)) < 0.1


def test_default_method_is_scale(alice):
    size = images.size(thumbnail(alice, alice.upload(PNG, "image/png"), width=100, height=75).body)
    assert abs(size[0] / size[1] - 4 / 3) < 0.1 and size[0] >= 100


@pytest.mark.parametrize("kind, data", [("image/jpeg", images.JPEG), ("image/gif", images.GIF), ("image/webp", images.WEBP)], ids=["jpeg", "gif", "webp"])
def test_other_kinds(alice, kind, data):
    r = thumbnail(alice, alice.upload(data, kind), width=30, height=20, method="scale")
    assert r.status == 200 and (data == r.body or 30 <= images.size(r.body)[0] <= 60), r


@pytest.mark.parametrize("query", [{}, {"width": 10}, {"width": 0, "height": 10}, {"width": -5, "height": 10}, {"width": "x", "height": 10},
                                   {"width": 10, "height": 10, "method": "squash"}, {"width": 1.5, "height": 10}])
def test_bad_thumbnail_requests(alice, query):
    r = thumbnail(alice, alice.upload(PNG, "image/png"), **query)
    assert r.status == 400 and r.errcode in ("M_INVALID_PARAM", "M_MISSING_PARAM", "M_UNKNOWN", "M_BAD_JSON"), r


@pytest.mark.parametrize("data", [b"", b"no picture", PNG[:100], b"\x89PNG\r\n\x1a\n" + b"\xff" * 500, images.JPEG[:200], b"GIF89a" + b"\xff" * 50],
                         ids=["empty", "text", "cut PNG", "bad PNG", "cut JPEG", "bad GIF"])
def test_broken_pictures(alice, data):
    r = thumbnail(alice, alice.upload(data, "image/png"), width=32, height=32)
    assert r.status in (200, 400, 404, 413) and (r.status == 200 or r.errcode in ("M_UNKNOWN", "M_NOT_FOUND", "M_BAD_JSON", "M_TOO_LARGE", "M_INVALID_PARAM")), r
    assert alice.download(alice.upload(b"goes on")).status == 200


def test_a_picture_bomb(alice):
    """A small file of 30,000 by 30,000 pixels gets no thumbnail."""
    header = struct.pack(">IIBBBBB", 30000, 30000, 1, 0, 0, 0, 0)

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    bomb = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * (3751 * 30000), 9)) + chunk(b"IEND", b"")
    r = thumbnail(alice, alice.upload(bomb, "image/png"), width=32, height=32)
    assert r.status in (400, 413) and r.errcode in ("M_TOO_LARGE", "M_UNKNOWN", "M_INVALID_PARAM"), r


def test_many_thumbnails_at_once(alice):
    mxcs = [alice.upload(images.png(200 + n, 150), "image/png") for n in range(4)]
    answers = []
    threads = [threading.Thread(target=lambda m=m: answers.append(thumbnail(alice, m, width=50, height=50, method="crop"))) for m in mxcs for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 12 and all(r.status == 200 and images.size(r.body)[0] >= 50 for r in answers)


def test_thumbnails_are_made_once(own_server):
    """For all who have the same picture, and for good; the folder may be deleted while the server runs."""
    server = own_server()
    alice, bob = Client(server).register(unique()), Client(server).register(unique())
    picture = images.png(500, 400)
    one, two, small = alice.upload(picture, "image/png"), bob.upload(picture, "image/png"), alice.upload(images.png(20, 10), "image/png")
    first = thumbnail(alice, one, width=96, height=96, method="crop")
    assert alice.metric("rookery_thumbnails_made_total") == 1
    for client, mxc, size in ((alice, one, 96), (bob, two, 96), (bob, one, 90)):
        r = thumbnail(client, mxc, width=size, height=size, method="crop")
        assert (r.status, r.body, r.headers["content-type"]) == (200, first.body, first.headers["content-type"])
    assert (alice.metric("rookery_thumbnails_made_total"), alice.metric("rookery_thumbnails_kept_total")) == (1, 3)
    for _ in range(2):
        assert thumbnail(alice, small, width=100, height=100).body == images.png(20, 10), "it is its own thumbnail"
    assert (alice.metric("rookery_thumbnails_made_total"), alice.metric("rookery_thumbnails_kept_total")) == (2, 4)
    server.restart(kill=True)
    assert thumbnail(bob, two, width=96, height=96, method="crop").body == first.body and thumbnail(bob, small, width=100, height=100).status == 200
    assert (alice.metric("rookery_thumbnails_made_total"), alice.metric("rookery_thumbnails_kept_total")) == (0, 2)
    shutil.rmtree(server.folder / "data" / "thumbnails")
    assert thumbnail(bob, two, width=96, height=96, method="crop").body == first.body
    assert alice.metric("rookery_thumbnails_made_total") == 1


def test_a_picture_without_thumbnail_is_looked_at_once(own_server):
    alice = Client(own_server()).register(unique())
    broken = alice.upload(PNG[:100], "image/png")
    answers = [thumbnail(alice, broken, width=32, height=32) for _ in range(3)]
    assert len({(r.status, r.body) for r in answers}) == 1 and answers[0].status == 400 and len(answers[0].json["error"].split()) > 3
    assert alice.metric("rookery_thumbnails_refused_total") + alice.metric("rookery_thumbnails_failed_total") == 1 and alice.metric("rookery_thumbnails_kept_total") == 2


def test_thumbnails_that_are_not_kept(own_server):
    server = own_server({("media", "thumbnails_size"): "0"})
    alice = Client(server).register(unique())
    mxc = alice.upload(PNG, "image/png")
    assert [thumbnail(alice, mxc, width=32, height=32, method="crop").status for _ in range(2)] == [200, 200]
    assert alice.metric("rookery_thumbnails_made_total") == 2 and not (server.folder / "data" / "thumbnails").exists()


# --- uploads in two steps ---

def create(client):
    r = client.ok("POST", "/_matrix/media/v1/create")
    return r["content_uri"], r


def put(client, mxc, data=b"later", **options):
    return client.call("PUT", OLD + "upload/" + mxc[6:], data, headers={"Content-Type": "text/plain"}, **options)


def test_two_steps(alice, bob):
    mxc, answer = create(alice)
    assert answer.get("unused_expires_at", time.time() * 1000 + 1) > time.time() * 1000
    r = bob.download(mxc, query={"timeout_ms": 100})
    assert (r.status, r.errcode) == (504, "M_NOT_YET_UPLOADED"), r
    assert put(alice, mxc).status == 200
    r = bob.download(mxc)
    assert r.body == b"later" and r.headers["content-type"] == "text/plain"
    r = put(alice, mxc, b"again")
    assert (r.status, r.errcode) == (409, "M_CANNOT_OVERWRITE_MEDIA"), r
    assert bob.download(mxc).body == b"later"


def test_waiting_for_the_upload(alice, bob):
    mxc, _ = create(alice)
    timer = threading.Timer(0.5, put, (alice, mxc))
    timer.start()
    began = time.monotonic()
    r = bob.download(mxc, query={"timeout_ms": 15000})
    timer.join()
    assert r.status == 200 and r.body == b"later" and 0.3 < time.monotonic() - began < 8


def test_two_steps_refused(alice, bob):
    mxc, _ = create(alice)
    r = put(bob, mxc)
    assert (r.status, r.errcode) == (403, "M_FORBIDDEN"), r
    r = put(alice, f"mxc://{SERVER_NAME}/nosuch")
    assert (r.status, r.errcode) == (404, "M_NOT_FOUND"), r
    r = put(alice, "mxc://elsewhere.example/nosuch")
    assert r.status in (403, 404), r
    ready = alice.upload(b"x")
    r = put(alice, ready)
    assert (r.status, r.errcode) == (409, "M_CANNOT_OVERWRITE_MEDIA"), r


def test_pending_uploads_are_limited(own_server):
    alice = Client(own_server({("limits", "uploads"): "1/s", ("limits", "uploads_burst"): "5"})).register(unique())
    for _ in range(30):
        r = alice.call("POST", "/_matrix/media/v1/create")
        if r.status != 200:
            break
    assert (r.status, r.errcode) == (429, "M_LIMIT_EXCEEDED"), "without a limit anyone can fill the server"


def test_preview_is_not_an_open_proxy(alice):
    r = alice.call("GET", AUTHED + "preview_url", query={"url": "http://127.0.0.1:1/"})
    assert r.status in (400, 403, 404, 502) and r.errcode, r
