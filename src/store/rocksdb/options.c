#include "store/rocksdb/priv.h"

enum { TABLES_TO_MERGE = 10, INFO_LOG_HEADER = 5 };

/* Rows of one room or one user share what key_prefix finds; filters over it spare range reads the files that have nothing of the room. */
static char *prefix_of(void *ctx, const char *key, size_t n, size_t *out)
{
    (void)ctx;
    *out = key_prefix(str_make(key, n));
    return (char *)(uintptr_t)key;
}

static unsigned char has_prefix(void *ctx, const char *key, size_t n)
{
    (void)ctx;
    return key_prefix(str_make(key, n)) > 0;
}

static unsigned char in_range(void *ctx, const char *key, size_t n)
{
    (void)ctx, (void)key, (void)n;
    return 0;
}

static const char *prefix_name(void *ctx)
{
    (void)ctx;
    return "rookery.first-cell";
}

static void nothing(void *ctx)
{
    (void)ctx;
}

/* Indexes and filters live in the cache, in small parts: memory stays what it is while the data grows. */
static void table_options(rocksdb_options_t *o, size_t cache_bytes)
{
    rocksdb_block_based_table_options_t *t = rocksdb_block_based_options_create();
    rocksdb_cache_t *cache = rocksdb_cache_create_lru(cache_bytes);
    rocksdb_block_based_options_set_block_cache(t, cache);
    rocksdb_block_based_options_set_block_size(t, 8192);
    rocksdb_block_based_options_set_format_version(t, 5);
    rocksdb_block_based_options_set_filter_policy(t, rocksdb_filterpolicy_create_bloom_full(10));
    rocksdb_block_based_options_set_whole_key_filtering(t, 1);
    rocksdb_block_based_options_set_index_type(t, rocksdb_block_based_table_index_type_two_level_index_search);
    rocksdb_block_based_options_set_partition_filters(t, 1);
    rocksdb_block_based_options_set_cache_index_and_filter_blocks(t, 1);
    rocksdb_block_based_options_set_cache_index_and_filter_blocks_with_high_priority(t, 1);
    rocksdb_block_based_options_set_pin_top_level_index_and_filter(t, 1);
    rocksdb_options_set_block_based_table_factory(o, t);
    rocksdb_block_based_options_destroy(t);
    rocksdb_cache_destroy(cache); /* the options hold it */
}

/* Only settings are written through RocksDB's own log. */
static void write_options(rocksdb_options_t *o)
{
    rocksdb_options_set_write_buffer_size(o, 256 << 10);
    rocksdb_options_set_max_write_buffer_number(o, 2);
    rocksdb_options_set_max_background_jobs(o, 2);
    rocksdb_options_set_allow_concurrent_memtable_write(o, 0);
    rocksdb_options_set_bytes_per_sync(o, 1 << 20);
    rocksdb_options_set_max_manifest_file_size(o, 4 << 20);
}

/* Tables of like size are merged, five or more at a time, when there are ten: among a million rows each is rewritten about once, where
 * levels would do it three times, and a room's rows are in not much more than ten tables. The price: a merge needs as much free disk
 * as what it merges. Measured with bench/micro/store. */
static void merge_options(rocksdb_options_t *o)
{
    rocksdb_universal_compaction_options_t *u = rocksdb_universal_compaction_options_create();
    rocksdb_universal_compaction_options_set_min_merge_width(u, 5);
    rocksdb_universal_compaction_options_set_max_size_amplification_percent(u, 400);
    rocksdb_options_set_compaction_style(o, rocksdb_universal_compaction);
    rocksdb_options_set_universal_compaction_options(o, u);
    rocksdb_universal_compaction_options_destroy(u);
    rocksdb_options_set_num_levels(o, 7);
    rocksdb_options_set_level0_file_num_compaction_trigger(o, TABLES_TO_MERGE);
    rocksdb_options_set_target_file_size_base(o, 64 << 20);
    rocksdb_options_set_compression(o, rocksdb_lz4_compression);
    rocksdb_options_compaction_readahead_size(o, 64 << 10); /* for each table of a merge */
    rocksdb_options_set_writable_file_max_buffer_size(o, 256 << 10);
}

static void start_options(rocksdb_options_t *o)
{
    rocksdb_options_set_create_if_missing(o, 1);
    rocksdb_options_set_max_open_files(o, 512);
    rocksdb_options_set_skip_stats_update_on_db_open(o, 1);
    rocksdb_options_set_skip_checking_sst_file_sizes_on_db_open(o, 1);
    rocksdb_options_set_stats_dump_period_sec(o, 0);
    rocksdb_options_set_stats_persist_period_sec(o, 0);
    /* Its own log gets a head when the database is opened and no line later: RocksDB, as Debian builds it, aborts at the second line
     * that a full disk refuses. */
    rocksdb_options_set_info_log_level(o, INFO_LOG_HEADER);
    rocksdb_options_set_keep_log_file_num(o, 2);
    rocksdb_options_set_avoid_unnecessary_blocking_io(o, 1); /* loops must not delete files */
    rocksdb_options_set_is_fd_close_on_exec(o, 1);
}

void options_init(struct options *o, const struct store_rocksdb_config *config)
{
    size_t cache = config && config->cache_bytes ? config->cache_bytes : 8u << 20;
    o->front_bytes = config && config->write_buffer_bytes ? config->write_buffer_bytes : 16u << 20;
    o->db = rocksdb_options_create();
    start_options(o->db);
    write_options(o->db);
    merge_options(o->db);
    table_options(o->db, cache);
    rocksdb_options_set_prefix_extractor(o->db, rocksdb_slicetransform_create(NULL, nothing, prefix_of, has_prefix, in_range, prefix_name));
    o->write = rocksdb_writeoptions_create();
    rocksdb_writeoptions_set_sync(o->write, 1);
}

void options_release(struct options *o)
{
    rocksdb_writeoptions_destroy(o->write);
    rocksdb_options_destroy(o->db);
}
