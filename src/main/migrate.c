/* `rookery migrate`: from the embedded store to PostgreSQL. The server is stopped meanwhile; its users stay logged in. */
#include <unistd.h>

#include "loop/fiber.h"
#include "main/commands.h"
#include "store/copy.h"
#include "store/postgres/postgres.h"
#include "store/rocksdb/rocksdb.h"

enum { URLS_MAX = 64, BAR = 40 };

struct migration {
    struct store_copy copy;
    struct loop *loop;
    struct task start;
    struct fault fault;
    enum err err;
    bool terminal;
    unsigned told; /* slots */
};

static void show(void *ctx, unsigned slots, uint64_t rows)
{
    struct migration *m = ctx;
    unsigned done = slots * BAR / STORE_SLOTS;
    if (m->terminal)
        fprintf(stderr, "\r[%.*s%.*s] %u of %d slots, %llu rows", (int)done, "########################################", (int)(BAR - done),
                "........................................", slots, STORE_SLOTS, (unsigned long long)rows);
    else if (slots >= m->told + 8)
        fprintf(stderr, "%u of %d slots, %llu rows\n", m->told = slots, STORE_SLOTS, (unsigned long long)rows);
}

static void run(void *arg)
{
    struct migration *m = arg;
    m->err = store_copy(&m->copy, &m->fault);
    loop_stop(m->loop);
}

static void start(struct task *t)
{
    fiber_spawn(run, list_item(t, struct migration, start));
}

static enum err copy_all(struct migration *m, struct store *from, struct store *to)
{
    static const struct str meta[] = {{"server_key", 10}};
    m->loop = loop_new(0);
    m->terminal = isatty(STDERR_FILENO);
    m->start.run = start;
    m->copy = (struct store_copy){.from = from, .to = to, .meta = meta, .metas = 1, .progress = show, .ctx = m};
    loop_post(m->loop, &m->start);
    loop_run(m->loop);
    if (m->terminal) fprintf(stderr, "\n");
    to->ops->close(to);
    from->ops->close(from);
    loop_free(m->loop);
    return m->err;
}

/* Those of --to, separated by blanks, or else the setting's. */
static size_t urls_of(const struct invocation *in, struct str *url)
{
    size_t n = 0;
    if (!in->to) {
        for (; n < in->settings->store.url.count && n < URLS_MAX; n++)
            url[n] = in->settings->store.url.item[n];
        return n;
    }
    for (const char *p = in->to + strspn(in->to, " "); *p && n < URLS_MAX; p += strspn(p, " ")) {
        url[n] = str_make(p, strcspn(p, " "));
        p += url[n++].n;
    }
    return n;
}

static enum err open_both(const struct invocation *in, struct store **from, struct store **to, struct fault *f)
{
    struct str url[URLS_MAX];
    struct store_postgres_config pc = {.url = url, .urls = urls_of(in, url), .use = STORE_POSTGRES_ALONE};
    char db[4096];
    if (pc.urls == 0) return fault_set(f, ERR_INVALID_PARAM, "Give the databases: --to 'postgresql://...', or the setting store.url.");
    snprintf(db, sizeof db, "%s/db", in->from);
    if (access(db, R_OK) != 0) return fault_set(f, ERR_NOT_FOUND, "There is no embedded store in %.150s.", in->from);
    enum err e = store_rocksdb_open(db, NULL, from, f);
    if (e != ERR_OK) return e;
    e = store_postgres_open(&pc, to, f);
    if (e != ERR_OK) (*from)->ops->close(*from);
    return e;
}

int cmd_migrate(const struct invocation *in)
{
    struct migration m = {0};
    struct store *from, *to;
    enum err e = open_both(in, &from, &to, &m.fault);
    if (e == ERR_OK) e = copy_all(&m, from, to);
    if (e != ERR_OK) {
        fprintf(stderr, "%s migrate: %s\n", in->program, m.fault.text[0] ? m.fault.text : err_sentence(e));
        fprintf(stderr, "Nothing of the source was changed. Call it again to go on.\n");
        return 1;
    }
    printf("All of %s is in the databases: %llu rows in this run. Start the server with [store] url, and with [media] path = %s/media, "
           "where its files are.\n",
           in->from, (unsigned long long)m.copy.rows, in->from);
    return 0;
}
