#include "main/admin.h"

#include "main/commands.h"
#include "main/control.h"
#include "main/shard.h"

/* --- the server's side --- */

static void put_nodes(struct json_out *o, const struct cluster_status *s)
{
    json_key(o, "nodes");
    json_array(o);
    for (size_t i = 0; i < s->nodes; i++) {
        const struct cluster_status_node *n = &s->node[i];
        json_object(o);
        json_str_member(o, "name", str_c(n->name));
        json_bool_member(o, "self", n->self);
        json_bool_member(o, "leaving", n->leaving);
        json_int_member(o, "loops", n->loops);
        json_int_member(o, "open", n->open);
        json_int_member(o, "waiting", n->waiting);
        json_end(o);
    }
    json_end(o);
}

static void put_slots(struct json_out *o, const struct cluster_status *s)
{
    json_key(o, "slots");
    json_array(o);
    for (unsigned i = 0; i < CLUSTER_SLOTS; i++) {
        json_object(o);
        json_int_member(o, "slot", i);
        if (s->slot[i].node >= 0) json_str_member(o, "owner", str_c(s->node[s->slot[i].node].name));
        if (s->slot[i].node >= 0) json_int_member(o, "epoch", s->slot[i].epoch);
        json_end(o);
    }
    json_end(o);
}

static void put_latency(struct json_out *o, const char *name, const struct histogram *h)
{
    static const struct {
        const char *name;
        double part;
    } shown[] = {{"p50", 0.5}, {"p99", 0.99}};
    uint64_t count = histogram_count(h);
    json_key(o, name);
    json_object(o);
    json_int_member(o, "count", (int64_t)count);
    for (size_t i = 0; count && i < sizeof shown / sizeof *shown; i++) {
        char ms[40];
        int n = snprintf(ms, sizeof ms, "%.2f", histogram_quantile_us(h, shown[i].part) / 1000);
        json_raw_member(o, shown[i].name, str_make(ms, (size_t)n));
    }
    json_end(o);
}

static void put_latencies(struct json_out *o, const struct api_server *api)
{
    struct api_latency l = {0};
    api_latency(api, &l);
    json_key(o, "latency_ms");
    json_object(o);
    put_latency(o, "send", &l.send);
    put_latency(o, "delivery", &l.delivery);
    put_latency(o, "commit", &l.commit);
    json_end(o);
}

/* Of this server alone. */
static void put_here(struct json_out *o, const struct cluster_stats *st, const struct api_server *api)
{
    json_key(o, "here");
    json_object(o);
    json_int_member(o, "slots_open", (int64_t)st->slots_open);
    json_int_member(o, "slots_reachable", (int64_t)st->slots_reachable);
    json_int_member(o, "backlog_records", (int64_t)st->backlog);
    json_int_member(o, "records_in_flight", (int64_t)st->in_flight);
    json_int_member(o, "commands", (int64_t)st->commands);
    json_int_member(o, "commands_away", (int64_t)st->away);
    json_int_member(o, "commands_inbound", (int64_t)st->inbound);
    json_int_member(o, "warm_entities", (int64_t)st->warm);
    put_latencies(o, api);
    json_end(o);
}

void admin_status(struct engine *e, const struct api_server *api, struct buf *out)
{
    struct cluster_status *s = mem_zero(sizeof *s);
    struct cluster_stats st;
    struct json_out o;
    cluster_status(e->cluster, s);
    cluster_stats(e->cluster, &st);
    json_out_init(&o, out);
    json_object(&o);
    json_str_member(&o, "version", str_c(ROOKERY_VERSION));
    put_nodes(&o, s);
    put_slots(&o, s);
    put_here(&o, &st, api);
    json_end(&o);
    mem_free(s);
}

/* --- the command's side --- */

static void print_slots_of(const struct json *status, struct str name)
{
    int64_t from = -1, last = -2;
    const char *comma = "";
    json_each(it, json_get(status, "slots"))
    {
        int64_t slot = json_int_at(it, "slot", -1);
        if (!str_eq(json_string_at(it, "owner"), name)) continue;
        if (slot != last + 1) {
            if (from >= 0 && last > from) printf("-%lld", (long long)last);
            printf("%s%lld", comma, (long long)slot);
            comma = ",";
            from = slot;
        }
        last = slot;
    }
    if (from >= 0 && last > from) printf("-%lld", (long long)last);
}

static void print_latency(const char *what, const struct json *l)
{
    struct str p50 = json_get(l, "p50") ? json_get(l, "p50")->raw : STR("-"), p99 = json_get(l, "p99") ? json_get(l, "p99")->raw : STR("-");
    printf("%-40s %11lld %9.*s %9.*s\n", what, (long long)json_int_at(l, "count", 0), STR_FMT(p50), STR_FMT(p99));
}

static void print_latencies(const struct json *l)
{
    printf("\n%-40s %11s %9s %9s\n", "* milliseconds since this server's start", "count", "50 %", "99 %");
    print_latency("to send", json_get(l, "send"));
    print_latency("from sending to delivery", json_get(l, "delivery"));
    print_latency("to commit to the store", json_get(l, "commit"));
}

static void print_nodes(const struct json *v)
{
    const struct json *here = json_get(v, "here");
    printf("%-40s %5s %5s %7s  %s\n", "server", "loops", "slots", "waits", "which");
    json_each(n, json_get(v, "nodes"))
    {
        struct str name = json_string_at(n, "name");
        printf("%-38.*s%-2s %5lld %5lld %7lld  ", STR_FMT(name), json_bool_at(n, "self", false) ? " *" : "",
               (long long)json_int_at(n, "loops", 0), (long long)json_int_at(n, "open", 0), (long long)json_int_at(n, "waiting", 0));
        print_slots_of(v, name);
        printf("%s\n", json_bool_at(n, "leaving", false) ? " (leaving)" : "");
    }
    unsigned lost = 0;
    json_each(it, json_get(v, "slots")) lost += str_empty(json_string_at(it, "owner"));
    if (lost) printf("%u slots are served by nobody.\n", lost);
    printf("* this server: %lld records are durable and wait for the database, %lld are on their way; %lld commands done, %lld of them for "
           "other "
           "servers; %lld rooms and users in memory.\n",
           (long long)json_int_at(here, "backlog_records", 0), (long long)json_int_at(here, "records_in_flight", 0),
           (long long)json_int_at(here, "commands", 0), (long long)json_int_at(here, "commands_inbound", 0),
           (long long)json_int_at(here, "warm_entities", 0));
}

/* Asks the server that runs with these settings; the answer is in `out`. */
static enum err ask(const struct invocation *in, const char *what, struct buf *out)
{
    struct fault f = {0};
    buf_init(out, CONTROL_ANSWER_MAX + 512);
    enum err e = control_ask(in->settings->store.path, what, out, &f);
    if (e == ERR_NOT_FOUND) fault_set(&f, e, "no server runs with [store] path = %.150s", in->settings->store.path);
    if (e != ERR_OK) fprintf(stderr, "%s admin: %s\n", in->program, f.text[0] ? f.text : err_sentence(e));
    return e;
}

/* What the server said, and the shards, unless NULL. `why`: they cannot be seen. */
static void print_json(const struct json *status, const struct shards *shards, const struct fault *why)
{
    struct buf text;
    struct json_out o;
    buf_init(&text, 2 * CONTROL_ANSWER_MAX);
    json_out_init(&o, &text);
    json_object(&o);
    json_each(it, status)
    {
        json_key_str(&o, it->key);
        json_put(&o, it);
    }
    if (why->text[0]) json_str_member(&o, "shards_unseen", str_c(why->text));
    if (shards) json_key(&o, "shards");
    if (shards) shards_put(&o, shards);
    json_end(&o);
    printf("%.*s\n", STR_FMT(buf_str(&text)));
    buf_release(&text);
}

static void print_server(const struct json *status)
{
    print_nodes(status);
    print_latencies(json_path(status, "here", "latency_ms", NULL));
    fflush(stdout); /* the rest may take some seconds, when a database is away */
}

static void print_shards(const struct shards *shards, const struct fault *why)
{
    printf("\n");
    if (shards->count == 0)
        printf("The shards cannot be seen: %s\n", why->text);
    else
        shards_print(shards);
}

/* This process looks at the shards itself: the server must answer whatever the databases do. */
static void print_status(const struct invocation *in, struct arena *a, const struct json *status)
{
    struct shards shards;
    struct fault why = {0};
    bool look = !in->no_shards;
    if (!in->json) print_server(status);
    if (look && shards_look(in->settings, a, &shards, &why) != ERR_OK) shards.count = 0;
    if (in->json)
        print_json(status, look ? &shards : NULL, &why);
    else if (look)
        print_shards(&shards, &why);
}

int cmd_admin_status(const struct invocation *in)
{
    struct buf answer;
    struct arena a;
    struct json *v;
    struct fault f = {0};
    arena_init(&a);
    enum err e = ask(in, "status", &answer);
    if (e == ERR_OK) e = json_parse(&a, buf_str(&answer), &v, &f);
    if (e == ERR_OK) print_status(in, &a, v);
    buf_release(&answer);
    arena_release(&a);
    return e == ERR_OK ? 0 : 1;
}

int cmd_admin_drain(const struct invocation *in)
{
    struct buf answer;
    enum err e = ask(in, "drain", &answer);
    if (e == ERR_OK) printf("%.*s\n", STR_FMT(buf_str(&answer)));
    buf_release(&answer);
    return e == ERR_OK ? 0 : 1;
}
