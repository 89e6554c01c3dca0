#include "engine/room/directory.h"

#include "base/pack.h"
#include "matrix/fold.h"

enum { ROWS_AT_ONCE = 200 };

/* --- the entry --- */

/* As of the draft, what it empties (a redaction) included. */
static const struct json *content_of(const struct room *room, const struct draft *d, const char *type)
{
    struct json *v;
    for (size_t i = d ? d->count : 0; i-- > 0;) {
        const struct event *e = d->e[i].event;
        if (event_is_state(e) && str_is(e->type, type) && str_empty(e->state_key)) return d->e[i].content;
    }
    const struct event *now = room_state(room, str_c(type), STR(""));
    if (!d || !d->redacted || !now || !str_eq(now->event_id, d->redacted->event_id)) return room_content(room, NULL, str_c(type), STR(""));
    return json_parse(turn_arena(d->turn), d->redacted->content, &v, NULL) == ERR_OK ? v : NULL;
}

void directory_write_entry(struct json_out *o, const struct room *room, const struct draft *d)
{
    static const struct {
        const char *type, *field, *as;
    } texts[] = {{"m.room.name", "name", "name"},
                 {"m.room.topic", "topic", "topic"},
                 {"m.room.canonical_alias", "alias", "canonical_alias"},
                 {"m.room.avatar", "url", "avatar_url"}};
    json_bool_member(o, "world_readable",
                     content_history_visibility(content_of(room, d, "m.room.history_visibility")) == HISTORY_WORLD_READABLE);
    json_bool_member(o, "guest_can_join", str_is(json_string_at(content_of(room, d, "m.room.guest_access"), "guest_access"), "can_join"));
    json_str_member(o, "join_rule", str_c(join_rule_name(content_join_rule(content_of(room, d, "m.room.join_rules")))));
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct str s = json_string_at(content_of(room, d, texts[i].type), texts[i].field);
        if (s.n) json_str_member(o, texts[i].as, s);
    }
    if (room->room_type.n) json_str_member(o, "room_type", room->room_type);
}

static void put_entry(struct turn *t, const struct room *room, const struct draft *d, int64_t joined)
{
    struct buf b;
    struct json_out o;
    struct row r = {.table = T_public_room};
    buf_init(&b, 1048576);
    json_out_init(&o, &b);
    json_object(&o);
    directory_write_entry(&o, room, d);
    json_end(&o);
    r.c[C_public_room_room_id].s = room->room_id;
    r.c[C_public_room_listed_ms].i = turn_now_ms(t);
    r.c[C_public_room_joined].i = joined;
    r.c[C_public_room_entry].s = buf_str(&b);
    turn_put(t, &r);
    buf_release(&b);
}

/* --- changes --- */

static bool is_told(const struct event *e)
{
    static const char *const types[] = {"m.room.create", "m.room.name",       "m.room.topic",        "m.room.canonical_alias",
                                        "m.room.avatar", "m.room.join_rules", "m.room.guest_access", "m.room.history_visibility"};
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if (event_is_state(e) && str_is(e->type, types[i])) return true;
    return false;
}

struct directory_change directory_draft(const struct draft *d)
{
    struct directory_change c = {.what = DIRECTORY_AS_IT_WAS, .joined = (int64_t)d->room->joined};
    if (!d->room->is_public) return c;
    bool told = d->redacted && is_told(d->redacted);
    for (size_t i = 0; i < d->count; i++) {
        const struct event *e = d->e[i].event;
        bool member = event_is_state(e) && str_is(e->type, "m.room.member");
        if (member) c.joined += (e->membership == MEMBER_JOIN) - (d->e[i].before == MEMBER_JOIN);
        told = told || is_told(e);
    }
    if (!told && c.joined == (int64_t)d->room->joined) return c;
    put_entry(d->turn, d->room, d, c.joined);
    c.what = DIRECTORY_ENTRY;
    return c;
}

struct directory_change directory_publish(struct turn *t, const struct room *room)
{
    struct row r = {.table = T_public_room, .c[C_public_room_room_id].s = room->room_id};
    if (room->is_public)
        put_entry(t, room, NULL, (int64_t)room->joined);
    else
        turn_del(t, &r);
    return (struct directory_change){.what = room->is_public ? DIRECTORY_ENTRY : DIRECTORY_GONE, .joined = (int64_t)room->joined};
}

/* --- the order, in memory --- */

struct listed {
    struct directory_place place;
    struct str type; /* as the room id in bytes */
    char bytes[];
};

struct directory {
    bool loaded, sorted;
    uint64_t changes; /* counts those that came while it was not loaded */
    struct map rooms; /* struct listed */
    struct listed **order;
};

static void clear(struct directory *dir)
{
    struct listed *l;
    for (size_t at = 0; (l = map_next(&dir->rooms, &at));)
        mem_free(l);
    map_release(&dir->rooms);
    dir->sorted = false;
}

void directory_free_state(void *state)
{
    struct directory *dir = state;
    if (!dir) return;
    clear(dir);
    mem_free(dir->order);
    mem_free(dir);
}

static void forget(struct directory *dir, struct str room_id)
{
    mem_free(map_del(&dir->rooms, room_id));
    dir->sorted = false;
}

static void keep(struct directory *dir, struct str room_id, struct str type, int64_t joined)
{
    struct listed *l = mem_zero(sizeof *l + room_id.n + type.n);
    memcpy(l->bytes, room_id.p, room_id.n);
    if (type.n) memcpy(l->bytes + room_id.n, type.p, type.n);
    l->place = (struct directory_place){joined, str_make(l->bytes, room_id.n)};
    l->type = str_make(l->bytes + room_id.n, type.n);
    mem_free(map_put(&dir->rooms, l->place.room_id, l));
    dir->sorted = false;
}

void directory_apply(struct turn *t, const struct room *room, const struct directory_change *c)
{
    if (c->what == DIRECTORY_AS_IT_WAS) return;
    struct entity *e = turn_peek(t, KIND_DIRECTORY, engine_key_of_slot(engine_of(t), turn_slot(t)));
    struct directory *dir = e ? e->state : NULL;
    if (!dir) return;
    e->position = turn_last(t);
    dir->changes++;
    if (!dir->loaded) return;
    if (c->what == DIRECTORY_GONE)
        forget(dir, room->room_id);
    else
        keep(dir, room->room_id, room->room_type, c->joined);
}

/* --- rows --- */

/* All entries of the slot, page by page: they may be large. Waits. */
static enum err each_row(struct turn *t, void (*fn)(void *ctx, const struct row *row), void *ctx)
{
    struct arena page;
    struct store_read r = {.more = true};
    struct str from = {0};
    enum err e = ERR_OK;
    arena_init(&page);
    while (r.more && e == ERR_OK) {
        arena_reset(&page);
        r = (struct store_read){.table = T_public_room, .limit = ROWS_AT_ONCE, .arena = &page, .has_from = from.p != NULL, .from.s = from};
        e = turn_range(t, &r);
        for (size_t i = 0; i < r.count && e == ERR_OK; i++)
            fn(ctx, &r.row[i]);
        if (e == ERR_OK && r.more) from = store_str_after(turn_arena(t), r.row[r.count - 1].c[0].s);
    }
    arena_release(&page);
    return e;
}

struct loading {
    struct turn *turn;
    struct directory *dir;
    struct str *bare; /* rooms that were listed before entries were kept */
    size_t bares, cap;
};

static void load_row(void *ctx, const struct row *row)
{
    struct loading *l = ctx;
    struct arena *a = turn_arena(l->turn);
    struct arena scratch;
    struct json *v;
    const struct cell *c = row->c;
    if (str_empty(c[C_public_room_entry].s)) {
        if (l->bares == l->cap) {
            struct str *more = arena_array(a, l->cap = l->cap ? 2 * l->cap : 16, sizeof *more);
            if (l->bares) memcpy(more, l->bare, l->bares * sizeof *more);
            l->bare = more;
        }
        l->bare[l->bares++] = arena_str(a, c[C_public_room_room_id].s);
        return;
    }
    arena_init(&scratch);
    bool ok = json_parse(&scratch, c[C_public_room_entry].s, &v, NULL) == ERR_OK;
    keep(l->dir, c[C_public_room_room_id].s, ok ? json_string_at(v, "room_type") : STR(""), c[C_public_room_joined].i);
    arena_release(&scratch);
}

static enum err load_bare(struct loading *l, struct room **room, size_t *count)
{
    enum err e = ERR_OK;
    *count = 0;
    for (size_t i = 0; i < l->bares && e == ERR_OK; i++) {
        e = room_load(l->turn, turn_other(l->turn, KIND_ROOM, l->bare[i]), false, &room[*count]);
        if (e == ERR_OK) (*count)++;
        if (e == ERR_NOT_FOUND) e = ERR_OK;
    }
    return e;
}

/* What changes while it is read may be missing: then it is read again. `wrote`: entries that were missing, so that the turn cannot read any more. */
static enum err load(struct turn *t, struct directory *dir, bool *wrote)
{
    struct loading l;
    struct room **room = NULL;
    size_t rooms = 0;
    uint64_t changes;
    enum err e;
    do {
        changes = dir->changes;
        l = (struct loading){.turn = t, .dir = dir};
        clear(dir);
        e = each_row(t, load_row, &l);
        if (e == ERR_OK) room = arena_array(turn_arena(t), l.bares + 1, sizeof(*room));
        if (e == ERR_OK) e = load_bare(&l, room, &rooms);
    } while (e == ERR_OK && changes != dir->changes);
    for (size_t i = 0; i < rooms && e == ERR_OK; i++)
        if (room[i]->is_public) put_entry(t, room[i], NULL, (int64_t)room[i]->joined);
    if (e == ERR_OK) e = turn_ready(t);
    if (e != ERR_OK) return e;
    for (size_t i = 0; i < rooms; i++)
        if (room[i]->is_public) keep(dir, room[i]->room_id, room[i]->room_type, (int64_t)room[i]->joined);
    dir->loaded = true;
    *wrote = rooms > 0;
    return ERR_OK;
}

static enum err directory_of_turn(struct turn *t, struct directory **out, bool *wrote)
{
    struct entity *e = turn_entity(t);
    if (!e->state) e->state = mem_zero(sizeof(struct directory));
    *out = e->state;
    return (*out)->loaded ? ERR_OK : load(t, *out, wrote);
}

/* --- asking --- */

/* The rooms that a question is about, in order: those with most members first. */
struct matches {
    struct turn *turn;
    struct str term; /* folded; empty: any */
    struct json *types;
    struct directory_place *key;
    size_t count, cap;
};

int directory_order(const void *x, const void *y)
{
    const struct directory_place *a = x, *b = y;
    if (a->joined != b->joined) return a->joined > b->joined ? -1 : 1;
    return str_cmp(a->room_id, b->room_id);
}

static int by_place(const void *x, const void *y)
{
    const struct listed *a = *(struct listed *const *)x, *b = *(struct listed *const *)y;
    return directory_order(&a->place, &b->place);
}

static void sort(struct directory *dir)
{
    struct listed *l;
    size_t n = 0;
    if (dir->sorted) return;
    dir->order = mem_resize(dir->order, map_count(&dir->rooms) + 1, sizeof(*dir->order));
    for (size_t at = 0; (l = map_next(&dir->rooms, &at));)
        dir->order[n++] = l;
    if (n) qsort(dir->order, n, sizeof(*dir->order), by_place);
    dir->sorted = true;
}

static bool type_wanted(const struct matches *m, struct str type)
{
    if (!m->types) return true;
    json_each(v, m->types) if (json_is(v, JSON_NULL) ? str_empty(type) : str_eq(json_string(v), type)) return true;
    return false;
}

static void add_match(struct matches *m, struct directory_place place)
{
    if (m->count == m->cap) {
        struct directory_place *more = arena_array(turn_arena(m->turn), m->cap = m->cap ? 2 * m->cap : 64, sizeof *more);
        if (m->count) memcpy(more, m->key, m->count * sizeof *more);
        m->key = more;
    }
    m->key[m->count++] = place;
}

static void match_row(void *ctx, const struct row *row)
{
    static const char *const fields[] = {"name", "topic", "canonical_alias"};
    struct matches *m = ctx;
    struct arena scratch;
    struct json *v;
    bool found = false;
    arena_init(&scratch);
    if (json_parse(&scratch, row->c[C_public_room_entry].s, &v, NULL) == ERR_OK && type_wanted(m, json_string_at(v, "room_type")))
        for (size_t i = 0; i < sizeof fields / sizeof fields[0] && !found; i++)
            found = fold_contains(&scratch, json_string_at(v, fields[i]), m->term);
    struct str room_id = row->c[C_public_room_room_id].s;
    if (found) add_match(m, (struct directory_place){row->c[C_public_room_joined].i, arena_str(turn_arena(m->turn), room_id)});
    arena_release(&scratch);
}

static enum err find_matches(struct directory *dir, struct matches *m)
{
    enum err e = ERR_OK;
    if (!str_empty(m->term)) {
        e = each_row(m->turn, match_row, m);
        if (m->count) qsort(m->key, m->count, sizeof *m->key, directory_order);
        return e;
    }
    sort(dir);
    for (size_t i = 0; i < map_count(&dir->rooms); i++)
        if (type_wanted(m, dir->order[i]->type)) add_match(m, dir->order[i]->place);
    return ERR_OK;
}

static struct str pack_keys(struct arena *a, const struct directory_place *k, size_t n)
{
    struct buf b;
    buf_init(&b, 16 * 1048576);
    for (size_t i = 0; i < n; i++) {
        pack_str(&b, str_make((const char *)&k[i].joined, sizeof k[i].joined));
        pack_str(&b, k[i].room_id);
    }
    struct str packed = arena_str(a, str_make(b.p ? b.p : "", b.n));
    buf_release(&b);
    return packed;
}

/* slot_public_rooms: a page of the directory's part in this slot. s[0] folded text to search for or empty, s[1] JSON array of room types or empty; s[2]
 * the room behind (num[1] 1: before) which the page begins, or null, num[0] its members; num[2] how many at most.
 * Reply: s[0] packed: members (int64_t), room id, in order; num[0] how many match at all; num[1] how many of these come before the page, num[2] after it.
 * num[3] 1: nothing of this yet, ask again. */
enum err slot_public_rooms(struct turn *t)
{
    const struct command *c = turn_command(t);
    struct reply *r = turn_reply(t);
    struct directory *dir;
    struct matches m = {.turn = t, .term = c->s[0]};
    bool wrote = false;
    enum err e = directory_of_turn(t, &dir, &wrote);
    r->num[3] = wrote;
    if (e != ERR_OK || wrote) return e;
    if (!str_empty(c->s[1])) e = json_parse(turn_arena(t), c->s[1], &m.types, turn_fault(t));
    if (e == ERR_OK) e = find_matches(dir, &m);
    if (e != ERR_OK) return e;
    struct directory_place at = {c->num[0], c->s[2]};
    size_t first = 0, limit = (size_t)c->num[2];
    while (c->s[2].p && first < m.count && directory_order(&m.key[first], &at) < (c->num[1] ? 0 : 1))
        first++;
    size_t end = c->num[1] ? first : m.count - first > limit ? first + limit : m.count;
    if (c->num[1]) first = end > limit ? end - limit : 0;
    r->s[0] = pack_keys(turn_arena(t), m.key + first, end - first);
    r->num[0] = (int64_t)m.count;
    r->num[1] = (int64_t)first;
    r->num[2] = (int64_t)(m.count - end);
    return ERR_OK;
}

/* slot_public_entries: s[0] packed room ids. Reply: s[0] JSON array of their entries; those that are not listed any more are left out. */
enum err slot_public_entries(struct turn *t)
{
    struct str list = turn_command(t)->s[0], room_id;
    struct buf b;
    struct json_out o;
    enum err e = ERR_OK;
    buf_init(&b, 256 * 1048576);
    json_out_init(&o, &b);
    json_array(&o);
    while (e == ERR_OK && pack_next(&list, &room_id)) {
        struct row row;
        e = turn_get(t, T_public_room, &(struct cell){.s = room_id}, &row);
        struct str entry = e == ERR_OK ? row.c[C_public_room_entry].s : STR("");
        if (e == ERR_NOT_FOUND) e = ERR_OK;
        if (entry.n <= 2) continue;
        json_object(&o);
        json_str_member(&o, "room_id", room_id);
        json_int_member(&o, "num_joined_members", row.c[C_public_room_joined].i);
        json_put_raw(&o, str_make(entry.p + 1, entry.n - 2)); /* its members */
        json_end(&o);
    }
    json_end(&o);
    turn_reply(t)->s[0] = arena_str(turn_arena(t), buf_str(&b));
    buf_release(&b);
    return e;
}
