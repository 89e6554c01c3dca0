/* Fibers: code that waits, written as if it blocked. Each fiber belongs to one loop and runs on its thread only, so code
 * between two waits is atomic with respect to everything else of that loop.
 *
 * What may wait says so in its header ("waits"). A waiting `/sync` is not a fiber: a fiber holds a stack, and is for work
 * that is under way. Stacks have a guard page; deep recursion is bounded by the parsers' depth limits. */
#ifndef ROOKERY_LOOP_FIBER_H
#define ROOKERY_LOOP_FIBER_H

#include "base/list.h"
#include "loop/loop.h"

struct fiber;

/* Runs fn(arg) in a fiber of the current loop: at once, until its first wait; then returns. May be called in a fiber. */
void fiber_spawn(void (*fn)(void *arg), void *arg);
/* NULL outside of a fiber. */
struct fiber *fiber_current(void);
/* Waits until someone calls fiber_wake. A wake that came before the park lets it return at once. */
void fiber_park(void);
/* On the fiber's loop: it goes on after the caller's own code has returned to the loop (through loop_defer). */
void fiber_wake(struct fiber *f);
/* Waits at least this long. */
void fiber_sleep_ms(int64_t ms);

/* Mutual exclusion among fibers of one loop, first come first served. Free when zeroed. */
struct fiber_lock {
    struct fiber *holder;
    struct list waiters; /* initialised on first use */
};
void fiber_lock(struct fiber_lock *l); /* waits */
void fiber_unlock(struct fiber_lock *l);
bool fiber_lock_is_free(const struct fiber_lock *l);

/* Runs fn(arg) on a worker thread (libuv's pool) and waits for it: password hashing, cold reads, files. */
void fiber_work(void (*fn)(void *arg), void *arg); /* waits */

#endif
