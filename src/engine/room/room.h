/* A room in its owner's memory: its state, the newest events, receipts, who typed, whose devices changed.
 *
 * Loaded from rows when first asked for, and then always what the rows (durable or under way) say. Only turns of its slot
 * touch it. Readers that need history beyond the tail read rows. */
#ifndef ROOKERY_ENGINE_ROOM_ROOM_H
#define ROOKERY_ENGINE_ROOM_ROOM_H

#include "base/map.h"
#include "engine/room/event.h"
#include "engine/room/pages.h"
#include "engine/room/presence.h"
#include "engine/room/txns.h"
#include "matrix/auth.h"
#include "matrix/power.h"

enum { ROOM_TAIL = 64 };

struct state_content {
    struct arena arena;
    struct json *tree;
};

/* One current state event; `recent` is ordered by the newest change. */
struct state_entry {
    struct list recent;
    struct event *event;
    struct state_content *content;  /* parsed on first use, but of members; see room_content. NULL: not yet */
    struct unread_memo *unread;     /* of a member; NULL: not counted yet */
    struct presence_mark *presence; /* of a member; NULL: not told */
    size_t key_n;
    char key[]; /* type, 0, state key: the key of the map */
};

/* The state key, which lives as long as the entry. */
struct str state_entry_key(const struct state_entry *s);

struct receipt {
    struct list recent;
    struct str user_id, type, thread, event_id; /* in bytes */
    int64_t ord, ts, position;
    char bytes[]; /* user id, 0, type, 0, thread: the key of the map; then the event id */
};

struct typist {
    struct list link;
    int64_t until_ms;
    size_t n;
    char user_id[];
};

struct device_mark {
    struct list recent;
    int64_t position;
    size_t n;
    char user_id[];
};

/* A user's unread counts as they were last computed, so that the next time only what came since is looked at. Forgotten when the user reads,
 * and when events that were counted change. */
struct unread_memo {
    int64_t as_of;      /* events up to this position are in it */
    int64_t from, main; /* where the user had read to: everywhere, in the main timeline */
    uint64_t rules;     /* hash of the user's stored push rules; 0: none */
    int32_t notify, highlight;
};

struct room {
    const struct room_version *version;
    struct str room_id; /* the entity's */
    struct str creator, room_type;
    int64_t created_ms;
    bool is_public;    /* in the directory */
    int64_t rewritten; /* position of the newest redaction of what was current state; 0: none. In the room's row */
    struct room_pages pages;
    struct map state;
    struct list recent_state; /* newest change first */
    size_t joined, invited;
    struct power_levels *power;
    struct arena power_arena;
    struct event *tail[ROOM_TAIL]; /* oldest first; all events from tail[0] on */
    size_t tail_count;
    int64_t first_ord; /* of the room's first event, when the whole room is in the tail; else -1 */
    int64_t last_event_position;
    struct str last_event_id; /* of the newest event: what the next one names in prev_events */
    char last_event_id_bytes[256];
    int64_t depth;
    struct txns txns; /* of the requests that made its events */
    struct map receipts;
    struct list recent_receipts; /* newest first */
    struct map devices;
    struct list recent_devices; /* newest first */
    int64_t relation_ord;       /* no event after this one relates to another: those after it have no children */
    struct room_presence presence;
    uint64_t unread_changes; /* counts what makes memos void: a count that was under way meanwhile is not kept */
    struct list typing;
    int64_t typing_position; /* of the newest change; 0: none since it was loaded */
    struct timer typing_timer;
    struct engine *engine; /* for what happens by itself: typing that ends */
    struct loop *loop;
};

/* The room of the turn's entity, or of another entity of the slot. NOT_FOUND when there is none. Waits when it is cold. `locked`: the
 * turn holds the entity's lock (a change of it); queries do not. */
must_use enum err room_load(struct turn *t, struct entity *e, bool locked, struct room **out);
/* The room that the command is about. */
must_use enum err room_of_turn(struct turn *t, bool locked, struct room **out);
/* entity_kind's free_state. */
void room_free_state(void *state);
/* A new, empty room for the entity, not yet its state. */
struct room *room_new(struct turn *t, const struct room_version *v, struct str room_id, struct str creator, struct str room_type);

/* Writes the room's own row. */
void room_put_row(struct turn *t, const struct room *room);

/* Current state; NULL when there is none. */
struct event *room_state(const struct room *r, struct str type, struct str state_key);
struct state_entry *room_state_entry(const struct room *r, struct str type, struct str state_key);
/* Is it, as it was or redacted, in the current state? */
bool room_state_has(const struct room *r, const struct event *e);
/* Parsed content of current state, kept with it; NULL when there is none. There are many members, and most are never asked for: theirs is not
 * kept, but made in `scratch` (which may be NULL for other types). */
const struct json *room_content(const struct room *r, struct arena *scratch, struct str type, struct str state_key);
enum membership room_membership(const struct room *r, struct str user_id);
enum history_visibility room_visibility(const struct room *r);
enum join_rule room_join_rule(const struct room *r);

/* --- taking changes into memory, after turn_ready. They take over nothing; events get a reference. --- */
void room_apply_event(struct room *r, struct event *e);
/* Replaces an event (redaction) wherever it is. */
void room_replace_event(struct room *r, struct event *e);
void room_apply_receipt(struct room *r, struct str user_id, struct str type, struct str thread, struct str event_id, int64_t ord,
                        int64_t ts, int64_t position);
struct receipt *room_receipt(const struct room *r, struct str user_id, struct str type, struct str thread);
/* Takes over nothing. */
void room_keep_unread(struct room *r, struct str user_id, const struct unread_memo *m);
void room_apply_device_mark(struct room *r, struct str user_id, int64_t position);

#endif
