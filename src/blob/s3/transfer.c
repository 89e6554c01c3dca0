#include "blob/s3/transfer.h"

#include <curl/curl.h>
#include <errno.h>
#include <unistd.h>

#include "blob/s3/part.h"

enum { ATTEMPTS = 3, FIRST_PAUSE_MS = 100, RUNNING_MAX = 64, SAID_MAX = 65536, POLL_MS = 10000 };
enum { CONNECT_MS = 5000, SLOW_PER_SECOND = 1024, SLOW_SECONDS = 20, SLOW_PUT_SECONDS = 60, WHOLE_MS = 60000, PUT_PER_MS = 64 };
static const char OTHER_BYTES[] = "it answers with other bytes than were asked for", NO_END[] = "its answer is longer than any error";
const char SHA256_OF_NOTHING[] = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
_Static_assert(sizeof(((struct transfer *)0)->error) >= CURL_ERROR_SIZE, "libcurl writes that much");

struct transfers {
    char base[400], ca_file[4096]; /* of the bucket, without a slash at the end; empty: the system's */
    char user[128], password[512], signature[96];
    CURLM *multi;
    pthread_t thread;
    unsigned running;     /* the thread's */
    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t ended; /* a transfer that a thread waits for */
    struct list waiting;  /* libcurl's own queue would count their time as time to connect */
    bool stop;
};

/* --- the bytes of one, on the thread --- */

static size_t take_body(char *p, size_t one, size_t n, void *arg)
{
    struct transfer *t = arg;
    long status = 0;
    (void)one; /* always 1 */
    curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
    bool wanted = t->into && status / 100 == 2, whole = wanted && status == 200 && t->from > 0; /* the range was not understood */
    struct buf *to = wanted ? t->into : &t->said;
    if (!whole) buf_add(to, (struct str){p, n});
    if (whole || to->full) t->refused = wanted ? OTHER_BYTES : NO_END;
    return t->refused ? 0 : n;
}

/* Do the bytes that came stand where the asked ones do? Fills in the total. */
static bool is_asked(struct transfer *t)
{
    struct curl_header *h;
    struct part part;
    if (t->status == 200) {
        t->total = t->into->n;
        return t->from == 0;
    }
    if (t->status != 206 || curl_easy_header(t->easy, "Content-Range", 0, CURLH_HEADER, -1, &h) != CURLHE_OK || h->amount != 1)
        return false;
    if (!part_parse(str_c(h->value), &part) || part.first != t->from || part.last - part.first + 1 != t->into->n) return false;
    t->total = part.total;
    return true;
}

static size_t give_body(char *p, size_t one, size_t n, void *arg)
{
    struct transfer *t = arg;
    (void)one;
    if (n > t->size - t->sent) n = (size_t)(t->size - t->sent);
    ssize_t got;
    do
        got = pread(t->fd, p, n, (off_t)t->sent);
    while (got < 0 && errno == EINTR);
    if (got < 0 || (got == 0 && n)) return CURL_READFUNC_ABORT;
    t->sent += (uint64_t)got;
    return (size_t)got;
}

/* libcurl begins anew on a connection that was closed while it stood unused. */
static int seek_body(void *arg, curl_off_t to, int origin)
{
    struct transfer *t = arg;
    if (origin != SEEK_SET || to < 0 || (uint64_t)to > t->size) return CURL_SEEKFUNC_FAIL;
    t->sent = (uint64_t)to;
    return CURL_SEEKFUNC_OK;
}

/* --- beginning and ending one, on the thread --- */

static void set_verb(struct transfer *t, CURL *c)
{
    switch (t->verb) {
    case TRANSFER_HEAD:
        curl_easy_setopt(c, CURLOPT_NOBODY, 1L);
        break;
    case TRANSFER_GET: {
        char range[50];
        snprintf(range, sizeof range, "%llu-%llu", (unsigned long long)t->from, (unsigned long long)(t->from + t->into->max - 1));
        curl_easy_setopt(c, CURLOPT_RANGE, range);
        break;
    }
    case TRANSFER_PUT:
        curl_easy_setopt(c, CURLOPT_UPLOAD, 1L);
        curl_easy_setopt(c, CURLOPT_INFILESIZE_LARGE, (curl_off_t)t->size);
        curl_easy_setopt(c, CURLOPT_READFUNCTION, give_body);
        curl_easy_setopt(c, CURLOPT_READDATA, t);
        curl_easy_setopt(c, CURLOPT_SEEKFUNCTION, seek_body);
        curl_easy_setopt(c, CURLOPT_SEEKDATA, t);
        curl_easy_setopt(c, CURLOPT_EXPECT_100_TIMEOUT_MS, 1L);
        break;
    case TRANSFER_DELETE:
        curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, "DELETE");
        break;
    }
}

/* What transfer.h says of time. */
static void set_limits(const struct transfer *t, CURL *c)
{
    curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
    curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, (long)(WHOLE_MS + t->size / PUT_PER_MS));
    curl_easy_setopt(c, CURLOPT_LOW_SPEED_LIMIT, (long)SLOW_PER_SECOND);
    curl_easy_setopt(c, CURLOPT_LOW_SPEED_TIME, (long)(t->verb == TRANSFER_PUT ? SLOW_PUT_SECONDS : SLOW_SECONDS));
}

static void begin(struct transfers *in, struct transfer *t)
{
    CURL *c = t->easy = curl_easy_init();
    char sha[100];
    snprintf(sha, sizeof sha, "x-amz-content-sha256: %s", t->verb == TRANSFER_PUT ? t->sha256 : SHA256_OF_NOTHING);
    struct curl_slist *headers = c ? curl_slist_append(NULL, sha) : NULL;
    if (!headers) abort(); /* memory: base/mem.h */
    t->headers = headers;
    snprintf(t->url, sizeof t->url, "%s%s%s", in->base, *t->key ? "/" : "", t->key);
    curl_easy_setopt(c, CURLOPT_PRIVATE, t);
    curl_easy_setopt(c, CURLOPT_URL, t->url);
    curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(c, CURLOPT_PROXY, ""); /* none, whatever the environment says */
    curl_easy_setopt(c, CURLOPT_USERNAME, in->user);
    curl_easy_setopt(c, CURLOPT_PASSWORD, in->password);
    curl_easy_setopt(c, CURLOPT_AWS_SIGV4, in->signature);
    curl_easy_setopt(c, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(c, CURLOPT_ERRORBUFFER, t->error);
    curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(c, CURLOPT_WRITEDATA, t);
    if (*in->ca_file) curl_easy_setopt(c, CURLOPT_CAINFO, in->ca_file);
    set_limits(t, c);
    set_verb(t, c);
    curl_multi_add_handle(in->multi, c);
    in->running++;
}

/* Why it was refused, the word between <Code> and </Code>, or what libcurl says. */
static void say_why(struct transfer *t, CURLcode code)
{
    static const char before[] = "<Code>";
    const char *said = t->said.n ? memmem(t->said.p, t->said.n, before, sizeof before - 1) : NULL;
    if (t->refused) {
        snprintf(t->why, sizeof t->why, "%s", t->refused);
    } else if (code != CURLE_OK) {
        snprintf(t->why, sizeof t->why, "%.150s", *t->error ? t->error : curl_easy_strerror(code));
    } else if (said) {
        struct str word = str_from(buf_str(&t->said), (size_t)(said - t->said.p) + sizeof before - 1);
        ptrdiff_t end = str_find(word, '<');
        snprintf(t->why, sizeof t->why, "%.*s", end < 0 ? 0 : (int)(end < 100 ? end : 100), word.p);
    }
}

static void tell_fiber(struct task *task)
{
    struct transfer *t = (struct transfer *)(void *)((char *)task - offsetof(struct transfer, done));
    t->ended = true;
    fiber_wake(t->fiber);
}

static void end(struct transfers *in, struct transfer *t, CURLcode code)
{
    if (code == CURLE_OK) curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &t->status);
    if (t->into && t->status / 100 == 2 && !is_asked(t)) {
        t->status = 0;
        t->refused = OTHER_BYTES;
    }
    say_why(t, code);
    in->running--;
    curl_multi_remove_handle(in->multi, t->easy);
    curl_easy_cleanup(t->easy);
    curl_slist_free_all(t->headers);
    if (t->loop) {
        loop_post(t->loop, &t->done);
        return;
    }
    pthread_mutex_lock(&in->lock);
    t->ended = true;
    pthread_cond_broadcast(&in->ended);
    pthread_mutex_unlock(&in->lock);
}

/* The next that may begin, or NULL. */
static struct transfer *next_of(struct transfers *in)
{
    pthread_mutex_lock(&in->lock);
    struct list *first = in->running < RUNNING_MAX ? list_pop(&in->waiting) : NULL;
    pthread_mutex_unlock(&in->lock);
    return first ? list_item(first, struct transfer, turn) : NULL;
}

static bool is_to_stop(struct transfers *in)
{
    pthread_mutex_lock(&in->lock);
    bool stop = in->stop;
    pthread_mutex_unlock(&in->lock);
    return stop;
}

/* Whether one has ended. */
static bool end_ended(struct transfers *in)
{
    int left;
    bool any = false;
    for (CURLMsg *m = curl_multi_info_read(in->multi, &left); m; m = curl_multi_info_read(in->multi, &left)) {
        struct transfer *t = NULL;
        CURLcode code = m->data.result; /* of the message, which ends with the handle */
        if (m->msg != CURLMSG_DONE) continue;
        curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &t);
        end(in, t, code);
        any = true;
    }
    return any;
}

static void *thread_main(void *arg)
{
    struct transfers *in = arg;
    while (!is_to_stop(in)) {
        int running;
        for (struct transfer *t = next_of(in); t; t = next_of(in))
            begin(in, t);
        curl_multi_perform(in->multi, &running);
        if (!end_ended(in)) curl_multi_poll(in->multi, NULL, 0, POLL_MS, NULL);
    }
    return NULL;
}

/* --- for the others --- */

static void wait_for(struct transfers *in, struct transfer *t)
{
    if (t->loop) {
        while (!t->ended)
            fiber_park();
        return;
    }
    pthread_mutex_lock(&in->lock);
    while (!t->ended)
        pthread_cond_wait(&in->ended, &in->lock);
    pthread_mutex_unlock(&in->lock);
}

static void attempt(struct transfers *in, struct transfer *t)
{
    t->status = 0;
    t->sent = t->total = 0;
    t->why[0] = t->error[0] = 0;
    t->refused = NULL;
    t->ended = false;
    if (t->into) buf_clear(t->into);
    buf_init(&t->said, SAID_MAX);
    pthread_mutex_lock(&in->lock);
    list_push(&in->waiting, &t->turn);
    pthread_mutex_unlock(&in->lock);
    curl_multi_wakeup(in->multi);
    wait_for(in, t);
    buf_release(&t->said);
}

static void pause_ms(const struct transfer *t, int ms)
{
    if (t->loop)
        fiber_sleep_ms(ms);
    else
        usleep((useconds_t)ms * 1000);
}

void transfer_run(struct transfers *in, struct transfer *t)
{
    t->fiber = fiber_current();
    t->loop = t->fiber ? loop_current() : NULL;
    t->done.run = tell_fiber;
    for (int i = 0, pause = FIRST_PAUSE_MS; i < ATTEMPTS; i++, pause *= 4) {
        attempt(in, t);
        if (t->status != 0 && (t->status < 500 || t->status > 504)) return;
        if (i + 1 < ATTEMPTS) pause_ms(t, pause);
    }
}

static enum err start(struct transfers *t, struct fault *f)
{
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) return fault_set(f, ERR_STORAGE, "libcurl cannot be started.");
    t->multi = curl_multi_init();
    if (!t->multi || pthread_create(&t->thread, NULL, thread_main, t) != 0)
        return fault_set(f, ERR_STORAGE, "The thread of the media's storage cannot be started: %m");
    return ERR_OK;
}

static void release(struct transfers *t)
{
    if (t->multi) curl_multi_cleanup(t->multi);
    curl_global_cleanup();
    pthread_cond_destroy(&t->ended);
    pthread_mutex_destroy(&t->lock);
    mem_wipe(t->password, sizeof t->password);
    mem_free(t);
}

enum err transfers_new(const struct transfers_config *c, struct transfers **out, struct fault *f)
{
    struct transfers *t = mem_zero(sizeof *t);
    bool ip6 = strchr(c->url->host, ':');
    char port[8] = "";
    if (c->url->port) snprintf(port, sizeof port, ":%u", c->url->port);
    snprintf(t->base, sizeof t->base, "%s://%s%.253s%s%s/%.63s", c->url->scheme, ip6 ? "[" : "", c->url->host, ip6 ? "]" : "", port,
             c->url->path);
    snprintf(t->ca_file, sizeof t->ca_file, "%s", c->ca_file ? c->ca_file : "");
    snprintf(t->user, sizeof t->user, "%s", c->url->user);
    snprintf(t->password, sizeof t->password, "%s", c->url->password);
    snprintf(t->signature, sizeof t->signature, "aws:amz:%.64s:s3", c->region);
    list_init(&t->waiting);
    pthread_mutex_init(&t->lock, NULL);
    pthread_cond_init(&t->ended, NULL);
    enum err e = start(t, f);
    if (e)
        release(t);
    else
        *out = t;
    return e;
}

void transfers_free(struct transfers *t)
{
    pthread_mutex_lock(&t->lock);
    t->stop = true;
    pthread_mutex_unlock(&t->lock);
    curl_multi_wakeup(t->multi);
    pthread_join(t->thread, NULL);
    release(t);
}
