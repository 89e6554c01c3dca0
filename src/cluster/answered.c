/* What became of numbered commands that changed something: part of the record in which they did, so that one which is repeated after a
 * fail-over is answered and not done again. Those that see to that by themselves (turn_repeatable) are not among them, which most are: messages.
 *
 * Each record has one row with all the answers of its commands. They are kept until nobody can repeat them any more. */
#include "base/log.h"
#include "cluster/cluster_priv.h"
#include "cluster/wire.h"

enum { KEPT_MS = 2 * CALL_PATIENCE_MS, ANSWER_MAX = 262144, ANSWERS_MAX = 1572864, KEY_BYTES = 16, DROP_MAX = 1000 };

struct answer {
    struct list link; /* in its block */
    char key[KEY_BYTES];
    int64_t position;
    size_t n; /* 0: it was too large to be kept */
    char reply[];
};

/* Those of one record. */
struct block {
    struct list link, answers;
    int64_t position, made_ms;
};

static void forget_block(struct slot *s, struct block *b)
{
    struct list *n;
    while ((n = list_pop(&b->answers))) {
        struct answer *a = list_item(n, struct answer, link);
        map_del(&s->answers, str_make(a->key, KEY_BYTES));
        mem_free(a);
    }
    list_remove(&b->link);
    mem_free(b);
}

/* Up to which number answers of a life are forgotten. Nobody waits for those any more, but the network may still have one of their commands. */
struct forgotten {
    uint64_t life, number;
};

static struct str life_key(const uint64_t *life)
{
    return str_make((const char *)life, sizeof *life);
}

static void note_forgotten(struct slot *s, const struct answer *a)
{
    struct forgotten f;
    memcpy(&f, a->key, sizeof f);
    struct forgotten *known = map_get(&s->forgotten, life_key(&f.life));
    if (!known) {
        known = mem_zero(sizeof *known);
        known->life = f.life;
        map_put(&s->forgotten, life_key(&known->life), known);
    }
    if (f.number > known->number) known->number = f.number;
}

static bool is_forgotten(const struct slot *s, const struct call *call)
{
    const struct forgotten *f = map_get(&s->forgotten, life_key(&call->life));
    return f && call->number <= f->number;
}

static struct block *block_new(struct slot *s, int64_t position)
{
    struct block *b = mem_zero(sizeof *b);
    b->position = position;
    b->made_ms = loop_now_ms(s->loop);
    list_init(&b->answers);
    list_push(&s->answer_blocks, &b->link);
    return b;
}

static void keep(struct slot *s, struct block *b, uint64_t life, uint64_t number, struct str reply)
{
    struct answer *a = mem_zero(sizeof *a + reply.n);
    call_key(a->key, life, number);
    a->position = b->position;
    a->n = reply.n;
    if (reply.n) memcpy(a->reply, reply.p, reply.n);
    list_push(&b->answers, &a->link);
    map_put(&s->answers, str_make(a->key, KEY_BYTES), a);
}

bool answered_find(struct slot *s, struct call *call)
{
    char key[KEY_BYTES];
    if (!call->number) return false;
    call_key(key, call->life, call->number);
    const struct answer *a = map_get(&s->answers, str_make(key, KEY_BYTES));
    if (!a && is_forgotten(s, call)) {
        call->reply.err = fault_set(&call->reply.fault, ERR_UNAVAILABLE, "That was asked too long ago.");
        return true;
    }
    if (!a) return false;
    if (!reply_decode(str_make(a->reply, a->n), &call->reply))
        call->reply.err = fault_set(&call->reply.fault, ERR_UNAVAILABLE, "It was done, but the answer is gone. Look what became of it.");
    reply_own(call->arena, &call->reply);
    call->need = a->position;
    return true;
}

void answered_add(struct slot *s, struct record *r, const struct call *call)
{
    struct buf b;
    if (!call->number || call->repeatable || call->follows)
        return; /* the last: its interest is registered where it runs, so it has to run */
    if (!r->block) r->block = block_new(s, s->position);
    r->block->position = s->position; /* the record's last one is the row's */
    buf_init(&b, ANSWER_MAX);
    reply_encode(&b, &call->reply);
    keep(s, r->block, call->life, call->number, buf_ok(&b) ? buf_str(&b) : STR(""));
    r->answer_bytes += b.n + 2 * VARINT_MAX + VARINT_MAX;
    buf_release(&b);
}

bool answered_is_enough(const struct record *r)
{
    return r->answer_bytes > ANSWERS_MAX / 2;
}

size_t answered_room(const struct record *r)
{
    return r->answer_bytes + ANSWER_MAX + 3 * VARINT_MAX;
}

static struct change del_of(int64_t position)
{
    struct change c = {.del = true, .row = {.table = T_answered}};
    c.row.c[C_answered_position].i = position;
    return c;
}

/* The rows that nobody needs any more go with it. */
static void drop_old(struct slot *s, struct record *r)
{
    int64_t until = loop_now_ms(s->loop) - KEPT_MS;
    for (int i = 0; i < DROP_MAX && !list_is_empty(&s->answer_blocks); i++) {
        struct block *b = list_item(s->answer_blocks.next, struct block, link);
        if (b == r->block || b->made_ms > until || b->position > s->durable) return;
        struct change c = del_of(b->position);
        record_add(r, &c);
        overlay_put(s->overlay, &c, s->position);
        list_each(it, &b->answers) note_forgotten(s, list_item(it, struct answer, link));
        forget_block(s, b);
    }
}

void answered_seal(struct slot *s, struct record *r)
{
    struct block *block = r->block;
    if (!block) return;
    drop_old(s, r);
    struct buf b;
    buf_init(&b, ANSWERS_MAX);
    list_each(it, &block->answers)
    {
        const struct answer *a = list_item(it, struct answer, link);
        buf_add(&b, str_make(a->key, KEY_BYTES));
        wire_put_uint(&b, a->n);
        buf_add(&b, str_make(a->reply, a->n));
    }
    if (!buf_ok(&b)) abort(); /* answered_is_enough saw to that */
    struct change c = {.row = {.table = T_answered}};
    c.row.c[C_answered_position].i = block->position = s->position;
    c.row.c[C_answered_answers].s = arena_str(&r->arena, buf_str(&b));
    list_each(it, &block->answers) list_item(it, struct answer, link)->position = s->position;
    record_add(r, &c);
    overlay_put(s->overlay, &c, s->position);
    buf_release(&b);
    r->block = NULL;
    r->answer_bytes = 0;
}

void answered_forget(struct slot *s)
{
    while (!list_is_empty(&s->answer_blocks))
        forget_block(s, list_item(s->answer_blocks.next, struct block, link));
    map_release(&s->answers);
    struct forgotten *f;
    for (size_t at = 0; (f = map_next(&s->forgotten, &at));)
        mem_free(f);
    map_release(&s->forgotten);
}

/* Its time begins anew: its maker's clock was another one. */
static bool load_block(struct slot *s, const struct row *row)
{
    struct block *b = block_new(s, row->c[C_answered_position].i);
    struct str in = row->c[C_answered_answers].s;
    while (!str_empty(in)) {
        uint64_t life, number, n;
        if (in.n < KEY_BYTES) return false;
        memcpy(&life, in.p, sizeof life);
        memcpy(&number, in.p + sizeof life, sizeof number);
        in = str_from(in, KEY_BYTES);
        if (!wire_get_uint(&in, &n) || n > in.n) return false;
        keep(s, b, life, number, str_first(in, (size_t)n));
        in = str_from(in, (size_t)n);
    }
    return true;
}

enum err answered_take(struct slot *s, const struct store_read *rows)
{
    answered_forget(s);
    for (size_t i = 0; i < rows->count; i++)
        if (!load_block(s, &rows->row[i])) return ERR_INTERNAL;
    return ERR_OK;
}
