/* Messages from another node, as they arrive at a living cluster: calls, replies, letters, interest, deliveries, parts of large ones. Half of the slots are
 * this node's, the others are the sender's. An input is a batch: two bytes say how long a message is, then it comes; what is left over is the last one. */
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "broker/local/local.h"
#include "cluster/cluster_priv.h"
#include "cluster/wire.h"
#include "loop/loop_priv.h"
#include "store/memory/memory.h"

/* In place of the C library's, for libuv too: commands say what o'clock it was here when their sender heard of this node. It is always 1 s. */
int clock_gettime(clockid_t id, struct timespec *out)
{
    if (id != CLOCK_MONOTONIC && id != CLOCK_MONOTONIC_COARSE) return (int)syscall(SYS_clock_gettime, id, out);
    *out = (struct timespec){.tv_sec = 1};
    return 0;
}

enum { INPUTS_PER_LIFE = 2000, PEERS_EPOCH = 3 };

/* One life of the cluster: what inputs leave in it does not grow for ever. */
struct world {
    struct loop *loop;
    struct store *store;
    struct broker_exchange *exchange;
    struct broker *node, *peer;
    struct broker_hold hold[CLUSTER_SLOTS]; /* the peer's */
    struct cluster *cluster;
    unsigned inputs;
};

static enum err question(struct turn *t)
{
    struct str told;
    turn_follow(t, turn_entity(t)->key, 0);
    (void)turn_inherits(t, turn_entity(t), turn_arena(t), &told);
    turn_reply(t)->s[0] = turn_command(t)->s[0];
    return ERR_OK;
}

static enum err change(struct turn *t)
{
    struct row row = {.table = T_profile};
    row.c[C_profile_user_id].s = turn_entity(t)->key;
    row.c[C_profile_field].s = STR("field");
    row.c[C_profile_json].s = STR("1");
    turn_put(t, &row);
    return turn_ready(t);
}

static void encode_item(const struct item *i, struct buf *b)
{
    (void)i, (void)b;
}

static void free_item(struct item *i)
{
    mem_free(i);
}

static struct item *decode_item(void *engine, unsigned kind, struct str key, int64_t position, struct str bytes)
{
    (void)engine, (void)kind, (void)bytes;
    struct item *i = mem_zero(sizeof *i + key.n);
    char *copy = (char *)(i + 1);
    if (key.n) memcpy(copy, key.p, key.n);
    *i = (struct item){.refs = 1, .position = position, .key = str_make(copy, key.n), .free = free_item};
    return i;
}

static void delivered(void *engine, struct loop *gateway, const struct delivery *d)
{
    (void)engine, (void)gateway;
    if (d->slot >= CLUSTER_SLOTS) abort();
}

static void held(struct broker_hold *h)
{
    (void)h;
}
static void records(struct broker_hold *h, const struct broker_record *r, size_t count)
{
    (void)h, (void)r, (void)count;
}
static void lost(struct broker_hold *h, enum err why)
{
    (void)h, (void)why;
}

static void settle(struct world *w)
{
    for (unsigned n = 0; n < 4 || atomic_load(&w->loop->inbox) || w->loop->deferred; n++)
        loop_poll(w->loop);
}

/* It has the odd slots, and says so. */
static void start_peer(struct world *w)
{
    struct node_view view = {.loops = 1, .leaving = true, .clock_ms = 1000};
    struct buf b;
    for (unsigned i = 1; i < CLUSTER_SLOTS; i += 2) {
        w->hold[i] = (struct broker_hold){.loop = w->loop, .slot = i, .held = held, .records = records, .lost = lost};
        broker_subscribe(w->peer, &w->hold[i]);
        view.stands[i] = STANDS_OPEN + PEERS_EPOCH;
    }
    buf_init(&b, BROKER_ANNOUNCEMENT_MAX);
    announcement_encode(&b, &view);
    broker_announce(w->peer, buf_str(&b));
    buf_release(&b);
}

static struct world *world_new(void)
{
    static const struct command_spec commands[] = {{"question", 0, true, question}, {"change", 0, false, change}};
    static const struct entity_kind kinds[] = {{.name = "thing", .warm_max = 100}};
    struct world *w = mem_zero(sizeof *w);
    log_setup((enum log_level)(LOG_ERROR + 1), false);
    w->loop = loop_new(0);
    w->store = store_memory_new();
    w->exchange = broker_exchange_new();
    if (broker_local_attach(w->exchange, STR("peer"), &w->peer, NULL) != ERR_OK) abort();
    if (broker_local_attach(w->exchange, STR("node"), &w->node, NULL) != ERR_OK) abort();
    start_peer(w);
    struct cluster_config config = {.loop = &w->loop,
                                    .loops = 1,
                                    .store = w->store,
                                    .broker = w->node,
                                    .journal = JOURNAL_QUEUE,
                                    .clock = &clock_system,
                                    .kind = kinds,
                                    .kinds = 1,
                                    .command = commands,
                                    .commands = 2,
                                    .delivered = delivered,
                                    .item_encode = encode_item,
                                    .item_decode = decode_item};
    struct fault f = {0};
    if (cluster_new(&config, &w->cluster, &f) != ERR_OK) abort();
    settle(w);
    struct cluster_stats st;
    cluster_stats(w->cluster, &st);
    if (st.slots_open != CLUSTER_SLOTS / 2) abort();
    return w;
}

static void world_free(struct world *w)
{
    broker_close(w->node);
    broker_close(w->peer);
    w->store->ops->close(w->store);
    cluster_free(w->cluster);
    loop_free(w->loop);
    broker_exchange_free(w->exchange);
    mem_free(w);
}

static size_t cut(struct str in, struct str *message)
{
    size_t count = 0;
    while (in.n > 2 && count < BROKER_BATCH_MAX) {
        size_t n = (size_t)(unsigned char)in.p[0] << 8 | (unsigned char)in.p[1];
        in = str_from(in, 2);
        message[count] = str_first(in, n < in.n ? n : in.n);
        in = str_from(in, message[count++].n);
    }
    return count;
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);
int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    static struct world *w;
    struct str message[BROKER_BATCH_MAX];
    if (w && w->inputs == INPUTS_PER_LIFE) {
        world_free(w);
        w = NULL;
    }
    if (!w) w = world_new();
    w->inputs++;
    size_t count = cut(str_make((const char *)data, size), message);
    if (count) broker_send(w->peer, STR("node"), 0, message, count);
    settle(w);
    return 0;
}
