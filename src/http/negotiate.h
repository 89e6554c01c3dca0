/* What the headers of a request say about the form in which it wants something, and whether it has that already. No state, no I/O. */
#ifndef ROOKERY_HTTP_NEGOTIATE_H
#define ROOKERY_HTTP_NEGOTIATE_H

#include "base/str.h"

/* How much a request with this Accept-Encoding likes a content coding: 0 (not at all, or not understood) to 1000. A coding that is not
 * named is worth what "*" is. */
unsigned negotiate_coding(struct str accept, struct str coding);
/* Does this If-None-Match name the entity tag (with its quotation marks)? Weak tags are taken for strong ones, as a GET does. */
bool negotiate_has_tag(struct str if_none_match, struct str tag);

#endif
