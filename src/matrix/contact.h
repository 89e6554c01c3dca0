/* How users reach who runs a server: what an administrator writes, and the forms in which clients are told (a server's support
 * information, `admin_contact` of errors). */
#ifndef ROOKERY_MATRIX_CONTACT_H
#define ROOKERY_MATRIX_CONTACT_H

#include "base/arena.h"

enum contact_kind {
    CONTACT_NONE,  /* none of the others */
    CONTACT_EMAIL, /* admin@example.org */
    CONTACT_USER,  /* @admin:example.org */
    CONTACT_PAGE   /* https://example.org/support.html */
};

enum contact_kind contact_kind(struct str s);
/* As a URI: mailto:, matrix:u/, or the page itself. `s` must be of a kind. */
struct str contact_uri(struct arena *a, struct str s);

#endif
