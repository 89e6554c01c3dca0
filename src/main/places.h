/* Where things are inside of store.path. The control socket is there too (control.h). */
#ifndef ROOKERY_MAIN_PLACES_H
#define ROOKERY_MAIN_PLACES_H

#include "main/settings.h"

/* The folder of the embedded store. */
static inline const char *place_store(struct arena *a, const struct settings *s)
{
    return arena_printf(a, "%s/db", s->store.path).p;
}
/* Thumbnails that were made: no part of a backup, and may be deleted at any time. */
static inline const char *place_thumbnails(struct arena *a, const struct settings *s)
{
    return arena_printf(a, "%s/thumbnails", s->store.path).p;
}

#endif
