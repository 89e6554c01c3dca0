/* The store on one machine: RocksDB, with one thread that commits what all slots have queued as one synced write.
 *
 * A full or failing disk: the batches of the failed write get ERR_STORAGE, and so do all that come later, until the store has
 * found that the disk takes writes again and has opened the database afresh; it looks twice a second. Reads go on meanwhile. What
 * a failed write left in the log is cut off, so that no restart can bring it back. */
#ifndef ROOKERY_STORE_ROCKSDB_ROCKSDB_H
#define ROOKERY_STORE_ROCKSDB_ROCKSDB_H

#include "store/store.h"

struct store_rocksdb_config {
    size_t cache_bytes;        /* blocks kept in memory; 0: 8 MiB */
    size_t write_buffer_bytes; /* memory before rows go to a table file, and so what a start after a crash has to replay; 0: 16 MiB */
};

/* Opens the store in `path`, or makes one there if the directory is absent or empty. `config` may be NULL. On failure `f` says
 * in a sentence what stands in the way: another server, a newer format, another number of slots, a broken file. */
must_use enum err store_rocksdb_open(const char *path, const struct store_rocksdb_config *config, struct store **out, struct fault *f);

/* Copies the backup in `from` into `to` (absent or empty) and begins a new history there (meta `history`, 16 hex digits). A
 * half-made copy is refused when it is opened. */
must_use enum err store_rocksdb_restore(const char *from, const char *to, struct fault *f);

#endif
