/* What JSON costs per event: parse and write canonically, ours against jansson, the same text, in one run.
 *     make bench/micro/json   (build/release/bench/micro/json [rounds])
 * Each figure is the best of several turns, so that a busy machine does not blur it. */
#include <assert.h>
#include <dlfcn.h>
#include <stdio.h>

#include "base/clock.h"
#include "crypto/crypto.h"
#include "json/json.h"

/* An event of about 700 bytes as it stands in a room of version 12, with a formatted body, some of it escaped, some not ASCII. */
static const char event[] =
    "{\"type\":\"m.room.message\",\"sender\":\"@alice:chat.example.org\",\"room_id\":\"!Yb3zJ0qvQxk4mN7sT2wGJ8fLhK5dRcVpE9uXaZ1oBMi\","
    "\"origin_server_ts\":1718000000123,\"depth\":4711,\"content\":{\"msgtype\":\"m.text\",\"body\":\"Gr\xc3\xbc\xc3\x9f"
    "e an alle: the release is \\\"done\\\".\\nSee the notes \xf0\x9f\x8e\x89\",\"format\":\"org.matrix.custom.html\",\"formatted_body\":"
    "\"Gr\xc3\xbc\xc3\x9f"
    "e an alle: the release is <b>done</b>.\",\"m.mentions\":{\"user_ids\":[\"@bob:chat.example.org\"]}},"
    "\"auth_events\":[\"$k3V9xq0ZzJmT5uY7wR1sNfLhK8dGcVpE2oXaB4iMQ6t\",\"$p7Hn2Lr5XcVbQ9wE1tYuI8oPaSdFgHjKlZxM3nB6vC0\"],"
    "\"prev_events\":[\"$Wq8rT2yU6iOp4aSdF1gHjKl9ZxC5vBnM7eQ3wRtYuI0\"],"
    "\"hashes\":{\"sha256\":\"nXq3v9Z8yT1wR5uK7sJmLfHdGcVpE2oXaB4iMQ6tY0A\"},\"unsigned\":{\"age_ts\":1718000000123}}";

enum { TURNS = 15 };

static void ours(struct arena *a, struct buf *b)
{
    struct json *v;
    arena_reset(a);
    buf_clear(b);
    enum err e = json_parse(a, STR(event), &v, NULL);
    assert(!e);
    e = json_write_canonical(b, v, NULL);
    assert(!e && buf_ok(b));
}

/* Jansson's names are partly ours, so it is loaded, not linked. */
struct jansson {
    void *(*loadb)(const char *text, size_t n, size_t flags, void *error);
    char *(*dumps)(const void *v, size_t flags);
    void (*delete)(void *v);
};
enum { REJECT_DUPLICATES = 1, COMPACT = 0x20, SORT_KEYS = 0x80 };

static bool find_jansson(struct jansson *j)
{
    void *lib = dlopen("libjansson.so.4", RTLD_NOW | RTLD_LOCAL | RTLD_DEEPBIND);
    if (!lib) return false;
    *(void **)&j->loadb = dlsym(lib, "json_loadb");
    *(void **)&j->dumps = dlsym(lib, "json_dumps");
    *(void **)&j->delete = dlsym(lib, "json_delete");
    return j->loadb && j->dumps && j->delete;
}

static char *theirs(const struct jansson *j)
{
    void *v = j->loadb(event, sizeof event - 1, REJECT_DUPLICATES, NULL);
    char *text = j->dumps(v, COMPACT | SORT_KEYS);
    j->delete (v); /* the only reference */
    return text;
}

struct bench {
    struct jansson jansson;
    struct arena arena;
    struct buf buf;
    struct json *tree;
    unsigned char hash[SHA256_BYTES];
};

static void run_ours(struct bench *b)
{
    ours(&b->arena, &b->buf);
}
static void run_parse(struct bench *b)
{
    struct json *v;
    arena_reset(&b->arena);
    enum err e = json_parse(&b->arena, STR(event), &v, NULL);
    assert(!e);
}
static void run_write(struct bench *b)
{
    buf_clear(&b->buf);
    enum err e = json_write_canonical(&b->buf, b->tree, NULL);
    assert(!e);
}
static void run_theirs(struct bench *b)
{
    free(theirs(&b->jansson));
}
static void run_hash(struct bench *b)
{
    sha256(STR(event), b->hash);
}

/* Best turn, in nanoseconds per call. */
static double best_ns(void (*call)(struct bench *), struct bench *b, unsigned rounds)
{
    double best = 1e18;
    for (int turn = 0; turn < TURNS; turn++) {
        int64_t begin = clock_mono_us(&clock_system);
        for (unsigned i = 0; i < rounds; i++)
            call(b);
        double ns = (double)(clock_mono_us(&clock_system) - begin) * 1000 / rounds;
        if (ns < best) best = ns;
    }
    return best;
}

static void check_same(struct bench *b)
{
    char *text = theirs(&b->jansson);
    ours(&b->arena, &b->buf);
    assert(str_is(buf_str(&b->buf), text));
    free(text);
}

int main(int argc, char **argv)
{
    int64_t rounds = 20000;
    if (argc > 1 && !str_to_int64(str_c(argv[1]), &rounds)) return 2;
    struct bench b = {0};
    struct arena kept = {0};
    buf_init(&b.buf, 1 << 20);
    enum err e = crypto_init(NULL);
    e = e ? e : json_parse(&kept, STR(event), &b.tree, NULL);
    assert(!e);
    if (!find_jansson(&b.jansson)) {
        fprintf(stderr, "libjansson.so.4 is not installed (package libjansson4)\n");
        return 1;
    }
    check_same(&b);
    unsigned n = (unsigned)rounds;
    double own = best_ns(run_ours, &b, n), jansson = best_ns(run_theirs, &b, n / 10 + 1);
    printf("event of %zu bytes, best of %d turns of %u\n", sizeof event - 1, TURNS, n);
    printf("rookery  parse + canonical  %7.0f ns\n", own);
    printf("         parse              %7.0f ns\n", best_ns(run_parse, &b, n));
    printf("         canonical          %7.0f ns\n", best_ns(run_write, &b, n));
    printf("jansson  parse + sorted     %7.0f ns\n", jansson);
    printf("ratio    %.1f\n", jansson / own);
    printf("sha256   of the event       %7.0f ns\n", best_ns(run_hash, &b, n));
    buf_release(&b.buf);
    arena_release(&b.arena);
    arena_release(&kept);
    return 0;
}
