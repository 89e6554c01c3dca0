#!/usr/bin/python3
"""Sends requests made from the OpenAPI file and mutated in every way, and looks for answers that no request may cause: a status of 500, a
connection that is dropped without an answer to well-formed HTTP, an answer that is no valid error. The seed is printed; the same seed and
number make the same request (its ids aside, which the server chooses).

usage: mutate.py [--requests N] [--seed S] [--connections C] [--first N]"""
import argparse
import json
import random
import socket
import sys
import threading
import time
from urllib.parse import quote

from harness import schema
from harness.server import running
from harness.world import World

ROTATE = 1500      # requests after which a connection goes on with new users and rooms
CHECKED = 20       # one answer of so many is held against the schemas in full
FAILURES_MAX = 20  # then the run ends
RARE = {"deactivateAccount", "logout", "logout_all", "changePassword", "register", "createRoom", "upgradeRoom", "login", "uploadContent"}

HUGE = 10**40
HOSTILE_STRINGS = [
    "", " ", "\0", "a\0b", "\ud800", "x\udfff", "\U0001f600", "\u202e\u200b", "é" * 300, "x" * 255, "x" * 256, "x" * 70000, "../../../etc/passwd", "%s%n%x",
    "'; DROP TABLE users; --", "<script>", "\r\nX: y", "m.room.member", "@", "!", "$", "#", ":", "@:", "!:x", "$" + "A" * 43, "!" + "A" * 43, "@a:b", "@x:localhost",
    "@" + "y" * 254 + ":z", "-1", "NaN", "true", "null", "{}", "[]", "*", "\\", "/", "~", "\x7f", "\ufffd\uffff", "m.", ".m.rule.master", "main"]
HOSTILE_VALUES = [None, True, False, 0, -1, 1, 1.5, -0.0, 1e308, 2**31, 2**53 - 1, 2**53, -(2**53), 2**63, 2**64, HUGE, -HUGE, [], {}, [[]], [None], {"": None}, [{}] * 50,
                  list(range(2000)), {str(n): n for n in range(500)}]
HOSTILE_SEGMENTS = ["%", "%2", "%zz", "%00", "%ff%fe", "%c0%af", "%2f", "%2F..%2f", "..", ".", "%2e%2e", "%25", "+", "a%0d%0ab", "%ed%a0%80", "%F0%9F%98%80", ";", ",", "~", "'",
                    "x" * 300, "x" * 5000, "%41" * 400, "@a:b", "!a:b", "%21a%3Ab", "$a", "%24" + "A" * 43, "%23a:b", "*", "-1", "0", "null", "nosuch"]
HEADERS = [("Content-Type", v) for v in ("text/plain", "", "application/json; charset=utf-16", "x" * 500, "multipart/form-data; boundary=x", "image/png")] + [
    ("Authorization", v) for v in ("", "Bearer", "Bearer  ", "Basic YTpi", "Bearer " + "x" * 3000, "bearer x", "Bearer \xff\xfe")] + [
    ("Range", "bytes=0-"), ("Range", "bytes=9-1,-5"), ("If-None-Match", "*"), ("Accept-Encoding", "gzip, br"), ("X-Forwarded-For", "1.2.3.4, ::1"), ("Origin", "null"),
    ("Forwarded", 'for="[::1]:99"'), ("Host", ""), ("Host", "evil\"host"), ("Cookie", "a" * 4000), ("X-Empty", ""), ("Expect", "200-ok"), ("Upgrade", "h2c"), ("Accept", "\xff"),
    ("Connection", "upgrade, keep-alive"), ("TE", "trailers"), ("X" * 200, "y")]


class Request:
    """What is sent, and whether it is HTTP that must be answered."""

    def __init__(self, operation, method, path, data, well_formed=True):
        self.operation, self.method, self.path, self.data, self.well_formed = operation, method, path, data, well_formed


# --- making requests ---

class Maker:
    def __init__(self, rng, world):
        self.rng, self.world = rng, world
        self.pools = {"@": [world.alice.user_id, world.bob.user_id, "@nobody:localhost"], "!": [world.room, "!none:localhost"], "$": [world.event],
                      "#": ["#none:localhost"]}

    def chance(self, p):
        return self.rng.random() < p

    def make(self):
        op = self.rng.choice(schema.spec.operations)
        if op.id in RARE and self.chance(0.8):
            op = self.rng.choice(schema.spec.operations)
        method = op.method if self.chance(0.97) else self.rng.choice(["GET", "PUT", "POST", "DELETE", "PATCH", "OPTIONS", "HEAD", "TRACE", "X"])
        path, query, body = self.path(op), self.query(op), self.body(op)
        headers = self.headers(body)
        target = path + ("?" + query if query else "")
        if self.chance(0.03):
            return self.malformed(op, method, target, headers, body or b"")
        if body is not None:
            if self.chance(0.05):
                headers.append(("Transfer-Encoding", "chunked"))
                body = self.chunked(body)
            else:
                headers.append(("Content-Length", str(len(body))))
        return Request(op, method, path, head(method, target, headers) + (body or b""))

    def path(self, op):
        segments = []
        for segment in op.segments:
            if segment.startswith("{"):
                segment = self.segment(op, segment[1:-1])
            elif self.chance(0.004):
                segment = self.rng.choice(HOSTILE_SEGMENTS)
            segments.append(segment)
        path = "/".join(segments)
        if self.chance(0.05):
            path = path.replace("/client/v3/", self.rng.choice(["/client/r0/", "/client/v1/", "/client/unstable/", "/client/v9/"]))
        return path + ("/" if self.chance(0.01) else "")

    def segment(self, op, name):
        if self.chance(0.15):
            return self.rng.choice(HOSTILE_SEGMENTS)
        if self.chance(0.1):
            return quote(self.rng.choice(HOSTILE_STRINGS).encode("utf-8", "surrogatepass"), safe="")
        try:
            return quote(str(self.world.parameter(op, name)), safe="!:@$#" if self.chance(0.5) else "")
        except AssertionError:
            return "x"

    def query(self, op):
        parts = []
        for p in op.parameters:
            if p["in"] == "query" and (p.get("required") or self.chance(0.5)) and not self.chance(0.05):
                value = self.query_value(op, p["name"], p.get("schema", {}))
                parts.append(quote(p["name"]) + "=" + (value if self.chance(0.05) else quote(value.encode("utf-8", "surrogatepass"))))
        if self.chance(0.05):
            parts.append(self.rng.choice(["", "=", "&&", "a=%", "%zz=1", "access_token=x", "limit=1&limit=2", "user_id=@a:b", "x" * 3000, "timeout=%00"]))
        return "&".join(parts)

    def query_value(self, op, name, kind):
        if name in ("timeout", "timeout_ms"):
            return str(self.rng.choice([0, 0, 1, 5, "x", -1, ""]))
        if self.chance(0.3):
            return self.rng.choice(HOSTILE_STRINGS)
        if "enum" in kind:
            return self.rng.choice(kind["enum"])
        if kind.get("type") == "integer":
            return str(self.rng.choice([0, 1, 5, 100, -1, 2**31, 2**63, HUGE, 1.5]))
        if kind.get("type") == "boolean":
            return self.rng.choice(["true", "false", "1", "maybe"])
        if name == "filter":
            return json.dumps(self.mutated(self.rng.choice([{}, {"room": {"timeline": {"limit": 2, "types": ["m.*"]}}}, {"lazy_load_members": True}, {"event_fields": ["a.b"]}])))
        if name in ("from", "to", "since", "at"):
            token = self.world.token
            return token if self.chance(0.5) else self.scramble(token)
        return self.rng.choice(["x", "1", "b", "f", self.world.room, self.world.alice.user_id])

    def scramble(self, text):
        at = self.rng.randrange(len(text) + 1)
        return text[:at] + self.rng.choice(["", "0", "_", "z", "-", "9" * 30]) + text[at + self.rng.randrange(3):]

    # --- bodies ---

    def body(self, op):
        if op.body is None:
            return b"{}" if self.chance(0.1) else None
        if op.body_schema() is None:
            return self.rng.randbytes(self.rng.choice([0, 1, 100, 5000])) if self.chance(0.5) else self.world.body(op)
        try:
            value = self.world.body(op) if self.chance(0.5) else self.generate(op.body_schema())
        except AssertionError:
            value = {}
        for _ in range(self.rng.choice([0, 1, 1, 1, 2, 4])):
            value = self.mutated(value)
        return self.text(value)

    def generate(self, kind, depth=0):
        """A value of a schema."""
        if depth > 6 or not isinstance(kind, dict):
            return self.rng.choice(HOSTILE_VALUES)
        if "enum" in kind:
            return self.rng.choice(kind["enum"])
        if "oneOf" in kind:
            return self.generate(self.rng.choice(kind["oneOf"]), depth + 1)
        type_ = kind.get("type")
        if isinstance(type_, list):
            type_ = self.rng.choice(type_)
        if "allOf" in kind:
            parts = [self.generate(part, depth + 1) for part in kind["allOf"]]
            return {k: v for part in parts if isinstance(part, dict) for k, v in part.items()}
        if type_ == "object":
            return self.generate_object(kind, depth)
        if type_ == "array":
            return [self.generate(kind.get("items"), depth + 1) for _ in range(self.rng.choice([0, 1, 2, 5]))]
        if type_ in ("integer", "number"):
            return self.rng.choice([0, 1, 5, 100, 2**53 - 1, -1])
        if type_ == "boolean":
            return self.chance(0.5)
        pattern = kind.get("pattern", "")
        sigil = pattern[1:2] if pattern[:1] == "^" and pattern[1:2] in "@!#" else "$" if pattern == "^\\$" else ""
        return self.rng.choice(self.pools[sigil]) if sigil else self.rng.choice(["x", "m.room.message", self.world.room, self.world.alice.user_id, self.world.event, "ä"])

    def generate_object(self, kind, depth):
        required = set(kind.get("required", ()))
        value = {name: self.generate(part, depth + 1) for name, part in kind.get("properties", {}).items() if self.chance(0.95 if name in required else 0.4)}
        others = {"": kind["additionalProperties"]} if "additionalProperties" in kind else {}
        for pattern, part in {**kind.get("patternProperties", {}), **others}.items():
            names = self.pools.get(pattern[1:2] if pattern != "^\\$" else "$", ["a", "m.login.password", "signed_curve25519:A", self.world.alice.device_id])
            value[self.rng.choice(names)] = self.generate(part if isinstance(part, dict) and part else {"type": "string"}, depth + 1)
        return value

    def mutated(self, value):
        """The value with one place of it changed."""
        if isinstance(value, dict) and value and self.chance(0.75):
            key = self.rng.choice(list(value))
            roll = self.rng.random()
            changed = dict(value)
            if roll < 0.15:
                del changed[key]
            elif roll < 0.25:
                changed[self.rng.choice(HOSTILE_STRINGS)] = changed[key]
            else:
                changed[key] = self.mutated(changed[key])
            return changed
        if isinstance(value, list) and value and self.chance(0.75):
            at = self.rng.randrange(len(value))
            return value[:at] + self.rng.choice([[], [self.mutated(value[at])], [value[at]] * 3]) + value[at + 1:]
        return self.rng.choice(HOSTILE_STRINGS) if self.chance(0.5) else self.rng.choice(HOSTILE_VALUES)

    def text(self, value):
        """JSON, sometimes broken."""
        data = json.dumps(value, ensure_ascii=self.chance(0.7)).encode("utf-8", "surrogatepass")
        if not self.chance(0.15):
            return data
        at = self.rng.randrange(len(data) + 1)
        depth = self.rng.choice([50, 300, 5000, 30000])
        return self.rng.choice([
            lambda: data[:at], lambda: data[:at] + bytes([self.rng.randrange(256)]) + data[at:], lambda: data[:at] + data[at + 1:], lambda: b"", lambda: data + data,
            lambda: data[:at] + b"\xff\xfe" + data[at:], lambda: data[:at] + b"\0" + data[at:], lambda: data.replace(b"{", b'{"a":1,"a":2,', 1), lambda: b"\xef\xbb\xbf" + data,
            lambda: b'{"a":' * depth + b"1" + b"}" * depth, lambda: b"[" * depth, lambda: b'{"a":' + b"[" * depth + b"]" * depth + b"}",
            lambda: data.replace(b"1", b"1" * 400, 1), lambda: data.replace(b'"', b'"\\u0000', 1), lambda: data.replace(b'"', b'"\\ud800', 1),
            lambda: b" " * 70000 + data, lambda: data[:-1] + b',"\\u0061":1e999}', lambda: b"null", lambda: b"7"])()

    # --- HTTP ---

    def headers(self, body):
        rng, alice = self.rng, self.world.alice
        headers = [("Host", "localhost")]
        if not self.chance(0.06):
            headers.append(("Authorization", "Bearer " + (alice.token if self.chance(0.97) else "nonsense")))
        if body is not None:
            headers.append(("Content-Type", "application/json"))
        for _ in range(rng.choice([0] * 12 + [1, 3])):
            name, value = rng.choice(HEADERS)
            headers = [h for h in headers if h[0] != name or self.chance(0.1)] + [(name, value)]
        return headers

    def chunked(self, body):
        out, at = b"", 0
        while at < len(body):
            size = self.rng.choice([1, 7, 100, 4000])
            piece = body[at:at + size]
            out += b"%x%s\r\n" % (len(piece), self.rng.choice([b"", b";a=b"])) + piece + b"\r\n"
            at += size
        return out + b"0\r\n\r\n"

    def malformed(self, op, method, target, headers, body):
        rng = self.rng
        size = str(len(body))
        data = rng.choice([
            lambda: head(method, target, headers + [("Transfer-Encoding", "chunked")]) + rng.choice([b"zz\r\n", b"-1\r\n", b"ffffffffffffffffff\r\n", b"5\r\nab", b"1\r\nabc"]),
            lambda: head(method, target, headers + [("Content-Length", size), ("Content-Length", "7")]) + body,
            lambda: head(method, target, headers + [("Content-Length", size), ("Transfer-Encoding", "chunked")]) + body,
            lambda: head(method, target, headers + [("Content-Length", rng.choice(["-1", "x", "1" * 30, "+5", "0x5", ""]))]) + body,
            lambda: head(method, target, headers + [("X-Long", "y" * 100000)]), lambda: head(method, target, headers + [(f"X-{n}", "y") for n in range(3000)]),
            lambda: head(method, target, headers).replace(b"HTTP/1.1", rng.choice([b"HTTP/1.0", b"HTTP/9.9", b"", b"http/1.1"])), lambda: head(method, "x" + target, headers),
            lambda: head(method, target + "x" * 60000, headers), lambda: head(method, target, headers)[:-2] + b"\0\x01bad\r\n\r\n", lambda: rng.randbytes(200),
            lambda: b"\r\n\r\n" + head(method, target, headers), lambda: head(method, target, headers).replace(b"\r\n", b"\n"), lambda: b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            lambda: head(method, target, headers + [("Content-Length", "1000000000000")]) + body, lambda: head(method, target, headers + [("Content-Length", "50")]) + b"{"])()
        return Request(op, method, target, data, well_formed=False)


def head(method, target, headers):
    lines = [f"{method} {target} HTTP/1.1"] + [f"{name}: {value}" for name, value in headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")


# --- sending ---

class Dropped(Exception):
    pass


class Connection:
    """One keep-alive connection, opened anew when the server has closed it."""

    def __init__(self, port):
        self.port, self.socket, self.left = port, None, b""

    def close(self):
        if self.socket:
            self.socket.close()
        self.socket, self.left = None, b""

    def exchange(self, request):
        """(status, headers, body); Dropped when the connection ends without an answer."""
        fresh = self.socket is None
        if fresh:
            self.socket = socket.create_connection(("127.0.0.1", self.port), 30)
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.settimeout(30 if request.well_formed else 0.3)
        try:
            try:
                self.socket.sendall(request.data)
            except (BrokenPipeError, ConnectionResetError):
                pass  # the answer may have come before all was sent
            while True:
                answer = self.read_answer(request.method)
                if answer[0] >= 200:
                    break
        except (Dropped, OSError) as e:
            self.close()
            if not fresh and request.well_formed and not isinstance(e, TimeoutError):
                return self.exchange(request)  # an idle connection may have been closed meanwhile
            raise Dropped(repr(e)) from None
        if not request.well_formed or answer[1].get("connection", "").lower() == "close":
            self.close()
        return answer

    def more(self):
        data = self.socket.recv(262144)
        if not data:
            raise Dropped("the connection ended")
        self.left += data

    def read_answer(self, method):
        while b"\r\n\r\n" not in self.left:
            self.more()
        raw, _, self.left = self.left.partition(b"\r\n\r\n")
        lines = raw.decode("latin-1").split("\r\n")
        status = int(lines[0].split()[1])
        headers = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in lines[1:])}
        length = 0 if method == "HEAD" or status in (204, 304) or status < 200 else int(headers.get("content-length", 0))
        while len(self.left) < length:
            self.more()
        body, self.left = self.left[:length], self.left[length:]
        return status, headers, body


def fault(request, status, headers, body, in_full):
    """What is wrong with an answer; None when nothing is."""
    if not request.well_formed:
        return f"status {status}" if status == 500 else None
    code = None
    if status >= 400 and request.method != "HEAD":
        try:
            code = schema.parse(body)["errcode"] if not (status == 401 and b'"flows"' in body) else "flows"
        except (ValueError, KeyError, TypeError):
            return f"status {status} without an errcode"
    allowed = {501: None, 502: None, 503: "M_LIMIT_EXCEEDED", 504: "M_NOT_YET_UPLOADED"}
    if status >= 500 and not (status in allowed and allowed[status] in (None, code)):
        return f"status {status} {code}"
    if in_full and status != 416:
        try:
            schema.spec.check(request.method, request.path, status, headers, body)
        except schema.SchemaViolation as e:
            return str(e)[:1500]
    return None


class Run:
    def __init__(self, server, count, seed, connections=4, first=0):
        self.server, self.seed, self.end = server, seed, first + count
        self.next, self.lock = first, threading.Lock()
        self.failures, self.statuses = [], {}
        self.threads = [threading.Thread(target=self.work) for _ in range(connections)]

    def take(self):
        with self.lock:
            if self.next >= self.end or len(self.failures) >= FAILURES_MAX:
                return None
            self.next += 1
            return self.next - 1

    def fail(self, number, request, what, answer=b""):
        with self.lock:
            self.failures.append(f"seed {self.seed}, request {number}: {what}\n  sent: {request.data[:1500]!r}\n  got: {answer[:600]!r}")

    def work(self):
        world = made = None
        connection = Connection(self.server.port)
        while (number := self.take()) is not None:
            if world is None or made >= ROTATE:
                world, made = World(self.server), 0
                world.room, world.event, world.token
            made += 1
            request = Maker(random.Random(f"{self.seed}/{number}"), world).make()
            try:
                status, headers, body = connection.exchange(request)
            except Dropped as e:
                if request.well_formed:
                    self.fail(number, request, f"no answer: {e}")
                continue
            self.statuses[status] = self.statuses.get(status, 0) + 1
            wrong = fault(request, status, headers, body, number % CHECKED == 0)
            if wrong:
                self.fail(number, request, wrong, body)
            if request.well_formed and request.operation.id in RARE and world.alice.call("GET", ("account", "whoami"), check=False).status != 200:
                world = None  # it has logged itself out, changed its password or the like
        connection.close()

    def run(self):
        for thread in self.threads:
            thread.start()
        for thread in self.threads:
            thread.join()
        self.server.check_alive()
        assert World(self.server).event, "the server no longer serves"
        return self.failures


def mutate(server, count, seed, connections=4, first=0):
    """Runs, prints what it did, and returns the failures."""
    print(f"mutate: {count} requests from {first}, seed {seed}", flush=True)
    began = time.monotonic()
    run = Run(server, count, seed, connections, first)
    failures = run.run()
    seconds = time.monotonic() - began
    done = run.next - first
    print(f"mutate: {done} requests in {seconds:.0f} s ({done / seconds:.0f}/s), statuses {dict(sorted(run.statuses.items()))}, {len(failures)} failures", flush=True)
    return failures


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--requests", type=int, default=100000)
    parser.add_argument("--seed", default=str(random.randrange(10**9)))
    parser.add_argument("--connections", type=int, default=4)
    parser.add_argument("--first", type=int, default=0, help="number of the first request, to repeat a part of a run")
    options = parser.parse_args()
    with running() as server:
        failures = mutate(server, options.requests, options.seed, options.connections, options.first)
    print("\n\n".join(failures))
    sys.exit(bool(failures))


if __name__ == "__main__":
    main()
