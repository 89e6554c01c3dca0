#include "engine/user/kept.h"

#include "engine/user/state.h"

static const enum table tables[KEPT_TABLES] = {T_token,  T_profile,      T_account_data, T_user_room,
                                               T_filter, T_one_time_key, T_fallback_key, T_device_change};

uint64_t kept_tables(void)
{
    uint64_t all = 0;
    for (unsigned i = 0; i < KEPT_TABLES; i++)
        all |= (uint64_t)1 << tables[i];
    return all;
}

/* KEPT_TABLES: it is none. */
static unsigned place_of(int64_t table)
{
    unsigned i = 0;
    while (i < KEPT_TABLES && (int64_t)tables[i] != table)
        i++;
    return i;
}

static unsigned place(enum table table)
{
    unsigned i = place_of(table);
    if (i == KEPT_TABLES) abort(); /* our bug: its changes are not marked */
    return i;
}

/* Has this owner changed anything since the marks were read? They are not read again: what it changes it has in memory. */
static bool marks_hold(const struct turn *t, const struct kept *k)
{
    return k->known && k->as_of == turn_entity(t)->changed;
}

static enum err read_marks(struct turn *t, struct kept *k)
{
    struct store_read r = {.table = T_changed, .prefix = 1, .key[0].s = turn_entity(t)->key, .limit = SIZE_MAX};
    int64_t as_of = turn_entity(t)->changed;
    enum err e = turn_range(t, &r);
    if (e != ERR_OK || k->known) return e; /* another question was faster */
    for (size_t i = 0; i < r.count; i++) {
        unsigned at = place_of(r.row[i].c[C_changed_table_number].i);
        if (at < KEPT_TABLES) k->mark[at] = r.row[i].c[C_changed_position].i;
    }
    k->as_of = as_of;
    k->known = true;
    return ERR_OK;
}

static bool is_old(const struct turn *t, const struct kept *k, const struct kept_question *q, int64_t position)
{
    for (unsigned i = 0; i < 2; i++)
        if (k->mark[place(q->table[i])] > position) return true;
    return !marks_hold(t, k);
}

/* Found before the marks are asked for: where the cache has nothing, they cost nothing. */
static enum err prove(struct turn *t, struct kept *k, const struct kept_question *q, int64_t position, bool *found)
{
    enum err e = turn_resumed(t);
    if (e == ERR_OK && !k->known) e = read_marks(t, k);
    if (err_may_pass(e)) return turn_resumed(t); /* the store is away: then what the question is about is at hand, or not to be had */
    if (e != ERR_OK) return e;
    *found = !is_old(t, k, q, position);
    hot_count(engine_of(t), *found ? HOT_USED : HOT_OLD);
    return ERR_OK;
}

enum err kept_find(struct turn *t, struct kept_question *q, const struct str *key, size_t keys, struct str *value, bool *found)
{
    struct engine *e = engine_of(t);
    struct cache_value got;
    *found = false;
    if (!hot_is_on(e)) return ERR_OK;
    struct kept *k = &user_state(t)->kept;
    hot_name_make(&q->name, e, HOT_ROWS, q->table[0], key, keys);
    q->as_of = turn_durable(t);
    if (k->known && !marks_hold(t, k)) return ERR_OK;
    if (!hot_get(e, &q->name, turn_arena(t), &got)) return turn_resumed(t);
    *value = got.value;
    return prove(t, k, q, got.position, found);
}

/* Never 0. In half the time that an entry lives it is another one: then it is told again. */
static uint32_t hash_of(const struct turn *t, const struct kept_question *q, struct str value)
{
    uint64_t h = str_hash(str_make(q->name.p, q->name.n)) * 31 + str_hash(value);
    h = h * 31 + (uint64_t)(turn_now_ms(t) / (HOT_TTL_MS / 2));
    return (uint32_t)(h ^ h >> 32) | 1;
}

void kept_tell(struct turn *t, const struct kept_question *q, struct str value)
{
    struct engine *e = engine_of(t);
    if (!hot_is_on(e) || !turn_is_settled(t)) return;
    uint32_t hash = hash_of(t, q, value), *told = &user_state(t)->kept.told[place(q->table[0])];
    if (*told == hash) return;
    *told = hash;
    hot_put(e, &q->name, value, q->as_of, HOT_TTL_MS);
}

static void tell_rows(struct turn *t, const struct kept_question *q, const struct store_read *r)
{
    struct buf b;
    buf_init(&b, HOT_VALUE_MAX);
    if (hot_rows_pack(&b, turn_slot(t), r->row, r->count)) kept_tell(t, q, buf_str(&b));
    buf_release(&b);
}

enum err kept_range(struct turn *t, struct store_read *r)
{
    struct kept_question q = {.table = {r->table, r->table}};
    struct str key[STORE_KEY_CELLS_MAX], value;
    bool found;
    for (unsigned i = 0; i < r->prefix; i++)
        key[i] = r->key[i].s;
    enum err e = kept_find(t, &q, key, r->prefix, &value, &found);
    if (e != ERR_OK) return e;
    if (found && hot_rows_unpack(value, turn_slot(t), r->table, turn_arena(t), &r->row, &r->count)) {
        turn_knows(t, r);
        return ERR_OK;
    }
    e = turn_range(t, r);
    if (e == ERR_OK && hot_is_on(engine_of(t))) tell_rows(t, &q, r);
    return e;
}
