/* What the cache keeps of rooms and users: an engine that comes after another one reads less, and nothing that is not so, whatever the cache has kept, lost or
 * been given by others. */
#include "chat.h"

#include "engine/hot.h"
#include "engine/user/presence.h"
#include "store/trace.h"

enum { CROWD = 40, CACHE_BYTES = 16 << 20 };
#define ALICE STR("@alice:localhost")
#define DEVICE STR("DEVICE")
#define TOPIC STR("m.room.topic")

/* --- a cache that is odd on command --- */

struct odd {
    struct cache cache;
    struct cache *inside;
    bool frozen;   /* takes nothing: what it has gets old */
    bool flips;    /* gives a bit that is another */
    bool promises; /* says that what it has is of today */
    int gives;     /* so many values more; -1: all */
    int pages;     /* of rooms that it was told */
    bool waits;    /* gives nothing yet */
    int asking;    /* so many wait for it */
};

static struct odd *odd_of(struct cache *c)
{
    return (struct odd *)(void *)c;
}

static bool odd_get(struct cache *c, struct str key, struct arena *a, struct cache_value *out)
{
    struct odd *o = odd_of(c);
    o->asking++;
    while (o->waits)
        fiber_sleep_ms(1);
    o->asking--;
    if (o->gives == 0 || !cache_get(o->inside, key, a, out)) return false;
    o->gives -= o->gives > 0;
    out->value = arena_str(a, out->value);
    if (o->flips) ((char *)(uintptr_t)out->value.p)[out->value.n - 1] ^= 1;
    if (o->promises) out->position = INT64_MAX;
    return true;
}

static void odd_set(struct cache *c, struct str key, struct str value, int64_t position, int64_t ttl_ms)
{
    odd_of(c)->pages += key.p[0] == HOT_ROOM_PAGE;
    if (!odd_of(c)->frozen) cache_set(odd_of(c)->inside, key, value, position, ttl_ms);
}

static void odd_del(struct cache *c, struct str key, int64_t position)
{
    if (!odd_of(c)->frozen) cache_del(odd_of(c)->inside, key, position);
}

static bool odd_incr(struct cache *c, struct str key, int64_t by, int64_t ttl_ms, int64_t *now)
{
    return cache_incr(odd_of(c)->inside, key, by, ttl_ms, now);
}

static bool odd_owe(struct cache *c, struct str key, int64_t add_ms, int64_t most_ms, int64_t *owed_ms)
{
    return cache_owe(odd_of(c)->inside, key, add_ms, most_ms, owed_ms);
}

static void odd_stats(struct cache *c, struct cache_stats *out)
{
    cache_stats(odd_of(c)->inside, out);
}

static void odd_close(struct cache *c)
{
    cache_close(odd_of(c)->inside);
    mem_free(c);
}

static const struct cache_ops odd_ops = {.name = "odd",
                                         .get = odd_get,
                                         .set = odd_set,
                                         .del = odd_del,
                                         .incr = odd_incr,
                                         .owe = odd_owe,
                                         .stats = odd_stats,
                                         .close = odd_close};

static struct cache *odd_new(void)
{
    struct odd *o = mem_zero(sizeof *o);
    *o = (struct odd){.cache.ops = &odd_ops, .inside = cache_local_open(CACHE_BYTES, &test_clock), .gives = -1};
    return &o->cache;
}

/* --- engines, one after another, on one store --- */

static struct store *store;
static struct cache *cache;
/* Of the engine that played last. */
static uint64_t verdict[HOT_VERDICTS], reads_made;

static int set_up(void **state)
{
    (void)state;
    store = store_trace_new(store_memory_new());
    cache = odd_new();
    return 0;
}

static int take_down(void **state)
{
    (void)state;
    store->ops->close(store);
    cache_close(cache);
    return 0;
}

static void lose_all(void)
{
    cache_close(cache);
    cache = odd_new();
}

static uint64_t reads(void)
{
    struct store_trace n;
    store_trace_counts(store, &n);
    return n.reads;
}

static void (*scene_now)(struct scene *x);

/* What opening the slots reads does not count. */
static void and_count(struct scene *x)
{
    struct cluster_stats s = {0};
    while (s.slots_open < CLUSTER_SLOTS) {
        fiber_sleep_ms(1);
        cluster_stats(x->engine->cluster, &s);
    }
    uint64_t before = reads();
    scene_now(x);
    reads_made = reads() - before;
    for (unsigned i = 0; i < HOT_VERDICTS; i++)
        verdict[i] = hot_counted(x->engine, (enum hot_verdict)i);
}

/* How many reads it took. */
static uint64_t engine_plays(void (*script)(struct scene *x))
{
    scene_now = script;
    play_with(store, cache, and_count);
    return reads_made;
}

/* --- rooms --- */

static void make_crowd(struct scene *x)
{
    make_room(x);
    for (unsigned i = 1; i < CROWD; i++)
        call(x, member(person(&x->arena, i), person(&x->arena, i), "join"));
    call(x, state(person(&x->arena, 0), TOPIC, STR(""), STR("{\"topic\":\"old\"}")));
    say(x, person(&x->arena, 0), "{\"body\":\"hello\"}");
}

static struct str topic_of(struct scene *x)
{
    warm_up(x);
    struct event *e = room_state(room_in_memory(x), TOPIC, STR(""));
    assert_non_null(e);
    return e->content;
}

/* Everything that the room's state says, in the order of its changes. */
static struct str all_state(struct scene *x)
{
    struct buf b;
    buf_init(&b, 1 << 20);
    warm_up(x);
    struct room *r = room_in_memory(x);
    list_each(it, &r->recent_state)
    {
        const struct event *e = list_item(it, struct state_entry, recent)->event;
        buf_add(&b, e->client);
        buf_add(&b, e->extra);
        buf_add(&b, e->redacted_by);
        buf_int(&b, e->ord);
        buf_int(&b, e->item.position);
    }
    buf_int(&b, (int64_t)r->joined);
    struct str all = arena_str(&x->arena, buf_str(&b));
    buf_release(&b);
    return all;
}

static unsigned char state_hash[2][SHA256_BYTES];

static void look_first(struct scene *x)
{
    sha256(all_state(x), state_hash[0]);
    assert_int_equal(room_in_memory(x)->joined, CROWD);
}

static void look_again(struct scene *x)
{
    sha256(all_state(x), state_hash[1]);
}

static void assert_same_state(void)
{
    assert_memory_equal(state_hash[0], state_hash[1], SHA256_BYTES);
}

static void a_room_is_not_read_member_by_member(void **s)
{
    (void)s;
    engine_plays(make_crowd);
    uint64_t with = engine_plays(look_first);
    assert_true(verdict[HOT_USED] > 0);
    lose_all();
    uint64_t without = engine_plays(look_again);
    assert_same_state();
    assert_true(without > CROWD);
    assert_true(with + CROWD * 3 / 4 < without);
    /* Whoever had to read all has told the cache all. */
    uint64_t after = engine_plays(look_again);
    assert_same_state();
    assert_true(after <= with);
}

static void change_topic(struct scene *x)
{
    call(x, state(person(&x->arena, 0), TOPIC, STR(""), STR("{\"topic\":\"new\"}")));
}

static void sees_new_topic(struct scene *x)
{
    assert_true(str_is(topic_of(x), "{\"topic\":\"new\"}"));
}

static void redact_topic(struct scene *x)
{
    assert_true(str_is(topic_of(x), "{\"topic\":\"old\"}"));
    call(x, redact(x, person(&x->arena, 0), room_state(room_in_memory(x), TOPIC, STR(""))->event_id));
}

static void sees_no_topic(struct scene *x)
{
    assert_true(str_is(topic_of(x), "{}"));
    assert_true(room_state(room_in_memory(x), TOPIC, STR(""))->redacted_by.n > 0);
}

static void new_state_is_seen_where_the_cache_is_old(void **s)
{
    (void)s;
    engine_plays(make_crowd);
    odd_of(cache)->frozen = true;
    engine_plays(change_topic);
    engine_plays(sees_new_topic);
    assert_true(verdict[HOT_USED] > 0); /* the others are still so */
}

static void what_was_redacted_does_not_come_back(void **s)
{
    (void)s;
    engine_plays(make_crowd);
    odd_of(cache)->frozen = true;
    engine_plays(redact_topic);
    assert_true(verdict[HOT_USED] > 0);
    engine_plays(sees_no_topic);
    assert_int_equal(verdict[HOT_USED], 0);
    assert_true(verdict[HOT_OLD] > 0);
    odd_of(cache)->promises = true; /* a cache that says otherwise is not believed */
    engine_plays(sees_no_topic);
    assert_true(verdict[HOT_BROKEN] > 0);
    odd_of(cache)->promises = odd_of(cache)->frozen = false;
    engine_plays(sees_no_topic); /* tells the cache */
    engine_plays(sees_no_topic);
    assert_true(verdict[HOT_USED] > 0);
    assert_int_equal(verdict[HOT_OLD], 0);
}

static void what_is_damaged_is_not_believed(void **s)
{
    (void)s;
    engine_plays(make_crowd);
    lose_all();
    engine_plays(look_first);
    odd_of(cache)->flips = true;
    engine_plays(look_again);
    assert_same_state();
    assert_int_equal(verdict[HOT_USED], 0);
    assert_true(verdict[HOT_BROKEN] > 0);
}

/* Pages that the cache lost, whichever: what they had is read. */
static void any_page_may_be_lost(void **s)
{
    (void)s;
    engine_plays(make_crowd);
    uint64_t whole = engine_plays(look_first), pages = verdict[HOT_USED];
    assert_true(pages > 1);
    odd_of(cache)->frozen = true;
    for (int keep = 0; keep < (int)pages; keep++) {
        odd_of(cache)->gives = keep;
        assert_true(engine_plays(look_again) > whole);
        assert_same_state();
    }
}

/* How many pages the cache has been told until now. */
static int pages_told(struct scene *x)
{
    while (hot_is_telling(x->engine->hot))
        fiber_sleep_ms(1);
    return odd_of(cache)->pages;
}

static struct str topic_id(struct scene *x)
{
    warm_up(x);
    return arena_str(&x->arena, room_state(room_in_memory(x), TOPIC, STR(""))->event_id);
}

static void redact_often(struct scene *x, struct str event_id)
{
    for (int i = 0; i < 20; i++) {
        call(x, redact(x, person(&x->arena, 0), event_id));
        say(x, person(&x->arena, 1), "{\"body\":\"meanwhile\"}");
    }
}

static void redact_what_is_over(struct scene *x)
{
    struct str old = topic_id(x);
    change_topic(x);
    int before = pages_told(x);
    redact_often(x, old);
    assert_int_equal(pages_told(x), before);
}

static void redacting_what_is_over_is_no_news(void **s)
{
    (void)s;
    engine_plays(make_crowd);
    engine_plays(redact_what_is_over);
    engine_plays(sees_new_topic);
    assert_true(verdict[HOT_USED] > 0);
    assert_int_equal(verdict[HOT_OLD], 0);
}

/* All is told anew, and the page behind it that ends the list. */
static void redact_what_is_so(struct scene *x)
{
    struct str topic = topic_id(x);
    int before = pages_told(x);
    redact_often(x, topic);
    assert_int_equal(pages_told(x), before + 2);
    now_ms += HOUR_MS;
    say(x, person(&x->arena, 1), "{\"body\":\"later\"}");
    assert_int_equal(pages_told(x), before + 4);
}

static void a_room_is_not_told_anew_for_each_redaction(void **s)
{
    (void)s;
    engine_plays(make_crowd);
    engine_plays(redact_what_is_so);
    engine_plays(sees_no_topic);
    assert_true(verdict[HOT_USED] > 0);
    assert_int_equal(verdict[HOT_OLD], 0);
}

/* The key stays the same, so that nothing but the name keeps them apart. */
static void another_history_is_another_world(void **s)
{
    (void)s;
    struct arena a;
    struct str key;
    engine_plays(make_crowd);
    struct store *first = store;
    arena_init(&a);
    assert_int_equal(first->ops->meta_get(first, STR("server_key"), &a, &key), ERR_OK);
    store = store_trace_new(store_memory_new());
    assert_int_equal(store->ops->meta_set(store, STR("server_key"), key), ERR_OK);
    arena_release(&a);
    odd_of(cache)->frozen = true;
    engine_plays(make_room);
    engine_plays(warm_up);
    assert_int_equal(verdict[HOT_USED] + verdict[HOT_OLD] + verdict[HOT_BROKEN], 0);
    assert_true(verdict[HOT_NONE] > 0);
    first->ops->close(first);
}

/* --- users --- */

static struct str token_hash(unsigned n)
{
    static char hex[2][65];
    memset(hex[n], 'a' + (int)n, 64);
    return str_make(hex[n], 64);
}

static void make_alice(struct scene *x)
{
    struct command c = {.type = CMD_user_create, .key = ALICE, .s = {STR("hash"), DEVICE, {0}, token_hash(0)}};
    assert_int_equal(call(x, c).err, ERR_OK);
    struct command profile = {.type = CMD_user_profile_put, .key = ALICE, .s = {STR("displayname"), STR("\"Old\"")}};
    assert_int_equal(call(x, profile).err, ERR_OK);
}

static enum err session(struct scene *x, unsigned n)
{
    return call(x, (struct command){.type = CMD_user_session, .key = ALICE, .s[0] = token_hash(n)}).err;
}

static struct str name_now(struct scene *x)
{
    struct reply r = call(x, (struct command){.type = CMD_user_profile_get, .key = ALICE});
    return r.err == ERR_OK ? r.s[0] : STR("gone");
}

static void alice_comes(struct scene *x)
{
    struct command sync = {.type = CMD_user_sync, .key = ALICE, .s[0] = DEVICE};
    assert_int_equal(session(x, 0), ERR_OK);
    assert_int_equal(session(x, 1), ERR_NOT_FOUND);
    assert_true(str_is(name_now(x), "{\"displayname\":\"Old\"}"));
    assert_int_equal(call(x, sync).err, ERR_OK);
}

static void alice_goes(struct scene *x)
{
    struct command logout = {.type = CMD_user_devices_delete, .key = ALICE};
    struct command profile = {.type = CMD_user_profile_put, .key = ALICE, .s = {STR("displayname"), STR("\"New\"")}};
    assert_int_equal(session(x, 0), ERR_OK);
    assert_int_equal(call(x, logout).err, ERR_OK);
    assert_int_equal(call(x, profile).err, ERR_OK);
    assert_int_equal(session(x, 0), ERR_NOT_FOUND);
}

static void alice_is_gone(struct scene *x)
{
    assert_int_equal(session(x, 0), ERR_NOT_FOUND);
    assert_true(str_is(name_now(x), "{\"displayname\":\"New\"}"));
}

static void who_comes_back_is_read_seldom(void **s)
{
    (void)s;
    engine_plays(make_alice);
    uint64_t first = engine_plays(alice_comes), then = engine_plays(alice_comes);
    assert_true(verdict[HOT_USED] >= 5);
    assert_int_equal(verdict[HOT_OLD] + verdict[HOT_NONE] + verdict[HOT_BROKEN], 0);
    assert_true(then * 2 < first);
}

static void a_session_that_ended_stays_ended(void **s)
{
    (void)s;
    engine_plays(make_alice);
    engine_plays(alice_comes);
    odd_of(cache)->frozen = true;
    engine_plays(alice_goes);
    engine_plays(alice_is_gone);
    assert_true(verdict[HOT_OLD] >= 2);
    assert_int_equal(verdict[HOT_USED], 0);
    odd_of(cache)->promises = true;
    engine_plays(alice_is_gone);
    assert_true(verdict[HOT_BROKEN] >= 2);
}

static void alice_joins(struct scene *x)
{
    make_room(x);
    call(x, member(ALICE, ALICE, "join"));
}

static void alice_is_in(struct scene *x)
{
    struct reply r = call(x, (struct command){.type = CMD_user_joined_rooms, .key = ALICE});
    assert_true(str_is(r.s[0], "[\"!room:localhost\"]"));
}

static void alice_leaves(struct scene *x)
{
    call(x, member(ALICE, ALICE, "leave"));
}

static void alice_is_out(struct scene *x)
{
    struct reply r = call(x, (struct command){.type = CMD_user_joined_rooms, .key = ALICE});
    assert_true(str_is(r.s[0], "[]"));
}

static void rooms_that_were_left_stay_left(void **s)
{
    (void)s;
    engine_plays(make_alice);
    engine_plays(alice_joins);
    engine_plays(alice_is_in);
    engine_plays(alice_is_in);
    assert_true(verdict[HOT_USED] > 0);
    odd_of(cache)->frozen = true;
    engine_plays(alice_leaves);
    engine_plays(alice_is_out);
}

/* --- presence --- */

static void alice_is_here(struct scene *x)
{
    struct command c = {.type = CMD_presence_set, .key = ALICE, .s[0] = STR("at work"), .num = {PRESENCE_ONLINE, 1}};
    assert_int_equal(call(x, c).err, ERR_OK);
}

static struct reply presence_now(struct scene *x)
{
    return call(x, (struct command){.type = CMD_presence_get, .key = ALICE});
}

static void is_online(struct scene *x)
{
    struct reply r = presence_now(x);
    assert_true(str_is(r.s[0], "online") && str_is(r.s[1], "at work"));
}

static void was_online(struct scene *x)
{
    struct reply r = presence_now(x);
    assert_true(str_is(r.s[0], "offline") && str_is(r.s[1], "at work"));
    assert_true(r.num[0] > 0 && r.num[0] < now_ms);
}

static void is_unknown(struct scene *x)
{
    struct reply r = presence_now(x);
    assert_true(str_is(r.s[0], "offline") && str_is(r.s[1], ""));
}

static void who_is_online_outlives_the_owner(void **s)
{
    (void)s;
    engine_plays(make_alice);
    engine_plays(alice_is_here);
    engine_plays(is_online);
    now_ms += HOUR_MS;
    engine_plays(was_online);
    lose_all();
    engine_plays(is_unknown);
}

static void comes_back_no_more(struct scene *x)
{
    is_online(x);
    now_ms += HOUR_MS;
    was_online(x);
    alice_is_here(x);
    now_ms += HOUR_MS;
    is_online(x); /* said to this owner, which will be told of the end, too */
}

static void who_was_online_does_not_stay_so_for_ever(void **s)
{
    (void)s;
    engine_plays(make_alice);
    engine_plays(alice_is_here);
    engine_plays(comes_back_no_more);
}

struct caller {
    struct scene *scene;
    struct command command;
    struct arena arena;
    bool done;
};

static void make_call(void *arg)
{
    struct caller *c = arg;
    struct reply reply;
    struct fault f = {0};
    assert_int_equal(engine_call(c->scene->engine, &c->command, &c->arena, &reply, &f), ERR_OK);
    c->done = true;
}

/* Until it is done, or `asking` calls wait for the cache. */
static void begin_call(struct caller *c, struct scene *x, struct command command, int asking)
{
    *c = (struct caller){.scene = x, .command = command};
    arena_init(&c->arena);
    fiber_spawn(make_call, c);
    while (!c->done && odd_of(cache)->asking < asking)
        fiber_sleep_ms(1);
}

static void end_call(struct caller *c)
{
    while (!c->done)
        fiber_sleep_ms(1);
    arena_release(&c->arena);
}

/* While somebody who asks for it waits for what the cache has. */
static void set_while_asked(struct scene *x, enum presence_state state)
{
    struct caller asks, sets;
    odd_of(cache)->waits = true;
    begin_call(&asks, x, (struct command){.type = CMD_presence_get, .key = ALICE}, 1);
    begin_call(&sets, x, (struct command){.type = CMD_presence_set, .key = ALICE, .num = {state}}, 2);
    odd_of(cache)->waits = false;
    end_call(&asks);
    end_call(&sets);
}

static void goes_while_asked(struct scene *x)
{
    set_while_asked(x, PRESENCE_OFFLINE);
    struct reply r = presence_now(x);
    assert_true(str_is(r.s[0], "offline") && str_is(r.s[1], "at work"));
}

static void comes_while_asked(struct scene *x)
{
    set_while_asked(x, PRESENCE_ONLINE);
    is_online(x);
}

static void what_is_said_counts_and_not_what_was(void **s)
{
    (void)s;
    engine_plays(make_alice);
    engine_plays(alice_is_here);
    engine_plays(comes_while_asked);
    engine_plays(goes_while_asked);
}

/* --- rows as bytes --- */

static void rows_come_out_as_they_went_in(void **s)
{
    (void)s;
    struct arena a;
    struct buf b;
    struct row in[2] = {{.table = T_profile}, {.table = T_profile}}, *out;
    size_t n;
    arena_init(&a);
    buf_init(&b, HOT_VALUE_MAX);
    for (unsigned i = 0; i < 2; i++) {
        in[i].c[C_profile_user_id].s = ALICE;
        in[i].c[C_profile_field].s = i ? STR("b") : STR("a\0z");
        in[i].c[C_profile_json].s = i ? STR("") : STR("1");
    }
    assert_true(hot_rows_pack(&b, 7, in, 2));
    assert_true(hot_rows_unpack(buf_str(&b), 7, T_profile, &a, &out, &n));
    assert_int_equal(n, 2);
    for (unsigned i = 0; i < 2; i++)
        for (unsigned c = 0; c < 3; c++)
            assert_true(str_eq(in[i].c[c].s, out[i].c[c].s));
    assert_false(hot_rows_unpack(buf_str(&b), 8, T_profile, &a, &out, &n));
    assert_false(hot_rows_unpack(buf_str(&b), 7, T_filter, &a, &out, &n));
    for (size_t cut = 1; cut < b.n; cut++) {
        bool whole = hot_rows_unpack(str_first(buf_str(&b), cut), 7, T_profile, &a, &out, &n);
        assert_true(!whole || n == 1);
    }
    assert_true(hot_rows_unpack(STR(""), 7, T_profile, &a, &out, &n) && n == 0);
    buf_release(&b);
    arena_release(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_room_is_not_read_member_by_member, set_up, take_down),
        cmocka_unit_test_setup_teardown(new_state_is_seen_where_the_cache_is_old, set_up, take_down),
        cmocka_unit_test_setup_teardown(what_was_redacted_does_not_come_back, set_up, take_down),
        cmocka_unit_test_setup_teardown(redacting_what_is_over_is_no_news, set_up, take_down),
        cmocka_unit_test_setup_teardown(a_room_is_not_told_anew_for_each_redaction, set_up, take_down),
        cmocka_unit_test_setup_teardown(what_is_damaged_is_not_believed, set_up, take_down),
        cmocka_unit_test_setup_teardown(any_page_may_be_lost, set_up, take_down),
        cmocka_unit_test_setup_teardown(another_history_is_another_world, set_up, take_down),
        cmocka_unit_test_setup_teardown(who_comes_back_is_read_seldom, set_up, take_down),
        cmocka_unit_test_setup_teardown(a_session_that_ended_stays_ended, set_up, take_down),
        cmocka_unit_test_setup_teardown(rooms_that_were_left_stay_left, set_up, take_down),
        cmocka_unit_test_setup_teardown(who_is_online_outlives_the_owner, set_up, take_down),
        cmocka_unit_test_setup_teardown(who_was_online_does_not_stay_so_for_ever, set_up, take_down),
        cmocka_unit_test_setup_teardown(what_is_said_counts_and_not_what_was, set_up, take_down),
        cmocka_unit_test(rows_come_out_as_they_went_in),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
