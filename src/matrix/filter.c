#include "matrix/filter.h"

#include "matrix/tree.h"

/* --- matching --- */

static int by_str(const void *a, const void *b)
{
    return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

/* `*` stands for any bytes; the last one takes more until the rest fits. */
static bool wild_match(struct str pattern, struct str s)
{
    size_t p = 0, at = 0, star = SIZE_MAX, mark = 0;
    while (at < s.n) {
        if (p < pattern.n && pattern.p[p] == '*') {
            star = p++;
            mark = at;
        } else if (p < pattern.n && pattern.p[p] == s.p[at]) {
            p++;
            at++;
        } else if (star != SIZE_MAX) {
            p = star + 1;
            at = ++mark;
        } else {
            return false;
        }
    }
    while (p < pattern.n && pattern.p[p] == '*')
        p++;
    return p == pattern.n;
}

bool filter_list_has(const struct filter_list *l, struct str item)
{
    if (l->exact && bsearch(&item, l->items, l->exact, sizeof item, by_str)) return true;
    for (uint32_t i = l->exact; i < l->n; i++)
        if (wild_match(l->items[i], item)) return true;
    return false;
}

static bool passes(const struct filter_list *only, const struct filter_list *but, struct str item)
{
    return !filter_list_has(but, item) && (!only->present || filter_list_has(only, item));
}

bool filter_event_matches(const struct event_filter *f, struct str type, struct str sender, bool has_url)
{
    if (f->all) return true;
    if (f->contains_url != FILTER_ANY && has_url != (f->contains_url == FILTER_YES)) return false;
    return passes(&f->types, &f->not_types, type) && (str_null(sender) || passes(&f->senders, &f->not_senders, sender));
}

bool filter_event_room_matches(const struct event_filter *f, struct str room_id)
{
    return passes(&f->rooms, &f->not_rooms, room_id);
}
bool filter_room_matches(const struct room_filter *f, struct str room_id)
{
    return passes(&f->rooms, &f->not_rooms, room_id);
}

/* --- parsing --- */

void filter_init_events(struct event_filter *f)
{
    *f = (struct event_filter){.all = true, .limit = -1};
}

void filter_init_sync(struct sync_filter *f)
{
    *f = (struct sync_filter){0};
    struct event_filter *parts[] = {&f->presence,       &f->account_data, &f->room.account_data,
                                    &f->room.ephemeral, &f->room.state,   &f->room.timeline};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        filter_init_events(parts[i]);
}

/* One object that is being read; `where` ends with a dot or is empty. */
struct reader {
    struct arena *a;
    const struct json *v;
    const char *where;
    struct fault *f;
};

static enum err wrong(const struct reader *r, const char *name, const char *what)
{
    return fault_set(r->f, ERR_BAD_JSON, "In the filter, `%s%s` must be %s.", r->where, name, what);
}

/* What the items of a list are. */
enum items { ITEMS_ANY, ITEMS_TYPES, ITEMS_USERS, ITEMS_ROOMS };

static bool item_ok(enum items kind, struct str s)
{
    if (str_null(s)) return false;
    if (kind == ITEMS_USERS) return s.n && s.p[0] == '@';
    return kind != ITEMS_ROOMS || (s.n && s.p[0] == '!');
}

static const char *items_name(enum items kind)
{
    return kind == ITEMS_USERS ? "a list of user ids" : kind == ITEMS_ROOMS ? "a list of room ids" : "a list of strings";
}

static bool is_wild(enum items kind, const struct json *m)
{
    return kind == ITEMS_TYPES && str_find(m->string, '*') >= 0;
}

static enum err read_list(const struct reader *r, const char *name, enum items kind, struct filter_list *out)
{
    const struct json *list = json_get(r->v, name);
    if (!list) return ERR_OK;
    if (!json_is(list, JSON_ARRAY)) return wrong(r, name, items_name(kind));
    if (list->count > FILTER_ITEMS_MAX) return wrong(r, name, "shorter");
    out->present = true;
    out->items = arena_array(r->a, list->count, sizeof *out->items);
    json_each(m, list)
    {
        if (!item_ok(kind, json_string(m))) return wrong(r, name, items_name(kind));
        if (!is_wild(kind, m)) out->items[out->exact++] = m->string;
    }
    qsort(out->items, out->exact, sizeof *out->items, by_str);
    out->n = out->exact;
    json_each(m, list) if (is_wild(kind, m)) out->items[out->n++] = m->string;
    return out->n - out->exact > FILTER_WILD_MAX ? wrong(r, name, "a list with fewer wildcards") : ERR_OK;
}

static enum err read_bool(const struct reader *r, const char *name, bool *out)
{
    const struct json *v = json_get(r->v, name);
    if (!v) return ERR_OK;
    if (v->type != JSON_TRUE && v->type != JSON_FALSE) return wrong(r, name, "true or false");
    *out = v->type == JSON_TRUE;
    return ERR_OK;
}

static enum err read_tri(const struct reader *r, const char *name, enum filter_tri *out)
{
    bool yes = false;
    enum err e = read_bool(r, name, &yes);
    if (e == ERR_OK && json_get(r->v, name)) *out = yes ? FILTER_YES : FILTER_NO;
    return e;
}

static enum err read_limit(const struct reader *r, int64_t *out)
{
    const struct json *v = json_get(r->v, "limit");
    if (!v) return ERR_OK;
    if (!json_is(v, JSON_INT) || v->integer < 0) return wrong(r, "limit", "an integer that is not negative");
    *out = v->integer;
    return ERR_OK;
}

static enum err read_object(const struct reader *r, const char *name, const struct json **out)
{
    *out = json_get(r->v, name);
    return !*out || json_is(*out, JSON_OBJECT) ? ERR_OK : wrong(r, name, "an object");
}

static enum err read_switches(const struct reader *r, struct event_filter *out)
{
    enum err e = read_limit(r, &out->limit);
    if (e == ERR_OK) e = read_tri(r, "contains_url", &out->contains_url);
    if (e == ERR_OK) e = read_bool(r, "lazy_load_members", &out->lazy_load_members);
    if (e == ERR_OK) e = read_bool(r, "include_redundant_members", &out->include_redundant_members);
    if (e == ERR_OK) e = read_bool(r, "unread_thread_notifications", &out->unread_thread_notifications);
    return e;
}

static enum err read_lists(const struct reader *r, struct event_filter *out)
{
    const struct {
        const char *name;
        enum items kind;
        struct filter_list *list;
    } lists[] = {
        {"types", ITEMS_TYPES, &out->types},
        {"not_types", ITEMS_TYPES, &out->not_types},
        {"senders", ITEMS_USERS, &out->senders},
        {"not_senders", ITEMS_USERS, &out->not_senders},
        {"rooms", ITEMS_ROOMS, &out->rooms},
        {"not_rooms", ITEMS_ROOMS, &out->not_rooms},
        {"related_by_rel_types", ITEMS_ANY, &out->related_by_rel_types},
        {"related_by_senders", ITEMS_USERS, &out->related_by_senders},
    };
    enum err e = ERR_OK;
    for (size_t i = 0; i < sizeof lists / sizeof *lists && e == ERR_OK; i++)
        e = read_list(r, lists[i].name, lists[i].kind, lists[i].list);
    return e;
}

static enum err read_events(const struct reader *r, struct event_filter *out)
{
    filter_init_events(out);
    enum err e = read_switches(r, out);
    if (e == ERR_OK) e = read_lists(r, out);
    out->all = !out->types.present && !out->not_types.n && !out->senders.present && !out->not_senders.n && out->contains_url == FILTER_ANY;
    return e;
}

static enum err read_part(const struct reader *r, const char *name, const char *where, struct event_filter *out)
{
    struct reader part = {.a = r->a, .where = where, .f = r->f};
    enum err e = read_object(r, name, &part.v);
    return e == ERR_OK && part.v ? read_events(&part, out) : e;
}

static enum err read_room(const struct reader *r, struct room_filter *out)
{
    struct reader room = {.a = r->a, .where = "room.", .f = r->f};
    enum err e = read_object(r, "room", &room.v);
    if (e || !room.v) return e;
    e = read_bool(&room, "include_leave", &out->include_leave);
    if (e == ERR_OK) e = read_list(&room, "rooms", ITEMS_ROOMS, &out->rooms);
    if (e == ERR_OK) e = read_list(&room, "not_rooms", ITEMS_ROOMS, &out->not_rooms);
    if (e == ERR_OK) e = read_part(&room, "account_data", "room.account_data.", &out->account_data);
    if (e == ERR_OK) e = read_part(&room, "ephemeral", "room.ephemeral.", &out->ephemeral);
    if (e == ERR_OK) e = read_part(&room, "state", "room.state.", &out->state);
    if (e == ERR_OK) e = read_part(&room, "timeline", "room.timeline.", &out->timeline);
    return e;
}

static enum err read_fields(const struct reader *r, struct filter_fields *out)
{
    struct filter_list list = {0};
    enum err e = read_list(r, "event_fields", ITEMS_ANY, &list);
    if (e || !list.present) return e;
    if (list.n > FILTER_FIELDS_MAX) return wrong(r, "event_fields", "shorter");
    out->present = true;
    out->paths = arena_array(r->a, list.n, sizeof *out->paths);
    for (uint32_t i = 0; i < list.n; i++)
        if (!path_parse(r->a, list.items[i], &out->paths[out->n++])) return wrong(r, "event_fields", "a list of paths with fewer dots");
    return ERR_OK;
}

static enum err read_format(const struct reader *r, bool *federation)
{
    const struct json *v = json_get(r->v, "event_format");
    if (!v) return ERR_OK;
    *federation = str_is(json_string(v), "federation");
    return *federation || str_is(json_string(v), "client") ? ERR_OK : wrong(r, "event_format", "\"client\" or \"federation\"");
}

enum err filter_parse_events(struct arena *a, const struct json *v, struct event_filter *out, struct fault *f)
{
    struct reader r = {a, v, "", f};
    if (!json_is(v, JSON_OBJECT)) return fault_set(f, ERR_BAD_JSON, "A filter must be a JSON object.");
    enum err e = read_events(&r, out);
    return e == ERR_OK ? read_format(&r, &out->federation_format) : e;
}

enum err filter_parse_sync(struct arena *a, const struct json *v, struct sync_filter *out, struct fault *f)
{
    struct reader r = {a, v, "", f};
    filter_init_sync(out);
    if (!json_is(v, JSON_OBJECT)) return fault_set(f, ERR_BAD_JSON, "A filter must be a JSON object.");
    enum err e = read_fields(&r, &out->event_fields);
    if (e == ERR_OK) e = read_format(&r, &out->federation_format);
    if (e == ERR_OK) e = read_part(&r, "presence", "presence.", &out->presence);
    if (e == ERR_OK) e = read_part(&r, "account_data", "account_data.", &out->account_data);
    if (e == ERR_OK) e = read_room(&r, &out->room);
    return e;
}

/* --- event_fields --- */

/* The paths that lead to where we are; one bit each. */
_Static_assert((int)FILTER_FIELDS_MAX <= 64, "a set of paths is 64 bits");

/* Of the paths in `set`, those that go on with `key`; `*whole`: one ends there. */
static uint64_t follow(const struct filter_fields *f, uint64_t set, size_t depth, struct str key, bool *whole)
{
    uint64_t next = 0;
    *whole = false;
    for (uint32_t i = 0; i < f->n; i++) {
        const struct path *p = &f->paths[i];
        if (!(set >> i & 1) || p->n <= depth || !str_eq(p->parts[depth], key)) continue;
        next |= (uint64_t)1 << i;
        if (p->n == depth + 1) *whole = true;
    }
    return next;
}

static struct json *project(struct arena *a, const struct filter_fields *f, uint64_t set, size_t depth, const struct json *v)
{
    struct json *out = json_new(a, JSON_OBJECT);
    json_each(m, v)
    {
        bool whole;
        uint64_t next = follow(f, set, depth, m->key, &whole);
        if (whole) {
            json_add(out, m->key, json_shallow(a, m));
        } else if (next && json_is(m, JSON_OBJECT)) {
            struct json *part = project(a, f, next, depth + 1, m);
            if (part->count) json_add(out, m->key, part);
        }
    }
    return out;
}

struct json *filter_project(struct arena *a, const struct filter_fields *fields, const struct json *event)
{
    if (!fields->present || !json_is(event, JSON_OBJECT)) return json_copy(a, event);
    return project(a, fields, UINT64_MAX, 0, event);
}
