/* The brokers around a broker: one that fails on command, one that counts. And what only the in-process broker can be told to do. */
#include "contract/broker_fixture.h"

#include "broker/faulty.h"
#include "broker/local/local.h"
#include "broker/trace.h"

struct world {
    struct broker_exchange *exchange;
    struct node a, b;
};

static struct broker *attach(struct world *w, const char *name)
{
    struct broker *b;
    assert_int_equal(broker_local_attach(w->exchange, str_c(name), &b, NULL), ERR_OK);
    return b;
}

static int setup(void **state)
{
    struct world *w = mem_zero(sizeof *w);
    w->exchange = broker_exchange_new();
    *state = w;
    return 0;
}
static void start(struct world *w, struct broker *a, struct broker *b)
{
    w->a = (struct node){.name = "a", .broker = a};
    w->b = (struct node){.name = "b", .broker = b};
    node_start(&w->a);
    node_start(&w->b);
}
static void stop(struct world *w)
{
    node_stop(&w->a, broker_close);
    node_stop(&w->b, broker_close);
}
static int teardown(void **state)
{
    struct world *w = *state;
    stop(w);
    broker_exchange_free(w->exchange);
    mem_free(w);
    return 0;
}

/* --- messages --- */

struct receiver {
    struct broker_port port; /* first */
    char text[256];
    int64_t at_ms;
};
static void receive(struct broker_port *p, struct str from, const struct str *message, size_t count)
{
    struct receiver *r = (struct receiver *)(void *)p;
    seen_begin();
    assert_true(str_is(from, "a"));
    for (size_t i = 0; i < count; i++)
        snprintf(r->text + strlen(r->text), sizeof r->text - strlen(r->text), "%.*s ", STR_FMT(message[i]));
    r->at_ms = loop_now_ms(loop_current());
    seen_end();
}
static void listen_now(struct node *n, void *arg)
{
    broker_listen(n->broker, arg);
}
static void send_now(struct node *n, void *arg)
{
    for (const char *c = arg; *c; c++) {
        struct str s = str_make(c, 1);
        broker_send(n->broker, STR("b"), 0, &s, 1);
    }
}
static void send_text(struct world *w, const char *letters)
{
    on_loop(&w->a, 0, send_now, (void *)(uintptr_t)letters);
}
static void listen_at(struct world *w, struct receiver *r)
{
    *r = (struct receiver){.port = {.loop = w->b.loop[0], .received = receive}};
    on_loop(&w->b, 0, listen_now, r);
}
struct wanted {
    struct receiver *r;
    const char *text;
};
static bool text_is(void *arg)
{
    struct wanted *w = arg;
    return strcmp(w->r->text, w->text) == 0;
}

static void every_nth_message_is_lost_or_comes_twice(void **state)
{
    struct world *w = *state;
    struct receiver r;
    struct broker *f = broker_faulty_new(attach(w, "a"));
    start(w, f, attach(w, "b"));
    listen_at(w, &r);
    broker_faulty_lose_every(f, 3);
    send_text(w, "abcdefg");
    wait_until(text_is, &(struct wanted){&r, "a b d e g "});
    broker_faulty_lose_every(f, 0);
    broker_faulty_repeat_every(f, 4);
    send_text(w, "hijkl");
    wait_until(text_is, &(struct wanted){&r, "a b d e g h h i j k l l "});
    stop(w);
}

static bool is_vowel(void *arg, struct str message)
{
    (void)arg;
    return strchr("aeiou", message.p[0]) != NULL;
}

static void chosen_messages_are_lost(void **state)
{
    struct world *w = *state;
    struct receiver r;
    struct broker *f = broker_faulty_new(attach(w, "a"));
    broker_faulty_lose_if(f, is_vowel, NULL);
    start(w, f, attach(w, "b"));
    listen_at(w, &r);
    send_text(w, "abcdefg");
    wait_until(text_is, &(struct wanted){&r, "b c d f g "});
    stop(w);
}

static void messages_are_late_and_in_order(void **state)
{
    struct world *w = *state;
    struct receiver r;
    struct broker *f = broker_faulty_new(attach(w, "a"));
    start(w, f, attach(w, "b"));
    listen_at(w, &r);
    broker_faulty_delay_ms(f, 30);
    int64_t before = (int64_t)(uv_hrtime() / 1000000);
    send_text(w, "abc");
    wait_until(text_is, &(struct wanted){&r, "a b c "});
    assert_true((int64_t)(uv_hrtime() / 1000000) - before >= 29);
    broker_faulty_delay_ms(f, 3600000); /* never: freed at the end */
    send_text(w, "d");
    broker_faulty_delay_ms(f, 0);
    send_text(w, "e");
    wait_until(text_is, &(struct wanted){&r, "a b c e "});
    stop(w);
}

/* --- holding --- */

static void the_nth_delivery_drops_its_hold(void **state)
{
    struct world *w = *state;
    struct holding h = {0}, other = {0};
    struct broker *f = broker_faulty_new(attach(w, "a"));
    start(w, f, attach(w, "b"));
    subscribe(&h, &w->a, 0, 1);
    wait_held(&h);
    broker_faulty_drop_nth(f, 2);
    assert_int_equal(publish_many(&w->a, 0, 1, 1, 1, 1), 0);
    wait_records(&h, 1);
    assert_int_equal(publish_many(&w->a, 0, 1, 1, 2, 1), 0);
    wait_until(is_lost, &h);
    assert_int_equal(h.count, 1);
    subscribe(&other, &w->b, 0, 1);
    wait_records(&other, 2); /* the one that never arrived, too */
    assert_int_equal(other.record[1].number, 2);
    subscribe(&h, &w->a, 0, 1);
    release(&other);
    wait_records(&h, 2);
    stop(w);
    holding_release(&h);
    holding_release(&other);
}

static void publishes_are_refused_or_of_unknown_fate(void **state)
{
    struct world *w = *state;
    struct holding h = {0};
    struct broker *f = broker_faulty_new(attach(w, "a"));
    start(w, f, attach(w, "b"));
    subscribe(&h, &w->b, 0, 1);
    broker_faulty_publish_nth(f, 2, PUBLISH_REFUSED);
    assert_int_equal(publish_bytes(&w->a, 0, 1, STR("1:1;")), ERR_OK);
    assert_int_equal(publish_bytes(&w->a, 0, 1, STR("1:2;")), ERR_UNAVAILABLE);
    broker_faulty_publish_nth(f, 1, PUBLISH_LOST_UNKNOWN);
    assert_int_equal(publish_bytes(&w->a, 0, 1, STR("1:3;")), ERR_TIMEOUT);
    broker_faulty_publish_nth(f, 1, PUBLISH_THERE_UNKNOWN);
    assert_int_equal(publish_bytes(&w->a, 0, 1, STR("1:4;")), ERR_TIMEOUT);
    broker_faulty_refuse_all(f, true);
    assert_int_equal(publish_bytes(&w->a, 0, 1, STR("1:5;")), ERR_UNAVAILABLE);
    assert_int_equal(publish_bytes(&w->a, 0, 1, STR("1:6;")), ERR_UNAVAILABLE);
    broker_faulty_refuse_all(f, false);
    assert_int_equal(publish_bytes(&w->a, 0, 1, STR("1:7;")), ERR_OK);
    wait_records(&h, 3);
    assert_int_equal(h.count, 3);
    assert_int_equal(h.record[1].number, 4);
    assert_int_equal(h.record[2].number, 7);
    stop(w);
    holding_release(&h);
}

struct crowd {
    struct broker_watch watch; /* first */
    size_t count;
};
static void note_crowd(struct broker_watch *w, const struct broker_node *node, size_t count)
{
    (void)node;
    seen_begin();
    ((struct crowd *)(void *)w)->count = count;
    seen_end();
}
static void watch_now(struct node *n, void *arg)
{
    broker_watch(n->broker, arg);
}
static void announce_now(struct node *n, void *arg)
{
    broker_announce(n->broker, str_c(arg));
}
static bool is_one(void *arg)
{
    return ((struct crowd *)arg)->count == 1;
}
static bool are_two(void *arg)
{
    return ((struct crowd *)arg)->count == 2;
}

static void an_expelled_node_is_not_seen_until_it_calls(void **state)
{
    struct world *w = *state;
    start(w, attach(w, "a"), attach(w, "b"));
    struct crowd c = {.watch = {.loop = w->b.loop[0], .changed = note_crowd}};
    on_loop(&w->a, 0, announce_now, (void *)(uintptr_t) "x");
    on_loop(&w->b, 0, announce_now, (void *)(uintptr_t) "y");
    on_loop(&w->b, 0, watch_now, &c);
    wait_until(are_two, &c);
    broker_local_expel(w->a.broker);
    wait_until(is_one, &c);
    send_text(w, "x");
    wait_until(are_two, &c);
    stop(w);
}

/* A node that the broker takes for dead: it is told, may still publish, and can come back. */
static void an_expelled_node_loses_what_it_holds(void **state)
{
    struct world *w = *state;
    struct holding h = {0}, waits = {0}, other = {0};
    start(w, attach(w, "a"), attach(w, "b"));
    subscribe(&h, &w->a, 0, 1);
    wait_held(&h);
    subscribe(&other, &w->b, 0, 2);
    subscribe(&waits, &w->a, 1, 2);
    assert_int_equal(publish_many(&w->a, 0, 1, 1, 1, 3), 0);
    wait_records(&h, 3);
    broker_local_expel(w->a.broker);
    wait_until(is_lost, &h);
    wait_until(is_lost, &waits);
    assert_int_equal(publish_many(&w->a, 0, 1, 1, 4, 1), 0); /* late */
    release(&other);
    subscribe(&other, &w->b, 0, 1);
    wait_records(&other, 4);
    subscribe(&h, &w->a, 0, 1);
    release(&other);
    wait_records(&h, 4);
    stop(w);
    holding_release(&h);
    holding_release(&waits);
    holding_release(&other);
}

static void calls_are_counted(void **state)
{
    struct world *w = *state;
    struct receiver r;
    struct holding h = {0};
    struct broker_trace n;
    struct broker *t = broker_trace_new(broker_faulty_new(attach(w, "a"))), *f = broker_trace_new(attach(w, "b"));
    start(w, t, f);
    listen_at(w, &r);
    send_text(w, "ab");
    wait_until(text_is, &(struct wanted){&r, "a b "});
    subscribe(&h, &w->a, 0, 1);
    assert_int_equal(publish_many(&w->a, 0, 1, 1, 1, 3), 0);
    assert_int_equal(publish_bytes(&w->a, 0, 1, STR("")), ERR_TOO_LARGE);
    wait_records(&h, 3);
    release(&h);
    subscribe(&h, &w->a, 0, 1);
    wait_records(&h, 3);
    acknowledge(&h, h.record[2].tag);
    broker_trace_counts(t, &n);
    assert_int_equal(n.sends, 2);
    assert_int_equal(n.messages, 2);
    assert_int_equal(n.subscribes, 2);
    assert_int_equal(n.releases, 1);
    assert_int_equal(n.held, 2);
    assert_int_equal(n.records, 6);
    assert_int_equal(n.again, 3);
    assert_int_equal(n.acknowledges, 1);
    assert_int_equal(n.publishes, 4);
    assert_int_equal(n.publishes_failed, 1);
    broker_trace_counts(f, &n);
    assert_int_equal(n.received, 2);
    struct broker_stats st;
    broker_stats(t, &st);
    assert_int_equal(st.acknowledged, 3);
    assert_int_equal(st.backlog_records, 0);
    assert_int_equal(st.holding, 1);
    stop(w);
    holding_release(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(chosen_messages_are_lost, setup, teardown),
        cmocka_unit_test_setup_teardown(every_nth_message_is_lost_or_comes_twice, setup, teardown),
        cmocka_unit_test_setup_teardown(messages_are_late_and_in_order, setup, teardown),
        cmocka_unit_test_setup_teardown(the_nth_delivery_drops_its_hold, setup, teardown),
        cmocka_unit_test_setup_teardown(publishes_are_refused_or_of_unknown_fate, setup, teardown),
        cmocka_unit_test_setup_teardown(an_expelled_node_loses_what_it_holds, setup, teardown),
        cmocka_unit_test_setup_teardown(an_expelled_node_is_not_seen_until_it_calls, setup, teardown),
        cmocka_unit_test_setup_teardown(calls_are_counted, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
