/* What an administrator is told: who lives, and who has which slot, as this node sees it. */
#include <uv.h>

#include "cluster/cluster_priv.h"

struct question {
    struct task task;
    struct home *home;
    struct cluster_status *out;
    uv_sem_t ready;
};

static void put_node(struct cluster_status *out, const struct home *h, size_t at)
{
    const struct node_view *n = &h->view->node[at];
    struct cluster_status_node *to = &out->node[out->nodes++];
    *to = (struct cluster_status_node){.loops = n->loops, .self = n->self, .leaving = n->leaving};
    memcpy(to->name, n->name, sizeof to->name);
    for (unsigned i = 0; i < CLUSTER_SLOTS; i++) {
        to->open += n->stands[i] >= STANDS_OPEN;
        to->waiting += n->stands[i] == STANDS_WAITING;
        if (n->stands[i] >= STANDS_OPEN && (int64_t)(n->stands[i] - STANDS_OPEN) >= out->slot[i].epoch)
            out->slot[i] = (struct cluster_status_slot){.node = (int)out->nodes - 1, .epoch = (int64_t)(n->stands[i] - STANDS_OPEN)};
    }
}

static void answer(struct task *task)
{
    struct question *q = list_item(task, struct question, task);
    const struct home *h = q->home;
    for (unsigned i = 0; i < CLUSTER_SLOTS; i++)
        q->out->slot[i] = (struct cluster_status_slot){.node = -1};
    for (size_t i = 0; h->view && i < h->view->count; i++)
        if (h->view->node[i].name[0]) put_node(q->out, h, i);
    uv_sem_post(&q->ready);
}

void cluster_status(struct cluster *c, struct cluster_status *out)
{
    struct question q = {.task.run = answer, .home = &c->home[0], .out = out};
    memset(out, 0, sizeof *out);
    if (uv_sem_init(&q.ready, 0) != 0) abort();
    loop_post(q.home->loop, &q.task);
    uv_sem_wait(&q.ready);
    uv_sem_destroy(&q.ready);
}
