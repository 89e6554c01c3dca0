#include "store/rocksdb/front.h"

#include <endian.h>
#include <sys/mman.h>

/* --- rows --- */

/* A search that looks at the bytes of each key it meets waits for memory each time. So eight bytes of each key stand side by side as
 * numbers, the heads: those behind the bytes that all keys of the leaf have in common, which are most of them where a leaf holds rows
 * of one room and table. Only where heads are equal the keys decide. */
enum { LEAF = 64 };
struct leaf {
    size_t n, common;
    uint64_t head[LEAF];
    struct front_row row[LEAF];
};

/* A leaf and the last of its keys, with the head that this has among all. */
struct branch {
    uint64_t head;
    struct str last;
    struct leaf *leaf;
};

void rows_release(struct rows *r)
{
    for (size_t i = 0; i < r->count; i++)
        mem_free(r->branch[i].leaf);
    mem_free(r->branch);
    *r = (struct rows){0};
}

/* Where it is less the key is less, too. Bytes that a key does not have count as 0. */
static uint64_t head_of(struct str key, size_t common)
{
    uint64_t head = 0;
    if (key.n >= common + sizeof head)
        memcpy(&head, key.p + common, sizeof head);
    else if (key.n > common)
        memcpy(&head, key.p + common, key.n - common);
    return be64toh(head);
}

static bool less(uint64_t head, struct str key, uint64_t than_head, struct str than)
{
    return head != than_head ? head < than_head : str_cmp(key, than) < 0;
}

/* The first leaf whose last row is >= key; count: none. */
static size_t leaf_for(const struct rows *r, struct str key)
{
    size_t low = 0, high = r->count;
    uint64_t head = head_of(key, 0);
    while (low < high) {
        size_t mid = (low + high) / 2;
        if (less(r->branch[mid].head, r->branch[mid].last, head, key))
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

/* The first row >= key; `exact`: it has that key. What all keys have in common is looked at in the last one, which leaf_for has just seen. */
static size_t row_for(const struct branch *b, struct str key, bool *exact)
{
    const struct leaf *l = b->leaf;
    size_t low = 0, high = l->n;
    int c = str_cmp(str_first(key, l->common), str_first(b->last, l->common));
    *exact = false;
    if (c) return c < 0 ? 0 : l->n;
    uint64_t head = head_of(key, l->common);
    while (low < high) {
        size_t mid = (low + high) / 2;
        if (less(l->head[mid], front_key(&l->row[mid]), head, key))
            low = mid + 1;
        else
            high = mid;
    }
    *exact = low < l->n && l->head[low] == head && str_eq(front_key(&l->row[low]), key);
    return low;
}

static size_t common_bytes(struct str a, struct str b)
{
    size_t n = 0, most = a.n < b.n ? a.n : b.n;
    while (n < most && a.p[n] == b.p[n])
        n++;
    return n;
}

static void set_common(struct leaf *l, size_t common)
{
    l->common = common;
    for (size_t i = 0; i < l->n; i++)
        l->head[i] = head_of(front_key(&l->row[i]), common);
}

/* After a change of which rows it has. Heads that are all equal do not serve. */
static void settle_leaf(struct branch *b)
{
    struct leaf *l = b->leaf;
    b->last = front_key(&l->row[l->n - 1]);
    if (l->head[0] == l->head[l->n - 1]) set_common(l, common_bytes(front_key(l->row), b->last));
    b->head = head_of(b->last, 0);
}

static struct leaf *leaf_insert(struct rows *r, size_t at)
{
    if (r->count == r->cap) {
        r->cap = r->cap ? r->cap * 2 : 4;
        r->branch = mem_resize(r->branch, r->cap, sizeof *r->branch);
    }
    memmove(r->branch + at + 1, r->branch + at, (r->count - at) * sizeof *r->branch);
    r->count++;
    struct leaf *l = mem_alloc(sizeof *l);
    l->n = l->common = 0;
    r->branch[at] = (struct branch){.leaf = l};
    return l;
}

static void split(struct rows *r, size_t at, size_t keep)
{
    struct leaf *right = leaf_insert(r, at + 1), *left = r->branch[at].leaf;
    right->n = left->n - keep;
    right->common = left->common;
    memcpy(right->head, left->head + keep, right->n * sizeof *right->head);
    memcpy(right->row, left->row + keep, right->n * sizeof *right->row);
    left->n = keep;
    settle_leaf(&r->branch[at]);
    settle_leaf(&r->branch[at + 1]);
}

static void row_insert(struct branch *b, size_t at, const struct front_row *row)
{
    struct leaf *l = b->leaf;
    struct str key = front_key(row), common = l->n ? str_first(b->last, l->common) : key;
    if (l->n == 0 || !str_starts(key, common)) set_common(l, common_bytes(key, common));
    memmove(l->head + at + 1, l->head + at, (l->n - at) * sizeof *l->head);
    memmove(l->row + at + 1, l->row + at, (l->n - at) * sizeof *l->row);
    l->head[at] = head_of(key, l->common);
    l->row[at] = *row;
    if (at < l->n++) return;
    b->last = key;
    b->head = head_of(key, 0);
}

/* Splits a full leaf. Rows in order leave full leaves behind, others half-full ones. Returns which leaf it is then, and sets *at. */
static size_t make_room(struct rows *r, size_t i, size_t *at)
{
    if (r->branch[i].leaf->n < LEAF) return i;
    size_t keep = *at == LEAF ? LEAF - 1 : LEAF / 2;
    split(r, i, keep);
    if (*at <= keep) return i;
    *at -= keep;
    return i + 1;
}

void rows_put(struct rows *r, const struct front_row *row)
{
    struct str key = front_key(row);
    size_t i = leaf_for(r, key);
    if (r->count == 0) leaf_insert(r, 0);
    if (i == r->count) i--; /* after all others */
    bool exact;
    size_t at = row_for(&r->branch[i], key, &exact);
    if (exact) {
        r->branch[i].leaf->row[at] = *row;
        return;
    }
    /* Between two leaves: what comes in order (a room's timeline) goes on where the rows before it are. */
    if (at == 0 && i > 0) at = r->branch[--i].leaf->n;
    i = make_room(r, i, &at);
    row_insert(&r->branch[i], at, row);
}

static const struct front_row *here(const struct walk *w)
{
    return &w->rows->branch[w->leaf].leaf->row[w->at];
}

const struct front_row *rows_from(const struct rows *r, struct str key, struct walk *w)
{
    bool exact;
    *w = (struct walk){.rows = r, .leaf = leaf_for(r, key)};
    if (w->leaf == r->count) return NULL;
    w->at = row_for(&r->branch[w->leaf], key, &exact);
    return here(w);
}

const struct front_row *rows_before(const struct rows *r, struct str key, struct walk *w)
{
    bool exact;
    *w = (struct walk){.rows = r, .leaf = leaf_for(r, key)};
    if (w->leaf < r->count) w->at = row_for(&r->branch[w->leaf], key, &exact);
    return rows_prev(w);
}

const struct front_row *rows_next(struct walk *w)
{
    if (++w->at < w->rows->branch[w->leaf].leaf->n) return here(w);
    w->at = 0;
    return ++w->leaf < w->rows->count ? here(w) : NULL;
}

const struct front_row *rows_prev(struct walk *w)
{
    if (w->at == 0) {
        if (w->leaf == 0) return NULL;
        w->at = w->rows->branch[--w->leaf].leaf->n;
    }
    w->at--;
    return here(w);
}

/* --- memory --- */

/* Mapped, not allocated, so that it does go back to the system when it is to. */
struct chunk {
    struct chunk *next;
    size_t size;
};
enum { CHUNK = 1 << 20 };

static void unmap_all(struct chunk *c)
{
    while (c) {
        struct chunk *next = c->next;
        munmap(c, c->size);
        c = next;
    }
}

void spare_init(struct spare *s)
{
    *s = (struct spare){0};
    pthread_mutex_init(&s->lock, NULL);
}

void spare_clear(struct spare *s)
{
    pthread_mutex_lock(&s->lock);
    struct chunk *all = s->chunks;
    s->chunks = NULL;
    pthread_mutex_unlock(&s->lock);
    unmap_all(all);
}

void spare_release(struct spare *s)
{
    spare_clear(s);
    pthread_mutex_destroy(&s->lock);
}

static struct chunk *spare_take(struct spare *s)
{
    pthread_mutex_lock(&s->lock);
    struct chunk *c = s->chunks;
    if (c) s->chunks = c->next;
    pthread_mutex_unlock(&s->lock);
    return c;
}

static void spare_give(struct spare *s, struct chunk *c)
{
    if (c->size != CHUNK) {
        munmap(c, c->size);
        return;
    }
    pthread_mutex_lock(&s->lock);
    c->next = s->chunks;
    s->chunks = c;
    pthread_mutex_unlock(&s->lock);
}

static void add_chunk(struct front *f, size_t n)
{
    size_t size = n > CHUNK - sizeof(struct chunk) ? n + sizeof(struct chunk) : CHUNK;
    struct chunk *c = size == CHUNK ? spare_take(f->spare) : NULL;
    if (!c) c = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (c == MAP_FAILED) abort(); /* out of memory, as in mem_alloc */
    *c = (struct chunk){.next = f->chunks, .size = size};
    f->chunks = c;
    f->at = (char *)(c + 1);
    f->end = (char *)c + size;
}

/* --- the front --- */

struct front *front_new(uint64_t generation, struct spare *spare)
{
    struct front *f = mem_zero(sizeof *f);
    f->generation = generation;
    f->spare = spare;
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
        spare_give(f->spare, c);
    }
    mem_free(f);
}

char *front_bytes(struct front *f, size_t n)
{
    if ((size_t)(f->end - f->at) < n) add_chunk(f, n);
    char *p = f->at;
    f->at += n;
    f->bytes += n;
    return p;
}
