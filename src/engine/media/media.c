/* What was uploaded: rows about it. The bytes are blobs. */
#include "engine/engine.h"

/* media_put: key the media id; s[0] who uploads, s[1] hash of the bytes (empty: they come later), s[2] content type, s[3] file name; num[0] size, num[1] until
 * when the bytes may come. Fills a row that waits for its bytes. CONFLICT: the id is taken; CANNOT_OVERWRITE_MEDIA: it has its bytes;
 * FORBIDDEN: it is somebody else's; NOT_FOUND: its time is over (only when s[4] is "fill"). */
enum err media_put(struct turn *t)
{
    const struct command *c = turn_command(t);
    struct row row;
    bool fill = str_is(c->s[4], "fill");
    enum err e = turn_get(t, T_media, (struct cell[]){{.s = c->key}}, &row);
    if (e != ERR_OK && e != ERR_NOT_FOUND) return e;
    if (!fill && e == ERR_OK) return ERR_CONFLICT;
    if (fill) {
        if (e != ERR_OK) return fault_set(turn_fault(t), e, "No such media id has been reserved.");
        if (!str_eq(row.c[C_media_user_id].s, c->s[0]))
            return fault_set(turn_fault(t), ERR_FORBIDDEN, "Another user has reserved that media id.");
        if (!str_empty(row.c[C_media_hash].s)) return ERR_CANNOT_OVERWRITE_MEDIA;
        if (row.c[C_media_pending_until_ms].i <= turn_now_ms(t))
            return fault_set(turn_fault(t), ERR_NOT_FOUND, "The time to upload to that media id is over.");
    }
    row = (struct row){.table = T_media};
    row.c[C_media_media_id].s = c->key;
    row.c[C_media_user_id].s = c->s[0];
    row.c[C_media_hash].s = c->s[1];
    row.c[C_media_content_type].s = c->s[2];
    row.c[C_media_file_name].s = c->s[3];
    row.c[C_media_size].i = c->num[0];
    row.c[C_media_created_ms].i = turn_now_ms(t);
    row.c[C_media_pending_until_ms].i = c->num[1];
    turn_put(t, &row);
    return turn_ready(t);
}

/* media_get. Reply: s[0] hash (empty: not uploaded yet), s[1] content type, s[2] file name, s[3] who; num[0] size, num[1] until when the bytes may come. */
enum err media_get(struct turn *t)
{
    struct row row;
    struct reply *r = turn_reply(t);
    enum err e = turn_get(t, T_media, (struct cell[]){{.s = turn_command(t)->key}}, &row);
    if (e != ERR_OK) return e == ERR_NOT_FOUND ? fault_set(turn_fault(t), e, "There is no such file.") : e;
    r->s[0] = row.c[C_media_hash].s;
    r->s[1] = row.c[C_media_content_type].s;
    r->s[2] = row.c[C_media_file_name].s;
    r->s[3] = row.c[C_media_user_id].s;
    r->num[0] = row.c[C_media_size].i;
    r->num[1] = row.c[C_media_pending_until_ms].i;
    return ERR_OK;
}
