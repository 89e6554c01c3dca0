/* One look at what is new: the user's slot first (which rooms, account data, to-device, keys), then each slot in which the user
 * has rooms that may have changed, all at once. */
#include "base/pack.h"
#include "engine/sync/job.h"
#include "engine/sync/section.h"

struct slot_ask {
    struct buf rooms; /* packed modes and rooms */
    struct str any;   /* a room of the slot: the command's key */
    bool due;
    bool fresh; /* a room of it was not followed before */
    struct call call;
};

struct look {
    struct sync_job *job;
    struct arena arena;
    const struct sync_filter *filter; /* the job's */
    struct sync_token since, now;
    struct reply user;
    bool asked_user;
    unsigned user_slot;
    struct json *rooms; /* the user's rooms, as told by its slot; NULL: not asked */
    struct json *room_data;
    struct slot_ask *slot[CLUSTER_SLOTS];  /* of those slots in which the user has rooms */
    struct json *changed, *left;           /* objects: user id -> true */
    struct json *presence;                 /* object: user id -> content */
    struct buf join, leave, invite, knock; /* members of the objects of these names */
};

static enum err parse_reply(struct look *l, struct str text, struct json **out)
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

/* `at`: where it is likely to be. */
static struct follower *job_room_of(const struct sync_job *job, struct str room_id, size_t at)
{
    for (size_t n = 0; n < job->rooms; n++) {
        struct follower *f = &job->room[(at + n) % job->rooms];
        if (f->follow && str_eq(follow_key(f->follow), room_id)) return f;
    }
    return NULL;
}

/* The job follows exactly the rooms that the user is in. */
static void follow_rooms(struct look *l)
{
    struct sync_job *job = l->job;
    size_t joined = 0, n = 0;
    json_each(v, l->rooms) joined += str_is(json_string_at(v, "membership"), "join");
    struct follower *list = mem_array(joined, sizeof *list);
    json_each(v, l->rooms)
    {
        if (!str_is(json_string_at(v, "membership"), "join")) continue;
        struct str id = json_string_at(v, "room_id");
        struct follower *now = job_room_of(job, id, n);
        if (now)
            follow_move(&list[n++], now);
        else
            follow_add(job->gateway, &list[n++], job, id);
    }
    for (size_t i = 0; i < job->rooms; i++)
        follow_remove(job->gateway, &job->room[i]);
    mem_free(job->room);
    job->room = list;
    job->rooms = joined;
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
    if (e == ERR_OK) e = parse_reply(l, l->user.s[2], &l->rooms);
    if (e == ERR_OK) e = parse_reply(l, l->user.s[1], &l->room_data);
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
    json_each(v, l->rooms)
    {
        struct str id = json_string_at(v, "room_id"), m = json_string_at(v, "membership");
        bool news = json_int_at(v, "position", 0) > seen;
        if (!filter_room_matches(&l->filter->room, id)) continue;
        unsigned slot = cluster_slot_of(id);
        if (str_is(m, "join")) {
            add_mode(l, slot, news ? "n" : "j", 0, id);
            if (news) l->slot[slot]->due = l->slot[slot]->fresh = true;
        } else if (str_is(m, "invite") && (news || initial)) {
            put_invitation(&l->invite, "invite_state", v);
        } else if (str_is(m, "knock") && (news || initial)) {
            put_invitation(&l->knock, "knock_state", v);
        } else if ((str_is(m, "leave") || str_is(m, "ban")) && news && (!initial || l->filter->room.include_leave)) {
            add_mode(l, slot, "l", json_int_at(v, "room_position", 0), id);
            l->slot[slot]->due = true;
        }
    }
}

/* Without having asked the user's slot: those of the rooms that the job follows of which something was delivered. Whatever else happened in
 * their slots up to what was delivered does not concern it. */
static void sort_followed(struct look *l)
{
    for (size_t i = 0; i < l->job->rooms; i++) {
        const struct follow *f = l->job->room[i].follow;
        if (f->position <= sync_token_at(&l->since, f->slot) || !filter_room_matches(&l->filter->room, follow_key(f))) continue;
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
    for (size_t i = 0; i < l->job->rooms; i++) {
        const struct follow *f = l->job->room[i].follow;
        if (l->slot[f->slot] && f->position > sync_token_at(&l->since, f->slot)) l->slot[f->slot]->due = true;
    }
}

static void make_command(struct look *l, unsigned slot, struct command *c)
{
    struct slot_ask *s = l->slot[slot];
    struct sync_job *job = l->job;
    *c = (struct command){.type = CMD_rooms_sync, .key = s->any};
    c->num[0] = job->initial ? 0 : sync_token_at(&l->since, slot);
    c->num[1] = gateway_index(job->gateway);
    c->num[2] = job->flags | (job->initial ? SYNC_INITIAL : 0);
    c->num[3] = !l->asked_user ? gateway_heard(job->gateway, slot) : slot == l->user_slot ? l->user.num[0] : 0;
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

static enum err ask_rooms(struct look *l, struct fault *f)
{
    struct call_group g = {0};
    enum err e = ERR_OK;
    for (unsigned i = 0; i < CLUSTER_SLOTS; i++) {
        if (!l->slot[i] || !l->slot[i]->due) continue;
        make_command(l, i, &l->slot[i]->call.cmd);
        cluster_call_start(job_engine(l->job)->cluster, &l->slot[i]->call, &g);
    }
    cluster_call_wait(&g);
    for (unsigned i = 0; i < CLUSTER_SLOTS; i++) {
        struct slot_ask *s = l->slot[i];
        if (!s || !s->due) continue;
        if (s->call.reply.err != ERR_OK && e == ERR_OK) {
            e = s->call.reply.err;
            *f = s->call.reply.fault;
        }
        sync_token_set(&l->now, i, s->call.reply.num[0]);
        if (l->job->look_all || s->fresh) note_following(l->job, &s->call.reply);
    }
    return e;
}

/* --- putting it together --- */

static void put_section(struct look *l, struct str kind, struct str room_id, struct str members)
{
    struct buf *b = kind.p[0] == 'l' ? &l->leave : &l->join;
    struct json *data = json_get_str(l->room_data, room_id);
    if (b->n) buf_byte(b, ',');
    json_write_string(b, room_id);
    buf_add(b, STR(":{"));
    buf_add(b, members);
    if (data && data->count) {
        if (members.n) buf_byte(b, ',');
        buf_add(b, STR("\"account_data\":{\"events\":"));
        json_write(b, data);
        buf_byte(b, '}');
        json_remove(l->room_data, room_id); /* told */
    }
    buf_byte(b, '}');
}

static void put_users(struct look *l, struct json **list, struct str packed)
{
    struct str user;
    while (pack_next(&packed, &user)) {
        if (!*list) *list = json_new(&l->arena, JSON_OBJECT);
        if (!json_get_str(*list, user)) json_set(*list, user, json_new_bool(&l->arena, true));
    }
}

static void take_presence(struct look *l, struct str packed)
{
    struct str user, content;
    struct json *v;
    while (pack_next(&packed, &user) && pack_next(&packed, &content)) {
        if (!filter_event_matches(&l->filter->presence, STR("m.presence"), user, false) ||
            json_parse(&l->arena, content, &v, NULL) != ERR_OK)
            continue;
        if (!l->presence) l->presence = json_new(&l->arena, JSON_OBJECT);
        json_set(l->presence, user, v);
    }
}

static bool put_presence(const struct look *l, struct json_out *o)
{
    if (!l->presence) return false;
    json_key(o, "presence");
    json_object(o);
    json_key(o, "events");
    json_array(o);
    json_each(v, l->presence)
    {
        json_object(o);
        json_str_member(o, "type", STR("m.presence"));
        json_str_member(o, "sender", v->key);
        json_key(o, "content");
        json_put(o, v);
        json_end(o);
    }
    json_end(o);
    json_end(o);
    return true;
}

static void count_events(struct found *found, const struct reply *r)
{
    found->events += (size_t)r->num[2];
    if (r->num[3] && (!found->oldest_ms || r->num[3] < found->oldest_ms)) found->oldest_ms = r->num[3];
}

static void put_slots(struct look *l, struct found *found)
{
    for (unsigned i = 0; i < CLUSTER_SLOTS; i++) {
        struct slot_ask *s = l->slot[i];
        if (!s || !s->due) continue;
        struct str list = s->call.reply.s[0], kind, room_id, members;
        while (pack_next(&list, &kind) && pack_next(&list, &room_id) && pack_next(&list, &members))
            put_section(l, kind, room_id, members);
        put_users(l, &l->changed, s->call.reply.s[1]);
        put_users(l, &l->left, s->call.reply.s[2]);
        take_presence(l, s->call.reply.s[3]);
        count_events(found, &s->call.reply);
    }
}

/* Rooms of which only the user's own data changed. */
static void put_room_data(struct look *l)
{
    if (!l->room_data) return;
    for (struct json *v = l->room_data->child, *next; v; v = next) {
        next = v->next;
        if (job_room_of(l->job, v->key, 0) && filter_room_matches(&l->filter->room, v->key)) put_section(l, STR("j"), v->key, STR(""));
    }
}

/* Of those who left a room, the ones with whom no room is shared any more. */
static void check_left(struct look *l)
{
    if (!l->left || !l->left->count) return;
    struct buf rooms;
    buf_init(&rooms, 16 * 1048576);
    for (size_t i = 0; i < l->job->rooms; i++)
        pack_str(&rooms, follow_key(l->job->room[i].follow));
    for (struct json *v = l->left->child, *next; v; v = next) {
        next = v->next;
        struct command c = {.type = CMD_user_shares, .key = v->key, .s[0] = str_make(rooms.p ? rooms.p : "", rooms.n)};
        struct reply r;
        if (engine_call(job_engine(l->job), &c, &l->arena, &r, NULL) != ERR_OK || r.num[0]) json_remove(l->left, v->key);
    }
    buf_release(&rooms);
}

static void put_keys(struct json_out *o, const char *name, const struct json *set)
{
    json_key(o, name);
    json_array(o);
    json_each(v, set) json_put_str(o, v->key);
    json_end(o);
}

static bool is_empty_list(struct str json)
{
    return json.n <= 2;
}

static bool put_events(struct json_out *o, const char *name, struct str list)
{
    if (is_empty_list(list)) return false;
    json_key(o, name);
    json_object(o);
    json_raw_member(o, "events", list);
    json_end(o);
    return true;
}

static bool put_device_lists(struct look *l, struct json_out *o)
{
    if (l->asked_user && !l->job->initial) {
        struct json *more, *gone;
        if (parse_reply(l, l->user.s[6], &more) != ERR_OK || parse_reply(l, l->user.s[7], &gone) != ERR_OK) return false;
        for (struct json *v = more ? more->child : NULL; v; v = v->next) {
            if (!l->changed) l->changed = json_new(&l->arena, JSON_OBJECT);
            if (!json_get_str(l->changed, v->string)) json_set(l->changed, v->string, json_new_bool(&l->arena, true));
        }
        for (struct json *v = gone ? gone->child : NULL; v; v = v->next) {
            if (!l->left) l->left = json_new(&l->arena, JSON_OBJECT);
            if (!json_get_str(l->left, v->string)) json_set(l->left, v->string, json_new_bool(&l->arena, true));
        }
    }
    if (l->job->initial) return false;
    if (l->left && l->changed) json_each(v, l->left) json_remove(l->changed, v->key);
    size_t n = (l->changed ? l->changed->count : 0) + (l->left ? l->left->count : 0);
    if (!n) return false;
    json_key(o, "device_lists");
    json_object(o);
    put_keys(o, "changed", l->changed);
    put_keys(o, "left", l->left);
    json_end(o);
    return true;
}

static bool put_rooms(struct look *l, struct json_out *o)
{
    const struct buf *parts[] = {&l->join, &l->invite, &l->knock, &l->leave};
    static const char *const names[] = {"join", "invite", "knock", "leave"};
    if (!l->join.n && !l->invite.n && !l->knock.n && !l->leave.n) return false;
    json_key(o, "rooms");
    json_object(o);
    for (int i = 0; i < 4; i++) {
        if (!parts[i]->n) continue;
        json_key(o, names[i]);
        json_put_raw(o, STR("{"));
        buf_add(o->b, buf_str(parts[i]));
        buf_byte(o->b, '}');
    }
    json_end(o);
    return true;
}

/* Global account data, as the filter lets it through. */
static struct str filtered_account_data(struct look *l)
{
    struct json *list;
    const struct event_filter *f = &l->filter->account_data;
    if (!l->asked_user || f->all || parse_reply(l, l->user.s[0], &list) != ERR_OK || !list) return l->asked_user ? l->user.s[0] : STR("[]");
    struct json *kept = json_new(&l->arena, JSON_ARRAY);
    json_each(v, list) if (filter_event_matches(f, json_string_at(v, "type"), (struct str){0}, false))
        json_push(kept, json_copy(&l->arena, v));
    return json_text(&l->arena, kept);
}

/* The counts of keys are in every answer: a client takes their absence for none. */
static void keep_key_counts(struct look *l)
{
    struct buf b;
    struct json_out o;
    buf_init(&b, 65536);
    json_out_init(&o, &b);
    json_object(&o);
    if (!str_empty(l->user.s[4])) json_raw_member(&o, "device_one_time_keys_count", l->user.s[4]);
    if (!str_empty(l->user.s[5])) json_raw_member(&o, "device_unused_fallback_key_types", l->user.s[5]);
    job_keep_key_counts(l->job, buf_ok(&b) ? str_from(buf_str(&b), 1) : STR(""));
    buf_release(&b);
}

static bool write_answer(struct look *l, struct buf *out)
{
    struct json_out o;
    bool some = false;
    buf_clear(out);
    json_out_init(&o, out);
    json_object(&o);
    json_str_member(&o, "next_batch", sync_token_write(&l->arena, &l->now, cluster_history(job_engine(l->job)->cluster)));
    some |= put_events(&o, "account_data", filtered_account_data(l));
    some |= put_rooms(l, &o);
    some |= put_device_lists(l, &o);
    some |= put_presence(l, &o);
    if (l->asked_user) {
        some |= put_events(&o, "to_device", l->user.s[3]);
        some |= l->user.num[5] != 0; /* the counts changed */
        keep_key_counts(l);
    }
    struct str counts = bytes_str(l->job->key_counts);
    if (!str_empty(counts)) {
        buf_byte(out, ',');
        buf_add(out, counts);
    }
    json_end(&o);
    return some;
}

static void look_begin(struct look *l)
{
    struct buf *parts[] = {&l->join, &l->leave, &l->invite, &l->knock};
    for (int i = 0; i < 4; i++)
        buf_init(parts[i], 512 * 1048576);
    l->filter = &l->job->filter->filter;
    l->user_slot = cluster_slot_of(job_user(l->job));
    if (l->job->stand) l->now = l->since = sync_token_unpack(l->job->stand);
}

static void look_release(struct look *l)
{
    for (unsigned i = 0; i < CLUSTER_SLOTS; i++) {
        if (!l->slot[i]) continue;
        if (l->slot[i]->call.cluster) call_release(&l->slot[i]->call);
        buf_release(&l->slot[i]->rooms);
    }
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

static enum err ask(struct look *l, struct fault *f)
{
    if (!user_is_due(l)) {
        sort_followed(l);
        return ask_rooms(l, f);
    }
    enum err e = ask_user(l, f);
    if (e != ERR_OK) return e;
    /* Messages that are in this answer are acknowledged by the next request, which so has to ask again; as for more of them. */
    l->job->look_user = l->user.num[2] || l->user.num[3];
    sort_rooms(l);
    choose_slots(l);
    return ask_rooms(l, f);
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
        put_slots(l, found);
        put_room_data(l);
        check_left(l);
        found->something = write_answer(l, out);
        sync_token_pack(&job->stand, &l->now);
        job->look_all = false;
        if (!buf_ok(out)) e = fault_set(f, ERR_TOO_LARGE, "The answer would be too large. Ask with a filter.");
    }
    look_release(l);
    mem_free(l);
    return e;
}
