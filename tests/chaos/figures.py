"""Latencies, and the longest pause of each fault."""
import bisect
import dataclasses

BUCKETS_MS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 30000)


def histogram(seconds):
    counts = [0] * (len(BUCKETS_MS) + 1)
    for s in seconds:
        counts[bisect.bisect_left(BUCKETS_MS, s * 1000)] += 1
    ordered = sorted(seconds)
    at = lambda q: round(1000 * ordered[min(len(ordered) - 1, int(q * len(ordered)))], 1) if ordered else None  # noqa: E731
    names = [f"<= {b} ms" for b in BUCKETS_MS] + ["more"]
    return {"count": len(seconds), "p50_ms": at(0.5), "p99_ms": at(0.99), "max_ms": at(1), "histogram": dict(zip(names, counts))}


def deliveries(history):
    """(acknowledged, seconds until the slowest reader that followed by itself had it)"""
    latest = {}
    for reader in history.readers:
        for event, when in reader.arrived.items():
            latest[event] = max(when, latest.get(event, 0))
    return [(m.acknowledged, max(0.0, latest[m.event_id] - m.acknowledged)) for m in history.messages.values() if m.event_id in latest]


def longest_within(intervals, begin, end):
    return round(max((min(b, end) - max(a, begin) for a, b in intervals if a < end and b > begin), default=0), 3)


def failed_within(failures, begin, end):
    """What users saw fail. What began earlier is another fault's."""
    return sum(f.at_front and f.how != 429 and begin <= f.began and f.ended < end for f in failures)


def timeouts_within(failures, begin, end):
    """Those among them that the client gave up: the server's answer was late, which may be the machine's other work."""
    return failed_within([f for f in failures if f.how == "timeout"], begin, end)


def cut_within(failures, begin, end):
    """Users' /syncs whose connection ended, and those that waited when the fault began and were refused before their time was over."""
    ended = [f for f in failures if f.at_front and f.wait and f.how != "timeout" and begin <= f.ended < end]
    return sum(not isinstance(f.how, int) or (f.began < begin and f.seconds < f.wait) for f in ended)


def pauses(history, marks, failures):
    """Per fault: the longest that somebody waited for an acknowledgement or for a message, as far as it was between its beginning and that of the next one; and the requests that failed."""
    sends = [(m.began, m.acknowledged) for m in history.messages.values() if m.acknowledged and m.at_front]
    seen = [(a, a + s) for a, s in deliveries(history)]
    acknowledged = sorted(a for _, a in sends)
    table = []
    for i, (begin, name) in enumerate(marks):
        end = marks[i + 1][0] if i + 1 < len(marks) else float("inf")
        inside = [a for a in acknowledged if begin <= a < end]
        table.append({"fault": name,
                      "send_s": longest_within(sends, begin, end), "delivery_s": longest_within(seen, begin, end),
                      "silence_s": round(max((b - a for a, b in zip(inside, inside[1:])), default=0), 3),
                      "acknowledged": len(inside), "failed": failed_within(failures, begin, end),
                      "timeouts": timeouts_within(failures, begin, end), "syncs_cut": cut_within(failures, begin, end)})
    return table


def slowest(history, most=12):
    """For who looks for the reason: messages that came late, and what their reader asked meanwhile."""
    by_event = {m.event_id: m for m in history.messages.values() if m.event_id}
    late = sorted(((when - by_event[e].acknowledged, r, e) for r in history.readers for e, when in r.arrived.items() if e in by_event), key=lambda x: -x[0])
    return [{"reader": r.name, "event": e, "room": by_event[e].room, "acknowledged": round(by_event[e].acknowledged, 3), "arrived": round(r.arrived[e], 3),
             "asked": [(round(a, 3), round(b, 3), status) for a, b, status in r.asked if a <= r.arrived[e] and b >= by_event[e].acknowledged][:12]}
            for _, r, e in late[:most]]


def result(world, verdict):
    h = world.history
    return {"seed": world.seed, "good": verdict.good, "counts": verdict.count, "examples": verdict.examples, "checked": verdict.checked,
            "failures": [dataclasses.asdict(f) for f in world.caller.failures],
            "statuses": {str(k): n for k, n in world.caller.statuses.items()}, "doubtful_claims": h.doubtful_claims,
            "readers": len(h.readers), "rooms": len(world.rooms), "messages": len(h.messages),
            "pauses": pauses(h, world.marks, world.caller.failures), "marks": [(round(when, 3), name) for when, name in world.marks], "slowest": slowest(h),
            "send": histogram([m.acknowledged - m.began for m in h.messages.values() if m.acknowledged]),
            "delivery": histogram([d for _, d in deliveries(h)])}
