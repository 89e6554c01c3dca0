/* The log: what was committed since the last table file, in files that are written over and over.
 *
 * A log file is a header (number, salt, where the log before it ended) and records, one per commit: checksum, length, bytes. The checksum
 * takes in the salt and the record's place, so that what an earlier use of the file left behind is no record. A log ends before the first
 * thing that is none. Allocated in advance and overwritten: a sync then writes data and no metadata. */
#ifndef ROOKERY_STORE_ROCKSDB_LOG_H
#define ROOKERY_STORE_ROCKSDB_LOG_H

#include "base/buf.h"
#include "base/err.h"

enum { LOG_FILES = 2, LOG_HEAD = 16, LOG_RECORD_MAX = 64 << 20 };

struct log {
    int dir, fd;
    unsigned file; /* of LOG_FILES */
    uint64_t number, salt;
    uint64_t end;     /* after the last record that counts */
    size_t allocated; /* bytes to have in advance */
    bool torn;        /* a write failed: something may stand after `end` */
};

/* The log after `before` (NULL: after log number `number - 1`, of which nothing is needed), in file `file`, which must not hold anything
 * that is needed. On failure `out` is not changed. */
must_use bool log_begin(struct log *out, int dir, unsigned file, uint64_t number, const struct log *before, size_t allocate);
void log_end(struct log *l);

/* Writes a record and syncs it. `record` begins with LOG_HEAD bytes for the record's own head, the content follows. False: it does
 * not count, and nothing may be appended before log_cut has succeeded. */
must_use bool log_append(struct log *l, struct buf *record);
/* Makes sure that nothing after `end` can ever count. */
must_use bool log_cut(struct log *l);

/* Reads the logs in order: calls `record` with each record's content, which lives until log_replay returns. */
struct log_replay {
    enum err (*record)(void *ctx, struct str content);
    void *ctx;
    uint64_t newest; /* answer: the greatest log number; 0: there is no log */
};
must_use enum err log_replay(int dir, struct log_replay *r, struct fault *f);

#endif
