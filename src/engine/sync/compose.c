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

/* What each of the user's rooms means for this answer. */
static void sort_rooms(struct look *l)
{
    bool initial = l->job->initial;
    int64_t seen = initial ? 0 : sync_token_at(&l->since, l->user_slot);
    json_each(v, l->user_rooms)
    {
        struct str id = json_string_at(v, "room_id"), m = json_string_at(v, "membership");
        bool news = json_int_at(v, "position", 0) > seen;
        if (!filter_room_matches(&l->filter->room, id)) continue;
        unsigned slot = cluster_slot_of(id);
        if (str_is(m, "join")) {
            add_mode(l, slot, news ? "n" : "j", 0, id);
            if (news) l->slot[slot]->due = l->slot[slot]->once = true;
        } else if (str_is(m, "invite") && (news || initial)) {
            put_invitation(&l->invite, "invite_state", v);
        } else if (str_is(m, "knock") && (news || initial)) {
            put_invitation(&l->knock, "knock_state", v);
        } else if ((str_is(m, "leave") || str_is(m, "ban")) && news && (!initial || l->filter->room.include_leave)) {
            add_mode(l, slot, "l", json_int_at(v, "room_position", 0), id);
            l->slot[slot]->due = l->slot[slot]->once = true;
        }
    }
}

static bool has(uint64_t slots, unsigned slot)
{
    return slots >> slot & 1;
}

/* Something was delivered of it, or it was not to be had when the job last looked. */
static bool is_due(const struct look *l, const struct follow *f)
{
    return f->position > sync_token_at(&l->since, f->slot) || has(l->job->behind, f->slot);
}

/* Without having asked the user's slot: those of the rooms that the job follows of which something was delivered. Whatever else happened in
 * their slots up to what was delivered does not concern it. */
static void sort_followed(struct look *l)
{
    for (size_t i = 0; i < l->job->rooms; i++) {
        const struct follow *f = l->job->room[i].follow;
        if (!(is_due(l, f) || l->job->look_all) || !filter_room_matches(&l->filter->room, follow_key(f))) continue;
        add_mode(l, f->slot, "j", 0, follow_key(f));
        l->slot[f->slot]->due = true;
    }
}

/* --- the rooms' slots --- */

static void choose_slots(struct look *l)
{
    bool all = l->job->look_all || (l->job->flags & SYNC_FULL_STATE);
    for (unsigned i = 0; i < CLUSTER_SLOTS; i++)
        /* The user's slot has one position for both kinds of things: both are asked, as of the same. */
        if (l->slot[i] && (all || i == l->user_slot)) l->slot[i]->due = true;
    for (size_t i = 0; i < l->rooms; i++) {
        const struct follow *f = l->room[i].follow;
        if (l->slot[f->slot] && is_due(l, f)) l->slot[f->slot]->due = true;
    }
}

/* As of which position the rooms of the slot are read: of the user's slot as all else of it; where something was delivered, as of that; else 0, as of
 * now. */
static int64_t as_of(const struct look *l, unsigned slot)
{
    if (l->asked_user) return slot == l->user_slot ? l->user.num[0] : 0;
    return l->job->look_all || has(l->job->behind, slot) ? 0 : gateway_heard(l->job->gateway, slot);
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

/* The rooms may be read as of an older position than that from which on the gateway hears of them: what lies between is to be looked at. */
static void note_following(struct sync_job *job, const struct reply *r)
{
    if (r->num[1] > r->num[0]) job->again = job->look_user = true;
}

/* A first answer is whole or none. */
static bool may_stay_behind(const struct look *l, enum err e)
{
    return err_may_pass(e) && !l->job->initial && !(l->job->flags & SYNC_FULL_STATE);
}

/* What was asked of the slot does not count: the client stands there as before. */
static void leave_behind(struct look *l, unsigned slot)
{
    uint64_t bit = (uint64_t)1 << slot;
    l->failed |= bit;
    if (l->slot[slot]) l->slot[slot]->due = false;
    l->now.some = (l->now.some & ~bit) | (l->since.some & bit);
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
        if (l->job->look_all || s->once || has(l->job->behind, i)) note_following(l->job, r);
    }
    return e;
}

/* --- all of it --- */

/* Those of the slots that could not be asked which are left alone still: for a while all of them, then those that nobody serves. */
static uint64_t still_behind(const struct sync_job *job)
{
    uint64_t slots = job->behind;
    if (job->ask_again_ms > loop_now_ms(loop_current())) return slots;
    for (unsigned i = 0; i < CLUSTER_SLOTS; i++)
        if (has(slots, i) && cluster_reaches(job_engine(job)->cluster, i)) slots &= ~((uint64_t)1 << i);
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
    l->failed = still_behind(l->job);
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
    return job->look_all || job->look_user || (job->flags & SYNC_FULL_STATE) ||
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
    for (unsigned i = 0; i < CLUSTER_SLOTS; i++)
        if (has(l->failed, i) && l->slot[i] && (l->slot[i]->once || i == l->user_slot)) return true;
    return false;
}

/* Nothing of the user's news is told now. */
static void leave_user_behind(struct look *l)
{
    for (unsigned i = 0; i < CLUSTER_SLOTS; i++)
        if (l->slot[i] && l->slot[i]->once) leave_behind(l, i);
    leave_behind(l, l->user_slot);
    l->asked_user = false;
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
    choose_slots(l);
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
        job->look_all &= !l->asked_user;
        job->behind = l->failed;
        if (!buf_ok(out)) e = fault_set(f, ERR_TOO_LARGE, "The answer would be too large. Ask with a filter.");
    }
    look_release(l);
    mem_free(l);
    return e;
}
