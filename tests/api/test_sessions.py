"""Sessions beyond one client's sight: races for a name, many loops, authentication that is bound, tokens that supersede one another."""
import concurrent.futures
import time

from harness import cluster
from harness.client import PASSWORD, Client, Follower, unique


def at_once(n, work):
    with concurrent.futures.ThreadPoolExecutor(n) as pool:
        return list(pool.map(work, range(n)))


def test_one_of_many_gets_the_name(anyone):
    name = unique()
    body = {"username": name, "password": PASSWORD, "auth": {"type": "m.login.dummy"}}
    answers = at_once(8, lambda _: anyone.call("POST", ("register",), body, token=None))
    won = [r for r in answers if r.status == 200]
    assert len(won) == 1 and all(r.status == 400 and r.errcode == "M_USER_IN_USE" for r in answers if r.status != 200), answers
    anyone.take(won[0].json)
    assert len(anyone.ok("GET", ("devices",))["devices"]) == 1


def test_names_that_are_numbers_are_those_of_guests(anyone, guest):
    assert guest.localpart.isdigit()
    r = anyone.call("POST", ("register",), {"username": "123456", "password": PASSWORD, "auth": {"type": "m.login.dummy"}}, token=None)
    assert r.status == 400 and r.errcode == "M_INVALID_USERNAME", r


def whoami(client):
    return {(r.status, r.errcode) for r in at_once(16, lambda _: client.call("GET", ("account", "whoami")))}


def assert_over(client):
    """Every loop of the server has forgotten the token by now; other servers do as soon as they hear of it."""
    until = time.monotonic() + (5 if cluster.wanted() else 0)
    while (said := whoami(client)) != {(401, "M_UNKNOWN_TOKEN")} and time.monotonic() < until:
        pass
    assert said == {(401, "M_UNKNOWN_TOKEN")}


def test_the_end_of_a_session_reaches_all_connections(alice):
    other = alice.device()
    assert whoami(other) == {(200, None)}
    other.ok("POST", ("logout",), {})
    assert_over(other)


def test_a_new_login_on_a_device_ends_the_old_one_everywhere(alice):
    other = alice.device(device_id="PHONE")
    assert whoami(other) == {(200, None)}
    again = alice.device(device_id="PHONE")
    assert_over(other)
    assert whoami(again) == {(200, None)}


def test_names_have_no_case_at_login(alice):
    Client(alice.server).login(alice.localpart.capitalize(), PASSWORD)


def test_authentication_is_for_one_endpoint(alice):
    other = alice.device()
    session = alice.call("DELETE", ("devices", other.device_id), {}).json["session"]
    r = alice.call("POST", ("account", "password"), {"new_password": "something new", "auth": {"session": session}})
    assert r.status == 401 and r.json["session"] != session, r
    Client(alice.server).login(alice.user_id, PASSWORD)


def test_authentication_needs_no_session(alice):
    other = alice.device()
    auth = {k: v for k, v in alice.password_auth(None).items() if k != "session"}
    assert alice.call("DELETE", ("devices", other.device_id), {"auth": auth}).status == 200


def test_tokens_that_were_never_used_go_with_the_old_one(alice):
    client = alice.device(refresh_token=True)
    lost, kept = (alice.call("POST", ("refresh",), {"refresh_token": client.refresh_token}, token=None).json for _ in range(2))
    assert Client(alice.server, token=kept["access_token"]).ok("GET", ("account", "whoami"))["device_id"] == client.device_id
    alice.fails(401, "M_UNKNOWN_TOKEN", "GET", ("account", "whoami"), token=lost["access_token"])
    alice.fails(401, "M_UNKNOWN_TOKEN", "GET", ("account", "whoami"), token=client.token)
    alice.fails(401, "M_UNKNOWN_TOKEN", "POST", ("refresh",), {"refresh_token": lost["refresh_token"]}, token=None)
    assert alice.ok("POST", ("refresh",), {"refresh_token": kept["refresh_token"]}, token=None)["access_token"]


def test_using_the_new_refresh_token_ends_the_old_one(alice):
    client = alice.device(refresh_token=True)
    second = alice.ok("POST", ("refresh",), {"refresh_token": client.refresh_token}, token=None)
    alice.ok("POST", ("refresh",), {"refresh_token": second["refresh_token"]}, token=None)
    alice.fails(401, "M_UNKNOWN_TOKEN", "POST", ("refresh",), {"refresh_token": client.refresh_token}, token=None)


def test_refresh_tokens_are_no_access_tokens(alice):
    client = alice.device(refresh_token=True)
    alice.fails(401, "M_UNKNOWN_TOKEN", "GET", ("account", "whoami"), token=client.refresh_token)


def test_sessions_survive_a_restart(own_server):
    client = Client(own_server()).register(refresh_token=True)
    client.account_data("org.example.a", {"x": 1})
    client.server.restart(kill=True)
    assert client.ok("GET", ("account", "whoami"))["user_id"] == client.user_id
    assert client.ok("GET", ("user", client.user_id, "account_data", "org.example.a")) == {"x": 1}
    assert client.ok("POST", ("refresh",), {"refresh_token": client.refresh_token}, token=None)["access_token"]
    other = Client(client.server).login(client.user_id, PASSWORD)
    assert len(other.ok("GET", ("devices",))["devices"]) == 2


def test_last_seen(alice):
    before = int(time.time() * 1000) - 1000
    other = alice.device()
    other.ok("GET", ("account", "whoami"))
    device = alice.ok("GET", ("devices", other.device_id))
    assert before <= device["last_seen_ts"] <= time.time() * 1000 + 1000 and device["last_seen_ip"] == "127.0.0.1"


# --- what a user's slot tells ---

def test_a_long_queue_of_messages_comes_in_pieces_with_nothing_lost(alice, bob):
    """More messages to a device than one answer holds, with rooms and account data changing among them."""
    follower = Follower(bob)
    room = alice.create_room(preset="public_chat")
    for n in range(130):
        alice.to_device("org.example.n", {bob.user_id: {bob.device_id: {"n": n}}})
        if n == 40:
            bob.account_data("org.example.early", {"x": 1})
        if n == 60:
            bob.join(room)
    bob.account_data("org.example.late", {"x": 2})
    event = alice.say(room, "hello")
    follower.until(lambda f: len(f.to_device) >= 130 and any(e["event_id"] == event for e in f.timeline[room])
                   and any(e["type"] == "org.example.late" for a in f.answers for e in a.get("account_data", {}).get("events", [])))
    follower.step()
    assert [e["content"]["n"] for e in follower.to_device] == list(range(130))
    seen = [e["event_id"] for e in follower.timeline[room]]
    assert len(seen) == len(set(seen)), "a room that was joined is told once"
    told = [e["type"] for a in follower.answers[1:] for e in a.get("account_data", {}).get("events", [])]
    assert sorted(told) == ["org.example.early", "org.example.late"]


def test_a_long_queue_alone(alice, bob):
    since = bob.token_now()
    for n in range(230):
        alice.to_device("org.example.n", {bob.user_id: {bob.device_id: {"n": n}}})
    bob.account_data("org.example.last", {"x": 2})
    got, pieces = [], 0
    while len(got) < 230 and pieces < 10:
        answer = bob.sync(since)
        assert pieces == 0 or answer.get("to_device"), "a piece is followed by the next"
        got += answer.get("to_device", {}).get("events", [])
        since, pieces = answer["next_batch"], pieces + 1
    assert [e["content"]["n"] for e in got] == list(range(230)) and pieces > 1
    assert [e["type"] for e in answer["account_data"]["events"]] == ["org.example.last"]
    assert not bob.sync(since).get("to_device")


def test_messages_are_gone_once_a_later_token_shows_that_they_arrived(alice, bob):
    since = bob.token_now()
    alice.to_device("org.example.n", {bob.user_id: {bob.device_id: {"n": 1}}})
    first = bob.sync_until(lambda a: a["to_device"]["events"], since)
    assert bob.sync(since)["to_device"]["events"] == first["to_device"]["events"], "not shown yet"
    bob.sync(first["next_batch"])
    deadline = time.monotonic() + 5
    while bob.sync(since).get("to_device", {}).get("events") and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not bob.sync(since).get("to_device", {}).get("events")


def test_deactivation_leaves_nothing_behind(alice, bob):
    room = bob.room_with(alice)
    invited = bob.create_room(invite=[alice.user_id])
    alice.ok("PUT", ("profile", alice.user_id, "displayname"), {"displayname": "Alice"})
    assert alice.uia("POST", ("account", "deactivate"), {"erase": True}).status == 200
    bob.fails(404, "M_NOT_FOUND", "GET", ("profile", alice.user_id))
    assert bob.members(room)[alice.user_id] == bob.members(invited)[alice.user_id] == "leave"
    bob.fails(403, "M_USER_DEACTIVATED", "POST", ("login",), {
        "type": "m.login.password", "identifier": {"type": "m.id.user", "user": alice.user_id}, "password": PASSWORD}, token=None)
    bob.fails(400, "M_USER_IN_USE", "GET", ("register", "available"), token=None, query={"username": alice.localpart})


def test_a_profile_reaches_every_room_once(alice, bob):
    rooms = [alice.room_with(bob) for _ in range(3)]
    alice.ok("PUT", ("profile", alice.user_id, "displayname"), {"displayname": "Renamed"})
    for room in rooms:
        events = [e for e in bob.history(room) if e["type"] == "m.room.member" and e["state_key"] == alice.user_id]
        assert [e["content"].get("displayname") for e in events] == ["Renamed", None]
