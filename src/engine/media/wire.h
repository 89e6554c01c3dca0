/* What the server and a media worker say to each other over the socket that is the worker's standard input and output: a job and the
 * image's bytes one way, a reply and the thumbnail's bytes the other. Both ends are the same program on the same machine, so the structs
 * go as they are. The server does not trust what comes back. */
#ifndef ROOKERY_ENGINE_MEDIA_WIRE_H
#define ROOKERY_ENGINE_MEDIA_WIRE_H

#include <stdint.h>

enum { MEDIA_MAGIC = 0x6d656461, MEDIA_REPLY_MAX = 32 << 20, MEDIA_SIDE_MAX = 32767 /* pixels; the formats' own limits are near */ };

struct media_job {
    uint32_t magic, crop; /* crop: 0 or 1 */
    uint32_t width, height;
    uint64_t length; /* of the image that follows */
    uint64_t max_pixels;
    uint64_t memory_bytes; /* address space beyond what the worker has when it begins, without the image */
    uint64_t cpu_seconds;
};

enum media_status {
    MEDIA_OK,       /* a thumbnail follows */
    MEDIA_ORIGINAL, /* the image is no larger than what is wanted: it is its own thumbnail */
    MEDIA_UNKNOWN,  /* no image, or of a kind that we do not read */
    MEDIA_TOO_LARGE,
    MEDIA_BROKEN,
    MEDIA__COUNT
};

struct media_reply {
    uint32_t magic, status;
    uint32_t kind; /* enum image_kind of the thumbnail, or of the original */
    uint32_t unused;
    uint64_t length; /* of the thumbnail that follows; 0 unless OK */
};

#endif
