/* Backups: a folder with the store, the media, and a manifest that is written last, so that what has none is no backup.
 *
 *     DIR/manifest   "rookery-backup 1", then name=value lines; media=bucket where there was a bucket
 *     DIR/db         the store, consistent as of one moment
 *     DIR/media      every file that the store of that moment names, perhaps more; with media.url they stay in their bucket
 *
 * All of it blocks. */
#ifndef ROOKERY_MAIN_BACKUP_H
#define ROOKERY_MAIN_BACKUP_H

#include "main/settings.h"
#include "store/store.h"

/* Copies the store, which may be in use, and the media into `to`: absent or empty, an absolute path. Any thread but a loop's. */
must_use enum err backup_make(struct store *store, const struct settings *s, const char *to, struct fault *f);

/* Makes store.path and media.path from the backup. There must be no store yet. One that was interrupted can be done again. CONFLICT, before anything is
 * made, when the backup has its uploaded files where a server with these settings does not look. */
must_use enum err backup_restore(const struct settings *s, const char *from, struct fault *f);

#endif
