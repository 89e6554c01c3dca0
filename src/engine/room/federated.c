#include "engine/room/federated.h"

#include "matrix/event.h"

enum err federated_text(struct turn *t, const struct room *room, const struct event *e, bool with_room, struct str *out)
{
    struct arena *a = turn_arena(t);
    struct row row;
    struct json *pdu;
    enum err err = turn_get(t, T_timeline, (struct cell[]){{.s = room->room_id}, {.i = e->ord}}, &row);
    if (err == ERR_OK) err = event_pdu(a, room->version, room->room_id, e->client, row.c[C_timeline_fed].s, &pdu, turn_fault(t));
    if (err != ERR_OK) return err == ERR_NOT_FOUND ? ERR_INTERNAL : err;
    json_set(pdu, STR("event_id"), json_new_string(a, e->event_id));
    if (with_room) json_set(pdu, STR("room_id"), json_new_string(a, room->room_id));
    *out = json_text(a, pdu);
    return ERR_OK;
}
