"""Devices: list, rename, delete with user-interactive authentication."""


def devices(client):
    return {d["device_id"]: d for d in client.ok("GET", ("devices",))["devices"]}


def test_list(alice):
    other = alice.device(initial_device_display_name="Laptop")
    assert set(devices(alice)) == {alice.device_id, other.device_id}
    assert devices(alice)[other.device_id]["display_name"] == "Laptop"
    assert devices(alice) == devices(other)


def test_last_seen(alice):
    alice.token_now()
    device = devices(alice)[alice.device_id]
    assert device.get("last_seen_ip", "127.0.0.1") == "127.0.0.1" and device.get("last_seen_ts", 1) > 0


def test_get_and_rename(alice):
    path = ("devices", alice.device_id)
    alice.ok("PUT", path, {"display_name": "Nøkia ☎"})
    assert alice.ok("GET", path)["display_name"] == "Nøkia ☎"
    alice.ok("PUT", path, {})
    assert alice.ok("GET", path)["display_name"] == "Nøkia ☎"


def test_unknown_device(alice, bob):
    for device in ("NOSUCH", bob.device_id, "", "x" * 600):
        if device:
            alice.fails(404, "M_NOT_FOUND", "GET", ("devices", device))
            alice.fails(404, "M_NOT_FOUND", "PUT", ("devices", device), {"display_name": "x"})


def test_long_name(alice):
    alice.fails((400, 413), ("M_TOO_LARGE", "M_INVALID_PARAM", "M_BAD_JSON"), "PUT", ("devices", alice.device_id), {"display_name": "x" * 100000})


def test_delete(alice):
    other = alice.device()
    r = alice.uia("DELETE", ("devices", other.device_id))
    assert r.status == 200, r
    other.fails(401, "M_UNKNOWN_TOKEN", "GET", ("account", "whoami"))
    assert set(devices(alice)) == {alice.device_id}
    assert alice.uia("DELETE", ("devices", other.device_id)).status == 200, "it had been removed before"


def test_delete_needs_the_password(alice):
    other = alice.device()
    r = alice.uia("DELETE", ("devices", other.device_id), password="wrong")
    assert r.status == 401 and r.errcode == "M_FORBIDDEN" and r.json["flows"], r
    other.ok("GET", ("account", "whoami"))


def test_delete_several(alice):
    others = [alice.device() for _ in range(3)]
    r = alice.uia("POST", ("delete_devices",), {"devices": [o.device_id for o in others[:2]] + ["NOSUCH"]})
    assert r.status == 200, r
    assert set(devices(alice)) == {alice.device_id, others[2].device_id}


def test_a_session_is_for_one_request(alice):
    """A session that authenticated one deletion does not authenticate another one."""
    one, two = alice.device(), alice.device()
    session = alice.call("DELETE", ("devices", one.device_id), {}).json["session"]
    r = alice.call("DELETE", ("devices", one.device_id), {"auth": alice.password_auth(session)})
    assert r.status == 200, r
    r = alice.call("DELETE", ("devices", two.device_id), {"auth": {"session": session}})
    assert r.status in (401, 403), r
    two.ok("GET", ("account", "whoami"))


def test_deleting_another_ones_device(alice, bob):
    r = alice.uia("DELETE", ("devices", bob.device_id))
    assert r.status in (200, 404), r
    bob.ok("GET", ("account", "whoami"))


def test_deletion_ends_a_waiting_sync(alice):
    """The token of a deleted device is no longer good for anything, at once."""
    other = alice.device()
    since = other.token_now()
    assert alice.uia("DELETE", ("devices", other.device_id)).status == 200
    other.fails(401, "M_UNKNOWN_TOKEN", "GET", ("sync",), query={"since": since, "timeout": 1000})
