#include <errno.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "loop/loop_priv.h"

static _Thread_local struct loop *current;

struct loop *loop_current(void)
{
    return current;
}
uv_loop_t *loop_uv(struct loop *l)
{
    return &l->uv;
}
unsigned loop_index(const struct loop *l)
{
    return l->index;
}
int64_t loop_now_ms(struct loop *l)
{
    return (int64_t)uv_now(&l->uv);
}

static struct task *reversed(struct task *t)
{
    struct task *out = NULL;
    while (t) {
        struct task *next = t->next;
        t->next = out;
        out = t;
        t = next;
    }
    return out;
}

/* The eventfd first: what is posted after the exchange finds the inbox empty and writes to it again. */
static void drain_inbox(uv_poll_t *h, int status, int events)
{
    struct loop *l = h->data;
    uint64_t count;
    (void)status, (void)events;
    while (read(l->wakeup, &count, sizeof count) < 0 && errno == EINTR)
        ;
    struct task *t = reversed(atomic_exchange_explicit(&l->inbox, NULL, memory_order_acquire));
    while (t) {
        struct task *next = t->next;
        t->run(t);
        t = next;
    }
}

/* Not uv_async_send: a loop that it wakes while its sender is put off the core (by that very wakeup, where cores are busy) spins until that goes
 * on, which cost 6 % of the time of three servers on two cores. */
static void wake(struct loop *l)
{
    uint64_t one = 1;
    while (write(l->wakeup, &one, sizeof one) < 0 && errno == EINTR)
        ;
}

void loop_post(struct loop *l, struct task *t)
{
    struct task *head = atomic_load_explicit(&l->inbox, memory_order_relaxed);
    do
        t->next = head;
    while (!atomic_compare_exchange_weak_explicit(&l->inbox, &head, t, memory_order_release, memory_order_relaxed));
    /* Whoever finds the inbox empty wakes the receiver; the others know that somebody has. */
    if (head == NULL) wake(l);
}

void loop_defer(struct loop *l, struct task *t)
{
    t->next = NULL;
    *l->deferred_tail = t;
    l->deferred_tail = &t->next;
}

static void run_deferred(uv_prepare_t *h)
{
    struct loop *l = h->data;
    while (l->deferred) {
        struct task *t = l->deferred;
        l->deferred = t->next;
        if (!l->deferred) l->deferred_tail = &l->deferred;
        t->run(t);
    }
}

/* --- timers: a binary heap over one libuv timer --- */

static void heap_put(struct loop *l, size_t at, struct timer *t)
{
    l->heap[at] = t;
    t->heap_at = at;
}

static void heap_up(struct loop *l, size_t at)
{
    struct timer *t = l->heap[at];
    for (; at > 1 && l->heap[at / 2]->due_ms > t->due_ms; at /= 2)
        heap_put(l, at, l->heap[at / 2]);
    heap_put(l, at, t);
}

static void heap_down(struct loop *l, size_t at)
{
    struct timer *t = l->heap[at];
    for (;;) {
        size_t child = at * 2;
        if (child > l->timers) break;
        if (child < l->timers && l->heap[child + 1]->due_ms < l->heap[child]->due_ms) child++;
        if (l->heap[child]->due_ms >= t->due_ms) break;
        heap_put(l, at, l->heap[child]);
        at = child;
    }
    heap_put(l, at, t);
}

static void fire_due(uv_timer_t *h);

static void arm(struct loop *l)
{
    if (l->timers == 0) {
        uv_timer_stop(&l->clock);
        return;
    }
    int64_t wait = l->heap[1]->due_ms - loop_now_ms(l);
    uv_timer_start(&l->clock, fire_due, wait > 0 ? (uint64_t)wait : 0, 0);
}

static void heap_remove(struct loop *l, struct timer *t)
{
    size_t at = t->heap_at;
    struct timer *last = l->heap[l->timers--];
    t->heap_at = 0;
    if (last == t) return;
    heap_put(l, at, last);
    heap_up(l, at);
    heap_down(l, last->heap_at);
}

static void fire_due(uv_timer_t *h)
{
    struct loop *l = h->data;
    int64_t now = loop_now_ms(l);
    while (l->timers && l->heap[1]->due_ms <= now) {
        struct timer *t = l->heap[1];
        heap_remove(l, t);
        t->fire(t);
    }
    arm(l);
}

void timer_set(struct loop *l, struct timer *t, int64_t after_ms, void (*fire)(struct timer *t))
{
    if (t->heap_at) heap_remove(l, t);
    if (l->timers + 2 > l->heap_cap) {
        l->heap_cap = l->heap_cap ? l->heap_cap * 2 : 64;
        l->heap = mem_resize(l->heap, l->heap_cap, sizeof *l->heap);
    }
    t->due_ms = loop_now_ms(l) + (after_ms > 0 ? after_ms : 0);
    t->fire = fire;
    heap_put(l, ++l->timers, t);
    heap_up(l, l->timers);
    if (t->heap_at == 1) arm(l);
}

void timer_clear(struct loop *l, struct timer *t)
{
    if (t->heap_at == 0) return;
    bool was_first = t->heap_at == 1;
    heap_remove(l, t);
    if (was_first) arm(l);
}

/* --- life --- */

struct loop *loop_new(unsigned index)
{
    struct loop *l = mem_zero(sizeof *l);
    l->index = index;
    l->deferred_tail = &l->deferred;
    list_init(&l->fibers.idle);
    l->wakeup = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (l->wakeup < 0 || uv_loop_init(&l->uv) != 0 || uv_poll_init(&l->uv, &l->woken, l->wakeup) != 0) abort();
    uv_poll_start(&l->woken, UV_READABLE, drain_inbox);
    uv_prepare_init(&l->uv, &l->prepare);
    uv_timer_init(&l->uv, &l->clock);
    l->woken.data = l->prepare.data = l->clock.data = l;
    uv_prepare_start(&l->prepare, run_deferred);
    /* Only the loop's inbox keeps it running. */
    uv_unref((uv_handle_t *)&l->prepare);
    uv_unref((uv_handle_t *)&l->clock);
    return l;
}

void loop_run(struct loop *l)
{
    current = l;
    uv_run(&l->uv, UV_RUN_DEFAULT);
    current = NULL;
}

void loop_poll(struct loop *l)
{
    current = l;
    uv_run(&l->uv, UV_RUN_NOWAIT);
    current = NULL;
}

static void stop_now(struct task *t)
{
    struct loop *l = current;
    mem_free(t);
    uv_stop(&l->uv);
}

void loop_stop(struct loop *l)
{
    struct task *t = mem_zero(sizeof *t);
    t->run = stop_now;
    loop_post(l, t);
}

static void close_handle(uv_handle_t *h, void *arg)
{
    (void)arg;
    if (!uv_is_closing(h)) uv_close(h, NULL);
}

void loop_free(struct loop *l)
{
    current = l;
    /* The loop's own three handles; anything else still open is closed without its owner's callback, and so is what a last callback opens. */
    do
        uv_walk(&l->uv, close_handle, NULL);
    while (uv_run(&l->uv, UV_RUN_ONCE));
    uv_loop_close(&l->uv);
    close(l->wakeup);
    fiber_pool_release(l);
    current = NULL;
    mem_free(l->heap);
    mem_free(l);
}
