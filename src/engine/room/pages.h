/* A room's state events in the cache (engine/hot.h): reading a cold room asks the store for each of them, and so for one per member; from here it asks for
 * those that are new.
 *
 * The proof: what the state is, is always the store's to say: the state log names the events by their places. An event that was durable once is the same for
 * ever, as long as nobody redacts it; the redaction of one that is still in the state writes its position into the room's row, and pages of before do not
 * count. What is not in the state any more is never asked for.
 *
 * Pages are only ever added: one for each eighth of the room that changes, and after some of them all is written anew, so that a change costs an event or two
 * written to the cache, however many members there are. After redactions all is written anew, too, but not sooner than some minutes after the last time:
 * anybody may redact what is hers, again and again. Each page counts for itself: one that is lost is read from the store. */
#ifndef ROOKERY_ENGINE_ROOM_PAGES_H
#define ROOKERY_ENGINE_ROOM_PAGES_H

#include "engine/engine.h"

struct room;

/* Part of struct room. */
struct room_pages {
    unsigned count, added; /* pages; those of them that were added since all was written */
    int64_t upto;          /* state events of this position or older are in them */
    int64_t since_ms;      /* when all was written; 0: never, or so that it may be again */
    size_t fresh;          /* state events that are not in them */
};

/* What pages have. */
struct page_bag {
    const struct row **row; /* by ord */
    size_t count, cap;
    unsigned pages;
    int64_t newest; /* position */
};

/* Waits: then turn_resumed tells whether the turn may go on. */
void pages_read(struct turn *t, struct arena *a, const struct room *room, struct page_bag *out);
/* NULL: it has none. */
const struct row *page_bag_find(const struct page_bag *b, int64_t ord);
/* The room's state has been read; `oldest` is the position of the oldest that was not in the bag, INT64_MAX: all were. */
void pages_know(struct turn *t, struct room *room, const struct page_bag *b, int64_t oldest);

/* An event of the state has been redacted. */
void pages_forget(struct room *room);
/* Tells the cache what is new, when it is time. Does not wait. */
void pages_keep(struct turn *t, struct room *room);

#endif
