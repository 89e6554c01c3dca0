/* The embedded store under the load of chat: 64 batches always waiting, each of an event (700 bytes), its id and its transaction.
 *
 *     build/release/bench/micro/store [batches] [directory]
 *
 * Prints commits and batches per second, processor time per batch and per row (all threads of the process, RocksDB's own
 * included), what reads cost, and how long the store takes to open after an orderly stop and after SIGKILL, and the memory it has then. */
#include <dirent.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/random.h"
#include "store/rocksdb/rocksdb.h"

enum { WAITING = 64, ROOMS = 16, JSON = 700, ROWS = 3 };

static double now_s(void)
{
    return (double)clock_mono_us(&clock_system) / 1e6;
}

static double cpu_s(void)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) + (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static double resident_mib(void)
{
    long pages = 0, resident = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    if (!f || fscanf(f, "%ld %ld", &pages, &resident) != 2) resident = 0;
    if (f) fclose(f);
    return (double)resident * (double)sysconf(_SC_PAGESIZE) / 1048576.0;
}

static struct store *open_or_die(const char *dir)
{
    struct store *s;
    struct fault f = {0};
    if (store_rocksdb_open(dir, NULL, &s, &f)) {
        fprintf(stderr, "%s\n", f.text);
        exit(1);
    }
    return s;
}

/* --- the load --- */

struct lane {
    struct store_batch batch;
    struct change change[ROWS];
    struct run *run;
    char room[64], event_id[64], txn[64], json[JSON];
    int64_t ord;
};
struct run {
    struct store *store;
    struct loop *loop;
    struct task start;
    uint64_t left, waiting, bytes;
    struct lane lane[WAITING];
};

/* Compressible as events are: fixed words around an id and a body. */
static void write_json(struct lane *l)
{
    static const char words[] = "lorem ipsum dolor sit amet consectetur adipiscing elit sed do eiusmod tempor incididunt ut labore et ";
    int n =
        snprintf(l->json, sizeof l->json,
                 "{\"type\":\"m.room.message\",\"event_id\":\"%s\",\"sender\":\"@user%02u:example.org\",\"origin_server_ts\":17000%08lld,"
                 "\"content\":{\"msgtype\":\"m.text\",\"body\":\"",
                 l->event_id, l->batch.slot, (long long)l->ord);
    for (size_t i = (size_t)n; i < JSON; i++)
        l->json[i] = words[((size_t)l->ord * 31 + i * (1 + i % 3)) % (sizeof words - 1)];
}

static void fill(struct lane *l)
{
    l->ord++;
    snprintf(l->room, sizeof l->room, "!Q%02uroom%02u:example.org", l->batch.slot, (unsigned)(l->ord % ROOMS));
    uint64_t r[4];
    for (size_t i = 0; i < 4; i++)
        r[i] = (uint64_t)l->ord * 0x9E3779B97F4A7C15u * (i + 1) ^ l->batch.slot * 0xD1B54A32D192ED03u;
    snprintf(l->event_id, sizeof l->event_id, "$%011llx%011llx%011llx%010llx", (unsigned long long)r[0] >> 20,
             (unsigned long long)r[1] >> 20, (unsigned long long)r[2] >> 20, (unsigned long long)r[3] >> 24);
    snprintf(l->txn, sizeof l->txn, "DEVICEID/m%lld.%u", (long long)l->ord, l->batch.slot);
    write_json(l);
    struct row *t = &l->change[0].row, *e = &l->change[1].row, *x = &l->change[2].row;
    t->c[C_timeline_room_id].s = e->c[C_event_id_room_id].s = x->c[C_txn_scope].s = str_c(l->room);
    t->c[C_timeline_event_id].s = e->c[C_event_id_event_id].s = x->c[C_txn_answer].s = str_c(l->event_id);
    t->c[C_timeline_device_txn].s = x->c[C_txn_device_txn].s = str_c(l->txn);
    t->c[C_timeline_ord].i = t->c[C_timeline_position].i = e->c[C_event_id_ord].i = x->c[C_txn_made_ms].i = l->ord;
    t->c[C_timeline_json].s = str_make(l->json, JSON);
    l->batch.predecessor = l->batch.position;
    l->batch.position++;
}

static void next(struct lane *l)
{
    struct run *r = l->run;
    if (r->left == 0) {
        if (--r->waiting == 0) loop_stop(r->loop);
        return;
    }
    r->left--;
    fill(l);
    store_apply(r->store, &l->batch);
}

static void done(struct store_batch *b)
{
    if (b->err) {
        fprintf(stderr, "failed: %s\n", err_name(b->err));
        exit(1);
    }
    next(list_item(b, struct lane, batch));
}

static void start(struct task *t)
{
    struct run *r = list_item(t, struct run, start);
    for (unsigned i = 0; i < WAITING; i++)
        next(&r->lane[i]);
}

static void looked(struct store_look *l)
{
    if (l->err) exit(1);
}

static void run_init(struct run *r, struct store *s, uint64_t batches)
{
    *r = (struct run){.store = s, .loop = loop_new(0), .start.run = start, .left = batches, .waiting = WAITING};
    for (unsigned i = 0; i < WAITING; i++) {
        struct lane *l = &r->lane[i];
        struct store_look look = {.slot = i, .done = looked};
        store_look(s, &look); /* answers at once */
        l->run = r;
        l->ord = look.at.position;
        l->batch = (struct store_batch){
            .loop = r->loop, .slot = i, .epoch = 1, .position = look.at.position, .change = l->change, .count = ROWS, .done = done};
        static const enum table table[ROWS] = {T_timeline, T_event_id, T_txn};
        for (unsigned c = 0; c < ROWS; c++)
            l->change[c].row.table = table[c];
    }
}

/* Which threads the time went to: this one, "store" (the writer), RocksDB's flushes ("high") and compactions ("low"). */
static void report_threads(uint64_t batches)
{
    DIR *d = opendir("/proc/self/task");
    if (!d) return;
    for (struct dirent *e; (e = readdir(d));) {
        char path[300], name[32] = "";
        unsigned long long ns = 0;
        snprintf(path, sizeof path, "/proc/self/task/%s/comm", e->d_name);
        FILE *f = fopen(path, "r");
        if (f && fscanf(f, "%31s", name) != 1) name[0] = 0;
        if (f) fclose(f);
        snprintf(path, sizeof path, "/proc/self/task/%s/schedstat", e->d_name);
        f = fopen(path, "r");
        if (f && fscanf(f, "%llu", &ns) == 1 && name[0]) printf("    %-14s %.2f us per batch\n", name, (double)ns / 1e3 / (double)batches);
        if (f) fclose(f);
    }
    closedir(d);
}

/* What filling the rows costs the benchmark itself. */
static double own_cost(struct run *r)
{
    enum { ROUNDS = 20000 };
    double from = cpu_s();
    for (unsigned i = 0; i < ROUNDS; i++) {
        struct lane l = r->lane[i % WAITING];
        fill(&l);
    }
    return (cpu_s() - from) / ROUNDS * 1e6;
}

static void report(const struct run *r, double wall, double cpu, double own, uint64_t batches)
{
    struct store_stats st;
    r->store->ops->stats(r->store, &st);
    printf("%llu batches in %.2f s: %.0f batches/s, %.0f commits/s of %.1f batches, %.0f us each\n", (unsigned long long)batches, wall,
           (double)batches / wall, (double)st.commits / wall, (double)st.batches / (double)st.commits,
           (double)st.commit_time->us / (double)st.commits);
    double each = cpu / (double)batches * 1e6 - own;
    printf("processor: %.2f us per batch, %.2f us per row (%.2f us more are the benchmark's own)\n", each, each / ROWS, own);
}

static void load(const char *dir, uint64_t batches, bool die)
{
    struct store *s = open_or_die(dir);
    struct run *r = mem_alloc(sizeof *r);
    run_init(r, s, batches);
    double own = own_cost(r), wall = now_s(), cpu = cpu_s();
    loop_post(r->loop, &r->start);
    loop_run(r->loop);
    if (die) raise(SIGKILL);
    wall = now_s() - wall;
    report(r, wall, cpu_s() - cpu, own, batches);
    report_threads(batches);
    cpu = cpu_s();
    s->ops->close(s);
    printf("close: %.2f us more per batch\n", (cpu_s() - cpu) / (double)batches * 1e6);
    loop_free(r->loop);
    mem_free(r);
}

/* --- reading: the newest 20 events of each room, one room after the other --- */

enum { READ_ROWS = 20 };
struct tour {
    struct store_read read;
    struct store *store;
    struct loop *loop;
    struct task start;
    struct arena arena;
    char room[64];
    unsigned at, rooms;
    size_t rows;
};

static void visit(struct tour *t);

static void visited(struct store_read *r)
{
    struct tour *t = list_item(r, struct tour, read);
    t->rows += r->count;
    arena_reset(&t->arena);
    if (++t->at == t->rooms)
        loop_stop(t->loop);
    else
        loop_post(t->loop, &t->start);
}

static void visit(struct tour *t)
{
    unsigned slot = t->at % WAITING;
    snprintf(t->room, sizeof t->room, "!Q%02uroom%02u:example.org", slot, t->at / WAITING % ROOMS);
    t->read = (struct store_read){.loop = t->loop,
                                  .slot = slot,
                                  .table = T_timeline,
                                  .prefix = 1,
                                  .key = {cell_str(str_c(t->room))},
                                  .reverse = true,
                                  .limit = READ_ROWS,
                                  .arena = &t->arena,
                                  .done = visited};
    store_read(t->store, &t->read);
}

static void visit_next(struct task *t)
{
    visit(list_item(t, struct tour, start));
}

static void tour(struct store *s, const char *what, unsigned rooms)
{
    struct tour t = {.store = s, .loop = loop_new(0), .start.run = visit_next, .rooms = rooms};
    struct store_stats before, after;
    arena_init(&t.arena);
    s->ops->stats(s, &before);
    double wall = now_s(), cpu = cpu_s();
    loop_post(t.loop, &t.start);
    loop_run(t.loop);
    s->ops->stats(s, &after);
    printf("read %u rows of a room, %s: %.1f us, processor %.1f us, %.0f %% on a worker\n", READ_ROWS, what, (now_s() - wall) / rooms * 1e6,
           (cpu_s() - cpu) / rooms * 1e6, (double)(after.cold_reads - before.cold_reads) * 100 / rooms);
    arena_release(&t.arena);
    loop_free(t.loop);
}

static void read_rooms(const char *dir)
{
    struct store *s = open_or_die(dir);
    sleep(5); /* merges that the load has left */
    tour(s, "all rooms once", WAITING * ROOMS);
    tour(s, "all rooms again", WAITING * ROOMS);
    tour(s, "few rooms", WAITING);
    tour(s, "few rooms again", WAITING);
    tour(s, "few rooms again", WAITING);
    s->ops->close(s);
}

/* --- starting --- */

static void open_and_wait(const char *dir, const char *after)
{
    double empty = resident_mib(), from = now_s();
    struct store *s = open_or_die(dir);
    double took = now_s() - from;
    sleep(1);
    printf("open after %s: %.0f ms; resident %.1f MiB (%.1f before)\n", after, took * 1e3, resident_mib(), empty);
    s->ops->close(s);
}

/* Each step in a process of its own, so that memory is that of the step. */
static void in_child(const char *step, const char *dir, const char *batches)
{
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        execl("/proc/self/exe", "store", step, dir, batches, (char *)NULL);
        _exit(127);
    }
    int status;
    waitpid(pid, &status, 0);
    if (WIFEXITED(status) && WEXITSTATUS(status)) exit(1);
}

static int step(const char *what, const char *dir, uint64_t batches)
{
    if (strcmp(what, "load") == 0) load(dir, batches, false);
    if (strcmp(what, "load-and-die") == 0) load(dir, batches, true);
    if (strcmp(what, "read") == 0) read_rooms(dir);
    if (strcmp(what, "open") == 0) open_and_wait(dir, "an orderly stop");
    if (strcmp(what, "open-killed") == 0) open_and_wait(dir, "SIGKILL");
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 4) return step(argv[1], argv[2], strtoull(argv[3], NULL, 10));
    char made[] = "/tmp/rookery-bench-XXXXXX";
    const char *batches = argc > 1 ? argv[1] : "500000", *dir = argc > 2 ? argv[2] : mkdtemp(made);
    in_child("load", dir, batches);
    in_child("open", dir, "0");
    in_child("read", dir, "0");
    in_child("load-and-die", dir, "12000"); /* most of what the write buffers hold */
    in_child("open-killed", dir, "0");
    printf("left in %s\n", dir);
    return 0;
}
