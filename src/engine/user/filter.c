/* Small things that a user stores: filters, OpenID tokens. */
#include "engine/user/kept.h"
#include "engine/user/user.h"

enum { FILTER_ID_BYTES = 15 };

/* user_filter_put: s[0] a filter, checked. Reply: s[0] its id, made of its text: the same filter has the same id, however often it is sent. */
enum err user_filter_put(struct turn *t)
{
    const struct command *c = turn_command(t);
    unsigned char hash[SHA256_BYTES];
    struct row row = {.table = T_filter};
    sha256(c->s[0], hash);
    struct str id = base64_encode(turn_arena(t), str_make((const char *)hash, FILTER_ID_BYTES), true);
    turn_reply(t)->s[0] = id;
    enum err e = turn_get(t, T_filter, (struct cell[]){{.s = c->key}, {.s = id}}, &row);
    if (e != ERR_NOT_FOUND) return e;
    row = (struct row){.table = T_filter};
    row.c[C_filter_user_id].s = c->key;
    row.c[C_filter_filter_id].s = id;
    row.c[C_filter_json].s = c->s[0];
    turn_put(t, &row);
    return turn_ready(t);
}

/* user_filter_get: s[0] id. Reply: s[0] the filter. NOT_FOUND. */
enum err user_filter_get(struct turn *t)
{
    const struct command *c = turn_command(t);
    struct store_read r = {.table = T_filter, .prefix = 2, .key = {{.s = c->key}, {.s = c->s[0]}}, .limit = SIZE_MAX};
    enum err e = kept_range(t, &r);
    if (e != ERR_OK) return e;
    if (r.count == 0) return ERR_NOT_FOUND;
    turn_reply(t)->s[0] = r.row[0].c[C_filter_json].s;
    return ERR_OK;
}

/* user_openid_put: s[0] hash of a token, num[0] when it expires. Those that have expired go. */
enum err user_openid_put(struct turn *t)
{
    const struct command *c = turn_command(t);
    struct store_read r = {.table = T_openid, .prefix = 1, .key[0].s = c->key, .limit = 1000};
    enum err e = turn_range(t, &r);
    if (e != ERR_OK) return e;
    for (size_t i = 0; i < r.count; i++)
        if (r.row[i].c[C_openid_expires_ms].i <= turn_now_ms(t)) turn_del(t, &r.row[i]);
    struct row row = {.table = T_openid};
    row.c[C_openid_user_id].s = c->key;
    row.c[C_openid_hash].s = c->s[0];
    row.c[C_openid_expires_ms].i = c->num[0];
    turn_put(t, &row);
    return turn_ready(t);
}
