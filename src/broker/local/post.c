/* Messages between nodes: an inbox per port, emptied by its loop. */
#include "broker/local/local_priv.h"

static void parcel_free(struct parcel *p)
{
    bytes_unref(p->from);
    mem_free(p);
}

void inbox_free(struct inbox *in)
{
    if (!in) return;
    struct list *n;
    while ((n = list_pop(&in->parcels)))
        parcel_free(list_item(n, struct parcel, link));
    mem_free(in);
}

/* The receiver's loop. What comes in while it works is the next round's. */
static void inbox_run(struct task *t)
{
    struct inbox *in = list_item(t, struct inbox, task);
    struct broker_exchange *x = in->exchange;
    struct list mine, *n;
    list_init(&mine);
    pthread_mutex_lock(&x->lock);
    in->posted = false;
    while ((n = list_pop(&in->parcels)))
        list_push(&mine, n);
    in->bytes = 0;
    pthread_mutex_unlock(&x->lock);
    while ((n = list_pop(&mine))) {
        struct parcel *p = list_item(n, struct parcel, link);
        in->port->received(in->port, bytes_str(p->from), p->message, p->count);
        parcel_free(p);
    }
}

void local_listen(struct broker *b, struct broker_port *p)
{
    struct broker_exchange *x = node_enter(b);
    if (p->number >= BROKER_PORTS || node_of(b)->inbox[p->number]) abort();
    struct inbox *in = mem_zero(sizeof *in);
    *in = (struct inbox){.task.run = inbox_run, .exchange = x, .port = p, .node = node_of(b)};
    list_init(&in->parcels);
    node_of(b)->inbox[p->number] = in;
    pthread_mutex_unlock(&x->lock);
}

static struct parcel *parcel_new(struct bytes *from, const struct str *message, size_t count, size_t bytes)
{
    struct parcel *p = mem_alloc(sizeof *p + count * sizeof *message + bytes);
    *p = (struct parcel){.from = bytes_ref(from), .count = count};
    char *at = (char *)&p->message[count];
    for (size_t i = 0; i < count; i++) {
        if (message[i].n) memcpy(at, message[i].p, message[i].n);
        p->message[i] = str_make(at, message[i].n);
        at += message[i].n;
    }
    return p;
}

static struct inbox *find(struct broker_exchange *x, struct str name, unsigned port)
{
    list_each(it, &x->nodes)
    {
        struct node *n = list_item(it, struct node, link);
        if (str_eq(bytes_str(n->name), name)) return n->away ? NULL : n->inbox[port];
    }
    return NULL;
}

static size_t sum_of(const struct str *message, size_t count)
{
    size_t sum = 0;
    for (size_t i = 0; i < count && sum <= BROKER_MESSAGE_MAX; i++)
        sum += message[i].n;
    return sum;
}

/* False: lost. */
static bool deliver(struct inbox *in, struct bytes *from, const struct str *message, size_t count)
{
    size_t bytes = sum_of(message, count), room = sizeof(struct parcel) + count * sizeof *message;
    if (!in || bytes > BROKER_MESSAGE_MAX || bytes + room > BROKER_INBOX_BYTES - in->bytes) return false;
    list_push(&in->parcels, &parcel_new(from, message, count, bytes)->link);
    in->bytes += bytes + room;
    in->node->stats.received += count;
    if (!in->posted) loop_post(in->port->loop, &in->task);
    in->posted = true;
    return true;
}

void local_send(struct broker *b, struct str to, unsigned port, const struct str *message, size_t count)
{
    if (port >= BROKER_PORTS || count > BROKER_BATCH_MAX) abort();
    struct broker_exchange *x = node_enter(b);
    struct node *me = node_of(b);
    me->stats.sent += count;
    if (!deliver(find(x, to, port), me->name, message, count)) me->stats.lost += count;
    pthread_mutex_unlock(&x->lock);
}
