/* Key backup: versions, and the sessions in them. Versions are numbered from 1 on, without a gap; the newest that was deleted stays as a mark, so
 * that no number is used twice, and what was there once can be told from what never was. */
#include "engine/user/user.h"

enum { SESSION_MAX = 65536, ANSWER_MAX = 256 * 1048576 };

/* --- versions --- */

static enum err read_versions(struct turn *t, struct store_read *r)
{
    *r = (struct store_read){.table = T_backup_version, .prefix = 1, .limit = SIZE_MAX, .reverse = true};
    r->key[0].s = turn_command(t)->key;
    return turn_range(t, r);
}

/* The one of that number, 0: the newest. NOT_FOUND. */
static enum err find_version(struct turn *t, int64_t number, struct row *out)
{
    struct store_read r;
    enum err e = read_versions(t, &r);
    for (size_t i = 0; i < r.count && e == ERR_OK; i++) {
        if (r.row[i].c[C_backup_version_deleted].i || (number && r.row[i].c[C_backup_version_version].i != number)) continue;
        *out = r.row[i];
        return ERR_OK;
    }
    return e == ERR_OK ? fault_set(turn_fault(t), ERR_NOT_FOUND, number ? "There is no backup of that version." : "There is no backup.")
                       : e;
}

static void tell(struct turn *t, const struct row *v)
{
    struct reply *r = turn_reply(t);
    r->num[0] = v->c[C_backup_version_version].i;
    r->num[1] = v->c[C_backup_version_etag].i;
    r->num[2] = v->c[C_backup_version_count].i;
}

/* Marks that a newer version makes superfluous. */
static void drop_marks(struct turn *t, const struct store_read *r)
{
    for (size_t i = 0; i < r->count; i++)
        if (r->row[i].c[C_backup_version_deleted].i) turn_del(t, &r->row[i]);
}

/* user_backup_new: s[0] algorithm, s[1] auth data, JSON. Reply: num[0] version. */
enum err user_backup_new(struct turn *t)
{
    const struct command *c = turn_command(t);
    struct store_read r;
    enum err e = read_versions(t, &r);
    if (e != ERR_OK) return e;
    struct row row = {.table = T_backup_version};
    row.c[C_backup_version_user_id].s = c->key;
    row.c[C_backup_version_version].i = r.count ? r.row[0].c[C_backup_version_version].i + 1 : 1;
    row.c[C_backup_version_algorithm].s = c->s[0];
    row.c[C_backup_version_auth_data].s = c->s[1];
    turn_put(t, &row);
    drop_marks(t, &r);
    tell(t, &row);
    return turn_ready(t);
}

/* user_backup_get: num[0] version, 0: the newest. Reply: num[0] version, num[1] etag, num[2] count; s[0] algorithm, s[1] auth data. NOT_FOUND. */
enum err user_backup_get(struct turn *t)
{
    struct row row;
    enum err e = find_version(t, turn_command(t)->num[0], &row);
    if (e != ERR_OK) return e;
    tell(t, &row);
    turn_reply(t)->s[0] = row.c[C_backup_version_algorithm].s;
    turn_reply(t)->s[1] = row.c[C_backup_version_auth_data].s;
    return ERR_OK;
}

/* user_backup_update: num[0] version; s[0] algorithm, which must be the one it has, s[1] auth data. NOT_FOUND, INVALID_PARAM. */
enum err user_backup_update(struct turn *t)
{
    const struct command *c = turn_command(t);
    struct row row;
    enum err e = find_version(t, c->num[0], &row);
    if (e != ERR_OK) return e;
    if (!str_eq(row.c[C_backup_version_algorithm].s, c->s[0]))
        return fault_set(turn_fault(t), ERR_INVALID_PARAM, "The algorithm of a backup cannot be changed.");
    row.c[C_backup_version_auth_data].s = c->s[1];
    turn_put(t, &row);
    return turn_ready(t);
}

static void put_mark(struct turn *t, struct row row)
{
    row.c[C_backup_version_algorithm].s = row.c[C_backup_version_auth_data].s = STR("");
    row.c[C_backup_version_count].i = 0;
    row.c[C_backup_version_deleted].i = 1;
    turn_put(t, &row);
}

/* user_backup_del: num[0] version. NOT_FOUND when there never was one of that number. */
enum err user_backup_del(struct turn *t)
{
    const struct command *c = turn_command(t);
    struct doomed d = {0};
    struct store_read all;
    struct row row;
    enum err e = read_versions(t, &all);
    int64_t newest = e == ERR_OK && all.count ? all.row[0].c[C_backup_version_version].i : 0;
    if (e == ERR_OK) e = find_version(t, c->num[0], &row);
    if (e == ERR_NOT_FOUND && c->num[0] <= newest) return ERR_OK;
    if (e == ERR_OK) e = doom_range(t, &d, T_backup_key, 2, (struct cell[]){{.s = c->key}, {.i = c->num[0]}});
    if (e != ERR_OK) return e;
    doom(t, &d);
    if (c->num[0] == newest)
        put_mark(t, row);
    else
        turn_del(t, &row);
    return turn_ready(t);
}

/* --- sessions --- */

/* Is `x` the better one to keep? One that came from a verified device, then one that decrypts more, then one that went through fewer
 * hands. */
static bool is_better(const struct json *x, const struct json *than)
{
    bool verified = json_bool_at(x, "is_verified", false);
    if (verified != json_bool_at(than, "is_verified", false)) return verified;
    int64_t a = json_int_at(x, "first_message_index", 0), b = json_int_at(than, "first_message_index", 0);
    if (a != b) return a < b;
    return json_int_at(x, "forwarded_count", 0) < json_int_at(than, "forwarded_count", 0);
}

struct session_put {
    struct str room_id, session_id, text;
    struct session_put *next;
};

/* Reads what is there of one session, and notes the new one if that is better. */
static enum err weigh(struct turn *t, struct str room_id, const struct json *session, struct session_put **list, int64_t *fresh)
{
    struct arena *a = turn_arena(t);
    const struct cell key[] = {{.s = turn_command(t)->key}, {.i = turn_command(t)->num[0]}, {.s = room_id}, {.s = session->key}};
    struct row row;
    struct json *old;
    if (room_id.n > 255 || session->key.n > 255) return fault_set(turn_fault(t), ERR_INVALID_PARAM, "A room id or session id is too long.");
    enum err e = turn_get(t, T_backup_key, key, &row);
    if (e == ERR_OK && json_parse(a, row.c[C_backup_key_json].s, &old, NULL) == ERR_OK && !is_better(session, old)) return ERR_OK;
    if (e == ERR_NOT_FOUND) (*fresh)++;
    if (e != ERR_OK && e != ERR_NOT_FOUND) return e;
    struct session_put *p = arena_zero(a, sizeof *p);
    *p = (struct session_put){room_id, session->key, json_text(a, session), *list};
    if (p->text.n > SESSION_MAX) return fault_set(turn_fault(t), ERR_TOO_LARGE, "A session may have at most %d bytes.", SESSION_MAX);
    *list = p;
    return ERR_OK;
}

/* Only the newest version is written to. */
static enum err find_current(struct turn *t, struct row *out)
{
    int64_t number = turn_command(t)->num[0];
    struct row asked;
    enum err e = find_version(t, number, &asked);
    if (e == ERR_OK) e = find_version(t, 0, out);
    if (e != ERR_OK) return e;
    tell(t, out);
    return out->c[C_backup_version_version].i == number ? ERR_OK : ERR_WRONG_ROOM_KEYS_VERSION;
}

static void put_session(struct turn *t, const struct session_put *p)
{
    struct row row = {.table = T_backup_key};
    row.c[C_backup_key_user_id].s = turn_command(t)->key;
    row.c[C_backup_key_version].i = turn_command(t)->num[0];
    row.c[C_backup_key_room_id].s = p->room_id;
    row.c[C_backup_key_session_id].s = p->session_id;
    row.c[C_backup_key_json].s = p->text;
    turn_put(t, &row);
}

static void put_count(struct turn *t, struct row *version, int64_t by)
{
    version->c[C_backup_version_count].i += by;
    version->c[C_backup_version_etag].i++;
    turn_put(t, version);
    tell(t, version);
}

/* user_backup_keys_put: num[0] version; s[0] JSON object: room -> {session -> its data}, checked for their form.
 * Reply: num[1] etag, num[2] count. WRONG_ROOM_KEYS_VERSION: num[0] is the current one. NOT_FOUND. */
enum err user_backup_keys_put(struct turn *t)
{
    struct json *rooms;
    struct row version;
    struct session_put *list = NULL;
    int64_t fresh = 0;
    enum err e = json_parse(turn_arena(t), turn_command(t)->s[0], &rooms, turn_fault(t));
    if (e == ERR_OK) e = find_current(t, &version);
    if (e != ERR_OK) return e;
    json_each(room, rooms)
    {
        json_each(session, room)
        {
            e = weigh(t, room->key, session, &list, &fresh);
            if (e != ERR_OK) return e;
        }
    }
    if (!list) return ERR_OK;
    for (struct session_put *p = list; p; p = p->next)
        put_session(t, p);
    put_count(t, &version, fresh);
    return turn_ready(t);
}

/* The sessions of the command: all, of the room s[0], the session s[1] of it. */
static struct store_read sessions_of(struct turn *t)
{
    const struct command *c = turn_command(t);
    struct store_read r = {.table = T_backup_key, .prefix = 2, .limit = SIZE_MAX};
    const struct cell key[] = {{.s = c->key}, {.i = c->num[0]}, {.s = c->s[0]}, {.s = c->s[1]}};
    memcpy(r.key, key, sizeof key);
    if (c->s[0].p) r.prefix = c->s[1].p ? 4 : 3;
    return r;
}

/* Rows come sorted by room. */
static void write_rooms(struct json_out *o, const struct store_read *r)
{
    struct str room = {0};
    json_object(o);
    for (size_t i = 0; i < r->count; i++) {
        const struct cell *c = r->row[i].c;
        if (!room.p || !str_eq(room, c[C_backup_key_room_id].s)) {
            if (room.p) json_end(o);
            room = c[C_backup_key_room_id].s;
            json_key_str(o, room);
            json_object(o);
        }
        json_key_str(o, c[C_backup_key_session_id].s);
        json_put_raw(o, c[C_backup_key_json].s);
    }
    if (room.p) json_end(o);
    json_end(o);
}

/* user_backup_keys_get: num[0] version; s[0] room or null: all; s[1] session or null: all. Reply: s[0] JSON as for user_backup_keys_put. NOT_FOUND:
 * no such version, or the one session that is asked for is not there. */
enum err user_backup_keys_get(struct turn *t)
{
    struct row version;
    struct store_read r = sessions_of(t);
    struct buf b;
    struct json_out o;
    enum err e = find_version(t, turn_command(t)->num[0], &version);
    if (e == ERR_OK) e = turn_range(t, &r);
    if (e != ERR_OK) return e;
    if (r.prefix == 4 && r.count == 0) return fault_set(turn_fault(t), ERR_NOT_FOUND, "That session is not in the backup.");
    buf_init(&b, ANSWER_MAX);
    json_out_init(&o, &b);
    write_rooms(&o, &r);
    if (buf_ok(&b))
        turn_reply(t)->s[0] = arena_str(turn_arena(t), buf_str(&b));
    else
        e = fault_set(turn_fault(t), ERR_TOO_LARGE, "The backup is too large to be read at once. Read it room by room.");
    buf_release(&b);
    return e;
}

/* user_backup_keys_del: num[0] version; s[0], s[1] as above. Reply: num[1] etag, num[2] count. NOT_FOUND: no such version. */
enum err user_backup_keys_del(struct turn *t)
{
    struct row version;
    struct doomed d = {0};
    struct store_read r = sessions_of(t);
    enum err e = find_version(t, turn_command(t)->num[0], &version);
    if (e == ERR_OK && r.prefix < 4) e = doom_range(t, &d, T_backup_key, r.prefix, r.key);
    if (e == ERR_OK && r.prefix == 4) e = turn_range(t, &r);
    if (e != ERR_OK) return e;
    for (size_t i = 0; r.prefix == 4 && i < r.count; i++)
        doom_row(t, &d, &r.row[i]);
    tell(t, &version);
    if (d.count == 0) return ERR_OK;
    doom(t, &d);
    put_count(t, &version, -(int64_t)d.count);
    return turn_ready(t);
}
