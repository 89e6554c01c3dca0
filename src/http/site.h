/* A web site from memory: answers GET and HEAD with the files of a folder (site_files.h), in the smallest form that the client takes,
 * with the headers that let it keep them, and let nothing into its page that is not of this server.
 *
 * A request never leads to the disk: what was not read is not there, so no path can lead out of the folder. What is below "assets/" must
 * have its content's hash in its name: clients keep it for good. Everything else they ask for again, with the tag of what they have.
 * Files that are read in place of others do not disturb answers that are under way. */
#ifndef ROOKERY_HTTP_SITE_H
#define ROOKERY_HTTP_SITE_H

#include "http/http.h"

struct site;
/* Without files yet; then "/" answers with `instead`, a text. It must live as long as the site. */
struct site *site_new(struct str instead);
/* All requests have been answered before. NULL is allowed. */
void site_free(struct site *s);
struct site_size {
    size_t files, bytes;
};
/* Reads the folder, which must have an index.html, and takes it in place of what was there before; that stays when reading fails. Blocks;
 * from any thread. */
must_use enum err site_read(struct site *s, const char *folder, struct site_size *size, struct fault *f);
/* Responds; or returns false, and the request is untouched, when there are no files and something else than "/" is asked for. */
must_use bool site_handle(struct site *s, struct http_request *r);

#endif
