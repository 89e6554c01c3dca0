/* Which bytes of an object an answer has: Content-Range (RFC 9110, 14.4), which is believed in no more than it says. */
#ifndef ROOKERY_BLOB_S3_PART_H
#define ROOKERY_BLOB_S3_PART_H

#include "base/str.h"

struct part {
    uint64_t first, last, total; /* first <= last < total */
};

/* "bytes 0-9/1234". False for anything else, a total that is not known included. */
bool part_parse(struct str value, struct part *out);

#endif
