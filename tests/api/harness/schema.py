"""Holds every exchange of the tests against the specification's schemas: status, body, error form, content type, CORS."""
import functools
import json
import pathlib
import re

import jsonschema

SPEC = pathlib.Path(__file__).resolve().parents[1] / "spec" / "client-server.json"
# Of the specification's text, where its OpenAPI file does not name them.
MORE_ERRCODES = {"M_MISSING_TOKEN", "M_GUEST_ACCESS_FORBIDDEN", "M_WEAK_PASSWORD", "M_BAD_STATE", "M_USER_LOCKED", "M_USER_SUSPENDED",
                 "M_RESOURCE_LIMIT_EXCEEDED", "M_INCOMPATIBLE_ROOM_VERSION", "M_UNABLE_TO_AUTHORISE_JOIN", "M_UNABLE_TO_GRANT_JOIN",
                 "M_CANNOT_LEAVE_SERVER_NOTICE_ROOM", "M_UNKNOWN_POS", "M_UNAUTHORIZED", "M_SESSION_NOT_VALIDATED", "M_UNKNOWN_DEVICE",
                 "M_CAPTCHA_NEEDED", "M_TERMS_NOT_SIGNED"}
ERROR = {"type": "object", "required": ["errcode", "error"],
         "properties": {"errcode": {"type": "string"}, "error": {"type": "string", "minLength": 1}, "retry_after_ms": {"type": "integer", "minimum": 0},
                        "soft_logout": {"type": "boolean"}}}
CORS = {"access-control-allow-origin": {"*"}, "access-control-allow-methods": {"GET", "POST", "PUT", "DELETE", "OPTIONS"},
        "access-control-allow-headers": {"x-requested-with", "content-type", "authorization"}}

FORMATS = jsonschema.FormatChecker(formats=())
for _name, _pattern in {
    "mx-user-id": r"@[!-9;-~]*:[^\x00]+", "mx-room-id": r"!([A-Za-z0-9_-]{43}|[^:\x00]+:[^\x00]+)", "mx-event-id": r"\$[A-Za-z0-9_-]{43}",
    "mx-room-alias": r"#[^:\x00]+:[^\x00]+", "mx-mxc-uri": r"mxc://[^/]+/[A-Za-z0-9_-]+", "mx-server-name": r"[A-Za-z0-9.\-\[\]:]+",
}.items():
    FORMATS.checks(_name)(lambda v, r=re.compile(_pattern): not isinstance(v, str) or (len(v.encode()) <= 255 and r.fullmatch(v) is not None))
# Numbers of canonical JSON; timestamps and counts are all of this kind.
FORMATS.checks("int64")(lambda v: not isinstance(v, int) or abs(v) < 2**53)


class SchemaViolation(AssertionError):
    pass


class Operation:
    def __init__(self, row):
        self.method, self.path, self.id, self.auth = row["method"], row["path"], row["id"], row["auth"]
        self.parameters, self.body, self.responses, self.deprecated = row["parameters"], row["body"], row["responses"], row["deprecated"]
        self.segments = row["path"].split("/")

    @functools.lru_cache(maxsize=None)
    def validator(self, status):
        """For JSON responses of that status; None where the file has nothing to hold them against."""
        media = self.responses.get(str(status), {}).get("application/json")
        return media and compiled(media["schema"])

    def body_schema(self):
        return ((self.body or {}).get("content", {}).get("application/json") or {}).get("schema")

    def __repr__(self):
        return f"{self.method} {self.path} ({self.id})"


def lenient(schema):
    """oneOf as anyOf: the file's alternatives overlap (an event is also an object)."""
    if isinstance(schema, dict):
        return {"anyOf" if k == "oneOf" else k: lenient(v) for k, v in schema.items()}
    return [lenient(v) for v in schema] if isinstance(schema, list) else schema


def compiled(schema):
    schema = lenient(schema)
    return jsonschema.Draft202012Validator(schema, format_checker=FORMATS)


class Spec:
    def __init__(self, path=SPEC):
        raw = json.loads(path.read_text())
        self.errcodes = set(raw["errcodes"]) | MORE_ERRCODES
        self.operations = [Operation(row) for row in raw["operations"]]
        self._by_length = {}
        for op in self.operations:
            self._by_length.setdefault((op.method, len(op.segments)), []).append(op)
        self._error = compiled(ERROR)

    @functools.lru_cache(maxsize=4096)
    def find(self, method, path):
        """The operation of a raw path (no query), aliases of versions included; the one with most literal segments; or None."""
        method = "GET" if method == "HEAD" else method
        for candidate in aliases(path):
            segments = candidate.split("/")
            found = [op for op in self._by_length.get((method, len(segments)), ()) if matches(op.segments, segments)]
            if found:
                # inviteBy3PID and inviteUser share a path: the latter is what a plain invite means.
                return max(found, key=lambda op: (sum("{" not in s for s in op.segments), "3PID" not in op.id))
        return None

    def check(self, method, path, status, headers, body):
        """Raises SchemaViolation when the exchange is not what the specification allows. `headers`: names in lower case."""
        op = self.find(method, path)
        problems = list(self._problems(op, method, status, headers, body))
        if problems:
            shown = body[:1500].decode(errors="replace") if isinstance(body, bytes) else body
            raise SchemaViolation(f"{method} {path} -> {status}, {op}:\n  " + "\n  ".join(problems) + f"\n  body: {shown}")

    def _problems(self, op, method, status, headers, body):
        yield from cors_problems(headers)
        if method in ("HEAD", "OPTIONS"):
            return
        is_json = headers.get("content-type", "").split(";")[0].strip() == "application/json"
        expected = op.responses.get(str(status), {}) if op else {}
        if status < 400 and "application/json" not in expected:
            return
        if not is_json:
            yield f"content-type is {headers.get('content-type')!r}, not application/json"
            return
        try:
            value = parse(body)
        except ValueError as e:
            yield f"the body is no JSON: {e}"
            return
        if status < 400:
            yield from schema_problems(op.validator(status), value)
        else:
            yield from self._error_problems(op, status, value)

    def _error_problems(self, op, status, value):
        if not isinstance(value, dict):
            yield "an error is an object"
            return
        if status == 401 and "flows" in value:
            yield from schema_problems(UIA, value)
            if "errcode" not in value:
                return
        yield from schema_problems(self._error, value)
        code = value.get("errcode")
        if isinstance(code, str) and code not in self.errcodes:
            yield f"errcode {code} is not the specification's"
        for more, codes in (("admin_contact", ("M_RESOURCE_LIMIT_EXCEEDED",)), ("info_uri", ("M_USER_LIMIT_EXCEEDED",))):
            if code in codes and not isinstance(value.get(more), str):
                yield f"{code} without {more}"
        if status >= 500 and not (status in (501, 502, 503, 504) and isinstance(code, str)):
            yield f"status {status}"
        validator = op and op.validator(status)
        if validator and status != 401:
            yield from schema_problems(validator, value)


UIA = compiled({"type": "object", "required": ["flows", "session", "params"], "properties": {
    "session": {"type": "string"}, "params": {"type": "object"}, "completed": {"type": "array", "items": {"type": "string"}},
    "flows": {"type": "array", "minItems": 1, "items": {"type": "object", "required": ["stages"], "properties": {
        "stages": {"type": "array", "items": {"type": "string"}}}}}}})


def aliases(path):
    """The path itself, then what it is an alias of: r0 and v1 of v3, versions of the media API of one another."""
    yield path.rstrip() or "/"
    parts = path.split("/")
    if len(parts) > 3 and parts[1] == "_matrix" and parts[2] in ("client", "media"):
        for version in ("v3", "v1"):
            if parts[3] in ("r0", "v1", "v3") and parts[3] != version:
                yield "/".join(parts[:3] + [version] + parts[4:])
    if "/state/" in path and path.count("/") == 7:  # an empty state key may be left out with its slash
        yield from aliases(path + "/")


def matches(pattern, segments):
    return all(p == s or (p.startswith("{") and (s or p == "{stateKey}")) for p, s in zip(pattern, segments))


def schema_problems(validator, value):
    for error in validator.iter_errors(value):
        where = "/".join(map(str, error.absolute_path))
        yield f"at /{where}: {error.message[:400]}"


def cors_problems(headers):
    for name, wanted in CORS.items():
        have = headers.get(name, "")
        words = {w.strip().lower() for w in have.split(",")}
        if not {w.lower() for w in wanted} <= words:
            yield f"CORS header {name} is {have!r}"


def _no_duplicates(pairs):
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError(f"duplicate keys among {[k for k, _ in pairs]}")
    return result


def _no_constant(name):
    raise ValueError(f"{name} is no JSON")


def parse(body):
    """Strict: UTF-8, no duplicate keys, no NaN."""
    return json.loads(body.decode("utf-8"), object_pairs_hook=_no_duplicates, parse_constant=_no_constant)


spec = Spec()
