/* Bytes as text of PostgreSQL, which can hold any character but U+0000, so that an administrator reads and compares columns with plain SQL.
 *
 * Key columns must sort by their bytes, whatever these are. A byte from 02 to 7F is its character, one from 80 on the character of that number (U+0080 to
 * U+00FF), and 00 and 01 are U+0001 followed by U+0001 or U+0002. With COLLATE "C" that order is the order of the bytes, and ASCII is as it is.
 *
 * Value columns need no order: well-formed UTF-8 without U+0000 is as it is. Anything else, and what begins with U+0001, is U+0001 and then as in
 * a key. */
#ifndef ROOKERY_STORE_POSTGRES_TEXT_H
#define ROOKERY_STORE_POSTGRES_TEXT_H

#include "base/buf.h"

/* Adds at most 2 * s.n + 1 bytes. */
void text_put(struct buf *out, struct str s, bool key);
/* Writes the bytes that `text` stands for to `to`, which takes text.n bytes. False: no text that text_put makes. */
must_use bool text_take(struct str text, bool key, char *to, size_t *n);

#endif
