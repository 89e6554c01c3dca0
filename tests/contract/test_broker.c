/* The contract of the broker (broker/broker.h), checked on every back end. A new back end is one row in `backends`.
 *
 * A broker may take its time, so the tests wait for what they expect; that something does not come is seen by what comes after it. */
#include "contract/broker_fixture.h"

#include "broker/faulty.h"
#include "broker/local/local.h"
#include "broker/trace.h"
#include "broker_amqp.h"

struct backend {
    const char *name;
    void *(*open)(void); /* an empty broker */
    void (*close)(void *place);
    enum err (*attach)(void *place, struct str name, struct broker **out);
    void (*kill)(struct broker *b); /* as when the node's process dies; frees it */
};

static void *open_local(void)
{
    return broker_exchange_new();
}
static void close_local(void *place)
{
    broker_exchange_free(place);
}
static enum err attach_local(void *place, struct str name, struct broker **out)
{
    return broker_local_attach(place, name, out, NULL);
}
static enum err attach_faulty(void *place, struct str name, struct broker **out)
{
    enum err e = attach_local(place, name, out);
    if (e == ERR_OK) *out = broker_faulty_new(*out);
    return e;
}
static enum err attach_trace(void *place, struct str name, struct broker **out)
{
    enum err e = attach_local(place, name, out);
    if (e == ERR_OK) *out = broker_trace_new(*out);
    return e;
}

static void *open_amqp(void)
{
    return rabbitmq_open();
}
static void close_amqp(void *place)
{
    mem_free(place);
}
static enum err attach_amqp(void *place, struct str name, struct broker **out)
{
    struct rabbitmq *r = place;
    return broker_amqp_attach(&r->config, name, out, NULL);
}
static void kill_amqp(struct broker *b)
{
    broker_amqp_cut(b);
    broker_close(b);
}

static const struct backend backends[] = {
    {"local", open_local, close_local, attach_local, broker_close},
    {"faulty(local)", open_local, close_local, attach_faulty, broker_close},
    {"trace(local)", open_local, close_local, attach_trace, broker_close},
    {"amqp", open_amqp, close_amqp, attach_amqp, kill_amqp},
};

struct world {
    const struct backend *backend;
    void *place;
    struct node node[NODES];
};

static int setup(void **state)
{
    static const char *const names[NODES] = {"alpha", "beta.2", "Gamma-3_x"};
    struct world *w = mem_zero(sizeof *w);
    w->backend = *state;
    w->place = w->backend->open();
    for (unsigned i = 0; i < NODES; i++) {
        w->node[i].name = names[i];
        assert_int_equal(w->backend->attach(w->place, str_c(names[i]), &w->node[i].broker), ERR_OK);
        node_start(&w->node[i]);
    }
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    for (unsigned i = 0; i < NODES; i++)
        node_stop(&w->node[i], broker_close);
    w->backend->close(w->place);
    mem_free(w);
    return 0;
}

/* --- messages --- */

struct receiver {
    struct broker_port port; /* first */
    struct node *node;
    char from[BROKER_NAME_MAX + 1];
    struct bytes **message;
    size_t count, calls, bytes;
    bool keep;
};

static void receive(struct broker_port *p, struct str from, const struct str *message, size_t count)
{
    struct receiver *r = (struct receiver *)(void *)p;
    seen_begin();
    r->calls++;
    snprintf(r->from, sizeof r->from, "%.*s", STR_FMT(from));
    r->message = mem_resize(r->message, r->count + count, sizeof(*r->message));
    for (size_t i = 0; i < count; i++) {
        r->bytes += message[i].n;
        r->message[r->count++] = bytes_new(r->keep ? message[i] : str_first(message[i], 16));
    }
    seen_end();
}

static void listen_now(struct node *n, void *arg)
{
    broker_listen(n->broker, &((struct receiver *)arg)->port);
}
static void listen_at(struct receiver *r, struct node *n, unsigned loop, unsigned number)
{
    *r = (struct receiver){.port = {.loop = n->loop[loop], .number = number, .received = receive}, .node = n, .keep = true};
    on_loop(n, loop, listen_now, r);
}
/* After the node has stopped. */
static void receiver_free(struct receiver *r)
{
    for (size_t i = 0; i < r->count; i++)
        bytes_unref(r->message[i]);
    mem_free(r->message);
}

struct sending {
    struct str to;
    unsigned port;
    const struct str *message;
    size_t count;
};
static void send_now(struct node *n, void *arg)
{
    struct sending *s = arg;
    broker_send(n->broker, s->to, s->port, s->message, s->count);
}
static void send_batch(struct node *n, unsigned loop, const char *to, unsigned port, const struct str *message, size_t count)
{
    on_loop(n, loop, send_now, &(struct sending){str_c(to), port, message, count});
}
static void send_text(struct node *n, const char *to, unsigned port, const char *text)
{
    struct str message = str_c(text);
    send_batch(n, 0, to, port, &message, 1);
}

struct arrived {
    struct receiver *r;
    size_t count;
};
static bool has_arrived(void *arg)
{
    struct arrived *a = arg;
    return a->r->count >= a->count;
}
static void wait_messages(struct receiver *r, size_t count)
{
    wait_until(has_arrived, &(struct arrived){r, count});
}
static bool is_message(struct receiver *r, size_t i, struct str text)
{
    return str_eq(bytes_str(r->message[i]), text);
}

static void stop_all(struct world *w)
{
    for (unsigned i = 0; i < NODES; i++)
        node_stop(&w->node[i], broker_close);
}

static void a_message_arrives_as_it_was_sent(void **state)
{
    struct world *w = *state;
    static const struct str sent[] = {STR("one"), STR(""), STR("\0\xff\r\n\0"), STR("'); drop")};
    struct receiver r;
    listen_at(&r, &w->node[1], 1, 63);
    send_batch(&w->node[0], 0, "beta.2", 63, sent, 4);
    wait_messages(&r, 4);
    assert_int_equal(r.calls, 1); /* a batch travels together */
    assert_string_equal(r.from, "alpha");
    for (size_t i = 0; i < 4; i++)
        assert_true(is_message(&r, i, sent[i]));
    stop_all(w);
    receiver_free(&r);
}

static void a_node_can_write_to_itself(void **state)
{
    struct world *w = *state;
    struct receiver r;
    listen_at(&r, &w->node[0], 1, 0);
    send_text(&w->node[0], "alpha", 0, "me");
    wait_messages(&r, 1);
    assert_string_equal(r.from, "alpha");
    stop_all(w);
    receiver_free(&r);
}

enum { MANY = 3000, BATCH = 7 };

static void send_numbers(struct node *n, void *arg)
{
    char text[BATCH][16];
    struct str message[BATCH];
    for (unsigned i = 0; i < MANY; i += BATCH) {
        for (unsigned k = 0; k < BATCH; k++)
            message[k] = str_make(text[k], (size_t)snprintf(text[k], sizeof text[k], "%u", i + k));
        broker_send(n->broker, STR("Gamma-3_x"), *(unsigned *)arg, message, MANY - i < BATCH ? MANY - i : BATCH);
    }
}

static void messages_arrive_in_the_order_of_their_sender(void **state)
{
    struct world *w = *state;
    struct receiver r[2];
    unsigned port[2] = {5, 6};
    for (unsigned i = 0; i < 2; i++) {
        listen_at(&r[i], &w->node[2], i, port[i]);
        on_loop(&w->node[i], i, send_numbers, &port[i]);
    }
    for (unsigned k = 0; k < 2; k++) {
        wait_messages(&r[k], MANY);
        assert_int_equal(r[k].count, MANY);
        for (unsigned i = 0; i < MANY; i++) {
            char text[16];
            snprintf(text, sizeof text, "%u", i);
            assert_true(is_message(&r[k], i, str_c(text)));
        }
        assert_string_equal(r[k].from, w->node[k].name);
    }
    stop_all(w);
    receiver_free(&r[0]);
    receiver_free(&r[1]);
}

static void what_nobody_can_take_is_lost_and_nothing_else(void **state)
{
    struct world *w = *state;
    struct receiver r;
    listen_at(&r, &w->node[1], 0, 1);
    char *big = mem_zero(BROKER_MESSAGE_MAX + 1);
    struct str largest = str_make(big, BROKER_MESSAGE_MAX), too_large = str_make(big, BROKER_MESSAGE_MAX + 1);
    struct str together[] = {STR("x"), largest};
    send_text(&w->node[0], "nobody", 1, "lost");
    send_text(&w->node[0], "beta.2", 2, "lost");
    send_batch(&w->node[0], 0, "beta.2", 1, &too_large, 1);
    send_batch(&w->node[0], 0, "beta.2", 1, together, 2);
    send_batch(&w->node[0], 0, "beta.2", 1, &largest, 1);
    send_text(&w->node[0], "beta.2", 1, "last");
    wait_messages(&r, 2);
    assert_int_equal(r.message[0]->n, BROKER_MESSAGE_MAX);
    assert_true(is_message(&r, 1, STR("last")));
    stop_all(w);
    mem_free(big);
    receiver_free(&r);
}

static void block(struct node *n, void *arg)
{
    (void)n;
    sem_t *s = arg;
    sem_post(&s[0]);
    while (sem_wait(&s[1]))
        ;
}

struct blocker {
    struct task task;
    sem_t s[2];
};
static void block_run(struct task *t)
{
    block(NULL, list_item(t, struct blocker, task)->s);
}

static bool last_is_short(void *arg)
{
    struct receiver *r = arg;
    return r->count && r->message[r->count - 1]->n == 4;
}

static bool has_bytes(void *arg)
{
    struct receiver *r = arg;
    return r->bytes >= BROKER_MESSAGE_MAX;
}

/* Sends until the last one has come: there may be no room for some. */
static void send_until_heard(struct node *n, struct receiver *r, const char *text)
{
    bool heard = false;
    for (unsigned i = 0; i < 100 && !heard; i++) {
        send_text(n, "beta.2", r->port.number, text);
        heard = waits_until(last_is_short, r, 100);
    }
    assert_true(heard);
}

/* A receiver that does not keep up costs a bounded number of bytes; then it hears again. */
static void a_port_that_is_full_loses(void **state)
{
    struct world *w = *state;
    struct receiver r, other;
    struct blocker b = {.task.run = block_run};
    listen_at(&r, &w->node[1], 0, 1);
    listen_at(&other, &w->node[1], 1, 2);
    r.keep = false;
    sem_init(&b.s[0], 0, 0);
    sem_init(&b.s[1], 0, 0);
    loop_post(w->node[1].loop[0], &b.task);
    while (sem_wait(&b.s[0]))
        ;
    char *big = mem_zero(BROKER_MESSAGE_MAX / 2);
    struct str half = str_make(big, BROKER_MESSAGE_MAX / 2);
    for (unsigned i = 0; i < 2 * BROKER_INBOX_BYTES / half.n; i++)
        send_batch(&w->node[0], 0, "beta.2", 1, &half, 1);
    send_until_heard(&w->node[0], &other, "past"); /* nothing of it is on its way any more */
    sem_post(&b.s[1]);
    send_until_heard(&w->node[0], &r, "more"); /* what comes now arrives, behind the rest */
    seen_begin();
    assert_true(r.bytes <= BROKER_INBOX_BYTES + BROKER_MESSAGE_MAX);
    r.bytes = 0;
    seen_end();
    send_batch(&w->node[0], 0, "beta.2", 1, &half, 1); /* large ones too */
    send_batch(&w->node[0], 0, "beta.2", 1, &half, 1);
    wait_until(has_bytes, &r);
    stop_all(w);
    mem_free(big);
    receiver_free(&r);
    receiver_free(&other);
    sem_destroy(&b.s[0]);
    sem_destroy(&b.s[1]);
}

/* --- holding --- */

/* Which of these holds; waits until one does. */
static bool one_is_held(void *arg)
{
    struct holding *h = arg;
    return h[0].helds + h[1].helds + h[2].helds > 0;
}
static unsigned wait_holder(struct holding *h)
{
    wait_until(one_is_held, h);
    seen_begin();
    unsigned at = h[0].helds ? 0 : h[1].helds ? 1 : 2;
    assert_int_equal(h[0].helds + h[1].helds + h[2].helds, 1);
    seen_end();
    return at;
}

static void check_numbers(struct holding *h, size_t from, unsigned publisher, unsigned first, size_t count)
{
    seen_begin();
    assert_true(h->count >= from + count);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(h->record[from + i].publisher, publisher);
        assert_int_equal(h->record[from + i].number, first + i);
    }
    seen_end();
}

static void one_of_all_holds_an_empty_queue(void **state)
{
    struct world *w = *state;
    struct holding h[NODES] = {0};
    for (unsigned i = 0; i < NODES; i++)
        subscribe(&h[i], &w->node[i], i % LOOPS, 9);
    unsigned holder = wait_holder(h);
    assert_int_equal(publish_many(&w->node[(holder + 1) % NODES], 0, 9, 1, 1, 3), 0);
    wait_records(&h[holder], 3);
    check_numbers(&h[holder], 0, 1, 1, 3);
    for (unsigned i = 0; i < NODES; i++) {
        assert_int_equal(h[i].helds, i == holder);
        assert_int_equal(h[i].count, i == holder ? 3 : 0);
    }
    stop_all(w);
    for (unsigned i = 0; i < NODES; i++)
        holding_release(&h[i]);
}

static void the_last_one_to_release_leaves_what_comes_to_the_first_again(void **state)
{
    struct world *w = *state;
    struct holding a = {0}, b = {0};
    subscribe(&a, &w->node[0], 0, 0);
    wait_held(&a);
    assert_int_equal(publish_many(&w->node[0], 0, 0, 1, 1, 2), 0);
    wait_records(&a, 2);
    release(&a);
    assert_int_equal(publish_many(&w->node[0], 0, 0, 1, 3, 2), 0); /* with nobody there */
    subscribe(&b, &w->node[1], 1, 0);
    wait_records(&b, 4);
    assert_int_equal(publish_many(&w->node[0], 0, 0, 1, 5, 1), 0);
    wait_records(&b, 5);
    check_numbers(&b, 0, 1, 1, 5);
    assert_true(b.record[0].again > 0);
    assert_int_equal(b.record[4].again, 0);
    acknowledge(&b, b.record[4].tag);
    release(&b);
    subscribe(&a, &w->node[0], 0, 0); /* with the same struct, which saw nothing yet in this life */
    wait_held(&a);
    assert_int_equal(publish_many(&w->node[2], 0, 0, 1, 6, 1), 0);
    wait_records(&a, 1);
    check_numbers(&a, 0, 1, 6, 1);
    stop_all(w);
    holding_release(&a);
    holding_release(&b);
}

struct publisher_thread {
    struct node *node;
    pthread_t thread;
    unsigned number, rounds;
};
static void *publish_rounds(void *arg)
{
    struct publisher_thread *p = arg;
    for (unsigned i = 0; i < p->rounds; i++)
        assert_int_equal(publish_many(p->node, p->number % LOOPS, 3, p->number, 1 + i * 10, 10), 0);
    return NULL;
}

static void every_publisher_keeps_its_order(void **state)
{
    struct world *w = *state;
    struct holding h = {0};
    struct publisher_thread p[NODES];
    subscribe(&h, &w->node[1], 0, 3);
    for (unsigned i = 0; i < NODES; i++) {
        p[i] = (struct publisher_thread){.node = &w->node[i], .number = i + 1, .rounds = 20};
        assert_int_equal(pthread_create(&p[i].thread, NULL, publish_rounds, &p[i]), 0);
    }
    for (unsigned i = 0; i < NODES; i++)
        pthread_join(p[i].thread, NULL);
    wait_records(&h, NODES * 200);
    unsigned next[NODES] = {1, 1, 1};
    for (size_t i = 0; i < h.count; i++)
        assert_int_equal(h.record[i].number, next[h.record[i].publisher - 1]++);
    assert_int_equal(h.count, NODES * 200);
    stop_all(w);
    holding_release(&h);
}

enum { LEFT = 5000, ACKED = 1234 };

/* Release and death are one thing to those who wait; and so a second time, with everything delivered already. */
static void hand_on(struct world *w, void (*give_up)(struct world *w, struct holding *h))
{
    struct holding h[NODES] = {0};
    subscribe(&h[0], &w->node[0], 0, 7);
    wait_held(&h[0]);
    assert_int_equal(publish_many(&w->node[0], 0, 7, 1, 1, LEFT), 0);
    wait_records(&h[0], LEFT);
    acknowledge(&h[0], h[0].record[ACKED - 1].tag);
    assert_int_equal(publish_many(&w->node[2], 1, 7, 1, LEFT + 1, 1), 0);
    wait_records(&h[0], LEFT + 1);
    subscribe(&h[1], &w->node[1], 1, 7);
    give_up(w, &h[0]);
    wait_records(&h[1], LEFT + 1 - ACKED);
    check_numbers(&h[1], 0, 1, ACKED + 1, LEFT + 1 - ACKED);
    acknowledge(&h[1], h[1].record[9].tag);
    assert_int_equal(publish_many(&w->node[1], 1, 7, 1, LEFT + 2, 1), 0);
    wait_records(&h[1], LEFT + 2 - ACKED);
    subscribe(&h[2], &w->node[2], 0, 7);
    give_up(w, &h[1]);
    assert_int_equal(publish_many(&w->node[2], 0, 7, 1, LEFT + 3, 1), 0);
    wait_records(&h[2], LEFT + 3 - ACKED - 10);
    check_numbers(&h[2], 0, 1, ACKED + 11, LEFT + 3 - ACKED - 10);
    stop_all(w);
    for (unsigned i = 0; i < NODES; i++)
        holding_release(&h[i]);
}

static void by_release(struct world *w, struct holding *h)
{
    (void)w;
    release(h);
}
static void by_death(struct world *w, struct holding *h)
{
    node_stop(h->node, w->backend->kill);
}
static void by_leaving(struct world *w, struct holding *h)
{
    (void)w;
    node_stop(h->node, broker_close);
}

static void a_release_hands_on_what_is_left(void **state)
{
    hand_on(*state, by_release);
}
static void a_death_hands_on_what_is_left(void **state)
{
    hand_on(*state, by_death);
}
static void a_node_that_leaves_hands_on_what_is_left(void **state)
{
    hand_on(*state, by_leaving);
}

/* Holds that never held, and their nodes, may go as they like. */
static void who_waits_may_go(void **state)
{
    struct world *w = *state;
    struct holding h[NODES] = {0};
    subscribe(&h[0], &w->node[0], 0, 2);
    wait_held(&h[0]);
    subscribe(&h[1], &w->node[1], 0, 2);
    subscribe(&h[2], &w->node[2], 0, 2);
    release(&h[1]);
    node_stop(&w->node[2], w->backend->kill);
    assert_int_equal(publish_many(&w->node[1], 0, 2, 1, 1, 5), 0);
    wait_records(&h[0], 5);
    subscribe(&h[1], &w->node[1], 1, 2);
    release(&h[0]);
    wait_records(&h[1], 5);
    check_numbers(&h[1], 0, 1, 1, 5);
    assert_int_equal(h[2].helds, 0);
    stop_all(w);
    for (unsigned i = 0; i < NODES; i++)
        holding_release(&h[i]);
}

static void release_in_callback(struct holding *h, const struct broker_record *r, size_t count)
{
    (void)r, (void)count;
    broker_release(h->node->broker, &h->hold);
    memset(&h->hold, 0xA5, sizeof h->hold); /* it is the caller's again */
}
static void release_when_held(struct broker_hold *b)
{
    struct holding *h = (struct holding *)(void *)b;
    seen_begin();
    h->helds++;
    release_in_callback(h, NULL, 0);
    seen_end();
}

static void nothing_comes_after_a_release(void **state)
{
    struct world *w = *state;
    struct holding a = {.also = release_in_callback}, b = {0}, c = {0};
    assert_int_equal(publish_many(&w->node[0], 0, 4, 1, 1, BROKER_BATCH_MAX * 2), 0);
    subscribe(&a, &w->node[0], 0, 4);
    wait_records(&a, 1);
    size_t had = a.count;
    c.node = &w->node[1];
    c.hold = (struct broker_hold){
        .loop = w->node[1].loop[0], .slot = 4, .held = release_when_held, .records = holding_records, .lost = holding_lost};
    on_loop(&w->node[1], 0, subscribe_now, &c);
    wait_held(&c);
    subscribe(&b, &w->node[2], 0, 4);
    wait_records(&b, BROKER_BATCH_MAX * 2);
    check_numbers(&b, 0, 1, 1, BROKER_BATCH_MAX * 2);
    assert_int_equal(a.count, had);
    assert_int_equal(c.count, 0);
    assert_int_equal(a.losts + c.losts, 0);
    stop_all(w);
    holding_release(&a);
    holding_release(&b);
    holding_release(&c);
}

static void acknowledge_in_callback(struct holding *h, const struct broker_record *r, size_t count)
{
    broker_acknowledge(h->node->broker, &h->hold, r[count - 1].tag);
    assert_true(r[count - 1].bytes.n > 0 && r[count - 1].bytes.p[0] == '1'); /* the bytes live on */
}

static void acknowledged_in_the_callback(void **state)
{
    struct world *w = *state;
    struct holding a = {.also = acknowledge_in_callback}, b = {0};
    subscribe(&a, &w->node[0], 0, 4);
    assert_int_equal(publish_many(&w->node[0], 0, 4, 1, 1, 1000), 0);
    wait_records(&a, 1000);
    release(&a);
    subscribe(&b, &w->node[1], 0, 4);
    assert_int_equal(publish_many(&w->node[1], 0, 4, 1, 1001, 1), 0);
    wait_records(&b, 1);
    check_numbers(&b, 0, 1, 1001, 1);
    stop_all(w);
    holding_release(&a);
    holding_release(&b);
}

static void slots_do_not_know_each_other(void **state)
{
    struct world *w = *state;
    struct holding *h = mem_zero(BROKER_SLOTS * sizeof *h);
    for (unsigned i = 0; i < BROKER_SLOTS; i++)
        subscribe(&h[i], &w->node[i % NODES], i % LOOPS, i);
    for (unsigned i = 0; i < BROKER_SLOTS; i++)
        assert_int_equal(publish_many(&w->node[(i + 1) % NODES], 0, i, i + 1, 1, 5), 0);
    for (unsigned i = 0; i < BROKER_SLOTS; i++) {
        wait_records(&h[i], 5);
        check_numbers(&h[i], 0, i + 1, 1, 5);
        assert_int_equal(h[i].count, 5);
    }
    stop_all(w);
    for (unsigned i = 0; i < BROKER_SLOTS; i++)
        holding_release(&h[i]);
    mem_free(h);
}

/* --- limits --- */

static void same_bytes(struct holding *h, const struct broker_record *r, size_t count)
{
    (void)h;
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < r[i].bytes.n; k++)
            assert_int_equal((unsigned char)r[i].bytes.p[k], (unsigned char)(k * 31 >> 3));
}

static void records_of_all_sizes(void **state)
{
    struct world *w = *state;
    struct holding h = {.also = same_bytes};
    char *big = mem_alloc(BROKER_RECORD_MAX + 1);
    for (size_t i = 0; i <= BROKER_RECORD_MAX; i++)
        big[i] = (char)(i * 31 >> 3);
    subscribe(&h, &w->node[0], 0, 11);
    assert_int_equal(publish_bytes(&w->node[1], 0, 11, str_make(big, 1)), ERR_OK); /* one NUL */
    assert_int_equal(publish_bytes(&w->node[1], 0, 11, str_make(big, 0)), ERR_TOO_LARGE);
    assert_int_equal(publish_bytes(&w->node[1], 0, 11, str_make(big, BROKER_RECORD_MAX + 1)), ERR_TOO_LARGE);
    assert_int_equal(publish_bytes(&w->node[1], 0, 11, str_make(big, BROKER_RECORD_MAX)), ERR_OK);
    assert_int_equal(publish_bytes(&w->node[1], 0, 11, str_make(big, 300000)), ERR_OK);
    wait_records(&h, 3);
    assert_int_equal(h.record[0].bytes, 1);
    assert_int_equal(h.record[1].bytes, BROKER_RECORD_MAX);
    assert_int_equal(h.record[2].bytes, 300000);
    stop_all(w);
    mem_free(big);
    holding_release(&h);
}

static void the_backlog_is_bounded_in_records(void **state)
{
    struct world *w = *state;
    struct holding a = {0}, b = {0};
    subscribe(&a, &w->node[0], 0, 12);
    wait_held(&a);
    for (unsigned at = 0; at < BROKER_BACKLOG_RECORDS; at += 1000)
        assert_int_equal(publish_many(&w->node[0], 0, 12, 1, at + 1, 1000), 0);
    wait_records(&a, BROKER_BACKLOG_RECORDS);
    assert_int_equal(publish_bytes(&w->node[0], 0, 12, STR("9:9;")), ERR_UNAVAILABLE);
    /* All of it can be under way at once, and still comes in order to the next, and the one after. */
    release(&a);
    subscribe(&b, &w->node[1], 0, 12);
    wait_records(&b, BROKER_BACKLOG_RECORDS);
    check_numbers(&b, 0, 1, 1, BROKER_BACKLOG_RECORDS);
    release(&b);
    subscribe(&a, &w->node[0], 0, 12);
    wait_records(&a, BROKER_BACKLOG_RECORDS);
    check_numbers(&a, 0, 1, 1, BROKER_BACKLOG_RECORDS);
    acknowledge(&a, a.record[99].tag);
    assert_int_equal(publish_many(&w->node[0], 0, 12, 1, BROKER_BACKLOG_RECORDS + 1, 50), 0);
    wait_records(&a, BROKER_BACKLOG_RECORDS + 50);
    check_numbers(&a, BROKER_BACKLOG_RECORDS, 1, BROKER_BACKLOG_RECORDS + 1, 50);
    stop_all(w);
    holding_release(&a);
    holding_release(&b);
}

static void the_backlog_is_bounded_in_bytes(void **state)
{
    struct world *w = *state;
    struct holding h = {0};
    char *big = mem_zero(BROKER_RECORD_MAX);
    struct str record = str_make(big, BROKER_RECORD_MAX);
    subscribe(&h, &w->node[0], 0, 13);
    wait_held(&h);
    size_t fit = BROKER_BACKLOG_BYTES / record.n;
    for (size_t i = 0; i < fit; i++) {
        assert_int_equal(publish_bytes(&w->node[0], 0, 13, record), ERR_OK);
        wait_records(&h, i + 1);
    }
    assert_int_equal(publish_bytes(&w->node[0], 0, 13, record), ERR_UNAVAILABLE);
    struct broker_stats st;
    broker_stats(w->node[0].broker, &st);
    assert_int_equal(st.backlog_bytes, fit * record.n);
    assert_int_equal(st.backlog_records, fit);
    assert_int_equal(st.holding, 1);
    acknowledge(&h, h.record[0].tag);
    assert_int_equal(publish_bytes(&w->node[0], 0, 13, record), ERR_OK);
    stop_all(w);
    mem_free(big);
    holding_release(&h);
}

/* --- who is there --- */

struct roll {
    struct broker_watch watch; /* first */
    char text[512];            /* of the last list: name=announcement, sorted */
};

static void note_roll(struct broker_watch *b, const struct broker_node *node, size_t count)
{
    struct roll *r = (struct roll *)(void *)b;
    struct str done = {0};
    seen_begin();
    r->text[0] = 0;
    size_t n = 0;
    for (size_t k = 0; k < count; k++) {
        const struct broker_node *next = NULL;
        for (size_t i = 0; i < count; i++)
            if (str_cmp(node[i].name, done) > 0 && (!next || str_cmp(node[i].name, next->name) < 0)) next = &node[i];
        assert_non_null(next);
        done = next->name;
        n += (size_t)snprintf(r->text + n, sizeof r->text - n, "%.*s=%.*s ", STR_FMT(next->name), STR_FMT(next->announcement));
    }
    seen_end();
}
static void watch_now(struct node *n, void *arg)
{
    broker_watch(n->broker, &((struct roll *)arg)->watch);
}
static void announce_now(struct node *n, void *arg)
{
    broker_announce(n->broker, str_c(arg));
}
static void announce(struct node *n, const char *text)
{
    on_loop(n, 1, announce_now, (void *)(uintptr_t)text);
}
struct wanted_roll {
    struct roll *roll;
    const char *text;
};
static bool roll_is(void *arg)
{
    struct wanted_roll *w = arg;
    return strcmp(w->roll->text, w->text) == 0;
}
static void wait_roll(struct roll *r, const char *text)
{
    wait_until(roll_is, &(struct wanted_roll){r, text});
}

static void nodes_see_each_other(void **state)
{
    struct world *w = *state;
    struct roll a = {.watch = {.loop = w->node[0].loop[0], .changed = note_roll}, .text = "?"},
                b = {.watch = {.loop = w->node[1].loop[1], .changed = note_roll}, .text = "?"};
    on_loop(&w->node[0], 0, watch_now, &a);
    wait_roll(&a, ""); /* nobody has announced anything */
    announce(&w->node[0], "one");
    wait_roll(&a, "alpha=one ");
    on_loop(&w->node[1], 1, watch_now, &b);
    wait_roll(&b, "alpha=one ");
    announce(&w->node[1], "two");
    announce(&w->node[2], "");
    wait_roll(&a, "Gamma-3_x= alpha=one beta.2=two ");
    announce(&w->node[1], "three");
    wait_roll(&a, "Gamma-3_x= alpha=one beta.2=three ");
    wait_roll(&b, "Gamma-3_x= alpha=one beta.2=three ");
    node_stop(&w->node[2], w->backend->kill);
    wait_roll(&a, "alpha=one beta.2=three ");
    node_stop(&w->node[0], broker_close);
    wait_roll(&b, "beta.2=three ");
}

static void names_are_checked(void **state)
{
    struct world *w = *state;
    static const char *const bad[] = {"", "a b", "\xc3\xa4", "a/b", "12345678901234567890123456789012345678901234567890123456789012345"};
    struct broker *b = NULL;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(w->backend->attach(w->place, str_c(bad[i]), &b), ERR_INVALID_PARAM);
    assert_int_equal(w->backend->attach(w->place, STR("alpha"), &b), ERR_CONFLICT);
    node_stop(&w->node[0], w->backend->kill);
    assert_int_equal(w->backend->attach(w->place, STR("alpha"), &b), ERR_OK); /* the name is free again */
    assert_true(str_is(broker_self(b), "alpha"));
    broker_close(b);
    assert_int_equal(w->backend->attach(w->place, str_c(bad[4] + 1), &b), ERR_OK);
    broker_close(b);
}

/* --- all at once: nodes that publish, hold, acknowledge, release and die, and one book of what the queue must look like --- */

enum { BOOK_MAX = 20000, ROUNDS = 60 };

/* What is known of the queue's order: records by place; those below `acked` may be gone. */
static struct {
    unsigned record[BOOK_MAX]; /* publisher * 100000 + number */
    size_t count, acked;
    struct {
        struct holding *of;
        size_t at, first;
    } reader;
} book;

static void book_open(struct holding *h)
{
    book.reader.of = h;
    book.reader.at = SIZE_MAX; /* the first record tells */
}

static void book_record(struct holding *h, const struct seen_record *s)
{
    unsigned id = s->publisher * 100000 + s->number;
    assert_ptr_equal(book.reader.of, h);
    if (book.reader.at == SIZE_MAX) { /* where it begins: at the first that was not acknowledged, or before if that word was lost */
        for (book.reader.at = 0; book.reader.at < book.count && book.record[book.reader.at] != id;)
            book.reader.at++;
        assert_true(book.reader.at <= book.acked || book.reader.at == book.count);
        if (book.reader.at == book.count) assert_int_equal(book.acked, book.count); /* else something was skipped */
        book.reader.first = book.reader.at;
    }
    if (book.reader.at < book.count)
        assert_int_equal(book.record[book.reader.at], id);
    else if (book.count < BOOK_MAX)
        book.record[book.count++] = id;
    book.reader.at++;
}

static unsigned dice_state = 12345;
static unsigned dice(unsigned sides)
{
    dice_state = dice_state * 1103515245 + 12345;
    return (dice_state >> 16) % sides;
}

static void keep_book(struct holding *h, const struct broker_record *r, size_t count)
{
    if (book.reader.of != h) book_open(h);
    for (size_t i = 0; i < count; i++)
        book_record(h, &h->record[h->count - count + i]);
    if (dice(3) == 0) {
        size_t some = dice((unsigned)count + 1); /* of this delivery */
        if (some) {
            broker_acknowledge(h->node->broker, &h->hold, r[some - 1].tag);
            size_t up_to = book.reader.at - (count - some);
            if (up_to > book.acked) book.acked = up_to;
        }
    }
}

struct storm_publisher {
    struct node *node;
    unsigned number, published;
    pthread_t thread;
};
static void *storm_publish(void *arg)
{
    struct storm_publisher *p = arg;
    for (unsigned i = 0; i < ROUNDS; i++, p->published += 20)
        assert_int_equal(publish_many(p->node, p->number % LOOPS, 5, p->number, p->published + 1, 20), 0);
    return NULL;
}

static bool somebody_has_more(void *arg)
{
    return *(size_t *)arg < book.count;
}

static void check_book(const struct storm_publisher *p)
{
    unsigned next[3] = {1, 1, 1};
    assert_int_equal(book.count, p[1].published + p[2].published);
    for (size_t i = 0; i < book.count; i++)
        assert_int_equal(book.record[i] % 100000, next[book.record[i] / 100000]++);
}

static bool book_is_full(void *arg)
{
    return book.count >= *(size_t *)arg;
}

static void nothing_is_lost_or_reordered_whoever_holds(void **state)
{
    struct world *w = *state;
    struct holding h[NODES] = {0};
    struct storm_publisher p[NODES] = {{0}, {.node = &w->node[1], .number = 1}, {.node = &w->node[2], .number = 2}};
    memset(&book, 0, sizeof book);
    for (unsigned i = 0; i < NODES; i++) {
        h[i].also = keep_book;
        subscribe(&h[i], &w->node[i], 0, 5);
        if (i) assert_int_equal(pthread_create(&p[i].thread, NULL, storm_publish, &p[i]), 0);
    }
    for (unsigned round = 0; round < ROUNDS; round++) {
        seen_begin();
        unsigned i = dice(NODES);
        size_t before = book.count;
        seen_end();
        if (round == ROUNDS / 2) {
            node_stop(&w->node[0], w->backend->kill);
            continue;
        }
        if (!w->node[i].running) continue;
        release(&h[i]);
        seen_begin();
        if (book.reader.of == &h[i]) book.reader.of = NULL;
        seen_end();
        subscribe(&h[i], &w->node[i], 0, 5);
        if (round % 8 == 0 && before < ROUNDS * 20) wait_until(somebody_has_more, &before);
    }
    for (unsigned i = 1; i < NODES; i++)
        pthread_join(p[i].thread, NULL);
    size_t all = p[1].published + p[2].published;
    wait_until(book_is_full, &all);
    stop_all(w);
    check_book(p);
    for (unsigned i = 0; i < NODES; i++)
        holding_release(&h[i]);
}

/* --- all of it, on every back end --- */

#define ON_BACKEND(f)                                                                                                                      \
    {                                                                                                                                      \
#f, f, setup, teardown, NULL                                                                                                       \
    }

static const struct CMUnitTest contract[] = {
    ON_BACKEND(a_message_arrives_as_it_was_sent),
    ON_BACKEND(a_node_can_write_to_itself),
    ON_BACKEND(messages_arrive_in_the_order_of_their_sender),
    ON_BACKEND(what_nobody_can_take_is_lost_and_nothing_else),
    ON_BACKEND(a_port_that_is_full_loses),
    ON_BACKEND(one_of_all_holds_an_empty_queue),
    ON_BACKEND(the_last_one_to_release_leaves_what_comes_to_the_first_again),
    ON_BACKEND(every_publisher_keeps_its_order),
    ON_BACKEND(a_release_hands_on_what_is_left),
    ON_BACKEND(a_death_hands_on_what_is_left),
    ON_BACKEND(a_node_that_leaves_hands_on_what_is_left),
    ON_BACKEND(who_waits_may_go),
    ON_BACKEND(nothing_comes_after_a_release),
    ON_BACKEND(acknowledged_in_the_callback),
    ON_BACKEND(slots_do_not_know_each_other),
    ON_BACKEND(records_of_all_sizes),
    ON_BACKEND(the_backlog_is_bounded_in_records),
    ON_BACKEND(the_backlog_is_bounded_in_bytes),
    ON_BACKEND(nodes_see_each_other),
    ON_BACKEND(names_are_checked),
    ON_BACKEND(nothing_is_lost_or_reordered_whoever_holds),
};
enum { COUNT = sizeof contract / sizeof *contract };

int main(int argc, char **argv)
{
    int failed = 0;
    (void)argc;
    rabbitmq_or_begin_again(argv, NULL);
    for (size_t i = 0; i < sizeof backends / sizeof *backends; i++) {
        struct CMUnitTest tests[COUNT];
        for (size_t k = 0; k < COUNT; k++) {
            tests[k] = contract[k];
            tests[k].initial_state = (void *)(uintptr_t)&backends[i];
        }
        failed += cmocka_run_group_tests_name(backends[i].name, tests, NULL, NULL);
    }
    return failed;
}
