"""What counts as a pause, and as a request that failed."""
import figures
from history import Failure, History, Message


def longest(*messages):
    h = History()
    for m in messages:
        h.messages[m.key] = m
    [row] = figures.pauses(h, [(0, "a fault")], [])
    return row["send_s"]


def test_what_waited_at_the_load_balancer_counts():
    assert longest(Message("a", "!r", 1.0, "$a", 1.2), Message("b", "!r", 2.0, "$b", 5.0), Message("c", "!r", 2.0)) == 3


def test_what_was_sent_to_the_servers_themselves_does_not():
    """Its client has chosen one that is dead, and waits for it until it gives up."""
    assert longest(Message("a", "!r", 1.0, "$a", 1.2), Message("b", "!r", 2.0, "$b", 13.0, at_front=False)) == 0.2


def failure(began, seconds, how, at_front=True, wait=0.0):
    return Failure(began, seconds, "GET", at_front, wait, how)


def test_what_fails_within_a_fault_is_counted():
    inside = [failure(10, 1, 503), failure(10, 1, "no answer"), failure(19, 0.5, "timeout", wait=5)]
    others = [failure(9, 2, 503), failure(19, 2, 502), failure(11, 1, 429), failure(11, 1, 503, at_front=False)]
    assert figures.failed_within(inside + others, 10, 20) == 3
    assert figures.timeouts_within(inside + others, 10, 20) == 1


def test_a_sync_that_is_ended_before_its_time_is_counted():
    cut = [failure(9, 5, 503, wait=20), failure(0, 11, "no answer", wait=10), failure(10, 1, "cut off", wait=20)]
    kept = [failure(9, 5, 503, wait=5), failure(10, 5, 503, wait=20), failure(0, 30, "timeout", wait=20), failure(9, 2, 503), failure(9, 2, 503, wait=20, at_front=False), failure(0, 5, 503, wait=20)]
    assert figures.cut_within(cut + kept, 10, 40) == 3
