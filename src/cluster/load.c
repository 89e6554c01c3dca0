/* What an owner has to know of a slot before it serves it. Asked for at once, and while the records that the store has not yet come in: so an
 * opening waits for the store twice at most (where it stands; this), and mostly not a second time. */
#include "cluster/cluster_priv.h"
#include "store/wait.h"

enum { LOAD_LETTERS_IN, LOAD_LETTERS_OUT, LOAD_ANSWERS };

void load_begin(struct slot *s, struct load *l)
{
    static const enum table tables[LOADS] = {
        [LOAD_LETTERS_IN] = T_letter_in, [LOAD_LETTERS_OUT] = T_letter_out, [LOAD_ANSWERS] = T_answered};
    arena_init(&l->arena);
    for (unsigned i = 0; i < LOADS; i++)
        l->read[i] = (struct store_read){.table = tables[i], .limit = SIZE_MAX, .arena = &l->arena};
    slot_reads_begin(s, &l->reads, l->read, LOADS);
}

enum err load_end(struct slot *s, struct load *l, enum err e)
{
    bool overlaid = false;
    store_reads_wait(l->read, LOADS);
    if (e == ERR_OK) e = slot_reads_end(s, &l->reads, &overlaid);
    if (e == ERR_OK) letters_take(s, &l->read[LOAD_LETTERS_IN], &l->read[LOAD_LETTERS_OUT]);
    if (e == ERR_OK) e = answered_take(s, &l->read[LOAD_ANSWERS]);
    arena_release(&l->arena);
    return e;
}
