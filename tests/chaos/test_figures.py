"""What counts as a pause."""
from figures import pauses
from history import History, Message


def longest(*messages):
    h = History()
    for m in messages:
        h.messages[m.key] = m
    [row] = pauses(h, [(0, "a fault")], [])
    return row["send_s"]


def test_what_waited_at_the_load_balancer_counts():
    assert longest(Message("a", "!r", 1.0, "$a", 1.2), Message("b", "!r", 2.0, "$b", 5.0), Message("c", "!r", 2.0)) == 3


def test_what_was_sent_to_the_servers_themselves_does_not():
    """Its client has chosen one that is dead, and waits for it until it gives up."""
    assert longest(Message("a", "!r", 1.0, "$a", 1.2), Message("b", "!r", 2.0, "$b", 13.0, at_front=False)) == 0.2
