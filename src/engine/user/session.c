/* Sessions: logging in, what a token means, refreshing.
 *
 * Rows of T_token: an access token that came of a refresh has in `pair` the refresh token that it supersedes, until it is used for the first
 * time; a refresh token has in `pair` the access token that was given out with it. */
#include "engine/user/kept.h"
#include "engine/user/token.h"

enum { UNUSED_MAX = 8, SEEN_EVERY_MS = 300000 };

static void put_token(struct turn *t, struct str device_id, struct str hash, enum token_kind kind, int64_t expires_ms, struct str pair)
{
    struct row row = {.table = T_token};
    row.c[C_token_user_id].s = turn_command(t)->key;
    row.c[C_token_hash].s = hash;
    row.c[C_token_device_id].s = device_id;
    row.c[C_token_kind].i = kind;
    row.c[C_token_expires_ms].i = expires_ms;
    row.c[C_token_pair].s = pair;
    turn_put(t, &row);
}

static enum err read_tokens(struct turn *t, struct store_read *r)
{
    *r = (struct store_read){.table = T_token, .prefix = 1, .limit = SIZE_MAX};
    r->key[0].s = turn_command(t)->key;
    return kept_range(t, r);
}

void session_put(struct turn *t, const struct row *known)
{
    const struct command *c = turn_command(t);
    struct row row = {.table = T_device};
    row.c[C_device_user_id].s = c->key;
    row.c[C_device_device_id].s = c->s[1];
    row.c[C_device_display_name].s = known ? known->c[C_device_display_name].s : c->s[2].p ? c->s[2] : STR("");
    row.c[C_device_created_ms].i = known ? known->c[C_device_created_ms].i : turn_now_ms(t);
    row.c[C_device_seen_ms].i = turn_now_ms(t);
    row.c[C_device_seen_ip].s = c->s[5].p ? c->s[5] : STR("");
    turn_put(t, &row);
    put_token(t, c->s[1], c->s[3], TOKEN_ACCESS, c->num[1], STR(""));
    if (c->s[4].p) put_token(t, c->s[1], c->s[4], TOKEN_REFRESH, 0, c->s[3]);
}

/* A device may not be named as a cross-signing key is: their keys would have the same name. */
static enum err check_device_name(struct turn *t, struct str device_id)
{
    struct store_read r = {.table = T_cross_signing_key, .prefix = 1, .key[0].s = turn_command(t)->key, .limit = SIZE_MAX};
    enum err e = turn_range(t, &r);
    struct str name = arena_join(turn_arena(t), STR("ed25519:"), device_id, STR(""));
    for (size_t i = 0; i < r.count && e == ERR_OK; i++) {
        struct json *v;
        if (json_parse(turn_arena(t), r.row[i].c[C_cross_signing_key_json].s, &v, NULL) == ERR_OK &&
            json_get_str(json_get(v, "keys"), name))
            e = fault_set(turn_fault(t), ERR_FORBIDDEN, "That device id is the name of a cross-signing key.");
    }
    return e;
}

/* user_login: s[0] the password hash that was checked (so that a password changed meanwhile counts), s[1] device, s[2] its display name or null,
 * s[3] hash of the access token, s[4] of the refresh token or null, s[5] address; num[1] when the access token expires, 0: never. The device's
 * older tokens become void. */
enum err user_login(struct turn *t)
{
    const struct command *c = turn_command(t);
    struct row account, device;
    struct store_read tokens;
    struct doomed d = {0};
    enum err e = user_account_row(t, &account);
    if (e != ERR_OK) return e;
    if (!str_eq(account.c[C_user_password_hash].s, c->s[0])) return ERR_FORBIDDEN;
    e = check_device_name(t, c->s[1]);
    if (e != ERR_OK) return e;
    enum err found = turn_get(t, T_device, (struct cell[]){{.s = c->key}, {.s = c->s[1]}}, &device);
    if (found != ERR_OK && found != ERR_NOT_FOUND) return found;
    e = read_tokens(t, &tokens);
    if (e != ERR_OK) return e;
    for (size_t i = 0; i < tokens.count; i++)
        if (str_eq(tokens.row[i].c[C_token_device_id].s, c->s[1])) doom_row(t, &d, &tokens.row[i]);
    doom(t, &d);
    session_put(t, found == ERR_OK ? &device : NULL);
    return turn_ready(t);
}

/* The access token `used` is in use: what it supersedes is void, and so is what was made of the same refresh token and never used. */
static void doom_superseded(struct turn *t, struct doomed *d, const struct store_read *all, const struct row *used)
{
    struct str old = used->c[C_token_pair].s, access = {0};
    for (size_t i = 0; i < all->count; i++)
        if (str_eq(all->row[i].c[C_token_hash].s, old)) access = all->row[i].c[C_token_pair].s;
    for (size_t i = 0; i < all->count; i++) {
        const struct row *r = &all->row[i];
        struct str hash = r->c[C_token_hash].s;
        bool sibling = r->c[C_token_kind].i == TOKEN_ACCESS && str_eq(r->c[C_token_pair].s, old) && !str_eq(hash, used->c[C_token_hash].s);
        if (sibling || str_eq(hash, old) || (access.n && str_eq(hash, access))) doom_row(t, d, r);
        if (!sibling) continue;
        for (size_t j = 0; j < all->count; j++)
            if (all->row[j].c[C_token_kind].i == TOKEN_REFRESH && str_eq(all->row[j].c[C_token_pair].s, hash)) doom_row(t, d, &all->row[j]);
    }
}

static void put_used(struct turn *t, const struct row *row)
{
    const struct cell *c = row->c;
    put_token(t, c[C_token_device_id].s, c[C_token_hash].s, TOKEN_ACCESS, c[C_token_expires_ms].i, STR(""));
}

static const struct row *token_of(const struct store_read *all, struct str hash)
{
    for (size_t i = 0; i < all->count; i++)
        if (str_eq(all->row[i].c[C_token_hash].s, hash)) return &all->row[i];
    return NULL;
}

/* user_session: s[0] hash of an access token; num[0] the gateway, which from now on hears when the session ends.
 * Reply: s[0] device, num[0] 1 for guests, num[1] when the token expires (0: never). NOT_FOUND when it is good for nothing: with an account
 * all its tokens end.
 * A change, because the first use of a refreshed token makes its predecessor void. */
enum err user_session(struct turn *t)
{
    const struct command *c = turn_command(t);
    struct store_read all;
    struct doomed d = {0};
    enum err e = read_tokens(t, &all);
    if (e != ERR_OK) return e;
    const struct row *token = token_of(&all, c->s[0]);
    if (!token || token->c[C_token_kind].i != TOKEN_ACCESS) return ERR_NOT_FOUND;
    bool first_use = !str_empty(token->c[C_token_pair].s) && token->c[C_token_expires_ms].i > turn_now_ms(t);
    turn_follow(t, turn_entity(t)->key, (unsigned)c->num[0]);
    struct reply *r = turn_reply(t);
    r->s[0] = token->c[C_token_device_id].s;
    r->num[0] = user_is_guest(engine_of(t), c->key);
    r->num[1] = token->c[C_token_expires_ms].i;
    if (!first_use) return ERR_OK;
    doom_superseded(t, &d, &all, token);
    doom(t, &d);
    put_used(t, token);
    return turn_ready(t);
}

/* Tokens that were made of the same refresh token and not used: a client that never got an answer asks a few times, not for ever. */
static void doom_unused(struct turn *t, struct doomed *d, const struct store_read *all, struct str refresh)
{
    size_t n = 0;
    for (size_t i = 0; i < all->count; i++)
        n += all->row[i].c[C_token_kind].i == TOKEN_ACCESS && str_eq(all->row[i].c[C_token_pair].s, refresh);
    if (n < UNUSED_MAX) return;
    for (size_t i = 0; i < all->count; i++) {
        const struct row *r = &all->row[i], *access = r->c[C_token_kind].i == TOKEN_ACCESS ? r : token_of(all, r->c[C_token_pair].s);
        if (access && str_eq(access->c[C_token_pair].s, refresh)) doom_row(t, d, r);
    }
}

/* user_refresh: s[0] hash of the refresh token, s[1] of the new access token, s[2] of the new refresh token; num[0] when the access token expires.
 * Reply: s[0] device. UNKNOWN_TOKEN. The old one stays good until the new access or refresh token is used. */
enum err user_refresh(struct turn *t)
{
    const struct command *c = turn_command(t);
    struct row account;
    struct store_read all;
    struct doomed d = {0};
    enum err e = user_account_row(t, &account);
    if (e == ERR_OK) e = read_tokens(t, &all);
    if (e != ERR_OK) return e == ERR_NOT_FOUND || e == ERR_USER_DEACTIVATED ? ERR_UNKNOWN_TOKEN : e;
    const struct row *old = token_of(&all, c->s[0]);
    if (!old || old->c[C_token_kind].i != TOKEN_REFRESH) return ERR_UNKNOWN_TOKEN;
    const struct row *access = token_of(&all, old->c[C_token_pair].s);
    turn_reply(t)->s[0] = old->c[C_token_device_id].s;
    bool first_use = access && !str_empty(access->c[C_token_pair].s);
    if (first_use) doom_superseded(t, &d, &all, access);
    doom_unused(t, &d, &all, c->s[0]);
    doom(t, &d);
    if (first_use) put_used(t, access);
    put_token(t, old->c[C_token_device_id].s, c->s[1], TOKEN_ACCESS, c->num[0], c->s[0]);
    put_token(t, old->c[C_token_device_id].s, c->s[2], TOKEN_REFRESH, 0, c->s[1]);
    return turn_ready(t);
}

/* user_seen (no answer is awaited): s[0] device, s[1] address. The device was in use; written down now and then. */
enum err user_seen(struct turn *t)
{
    const struct command *c = turn_command(t);
    struct row row;
    enum err e = turn_get(t, T_device, (struct cell[]){{.s = c->key}, {.s = c->s[0]}}, &row);
    if (e != ERR_OK) return e == ERR_NOT_FOUND ? ERR_OK : e;
    bool same_place = str_eq(row.c[C_device_seen_ip].s, c->s[1]);
    if (same_place && row.c[C_device_seen_ms].i + SEEN_EVERY_MS > turn_now_ms(t)) return ERR_OK;
    row.c[C_device_seen_ms].i = turn_now_ms(t);
    row.c[C_device_seen_ip].s = c->s[1];
    turn_put(t, &row);
    return turn_ready(t);
}
