"""HTTP/1.1 with one keep-alive connection per thread and server, and a Response that tests like to read."""
import contextlib
import http.client
import json
import socket
import threading
from urllib.parse import quote, urlencode

from . import schema


class Response:
    def __init__(self, status, headers, body, request):
        self.status, self.headers, self.body, self.request = status, headers, body, request
        self._json = None

    @property
    def json(self):
        if self._json is None:
            self._json = schema.parse(self.body)
        return self._json

    @property
    def errcode(self):
        return self.json.get("errcode") if self.status >= 400 else None

    def __repr__(self):
        return f"{self.request} -> {self.status} {self.body[:1500].decode(errors='replace')}"


class Connections(threading.local):
    def __init__(self):
        self.open = {}


_connections = Connections()


def connection(host, port, timeout):
    conn = _connections.open.get((host, port))
    if conn is None:
        conn = _connections.open[host, port] = http.client.HTTPConnection(host, port, timeout=timeout)
    conn.timeout = timeout
    if conn.sock:
        conn.sock.settimeout(timeout)
    return conn


def forget(host, port):
    conn = _connections.open.pop((host, port), None)
    if conn:
        conn.close()


def path_of(path, prefix="/_matrix/client/v3"):
    """A string beginning with / is a raw path; a tuple is joined, each part encoded, behind the prefix."""
    return path if isinstance(path, str) else prefix + "".join("/" + quote(str(p), safe="") for p in path)


def exchange(port, method, path, query=None, body=None, headers=None, token=None, timeout=60.0, host="127.0.0.1", check=True, retry=True):
    """One request; `body` is bytes (sent as they are) or a JSON value. A connection that the server closed while idle is opened anew
    once (unless `retry` is false). The exchange is checked against the schemas unless `check` is false."""
    raw = path_of(path)
    target = raw + ("?" + (query if isinstance(query, str) else urlencode(query, doseq=True)) if query else "")
    headers = dict(headers or {})
    if token:
        headers.setdefault("Authorization", f"Bearer {token}")
    if body is not None and not isinstance(body, bytes):
        body = json.dumps(body).encode()
    if body is not None:
        headers.setdefault("Content-Type", "application/json")
    for attempt in (0, 1):
        conn = connection(host, port, timeout)
        fresh = conn.sock is None
        try:
            with contextlib.suppress(BrokenPipeError):  # the answer may have come before the whole body was sent
                conn.request(method, target, body, headers)
            answer = conn.getresponse()
            data = answer.read()
            break
        except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError):
            forget(host, port)
            if fresh or attempt or not retry:
                raise
        except (OSError, http.client.HTTPException):
            forget(host, port)
            raise
    response = Response(answer.status, {k.lower(): v for k, v in answer.getheaders()}, data, f"{method} {target}")
    if check:
        schema.spec.check(method, raw.split("?")[0], response.status, response.headers, data)
    return response


def raw_exchange(port, data, timeout=10.0, host="127.0.0.1"):
    """Sends bytes as they are on a new connection, and returns everything that comes back until the end or a pause of `timeout`."""
    with socket.create_connection((host, port), timeout) as s:
        s.settimeout(timeout)
        s.sendall(data)
        got = b""
        try:
            while piece := s.recv(65536):
                got += piece
        except (TimeoutError, ConnectionResetError):
            pass
        return got
