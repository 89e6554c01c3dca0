/* The contract of the broker (broker/broker.h): messages between nodes, and who is there. Holds: test_broker_hold.c. */
#include "contract/broker_backends.h"

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

int main(int argc, char **argv)
{
    struct CMUnitTest tests[] = {
        ON_BACKEND(a_message_arrives_as_it_was_sent),
        ON_BACKEND(a_node_can_write_to_itself),
        ON_BACKEND(messages_arrive_in_the_order_of_their_sender),
        ON_BACKEND(what_nobody_can_take_is_lost_and_nothing_else),
        ON_BACKEND(a_port_that_is_full_loses),
        ON_BACKEND(nodes_see_each_other),
        ON_BACKEND(names_are_checked),
    };
    (void)argc;
    return on_all_backends(argv, tests, sizeof tests / sizeof *tests);
}
