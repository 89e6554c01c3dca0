/* Making accounts. */
#include "api/credentials.h"
#include "api/routes.h"
#include "api/uia.h"
#include "base/random.h"
#include "engine/user/user.h"

enum { NAME_TRIES = 8, NAME_LETTERS = 12 };

static void write_registered(struct api *r, const struct new_session *s, bool inhibit_login)
{
    json_object(&r->json);
    if (inhibit_login) {
        json_str_member(&r->json, "user_id", s->user_id);
        json_str_member(&r->json, "home_server", r->engine->config.server_name);
    } else {
        credentials_write(r, s);
    }
    json_end(&r->json);
}

/* A name that nobody chose: guests are numbers, the others begin with a letter. */
static struct str random_name(struct arena *a, enum user_kind kind)
{
    if (kind == USER_GUEST) return arena_printf(a, "%llu", (unsigned long long)(random_u64() % 1000000000000000u + 1));
    char name[NAME_LETTERS];
    for (size_t i = 0; i < NAME_LETTERS; i++)
        name[i] = (char)('a' + random_u64() % 26);
    return arena_str(a, str_make(name, NAME_LETTERS));
}

static enum err create(struct api *r, struct str user_id, struct str password_hash, enum user_kind kind, bool inhibit_login)
{
    struct command c = {.type = CMD_user_create, .key = user_id, .num[0] = kind, .s[0] = password_hash};
    struct new_session s;
    struct reply reply;
    enum err e = credentials_session(r, user_id, &s);
    if (e != ERR_OK) return e;
    if (!inhibit_login) credentials_fill(r, &s, &c);
    e = api_call(r, &c, &reply);
    if (e == ERR_OK) write_registered(r, &s, inhibit_login);
    return e;
}

/* Whether a name is free is decided by its owner, when the account is made. */
static enum err create_unnamed(struct api *r, struct str password_hash, enum user_kind kind, bool inhibit_login)
{
    enum err e = ERR_USER_IN_USE;
    for (int i = 0; i < NAME_TRIES && e == ERR_USER_IN_USE; i++)
        e = create(r, credentials_user_id(r, random_name(r->arena, kind)), password_hash, kind, inhibit_login);
    return e;
}

/* Of the body only the display name counts. */
static enum err register_guest(struct api *r)
{
    struct str name;
    if (!api_config(r->server)->guests) return fault_set(&r->fault, ERR_FORBIDDEN, "This server takes no guests.");
    enum err e = api_take(r, LIMIT_REGISTER, r->http->client_ip);
    if (e == ERR_OK) e = api_body_str_opt(r, "initial_device_display_name", &name);
    if (e != ERR_OK) return e;
    r->body = json_new(r->arena, JSON_OBJECT);
    if (name.p) json_add(r->body, STR("initial_device_display_name"), json_new_string(r->arena, name));
    return create_unnamed(r, STR(""), USER_GUEST, false);
}

static enum err is_free(struct api *r, struct str user_id)
{
    struct command c = {.type = CMD_user_account, .key = user_id};
    struct reply reply;
    enum err e = api_call(r, &c, &reply);
    if (e == ERR_NOT_FOUND) return ERR_OK;
    return e == ERR_OK ? ERR_USER_IN_USE : e;
}

struct wish {
    struct str user_id; /* null: any */
    struct str password;
    bool inhibit_login;
};

/* What would fail after all stages fails before the first. */
static enum err read_wish(struct api *r, struct wish *w)
{
    struct str name;
    *w = (struct wish){0};
    enum err e = api_body_str_opt(r, "username", &name);
    if (e == ERR_OK) e = api_body_str_opt(r, "password", &w->password);
    if (e == ERR_OK) e = api_body_bool_opt(r, "inhibit_login", false, &w->inhibit_login);
    if (e == ERR_OK && !str_null(name)) e = credentials_new_user_id(r, name, &w->user_id);
    if (e == ERR_OK && !str_null(name)) e = is_free(r, w->user_id);
    if (e == ERR_OK && !str_null(w->password)) e = credentials_strong(r, w->password);
    return e;
}

static enum err authenticate(struct api *r)
{
    static const struct uia_flow open = {{"m.login.dummy"}}, by_token = {{"m.login.registration_token"}};
    return uia_check(r, api_config(r->server)->registration == REGISTER_TOKEN ? &by_token : &open, 1);
}

static enum err register_user(struct api *r)
{
    struct wish w;
    struct str hash;
    if (api_config(r->server)->registration == REGISTER_CLOSED)
        return fault_set(&r->fault, ERR_FORBIDDEN, "Registration is closed on this server.");
    enum err e = read_wish(r, &w);
    if (e == ERR_OK) e = authenticate(r);
    if (e != ERR_OK) return e;
    if (str_null(w.password)) return fault_set(&r->fault, ERR_MISSING_PARAM, "The member 'password' is missing.");
    e = api_take(r, LIMIT_REGISTER, r->http->client_ip); /* each account counts, not each step towards it */
    if (e == ERR_OK) e = credentials_hash(r, w.password, &hash);
    if (e != ERR_OK) return e;
    return str_null(w.user_id) ? create_unnamed(r, hash, USER_REGULAR, w.inhibit_login)
                               : create(r, w.user_id, hash, USER_REGULAR, w.inhibit_login);
}

enum err api_register(struct api *r)
{
    struct str kind = api_query(r, "kind");
    if (str_is(kind, "guest")) return register_guest(r);
    if (str_null(kind) || str_is(kind, "user")) return register_user(r);
    return fault_set(&r->fault, ERR_INVALID_PARAM, "The kind of an account is 'user' or 'guest'.");
}

enum err api_register_available(struct api *r)
{
    struct str name = api_query(r, "username"), user_id;
    if (str_null(name)) return fault_set(&r->fault, ERR_MISSING_PARAM, "The parameter 'username' is missing.");
    enum err e = credentials_new_user_id(r, name, &user_id);
    if (e == ERR_OK) e = is_free(r, user_id);
    if (e != ERR_OK) return e;
    json_object(&r->json);
    json_bool_member(&r->json, "available", true);
    json_end(&r->json);
    return ERR_OK;
}

enum err api_registration_token_validity(struct api *r)
{
    struct str token = api_query(r, "token");
    if (api_config(r->server)->registration == REGISTER_CLOSED)
        return fault_set(&r->fault, ERR_FORBIDDEN, "Registration is closed on this server.");
    if (str_null(token)) return fault_set(&r->fault, ERR_MISSING_PARAM, "The parameter 'token' is missing.");
    json_object(&r->json);
    json_bool_member(&r->json, "valid", credentials_registration_token(r, token));
    json_end(&r->json);
    return ERR_OK;
}
