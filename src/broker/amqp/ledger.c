#include "broker/amqp/ledger.h"

void ledger_release(struct ledger *l)
{
    mem_free(l->entry);
    *l = (struct ledger){0};
}

struct ledger_entry *ledger_at(struct ledger *l, size_t i)
{
    return &l->entry[(l->head + i) & (l->cap - 1)];
}

static void grow(struct ledger *l)
{
    size_t cap = l->cap ? l->cap * 2 : 16;
    struct ledger_entry *entry = mem_array(cap, sizeof *entry);
    for (size_t i = 0; i < l->count; i++)
        entry[i] = *ledger_at(l, i);
    mem_free(l->entry);
    *l = (struct ledger){.entry = entry, .cap = cap, .count = l->count};
}

struct ledger_entry *ledger_push(struct ledger *l, uint64_t number)
{
    if (l->count == l->cap) grow(l);
    struct ledger_entry *e = ledger_at(l, l->count++);
    *e = (struct ledger_entry){.number = number};
    return e;
}

struct ledger_entry *ledger_first(struct ledger *l)
{
    return l->count ? ledger_at(l, 0) : NULL;
}

void ledger_pop(struct ledger *l)
{
    l->head = (l->head + 1) & (l->cap - 1);
    l->count--;
}

struct ledger_entry *ledger_find(struct ledger *l, uint64_t number)
{
    if (!l->count || number < ledger_at(l, 0)->number || number - ledger_at(l, 0)->number >= l->count) return NULL;
    return ledger_at(l, number - ledger_at(l, 0)->number);
}
