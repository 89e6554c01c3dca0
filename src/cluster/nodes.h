/* The nodes of the cluster as this one sees them: who lives, and how each stands to every slot.
 *
 * Each node announces its standing at the broker; from what all announce a view is made on the first loop and handed to every home, whose thread
 * alone uses it. A node has the same number in all views while it lives, and its number goes to nobody else before a view without it has gone
 * round, so that what is kept by number can be dropped. */
#ifndef ROOKERY_CLUSTER_NODES_H
#define ROOKERY_CLUSTER_NODES_H

#include "base/buf.h"
#include "broker/broker.h"
#include "loop/loop.h"

enum { NODES_MAX = 256, NODE_SELF = -1, NODE_NOBODY = -2 };

/* How a node stands to a slot: a number that is announced. */
enum { STANDS_APART = 0, STANDS_WAITING = 1, STANDS_OPEN = 2 /* and the epoch that it opened */ };

struct node_view {
    char name[BROKER_NAME_MAX + 1]; /* empty: nobody has this number */
    unsigned loops;
    bool leaving, self;
    uint64_t stands[BROKER_SLOTS];
    int64_t clock_ms; /* its time, when it said that; 0: it does not tell */
};

struct view {
    atomic_uint refs;
    unsigned others; /* how many nodes live besides this one */
    size_t count;
    struct node_view node[];
};

struct cluster;
struct nodes;

/* Announces, and watches from now on; view_changed of every home follows. The broker is there. */
struct nodes *nodes_new(struct cluster *c);
/* When no callback comes any more. */
void nodes_free(struct nodes *n);
/* From any loop: what others see of this node and the slot. */
void nodes_say(struct nodes *n, unsigned slot, uint64_t stands);
/* From any thread: what was said last is that it is open here. */
bool nodes_serves(const struct nodes *n, unsigned slot);
/* Takes no slot any more, and wants the others to know. */
void nodes_say_leaving(struct nodes *n);

void view_unref(struct view *v);
/* The number of the node of this name, or NODE_NOBODY. */
int view_find(const struct view *v, struct str name);
/* How many nodes that are not leaving come before this one when the slot is given away; 0: it is this node's. `first`: the number of the one that comes
 * first of all, if not NULL; NODE_NOBODY when all are leaving. */
unsigned view_rank(const struct view *v, unsigned slot, int *first);

/* The announcement. For nodes.c and its tests. */
void announcement_encode(struct buf *b, const struct node_view *n);
must_use bool announcement_decode(struct str bytes, struct node_view *out);

#endif
