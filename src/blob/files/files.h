/* Blobs as files of one directory: <root>/ab/<hash>, ab being the hash's first two digits.
 *
 * A blob is written to <root>/.tmp-<random>, synced, renamed to its place, and the directory is synced: there is no moment at which
 * a power cut leaves a file under a hash that is not its own. The temporary file is locked (flock) while its writer lives; open
 * removes those that nobody holds, so several processes may share the directory. */
#ifndef ROOKERY_BLOB_FILES_FILES_H
#define ROOKERY_BLOB_FILES_FILES_H

#include "blob/blob.h"

/* Makes the directory when it is missing. Blocks: at start only. */
must_use enum err blobs_files_open(const char *root, struct blobs **out, struct fault *f);

#endif
