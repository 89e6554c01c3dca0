"""Edits, reactions, threads, references: /relations, /threads, and what is bundled with events."""
import pytest

from harness.client import ids, timeline, unique

V1 = "/_matrix/client/v1/rooms/"


def reply(client, room, root, text="in thread", **more):
    return client.send(room, {"msgtype": "m.text", "body": text, "m.relates_to": {"rel_type": "m.thread", "event_id": root, **more}})


def react(client, room, event, key="👍"):
    return client.send(room, {"m.relates_to": {"rel_type": "m.annotation", "event_id": event, "key": key}}, "m.reaction")


def edit(client, room, event, text):
    return client.send(room, {"msgtype": "m.text", "body": "* " + text, "m.new_content": {"msgtype": "m.text", "body": text},
                              "m.relates_to": {"rel_type": "m.replace", "event_id": event}})


def refer(client, room, event):
    return client.send(room, {"m.relates_to": {"rel_type": "m.reference", "event_id": event}}, "org.example.ref")


def relations(client, room, event, *more, **query):
    return client.ok("GET", V1 + "/".join([room, "relations", event, *more]), query=query or None)


def bundled(event, rel_type):
    return event.get("unsigned", {}).get("m.relations", {}).get(rel_type)


def everywhere(client, room, event):
    """The event as each endpoint that bundles shows it."""
    shown = [client.event(room, event), next(e for e in client.history(room) if e["event_id"] == event),
             client.ok("GET", ("rooms", room, "context", event))["event"]]
    return shown + [e for e in timeline(client.sync(filter={"room": {"timeline": {"limit": 50}}}), room) if e["event_id"] == event]


# --- /relations ---

def test_relations(alice, bob, room):
    root = alice.say(room, "root")
    other = alice.say(room, "other")
    thread, reaction, edited, reference = reply(bob, room, root), react(bob, room, root), edit(alice, room, root, "new"), refer(bob, room, root)
    react(bob, room, other)
    assert ids(relations(alice, room, root)["chunk"]) == [reference, edited, reaction, thread], "newest first"
    assert ids(relations(alice, room, root, dir="f")["chunk"]) == [thread, reaction, edited, reference]
    assert ids(relations(alice, room, root, "m.thread")["chunk"]) == [thread]
    assert ids(relations(alice, room, root, "m.annotation", "m.reaction")["chunk"]) == [reaction]
    assert relations(alice, room, root, "m.annotation", "m.room.message")["chunk"] == []
    assert relations(alice, room, other, "m.thread")["chunk"] == []


@pytest.mark.parametrize("direction", ["b", "f"])
def test_paging(alice, room, direction):
    root = alice.say(room, "root")
    made = [reply(alice, room, root, str(n)) for n in range(7)]
    seen, start, pages = [], None, 0
    while True:
        page = relations(alice, room, root, "m.thread", limit=3, dir=direction, **({"from": start} if start else {}))
        seen += ids(page["chunk"])
        start, pages = page.get("next_batch"), pages + 1
        if not start:
            break
        assert pages < 6
    assert seen == (made[::-1] if direction == "b" else made)


def test_new_relations_do_not_disturb_paging(alice, room):
    root = alice.say(room, "root")
    made = [reply(alice, room, root, str(n)) for n in range(4)]
    page = relations(alice, room, root, limit=2)
    reply(alice, room, root, "late")
    rest = relations(alice, room, root, limit=10, **{"from": page["next_batch"]})
    assert ids(page["chunk"]) + ids(rest["chunk"]) == made[::-1]


def test_recurse(alice, room):
    root = alice.say(room, "root")
    child = reply(alice, room, root)
    grandchild = react(alice, room, child)
    assert ids(relations(alice, room, root)["chunk"]) == [child]
    deep = relations(alice, room, root, recurse="true")
    assert ids(deep["chunk"]) == [grandchild, child] and deep["recursion_depth"] >= 2


def test_permissions_and_unknown_events(alice, bob, carol, room):
    root = alice.say(room, "root")
    r = carol.call("GET", f"{V1}{room}/relations/{root}")
    assert r.status in (403, 404), r
    r = alice.call("GET", f"{V1}{room}/relations/${'A' * 43}")
    assert r.status == 404 and r.errcode == "M_NOT_FOUND", r
    alice.fails(400, "M_INVALID_PARAM", "GET", f"{V1}{room}/relations/{root}", query={"from": "nonsense"})
    alice.fails(400, "M_INVALID_PARAM", "GET", f"{V1}{room}/relations/{root}", query={"limit": "x"})


def test_relations_stay_in_their_room(alice, room):
    root = alice.say(room, "root")
    other = alice.create_room()
    r = alice.call("PUT", ("rooms", other, "send", "m.reaction", unique()), {"m.relates_to": {"rel_type": "m.annotation", "event_id": root, "key": "x"}})
    assert r.status in (200, 400, 404), r
    assert relations(alice, room, root)["chunk"] == []


@pytest.mark.parametrize("relation", [5, [], {}, {"rel_type": 5}, {"rel_type": "m.thread"}, {"event_id": 5, "rel_type": "m.thread"}, {"rel_type": "m.annotation", "event_id": "x"},
                                      {"rel_type": "x" * 300, "event_id": "$" + "A" * 43}, {"rel_type": "m.annotation", "event_id": "$" + "A" * 43, "key": "k" * 5000}])
def test_odd_relations(alice, room, relation):
    r = alice.call("PUT", ("rooms", room, "send", "org.example.odd", unique()), {"m.relates_to": relation})
    assert r.status in (200, 400), r
    alice.say(room, "goes on")


# --- edits ---

def test_edit(alice, bob, room):
    event = alice.say(room, "old")
    edit(alice, room, event, "newer")
    last = edit(alice, room, event, "newest")
    for shown in everywhere(bob, room, event):
        replaced = bundled(shown, "m.replace")
        assert replaced and replaced["event_id"] == last and replaced["content"]["m.new_content"]["body"] == "newest", shown
        assert shown["content"]["body"] == "old", "the original's content is not replaced"


def test_edits_of_others_do_not_count(alice, bob, room):
    event = alice.say(room, "old")
    bob.call("PUT", ("rooms", room, "send", "m.room.message", unique()),
             {"msgtype": "m.text", "body": "* evil", "m.new_content": {"body": "evil", "msgtype": "m.text"}, "m.relates_to": {"rel_type": "m.replace", "event_id": event}})
    assert bundled(bob.event(room, event), "m.replace") is None


def test_redacted_edit(alice, room):
    event = alice.say(room, "old")
    first, second = edit(alice, room, event, "1"), edit(alice, room, event, "2")
    alice.redact(room, second)
    assert bundled(alice.event(room, event), "m.replace")["event_id"] == first
    alice.redact(room, first)
    assert bundled(alice.event(room, event), "m.replace") is None


def test_an_edit_in_sync(alice, bob, room):
    event = alice.say(room, "old")
    since = bob.token_now()
    edited = edit(alice, room, event, "new")
    answer = bob.sync_until(lambda a: edited in ids(timeline(a, room)), since)
    assert ids(timeline(answer, room)) == [edited]


# --- reactions ---

def test_reactions(alice, bob, room):
    event = alice.say(room, "x")
    reaction = react(bob, room, event)
    react(alice, room, event)
    found = relations(alice, room, event, "m.annotation")["chunk"]
    assert {e["sender"] for e in found} == {alice.user_id, bob.user_id} and {e["content"]["m.relates_to"]["key"] for e in found} == {"👍"}
    bob.redact(room, reaction)
    left = relations(alice, room, event, "m.annotation")["chunk"]
    assert [e["sender"] for e in left] == [alice.user_id]


def test_the_same_reaction_twice(alice, bob, room):
    event = alice.say(room, "x")
    first = react(bob, room, event)
    path = ("rooms", room, "send", "m.reaction", unique())
    again = {"m.relates_to": {"rel_type": "m.annotation", "event_id": event, "key": "👍"}}
    bob.fails(400, "M_DUPLICATE_ANNOTATION", "PUT", path, again)
    react(bob, room, event, "👎")
    react(alice, room, event, "👍")
    bob.redact(room, first)
    react(bob, room, event, "👍")


# --- threads ---

def test_thread_summary(alice, bob, carol, room):
    carol.join(room)
    root = alice.say(room, "root")
    assert bundled(bob.event(room, root), "m.thread") is None
    reply(alice, room, root, "1")
    last = reply(bob, room, root, "2")
    for reader, took_part in ((alice, True), (bob, True), (carol, False)):
        for shown in everywhere(reader, room, root):
            thread = bundled(shown, "m.thread")
            assert thread and thread["count"] == 2 and thread["latest_event"]["event_id"] == last, shown
            assert thread["current_user_participated"] is took_part
    bob.redact(room, last)
    assert bundled(alice.event(room, root), "m.thread")["count"] == 1


def test_latest_event_is_shown_edited(alice, room):
    root = alice.say(room, "root")
    last = reply(alice, room, root, "typo")
    edit(alice, room, last, "corrected")
    thread = bundled(alice.event(room, root), "m.thread")
    assert thread["count"] == 1 and thread["latest_event"]["event_id"] == last
    assert bundled(thread["latest_event"], "m.replace")["content"]["m.new_content"]["body"] == "corrected"


def test_threads(alice, bob, room):
    roots = [(alice, bob)[n % 2].say(room, f"root {n}") for n in range(4)]
    for root in roots:
        reply(alice, room, root)
    reply(bob, room, roots[0], "bump")
    url = f"{V1}{room}/threads"
    chunk = bob.ok("GET", url)["chunk"]
    assert ids(chunk) == [roots[0], roots[3], roots[2], roots[1]], "by the latest reply"
    assert all(bundled(e, "m.thread") for e in chunk)
    mine = bob.ok("GET", url, query={"include": "participated"})["chunk"]
    assert set(ids(mine)) == {roots[0], roots[1], roots[3]}, "sent the root or replied"
    page = bob.ok("GET", url, query={"limit": 3})
    rest = bob.ok("GET", url, query={"limit": 3, "from": page["next_batch"]})
    assert ids(page["chunk"]) + ids(rest["chunk"]) == ids(chunk) and not rest.get("next_batch")


def test_threads_refused(alice, carol, room):
    r = carol.call("GET", f"{V1}{room}/threads")
    assert r.status in (403, 404), r
    for query in ({"include": "nonsense"}, {"limit": "x"}, {"from": "nonsense"}):
        alice.fails(400, ("M_INVALID_PARAM", "M_BAD_JSON"), "GET", f"{V1}{room}/threads", query=query)


def test_no_threads_from_relations_that_are_no_roots(alice, room):
    """An event that itself relates to another is no root: the server refuses the reply, or shows no thread there."""
    root = alice.say(room, "root")
    child = reply(alice, room, root)
    r = alice.call("PUT", ("rooms", room, "send", "m.room.message", unique()),
                   {"msgtype": "m.text", "body": "x", "m.relates_to": {"rel_type": "m.thread", "event_id": child}})
    assert r.status in (200, 400), r
    if r.status == 400:
        assert bundled(alice.event(room, child), "m.thread") is None


# --- references ---

def test_references(alice, bob, room):
    event = alice.say(room, "x")
    one, two = refer(bob, room, event), refer(alice, room, event)
    for shown in everywhere(bob, room, event):
        assert {e["event_id"] for e in bundled(shown, "m.reference")["chunk"]} == {one, two}, shown


def test_bundles_hide_ignored_users(alice, bob, room):
    root = alice.say(room, "root")
    reply(alice, room, root, "mine")
    reply(bob, room, root, "bob's")
    alice.account_data("m.ignored_user_list", {"ignored_users": {bob.user_id: {}}})
    thread = bundled(alice.event(room, root), "m.thread")
    assert thread["count"] == 1 and thread["latest_event"]["sender"] == alice.user_id
