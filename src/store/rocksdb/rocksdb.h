/* The store on one machine: a log of commits, an ordered memory of what is in it, and RocksDB for what is older (priv.h tells how).
 * One thread commits what all slots have queued as one synced write.
 *
 * A full or failing disk: the batches of the failed write get ERR_FULL or ERR_STORAGE, and so do later ones until the disk takes writes again; no
 * restart is needed. What a failed write left in the log is cut off before its batches are answered, so that no later start can
 * bring back what was reported as not written; if even the cut fails, nothing is accepted until it succeeds. Reads go on. */
#ifndef ROOKERY_STORE_ROCKSDB_ROCKSDB_H
#define ROOKERY_STORE_ROCKSDB_ROCKSDB_H

#include "store/store.h"

struct store_rocksdb_config {
    size_t cache_bytes;        /* blocks kept in memory; 0: 8 MiB */
    size_t write_buffer_bytes; /* rows kept in memory before they go to a table file, and so what a start after a crash has to
                                * replay; twice that while one is written; 0: 16 MiB */
};

/* Opens the store in `path`, or makes one there if the directory is absent or empty. `config` may be NULL. On failure `f` says
 * in a sentence what stands in the way: another server, a newer format, another number of slots, a broken file. */
must_use enum err store_rocksdb_open(const char *path, const struct store_rocksdb_config *config, struct store **out, struct fault *f);

/* Copies the backup in `from` into `to` (absent or empty) and begins a new history there (meta `history`, 16 hex digits). A
 * half-made copy is refused when it is opened. */
must_use enum err store_rocksdb_restore(const char *from, const char *to, struct fault *f);

#endif
