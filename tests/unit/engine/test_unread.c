/* Unread counts, which are remembered between two questions, against counts made from scratch by the test; asked of a warm room, and of one
 * that has just been read. */
#include "chat.h"

static uint64_t dice_state;
static unsigned dice(unsigned n)
{
    dice_state = dice_state * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(dice_state >> 33) % n;
}

/* --- one after another --- */

static void assert_counts(struct scene *x, unsigned reader, int64_t notify, int64_t highlight)
{
    struct counts c = unread_of(x, person(&x->arena, reader));
    assert_int_equal(c.notify, notify);
    assert_int_equal(c.highlight, highlight);
}

static void read_it(struct scene *x, unsigned reader, const char *type, struct str thread, struct str id)
{
    call(x, read_up_to(person(&x->arena, reader), type, thread, id));
}

static void receipts_script(struct scene *x)
{
    fill_room(x);
    assert_counts(x, 1, 0, 0);
    struct str one = say(x, person(&x->arena, 0), "{\"msgtype\":\"m.text\",\"body\":\"one\"}");
    struct str two =
        say(x, person(&x->arena, 0), "{\"msgtype\":\"m.text\",\"body\":\"two\",\"m.mentions\":{\"user_ids\":[\"@u1:localhost\"]}}");
    struct str three = say(x, person(&x->arena, 2), "{\"msgtype\":\"m.text\",\"body\":\"three\"}");
    assert_counts(x, 1, 3, 1);
    assert_counts(x, 0, 1, 0); /* one's own do not count */
    assert_counts(x, 2, 2, 0);
    read_it(x, 1, "m.read", STR(""), one);
    assert_counts(x, 1, 2, 1);
    read_it(x, 1, "m.read.private", STR(""), two);
    assert_counts(x, 1, 1, 0);
    read_it(x, 1, "m.read", STR(""), one); /* never back */
    assert_counts(x, 1, 1, 0);
    read_it(x, 1, "m.read", STR("main"), three);
    assert_counts(x, 1, 0, 0);
    assert_counts(x, 3, 3, 0); /* nobody else's */
    say(x, person(&x->arena, 0), "{\"msgtype\":\"m.text\",\"body\":\"four\"}");
    assert_counts(x, 1, 1, 0);
    assert_counts(x, 3, 4, 0);
}

static void receipts_and_counts(void **state)
{
    (void)state;
    play(receipts_script);
}

static void threads_script(struct scene *x)
{
    static const char apart[] = "{\"room\":{\"timeline\":{\"unread_thread_notifications\":true}}}";
    fill_room(x);
    struct str root = say(x, person(&x->arena, 0), "{\"msgtype\":\"m.text\",\"body\":\"root\"}");
    const char *reply =
        arena_cstr(&x->arena, arena_printf(&x->arena,
                                           "{\"msgtype\":\"m.text\",\"body\":\"reply\",\"m.relates_to\":{\"rel_type\":\"m.thread\","
                                           "\"event_id\":\"%.*s\"}}",
                                           STR_FMT(root)));
    struct str first = say(x, person(&x->arena, 2), reply);
    say(x, person(&x->arena, 2), reply);
    say(x, person(&x->arena, 0), "{\"msgtype\":\"m.text\",\"body\":\"in the room\"}");
    assert_counts(x, 1, 4, 0);
    const struct json *v = section_of(x, person(&x->arena, 1), apart);
    assert_int_equal(counts_in(json_get(v, "unread_notifications")).notify, 2);
    assert_int_equal(counts_in(json_get_str(json_get(v, "unread_thread_notifications"), root)).notify, 2);
    read_it(x, 1, "m.read", root, first);
    assert_counts(x, 1, 3, 0);
    v = section_of(x, person(&x->arena, 1), apart);
    assert_int_equal(counts_in(json_get_str(json_get(v, "unread_thread_notifications"), root)).notify, 1);
    assert_int_equal(counts_in(json_get(v, "unread_notifications")).notify, 2);
}

static void threads_count_apart_where_asked(void **state)
{
    (void)state;
    play(threads_script);
}

/* A message that is redacted, or was written when its sender might notify the whole room. */
static void changes_script(struct scene *x)
{
    static const char all[] = "{\"msgtype\":\"m.text\",\"body\":\"@room\",\"m.mentions\":{\"room\":true}}";
    fill_room(x);
    struct str called = say(x, person(&x->arena, 0), all); /* level 100 of the 50 that it takes */
    say(x, person(&x->arena, 2), all);                     /* level 0 */
    assert_counts(x, 1, 2, 1);
    call(x, state(person(&x->arena, 0), STR("m.room.power_levels"), STR(""),
                  STR("{\"users\":{\"@u0:localhost\":40},\"state_default\":0,\"redact\":0,\"notifications\":{\"room\":50}}")));
    say(x, person(&x->arena, 0), all);
    assert_counts(x, 1, 3, 1); /* by the levels of its time */
    assert_counts(x, 3, 3, 1);
    call(x, redact(x, person(&x->arena, 0), called));
    assert_counts(x, 1, 3, 0); /* calls nobody any more */
    assert_counts(x, 3, 3, 0);
}

static void counts_follow_redactions_and_levels(void **state)
{
    (void)state;
    play(changes_script);
}

/* --- at random, against a model --- */

enum { EVENTS_MAX = 600 };
enum what { NOTHING, PLAIN, MENTION };

struct told {
    enum what what;
    unsigned sender, target;
    int root; /* of its thread; -1: none */
    struct str id;
};

struct model {
    struct told e[EVENTS_MAX];
    int count;
    int came[PEOPLE], all[PEOPLE], main[PEOPLE],
        thread[PEOPLE][EVENTS_MAX];     /* the event at which they came; up to which they read, or -1 */
    bool joined[PEOPLE], mutes[PEOPLE]; /* mutes: what person 0 says */
};
static struct model m;
static char ids[EVENTS_MAX][64];

static struct counts expected(unsigned reader)
{
    struct counts c = {0};
    for (int i = m.came[reader] + 1; i < m.count; i++) {
        const struct told *t = &m.e[i];
        int read = t->root < 0 ? m.main[reader] : m.thread[reader][t->root];
        bool mentioned = t->what == MENTION && t->target == reader;
        if (t->what == NOTHING || t->sender == reader || i <= m.all[reader] || i <= read) continue;
        if (m.mutes[reader] && t->sender == 0 && !mentioned) continue;
        c.notify++;
        c.highlight += mentioned;
    }
    return c;
}

static void note(enum what what, unsigned sender, unsigned target, int root, struct str id)
{
    assert_true(m.count < EVENTS_MAX && id.n < sizeof ids[0]);
    memcpy(ids[m.count], id.p, id.n);
    m.e[m.count] = (struct told){what, sender, target, root, str_make(ids[m.count], id.n)};
    m.count++;
}

static void speak(struct scene *x, unsigned who)
{
    unsigned target = dice(PEOPLE);
    enum what what = dice(4) ? PLAIN : MENTION;
    int root = m.count && dice(3) == 0 ? (int)dice((unsigned)m.count) : -1;
    if (root >= 0 && (m.e[root].what == NOTHING || m.e[root].root >= 0)) root = -1;
    struct str mentions = what == MENTION ? arena_printf(&x->arena, "\"@u%u:localhost\"", target) : STR("");
    struct str relates =
        root < 0 ? STR("")
                 : arena_printf(&x->arena, ",\"m.relates_to\":{\"rel_type\":\"m.thread\",\"event_id\":\"%.*s\"}", STR_FMT(m.e[root].id));
    struct str content = arena_printf(&x->arena, "{\"msgtype\":\"m.text\",\"body\":\"%d\",\"m.mentions\":{\"user_ids\":[%.*s]}%.*s}",
                                      m.count, STR_FMT(mentions), STR_FMT(relates));
    note(what, who, target, root, call(x, message(person(&x->arena, who), content)).s[0]);
}

static void read_something(struct scene *x, unsigned who)
{
    if (m.count == 0) return;
    int i = (int)dice((unsigned)m.count), root = dice(3) == 0 ? m.e[i].root : -1;
    const char *type = dice(2) ? "m.read" : "m.read.private";
    struct str thread = root >= 0 ? m.e[root].id : dice(2) ? STR("") : STR("main");
    int *read = root >= 0 ? &m.thread[who][root] : str_empty(thread) ? &m.all[who] : &m.main[who];
    call(x, read_up_to(person(&x->arena, who), type, thread, m.e[i].id));
    if (i > *read) *read = i;
}

static void come_or_go(struct scene *x, unsigned who)
{
    struct str user = person(&x->arena, who);
    if (who == 0) return;
    if (m.joined[who]) {
        note(NOTHING, who, 0, -1, call(x, member(user, user, "leave")).s[0]);
    } else {
        m.came[who] = m.count;
        note(NOTHING, who, 0, -1, call(x, member(user, user, "join")).s[0]);
    }
    m.joined[who] = !m.joined[who];
}

/* The section of a reader with rules of its own. */
static struct counts ask(struct scene *x, unsigned reader)
{
    static const char rules[] =
        "{\"global\":{\"sender\":[{\"rule_id\":\"@u0:localhost\",\"enabled\":true,\"default\":false,\"actions\":[]}]}}";
    return counts_in(json_get(section_with_rules(x, person(&x->arena, reader), "", m.mutes[reader] ? rules : ""), "unread_notifications"));
}

static void check_all(struct scene *x, uint64_t seed)
{
    for (unsigned i = 0; i < PEOPLE; i++) {
        if (!m.joined[i]) continue;
        struct counts got = ask(x, i), want = expected(i);
        if (got.notify != want.notify || got.highlight != want.highlight)
            fail_msg("seed %llu, after %d events: reader %u has %lld/%lld unread, and should have %lld/%lld", (unsigned long long)seed,
                     m.count, i, (long long)got.notify, (long long)got.highlight, (long long)want.notify, (long long)want.highlight);
    }
}

static uint64_t seed;
static bool hands_over; /* now and then */

static void random_script(struct scene *x)
{
    m = (struct model){0};
    for (unsigned i = 0; i < PEOPLE; i++) {
        m.joined[i] = true;
        m.came[i] = m.all[i] = m.main[i] = -1;
        for (unsigned n = 0; n < EVENTS_MAX; n++)
            m.thread[i][n] = -1;
    }
    fill_room(x);
    for (unsigned i = 0; i < 300; i++) {
        unsigned who = dice(PEOPLE), what = dice(20);
        now_ms += 100;
        if (what < 12 && m.joined[who])
            speak(x, who);
        else if (what < 15 && m.joined[who])
            read_something(x, who);
        else if (what == 15)
            come_or_go(x, who);
        else if (what == 16)
            m.mutes[who] = !m.mutes[who];
        else if (what == 17 && m.joined[who])
            note(NOTHING, who, 0, -1,
                 call(x, state(person(&x->arena, who), STR("m.room.topic"), STR(""), arena_printf(&x->arena, "{\"topic\":\"%u\"}", i)))
                     .s[0]);
        if (dice(3) == 0) check_all(x, seed);
        if (hands_over && dice(20) == 0) hand_room_over(x);
    }
    check_all(x, seed);
}

static void asked_again(struct scene *x)
{
    check_all(x, seed);
    check_all(x, seed);
}

static void play_seeds(void)
{
    for (seed = 1; seed <= 6; seed++) {
        dice_state = seed * 7919;
        struct store *store = store_memory_new();
        play_on(store, random_script);
        play_on(store, asked_again);
        store->ops->close(store);
    }
}

static void counts_are_those_of_the_model(void **state)
{
    (void)state;
    hands_over = false;
    play_seeds();
}

static void and_so_they_are_handed_over(void **state)
{
    (void)state;
    hands_over = true;
    play_seeds();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(receipts_and_counts),
        cmocka_unit_test(threads_count_apart_where_asked),
        cmocka_unit_test(counts_follow_redactions_and_levels),
        cmocka_unit_test(counts_are_those_of_the_model),
        cmocka_unit_test(and_so_they_are_handed_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
