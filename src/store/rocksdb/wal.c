/* The tail of RocksDB's log after a failed write.
 *
 * When the write or the sync of a commit fails, its bytes may be in the log all the same, and the next start would apply what was
 * reported as not written. So they are cut off. The log is blocks of 32 KiB with fragments: checksum (4 bytes), length (2), type (1),
 * data; a write's data begins with its sequence number (8 bytes, least significant first). */
#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include "store/rocksdb/priv.h"

enum { BLOCK = 32768, HEADER = 7, FULL = 1, FIRST = 2, MIDDLE = 3, LAST = 4 };

struct scanner {
    uint64_t sequence; /* cut what is greater */
    off_t start;       /* where the current write begins */
    unsigned have;     /* bytes of its number seen so far */
    uint64_t number;
};

static void number_add(struct scanner *s, const unsigned char *p, size_t n)
{
    for (size_t i = 0; i < n && s->have < 8; i++, s->have++)
        s->number |= (uint64_t)p[i] << 8 * s->have;
}

enum scan_end { SCAN_ON, SCAN_END, SCAN_CUT, SCAN_UNKNOWN };

/* A torn fragment ends the scan: RocksDB passes over it. */
static enum scan_end scan_block(struct scanner *s, const unsigned char *b, size_t n, off_t at)
{
    for (size_t pos = 0; pos + HEADER <= n;) {
        size_t len = b[pos + 4] | (size_t)b[pos + 5] << 8;
        unsigned type = b[pos + 6];
        if (type == 0 && len == 0) return SCAN_END;
        if (type < FULL || type > LAST) return SCAN_UNKNOWN;
        if (type == FULL || type == FIRST) {
            s->start = at + (off_t)pos;
            s->have = 0;
            s->number = 0;
        }
        bool torn = len > n - pos - HEADER;
        number_add(s, b + pos + HEADER, torn ? n - pos - HEADER : len);
        if (s->have == 8 && s->number > s->sequence) return SCAN_CUT;
        if (torn) return SCAN_END;
        pos += HEADER + len;
    }
    return n < BLOCK ? SCAN_END : SCAN_ON;
}

static bool cut(int fd, uint64_t sequence)
{
    struct scanner s = {.sequence = sequence};
    unsigned char *block = mem_alloc(BLOCK);
    enum scan_end end = SCAN_ON;
    for (off_t at = 0; end == SCAN_ON; at += BLOCK) {
        ssize_t n = pread(fd, block, BLOCK, at);
        end = n < 0 ? SCAN_UNKNOWN : scan_block(&s, block, (size_t)n, at);
    }
    mem_free(block);
    if (end == SCAN_END) return true;
    return end == SCAN_CUT && ftruncate(fd, s.start) == 0 && fsync(fd) == 0;
}

/* The number of the newest log; 0: there is none; -1: the directory cannot be read. */
static int64_t newest(const char *path)
{
    DIR *d = opendir(path);
    if (!d) return -1;
    int64_t best = 0;
    for (struct dirent *e; (e = readdir(d));) {
        struct str name = str_c(e->d_name);
        int64_t n;
        if (!str_ends(name, STR(".log")) || !str_to_int64(str_first(name, name.n - 4), &n)) continue;
        if (n > best) best = n;
    }
    closedir(d);
    return best;
}

bool wal_cut(const char *path, uint64_t sequence)
{
    int64_t number = newest(path);
    if (number <= 0) return number == 0;
    struct buf file;
    buf_init(&file, 8192);
    buf_printf(&file, "%s/%06lld.log", path, (long long)number);
    buf_byte(&file, 0);
    int fd = buf_ok(&file) ? open(file.p, O_RDWR | O_CLOEXEC) : -1;
    buf_release(&file);
    if (fd < 0) return false;
    bool ok = cut(fd, sequence);
    return close(fd) == 0 && ok;
}
