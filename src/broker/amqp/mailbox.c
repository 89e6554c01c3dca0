#include "broker/amqp/mailbox.h"

struct post *post_new(enum post_kind kind, size_t n)
{
    struct post *p = mem_alloc(sizeof *p + n);
    *p = (struct post){.kind = kind, .n = n};
    return p;
}

static void mailbox_run(struct task *t)
{
    struct mailbox *m = list_item(t, struct mailbox, task);
    /* Releases the task, too: whoever finds the box empty posts it again. */
    struct post *p = atomic_exchange_explicit(&m->arrived, NULL, memory_order_acq_rel), *first = NULL;
    while (p) {
        struct post *next = p->next;
        p->next = first;
        first = p;
        p = next;
    }
    m->take(m, first);
}

void mailbox_init(struct mailbox *m, struct loop *to, void (*take)(struct mailbox *m, struct post *first))
{
    *m = (struct mailbox){.task.run = mailbox_run, .to = to, .take = take};
    list_init(&m->dirty);
}

static void free_chain(struct post *p)
{
    while (p) {
        struct post *next = p->next;
        mem_free(p);
        p = next;
    }
}

void mailbox_release(struct mailbox *m)
{
    list_remove(&m->dirty);
    free_chain(m->newest);
    free_chain(atomic_load(&m->arrived));
}

void mailbox_add(struct mailbox *m, struct post *p, struct list *dirty)
{
    p->next = m->newest;
    m->newest = p;
    if (!m->oldest) m->oldest = p;
    if (list_is_empty(&m->dirty)) list_push(dirty, &m->dirty);
}

void mailbox_send(struct mailbox *m)
{
    struct post *newest = m->newest, *oldest = m->oldest;
    list_remove(&m->dirty);
    if (!newest) return;
    m->newest = m->oldest = NULL;
    struct post *head = atomic_load_explicit(&m->arrived, memory_order_relaxed);
    do
        oldest->next = head;
    while (!atomic_compare_exchange_weak_explicit(&m->arrived, &head, newest, memory_order_acq_rel, memory_order_relaxed));
    /* Who finds it empty wakes the receiver. What came from an emptied box may be freed by the receiver at once: touch nothing more. */
    if (head == NULL) loop_post(m->to, &m->task);
}

void mailbox_send_all(struct list *dirty)
{
    while (!list_is_empty(dirty))
        mailbox_send(list_item(dirty->next, struct mailbox, dirty));
}
