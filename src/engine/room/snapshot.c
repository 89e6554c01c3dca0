#include "engine/room/snapshot.h"

void snapshot_take(struct snapshot *s, struct arena *a, const struct room *room, int64_t after)
{
    *s = (struct snapshot){.e = arena_array(a, map_count(&room->state) + 1, sizeof(*s->e))};
    list_each(it, &room->recent_state)
    {
        struct event *e = list_item(it, struct state_entry, recent)->event;
        if (e->item.position <= after) return;
        s->e[s->count++] = event_ref(e);
    }
}

void snapshot_release(struct snapshot *s)
{
    for (size_t i = 0; i < s->count; i++)
        event_unref(s->e[i]);
    s->count = 0;
}
