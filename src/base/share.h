/* Short texts that many have alike, once in memory: whoever asks for one that was asked for a moment ago gets the same bytes.
 *
 * Not thread-safe; the bytes themselves are refcounted and may go anywhere. */
#ifndef ROOKERY_BASE_SHARE_H
#define ROOKERY_BASE_SHARE_H

#include "base/mem.h"
#include "base/str.h"

enum { SHARE_RECENT = 16 };
struct share {
    struct bytes *recent[SHARE_RECENT]; /* by hash */
};

/* A reference of the caller's. */
struct bytes *share_text(struct share *s, struct str text);
void share_release(struct share *s);

#endif
