/* Letters: commands from one slot to another, exactly once and in order.
 *
 * A letter is a row of the sender until the receiver's record names its number. Numbers are positions of the sender, so
 * they only grow. It carries the receiver's epoch: a receiver that was opened anew has perhaps forgotten letters that were on
 * their way, ignores those of the old epoch, and announces the new one, whereupon the sender sends all that are open, in order. */
#include "base/log.h"
#include "cluster/cluster_priv.h"

struct parcel {
    struct call call; /* runs the letter at the receiver */
    struct task task;
    struct slot *from, *to;
    int64_t number, epoch;
    struct bytes *command;
    bool ignored;
};

void letter_free(struct letter *l)
{
    bytes_unref(l->command);
    mem_free(l);
}

void letters_forget_call(struct slot *s, struct call *call)
{
    for (unsigned i = 0; i < CLUSTER_SLOTS; i++)
        list_each(it, &s->letters_out[i])
        {
            struct letter *l = list_item(it, struct letter, link);
            if (l->call == call) l->call = NULL;
        }
}

static void parcel_free(struct parcel *p)
{
    bytes_unref(p->command);
    arena_release(&p->call.own);
    mem_free(p);
}

static void take_away(struct slot *s, struct letter *l)
{
    struct change c = {.del = true, .row = {.table = T_letter_out}};
    c.row.c[C_letter_out_to_slot].i = l->to;
    c.row.c[C_letter_out_number].i = l->number;
    record_add(slot_open_record(s), &c);
    overlay_put(s->overlay, &c, ++s->position);
    slot_mark_dirty(s);
    list_remove(&l->link);
    letter_free(l);
}

/* Back at the sender: the letter's row goes, and who waited for it is answered. */
static void acknowledged(struct task *task)
{
    struct parcel *p = list_item(task, struct parcel, task);
    struct slot *s = p->from;
    struct letter *found = NULL;
    list_each(it, &s->letters_out[p->to->index])
    {
        struct letter *l = list_item(it, struct letter, link);
        if (l->number == p->number) found = l;
        if (l->number >= p->number) break;
    }
    if (found && !p->ignored) {
        struct call *call = found->call;
        found->call = NULL;
        if (s->state == SLOT_OPEN && s->writable) take_away(s, found); /* else it goes once more when its row can be written */
        if (call && --call->letters == 0) call_answer(call);
    }
    parcel_free(p);
}

static void letter_done(struct call *call)
{
    struct parcel *p = list_item(call, struct parcel, call);
    if (err_may_pass(call->reply.err))
        p->ignored = true; /* undone there, or stuck: its announcement brings it again */
    else if (call->reply.err != ERR_OK && call->reply.err != ERR_NOT_FOUND)
        log_event(LOG_WARN, "cluster", "letter without effect", "from=%u to=%u number=%lld command=%u error=%s", p->from->index,
                  p->to->index, (long long)p->number, call->cmd.type, err_name(call->reply.err));
    p->task.run = acknowledged;
    loop_post(p->from->loop, &p->task);
}

/* A letter that came before, in a record which perhaps has not returned: acknowledged now, its row at the sender could be gone before it is
 * durable here. */
static void wait_for_record(struct parcel *p)
{
    struct slot *s = p->to;
    p->call.slot = s;
    p->call.need = s->position;
    list_init(&p->call.waiting);
    list_push(&s->waiting, &p->call.waiting);
}

static bool is_readable(struct parcel *p)
{
    return command_decode(bytes_str(p->command), &p->call.cmd) && p->call.cmd.type < p->to->cluster->config.commands;
}

/* A newer program wrote it, or it is damaged: it stays, and those after it wait. */
static void set_aside(struct parcel *p)
{
    log_event(LOG_ERROR, "cluster", "letter cannot be read", "from=%u to=%u number=%lld", p->from->index, p->to->index,
              (long long)p->number);
    letter_stuck(p->to, p->from->index, p->number);
    p->ignored = true;
}

static void receive_fiber(void *arg)
{
    struct parcel *p = arg;
    struct slot *s = p->to;
    unsigned from = p->from->index;
    fiber_lock(&s->letter_lock[from]);
    bool known = p->number <= s->letter_in[from];
    p->ignored = p->epoch != s->epoch || s->state != SLOT_OPEN || (s->letter_stuck[from] && p->number > s->letter_stuck[from]);
    if (!p->ignored && !known && !is_readable(p)) set_aside(p);
    if (!p->ignored && !known) {
        p->call.letter_from = from;
        p->call.letter_number = p->number;
        p->call.letter_epoch = p->epoch;
        turn_run(s, &p->call);
        fiber_unlock(&s->letter_lock[from]);
        return;
    }
    fiber_unlock(&s->letter_lock[from]);
    if (!p->ignored && known && s->durable < s->position) {
        wait_for_record(p);
        return;
    }
    p->task.run = acknowledged;
    loop_post(p->from->loop, &p->task);
}

static void receive(struct task *task)
{
    fiber_spawn(receive_fiber, list_item(task, struct parcel, task));
}

static void post_letter(struct slot *s, const struct letter *l)
{
    struct slot *to = &s->cluster->slot[l->to];
    if (s->peer_epoch[l->to] == 0) return; /* its announcement is still to come */
    struct parcel *p = mem_zero(sizeof *p);
    p->from = s;
    p->to = to;
    p->number = l->number;
    p->epoch = s->peer_epoch[l->to];
    p->command = bytes_ref(l->command);
    p->task.run = receive;
    p->call.cluster = s->cluster;
    p->call.from = to->loop;
    p->call.finish = letter_done;
    arena_init(&p->call.own);
    p->call.arena = &p->call.own;
    loop_post(to->loop, &p->task);
}

void letter_send(struct slot *s, struct letter *l)
{
    list_push(&s->letters_out[l->to], &l->link);
    post_letter(s, l);
}

/* --- who is open, and since when --- */

struct announcement {
    struct task task;
    struct cluster *cluster;
    unsigned slot;
    int64_t epoch;
    struct home *home;
};

static void post_open_letters(struct slot *s, unsigned to)
{
    list_each(it, &s->letters_out[to]) post_letter(s, list_item(it, struct letter, link));
}

static void announced(struct task *task)
{
    struct announcement *a = list_item(task, struct announcement, task);
    for (unsigned i = 0; i < CLUSTER_SLOTS; i++) {
        struct slot *s = &a->cluster->slot[i];
        if (s->home != a->home) continue;
        s->peer_epoch[a->slot] = a->epoch;
        if (s->state == SLOT_OPEN) post_open_letters(s, a->slot); /* else when it is open */
    }
    mem_free(a);
}

void letters_announce(struct slot *s)
{
    for (size_t i = 0; i < s->cluster->config.loops; i++) {
        struct announcement *a = mem_zero(sizeof *a);
        *a = (struct announcement){
            .task.run = announced, .cluster = s->cluster, .slot = s->index, .epoch = s->epoch, .home = &s->cluster->home[i]};
        loop_post(a->home->loop, &a->task);
    }
    /* Its own letters go to those that were open before it. They must go before any new one: a receiver takes a number that is less than
     * the last one for a letter that it has. */
    for (unsigned i = 0; i < CLUSTER_SLOTS; i++)
        post_open_letters(s, i);
}

static void ask_again(struct timer *timer)
{
    struct slot *s = list_item(timer, struct slot, retry);
    if (s->state == SLOT_OPEN && s->writable) letters_announce(s);
}

void letter_stuck(struct slot *s, unsigned from, int64_t number)
{
    s->letter_stuck[from] = number;
    /* A slot that cannot be written uses the timer itself, and announces itself when it can. */
    if (number && s->state == SLOT_OPEN && s->writable) timer_set(s->loop, &s->retry, REOPEN_MS, ask_again);
}

/* --- opening --- */

static enum err load_table(struct slot *s, enum table table, struct arena *a, struct store_read *r)
{
    bool overlaid;
    *r = (struct store_read){.table = table, .limit = SIZE_MAX, .arena = a};
    return slot_read(s, r, &overlaid);
}

enum err letters_load(struct slot *s)
{
    struct arena a;
    arena_init(&a);
    struct store_read r;
    enum err e = load_table(s, T_letter_in, &a, &r);
    memset(s->letter_in, 0, sizeof s->letter_in);
    memset(s->letter_stuck, 0, sizeof s->letter_stuck);
    for (size_t i = 0; e == ERR_OK && i < r.count; i++)
        s->letter_in[r.row[i].c[C_letter_in_from_slot].i & (CLUSTER_SLOTS - 1)] = r.row[i].c[C_letter_in_number].i;
    if (e == ERR_OK) e = load_table(s, T_letter_out, &a, &r);
    for (unsigned i = 0; e == ERR_OK && i < CLUSTER_SLOTS; i++) {
        struct list *n;
        while ((n = list_pop(&s->letters_out[i]))) {
            struct letter *l = list_item(n, struct letter, link);
            struct call *call = l->call;
            letter_free(l);
            /* Its row is durable, so the letter will arrive; the answer need not wait for it any more. */
            if (call && --call->letters == 0) call_answer(call);
        }
    }
    for (size_t i = 0; e == ERR_OK && i < r.count; i++) {
        struct letter *l = mem_zero(sizeof *l);
        l->to = (unsigned)r.row[i].c[C_letter_out_to_slot].i & (CLUSTER_SLOTS - 1);
        l->number = r.row[i].c[C_letter_out_number].i;
        l->command = bytes_new(r.row[i].c[C_letter_out_command].s);
        list_push(&s->letters_out[l->to], &l->link);
    }
    arena_release(&a);
    return e;
}
