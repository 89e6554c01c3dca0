"""Messages to devices: delivered until acknowledged by a later token, then never again; idempotent; to one, several, all devices."""
import threading

import pytest

from harness.client import Client, Follower, unique


QUIET = {"presence": {"not_types": ["*"]}}


def inbox(answer):
    return [e["content"].get("n") for e in answer.get("to_device", {}).get("events", [])]


def send(client, other, n, txn=None, device="*"):
    client.to_device("org.example.msg", {other.user_id: {device: {"n": n}}}, txn)


def test_delivery(alice, bob):
    since = bob.token_now()
    send(alice, bob, 1)
    answer = bob.sync_until(inbox, since)
    event = answer["to_device"]["events"][0]
    assert event == {"type": "org.example.msg", "sender": alice.user_id, "content": {"n": 1}}
    assert not inbox(bob.sync(answer["next_batch"])), "acknowledged by the token"


def test_redelivery_until_acknowledged(alice, bob):
    since = bob.token_now()
    for n in (1, 2):
        send(alice, bob, n)
    first = bob.sync_until(lambda a: len(inbox(a)) == 2, since)
    assert inbox(bob.sync(since)) == [1, 2], "the answer may have been lost"
    send(alice, bob, 3)
    assert inbox(bob.sync_until(inbox, first["next_batch"])) == [3]
    assert not set(inbox(bob.sync(since))) & {1, 2}, "they were acknowledged"


def test_pending_ones_come_with_an_initial_sync(alice, bob):
    send(alice, bob, 1)
    answer = bob.sync()
    assert inbox(answer) == [1]
    assert inbox(bob.sync(answer["next_batch"])) == []


def test_idempotent(alice, bob):
    txn = unique()
    for _ in range(3):
        send(alice, bob, 1, txn)
    send(alice, bob, 2)
    assert inbox(bob.sync_until(lambda a: 2 in inbox(a))) == [1, 2]


def test_order(alice, bob):
    follower = Follower(bob)
    for n in range(250):
        send(alice, bob, n)
    follower.until(lambda f: len(f.to_device) >= 250, 20)
    assert [e["content"]["n"] for e in follower.to_device] == list(range(250))


def test_devices(alice, bob):
    phone, tablet = bob, bob.device()
    send(alice, bob, 1, device=phone.device_id)
    send(alice, bob, 2, device=tablet.device_id)
    send(alice, bob, 3)
    assert inbox(phone.sync_until(lambda a: 3 in inbox(a))) == [1, 3]
    assert inbox(tablet.sync_until(lambda a: 3 in inbox(a))) == [2, 3]
    later = bob.device()
    assert inbox(later.sync()) == [], "all devices are those that there are"


def test_to_oneself_and_several(alice, bob, carol):
    other = alice.device()
    alice.to_device("org.example.msg", {alice.user_id: {other.device_id: {"n": 0}}, bob.user_id: {bob.device_id: {"n": 1}}, carol.user_id: {"*": {"n": 2}}})
    assert inbox(other.sync_until(inbox)) == [0] and inbox(bob.sync_until(inbox)) == [1] and inbox(carol.sync_until(inbox)) == [2]


def test_unknown_receivers(alice, bob):
    alice.to_device("org.example.msg", {f"@{unique('nobody')}:localhost": {"*": {}}, bob.user_id: {"NOSUCH": {}, bob.device_id: {"n": 1}}})
    assert inbox(bob.sync_until(inbox)) == [1]


def test_it_wakes_a_waiting_sync(alice, bob):
    since = bob.token_now()
    timer = threading.Timer(0.4, send, (alice, bob, 7))
    timer.start()
    assert inbox(bob.sync(since, timeout=20, filter=QUIET)) == [7]
    timer.join()


@pytest.mark.parametrize("kill", [False, True])
def test_pending_over_a_restart(own_server, kill):
    server = own_server()
    alice, bob = (Client(server).register(unique()) for _ in range(2))
    since = bob.token_now()
    send(alice, bob, 1, "t1")
    server.restart(kill=kill)
    send(alice, bob, 1, "t1")
    send(alice, bob, 2, "t2")
    assert inbox(bob.sync_until(lambda a: 2 in inbox(a), since)) == [1, 2]


def test_gone_devices_leave_nothing(alice, bob):
    tablet = bob.device(device_id="TABLET")
    send(alice, bob, 1, device="TABLET")
    tablet.ok("POST", ("logout",), {})
    again = bob.device(device_id="TABLET")
    assert inbox(again.sync()) == []


@pytest.mark.parametrize("body", [{}, {"messages": 5}, {"messages": {"@a:localhost": 5}}, {"messages": {"@a:localhost": {"*": 5}}}, {"messages": []}])
def test_bad_bodies(alice, body):
    alice.fails(400, ("M_BAD_JSON", "M_MISSING_PARAM", "M_INVALID_PARAM"), "PUT", ("sendToDevice", "m.x", unique()), body)
