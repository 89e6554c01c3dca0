"""Every operation of the specification's OpenAPI file: a valid request, one without a token, with broken JSON, with wrong types. What is
served is written to docs/operations.md; the test fails when the table there is not what the server does (ROOKERY_UPDATE_DOCS=1 rewrites it)."""
import os

import pytest

from harness import schema, settings
from harness.world import World

TABLE = settings.ROOT / "docs" / "operations.md"
# Operations that may be missing; all others must be served, and answer a valid request with 200.
OPTIONAL = {
    "getWellknownPolicy", "getWellknownSupport", "getAdminLockUser", "setAdminLockUser", "getAdminSuspendUser", "setAdminSuspendUser",
    "pingAppservice", "getAuthMetadata", "generateLoginToken", "getUrlPreviewAuthed", "getUrlPreview", "getMutualRooms", "getRoomSummary",
    "getSpaceHierarchy", "getEventByTimestamp", "getAccount3PIDs", "post3PIDs", "add3PID", "bind3PID", "delete3pidFromAccount",
    "requestTokenTo3PIDEmail", "requestTokenTo3PIDMSISDN", "unbind3pidFromAccount", "requestTokenToResetPasswordEmail",
    "requestTokenToResetPasswordMSISDN", "getWhoIs", "updateAppserviceRoomDirectoryVisibility", "getEvents", "peekEvents", "getOneEvent",
    "initialSync", "redirectToSSO", "redirectToIdP", "getNotifications", "getPushers", "postPusher", "requestTokenToRegisterEmail",
    "requestTokenToRegisterMSISDN", "roomInitialSync", "search", "queryLocationByAlias", "queryLocationByProtocol", "getProtocolMetadata",
    "getProtocols", "queryUserByID", "queryUserByProtocol", "requestOpenIdToken", "searchUserDirectory", "getTurnServer", "reportRoom",
    "reportEvent", "reportUser", "inviteBy3PID",
}
# Valid requests whose answer is not 200: status and errcode (None: the flows of user-interactive authentication).
OTHERWISE = {"deactivateAccount": (401, None), "changePassword": (401, None), "deleteDevice": (401, None), "deleteDevices": (401, None)}
WRONG = {"string": 7, "integer": "seven", "number": "seven", "boolean": "yes", "object": "text", "array": "text", "enum": 7}
# Fields that a server may ignore, and so need not check: deprecated ones, and those for identity servers.
IGNORED = {"address", "medium", "user", "id_server", "id_access_token", "third_party_signed", "token", "timeout", "third_party_instance_id",
           "include_all_networks", "invite_3pid"}
# The same of single operations: no authentication is needed here, and this kind of rule has no conditions.
IGNORED_AT = {("uploadCrossSigningKeys", "auth"), ("setPushRule", "conditions")}
REFUSAL = ("M_BAD_JSON", "M_INVALID_PARAM", "M_MISSING_PARAM", "M_INVALID_USERNAME")

operations = {op.id: op for op in schema.spec.operations}
each = pytest.mark.parametrize("op", operations.values(), ids=operations.keys())
with_token = pytest.mark.parametrize("op", [op for op in operations.values() if op.auth], ids=lambda op: op.id)
with_body = pytest.mark.parametrize("op", [op for op in operations.values() if op.body_schema()], ids=lambda op: op.id)


def missing(response):
    return response.status in (404, 405) and response.errcode == "M_UNRECOGNIZED"


def request(world, op, body=None, **options):
    """A valid request, its body replaced by `body` if given. The rest of the world is made first, so that nothing else fails."""
    world.prepare(op)
    path, query, valid = world.path(op), world.query(op), world.body(op)
    headers = {"Content-Type": "image/png"} if isinstance(valid, bytes) else None
    return world.alice.call(op.method, path, valid if body is None else body, query=query, headers=headers, **options)


@pytest.fixture(scope="session")
def survey(shared):
    """{operation id: Response of a valid request}, made when first asked for; a violation is kept and raised by the operation's own test."""
    class Survey(dict):
        def __missing__(self, name):
            try:
                self[name] = request(World(shared), operations[name])
            except Exception as e:
                self[name] = e
            return self[name]

        def served(self, op):
            return isinstance(self[op.id], Exception) or not missing(self[op.id])
    return Survey()


@pytest.fixture
def world(server):
    return World(server)


def skip_if_missing(survey, op):
    if not survey.served(op):
        pytest.skip("not served")


@each
def test_valid_request(server, survey, op):
    response = survey[op.id]
    if isinstance(response, Exception):
        raise response
    if op.id in OPTIONAL:
        assert response.status < 500, response
        return
    status, errcode = OTHERWISE.get(op.id, (200, None))
    assert not missing(response), f"{op} is not served"
    assert response.status == status and (response.status < 400 or response.errcode == errcode), response


@with_token
def test_without_token(world, survey, op):
    skip_if_missing(survey, op)
    response = request(world, op, token=None)
    assert (response.status, response.errcode) == (401, "M_MISSING_TOKEN"), response
    response = request(world, op, token="no-such-token")
    assert (response.status, response.errcode) == (401, "M_UNKNOWN_TOKEN"), response


@with_body
def test_broken_json(world, survey, op):
    skip_if_missing(survey, op)
    for body in (b'{"a":', b"nothing", b'{"a":1}}', b'{"a":"\xff"}', b"{'a':1}"):
        response = request(world, op, body)
        assert (response.status, response.errcode) == (400, "M_NOT_JSON"), (body, response)
    for body in (b"[]", b'"text"', b"7"):
        response = request(world, op, body)
        assert response.status == 400 and response.errcode in ("M_BAD_JSON", "M_NOT_JSON"), (body, response)


def wrong_bodies(valid, body_schema):
    """(field, the valid body with a wrong type there) for each top-level field."""
    for part in [body_schema] + body_schema.get("allOf", []):
        for name, field in part.get("properties", {}).items():
            kind = "object" if "allOf" in field else field.get("type", "enum")
            if isinstance(kind, str) and name not in IGNORED:
                yield name, {**valid, name: WRONG[kind]}


@with_body
def test_wrong_types(world, survey, op):
    skip_if_missing(survey, op)
    if op.id in OPTIONAL:
        pytest.skip("optional")
    may_ask_first = "auth" in op.body_schema().get("properties", {})
    for name, body in wrong_bodies(world.body(op), op.body_schema()):
        response = request(world, op, body)
        if (op.id, name) in IGNORED_AT:
            continue
        if may_ask_first and name != "auth" and response.status == 401 and "flows" in response.json:
            continue
        assert response.status == 400 and response.errcode in REFUSAL, (name, body[name], response)


def table(survey):
    rows = [(op.path, op.method, op.id, survey.served(op)) for op in operations.values()]
    served = sum(row[3] for row in rows)
    lines = ["# Operations of the client-server API", "",
             "Made by `tests/api/test_conformance.py`, which calls every operation of the specification's OpenAPI file (1.19). An operation that",
             "is not served answers 404 `M_UNRECOGNIZED`. The paths are served under `r0` and `v1` as well where clients still call those.", "",
             f"{served} of {len(rows)} operations are served.", "", "| method | path | operation | served |", "| --- | --- | --- | --- |"]
    lines += [f"| {method} | `{path}` | {name} | {'yes' if yes else 'no'} |" for path, method, name, yes in sorted(rows)]
    return "\n".join(lines) + "\n"


def test_table_of_operations(server, survey):
    now = table(survey)
    if os.environ.get("ROOKERY_UPDATE_DOCS"):
        TABLE.write_text(now)
    assert TABLE.exists() and TABLE.read_text() == now, "docs/operations.md is not what the server does; ROOKERY_UPDATE_DOCS=1 rewrites it"
