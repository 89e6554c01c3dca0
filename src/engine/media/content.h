/* How stored content is spoken of in HTTP: its type, its disposition, parts of it. Pure functions over what strangers wrote: a file
 * name or a content type comes from whoever uploaded it, a Range from whoever downloads. What they return goes into a header as it
 * is: printable ASCII, no line breaks, bounded. */
#ifndef ROOKERY_ENGINE_MEDIA_CONTENT_H
#define ROOKERY_ENGINE_MEDIA_CONTENT_H

#include "base/arena.h"

enum {
    CONTENT_TYPE_MAX = 255, /* longer ones become application/octet-stream */
    CONTENT_NAME_MAX = 1024 /* of a file name in a disposition; longer ones are cut */
};

/* The Content-Security-Policy of everything that users uploaded: a document from here may do nothing. */
extern const char CONTENT_SECURITY_POLICY[];

/* A content type that can stand in a header: the given one when it is well-formed (RFC 9110, 8.3.1), without its parameters when only these
 * are broken, and application/octet-stream otherwise or when it is absent. In the arena, or a constant. */
struct str content_type_clean(struct arena *a, struct str given);
/* May a browser show it by itself (the specification's list)? Parameters and case do not matter. */
bool content_type_is_inline(struct str content_type);

/* The value of Content-Disposition: inline where the type allows it, else attachment; with the file's name, unless `name` is empty.
 * A name that not every client would read alike as quoted string is there twice: as a harmless likeness and, exactly, as filename*
 * (RFC 6266, RFC 8187). */
struct str content_disposition(struct arena *a, struct str content_type, struct str name);

enum range_answer {
    RANGE_WHOLE,        /* 200: no range, or one that is to be ignored (malformed, other unit, several) */
    RANGE_PART,         /* 206 */
    RANGE_UNSATISFIABLE /* 416 */
};
struct content_range {
    uint64_t first, count;
};
/* What to answer to a Range header (null: there was none) of content of `size` bytes. PART: out lies within it and is not empty;
 * WHOLE: out is all of it. With an If-Range that does not match, pass the null slice. */
enum range_answer content_range_parse(struct str header, uint64_t size, struct content_range *out);
/* The value of Content-Range for 206, or (r NULL) for 416. */
struct str content_range_header(struct arena *a, const struct content_range *r, uint64_t size);

#endif
