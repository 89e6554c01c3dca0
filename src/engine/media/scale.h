/* The arithmetic of thumbnails: which part of an image becomes how large, and averaging its pixels. Pure functions.
 *
 * Pixels are gd's: 0xAARRGGBB with an alpha of 0 (opaque) to 127 (transparent). */
#ifndef ROOKERY_ENGINE_MEDIA_SCALE_H
#define ROOKERY_ENGINE_MEDIA_SCALE_H

#include "base/mem.h"

struct scale_plan {
    uint32_t x, y, width, height;   /* of the source */
    uint32_t out_width, out_height; /* neither is larger than the source's part */
};

/* For an image of width x height and the wanted size (all at least 1). False: it is its own thumbnail.
 *  - scale keeps the shape and makes neither side smaller than wanted;
 *  - crop cuts the middle out in the wanted shape, exactly as large as wanted.
 * Nothing is ever enlarged: a side that is shorter than wanted stays as it is. */
bool scale_plan(uint32_t width, uint32_t height, uint32_t want_width, uint32_t want_height, bool crop, struct scale_plan *out);

/* A row of the source; called in order, each at most once. The pointer is used until the next call. */
typedef const int *scale_row(void *ctx, uint32_t y);
/* Every pixel of `out` (out_width * out_height) becomes the average of the area that it covers, transparent pixels counting less. */
void scale_pixels(const struct scale_plan *p, scale_row *row, void *ctx, int *out);

/* Where the pixel (x, y) of the upright picture is in one of width x height that is stored with this EXIF orientation (1 to 8). */
size_t scale_upright(unsigned orientation, uint32_t width, uint32_t height, uint32_t x, uint32_t y);
/* Does the orientation swap width and height? */
static inline bool scale_swaps(unsigned orientation)
{
    return orientation >= 5;
}

#endif
