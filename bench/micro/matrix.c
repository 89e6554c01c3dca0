/* What the rules of Matrix cost on the way of one message: authorize, build, evaluate push rules, filter. */
#include <stdio.h>

#include "base/clock.h"
#include "crypto/crypto.h"
#include "matrix/auth.h"
#include "matrix/filter.h"
#include "matrix/id.h"
#include "matrix/pushrules.h"

static const char room_id[] = "!Rqnc-F-dvnEYJTyHq_iKxU2bZ1CI92-kuZq3a5lr5Zg", create_id[] = "$Rqnc-F-dvnEYJTyHq_iKxU2bZ1CI92-kuZq3a5lr5Zg";

struct bench {
    struct arena keep, turn; /* for the run; for one round */
    struct event_fields fields;
    struct auth_room room;
    struct str ids[3];
    struct json *event;
    struct push_rules *rules;
    struct event_filter filter;
};

static enum membership membership(void *ctx, struct str user)
{
    (void)ctx;
    return str_is(user, "@alice:example.org") ? MEMBER_JOIN : MEMBER_NONE;
}

static bool state(void *ctx, struct str type, struct str key, struct auth_state_event *out)
{
    (void)ctx;
    (void)key;
    *out = (struct auth_state_event){str_c(create_id), STR("@alice:example.org"), NULL};
    return str_is(type, "m.room.create");
}

static struct json *parse(struct bench *b, const char *text)
{
    struct json *v;
    struct fault f;
    if (json_parse(&b->keep, str_c(text), &v, &f) == ERR_OK) return v;
    fprintf(stderr, "%s\n", f.text);
    exit(1);
}

static void setup(struct bench *b)
{
    char body[201] = {0};
    memset(body, 'x', 200);
    struct str content = arena_printf(&b->keep, "{\"body\":\"%s\",\"msgtype\":\"m.text\"}", body);
    for (int i = 0; i < 3; i++)
        b->ids[i] = str_c(create_id);
    b->fields = (struct event_fields){.type = STR("m.room.message"),
                                      .sender = STR("@alice:example.org"),
                                      .room_id = str_c(room_id),
                                      .content = parse(b, content.p),
                                      .prev_events = b->ids,
                                      .prev_count = 1,
                                      .auth_events = b->ids,
                                      .auth_count = 2,
                                      .depth = 1000,
                                      .origin_server_ts = 1700000000123};
    b->room = (struct auth_room){.version = room_version_default(), .membership = membership, .state = state};
    b->room.power =
        power_levels_parse(&b->keep, b->room.version, parse(b, "{\"users\":{\"@bob:example.org\":50}}"), STR("@carol:example.org"), NULL);
    b->event = parse(b, arena_printf(&b->keep,
                                     "{\"content\":%s,\"event_id\":\"%s\",\"sender\":\"@alice:example.org\",\"type\":\"m.room.message\"}",
                                     content.p, create_id)
                            .p);
    b->rules = push_compile(push_rules_full(&b->keep, STR("@bob:example.org"), NULL), STR("@bob:example.org"));
    if (filter_parse_events(&b->keep, parse(b, "{\"types\":[\"m.room.*\",\"m.reaction\"],\"not_senders\":[\"@x:y\"]}"), &b->filter, NULL))
        exit(1);
}

/* --- one round each; false: something went wrong --- */

static bool authorize(struct bench *b)
{
    return auth_check(&b->turn, &b->room, &b->fields, NULL) == ERR_OK;
}

static bool build(struct bench *b)
{
    struct event_built out;
    return event_build(&b->turn, b->room.version, &b->fields, &out, NULL) == ERR_OK;
}

static bool push(struct bench *b)
{
    struct push_event e = {.event = b->event, .room_id = str_c(room_id)};
    struct push_context c = {.display_name = STR("Bob"), .member_count = 10, .power = b->room.power};
    return push_evaluate(b->rules, &e, &c).notify;
}

static bool filter(struct bench *b)
{
    return filter_event_matches(&b->filter, b->fields.type, b->fields.sender, false);
}

static bool slot(struct bench *b)
{
    return id_slot(b->fields.room_id) < ID_SLOTS;
}

static void measure(struct bench *b, const char *what, bool (*round)(struct bench *b))
{
    enum { ROUNDS = 300000 };
    int64_t best = INT64_MAX;
    for (int run = 0; run < 5; run++) {
        int64_t begin = clock_mono_us(&clock_system);
        for (int i = 0; i < ROUNDS; i++) {
            if (!round(b)) exit(1);
            arena_reset(&b->turn);
        }
        int64_t took = clock_mono_us(&clock_system) - begin;
        if (took < best) best = took;
    }
    printf("%-28s %6.3f us\n", what, (double)best / ROUNDS);
}

int main(void)
{
    struct bench b = {0};
    if (crypto_init(NULL)) return 1;
    setup(&b);
    measure(&b, "slot of a room", slot);
    measure(&b, "authorize a message", authorize);
    measure(&b, "build a message of 200 bytes", build);
    measure(&b, "push rules, the defaults", push);
    measure(&b, "filter by type and sender", filter);
    push_free(b.rules);
    arena_release(&b.keep);
    arena_release(&b.turn);
    return 0;
}
