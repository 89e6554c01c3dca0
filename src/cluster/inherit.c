/* What an owner that hands a slot over tells the next one of what it has in memory: what would else be read, or worked out, anew for every entity, by
 * somebody who waits.
 *
 * It is true of the moment at which the former owner ended: a position of its epoch, after which nothing of that epoch follows. The next owner takes it if
 * its own epoch begins right there, and of each entity only once, when it has nothing of it in memory: so nothing has changed it since. What is lost, comes late
 * or does not fit is read. */
#include "cluster/cluster_priv.h"
#include "cluster/wire.h"

/* A slot's, of the entities that were used last; one that is large is read like any other, and so is what nobody has asked for after KEPT_MS. */
enum { ONE_BYTES = 262144, SENT_BYTES = 1048576, TAKEN_BYTES = 2 * 1048576, KEPT_MS = 30000 };

struct heirloom {
    unsigned kind;
    struct bytes *bytes;
    size_t n;
    char key[];
};

struct inheritance {
    int64_t epoch, position; /* where the former owner ended */
    int64_t began_ms;
    size_t bytes;
    struct map map;
};

static void heirloom_free(struct heirloom *h)
{
    bytes_unref(h->bytes);
    mem_free(h);
}

void inherit_forget(struct slot *s)
{
    struct inheritance *in = s->inheritance;
    struct heirloom *h;
    if (!in) return;
    for (size_t at = 0; (h = map_next(&in->map, &at));)
        heirloom_free(h);
    map_release(&in->map);
    mem_free(in);
    s->inheritance = NULL;
}

void inherit_sweep(struct slot *s)
{
    if (s->inheritance && loop_now_ms(s->loop) - s->inheritance->began_ms >= KEPT_MS) inherit_forget(s);
}

/* --- from the former owner --- */

/* Returns how much it was, also where that is too much to be sent. */
static size_t tell_of(struct slot *s, int node, const struct entity *e)
{
    struct buf what, b;
    buf_init(&what, ONE_BYTES);
    s->cluster->config.kind[e->kind].tell(e->state, &what);
    size_t n = what.n;
    if (n && buf_ok(&what)) {
        post_begin(&b, POST_INHERIT, s);
        wire_put_int(&b, s->epoch);
        wire_put_int(&b, s->position);
        wire_put_uint(&b, e->kind);
        wire_put_str(&b, e->key);
        buf_add(&b, buf_str(&what));
        post_send(s->home, node, s, &b);
    }
    buf_release(&what);
    return n;
}

void inherit_send(struct slot *s, int node)
{
    size_t bytes = 0;
    for (unsigned k = 0; k < s->cluster->config.kinds; k++) {
        const struct list *lru = &s->table[k].lru;
        if (!s->cluster->config.kind[k].tell) continue;
        for (const struct list *it = lru->prev; it != lru && bytes < SENT_BYTES; it = it->prev) {
            const struct entity *e = list_item(it, struct entity, lru);
            if (e->state) bytes += tell_of(s, node, e);
        }
    }
}

/* --- at the next one --- */

/* The place for what ended there; NULL: what is here already is of later. */
static struct inheritance *inheritance_of(struct slot *s, int64_t epoch, int64_t position)
{
    struct inheritance *in = s->inheritance;
    if (in && in->epoch == epoch && in->position == position) return in;
    if (in && (in->epoch > epoch || (in->epoch == epoch && in->position > position))) return NULL;
    inherit_forget(s);
    in = s->inheritance = mem_zero(sizeof *in);
    in->epoch = epoch;
    in->position = position;
    in->began_ms = loop_now_ms(s->loop);
    return in;
}

static void keep(struct inheritance *in, unsigned kind, struct str key, struct str what)
{
    if (map_get(&in->map, key) || in->bytes + what.n > TAKEN_BYTES) return;
    struct heirloom *h = mem_zero(sizeof *h + key.n);
    h->kind = kind;
    h->bytes = bytes_new(what);
    h->n = key.n;
    memcpy(h->key, key.p, key.n);
    in->bytes += what.n;
    map_put(&in->map, str_make(h->key, h->n), h);
}

static bool begins_there(const struct slot *s, int64_t epoch, int64_t position)
{
    return s->epoch == epoch + 1 && s->queue.began == position;
}

void inherit_arrived(const struct post *p)
{
    struct slot *s = p->slot;
    struct str body = p->body, key;
    int64_t epoch, position;
    uint64_t kind;
    if (!wire_get_int(&body, &epoch) || !wire_get_int(&body, &position) || !wire_get_uint(&body, &kind) || !wire_get_str(&body, &key))
        return;
    if (kind >= s->cluster->config.kinds || str_empty(key) || str_empty(body)) return;
    if (s->cluster->config.journal != JOURNAL_QUEUE || (slot_is_served(s) && !begins_there(s, epoch, position))) return;
    /* Too late: this owner has written more than its mark, or has read, or begun to read, what it could change from now on. */
    if (slot_is_served(s) && (s->position != position + 1 || map_get(&s->table[kind].map, key))) return;
    struct inheritance *in = inheritance_of(s, epoch, position);
    if (in) keep(in, (unsigned)kind, key, body);
}

bool turn_inherits(struct turn *t, const struct entity *e, struct arena *a, struct str *out)
{
    struct slot *s = t->slot;
    struct inheritance *in = s->inheritance;
    struct heirloom *h = in ? map_get(&in->map, e->key) : NULL;
    if (!h || h->kind != e->kind || !slot_is_served(s) || !begins_there(s, in->epoch, in->position)) return false;
    *out = arena_str(a, bytes_str(h->bytes));
    stat_add(&s->home->stats.inherited, 1);
    in->bytes -= out->n;
    map_del(&in->map, e->key);
    heirloom_free(h);
    return true;
}
