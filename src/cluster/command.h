/* Commands: the only way in which anything asks the owner of a slot for anything.
 *
 * A command is flat (a type, the id of the room, user or name that it is about, some numbers, some strings), so that it can cross a
 * thread or a network without code of its own. What the fields mean is said where the command is declared
 * (engine/commands.def). A query is a command that changes nothing. */
#ifndef ROOKERY_CLUSTER_COMMAND_H
#define ROOKERY_CLUSTER_COMMAND_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

enum { COMMAND_INTS = 8, COMMAND_STRS = 12 };

struct command {
    unsigned type;  /* row of the engine's table */
    struct str key; /* the entity; decides the slot */
    int64_t num[COMMAND_INTS];
    struct str s[COMMAND_STRS];
};

struct reply {
    enum err err;
    struct fault fault; /* the sentence, where err is not OK */
    int64_t num[COMMAND_INTS];
    struct str s[COMMAND_STRS]; /* in the caller's arena */
};

/* A command as bytes, for a letter's row or the network; a null slice stays a null slice. */
void command_encode(struct buf *b, const struct command *c);
/* The strings point into `bytes`. False on bytes that no command_encode made. */
must_use bool command_decode(struct str bytes, struct command *out);

/* A reply likewise: its strings point into `bytes`. */
void reply_encode(struct buf *b, const struct reply *r);
must_use bool reply_decode(struct str bytes, struct reply *out);
/* Copies the strings into `a`. */
void reply_own(struct arena *a, struct reply *r);

#endif
