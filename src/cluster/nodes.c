#include "cluster/nodes.h"

#include "base/log.h"
#include "cluster/cluster_priv.h"
#include "cluster/wire.h"
#include "matrix/id.h"

enum { ANNOUNCEMENT_FORMAT = 1, LEAVING = 1 };

struct nodes {
    struct cluster *cluster;
    _Atomic(uint64_t) stands[CLUSTER_SLOTS];
    atomic_bool leaving, due;
    struct task announce;
    struct broker_watch watch;
    struct view *view; /* the newest */
};

/* A view on its way to a home. */
struct news {
    struct task task;
    struct home *home;
    struct view *view;
};

/* --- announcements --- */

void announcement_encode(struct buf *b, const struct node_view *n)
{
    wire_put_uint(b, ANNOUNCEMENT_FORMAT);
    wire_put_uint(b, n->loops);
    wire_put_uint(b, n->leaving ? LEAVING : 0);
    for (unsigned i = 0; i < CLUSTER_SLOTS; i++)
        wire_put_uint(b, n->stands[i]);
    wire_put_int(b, n->clock_ms);
}

bool announcement_decode(struct str in, struct node_view *out)
{
    uint64_t format, loops, flags;
    if (!wire_get_uint(&in, &format) || !wire_get_uint(&in, &loops) || !wire_get_uint(&in, &flags)) return false;
    if (format < 1 || loops < 1 || loops > CLUSTER_LOOPS_MAX) return false;
    out->loops = (unsigned)loops;
    out->leaving = flags & LEAVING;
    for (unsigned i = 0; i < CLUSTER_SLOTS; i++)
        if (!wire_get_uint(&in, &out->stands[i]) || out->stands[i] > INT64_MAX) return false;
    out->clock_ms = 0;
    return str_empty(in) || wire_get_int(&in, &out->clock_ms); /* earlier programs do not say it, later ones may say more */
}

static void announce(struct task *task)
{
    struct nodes *n = list_item(task, struct nodes, announce);
    struct node_view self = {.loops = (unsigned)n->cluster->config.loops, .leaving = atomic_load(&n->leaving)};
    struct buf b;
    self.clock_ms = loop_now_ms(n->cluster->home[0].loop);
    atomic_store(&n->due, false); /* before reading: what changes from now on is announced once more */
    for (unsigned i = 0; i < CLUSTER_SLOTS; i++)
        self.stands[i] = atomic_load(&n->stands[i]);
    buf_init(&b, BROKER_ANNOUNCEMENT_MAX);
    announcement_encode(&b, &self);
    broker_announce(n->cluster->config.broker, buf_str(&b));
    buf_release(&b);
}

static void announce_soon(struct nodes *n)
{
    if (!atomic_exchange(&n->due, true)) loop_post(n->cluster->home[0].loop, &n->announce);
}

void nodes_say(struct nodes *n, unsigned slot, uint64_t stands)
{
    if (!n || atomic_exchange(&n->stands[slot], stands) == stands) return;
    announce_soon(n);
}

bool nodes_serves(const struct nodes *n, unsigned slot)
{
    return !n || atomic_load(&n->stands[slot]) >= STANDS_OPEN;
}

void nodes_say_leaving(struct nodes *n)
{
    if (n && !atomic_exchange(&n->leaving, true)) announce_soon(n);
}

/* --- views --- */

void view_unref(struct view *v)
{
    if (v && atomic_fetch_sub_explicit(&v->refs, 1, memory_order_acq_rel) == 1) mem_free(v);
}

int view_find(const struct view *v, struct str name)
{
    for (size_t i = 0; v && i < v->count; i++)
        if (str_eq(str_c(v->node[i].name), name)) return (int)i;
    return NODE_NOBODY;
}

/* The highest of all nodes' scores has the slot: so a node that comes or goes moves its own share only. */
static uint64_t score(const struct node_view *n, unsigned slot)
{
    char text[BROKER_NAME_MAX + 16];
    int len = snprintf(text, sizeof text, "%u:%s", slot, n->name);
    return id_hash(str_make(text, (size_t)len));
}

unsigned view_rank(const struct view *v, unsigned slot, int *first)
{
    uint64_t own = 0, best = 0;
    unsigned rank = 0;
    if (first) *first = NODE_NOBODY;
    for (size_t i = 0; i < v->count; i++)
        if (v->node[i].self) own = score(&v->node[i], slot);
    for (size_t i = 0; i < v->count; i++) {
        const struct node_view *n = &v->node[i];
        if (!n->name[0] || n->leaving) continue;
        uint64_t its = score(n, slot);
        if (!n->self && its > own) rank++;
        if (its < best) continue;
        best = its;
        if (first) *first = (int)i;
    }
    return rank;
}

static bool is_among(const struct broker_node *node, size_t count, struct str name)
{
    for (size_t i = 0; i < count; i++)
        if (str_eq(node[i].name, name)) return true;
    return false;
}

static void put_node(struct nodes *n, struct view *v, size_t at, const struct broker_node *from)
{
    struct node_view *out = &v->node[at];
    *out = (struct node_view){0};
    if (from->name.n > BROKER_NAME_MAX || !announcement_decode(from->announcement, out)) {
        log_event(LOG_WARN, "cluster", "a node's announcement cannot be read", "node=%.*s", STR_FMT(from->name));
        *out = (struct node_view){0};
        return;
    }
    memcpy(out->name, from->name.p, from->name.n);
    out->name[from->name.n] = 0;
    out->self = str_eq(from->name, broker_self(n->cluster->config.broker));
    v->others += !out->self;
}

/* Who was there keeps the number; who is new gets one that is free in the view before, too. */
static struct view *view_make(struct nodes *n, const struct broker_node *node, size_t count)
{
    const struct view *old = n->view;
    size_t most = (old ? old->count : 0) + count;
    if (most > NODES_MAX) most = NODES_MAX;
    struct view *v = mem_zero(sizeof *v + most * sizeof v->node[0]);
    atomic_init(&v->refs, 1);
    for (size_t i = 0; i < count; i++) {
        int at = view_find(old, node[i].name);
        for (size_t free = 0; at < 0 && free < most; free++)
            if (!v->node[free].name[0] && (!old || free >= old->count || !old->node[free].name[0])) at = (int)free;
        if (at < 0) {
            log_event(LOG_ERROR, "cluster", "too many nodes", "node=%.*s max=%d", STR_FMT(node[i].name), NODES_MAX);
            continue;
        }
        put_node(n, v, (size_t)at, &node[i]);
        if (v->count <= (size_t)at) v->count = (size_t)at + 1;
    }
    return v;
}

static void log_changes(const struct view *old, const struct broker_node *node, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (view_find(old, node[i].name) < 0) log_event(LOG_INFO, "cluster", "node has come", "node=%.*s", STR_FMT(node[i].name));
    for (size_t i = 0; old && i < old->count; i++)
        if (old->node[i].name[0] && !is_among(node, count, str_c(old->node[i].name)))
            log_event(LOG_INFO, "cluster", "node has gone", "node=%s", old->node[i].name);
}

static void bring(struct task *task)
{
    struct news *news = list_item(task, struct news, task);
    home_view_changed(news->home, news->view);
    mem_free(news);
}

static void changed(struct broker_watch *w, const struct broker_node *node, size_t count)
{
    struct nodes *n = list_item(w, struct nodes, watch);
    log_changes(n->view, node, count);
    struct view *v = view_make(n, node, count);
    view_unref(n->view);
    n->view = v;
    for (size_t i = 0; i < n->cluster->config.loops; i++) {
        struct news *news = mem_zero(sizeof *news);
        *news = (struct news){.task.run = bring, .home = &n->cluster->home[i], .view = v};
        atomic_fetch_add(&v->refs, 1);
        loop_post(news->home->loop, &news->task);
    }
}

static void begin(struct task *task)
{
    struct nodes *n = list_item(task, struct nodes, announce);
    n->announce.run = announce;
    broker_watch(n->cluster->config.broker, &n->watch);
    announce(&n->announce);
}

struct nodes *nodes_new(struct cluster *c)
{
    struct nodes *n = mem_zero(sizeof *n);
    n->cluster = c;
    n->watch = (struct broker_watch){.loop = c->home[0].loop, .changed = changed};
    n->announce.run = begin;
    atomic_init(&n->due, true);
    loop_post(c->home[0].loop, &n->announce);
    return n;
}

void nodes_free(struct nodes *n)
{
    if (!n) return;
    view_unref(n->view);
    mem_free(n);
}
