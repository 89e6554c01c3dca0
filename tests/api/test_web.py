"""The web client's files at / and below: forms, caching, headers, hostile paths, HTTP/2, new files while the server runs."""
import gzip
import http.client
import pathlib
import re
import shutil
import signal
import subprocess
import time

import pytest

from harness import wire

BROWSER = {"Accept-Encoding": "gzip, deflate, br, zstd"}
SCRIPT = b"export const answer = 42;\n" * 4000
TYPES = {"index.html": "text/html; charset=utf-8", "sw.js": "text/javascript; charset=utf-8", "manifest.webmanifest": "application/manifest+json",
         "icon.png": "image/png", "icon.svg": "image/svg+xml", "assets/app-1a2b3c4d.js": "text/javascript; charset=utf-8",
         "assets/app-1a2b3c4d.css": "text/css; charset=utf-8", "assets/app-1a2b3c4d.js.map": "application/json", "assets/crypto-5e6f.wasm": "application/wasm",
         "assets/font-77.woff2": "font/woff2", "assets/en-88.json": "application/json", "assets/odd-99.xyz": "application/octet-stream"}


def make_client(folder):
    """What the build of a client leaves behind, as far as a server can tell."""
    (folder / "assets").mkdir(parents=True)
    for name in TYPES:
        (folder / name).write_bytes(f"this is {name}".encode())
    (folder / "assets/app-1a2b3c4d.js").write_bytes(SCRIPT)
    (folder / "assets/app-1a2b3c4d.js.gz").write_bytes(gzip.compress(SCRIPT))
    (folder / "assets/app-1a2b3c4d.js.br").write_bytes(b"would be brotli")
    (folder / "assets/crypto-5e6f.wasm").write_bytes(b"".join(n.to_bytes(4, "big") for n in range(1280000)))
    (folder.parent / "secret.txt").write_text("nobody may read this")
    return folder


@pytest.fixture(scope="module")
def client_folder(tmp_path_factory):
    return make_client(tmp_path_factory.mktemp("web") / "dist")


@pytest.fixture
def site(own_server, client_folder):
    return own_server({("web", "path"): str(client_folder)})


def get(server, path, method="GET", body=None, **headers):
    """Not with the harness's checks: these are no answers of the API."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    connection.request(method, path, body, {k.replace("_", "-"): v for k, v in headers.items()})
    answer = connection.getresponse()
    found = wire.Response(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read(), f"{method} {path}")
    connection.close()
    return found


def wait_for(what):
    end = time.monotonic() + 30
    while not (found := what()):
        assert time.monotonic() < end, "it did not happen in 30 s"
        time.sleep(0.01)
    return found


# --- files ---

def test_every_file_with_its_type(site, client_folder):
    for name, content_type in TYPES.items():
        r = get(site, f"/{name}")
        assert r.status == 200 and r.body == (client_folder / name).read_bytes()
        assert r.headers["content-type"] == content_type and "content-encoding" not in r.headers
        assert r.headers["cache-control"] == ("public, max-age=31536000, immutable" if name.startswith("assets/") else "no-cache")
    assert get(site, "/").body == b"this is index.html"
    assert get(site, "/?utm=1").body == b"this is index.html"


def test_smallest_form_that_the_client_takes(site):
    path = "/assets/app-1a2b3c4d.js"
    forms = {"": None, "gzip": "gzip", "br": "br", "gzip, deflate, br": "br", "br;q=0, *": "gzip", "gzip;q=1, br;q=0.9": "gzip", "zstd": None, "nonsense;;;q=": None}
    bodies, tags = {None: SCRIPT, "br": b"would be brotli", "gzip": gzip.compress(SCRIPT)}, {}
    for accept, coding in forms.items():
        r = get(site, path, Accept_Encoding=accept)
        assert r.headers.get("content-encoding") == coding and r.headers["vary"].lower() == "accept-encoding"
        assert gzip.decompress(r.body) == SCRIPT if coding == "gzip" else r.body == bodies[coding]
        assert tags.setdefault(coding, r.headers["etag"]) == r.headers["etag"]
    assert len(set(tags.values())) == 3, "a tag belongs to one form"
    assert "content-encoding" not in get(site, "/", **BROWSER).headers, "there is no other form of it"
    assert get(site, path + ".br").status == 404


def test_what_the_client_has_is_not_sent_again(site):
    for path in ("/", "/assets/app-1a2b3c4d.js"):
        first = get(site, path, **BROWSER)
        tag = first.headers["etag"]
        assert re.fullmatch(r'"[0-9a-f]{32}"', tag)
        for condition in (tag, "W/" + tag, f'"other", {tag}', "*"):
            again = get(site, path, If_None_Match=condition, **BROWSER)
            assert again.status == 304 and again.body == b"" and again.headers["etag"] == tag
            assert again.headers["cache-control"] == first.headers["cache-control"] and again.headers["vary"] == first.headers["vary"]
        assert get(site, path, If_None_Match='"other"', **BROWSER).status == 200


def test_security_headers_on_every_answer(site):
    for r in (get(site, "/"), get(site, "/assets/app-1a2b3c4d.js"), get(site, "/nothing"), get(site, "/", method="POST"), get(site, "/", If_None_Match="*")):
        policy = dict(part.strip().split(" ", 1) for part in r.headers["content-security-policy"].split(";"))
        assert policy["default-src"] == "'none'" and policy["script-src"] == "'self' 'wasm-unsafe-eval'" and policy["style-src"] == "'self'"
        assert policy["frame-ancestors"] == "'none'" and policy["base-uri"] == "'none'" and policy["connect-src"] == "'self' https:"
        assert "unsafe-inline" not in r.headers["content-security-policy"]
        assert r.headers["x-content-type-options"] == "nosniff" and r.headers["referrer-policy"] == "no-referrer"
        assert r.headers["x-frame-options"] == "DENY" and r.headers["cross-origin-opener-policy"] == "same-origin"
        assert "camera=()" in r.headers["permissions-policy"]


def test_methods(site):
    full = get(site, "/assets/app-1a2b3c4d.js")
    head = get(site, "/assets/app-1a2b3c4d.js", method="HEAD")
    assert head.status == 200 and head.body == b"" and head.headers["content-length"] == full.headers["content-length"]
    assert get(site, "/assets/crypto-5e6f.wasm", method="HEAD").headers["content-length"] == "5120000"
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        r = get(site, "/index.html", method=method, body=b"x" * 1000)
        assert r.status == 405 and {"GET", "HEAD"} <= set(r.headers["allow"].split(", "))
    assert get(site, "/", method="OPTIONS").status == 204
    assert get(site, "/nothing", method="POST").status == 404


def test_no_path_leads_out(site):
    hostile = ["/../secret.txt", "/%2e%2e/secret.txt", "/..%2fsecret.txt", "/assets/../../secret.txt", "/assets/%2e%2e/%2e%2e/secret.txt", "/./index.html",
               "//index.html", "//etc/passwd", "/%2fetc%2fpasswd", "/index.html%00", "/index.html%00.png", "/%", "/%zz", "/%c0%ae%c0%ae/secret.txt",
               "/\\..\\secret.txt", "/assets", "/assets/", "/" + "a" * 8000, "/" + "../" * 2000, "/%2e", "/.", "/..", "/index.html/", "/~root", "/C:/x"]
    for path in hostile:
        r = get(site, path)
        assert r.status == 404 and b"nobody may" not in r.body and r.headers["content-type"] == "text/plain; charset=utf-8", (path, r)
    for path in (b"/\0", b"/index.html\0.png", b"http://other.example/../secret.txt", b"index.html"):
        answer = wire.raw_exchange(site.port, b"GET " + path + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert re.match(rb"HTTP/1.1 4\d\d ", answer) and b"nobody may" not in answer, (path, answer)
    assert get(site, "/%69ndex.html").status == 200


def test_the_api_is_where_it_was(site):
    for path in ("/_matrix/client/v3/nothing", "/_matrix", "/.well-known/matrix/nothing", "/.well-known/", "/health/nothing"):
        r = wire.exchange(site.port, "GET", path)
        assert r.status == 404 and r.errcode == "M_UNRECOGNIZED"
    assert wire.exchange(site.port, "GET", "/_matrix/client/versions").status == 200
    assert get(site, "/health/live").status == 200 and get(site, "/metrics").status == 200


def test_links_lead_nowhere(own_server, tmp_path):
    folder = make_client(tmp_path / "dist")
    (folder / "passwd.txt").symlink_to("/etc/passwd")
    (folder / "up").symlink_to("..")
    (folder / "index.html.br").symlink_to("/etc/passwd")
    (folder / ".env").write_text("not for others")
    server = own_server({("web", "path"): str(folder)})
    for path in ("/passwd.txt", "/up/secret.txt", "/.env", "/up"):
        assert get(server, path).status == 404
    assert get(server, "/", **BROWSER).body == b"this is index.html"
    assert 'path="passwd.txt"' in server.log()


# --- connections ---

def test_keep_alive_through_all_kinds_of_answers(site):
    connection = http.client.HTTPConnection("127.0.0.1", site.port, timeout=30)
    connection.connect()
    socket = connection.sock
    for _ in range(20):
        for path, status, length in (("/", 200, 18), ("/assets/crypto-5e6f.wasm", 200, 5120000), ("/nothing", 404, None), ("/_matrix/client/versions", 200, None)):
            connection.request("GET", path)
            answer = connection.getresponse()
            body = answer.read()
            assert answer.status == status and (length is None or len(body) == length)
        connection.request("GET", "/", headers={"If-None-Match": "*"})
        answer = connection.getresponse()
        assert answer.status == 304 and answer.read() == b""
    assert connection.sock is socket, "it was one connection"


@pytest.fixture
def tls_site(own_server, client_folder, tmp_path):
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=localhost",
                    "-keyout", str(key), "-out", str(certificate)], check=True, capture_output=True)
    return own_server({("web", "path"): str(client_folder), ("tls", "certificate"): str(certificate), ("tls", "key"): str(key)})


def curl(server, *paths, options=()):
    """Through HTTP/2, all at once on one connection; the answers' heads and bodies by path."""
    folder = pathlib.Path(server.folder) / "curl"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    urls = [word for n, path in enumerate(paths) for word in ("-o", str(folder / str(n)), f"https://127.0.0.1:{server.port}{path}")]
    done = subprocess.run(["curl", "--http2", "-sSk", "--path-as-is", "--parallel", "-w", "%{http_version} %{http_code} %{urlnum}\n", *options, *urls],
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done
    lines = [line.split() for line in done.stdout.splitlines()]
    assert len(lines) == len(paths) and all(version == "2" for version, _, _ in lines), done
    status = {int(number): int(code) for _, code, number in lines}
    return [(status[n], (folder / str(n)).read_bytes() if (folder / str(n)).exists() else b"") for n in range(len(paths))]


def test_http2(tls_site, client_folder):
    names = list(TYPES) * 3
    for name, (status, body) in zip(names, curl(tls_site, *(f"/{name}" for name in names)), strict=True):
        assert status == 200 and body == (client_folder / name).read_bytes()
    assert curl(tls_site, "/assets/app-1a2b3c4d.js", options=["-H", "Accept-Encoding: br, gzip"]) == [(200, b"would be brotli")]
    assert curl(tls_site, "/", "/assets/crypto-5e6f.wasm", options=["-H", "If-None-Match: *"]) == [(304, b"")] * 2
    assert [status for status, _ in curl(tls_site, "/../secret.txt", "/%2e%2e/secret.txt", "/nothing")] == [404] * 3
    assert curl(tls_site, "/index.html", options=["-X", "POST"])[0][0] == 405
    assert [status for status, _ in curl(tls_site, "/assets/crypto-5e6f.wasm", options=["-I"])] == [200]


# --- new files, and none ---

def test_new_files_on_hangup(own_server, tmp_path):
    folder = make_client(tmp_path / "dist")
    server = own_server({("web", "path"): str(folder)})
    before = get(server, "/")
    make_client(tmp_path / "new" / "dist")
    (tmp_path / "new" / "dist" / "index.html").write_text("newer")
    folder.rename(tmp_path / "old")
    (tmp_path / "new" / "dist").rename(folder)
    assert get(server, "/", If_None_Match=before.headers["etag"]).status == 304, "nothing is read for a request"
    server.process.send_signal(signal.SIGHUP)
    wait_for(lambda: get(server, "/").body == b"newer")
    assert get(server, "/", If_None_Match=before.headers["etag"]).status == 200
    (folder / "index.html").unlink()
    server.process.send_signal(signal.SIGHUP)
    wait_for(lambda: "web client not read again" in server.log())
    assert get(server, "/").body == b"newer", "what is there stays when nothing better can be read"


@pytest.mark.parametrize("path", ["", "/nowhere/at/all"])
def test_without_a_client(own_server, path):
    server = own_server({("web", "path"): path})
    lines = [line for line in (server.folder / "out.1").read_text().splitlines() if "web client" in line]
    assert len(lines) == 1 and lines[0].startswith("No web client is served. ") and "web.path" in lines[0]
    start = get(server, "/")
    assert start.status == 200 and b"make web" in start.body and start.headers["content-type"] == "text/plain; charset=utf-8"
    assert wire.exchange(server.port, "GET", "/index.html").errcode == "M_UNRECOGNIZED"
    assert get(server, "/", method="HEAD").status == 200
    assert wire.exchange(server.port, "GET", "/_matrix/client/versions").status == 200


def test_a_client_that_comes_later(own_server, tmp_path):
    server = own_server({("web", "path"): str(tmp_path / "dist")})
    assert b"make web" in get(server, "/").body
    make_client(tmp_path / "dist")
    server.process.send_signal(signal.SIGHUP)
    wait_for(lambda: get(server, "/").body == b"this is index.html")
