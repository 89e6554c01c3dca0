#include "blob/blob.h"

bool blob_hash_ok(struct str hash)
{
    if (hash.n != BLOB_HASH_LEN) return false;
    for (size_t i = 0; i < hash.n; i++)
        if (!(hash.p[i] >= '0' && hash.p[i] <= '9') && !(hash.p[i] >= 'a' && hash.p[i] <= 'f')) return false;
    return true;
}

enum err blob_put(struct blobs *s, struct str content, struct blob_hash *out, struct fault *f)
{
    struct blob_writer *w;
    enum err e = blob_begin(s, &w, f);
    if (e) return e;
    e = blob_write(w, content, f);
    if (e) {
        blob_abort(w);
        return e;
    }
    return blob_commit(w, out, NULL, f);
}

static enum err read_all(struct blob_reader *r, char *p, size_t n, struct fault *f)
{
    size_t got = 0;
    enum err e = blob_read(r, 0, p, n, &got, f);
    if (e == ERR_OK && got != n) return fault_set(f, ERR_STORAGE, "A stored file is shorter than it was.");
    return e;
}

enum err blob_get(struct blobs *s, struct str hash, size_t max, struct arena *a, struct str *out, struct fault *f)
{
    struct blob_reader *r;
    uint64_t size = 0;
    enum err e = blob_open(s, hash, &r, &size, f);
    if (e) return e;
    if (size > max) {
        blob_close(r);
        return fault_set(f, ERR_TOO_LARGE, "The content has %llu bytes; at most %zu are taken here.", (unsigned long long)size, max);
    }
    char *p = arena_alloc(a, (size_t)size + 1);
    e = read_all(r, p, (size_t)size, f);
    blob_close(r);
    p[size] = 0;
    *out = str_make(p, (size_t)size);
    return e;
}
