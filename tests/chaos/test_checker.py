"""The checker finds what it is there for: a good history, and one made-up fault at a time."""
import pytest

import checker
import cluster
from history import Claim, DeviceMessage, History, Message, Read, Reader

ROOM = "!r"
ORDER = ["$create", "$1", "$2", "$3"]


def good():
    h = History()
    for n in (1, 2, 3):
        h.messages[f"alice {n}"] = Message(f"alice {n}", ROOM, float(n), f"${n}", n + 0.5)
        h.keys_of[f"${n}"] = f"alice {n}"
    h.messages["alice 4"] = Message("alice 4", ROOM, 4.0)  # never acknowledged, and never done
    h.orders = {("one", ROOM): list(ORDER), ("two", ROOM): list(ORDER)}
    h.joined = {("alice", ROOM), ("bob", ROOM)}
    whole, kept = Reader("whole", "alice"), Reader("kept", "bob", after={ROOM: "$1"})
    whole.seen[ROOM], kept.seen[ROOM] = list(ORDER), ["$2", "$3"]
    kept.account_data["n"] = [1, 2, 2]
    h.readers = [whole, kept]
    h.names = {"carol": ["first"], "dave": ["second", "second"]}
    h.uploaded_perhaps["D"], h.uploaded["D"] = {"k1", "k2", "k3"}, {"k1", "k2"}
    h.claims, h.keys_left = [Claim("D", "k1")], {"D": 1}
    h.device_messages = {f"alice {n}": DeviceMessage(f"alice {n}", "alice", ["D"], True) for n in (1, 2)}
    h.device_seen["D"] = ["alice 1", "alice 2"]
    h.reads = [Read("alice", 2, 2), Read("alice", 2, 3)]
    h.redacted, h.still_readable = {"$1"}, {"$2"}
    h.rooms_of = {("one", "alice"): {ROOM}, ("two", "bob"): {ROOM}}
    return h


def spoil(name):
    def wrap(function):
        FAULTS[name] = function
        return function
    return wrap


FAULTS = {}


@spoil("lost")
def _(h):
    for order in h.orders.values():
        order.remove("$2")
    for reader in h.readers:
        reader.seen[ROOM].remove("$2")


@spoil("lost to a reader")
def _(h):
    h.readers[1].seen[ROOM].remove("$3")


@spoil("doubled")
def _(h):
    h.keys_of["$2"] = "alice 1"


@spoil("doubled to a reader")
def _(h):
    h.readers[1].seen[ROOM].append("$2")


@spoil("out of order")
def _(h):
    h.readers[1].seen[ROOM].reverse()


@spoil("orders differ")
def _(h):
    h.orders["two", ROOM] = ["$create", "$2", "$1", "$3"]


@spoil("other id")
def _(h):
    h.other_ids.append(("alice 1", "$1", "$9"))


@spoil("invented")
def _(h):
    h.keys_of["$create"] = "mallory 1"


@spoil("key twice")
def _(h):
    h.claims.append(Claim("D", "k1"))


@spoil("key lost")
def _(h):
    h.keys_left["D"] = 0


@spoil("name twice")
def _(h):
    h.names["carol"].append("second")


@spoil("name lost")
def _(h):
    h.names_lost.append("carol")


@spoil("to-device lost")
def _(h):
    h.device_seen["D"].remove("alice 2")


@spoil("to-device doubled")
def _(h):
    h.device_seen["D"].append("alice 2")


@spoil("to-device out of order")
def _(h):
    h.device_seen["D"].reverse()


@spoil("account data old")
def _(h):
    h.reads.append(Read("alice", 3, 2))


@spoil("redaction lost")
def _(h):
    h.still_readable.add("$1")


@spoil("room lost")
def _(h):
    h.rooms_of["two", "bob"] = set()


@spoil("stuck")
def _(h):
    h.stuck.append("PUT send")


@spoil("wrong answer")
def _(h):
    h.wrong.append("PUT send: 500")


def test_a_good_history():
    verdict = checker.judge(good())
    assert verdict.good, verdict.examples
    assert verdict.checked["(token, event)"] == 6 and verdict.checked["acknowledged messages"] == 3


def test_every_kind_has_its_history():
    assert set(FAULTS) == set(checker.KINDS)


@pytest.mark.parametrize("kind", checker.KINDS)
def test_a_fault_is_found(kind):
    h = good()
    FAULTS[kind](h)
    found = {k for k, n in checker.judge(h).count.items() if n}
    assert found == {kind}


def test_the_first_events_are_missed_as_the_last_are():
    h = good()
    h.readers[0].seen[ROOM].remove("$create")
    assert checker.judge(h).count["lost to a reader"] == 1


def test_a_reader_that_got_nothing_has_lost_everything():
    h = good()
    h.readers[1].seen.clear()
    assert checker.judge(h).count["lost to a reader"] == 2


def test_a_reader_whose_past_is_gone():
    h = good()
    h.readers[1].after[ROOM] = "$gone"
    assert checker.judge(h).count["lost"] == 1


def test_account_data_that_goes_back_in_sync():
    h = good()
    h.readers[1].account_data["n"].append(1)
    assert checker.judge(h).count["account data old"] == 1


def test_account_data_whose_first_attempt_had_no_answer_may_come_late():
    h = good()
    h.may_come_late.add(("bob", 1))
    h.readers[1].account_data["n"].append(1)
    assert checker.judge(h).good


def test_a_claim_without_an_answer_may_have_taken_a_key():
    h = good()
    h.doubtful_claims, h.keys_left["D"] = 1, 0
    assert checker.judge(h).good


def test_an_unacknowledged_message_may_be_there_once():
    h = good()
    h.keys_of["$4"] = "alice 4"
    for order in h.orders.values():
        order.append("$4")
    for reader in h.readers:
        reader.seen[ROOM].append("$4")
    assert checker.judge(h).good


class Growing(cluster.Cluster):
    """Without processes; what is done to them is noted."""

    def __init__(self, ready):
        self.done, self.ready, self.servers, self.shards, self.grown, self.all_know = [], iter(ready), [], [self, self], False, False

    def new_database(self):
        self.done.append("database")

    def admin(self, i, *arguments):
        self.done.append(arguments[1])

    def restart_one_by_one(self):
        self.done.append("restart")
        if not next(self.ready):
            raise cluster.NotReady


def test_a_shard_is_used_when_all_servers_know_it():
    c = Growing([False, True])
    with pytest.raises(cluster.NotReady):
        c.grow()
    c.grow()
    c.grow()
    assert c.done == ["database", "add", "restart", "restart"]
