/* Push rules: {"rules": any JSON as stored, "event": any JSON, "put": {"kind", "id", "body", "before", "after"}}. Whatever was stored becomes a
 * ruleset that survives storing, changing and compiling, and evaluating is bounded. */
#include <stdlib.h>

#include "matrix/pushrules.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static void must(bool ok)
{
    if (!ok) abort();
}

static void check_stored(struct arena *a, const struct json *full)
{
    const struct json *stored = push_rules_stored(a, STR("@me:a"), full);
    must(json_equal(push_rules_full(a, STR("@me:a"), stored), full));
}

static void change(struct arena *a, struct json *full, const struct json *put)
{
    struct str kind = json_string_at(put, "kind"), id = json_string_at(put, "id");
    if (push_rule_put(a, full, kind, id, json_get(put, "body"), json_string_at(put, "before"), json_string_at(put, "after"), NULL) ==
        ERR_OK)
        must(push_rule_find(full, kind, id) != NULL);
    enum err e = push_rule_set_actions(a, full, kind, id, json_get(put, "actions"), NULL);
    if (e == ERR_OK) e = push_rule_set_enabled(a, full, kind, id, false, NULL);
    must(e != ERR_OK || !json_bool_at(push_rule_find(full, kind, id), "enabled", true));
}

static void evaluate(struct arena *a, const struct json *full, const struct json *event)
{
    struct push_rules *r = push_compile(full, STR("@me:a"));
    struct push_event e = {.event = event, .room_id = STR("!r:a")};
    struct push_context c = {.display_name = STR("M\xc3\xa4"), .member_count = 2};
    c.power = power_levels_parse(a, room_version_default(), json_get(event, "levels"), STR("@c:a"), NULL);
    struct push_result got = push_evaluate(r, &e, &c);
    must(!str_is(json_string_at(event, "sender"), "@me:a") || (!got.notify && str_null(got.rule_id)));
    push_free(r);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    struct arena a = {0};
    struct json *v;
    if (json_parse(&a, str_make((const char *)data, size), &v, NULL) == ERR_OK) {
        struct json *full = push_rules_full(&a, STR("@me:a"), json_get(v, "rules"));
        check_stored(&a, full);
        evaluate(&a, full, json_get(v, "event"));
        change(&a, full, json_get(v, "put"));
        check_stored(&a, full);
        evaluate(&a, full, json_get(v, "event"));
    }
    arena_release(&a);
    return 0;
}
