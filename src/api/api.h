/* The client-server API: routes.def says which path is served by which function, with what access and limits; the router does
 * everything that is common, in a fixed order: CORS, path, method, rate limit, access token, body, JSON. A handler is a function in a
 * fiber: it may wait, and it ends with the answer.
 *
 *     enum err api_whoami(struct api *r)
 *     {
 *         json_object(&r->json);
 *         json_str_member(&r->json, "user_id", r->user_id);
 *         json_end(&r->json);
 *         return ERR_OK;          // 200 with what was written; nothing written: {}
 *     }
 *
 * On an error the router answers with its status, errcode and the sentence in r->fault (fault_set(&r->fault, ...)). */
#ifndef ROOKERY_API_API_H
#define ROOKERY_API_API_H

#include "engine/engine.h"
#include "http/http.h"
#include "json/json.h"

enum api_access {
    ACCESS_NONE,     /* no token is looked at */
    ACCESS_OPTIONAL, /* a token that is given must be good */
    ACCESS_USER,     /* users, no guests */
    ACCESS_GUEST     /* users and guests */
};
enum api_body {
    BODY_NONE,
    BODY_JSON,     /* an object; r->body */
    BODY_OPTIONAL, /* an object, or nothing: then r->body is an empty object */
    BODY_RAW,      /* r->http->body as it came: whom the handler asks parses it */
    BODY_OWN       /* the handler reads it (uploads) */
};
/* Rate limit classes: rows of the limits in the settings. */
enum api_limit {
    LIMIT_NONE,
    LIMIT_READ,
    LIMIT_WRITE,
    LIMIT_MESSAGE,
    LIMIT_JOIN,
    LIMIT_LOGIN,
    LIMIT_USER_LOGIN,
    LIMIT_REGISTER,
    LIMIT_UPLOAD,
    LIMIT__COUNT
};

struct api;
/* OK or an error, and the router answers; API_ANSWERED when the handler has answered by itself, or has it done later: then the router
 * touches neither r->http nor r any more, which may be gone. */
typedef enum err api_handler(struct api *r);
static const enum err API_ANSWERED = ERR__COUNT;

struct api_route {
    enum http_method method;
    const char *path; /* segments in braces are parameters; "client/v3" also matches r0 */
    api_handler *handler;
    enum api_access access;
    enum api_body body;
    size_t body_max;
    enum api_limit limit;
    const char *name; /* for metrics */
};

enum { API_PARAMS_MAX = 6, API_BODY_SMALL = 65536, API_BODY_EVENT = 131072, API_BODY_LARGE = 1048576, API_BODY_BACKUP = 4 * 1048576 };

struct api {
    struct http_request *http;
    struct engine *engine;
    struct api_server *server;
    const struct api_route *route;
    struct arena *arena;              /* until the answer */
    struct str param[API_PARAMS_MAX]; /* decoded, in the order of the path */
    struct str query;                 /* raw; see api_query */
    struct json *body;                /* an object; NULL without body */
    /* who asks; null slices without a token */
    struct str user_id, device_id, token_hash;
    bool guest;
    /* the answer */
    int status; /* 0: 200, or that of the error */
    struct buf out;
    struct json_out json;
    struct fault fault;
    struct http_header header[8]; /* more headers for the answer */
    size_t headers;
    int64_t began_us;
};

/* --- for handlers --- */
/* Query parameter, decoded; null slice when absent. */
struct str api_query(struct api *r, const char *name);
/* INVALID_PARAM when present and no integer in [min, max]. */
must_use enum err api_query_int(struct api *r, const char *name, int64_t min, int64_t max, int64_t otherwise, int64_t *out);
/* These two take an empty one for absent. */
must_use enum err api_query_bool(struct api *r, const char *name, bool otherwise, bool *out);
/* One of the words, which are separated by blanks; null slice when absent. */
must_use enum err api_query_word(struct api *r, const char *name, const char *words, struct str *out);
/* Member of the body. MISSING_PARAM / BAD_JSON with a sentence that names it. The _opt forms leave a null slice / NULL when absent. */
must_use enum err api_body_str(struct api *r, const char *name, struct str *out);
must_use enum err api_body_str_opt(struct api *r, const char *name, struct str *out);
must_use enum err api_body_object_opt(struct api *r, const char *name, struct json **out);
must_use enum err api_body_array_opt(struct api *r, const char *name, struct json **out);
must_use enum err api_body_bool_opt(struct api *r, const char *name, bool otherwise, bool *out);
/* Runs a command as engine_call does, the sentence going to r->fault. Waits. */
must_use enum err api_call(struct api *r, const struct command *cmd, struct reply *reply);
/* Takes one of a rate limit: LIMIT_EXCEEDED and when to try again. */
must_use enum err api_take(struct api *r, enum api_limit limit, struct str key);
/* FORBIDDEN unless the path's user is the one who asks. */
must_use enum err api_own_user(struct api *r, struct str user_id);
/* The string as a member of a command when it may not be null: "" then. */
static inline struct str api_text(struct str s)
{
    return s.p ? s : STR("");
}

/* For handlers that return API_ANSWERED. `r` is gone afterwards. */
void api_finish(struct api *r, enum err e);
/* Adds a header to the answer; the value lives as long as r->arena. */
void api_header(struct api *r, const char *name, struct str value);

/* --- the server --- */
struct rate {
    double per_second; /* 0: off */
    unsigned burst;
};
struct api_config {
    struct engine *engine;
    struct rate limit[LIMIT__COUNT];
    struct str public_url;           /* for .well-known; empty: none is announced */
    const struct str *admin_contact; /* see matrix/contact.h; the first is what errors tell */
    size_t admin_contacts;
    enum { REGISTER_OPEN, REGISTER_TOKEN, REGISTER_CLOSED } registration;
    bool guests;
    const struct room_version *room_version; /* of rooms whose maker names none */
    const struct str *registration_token;
    size_t registration_tokens;
    unsigned password_min;
    size_t upload_max;
    struct blobs *blobs;
    struct thumbnailer *thumbnailer;
    struct shelf *shelf;              /* thumbnails that were made */
    struct store *store;              /* for the metrics */
    struct http_server *listener[16]; /* set by the program when they listen */
    size_t listeners;
    /* May this address read /metrics? */
    bool (*may_read_metrics)(void *ctx, struct str client_ip);
    void *ctx;
};
struct api_server;
struct api_server *api_new(const struct api_config *config);
void api_free(struct api_server *s);
const struct api_config *api_config(const struct api_server *s);
/* How long things have taken at this server since it was started: requests that send an event, from a message's sending to the answer that brings it
 * to a client that waited, and commits of the store. Adds to `out`. From any thread. */
struct api_latency {
    struct histogram send, delivery, commit;
};
void api_latency(const struct api_server *s, struct api_latency *out);
/* For the metrics: one more listener. Before the loops run. */
void api_add_listener(struct api_server *s, struct http_server *h);
/* Is the path at or below one of /_matrix, /.well-known, /metrics, ... (the first segments of the routes)? The others are free for whoever
 * else serves something at this address. */
bool api_owns(const struct api_server *s, struct str path);
/* Responds, whether the path is the API's or not. */
void api_handle(struct api_server *s, struct http_request *r);

#endif
