/* What all of a user's turns share: taking positions, the memory, rows that are to go. */
#include "engine/user/user.h"

#include "engine/user/presence.h"
#include "engine/user/state.h"
#include "matrix/id.h"

enum { DEVICES_REMEMBERED = 16, PAGE = 1000 };

bool user_is_guest(const struct engine *e, struct str user_id)
{
    struct id id;
    if (!engine_is_ours(e, user_id) || !id_user(user_id, &id)) return false;
    for (size_t i = 0; i < id.local.n; i++)
        if (id.local.p[i] < '0' || id.local.p[i] > '9') return false;
    return id.local.n > 0;
}

/* --- memory --- */

struct user_state *user_state(struct turn *t)
{
    struct entity *e = turn_entity(t);
    if (e->state) return e->state;
    struct user_state *u = mem_zero(sizeof *u);
    list_init(&u->devices);
    e->state = u;
    return u;
}

void user_state_keep(struct str *field, struct str value)
{
    if (field->p && str_eq(*field, value)) return;
    mem_free((char *)(uintptr_t)field->p);
    char *p = value.n ? mem_alloc(value.n) : NULL;
    if (p) memcpy(p, value.p, value.n);
    *field = str_make(p, value.n);
}

static void forget_rooms(struct user_state *u)
{
    mem_free(u->room);
    u->room = NULL;
    u->rooms = 0;
    u->rooms_known = false;
}

static void forget_device(struct user_state *u, struct device_state *d)
{
    list_remove(&d->link);
    u->device_count--;
    bytes_unref(d->keys);
    mem_free(d);
}

void user_free_state(void *state)
{
    struct user_state *u = state;
    while (!list_is_empty(&u->devices))
        forget_device(u, list_item(u->devices.next, struct device_state, link));
    forget_rooms(u);
    user_state_keep(&u->rules, STR(""));
    user_state_keep(&u->ignored, STR(""));
    presence_free(u->presence);
    mem_free(u);
}

static struct device_state *find_device(const struct user_state *u, struct str device_id)
{
    list_each(it, &u->devices)
    {
        struct device_state *d = list_item(it, struct device_state, link);
        if (str_eq(str_make(d->device_id, d->n), device_id)) return d;
    }
    return NULL;
}

struct device_state *user_state_device(struct user_state *u, struct str device_id)
{
    struct device_state *d = find_device(u, device_id);
    if (d) {
        list_remove(&d->link);
        list_push(&u->devices, &d->link);
        return d;
    }
    if (u->device_count == DEVICES_REMEMBERED) forget_device(u, list_item(u->devices.next, struct device_state, link));
    d = mem_zero(sizeof *d + device_id.n);
    if (device_id.n) memcpy(d->device_id, device_id.p, device_id.n);
    d->n = device_id.n;
    d->newest = d->told = -1;
    list_push(&u->devices, &d->link);
    u->device_count++;
    return d;
}

static enum err read_rooms(struct turn *t, struct store_read *r)
{
    *r = (struct store_read){.table = T_user_room, .prefix = 1, .limit = SIZE_MAX};
    r->key[0].s = turn_command(t)->key;
    return kept_range(t, r);
}

enum err user_state_rooms(struct turn *t, struct user_state *u)
{
    struct store_read r;
    size_t bytes = 0;
    if (u->rooms_known) return ERR_OK;
    enum err e = read_rooms(t, &r);
    if (e != ERR_OK) return e;
    for (size_t i = 0; i < r.count; i++)
        bytes += r.row[i].c[C_user_room_room_id].s.n;
    u->room = mem_alloc(r.count * sizeof *u->room + bytes + 1);
    char *p = (char *)(u->room + r.count);
    u->bytes = p;
    for (size_t i = 0; i < r.count; i++) {
        const struct cell *c = r.row[i].c;
        if (c[C_user_room_forgotten].i) continue;
        struct str id = c[C_user_room_room_id].s;
        u->room[u->rooms++] = (struct room_mark){.position = c[C_user_room_position].i,
                                                 .room_position = c[C_user_room_room_position].i,
                                                 .at = (uint32_t)(p - u->bytes),
                                                 .n = (uint8_t)id.n,
                                                 .membership = (uint8_t)membership_parse(c[C_user_room_membership].s)};
        if (id.n) memcpy(p, id.p, id.n);
        p += id.n;
    }
    u->rooms_known = true;
    return ERR_OK;
}

struct str user_ignored_of(struct arena *a, struct str content)
{
    struct json *v, *list = NULL;
    if (str_empty(content) || json_parse(a, content, &v, NULL) != ERR_OK) return STR("");
    struct json *users = json_get(v, "ignored_users");
    if (!json_is(users, JSON_OBJECT)) return STR("");
    json_each(u, users)
    {
        if (!id_user(u->key, NULL)) continue;
        if (!list) list = json_new(a, JSON_ARRAY);
        json_push(list, json_new_string(a, u->key));
    }
    return list ? json_text(a, list) : STR("");
}

enum err user_state_data(struct turn *t, struct user_state *u)
{
    if (u->data_known) return ERR_OK;
    struct store_read r = {.table = T_account_data, .prefix = 1, .key[0].s = turn_command(t)->key, .limit = SIZE_MAX};
    enum err e = kept_range(t, &r);
    if (e != ERR_OK) return e;
    u->data_newest = 0;
    for (size_t i = 0; i < r.count; i++) {
        const struct cell *c = r.row[i].c;
        if (c[C_account_data_position].i > u->data_newest) u->data_newest = c[C_account_data_position].i;
        if (!str_empty(c[C_account_data_room_id].s)) continue;
        struct str type = c[C_account_data_type].s, json = c[C_account_data_json].s;
        if (str_is(type, "m.push_rules")) user_state_keep(&u->rules, json);
        if (str_is(type, "m.ignored_user_list")) user_state_keep(&u->ignored, user_ignored_of(turn_arena(t), json));
    }
    u->data_known = true;
    return ERR_OK;
}

/* --- changes --- */

int64_t user_changed(struct turn *t)
{
    int64_t position = turn_position(t);
    engine_note(t, ITEM_USER_CHANGE, turn_entity(t)->key, position, STR(""));
    return position;
}

void user_rooms_changed(struct turn *t)
{
    struct user_state *u = turn_entity(t)->state;
    if (u) forget_rooms(u);
}

void user_state_keys_changed(struct turn *t)
{
    const struct user_state *u = turn_entity(t)->state;
    if (u) list_each(it, &u->devices) list_item(it, struct device_state, link)->keys_known = false;
}

void user_state_device_changed(struct turn *t, int64_t position)
{
    struct user_state *u = turn_entity(t)->state;
    if (u && position > u->changes_newest) u->changes_newest = position;
}

void user_state_message(struct turn *t, struct str device_id, int64_t position)
{
    const struct user_state *u = turn_entity(t)->state;
    struct device_state *d = u ? find_device(u, device_id) : NULL;
    if (d && d->newest >= 0 && position > d->newest) d->newest = position;
}

/* --- reading --- */

enum err user_account_row(struct turn *t, struct row *out)
{
    enum err e = turn_get(t, T_user, &(struct cell){.s = turn_command(t)->key}, out);
    return e == ERR_OK && out->c[C_user_deactivated].i ? ERR_USER_DEACTIVATED : e;
}

enum err user_rooms_with(struct turn *t, const char *membership, struct str **room_id, size_t *count)
{
    struct store_read r;
    *count = 0;
    enum err e = read_rooms(t, &r);
    if (e != ERR_OK) return e;
    *room_id = arena_array(turn_arena(t), r.count + 1, sizeof **room_id);
    for (size_t i = 0; i < r.count; i++)
        if (str_is(r.row[i].c[C_user_room_membership].s, membership)) (*room_id)[(*count)++] = r.row[i].c[C_user_room_room_id].s;
    return ERR_OK;
}

/* --- rows that are to go --- */

void doom_row(struct turn *t, struct doomed *d, const struct row *row)
{
    struct arena *a = turn_arena(t);
    const struct table_info *info = store_table(row->table);
    if (d->count == d->cap) {
        size_t cap = d->cap ? d->cap * 2 : 32;
        struct row *more = arena_array(a, cap, sizeof *more);
        if (d->count) memcpy(more, d->row, d->count * sizeof *more);
        d->row = more;
        d->cap = cap;
    }
    struct row *own = &d->row[d->count++];
    *own = (struct row){.table = row->table};
    for (unsigned i = 0; i < info->keys; i++) {
        own->c[i].i = row->c[i].i;
        if (info->column[i].type == CELL_STR) own->c[i].s = arena_str(a, row->c[i].s);
    }
    if (row->table == T_token) own->c[C_token_kind].i = row->c[C_token_kind].i;
}

/* Where the next page begins: behind the last row's key cell, or at it where more cells follow and so its rows may go on. Rows that are
 * seen twice are deleted twice, which is the same. */
static struct cell next_page(struct arena *a, const struct row *last, unsigned at)
{
    const struct table_info *info = store_table(last->table);
    bool behind = at + 1 == info->keys;
    if (info->column[at].type == CELL_INT) return cell_int(last->c[at].i + behind);
    return cell_str(arena_join(a, last->c[at].s, str_make("", behind), STR("")));
}

static bool same_cell(const struct row *x, const struct row *y, unsigned at)
{
    return store_table(x->table)->column[at].type == CELL_INT ? x->c[at].i == y->c[at].i : str_eq(x->c[at].s, y->c[at].s);
}

/* Page by page: the values may be large, and only the keys are wanted. */
enum err doom_range(struct turn *t, struct doomed *d, enum table table, unsigned prefix, const struct cell *key)
{
    struct arena page;
    struct store_read r = {.more = true};
    struct cell from = {0};
    size_t limit = PAGE;
    enum err e = ERR_OK;
    arena_init(&page);
    for (bool first = true; r.more && e == ERR_OK; first = false) {
        arena_reset(&page);
        r = (struct store_read){.table = table, .prefix = prefix, .limit = limit, .arena = &page, .has_from = !first, .from = from};
        memcpy(r.key, key, prefix * sizeof *key);
        e = turn_range(t, &r);
        for (size_t i = 0; i < r.count && e == ERR_OK; i++)
            doom_row(t, d, &r.row[i]);
        if (e != ERR_OK || !r.more) break;
        const struct row *last = &r.row[r.count - 1];
        if (same_cell(&r.row[0], last, prefix)) limit = SIZE_MAX;
        from = next_page(turn_arena(t), last, prefix);
    }
    arena_release(&page);
    return e;
}

void doom(struct turn *t, const struct doomed *d)
{
    for (size_t i = 0; i < d->count; i++) {
        const struct row *row = &d->row[i];
        turn_del(t, row);
        if (row->table == T_one_time_key || row->table == T_fallback_key) user_state_keys_changed(t);
        if (row->table == T_token && row->c[C_token_kind].i == 0)
            engine_note(t, ITEM_SESSION_END, turn_entity(t)->key, turn_position(t), row->c[C_token_hash].s);
    }
}
