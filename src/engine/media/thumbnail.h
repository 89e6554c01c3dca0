/* Thumbnails of images that strangers uploaded. The decoding happens in media workers (worker.h): processes of their own without
 * privileges, a bounded number of them, started when there is work and ended when there has been none for a while. An image that
 * crashes, hangs or takes over its decoder costs its own request and nothing else.
 *
 * Nothing is kept here: the caller stores what it wants to serve again (shelf.h), and asks for thumbnail_standard sizes, so that it has few to store. */
#ifndef ROOKERY_ENGINE_MEDIA_THUMBNAIL_H
#define ROOKERY_ENGINE_MEDIA_THUMBNAIL_H

#include "base/arena.h"
#include "base/err.h"

struct thumbnail_config {
    unsigned workers;    /* processes at a time; each may need 16 bytes per pixel of max_pixels while it works */
    size_t queue;        /* requests that may wait for one; more are refused */
    uint64_t max_pixels; /* larger images are refused before they are decoded */
    int64_t deadline_ms; /* for one image, from when a worker begins */
    int64_t idle_ms;     /* a worker without work for so long is ended */
    const char *program; /* what is started with the argument `media-worker`; NULL: this program itself */
};
/* 2 workers, 64 waiting, 32 million pixels, 10 s, 60 s. */
extern const struct thumbnail_config thumbnail_defaults;

struct thumbnailer;
/* Safe from every loop. Copies the config; `program` must live as long. */
struct thumbnailer *thumbnailer_new(const struct thumbnail_config *config);
/* No thumbnail_make may be under way. Ends all workers. */
void thumbnailer_free(struct thumbnailer *t);

/* The largest width and height that may be asked for. */
enum { THUMBNAIL_SIDE_MAX = 2048 };

/* The smallest of the specification's sizes that is at least as large as the wanted one in both directions (and, for crop, of
 * the same shape); the wanted one itself where none is. */
void thumbnail_standard(unsigned *width, unsigned *height, bool crop);

/* Makes a thumbnail (PNG where there is transparency, else JPEG) in the arena, and says its type. scale: no side shorter than
 * wanted; crop: exactly as wanted; neither ever enlarges. An image that is no larger than wanted is its own thumbnail: then *out is
 * `image` itself. Of an animation it is the first frame.
 *   INVALID_PARAM  width or height is 0 or above THUMBNAIL_SIDE_MAX
 *   UNKNOWN        not an image of a kind that we read (PNG, JPEG, GIF, WebP), or damaged, or too costly
 *   TOO_LARGE      too many pixels
 *   UNAVAILABLE    too many requests wait, or no worker can be started; with a time to retry
 * Waits. */
must_use enum err thumbnail_make(struct thumbnailer *t, struct str image, unsigned width, unsigned height, bool crop, struct arena *a,
                                 struct str *out, struct str *content_type, struct fault *f);

struct thumbnail_stats {
    uint64_t made, refused, failed; /* thumbnails (originals included); not images or too large; crashed or too slow */
    uint64_t processes_started, waiting, busy;
};
void thumbnailer_stats(struct thumbnailer *t, struct thumbnail_stats *out);

#endif
