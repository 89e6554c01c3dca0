/* What an image says about itself before anybody decodes it: kind, dimensions, orientation. Pure functions over hostile bytes; they decide
 * whether a decoder is let loose on them at all, so they look where the decoders look. */
#ifndef ROOKERY_ENGINE_MEDIA_IMAGE_H
#define ROOKERY_ENGINE_MEDIA_IMAGE_H

#include "base/buf.h"

enum image_kind { IMAGE_NONE, IMAGE_PNG, IMAGE_JPEG, IMAGE_GIF, IMAGE_WEBP };

struct image_info {
    enum image_kind kind;
    uint32_t width, height; /* as stored, before the orientation; of what a decoder has to make room for. Never 0 */
    unsigned orientation;   /* 1 to 8, as in EXIF; 1 where nothing is said */
    bool animated;          /* WebP only: whose decoder takes none */
    bool cut_short;         /* the bytes end before the picture does (JPEG, GIF; other decoders notice by themselves) */
};

/* False: none of the kinds that we know, or broken before its dimensions. */
bool image_probe(struct str bytes, struct image_info *out);
/* "image/png" and so on. */
struct str image_type(enum image_kind kind);
/* The orientation in the content of a JPEG's APP1 segment, or 0 when it says nothing that makes sense. */
unsigned exif_orientation(struct str app1);

/* The first picture of an animated WebP, as a WebP that is not animated. False: there is none. */
must_use bool image_webp_first(struct str bytes, struct buf *out);

#endif
