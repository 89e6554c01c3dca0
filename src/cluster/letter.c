/* Letters: commands from one slot to another, exactly once and in order.
 *
 * A letter is a row of the sender until the receiver's record names its number. Numbers are positions of the sender, so
 * they only grow. It carries the receiver's epoch: a receiver that was opened anew has perhaps forgotten letters that were on
 * their way, ignores those of the old epoch, and announces the new one, whereupon the sender sends all that are open, in order.
 *
 * To a slot of another node it goes as a message. That may be lost: so it names the letter before it that is not answered, without which the receiver does
 * not take it, and all that are not answered go again after a while. */
#include "base/log.h"
#include "cluster/cluster_priv.h"
#include "cluster/wire.h"

enum { AGAIN_MS = 2000 };

/* A letter on its way, at the receiver's node. */
struct parcel {
    struct call call; /* runs the letter at the receiver */
    struct task task;
    struct slot *from, *to;
    int node; /* where the sender is; NODE_SELF: here */
    int64_t number, before, epoch;
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

/* --- the sender's end: an answer has come --- */

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

/* The letter's row goes, and who waited for it is answered. */
static void answered(struct slot *s, unsigned to, int64_t number)
{
    struct letter *found = NULL;
    list_each(it, &s->letters_out[to])
    {
        struct letter *l = list_item(it, struct letter, link);
        if (l->number == number) found = l;
        if (l->number >= number) break;
    }
    if (!found) return;
    struct call *call = found->call;
    found->call = NULL;
    if (s->state == SLOT_OPEN && s->writable) take_away(s, found); /* else it goes once more when its row can be written */
    if (call && --call->letters == 0) call_answer(call);
}

static void acknowledged(struct task *task)
{
    struct parcel *p = list_item(task, struct parcel, task);
    if (!p->ignored) answered(p->from, p->to->index, p->number);
    parcel_free(p);
}

void letter_back(const struct post *p)
{
    struct str body = p->body;
    uint64_t to, ignored;
    int64_t number;
    if (!wire_get_uint(&body, &to) || to >= CLUSTER_SLOTS || !wire_get_int(&body, &number) || !wire_get_uint(&body, &ignored)) return;
    if (!ignored && slot_is_served(p->slot)) answered(p->slot, (unsigned)to, number);
}

/* --- at the receiver --- */

/* Back to the sender, wherever it is. */
static void parcel_return(struct parcel *p)
{
    if (p->node == NODE_SELF) {
        p->task.run = acknowledged;
        loop_post(p->from->loop, &p->task);
        return;
    }
    struct buf b;
    post_begin(&b, POST_LETTER_ACK, p->from);
    wire_put_uint(&b, p->to->index);
    wire_put_int(&b, p->number);
    wire_put_uint(&b, p->ignored);
    post_send(p->to->home, p->node, p->from, &b);
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
    parcel_return(p);
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

static bool is_out_of_turn(const struct parcel *p)
{
    const struct slot *s = p->to;
    unsigned from = p->from->index;
    if (p->epoch != s->epoch || s->state != SLOT_OPEN) return true;
    if (s->letter_stuck[from] && p->number > s->letter_stuck[from]) return true;
    return p->before > s->letter_in[from]; /* the one before was lost */
}

static void receive_fiber(void *arg)
{
    struct parcel *p = arg;
    struct slot *s = p->to;
    unsigned from = p->from->index;
    fiber_lock(&s->letter_lock[from]);
    bool known = p->number <= s->letter_in[from];
    p->ignored = is_out_of_turn(p);
    if (!p->ignored && !known && !is_readable(p)) set_aside(p);
    if (!p->ignored && !known) {
        p->call.letter_from = from;
        p->call.letter_number = p->number;
        p->call.epoch = p->epoch;
        turn_run(s, &p->call);
        fiber_unlock(&s->letter_lock[from]);
        return;
    }
    fiber_unlock(&s->letter_lock[from]);
    if (!p->ignored && known && s->durable < s->position)
        wait_for_record(p);
    else
        parcel_return(p);
}

static void receive(struct task *task)
{
    fiber_spawn(receive_fiber, list_item(task, struct parcel, task));
}

static struct parcel *parcel_new(struct slot *from, struct slot *to, int node)
{
    struct parcel *p = mem_zero(sizeof *p);
    p->from = from;
    p->to = to;
    p->node = node;
    p->task.run = receive;
    p->call.cluster = to->cluster;
    p->call.from = to->loop;
    p->call.finish = letter_done;
    arena_init(&p->call.own);
    p->call.arena = &p->call.own;
    return p;
}

void letter_arrived(const struct post *m)
{
    struct str body = m->body;
    uint64_t from;
    int64_t number, before, epoch;
    if (!wire_get_uint(&body, &from) || from >= CLUSTER_SLOTS || !wire_get_int(&body, &number) || !wire_get_int(&body, &before)) return;
    if (!wire_get_int(&body, &epoch)) return;
    struct parcel *p = parcel_new(&m->home->cluster->slot[from], m->slot, m->node);
    p->number = number;
    p->before = before;
    p->epoch = epoch;
    p->command = bytes_new(body);
    fiber_spawn(receive_fiber, p);
}

/* --- the sender's end: on its way --- */

static void send_letter(struct slot *s, const struct letter *l, const struct owner *o, int64_t before)
{
    struct buf b;
    post_begin(&b, POST_LETTER, &s->cluster->slot[l->to]);
    wire_put_uint(&b, s->index);
    wire_put_int(&b, l->number);
    wire_put_int(&b, before);
    wire_put_int(&b, o->epoch);
    buf_add(&b, bytes_str(l->command));
    post_send(s->home, o->node, &s->cluster->slot[l->to], &b);
}

static void post_letter(struct slot *s, struct letter *l)
{
    struct slot *to = &s->cluster->slot[l->to];
    const struct owner *o = &s->home->owner[l->to];
    int64_t before = l->link.prev == &s->letters_out[l->to] ? 0 : list_item(l->link.prev, struct letter, link)->number;
    l->sent_ms = loop_now_ms(s->loop);
    if (o->node == NODE_NOBODY) return; /* its announcement is still to come */
    if (o->node != NODE_SELF) {
        send_letter(s, l, o, before);
        return;
    }
    struct parcel *p = parcel_new(s, to, NODE_SELF);
    p->number = l->number;
    p->before = before;
    p->epoch = o->epoch;
    p->command = bytes_ref(l->command);
    loop_post(to->loop, &p->task);
}

void letter_send(struct slot *s, struct letter *l)
{
    list_push(&s->letters_out[l->to], &l->link);
    post_letter(s, l);
}

static void post_open_letters(struct slot *s, unsigned to)
{
    list_each(it, &s->letters_out[to]) post_letter(s, list_item(it, struct letter, link));
}

void letters_owner_changed(struct home *h, unsigned slot)
{
    for (unsigned i = 0; i < CLUSTER_SLOTS; i++) {
        struct slot *s = &h->cluster->slot[i];
        if (s->home == h && slot_is_served(s)) post_open_letters(s, slot); /* else when it is open */
    }
}

void letters_sweep(struct slot *s)
{
    int64_t until = loop_now_ms(s->loop) - AGAIN_MS;
    for (unsigned i = 0; slot_is_served(s) && i < CLUSTER_SLOTS; i++) {
        if (list_is_empty(&s->letters_out[i]) || s->home->owner[i].node == NODE_SELF) continue; /* within a process nothing is lost */
        if (list_item(s->letters_out[i].next, struct letter, link)->sent_ms <= until) post_open_letters(s, i);
    }
}

/* --- who is open, and since when --- */

struct announcement {
    struct task task;
    unsigned slot;
    int64_t epoch;
    struct home *home;
};

static void announced(struct task *task)
{
    struct announcement *a = list_item(task, struct announcement, task);
    const struct owner *o = &a->home->owner[a->slot];
    if (o->node == NODE_SELF && o->epoch == a->epoch)
        letters_owner_changed(a->home, a->slot); /* said once more: something was stuck */
    else
        home_owner_is(a->home, a->slot, NODE_SELF, a->epoch);
    mem_free(a);
}

void letters_announce(struct slot *s)
{
    for (size_t i = 0; i < s->cluster->config.loops; i++) {
        struct announcement *a = mem_zero(sizeof *a);
        *a = (struct announcement){.task.run = announced, .slot = s->index, .epoch = s->epoch, .home = &s->cluster->home[i]};
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

void letters_forget(struct slot *s)
{
    for (unsigned i = 0; i < CLUSTER_SLOTS; i++) {
        struct list *n;
        while ((n = list_pop(&s->letters_out[i]))) {
            struct letter *l = list_item(n, struct letter, link);
            struct call *call = l->call;
            letter_free(l);
            /* Its row is durable, so the letter will arrive; the answer need not wait for it any more. */
            if (call && --call->letters == 0) call_answer(call);
        }
    }
}

void letters_take(struct slot *s, const struct store_read *in, const struct store_read *out)
{
    memset(s->letter_in, 0, sizeof s->letter_in);
    memset(s->letter_stuck, 0, sizeof s->letter_stuck);
    letters_forget(s);
    for (size_t i = 0; i < in->count; i++)
        s->letter_in[in->row[i].c[C_letter_in_from_slot].i & (CLUSTER_SLOTS - 1)] = in->row[i].c[C_letter_in_number].i;
    for (size_t i = 0; i < out->count; i++) {
        const struct cell *c = out->row[i].c;
        struct letter *l = mem_zero(sizeof *l);
        l->to = (unsigned)c[C_letter_out_to_slot].i & (CLUSTER_SLOTS - 1);
        l->number = c[C_letter_out_number].i;
        l->command = bytes_new(c[C_letter_out_command].s);
        list_push(&s->letters_out[l->to], &l->link);
    }
}
