/* A warm room is what its rows say: after anything that may happen to it, its memory is the same as that of a room which has just been read. */
#include "chat.h"

#include "store/faulty.h"

static uint64_t dice_state;
static unsigned dice(unsigned n)
{
    dice_state = dice_state * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(dice_state >> 33) % n;
}

/* --- a room's memory as text --- */

static void add_event(struct buf *b, const struct event *e)
{
    buf_printf(b, "%.*s ord=%lld position=%lld ts=%lld %.*s from %.*s", STR_FMT(e->event_id), (long long)e->ord,
               (long long)e->item.position, (long long)e->ts, STR_FMT(e->type), STR_FMT(e->sender));
    if (event_is_state(e)) buf_printf(b, " key '%.*s' membership=%d", STR_FMT(e->state_key), e->membership);
    buf_printf(b, " redacted by '%.*s' txn '%.*s' extra %.*s: %.*s (%.*s)\n", STR_FMT(e->redacted_by), STR_FMT(e->device_txn),
               STR_FMT(e->extra), STR_FMT(e->client), STR_FMT(e->content));
}

static struct str picture(struct scene *x)
{
    const struct room *r = room_in_memory(x);
    struct buf b;
    buf_init(&b, 1 << 22);
    buf_printf(&b, "%s by %.*s, %zu joined, %zu invited, depth %lld, first %lld, last %.*s at %lld\n", r->version->name,
               STR_FMT(r->creator), r->joined, r->invited, (long long)r->depth, (long long)r->first_ord, STR_FMT(r->last_event_id),
               (long long)r->last_event_position);
    const struct json *users = json_get(room_content(r, NULL, STR("m.room.power_levels"), STR("")), "users");
    for (unsigned i = 0; i < PEOPLE; i++) {
        const struct json *level = json_get_str(users, person(&x->arena, i));
        assert_int_equal(power_of_user(r->power, person(&x->arena, i)), level ? level->integer : 0);
    }
    int64_t last = INT64_MAX;
    list_each(it, &r->recent_state)
    {
        const struct event *e = list_item(it, struct state_entry, recent)->event;
        assert_true(e->item.position < last); /* newest first, here as in the other lists */
        last = e->item.position;
        add_event(&b, e);
    }
    buf_printf(&b, "%zu pieces of state, %zu events\n", map_count(&r->state), r->tail_count);
    for (size_t i = 0; i < r->tail_count; i++)
        add_event(&b, r->tail[i]);
    list_each(it, &r->recent_receipts)
    {
        const struct receipt *n = list_item(it, struct receipt, recent);
        assert_true(it == r->recent_receipts.next || n->position < last);
        last = n->position;
        buf_printf(&b, "%.*s %.*s in '%.*s' up to %.*s ord=%lld ts=%lld position=%lld\n", STR_FMT(n->user_id), STR_FMT(n->type),
                   STR_FMT(n->thread), STR_FMT(n->event_id), (long long)n->ord, (long long)n->ts, (long long)n->position);
    }
    list_each(it, &r->recent_devices)
    {
        const struct device_mark *m = list_item(it, struct device_mark, recent);
        assert_true(it == r->recent_devices.next || m->position < last);
        last = m->position;
        buf_printf(&b, "devices of %.*s at %lld\n", STR_FMT(str_make(m->user_id, m->n)), (long long)m->position);
    }
    assert_true(buf_ok(&b));
    struct str s = arena_str(&x->arena, buf_str(&b));
    buf_release(&b);
    return s;
}

/* --- what may happen --- */

enum { SAID_MAX = 400 };
struct said {
    struct str id[SAID_MAX];
    size_t count;
};

static void mark_devices(struct scene *x, struct str user)
{
    struct command c = {.type = CMD_rooms_devices_changed, .key = engine_key_of_slot(x->engine, cluster_slot_of(ROOM)), .s[0] = user};
    struct buf b;
    struct reply reply;
    buf_init(&b, 100);
    pack_str(&b, ROOM);
    c.s[1] = arena_str(&x->arena, buf_str(&b));
    buf_release(&b);
    (void)!attempt(x, c, &reply);
}

static struct str any_content(struct scene *x, const struct said *said)
{
    struct arena *a = &x->arena;
    unsigned n = dice(1000);
    if (said->count == 0 || dice(3)) return arena_printf(a, "{\"msgtype\":\"m.text\",\"body\":\"%u\"}", n);
    struct str id = said->id[dice((unsigned)said->count)];
    static const char *const kinds[] = {"m.thread", "m.reference", "m.replace"};
    return arena_printf(a,
                        "{\"msgtype\":\"m.text\",\"body\":\"%u\",\"m.new_content\":{\"msgtype\":\"m.text\",\"body\":\"x\"},"
                        "\"m.relates_to\":{\"rel_type\":\"%s\",\"event_id\":\"%.*s\"}}",
                        n, kinds[dice(3)], STR_FMT(id));
}

static struct command any_command(struct scene *x, const struct said *said)
{
    static const char *const actions[] = {"join", "join", "leave", "invite", "kick", "ban", "unban"};
    static const char *const types[] = {"m.read", "m.read.private"};
    struct arena *a = &x->arena;
    struct str who = person(a, dice(PEOPLE)), other = person(a, dice(PEOPLE + 2)),
               id = said->count ? said->id[dice((unsigned)said->count)] : STR("$");
    struct command c;
    switch (dice(10)) {
    case 0:
        return member(dice(2) ? who : other, other, actions[dice(7)]);
    case 1:
        return state(who, STR("m.room.topic"), STR(""), arena_printf(a, "{\"topic\":\"%u\"}", dice(5)));
    case 2:
        return state(who, STR("org.example.thing"), arena_printf(a, "%u", dice(4)), arena_printf(a, "{\"n\":%u}", dice(1000)));
    case 3:
        return redact(x, who, id);
    case 4:
        return state(person(a, 0), STR("m.room.power_levels"), STR(""),
                     arena_printf(a, "{\"users\":{\"@u0:localhost\":100,\"@u%u:localhost\":%u},\"state_default\":0,\"redact\":0}",
                                  1 + dice(4), dice(60)));
    case 5:
        return read_up_to(who, types[dice(2)], dice(2) ? STR("") : STR("main"), id);
    case 6:
        c = (struct command){.type = CMD_room_profile, .key = ROOM, .s = {who, arena_printf(a, "\"name %u\"", dice(50)), STR("null")}};
        return c;
    default:
        c = message(who, any_content(x, said));
        if (dice(3) == 0) c.s[4] = arena_printf(a, "DEVICE\x1f%u", dice(100));
        return c;
    }
}

static struct said said;
static struct store *faulty;
static bool faults;
static uint64_t seed;
static char before[1 << 21];

static void anything(struct scene *x)
{
    log_setup((enum log_level)(LOG_ERROR + 1), false); /* refusals are expected */
    said.count = 0;
    fill_room(x);
    size_t done = 0;
    for (unsigned i = 0; i < 250; i++) {
        struct reply reply;
        struct command c = any_command(x, &said);
        now_ms += dice(1000);
        if (faults && dice(15) == 0) store_faulty_fail_nth(faulty, 1);
        if (dice(20) == 0) mark_devices(x, person(&x->arena, dice(PEOPLE)));
        enum err e = attempt(x, c, &reply);
        done += e == ERR_OK;
        if (e == ERR_OK && c.type == CMD_room_send && said.count < SAID_MAX && !str_empty(reply.s[0])) said.id[said.count++] = reply.s[0];
        if (e == ERR_STORAGE && !faults) fail_msg("%s", reply.fault.text);
    }
    store_faulty_fail_nth(faulty, 0);
    assert_true(done > 100);
    warm_up(x);
    struct str s = picture(x);
    assert_true(s.n < sizeof before);
    memcpy(before, s.p, s.n);
    before[s.n] = 0;
}

static void look_again(struct scene *x)
{
    warm_up(x);
    char *now = arena_cstr(&x->arena, picture(x));
    if (strcmp(before, now) == 0) return;
    size_t at = 0;
    while (before[at] == now[at])
        at++;
    while (at > 0 && before[at - 1] != '\n')
        at--;
    fail_msg("seed %llu: in memory\n  %.*s\nread again\n  %.*s", (unsigned long long)seed, (int)strcspn(before + at, "\n"), before + at,
             (int)strcspn(now + at, "\n"), now + at);
}

static void play_seed(void (*script)(struct scene *x))
{
    dice_state = seed * 7919;
    faulty = store_faulty_new(store_memory_new());
    play_on(faulty, script);
    play_on(faulty, look_again);
    faulty->ops->close(faulty);
}

static void a_warm_room_is_what_its_rows_say(void **state)
{
    (void)state;
    faults = false;
    for (seed = 1; seed <= 8; seed++)
        play_seed(anything);
}

static void also_where_the_store_refuses(void **state)
{
    (void)state;
    faults = true;
    for (seed = 100; seed < 108; seed++)
        play_seed(anything);
}

static void anything_and_a_new_owner(struct scene *x)
{
    anything(x);
    hand_room_over(x);
    look_again(x);
}

static void so_is_one_that_was_handed_over(void **state)
{
    (void)state;
    faults = false;
    for (seed = 200; seed < 208; seed++)
        play_seed(anything_and_a_new_owner);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_warm_room_is_what_its_rows_say),
        cmocka_unit_test(also_where_the_store_refuses),
        cmocka_unit_test(so_is_one_that_was_handed_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
