/* The exchange, its nodes, and who watches them. */
#include "broker/local/local_priv.h"

struct broker_exchange *node_enter(struct broker *b)
{
    struct node *n = node_of(b);
    pthread_mutex_lock(&n->exchange->lock);
    if (n->away) {
        n->away = false;
        node_list_changed(n->exchange);
    }
    return n->exchange;
}

/* --- who is there --- */

void node_list_changed(struct broker_exchange *x)
{
    list_each(it, &x->nodes)
    {
        struct node *n = list_item(it, struct node, link);
        list_each(at, &n->lookouts)
        {
            struct lookout *l = list_item(at, struct lookout, link);
            if (!l->posted) loop_post(l->watch->loop, &l->task);
            l->posted = true;
        }
    }
}

struct roll {
    struct broker_node *node;
    struct bytes **bytes;
    size_t count;
};

static void roll_add(struct roll *r, const struct node *n)
{
    r->node = mem_resize(r->node, r->count + 1, sizeof *r->node);
    r->bytes = mem_resize(r->bytes, 2 * (r->count + 1), sizeof *r->bytes);
    r->bytes[2 * r->count] = bytes_ref(n->name);
    r->bytes[2 * r->count + 1] = bytes_ref(n->announcement);
    r->node[r->count++] = (struct broker_node){bytes_str(n->name), bytes_str(n->announcement)};
}

static void lookout_run(struct task *t)
{
    struct lookout *l = list_item(t, struct lookout, task);
    struct roll r = {0};
    pthread_mutex_lock(&l->exchange->lock);
    l->posted = false;
    list_each(it, &l->exchange->nodes)
    {
        struct node *n = list_item(it, struct node, link);
        if (!n->away && n->announcement) roll_add(&r, n);
    }
    pthread_mutex_unlock(&l->exchange->lock);
    l->watch->changed(l->watch, r.node, r.count);
    for (size_t i = 0; i < 2 * r.count; i++)
        bytes_unref(r.bytes[i]);
    mem_free(r.bytes);
    mem_free(r.node);
}

static void local_announce(struct broker *b, struct str announcement)
{
    if (announcement.n > BROKER_ANNOUNCEMENT_MAX) abort();
    struct broker_exchange *x = node_enter(b);
    struct node *n = node_of(b);
    bytes_unref(n->announcement);
    n->announcement = bytes_new(announcement);
    node_list_changed(x);
    pthread_mutex_unlock(&x->lock);
}

static void local_watch(struct broker *b, struct broker_watch *w)
{
    struct broker_exchange *x = node_enter(b);
    struct lookout *l = mem_zero(sizeof *l);
    *l = (struct lookout){.task.run = lookout_run, .exchange = x, .watch = w, .posted = true};
    list_push(&node_of(b)->lookouts, &l->link);
    loop_post(w->loop, &l->task);
    pthread_mutex_unlock(&x->lock);
}

/* --- life --- */

static struct str local_self(struct broker *b)
{
    return bytes_str(node_of(b)->name);
}

static void local_stats(struct broker *b, struct broker_stats *out)
{
    struct node *n = node_of(b);
    pthread_mutex_lock(&n->exchange->lock);
    *out = n->stats;
    out->connected = !n->away;
    pthread_mutex_unlock(&n->exchange->lock);
}

static void local_close(struct broker *b)
{
    struct node *n = node_of(b);
    struct broker_exchange *x = n->exchange;
    pthread_mutex_lock(&x->lock);
    wishes_end(n, true);
    list_remove(&n->link);
    node_list_changed(x);
    pthread_mutex_unlock(&x->lock);
    for (unsigned i = 0; i < BROKER_PORTS; i++)
        inbox_free(n->inbox[i]);
    struct list *at;
    while ((at = list_pop(&n->lookouts)))
        mem_free(list_item(at, struct lookout, link));
    bytes_unref(n->name);
    bytes_unref(n->announcement);
    mem_free(n);
}

static const struct broker_ops ops = {
    .name = "local",
    .self = local_self,
    .listen = local_listen,
    .send = local_send,
    .subscribe = local_subscribe,
    .release = local_release,
    .acknowledge = local_acknowledge,
    .publish = local_publish,
    .announce = local_announce,
    .watch = local_watch,
    .stats = local_stats,
    .close = local_close,
};

struct broker_exchange *broker_exchange_new(void)
{
    struct broker_exchange *x = mem_zero(sizeof *x);
    pthread_mutex_init(&x->lock, NULL);
    list_init(&x->nodes);
    for (unsigned i = 0; i < BROKER_SLOTS; i++)
        queue_init(&x->queue[i]);
    return x;
}

void broker_exchange_free(struct broker_exchange *x)
{
    if (!list_is_empty(&x->nodes)) abort();
    for (unsigned i = 0; i < BROKER_SLOTS; i++)
        queue_release(&x->queue[i]);
    pthread_mutex_destroy(&x->lock);
    mem_free(x);
}

static bool is_taken(const struct broker_exchange *x, struct str name)
{
    list_each(it, &x->nodes) if (str_eq(bytes_str(list_item(it, struct node, link)->name), name)) return true;
    return false;
}

enum err broker_local_attach(struct broker_exchange *x, struct str name, struct broker **out, struct fault *f)
{
    if (!broker_name_ok(name)) return fault_set(f, ERR_INVALID_PARAM, "%.*s cannot be the name of a node.", STR_FMT(name));
    struct node *n = mem_zero(sizeof *n);
    n->broker.ops = &ops;
    n->exchange = x;
    list_init(&n->lookouts);
    list_init(&n->wishes);
    pthread_mutex_lock(&x->lock);
    bool taken = is_taken(x, name);
    if (!taken) {
        n->name = bytes_new(name);
        list_push(&x->nodes, &n->link);
    }
    pthread_mutex_unlock(&x->lock);
    if (taken) {
        mem_free(n);
        return fault_set(f, ERR_CONFLICT, "A node of the name %.*s is there already.", STR_FMT(name));
    }
    *out = &n->broker;
    return ERR_OK;
}

void broker_local_expel(struct broker *b)
{
    struct node *n = node_of(b);
    struct broker_exchange *x = n->exchange;
    pthread_mutex_lock(&x->lock);
    n->away = true;
    wishes_end(n, false);
    node_list_changed(x);
    pthread_mutex_unlock(&x->lock);
}
