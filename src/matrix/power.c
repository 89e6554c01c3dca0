#include "matrix/power.h"

#include "matrix/id.h"

const char *const power_names[POWER_NAMES] = {"ban", "kick", "redact", "invite", "users_default", "events_default", "state_default"};

/* Of a room with and without m.room.power_levels; they differ for state only. */
static const int64_t defaults[POWER_NAMES] = {50, 50, 50, 0, 0, 0, 50};
enum { CREATOR_LEVEL = 100, NOTIFICATION_LEVEL = 50 };
static const int64_t level_max = 9007199254740991; /* 2^53-1, as in canonical JSON */

/* --- reading one level --- */

static bool is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static struct str trim(struct str s)
{
    while (s.n && is_blank(s.p[0]))
        s = str_from(s, 1);
    while (s.n && is_blank(s.p[s.n - 1]))
        s.n--;
    return s;
}

/* Leading zeros and a `+` are fine here, unlike anywhere else. */
static bool read_string(struct str s, int64_t *out)
{
    s = trim(s);
    bool negative = s.n && s.p[0] == '-';
    if (negative || (s.n && s.p[0] == '+')) s = str_from(s, 1);
    if (s.n == 0) return false;
    int64_t v = 0;
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] < '0' || s.p[i] > '9') return false;
        v = v * 10 + (s.p[i] - '0');
        if (v > level_max) return false;
    }
    *out = negative ? -v : v;
    return true;
}

bool power_level_read(const struct room_version *v, const struct json *value, int64_t *out)
{
    if (json_is(value, JSON_INT)) {
        if (value->integer < -level_max || value->integer > level_max) return false;
        *out = value->integer;
        return true;
    }
    return !v->strict_levels && json_is(value, JSON_STRING) && read_string(value->string, out);
}

/* --- tables --- */

static int by_name(const void *a, const void *b)
{
    return str_cmp(((const struct power_entry *)a)->name, ((const struct power_entry *)b)->name);
}

static struct power_table table_read(struct arena *a, const struct room_version *v, const struct json *object)
{
    struct power_table t = {0};
    if (!json_is(object, JSON_OBJECT) || object->count == 0) return t;
    t.e = arena_array(a, object->count, sizeof *t.e);
    json_each(m, object)
    {
        int64_t level;
        if (power_level_read(v, m, &level)) t.e[t.n++] = (struct power_entry){arena_str(a, m->key), level};
    }
    qsort(t.e, t.n, sizeof *t.e, by_name);
    return t;
}

const struct power_entry *power_table_find(const struct power_table *t, struct str name)
{
    struct power_entry key = {.name = name};
    return t->n ? bsearch(&key, t->e, t->n, sizeof *t->e, by_name) : NULL;
}

/* --- creators --- */

static int by_str(const void *a, const void *b)
{
    return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

static void creators_read(struct arena *a, struct power_levels *p, struct str sender, const struct json *create)
{
    const struct json *more = json_get(create, "additional_creators");
    size_t count = json_is(more, JSON_ARRAY) ? more->count : 0;
    p->creators = arena_array(a, count + 1, sizeof *p->creators);
    p->creators[p->creators_count++] = arena_str(a, sender);
    if (count) json_each(m, more) if (json_is(m, JSON_STRING)) p->creators[p->creators_count++] = arena_str(a, m->string);
    qsort(p->creators, p->creators_count, sizeof *p->creators, by_str);
}

/* Where no m.room.power_levels says otherwise, an old room's creator stands above all. */
static void creator_as_user(struct arena *a, const struct room_version *v, struct power_levels *p, struct str sender,
                            const struct json *create)
{
    struct str named = v->creator_in_content ? json_string_at(create, "creator") : (struct str){0};
    p->users.e = arena_array(a, 1, sizeof *p->users.e);
    p->users.e[p->users.n++] = (struct power_entry){arena_str(a, str_null(named) ? sender : named), CREATOR_LEVEL};
}

struct power_levels *power_levels_parse(struct arena *a, const struct room_version *v, const struct json *content, struct str create_sender,
                                        const struct json *create_content)
{
    struct power_levels *p = arena_zero(a, sizeof *p);
    p->present = content != NULL;
    memcpy(p->level, defaults, sizeof p->level);
    if (v->creators_reign)
        creators_read(a, p, create_sender, create_content);
    else if (!p->present)
        creator_as_user(a, v, p, create_sender, create_content);
    if (!p->present) {
        p->level[POWER_STATE_DEFAULT] = 0;
        return p;
    }
    for (int i = 0; i < POWER_NAMES; i++)
        if (power_level_read(v, json_get(content, power_names[i]), &p->level[i])) p->given |= 1u << i;
    p->users = table_read(a, v, json_get(content, "users"));
    p->events = table_read(a, v, json_get(content, "events"));
    p->notifications = table_read(a, v, json_get(content, "notifications"));
    return p;
}

/* --- asking --- */

bool power_is_creator(const struct power_levels *p, struct str user_id)
{
    return p->creators_count && bsearch(&user_id, p->creators, p->creators_count, sizeof user_id, by_str);
}

int64_t power_of_user(const struct power_levels *p, struct str user_id)
{
    if (power_is_creator(p, user_id)) return POWER_INFINITE;
    const struct power_entry *e = power_table_find(&p->users, user_id);
    return e ? e->level : p->level[POWER_USERS_DEFAULT];
}

int64_t power_for_event(const struct power_levels *p, struct str type, bool is_state)
{
    const struct power_entry *e = power_table_find(&p->events, type);
    if (e) return e->level;
    return p->level[is_state ? POWER_STATE_DEFAULT : POWER_EVENTS_DEFAULT];
}

int64_t power_for_notification(const struct power_levels *p, struct str name)
{
    const struct power_entry *e = power_table_find(&p->notifications, name);
    return e ? e->level : NOTIFICATION_LEVEL;
}

/* --- the form --- */

static enum err check_table(const struct room_version *v, const struct json *content, const char *name, bool of_users, struct fault *f)
{
    const struct json *table = json_get(content, name);
    if (!table) return ERR_OK;
    if (!json_is(table, JSON_OBJECT)) return fault_set(f, ERR_BAD_JSON, "`%s` must be an object.", name);
    json_each(m, table)
    {
        int64_t level;
        if (!power_level_read(v, m, &level)) return fault_set(f, ERR_BAD_JSON, "The levels in `%s` must be integers.", name);
        if (of_users && !id_user(m->key, NULL)) return fault_set(f, ERR_BAD_JSON, "`users` names somebody who is no user id.");
    }
    return ERR_OK;
}

enum err power_levels_check(const struct room_version *v, const struct json *content, struct fault *f)
{
    for (int i = 0; i < POWER_NAMES; i++) {
        int64_t level;
        const struct json *value = json_get(content, power_names[i]);
        if (value && !power_level_read(v, value, &level)) return fault_set(f, ERR_BAD_JSON, "`%s` must be an integer.", power_names[i]);
    }
    enum err e = check_table(v, content, "users", true, f);
    if (e == ERR_OK) e = check_table(v, content, "events", false, f);
    if (e == ERR_OK) e = check_table(v, content, "notifications", false, f);
    return e;
}
