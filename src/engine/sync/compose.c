/* One look at what is new: the user's slot first (which rooms, account data, to-device, keys), then each slot in which the user
 * has rooms that may have changed, all at once. */
#include "base/pack.h"
#include "engine/sync/look.h"
#include "engine/sync/section.h"

enum err look_parse(struct look *l, struct str text, struct json **out)
{
    *out = NULL;
    if (str_empty(text)) return ERR_OK;
    return json_parse(&l->arena, text, out, NULL) == ERR_OK ? ERR_OK : ERR_INTERNAL;
}

static bool has(uint64_t slots, unsigned slot)
{
    return slots >> slot & 1;
}

static uint64_t only(unsigned slot)
{
    return (uint64_t)1 << slot;
}

/* --- the user's slot --- */

static struct slot_ask *ask_of(struct look *l, unsigned slot)
{
    if (!l->slot[slot]) {
        l->slot[slot] = arena_zero(&l->arena, sizeof **l->slot);
        buf_init(&l->slot[slot]->rooms, 64 * 1048576);
    }
    return l->slot[slot];
}

static void add_mode(struct look *l, unsigned slot, const char *mode, int64_t position, struct str room_id)
{
    char text[32];
    struct slot_ask *s = ask_of(l, slot);
    int n = position ? snprintf(text, sizeof text, "%s%lld", mode, (long long)position) : snprintf(text, sizeof text, "%s", mode);
    pack_str(&s->rooms, str_make(text, (size_t)n));
    pack_str(&s->rooms, room_id);
    s->any = room_id;
    s->due = true;
}

/* From here on the rooms that the user is in are followed; those that were before still are. */
static void follow_rooms(struct look *l)
{
    size_t joined = 0;
    json_each(v, l->user_rooms) joined += str_is(json_string_at(v, "membership"), "join");
    l->room = mem_array(joined, sizeof *l->room);
    json_each(v, l->user_rooms) if (str_is(json_string_at(v, "membership"), "join"))
        follow_add(l->job->gateway, &l->room[l->rooms++], l->job, json_string_at(v, "room_id"));
}

static void unfollow_rooms(struct sync_job *job, struct follower *room, size_t rooms)
{
    for (size_t i = 0; i < rooms; i++)
        follow_remove(job->gateway, &room[i]);
    mem_free(room);
}

/* Those, and no others. */
static void keep_following(struct look *l)
{
    unfollow_rooms(l->job, l->job->room, l->job->rooms);
    l->job->room = l->room;
    l->job->rooms = l->rooms;
    l->room = NULL;
    l->rooms = 0;
}

static void keep_user_texts(struct look *l)
{
    struct buf b;
    buf_init(&b, 16 * 1048576);
    bytes_unref(l->job->user_texts);
    l->job->user_texts = NULL;
    if (!str_empty(l->user.s[8]) || !str_empty(l->user.s[9])) {
        pack_str(&b, l->user.s[8]);
        pack_str(&b, l->user.s[9]);
        l->job->user_texts = bytes_new(buf_str(&b));
    }
    buf_release(&b);
}

/* The rooms' account data, as the filter lets it through. */
static void filter_room_data(struct look *l)
{
    const struct event_filter *f = &l->filter->room.account_data;
    if (f->all || !l->room_data) return;
    struct json *kept = json_new(&l->arena, JSON_OBJECT);
    json_each(room, l->room_data)
    {
        struct json *list = json_new(&l->arena, JSON_ARRAY);
        json_each(v, room) if (filter_event_matches(f, json_string_at(v, "type"), (struct str){0}, false))
            json_push(list, json_copy(&l->arena, v));
        if (list->count && filter_event_room_matches(f, room->key)) json_set(kept, room->key, list);
    }
    l->room_data = kept;
}

static enum err ask_user(struct look *l, struct fault *f)
{
    struct sync_job *job = l->job;
    int64_t since = job->initial ? 0 : sync_token_at(&l->since, l->user_slot);
    struct command c = {.type = CMD_user_sync, .key = job_user(job), .s[0] = job_device(job)};
    c.num[0] = since;
    c.num[1] = gateway_index(job->gateway);
    if (!has(job->look_all, l->user_slot)) c.num[2] = gateway_heard(job->gateway, l->user_slot);
    enum err e = engine_call(job_engine(job), &c, &l->arena, &l->user, f);
    if (e == ERR_OK) e = look_parse(l, l->user.s[2], &l->user_rooms);
    if (e == ERR_OK) e = look_parse(l, l->user.s[1], &l->room_data);
    if (e != ERR_OK) return e;
    filter_room_data(l);
    l->asked_user = true;
    sync_token_set(&l->now, l->user_slot, l->user.num[0]);
    keep_user_texts(l);
    follow_rooms(l);
    return ERR_OK;
}

static void put_invitation(struct buf *b, const char *name, const struct json *room)
{
    struct str stripped = json_get(room, "json") ? json_get(room, "json")->raw : STR("[]");
    if (json_is(json_get(room, "json"), JSON_STRING)) stripped = json_string_at(room, "json");
    if (b->n) buf_byte(b, ',');
    json_write_string(b, json_string_at(room, "room_id"));
    buf_printf(b, ":{\"%s\":{\"events\":", name);
    buf_add(b, str_empty(stripped) ? STR("[]") : stripped);
    buf_add(b, STR("}}"));
}

/* --- which rooms are asked for --- */

static bool is_news(const struct look *l, const struct json *room)
{
    return json_int_at(room, "position", 0) > (l->job->initial ? 0 : sync_token_at(&l->since, l->user_slot));
}

static void add_once(struct look *l, const char *mode, int64_t position, struct str room_id)
{
    unsigned slot = cluster_slot_of(room_id);
    add_mode(l, slot, mode, position, room_id);
    l->once |= only(slot);
}

/* What a room that the user's slot tells of means for this answer, but for one in which the user was before. */
static void sort_room(struct look *l, const struct json *v)
{
    bool initial = l->job->initial, news = is_news(l, v);
    struct str id = json_string_at(v, "room_id"), m = json_string_at(v, "membership");
    if (!filter_room_matches(&l->filter->room, id)) return;
    if (str_is(m, "join") && news)
        add_once(l, "n", 0, id);
    else if (str_is(m, "invite") && (news || initial))
        put_invitation(&l->invite, "invite_state", v);
    else if (str_is(m, "knock") && (news || initial))
        put_invitation(&l->knock, "knock_state", v);
    else if ((str_is(m, "leave") || str_is(m, "ban")) && news && (!initial || l->filter->room.include_leave))
        add_once(l, "l", json_int_at(v, "room_position", 0), id);
}

/* A room in which the user was before: if something was delivered of it, or all of its slot is asked for. */
static void add_if_due(struct look *l, const struct follow *f)
{
    bool due = has(l->whole, f->slot) || f->position > sync_token_at(&l->since, f->slot);
    if (due && filter_room_matches(&l->filter->room, follow_key(f))) add_mode(l, f->slot, "j", 0, follow_key(f));
}

/* What is new or was left is read as of now, and with it the rest of its slot. The user's slot has one position for both kinds of things: where the gateway
 * has not heard of all up to there, all is asked for. */
static void sort_rooms(struct look *l)
{
    size_t joined = 0;
    json_each(v, l->user_rooms) sort_room(l, v);
    l->whole |= l->once;
    if (gateway_heard(l->job->gateway, l->user_slot) < l->user.num[0]) l->whole |= only(l->user_slot);
    json_each(v, l->user_rooms)
    {
        if (!str_is(json_string_at(v, "membership"), "join")) continue;
        const struct follow *f = l->room[joined++].follow;
        if (!is_news(l, v)) add_if_due(l, f);
    }
}

/* Without having asked the user's slot: of the rooms that the job follows. */
static void sort_followed(struct look *l)
{
    for (size_t i = 0; i < l->job->rooms; i++)
        add_if_due(l, l->job->room[i].follow);
}

/* --- the rooms' slots --- */

/* As of which position the rooms of the slot are read: of the user's slot as all else of it; where all is asked for 0, as of now; else as of what was
 * delivered: whatever else happened up to there does not concern the job. */
static int64_t as_of(const struct look *l, unsigned slot)
{
    if (l->asked_user && slot == l->user_slot) return l->user.num[0];
    return has(l->whole, slot) ? 0 : gateway_heard(l->job->gateway, slot);
}

static void make_command(struct look *l, unsigned slot, struct command *c)
{
    struct slot_ask *s = l->slot[slot];
    struct sync_job *job = l->job;
    *c = (struct command){.type = CMD_rooms_sync, .key = s->any};
    c->num[0] = job->initial ? 0 : sync_token_at(&l->since, slot);
    c->num[1] = gateway_index(job->gateway);
    c->num[2] = job->flags | (job->initial ? SYNC_INITIAL : 0);
    c->num[3] = as_of(l, slot);
    c->s[0] = job_user(job);
    c->s[1] = job_device(job);
    c->s[2] = job->filter->text;
    c->s[3] = buf_str(&s->rooms);
    struct str texts = bytes_str(job->user_texts);
    if (!pack_next(&texts, &c->s[4]) || !pack_next(&texts, &c->s[5])) c->s[4] = c->s[5] = STR("");
}

/* From which position on the gateway hears of the rooms. Those in the user's slot are read as of what the user was read as of, some time before, in the next look too: they are
 * followed since the first, or each look would have to be followed by one more for as long as somebody writes there. */
static int64_t heard_from(struct look *l, unsigned slot, int64_t now)
{
    struct sync_job *job = l->job;
    if (slot != l->user_slot) return now;
    if (!job->hears_from || has(l->once, slot)) job->hears_from = now;
    return job->hears_from;
}

/* The rooms may be read as of an older position than that: what lies between is to be looked at. */
static void note_following(struct look *l, unsigned slot, const struct reply *r)
{
    if (!has(l->job->look_all | l->once, slot) || heard_from(l, slot, r->num[1]) <= r->num[0]) return;
    l->unheard |= only(slot);
    l->job->again = true;
}

/* A first answer is whole or none. */
static bool may_stay_behind(const struct look *l, enum err e)
{
    return err_may_pass(e) && !l->job->initial && !(l->job->flags & SYNC_FULL_STATE);
}

/* What was asked of the slot does not count: the client stands there as before. */
static void leave_behind(struct look *l, unsigned slot)
{
    l->failed |= only(slot);
    if (l->slot[slot]) l->slot[slot]->due = false;
    l->now.some = (l->now.some & ~only(slot)) | (l->since.some & only(slot));
    l->now.position[slot] = l->since.position[slot];
}

static void start_asking(struct look *l, struct call_group *g)
{
    for (unsigned i = 0; i < CLUSTER_SLOTS; i++) {
        struct slot_ask *s = l->slot[i];
        if (s && has(l->failed, i)) s->due = false;
        if (!s || !s->due) continue;
        make_command(l, i, &s->call.cmd);
        cluster_call_start(job_engine(l->job)->cluster, &s->call, g);
    }
}

static enum err ask_rooms(struct look *l, struct fault *f)
{
    struct call_group g = {0};
    enum err e = ERR_OK;
    start_asking(l, &g);
    cluster_call_wait(&g);
    for (unsigned i = 0; i < CLUSTER_SLOTS; i++) {
        struct slot_ask *s = l->slot[i];
        if (!s || !s->due) continue;
        const struct reply *r = &s->call.reply;
        if (r->err != ERR_OK) {
            if (e == ERR_OK) *f = r->fault;
            if (may_stay_behind(l, r->err))
                leave_behind(l, i);
            else if (e == ERR_OK)
                e = r->err;
            continue;
        }
        sync_token_set(&l->now, i, r->num[0]);
        note_following(l, i, r);
    }
    return e;
}

/* --- all of it --- */

/* Those of the slots that could not be asked which are left alone still: for a while all of them, then those that nobody serves. */
static uint64_t still_behind(const struct look *l)
{
    uint64_t slots = l->job->behind;
    for (unsigned i = 0; l->asks_again && i < CLUSTER_SLOTS; i++)
        if (has(slots, i) && cluster_reaches(job_engine(l->job)->cluster, i)) slots &= ~only(i);
    return slots;
}

static void look_begin(struct look *l)
{
    struct buf *parts[] = {&l->join, &l->leave, &l->invite, &l->knock};
    for (int i = 0; i < 4; i++)
        buf_init(parts[i], 512 * 1048576);
    l->filter = &l->job->filter->filter;
    l->user_slot = cluster_slot_of(job_user(l->job));
    if (l->job->stand) l->now = l->since = sync_token_unpack(l->job->stand);
    l->asks_again = l->job->ask_again_ms <= loop_now_ms(loop_current());
    l->failed = still_behind(l);
    l->whole = l->job->flags & SYNC_FULL_STATE ? ALL_SLOTS : l->job->look_all;
}

static void look_release(struct look *l)
{
    for (unsigned i = 0; i < CLUSTER_SLOTS; i++) {
        if (!l->slot[i]) continue;
        if (l->slot[i]->call.cluster) call_release(&l->slot[i]->call);
        buf_release(&l->slot[i]->rooms);
    }
    unfollow_rooms(l->job, l->room, l->rooms);
    buf_release(&l->join);
    buf_release(&l->leave);
    buf_release(&l->invite);
    buf_release(&l->knock);
    arena_release(&l->arena);
}

static bool user_is_due(const struct look *l)
{
    const struct sync_job *job = l->job;
    return has(job->look_all, l->user_slot) || job->look_user || (job->flags & SYNC_FULL_STATE) ||
           job->user.follow->position > sync_token_at(&l->since, l->user_slot);
}

static enum err try_user(struct look *l, struct fault *f)
{
    enum err e = has(l->failed, l->user_slot) ? ERR_UNAVAILABLE : ask_user(l, f);
    if (e == ERR_OK || !may_stay_behind(l, e)) return e;
    leave_behind(l, l->user_slot);
    l->job->look_user = true;
    return ERR_OK;
}

/* Is something of what goes with the user's news not to be had? */
static bool is_torn(const struct look *l)
{
    return l->failed & (l->once | only(l->user_slot));
}

/* Nothing of the user's news is told now. */
static void leave_user_behind(struct look *l)
{
    for (unsigned i = 0; i < CLUSTER_SLOTS; i++)
        if (has(l->once, i)) leave_behind(l, i);
    leave_behind(l, l->user_slot);
    l->asked_user = false;
    l->job->hears_from = 0; /* what is new is not followed after all */
    l->room_data = NULL;
    buf_clear(&l->invite);
    buf_clear(&l->knock);
    l->job->look_user = true;
}

static enum err ask(struct look *l, struct fault *f)
{
    enum err e = user_is_due(l) ? try_user(l, f) : ERR_OK;
    if (e != ERR_OK) return e;
    if (!l->asked_user) {
        sort_followed(l);
        return ask_rooms(l, f);
    }
    look_keep_key_counts(l);
    /* Messages that are in this answer are acknowledged by the next request, which so has to ask again; as for more of them. */
    l->job->look_user = l->user.num[2] || l->user.num[3];
    sort_rooms(l);
    e = ask_rooms(l, f);
    if (e != ERR_OK) return e;
    if (is_torn(l))
        leave_user_behind(l);
    else
        keep_following(l);
    return ERR_OK;
}

enum err compose(struct sync_job *job, struct buf *out, struct found *found, struct fault *f)
{
    struct look *l = mem_zero(sizeof *l);
    l->job = job;
    *found = (struct found){0};
    arena_init(&l->arena);
    look_begin(l);
    enum err e = ask(l, f);
    if (e == ERR_OK) {
        look_write(l, out, found);
        sync_token_pack(&job->stand, &l->now);
        if (l->asked_user) job->look_all &= l->failed;
        job->look_all |= l->unheard;
        job->behind = l->failed;
        if (!buf_ok(out)) e = fault_set(f, ERR_TOO_LARGE, "The answer would be too large. Ask with a filter.");
    }
    look_release(l);
    mem_free(l);
    return e;
}
