/* `rookery admin shard`: the databases that share the store, and moving slots from one to another while servers run. */
#include <unistd.h>

#include "main/commands.h"
#include "main/places.h"
#include "main/shard.h"
#include "main/tree.h"

enum { BAR = 30 };

static struct store_postgres_config config_of(const struct settings *s)
{
    return (struct store_postgres_config){.url = s->store.url.item, .urls = s->store.url.count};
}

static unsigned count_of(uint64_t slots)
{
    return (unsigned)__builtin_popcountll(slots);
}

enum err shards_look(const struct settings *s, struct arena *a, struct shards *out, struct fault *f)
{
    struct store_postgres_config c = config_of(s);
    out->count = c.urls ? c.urls : 1;
    if (c.urls) return store_postgres_shards(&c, a, out->shard, f);
    const char *folder = place_store(a, s);
    out->shard[0] = (struct store_shard){.name = folder, .slots = UINT64_MAX, .bytes = tree_bytes(folder)};
    return ERR_OK;
}

/* Those of databases; `ready`: they are made so first. */
static enum err look(const struct settings *s, bool ready, struct arena *a, struct shards *out, struct fault *f)
{
    struct store_postgres_config c = config_of(s);
    if (!c.urls) return fault_set(f, ERR_INVALID_PARAM, "[store] url: is empty; the embedded store has no shards.");
    enum err e = ready ? store_postgres_prepare(&c, f) : ERR_OK;
    return e ? e : shards_look(s, a, out, f);
}

static int finish(const struct invocation *in, enum err e, const struct fault *f)
{
    if (e != ERR_OK) fprintf(stderr, "%s admin shard: %s\n", in->program, f->text[0] ? f->text : err_sentence(e));
    return e == ERR_OK ? 0 : 1;
}

/* --- list, add --- */

static void print_slots(uint64_t slots)
{
    const char *comma = "";
    for (unsigned i = 0; i < STORE_SLOTS; i++) {
        unsigned from = i;
        if (!(slots >> i & 1)) continue;
        while (i + 1 < STORE_SLOTS && slots >> (i + 1) & 1)
            i++;
        printf(i > from ? "%s%u-%u" : "%s%u", comma, from, i);
        comma = ",";
    }
    printf("\n");
}

void shards_print(const struct shards *s)
{
    uint64_t all = 0;
    printf("%5s  %5s  %9s  %-40s  %s\n", "shard", "slots", "MiB", "database", "which");
    for (size_t i = 0; i < s->count; i++) {
        const struct store_shard *one = &s->shard[i];
        printf("%5zu  %5u  %9.1f  %-40s  ", i + 1, count_of(one->slots), (double)one->bytes / 1048576, one->name);
        print_slots(one->slots);
        all |= one->slots;
    }
    if (~all)
        printf("%u slots live in none of them: they are just moving, or a database is not ready or not in store.url.\n", count_of(~all));
}

void shards_put(struct json_out *o, const struct shards *s)
{
    json_array(o);
    for (size_t i = 0; i < s->count; i++) {
        json_object(o);
        json_int_member(o, "shard", (int64_t)i + 1);
        json_str_member(o, "database", str_c(s->shard[i].name));
        json_int_member(o, "bytes", s->shard[i].bytes);
        json_key(o, "slots");
        json_array(o);
        for (unsigned slot = 0; slot < STORE_SLOTS; slot++)
            if (s->shard[i].slots >> slot & 1) json_put_int(o, slot);
        json_end(o);
        json_end(o);
    }
    json_end(o);
}

static void print_json(const struct shards *s)
{
    struct buf text;
    struct json_out o;
    buf_init(&text, 65536);
    json_out_init(&o, &text);
    shards_put(&o, s);
    printf("%.*s\n", STR_FMT(buf_str(&text)));
    buf_release(&text);
}

static int list(const struct invocation *in, bool ready)
{
    struct shards all;
    struct arena a;
    struct fault f = {0};
    arena_init(&a);
    enum err e = look(in->settings, ready, &a, &all, &f);
    if (e == ERR_OK) (in->json ? print_json : shards_print)(&all);
    arena_release(&a);
    return finish(in, e, &f);
}

int cmd_shard_list(const struct invocation *in)
{
    return list(in, false);
}

int cmd_shard_add(const struct invocation *in)
{
    int status = list(in, true);
    if (status == 0)
        printf("All databases of store.url are ready. Restart the servers with this list, one after another; then move slots:\n"
               "    %s admin shard move --shard NUMBER\n",
               in->program);
    return status;
}

/* --- move --- */

/* "0-7,12" */
static bool parse_slots(struct str text, uint64_t *out)
{
    *out = 0;
    while (text.n) {
        ptrdiff_t comma = str_find(text, ',');
        struct str item = comma < 0 ? text : str_first(text, (size_t)comma);
        text = comma < 0 ? STR("") : str_from(text, (size_t)comma + 1);
        ptrdiff_t dash = str_find(item, '-');
        int64_t from, to;
        if (!str_to_int64(dash < 0 ? item : str_first(item, (size_t)dash), &from)) return false;
        if (!str_to_int64(dash < 0 ? item : str_from(item, (size_t)dash + 1), &to)) return false;
        if (from < 0 || to < from || to >= STORE_SLOTS) return false;
        for (int64_t i = from; i <= to; i++)
            *out |= (uint64_t)1 << i;
    }
    return *out != 0;
}

/* So many from those that have most that the shard has its share. */
static uint64_t even_share(const struct store_shard *shard, size_t count, size_t to)
{
    uint64_t left[STORE_POSTGRES_SHARDS_MAX] = {0}, take = 0;
    for (size_t i = 0; i < count; i++)
        left[i] = shard[i].slots;
    while (count_of(left[to] | take) < STORE_SLOTS / count) {
        size_t fullest = to == 0;
        for (size_t i = 0; i < count; i++)
            if (i != to && count_of(left[i]) > count_of(left[fullest])) fullest = i;
        uint64_t highest = (uint64_t)1 << (63 - __builtin_clzll(left[fullest]));
        left[fullest] &= ~highest;
        take |= highest;
    }
    return take;
}

struct moving {
    unsigned done, all;
    bool terminal;
};

static void show(void *ctx, const struct store_move_progress *p)
{
    struct moving *m = ctx;
    double part = p->done ? 1 : p->rows ? (double)p->copied / (double)p->rows : 0;
    int filled = (int)((part < 1 ? part : 1) * BAR);
    m->done += p->done;
    if (!m->terminal && !p->done) return;
    printf("%sslot %2u, %u of %u [%.*s%.*s] %llu rows%s", m->terminal ? "\r" : "", p->slot, m->done + !p->done, m->all, filled,
           "##############################", BAR - filled, "                              ", (unsigned long long)p->copied,
           p->done ? "   \n" : "   ");
    fflush(stdout);
}

static enum err choose(const struct invocation *in, struct store_move_config *c, struct fault *f)
{
    struct shards all;
    size_t count = in->settings->store.url.count;
    int64_t number;
    struct arena a;
    arena_init(&a);
    enum err e = look(in->settings, true, &a, &all, f);
    arena_release(&a);
    if (e != ERR_OK) return e;
    if (!str_to_int64(str_c(in->shard), &number) || number < 1 || number > (int64_t)count)
        return fault_set(f, ERR_INVALID_PARAM, "--shard: there is no shard \"%.40s\"; `%s admin shard list` numbers them.", in->shard,
                         in->program);
    c->to = (size_t)number - 1;
    if (!in->slots)
        c->slots = even_share(all.shard, count, c->to);
    else if (!parse_slots(str_c(in->slots), &c->slots))
        return fault_set(f, ERR_INVALID_PARAM, "--slots: \"%.40s\" is not understood; write it like 0-7,12 (there are slots 0 to %d).",
                         in->slots, STORE_SLOTS - 1);
    return ERR_OK;
}

int cmd_shard_move(const struct invocation *in)
{
    struct fault f = {0};
    struct moving m = {.terminal = isatty(STDOUT_FILENO)};
    struct store_postgres_config pc = config_of(in->settings);
    struct store_move_config c = {.progress = show, .ctx = &m};
    enum err e = choose(in, &c, &f);
    m.all = e == ERR_OK ? count_of(c.slots) : 0;
    if (e == ERR_OK && m.all) e = store_postgres_move(&pc, &c, &f);
    if (e == ERR_OK) printf("%u slots are there.\n", m.all);
    return finish(in, e, &f);
}
