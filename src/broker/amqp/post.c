/* Messages between nodes: each has a queue, and reads it without acknowledging. What a port does not take is lost. */
#include "base/log.h"
#include "broker/amqp/amqp_priv.h"

enum { QUEUE_RETRY_MS = 200, NAME_PATIENCE_MS = 2000, CODE_LOCKED = 405, CODE_FORBIDDEN = 403 };

/* --- out --- */

static void letters_content(struct channel *c, struct content *t)
{
    struct node *n = list_item(c, struct node, letters);
    struct envelope e;
    struct str name = node_of_queue(n, str_c(t->key));
    if (!t->returned) return;
    if (envelope_read(str_make(t->post->bytes, t->post->n), &e) && e.kind == ENVELOPE_MESSAGES) count_up(&n->count.lost, e.count);
    if (name.n) roll_no_queue(n, name);
}

static void letters_method(struct channel *c, unsigned method, struct wire_in *args)
{
    (void)c, (void)method, (void)args;
}

static void letters_closed(struct channel *c, unsigned code, struct str text)
{
    struct node *n = list_item(c, struct node, letters);
    text = str_first(text, 200);
    if (code) log_event(LOG_WARN, "broker", "messages cannot be sent", "code=%u reason=\"%.*s\"", code, STR_FMT(text));
    if (code == CODE_FORBIDDEN) node_attached(n, ERR_FORBIDDEN, text.p);
    node_check_ready(n); /* the next beat opens it again */
}

static const struct channel_ops letters_ops = {.method = letters_method, .content = letters_content, .closed = letters_closed};

void letters_open(struct node *n)
{
    if (n->letters.line || !channel_open(&n->giving, &n->letters, &letters_ops)) return;
    exchange_declare(n, &n->letters);
    node_check_ready(n);
}

bool node_write(struct node *n, struct str to, struct str envelope)
{
    char exchange[NAME_ROOM], key[NAME_ROOM];
    struct line *l = &n->giving;
    if (!n->letters.line || l->blocked || line_waiting(l) + envelope.n + WIRE_PUBLISH_ROOM > n->config.amqp.output_bytes) return false;
    struct wire_message m = {.body = envelope};
    if (to.n)
        m.key = node_queue_name(n, to, key);
    else
        m.exchange = exchange_name(n, exchange);
    wire_put_publish(line_out(l), n->letters.number, l->frame_max, &m);
    line_flush_soon(l);
    return true;
}

/* Messages on their way from a loop. */
struct outgoing {
    struct task task;
    struct node *node;
    size_t count;
    struct buf bytes; /* the envelope */
    size_t to_n;
    char to[];
};

static void outgoing_run(struct task *t)
{
    struct outgoing *o = list_item(t, struct outgoing, task);
    if (!node_write(o->node, str_make(o->to, o->to_n), buf_str(&o->bytes))) count_up(&o->node->count.lost, o->count);
    buf_release(&o->bytes);
    mem_free(o);
}

/* --- in --- */

static void deliver(struct node *n, const struct envelope *e, struct content *t)
{
    struct inbox *in = atomic_load_explicit(&n->inbox[e->port], memory_order_acquire);
    size_t bytes = t->post->n + sizeof *t->post;
    if (!in || atomic_load(&in->bytes) + bytes > BROKER_INBOX_BYTES) {
        count_up(&n->count.lost, e->count);
        return;
    }
    atomic_fetch_add(&in->bytes, bytes);
    count_up(&n->count.received, e->count);
    mailbox_add(&in->box, t->post, &n->dirty);
    mail_soon(n);
    t->post = NULL;
}

static void queue_content(struct channel *c, struct content *t)
{
    struct node *n = list_item(c, struct node, queue);
    struct envelope e;
    if (t->returned || !envelope_read(str_make(t->post->bytes, t->post->n), &e)) return;
    if (e.kind == ENVELOPE_MESSAGES)
        deliver(n, &e, t);
    else
        roll_take(n, &e);
}

static void queue_method(struct channel *c, unsigned method, struct wire_in *args)
{
    struct node *n = list_item(c, struct node, queue);
    (void)args;
    if (method == BASIC_CANCEL) channel_close(c);
    if (method != BASIC_CONSUME_OK) return;
    n->queue_ready = true;
    node_check_ready(n);
}

static void queue_retry(struct timer *t)
{
    queue_open(list_item(t, struct node, queue_retry));
}

static void queue_closed(struct channel *c, unsigned code, struct str text)
{
    struct node *n = list_item(c, struct node, queue);
    text = str_first(text, 200);
    n->queue_ready = false;
    node_check_ready(n);
    /* A node that has died a moment ago may still have it. */
    bool taken = code == CODE_LOCKED, late = loop_now_ms(n->io) - n->began_ms >= NAME_PATIENCE_MS;
    if (taken && late) node_attached(n, ERR_CONFLICT, "");
    if (code == CODE_FORBIDDEN) node_attached(n, ERR_FORBIDDEN, text.p);
    if (code && (!taken || late)) log_event(LOG_WARN, "broker", "no queue for this node", "code=%u reason=\"%.*s\"", code, STR_FMT(text));
    if (n->taking.state == LINE_OPEN) timer_set(n->io, &n->queue_retry, QUEUE_RETRY_MS, queue_retry);
}

static const struct channel_ops queue_ops = {.method = queue_method, .content = queue_content, .closed = queue_closed};

void queue_open(struct node *n)
{
    char room[NAME_ROOM];
    if (n->queue.line || !channel_open(&n->taking, &n->queue, &queue_ops)) return;
    exchange_declare(n, &n->queue);
    node_queue_declare(n, &n->queue);
    queue_consume(&n->queue, node_queue_name(n, n->config.name, room), 0, true);
}

/* --- on the loops --- */

static void inbox_take(struct mailbox *m, struct post *first)
{
    struct inbox *in = list_item(m, struct inbox, box);
    struct str message[BROKER_BATCH_MAX];
    struct envelope e;
    for (struct post *p = first, *next; p; p = next) {
        next = p->next;
        atomic_fetch_sub(&in->bytes, p->n + sizeof *p);
        if (envelope_read(str_make(p->bytes, p->n), &e) && envelope_messages(&e, message))
            in->port->received(in->port, e.from, message, e.count);
        mem_free(p);
    }
}

void amqp_inbox_free(struct inbox *in)
{
    if (!in) return;
    mailbox_release(&in->box);
    mem_free(in);
}

/* Not by way of io: what is sent after it could be there before io has heard of it. */
void amqp_listen(struct broker *b, struct broker_port *p)
{
    if (p->number >= BROKER_PORTS) abort();
    struct inbox *in = mem_zero(sizeof *in), *before = NULL;
    in->port = p;
    mailbox_init(&in->box, p->loop, inbox_take);
    if (!atomic_compare_exchange_strong(&node_of(b)->inbox[p->number], &before, in)) abort();
}

static size_t sum_of(const struct str *message, size_t count)
{
    size_t sum = 0;
    for (size_t i = 0; i < count && sum <= BROKER_MESSAGE_MAX; i++)
        sum += message[i].n;
    return sum;
}

void amqp_send(struct broker *b, struct str to, unsigned port, const struct str *message, size_t count)
{
    struct node *n = node_of(b);
    if (port >= BROKER_PORTS || count > BROKER_BATCH_MAX) abort();
    size_t sum = sum_of(message, count);
    count_up(&n->count.sent, count);
    if (sum > BROKER_MESSAGE_MAX || !broker_name_ok(to)) {
        count_up(&n->count.lost, count);
        return;
    }
    struct outgoing *o = mem_alloc(sizeof *o + to.n);
    *o = (struct outgoing){.task.run = outgoing_run, .node = n, .count = count, .to_n = to.n};
    memcpy(o->to, to.p, to.n);
    buf_init(&o->bytes, sum + ENVELOPE_ROOM);
    (void)buf_room(&o->bytes, sum + ENVELOPE_ROOM);
    envelope_put(&o->bytes, &(struct envelope){.kind = ENVELOPE_MESSAGES, .from = n->config.name, .port = port, .count = count});
    for (size_t i = 0; i < count; i++)
        envelope_put_text(&o->bytes, message[i]);
    loop_post(n->io, &o->task);
}
