/* A slot that does not live where it was thought to: another process has moved it. Its batches and reads wait until it is found. */
#include "base/log.h"
#include "store/postgres/priv.h"

enum { AGAIN_MS = 20, AGAIN_MAX_MS = 2000, LONG_SEARCHES = 12 /* some ten seconds */ };

/* What a thread of its own finds out, blocking. */
struct search {
    struct task task;
    pthread_t thread;
    struct pg *pg;
    struct shard *home[STORE_SLOTS];
    enum err err;
    struct fault why;
};

static void *search_main(void *arg)
{
    struct search *s = arg;
    struct pg *p = s->pg;
    PGconn *conn[STORE_POSTGRES_SHARDS_MAX] = {0};
    for (size_t i = 0; !s->err && i < p->shards; i++) {
        conn[i] = shard_connect(&p->shard[i], true, &s->why);
        if (!conn[i]) s->err = ERR_UNAVAILABLE;
    }
    if (!s->err) s->err = slots_read(p, conn, s->home, &s->why);
    for (size_t i = 0; i < p->shards; i++)
        PQfinish(conn[i]);
    loop_post(p->loop, &s->task);
    return NULL;
}

/* Once: it may go on for ever. */
static void say_homeless(struct pg *p)
{
    if (p->searches < LONG_SEARCHES || p->said_homeless) return;
    p->said_homeless = true;
    log_event(LOG_WARN, "store", "slots live in none of the databases that are listed", "slots=%d first=%d shards=%zu what_to_do=\"%s\"",
              __builtin_popcountll(p->homeless), __builtin_ctzll(p->homeless), p->shards,
              "list all shards of the store in [store] url at every server, and restart this one");
}

static void search_again(struct timer *t)
{
    home_search(list_item(t, struct pg, search_later));
}

/* A slot that is on its way is found soon; one that nobody has is looked for more and more rarely, for each search makes connections. */
static void search_later(struct pg *p)
{
    unsigned shift = p->searches < 7 ? p->searches : 7;
    int64_t wait = AGAIN_MS << shift;
    p->searches++;
    timer_set(p->loop, &p->search_later, wait < AGAIN_MAX_MS ? wait : AGAIN_MAX_MS, search_again);
}

static void search_afresh(struct pg *p)
{
    p->searches = 0;
    p->said_homeless = false;
}

static void take_home(struct pg *p, unsigned slot, struct shard *to)
{
    log_event(LOG_INFO, "store", "slot has moved", "slot=%u to=%s", slot, to->name);
    for (size_t i = 0; i < p->shards; i++) {
        if (&p->shard[i] == to) continue;
        write_hand_over(&p->shard[i], to, slot);
        read_hand_over(&p->shard[i], to, slot);
    }
    p->home[slot] = to;
    p->homeless &= ~((uint64_t)1 << slot);
    search_afresh(p);
}

static void searched(struct task *t)
{
    struct search *s = list_item(t, struct search, task);
    struct pg *p = s->pg;
    pthread_join(s->thread, NULL);
    p->searching = false;
    if (s->err) log_event(LOG_WARN, "store", "slots are not found", "why=\"%s\"", s->why.text);
    for (unsigned i = 0; !s->err && i < STORE_SLOTS; i++)
        if (s->home[i] && p->homeless >> i & 1) take_home(p, i, s->home[i]);
    for (size_t i = 0; i < p->shards; i++)
        shard_go_on(&p->shard[i]);
    if (p->homeless && !s->err) say_homeless(p);
    if (p->homeless && !p->closing) search_later(p);
    mem_free(s);
}

void home_search(struct pg *p)
{
    if (p->searching || timer_is_set(&p->search_later)) return;
    struct search *s = mem_zero(sizeof *s);
    s->task.run = searched;
    s->pg = p;
    p->searching = pthread_create(&s->thread, NULL, search_main, s) == 0;
    if (p->searching) return;
    mem_free(s);
    search_later(p);
}

void home_lost(struct pg *p, unsigned slot)
{
    if (!is_homeless(p, slot)) {
        search_afresh(p);
        timer_clear(p->loop, &p->search_later);
    }
    p->homeless |= (uint64_t)1 << slot;
    home_search(p);
}
