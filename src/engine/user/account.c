/* Accounts: making them, their passwords, their end. */
#include "engine/user/user.h"

#include "engine/user/token.h"

static void put_account(struct turn *t, struct str password_hash, int64_t kind, bool deactivated, int64_t created_ms)
{
    struct row row = {.table = T_user};
    row.c[C_user_user_id].s = turn_command(t)->key;
    row.c[C_user_password_hash].s = password_hash;
    row.c[C_user_created_ms].i = created_ms;
    row.c[C_user_kind].i = kind;
    row.c[C_user_deactivated].i = deactivated;
    row.c[C_user_position].i = turn_position(t);
    turn_put(t, &row);
}

/* user_account. Reply: num[0] enum user_kind, num[1] 1 when deactivated, s[0] password hash (empty: it has none). NOT_FOUND. */
enum err user_account(struct turn *t)
{
    struct row row;
    struct reply *r = turn_reply(t);
    enum err e = user_account_row(t, &row);
    if (e != ERR_OK && e != ERR_USER_DEACTIVATED) return e;
    r->num[0] = row.c[C_user_kind].i;
    r->num[1] = row.c[C_user_deactivated].i;
    r->s[0] = row.c[C_user_password_hash].s;
    return ERR_OK;
}

/* user_create: num[0] enum user_kind; s[0] password hash or empty. With a first session where s[1] is there: s[1] to s[5], num[1] as in user_login.
 * USER_IN_USE. */
enum err user_create(struct turn *t)
{
    const struct command *c = turn_command(t);
    struct row row;
    enum err e = turn_get(t, T_user, &(struct cell){.s = c->key}, &row);
    if (e == ERR_OK) return ERR_USER_IN_USE;
    if (e != ERR_NOT_FOUND) return e;
    put_account(t, c->s[0].p ? c->s[0] : STR(""), c->num[0], false, turn_now_ms(t));
    if (c->s[1].p) session_put(t, NULL);
    return turn_ready(t);
}

/* user_password: s[0] new hash; num[0] 1: all sessions and devices end but s[1], the device that asks. */
enum err user_password(struct turn *t)
{
    const struct command *c = turn_command(t);
    struct row row;
    struct doomed d = {0};
    bool had_keys = false;
    enum err e = user_account_row(t, &row);
    if (e == ERR_OK && c->num[0]) e = doom_sessions(t, &d, c->s[1], &had_keys);
    if (e == ERR_OK && had_keys) e = user_devices_changed(t);
    if (e != ERR_OK) return e;
    put_account(t, c->s[0], row.c[C_user_kind].i, false, row.c[C_user_created_ms].i);
    doom(t, &d);
    return turn_ready(t);
}

/* --- the end --- */

static const enum table personal[] = {T_profile,       T_filter,        T_openid,         T_cross_signing_key,
                                      T_key_signature, T_device_change, T_backup_version, T_backup_key};
enum { PERSONAL = sizeof personal / sizeof personal[0] };

static enum err doom_all(struct turn *t, struct doomed *d, bool erase, bool *had_keys)
{
    struct cell key = {.s = turn_command(t)->key};
    enum err e = doom_sessions(t, d, (struct str){0}, had_keys);
    if (e == ERR_OK) e = doom_range(t, d, T_token, 1, &key); /* some without a device, were there any */
    for (size_t i = 0; i < PERSONAL && e == ERR_OK; i++)
        e = doom_range(t, d, personal[i], 1, &key);
    if (e == ERR_OK && erase) e = doom_range(t, d, T_account_data, 1, &key);
    return e;
}

/* Leaves every room, and turns every invite down. A room that does not let the user go (a ban) may say so: nobody listens. */
static void leave_rooms(struct turn *t, struct str *const room_id[], const size_t count[], size_t lists)
{
    struct str user_id = turn_command(t)->key;
    for (size_t l = 0; l < lists; l++)
        for (size_t i = 0; i < count[l]; i++) {
            struct command leave = {.type = CMD_room_member, .key = room_id[l][i], .s = {user_id, user_id, STR("leave")}};
            turn_letter(t, &leave, false);
        }
}

/* user_deactivate: num[0] 1: account data goes as well. Nobody can log in any more, the name stays taken, all rooms are left. */
enum err user_deactivate(struct turn *t)
{
    static const char *const in[] = {"join", "invite", "knock"};
    enum { LISTS = sizeof in / sizeof in[0] };
    struct row row;
    struct doomed d = {0};
    bool had_keys = false;
    struct str *room_id[LISTS];
    size_t count[LISTS];
    enum err e = user_account_row(t, &row);
    if (e == ERR_OK) e = doom_all(t, &d, turn_command(t)->num[0] != 0, &had_keys);
    for (size_t i = 0; i < LISTS && e == ERR_OK; i++)
        e = user_rooms_with(t, in[i], &room_id[i], &count[i]);
    if (e == ERR_OK && had_keys) e = user_devices_changed(t);
    if (e != ERR_OK) return e;
    put_account(t, STR(""), row.c[C_user_kind].i, true, row.c[C_user_created_ms].i);
    doom(t, &d);
    user_account_data_forgotten(t);
    engine_note(t, ITEM_SESSION_END, turn_entity(t)->key, turn_position(t), STR(""));
    leave_rooms(t, room_id, count, LISTS);
    return turn_ready(t);
}
