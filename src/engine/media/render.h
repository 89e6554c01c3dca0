/* Makes a thumbnail: decode, scale, turn upright, encode, all of it with libgd. For the media worker's sandbox; the server itself never
 * calls it, and never loads libgd, which brings some sixty libraries. */
#ifndef ROOKERY_ENGINE_MEDIA_RENDER_H
#define ROOKERY_ENGINE_MEDIA_RENDER_H

#include "engine/media/image.h"
#include "engine/media/wire.h"

struct gd; /* libgd's functions */

/* Loads the library with all that it needs. NULL: it cannot be loaded; *why (constant until the next load) says the reason. */
const struct gd *gd_load(const char **why);

struct rendered {
    enum media_status status;
    enum image_kind kind;
    void *bytes; /* with OK only: freed by rendered_release */
    size_t n;
};
/* Dimensions and limits are the job's. */
struct rendered render(const struct gd *gd, const struct media_job *job, struct str image);
void rendered_release(const struct gd *gd, struct rendered *r);

#endif
