#include "base/share.h"

struct bytes *share_text(struct share *s, struct str text)
{
    struct bytes **recent = &s->recent[str_hash(text) % SHARE_RECENT];
    if (!*recent || !str_eq(bytes_str(*recent), text)) {
        bytes_unref(*recent);
        *recent = bytes_new(text);
    }
    return bytes_ref(*recent);
}

void share_release(struct share *s)
{
    for (int i = 0; i < SHARE_RECENT; i++)
        bytes_unref(s->recent[i]);
    *s = (struct share){0};
}
