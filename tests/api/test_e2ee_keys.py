"""End-to-end keys: upload, query, claim, changes, fallback keys, device lists in sync, cross-signing, signatures."""
import threading

import pytest

from harness.client import Client, unique
from harness.keys import CrossSigning, DeviceKeys

ALGORITHM = "signed_curve25519"


def query(client, *users):
    return client.ok("POST", ("keys", "query"), {"device_keys": {u: [] for u in users}})


def claim(client, other, algorithm=ALGORITHM, device=None):
    """(key id, key) or None."""
    device = device or other.device_id
    r = client.ok("POST", ("keys", "claim"), {"one_time_keys": {other.user_id: {device: algorithm}}})
    keys = r["one_time_keys"].get(other.user_id, {}).get(device, {})
    assert len(keys) <= 1
    return next(iter(keys.items()), None)


def changed(answer):
    return set(answer.get("device_lists", {}).get("changed", []))


def gone(answer):
    return set(answer.get("device_lists", {}).get("left", []))


@pytest.fixture
def encrypted(alice, bob):
    return alice.room_with(bob, initial_state=[{"type": "m.room.encryption", "content": {"algorithm": "m.megolm.v1.aes-sha2"}}])


def strip(keys):
    return {k: v for k, v in keys.items() if k != "unsigned"}


# --- upload and query ---

def test_upload_and_query(alice, bob):
    keys = DeviceKeys(alice)
    r = alice.ok("POST", ("keys", "upload"), {"device_keys": keys.identity(), "one_time_keys": keys.one_time(5)})
    assert r["one_time_key_counts"][ALGORITHM] == 5
    shown = query(bob, alice.user_id)["device_keys"][alice.user_id][alice.device_id]
    assert strip(shown) == keys.identity()


def test_display_names_are_shown(alice, bob):
    client = Client(alice.server).login(alice.user_id, initial_device_display_name="Phone of A.")
    DeviceKeys(client).upload()
    shown = query(alice, alice.user_id)["device_keys"][alice.user_id][client.device_id]
    assert shown["unsigned"]["device_display_name"] == "Phone of A."


def test_query_one_device(alice, bob):
    tablet = alice.device()
    for client in (alice, tablet):
        DeviceKeys(client).upload()
    r = bob.ok("POST", ("keys", "query"), {"device_keys": {alice.user_id: [tablet.device_id, "NOSUCH"]}})
    assert set(r["device_keys"][alice.user_id]) == {tablet.device_id}
    assert set(query(bob, alice.user_id)["device_keys"][alice.user_id]) == {alice.device_id, tablet.device_id}


def test_query_unknown(bob):
    nobody = f"@{unique('nobody')}:localhost"
    r = query(bob, nobody)
    assert r["device_keys"] == {nobody: {}}
    assert query(bob, bob.user_id)["device_keys"] == {bob.user_id: {}}, "a device without keys is not listed, but the user is answered"
    assert r["master_keys"] == r["self_signing_keys"] == r["user_signing_keys"] == {}


@pytest.mark.parametrize("change", [{"user_id": "@other:localhost"}, {"device_id": "OTHER"}, {"user_id": 5}, {"keys": 5}, {"algorithms": "x"}, {"keys": {"ed25519:X": 5}}])
def test_keys_of_another(alice, bob, change):
    r = alice.call("POST", ("keys", "upload"), {"device_keys": {**DeviceKeys(alice).identity(), **change}})
    assert r.status == 400 and r.errcode in ("M_INVALID_PARAM", "M_BAD_JSON", "M_UNKNOWN", "M_MISSING_PARAM"), r
    assert not query(bob, alice.user_id)["device_keys"].get(alice.user_id)


def test_empty_upload_tells_counts(alice):
    DeviceKeys(alice).upload(one_time=3)
    assert alice.ok("POST", ("keys", "upload"), {})["one_time_key_counts"] == {ALGORITHM: 3}


def test_counts_in_sync(alice, bob):
    since = alice.token_now()
    DeviceKeys(alice).upload(one_time=3)
    answer = alice.sync_until(lambda a: a["device_one_time_keys_count"][ALGORITHM] == 3, since)
    claim(bob, alice)
    alice.sync_until(lambda a: a["device_one_time_keys_count"][ALGORITHM] == 2, answer["next_batch"])
    assert alice.sync()["device_one_time_keys_count"] == {ALGORITHM: 2}
    for _ in range(2):
        claim(bob, alice)
    assert alice.sync().get("device_one_time_keys_count", {}).get(ALGORITHM, 0) == 0


def test_the_same_keys_again(alice, bob):
    keys = DeviceKeys(alice)
    body = {"device_keys": keys.identity(), "one_time_keys": keys.one_time(2)}
    for _ in range(2):
        assert alice.ok("POST", ("keys", "upload"), body)["one_time_key_counts"][ALGORITHM] == 2
    name = next(iter(body["one_time_keys"]))
    r = alice.call("POST", ("keys", "upload"), {"one_time_keys": {name: keys.signed_key("different")}})
    assert r.status == 400, "another key under a known id"


def test_other_algorithms(alice, bob):
    keys = DeviceKeys(alice)
    alice.ok("POST", ("keys", "upload"), {"one_time_keys": {"curve25519:A": "plainkey", **keys.one_time(1)}})
    assert claim(bob, alice, "curve25519") == ("curve25519:A", "plainkey")
    assert claim(bob, alice, "curve25519") is None and claim(bob, alice) is not None


# --- claim ---

def test_claim(alice, bob):
    sent = DeviceKeys(alice).upload(one_time=3)
    got = dict(claim(bob, alice) for _ in range(3))
    assert {k: strip(v) for k, v in got.items()} == sent
    assert claim(bob, alice) is None


def test_oldest_first(alice, bob):
    keys = DeviceKeys(alice)
    batches = [set(keys.upload(one_time=3)) for _ in range(3)]
    order = [claim(bob, alice)[0] for _ in range(9)]
    assert [set(order[i:i + 3]) for i in (0, 3, 6)] == batches


def test_no_key_twice(alice, bob, new_user):
    """Eight claim at once."""
    sent = DeviceKeys(alice).upload(one_time=200)
    claimers = [new_user() for _ in range(8)]
    got = []

    def run(client):
        while key := claim(client, alice):
            got.append(key[0])
    threads = [threading.Thread(target=run, args=(c,)) for c in claimers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(got) == sorted(sent)


def test_claim_unknown(alice, bob):
    assert claim(bob, alice) is None
    assert claim(bob, alice, device="NOSUCH") is None
    nobody = f"@{unique('nobody')}:localhost"
    r = bob.ok("POST", ("keys", "claim"), {"one_time_keys": {nobody: {"X": ALGORITHM}}})
    assert r["one_time_keys"].get(nobody, {}) == {}


def test_claim_several(alice, bob, carol):
    for client in (alice, bob):
        DeviceKeys(client).upload(one_time=1)
    r = carol.ok("POST", ("keys", "claim"), {"one_time_keys": {c.user_id: {c.device_id: ALGORITHM} for c in (alice, bob)}})
    assert all(len(r["one_time_keys"][c.user_id][c.device_id]) == 1 for c in (alice, bob))


# --- fallback keys ---

def test_fallback(alice, bob):
    keys = DeviceKeys(alice)
    assert alice.sync()["device_unused_fallback_key_types"] == []
    fallback = keys.fallback()
    since = alice.token_now()
    alice.ok("POST", ("keys", "upload"), {"device_keys": keys.identity(), "one_time_keys": keys.one_time(1), "fallback_keys": fallback})
    answer = alice.sync_until(lambda a: a["device_unused_fallback_key_types"] == [ALGORITHM], since)
    assert claim(bob, alice)[0] not in fallback, "one-time keys come first"
    assert alice.sync(answer["next_batch"])["device_unused_fallback_key_types"] == [ALGORITHM]
    for _ in range(3):
        name, key = claim(bob, alice)
        assert {name: strip(key)} == fallback and key["fallback"] is True
    alice.sync_until(lambda a: a["device_unused_fallback_key_types"] == [], answer["next_batch"])
    new = keys.fallback()
    alice.ok("POST", ("keys", "upload"), {"fallback_keys": new})
    assert alice.sync()["device_unused_fallback_key_types"] == [ALGORITHM]
    assert claim(bob, alice)[0] in new


# --- device lists ---

def test_changes_are_told(alice, bob, encrypted):
    since = bob.token_now()
    DeviceKeys(alice).upload()
    answer = bob.sync_until(lambda a: alice.user_id in changed(a), since)
    until = answer["next_batch"]
    r = bob.ok("GET", ("keys", "changes"), query={"from": since, "to": until})
    assert alice.user_id in r["changed"] and alice.user_id not in r["left"]
    assert alice.user_id not in changed(bob.sync(until))


def test_new_and_deleted_devices_are_told(alice, bob, encrypted):
    DeviceKeys(alice).upload()
    since = bob.token_now()
    tablet = alice.device()
    DeviceKeys(tablet).upload()
    since = bob.sync_until(lambda a: alice.user_id in changed(a), since)["next_batch"]
    assert alice.uia("DELETE", ("devices", tablet.device_id)).status == 200
    bob.sync_until(lambda a: alice.user_id in changed(a), since)
    assert set(query(bob, alice.user_id)["device_keys"][alice.user_id]) == {alice.device_id}


def test_ones_own_changes_are_told(alice):
    tablet = alice.device()
    since = tablet.token_now()
    DeviceKeys(alice).upload()
    tablet.sync_until(lambda a: alice.user_id in changed(a), since)


def test_logout_is_told(alice, bob, encrypted):
    tablet = alice.device()
    DeviceKeys(tablet).upload()
    since = bob.token_now()
    tablet.ok("POST", ("logout",), {})
    bob.sync_until(lambda a: alice.user_id in changed(a), since)
    assert claim(bob, alice, device=tablet.device_id) is None


def test_strangers_are_not_told(alice, carol, encrypted):
    since = carol.token_now()
    DeviceKeys(alice).upload()
    assert alice.user_id not in changed(carol.sync(since, timeout=0.5))


def test_joining_and_leaving(alice, bob, carol, encrypted):
    DeviceKeys(alice).upload()
    sinces = {c: c.token_now() for c in (alice, carol)}
    carol.join(encrypted)
    answers = {alice: alice.sync_until(lambda a: carol.user_id in changed(a), sinces[alice]),
               carol: carol.sync_until(lambda a: {alice.user_id, bob.user_id} <= changed(a), sinces[carol])}
    carol.leave(encrypted)
    alice.sync_until(lambda a: carol.user_id in gone(a), answers[alice]["next_batch"])
    carol.sync_until(lambda a: {alice.user_id, bob.user_id} <= gone(a), answers[carol]["next_batch"])
    r = carol.ok("GET", ("keys", "changes"), query={"from": answers[carol]["next_batch"], "to": carol.token_now()})
    assert {alice.user_id, bob.user_id} <= set(r["left"])


def test_still_sharing_another_room(alice, bob, encrypted):
    alice.room_with(bob, initial_state=[{"type": "m.room.encryption", "content": {"algorithm": "m.megolm.v1.aes-sha2"}}])
    since = alice.token_now()
    bob.leave(encrypted)
    answer = alice.sync_until(lambda a: a["rooms"]["join"][encrypted], since)
    assert bob.user_id not in gone(answer) and bob.user_id not in gone(alice.sync(answer["next_batch"]))


def test_bad_changes(alice):
    token = alice.token_now()
    for bad in ({}, {"from": token}, {"to": token}, {"from": "nonsense", "to": token}):
        if "to" in bad or not bad:
            alice.fails(400, ("M_MISSING_PARAM", "M_INVALID_PARAM", "M_UNKNOWN"), "GET", ("keys", "changes"), query=bad)


@pytest.mark.parametrize("where, body", [("query", {}), ("query", {"device_keys": 5}), ("query", {"device_keys": {"@a:localhost": "x"}}),
                                         ("query", {"device_keys": {"@a:localhost": [5]}}), ("claim", {}), ("claim", {"one_time_keys": []}),
                                         ("claim", {"one_time_keys": {"@a:localhost": 5}}), ("claim", {"one_time_keys": {"@a:localhost": {"X": 5}}}),
                                         ("upload", {"one_time_keys": 5}), ("upload", {"one_time_keys": {"nocolon": "x"}}), ("upload", {"fallback_keys": []}),
                                         ("upload", {"device_keys": 5}), ("upload", {"one_time_keys": {"signed_curve25519:A": 5}})])
def test_bad_bodies(alice, where, body):
    alice.fails(400, ("M_BAD_JSON", "M_MISSING_PARAM", "M_INVALID_PARAM"), "POST", ("keys", where), body)


# --- cross-signing ---

UPLOAD = ("keys", "device_signing", "upload")


def test_cross_signing(alice, bob, encrypted):
    cross = CrossSigning(alice)
    since = bob.token_now()
    alice.ok("POST", UPLOAD, cross.body())
    bob.sync_until(lambda a: alice.user_id in changed(a), since)
    mine, theirs = query(alice, alice.user_id), query(bob, alice.user_id)
    for shown in (mine, theirs):
        assert shown["master_keys"][alice.user_id]["keys"] == cross.body()["master_key"]["keys"]
        assert shown["self_signing_keys"][alice.user_id] == cross.body()["self_signing_key"]
    assert mine["user_signing_keys"][alice.user_id] == cross.body()["user_signing_key"]
    assert alice.user_id not in theirs.get("user_signing_keys", {}), "the user-signing key is for its user only"


def test_the_same_again_needs_no_password(alice):
    cross = CrossSigning(alice)
    alice.ok("POST", UPLOAD, cross.body())
    alice.ok("POST", UPLOAD, cross.body())
    alice.ok("POST", UPLOAD, {"master_key": cross.body()["master_key"]})


def test_other_keys_need_the_password(alice):
    alice.ok("POST", UPLOAD, CrossSigning(alice).body())
    other = CrossSigning(alice, "2").body()
    r = alice.uia("POST", UPLOAD, other, password="wrong")
    assert r.status == 401 and r.errcode == "M_FORBIDDEN", r
    assert query(alice, alice.user_id)["master_keys"][alice.user_id]["keys"] != other["master_key"]["keys"]
    assert alice.uia("POST", UPLOAD, other).status == 200
    assert query(alice, alice.user_id)["master_keys"][alice.user_id]["keys"] == other["master_key"]["keys"]


def test_bad_cross_signing(alice, bob):
    cross = CrossSigning(alice)
    good = cross.body()
    unsigned = {k: v for k, v in good["self_signing_key"].items() if k != "signatures"}
    forged = {**good["self_signing_key"], "signatures": {alice.user_id: {"ed25519:" + cross.master.public: "A" * 86}}}
    alice.fails(400, "M_MISSING_PARAM", "POST", UPLOAD, {"self_signing_key": good["self_signing_key"]})
    for bad in ({**good, "self_signing_key": forged}, {**good, "self_signing_key": unsigned}, {**good, "user_signing_key": {**forged, "usage": ["user_signing"]}}):
        r = alice.call("POST", UPLOAD, bad)
        assert r.status == 400 and r.errcode in ("M_INVALID_SIGNATURE", "M_INVALID_PARAM", "M_BAD_JSON", "M_MISSING_PARAM"), r
    for bad in ({"master_key": 5}, {"master_key": {**good["master_key"], "user_id": bob.user_id}}, {"master_key": {**good["master_key"], "usage": ["self_signing"]}},
                {"master_key": {**good["master_key"], "keys": {}}}):
        r = alice.call("POST", UPLOAD, bad)
        assert r.status in (400, 403) and r.errcode in ("M_INVALID_PARAM", "M_BAD_JSON", "M_MISSING_PARAM", "M_FORBIDDEN"), r
    assert alice.user_id not in query(alice, alice.user_id).get("master_keys", {})


def test_signatures(alice, bob, encrypted):
    keys, cross = DeviceKeys(alice), CrossSigning(alice)
    keys.upload()
    alice.ok("POST", UPLOAD, cross.body())
    since = bob.token_now()
    signed = cross.signed_device(keys.identity())
    r = alice.ok("POST", ("keys", "signatures", "upload"), {alice.user_id: {alice.device_id: signed}})
    assert r.get("failures", {}) == {}
    bob.sync_until(lambda a: alice.user_id in changed(a), since)
    shown = query(bob, alice.user_id)["device_keys"][alice.user_id][alice.device_id]["signatures"][alice.user_id]
    assert shown["ed25519:" + cross.self_signing.public] == signed["signatures"][alice.user_id]["ed25519:" + cross.self_signing.public]
    assert "ed25519:" + alice.device_id in shown, "the device's own signature stays"


def test_signing_the_master_key(alice, bob, encrypted):
    """A device signs its user's master key; bob's user-signing key signs it too, which only bob sees."""
    keys, cross, bobs = DeviceKeys(alice), CrossSigning(alice), CrossSigning(bob)
    keys.upload()
    alice.ok("POST", UPLOAD, cross.body())
    bob.ok("POST", UPLOAD, bobs.body())
    master = cross.body()["master_key"]
    by_device = keys.signing.sign_json(dict(master), alice.user_id, alice.device_id)
    assert alice.ok("POST", ("keys", "signatures", "upload"), {alice.user_id: {cross.master.public: by_device}}).get("failures", {}) == {}
    by_bob = bobs.user_signing.sign_json(dict(master), bob.user_id, bobs.user_signing.public)
    assert bob.ok("POST", ("keys", "signatures", "upload"), {alice.user_id: {cross.master.public: by_bob}}).get("failures", {}) == {}
    for_bob = query(bob, alice.user_id)["master_keys"][alice.user_id]["signatures"]
    for_alice = query(alice, alice.user_id)["master_keys"][alice.user_id]["signatures"]
    assert "ed25519:" + bobs.user_signing.public in for_bob[bob.user_id]
    assert "ed25519:" + alice.device_id in for_alice[alice.user_id] and bob.user_id not in for_alice


def test_forged_signatures(alice, bob):
    keys, cross = DeviceKeys(alice), CrossSigning(alice)
    keys.upload()
    alice.ok("POST", UPLOAD, cross.body())
    signed = cross.signed_device(keys.identity())
    signed["signatures"][alice.user_id]["ed25519:" + cross.self_signing.public] = "A" * 86
    other = {**cross.signed_device(keys.identity()), "algorithms": ["changed"]}
    for bad in (signed, other):
        r = alice.call("POST", ("keys", "signatures", "upload"), {alice.user_id: {alice.device_id: bad}})
        assert r.status == 400 or r.json["failures"][alice.user_id][alice.device_id]["errcode"], r
    r = alice.call("POST", ("keys", "signatures", "upload"), {alice.user_id: {"NOSUCH": signed}})
    assert r.status == 400 or r.json["failures"][alice.user_id]["NOSUCH"]["errcode"], r
    shown = query(bob, alice.user_id)["device_keys"][alice.user_id][alice.device_id]["signatures"][alice.user_id]
    assert "ed25519:" + cross.self_signing.public not in shown


def test_a_device_may_not_be_named_like_a_key(alice):
    key = CrossSigning(alice)
    tablet = alice.device(device_id=key.master.public)
    r = tablet.call("POST", UPLOAD, key.body())
    assert r.status in (400, 403), r
