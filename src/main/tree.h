/* Folders of files that never change: copying, syncing and removing them. All of it blocks. */
#ifndef ROOKERY_MAIN_TREE_H
#define ROOKERY_MAIN_TREE_H

#include "base/err.h"

enum { TREE_DEPTH_MAX = 8 };

/* Copies what is in `from` into `to`, which is made if it is not there; hidden files (.*) are left out, files that are there already are kept.
 * Hard links where both are on one file system: so the files must be of the kind that is never written again. Durable when it
 * returns OK. An absent `from` is an empty one. */
must_use enum err tree_copy(const char *from, const char *to, struct fault *f);

/* Makes a folder (mode 0700) with its parents. OK if it is there. */
must_use enum err tree_make(const char *path, struct fault *f);
/* The bytes of the files in it and below; 0 when it is absent. */
int64_t tree_bytes(const char *path);
/* Absent or without any file? */
bool tree_is_empty(const char *path);
/* Removes a folder and all in it; harmless when it is absent. Symbolic links are removed, not followed. */
void tree_remove(const char *path);
/* Makes the names in a folder durable. */
must_use enum err tree_sync(const char *path, struct fault *f);

#endif
