/* Intrusive doubly linked lists with a sentinel: `struct list head; list_init(&head);`. */
#ifndef ROOKERY_BASE_LIST_H
#define ROOKERY_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list {
    struct list *next, *prev;
};

/* The struct of type `type` whose member `member` is `node`. */
#define list_item(node, type, member) ((type *)(void *)((char *)(node)-offsetof(type, member)))
#define list_each(it, head) for (struct list *it = (head)->next; it != (head); it = it->next)
/* The node under the iteration may be removed. */
#define list_each_safe(it, head)                                                                                                           \
    for (struct list *it = (head)->next, *it##_next = it->next; it != (head); it = it##_next, it##_next = it->next)

static inline void list_init(struct list *l)
{
    l->next = l->prev = l;
}
static inline bool list_is_empty(const struct list *l)
{
    return l->next == l;
}
static inline void list_insert(struct list *after, struct list *n)
{
    n->prev = after;
    n->next = after->next;
    after->next->prev = n;
    after->next = n;
}
static inline void list_push(struct list *head, struct list *n)
{
    list_insert(head->prev, n);
}
static inline void list_push_front(struct list *head, struct list *n)
{
    list_insert(head, n);
}
/* Leaves `n` a list of its own, so that removing twice is harmless. */
static inline void list_remove(struct list *n)
{
    n->prev->next = n->next;
    n->next->prev = n->prev;
    list_init(n);
}
static inline struct list *list_pop(struct list *head)
{
    if (list_is_empty(head)) return NULL;
    struct list *n = head->next;
    list_remove(n);
    return n;
}

#endif
