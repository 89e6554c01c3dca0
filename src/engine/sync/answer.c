/* What a look has found, written as the answer to the client. */
#include "base/pack.h"
#include "engine/sync/look.h"

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

static bool is_followed(const struct sync_job *job, struct str room_id)
{
    for (size_t i = 0; i < job->rooms; i++)
        if (str_eq(follow_key(job->room[i].follow), room_id)) return true;
    return false;
}

/* Rooms of which only the user's own data changed. */
static void put_room_data(struct look *l)
{
    if (!l->room_data) return;
    for (struct json *v = l->room_data->child, *next; v; v = next) {
        next = v->next;
        if (is_followed(l->job, v->key) && filter_room_matches(&l->filter->room, v->key)) put_section(l, STR("j"), v->key, STR(""));
    }
}

/* --- who left --- */

/* One of those who left a room: does the user share another one with them? */
struct left_ask {
    struct str user_id;
    bool asked;
    struct call call;
};

/* What the user's slot has just told of the rooms is newer. */
static void pack_rooms(const struct look *l, struct buf *out)
{
    const struct follower *room = l->room ? l->room : l->job->room;
    size_t count = l->room ? l->rooms : l->job->rooms;
    for (size_t i = 0; i < count; i++)
        pack_str(out, follow_key(room[i].follow));
}

/* All at once; but for those whose slot nobody serves, for which nothing waits here. */
static void ask_left(const struct look *l, struct left_ask *ask, size_t count, struct str rooms)
{
    struct cluster *c = job_engine(l->job)->cluster;
    struct call_group g = {0};
    for (size_t i = 0; i < count; i++) {
        ask[i].call.cmd = (struct command){.type = CMD_user_shares, .key = ask[i].user_id, .s[0] = rooms};
        ask[i].asked = cluster_reaches(c, cluster_slot_of(ask[i].user_id));
        if (ask[i].asked) cluster_call_start(c, &ask[i].call, &g);
    }
    cluster_call_wait(&g);
}

/* Those with whom no room is shared any more stay in the list. Of whom that is not known, `unsure`, the client is told later. */
static void take_left(struct look *l, struct left_ask *ask, size_t count, struct buf *unsure)
{
    for (size_t i = 0; i < count; i++) {
        const struct reply *r = &ask[i].call.reply;
        enum err e = ask[i].asked ? r->err : ERR_UNAVAILABLE;
        if (err_may_pass(e)) pack_str(unsure, ask[i].user_id);
        if (e != ERR_OK || r->num[0]) json_remove(l->left, ask[i].user_id);
        if (ask[i].asked) call_release(&ask[i].call);
    }
}

enum { ASK_AT_ONCE = 64 };

static void sort_left(struct look *l, struct str rooms, struct buf *unsure)
{
    struct left_ask *ask = arena_array(&l->arena, ASK_AT_ONCE, sizeof *ask);
    for (struct json *v = l->left->child; v;) {
        size_t n = 0;
        for (; v && n < ASK_AT_ONCE; v = v->next)
            ask[n++] = (struct left_ask){.user_id = v->key};
        ask_left(l, ask, n, rooms);
        take_left(l, ask, n, unsure);
    }
}

/* Of those who left a room, the ones with whom no room is shared any more; among them those of whom that was not to be had before. */
static void check_left(struct look *l)
{
    struct sync_job *job = l->job;
    struct buf rooms, unsure;
    buf_init(&rooms, 16 * 1048576);
    buf_init(&unsure, 16 * 1048576);
    if (l->asks_again)
        put_users(l, &l->left, arena_str(&l->arena, bytes_str(job->unsure))); /* the keys are not copied */
    else
        buf_add(&unsure, bytes_str(job->unsure));
    pack_rooms(l, &rooms);
    if (l->left) sort_left(l, buf_str(&rooms), &unsure);
    bytes_unref(job->unsure);
    job->unsure = unsure.n && buf_ok(&unsure) ? bytes_new(buf_str(&unsure)) : NULL;
    buf_release(&rooms);
    buf_release(&unsure);
}

/* --- the answer --- */

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
        if (look_parse(l, l->user.s[6], &more) != ERR_OK || look_parse(l, l->user.s[7], &gone) != ERR_OK) return false;
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
    if (!l->asked_user || f->all || look_parse(l, l->user.s[0], &list) != ERR_OK || !list) return l->asked_user ? l->user.s[0] : STR("[]");
    struct json *kept = json_new(&l->arena, JSON_ARRAY);
    json_each(v, list) if (filter_event_matches(f, json_string_at(v, "type"), (struct str){0}, false))
        json_push(kept, json_copy(&l->arena, v));
    return json_text(&l->arena, kept);
}

void look_keep_key_counts(struct look *l)
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
    }
    struct str counts = bytes_str(l->job->key_counts);
    if (!str_empty(counts)) {
        buf_byte(out, ',');
        buf_add(out, counts);
    }
    json_end(&o);
    return some;
}

void look_write(struct look *l, struct buf *out, struct found *found)
{
    put_slots(l, found);
    put_room_data(l);
    check_left(l);
    found->something = write_answer(l, out);
}
