#include "cluster/post.h"

#include "base/log.h"
#include "cluster/cluster_priv.h"
#include "cluster/wire.h"

/* A part leaves room for what stands around it in a batch. */
enum { PART_BYTES = 1048576, BATCH_BYTES = BROKER_MESSAGE_MAX / 2 };
enum { PACE_SHARE = 4, PACE_MAX_MS = 20, TRIPS = 64 }; /* see flush_soon */

/* On its way out. */
struct packet {
    struct list link;
    int node;
    unsigned port;
    size_t n;
    char bytes[];
};

/* A large message of which not all has come. A home of another node sends its parts one after another. */
struct partial {
    struct list link;
    int node;
    unsigned from; /* the home there */
    uint64_t number, next;
    struct buf bytes;
};

static void (*const receivers[POST_KINDS])(const struct post *p) = {
    [POST_COMMAND] = away_command,    [POST_REPLY] = away_reply,        [POST_CAST] = away_cast,          [POST_LETTER] = letter_arrived,
    [POST_LETTER_ACK] = letter_back,  [POST_INTEREST] = relay_interest, [POST_UNFOLLOW] = relay_unfollow, [POST_WELCOME] = relay_welcome,
    [POST_FOLLOW] = relay_followed,   [POST_ITEMS] = relay_items,       [POST_PULSE] = relay_pulse,       [POST_CLOCK] = home_hears_clock,
    [POST_INHERIT] = inherit_arrived,
};

/* --- out --- */

void post_begin(struct buf *b, enum post_kind kind, const struct slot *s)
{
    buf_init(b, POST_MAX);
    buf_byte(b, (char)kind);
    buf_byte(b, (char)s->index);
}

/* What o'clock it is here, about a slot of that home. */
static struct str clock_message(const struct home *h, const struct packet *first, struct buf *b)
{
    buf_init(b, 2 + VARINT_MAX);
    buf_byte(b, POST_CLOCK);
    buf_byte(b, first->bytes[1]);
    wire_put_int(b, loop_now_ms(h->loop));
    return buf_str(b);
}

static void flush_to(struct home *h, struct packet *first)
{
    struct str message[BROKER_BATCH_MAX];
    struct list sent;
    struct buf clock;
    size_t count = 0, bytes = 0;
    list_init(&sent);
    message[count++] = clock_message(h, first, &clock);
    list_each_safe(it, &h->packets)
    {
        struct packet *p = list_item(it, struct packet, link);
        if (p->node != first->node || p->port != first->port) continue;
        if (count == BROKER_BATCH_MAX || (bytes && bytes + p->n > BATCH_BYTES)) break;
        message[count++] = str_make(p->bytes, p->n);
        bytes += p->n;
        list_remove(&p->link);
        list_push(&sent, &p->link);
    }
    broker_send(h->cluster->config.broker, str_c(h->view->node[first->node].name), first->port, message, count);
    stat_add(&h->stats.envelopes, 1);
    buf_release(&clock);
    struct list *n;
    while ((n = list_pop(&sent)))
        mem_free(list_item(n, struct packet, link));
}

static void flush_all(struct home *h)
{
    h->post_due = h->hurry = false;
    h->flushed_ms = loop_now_ms(h->loop);
    while (!list_is_empty(&h->packets))
        flush_to(h, list_item(h->packets.next, struct packet, link));
}

static void flush(struct task *t)
{
    flush_all(list_item(t, struct home, post_flush));
}

static void flush_later(struct timer *t)
{
    flush_all(list_item(t, struct home, post_later));
}

/* How far apart: a quarter of the time that records take of late, if that is more. */
static int64_t spacing_of(const struct home *h)
{
    int64_t least = h->cluster->config.spacing_ms, ms = h->trips_ms / TRIPS / PACE_SHARE;
    if (ms > PACE_MAX_MS) ms = PACE_MAX_MS;
    return ms > least ? ms : least;
}

/* When the tick ends, but some time after the last ones: a single message goes at once, and where there are many a broker has less to do when more of them travel
 * together, so that all are there sooner. */
static void flush_soon(struct home *h)
{
    int64_t ms = h->hurry ? 0 : h->flushed_ms + spacing_of(h) - loop_now_ms(h->loop);
    h->post_due = true;
    if (ms <= 0)
        loop_defer(h->loop, &h->post_flush);
    else
        timer_set(h->loop, &h->post_later, ms, flush_later);
}

void post_hurry(struct home *h)
{
    h->hurry = true;
    if (!timer_is_set(&h->post_later)) return;
    timer_clear(h->loop, &h->post_later);
    loop_defer(h->loop, &h->post_flush);
}

void post_note_trip(struct home *h, int64_t ms)
{
    h->trips_ms += ms - h->trips_ms / TRIPS;
}

void post_sweep(struct home *h)
{
    h->trips_ms -= h->trips_ms / 4;
}

static void put_packet(struct home *h, int node, unsigned port, struct str head, struct str bytes)
{
    struct packet *p = mem_alloc(sizeof *p + head.n + bytes.n);
    *p = (struct packet){.node = node, .port = port, .n = head.n + bytes.n};
    if (head.n) memcpy(p->bytes, head.p, head.n);
    memcpy(p->bytes + head.n, bytes.p, bytes.n);
    list_push(&h->packets, &p->link);
    if (!h->post_due) flush_soon(h);
}

static void put_parts(struct home *h, int node, unsigned port, const struct slot *s, struct str all)
{
    uint64_t number = ++h->parted;
    for (uint64_t at = 0; !str_empty(all); at++) {
        struct str part = str_first(all, all.n < PART_BYTES ? all.n : PART_BYTES);
        all = str_from(all, part.n);
        struct buf head;
        post_begin(&head, POST_PART, s);
        wire_put_uint(&head, loop_index(h->loop));
        wire_put_uint(&head, number);
        wire_put_uint(&head, at);
        wire_put_uint(&head, str_empty(all));
        put_packet(h, node, port, buf_str(&head), part);
        buf_release(&head);
    }
}

void post_send(struct home *h, int node, const struct slot *s, struct buf *b)
{
    const struct view *v = h->view;
    bool there = v && node >= 0 && (size_t)node < v->count && v->node[node].name[0];
    if (!buf_ok(b)) log_event(LOG_ERROR, "cluster", "message too large for another node", "slot=%u kind=%d", s->index, b->n ? b->p[0] : 0);
    if (there && buf_ok(b)) {
        unsigned port = s->index % v->node[node].loops;
        if (b->n > PART_BYTES)
            put_parts(h, node, port, s, buf_str(b));
        else
            put_packet(h, node, port, (struct str){0}, buf_str(b));
        stat_add(&h->stats.posted, 1);
    }
    buf_release(b);
}

/* --- in --- */

static void partial_free(struct partial *p)
{
    list_remove(&p->link);
    buf_release(&p->bytes);
    mem_free(p);
}

static struct partial *partial_of(struct home *h, int node, unsigned from)
{
    list_each(it, &h->partials)
    {
        struct partial *p = list_item(it, struct partial, link);
        if (p->node == node && p->from == from) return p;
    }
    struct partial *p = mem_zero(sizeof *p);
    p->node = node;
    p->from = from;
    buf_init(&p->bytes, POST_MAX);
    list_push(&h->partials, &p->link);
    return p;
}

static void take(struct home *h, int node, struct str message);

static void take_part(const struct post *in)
{
    struct str body = in->body;
    uint64_t from, number, at, last;
    if (!wire_get_uint(&body, &from) || !wire_get_uint(&body, &number) || !wire_get_uint(&body, &at) || !wire_get_uint(&body, &last))
        return;
    if (from >= CLUSTER_LOOPS_MAX) return;
    struct partial *p = partial_of(in->home, in->node, (unsigned)from);
    if (at == 0) {
        buf_clear(&p->bytes);
        p->number = number;
        p->next = 0;
    }
    if (number != p->number || at != p->next) return; /* of one of which something was lost */
    p->next++;
    buf_add(&p->bytes, body);
    if (!last) return;
    list_remove(&p->link);
    if (buf_ok(&p->bytes) && p->bytes.n && p->bytes.p[0] != POST_PART) take(in->home, in->node, buf_str(&p->bytes));
    partial_free(p);
}

static void take(struct home *h, int node, struct str message)
{
    if (message.n < 2 || (unsigned char)message.p[0] >= POST_KINDS || (unsigned char)message.p[1] >= CLUSTER_SLOTS) return;
    struct post in = {.home = h,
                      .node = node,
                      .slot = &h->cluster->slot[(unsigned char)message.p[1]],
                      .kind = (enum post_kind)message.p[0],
                      .body = str_from(message, 2)};
    if (in.slot->home != h) return; /* sent before it knew how many loops there are here */
    if (in.kind == POST_PART)
        take_part(&in);
    else
        receivers[in.kind](&in);
}

static void received(struct broker_port *p, struct str from, const struct str *message, size_t count)
{
    struct home *h = list_item(p, struct home, port);
    int node = view_find(h->view, from);
    for (size_t i = 0; node >= 0 && i < count; i++)
        take(h, node, message[i]);
}

/* --- */

void post_listen(struct home *h)
{
    list_init(&h->packets);
    list_init(&h->partials);
    h->post_flush.run = flush;
    h->port = (struct broker_port){.loop = h->loop, .number = (unsigned)(h - h->cluster->home), .received = received};
}

void post_release(struct home *h)
{
    struct list *n;
    timer_clear(h->loop, &h->post_later);
    while ((n = list_pop(&h->packets)))
        mem_free(list_item(n, struct packet, link));
    while (!list_is_empty(&h->partials))
        partial_free(list_item(h->partials.next, struct partial, link));
}

void post_forget(struct home *h, int node)
{
    h->clock_of[node] = 0;
    list_each_safe(it, &h->packets)
    {
        struct packet *p = list_item(it, struct packet, link);
        if (p->node != node) continue;
        list_remove(&p->link);
        mem_free(p);
    }
    list_each_safe(it, &h->partials) if (list_item(it, struct partial, link)->node == node)
        partial_free(list_item(it, struct partial, link));
}
