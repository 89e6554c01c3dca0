/* The SQL of this back end: every statement has a number, and its text is made from the tables' declaration when a connection first needs it. */
#ifndef ROOKERY_STORE_POSTGRES_SQL_H
#define ROOKERY_STORE_POSTGRES_SQL_H

#include "base/buf.h"
#include "store/store.h"

enum {
    SQL_SHAPES = (STORE_KEY_CELLS_MAX + 1) * 8, /* of reads: cells of the prefix, bounds, direction */
    SQL_PARAMS_MAX = STORE_CELLS_MAX + 1
};

/* The numbers of statements; those of tables in the order of the tables. */
enum {
    SQL_LOCK,    /* slots' rows, locked until the transaction's end, in order. $1: slots. slot, position, epoch, state */
    SQL_ADVANCE, /* the fence: all or an error. $1: slots, $2: predecessors, $3: epochs of the first batches, $4: positions, $5: epochs */
    SQL_LOOK,    /* $1: slot. position, epoch; nothing when the slot does not live here */
    SQL_PUT,     /* $1: slots, $2...: an array per column */
    SQL_DEL = SQL_PUT + T__COUNT, /* likewise, key columns */
    SQL_READ = SQL_DEL + T__COUNT,
    SQL__COUNT = SQL_READ + T__COUNT * SQL_SHAPES
};

/* The statement for a read. Its parameters: slot; the prefix; from, to, if bounded; limit, if a range. It gives the slot's position and the row, or the
 * position and NULLs when there is no row, or nothing when the slot does not live here. */
unsigned sql_of_read(const struct store_read *r);

struct sql {
    struct buf text; /* ends in NUL */
    unsigned type[SQL_PARAMS_MAX];
    int params;
};
/* For the caller to release: the text. */
void sql_write(struct sql *out, unsigned statement);

/* What makes the table, or adds the column to it. */
void sql_create_table(struct buf *out, enum table t);
void sql_add_column(struct buf *out, enum table t, unsigned column);

/* For the move of a slot: a trigger that notes what is put or what goes, rows out and in, and a noted change done again ($1: the row as jsonb). */
void sql_note_changes(struct buf *out, enum table t, unsigned slot, bool gone);
void sql_copy(struct buf *out, enum table t, unsigned slot, bool in);
void sql_repeat(struct buf *out, enum table t, bool gone);

/* What this back end has besides: the slots' rows, the settings, and the fence. */
extern const char sql_base[];
/* The SQLSTATE of a fence that did not hold. */
#define SQL_FENCED "RK409"

#endif
