/* Stacks are switched by a few instructions on x86-64 and AArch64, and by ucontext elsewhere and under sanitizers, which
 * need to be told about each switch. A fiber that has ended waits in its loop's pool for the next spawn. */
#include "loop/fiber.h"

#include <sys/mman.h>
#include <unistd.h>

#include "loop/loop_priv.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define FIBER_ASAN 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define FIBER_ASAN 1
#endif
#if defined(__SANITIZE_THREAD__)
#define FIBER_TSAN 1
#endif

#if !defined(FIBER_ASAN) && !defined(FIBER_TSAN) && (defined(__x86_64__) || defined(__aarch64__))
#define FIBER_ASM 1
#else
#include <ucontext.h>
#endif
#ifdef FIBER_ASAN
#include <sanitizer/common_interface_defs.h>
#endif
#ifdef FIBER_TSAN
#include <sanitizer/tsan_interface.h>
#endif

enum { STACK_BYTES = 256 * 1024, IDLE_MAX = 64, IDLE_KEPT = 4, TIDY_MS = 5000 };

struct fiber {
    struct task task; /* for the wake */
    struct list link; /* idle, or among the waiters of a lock */
    struct loop *loop;
    char *stack; /* guard page first */
    void *sp;
    void (*fn)(void *arg);
    void *arg;
    bool parked, woken, done, queued;
#ifndef FIBER_ASM
    ucontext_t context;
#endif
#ifdef FIBER_ASAN
    void *fake_stack;
    const void *caller_stack;
    size_t caller_size;
#endif
#ifdef FIBER_TSAN
    void *tsan, *tsan_loop;
#endif
};

static void fiber_main(struct fiber *f);

#ifdef FIBER_ASM
/* Saves the callee-saved registers and the stack pointer of the running side, loads those of the other. */
void rookery_fiber_switch(void **save, void *load);
#if defined(__x86_64__)
__asm__(".text\n.globl rookery_fiber_switch\n.type rookery_fiber_switch,@function\nrookery_fiber_switch:\n"
        "pushq %rbp\npushq %rbx\npushq %r12\npushq %r13\npushq %r14\npushq %r15\n"
        "movq %rsp,(%rdi)\nmovq %rsi,%rsp\n"
        "popq %r15\npopq %r14\npopq %r13\npopq %r12\npopq %rbx\npopq %rbp\nret\n"
        ".size rookery_fiber_switch,.-rookery_fiber_switch\n");
enum { SAVED_WORDS = 7, FIRST_OFFSET = 8 };
static void first_frame(void **sp, void (*entry)(void))
{
    sp[6] = (void *)(uintptr_t)entry;
}
#else
__asm__(".text\n.globl rookery_fiber_switch\n.type rookery_fiber_switch,%function\nrookery_fiber_switch:\n"
        "sub sp,sp,#160\nstp x19,x20,[sp]\nstp x21,x22,[sp,#16]\nstp x23,x24,[sp,#32]\nstp x25,x26,[sp,#48]\n"
        "stp x27,x28,[sp,#64]\nstp x29,x30,[sp,#80]\nstp d8,d9,[sp,#96]\nstp d10,d11,[sp,#112]\nstp d12,d13,[sp,#128]\n"
        "stp d14,d15,[sp,#144]\nmov x9,sp\nstr x9,[x0]\nmov sp,x1\n"
        "ldp x19,x20,[sp]\nldp x21,x22,[sp,#16]\nldp x23,x24,[sp,#32]\nldp x25,x26,[sp,#48]\nldp x27,x28,[sp,#64]\n"
        "ldp x29,x30,[sp,#80]\nldp d8,d9,[sp,#96]\nldp d10,d11,[sp,#112]\nldp d12,d13,[sp,#128]\nldp d14,d15,[sp,#144]\n"
        "add sp,sp,#160\nret\n.size rookery_fiber_switch,.-rookery_fiber_switch\n");
enum { SAVED_WORDS = 20, FIRST_OFFSET = 0 };
static void first_frame(void **sp, void (*entry)(void))
{
    sp[11] = (void *)(uintptr_t)entry;
}
#endif

static void entry(void)
{
    fiber_main(fiber_current());
}

static void prepare_stack(struct fiber *f)
{
    uintptr_t top = (uintptr_t)(f->stack + STACK_BYTES) & ~(uintptr_t)15;
    /* At its first instruction a function expects what a call leaves: on x86-64 a stack 8 bytes off the alignment. */
    void **sp = (void **)(top - FIRST_OFFSET - SAVED_WORDS * sizeof(void *));
    memset(sp, 0, SAVED_WORDS * sizeof(void *));
    first_frame(sp, entry);
    f->sp = sp;
}

static void enter(struct fiber *f)
{
    rookery_fiber_switch(&f->loop->fibers.loop_sp, f->sp);
}
static void leave(struct fiber *f)
{
    rookery_fiber_switch(&f->sp, f->loop->fibers.loop_sp);
}
static void arrived(struct fiber *f)
{
    (void)f;
}
static void prepare_forget(struct fiber *f)
{
    (void)f;
}
#else

static void entry(void)
{
    fiber_main(fiber_current());
}

static void prepare_stack(struct fiber *f)
{
    getcontext(&f->context);
    f->context.uc_stack.ss_sp = f->stack + getpagesize();
    f->context.uc_stack.ss_size = STACK_BYTES - (size_t)getpagesize();
    f->context.uc_link = NULL;
    makecontext(&f->context, entry, 0);
#ifdef FIBER_TSAN
    f->tsan = __tsan_create_fiber(0);
#endif
}

static void enter(struct fiber *f)
{
    ucontext_t here;
    f->loop->fibers.loop_context = &here;
#ifdef FIBER_ASAN
    void *fake = NULL;
    __sanitizer_start_switch_fiber(&fake, f->stack + getpagesize(), STACK_BYTES - (size_t)getpagesize());
#endif
#ifdef FIBER_TSAN
    f->tsan_loop = __tsan_get_current_fiber();
    __tsan_switch_to_fiber(f->tsan, 0);
#endif
    swapcontext(&here, &f->context);
#ifdef FIBER_ASAN
    __sanitizer_finish_switch_fiber(fake, NULL, NULL);
#endif
}

static void arrived(struct fiber *f)
{
#ifdef FIBER_ASAN
    __sanitizer_finish_switch_fiber(f->fake_stack, &f->caller_stack, &f->caller_size);
#else
    (void)f;
#endif
}

static void leave(struct fiber *f)
{
#ifdef FIBER_ASAN
    __sanitizer_start_switch_fiber(&f->fake_stack, f->caller_stack, f->caller_size);
#endif
#ifdef FIBER_TSAN
    __tsan_switch_to_fiber(f->tsan_loop, 0);
#endif
    swapcontext(&f->context, f->loop->fibers.loop_context);
    arrived(f);
}

static void prepare_forget(struct fiber *f)
{
#ifdef FIBER_TSAN
    __tsan_destroy_fiber(f->tsan);
#else
    (void)f;
#endif
}
#endif

static struct fiber *fiber_new(struct loop *l)
{
    struct fiber *f = mem_zero(sizeof *f);
    f->loop = l;
    f->stack = mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (f->stack == MAP_FAILED || mprotect(f->stack, (size_t)getpagesize(), PROT_NONE) != 0) abort();
    list_init(&f->link);
    prepare_stack(f);
    return f;
}

static void fiber_free(struct fiber *f)
{
    prepare_forget(f);
    munmap(f->stack, STACK_BYTES);
    mem_free(f);
}

void fiber_pool_release(struct loop *l)
{
    struct list *n;
    while ((n = list_pop(&l->fibers.idle)))
        fiber_free(list_item(n, struct fiber, link));
}

struct fiber *fiber_current(void)
{
    struct loop *l = loop_current();
    return l ? l->fibers.running : NULL;
}

static void fiber_main(struct fiber *f)
{
    arrived(f);
    for (;;) {
        f->fn(f->arg);
        f->done = true;
        leave(f);
    }
}

static void tidy_later(struct loop *l);

/* Stacks that nothing has needed since the last time go back to the system. */
static void tidy(struct timer *t)
{
    struct fiber_pool *pool = list_item(t, struct fiber_pool, tidy);
    struct loop *l = list_item(pool, struct loop, fibers);
    for (; pool->idle_least > IDLE_KEPT; pool->idle_least--, pool->idle_count--) {
        struct list *oldest = pool->idle.prev;
        list_remove(oldest);
        fiber_free(list_item(oldest, struct fiber, link));
    }
    if (pool->idle_count > IDLE_KEPT) tidy_later(l);
}

static void tidy_later(struct loop *l)
{
    l->fibers.idle_least = l->fibers.idle_count;
    timer_set(l, &l->fibers.tidy, TIDY_MS, tidy);
}

/* Runs `f` until it parks or ends. Fibers nest: one that spawns another waits on its own stack meanwhile. */
static void resume(struct fiber *f)
{
    struct fiber_pool *pool = &f->loop->fibers;
    struct fiber *before = pool->running;
    void *loop_sp = pool->loop_sp, *loop_context = pool->loop_context;
    pool->running = f;
    enter(f);
    pool->running = before;
    pool->loop_sp = loop_sp;
    pool->loop_context = loop_context;
    if (!f->done) return;
    if (pool->idle_count >= IDLE_MAX) {
        fiber_free(f);
        return;
    }
    list_push_front(&pool->idle, &f->link);
    pool->idle_count++;
    if (pool->idle_count > IDLE_KEPT && !timer_is_set(&pool->tidy)) tidy_later(f->loop);
}

void fiber_spawn(void (*fn)(void *arg), void *arg)
{
    struct loop *l = loop_current();
    struct list *n = list_pop(&l->fibers.idle);
    struct fiber *f = n ? list_item(n, struct fiber, link) : fiber_new(l);
    if (n && --l->fibers.idle_count < l->fibers.idle_least) l->fibers.idle_least = l->fibers.idle_count;
    f->fn = fn;
    f->arg = arg;
    f->parked = f->woken = f->done = f->queued = false;
    resume(f);
}

void fiber_park(void)
{
    struct fiber *f = fiber_current();
    if (!f) abort(); /* our bug: something that waits was called outside of a fiber */
    if (!f->woken) {
        f->parked = true;
        leave(f);
        f->parked = false;
    }
    f->woken = false;
}

static void run_woken(struct task *t)
{
    struct fiber *f = (struct fiber *)(void *)t;
    f->queued = false;
    if (f->parked) resume(f);
}

void fiber_wake(struct fiber *f)
{
    f->woken = true;
    if (!f->parked || f->queued) return;
    f->queued = true;
    f->task.run = run_woken;
    loop_defer(f->loop, &f->task);
}

struct sleeper {
    struct timer timer;
    struct fiber *fiber;
    bool over;
};

static void sleep_over(struct timer *t)
{
    struct sleeper *s = list_item(t, struct sleeper, timer);
    s->over = true;
    fiber_wake(s->fiber);
}

void fiber_sleep_ms(int64_t ms)
{
    struct sleeper s = {.fiber = fiber_current()};
    timer_set(loop_current(), &s.timer, ms, sleep_over);
    while (!s.over)
        fiber_park();
}

bool fiber_lock_is_free(const struct fiber_lock *l)
{
    return l->holder == NULL;
}

void fiber_lock(struct fiber_lock *l)
{
    struct fiber *f = fiber_current();
    if (!l->holder) {
        l->holder = f;
        return;
    }
    if (!l->waiters.next) list_init(&l->waiters);
    list_push(&l->waiters, &f->link);
    while (l->holder != f)
        fiber_park();
}

void fiber_unlock(struct fiber_lock *l)
{
    struct list *n = l->waiters.next ? list_pop(&l->waiters) : NULL;
    l->holder = n ? list_item(n, struct fiber, link) : NULL;
    if (l->holder) fiber_wake(l->holder);
}

struct work {
    uv_work_t uv;
    void (*fn)(void *arg);
    void *arg;
    struct fiber *fiber;
    bool done;
};

static void work_run(uv_work_t *w)
{
    struct work *work = w->data;
    work->fn(work->arg);
}

static void work_done(uv_work_t *w, int status)
{
    (void)status;
    struct work *work = w->data;
    work->done = true;
    fiber_wake(work->fiber);
}

void fiber_work(void (*fn)(void *arg), void *arg)
{
    struct work w = {.fn = fn, .arg = arg, .fiber = fiber_current()};
    w.uv.data = &w;
    if (uv_queue_work(loop_uv(loop_current()), &w.uv, work_run, work_done) != 0) abort();
    while (!w.done)
        fiber_park();
}
