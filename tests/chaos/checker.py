"""Judges a history. Knows the client API's promises, and nothing of how the servers keep them.

Each kind of finding must have none. The order of a room is what /messages says at the end; every reader's events must be exactly that order's part from where the reader
began to its end. So for each pair of sync token and event it is known whether it was lost, came twice, or came in another order than somebody else saw."""
import collections

KINDS = {
    "lost": "acknowledged messages that are not in the room at the end",
    "lost to a reader": "(token, event) that the reader never got",
    "doubled": "messages that are in the room twice",
    "doubled to a reader": "(token, event) that the reader got twice",
    "out of order": "(token, event) that came in another order than others saw",
    "orders differ": "rooms whose order is not the same on all servers",
    "other id": "repeated requests that were answered with another event",
    "invented": "messages and keys that nobody sent",
    "key twice": "one-time keys given to two",
    "key lost": "one-time keys that are gone and were given to nobody",
    "name twice": "names given to two",
    "name lost": "names that are not of whom they were given to",
    "to-device lost": "(device, message) that never came",
    "to-device doubled": "(device, message) that came twice",
    "to-device out of order": "(device, message) that came before one that the same sender had sent earlier",
    "account data old": "reads that found less than had been acknowledged before they began",
    "redaction lost": "events that were redacted and can be read",
    "room lost": "(user, room) joined, and not there at the end",
    "stuck": "requests that were not answered in the end",
    "wrong answer": "answers that no client should get",
}


class Verdict:
    MOST = 20  # of a kind are told

    def __init__(self):
        self.count, self.examples = {kind: 0 for kind in KINDS}, collections.defaultdict(list)
        self.checked = collections.Counter()

    def add(self, kind, what):
        self.count[kind] += 1
        if len(self.examples[kind]) < self.MOST:
            self.examples[kind].append(str(what))

    @property
    def good(self):
        return not any(self.count.values())


def judge(history):
    verdict = Verdict()
    orders = check_orders(history, verdict)
    for check in (check_messages, check_readers):
        check(history, orders, verdict)
    for check in (check_keys, check_names, check_device_messages, check_account_data, check_rest):
        check(history, verdict)
    return verdict


def check_orders(h, v):
    """The order of each room. Where servers differ, that of the first counts."""
    orders, told = {}, {}
    for (server, room), events in h.orders.items():
        orders.setdefault(room, events)
        told.setdefault(room, server)
        if events != orders[room]:
            v.add("orders differ", f"{room}: {told[room]} has {len(orders[room])} events, {server} {len(events)}; first at {first_difference(orders[room], events)}")
        if len(set(events)) < len(events):
            v.add("doubled", f"{room} on {server}: an event id twice")
    v.checked["orders"] = len(h.orders)
    return orders


def first_difference(a, b):
    return next((i for i, (x, y) in enumerate(zip(a, b)) if x != y), min(len(a), len(b)))


def check_messages(h, orders, v):
    where, keys = collections.defaultdict(set), collections.Counter()
    for room, events in orders.items():
        for event in set(events):
            where[event].add(room)
            if event in h.keys_of:
                keys[h.keys_of[event]] += 1
    for m in h.messages.values():
        if m.event_id:
            v.checked["acknowledged messages"] += 1
            if m.room not in where[m.event_id]:
                v.add("lost", f"{m.key} ({m.event_id}) in {m.room}, acknowledged at {m.acknowledged:.3f}")
    for key, count in keys.items():
        if count > 1:
            v.add("doubled", f"{key}: {count} events")
        if key not in h.messages:
            v.add("invented", key)
    for what in h.other_ids:
        v.add("other id", what)


def check_readers(h, orders, v):
    for reader in h.readers:
        for room in set(orders) & rooms_of(h, reader):
            expected = part_after(orders[room], reader.after.get(room))
            if expected is None:
                v.add("lost", f"{reader.after[room]} in {room}, which {reader.name} had seen")
            else:
                v.checked["(token, event)"] += len(expected)
                compare(reader, room, reader.seen.get(room, []), expected, v)


def rooms_of(h, reader):
    return {room for user, room in h.joined if user == reader.user} | set(reader.seen)


def part_after(order, event):
    if event is None:
        return order
    return order[order.index(event) + 1:] if event in order else None


def compare(reader, room, seen, expected, v):
    place = {event: i for i, event in enumerate(expected)}
    last = -1
    once = set()
    for event in seen:
        if event in once:
            v.add("doubled to a reader", f"{reader.name}: {event} in {room}")
        elif event not in place:
            v.add("out of order", f"{reader.name}: {event} in {room} is not where others have it")
        elif place[event] < last:
            v.add("out of order", f"{reader.name}: {event} in {room} after {expected[last]}")
        once.add(event)
        last = max(last, place.get(event, -1))
    for event in expected:
        if event not in once:
            v.add("lost to a reader", f"{reader.name}: {event} in {room} ({place[event] + 1} of {len(expected)})")


def check_keys(h, v):
    given = collections.Counter((c.device, c.key) for c in h.claims)
    for (device, key), times in given.items():
        if times > 1:
            v.add("key twice", f"{key} of {device}: {times} times")
        if key not in h.uploaded_perhaps[device]:
            v.add("invented", f"{key} of {device}")
    for device, left in h.keys_left.items():
        uploaded = len(h.uploaded[device])
        surely = uploaded - sum(1 for d, _ in given if d == device) - h.doubtful_claims
        if left < surely:
            v.add("key lost", f"{device}: {left} left, at least {surely} expected of {uploaded}")
    v.checked["claimed keys"] = len(h.claims)


def check_names(h, v):
    for name, owners in h.names.items():
        if len(set(owners)) > 1:
            v.add("name twice", f"{name}: {', '.join(owners)}")
    for what in h.names_lost:
        v.add("name lost", what)
    v.checked["names"] = len(h.names)


def check_device_messages(h, v):
    for device, texts in h.device_seen.items():
        last = collections.defaultdict(int)
        for text, times in collections.Counter(texts).items():
            if times > 1:
                v.add("to-device doubled", f"{device}: {text}")
        for text in texts:
            sender, _, number = text.rpartition(" ")
            if int(number) < last[sender]:
                v.add("to-device out of order", f"{device}: {text} after {last[sender]}")
            last[sender] = max(last[sender], int(number))
    seen = {device: set(texts) for device, texts in h.device_seen.items()}
    for m in h.device_messages.values():
        for device in m.devices if m.acknowledged else ():
            v.checked["(device, message)"] += 1
            if m.text not in seen.get(device, ()):
                v.add("to-device lost", f"{device}: {m.text}")


def check_account_data(h, v):
    """Writing it has no transaction id: an attempt that had no answer may be carried out at any time later, for all that a server can know. Such numbers are let pass."""
    for read in h.reads:
        if read.found < read.acknowledged and (read.user, read.found) not in h.may_come_late:
            v.add("account data old", f"{read.user}: {read.found} read, {read.acknowledged} acknowledged before")
    for reader in h.readers:
        for type, numbers in reader.account_data.items():
            for before, after in zip(numbers, numbers[1:]):
                if after < before and (reader.user, after) not in h.may_come_late:
                    v.add("account data old", f"{reader.name}: {type} went from {before} to {after}")
    v.checked["reads of account data"] = len(h.reads)


def check_rest(h, v):
    for event in h.redacted & h.still_readable:
        v.add("redaction lost", event)
    v.checked["redactions"] = len(h.redacted)
    for (server, user), rooms in h.rooms_of.items():
        for room in {r for u, r in h.joined if u == user} - set(rooms):
            v.add("room lost", f"{room} of {user} on {server}")
    for what in h.stuck:
        v.add("stuck", what)
    for what in h.wrong:
        v.add("wrong answer", what)
