"""Servers with a real Redis as their cache: limits that hold for all of them together, reads that a restart does not cost, and that nothing that must be right
depends on it."""
import os
import signal
import time

from harness.client import PASSWORD, Client, unique


def logins(servers, name, most=60):
    """Wrong passwords, given to the servers in turn; how many were looked at before each of them had said no."""
    seen, refused = 0, set()
    for n in range(most):
        server = servers[n % len(servers)]
        r = Client(server).call("POST", ("login",), {"type": "m.login.password", "identifier": {"type": "m.id.user", "user": name},
                                                     "password": "wrong"}, token=None, check=False)
        assert r.status in (403, 429), r
        seen += r.status == 403
        refused |= {server} if r.status == 429 else set()
    assert len(refused) == len(servers)
    return seen


def test_limits_hold_for_all_servers_together(own_server, redis):
    rates = {("limits", "user_logins"): "1/h", ("limits", "user_logins_burst"): "12"}
    two = [own_server({**rates, **redis.settings(patience="10s")}) for _ in range(2)]
    # Each may be ahead of what the other knows by one, and by what is under way.
    assert 12 <= logins(two, "alice") <= 15
    assert logins([own_server(rates)], "alice") == 12
    redis.kill()
    assert logins(two, "bob") == 24, "without the cache each server has its own"
    redis.start()


def test_a_lost_cache_costs_nothing_else(own_server, redis):
    server = own_server({**redis.settings(), ("limits", "messages"): "1000/s", ("limits", "messages_burst"): "1000"})
    alice = Client(server).register(unique())
    room = alice.create_room()
    redis.kill()
    for _ in range(300):
        alice.send(room, {"body": "x"})
    assert alice.metric("rookery_cache_unanswered_total") > 0
    Client(server).register(unique())
    Client(server).login(alice.user_id, PASSWORD)
    assert "redis is away" in server.log()
    redis.start()
    os.kill(redis.process.pid, signal.SIGSTOP)  # there, and silent
    began = time.monotonic()
    for _ in range(300):
        alice.send(room, {"body": "x"})
    assert time.monotonic() - began < 30
    os.kill(redis.process.pid, signal.SIGCONT)
    server.stop()


def test_a_wrong_password_is_said_at_start(own_server, redis):
    server = own_server(redis.settings(password="guessed"))
    end = time.monotonic() + 30
    while "the user or the password is not right" not in server.log():
        assert time.monotonic() < end, server.log()
        time.sleep(0.02)
    assert "[cache] url" in server.log() and "guessed" not in server.log()
    alice = Client(server).register(unique())
    alice.send(alice.create_room(), {"body": "x"})


def test_a_dialogue_goes_on_at_another_server(own_server, redis):
    """What has been completed is in the cache: any server knows it."""
    one, other = (own_server(redis.settings(patience="10s")) for _ in range(2))
    body = {"username": unique(), "password": PASSWORD}
    session = Client(one).call("POST", ("register",), body, token=None, check=False).json["session"]
    asked = Client(other).call("POST", ("register",), {**body, "auth": {"session": session}}, token=None, check=False)
    assert asked.status == 401 and asked.json["session"] == session
    unknown = Client(other).call("POST", ("register",), {**body, "auth": {"session": "x" * 24}}, token=None, check=False)
    assert unknown.status == 401 and unknown.json["session"] != "x" * 24


def come_back(server, people, room):
    """Everybody comes back to a server that died; how many reads of the store that took."""
    server.restart(kill=True)
    while people[0].metric("rookery_slots_open") < 64:
        time.sleep(0.01)
    before = people[0].metric("rookery_store_reads_total")
    for person in people:
        person.since = person.sync(person.since)["next_batch"]
        assert person.ok("GET", ("profile", person.user_id))["displayname"] == person.localpart
    assert len(people[0].ok("GET", ("rooms", room, "joined_members"))["joined"]) == len(people)
    return people[0].metric("rookery_store_reads_total") - before


def hot(client, result):
    return client.metric(f'rookery_hot_total{{result="{result}"}}')


def test_who_comes_back_after_a_death_is_read_from_the_cache(own_server, redis):
    server = own_server(redis.settings(patience="10s"))
    people = [Client(server).register(unique()) for _ in range(12)]
    for person in people:
        person.ok("PUT", ("profile", person.user_id, "displayname"), {"displayname": person.localpart})
    room = people[0].room_with(*people[1:])
    for person in people:
        person.since = person.sync()["next_batch"]
    come_back(server, people, room)  # what the cache does not have yet it is told
    kept = come_back(server, people, room)
    assert hot(people[0], "used") > 5 * len(people)
    redis.command("FLUSHALL")
    lost = come_back(server, people, room)
    print(f"{len(people)} people and their room came back with {kept} reads of the store, and with {lost} when the cache was empty")
    assert kept * 2 < lost
    redis.kill()
    away = come_back(server, people, room)
    assert away < lost + len(people) // 2, "nothing is read to prove what nobody has"


def test_a_cache_of_long_ago_is_not_believed(own_server, redis):
    """Redis comes back with what it had before everything changed, and the server with nothing in memory."""
    server = own_server(redis.settings(patience="10s"))
    alice, bob = (Client(server).register(unique()) for _ in range(2))
    for person in (alice, bob):
        person.ok("PUT", ("profile", person.user_id, "displayname"), {"displayname": person.localpart})
    room = alice.room_with(bob)
    topic = alice.put_state(room, "m.room.topic", {"topic": "old"})
    alice.put_state(room, "org.example.colour", {"colour": "red"})
    alice.account_data("org.example.note", {"note": "old"})
    other = bob.device()
    for person in (alice, bob, other):
        person.since = person.sync()["next_batch"]
    come_back(server, [alice, bob], room)
    other.sync(other.since)
    assert redis.command("SAVE") == "+OK"

    bob.ok("POST", ("logout",), {})
    alice.ok("PUT", ("profile", alice.user_id, "displayname"), {"displayname": "New"})
    alice.redact(room, topic)
    alice.put_state(room, "org.example.colour", {"colour": "blue"})
    alice.account_data("org.example.note", {"note": "new"})
    alice.send(room, {"body": "news"})
    server.kill9()
    redis.kill()
    redis.start()
    server.start()

    bob.fails(401, "M_UNKNOWN_TOKEN", "GET", ("account", "whoami"))
    assert other.ok("GET", ("profile", alice.user_id))["displayname"] == "New"
    assert other.state(room, "m.room.topic") == {}
    assert other.state(room, "org.example.colour") == {"colour": "blue"}
    assert other.state(room, "m.room.member", alice.user_id)["displayname"] == "New"
    answer = other.sync(other.since)
    assert "news" in str(answer["rooms"]["join"][room]["timeline"])
    assert other.ok("GET", ("joined_rooms",))["joined_rooms"] == [room]
    note = alice.ok("GET", ("user", alice.user_id, "account_data", "org.example.note"))
    assert note == {"note": "new"}
    assert "'note': 'new'" in str(alice.sync()["account_data"])
    assert hot(alice, "old") > 0 and hot(alice, "used") > 0 and hot(alice, "broken") == 0


def test_a_status_message_outlives_the_server(own_server, redis):
    server = own_server(redis.settings(patience="10s"))
    alice = Client(server).register(unique())
    alice.ok("PUT", ("presence", alice.user_id, "status"), {"presence": "online", "status_msg": "at work"})
    while redis.command("KEYS", "*:vp0:*") != "*1":
        time.sleep(0.01)
    server.restart(kill=True)
    status = alice.ok("GET", ("presence", alice.user_id, "status"))
    assert status["presence"] == "online" and status["status_msg"] == "at work"
