#include "engine/sync/token.h"

#include "base/varint.h"
#include "crypto/crypto.h"
#include "engine/room/event.h"

enum { BYTES_MAX = 1 + 8 + VARINT_MAX * CLUSTER_SLOTS };

struct str sync_token_write(struct arena *a, const struct sync_token *t, struct str history)
{
    char bytes[BYTES_MAX], *at = bytes;
    *at++ = CLUSTER_SLOTS;
    for (unsigned i = 0; i < 8; i++)
        *at++ = (char)(t->some >> (8 * i));
    for (unsigned i = 0; i < CLUSTER_SLOTS; i++)
        if (t->some >> i & 1) at = varint_put(at, (uint64_t)t->position[i]);
    struct str text = base64_encode(a, str_make(bytes, (size_t)(at - bytes)), true);
    return arena_printf(a, "s1_%.*s_%.*s", STR_FMT(history), STR_FMT(text));
}

static enum err broken(struct fault *f)
{
    return fault_set(f, ERR_INVALID_PARAM, "That is no token of this server. Leave it out to begin afresh.");
}

static enum err read_positions(struct str in, struct sync_token *out, struct fault *f)
{
    if (in.n < 9 || (unsigned char)in.p[0] != CLUSTER_SLOTS) return broken(f);
    for (unsigned i = 0; i < 8; i++)
        out->some |= (uint64_t)(unsigned char)in.p[1 + i] << (8 * i);
    in = str_from(in, 9);
    for (unsigned i = 0; i < CLUSTER_SLOTS; i++) {
        uint64_t v;
        if (!(out->some >> i & 1)) continue;
        if (!varint_take(&in, &v) || v >> 43) return broken(f);
        out->position[i] = (int64_t)v;
    }
    return in.n == 0 ? ERR_OK : broken(f);
}

enum err sync_token_read(struct str text, struct str history, struct sync_token *out, bool *stale, struct fault *f)
{
    *out = (struct sync_token){0};
    *stale = false;
    if (text.n < 3 + 16 + 1 || text.n > 1200 || !str_starts(text, STR("s1_")) || text.p[19] != '_') return broken(f);
    struct arena a;
    struct str bytes;
    arena_init(&a);
    enum err e = base64_decode(&a, str_from(text, 20), true, &bytes) ? read_positions(bytes, out, f) : broken(f);
    arena_release(&a);
    if (e == ERR_OK) *stale = !str_eq(str_make(text.p + 3, 16), history);
    return e;
}

void sync_token_pack(struct packed_token **kept, const struct sync_token *t)
{
    unsigned n = 0, had = *kept ? (unsigned)__builtin_popcountll((*kept)->some) : 0, count = (unsigned)__builtin_popcountll(t->some);
    if (!*kept || had != count) {
        mem_free(*kept);
        *kept = mem_alloc(sizeof **kept + count * sizeof(*kept)->position[0]);
    }
    (*kept)->some = t->some;
    for (uint64_t bits = t->some; bits; bits &= bits - 1)
        (*kept)->position[n++] = t->position[__builtin_ctzll(bits)];
}

struct sync_token sync_token_unpack(const struct packed_token *p)
{
    struct sync_token t = {.some = p->some};
    unsigned n = 0;
    for (uint64_t bits = p->some; bits; bits &= bits - 1)
        t.position[__builtin_ctzll(bits)] = p->position[n++];
    return t;
}

bool packed_token_is(const struct packed_token *p, const struct sync_token *t)
{
    unsigned n = 0;
    if (p->some != t->some) return false;
    for (uint64_t bits = p->some; bits; bits &= bits - 1)
        if (p->position[n++] != t->position[__builtin_ctzll(bits)]) return false;
    return true;
}

struct str place_token_write(struct arena *a, int64_t ord)
{
    return arena_printf(a, "t%lld", (long long)ord);
}

enum err place_token_read(struct str text, struct str history, unsigned room_slot, int64_t *ord, struct fault *f)
{
    if (text.n > 1 && text.p[0] == 't') {
        if (str_to_int64(str_from(text, 1), ord) && *ord >= 0) return ERR_OK;
        return broken(f);
    }
    struct sync_token t;
    bool stale;
    enum err e = sync_token_read(text, history, &t, &stale, f);
    if (e == ERR_OK && stale) return broken(f);
    if (e == ERR_OK) *ord = ord_last_of_position(sync_token_at(&t, room_slot));
    return e;
}
