/* The store on PostgreSQL: what rows cost by how many travel together, and what reads take.
 *
 *     build/release/bench/micro/postgres [seconds per row of the table]
 *
 * Starts a PostgreSQL of its own on this machine (tests/support/postgres.py), so both share its cores and its disk. A message is an event of 700 bytes, its id
 * and its transaction: three rows. CPU is that of this process (encoding, libpq, answers) and of all processes of the server. */
#include <dirent.h>
#include <sys/resource.h>

#include "base/clock.h"
#include "base/histogram.h"
#include "contract/postgres.h"

enum { LANES_MAX = 64, MESSAGES_MAX = 100, ROWS = 3, JSON = 700, READS_MAX = 200000, PAGE = 20 };

static double now_s(void)
{
    return (double)clock_mono_us(&clock_system) / 1e6;
}

static double cpu_here(void)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) + (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

/* Of all processes called postgres that have this server as parent, or are it. */
static double cpu_there(long server)
{
    DIR *d = opendir("/proc");
    double ticks = 0;
    for (struct dirent *e; d && (e = readdir(d));) {
        char path[300], text[1000] = {0};
        long parent, user, kernel;
        snprintf(path, sizeof path, "/proc/%s/stat", e->d_name);
        FILE *f = fopen(path, "r");
        if (!f) continue;
        char *rest = fgets(text, sizeof text, f) ? strrchr(text, ')') : NULL;
        fclose(f);
        if (rest && sscanf(rest, ") %*c %ld %*d %*d %*d %*d %*u %*u %*u %*u %*u %ld %ld", &parent, &user, &kernel) == 3 && parent == server)
            ticks += (double)(user + kernel);
    }
    if (d) closedir(d);
    return ticks / (double)sysconf(_SC_CLK_TCK);
}

static long server_pid(void)
{
    char path[PATH_MAX];
    long pid = 0;
    snprintf(path, sizeof path, "%s/data/postmaster.pid", getenv("TEST_POSTGRES_FOLDER"));
    FILE *f = fopen(path, "r");
    if (!f || fscanf(f, "%ld", &pid) != 1) exit(1);
    fclose(f);
    return pid;
}

static struct store *open_or_die(void)
{
    struct str url;
    struct store *s;
    struct fault f = {0};
    postgres_urls(&url, 1);
    if (store_postgres_open(&(struct store_postgres_config){.url = &url, .urls = 1}, &s, &f)) {
        fprintf(stderr, "%s\n", f.text);
        exit(1);
    }
    return s;
}

/* --- writing --- */

struct run;
struct lane {
    struct store_batch batch;
    struct run *run;
    struct change change[MESSAGES_MAX * ROWS];
    char text[MESSAGES_MAX][2][64]; /* event id, transaction */
};
struct run {
    struct store *store;
    struct loop *loop;
    struct task start;
    unsigned lanes, messages, under_way;
    double until;
    uint64_t sent;
    char json[JSON];
    struct lane lane[LANES_MAX];
};

static void fill(struct lane *l)
{
    struct run *r = l->run;
    for (unsigned i = 0; i < r->messages; i++) {
        int64_t ord = l->batch.position * MESSAGES_MAX + i;
        struct row *t = &l->change[i * ROWS].row, *e = &l->change[i * ROWS + 1].row, *x = &l->change[i * ROWS + 2].row;
        char *id = l->text[i][0], *txn = l->text[i][1];
        snprintf(id, 64, "$%016llx%016llxAbCdEfGhIjK", (unsigned long long)ord * 0x9E3779B97F4A7C15u,
                 (unsigned long long)l->batch.slot * 0xD1B54A32D192ED03u);
        snprintf(txn, 64, "DEVICEID/m%lld.%u", (long long)ord, l->batch.slot);
        *t = (struct row){.table = T_timeline};
        *e = (struct row){.table = T_event_id};
        *x = (struct row){.table = T_txn};
        t->c[C_timeline_room_id].s = e->c[C_event_id_room_id].s = x->c[C_txn_scope].s = STR("!QmAgqUbQUsRvYSLRkx:example.org");
        t->c[C_timeline_event_id].s = e->c[C_event_id_event_id].s = x->c[C_txn_answer].s = str_c(id);
        t->c[C_timeline_device_txn].s = x->c[C_txn_device_txn].s = str_c(txn);
        t->c[C_timeline_ord].i = t->c[C_timeline_position].i = e->c[C_event_id_ord].i = x->c[C_txn_made_ms].i = ord;
        t->c[C_timeline_json].s = str_make(r->json, JSON);
    }
}

static void next(struct lane *l);

static void done(struct store_batch *b)
{
    struct lane *l = list_item(b, struct lane, batch);
    if (b->err) {
        fprintf(stderr, "failed: %s\n", err_name(b->err));
        exit(1);
    }
    l->run->sent += l->run->messages;
    next(l);
}

static void next(struct lane *l)
{
    struct run *r = l->run;
    if (now_s() >= r->until) {
        if (--r->under_way == 0) loop_stop(r->loop);
        return;
    }
    fill(l);
    l->batch.predecessor = l->batch.position++;
    l->batch.count = r->messages * ROWS;
    store_apply(r->store, &l->batch);
}

static void start(struct task *t)
{
    struct run *r = list_item(t, struct run, start);
    r->under_way = r->lanes;
    for (unsigned i = 0; i < r->lanes; i++)
        next(&r->lane[i]);
}

static void write_some(struct run *r, unsigned lanes, unsigned messages, double seconds)
{
    struct store_stats before, after;
    long server = server_pid();
    r->lanes = lanes;
    r->messages = messages;
    r->sent = 0;
    r->store->ops->stats(r->store, &before);
    uint64_t us = before.commit_time->us;
    double from = now_s(), here = cpu_here(), there = cpu_there(server);
    r->until = from + seconds;
    loop_post(r->loop, &r->start);
    loop_run(r->loop);
    double rows = (double)r->sent * ROWS, took = now_s() - from;
    r->store->ops->stats(r->store, &after);
    double commits = (double)(after.commits - before.commits);
    printf("%2u slots, %3u messages a batch: %7.0f rows/s, %6.2f us a row; CPU a row here %5.2f us, in PostgreSQL %6.2f us; %4.0f rows a "
           "commit, commit %5.0f us\n",
           lanes, messages, rows / took, took / rows * 1e6, (cpu_here() - here) / rows * 1e6, (cpu_there(server) - there) / rows * 1e6,
           rows / commits, (double)(after.commit_time->us - us) / commits);
}

/* --- reading --- */

struct reader {
    struct store_read read;
    struct readers *all;
    struct arena arena;
    double since;
};
struct readers {
    struct store *store;
    struct loop *loop;
    struct task start;
    unsigned count, under_way, prefix;
    size_t limit;
    double until, *took;
    size_t reads, rows;
    struct reader reader[LANES_MAX];
};

static void read_done(struct store_read *r);

static void read_next(struct reader *r)
{
    struct readers *a = r->all;
    if (now_s() >= a->until || a->reads + a->under_way > READS_MAX) {
        if (--a->under_way == 0) loop_stop(a->loop);
        return;
    }
    arena_reset(&r->arena);
    r->read =
        (struct store_read){.loop = a->loop,
                            .slot = (unsigned)a->reads % 16,
                            .table = T_timeline,
                            .prefix = a->prefix,
                            .key = {cell_str(STR("!QmAgqUbQUsRvYSLRkx:example.org")), cell_int((int64_t)(a->reads % 50) * MESSAGES_MAX)},
                            .reverse = true,
                            .limit = a->limit,
                            .arena = &r->arena,
                            .done = read_done};
    r->since = now_s();
    store_read(a->store, &r->read);
}

static void read_done(struct store_read *r)
{
    struct reader *one = list_item(r, struct reader, read);
    if (r->err) {
        fprintf(stderr, "failed: %s\n", err_name(r->err));
        exit(1);
    }
    one->all->took[one->all->reads++] = now_s() - one->since;
    one->all->rows += r->count;
    read_next(one);
}

static void read_start(struct task *t)
{
    struct readers *a = list_item(t, struct readers, start);
    a->under_way = a->count;
    for (unsigned i = 0; i < a->count; i++)
        read_next(&a->reader[i]);
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void read_some(struct readers *a, const char *what, unsigned count, double seconds)
{
    long server = server_pid();
    a->count = count;
    a->reads = a->rows = 0;
    double from = now_s(), here = cpu_here(), there = cpu_there(server);
    a->until = from + seconds;
    loop_post(a->loop, &a->start);
    loop_run(a->loop);
    double took = now_s() - from, n = (double)a->reads;
    qsort(a->took, a->reads, sizeof *a->took, by_size);
    printf("reading %s, %2u under way: %6.0f/s, p50 %5.0f us, p99 %5.0f us; CPU here %5.1f us, in PostgreSQL %5.1f us; %.0f rows each\n",
           what, count, n / took, a->took[a->reads / 2] * 1e6, a->took[a->reads * 99 / 100] * 1e6, (cpu_here() - here) / n * 1e6,
           (cpu_there(server) - there) / n * 1e6, (double)a->rows / n);
}

static void write_all(struct store *s, double seconds)
{
    struct run *r = mem_zero(sizeof *r);
    r->store = s;
    r->loop = loop_new(0);
    r->start.run = start;
    memset(r->json, 'x', JSON);
    for (unsigned i = 0; i < LANES_MAX; i++) {
        r->lane[i].run = r;
        r->lane[i].batch = (struct store_batch){.loop = r->loop, .slot = i, .epoch = 1, .change = r->lane[i].change, .done = done};
    }
    static const unsigned shape[][2] = {{1, 1}, {16, 1}, {64, 1}, {1, 10}, {16, 10}, {1, 100}, {16, 100}};
    for (size_t i = 0; i < sizeof shape / sizeof *shape; i++)
        write_some(r, shape[i][0], shape[i][1], seconds);
    loop_free(r->loop);
    mem_free(r);
}

static void read_all(struct store *s, double seconds)
{
    struct readers *a = mem_zero(sizeof *a);
    a->store = s;
    a->loop = loop_new(0);
    a->start.run = read_start;
    a->took = mem_array(READS_MAX + LANES_MAX, sizeof *a->took);
    for (unsigned i = 0; i < LANES_MAX; i++) {
        a->reader[i].all = a;
        arena_init(&a->reader[i].arena);
    }
    a->limit = PAGE;
    for (a->prefix = 2; a->prefix > 0; a->prefix--)
        for (unsigned count = 1; count <= LANES_MAX; count *= 8)
            read_some(a, a->prefix == 2 ? "one row" : "a page", count, seconds);
    for (unsigned i = 0; i < LANES_MAX; i++)
        arena_release(&a->reader[i].arena);
    loop_free(a->loop);
    mem_free(a->took);
    mem_free(a);
}

int main(int argc, char **argv)
{
    postgres_need(argc, argv);
    double seconds = argc > 1 ? strtod(argv[1], NULL) : 3;
    struct store *s = open_or_die();
    write_all(s, seconds);
    read_all(s, seconds);
    s->ops->close(s);
    return 0;
}
