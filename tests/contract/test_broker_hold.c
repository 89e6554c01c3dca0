/* The contract of the broker (broker/broker.h): queues of slots, held by one node at a time. */
#include "contract/broker_backends.h"

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

/* A node knows when it stands in line, and then is before all who come later: a planned hand-over goes to the right one. */
static void who_has_waited_longest_is_the_next(void **state)
{
    struct world *w = *state;
    struct holding h[NODES] = {0};
    subscribe(&h[0], &w->node[0], 0, 11);
    wait_held(&h[0]);
    for (unsigned i = 1; i < NODES; i++) {
        subscribe(&h[i], &w->node[i], 0, 11);
        wait_until(is_in_line, &h[i]);
    }
    assert_int_equal(publish_many(&w->node[0], 0, 11, 1, 1, 3), 0);
    wait_records(&h[0], 3);
    release(&h[1]); /* steps back in line */
    subscribe(&h[1], &w->node[1], 0, 11);
    wait_until(is_in_line, &h[1]);
    release(&h[0]);
    wait_records(&h[2], 3);
    check_numbers(&h[2], 0, 1, 1, 3);
    release(&h[2]);
    wait_records(&h[1], 3);
    stop_all(w);
    for (unsigned i = 0; i < NODES; i++)
        holding_release(&h[i]);
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

int main(int argc, char **argv)
{
    struct CMUnitTest tests[] = {
        ON_BACKEND(one_of_all_holds_an_empty_queue),
        ON_BACKEND(the_last_one_to_release_leaves_what_comes_to_the_first_again),
        ON_BACKEND(every_publisher_keeps_its_order),
        ON_BACKEND(a_release_hands_on_what_is_left),
        ON_BACKEND(a_death_hands_on_what_is_left),
        ON_BACKEND(a_node_that_leaves_hands_on_what_is_left),
        ON_BACKEND(who_has_waited_longest_is_the_next),
        ON_BACKEND(who_waits_may_go),
        ON_BACKEND(nothing_comes_after_a_release),
        ON_BACKEND(acknowledged_in_the_callback),
        ON_BACKEND(slots_do_not_know_each_other),
        ON_BACKEND(records_of_all_sizes),
        ON_BACKEND(the_backlog_is_bounded_in_records),
        ON_BACKEND(the_backlog_is_bounded_in_bytes),
        ON_BACKEND(nothing_is_lost_or_reordered_whoever_holds),
    };
    (void)argc;
    return on_all_backends(argv, tests, sizeof tests / sizeof *tests);
}
