#include "store/rocksdb/front.h"

#include <sys/mman.h>

/* --- rows --- */

enum { LEAF = 64 };
struct leaf {
    size_t n;
    struct front_row row[LEAF];
};

void rows_release(struct rows *r)
{
    for (size_t i = 0; i < r->count; i++)
        mem_free(r->leaf[i]);
    mem_free(r->leaf);
    *r = (struct rows){0};
}

static bool less(const struct front_row *r, struct str key)
{
    return str_cmp(front_key(r), key) < 0;
}

/* The first leaf whose last row is >= key; count: none. */
static size_t leaf_for(const struct rows *r, struct str key)
{
    size_t low = 0, high = r->count;
    while (low < high) {
        size_t mid = (low + high) / 2;
        const struct leaf *l = r->leaf[mid];
        if (less(&l->row[l->n - 1], key))
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

static size_t row_for(const struct leaf *l, struct str key)
{
    size_t low = 0, high = l->n;
    while (low < high) {
        size_t mid = (low + high) / 2;
        if (less(&l->row[mid], key))
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

static struct leaf *leaf_insert(struct rows *r, size_t at)
{
    if (r->count == r->cap) {
        r->cap = r->cap ? r->cap * 2 : 4;
        r->leaf = mem_resize(r->leaf, r->cap, sizeof *r->leaf);
    }
    memmove(r->leaf + at + 1, r->leaf + at, (r->count - at) * sizeof *r->leaf);
    r->count++;
    r->leaf[at] = mem_alloc(sizeof **r->leaf);
    r->leaf[at]->n = 0;
    return r->leaf[at];
}

/* Rows that come in order (a room's timeline) leave full leaves behind, others half-full ones. */
static void split(struct rows *r, size_t at, size_t keep)
{
    struct leaf *right = leaf_insert(r, at + 1), *left = r->leaf[at];
    right->n = left->n - keep;
    memcpy(right->row, left->row + keep, right->n * sizeof *right->row);
    left->n = keep;
}

void rows_put(struct rows *r, const struct front_row *row)
{
    struct str key = front_key(row);
    size_t i = leaf_for(r, key), at;
    if (r->count == 0) leaf_insert(r, 0);
    if (i == r->count) i--; /* after all others */
    at = row_for(r->leaf[i], key);
    if (at < r->leaf[i]->n && str_eq(front_key(&r->leaf[i]->row[at]), key)) {
        r->leaf[i]->row[at] = *row;
        return;
    }
    if (r->leaf[i]->n == LEAF) {
        size_t keep = at == LEAF ? LEAF - 1 : LEAF / 2;
        split(r, i, keep);
        if (at > keep) {
            at -= keep;
            i++;
        }
    }
    struct leaf *l = r->leaf[i];
    memmove(l->row + at + 1, l->row + at, (l->n - at) * sizeof *l->row);
    l->row[at] = *row;
    l->n++;
}

static const struct front_row *here(const struct walk *w)
{
    return &w->rows->leaf[w->leaf]->row[w->at];
}

const struct front_row *rows_from(const struct rows *r, struct str key, struct walk *w)
{
    *w = (struct walk){.rows = r, .leaf = leaf_for(r, key)};
    if (w->leaf == r->count) return NULL;
    w->at = row_for(r->leaf[w->leaf], key);
    return here(w);
}

const struct front_row *rows_before(const struct rows *r, struct str key, struct walk *w)
{
    *w = (struct walk){.rows = r, .leaf = leaf_for(r, key)};
    if (w->leaf < r->count) w->at = row_for(r->leaf[w->leaf], key);
    return rows_prev(w);
}

const struct front_row *rows_next(struct walk *w)
{
    if (++w->at < w->rows->leaf[w->leaf]->n) return here(w);
    w->at = 0;
    return ++w->leaf < w->rows->count ? here(w) : NULL;
}

const struct front_row *rows_prev(struct walk *w)
{
    if (w->at == 0) {
        if (w->leaf == 0) return NULL;
        w->at = w->rows->leaf[--w->leaf]->n;
    }
    w->at--;
    return here(w);
}

/* --- the front --- */

/* Mapped, not allocated: what a settled front held goes back to the system at once. */
struct chunk {
    struct chunk *next;
    size_t size;
};
enum { CHUNK = 1 << 20 };

struct front *front_new(uint64_t generation)
{
    struct front *f = mem_zero(sizeof *f);
    f->generation = generation;
    return f;
}

void front_free(struct front *f)
{
    if (!f) return;
    for (unsigned i = 0; i < STORE_SLOTS; i++)
        rows_release(&f->rows[i]);
    while (f->chunks) {
        struct chunk *c = f->chunks;
        f->chunks = c->next;
        munmap(c, c->size);
    }
    mem_free(f);
}

char *front_bytes(struct front *f, size_t n)
{
    if ((size_t)(f->end - f->at) < n) {
        size_t size = n > CHUNK - sizeof(struct chunk) ? n + sizeof(struct chunk) : CHUNK;
        struct chunk *c = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (c == MAP_FAILED) abort(); /* out of memory, as in mem_alloc */
        *c = (struct chunk){.next = f->chunks, .size = size};
        f->chunks = c;
        f->at = (char *)(c + 1);
        f->end = (char *)c + size;
    }
    char *p = f->at;
    f->at += n;
    f->bytes += n;
    return p;
}
