/* Who is there. Each node says so again and again, to an exchange that gives it to all; and each looks whether the queue of its successor by name is
 * there, by writing to it, so that a node whose connection has closed is missed within half a beat, and not when it has been silent for long.
 *
 * While the broker is away or takes nothing, nobody is heard, which says nothing about anybody. */
#include "base/clock.h"
#include "base/log.h"
#include "broker/amqp/amqp_priv.h"

enum {
    SETTLE_MS = 300,
    GRACE_MS = 6000 /* the longest that a node may need to find a broker that is back */
};

/* --- telling the watchers --- */

static struct post *roll_post(struct node *n)
{
    struct buf b;
    buf_init(&b, SIZE_MAX / 2);
    list_each(it, &n->peers)
    {
        struct peer *p = list_item(it, struct peer, link);
        envelope_put_text(&b, p->name);
        envelope_put_text(&b, p->announcement);
    }
    struct post *out = post_new(POST_BYTES, b.n);
    if (b.n) memcpy(out->bytes, b.p, b.n);
    buf_release(&b);
    return out;
}

static void roll_run(struct task *t)
{
    struct node *n = list_item(t, struct node, roll_task);
    n->roll_posted = false;
    list_each(it, &n->lookouts)
    {
        struct lookout *l = list_item(it, struct lookout, link);
        mailbox_add(&l->box, roll_post(n), &n->dirty);
    }
    mail_soon(n);
}

static void roll_changed(struct node *n)
{
    if (!n->settled || n->roll_posted) return;
    n->roll_posted = true;
    n->roll_task.run = roll_run;
    loop_defer(n->io, &n->roll_task);
}

/* --- the roll --- */

static struct peer *find(struct node *n, struct str name)
{
    list_each(it, &n->peers)
    {
        struct peer *p = list_item(it, struct peer, link);
        if (str_eq(p->name, name)) return p;
    }
    return NULL;
}

static void peer_free(struct peer *p)
{
    list_remove(&p->link);
    mem_free(p);
}

static struct peer *peer_put(struct node *n, struct str name, struct str announcement, uint64_t session)
{
    struct peer *old = find(n, name), *p = mem_alloc(sizeof *p + name.n + announcement.n);
    *p = (struct peer){.session = session, .heard_ms = loop_now_ms(n->io)};
    memcpy(p->room, name.p, name.n);
    if (announcement.n) memcpy(p->room + name.n, announcement.p, announcement.n);
    p->name = str_make(p->room, name.n);
    p->announcement = str_make(p->room + name.n, announcement.n);
    if (old) peer_free(old);
    struct list *at = &n->peers;
    while (at->next != &n->peers && str_cmp(list_item(at->next, struct peer, link)->name, name) < 0)
        at = at->next;
    list_insert(at, &p->link);
    roll_changed(n);
    return p;
}

static void peer_has_gone(struct node *n, struct peer *p, const char *how)
{
    log_event(LOG_INFO, "broker", "node has gone", "node=%.*s how=%s", STR_FMT(p->name), how);
    peer_free(p);
    roll_changed(n);
    wishes_ping(n);
}

/* --- saying --- */

static void say(struct node *n, struct str to, const struct envelope *what)
{
    struct buf b;
    struct envelope e = *what;
    e.from = n->config.name;
    buf_init(&b, BROKER_ANNOUNCEMENT_MAX + ENVELOPE_ROOM);
    envelope_put(&b, &e);
    (void)node_write(n, to, buf_str(&b)); /* the next one may get through */
    buf_release(&b);
}

static void announce(struct node *n)
{
    if (n->self) say(n, STR(""), &(struct envelope){.kind = ENVELOPE_ANNOUNCEMENT, .session = n->session, .text = n->self->announcement});
}

/* The next one by name, in a ring; NULL: there is nobody else. */
static struct peer *successor(struct node *n)
{
    struct peer *first = NULL, *next = NULL;
    list_each(it, &n->peers)
    {
        struct peer *p = list_item(it, struct peer, link);
        if (str_eq(p->name, n->config.name)) continue;
        if (!first) first = p;
        if (!next && str_cmp(p->name, n->config.name) > 0) next = p;
    }
    return next ? next : first;
}

static void probe(struct node *n)
{
    struct peer *p = successor(n);
    if (p) say(n, p->name, &(struct envelope){.kind = ENVELOPE_PROBE});
}

/* It was there before the broker went, and has not been heard since: it may come back later than this node. */
static bool has_grace(struct node *n, const struct peer *p)
{
    return p->heard_ms > loop_now_ms(n->io);
}

void roll_no_queue(struct node *n, struct str name)
{
    struct peer *p = find(n, name);
    if (!p || p == n->self || has_grace(n, p)) return;
    say(n, STR(""), &(struct envelope){.kind = ENVELOPE_GONE, .session = p->session, .text = p->name});
    peer_has_gone(n, p, "queue");
    probe(n);
}

void roll_leave(struct node *n)
{
    say(n, STR(""), &(struct envelope){.kind = ENVELOPE_LEAVE});
}

/* --- time --- */

static void expire(struct node *n)
{
    int64_t now = loop_now_ms(n->io), before = now - n->config.amqp.beat_ms * 7 / 2;
    list_each_safe(it, &n->peers)
    {
        struct peer *p = list_item(it, struct peer, link);
        if (!n->ready || n->giving.blocked || p == n->self)
            p->heard_ms = now;
        else if (p->heard_ms < before)
            peer_has_gone(n, p, "silence");
    }
}

static void beat(struct timer *t)
{
    struct node *n = list_item(t, struct node, beat);
    timer_set(n->io, &n->beat, n->config.amqp.beat_ms / 2, beat);
    publishers_tick(n);
    letters_open(n);
    expire(n);
    if (!n->ready) return;
    if (n->beats++ % 2 == 0) announce(n);
    probe(n);
}

static void settled(struct timer *t)
{
    struct node *n = list_item(t, struct node, settle);
    n->settled = true;
    roll_changed(n);
}

void roll_begin_session(struct node *n)
{
    list_each(it, &n->peers) list_item(it, struct peer, link)->heard_ms = loop_now_ms(n->io) + GRACE_MS;
    n->session = (uint64_t)clock_wall_ms(&clock_system);
    say(n, STR(""), &(struct envelope){.kind = ENVELOPE_ASK});
    announce(n);
    if (!n->settled) timer_set(n->io, &n->settle, SETTLE_MS, settled);
}

/* --- hearing --- */

static void hear(struct node *n, const struct envelope *e)
{
    struct peer *p = find(n, e->from);
    if (p && e->session < p->session) return;
    if (!p || !str_eq(p->announcement, e->text)) {
        peer_put(n, e->from, e->text, e->session);
        return;
    }
    p->session = e->session;
    p->heard_ms = loop_now_ms(n->io);
}

static void hear_of_death(struct node *n, const struct envelope *e)
{
    struct peer *p = find(n, e->text);
    if (p && p == n->self)
        announce(n);
    else if (p && p->session <= e->session && !has_grace(n, p))
        peer_has_gone(n, p, "told");
}

void roll_take(struct node *n, const struct envelope *e)
{
    struct peer *p = find(n, e->from);
    if (str_eq(e->from, n->config.name)) return;
    switch (e->kind) {
    case ENVELOPE_ANNOUNCEMENT:
        hear(n, e);
        break;
    case ENVELOPE_ASK:
        announce(n);
        break;
    case ENVELOPE_LEAVE:
        if (p) peer_has_gone(n, p, "left");
        break;
    case ENVELOPE_GONE:
        hear_of_death(n, e);
        break;
    case ENVELOPE_PROBE:
    case ENVELOPE_MESSAGES:
        break;
    }
}

void roll_init(struct node *n)
{
    list_init(&n->peers);
    list_init(&n->lookouts);
    timer_set(n->io, &n->beat, n->config.amqp.beat_ms / 2, beat);
}

void roll_release(struct node *n)
{
    struct list *at;
    while (!list_is_empty(&n->peers))
        peer_free(list_item(n->peers.next, struct peer, link));
    while ((at = list_pop(&n->lookouts))) {
        struct lookout *l = list_item(at, struct lookout, link);
        mailbox_release(&l->box);
        mem_free(l);
    }
}

/* --- on the loops --- */

struct saying {
    struct task task;
    struct node *node;
    size_t n;
    char text[];
};

static void saying_run(struct task *t)
{
    struct saying *s = list_item(t, struct saying, task);
    struct node *n = s->node;
    n->self = peer_put(n, n->config.name, str_make(s->text, s->n), n->session);
    announce(n);
    mem_free(s);
}

void amqp_announce(struct broker *b, struct str announcement)
{
    if (announcement.n > BROKER_ANNOUNCEMENT_MAX) abort();
    struct saying *s = mem_alloc(sizeof *s + announcement.n);
    *s = (struct saying){.task.run = saying_run, .node = node_of(b), .n = announcement.n};
    if (announcement.n) memcpy(s->text, announcement.p, announcement.n);
    loop_post(s->node->io, &s->task);
}

/* Of several rolls only the last one counts. */
static void lookout_take(struct mailbox *m, struct post *first)
{
    struct lookout *l = list_item(m, struct lookout, box);
    struct post *p = first;
    while (p->next) {
        struct post *next = p->next;
        mem_free(p);
        p = next;
    }
    struct str rest = str_make(p->bytes, p->n);
    struct broker_node *node = NULL, one;
    size_t count = 0;
    while (envelope_next(&rest, &one.name) && envelope_next(&rest, &one.announcement)) {
        node = mem_resize(node, count + 1, sizeof *node);
        node[count++] = one;
    }
    l->watch->changed(l->watch, node, count);
    mem_free(node);
    mem_free(p);
}

static void lookout_begin(struct task *t)
{
    struct lookout *l = list_item(t, struct lookout, begin);
    list_push(&l->node->lookouts, &l->link);
    roll_changed(l->node);
}

void amqp_watch(struct broker *b, struct broker_watch *w)
{
    struct lookout *l = mem_zero(sizeof *l);
    l->node = node_of(b);
    l->watch = w;
    l->begin.run = lookout_begin;
    mailbox_init(&l->box, w->loop, lookout_take);
    loop_post(l->node->io, &l->begin);
}
