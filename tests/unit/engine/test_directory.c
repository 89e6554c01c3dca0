/* The directory's entries: rows written before entries were kept are filled in from the rooms, once; the order in memory follows rows. */
#include "scene.h"

#include "base/pack.h"
#include "contract/stands.h"
#include "engine/room/room.h"

enum { ROOMS = 40 };

static struct str room_id(struct scene *x, int n)
{
    return arena_printf(&x->arena, "!room%d:localhost", n);
}

static void make_room(struct scene *x, int n)
{
    struct command c = {.type = CMD_room_create, .key = room_id(x, n), .s = {STR("11"), STR("@a:localhost"), STR("")}, .num = {1, now_ms}};
    c.s[3] =
        arena_printf(&x->arena,
                     "[{\"type\":\"m.room.create\",\"state_key\":\"\",\"sender\":\"@a:localhost\",\"content\":{\"room_version\":\"11\"}},"
                     "{\"type\":\"m.room.member\",\"state_key\":\"@a:localhost\",\"sender\":\"@a:localhost\",\"content\":"
                     "{\"membership\":\"join\"}},"
                     "{\"type\":\"m.room.name\",\"state_key\":\"\",\"sender\":\"@a:localhost\",\"content\":{\"name\":\"Name %d\"}}]",
                     n);
    assert_int_equal(call(x, c).err, ERR_OK);
}

static void make_rooms(struct scene *x)
{
    for (int n = 0; n < ROOMS; n++)
        make_room(x, n);
}

/* All slots: how many rooms they list, and that each has an entry with its name. */
static size_t listed(struct scene *x, const char *term)
{
    size_t n = 0;
    for (unsigned slot = 0; slot < CLUSTER_SLOTS; slot++) {
        struct command ask = {.type = CMD_slot_public_rooms, .key = engine_key_of_slot(x->engine, slot), .s = {str_c(term), STR("")}};
        struct command show = {.type = CMD_slot_public_entries, .key = ask.key};
        ask.num[2] = 1000;
        struct reply reply = call(x, ask);
        if (reply.num[3]) reply = call(x, ask);
        assert_int_equal(reply.num[3], 0);
        struct str list = reply.s[0], joined, id;
        struct buf ids;
        buf_init(&ids, 100000);
        while (pack_next(&list, &joined) && pack_next(&list, &id))
            pack_str(&ids, id);
        show.s[0] = buf_str(&ids);
        struct json *entries;
        assert_int_equal(json_parse(&x->arena, call(x, show).s[0], &entries, NULL), ERR_OK);
        json_each(v, entries)
        {
            assert_int_equal(json_int_at(v, "num_joined_members", 0), 1);
            assert_true(str_starts(json_string_at(v, "name"), STR("Name ")));
            n++;
        }
        buf_release(&ids);
    }
    return n;
}

static void ask(struct scene *x)
{
    assert_int_equal(listed(x, ""), ROOMS);
    assert_int_equal(listed(x, "name 1"), 11);
}

/* --- rows as they were --- */

static void applied(struct store_batch *b)
{
    b->count = 0;
}

/* The row of a listed room without an entry. The store's slot moves on, as if an owner had written it. */
static void write_bare(struct store *s, struct loop *l, struct str id)
{
    struct change c = {.row = {.table = T_public_room, .c[C_public_room_room_id].s = id, .c[C_public_room_entry].s = STR("")}};
    struct store_slot at;
    unsigned slot = cluster_slot_of(id);
    assert_int_equal(store_stands(s, slot, &at), ERR_OK);
    struct store_batch b = {.loop = l, .slot = slot, .epoch = at.epoch, .predecessor = at.position, .position = at.position + 1};
    b.change = &c;
    b.count = 1;
    b.done = applied;
    store_apply(s, &b);
    while (b.count)
        loop_poll(l);
    assert_int_equal(b.err, ERR_OK);
}

static void make_bare(struct store *s, int from)
{
    struct loop *l = loop_new(0);
    for (int n = from; n < ROOMS; n++) {
        char id[40];
        snprintf(id, sizeof id, "!room%d:localhost", n);
        write_bare(s, l, str_c(id));
    }
    loop_free(l);
}

static size_t rows_without_entry(struct scene *x)
{
    size_t n = 0;
    for (unsigned slot = 0; slot < CLUSTER_SLOTS; slot++) {
        struct store_read r = {.slot = slot, .table = T_public_room, .limit = 1000};
        read_rows(x, &r);
        for (size_t i = 0; i < r.count; i++)
            n += str_empty(r.row[i].c[C_public_room_entry].s);
    }
    return n;
}

static void ask_old(struct scene *x)
{
    assert_int_equal(rows_without_entry(x), ROOMS - 10);
    assert_int_equal(listed(x, "name 1"), 11);
    assert_int_equal(rows_without_entry(x), 0);
    ask(x);
}

static void of_a_store_from_before(void **state)
{
    (void)state;
    struct store *s = store_memory_new();
    play_on(s, make_rooms);
    play_on(s, ask);
    make_bare(s, 10);
    play_on(s, ask_old);
    play_on(s, ask);
    s->ops->close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(of_a_store_from_before)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
