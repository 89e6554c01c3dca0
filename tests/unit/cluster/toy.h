/* A made-up engine. A box holds numbered things of some value; its memory is their sum. A thing can be moved to another box by a letter,
 * and each pair of boxes counts its letters in rows of both, so that one which is lost, comes twice or overtakes is seen. */
#ifndef ROOKERY_TESTS_CLUSTER_TOY_H
#define ROOKERY_TESTS_CLUSTER_TOY_H

#include "unit/cluster/fixture.h"

enum { TOY_BOX, TOY_KINDS };
enum { BOX_ADD, BOX_DEL, BOX_MOVE, BOX_TAKE, BOX_LIST, BOX_FOLLOW, BOX_RUN, BOX_ASK, TOY_COMMANDS };
/* num[2] of a change: what goes wrong */
enum { TOY_GOOD, TOY_REFUSED_FIRST, TOY_REFUSED_LAST, TOY_TOO_LARGE };

struct toy {
    /* What the next letters meet. */
    unsigned take_failures;
    enum err take_error;
    bool take_too_large;
    bool unique; /* each thing is brought once: one that is there already is brought twice */
    /* What may never be. */
    atomic_uint doubled, overtaken, diverged, repeated;
};

struct box {
    int64_t total, count;
};

static inline struct toy *toy_of(const struct turn *t)
{
    return ((struct scene *)turn_engine(t))->own;
}

/* --- rows --- */

static inline struct row thing_row(struct str box, int64_t id, int64_t value)
{
    struct row row = {.table = T_timeline};
    row.c[C_timeline_room_id].s = box;
    row.c[C_timeline_ord].i = id;
    row.c[C_timeline_position].i = value;
    row.c[C_timeline_json].s = STR("{}");
    return row;
}

static inline struct store_read things_read(struct str box)
{
    return (struct store_read){.table = T_timeline, .prefix = 1, .key = {cell_str(box)}, .limit = 100000};
}

static inline struct row note_row(struct str box, struct str field, struct str text)
{
    struct row row = {.table = T_profile};
    row.c[C_profile_user_id].s = box;
    row.c[C_profile_field].s = field;
    row.c[C_profile_json].s = text;
    return row;
}

static inline enum err number_get(struct turn *t, struct str field, int64_t *out)
{
    struct row row;
    enum err e = turn_get(t, T_profile, (struct cell[]){cell_str(turn_entity(t)->key), cell_str(field)}, &row);
    *out = 0;
    if (e == ERR_OK) assert_true(str_to_int64(row.c[C_profile_json].s, out));
    return e == ERR_NOT_FOUND ? ERR_OK : e;
}

static inline void number_put(struct turn *t, struct str field, int64_t n)
{
    struct row row = note_row(turn_entity(t)->key, field, arena_printf(turn_arena(t), "%lld", (long long)n));
    turn_put(t, &row);
}

/* --- memory --- */

static inline enum err box_load(struct turn *t, struct box **out)
{
    struct entity *e = turn_entity(t);
    if (!e->state) {
        struct store_read r = things_read(e->key);
        enum err err = turn_range(t, &r);
        if (err != ERR_OK) return err;
        if (!e->state) { /* somebody may have been faster */
            struct box *b = mem_zero(sizeof *b);
            for (size_t i = 0; i < r.count; i++)
                b->total += r.row[i].c[C_timeline_position].i;
            b->count = (int64_t)r.count;
            e->state = b;
        }
    }
    *out = e->state;
    return ERR_OK;
}

/* --- items --- */

static inline int64_t toy_tell(struct turn *t, int64_t id)
{
    int64_t position = turn_position(t);
    turn_item(t, &toy_item_new(turn_entity(t)->key, position, id)->item);
    return position;
}

/* --- changes --- */

static inline void spoil(struct turn *t)
{
    static char big[70000]; /* more than a profile field takes */
    struct row row = note_row(turn_entity(t)->key, STR("big"), str_make(big, sizeof big));
    turn_put(t, &row);
}

/* After the last row: memory, or the way back. num[0] of the reply: the position; num[1]: the new total. */
static inline enum err box_changed(struct turn *t, struct box *b, int64_t id, int64_t value, int64_t count)
{
    int64_t mode = turn_command(t)->num[2];
    turn_reply(t)->num[0] = toy_tell(t, id);
    if (mode == TOY_REFUSED_LAST) return fault_set(turn_fault(t), ERR_FORBIDDEN, "Refused at last.");
    if (mode == TOY_TOO_LARGE) spoil(t);
    enum err e = turn_ready(t);
    if (e != ERR_OK) return e;
    b->total += value;
    b->count += count;
    turn_reply(t)->num[1] = b->total;
    return ERR_OK;
}

/* For toy->unique. */
static inline enum err look_for(struct turn *t, int64_t id)
{
    struct row row = thing_row(turn_entity(t)->key, id, 0), old;
    if (!toy_of(t)->unique) return ERR_OK;
    enum err e = turn_get(t, T_timeline, row.c, &old);
    toy_of(t)->repeated += e == ERR_OK;
    return e == ERR_NOT_FOUND ? ERR_OK : e;
}

/* BOX_ADD, BOX_DEL, BOX_MOVE: num[0] the thing, num[1] its value, num[2] what goes wrong, num[3] ms to wait before; BOX_MOVE: s[0] where to, num[4]
 * apart. */
static inline enum err box_change(struct turn *t)
{
    const struct command *c = turn_command(t);
    struct box *b;
    if (c->num[2] == TOY_REFUSED_FIRST) return fault_set(turn_fault(t), ERR_FORBIDDEN, "Refused at first.");
    enum err e = box_load(t, &b);
    if (e == ERR_OK) e = look_for(t, c->num[0]);
    if (e == ERR_OK && c->num[3]) fiber_sleep_ms(c->num[3]);
    if (e != ERR_OK) return e;
    struct row row = thing_row(turn_entity(t)->key, c->num[0], c->num[1]);
    turn_put(t, &row);
    return box_changed(t, b, c->num[0], c->num[1], 1);
}

static inline enum err box_del(struct turn *t)
{
    const struct command *c = turn_command(t);
    struct box *b;
    struct row row = thing_row(turn_entity(t)->key, c->num[0], 0), old;
    enum err e = box_load(t, &b);
    if (e == ERR_OK) e = turn_get(t, T_timeline, row.c, &old);
    if (e != ERR_OK) return e;
    turn_del(t, &row);
    return box_changed(t, b, c->num[0], -old.c[C_timeline_position].i, -1);
}

static inline enum err box_move(struct turn *t)
{
    const struct command *c = turn_command(t);
    struct box *b;
    int64_t sent = 0;
    struct str counter = arena_join(turn_arena(t), STR("to "), c->s[0], STR(""));
    enum err e = box_load(t, &b);
    if (e == ERR_OK) e = look_for(t, c->num[0]);
    if (e == ERR_OK) e = number_get(t, counter, &sent);
    if (e != ERR_OK) return e;
    struct row row = thing_row(turn_entity(t)->key, c->num[0], -c->num[1]);
    turn_put(t, &row);
    number_put(t, counter, sent + 1);
    struct command take = {.type = BOX_TAKE, .key = c->s[0], .num = {c->num[0], c->num[1], TOY_GOOD, sent + 1}, .s = {turn_entity(t)->key}};
    turn_letter(t, &take, c->num[4] != 0);
    return box_changed(t, b, c->num[0], -c->num[1], 1);
}

/* The letter: num[0] the thing, num[1] its value, num[3] which letter of this pair of boxes; s[0] where it comes from. */
static inline enum err box_take(struct turn *t)
{
    const struct command *c = turn_command(t);
    struct toy *toy = toy_of(t);
    struct box *b;
    int64_t last = 0;
    assert_true(turn_is_letter(t));
    struct str counter = arena_join(turn_arena(t), STR("from "), c->s[0], STR(""));
    enum err e = box_load(t, &b);
    if (e == ERR_OK) e = number_get(t, counter, &last);
    if (e != ERR_OK) return e;
    if (toy->take_failures) {
        toy->take_failures--;
        if (toy->take_too_large) spoil(t);
        return toy->take_too_large ? turn_ready(t) : toy->take_error;
    }
    struct row row = thing_row(turn_entity(t)->key, c->num[0], c->num[1]);
    turn_put(t, &row);
    number_put(t, counter, c->num[3]);
    e = box_changed(t, b, c->num[0], c->num[1], 1);
    if (e != ERR_OK) return e;
    toy->doubled += c->num[3] <= last;
    toy->overtaken += c->num[3] > last + 1;
    return ERR_OK;
}

/* --- questions --- */

/* The things of a box. Reply: num[0] how many, num[1] their sum; s[0] their numbers, 8 bytes each. */
static inline enum err box_list(struct turn *t)
{
    struct store_read r = things_read(turn_entity(t)->key);
    struct entity *entity = turn_entity(t);
    enum err e = turn_range(t, &r);
    if (e != ERR_OK) return e;
    int64_t sum = 0, *id = arena_array(turn_arena(t), r.count + 1, sizeof *id);
    for (size_t i = 0; i < r.count; i++) {
        id[i] = r.row[i].c[C_timeline_ord].i;
        sum += r.row[i].c[C_timeline_position].i;
    }
    const struct box *b = entity->state;
    if (b && (b->total != sum || b->count != (int64_t)r.count)) toy_of(t)->diverged++;
    turn_reply(t)->num[0] = (int64_t)r.count;
    turn_reply(t)->num[1] = sum;
    turn_reply(t)->s[0] = str_make((const char *)id, r.count * sizeof *id);
    return ERR_OK;
}

/* The same, and the gateway num[0] gets what comes. */
static inline enum err box_follow(struct turn *t)
{
    turn_follow(t, turn_entity(t)->key, (unsigned)turn_command(t)->num[0]);
    return box_list(t);
}

/* What a test does in a turn of its own: num[7] is its function. */
static inline enum err box_run(struct turn *t)
{
    enum err (*fn)(struct turn *) = (enum err(*)(struct turn *))(intptr_t)turn_command(t)->num[7];
    return fn(t);
}

static const struct command_spec toy_commands[TOY_COMMANDS] = {
    [BOX_ADD] = {"box_add", TOY_BOX, false, box_change}, [BOX_DEL] = {"box_del", TOY_BOX, false, box_del},
    [BOX_MOVE] = {"box_move", TOY_BOX, false, box_move}, [BOX_TAKE] = {"box_take", TOY_BOX, false, box_take},
    [BOX_LIST] = {"box_list", TOY_BOX, true, box_list},  [BOX_FOLLOW] = {"box_follow", TOY_BOX, true, box_follow},
    [BOX_RUN] = {"box_run", TOY_BOX, false, box_run},    [BOX_ASK] = {"box_ask", TOY_BOX, true, box_run},
};
/* For JOURNAL_QUEUE: a box's things, and its counters. */
static const unsigned char toy_at_hand[T__COUNT] = {[T_timeline] = 1, [T_profile] = 1};
static const struct entity_kind toy_kinds[TOY_KINDS] = {{.name = "box", .warm_max = 1000, .free_state = mem_free}};

/* --- a scene with it --- */

struct toy_scene {
    struct scene scene; /* first */
    struct toy toy;
    struct arena arena;
};

static inline void toy_init(struct toy_scene *x, unsigned loops)
{
    x->toy = (struct toy){0};
    scene_init(&x->scene, loops, toy_commands, TOY_COMMANDS, toy_kinds, TOY_KINDS);
    x->scene.own = &x->toy;
    arena_init(&x->arena);
    scene_settle(&x->scene);
}

static inline void toy_release(struct toy_scene *x)
{
    scene_release(&x->scene);
    arena_release(&x->arena);
    assert_int_equal(x->toy.doubled, 0);
    assert_int_equal(x->toy.overtaken, 0);
    assert_int_equal(x->toy.diverged, 0);
    assert_int_equal(x->toy.repeated, 0);
}

static inline int toy_setup(void **state)
{
    struct toy_scene *x = mem_zero(sizeof *x);
    toy_init(x, SCENE_LOOPS);
    *state = x;
    return 0;
}
static inline int toy_teardown(void **state)
{
    toy_release(*state);
    mem_free(*state);
    return 0;
}

static inline struct command add(struct str box, int64_t id, int64_t value)
{
    return (struct command){.type = BOX_ADD, .key = box, .num = {id, value}};
}
static inline struct command add_badly(struct str box, int64_t id, int64_t mode)
{
    return (struct command){.type = BOX_ADD, .key = box, .num = {id, 1, mode}};
}
static inline struct command del(struct str box, int64_t id)
{
    return (struct command){.type = BOX_DEL, .key = box, .num = {id}};
}
static inline struct command move(struct str box, struct str to, int64_t id, int64_t value)
{
    return (struct command){.type = BOX_MOVE, .key = box, .num = {id, value}, .s = {to}};
}
static inline struct command list_of(struct str box)
{
    return (struct command){.type = BOX_LIST, .key = box};
}

/* Is the thing in what list_of was answered? */
static inline bool list_has(const struct reply *list, int64_t id)
{
    const int64_t *ids = (const int64_t *)(const void *)list->s[0].p;
    for (int64_t i = 0; i < list->num[0]; i++)
        if (ids[i] == id) return true;
    return false;
}

static inline struct command run(struct str box, enum err (*fn)(struct turn *t))
{
    return (struct command){.type = BOX_RUN, .key = box, .num = {[7] = (intptr_t)fn}};
}
static inline struct command run_shared(struct str box, enum err (*fn)(struct turn *t))
{
    return (struct command){.type = BOX_ASK, .key = box, .num = {[7] = (intptr_t)fn}};
}

/* How many things are in the box. */
static inline int64_t count_of(struct scene *x, struct str box)
{
    struct reply reply;
    assert_int_equal(tell(x, list_of(box), &reply), ERR_OK);
    return reply.num[0];
}
static inline int64_t sum_of(struct scene *x, struct str box)
{
    struct reply reply;
    assert_int_equal(tell(x, list_of(box), &reply), ERR_OK);
    return reply.num[1];
}

#endif
