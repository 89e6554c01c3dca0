/* The files of a web site, read from a folder into memory at once.
 *
 * What was read never changes and may be looked at from every thread; who keeps it has a reference. Read are the regular files below the
 * folder whose names do not begin with a dot. `x.br` and `x.gz` beside `x` are forms of `x`, and nothing of their own. Symbolic links and
 * what else is no file are left out, with a line in the log. */
#ifndef ROOKERY_HTTP_SITE_FILES_H
#define ROOKERY_HTTP_SITE_FILES_H

#include "base/arena.h"
#include "base/err.h"
#include "base/map.h"

enum { SITE_FILES_MAX = 10000, SITE_BYTES_MAX = 256 * 1048576, SITE_DEPTH_MAX = 8 };

enum site_coding { SITE_PLAIN, SITE_GZIP, SITE_BROTLI, SITE_CODINGS };

struct site_form {
    struct str bytes; /* null: the file is not there in this form */
    struct str tag;   /* the entity tag, with its quotation marks; made of the bytes */
};

struct site_file {
    struct str path; /* "assets/index.js": without a slash before it */
    struct str type; /* for Content-Type */
    struct site_form form[SITE_CODINGS];
};

struct site_files {
    atomic_uint refs;
    struct arena arena;
    struct map by_path;
    size_t count, bytes;
};

/* STORAGE with a sentence when the folder cannot be read, has more than the bounds above, or changes meanwhile. Blocks: not for a loop's
 * thread once it runs. */
must_use enum err site_files_read(const char *folder, struct site_files **out, struct fault *f);
struct site_files *site_files_ref(struct site_files *s);
/* NULL is allowed. */
void site_files_unref(struct site_files *s);
/* NULL when there is none. */
const struct site_file *site_files_find(const struct site_files *s, struct str path);

#endif
