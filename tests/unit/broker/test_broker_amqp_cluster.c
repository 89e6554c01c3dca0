/* A RabbitMQ of three nodes: one of them dies or stands still, and everything goes on at the others. */
#include "contract/broker_fixture.h"

#include "base/log.h"
#include "broker_amqp.h"

struct world {
    struct rabbitmq *rabbit;
    struct node node[3];
    struct holding hold[BROKER_SLOTS];
};

static void attach_all(struct world *w)
{
    *w = (struct world){.rabbit = rabbitmq_open()};
    w->rabbit->config.heartbeat_s = 1;
    w->rabbit->config.silence_ms = 3000;
    w->rabbit->config.confirm_ms = 5000;
    for (unsigned i = 0; i < 3; i++) {
        char name[16];
        snprintf(name, sizeof name, "node-%u", i);
        assert_int_equal(broker_amqp_attach(&w->rabbit->config, str_c(name), &w->node[i].broker, NULL), ERR_OK);
        node_start(&w->node[i]);
    }
}

static void leave_all(struct world *w)
{
    for (unsigned i = 0; i < 3; i++)
        node_stop(&w->node[i], broker_close);
    for (unsigned i = 0; i < BROKER_SLOTS; i++)
        holding_release(&w->hold[i]);
    mem_free(w->rabbit);
}

/* Until one gets through; returns how many were tried. */
static unsigned publish_until_taken(struct node *n, unsigned slot, unsigned number)
{
    struct timespec pause = {.tv_nsec = 50000000};
    char text[32];
    for (unsigned i = 0;; i++) {
        snprintf(text, sizeof text, "1:%u;", number);
        if (publish_bytes(n, 0, slot, str_c(text)) == ERR_OK) return i + 1;
        assert_true(i < 600);
        nanosleep(&pause, NULL);
    }
}

static bool ends_with_999(void *arg)
{
    struct holding *h = arg;
    return h->count && h->record[h->count - 1].number == 999;
}

enum { BEFORE = 20 };

/* All that was taken before is there once, in order; one whose fate was unknown may be there, too. */
static void check(struct holding *h)
{
    unsigned next = 1;
    for (size_t i = 0; i < h->count; i++)
        if (h->record[i].number < 900) assert_int_equal(h->record[i].number, next++);
    assert_int_equal(next, BEFORE + 1);
}

static void survives(const char *fault, const char *repair)
{
    struct world w;
    attach_all(&w);
    for (unsigned s = 0; s < BROKER_SLOTS; s++) {
        subscribe(&w.hold[s], &w.node[s % 3], s % LOOPS, s);
        assert_int_equal(publish_many(&w.node[s % 3], 0, s, 1, 1, BEFORE), 0);
    }
    for (unsigned s = 0; s < BROKER_SLOTS; s++)
        wait_records(&w.hold[s], BEFORE);
    rabbitmq_do(fault);
    for (unsigned s = 0; s < BROKER_SLOTS; s++) {
        publish_until_taken(&w.node[s % 3], s, 999);
        if (is_lost(&w.hold[s])) subscribe(&w.hold[s], &w.node[s % 3], s % LOOPS, s);
    }
    for (unsigned s = 0; s < BROKER_SLOTS; s++) {
        while (!waits_until(ends_with_999, &w.hold[s], 200))
            if (is_lost(&w.hold[s])) subscribe(&w.hold[s], &w.node[s % 3], s % LOOPS, s);
        check(&w.hold[s]);
    }
    rabbitmq_do(repair);
    leave_all(&w);
}

static void a_broker_node_dies(void **state)
{
    (void)state;
    survives("kill 1", "start 1");
}

static void a_broker_node_stands_still(void **state)
{
    (void)state;
    survives("pause 2", "continue 2");
}

int main(int argc, char **argv)
{
    rabbitmq_or_begin_again(argv, "--nodes=3");
    if (argc > 1) cmocka_set_test_filter(argv[1]);
    log_setup((enum log_level)(LOG_ERROR + 1), false);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_broker_node_dies),
        cmocka_unit_test(a_broker_node_stands_still),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
