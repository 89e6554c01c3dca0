/* Filters: {"filter": any JSON, "event": any JSON}. Parsing and matching never go wrong; projecting twice changes nothing more. */
#include <stdlib.h>

#include "matrix/content.h"
#include "matrix/filter.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static void must(bool ok)
{
    if (!ok) abort();
}

static void check_match(const struct event_filter *f, const struct json *event)
{
    struct str type = json_string_at(event, "type"), sender = json_string_at(event, "sender");
    bool url = content_has_url(json_get(event, "content")), matches = filter_event_matches(f, type, sender, url);
    must(matches || !f->all);
    must(!matches || !filter_list_has(&f->not_types, type));
    must(!matches || !f->types.present || filter_list_has(&f->types, type));
    filter_event_room_matches(f, json_string_at(event, "room_id"));
}

static void check_projection(struct arena *a, const struct filter_fields *fields, const struct json *event)
{
    const struct json *once = filter_project(a, fields, event);
    must(json_equal(once, filter_project(a, fields, once)));
    must(fields->present || json_equal(once, event));
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    struct arena a = {0};
    struct json *v;
    struct sync_filter sync;
    struct event_filter events;
    struct fault f = {0};
    if (json_parse(&a, str_make((const char *)data, size), &v, NULL) == ERR_OK) {
        const struct json *filter = json_get(v, "filter"), *event = json_get(v, "event");
        if (filter_parse_events(&a, filter, &events, &f) == ERR_OK) check_match(&events, event);
        if (filter_parse_sync(&a, filter, &sync, &f) == ERR_OK) {
            check_match(&sync.room.timeline, event);
            check_match(&sync.presence, event);
            filter_room_matches(&sync.room, json_string_at(event, "room_id"));
            if (event) check_projection(&a, &sync.event_fields, event);
        }
    }
    arena_release(&a);
    return 0;
}
