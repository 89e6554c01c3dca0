/* The web client: where its files are, and what is told where there are none. */
#ifndef ROOKERY_MAIN_WEB_H
#define ROOKERY_MAIN_WEB_H

#include "http/site.h"
#include "main/settings.h"

/* What "/" says without a client. */
extern const struct str web_instead;

/* Reads the client that the setting web.path means. The sentence of the fault says what to do; the server runs without a client as well.
 * Blocks; from any thread. */
must_use enum err web_read(struct site *s, const struct settings *set, struct fault *f);

#endif
