/* A turn: one command at its owner, from the lock on its entity to the answer. */
#include "cluster/cluster_priv.h"

void *turn_engine(const struct turn *t)
{
    return t->slot->cluster->config.engine;
}
const struct command *turn_command(const struct turn *t)
{
    return &t->call->cmd;
}
struct reply *turn_reply(const struct turn *t)
{
    return &t->call->reply;
}
struct fault *turn_fault(struct turn *t)
{
    return &t->call->reply.fault;
}
struct arena *turn_arena(struct turn *t)
{
    return t->call->arena;
}
struct entity *turn_entity(const struct turn *t)
{
    return t->entity;
}
unsigned turn_slot(const struct turn *t)
{
    return t->slot->index;
}
struct loop *turn_loop(const struct turn *t)
{
    return t->slot->loop;
}
int64_t turn_now_ms(const struct turn *t)
{
    return t->now_ms;
}
bool turn_is_letter(const struct turn *t)
{
    return t->call->letter_from < CLUSTER_SLOTS;
}
void turn_repeatable(struct turn *t)
{
    t->call->repeatable = true;
}
int64_t turn_durable(const struct turn *t)
{
    return t->slot->durable;
}
int64_t turn_last(const struct turn *t)
{
    return t->slot->position;
}

void turn_saw(struct turn *t, int64_t position)
{
    if (position > t->need) t->need = position;
}

struct held {
    struct list link;
    struct entity *entity;
};

struct entity *turn_other(struct turn *t, unsigned kind, struct str key)
{
    struct entity *e = entity_get(t->slot, kind, key, true);
    struct held *h = arena_alloc(t->call->arena, sizeof *h);
    h->entity = e;
    list_push(&t->others, &h->link);
    return e;
}

bool turn_is_unchanged(const struct turn *t, const struct entity *e, int64_t since)
{
    return (e->position ? e->position : t->slot->table[e->kind].cold) <= since;
}

struct entity *turn_changes(struct turn *t, unsigned kind, struct str key, int64_t position)
{
    struct entity *e = turn_peek(t, kind, key);
    int64_t *at = e ? &e->position : &t->slot->table[kind].cold;
    if (position > *at) *at = position;
    return e;
}

struct entity *turn_peek(struct turn *t, unsigned kind, struct str key)
{
    return map_get(&t->slot->table[kind].map, key);
}

/* --- reading --- */

/* Its slot is still as it was when the turn began. A letter and a call from elsewhere belong to an epoch: those of an older one come again. */
static bool is_current(const struct turn *t)
{
    if (t->generation != t->slot->generation || t->entity->detached) return false;
    return !t->call->epoch || t->call->epoch == t->slot->epoch;
}

static enum err undone(struct turn *t)
{
    t->call->undone = true;
    enum err e = fault_set(turn_fault(t), ERR_UNAVAILABLE, "The server is recovering. Try again shortly.");
    turn_fault(t)->retry_ms = REOPEN_MS;
    return e;
}

enum err turn_resumed(struct turn *t)
{
    return is_current(t) ? ERR_OK : undone(t);
}

enum err turn_does_without(struct turn *t, enum err e)
{
    if (!is_current(t)) return undone(t);
    if (!err_may_pass(e)) return e;
    *turn_fault(t) = (struct fault){0};
    return ERR_OK;
}

bool turn_is_settled(const struct turn *t)
{
    return t->need <= t->slot->durable && t->entity->position <= t->slot->durable;
}

/* What a turn is told of what it has read. */
static enum err was_read(struct turn *t, enum err e, bool overlaid)
{
    if (!is_current(t)) return undone(t);
    if (e == ERR_UNAVAILABLE) {
        e = fault_set(turn_fault(t), e, "The database is away. Try again shortly.");
        turn_fault(t)->retry_ms = REOPEN_MS;
    }
    if (e == ERR_OK && overlaid) turn_saw(t, t->slot->position);
    return e;
}

enum err turn_range(struct turn *t, struct store_read *r)
{
    bool overlaid = false;
    if (t->writing) abort(); /* our bug: a command must not wait once it writes */
    if (!r->arena) r->arena = t->call->arena;
    enum err e = slot_read(t->slot, r, t->spec->kind == t->slot->cluster->config.at_hand_kind, &overlaid);
    return was_read(t, e, overlaid);
}

enum err turn_ranges(struct turn *t, struct store_read *r, size_t n)
{
    struct slot_reads q;
    bool overlaid = false;
    if (t->writing) abort();
    if (n == 0) return ERR_OK;
    for (size_t i = 0; i < n; i++)
        if (!r[i].arena) r[i].arena = t->call->arena;
    slot_reads_begin(t->slot, &q, r, n);
    enum err e = slot_reads_end(t->slot, &q, &overlaid);
    return was_read(t, e, overlaid);
}

void turn_knows(struct turn *t, const struct store_read *r)
{
    if (t->spec->kind == t->slot->cluster->config.at_hand_kind) slot_know(t->slot, r);
}

enum err turn_get(struct turn *t, enum table table, const struct cell *key, struct row *out)
{
    struct store_read r = {.table = table, .limit = 1, .prefix = store_table(table)->keys};
    for (unsigned i = 0; i < r.prefix; i++)
        r.key[i] = key[i];
    enum err e = turn_range(t, &r);
    if (e != ERR_OK) return e;
    if (r.count == 0) return ERR_NOT_FOUND;
    *out = r.row[0];
    return ERR_OK;
}

/* --- writing --- */

_Static_assert((int)T__COUNT <= 64, "a bit for each table");

/* The open record; NULL when nothing that the turn does counts any more. */
static struct record *begin_writing(struct turn *t)
{
    if (!is_current(t)) return NULL;
    struct record *r = slot_open_record(t->slot);
    if (t->writing) return r;
    t->writing = true;
    t->changes = r->changes;
    t->items = r->items;
    t->position = t->slot->position;
    return r;
}

int64_t turn_position(struct turn *t)
{
    return begin_writing(t) ? ++t->slot->position : t->slot->position + 1;
}

static void add_change(struct turn *t, const struct row *row, bool del)
{
    struct record *r = begin_writing(t);
    if (!r) return;
    struct change c = {.del = del, .row = *row};
    if (t->broken == ERR_OK) t->broken = store_row_check(row, turn_fault(t));
    const struct table_info *info = store_table(row->table);
    for (unsigned i = 0; i < info->columns; i++)
        if (info->column[i].type == CELL_STR) c.row.c[i].s = arena_str(&r->arena, row->c[i].s.p ? row->c[i].s : STR(""));
    record_add(r, &c);
}

void turn_put(struct turn *t, const struct row *row)
{
    add_change(t, row, false);
}
void turn_del(struct turn *t, const struct row *row)
{
    struct row key = {.table = row->table};
    memcpy(key.c, row->c, store_table(row->table)->keys * sizeof *key.c);
    add_change(t, &key, true);
}

void turn_item(struct turn *t, struct item *i)
{
    struct record *r = begin_writing(t);
    if (!r) {
        item_unref(i);
        return;
    }
    i->slot = t->slot->index;
    if (r->items == r->item_cap) {
        r->item_cap = r->item_cap ? r->item_cap * 2 : 16;
        r->item = mem_resize(r->item, r->item_cap, sizeof(*r->item));
    }
    r->item[r->items++] = i;
}

void turn_letter(struct turn *t, const struct command *cmd, bool apart)
{
    struct letter *l = mem_zero(sizeof *l);
    struct buf b;
    buf_init(&b, 1048576);
    command_encode(&b, cmd);
    l->to = cluster_slot_of(cmd->key);
    l->number = turn_position(t);
    l->command = bytes_new(buf_str(&b));
    l->call = apart ? NULL : t->call;
    if (!buf_ok(&b)) t->broken = fault_set(turn_fault(t), ERR_TOO_LARGE, "That is too much for one request.");
    struct row row = {.table = T_letter_out};
    row.c[C_letter_out_to_slot].i = l->to;
    row.c[C_letter_out_number].i = l->number;
    row.c[C_letter_out_command].s = buf_str(&b);
    turn_put(t, &row);
    buf_release(&b);
    list_push(&t->letters, &l->link);
    stat_add(&t->slot->home->stats.letters, 1);
}

/* The kept tables that the turn has changed and that T_changed does not tell of yet. */
static uint64_t newly_changed(const struct turn *t)
{
    const struct record *r = t->slot->open;
    uint64_t tables = 0;
    for (size_t i = t->changes; i < r->changes; i++)
        tables |= (uint64_t)1 << r->change[i].row.table;
    return tables & t->slot->cluster->config.kept & ~t->changed;
}

/* Its position is the turn's own: what was read before cannot have it, what is read after it has at least that. */
static void note_changed(struct turn *t)
{
    struct row row = {.table = T_changed};
    row.c[C_changed_owner].s = t->entity->key;
    row.c[C_changed_position].i = t->slot->position + (t->slot->position == t->position);
    uint64_t tables = newly_changed(t);
    t->changed |= tables;
    for (unsigned i = 0; tables; i++, tables >>= 1) {
        row.c[C_changed_table_number].i = i;
        if (tables & 1) turn_put(t, &row);
    }
}

enum err turn_ready(struct turn *t)
{
    if (!is_current(t)) return undone(t);
    if (t->writing) note_changed(t);
    if (t->broken != ERR_OK) return t->broken;
    if (!t->writing && !turn_is_letter(t)) return ERR_OK; /* a letter writes at least that it has come */
    if (!t->slot->writable) {
        turn_fault(t)->retry_ms = REOPEN_MS;
        return t->slot->refusal;
    }
    if (t->slot->in_flight_bytes > t->slot->cluster->config.backlog_bytes) {
        enum err e = fault_set(turn_fault(t), ERR_UNAVAILABLE, "The server has more to write than it can hold. Try again shortly.");
        turn_fault(t)->retry_ms = REOPEN_MS;
        return e;
    }
    const struct journal *journal = t->slot->journal;
    return journal->admit ? journal->admit(t->slot, t->slot->open, turn_fault(t)) : ERR_OK;
}

static void roll_back(struct turn *t)
{
    struct record *r = t->slot->open;
    struct list *n;
    while ((n = list_pop(&t->letters)))
        letter_free(list_item(n, struct letter, link));
    if (!t->writing) return; /* the open record may hold what other turns wrote */
    while (r->items > t->items)
        item_unref(r->item[--r->items]);
    r->changes = t->changes;
    t->slot->position = t->position;
    t->writing = false;
    t->broken = ERR_OK;
    t->changed = 0;
    if (t->position == r->batch.predecessor)
        slot_drop_open_record(t->slot);
    else
        slot_mark_dirty(t->slot); /* the bytes of what was dropped stay in it: perhaps it should go */
}

/* What the turn wrote becomes part of the open record, and visible to the next turn. */
static void merge_into_record(struct turn *t)
{
    struct slot *s = t->slot;
    struct record *r = s->open;
    /* Every record moves its slot on, so that its place in the order is its own. */
    if (s->position == t->position) s->position++;
    for (size_t i = t->changes; i < r->changes; i++)
        overlay_put(s->overlay, &r->change[i], s->position);
    struct list *n;
    while ((n = list_pop(&t->letters))) {
        struct letter *l = list_item(n, struct letter, link);
        if (l->call) l->call->letters++;
        list_push(&r->letters, &l->link);
    }
    t->entity->position = s->position;
    if (t->changed) t->entity->changed = s->position;
    turn_saw(t, s->position);
    answered_add(s, r, t->call);
    slot_mark_dirty(s);
}

static void note_letter(struct turn *t)
{
    struct row row = {.table = T_letter_in};
    row.c[C_letter_in_from_slot].i = t->call->letter_from;
    row.c[C_letter_in_number].i = t->call->letter_number;
    turn_put(t, &row);
}

static void conclude(struct turn *t, enum err e)
{
    struct call *call = t->call;
    if (is_current(t) && e == ERR_OK) e = turn_ready(t);
    if (e != ERR_OK) roll_back(t);
    if (!t->writing) slot_doubt(t->slot); /* it may have waited for long; a change is held until it is durable */
    if (!is_current(t)) e = undone(t);    /* what it has seen is perhaps no longer so, whatever it makes of that */
    if (turn_is_letter(t) && !err_may_pass(e)) {
        note_letter(t);
        if (turn_ready(t) == ERR_OK)
            t->slot->letter_in[call->letter_from] = call->letter_number;
        else
            e = ERR_STORAGE, roll_back(t);
    }
    if (turn_is_letter(t) && is_current(t)) letter_stuck(t->slot, call->letter_from, err_may_pass(e) ? call->letter_number : 0);
    turn_saw(t, t->entity->position); /* at its end: a question may have waited while others changed what it then looked at */
    call->reply.err = e;
    if (e != ERR_OK) call->reply.fault.code = e;
    if (t->writing) merge_into_record(t);
    call->need = err_may_pass(e) ? 0 : t->need; /* "try again" says nothing about what is not durable yet */
}

static void use_up(struct turn *t, bool locked)
{
    struct list *n;
    while ((n = list_pop(&t->others)))
        entity_unuse(t->slot, list_item(n, struct held, link)->entity);
    if (locked) fiber_unlock(&t->entity->lock);
    entity_unuse(t->slot, t->entity);
}

static void give_up_on_letters(struct timer *timer)
{
    struct call *call = list_item(timer, struct call, patience);
    letters_forget_call(call->slot, call);
    call->letters = 0;
    call_answer(call);
}

/* It cannot be run here. */
static void turn_away(struct turn *t, enum where where)
{
    struct call *call = t->call;
    if (where == SLOT_AWAY && (call->number || call->cast) && !call->inbound && !turn_is_letter(t)) {
        away_call(t->slot, call);
        return;
    }
    call->reply.err = undone(t);
    call_answer(call);
}

void turn_run(struct slot *s, struct call *call)
{
    call->slot = s;
    call->undone = false;
    list_init(&call->waiting);
    if (!call->deadline_ms) call_number(s, call);
    stat_add(&s->home->stats.commands, 1);
    call->repeatable = false;
    struct turn t = {.slot = s, .call = call, .spec = &s->cluster->config.command[call->cmd.type]};
    list_init(&t.others);
    list_init(&t.letters);
    for (;;) {
        enum where where = slot_find(s);
        if (where != SLOT_HERE) {
            turn_away(&t, where);
            return;
        }
        t.entity = entity_get(s, t.spec->kind, call->cmd.key, true);
        if (t.spec->shared) break;
        fiber_lock(&t.entity->lock);
        if (!t.entity->detached) break;
        fiber_unlock(&t.entity->lock);
        entity_unuse(s, t.entity);
    }
    t.generation = s->generation;
    t.now_ms = clock_wall_ms(s->cluster->config.clock);
    unsigned generation = t.generation;
    if (!is_current(&t) || !answered_find(s, call)) {
        enum err e = is_current(&t) && !call_is_over(s, call) ? t.spec->run(&t) : undone(&t);
        conclude(&t, e);
    }
    use_up(&t, !t.spec->shared);
    if (call->undone && call_may_go_again(s, call))
        call_go_again(s, call);
    else if (call->need > s->durable && generation == s->generation)
        list_push(&s->waiting, &call->waiting);
    else
        call_answer(call);
}

static void call_returned(struct task *task)
{
    struct call *call = list_item(task, struct call, task);
    call->finish(call);
}

void call_answer(struct call *call)
{
    struct slot *s = call->slot;
    if (call->letters) {
        timer_set(s->loop, &call->patience, LETTER_PATIENCE_MS, give_up_on_letters);
        return;
    }
    timer_clear(s->loop, &call->patience);
    if (call->from == s->loop) {
        call->finish(call);
        return;
    }
    call->task.run = call_returned;
    loop_post(call->from, &call->task);
}
