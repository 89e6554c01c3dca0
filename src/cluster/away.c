/* Calls whose slot another node holds.
 *
 * At the caller: a call is sent to the slot's owner and kept until the reply comes. It is sent again, under the same number, when a reply is overdue, and
 * begins anew when the slot has another owner, until its deadline. At the owner: what is under way is not begun twice, and what was done is answered (answered.c).
 *
 * Whoever asked a server that is cut off asks another one, and then wants the next thing: what waited in the first one, or in the network, must not be
 * done when the way is free again. So a command names the last that its sender has heard of the owner's clock, and the owner does nothing for one who
 * has been out of hearing for FRESH_MS. Its sender learns the time with the answer; it begins again only what is not older than LATE_MS.
 *
 * All of it happens on the slot's own loop. */
#include "base/log.h"
#include "base/random.h"
#include "cluster/cluster_priv.h"
#include "cluster/wire.h"

enum { OVERDUE_MS = 2000, AGAIN_MS = 50, KEY_BYTES = 16, FRESH_MS = 3000, LATE_MS = 4000, CUT_OFF_PATIENCE_MS = 5000 };
enum { REPLY_IS_THERE, REPLY_ELSEWHERE, REPLY_LATE };

/* --- at the caller --- */

static void call_run(void *arg)
{
    struct call *call = arg;
    turn_run(call->slot, call);
}

/* Its owner's answer may come before the news that there is another one. */
static void call_run_later(void *arg)
{
    struct call *call = arg;
    slot_wait(call->slot, loop_now_ms(call->slot->loop) + AGAIN_MS);
    call_run(call);
}

void call_number(struct slot *s, struct call *call)
{
    if (call->deadline_ms) return;
    call->deadline_ms = loop_now_ms(s->loop) + CALL_PATIENCE_MS;
    if (s->cluster->config.journal != JOURNAL_QUEUE || call->cast || call->letter_from < CLUSTER_SLOTS)
        return; /* letters have their own way */
    call->life = s->cluster->life;
    call->number = ++s->calls;
}

bool call_is_over(const struct slot *s, const struct call *call)
{
    return call->number && loop_now_ms(s->loop) >= call->deadline_ms;
}

bool call_may_go_again(const struct slot *s, const struct call *call)
{
    return call->number && !call->inbound && !call_is_over(s, call);
}

void call_go_again(struct slot *s, struct call *call)
{
    call->slot = s;
    call->reply = (struct reply){0};
    call->need = 0;
    fiber_spawn(call_run, call);
}

/* Programs of before do not know of that. */
static bool tells_time(const struct home *h, int node)
{
    return node >= 0 && h->view->node[node].clock_ms;
}

static void send_command(struct slot *s, struct call *call, int node)
{
    struct buf b;
    int64_t patience = call->deadline_ms - loop_now_ms(s->loop);
    post_begin(&b, POST_COMMAND, s);
    wire_put_uint(&b, call->life);
    wire_put_uint(&b, call->number);
    wire_put_uint(&b, patience > 0 ? (uint64_t)patience : 0);
    wire_put_int(&b, s->home->owner[s->index].epoch);
    if (tells_time(s->home, node)) wire_put_int(&b, call->heard_ms = s->home->clock_of[node]);
    command_encode(&b, &call->cmd);
    call->sent_ms = loop_now_ms(s->loop);
    post_send(s->home, node, s, &b);
}

static void send_cast(struct slot *s, struct call *call, int node)
{
    struct buf b;
    post_begin(&b, POST_CAST, s);
    command_encode(&b, &call->cmd);
    post_send(s->home, node, s, &b);
    call->finish(call);
}

static const char no_answer[] = "The server that has this does not answer. Try again shortly.";

static void give_up(struct call *call, const char *why)
{
    call->reply.err = fault_set(&call->reply.fault, ERR_UNAVAILABLE, "%s", why);
    call->reply.fault.retry_ms = REOPEN_MS;
    call_answer(call);
}

void away_call(struct slot *s, struct call *call)
{
    int node = s->home->owner[s->index].node;
    if (call->cast) {
        send_cast(s, call, node);
        return;
    }
    if (cluster_is_alone(s->cluster)) {
        give_up(call, no_answer);
        return;
    }
    list_push(&s->away, &call->waiting);
    send_command(s, call, node);
    stat_add(&s->home->stats.away, 1);
}

void away_go_again(struct slot *s)
{
    struct list all, *n;
    list_init(&all);
    while ((n = list_pop(&s->away)))
        list_push(&all, n);
    while ((n = list_pop(&all)))
        call_go_again(s, list_item(n, struct call, waiting));
}

static struct call *find_call(struct slot *s, uint64_t number)
{
    list_each(it, &s->away)
    {
        struct call *call = list_item(it, struct call, waiting);
        if (call->number == number) return call;
    }
    return NULL;
}

/* It was not done, since this node had not heard of that one for too long. */
static void was_late(struct slot *s, struct call *call)
{
    bool again = call->late;
    call->late = true;
    if (loop_now_ms(s->loop) - (call->deadline_ms - CALL_PATIENCE_MS) > LATE_MS)
        give_up(call, "The server was cut off from the others. Try again.");
    else
        fiber_spawn(again ? call_run_later : call_run, call);
}

void away_reply(const struct post *p)
{
    struct str body = p->body, follows;
    uint64_t number, again;
    if (p->node != p->home->owner[p->slot->index].node) return; /* a former owner's: what it knows may be old */
    if (!wire_get_uint(&body, &number) || !wire_get_uint(&body, &again) || !wire_get_str(&body, &follows)) return;
    struct call *call = find_call(p->slot, number);
    struct reply reply;
    if (!call || (!again && !reply_decode(body, &reply))) return;
    int64_t heard_ms;
    if (again == REPLY_LATE && (!wire_get_int(&body, &heard_ms) || heard_ms != call->heard_ms)) return; /* it has gone again since */
    list_remove(&call->waiting);
    if (again == REPLY_LATE) {
        was_late(p->slot, call);
        return;
    }
    if (again) { /* that node has not the slot any more; who has it will soon be known */
        fiber_spawn(call_run_later, call);
        return;
    }
    relay_follows(p->slot, follows);
    reply_own(call->arena, &reply);
    call->reply = reply;
    call_answer(call);
}

/* Who does not reach the broker reaches nobody: its clients had better ask another server soon, which may; at once, if it is known that it does. */
static bool is_hopeless(const struct slot *s, const struct call *call, int64_t now)
{
    if (now >= call->deadline_ms || cluster_is_alone(s->cluster)) return true;
    bool has_waited = now >= call->deadline_ms - CALL_PATIENCE_MS + CUT_OFF_PATIENCE_MS;
    return has_waited && !cluster_reaches_broker(s->cluster);
}

void away_sweep(struct slot *s)
{
    int64_t now = loop_now_ms(s->loop);
    list_each_safe(it, &s->away)
    {
        struct call *call = list_item(it, struct call, waiting);
        if (is_hopeless(s, call, now)) {
            list_remove(&call->waiting);
            give_up(call, no_answer);
        } else if (now - call->sent_ms >= OVERDUE_MS) {
            send_command(s, call, s->home->owner[s->index].node);
        }
    }
}

/* --- at the owner --- */

struct inbound {
    struct call call; /* first */
    struct bytes *command;
    char node[BROKER_NAME_MAX + 1];
    char key[KEY_BYTES];
    struct buf follows; /* gateways and keys */
};

static void inbound_free(struct inbound *in)
{
    buf_release(&in->follows);
    bytes_unref(in->command);
    arena_release(&in->call.own);
    mem_free(in);
}

static void send_reply(struct slot *s, const struct inbound *in)
{
    const struct call *call = &in->call;
    struct buf b;
    post_begin(&b, POST_REPLY, s);
    wire_put_uint(&b, call->number);
    wire_put_uint(&b, call->undone ? REPLY_ELSEWHERE : REPLY_IS_THERE);
    wire_put_str(&b, buf_str(&in->follows));
    if (!call->undone) reply_encode(&b, &call->reply);
    post_send(s->home, view_find(s->home->view, str_c(in->node)), s, &b);
}

static void inbound_finish(struct call *call)
{
    struct inbound *in = list_item(call, struct inbound, call);
    struct slot *s = call->slot;
    if (call->number) map_del(&s->inbound, str_make(in->key, KEY_BYTES));
    if (call->number) send_reply(s, in);
    inbound_free(in);
}

void call_key(char *key, uint64_t life, uint64_t number)
{
    memcpy(key, &life, sizeof life);
    memcpy(key + sizeof life, &number, sizeof number);
}

static void inbound_start(const struct post *p, uint64_t life, uint64_t number, int64_t patience, int64_t epoch, struct str command)
{
    struct slot *s = p->slot;
    struct inbound *in = mem_zero(sizeof *in);
    in->call = (struct call){.cluster = s->cluster, .from = s->loop, .finish = inbound_finish, .letter_from = CLUSTER_SLOTS};
    in->call.slot = s;
    in->call.life = life;
    in->call.number = number;
    in->call.inbound = true;
    in->call.cast = number == 0;
    in->call.node = p->node;
    in->call.epoch = epoch;
    in->call.deadline_ms = loop_now_ms(s->loop) + patience;
    arena_init(&in->call.own);
    buf_init(&in->follows, POST_MAX / 2);
    in->call.arena = &in->call.own;
    snprintf(in->node, sizeof in->node, "%s", s->home->view->node[p->node].name);
    call_key(in->key, life, number);
    in->command = bytes_new(command);
    bool known = command_decode(bytes_str(in->command), &in->call.cmd) && in->call.cmd.type < s->cluster->config.commands;
    if (!known || cluster_slot_of(in->call.cmd.key) != s->index) {
        in->call.reply.err = fault_set(&in->call.reply.fault, ERR_UNAVAILABLE, "The servers are of different versions. Try again shortly.");
        inbound_finish(&in->call);
        return;
    }
    if (number) map_put(&s->inbound, str_make(in->key, KEY_BYTES), in);
    fiber_spawn(call_run, &in->call);
}

/* Has its sender heard of this node lately? */
static bool is_fresh(const struct home *h, int64_t heard_ms)
{
    int64_t now = loop_now_ms(h->loop);
    return heard_ms >= now - FRESH_MS && heard_ms <= now + FRESH_MS;
}

static void send_late(const struct post *p, uint64_t number, int64_t heard_ms)
{
    struct buf b;
    post_begin(&b, POST_REPLY, p->slot);
    wire_put_uint(&b, number);
    wire_put_uint(&b, REPLY_LATE);
    wire_put_str(&b, STR(""));
    wire_put_int(&b, heard_ms);
    post_send(p->home, p->node, p->slot, &b);
}

void away_command(const struct post *p)
{
    struct str body = p->body;
    uint64_t life, number, patience;
    int64_t epoch, heard_ms = 0;
    char key[KEY_BYTES];
    if (!wire_get_uint(&body, &life) || !wire_get_uint(&body, &number) || !wire_get_uint(&body, &patience)) return;
    if (!wire_get_int(&body, &epoch) || number == 0 || patience == 0 || epoch <= 0) return;
    if (tells_time(p->home, p->node) && !wire_get_int(&body, &heard_ms)) return;
    call_key(key, life, number);
    if (map_get(&p->slot->inbound, str_make(key, KEY_BYTES))) return; /* it is under way */
    bool is_done = map_get(&p->slot->answers, str_make(key, KEY_BYTES)) != NULL;
    if (tells_time(p->home, p->node) && !is_done && !is_fresh(p->home, heard_ms)) {
        send_late(p, number, heard_ms);
        return;
    }
    if (patience > CALL_PATIENCE_MS) patience = CALL_PATIENCE_MS;
    inbound_start(p, life, number, (int64_t)patience, epoch, body);
    stat_add(&p->home->stats.inbound, 1);
}

void away_cast(const struct post *p)
{
    inbound_start(p, 0, 0, CALL_PATIENCE_MS, 0, p->body);
}

void away_follow(struct call *call, struct str key, unsigned gateway)
{
    struct inbound *in = list_item(call, struct inbound, call);
    wire_put_uint(&in->follows, gateway);
    wire_put_str(&in->follows, key);
    relay_follow(call->slot, key, call->node, gateway);
}

void away_forget_node(struct slot *s, int node)
{
    struct inbound *in;
    for (size_t at = 0; (in = map_next(&s->inbound, &at));)
        if (in->call.node == node) in->call.node = NODE_NOBODY;
}
