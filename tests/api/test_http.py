"""HTTP itself: CORS, OPTIONS, HEAD, methods, keep-alive, pipelining, limits, slow clients, odd framing."""
import json
import socket
import threading
import time

import pytest

from harness import wire
from harness.client import Client, unique

WHOAMI = "/_matrix/client/v3/account/whoami"


def raw(server, data, timeout=5.0):
    return wire.raw_exchange(server.port, data, timeout)


def statuses(answer):
    """Of all responses in the bytes."""
    found, rest = [], answer
    while rest.startswith(b"HTTP/1.1 "):
        head, _, body = rest.partition(b"\r\n\r\n")
        found.append(int(head.split()[1]))
        length = next((int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0)
        rest = body[length:]
    return found


def request(method="GET", path="/_matrix/client/versions", *headers, body=b"", close=True):
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost"] + list(headers) + (["Connection: close"] if close else [])
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + body


# --- CORS, OPTIONS, HEAD, methods ---

@pytest.mark.parametrize("path", ["/_matrix/client/versions", WHOAMI, "/_matrix/client/v3/nothing", "/_matrix/media/v3/upload", "/_matrix/client/v1/media/download/a/b"])
def test_options(anyone, path):
    r = anyone.call("OPTIONS", path, token=None, headers={"Origin": "https://app.example.org", "Access-Control-Request-Method": "PUT",
                                                          "Access-Control-Request-Headers": "authorization"})
    assert r.status in (200, 204)
    assert "PUT" in r.headers["access-control-allow-methods"] and "authorization" in r.headers["access-control-allow-headers"].lower()


def test_cors_on_everything(alice):
    """Checked on every exchange of all tests; here for errors that come early."""
    for method, path, token in (("GET", "/_matrix/%zz", None), ("GET", "/_matrix", None), ("POST", "/_matrix/client/versions", None), ("GET", WHOAMI, "bad"),
                                ("GET", "/_matrix/client/v3/sync?since=x", True), ("PATCH", WHOAMI, True)):
        assert alice.call(method, path, token=token).headers["access-control-allow-origin"] == "*"


def test_unknown_paths(alice):
    for path in ("/_matrix/client/v3/nothing", "/_matrix/client/v3", "/_matrix/client/v9/sync", "/_matrix/client/unstable/org.example/x",
                 "/_matrix/client/v3/account/whoami/more", "/_matrix/client/v3//sync", "/_matrix/nothing/v1/x"):
        alice.fails(404, "M_UNRECOGNIZED", "GET", path)
        alice.fails(404, "M_UNRECOGNIZED", "POST", path, {}, token=None)


def test_wrong_methods(alice):
    for method, path in (("POST", WHOAMI), ("DELETE", "/_matrix/client/v3/sync"), ("GET", "/_matrix/client/v3/createRoom"), ("PATCH", WHOAMI),
                         ("PUT", "/_matrix/client/v3/login"), ("POST", "/_matrix/client/v3/rooms/!a:b/state/m.room.name/")):
        alice.fails(405, "M_UNRECOGNIZED", method, path, {} if method != "GET" else None)


def test_head(server, alice):
    get = alice.call("GET", "/_matrix/client/versions", token=None)
    head = alice.call("HEAD", "/_matrix/client/versions", token=None)
    assert head.status == 200 and head.body == b"" and head.headers["content-length"] == get.headers["content-length"]
    answer = raw(server, request("HEAD", close=False) + request("GET"))
    assert answer.count(b"HTTP/1.1 200") == 2, "nothing of the first one's body is in the way"


# --- connections ---

def test_keep_alive(server):
    """Many requests on one connection, errors between."""
    with socket.create_connection(("127.0.0.1", server.port)) as s:
        stream = s.makefile("rb")
        for n in range(50):
            path = "/_matrix/client/versions" if n % 2 else WHOAMI
            s.sendall(request(path=path, close=False))
            assert stream.readline().split()[1] == (b"200" if n % 2 else b"401")
            length = 0
            while (line := stream.readline().strip()):
                if line.lower().startswith(b"content-length:"):
                    length = int(line.split(b":")[1])
            json.loads(stream.read(length))


def test_pipelining(server, alice):
    auth = f"Authorization: Bearer {alice.token}"
    body = b'{"displayname":"x"}'
    data = b"".join([request(close=False), request(path=WHOAMI, close=False), request("PUT", f"/_matrix/client/v3/profile/{alice.user_id}/displayname", auth,
                     f"Content-Length: {len(body)}", body=body, close=False), request(path="/nothing", close=False), request()])
    assert statuses(raw(server, data)) == [200, 401, 200, 404, 200]


def test_byte_by_byte(server):
    with socket.create_connection(("127.0.0.1", server.port)) as s:
        s.settimeout(10)
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in request():
            s.sendall(bytes([byte]))
        answer = b""
        while piece := s.recv(65536):
            answer += piece
    assert statuses(answer) == [200]


def test_http_1_0(server):
    answer = raw(server, b"GET /_matrix/client/versions HTTP/1.0\r\n\r\n")
    assert answer.split()[1] in (b"200", b"505", b"400")


@pytest.mark.parametrize("chunks, status", [
    (b"5\r\n{\"a\":\r\n2\r\n1}\r\n0\r\n\r\n", 200), (b"7;ext=1\r\n{\"a\":1}\r\n0\r\nTrailer: x\r\n\r\n", 200), (b"0\r\n\r\n", 400),
    (b"zz\r\n{}\r\n0\r\n\r\n", 400), (b"-2\r\n{}\r\n0\r\n\r\n", 400), (b"ffffffffffffffff\r\n{}\r\n0\r\n\r\n", 400), (b"2\r\n{}xx0\r\n\r\n", 400),
    (b"2 \r\n{}\r\n0\r\n\r\n", None), (b"0x2\r\n{}\r\n0\r\n\r\n", 400)])
def test_chunked(server, alice, chunks, status):
    head = request("PUT", f"/_matrix/client/v3/user/{alice.user_id}/account_data/org.example.c", f"Authorization: Bearer {alice.token}",
                   "Transfer-Encoding: chunked", "Content-Type: application/json")
    got = statuses(raw(server, head + chunks))
    assert got in ([status], [413] if status == 400 else [status]) if status else got in ([200], [400]), got


@pytest.mark.parametrize("head", [
    b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n", b"GET  / HTTP/1.1\r\n\r\n",
    b"GET / HTTP/9.9\r\n\r\n", b"nonsense\r\n\r\n", b"GET / HTTP/1.1\r\nno colon\r\n\r\n", b"GET / HTTP/1.1\r\nBad Name: x\r\n\r\n", b"GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\n folded: x\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"GET http://evil/ HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n"])
def test_bad_requests(server, head):
    """Answered with an error and closed, or closed; never served, and no harm is done."""
    answer = raw(server, head, timeout=3)
    assert answer == b"" or statuses(answer)[0] in (400, 404, 411, 413, 414, 431, 501, 505), answer[:200]
    assert statuses(raw(server, request())) == [200]


def test_large_headers(server):
    answer = raw(server, request("GET", "/_matrix/client/versions", "X-Large: " + "x" * 200000))
    assert answer == b"" or statuses(answer)[0] in (400, 413, 431), answer[:200]
    answer = raw(server, request("GET", "/" + "x" * 100000))
    assert answer == b"" or statuses(answer)[0] in (400, 404, 414, 431), answer[:200]
    answer = raw(server, request("GET", "/_matrix/client/versions", *[f"X-{n}: x" for n in range(5000)]))
    assert answer == b"" or statuses(answer)[0] in (200, 400, 431), answer[:200]


def test_large_bodies(server, alice):
    r = alice.call("PUT", ("user", alice.user_id, "account_data", "org.example.large"), {"x": "y" * 8_000_000})
    assert (r.status, r.errcode) == (413, "M_TOO_LARGE"), r
    answer = raw(server, request("POST", "/_matrix/client/v3/login", "Content-Length: 1000000000", body=b"{"), timeout=3)
    assert answer == b"" or statuses(answer)[0] in (400, 413), answer[:200]


def test_expect_continue(server, alice):
    head = request("PUT", f"/_matrix/client/v3/user/{alice.user_id}/account_data/org.example.c", f"Authorization: Bearer {alice.token}", "Content-Length: 2",
                   "Expect: 100-continue")
    with socket.create_connection(("127.0.0.1", server.port)) as s:
        s.settimeout(5)
        s.sendall(head)
        first = s.recv(65536)
        assert first.split()[1] in (b"100", b"417", b"200")
        if first.split()[1] == b"100":
            s.sendall(b"{}")
            assert b"200" in s.recv(65536)


def test_clients_that_go_away(server, alice, room):
    """In the middle of a request, of an answer, of a wait: nothing is left behind, the server goes on."""
    since = alice.token_now()
    for data in (b"GET /_matr", request("POST", "/_matrix/client/v3/login", "Content-Length: 50", body=b'{"ty'),
                 request("GET", f"/_matrix/client/v3/sync?timeout=20000&since={since}", f"Authorization: Bearer {alice.token}", close=False), request() * 20):
        for _ in range(5):
            with socket.create_connection(("127.0.0.1", server.port)) as s:
                s.sendall(data)
    time.sleep(0.2)
    alice.say(room, "x")
    assert statuses(raw(server, request())) == [200]


def test_slow_loris(own_server):
    server = own_server({("limits", "header_timeout"): "1s", ("limits", "body_timeout"): "1s", ("limits", "idle_timeout"): "1s"})
    for data in (b"", b"GET / HTTP/1.1\r\nX: ", request("POST", "/_matrix/client/v3/login", "Content-Length: 50", body=b"{"), request(close=False)):
        with socket.create_connection(("127.0.0.1", server.port)) as s:
            s.settimeout(8)
            s.sendall(data)
            began = time.monotonic()
            with_end = b""
            while piece := s.recv(65536):
                with_end += piece
            assert time.monotonic() - began < 6, "the server cuts it off"
            assert with_end == b"" or statuses(with_end)[-1] in (200, 400, 401, 408), with_end


def test_many_connections(server):
    """Idle ones do not keep others out."""
    idle = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(300)]
    try:
        assert statuses(raw(server, request())) == [200]
    finally:
        for s in idle:
            s.close()


def test_two_threads_of_one_user(server, alice, room):
    def work(n):
        for i in range(10):
            alice.say(room, f"{n}.{i}")
    threads = [threading.Thread(target=work, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    said = [e for e in alice.history(room) if e["type"] == "m.room.message"]
    assert len({e["content"]["body"] for e in said}) == len(said) == 60


def test_percent_encoding(server, alice, room):
    """Room ids and the like may be encoded or not."""
    for path in (f"/_matrix/client/v3/rooms/{room}/state/m.room.create/", f"/_matrix/client/v3/rooms/{room.replace('!', '%21')}/state/m%2Eroom.create/"):
        assert alice.ok("GET", path)["room_version"] == "12"
    for bad in ("%", "%2", "%zz", "%ff", "%c0%af", "%00"):
        r = alice.call("GET", f"/_matrix/client/v3/rooms/{bad}/state")
        assert r.status in (400, 403, 404) and r.errcode in ("M_INVALID_PARAM", "M_NOT_FOUND", "M_FORBIDDEN", "M_UNRECOGNIZED", "M_UNKNOWN"), r


def test_tokens_are_not_logged(own_server):
    server = own_server({("log", "level"): "debug"})
    client = Client(server).register(unique(), password="a-very-secret-password")
    room = client.create_room()
    client.say(room, "a-very-secret-message")
    client.ok("GET", WHOAMI, token=None, query={"access_token": client.token})
    client.uia("POST", ("account", "password"), {"new_password": "another-secret-password"}, password="a-very-secret-password")
    client.ok("POST", ("logout",), {})
    for secret in (client.token, "very-secret", "another-secret"):
        assert secret not in server.log(), secret
