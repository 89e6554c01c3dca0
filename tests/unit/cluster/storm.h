/* Many asks at nodes that come and go, on a store and a broker that fail: in the end exactly what was acknowledged is there, and of the rest only
 * what got no definite answer. What goes wrong, and how often, each test says itself. */
#ifndef ROOKERY_TESTS_CLUSTER_STORM_H
#define ROOKERY_TESTS_CLUSTER_STORM_H

#include "unit/cluster/nodes.h"

enum { STORM_BOXES = 6, STORM_THINGS = 5000 };

struct storm {
    struct nodes *n;
    struct str box[STORM_BOXES];
    struct ask *ask[STORM_THINGS];
    unsigned in_box[STORM_THINGS];
    int64_t asked;
    bool moves;    /* things are moved from box to box, too: with letters */
    int64_t moved; /* that left a box */
};

static inline struct storm *storm_begin(unsigned seed, enum cluster_journal journal, bool moves)
{
    struct storm *s = mem_zero(sizeof *s);
    s->n = mem_zero(sizeof *s->n);
    s->moves = moves;
    dice_state = seed;
    nodes_init(s->n);
    s->n->any_names = s->n->unique = true;
    s->n->config.journal = journal;
    s->n->config.at_hand = toy_at_hand;
    s->n->config.at_hand_bytes = 40000; /* some boxes become too large for it */
    s->n->config.tick_ms = seed % 3 * 20;
    s->n->config.gather_ms = seed % 4 * 10;
    s->n->config.rest_ms = seed % 3 * 30;
    s->n->config.record_bytes = seed % 2 ? 2048 : 0;
    for (unsigned b = 0; b < STORM_BOXES; b++)
        s->box[b] = key_in_slot(&s->n->arena, 20 + b / 2, b);
    for (unsigned i = 0; i < NODES; i++)
        node_start(s->n, i);
    nodes_settle(s->n);
    return s;
}

static inline void storm_release(struct storm *s)
{
    nodes_release(s->n);
    mem_free(s->n);
    mem_free(s);
}

static inline void storm_ask(struct storm *s)
{
    unsigned b = dice(STORM_BOXES), i = dice(NODES);
    if (!s->n->node[i].alive || s->asked == STORM_THINGS) return;
    s->in_box[s->asked] = b;
    s->ask[s->asked] = ask_on(scene_of(s->n, i), dice(NODE_LOOPS), add(s->box[b], s->asked, 1));
    s->asked++;
    if (!s->moves || dice(4)) return;
    s->moved++;
    ask(scene_of(s->n, i), move(s->box[b], s->box[(b + 1 + dice(STORM_BOXES - 1)) % STORM_BOXES], STORM_THINGS + s->moved, 1));
}

static inline void storm_store(struct storm *s, unsigned i)
{
    struct gate *g = scene_of(s->n, i)->gate;
    switch (dice(5)) {
    case 0:
        g->hold = true;
        break;
    case 1:
        g->hold_reads = dice(2) ? GATE_READS_LATE : GATE_READS_STALE;
        break;
    case 2:
        store_faulty_fail_nth(s->n->faulty, dice(5));
        break;
    case 3:
        g->broken = g->broken ? ERR_OK : ERR_STORAGE;
        break;
    default:
        gate_open(g);
        break;
    }
}

static inline void storm_records(struct node *node)
{
    switch (dice(4)) {
    case 0:
        broker_faulty_drop_nth(node->broker, 1 + dice(10));
        break;
    case 1:
        broker_faulty_refuse_all(node->broker, dice(4) == 0);
        break;
    default:
        broker_faulty_publish_nth(node->broker, 1 + dice(20), (enum broker_publish_fault)dice(3));
        break;
    }
}

/* All live, run, and reach the store. */
static inline void storm_calm(struct storm *s)
{
    struct nodes *n = s->n;
    store_faulty_fail_nth(n->faulty, 0);
    for (unsigned i = 0; i < NODES; i++) {
        if (!n->node[i].alive) node_start(n, i);
        n->node[i].still = false;
        scene_of(n, i)->gate->broken = ERR_OK;
        gate_open(scene_of(n, i)->gate);
    }
}

/* After it: everybody has an answer, and one in `least` at the least was that it is done. Only the owner of the first box is left; returns which. */
static inline unsigned storm_survivor(struct storm *s, int64_t least, int64_t skip_ms)
{
    unsigned at = owner_of(s->n, s->box[0]);
    int64_t acked = 0;
    for (int64_t i = 0; i < s->asked; i++) {
        assert_true(s->ask[i]->done);
        acked += s->ask[i]->reply.err == ERR_OK;
    }
    assert_true(acked > s->asked / least); /* they did get something done */
    assert_true(at < NODES);
    for (unsigned i = 0; i < NODES; i++)
        if (i != at) node_die(s->n, i);
    nodes_skip(s->n, skip_ms);
    return at;
}

static inline void storm_check(struct storm *s, unsigned at)
{
    int64_t sum = 0, things = 0;
    for (unsigned b = 0; b < STORM_BOXES; b++) {
        struct reply reply;
        assert_int_equal(tell_at(s->n, at, list_of(s->box[b]), &reply), ERR_OK);
        const int64_t *id = (const int64_t *)(const void *)reply.s[0].p;
        int64_t found = 0;
        sum += reply.num[1];
        for (int64_t i = 0; i < s->asked; i++) {
            if (s->in_box[i] != b) continue;
            bool there = found < reply.num[0] && id[found] == i;
            if (s->ask[i]->reply.err == ERR_OK) assert_true(there);
            found += there;
        }
        if (!s->moves) assert_int_equal(found, reply.num[0]);
        things += found;
        for (; found < reply.num[0]; found++)
            assert_true(id[found] > STORM_THINGS);
    }
    assert_int_equal(sum, things); /* every letter took away one and brought one */
}

/* --- one after another --- */

static inline unsigned long from_environment(const char *name, unsigned long usual)
{
    const char *value = getenv(name);
    return value ? strtoul(value, NULL, 10) : usual;
}

/* STORM_SEED repeats one that failed; STORM_RUNS has more of them. */
static inline void storm_seeds(void (*storm_of_seed)(unsigned seed))
{
    unsigned long seed = from_environment("STORM_SEED", 1), runs = from_environment("STORM_RUNS", getenv("STORM_SEED") ? 1 : 10);
    for (; runs--; seed++) {
        print_message("seed %lu\n", seed);
        storm_of_seed((unsigned)seed);
    }
}

#endif
