/* What only the back end on RabbitMQ can meet: a broker that goes, stands still, refuses, or loses a queue. */
#include "contract/broker_fixture.h"

#include "base/log.h"
#include "broker_amqp.h"
#include "unit/broker/proxy.h"

struct world {
    struct rabbitmq *rabbit;
    struct node node[2];
    struct holding hold;
};

static void world_init(struct world *w)
{
    *w = (struct world){.rabbit = rabbitmq_open()};
    w->rabbit->config.heartbeat_s = 1;
    w->rabbit->config.silence_ms = 2000;
    w->rabbit->config.confirm_ms = 3000;
}

static void attach(struct world *w, unsigned i)
{
    char name[16];
    snprintf(name, sizeof name, "node-%u", i);
    assert_int_equal(broker_amqp_attach(&w->rabbit->config, str_c(name), &w->node[i].broker, NULL), ERR_OK);
    node_start(&w->node[i]);
}

static void world_release(struct world *w)
{
    for (unsigned i = 0; i < 2; i++)
        node_stop(&w->node[i], broker_close);
    holding_release(&w->hold);
    mem_free(w->rabbit);
}

static uint16_t port_of(struct rabbitmq *r)
{
    return (uint16_t)strtoul(strrchr(r->url[0].p, ':') + 1, NULL, 10);
}

static enum err publish_one(struct world *w, unsigned node, unsigned slot, const char *text)
{
    return publish_bytes(&w->node[node], 0, slot, str_c(text));
}

/* Until one gets through: how long a broker needs to be found again, or a queue to be there, nobody knows. */
static void publish_until_taken_at(struct world *w, unsigned node, unsigned slot, const char *text)
{
    struct timespec pause = {.tv_nsec = 50000000};
    enum err e;
    for (unsigned i = 0; (e = publish_one(w, node, slot, text)) != ERR_OK; i++) {
        assert_true(e == ERR_UNAVAILABLE || e == ERR_TIMEOUT);
        assert_true(i < 600);
        nanosleep(&pause, NULL);
    }
}

static void publish_until_taken(struct world *w, unsigned slot, const char *text)
{
    publish_until_taken_at(w, 0, slot, text);
}

static bool has_last(void *arg)
{
    struct holding *h = arg;
    return h->count && h->record[h->count - 1].number == 999;
}

/* --- the broker goes and comes back --- */

/* The names of queues reach its disk half a second after they were made, and a queue whose name is lost stays without a leader. */
static void kill_broker(void)
{
    rabbitmq_do("ctl 1 eval '[dets:sync(T) || T <- dets:all()].'");
    rabbitmq_do("kill 1");
}

static void a_broker_that_comes_back_is_found(void **state)
{
    struct world w;
    (void)state;
    world_init(&w);
    attach(&w, 0);
    subscribe(&w.hold, &w.node[0], 0, 1);
    wait_held(&w.hold);
    assert_int_equal(publish_many(&w.node[0], 0, 1, 1, 1, 300), 0);
    wait_records(&w.hold, 300);
    kill_broker();
    wait_until(is_lost, &w.hold);
    assert_int_equal(publish_one(&w, 0, 1, "1:500;"), ERR_UNAVAILABLE);
    subscribe(&w.hold, &w.node[0], 0, 1); /* while it is away */
    rabbitmq_do("start 1");
    publish_until_taken(&w, 1, "1:999;");
    wait_until(has_last, &w.hold); /* all that was taken is there, in order, and before what came later */
    assert_int_equal(w.hold.count, 301);
    for (unsigned i = 0; i < 300; i++)
        if (w.hold.record[i].number != i + 1) print_message("record %u has number %u\n", i, (unsigned)w.hold.record[i].number);
    for (unsigned i = 0; i < 300; i++)
        assert_int_equal(w.hold.record[i].number, i + 1);
    world_release(&w);
}

static void a_node_starts_without_a_broker(void **state)
{
    struct world w;
    (void)state;
    world_init(&w);
    w.rabbit->config.patience_ms = 300;
    kill_broker();
    attach(&w, 0);
    subscribe(&w.hold, &w.node[0], 0, 2);
    assert_int_equal(publish_one(&w, 0, 2, "1:1;"), ERR_UNAVAILABLE);
    rabbitmq_do("start 1");
    publish_until_taken(&w, 2, "1:999;");
    wait_until(has_last, &w.hold);
    world_release(&w);
}

/* --- the way to it --- */

/* One node behind a proxy, one not. */
static void behind_proxy(struct world *w, struct proxy *p)
{
    char text[64];
    world_init(w);
    proxy_start(p, port_of(w->rabbit));
    attach(w, 1);
    snprintf(text, sizeof text, "amqp://127.0.0.1:%u", p->port);
    w->rabbit->url[0] = str_c(text);
    attach(w, 0);
}

static void a_connection_that_is_cut(void **state)
{
    struct world w;
    struct proxy p;
    (void)state;
    behind_proxy(&w, &p);
    subscribe(&w.hold, &w.node[0], 0, 3);
    wait_held(&w.hold);
    assert_int_equal(publish_many(&w.node[0], 0, 3, 1, 1, 10), 0);
    atomic_store(&p.cut, true);
    wait_until(is_lost, &w.hold);
    subscribe(&w.hold, &w.node[0], 0, 3);
    publish_until_taken(&w, 3, "1:999;");
    wait_until(has_last, &w.hold);
    assert_int_equal(w.hold.count, 11);
    world_release(&w);
    proxy_stop(&p);
}

/* Nothing comes and nothing goes, but nobody says so. The slot moves on, and what was under way has an unknown fate. */
static void a_connection_that_stands_still(void **state)
{
    struct world w;
    struct proxy p;
    struct holding other = {0};
    (void)state;
    behind_proxy(&w, &p);
    subscribe(&w.hold, &w.node[0], 0, 4);
    wait_held(&w.hold);
    assert_int_equal(publish_many(&w.node[0], 0, 4, 1, 1, 10), 0);
    wait_records(&w.hold, 10);
    subscribe(&other, &w.node[1], 1, 4);
    atomic_store(&p.still, true);
    assert_int_equal(publish_one(&w, 0, 4, "1:500;"), ERR_TIMEOUT);
    wait_until(is_lost, &w.hold);
    wait_records(&other, 10);
    for (unsigned i = 0; i < 10; i++)
        assert_int_equal(other.record[i].number, i + 1);
    atomic_store(&p.still, false);
    subscribe(&w.hold, &w.node[0], 0, 4);
    publish_until_taken(&w, 4, "1:999;");
    wait_until(has_last, &other);
    world_release(&w);
    proxy_stop(&p);
    holding_release(&other);
}

/* The broker does not hear that it is asked for a consumer, twice, though it is well. */
static void a_consumer_that_goes_unanswered(void **state)
{
    struct world w;
    struct proxy p;
    struct holding other = {0};
    (void)state;
    behind_proxy(&w, &p);
    atomic_store(&p.lose_consumes, 2);
    subscribe(&w.hold, &w.node[0], 0, 15);
    wait_held(&w.hold);
    assert_int_equal(atomic_load(&p.lose_consumes), 0);
    assert_int_equal(w.hold.losts, 0);
    subscribe(&other, &w.node[1], 1, 15);
    wait_until(is_in_line, &other);
    publish_until_taken_at(&w, 1, 15, "1:999;");
    wait_until(has_last, &w.hold);
    release(&w.hold);
    wait_held(&other);
    world_release(&w);
    proxy_stop(&p);
    holding_release(&other);
}

/* --- what the broker says no to --- */

static void ctl(struct world *w, const char *before, const char *name, const char *after)
{
    char command[256];
    snprintf(command, sizeof command, "ctl 1 %s%s%s%s", before, name ? w->rabbit->prefix : "", name ? name : "", after);
    rabbitmq_do(command);
}

static void a_queue_that_is_deleted_by_hand(void **state)
{
    struct world w;
    (void)state;
    world_init(&w);
    attach(&w, 0);
    subscribe(&w.hold, &w.node[0], 0, 5);
    wait_held(&w.hold);
    assert_int_equal(publish_one(&w, 0, 5, "1:1;"), ERR_OK);
    wait_records(&w.hold, 1);
    ctl(&w, "delete_queue ", ".slot.5", "");
    wait_until(is_lost, &w.hold);
    assert_int_equal(publish_one(&w, 0, 5, "1:2;"), ERR_UNAVAILABLE); /* it has nowhere to go */
    subscribe(&w.hold, &w.node[0], 0, 5);
    wait_held(&w.hold);
    publish_until_taken(&w, 5, "1:999;");
    wait_until(has_last, &w.hold);
    assert_int_equal(w.hold.count, 1);
    world_release(&w);
}

static void a_queue_of_another_kind(void **state)
{
    struct world w;
    (void)state;
    world_init(&w);
    w.rabbit->config.confirm_ms = 500;
    ctl(&w, "eval 'rabbit_amqqueue:declare(rabbit_misc:r(<<\"/\">>, queue, <<\"", ".slot.6",
        "\">>), true, false, [], none, <<\"test\">>).'");
    attach(&w, 0);
    subscribe(&w.hold, &w.node[0], 0, 6);
    assert_int_not_equal(publish_one(&w, 0, 6, "1:1;"), ERR_OK);
    subscribe(&w.hold, &w.node[0], 0, 7); /* others are not touched */
    wait_held(&w.hold);
    assert_int_equal(publish_one(&w, 0, 7, "1:1;"), ERR_OK);
    world_release(&w);
}

static void a_broker_that_is_short_of_memory(void **state)
{
    struct world w;
    (void)state;
    world_init(&w);
    attach(&w, 0);
    subscribe(&w.hold, &w.node[0], 0, 8);
    wait_held(&w.hold);
    assert_int_equal(publish_one(&w, 0, 8, "1:1;"), ERR_OK);
    ctl(&w, "set_vm_memory_high_watermark absolute 1000", NULL, "");
    while (publish_one(&w, 0, 8, "1:2;") != ERR_UNAVAILABLE) /* the first ones may still be under way when it says so */
        continue;
    acknowledge(&w.hold, w.hold.record[0].tag);
    ctl(&w, "set_vm_memory_high_watermark absolute 1GiB", NULL, "");
    publish_until_taken(&w, 8, "1:999;");
    wait_until(has_last, &w.hold);
    assert_int_equal(w.hold.losts, 0);
    world_release(&w);
}

static enum err try_url(const char *before, const char *after, const char *ca_file, struct fault *f)
{
    struct rabbitmq *r = rabbitmq_open();
    char text[200];
    struct broker *b = NULL;
    snprintf(text, sizeof text, "%s%u%s", before, port_of(r), after);
    r->url[0] = str_c(text);
    r->config.ca_file = ca_file;
    enum err e = broker_amqp_attach(&r->config, STR("somebody"), &b, f);
    if (b) broker_close(b);
    mem_free(r);
    return e;
}

static void who_is_refused_is_told_why(void **state)
{
    struct fault f;
    (void)state;
    assert_int_equal(try_url("amqp://guest:secret-word@127.0.0.1:", "", NULL, &f), ERR_FORBIDDEN);
    assert_non_null(strstr(f.text, "ACCESS_REFUSED"));
    assert_null(strstr(f.text, "secret-word"));
    assert_int_equal(try_url("amqp://guest:guest@127.0.0.1:", "/nowhere", NULL, &f), ERR_FORBIDDEN);
    assert_non_null(strstr(f.text, "nowhere"));
    assert_int_equal(try_url("http://127.0.0.1:", "/", NULL, &f), ERR_INVALID_PARAM);
    assert_int_equal(try_url("amqps://127.0.0.1:", "/", "/nowhere/ca.pem", &f), ERR_INVALID_PARAM);
    assert_non_null(strstr(f.text, "/nowhere/ca.pem"));
    assert_int_equal(try_url("amqp://guest:guest@127.0.0.1:", "", NULL, &f), ERR_OK);
}

/* --- TLS --- */

static void with_tls(void **state)
{
    struct world w;
    struct fault f;
    struct broker *b = NULL;
    char text[200];
    (void)state;
    world_init(&w);
    w.rabbit->config.urls = rabbitmq_urls(w.rabbit, "WITH_RABBITMQ_TLS_URLS");
    assert_int_equal(broker_amqp_attach(&w.rabbit->config, STR("node-0"), &b, &f), ERR_FORBIDDEN); /* the system does not believe it */
    assert_non_null(strstr(f.text, "certificate"));
    w.rabbit->config.ca_file = getenv("WITH_RABBITMQ_CA_FILE");
    attach(&w, 0);
    attach(&w, 1);
    subscribe(&w.hold, &w.node[0], 0, 9);
    assert_int_equal(publish_many(&w.node[1], 0, 9, 1, 1, 2000), 0);
    char *big = mem_zero(BROKER_RECORD_MAX);
    assert_int_equal(publish_bytes(&w.node[1], 0, 9, str_make(big, BROKER_RECORD_MAX)), ERR_OK);
    wait_records(&w.hold, 2001);
    assert_int_equal(w.hold.record[2000].bytes, BROKER_RECORD_MAX);
    mem_free(big);
    snprintf(text, sizeof text, "amqps://guest:guest@127.1:%u", port_of(w.rabbit)); /* the same, but the certificate has not that name */
    w.rabbit->url[0] = str_c(text);
    assert_int_equal(broker_amqp_attach(&w.rabbit->config, STR("other"), &b, &f), ERR_FORBIDDEN);
    world_release(&w);
}

/* --- who is there --- */

struct counting {
    struct broker_watch watch; /* first */
    size_t count, fewest;
};
static void count_nodes(struct broker_watch *b, const struct broker_node *node, size_t count)
{
    (void)node;
    seen_begin();
    struct counting *c = (struct counting *)(void *)b;
    c->count = count;
    if (count < c->fewest) c->fewest = count;
    seen_end();
}
static void watch_now(struct node *n, void *arg)
{
    broker_watch(n->broker, &((struct counting *)arg)->watch);
}
static void announce_now(struct node *n, void *arg)
{
    broker_announce(n->broker, str_c(arg));
}
static bool there_are_two(void *arg)
{
    return ((struct counting *)arg)->count == 2;
}
static bool there_is_one(void *arg)
{
    return ((struct counting *)arg)->count == 1;
}
static void kill_now(struct broker *b)
{
    broker_amqp_cut(b);
    broker_close(b);
}

/* Node 0 holds the slot, node 1 waits for it. */
static void hold_and_wait(struct world *w, struct holding *other, unsigned slot)
{
    world_init(w);
    attach(w, 0);
    attach(w, 1);
    subscribe(&w->hold, &w->node[0], 0, slot);
    wait_held(&w->hold);
    subscribe(other, &w->node[1], 1, slot);
    wait_until(is_in_line, other);
}

/* Who waits learns that it is the one by what it publishes itself: also when the line for that has been another one meanwhile. */
static void who_waits_has_lost_the_line_that_gives(void **state)
{
    struct world w;
    struct holding other = {0};
    (void)state;
    hold_and_wait(&w, &other, 12);
    broker_amqp_break_giving(w.node[1].broker);
    publish_until_taken_at(&w, 1, 13, "1:1;"); /* there is another one */
    node_stop(&w.node[0], kill_now);
    wait_held(&other);
    world_release(&w);
    holding_release(&other);
}

/* It stands in line no longer, and may not be taken for one who does. */
static void who_waits_and_loses_its_place_is_told(void **state)
{
    struct world w;
    struct holding other = {0};
    (void)state;
    hold_and_wait(&w, &other, 14);
    broker_amqp_break(w.node[1].broker);
    wait_until(is_lost, &other);
    subscribe(&other, &w.node[1], 1, 14);
    wait_until(is_in_line, &other);
    release(&w.hold);
    wait_held(&other);
    world_release(&w);
    holding_release(&other);
}

static void watch_two(struct world *w, struct counting *c)
{
    *c = (struct counting){.watch = {.loop = w->node[0].loop[0], .changed = count_nodes}};
    on_loop(&w->node[0], 0, watch_now, c);
    on_loop(&w->node[0], 0, announce_now, (void *)(uintptr_t) "a");
    on_loop(&w->node[1], 0, announce_now, (void *)(uintptr_t) "b");
    wait_until(there_are_two, c);
}

/* Its silence alone would tell after a minute. */
static void a_death_is_noticed_by_the_queue(void **state)
{
    struct world w;
    struct counting c;
    (void)state;
    world_init(&w);
    w.rabbit->config.beat_ms = 1000;
    attach(&w, 0);
    w.rabbit->config.beat_ms = 20000;
    attach(&w, 1);
    watch_two(&w, &c);
    node_stop(&w.node[1], kill_now);
    wait_until(there_is_one, &c);
    world_release(&w);
}

/* A node whose connection stands still has its queue, until the broker gives it up. */
static void a_silent_node_is_taken_for_dead(void **state)
{
    struct world w;
    struct proxy p;
    struct counting c;
    (void)state;
    behind_proxy(&w, &p); /* node 0 is behind it */
    c = (struct counting){.watch = {.loop = w.node[1].loop[0], .changed = count_nodes}};
    on_loop(&w.node[1], 0, watch_now, &c);
    on_loop(&w.node[0], 0, announce_now, (void *)(uintptr_t) "a");
    on_loop(&w.node[1], 0, announce_now, (void *)(uintptr_t) "b");
    wait_until(there_are_two, &c);
    atomic_store(&p.still, true);
    wait_until(there_is_one, &c);
    atomic_store(&p.still, false);
    wait_until(there_are_two, &c);
    world_release(&w);
    proxy_stop(&p);
}

/* While the broker is away nobody is taken for dead. */
static void nobody_dies_of_a_broker_that_is_away(void **state)
{
    struct world w;
    struct counting c;
    (void)state;
    world_init(&w);
    w.rabbit->config.beat_ms = 200;
    attach(&w, 0);
    attach(&w, 1);
    watch_two(&w, &c);
    c.fewest = 2;
    kill_broker();
    rabbitmq_do("start 1"); /* takes seconds, many beats */
    publish_until_taken(&w, 10, "1:1;");
    publish_until_taken_at(&w, 1, 11, "1:1;");
    seen_begin();
    assert_int_equal(c.fewest, 2);
    seen_end();
    node_stop(&w.node[1], kill_now); /* and then again somebody is */
    wait_until(there_is_one, &c);
    world_release(&w);
}

int main(int argc, char **argv)
{
    rabbitmq_or_begin_again(argv, "--tls");
    if (argc > 1) cmocka_set_test_filter(argv[1]);
    log_setup((enum log_level)(LOG_ERROR + 1), false);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_connection_that_is_cut),
        cmocka_unit_test(who_waits_has_lost_the_line_that_gives),
        cmocka_unit_test(who_waits_and_loses_its_place_is_told),
        cmocka_unit_test(a_connection_that_stands_still),
        cmocka_unit_test(a_consumer_that_goes_unanswered),
        cmocka_unit_test(a_queue_that_is_deleted_by_hand),
        cmocka_unit_test(a_queue_of_another_kind),
        cmocka_unit_test(a_broker_that_is_short_of_memory),
        cmocka_unit_test(who_is_refused_is_told_why),
        cmocka_unit_test(with_tls),
        cmocka_unit_test(a_death_is_noticed_by_the_queue),
        cmocka_unit_test(a_silent_node_is_taken_for_dead),
        cmocka_unit_test(nobody_dies_of_a_broker_that_is_away),
        cmocka_unit_test(a_broker_that_comes_back_is_found),
        cmocka_unit_test(a_node_starts_without_a_broker),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
