/* The authorization rules: one row per rule and outcome, run for all versions that the row names. */
#include "help.h"

#include <sodium.h>

#include "crypto/crypto.h"
#include "matrix/auth.h"

/* The state of every row, unless the row says otherwise: a private room with people of all kinds. */
static const char base_state[] =
    "[{'type':'m.room.member','state_key':'@creator:a','content':{'membership':'join'}},"
    "{'type':'m.room.member','state_key':'@admin:a','content':{'membership':'join'}},"
    "{'type':'m.room.member','state_key':'@admin2:a','content':{'membership':'join'}},"
    "{'type':'m.room.member','state_key':'@mod:a','content':{'membership':'join'}},"
    "{'type':'m.room.member','state_key':'@mod2:a','content':{'membership':'join'}},"
    "{'type':'m.room.member','state_key':'@user:a','content':{'membership':'join'}},"
    "{'type':'m.room.member','state_key':'@user2:a','content':{'membership':'join'}},"
    "{'type':'m.room.member','state_key':'@invited:a','content':{'membership':'invite'}},"
    "{'type':'m.room.member','state_key':'@knocked:a','content':{'membership':'knock'}},"
    "{'type':'m.room.member','state_key':'@left:a','content':{'membership':'leave'}},"
    "{'type':'m.room.member','state_key':'@banned:a','content':{'membership':'ban'}},"
    "{'type':'m.room.join_rules','state_key':'','content':{'join_rule':'invite'}},"
    "{'type':'m.room.power_levels','state_key':'','content':{'users':{'@admin:a':100,'@admin2:a':100,'@mod:a':50,'@mod2:a':50},"
    "'events':{'m.room.name':30,'special':75},'invite':10,'notifications':{'room':50}}}]";

#define JOIN_RULE(r) "[{'type':'m.room.join_rules','state_key':'','content':{'join_rule':'" r "'}}]"
#define LEVELS(content) "[{'type':'m.room.power_levels','state_key':'','content':" content "}]"
#define CREATE(content) "[{'type':'m.room.create','state_key':'','sender':'@creator:a','content':" content "}]"
#define MEMBER(sender, target, content) "{'type':'m.room.member','sender':'" sender "','state_key':'" target "','content':" content "}"
#define SET_LEVELS(sender, content) "{'type':'m.room.power_levels','sender':'" sender "','state_key':'','content':" content "}"
/* The levels of the base state with more inside of `users` and around. */
#define USERS(more) "'users':{'@admin:a':100,'@admin2:a':100,'@mod:a':50,'@mod2:a':50" more "}"
#define EVENTS "'events':{'m.room.name':30,'special':75}"
#define REST "'invite':10,'notifications':{'room':50}"

static const struct row {
    const char *name;
    unsigned from, to;
    const char *state; /* replaces events of the base state; "none": there is no room */
    const char *event;
    enum err want;
    const char *says; /* part of the sentence */
} rows[] = {
    /* create */
    {"create 6-10", 6, 10, NULL, "{'type':'m.room.create','sender':'@x:a','state_key':'','content':{'creator':'@x:a'}}", ERR_OK, NULL},
    {"create without creator", 6, 10, NULL, "{'type':'m.room.create','sender':'@x:a','state_key':'','content':{}}", ERR_BAD_JSON,
     "creator"},
    {"create 11+", 11, 12, NULL, "{'type':'m.room.create','sender':'@x:a','state_key':'','content':{'room_version':'11'}}", ERR_OK, NULL},
    {"create after something", 6, 12, NULL,
     "{'type':'m.room.create','sender':'@x:a','state_key':'','content':{'creator':'@x:a'},'prev':['$x']}", ERR_FORBIDDEN, "beginning"},
    {"create of another server", 6, 11, NULL, "{'type':'m.room.create','sender':'@x:b','state_key':'','content':{'creator':'@x:b'}}",
     ERR_FORBIDDEN, "server"},
    {"create of another server, no domain", 12, 12, NULL, "{'type':'m.room.create','sender':'@x:b','state_key':'','content':{}}", ERR_OK,
     NULL},
    {"create of unknown version", 6, 12, NULL,
     "{'type':'m.room.create','sender':'@x:a','state_key':'','content':{'creator':'@x:a','room_version':'99'}}",
     ERR_UNSUPPORTED_ROOM_VERSION, NULL},
    {"create with a number as version", 6, 12, NULL,
     "{'type':'m.room.create','sender':'@x:a','state_key':'','content':{'creator':'@x:a','room_version':12}}", ERR_UNSUPPORTED_ROOM_VERSION,
     NULL},
    {"more creators", 12, 12, NULL,
     "{'type':'m.room.create','sender':'@x:a','state_key':'','content':{'additional_creators':['@y:b','@z:c']}}", ERR_OK, NULL},
    {"more creators: no array", 12, 12, NULL,
     "{'type':'m.room.create','sender':'@x:a','state_key':'','content':{'additional_creators':'@y:b'}}", ERR_BAD_JSON, "array"},
    {"more creators: no user", 12, 12, NULL,
     "{'type':'m.room.create','sender':'@x:a','state_key':'','content':{'additional_creators':['@y:b','y']}}", ERR_BAD_JSON, "user ids"},
    {"more creators: a number", 12, 12, NULL,
     "{'type':'m.room.create','sender':'@x:a','state_key':'','content':{'additional_creators':[1]}}", ERR_BAD_JSON, "user ids"},
    {"more creators before 12", 11, 11, NULL,
     "{'type':'m.room.create','sender':'@x:a','state_key':'','content':{'additional_creators':'@y:b'}}", ERR_OK, NULL},

    /* the room */
    {"no room", 6, 12, "none", "{'type':'m.room.message','sender':'@user:a','content':{}}", ERR_FORBIDDEN, "no such room"},
    {"wrong room id", 12, 12, NULL, "{'type':'m.room.message','sender':'@user:a','room':'!wrong:a','content':{}}", ERR_FORBIDDEN,
     "room id"},
    {"no federation, same server", 6, 12, CREATE("{'creator':'@creator:a','m.federate':false}"),
     "{'type':'m.room.message','sender':'@user:a','content':{}}", ERR_OK, NULL},
    {"no federation, other server", 6, 12, CREATE("{'creator':'@creator:a','m.federate':false}"),
     MEMBER("@x:b", "@x:b", "{'membership':'join'}"), ERR_FORBIDDEN, "one server"},

    /* member: form */
    {"member without key", 6, 12, NULL, "{'type':'m.room.member','sender':'@user:a','content':{'membership':'join'}}", ERR_BAD_JSON,
     "state key"},
    {"member without membership", 6, 12, NULL, MEMBER("@user:a", "@user:a", "{}"), ERR_BAD_JSON, "membership"},
    {"membership no string", 6, 12, NULL, MEMBER("@user:a", "@user:a", "{'membership':1}"), ERR_BAD_JSON, "membership"},
    {"membership unknown", 6, 12, NULL, MEMBER("@user:a", "@user:a", "{'membership':'x'}"), ERR_BAD_JSON, "does not exist"},
    {"member of no user", 6, 12, NULL, MEMBER("@admin:a", "user", "{'membership':'ban'}"), ERR_INVALID_PARAM, "user id"},

    /* join */
    {"creator joins first", 6, 12, NULL,
     "{'type':'m.room.member','sender':'@creator:a','state_key':'@creator:a','content':{'membership':'join'},'prev':['create']}", ERR_OK,
     NULL},
    {"creator joins first, though private", 6, 12, JOIN_RULE("private"),
     "{'type':'m.room.member','sender':'@creator:a','state_key':'@creator:a','content':{'membership':'join'},'prev':['create']}", ERR_OK,
     NULL},
    {"another joins first", 6, 12, NULL,
     "{'type':'m.room.member','sender':'@left:a','state_key':'@left:a','content':{'membership':'join'},'prev':['create']}", ERR_FORBIDDEN,
     "invitation"},
    {"another creator does not join first", 12, 12, CREATE("{'additional_creators':['@left:a']}"),
     "{'type':'m.room.member','sender':'@left:a','state_key':'@left:a','content':{'membership':'join'},'prev':['create']}", ERR_FORBIDDEN,
     "invitation"},
    {"join for another", 6, 12, JOIN_RULE("public"), MEMBER("@admin:a", "@left:a", "{'membership':'join'}"), ERR_FORBIDDEN,
     "somebody else"},
    {"join banned", 6, 12, JOIN_RULE("public"), MEMBER("@banned:a", "@banned:a", "{'membership':'join'}"), ERR_FORBIDDEN, "banned"},
    {"join public", 6, 12, JOIN_RULE("public"), MEMBER("@left:a", "@left:a", "{'membership':'join'}"), ERR_OK, NULL},
    {"join public, stranger of another server", 6, 12, JOIN_RULE("public"), MEMBER("@x:b", "@x:b", "{'membership':'join'}"), ERR_OK, NULL},
    {"join invite-only", 6, 12, NULL, MEMBER("@left:a", "@left:a", "{'membership':'join'}"), ERR_FORBIDDEN, "invitation"},
    {"join invite-only, knocked", 7, 12, NULL, MEMBER("@knocked:a", "@knocked:a", "{'membership':'join'}"), ERR_FORBIDDEN, "invitation"},
    {"join invited", 6, 12, NULL, MEMBER("@invited:a", "@invited:a", "{'membership':'join'}"), ERR_OK, NULL},
    {"join again", 6, 12, NULL, MEMBER("@user:a", "@user:a", "{'membership':'join','displayname':'x'}"), ERR_OK, NULL},
    {"join without a rule", 6, 12, "[{'type':'m.room.join_rules','state_key':'','content':{}}]",
     MEMBER("@left:a", "@left:a", "{'membership':'join'}"), ERR_FORBIDDEN, "invitation"},
    {"join private, invited", 6, 12, JOIN_RULE("private"), MEMBER("@invited:a", "@invited:a", "{'membership':'join'}"), ERR_FORBIDDEN,
     "Nobody"},
    {"join unknown rule", 6, 12, JOIN_RULE("sesame"), MEMBER("@invited:a", "@invited:a", "{'membership':'join'}"), ERR_FORBIDDEN, "Nobody"},
    {"join knock room, invited", 7, 12, JOIN_RULE("knock"), MEMBER("@invited:a", "@invited:a", "{'membership':'join'}"), ERR_OK, NULL},
    {"join knock room in 6", 6, 6, JOIN_RULE("knock"), MEMBER("@invited:a", "@invited:a", "{'membership':'join'}"), ERR_FORBIDDEN,
     "Nobody"},
    {"join restricted in 7", 6, 7, JOIN_RULE("restricted"), MEMBER("@invited:a", "@invited:a", "{'membership':'join'}"), ERR_FORBIDDEN,
     "Nobody"},
    {"join restricted, invited", 8, 12, JOIN_RULE("restricted"), MEMBER("@invited:a", "@invited:a", "{'membership':'join'}"), ERR_OK, NULL},
    {"join restricted, nobody vouches", 8, 12, JOIN_RULE("restricted"), MEMBER("@left:a", "@left:a", "{'membership':'join'}"),
     ERR_FORBIDDEN, "none of the rooms"},
    {"join restricted, a moderator vouches", 8, 12, JOIN_RULE("restricted"),
     MEMBER("@left:a", "@left:a", "{'membership':'join','join_authorised_via_users_server':'@mod:a'}"), ERR_OK, NULL},
    {"join restricted, a user vouches", 8, 12, JOIN_RULE("restricted"),
     MEMBER("@left:a", "@left:a", "{'membership':'join','join_authorised_via_users_server':'@user:a'}"), ERR_FORBIDDEN, "may not invite"},
    {"join restricted, an absent vouches", 8, 12,
     "[{'type':'m.room.join_rules','state_key':'','content':{'join_rule':'restricted'}},"
     "{'type':'m.room.member','state_key':'@mod:a','content':{'membership':'leave'}}]",
     MEMBER("@left:a", "@left:a", "{'membership':'join','join_authorised_via_users_server':'@mod:a'}"), ERR_FORBIDDEN, "may not invite"},
    {"join restricted, banned", 8, 12, JOIN_RULE("restricted"),
     MEMBER("@banned:a", "@banned:a", "{'membership':'join','join_authorised_via_users_server':'@mod:a'}"), ERR_FORBIDDEN, "banned"},
    {"join knock_restricted", 10, 12, JOIN_RULE("knock_restricted"),
     MEMBER("@left:a", "@left:a", "{'membership':'join','join_authorised_via_users_server':'@mod:a'}"), ERR_OK, NULL},
    {"join knock_restricted before 10", 6, 9, JOIN_RULE("knock_restricted"),
     MEMBER("@left:a", "@left:a", "{'membership':'join','join_authorised_via_users_server':'@mod:a'}"), ERR_FORBIDDEN, "Nobody"},

    /* invite */
    {"invite", 6, 12, NULL, MEMBER("@mod:a", "@x:b", "{'membership':'invite'}"), ERR_OK, NULL},
    {"invite who left", 6, 12, NULL, MEMBER("@mod:a", "@left:a", "{'membership':'invite'}"), ERR_OK, NULL},
    {"invite who knocked", 6, 12, NULL, MEMBER("@mod:a", "@knocked:a", "{'membership':'invite'}"), ERR_OK, NULL},
    {"invite from outside", 6, 12, NULL, MEMBER("@left:a", "@x:b", "{'membership':'invite'}"), ERR_FORBIDDEN, "not in this room"},
    {"invite a member", 6, 12, NULL, MEMBER("@mod:a", "@user:a", "{'membership':'invite'}"), ERR_FORBIDDEN, "already"},
    {"invite the banned", 6, 12, NULL, MEMBER("@admin:a", "@banned:a", "{'membership':'invite'}"), ERR_FORBIDDEN, "banned"},
    {"invite without power", 6, 12, NULL, MEMBER("@user:a", "@x:b", "{'membership':'invite'}"), ERR_FORBIDDEN,
     "You need power level 10 to invite; yours is 0."},
    {"invite by default", 6, 12, LEVELS("{}"), MEMBER("@user:a", "@x:b", "{'membership':'invite'}"), ERR_OK, NULL},

    /* leave, kick, unban */
    {"leave", 6, 12, NULL, MEMBER("@user:a", "@user:a", "{'membership':'leave'}"), ERR_OK, NULL},
    {"leave: reject an invite", 6, 12, NULL, MEMBER("@invited:a", "@invited:a", "{'membership':'leave'}"), ERR_OK, NULL},
    {"leave: take back a knock", 7, 12, NULL, MEMBER("@knocked:a", "@knocked:a", "{'membership':'leave'}"), ERR_OK, NULL},
    {"leave: knock in 6", 6, 6, NULL, MEMBER("@knocked:a", "@knocked:a", "{'membership':'leave'}"), ERR_FORBIDDEN, "not in this room"},
    {"leave twice", 6, 12, NULL, MEMBER("@left:a", "@left:a", "{'membership':'leave'}"), ERR_FORBIDDEN, "not in this room"},
    {"leave: stranger", 6, 12, NULL, MEMBER("@x:b", "@x:b", "{'membership':'leave'}"), ERR_FORBIDDEN, "not in this room"},
    {"leave banned", 6, 12, NULL, MEMBER("@banned:a", "@banned:a", "{'membership':'leave'}"), ERR_FORBIDDEN, "banned"},
    {"kick", 6, 12, NULL, MEMBER("@mod:a", "@user:a", "{'membership':'leave'}"), ERR_OK, NULL},
    {"kick without power", 6, 12, NULL, MEMBER("@user:a", "@user2:a", "{'membership':'leave'}"), ERR_FORBIDDEN,
     "You need power level 50 to kick; yours is 0."},
    {"kick an equal", 6, 12, NULL, MEMBER("@mod:a", "@mod2:a", "{'membership':'leave'}"), ERR_FORBIDDEN, "below yours"},
    {"kick from outside", 6, 12, NULL, MEMBER("@left:a", "@user:a", "{'membership':'leave'}"), ERR_FORBIDDEN, "not in this room"},
    {"kick the creator", 12, 12, NULL, MEMBER("@admin:a", "@creator:a", "{'membership':'leave'}"), ERR_FORBIDDEN, "below yours"},
    {"creator kicks the admin", 12, 12, NULL, MEMBER("@creator:a", "@admin:a", "{'membership':'leave'}"), ERR_OK, NULL},
    {"creator kicks a creator", 12, 12, CREATE("{'additional_creators':['@user:a']}"),
     MEMBER("@creator:a", "@user:a", "{'membership':'leave'}"), ERR_FORBIDDEN, "below yours"},
    {"additional creator kicks the admin", 12, 12, CREATE("{'additional_creators':['@user:a']}"),
     MEMBER("@user:a", "@admin:a", "{'membership':'leave'}"), ERR_OK, NULL},
    {"unban", 6, 12, NULL, MEMBER("@mod:a", "@banned:a", "{'membership':'leave'}"), ERR_OK, NULL},
    {"unban without the ban level", 6, 12, LEVELS("{'users':{'@mod:a':50},'ban':60}"),
     MEMBER("@mod:a", "@banned:a", "{'membership':'leave'}"), ERR_FORBIDDEN, "You need power level 60 to unban; yours is 50."},
    {"unban without the kick level", 6, 12, LEVELS("{'users':{'@mod:a':50},'kick':70}"),
     MEMBER("@mod:a", "@banned:a", "{'membership':'leave'}"), ERR_FORBIDDEN, "level 70 to unban"},

    /* ban */
    {"ban", 6, 12, NULL, MEMBER("@mod:a", "@user:a", "{'membership':'ban'}"), ERR_OK, NULL},
    {"ban a stranger", 6, 12, NULL, MEMBER("@mod:a", "@x:b", "{'membership':'ban'}"), ERR_OK, NULL},
    {"ban without power", 6, 12, NULL, MEMBER("@user:a", "@user2:a", "{'membership':'ban'}"), ERR_FORBIDDEN, "level 50 to ban"},
    {"ban an equal", 6, 12, NULL, MEMBER("@mod:a", "@mod2:a", "{'membership':'ban'}"), ERR_FORBIDDEN, "below yours"},
    {"ban oneself", 6, 12, NULL, MEMBER("@admin:a", "@admin:a", "{'membership':'ban'}"), ERR_FORBIDDEN, "below yours"},
    {"ban from outside", 6, 12, NULL, MEMBER("@invited:a", "@user:a", "{'membership':'ban'}"), ERR_FORBIDDEN, "not in this room"},

    /* knock */
    {"knock", 7, 12, JOIN_RULE("knock"), MEMBER("@left:a", "@left:a", "{'membership':'knock'}"), ERR_OK, NULL},
    {"knock again", 7, 12, JOIN_RULE("knock"), MEMBER("@knocked:a", "@knocked:a", "{'membership':'knock'}"), ERR_OK, NULL},
    {"knock in 6", 6, 6, JOIN_RULE("knock"), MEMBER("@left:a", "@left:a", "{'membership':'knock'}"), ERR_BAD_JSON, "does not exist"},
    {"knock where one may not", 7, 12, NULL, MEMBER("@left:a", "@left:a", "{'membership':'knock'}"), ERR_FORBIDDEN, "knock"},
    {"knock at restricted", 8, 12, JOIN_RULE("restricted"), MEMBER("@left:a", "@left:a", "{'membership':'knock'}"), ERR_FORBIDDEN, "knock"},
    {"knock at knock_restricted", 10, 12, JOIN_RULE("knock_restricted"), MEMBER("@left:a", "@left:a", "{'membership':'knock'}"), ERR_OK,
     NULL},
    {"knock at knock_restricted before 10", 7, 9, JOIN_RULE("knock_restricted"), MEMBER("@left:a", "@left:a", "{'membership':'knock'}"),
     ERR_FORBIDDEN, "knock"},
    {"knock for another", 7, 12, JOIN_RULE("knock"), MEMBER("@user:a", "@left:a", "{'membership':'knock'}"), ERR_FORBIDDEN,
     "somebody else"},
    {"knock banned", 7, 12, JOIN_RULE("knock"), MEMBER("@banned:a", "@banned:a", "{'membership':'knock'}"), ERR_FORBIDDEN, "banned"},
    {"knock invited", 7, 12, JOIN_RULE("knock"), MEMBER("@invited:a", "@invited:a", "{'membership':'knock'}"), ERR_FORBIDDEN, "invited"},
    {"knock joined", 7, 12, JOIN_RULE("knock"), MEMBER("@user:a", "@user:a", "{'membership':'knock'}"), ERR_FORBIDDEN, "already"},

    /* messages and state */
    {"message", 6, 12, NULL, "{'type':'m.room.message','sender':'@user:a','content':{}}", ERR_OK, NULL},
    {"message from outside", 6, 12, NULL, "{'type':'m.room.message','sender':'@left:a','content':{}}", ERR_FORBIDDEN, "not in this room"},
    {"message of the invited", 6, 12, NULL, "{'type':'m.room.message','sender':'@invited:a','content':{}}", ERR_FORBIDDEN,
     "not in this room"},
    {"message type with a level", 6, 12, NULL, "{'type':'special','sender':'@mod:a','content':{}}", ERR_FORBIDDEN,
     "You need power level 75 to send special; yours is 50."},
    {"message type with a level, admin", 6, 12, NULL, "{'type':'special','sender':'@admin:a','content':{}}", ERR_OK, NULL},
    {"events_default", 6, 12, LEVELS("{'events_default':1}"), "{'type':'m.room.message','sender':'@user:a','content':{}}", ERR_FORBIDDEN,
     "level 1 to send m.room.message"},
    {"users_default", 6, 12, LEVELS("{'events_default':1,'users_default':1}"), "{'type':'m.room.message','sender':'@user:a','content':{}}",
     ERR_OK, NULL},
    {"negative level", 6, 12, LEVELS("{'users':{'@user:a':-1}}"), "{'type':'m.room.message','sender':'@user:a','content':{}}",
     ERR_FORBIDDEN, "yours is -1"},
    {"redaction needs no redact level", 6, 12, LEVELS("{'redact':100}"), "{'type':'m.room.redaction','sender':'@user:a','content':{}}",
     ERR_OK, NULL},
    {"state without power", 6, 12, NULL, "{'type':'m.room.topic','sender':'@user:a','state_key':'','content':{}}", ERR_FORBIDDEN,
     "You need power level 50 to set m.room.topic; yours is 0."},
    {"state with power", 6, 12, NULL, "{'type':'m.room.topic','sender':'@mod:a','state_key':'','content':{}}", ERR_OK, NULL},
    {"state of a level", 6, 12, LEVELS("{'users':{'@user:a':30},'events':{'m.room.name':30}}"),
     "{'type':'m.room.name','sender':'@user:a','state_key':'','content':{}}", ERR_OK, NULL},
    {"own state key", 6, 12, LEVELS("{'state_default':0}"), "{'type':'x','sender':'@user:a','state_key':'@user:a','content':{}}", ERR_OK,
     NULL},
    {"another's state key", 6, 12, NULL, "{'type':'x','sender':'@admin:a','state_key':'@user:a','content':{}}", ERR_FORBIDDEN, "@"},
    {"state key with the same beginning", 6, 12, NULL, "{'type':'x','sender':'@admin:a','state_key':'@admin:ab','content':{}}",
     ERR_FORBIDDEN, "@"},
    {"aliases are ordinary state", 6, 12, NULL, "{'type':'m.room.aliases','sender':'@user:a','state_key':'a','content':{'aliases':[]}}",
     ERR_FORBIDDEN, "level 50"},
    {"creator sends all", 12, 12, LEVELS("{'events':{'special':9007199254740991}}"),
     "{'type':'special','sender':'@creator:a','content':{}}", ERR_OK, NULL},
    {"creator before 12 is like all", 6, 11, LEVELS("{'events':{'special':10}}"), "{'type':'special','sender':'@creator:a','content':{}}",
     ERR_FORBIDDEN, "yours is 0"},
    {"third_party_invite", 6, 12, NULL, "{'type':'m.room.third_party_invite','sender':'@mod:a','state_key':'t','content':{}}", ERR_OK,
     NULL},
    {"third_party_invite without power", 6, 12, NULL,
     "{'type':'m.room.third_party_invite','sender':'@user:a','state_key':'t','content':{}}", ERR_FORBIDDEN, "level 10 to invite"},

    /* power levels: form */
    {"levels unchanged", 6, 12, NULL, SET_LEVELS("@mod:a", "{" USERS("") "," EVENTS "," REST "}"), ERR_OK, NULL},
    {"levels without power", 6, 12, NULL, SET_LEVELS("@user:a", "{" USERS("") "," EVENTS "," REST "}"), ERR_FORBIDDEN, "level 50 to set"},
    {"level as a string, 10+", 10, 12, NULL, SET_LEVELS("@admin:a", "{" USERS("") "," EVENTS "," REST ",'ban':'50'}"), ERR_BAD_JSON, "ban"},
    {"level as a string, 6-9", 6, 9, NULL, SET_LEVELS("@admin:a", "{" USERS("") "," EVENTS "," REST ",'ban':' +060 '}"), ERR_OK, NULL},
    {"level as a word", 6, 12, NULL, SET_LEVELS("@admin:a", "{" USERS("") "," EVENTS "," REST ",'ban':'high'}"), ERR_BAD_JSON, "ban"},
    {"level null", 6, 12, NULL, SET_LEVELS("@admin:a", "{" USERS("") "," EVENTS "," REST ",'kick':null}"), ERR_BAD_JSON, "kick"},
    {"users no object", 6, 12, NULL, SET_LEVELS("@admin:a", "{'users':[]," EVENTS "," REST "}"), ERR_BAD_JSON, "users"},
    {"users of no user", 6, 12, NULL, SET_LEVELS("@admin:a", "{" USERS(",'bob':1") "," EVENTS "," REST "}"), ERR_BAD_JSON, "user id"},
    {"users with an object", 6, 12, NULL, SET_LEVELS("@admin:a", "{" USERS(",'@b:a':{}") "," EVENTS "," REST "}"), ERR_BAD_JSON,
     "integers"},
    {"users with a string, 10+", 10, 12, NULL, SET_LEVELS("@admin:a", "{" USERS(",'@b:a':'1'") "," EVENTS "," REST "}"), ERR_BAD_JSON,
     "integers"},
    {"users with a string, 6-9", 6, 9, NULL, SET_LEVELS("@admin:a", "{" USERS(",'@b:a':'1'") "," EVENTS "," REST "}"), ERR_OK, NULL},
    {"events no object", 6, 12, NULL, SET_LEVELS("@admin:a", "{" USERS("") ",'events':1," REST "}"), ERR_BAD_JSON, "events"},
    {"notifications no integers", 6, 12, NULL,
     SET_LEVELS("@admin:a", "{" USERS("") "," EVENTS ",'invite':10,'notifications':{'room':true}}"), ERR_BAD_JSON, "notifications"},
    {"creator among users", 12, 12, NULL, SET_LEVELS("@creator:a", "{'users':{'@creator:a':100}}"), ERR_BAD_JSON, "creator"},
    {"additional creator among users", 12, 12, CREATE("{'additional_creators':['@c2:b']}"),
     SET_LEVELS("@creator:a", "{'users':{'@c2:b':100}}"), ERR_BAD_JSON, "creator"},
    {"creator among users before 12", 6, 11, LEVELS("{'users':{'@creator:a':100}}"),
     SET_LEVELS("@creator:a", "{'users':{'@creator:a':100,'@user:a':100}}"), ERR_OK, NULL},

    /* power levels: changes */
    {"first levels, by the creator", 6, 11, "[{'type':'m.room.power_levels','gone':true}]",
     SET_LEVELS("@creator:a", "{'users':{'@creator:a':1000}}"), ERR_OK, NULL},
    {"first levels, by the creator of 12", 12, 12, "[{'type':'m.room.power_levels','gone':true}]",
     SET_LEVELS("@creator:a", "{'users':{'@admin:a':1000}}"), ERR_OK, NULL},
    {"add a single level up to one's own", 6, 12, NULL, SET_LEVELS("@mod:a", "{" USERS("") "," EVENTS "," REST ",'ban':50}"), ERR_OK, NULL},
    {"add a single level above one's own", 6, 12, NULL, SET_LEVELS("@mod:a", "{" USERS("") "," EVENTS "," REST ",'ban':51}"), ERR_FORBIDDEN,
     "`ban`: the new level is above yours"},
    {"remove a single level", 6, 12, NULL, SET_LEVELS("@mod:a", "{" USERS("") "," EVENTS ",'notifications':{'room':50}}"), ERR_OK, NULL},
    {"lower a single level above one's own", 6, 12, LEVELS("{" USERS("") ",'kick':80}"), SET_LEVELS("@mod:a", "{" USERS("") ",'kick':1}"),
     ERR_FORBIDDEN, "`kick`: its level is above yours"},
    {"remove a single level above one's own", 6, 12, LEVELS("{" USERS("") ",'kick':80}"), SET_LEVELS("@mod:a", "{" USERS("") "}"),
     ERR_FORBIDDEN, "kick"},
    {"keep a single level above one's own", 6, 12, LEVELS("{" USERS("") ",'kick':80}"), SET_LEVELS("@mod:a", "{" USERS("") ",'kick':80}"),
     ERR_OK, NULL},
    {"users_default above one's own", 6, 12, NULL, SET_LEVELS("@mod:a", "{" USERS("") "," EVENTS "," REST ",'users_default':60}"),
     ERR_FORBIDDEN, "users_default"},
    {"event level changed", 6, 12, NULL, SET_LEVELS("@mod:a", "{" USERS("") ",'events':{'m.room.name':50,'special':75}," REST "}"), ERR_OK,
     NULL},
    {"event level raised too far", 6, 12, NULL, SET_LEVELS("@mod:a", "{" USERS("") ",'events':{'m.room.name':51,'special':75}," REST "}"),
     ERR_FORBIDDEN, "`events.m.room.name`: the new level"},
    {"event level out of reach lowered", 6, 12, NULL,
     SET_LEVELS("@mod:a", "{" USERS("") ",'events':{'m.room.name':30,'special':1}," REST "}"), ERR_FORBIDDEN,
     "`events.special`: its level is above"},
    {"event level out of reach removed", 6, 12, NULL, SET_LEVELS("@mod:a", "{" USERS("") ",'events':{'m.room.name':30}," REST "}"),
     ERR_FORBIDDEN, "events.special"},
    {"event level added too high", 6, 12, NULL,
     SET_LEVELS("@mod:a", "{" USERS("") ",'events':{'a':60,'m.room.name':30,'special':75}," REST "}"), ERR_FORBIDDEN, "events.a"},
    {"notification level raised too far", 6, 12, NULL,
     SET_LEVELS("@mod:a", "{" USERS("") "," EVENTS ",'invite':10,'notifications':{'room':60}}"), ERR_FORBIDDEN, "notifications.room"},
    {"notification level out of reach removed", 6, 12, LEVELS("{" USERS("") ",'notifications':{'room':60}}"),
     SET_LEVELS("@mod:a", "{" USERS("") "}"), ERR_FORBIDDEN, "notifications.room"},
    {"user raised to one's own level", 6, 12, NULL, SET_LEVELS("@mod:a", "{" USERS(",'@user:a':50") "," EVENTS "," REST "}"), ERR_OK, NULL},
    {"user raised above", 6, 12, NULL, SET_LEVELS("@mod:a", "{" USERS(",'@user:a':51") "," EVENTS "," REST "}"), ERR_FORBIDDEN,
     "`users.@user:a`: the new level"},
    {"equal lowered", 6, 12, NULL,
     SET_LEVELS("@mod:a", "{'users':{'@admin:a':100,'@admin2:a':100,'@mod:a':50,'@mod2:a':0}," EVENTS "," REST "}"), ERR_FORBIDDEN,
     "`users.@mod2:a`: its level is not below yours"},
    {"equal removed", 6, 12, NULL, SET_LEVELS("@mod:a", "{'users':{'@admin:a':100,'@admin2:a':100,'@mod:a':50}," EVENTS "," REST "}"),
     ERR_FORBIDDEN, "users.@mod2:a"},
    {"superior removed", 6, 12, NULL, SET_LEVELS("@mod:a", "{'users':{'@admin2:a':100,'@mod:a':50,'@mod2:a':50}," EVENTS "," REST "}"),
     ERR_FORBIDDEN, "users.@admin:a"},
    {"oneself lowered", 6, 12, NULL,
     SET_LEVELS("@mod:a", "{'users':{'@admin:a':100,'@admin2:a':100,'@mod:a':1,'@mod2:a':50}," EVENTS "," REST "}"), ERR_OK, NULL},
    {"oneself removed", 6, 12, NULL, SET_LEVELS("@mod:a", "{'users':{'@admin:a':100,'@admin2:a':100,'@mod2:a':50}," EVENTS "," REST "}"),
     ERR_OK, NULL},
    {"oneself raised", 6, 12, NULL,
     SET_LEVELS("@mod:a", "{'users':{'@admin:a':100,'@admin2:a':100,'@mod:a':60,'@mod2:a':50}," EVENTS "," REST "}"), ERR_FORBIDDEN,
     "users.@mod:a"},
    {"inferior lowered", 6, 12, NULL,
     SET_LEVELS("@admin:a", "{'users':{'@admin:a':100,'@admin2:a':100,'@mod:a':-5,'@mod2:a':50}," EVENTS "," REST "}"), ERR_OK, NULL},
    {"creator changes all", 12, 12, NULL, SET_LEVELS("@creator:a", "{'users':{'@admin:a':9007199254740991},'ban':1000}"), ERR_OK, NULL},
    {"same number as a string", 6, 9, LEVELS("{" USERS("") ",'kick':80}"), SET_LEVELS("@mod:a", "{" USERS("") ",'kick':'80'}"), ERR_OK,
     NULL},
};

/* --- a room from JSON --- */

struct room {
    struct arena arena;
    struct json *base, *over;
    struct str create_id;
    bool none;
    const struct room_version *version;
};

static const struct json *find_in(const struct json *list, struct str type, struct str key)
{
    json_each(e, list) if (str_eq(json_string_at(e, "type"), type) &&
                           (json_bool_at(e, "gone", false) || str_eq(json_string_at(e, "state_key"), key))) return e;
    return NULL;
}

static const struct json *find(const struct room *r, struct str type, struct str key)
{
    const struct json *e = find_in(r->over, type, key);
    if (!e) e = find_in(r->base, type, key);
    return json_bool_at(e, "gone", false) ? NULL : e;
}

static bool state(void *ctx, struct str type, struct str key, struct auth_state_event *out)
{
    const struct room *r = ctx;
    if (r->none) return false;
    const struct json *e = find(r, type, key);
    if (!e && !str_is(type, "m.room.create")) return false;
    struct str sender = json_string_at(e, "sender");
    *out = (struct auth_state_event){.event_id = str_is(type, "m.room.create") ? r->create_id : STR("$other"),
                                     .sender = str_null(sender) ? STR("@creator:a") : sender,
                                     .content = json_get(e, "content")};
    return true;
}

static enum membership membership(void *ctx, struct str user)
{
    return content_membership(json_get(find(ctx, STR("m.room.member"), user), "content"));
}

static struct str default_create(const struct room *r)
{
    return r->version->creator_in_content ? STR("{\"creator\":\"@creator:a\"}") : STR("{}");
}

static void room_init(struct room *r, unsigned version, const char *over)
{
    *r = (struct room){.version = room_version_number(version)};
    arena_init(&r->arena);
    r->none = over && str_is(str_c(over), "none");
    r->base = quoted(&r->arena, base_state);
    r->over = over && !r->none ? quoted(&r->arena, over) : NULL;
    r->create_id = STR("$Rqnc-F-dvnEYJTyHq_iKxU2bZ1CI92-kuZq3a5lr5Zg");
    if (find(r, STR("m.room.create"), STR(""))) return;
    struct json *create = json_push(r->base, json_new(&r->arena, JSON_OBJECT));
    json_set(create, STR("type"), json_new_string(&r->arena, STR("m.room.create")));
    json_set(create, STR("state_key"), json_new_string(&r->arena, STR("")));
    json_set(create, STR("content"), parse(&r->arena, default_create(r).p));
}

static struct auth_room auth_room(struct room *r)
{
    const struct json *create = json_get(find(r, STR("m.room.create"), STR("")), "content");
    const struct json *levels = json_get(find(r, STR("m.room.power_levels"), STR("")), "content");
    return (struct auth_room){.version = r->version,
                              .power = power_levels_parse(&r->arena, r->version, levels, STR("@creator:a"), create),
                              .membership = membership,
                              .state = state,
                              .ctx = r};
}

static struct event_fields event_of(struct room *r, const char *text, struct str prev[1])
{
    struct json *e = quoted(&r->arena, text);
    struct event_fields out = {.type = json_string_at(e, "type"),
                               .sender = json_string_at(e, "sender"),
                               .state_key = json_string_at(e, "state_key"),
                               .content = json_get(e, "content")};
    out.room_id = json_string_at(e, "room");
    if (str_null(out.room_id))
        out.room_id = r->version->room_id_is_create ? arena_join(&r->arena, STR("!"), str_from(r->create_id, 1), STR("")) : STR("!r:a");
    const struct json *p = json_get(e, "prev");
    if (!p) return out;
    prev[0] = str_is(json_string(p->child), "create") ? r->create_id : json_string(p->child);
    out.prev_events = prev;
    out.prev_count = 1;
    return out;
}

static void check_row(const struct row *t, unsigned version)
{
    struct room r;
    struct str prev[1];
    struct fault f = {0};
    room_init(&r, version, t->state);
    struct auth_room room = auth_room(&r);
    struct event_fields e = event_of(&r, t->event, prev);
    enum err got = auth_check(&r.arena, &room, &e, &f);
    if (got != t->want) fail_msg("%s (version %u): got %s \"%s\", want %s", t->name, version, err_name(got), f.text, err_name(t->want));
    if (t->says && !strstr(f.text, t->says)) fail_msg("%s: says \"%s\"", t->name, f.text);
    arena_release(&r.arena);
}

static void test_rules(void **s)
{
    (void)s;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (unsigned v = rows[i].from; v <= rows[i].to; v++)
            check_row(&rows[i], v);
}

static void test_old_versions_refused(void **s)
{
    (void)s;
    for (unsigned v = 1; v <= 5; v++) {
        struct row t = {"old", v, v, NULL, "{'type':'m.room.message','sender':'@user:a','content':{}}", ERR_UNSUPPORTED_ROOM_VERSION, NULL};
        check_row(&t, v);
    }
}

/* --- third-party invites --- */

static struct str b64(struct arena *a, const unsigned char *p, size_t n)
{
    return base64_encode(a, str_make((const char *)p, n), false);
}

struct invite {
    const char *name, *sender, *target, *token;
    bool in_list, broken, unsigned_too;
    enum err want;
};

static void check_invite(const struct invite *t, unsigned version)
{
    struct room r;
    unsigned char pub[32], secret[64], sig[64];
    ed25519_keypair(pub, secret);
    room_init(&r, version, NULL);
    struct arena *a = &r.arena;
    ed25519_sign(secret, STR("{\"mxid\":\"@x:b\",\"token\":\"tok\"}"), sig);
    if (t->broken) sig[3] ^= 1;
    struct str key = b64(a, pub, sizeof pub), sent = b64(a, sig, sizeof sig);
    struct str content = t->in_list
                             ? arena_printf(a, "{\"public_key\":\"AAAA\",\"public_keys\":[7,{\"public_key\":\"%.*s\"}]}", STR_FMT(key))
                             : arena_printf(a, "{\"public_key\":\"%.*s\"}", STR_FMT(key));
    struct json *tpi = json_push(r.base, quoted(a, "{'type':'m.room.third_party_invite','state_key':'tok','sender':'@mod:a'}"));
    json_set(tpi, STR("content"), parse(a, content.p));
    struct str event = arena_printf(
        a,
        "{\"type\":\"m.room.member\",\"sender\":\"%s\",\"state_key\":\"%s\",\"content\":{\"membership\":\"invite\",\"third_party_invite\":{"
        "\"signed\":"
        "{\"token\":\"%s\",\"mxid\":\"@x:b\",%s\"signatures\":{\"bad\":1,\"id.server\":{\"rsa:1\":\"x\",\"ed25519:0\":\"%.*s\"}}}}}}",
        t->sender, t->target, t->token, t->unsigned_too ? "\"unsigned\":{\"a\":1}," : "", STR_FMT(sent));
    struct str prev[1];
    struct auth_room room = auth_room(&r);
    struct event_fields e = event_of(&r, event.p, prev);
    struct fault f = {0};
    enum err got = auth_check(a, &room, &e, &f);
    if (got != t->want) fail_msg("%s: got %s (%s)", t->name, err_name(got), f.text);
    arena_release(a);
}

static void test_third_party_invites(void **s)
{
    (void)s;
    static const struct invite rows3[] = {
        {"good", "@mod:a", "@x:b", "tok", false, false, false, ERR_OK},
        {"key in the list", "@mod:a", "@x:b", "tok", true, false, false, ERR_OK},
        {"with unsigned", "@mod:a", "@x:b", "tok", false, false, true, ERR_OK},
        {"broken signature", "@mod:a", "@x:b", "tok", false, true, false, ERR_FORBIDDEN},
        {"broken signature, key in the list", "@mod:a", "@x:b", "tok", true, true, false, ERR_FORBIDDEN},
        {"other sender", "@admin:a", "@x:b", "tok", false, false, false, ERR_FORBIDDEN},
        {"other target", "@mod:a", "@y:b", "tok", false, false, false, ERR_FORBIDDEN},
        {"other token", "@mod:a", "@x:b", "tik", false, false, false, ERR_FORBIDDEN},
        {"banned", "@mod:a", "@banned:a", "tok", false, false, false, ERR_FORBIDDEN},
    };
    for (size_t i = 0; i < sizeof rows3 / sizeof *rows3; i++)
        for (unsigned v = 6; v <= 12; v++)
            check_invite(&rows3[i], v);
}

/* Only so many signatures are tried: the good one behind them all is not found. */
static void check_many_signatures(int bad, enum err want)
{
    struct room r;
    unsigned char pub[32], secret[64], sig[64];
    ed25519_keypair(pub, secret);
    ed25519_sign(secret, STR("{\"mxid\":\"@x:b\",\"token\":\"tok\"}"), sig);
    room_init(&r, 11, NULL);
    struct arena *a = &r.arena;
    struct str good = b64(a, sig, sizeof sig), sigs = STR("");
    sig[0] ^= 1;
    struct str wrong = b64(a, sig, sizeof sig);
    for (int i = 0; i < bad; i++)
        sigs = arena_printf(a, "%.*s\"ed25519:%d\":\"%.*s\",", STR_FMT(sigs), i, STR_FMT(wrong));
    struct json *tpi = json_push(r.base, quoted(a, "{'type':'m.room.third_party_invite','state_key':'tok','sender':'@mod:a'}"));
    json_set(tpi, STR("content"), parse(a, arena_printf(a, "{\"public_key\":\"%.*s\"}", STR_FMT(b64(a, pub, sizeof pub))).p));
    struct str event =
        arena_printf(a,
                     "{\"type\":\"m.room.member\",\"sender\":\"@mod:a\",\"state_key\":\"@x:b\",\"content\":{\"membership\":"
                     "\"invite\",\"third_party_invite\":{\"signed\":{\"token\":\"tok\",\"mxid\":\"@x:b\",\"signatures\":{\"s\":{%.*s"
                     "\"ed25519:good\":\"%.*s\"}}}}}}",
                     STR_FMT(sigs), STR_FMT(good));
    struct str prev[1];
    struct auth_room room = auth_room(&r);
    struct event_fields e = event_of(&r, event.p, prev);
    assert_int_equal(auth_check(a, &room, &e, NULL), want);
    arena_release(a);
}

static void test_third_party_bound(void **s)
{
    (void)s;
    check_many_signatures(31, ERR_OK);
    check_many_signatures(32, ERR_FORBIDDEN);
}

static void test_third_party_form(void **s)
{
    (void)s;
    static const char *const bad[] = {"1", "{}", "{'signed':{}}", "{'signed':{'mxid':'@x:b'}}", "{'signed':{'mxid':1,'token':'tok'}}"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char text[300];
        snprintf(text, sizeof text, MEMBER("@mod:a", "@x:b", "{'membership':'invite','third_party_invite':%s}"), bad[i]);
        struct row t = {bad[i], 6, 12, NULL, text, ERR_BAD_JSON, "signed"};
        check_row(&t, 12);
    }
}

/* --- auth_events --- */

static void check_keys(unsigned version, const char *event, const char *want)
{
    struct room r;
    struct str prev[1];
    struct auth_key keys[AUTH_KEYS_MAX];
    room_init(&r, version, NULL);
    struct event_fields e = event_of(&r, event, prev);
    size_t n = auth_keys(r.version, &e, keys);
    struct str got = STR("");
    for (size_t i = 0; i < n; i++)
        got = arena_printf(&r.arena, "%.*s%.*s|%.*s ", STR_FMT(got), STR_FMT(str_from(keys[i].type, 7)), STR_FMT(keys[i].state_key));
    check_str(event, got, str_c(want));
    assert_int_equal(auth_check_keys(r.version, &e, keys, n, NULL), ERR_OK);
    if (n) {
        keys[n] = keys[n - 1];
        assert_int_equal(auth_check_keys(r.version, &e, keys, n + 1, NULL), ERR_FORBIDDEN);
        keys[n - 1].type = STR("m.room.topic");
        assert_int_equal(auth_check_keys(r.version, &e, keys, n, NULL), ERR_FORBIDDEN);
    }
    arena_release(&r.arena);
}

static void test_auth_keys(void **s)
{
    (void)s;
    check_keys(11, "{'type':'m.room.create','sender':'@x:a','state_key':'','content':{}}", "");
    check_keys(11, "{'type':'m.room.message','sender':'@x:a','content':{}}", "create| power_levels| member|@x:a ");
    check_keys(12, "{'type':'m.room.message','sender':'@x:a','content':{}}", "power_levels| member|@x:a ");
    check_keys(11, MEMBER("@x:a", "@x:a", "{'membership':'join'}"), "create| power_levels| member|@x:a join_rules| ");
    check_keys(11, MEMBER("@x:a", "@x:a", "{'membership':'knock'}"), "create| power_levels| member|@x:a join_rules| ");
    check_keys(11, MEMBER("@x:a", "@y:a", "{'membership':'leave'}"), "create| power_levels| member|@x:a member|@y:a ");
    check_keys(11, MEMBER("@x:a", "@y:a", "{'membership':'ban','third_party_invite':{'signed':{'token':'t'}}}"),
               "create| power_levels| member|@x:a member|@y:a ");
    check_keys(12, MEMBER("@x:a", "@y:a", "{'membership':'invite','third_party_invite':{'signed':{'token':'t'}}}"),
               "power_levels| member|@x:a member|@y:a join_rules| third_party_invite|t ");
    check_keys(8, MEMBER("@x:a", "@x:a", "{'membership':'join','join_authorised_via_users_server':'@z:a'}"),
               "create| power_levels| member|@x:a join_rules| member|@z:a ");
    check_keys(7, MEMBER("@x:a", "@x:a", "{'membership':'join','join_authorised_via_users_server':'@z:a'}"),
               "create| power_levels| member|@x:a join_rules| ");
    struct event_fields e = {.type = STR("m.room.message"), .sender = STR("@x:a")};
    struct auth_key only[] = {{STR("m.room.power_levels"), STR("")}};
    assert_int_equal(auth_check_keys(room_version_number(11), &e, only, 1, NULL), ERR_FORBIDDEN);
    assert_int_equal(auth_check_keys(room_version_number(12), &e, only, 1, NULL), ERR_OK);
}

/* Must not be more than an event can name. */
_Static_assert((int)AUTH_KEYS_MAX <= (int)EVENT_AUTH_MAX, "an event must be able to name all that authorizes it");

static void test_may(void **s)
{
    (void)s;
    struct room r;
    room_init(&r, 11, NULL);
    struct auth_room room = auth_room(&r);
    assert_true(auth_may_invite(&room, STR("@mod:a")));
    assert_false(auth_may_invite(&room, STR("@user:a")));
    struct power_levels other = *room.power;
    room.power = &other;
    other.level[POWER_INVITE] = 50;
    assert_true(auth_may_invite(&room, STR("@mod:a")));
    other.level[POWER_INVITE] = 51;
    assert_false(auth_may_invite(&room, STR("@mod:a")));
    assert_false(auth_may_invite(&room, STR("@left:a")));
    assert_true(auth_may_redact(&room, STR("@mod:a"), STR("@user:a")));
    assert_true(auth_may_redact(&room, STR("@user:a"), STR("@user:a")));
    assert_false(auth_may_redact(&room, STR("@user:a"), STR("@user2:a")));
    arena_release(&r.arena);
}

static int crypto_up(void **s)
{
    (void)s;
    return crypto_init(NULL) == ERR_OK ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rules),
        cmocka_unit_test(test_old_versions_refused),
        cmocka_unit_test(test_third_party_invites),
        cmocka_unit_test(test_third_party_form),
        cmocka_unit_test(test_third_party_bound),
        cmocka_unit_test(test_auth_keys),
        cmocka_unit_test(test_may),
    };
    return cmocka_run_group_tests(tests, crypto_up, NULL);
}
