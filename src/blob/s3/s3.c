#include "blob/s3/s3.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/log.h"
#include "base/random.h"
#include "blob/s3/transfer.h"
#include "blob/spool.h"

enum { WINDOW = 256 * 1024, BUCKET_MAX = 63, HTTP_OK = 200, HTTP_FORBIDDEN = 403, HTTP_NOT_FOUND = 404, HTTP_BEYOND = 416 };

struct s3 {
    struct blobs blobs;
    struct transfers *transfers;
    int spool;
};

struct reader {
    struct blob_reader r;
    struct blob_hash hash;
    uint64_t size, at; /* `at`: where in the blob the window begins */
    struct buf window;
};

struct key {
    char text[BLOB_HASH_LEN + 4];
};

static struct s3 *s3_of(struct blobs *s)
{
    return (struct s3 *)(void *)s;
}
static struct reader *reader_of(struct blob_reader *r)
{
    return (struct reader *)(void *)r;
}

static struct key key_of(struct str hash)
{
    struct key k;
    snprintf(k.text, sizeof k.text, "%.2s/%.*s", hash.p, BLOB_HASH_LEN, hash.p);
    return k;
}

/* Of an answer; NOT_FOUND is the object's, not the bucket's. */
static enum err judge(const struct transfer *t, const char *what, struct fault *f)
{
    if (t->status / 100 == 2) return ERR_OK;
    if (t->status == HTTP_NOT_FOUND && strcmp(t->why, "NoSuchBucket") != 0) return ERR_NOT_FOUND;
    log_event(LOG_ERROR, "blob", "failed", "what=%s status=%ld error=\"%s\"", what, t->status, t->why);
    return fault_set(f, ERR_STORAGE, "The server cannot reach its stored files at the moment.");
}

/* --- writing --- */

/* A file without a name. Not every file system knows that (NFS, 9p): there it has one for a moment. */
static int nameless(int folder)
{
    int fd = openat(folder, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd >= 0) return fd;
    char name[32];
    snprintf(name, sizeof name, ".tmp-%016llx", (unsigned long long)random_u64());
    fd = openat(folder, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd >= 0) unlinkat(folder, name, 0);
    return fd;
}

static enum err spool_file_make(struct spool *spool, struct fault *f)
{
    spool->fd = nameless(s3_of(spool->w.blobs)->spool);
    return spool->fd < 0 ? blob_io_fault(f, "create") : ERR_OK;
}

static void spool_file_drop(struct spool *spool)
{
    close(spool->fd);
    spool->fd = -1;
}

static enum err s3_begin(struct blobs *s, struct blob_writer **out, struct fault *f)
{
    (void)f;
    struct spool *spool = mem_zero(sizeof *spool);
    spool_init(spool, s, spool_file_make, spool_file_drop);
    *out = &spool->w;
    return ERR_OK;
}

struct end_job {
    struct spool *spool;
    struct blob_hash *out;
    enum err err;
};

static void end_run(void *arg)
{
    struct end_job *j = arg;
    j->err = spool_end(j->spool, j->out);
}

static enum err put(const struct spool *spool, const struct blob_hash *hash, struct fault *f)
{
    struct key key = key_of(blob_hash_str(hash));
    struct transfer t = {.verb = TRANSFER_PUT, .key = key.text, .fd = spool->fd, .size = spool->size, .sha256 = hash->hex};
    transfer_run(s3_of(spool->w.blobs)->transfers, &t);
    enum err e = judge(&t, "put", f);
    /* Nothing can be missing but the way to it. */
    return e == ERR_NOT_FOUND ? fault_set(f, ERR_STORAGE, "The server cannot store files at the moment.") : e;
}

static enum err s3_commit(struct blob_writer *w, struct blob_hash *out, uint64_t *size, struct fault *f)
{
    struct spool *spool = (struct spool *)(void *)w;
    struct end_job j = {.spool = spool, .out = out, .err = spool->failed.code};
    if (!j.err) blob_off_loop(end_run, &j);
    enum err e = j.err ? spool_failed(spool, f) : put(spool, out, f);
    if (size) *size = spool->size;
    spool_abort(w);
    return e;
}

/* --- reading --- */

/* Whether the answer can be of the same object as those before, and of this hash. */
static bool fits(const struct reader *r, uint64_t at, uint64_t total)
{
    return at == 0 ? total > 0 || str_is(blob_hash_str(&r->hash), SHA256_OF_NOTHING) : total == r->size;
}

/* Fills the window from `at` on. An empty object has no range at all. */
static enum err fetch(struct reader *r, uint64_t at, struct fault *f)
{
    struct key key = key_of(blob_hash_str(&r->hash));
    struct transfer t = {.verb = TRANSFER_GET, .key = key.text, .from = at, .into = &r->window};
    transfer_run(s3_of(r->r.blobs)->transfers, &t);
    r->at = at;
    if (at == 0 && t.status == HTTP_BEYOND && fits(r, 0, 0)) t = (struct transfer){.status = HTTP_OK};
    if (t.status / 100 == 2 && !fits(r, at, t.total)) t = (struct transfer){.why = "it answers with another object's bytes"};
    enum err e = judge(&t, "get", f);
    if (e) buf_clear(&r->window);
    if (e == ERR_OK && at == 0) r->size = t.total;
    return e;
}

static void s3_close_reader(struct blob_reader *b)
{
    buf_release(&reader_of(b)->window);
    mem_free(b);
}

static enum err s3_open(struct blobs *s, struct str hash, struct blob_reader **out, uint64_t *size, struct fault *f)
{
    if (!blob_hash_ok(hash)) return ERR_NOT_FOUND;
    struct reader *r = mem_zero(sizeof *r);
    r->r.blobs = s;
    memcpy(r->hash.hex, hash.p, BLOB_HASH_LEN);
    buf_init(&r->window, WINDOW);
    enum err e = fetch(r, 0, f);
    if (e) {
        s3_close_reader(&r->r);
        return e;
    }
    *out = &r->r;
    *size = r->size;
    return ERR_OK;
}

/* How much of the window lies behind `at`. */
static size_t at_hand(const struct reader *r, uint64_t at)
{
    return at >= r->at && at - r->at < r->window.n ? r->window.n - (size_t)(at - r->at) : 0;
}

static enum err s3_read(struct blob_reader *b, uint64_t at, char *out, size_t n, size_t *got, struct fault *f)
{
    struct reader *r = reader_of(b);
    *got = 0;
    while (*got < n && at < r->size) {
        size_t here = at_hand(r, at);
        if (!here) {
            enum err e = fetch(r, at, f);
            here = at_hand(r, at);
            if (e == ERR_NOT_FOUND || (!e && !here)) return fault_set(f, ERR_STORAGE, "A stored file is not there any more.");
            if (e) return e;
        }
        if (here > n - *got) here = n - *got;
        memcpy(out + *got, r->window.p + (at - r->at), here);
        *got += here;
        at += here;
    }
    return ERR_OK;
}

/* --- the rest --- */

static enum err ask(struct blobs *s, enum transfer_verb verb, struct str hash, const char *what, struct fault *f)
{
    if (!blob_hash_ok(hash)) return ERR_NOT_FOUND;
    struct key key = key_of(hash);
    struct transfer t = {.verb = verb, .key = key.text};
    transfer_run(s3_of(s)->transfers, &t);
    return judge(&t, what, f);
}

static enum err s3_exists(struct blobs *s, struct str hash, struct fault *f)
{
    return ask(s, TRANSFER_HEAD, hash, "look", f);
}

static enum err s3_del(struct blobs *s, struct str hash, struct fault *f)
{
    enum err e = ask(s, TRANSFER_DELETE, hash, "delete", f);
    return e == ERR_NOT_FOUND ? ERR_OK : e;
}

static void s3_close(struct blobs *s)
{
    if (s3_of(s)->transfers) transfers_free(s3_of(s)->transfers);
    if (s3_of(s)->spool >= 0) close(s3_of(s)->spool);
    mem_free(s);
}

static const struct blobs_ops ops = {
    .name = "s3",
    .begin = s3_begin,
    .write = spool_write,
    .commit = s3_commit,
    .abort = spool_abort,
    .open = s3_open,
    .read = s3_read,
    .close_reader = s3_close_reader,
    .exists = s3_exists,
    .del = s3_del,
    .close = s3_close,
};

/* --- opening --- */

static bool is_bucket(struct str name)
{
    for (size_t i = 0; i < name.n; i++)
        if (!(name.p[i] >= 'a' && name.p[i] <= 'z') && !(name.p[i] >= '0' && name.p[i] <= '9') && name.p[i] != '.' && name.p[i] != '-')
            return false;
    return name.n >= 3 && name.n <= BUCKET_MAX;
}

static enum err read_url(struct str text, struct url *u, struct fault *f)
{
    enum err e = url_parse(text, u, f);
    if (e) return e;
    if (strcmp(u->scheme, "https") != 0 && strcmp(u->scheme, "http") != 0)
        return fault_set(f, ERR_INVALID_PARAM, "it does not begin with https:// or http://");
    if (!*u->user || !*u->password) return fault_set(f, ERR_INVALID_PARAM, "it has no key; write https://KEY:SECRET@HOST/BUCKET");
    if (!is_bucket(str_c(u->path)))
        return fault_set(f, ERR_INVALID_PARAM,
                         "what stands behind the host is no bucket: 3 to 63 of a-z, 0-9, '.' and '-', and no other folder");
    return ERR_OK;
}

enum err blobs_s3_check_url(struct str url, struct fault *f)
{
    struct url u;
    enum err e = read_url(url, &u, f);
    mem_wipe(&u, sizeof u);
    return e;
}

static enum err look_for_bucket(struct s3 *s, struct fault *f)
{
    struct transfer t = {.verb = TRANSFER_HEAD, .key = ""};
    transfer_run(s->transfers, &t);
    if (t.status / 100 == 2) return ERR_OK;
    if (t.status == HTTP_NOT_FOUND)
        return fault_set(f, ERR_INVALID_PARAM, "[media] url: there is no such bucket; make it, the server does not.");
    if (t.status == HTTP_FORBIDDEN)
        return fault_set(f, ERR_INVALID_PARAM,
                         "[media] url: the storage refuses key or secret, or the key may not use this bucket (or [media] region is "
                         "another, or this machine's clock is wrong).");
    if (t.status / 100 == 3 || t.status / 100 == 4)
        return fault_set(f, ERR_INVALID_PARAM, "[media] url: the storage answers %ld; is the bucket in [media] region?", t.status);
    log_event(LOG_WARN, "blob", "the storage of uploaded files does not answer; files cannot be stored or read until it does",
              "setting=media.url status=%ld error=\"%s\"", t.status, t.why);
    return ERR_OK;
}

static enum err open_parts(struct s3 *s, const struct blobs_s3_config *c, struct fault *f)
{
    struct url u;
    struct fault why;
    enum err e = read_url(c->url, &u, &why);
    if (e)
        e = fault_set(f, e, "[media] url: %s", why.text);
    else
        e = transfers_new(&(struct transfers_config){&u, c->region, c->ca_file}, &s->transfers, f);
    mem_wipe(&u, sizeof u);
    if (e) return e;
    s->spool = open(c->spool, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int tried = s->spool < 0 ? -1 : nameless(s->spool);
    if (tried < 0) return fault_set(f, ERR_STORAGE, "[store] path: no file for an unfinished upload can be made in %.150s: %m.", c->spool);
    close(tried);
    return look_for_bucket(s, f);
}

enum err blobs_s3_open(const struct blobs_s3_config *c, struct blobs **out, struct fault *f)
{
    struct s3 *s = mem_zero(sizeof *s);
    s->blobs.ops = &ops;
    s->spool = -1;
    enum err e = open_parts(s, c, f);
    if (e)
        s3_close(&s->blobs);
    else
        *out = &s->blobs;
    return e;
}
