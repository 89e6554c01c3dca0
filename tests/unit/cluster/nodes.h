/* Several nodes in one thread: each a cluster on loops of its own, all on one store and one exchange. The test lets them run, one after
 * another, moves the clock, and lets nodes die, leave, be taken for dead, or stand still.
 *
 * Of the nodes that live, the one that started first comes first for the slots 30 and 31: the names are chosen so. */
#ifndef ROOKERY_TESTS_CLUSTER_NODES_H
#define ROOKERY_TESTS_CLUSTER_NODES_H

#include "broker/faulty.h"
#include "broker/local/local.h"
#include "broker_amqp.h"
#include "unit/cluster/toy.h"

enum { NODES = 3, NODE_LOOPS = 2 };

struct node {
    struct toy_scene toy; /* first */
    struct broker *broker, *local;
    bool on_rabbit;
    bool alive, still; /* still: its loops do not run */
    char name[32];
    /* of what it sends: so many messages of a kind, about a slot or all (CLUSTER_SLOTS), are lost */
    unsigned lose_kind, lose_slot, lose_count, lost;
};

struct nodes {
    struct store *store, *faulty;
    struct broker_exchange *exchange;
    struct rabbitmq *rabbit; /* instead of the exchange, and in real time; NULL: not */
    struct node node[NODES];
    struct arena arena;
    unsigned names;
    bool any_names;               /* it does not matter who comes first */
    bool unique;                  /* no thing is brought twice */
    struct cluster_config config; /* what the nodes have in common */
};

static inline struct scene *scene_of(struct nodes *n, unsigned i)
{
    return &n->node[i].toy.scene;
}
static inline struct slot *slot_at(struct nodes *n, unsigned i, struct str key)
{
    return &scene_of(n, i)->cluster->slot[cluster_slot_of(key)];
}

static inline void gate_done_nothing(struct store_batch *b)
{
    (void)b;
}

/* --- lives --- */

/* Would a node of this name come after all that live, for the slot? */
static inline bool comes_last(struct nodes *n, const char *name, unsigned slot)
{
    struct view *v = mem_zero(sizeof *v + (NODES + 1) * sizeof v->node[0]);
    snprintf(v->node[0].name, sizeof v->node[0].name, "%s", name);
    v->node[0].self = true;
    v->count = 1;
    for (unsigned i = 0; i < NODES; i++)
        if (n->node[i].alive) snprintf(v->node[v->count++].name, sizeof n->node[i].name, "%s", n->node[i].name);
    unsigned rank = view_rank(v, slot, NULL);
    bool last = rank == v->count - 1;
    mem_free(v);
    return last;
}

static inline void node_name(struct nodes *n, unsigned i, bool any)
{
    char name[sizeof n->node[i].name];
    do
        snprintf(name, sizeof name, "node-%u-%u", i, n->names++);
    while (!any && !(comes_last(n, name, 30) && comes_last(n, name, 31)));
    memcpy(n->node[i].name, name, sizeof name);
}

static inline bool node_loses(void *arg, struct str message)
{
    struct node *node = arg;
    bool lost = node->lose_count && (unsigned char)message.p[0] == node->lose_kind &&
                (node->lose_slot == CLUSTER_SLOTS || (unsigned char)message.p[1] == node->lose_slot);
    if (lost) node->lose_count--, node->lost++;
    return lost;
}

/* The next messages of this kind that the node sends are lost. Returns how many were lost by the order before. */
static inline unsigned lose_next(struct nodes *n, unsigned i, unsigned kind, unsigned slot, unsigned count)
{
    struct node *node = &n->node[i];
    unsigned lost = node->lost;
    node->lose_kind = kind;
    node->lose_slot = slot;
    node->lose_count = count;
    node->lost = 0;
    return lost;
}
static inline unsigned lose_none(struct nodes *n, unsigned i)
{
    return lose_next(n, i, 0, 0, 0);
}

/* The broker takes it for dead, which it does not know. */
static inline void node_expel(struct node *node)
{
    if (node->on_rabbit)
        broker_amqp_break(node->local);
    else
        broker_local_expel(node->local);
}

static inline void node_start(struct nodes *n, unsigned i)
{
    struct node *node = &n->node[i];
    struct scene *x = &node->toy.scene;
    node_name(n, i, n->any_names);
    node->on_rabbit = n->rabbit != NULL;
    enum err e = n->rabbit ? broker_amqp_attach(&n->rabbit->config, str_c(node->name), &node->local, NULL)
                           : broker_local_attach(n->exchange, str_c(node->name), &node->local, NULL);
    assert_int_equal(e, ERR_OK);
    node->broker = broker_faulty_new(node->local);
    node->lose_count = node->lost = 0;
    broker_faulty_lose_if(node->broker, node_loses, node);
    x->config = n->config;
    x->config.loop = x->loop;
    x->config.engine = x;
    x->config.broker = node->broker;
    x->own = &node->toy.toy;
    node->toy.toy.unique = n->unique;
    x->inside = n->store;
    x->faulty = n->faulty;
    if (x->lives == 0) list_init(&x->asks);
    scene_make_loops(x);
    scene_make_cluster(x);
    node->alive = true;
    node->still = false;
}

/* Nothing of it reaches the store any more, and its loops never run again. Asks that are open stay so. */
static inline void node_die(struct nodes *n, unsigned i)
{
    struct node *node = &n->node[i];
    struct scene *x = &node->toy.scene;
    node->alive = false;
    node->still = true;
    /* Its fibers unwind on a store and a broker that say no to all; what they say then, nobody hears. */
    gate_kill(x->gate);
    if (node->on_rabbit)
        broker_amqp_cut(node->local);
    else
        broker_local_expel(node->local);
    broker_faulty_refuse_all(node->broker, true);
    cluster_leave(x->cluster);
    scene_settle(x);
    for (unsigned k = 0; !asks_are_done(x); k++) {
        assert_true(k < 20);
        scene_skip(x, LETTER_PATIENCE_MS);
    }
    broker_close(node->broker);
    scene_end_life(x);
}

static inline void nodes_init(struct nodes *n)
{
    log_setup((enum log_level)(LOG_ERROR + 1), false);
    n->store = store_memory_new();
    n->faulty = store_faulty_new(n->store);
    n->exchange = broker_exchange_new();
    n->config = (struct cluster_config){.loops = NODE_LOOPS,
                                        .clock = &scene_clock,
                                        .kind = toy_kinds,
                                        .kinds = TOY_KINDS,
                                        .command = toy_commands,
                                        .commands = TOY_COMMANDS,
                                        .delivered = scene_delivered,
                                        .item_encode = scene_item_encode,
                                        .item_decode = scene_item_decode};
    arena_init(&n->arena);
}

static inline void nodes_release(struct nodes *n)
{
    for (unsigned i = 0; i < NODES; i++) {
        struct scene *x = scene_of(n, i);
        if (n->node[i].alive) node_die(n, i);
        while (x->lives && !list_is_empty(&x->asks))
            ask_free(list_item(x->asks.next, struct ask, link));
        assert_int_equal(n->node[i].toy.toy.doubled, 0);
        assert_int_equal(n->node[i].toy.toy.overtaken, 0);
        assert_int_equal(n->node[i].toy.toy.diverged, 0);
    }
    n->faulty->ops->close(n->faulty);
    broker_exchange_free(n->exchange);
    if (n->rabbit) atomic_store(&time_is_real, false);
    mem_free(n->rabbit);
    arena_release(&n->arena);
}

/* Before any of them starts. */
static inline void nodes_on_rabbitmq(struct nodes *n)
{
    n->rabbit = rabbitmq_open();
    atomic_store(&time_is_real, true);
}

/* --- letting things happen --- */

static inline bool nodes_are_idle(struct nodes *n)
{
    for (unsigned i = 0; i < NODES; i++)
        if (!n->node[i].still && n->node[i].alive && !scene_is_idle(scene_of(n, i))) return false;
    return true;
}

static inline void nodes_settle(struct nodes *n)
{
    for (unsigned k = 0; k < 2 || !nodes_are_idle(n); k++) {
        assert_true(k < 100000); /* they never come to rest */
        for (unsigned i = 0; i < NODES; i++)
            if (!n->node[i].still && n->node[i].alive) scene_poll(scene_of(n, i));
    }
}

static inline void nodes_skip(struct nodes *n, int64_t ms)
{
    for (int64_t step; ms > 0; ms -= step) {
        step = time_step(ms);
        time_passes(step);
        nodes_settle(n);
    }
}

/* Asks at a node, and has the answer without the clock. */
static inline enum err tell_at(struct nodes *n, unsigned i, struct command cmd, struct reply *reply)
{
    struct ask *a = ask(scene_of(n, i), cmd);
    nodes_settle(n);
    for (unsigned k = 0; n->rabbit && !a->done && k < 2000; k++)
        nodes_skip(n, 5);
    assert_true(a->done);
    if (reply) *reply = a->reply;
    return a->reply.err;
}

static inline unsigned open_at(struct nodes *n, unsigned i)
{
    struct cluster_stats st;
    cluster_stats(scene_of(n, i)->cluster, &st);
    return (unsigned)st.slots_open;
}

/* Each slot is open at one node, and each of the first `nodes` has its share. */
static inline void assert_shared(struct nodes *n, unsigned nodes)
{
    unsigned sum = 0;
    for (unsigned i = 0; i < nodes; i++) {
        if (!n->node[i].alive) continue;
        assert_in_range(open_at(n, i), nodes == 1 ? CLUSTER_SLOTS : 8, CLUSTER_SLOTS);
        sum += open_at(n, i);
    }
    assert_int_equal(sum, CLUSTER_SLOTS);
}

/* The node whose slot of this key is open; NODES: none is. Two never are, unless one stands still. */
static inline unsigned owner_of(struct nodes *n, struct str key)
{
    unsigned owner = NODES;
    for (unsigned i = 0; i < NODES; i++) {
        if (!n->node[i].alive || n->node[i].still || slot_at(n, i, key)->state != SLOT_OPEN) continue;
        assert_int_equal(owner, NODES);
        owner = i;
    }
    return owner;
}

/* How many things are in the box, and their sum, at this node. */
static inline int64_t count_at(struct nodes *n, unsigned i, struct str box)
{
    struct reply reply;
    assert_int_equal(tell_at(n, i, list_of(box), &reply), ERR_OK);
    return reply.num[0];
}
static inline int64_t sum_at(struct nodes *n, unsigned i, struct str box)
{
    struct reply reply;
    assert_int_equal(tell_at(n, i, list_of(box), &reply), ERR_OK);
    return reply.num[1];
}

static inline struct broker_stats stats_of(struct nodes *n, unsigned i)
{
    struct broker_stats st;
    broker_stats(n->node[i].broker, &st);
    return st;
}

static inline struct store_slot stands(struct nodes *n, unsigned slot)
{
    struct store_slot at;
    assert_int_equal(store_stands(n->store, slot, &at), ERR_OK);
    return at;
}

/* Letters that a node had sent, and that nobody has received when it dies, go from the next one: once each, in order. */
static inline void check_letters_go_from_the_next(struct nodes *n, struct str box, struct str other)
{
    for (int64_t i = 1; i <= 5; i++)
        assert_int_equal(tell_at(n, 0, move(box, other, i, 1), NULL), ERR_OK);
    n->node[0].toy.toy.take_failures = 1000;
    n->node[0].toy.toy.take_error = ERR_UNAVAILABLE;
    for (int64_t i = 6; i <= 10; i++)
        ask(scene_of(n, 0), move(box, other, i, 1));
    nodes_settle(n);
    assert_int_equal(count_at(n, 0, other), 5);
    node_die(n, 0);
    nodes_skip(n, 2000);
    assert_int_equal(count_at(n, 1, other), 10);
    assert_int_equal(sum_at(n, 1, box), -10);
    assert_int_equal(sum_at(n, 1, other), 10);
}

/* Two of them, the first of which has slots 30 and 31; the other one waits for them. */
static inline void nodes_start_two(struct nodes *n)
{
    for (unsigned i = 0; i < 2; i++) {
        node_start(n, i);
        nodes_settle(n);
    }
    nodes_skip(n, 1100);
}

/* --- the life of a test's nodes --- */

/* None has started yet. Their journal is the queue. The teardown frees them. */
static inline struct nodes *nodes_on_queues(void)
{
    struct nodes *n = mem_zero(sizeof *n);
    nodes_init(n);
    n->config.journal = JOURNAL_QUEUE;
    return n;
}

/* Three, which have shared the slots; slot 30 is node 0's. */
static inline struct nodes *nodes_three_on_queues(void)
{
    struct nodes *n = nodes_on_queues();
    n->unique = true;
    nodes_start_two(n);
    node_start(n, 2);
    nodes_skip(n, 3500);
    return n;
}

static inline int nodes_teardown(void **state)
{
    nodes_release(*state);
    mem_free(*state);
    return 0;
}

#endif
