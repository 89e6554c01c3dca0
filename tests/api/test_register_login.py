"""Accounts: registration, login, tokens and their end, passwords, deactivation."""
import time

import pytest

from harness.client import PASSWORD, Client, has_body, unique
from harness.settings import ACCESS_TOKEN_LIFE, SERVER_NAME

DUMMY = {"auth": {"type": "m.login.dummy"}}


def register(client, body, **query):
    return client.call("POST", ("register",), body, token=None, query=query or None)


# --- registration ---

def test_flows_come_first(anyone):
    r = register(anyone, {})
    assert r.status == 401 and {"stages": ["m.login.dummy"]} in r.json["flows"] and r.json["session"], r
    name = unique()
    again = register(anyone, {"username": name, "password": PASSWORD, "auth": {"type": "m.login.dummy", "session": r.json["session"]}})
    assert again.status == 200 and again.json["user_id"] == f"@{name}:{SERVER_NAME}", again


def test_flows_make_no_account(anyone):
    name = unique()
    assert register(anyone, {"username": name, "password": PASSWORD}).status == 401
    anyone.ok("GET", ("register", "available"), token=None, query={"username": name})
    anyone.fails(403, "M_FORBIDDEN", "POST", ("login",), {"type": "m.login.password", "identifier": {"type": "m.id.user", "user": name},
                                                          "password": PASSWORD}, token=None)


def test_without_a_first_request(anyone):
    name = unique()
    r = register(anyone, {"username": name, "password": PASSWORD, **DUMMY})
    assert r.status == 200 and r.json["access_token"] and r.json["device_id"], r
    anyone.take(r.json)
    whoami = anyone.ok("GET", ("account", "whoami"))
    assert whoami == {"user_id": f"@{name}:{SERVER_NAME}", "device_id": anyone.device_id, **({"is_guest": False} if "is_guest" in whoami else {})}


def test_without_a_username(anyone):
    one, two = (register(anyone, {"password": PASSWORD, **DUMMY}).json["user_id"] for _ in range(2))
    assert one != two and one.endswith(":" + SERVER_NAME)


def test_unknown_stage(anyone):
    for auth in ({"type": "m.login.email.identity"}, {"type": "m.login.password"}, {"type": "nonsense"}, {}):
        r = register(anyone, {"username": unique(), "password": PASSWORD, "auth": auth})
        assert r.status in (400, 401) and (r.status == 400 or r.json["flows"]), r


def test_unknown_session(anyone):
    r = register(anyone, {"username": unique(), "password": PASSWORD, "auth": {"type": "m.login.dummy", "session": "made-up"}})
    assert r.status in (200, 400, 401, 403), r


def test_device_and_display_name(anyone):
    anyone.register(device_id="PHONE1", initial_device_display_name="My phone")
    assert anyone.device_id == "PHONE1"
    assert anyone.ok("GET", ("devices", "PHONE1"))["display_name"] == "My phone"


def test_inhibit_login(anyone):
    name = unique()
    r = register(anyone, {"username": name, "password": PASSWORD, "inhibit_login": True, **DUMMY})
    assert r.status == 200 and "access_token" not in r.json and "device_id" not in r.json, r
    anyone.login(name, PASSWORD)
    assert len(anyone.ok("GET", ("devices",))["devices"]) == 1


def test_name_in_use(anyone):
    name = unique()
    anyone.register(name)
    for attempt in (name, name.upper()):
        r = register(anyone, {"username": attempt, "password": PASSWORD, **DUMMY})
        assert r.status == 400 and r.errcode in ("M_USER_IN_USE", "M_INVALID_USERNAME"), r
    anyone.fails(400, "M_USER_IN_USE", "GET", ("register", "available"), token=None, query={"username": name})
    r = register(anyone, {"username": name, "password": PASSWORD})
    assert r.status == 401 or (r.status == 400 and r.errcode == "M_USER_IN_USE"), r


@pytest.mark.parametrize("name", ["a b", "a:b", "@a", "ä", "a\x00b", "x" * 250, "", "a#b", "a\nb"])
def test_invalid_names(anyone, name):
    r = register(anyone, {"username": name, "password": PASSWORD, **DUMMY})
    assert (r.status == 400 and r.errcode in ("M_INVALID_USERNAME", "M_INVALID_PARAM", "M_BAD_JSON")) or (name == "" and r.status == 200), r
    if name:
        anyone.fails(400, "M_INVALID_USERNAME", "GET", ("register", "available"), token=None, query={"username": name})


def test_available(anyone):
    assert anyone.ok("GET", ("register", "available"), token=None, query={"username": unique()})["available"] is True
    anyone.fails(400, ("M_MISSING_PARAM", "M_INVALID_USERNAME"), "GET", ("register", "available"), token=None)


def test_unknown_kind(anyone):
    assert register(anyone, {}, kind="robot").status in (400, 401)


def test_closed_registration(own_server):
    client = Client(own_server({("registration", "mode"): "closed"}))
    r = register(client, {"username": "x", "password": PASSWORD, **DUMMY})
    assert r.status == 403 and r.errcode == "M_FORBIDDEN", r
    r = register(client, {})
    assert r.status == 403 and r.errcode == "M_FORBIDDEN", r


def test_weak_password(anyone):
    r = register(anyone, {"username": unique(), "password": "short", **DUMMY})
    assert r.status == 400 and r.errcode == "M_WEAK_PASSWORD", r


# --- guests ---

def test_guest(guest):
    assert guest.token and guest.ok("GET", ("account", "whoami"))["is_guest"] is True
    assert guest.token_now()


def test_guests_may_not_do_all(guest, alice):
    guest.fails(403, "M_GUEST_ACCESS_FORBIDDEN", "POST", ("createRoom",), {})
    guest.fails((401, 403), ("M_GUEST_ACCESS_FORBIDDEN", "M_FORBIDDEN"), "PUT", ("profile", guest.user_id, "avatar_url"), {"avatar_url": "mxc://localhost/a"})
    guest.ok("PUT", ("profile", guest.user_id, "displayname"), {"displayname": "A guest"})


def test_guests_and_rooms(guest, alice):
    closed = alice.create_room(preset="public_chat")
    guest.fails(403, ("M_GUEST_ACCESS_FORBIDDEN", "M_FORBIDDEN"), "POST", ("rooms", closed, "join"), {})
    room = alice.create_room(preset="public_chat", initial_state=[{"type": "m.room.guest_access", "content": {"guest_access": "can_join"}}])
    guest.ok("POST", ("rooms", room, "join"), {})
    guest.say(room, "hi from a guest")
    assert alice.sync_until(has_body(room, "hi from a guest"))
    alice.put_state(room, "m.room.guest_access", {"guest_access": "forbidden"})
    alice.sync_until(lambda _: alice.full_state(room)["m.room.member", guest.user_id]["content"]["membership"] == "leave")


def test_guests_may_be_off(own_server):
    client = Client(own_server({("registration", "guests"): "false"}))
    r = register(client, {}, kind="guest")
    assert r.status == 403 and r.errcode in ("M_FORBIDDEN", "M_GUEST_ACCESS_FORBIDDEN"), r


# --- login ---

@pytest.mark.parametrize("form", ["id", "localpart", "deprecated id", "deprecated localpart"])
def test_login_forms(anyone, form):
    anyone.register()
    user = anyone.user_id if "id" in form else anyone.localpart
    who = {"user": user} if "deprecated" in form else {"identifier": {"type": "m.id.user", "user": user}}
    r = anyone.ok("POST", ("login",), {"type": "m.login.password", "password": PASSWORD, **who}, token=None)
    assert r["user_id"] == anyone.user_id and r["device_id"] != anyone.device_id and r["access_token"] != anyone.token


def test_login_refused(alice):
    def attempt(user, password):
        return alice.call("POST", ("login",), {"type": "m.login.password", "identifier": {"type": "m.id.user", "user": user}, "password": password},
                          token=None)
    for user, password in ((alice.user_id, "wrong"), (alice.user_id, ""), (alice.user_id, PASSWORD + "\0"), ("@nobody:localhost", PASSWORD),
                           ("@" + alice.localpart + ":elsewhere.example", PASSWORD), ("", PASSWORD), ("not an id:", PASSWORD)):
        r = attempt(user, password)
        assert r.status == 403 and r.errcode == "M_FORBIDDEN" or (r.status, r.errcode) == (400, "M_INVALID_USERNAME"), r


def test_unknown_and_wrong_answers_look_alike(alice):
    answers = [alice.call("POST", ("login",), {"type": "m.login.password", "identifier": {"type": "m.id.user", "user": user}, "password": "wrong"},
                          token=None).body for user in (alice.localpart, unique("nobody"))]
    assert answers[0] == answers[1], "the answer tells which users exist"


@pytest.mark.parametrize("body", [
    {}, {"type": "m.login.password"}, {"type": "m.login.unknown"}, {"type": "m.login.password", "identifier": {"type": "m.id.phone"}, "password": "x"},
    {"type": "m.login.password", "identifier": {}, "password": "x"}, {"type": "m.login.password", "identifier": {"type": "m.id.user", "user": "x"}},
    {"type": "m.login.password", "identifier": {"type": "m.id.user"}, "password": "x"}, {"type": "m.login.token", "token": "x"}])
def test_bad_logins(anyone, body):
    r = anyone.call("POST", ("login",), body, token=None)
    assert r.status in (400, 403) and r.errcode in ("M_BAD_JSON", "M_MISSING_PARAM", "M_UNKNOWN", "M_INVALID_PARAM", "M_UNRECOGNIZED", "M_FORBIDDEN"), r


def test_login_to_a_known_device(alice):
    other = alice.device(device_id="TABLET", initial_device_display_name="Tablet")
    again = alice.device(device_id="TABLET", initial_device_display_name="Ignored")
    assert again.device_id == "TABLET" and again.token != other.token
    assert again.ok("GET", ("devices", "TABLET"))["display_name"] == "Tablet"
    other.fails(401, "M_UNKNOWN_TOKEN", "GET", ("account", "whoami"))
    assert len(again.ok("GET", ("devices",))["devices"]) == 2


def test_token_in_the_query(alice):
    assert alice.ok("GET", ("account", "whoami"), token=None, query={"access_token": alice.token})["user_id"] == alice.user_id
    alice.fails(401, "M_UNKNOWN_TOKEN", "GET", ("account", "whoami"), token=None, query={"access_token": "x"})


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Basic abc", "token", "Bearer a b"])
def test_odd_authorization_headers(alice, header):
    r = alice.call("GET", ("account", "whoami"), token=None, headers={"Authorization": header})
    assert r.status == 401 and r.errcode in ("M_MISSING_TOKEN", "M_UNKNOWN_TOKEN"), r


def test_the_scheme_has_no_case(alice):
    alice.ok("GET", ("account", "whoami"), token=None, headers={"authorization": "bearer " + alice.token})


# --- refresh tokens ---

def refresh(client, token):
    return client.call("POST", ("refresh",), {"refresh_token": token}, token=None)


def test_refresh(alice):
    client = alice.device(refresh_token=True)
    assert client.refresh_token
    first = refresh(client, client.refresh_token)
    assert first.status == 200 and first.json["access_token"] != client.token, first
    new = Client(client.server, client.user_id, first.json["access_token"])
    assert new.ok("GET", ("account", "whoami"))["device_id"] == client.device_id
    second = refresh(client, first.json["refresh_token"])
    assert second.status == 200, second


def test_no_refresh_token_unless_asked_for(alice):
    assert alice.refresh_token is None and alice.device().refresh_token is None


def test_old_refresh_token_works_until_the_new_one_is_used(alice):
    client = alice.device(refresh_token=True)
    lost = refresh(client, client.refresh_token)
    again = refresh(client, client.refresh_token)
    assert lost.status == 200 and again.status == 200, again
    Client(client.server, token=again.json["access_token"]).ok("GET", ("account", "whoami"))
    late = refresh(client, client.refresh_token)
    assert late.status == 401 and late.errcode == "M_UNKNOWN_TOKEN", late


def test_refresh_with_nonsense(alice):
    for token in ("nonsense", "", alice.token):
        r = refresh(alice, token)
        assert r.status == 401 and r.errcode == "M_UNKNOWN_TOKEN", r
    alice.fails(400, ("M_MISSING_PARAM", "M_BAD_JSON"), "POST", ("refresh",), {}, token=None)


def test_access_tokens_expire(own_server):
    client = Client(own_server({ACCESS_TOKEN_LIFE: "10s"})).register(refresh_token=True)
    answer = client.ok("GET", ("account", "whoami"))
    assert answer["user_id"] == client.user_id
    time.sleep(10.2)
    body = client.fails(401, "M_UNKNOWN_TOKEN", "GET", ("account", "whoami"))
    assert body["soft_logout"] is True
    new = refresh(client, client.refresh_token)
    assert new.status == 200 and 0 < new.json["expires_in_ms"] <= 10000, new
    Client(client.server, token=new.json["access_token"]).ok("GET", ("account", "whoami"))


# --- logout ---

def test_logout(alice):
    other = alice.device()
    alice.ok("POST", ("logout",), {})
    alice.fails(401, "M_UNKNOWN_TOKEN", "GET", ("account", "whoami"))
    devices = other.ok("GET", ("devices",))["devices"]
    assert [d["device_id"] for d in devices] == [other.device_id]


def test_logout_without_a_body(alice):
    alice.ok("POST", ("logout",))
    alice.fails(401, "M_UNKNOWN_TOKEN", "POST", ("logout",))


def test_logout_all(alice):
    other = alice.device()
    alice.ok("POST", ("logout", "all"), {})
    for client in (alice, other):
        client.fails(401, "M_UNKNOWN_TOKEN", "GET", ("account", "whoami"))
    assert len(alice.device().ok("GET", ("devices",))["devices"]) == 1


def test_refresh_token_ends_with_logout(alice):
    client = alice.device(refresh_token=True)
    client.ok("POST", ("logout",), {})
    assert refresh(client, client.refresh_token).status == 401


# --- password and deactivation ---

def test_change_password(alice):
    other = alice.device()
    r = alice.uia("POST", ("account", "password"), {"new_password": "a new password"})
    assert r.status == 200, r
    alice.ok("GET", ("account", "whoami"))
    other.fails(401, "M_UNKNOWN_TOKEN", "GET", ("account", "whoami"))
    alice.fails(403, "M_FORBIDDEN", "POST", ("login",), {"type": "m.login.password", "identifier": {"type": "m.id.user", "user": alice.user_id},
                                                         "password": PASSWORD}, token=None)
    Client(alice.server).login(alice.user_id, "a new password")


def test_change_password_keeps_devices_on_request(alice):
    other = alice.device()
    assert alice.uia("POST", ("account", "password"), {"new_password": "a new password", "logout_devices": False}).status == 200
    other.ok("GET", ("account", "whoami"))


def test_change_password_with_a_wrong_one(alice):
    r = alice.uia("POST", ("account", "password"), {"new_password": "a new password"}, password="wrong")
    assert r.status == 401 and r.errcode == "M_FORBIDDEN" and r.json["flows"], r
    Client(alice.server).login(alice.user_id, PASSWORD)


def test_authentication_belongs_to_its_user(alice, bob):
    session = bob.call("POST", ("account", "password"), {"new_password": "a new password"}).json["session"]
    r = alice.call("POST", ("account", "password"), {"new_password": "evil password", "auth": bob.password_auth(session)})
    assert r.status in (401, 403), f"bob's password changed alice's: {r}"
    Client(alice.server).login(alice.user_id, PASSWORD)


def test_deactivate(alice, bob):
    room = bob.room_with(alice)
    other = alice.device()
    r = alice.uia("POST", ("account", "deactivate"), {})
    assert r.status == 200 and r.json["id_server_unbind_result"] in ("success", "no-support"), r
    for client in (alice, other):
        client.fails(401, "M_UNKNOWN_TOKEN", "GET", ("account", "whoami"))
    bob.fails(403, ("M_USER_DEACTIVATED", "M_FORBIDDEN"), "POST", ("login",), {
        "type": "m.login.password", "identifier": {"type": "m.id.user", "user": alice.user_id}, "password": PASSWORD}, token=None)
    assert register(bob, {"username": alice.localpart, "password": PASSWORD, **DUMMY}).errcode == "M_USER_IN_USE"
    bob.sync_until(lambda _: bob.members(room)[alice.user_id] == "leave")


def test_deactivate_needs_the_password(alice):
    r = alice.uia("POST", ("account", "deactivate"), {}, password="wrong")
    assert r.status == 401 and r.errcode == "M_FORBIDDEN", r
    alice.ok("GET", ("account", "whoami"))
