#include "api/credentials.h"

#include "base/random.h"
#include "engine/session.h"
#include "engine/user/user.h"
#include "loop/fiber.h"
#include "matrix/id.h"

enum { DEVICE_ID = 10, DISPLAY_NAME_MAX = 1024, PASSWORD_MAX = 4096 };

/* --- passwords --- */

/* For the worker thread: an arena of its own, since the request's is the loop's. */
struct password_work {
    struct arena arena;
    struct str password, hash;
    struct password_cost cost;
    enum err err;
    bool good;
};

static void hash_work(void *arg)
{
    struct password_work *w = arg;
    w->err = password_hash(&w->arena, w->password, w->cost, &w->hash);
}

static void verify_work(void *arg)
{
    struct password_work *w = arg;
    w->good = password_verify(w->hash, w->password);
}

static size_t characters(struct str s)
{
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++)
        n += ((unsigned char)s.p[i] & 0xC0) != 0x80;
    return n;
}

enum err credentials_strong(struct api *r, struct str password)
{
    unsigned min = api_config(r->server)->password_min;
    if (characters(password) < min) return fault_set(&r->fault, ERR_WEAK_PASSWORD, "A password needs at least %u characters.", min);
    if (password.n > PASSWORD_MAX) return fault_set(&r->fault, ERR_INVALID_PARAM, "A password may have at most %d bytes.", PASSWORD_MAX);
    return ERR_OK;
}

enum err credentials_hash(struct api *r, struct str password, struct str *hash)
{
    struct password_work w = {.password = password, .cost = r->engine->config.password_cost};
    arena_init(&w.arena);
    fiber_work(hash_work, &w);
    if (w.err == ERR_OK) *hash = arena_str(r->arena, w.hash);
    arena_release(&w.arena);
    return w.err;
}

/* Nobody learns from the time it takes who has an account: a hash of the same cost is made where there is none to compare with. */
static enum err pretend(struct api *r, struct str password, enum err answer)
{
    struct str unused;
    enum err e = credentials_hash(r, password, &unused);
    return e == ERR_OK ? answer : e;
}

enum err credentials_check(struct api *r, struct str user_id, struct str password, struct str *hash)
{
    struct command c = {.type = CMD_user_account, .key = user_id};
    struct reply account;
    static const char wrong[] = "The user name or the password is wrong.";
    enum err e = api_take(r, LIMIT_USER_LOGIN, user_id);
    if (e != ERR_OK) return e;
    if (password.n > PASSWORD_MAX) return fault_set(&r->fault, ERR_FORBIDDEN, "%s", wrong);
    e = api_call(r, &c, &account);
    if (e == ERR_NOT_FOUND) return pretend(r, password, fault_set(&r->fault, ERR_FORBIDDEN, "%s", wrong));
    if (e != ERR_OK) return e;
    if (account.num[1]) return pretend(r, password, ERR_USER_DEACTIVATED);
    if (str_empty(account.s[0])) return pretend(r, password, fault_set(&r->fault, ERR_FORBIDDEN, "%s", wrong));
    struct password_work w = {.password = password, .hash = account.s[0]};
    fiber_work(verify_work, &w);
    *hash = account.s[0];
    return w.good ? ERR_OK : fault_set(&r->fault, ERR_FORBIDDEN, "%s", wrong);
}

/* --- names --- */

struct str credentials_user_id(struct api *r, struct str typed)
{
    if (typed.n && typed.p[0] == '@') return typed;
    return arena_printf(r->arena, "@%.*s:%.*s", STR_FMT(typed), STR_FMT(r->engine->config.server_name));
}

enum err credentials_new_user_id(struct api *r, struct str localpart, struct str *user_id)
{
    if (!id_localpart_is_new(localpart))
        return fault_set(&r->fault, ERR_INVALID_USERNAME, "A user name is made of a-z, 0-9 and . _ = / + -");
    *user_id = credentials_user_id(r, localpart);
    if (!id_user(*user_id, NULL)) return fault_set(&r->fault, ERR_INVALID_USERNAME, "That user name is too long.");
    if (user_is_guest(r->engine, *user_id))
        return fault_set(&r->fault, ERR_INVALID_USERNAME, "Names that are numbers are those of guests.");
    return ERR_OK;
}

bool credentials_registration_token(struct api *r, struct str token)
{
    const struct api_config *c = api_config(r->server);
    bool found = false;
    for (size_t i = 0; i < c->registration_tokens; i++)
        found |= secret_eq(c->registration_token[i], token);
    return found;
}

/* --- sessions --- */

void credentials_tokens(struct api *r, struct new_session *s, bool refresh)
{
    s->access = session_token_make(r->arena, r->engine, s->user_id, &s->access_hash);
    if (!refresh) return;
    s->refresh = session_token_make(r->arena, r->engine, s->user_id, &s->refresh_hash);
    s->expires_ms = clock_wall_ms(r->engine->clock) + r->engine->config.access_token_lifetime_ms;
}

/* Ten capital letters, as clients show them to people. */
static struct str new_device_id(struct arena *a)
{
    char id[DEVICE_ID];
    for (size_t i = 0; i < DEVICE_ID; i++)
        id[i] = (char)('A' + random_u64() % 26);
    return arena_str(a, str_make(id, DEVICE_ID));
}

enum err credentials_session(struct api *r, struct str user_id, struct new_session *s)
{
    bool refresh;
    *s = (struct new_session){.user_id = user_id};
    enum err e = api_body_str_opt(r, "device_id", &s->device_id);
    if (e == ERR_OK) e = api_body_str_opt(r, "initial_device_display_name", &s->display_name);
    if (e == ERR_OK) e = api_body_bool_opt(r, "refresh_token", false, &refresh);
    if (e != ERR_OK) return e;
    if (s->display_name.n > DISPLAY_NAME_MAX)
        return fault_set(&r->fault, ERR_INVALID_PARAM, "The name of a device may have at most %d bytes.", DISPLAY_NAME_MAX);
    if (str_empty(s->device_id)) s->device_id = new_device_id(r->arena);
    if (!id_device(s->device_id))
        return fault_set(&r->fault, ERR_INVALID_PARAM, "A device id has 1 to 255 bytes and no control characters.");
    credentials_tokens(r, s, refresh);
    return ERR_OK;
}

void credentials_fill(struct api *r, const struct new_session *s, struct command *c)
{
    c->s[1] = s->device_id;
    c->s[2] = s->display_name;
    c->s[3] = s->access_hash;
    c->s[4] = s->refresh_hash;
    c->s[5] = str_first(r->http->client_ip, 64);
    c->num[1] = s->expires_ms;
}

void credentials_write_tokens(struct api *r, const struct new_session *s)
{
    json_str_member(&r->json, "access_token", s->access);
    if (s->refresh.p) json_str_member(&r->json, "refresh_token", s->refresh);
    if (s->refresh.p) json_int_member(&r->json, "expires_in_ms", r->engine->config.access_token_lifetime_ms);
}

void credentials_write(struct api *r, const struct new_session *s)
{
    json_str_member(&r->json, "user_id", s->user_id);
    json_str_member(&r->json, "home_server", r->engine->config.server_name);
    json_str_member(&r->json, "device_id", s->device_id);
    credentials_write_tokens(r, s);
}
