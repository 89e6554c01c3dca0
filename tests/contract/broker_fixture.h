/* What the tests of the broker share: nodes with loops on threads of their own, calls made there, and what the callbacks saw. */
#ifndef ROOKERY_TESTS_BROKER_FIXTURE_H
#define ROOKERY_TESTS_BROKER_FIXTURE_H

#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h> /* wants those above */

#include "base/list.h"
#include "broker/broker.h"

enum { NODES = 3, LOOPS = 2, WAIT_MS = 30000 };

/* --- what happened: callbacks note it under one lock, the test waits for it --- */

static pthread_mutex_t seen_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t seen_more = PTHREAD_COND_INITIALIZER;

static inline void seen_begin(void)
{
    pthread_mutex_lock(&seen_lock);
}
static inline void seen_end(void)
{
    pthread_cond_broadcast(&seen_more);
    pthread_mutex_unlock(&seen_lock);
}

/* Waits until the condition holds, at most so long. The condition is asked under the lock. */
static inline bool waits_until(bool (*holds)(void *arg), void *arg, int64_t ms)
{
    struct timespec end;
    clock_gettime(CLOCK_REALTIME, &end);
    end.tv_sec += ms / 1000;
    end.tv_nsec += ms % 1000 * 1000000;
    if (end.tv_nsec >= 1000000000) end.tv_sec++, end.tv_nsec -= 1000000000;
    pthread_mutex_lock(&seen_lock);
    bool yes;
    while (!(yes = holds(arg)) && pthread_cond_timedwait(&seen_more, &seen_lock, &end) == 0)
        ;
    pthread_mutex_unlock(&seen_lock);
    return yes;
}
static inline void wait_until(bool (*holds)(void *arg), void *arg)
{
    assert_true(waits_until(holds, arg, WAIT_MS));
}

/* --- nodes --- */

struct node {
    const char *name;
    struct broker *broker;
    struct loop *loop[LOOPS];
    pthread_t thread[LOOPS];
    bool running;
};

static inline void *node_thread(void *l)
{
    loop_run(l);
    return NULL;
}

/* Gives the node loops; its broker is attached before. */
static inline void node_start(struct node *n)
{
    for (unsigned i = 0; i < LOOPS; i++) {
        n->loop[i] = loop_new(i);
        assert_int_equal(pthread_create(&n->thread[i], NULL, node_thread, n->loop[i]), 0);
    }
    n->running = true;
}

/* Its loops end, as they do when a process dies; then `end` has to do with its broker. */
static inline void node_stop(struct node *n, void (*end)(struct broker *b))
{
    if (!n->running) return;
    n->running = false;
    for (unsigned i = 0; i < LOOPS; i++) {
        loop_stop(n->loop[i]);
        pthread_join(n->thread[i], NULL);
    }
    end(n->broker);
    for (unsigned i = 0; i < LOOPS; i++)
        loop_free(n->loop[i]);
}

/* --- work on a loop that the test waits for --- */

struct errand {
    struct task task;
    sem_t done;
    void (*fn)(struct node *n, void *arg);
    struct node *node;
    void *arg;
};

static inline void errand_run(struct task *t)
{
    struct errand *e = list_item(t, struct errand, task);
    e->fn(e->node, e->arg);
    sem_post(&e->done);
}

static inline void on_loop(struct node *n, unsigned loop, void (*fn)(struct node *n, void *arg), void *arg)
{
    struct errand e = {.task.run = errand_run, .fn = fn, .node = n, .arg = arg};
    sem_init(&e.done, 0, 0);
    loop_post(n->loop[loop], &e.task);
    while (sem_wait(&e.done))
        ;
    sem_destroy(&e.done);
}

/* --- records: a publisher's number and its own count, in text --- */

struct seen_record {
    unsigned publisher, number, again;
    uint64_t tag;
    size_t bytes;
};

/* A hold, and all that came to it. */
struct holding {
    struct broker_hold hold; /* first */
    struct node *node;
    unsigned loop, waits, helds, losts;
    struct seen_record *record;
    size_t count, cap;
    uint64_t last_tag;
    void (*also)(struct holding *h, const struct broker_record *r, size_t count); /* on its loop, under the lock */
};

static inline void holding_waits(struct broker_hold *h)
{
    struct holding *own = (struct holding *)(void *)h;
    seen_begin();
    assert_int_equal(own->waits++, 0);
    assert_int_equal(own->helds, 0);
    seen_end();
}

static inline void holding_held(struct broker_hold *h)
{
    seen_begin();
    ((struct holding *)(void *)h)->helds++;
    seen_end();
}

static inline void holding_lost(struct broker_hold *h, enum err why)
{
    seen_begin();
    assert_int_not_equal(why, ERR_OK);
    ((struct holding *)(void *)h)->losts++;
    seen_end();
}

static inline void holding_add(struct holding *h, const struct broker_record *r)
{
    struct seen_record s = {.tag = r->tag, .bytes = r->bytes.n, .again = r->again};
    char text[32] = {0};
    memcpy(text, r->bytes.p, r->bytes.n < sizeof text - 1 ? r->bytes.n : sizeof text - 1);
    if (sscanf(text, "%u:%u;", &s.publisher, &s.number) != 2) s.publisher = s.number = 0;
    if (h->count == h->cap) {
        h->cap = h->cap ? h->cap * 2 : 64;
        h->record = mem_resize(h->record, h->cap, sizeof *h->record);
    }
    h->record[h->count++] = s;
    h->last_tag = r->tag;
}

static inline void holding_records(struct broker_hold *h, const struct broker_record *r, size_t count)
{
    struct holding *own = (struct holding *)(void *)h;
    seen_begin();
    assert_int_equal(own->helds, 1);
    for (size_t i = 0; i < count; i++) {
        assert_true(r[i].tag > own->last_tag);
        holding_add(own, &r[i]);
    }
    if (own->also) own->also(own, r, count);
    seen_end();
}

static inline void subscribe_now(struct node *n, void *arg)
{
    broker_subscribe(n->broker, &((struct holding *)arg)->hold);
}
static inline void release_now(struct node *n, void *arg)
{
    broker_release(n->broker, &((struct holding *)arg)->hold);
}

static inline void holding_release(struct holding *h)
{
    mem_free(h->record);
    *h = (struct holding){0};
}

/* Subscribes; what a former use of the struct saw is forgotten. */
static inline void subscribe(struct holding *h, struct node *n, unsigned loop, unsigned slot)
{
    void (*also)(struct holding *, const struct broker_record *, size_t) = h->also;
    holding_release(h);
    h->also = also;
    h->node = n;
    h->loop = loop;
    h->hold = (struct broker_hold){.loop = n->loop[loop],
                                   .slot = slot,
                                   .waits = holding_waits,
                                   .held = holding_held,
                                   .records = holding_records,
                                   .lost = holding_lost};
    on_loop(n, loop, subscribe_now, h);
}
static inline void release(struct holding *h)
{
    on_loop(h->node, h->loop, release_now, h);
}

struct ack {
    struct holding *h;
    uint64_t tag;
};
static inline void acknowledge_now(struct node *n, void *arg)
{
    struct ack *a = arg;
    broker_acknowledge(n->broker, &a->h->hold, a->tag);
}
static inline void acknowledge(struct holding *h, uint64_t tag)
{
    on_loop(h->node, h->loop, acknowledge_now, &(struct ack){h, tag});
}

struct expected {
    const struct holding *h;
    size_t count;
};
static inline bool is_in_line(void *arg)
{
    return ((struct holding *)arg)->waits > 0;
}
static inline bool is_held(void *arg)
{
    return ((struct holding *)arg)->helds > 0;
}
static inline bool is_lost(void *arg)
{
    return ((struct holding *)arg)->losts > 0;
}
static inline bool has_records(void *arg)
{
    struct expected *e = arg;
    return e->h->count >= e->count;
}
static inline void wait_held(struct holding *h)
{
    wait_until(is_held, h);
}
static inline void wait_records(struct holding *h, size_t count)
{
    wait_until(has_records, &(struct expected){h, count});
}

/* --- publishing --- */

struct publishing {
    struct broker_publish publish; /* first */
    char text[32];
    bool done;
};
struct publishings {
    struct publishing *p;
    size_t count;
};

static inline void publish_done(struct broker_publish *p)
{
    seen_begin();
    ((struct publishing *)(void *)p)->done = true;
    seen_end();
}
static inline void publish_now(struct node *n, void *arg)
{
    struct publishings *all = arg;
    for (size_t i = 0; i < all->count; i++)
        broker_publish(n->broker, &all->p[i].publish);
}
static inline bool all_done(void *arg)
{
    struct publishings *all = arg;
    while (all->count && all->p[all->count - 1].done)
        all->count--;
    return all->count == 0;
}

/* Publishes records from .. from + count - 1 of a publisher, at once, and waits. Returns how many were refused or of unknown fate. */
static inline size_t publish_many(struct node *n, unsigned loop, unsigned slot, unsigned publisher, unsigned from, size_t count)
{
    struct publishings all = {.p = mem_array(count + 1, sizeof(struct publishing)), .count = count};
    for (size_t i = 0; i < count; i++) {
        struct publishing *p = &all.p[i];
        *p = (struct publishing){.publish = {.loop = n->loop[loop], .slot = slot, .done = publish_done}};
        int len = snprintf(p->text, sizeof p->text, "%u:%u;", publisher, from + (unsigned)i);
        p->publish.bytes = str_make(p->text, (size_t)len);
    }
    on_loop(n, loop, publish_now, &all);
    wait_until(all_done, &(struct publishings){all.p, all.count});
    size_t failed = 0;
    for (size_t i = 0; i < count; i++)
        failed += all.p[i].publish.err != ERR_OK;
    mem_free(all.p);
    return failed;
}

static inline enum err publish_bytes(struct node *n, unsigned loop, unsigned slot, struct str bytes)
{
    struct publishing p = {.publish = {.loop = n->loop[loop], .slot = slot, .bytes = bytes, .done = publish_done}};
    struct publishings all = {&p, 1};
    on_loop(n, loop, publish_now, &all);
    wait_until(all_done, &all);
    return p.publish.err;
}

#endif
