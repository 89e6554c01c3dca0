/* Three nodes with everything going wrong at once: messages lost, doubled and late, records refused or of unknown fate, the store away, nodes that die,
 * leave, stand still and are taken for dead. In the end what was acknowledged is there once, letters have moved what they should, memory is what the store
 * says, and whoever followed has heard of all or was told to look. */
#include "unit/cluster/ears.h"
#include "unit/cluster/storm.h"

enum { STORM_STEPS = 500 };

struct big {
    struct storm *storm;
    struct ears ears[STORM_BOXES];
};

static struct big *big_of_test;

/* A slot's chain is one for all its boxes. */
static void all_ears_hear(void *engine, struct loop *gateway, const struct delivery *d)
{
    for (unsigned b = 0; b < STORM_BOXES; b++) {
        ears_of_test = &big_of_test->ears[b];
        ear_hears(engine, gateway, d);
    }
}

static void storm_follow(struct big *x)
{
    unsigned i = dice(NODES), g = dice(NODE_LOOPS), b = dice(STORM_BOXES);
    struct ear *e = &x->ears[b].ear[i][g];
    if (!x->storm->n->node[i].alive || (e->follow && (!e->follow->done || e->follow->reply.err == ERR_OK))) return;
    ear_follow(&x->ears[b], i, g);
}

static void storm_messages(struct node *node)
{
    switch (dice(6)) {
    case 0:
        broker_faulty_lose_every(node->broker, dice(3) ? 2 + dice(20) : 0);
        break;
    case 1:
        broker_faulty_repeat_every(node->broker, dice(3) ? 1 + dice(5) : 0);
        break;
    case 2:
        broker_faulty_delay_ms(node->broker, dice(2) ? dice(400) : 0);
        break;
    default:
        node->lose_kind = POST_COMMAND + dice(POST_KINDS - POST_COMMAND);
        node->lose_slot = CLUSTER_SLOTS;
        node->lose_count = 1 + dice(5);
        break;
    }
}

static void kill_node(struct big *x, unsigned i)
{
    node_die(x->storm->n, i);
    for (unsigned b = 0; b < STORM_BOXES; b++)
        ears_forget(&x->ears[b], i);
}

static void storm_node(struct big *x, unsigned i)
{
    struct node *node = &x->storm->n->node[i];
    switch (dice(8)) {
    case 0:
        broker_local_expel(node->local);
        break;
    case 1:
    case 2:
        node->still = !node->still;
        break;
    case 3:
        if (dice(3)) break;
        cluster_leave(scene_of(x->storm->n, i)->cluster);
        nodes_skip(x->storm->n, dice(1500));
        kill_node(x, i);
        break;
    case 4:
        if (dice(2)) kill_node(x, i);
        break;
    default:
        node->still = false;
        break;
    }
}

static void storm_step(struct big *x)
{
    struct nodes *n = x->storm->n;
    unsigned i = dice(NODES);
    for (unsigned k = dice(8); k; k--)
        storm_ask(x->storm);
    storm_follow(x);
    if (!n->node[i].alive) {
        if (dice(3) == 0) node_start(n, i);
    } else {
        switch (dice(12)) {
        case 0:
        case 1:
            storm_messages(&n->node[i]);
            break;
        case 2:
            storm_records(&n->node[i]);
            break;
        case 3:
            storm_store(x->storm, i);
            break;
        case 4:
            storm_node(x, i);
            break;
        case 5:
        case 6:
            nodes_skip(n, dice(1500));
            break;
        default:
            break;
        }
    }
    nodes_settle(n);
}

static void calm_messages(struct nodes *n)
{
    for (unsigned i = 0; i < NODES; i++) {
        struct broker *b = n->node[i].broker;
        broker_faulty_lose_every(b, 0);
        broker_faulty_repeat_every(b, 0);
        broker_faulty_delay_ms(b, 0);
        broker_faulty_refuse_all(b, false);
        broker_faulty_drop_nth(b, 0);
        broker_faulty_publish_nth(b, 0, PUBLISH_REFUSED);
        lose_none(n, i);
    }
}

static void check_ears(const struct big *x)
{
    const struct storm *s = x->storm;
    for (int64_t i = 0; i < s->asked; i++)
        if (s->ask[i]->done && s->ask[i]->reply.err == ERR_OK) ears_check(&x->ears[s->in_box[i]], s->ask[i]);
}

static void storm_of_seed(unsigned seed)
{
    struct big *x = mem_zero(sizeof *x);
    struct storm *s = x->storm = storm_begin(seed, JOURNAL_QUEUE, true);
    big_of_test = x;
    for (unsigned b = 0; b < STORM_BOXES; b++)
        ears_init(&x->ears[b], s->n, s->box[b]);
    s->n->config.delivered = all_ears_hear;
    for (unsigned i = 0; i < NODES; i++)
        scene_of(s->n, i)->cluster->config.delivered = all_ears_hear;
    for (unsigned k = 0; k < STORM_STEPS; k++)
        storm_step(x);
    storm_calm(s);
    calm_messages(s->n);
    nodes_skip(s->n, CALL_PATIENCE_MS);
    nodes_skip(s->n, 40 * REOPEN_MS); /* openings that failed are tried more and more rarely */
    check_ears(x);
    for (unsigned k = 0; k < 30; k++)
        storm_ask(s);
    nodes_skip(s->n, 300); /* a tick, in steps of 100 */
    check_ears(x);
    unsigned at = storm_survivor(s, 20, 2 * REOPEN_MS + LETTER_PATIENCE_MS);
    storm_check(s, at);
    storm_release(s);
    mem_free(x);
}

static void nothing_is_lost_nor_twice_nor_unheard(void **state)
{
    (void)state;
    storm_seeds(storm_of_seed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_lost_nor_twice_nor_unheard),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
