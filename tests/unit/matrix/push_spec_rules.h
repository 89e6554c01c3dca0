/* The definitions of the predefined rules as the specification prints them, by kind and in its order. */
static const char *const spec_rules[][2] = {
    {"override", "{\"rule_id\":\".m.rule.master\",\"default\":true,\"enabled\":false,\"conditions\":[],\"actions\":[]}"},
    {"override", "{\"rule_id\":\".m.rule.suppress_notices\",\"default\":true,\"enabled\":true,\"conditions\":[{\"kind\":\"event_match\","
                 "\"key\":\"content.msgtype\",\"pattern\":\"m.notice\"}],\"actions\":[]}"},
    {"override", "{\"rule_id\":\".m.rule.invite_for_me\",\"default\":true,\"enabled\":true,\"conditions\":[{\"key\":\"type\",\"kind\":"
                 "\"event_match\",\"pattern\":\"m.room.member\"},{\"key\":\"content.membership\",\"kind\":\"event_match\",\"pattern\":"
                 "\"invite\"},{\"key\":\"state_key\",\"kind\":\"event_match\",\"pattern\":\"@me:example.org\"}],\"actions\":[\"notify\",{"
                 "\"set_tweak\":\"sound\",\"value\":\"default\"}]}"},
    {"override", "{\"rule_id\":\".m.rule.member_event\",\"default\":true,\"enabled\":true,\"conditions\":[{\"key\":\"type\",\"kind\":"
                 "\"event_match\",\"pattern\":\"m.room.member\"}],\"actions\":[]}"},
    {"override", "{\"rule_id\":\".m.rule.is_user_mention\",\"default\":true,\"enabled\":true,\"conditions\":[{\"kind\":\"event_property_"
                 "contains\",\"key\":\"content.m\\\\.mentions.user_ids\",\"value\":\"@me:example.org\"}],\"actions\":[\"notify\",{\"set_"
                 "tweak\":\"sound\",\"value\":\"default\"},{\"set_tweak\":\"highlight\"}]}"},
    {"override", "{\"rule_id\":\".m.rule.is_room_mention\",\"default\":true,\"enabled\":true,\"conditions\":[{\"kind\":\"event_property_"
                 "is\",\"key\":\"content.m\\\\.mentions.room\",\"value\":true},{\"kind\":\"sender_notification_permission\",\"key\":"
                 "\"room\"}],\"actions\":[\"notify\",{\"set_tweak\":\"highlight\"}]}"},
    {"override", "{\"rule_id\":\".m.rule.tombstone\",\"default\":true,\"enabled\":true,\"conditions\":[{\"kind\":\"event_match\",\"key\":"
                 "\"type\",\"pattern\":\"m.room.tombstone\"},{\"kind\":\"event_match\",\"key\":\"state_key\",\"pattern\":\"\"}],"
                 "\"actions\":[\"notify\",{\"set_tweak\":\"highlight\"}]}"},
    {"override", "{\"rule_id\":\".m.rule.reaction\",\"default\":true,\"enabled\":true,\"conditions\":[{\"kind\":\"event_match\",\"key\":"
                 "\"type\",\"pattern\":\"m.reaction\"}],\"actions\":[]}"},
    {"override",
     "{\"rule_id\":\".m.rule.room.server_acl\",\"default\":true,\"enabled\":true,\"conditions\":[{\"kind\":\"event_match\",\"key\":"
     "\"type\",\"pattern\":\"m.room.server_acl\"},{\"kind\":\"event_match\",\"key\":\"state_key\",\"pattern\":\"\"}],\"actions\":[]}"},
    {"override", "{\"rule_id\":\".m.rule.suppress_edits\",\"default\":true,\"enabled\":true,\"conditions\":[{\"kind\":\"event_property_"
                 "is\",\"key\":\"content.m\\\\.relates_to.rel_type\",\"value\":\"m.replace\"}],\"actions\":[]}"},
    {"underride", "{\"rule_id\":\".m.rule.call\",\"default\":true,\"enabled\":true,\"conditions\":[{\"key\":\"type\",\"kind\":\"event_"
                  "match\",\"pattern\":\"m.call.invite\"}],\"actions\":[\"notify\",{\"set_tweak\":\"sound\",\"value\":\"ring\"}]}"},
    {"underride", "{\"rule_id\":\".m.rule.encrypted_room_one_to_one\",\"default\":true,\"enabled\":true,\"conditions\":[{\"kind\":\"room_"
                  "member_count\",\"is\":\"2\"},{\"kind\":\"event_match\",\"key\":\"type\",\"pattern\":\"m.room.encrypted\"}],\"actions\":["
                  "\"notify\",{\"set_tweak\":\"sound\",\"value\":\"default\"}]}"},
    {"underride", "{\"rule_id\":\".m.rule.room_one_to_one\",\"default\":true,\"enabled\":true,\"conditions\":[{\"kind\":\"room_member_"
                  "count\",\"is\":\"2\"},{\"kind\":\"event_match\",\"key\":\"type\",\"pattern\":\"m.room.message\"}],\"actions\":["
                  "\"notify\",{\"set_tweak\":\"sound\",\"value\":\"default\"}]}"},
    {"underride", "{\"rule_id\":\".m.rule.message\",\"default\":true,\"enabled\":true,\"conditions\":[{\"kind\":\"event_match\",\"key\":"
                  "\"type\",\"pattern\":\"m.room.message\"}],\"actions\":[\"notify\"]}"},
    {"underride", "{\"rule_id\":\".m.rule.encrypted\",\"default\":true,\"enabled\":true,\"conditions\":[{\"kind\":\"event_match\",\"key\":"
                  "\"type\",\"pattern\":\"m.room.encrypted\"}],\"actions\":[\"notify\"]}"},
};
