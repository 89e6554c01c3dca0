#include "engine/media/thumbnail.h"

#include <pthread.h>

#include "base/clock.h"
#include "base/log.h"
#include "engine/media/image.h"
#include "engine/media/process.h"
#include "loop/fiber.h"

const struct thumbnail_config thumbnail_defaults = {
    .workers = 2, .queue = 64, .max_pixels = 32000000, .deadline_ms = 10000, .idle_ms = 60000};

enum { BYTES_PER_PIXEL = 16, MEMORY_BASE = 64 << 20, RETRY_MS = 2000, QUEUE_DEADLINES = 3 /* longest wait for a worker */ };

/* An image of the longest sides that there are. */
static const uint64_t MAX_PIXELS = (uint64_t)MEDIA_SIDE_MAX * MEDIA_SIDE_MAX;

enum outcome { OUTCOME_REPLY, OUTCOME_DIED, OUTCOME_LATE, OUTCOME_NO_WORKER };

/* One thumbnail_make; lives on its fiber's stack. */
struct job {
    struct task task; /* brings the end back to the fiber's loop */
    struct list link;
    struct loop *loop;
    struct fiber *fiber;
    int64_t queued_ms;
    struct media_job wire;
    struct str image;
    enum outcome outcome;
    struct media_reply reply;
    char *thumbnail;
    bool done;
};

/* The threads do what blocks: each talks to a process of its own. They are not libuv's, so that a slow image does not stand in the way of
 * password hashing. */
struct thumbnailer {
    struct thumbnail_config config;
    pthread_mutex_t lock; /* of all below */
    pthread_cond_t work;
    struct list queue;
    pthread_t *thread;
    unsigned threads, idle;
    bool stopping;
    struct thumbnail_stats stats;
};

static int64_t now_ms(void)
{
    return clock_mono_us(&clock_system) / 1000;
}

/* --- a worker's thread --- */

/* With the lock. The next job; NULL when it is time to end, or (*rest) to let the process go. */
static struct job *next_job(struct thumbnailer *t, bool has_process, bool *rest)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += t->config.idle_ms % 1000 * 1000000;
    until.tv_sec += t->config.idle_ms / 1000 + until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    *rest = false;
    t->idle++;
    while (list_is_empty(&t->queue) && !t->stopping && !*rest) {
        if (has_process)
            *rest = pthread_cond_timedwait(&t->work, &t->lock, &until) != 0;
        else
            pthread_cond_wait(&t->work, &t->lock);
    }
    t->idle--;
    if (list_is_empty(&t->queue)) return NULL;
    *rest = false;
    t->stats.waiting--;
    return list_item(list_pop(&t->queue), struct job, link);
}

static bool start(struct thumbnailer *t, struct media_process *p)
{
    if (!media_process_start(p, t->config.program)) return false;
    pthread_mutex_lock(&t->lock);
    t->stats.processes_started++;
    pthread_mutex_unlock(&t->lock);
    return true;
}

static enum outcome perform(struct thumbnailer *t, struct media_process *p, struct job *j)
{
    if (now_ms() - j->queued_ms > t->config.deadline_ms * QUEUE_DEADLINES) return OUTCOME_NO_WORKER;
    for (;;) {
        bool fresh = p->pid == 0;
        if (fresh && !start(t, p)) return OUTCOME_NO_WORKER;
        enum exchange x = media_process_exchange(p, &j->wire, j->image, t->config.deadline_ms, &j->reply, &j->thumbnail);
        if (x == EXCHANGE_OK) return OUTCOME_REPLY;
        media_process_stop(p);
        if (x == EXCHANGE_LATE) return OUTCOME_LATE;
        /* One that stood idle may have been dead already: not the image's fault. */
        if (fresh) return OUTCOME_DIED;
    }
}

static void count(struct thumbnailer *t, const struct job *j)
{
    if (j->outcome != OUTCOME_REPLY)
        t->stats.failed++;
    else if (j->reply.status <= MEDIA_ORIGINAL)
        t->stats.made++;
    else
        t->stats.refused++;
}

static void *thread_main(void *arg)
{
    struct thumbnailer *t = arg;
    struct media_process process = {0};
    bool rest = false;
    pthread_mutex_lock(&t->lock);
    for (;;) {
        struct job *j = next_job(t, process.pid != 0, &rest);
        if (!j && !rest) break;
        t->stats.busy++;
        pthread_mutex_unlock(&t->lock);
        if (j)
            j->outcome = perform(t, &process, j);
        else
            media_process_stop(&process);
        pthread_mutex_lock(&t->lock);
        t->stats.busy--;
        if (!j) continue;
        count(t, j);
        loop_post(j->loop, &j->task); /* from here on it is the fiber's */
    }
    pthread_mutex_unlock(&t->lock);
    media_process_stop(&process);
    return NULL;
}

/* --- the loops' side --- */

struct thumbnailer *thumbnailer_new(const struct thumbnail_config *config)
{
    struct thumbnailer *t = mem_zero(sizeof *t);
    t->config = *config;
    if (!t->config.program) t->config.program = "/proc/self/exe";
    if (t->config.workers == 0) t->config.workers = 1;
    if (t->config.max_pixels > MAX_PIXELS) t->config.max_pixels = MAX_PIXELS;
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&t->work, &monotonic);
    pthread_condattr_destroy(&monotonic);
    pthread_mutex_init(&t->lock, NULL);
    list_init(&t->queue);
    t->thread = mem_array(t->config.workers, sizeof *t->thread);
    return t;
}

void thumbnailer_free(struct thumbnailer *t)
{
    if (!t) return;
    pthread_mutex_lock(&t->lock);
    t->stopping = true;
    pthread_cond_broadcast(&t->work);
    pthread_mutex_unlock(&t->lock);
    for (unsigned i = 0; i < t->threads; i++)
        pthread_join(t->thread[i], NULL);
    pthread_cond_destroy(&t->work);
    pthread_mutex_destroy(&t->lock);
    mem_free(t->thread);
    mem_free(t);
}

/* Queues the job and sees to it that somebody takes it. False: it was not taken. */
static bool submit(struct thumbnailer *t, struct job *j)
{
    pthread_mutex_lock(&t->lock);
    bool ok = t->stats.waiting < t->config.queue;
    if (ok && t->stats.waiting >= t->idle && t->threads < t->config.workers) {
        if (pthread_create(&t->thread[t->threads], NULL, thread_main, t) == 0) t->threads++;
        ok = t->threads > 0;
    }
    if (ok) {
        list_push(&t->queue, &j->link);
        t->stats.waiting++;
        pthread_cond_signal(&t->work);
    }
    pthread_mutex_unlock(&t->lock);
    return ok;
}

static void job_done(struct task *task)
{
    struct job *j = list_item(task, struct job, task);
    j->done = true;
    fiber_wake(j->fiber);
}

static enum err unavailable(struct fault *f, const char *why)
{
    fault_set(f, ERR_UNAVAILABLE, "%s", why);
    if (f) f->retry_ms = RETRY_MS;
    return ERR_UNAVAILABLE;
}

static enum err answer_reply(struct job *j, struct arena *a, struct str *out, struct str *content_type, struct fault *f)
{
    *content_type = image_type((enum image_kind)j->reply.kind);
    switch ((enum media_status)j->reply.status) {
    case MEDIA_OK:
        *out = arena_str(a, str_make(j->thumbnail, j->reply.length));
        return ERR_OK;
    case MEDIA_ORIGINAL:
        *out = j->image;
        return ERR_OK;
    case MEDIA_UNKNOWN:
        return fault_set(f, ERR_UNKNOWN, "There are thumbnails of PNG, JPEG, GIF and WebP images only.");
    case MEDIA_TOO_LARGE:
        return fault_set(f, ERR_TOO_LARGE, "The image has too many pixels for a thumbnail.");
    case MEDIA_BROKEN:
    case MEDIA__COUNT:
        break;
    }
    return fault_set(f, ERR_UNKNOWN, "The image is damaged, or is of a form that this server does not read.");
}

static enum err answer(struct job *j, struct arena *a, struct str *out, struct str *content_type, struct fault *f)
{
    switch (j->outcome) {
    case OUTCOME_REPLY:
        return answer_reply(j, a, out, content_type, f);
    case OUTCOME_NO_WORKER:
        return unavailable(f, "The server cannot make thumbnails at the moment.");
    case OUTCOME_DIED:
    case OUTCOME_LATE:
        break;
    }
    log_event(LOG_WARN, "media", "an image was given up", "why=%s bytes=%zu", j->outcome == OUTCOME_LATE ? "too-slow" : "worker-died",
              j->image.n);
    return fault_set(f, ERR_UNKNOWN, "The image cannot be decoded.");
}

enum err thumbnail_make(struct thumbnailer *t, struct str image, unsigned width, unsigned height, bool crop, struct arena *a,
                        struct str *out, struct str *content_type, struct fault *f)
{
    if (width == 0 || height == 0 || width > THUMBNAIL_SIDE_MAX || height > THUMBNAIL_SIDE_MAX)
        return fault_set(f, ERR_INVALID_PARAM, "The width and height of a thumbnail are from 1 to %d.", THUMBNAIL_SIDE_MAX);
    struct job j = {.task.run = job_done, .loop = loop_current(), .fiber = fiber_current(), .image = image, .queued_ms = now_ms()};
    j.wire = (struct media_job){.magic = MEDIA_MAGIC, .crop = crop, .width = width, .height = height, .length = image.n};
    j.wire.max_pixels = t->config.max_pixels;
    j.wire.memory_bytes = t->config.max_pixels * BYTES_PER_PIXEL + MEMORY_BASE;
    j.wire.cpu_seconds = (uint64_t)t->config.deadline_ms / 1000 + 1;
    if (!submit(t, &j)) return unavailable(f, "Too many thumbnails are being made at the moment.");
    while (!j.done)
        fiber_park();
    enum err e = answer(&j, a, out, content_type, f);
    mem_free(j.thumbnail);
    return e;
}

void thumbnail_standard(unsigned *width, unsigned *height, bool crop)
{
    static const struct {
        unsigned width, height;
        bool crop;
    } sizes[] = {{32, 32, true}, {96, 96, true}, {320, 240, false}, {640, 480, false}, {800, 600, false}};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        if (sizes[i].crop != crop || sizes[i].width < *width || sizes[i].height < *height) continue;
        if (crop && (uint64_t)sizes[i].width * *height != (uint64_t)sizes[i].height * *width) continue;
        *width = sizes[i].width;
        *height = sizes[i].height;
        return;
    }
}

void thumbnailer_stats(struct thumbnailer *t, struct thumbnail_stats *out)
{
    pthread_mutex_lock(&t->lock);
    *out = t->stats;
    pthread_mutex_unlock(&t->lock);
}
