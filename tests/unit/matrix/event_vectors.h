/* Made by make_event_vectors.py. */
static const struct vector {
    unsigned version;
    const char *type, *state_key, *content, *redacts;
    unsigned refs;
    const char *event_id, *client, *fed;
} vectors[] = {
    {6, "m.room.message", NULL,
     "{\"msgtype\": \"m.text\", \"body\": \"Gr\\u00fc\\u00dfe, \\u4e16\\u754c \\ud83d\\ude00\", \"z\": [1, -2, {\"b\": null, \"a\": "
     "true}], \"m.mentions\": {}}",
     NULL, 2, "$1H24yUF9zW-q7eLkOpp0UshsmVKxqxRnj4O4ZckcUL4",
     "{\"content\":{\"body\":\"Grüße, 世界 "
     "😀\",\"m.mentions\":{},\"msgtype\":\"m.text\",\"z\":[1,-2,{\"a\":true,\"b\":null}]},\"event_id\":\"$1H24yUF9zW-"
     "q7eLkOpp0UshsmVKxqxRnj4O4ZckcUL4\",\"origin_server_ts\":1700000000123,\"sender\":\"@alice:example.org\",\"type\":\"m.room.message\"}",
     "{\"auth_events\":[\"$bjQLnP-zepicpUTmu3gKLHiQHT-zNzh2hRGjBhevoB0\",\"$S_USLzRFVMU73i67jNK349FgCtYxw4Wl18ziPHeFRZo\"],\"depth\":7,"
     "\"hashes\":{\"sha256\":\"ROqjz/"
     "Dp8AOhgaW1WBhzYmbrp0gXz0X+WeMIrzzydrg\"},\"prev_events\":[\"$bjQLnP-zepicpUTmu3gKLHiQHT-zNzh2hRGjBhevoB0\"]}"},
    {6, "m.room.member", "@alice:example.org",
     "{\"membership\": \"join\", \"displayname\": \"\\u00c4lice \\u0001\\\"\\\\\", \"join_authorised_via_users_server\": "
     "\"@bob:example.org\", \"third_party_invite\": {\"display_name\": \"a\", \"signed\": {\"mxid\": \"@alice:example.org\", \"token\": "
     "\"t\"}}}",
     NULL, 2, "$y706de7U8vcgSpa7Woi1Q5DaP4LxSZOGr26yIexxAGc",
     "{\"content\":{\"displayname\":\"Älice "
     "\\u0001\\\"\\\\\",\"join_authorised_via_users_server\":\"@bob:example.org\",\"membership\":\"join\",\"third_party_invite\":{"
     "\"display_name\":\"a\",\"signed\":{\"mxid\":\"@alice:example.org\",\"token\":\"t\"}}},\"event_id\":\"$"
     "y706de7U8vcgSpa7Woi1Q5DaP4LxSZOGr26yIexxAGc\",\"origin_server_ts\":1700000000123,\"sender\":\"@alice:example.org\",\"state_key\":\"@"
     "alice:example.org\",\"type\":\"m.room.member\"}",
     "{\"auth_events\":[\"$bjQLnP-zepicpUTmu3gKLHiQHT-zNzh2hRGjBhevoB0\",\"$S_USLzRFVMU73i67jNK349FgCtYxw4Wl18ziPHeFRZo\"],\"depth\":7,"
     "\"hashes\":{\"sha256\":\"2EvkI59N6UAqFtQOrqJw88sys3AWwmec5g4K5J4yaK4\"},\"prev_events\":[\"$bjQLnP-zepicpUTmu3gKLHiQHT-"
     "zNzh2hRGjBhevoB0\"]}"},
    {6, "m.room.power_levels", "",
     "{\"ban\": 50, \"events\": {\"m.room.name\": 50}, \"events_default\": 0, \"invite\": 0, \"kick\": 50, \"notifications\": {\"room\": "
     "20}, \"redact\": 50, \"state_default\": 50, \"users\": {\"@alice:example.org\": 100}, \"users_default\": 0, \"custom\": 1}",
     NULL, 2, "$Hmu1B2a7WrjPAS-TvBFWajmJBCVFMwTm5yqoR3Ayh40",
     "{\"content\":{\"ban\":50,\"custom\":1,\"events\":{\"m.room.name\":50},\"events_default\":0,\"invite\":0,\"kick\":50,"
     "\"notifications\":{\"room\":20},\"redact\":50,\"state_default\":50,\"users\":{\"@alice:example.org\":100},\"users_default\":0},"
     "\"event_id\":\"$Hmu1B2a7WrjPAS-TvBFWajmJBCVFMwTm5yqoR3Ayh40\",\"origin_server_ts\":1700000000123,\"sender\":\"@alice:example.org\","
     "\"state_key\":\"\",\"type\":\"m.room.power_levels\"}",
     "{\"auth_events\":[\"$bjQLnP-zepicpUTmu3gKLHiQHT-zNzh2hRGjBhevoB0\",\"$S_USLzRFVMU73i67jNK349FgCtYxw4Wl18ziPHeFRZo\"],\"depth\":7,"
     "\"hashes\":{\"sha256\":\"ELoS2TPL7T50JmoP92wDRosDE5OOdSkqyHY48AglXts\"},\"prev_events\":[\"$bjQLnP-zepicpUTmu3gKLHiQHT-"
     "zNzh2hRGjBhevoB0\"]}"},
    {6, "m.room.join_rules", "",
     "{\"join_rule\": \"restricted\", \"allow\": [{\"type\": \"m.room_membership\", \"room_id\": \"!x:y\"}], \"x\": 1}", NULL, 2,
     "$JJREjZlwg8eZPa2Z8hABwX6wB8IHq4tMHVnNABq87QU",
     "{\"content\":{\"allow\":[{\"room_id\":\"!x:y\",\"type\":\"m.room_membership\"}],\"join_rule\":\"restricted\",\"x\":1},\"event_id\":"
     "\"$JJREjZlwg8eZPa2Z8hABwX6wB8IHq4tMHVnNABq87QU\",\"origin_server_ts\":1700000000123,\"sender\":\"@alice:example.org\",\"state_key\":"
     "\"\",\"type\":\"m.room.join_rules\"}",
     "{\"auth_events\":[\"$bjQLnP-zepicpUTmu3gKLHiQHT-zNzh2hRGjBhevoB0\",\"$S_USLzRFVMU73i67jNK349FgCtYxw4Wl18ziPHeFRZo\"],\"depth\":7,"
     "\"hashes\":{\"sha256\":\"LPju/b+j2ZPw3MQ5eUuhOuS6WR06t/"
     "ms5ZaYVV8l0+E\"},\"prev_events\":[\"$bjQLnP-zepicpUTmu3gKLHiQHT-zNzh2hRGjBhevoB0\"]}"},
    {6, "m.room.history_visibility", "", "{\"history_visibility\": \"shared\", \"more\": {}}", NULL, 2,
     "$bvuZTEUmLpIwRrHGVW6bG44dNLkYFi_vcw-pIuBSu5w",
     "{\"content\":{\"history_visibility\":\"shared\",\"more\":{}},\"event_id\":\"$bvuZTEUmLpIwRrHGVW6bG44dNLkYFi_vcw-pIuBSu5w\",\"origin_"
     "server_ts\":1700000000123,\"sender\":\"@alice:example.org\",\"state_key\":\"\",\"type\":\"m.room.history_visibility\"}",
     "{\"auth_events\":[\"$bjQLnP-zepicpUTmu3gKLHiQHT-zNzh2hRGjBhevoB0\",\"$S_USLzRFVMU73i67jNK349FgCtYxw4Wl18ziPHeFRZo\"],\"depth\":7,"
     "\"hashes\":{\"sha256\":\"ryYKqzAvcKJLYY9pXeZVecsU+l9If7yhji381HGjO0Q\"},\"prev_events\":[\"$bjQLnP-zepicpUTmu3gKLHiQHT-"
     "zNzh2hRGjBhevoB0\"]}"},
    {6, "m.room.create", "", "{\"creator\": \"@alice:example.org\", \"room_version\": \"1\", \"m.federate\": false, \"type\": \"m.space\"}",
     NULL, 0, "$BoUW9fmDulcgnHB3BjLYezOjdrPIYb3ChUfkCXUDLG0",
     "{\"content\":{\"creator\":\"@alice:example.org\",\"m.federate\":false,\"room_version\":\"1\",\"type\":\"m.space\"},\"event_id\":\"$"
     "BoUW9fmDulcgnHB3BjLYezOjdrPIYb3ChUfkCXUDLG0\",\"origin_server_ts\":1700000000123,\"sender\":\"@alice:example.org\",\"state_key\":"
     "\"\",\"type\":\"m.room.create\"}",
     "{\"auth_events\":[],\"depth\":7,\"hashes\":{\"sha256\":\"6f7BbXbsoNaSIGBfEAa5HTLR/mwtM1IvklUUJa0A4H8\"},\"prev_events\":[]}"},
    {6, "m.room.redaction", NULL, "{\"reason\": \"because\"}", "$abc", 2, "$GJao7H3puki1g5Fjk9jrHhPvh9dJhSUDNbuCNCPOURE",
     "{\"content\":{\"reason\":\"because\",\"redacts\":\"$abc\"},\"event_id\":\"$GJao7H3puki1g5Fjk9jrHhPvh9dJhSUDNbuCNCPOURE\",\"origin_"
     "server_ts\":1700000000123,\"redacts\":\"$abc\",\"sender\":\"@alice:example.org\",\"type\":\"m.room.redaction\"}",
     "{\"auth_events\":[\"$bjQLnP-zepicpUTmu3gKLHiQHT-zNzh2hRGjBhevoB0\",\"$S_USLzRFVMU73i67jNK349FgCtYxw4Wl18ziPHeFRZo\"],\"depth\":7,"
     "\"hashes\":{\"sha256\":\"PZM8TjNEUwOtct6jpjIIxjjhUpyfjDtmVTYsiwfuHUg\"},\"prev_events\":[\"$bjQLnP-zepicpUTmu3gKLHiQHT-"
     "zNzh2hRGjBhevoB0\"]}"},
    {6, "m.room.topic", "", "{\"topic\": \"<\\u007f\\u2028/>\"}", NULL, 2, "$1Z2O_fw9w9V75gWIH7ze4PflJjT_FHdOBpt9RQhlXS0",
     "{\"content\":{\"topic\":\"< /"
     ">\"},\"event_id\":\"$1Z2O_fw9w9V75gWIH7ze4PflJjT_FHdOBpt9RQhlXS0\",\"origin_server_ts\":1700000000123,\"sender\":\"@alice:example."
     "org\",\"state_key\":\"\",\"type\":\"m.room.topic\"}",
     "{\"auth_events\":[\"$bjQLnP-zepicpUTmu3gKLHiQHT-zNzh2hRGjBhevoB0\",\"$S_USLzRFVMU73i67jNK349FgCtYxw4Wl18ziPHeFRZo\"],\"depth\":7,"
     "\"hashes\":{\"sha256\":\"IlI2Ve0j8rK72OWYvFhMVGKnhUWsyDzhFdKOXXXXmss\"},\"prev_events\":[\"$bjQLnP-zepicpUTmu3gKLHiQHT-"
     "zNzh2hRGjBhevoB0\"]}"},
    {7, "m.room.message", NULL,
     "{\"msgtype\": \"m.text\", \"body\": \"Gr\\u00fc\\u00dfe, \\u4e16\\u754c \\ud83d\\ude00\", \"z\": [1, -2, {\"b\": null, \"a\": "
     "true}], \"m.mentions\": {}}",
     NULL, 2, "$1H24yUF9zW-q7eLkOpp0UshsmVKxqxRnj4O4ZckcUL4",
     "{\"content\":{\"body\":\"Grüße, 世界 "
     "😀\",\"m.mentions\":{},\"msgtype\":\"m.text\",\"z\":[1,-2,{\"a\":true,\"b\":null}]},\"event_id\":\"$1H24yUF9zW-"
     "q7eLkOpp0UshsmVKxqxRnj4O4ZckcUL4\",\"origin_server_ts\":1700000000123,\"sender\":\"@alice:example.org\",\"type\":\"m.room.message\"}",
     "{\"auth_events\":[\"$bjQLnP-zepicpUTmu3gKLHiQHT-zNzh2hRGjBhevoB0\",\"$S_USLzRFVMU73i67jNK349FgCtYxw4Wl18ziPHeFRZo\"],\"depth\":7,"
     "\"hashes\":{\"sha256\":\"ROqjz/"
     "Dp8AOhgaW1WBhzYmbrp0gXz0X+WeMIrzzydrg\"},\"prev_events\":[\"$bjQLnP-zepicpUTmu3gKLHiQHT-zNzh2hRGjBhevoB0\"]}"},
    {7, "m.room.member", "@alice:example.org",
     "{\"membership\": \"join\", \"displayname\": \"\\u00c4lice \\u0001\\\"\\\\\", \"join_authorised_via_users_server\": "
     "\"@bob:example.org\", \"third_party_invite\": {\"display_name\": \"a\", \"signed\": {\"mxid\": \"@alice:example.org\", \"token\": "
     "\"t\"}}}",
     NULL, 2, "$y706de7U8vcgSpa7Woi1Q5DaP4LxSZOGr26yIexxAGc",
     "{\"content\":{\"displayname\":\"Älice "
     "\\u0001\\\"\\\\\",\"join_authorised_via_users_server\":\"@bob:example.org\",\"membership\":\"join\",\"third_party_invite\":{"
     "\"display_name\":\"a\",\"signed\":{\"mxid\":\"@alice:example.org\",\"token\":\"t\"}}},\"event_id\":\"$"
     "y706de7U8vcgSpa7Woi1Q5DaP4LxSZOGr26yIexxAGc\",\"origin_server_ts\":1700000000123,\"sender\":\"@alice:example.org\",\"state_key\":\"@"
     "alice:example.org\",\"type\":\"m.room.member\"}",
     "{\"auth_events\":[\"$bjQLnP-zepicpUTmu3gKLHiQHT-zNzh2hRGjBhevoB0\",\"$S_USLzRFVMU73i67jNK349FgCtYxw4Wl18ziPHeFRZo\"],\"depth\":7,"
     "\"hashes\":{\"sha256\":\"2EvkI59N6UAqFtQOrqJw88sys3AWwmec5g4K5J4yaK4\"},\"prev_events\":[\"$bjQLnP-zepicpUTmu3gKLHiQHT-"
     "zNzh2hRGjBhevoB0\"]}"},
    {7, "m.room.power_levels", "",
     "{\"ban\": 50, \"events\": {\"m.room.name\": 50}, \"events_default\": 0, \"invite\": 0, \"kick\": 50, \"notifications\": {\"room\": "
     "20}, \"redact\": 50, \"state_default\": 50, \"users\": {\"@alice:example.org\": 100}, \"users_default\": 0, \"custom\": 1}",
     NULL, 2, "$Hmu1B2a7WrjPAS-TvBFWajmJBCVFMwTm5yqoR3Ayh40",
     "{\"content\":{\"ban\":50,\"custom\":1,\"events\":{\"m.room.name\":50},\"events_default\":0,\"invite\":0,\"kick\":50,"
     "\"notifications\":{\"room\":20},\"redact\":50,\"state_default\":50,\"users\":{\"@alice:example.org\":100},\"users_default\":0},"
     "\"event_id\":\"$Hmu1B2a7WrjPAS-TvBFWajmJBCVFMwTm5yqoR3Ayh40\",\"origin_server_ts\":1700000000123,\"sender\":\"@alice:example.org\","
     "\"state_key\":\"\",\"type\":\"m.room.power_levels\"}",
     "{\"auth_events\":[\"$bjQLnP-zepicpUTmu3gKLHiQHT-zNzh2hRGjBhevoB0\",\"$S_USLzRFVMU73i67jNK349FgCtYxw4Wl18ziPHeFRZo\"],\"depth\":7,"
     "\"hashes\":{\"sha256\":\"ELoS2TPL7T50JmoP92wDRosDE5OOdSkqyHY48AglXts\"},\"prev_events\":[\"$bjQLnP-zepicpUTmu3gKLHiQHT-"
     "zNzh2hRGjBhevoB0\"]}"},
    {7, "m.room.join_rules", "",
     "{\"join_rule\": \"restricted\", \"allow\": [{\"type\": \"m.room_membership\", \"room_id\": \"!x:y\"}], \"x\": 1}", NULL, 2,
     "$JJREjZlwg8eZPa2Z8hABwX6wB8IHq4tMHVnNABq87QU",
     "{\"content\":{\"allow\":[{\"room_id\":\"!x:y\",\"type\":\"m.room_membership\"}],\"join_rule\":\"restricted\",\"x\":1},\"event_id\":"
     "\"$JJREjZlwg8eZPa2Z8hABwX6wB8IHq4tMHVnNABq87QU\",\"origin_server_ts\":1700000000123,\"sender\":\"@alice:example.org\",\"state_key\":"
     "\"\",\"type\":\"m.room.join_rules\"}",
     "{\"auth_events\":[\"$bjQLnP-zepicpUTmu3gKLHiQHT-zNzh2hRGjBhevoB0\",\"$S_USLzRFVMU73i67jNK349FgCtYxw4Wl18ziPHeFRZo\"],\"depth\":7,"
     "\"hashes\":{\"sha256\":\"LPju/b+j2ZPw3MQ5eUuhOuS6WR06t/"
     "ms5ZaYVV8l0+E\"},\"prev_events\":[\"$bjQLnP-zepicpUTmu3gKLHiQHT-zNzh2hRGjBhevoB0\"]}"},
    {7, "m.room.history_visibility", "", "{\"history_visibility\": \"shared\", \"more\": {}}", NULL, 2,
     "$bvuZTEUmLpIwRrHGVW6bG44dNLkYFi_vcw-pIuBSu5w",
     "{\"content\":{\"history_visibility\":\"shared\",\"more\":{}},\"event_id\":\"$bvuZTEUmLpIwRrHGVW6bG44dNLkYFi_vcw-pIuBSu5w\",\"origin_"
     "server_ts\":1700000000123,\"sender\":\"@alice:example.org\",\"state_key\":\"\",\"type\":\"m.room.history_visibility\"}",
     "{\"auth_events\":[\"$bjQLnP-zepicpUTmu3gKLHiQHT-zNzh2hRGjBhevoB0\",\"$S_USLzRFVMU73i67jNK349FgCtYxw4Wl18ziPHeFRZo\"],\"depth\":7,"
     "\"hashes\":{\"sha256\":\"ryYKqzAvcKJLYY9pXeZVecsU+l9If7yhji381HGjO0Q\"},\"prev_events\":[\"$bjQLnP-zepicpUTmu3gKLHiQHT-"
     "zNzh2hRGjBhevoB0\"]}"},
    {7, "m.room.create", "", "{\"creator\": \"@alice:example.org\", \"room_version\": \"1\", \"m.federate\": false, \"type\": \"m.space\"}",
     NULL, 0, "$BoUW9fmDulcgnHB3BjLYezOjdrPIYb3ChUfkCXUDLG0",
     "{\"content\":{\"creator\":\"@alice:example.org\",\"m.federate\":false,\"room_version\":\"1\",\"type\":\"m.space\"},\"event_id\":\"$"
     "BoUW9fmDulcgnHB3BjLYezOjdrPIYb3ChUfkCXUDLG0\",\"origin_server_ts\":1700000000123,\"sender\":\"@alice:example.org\",\"state_key\":"
     "\"\",\"type\":\"m.room.create\"}",
     "{\"auth_events\":[],\"depth\":7,\"hashes\":{\"sha256\":\"6f7BbXbsoNaSIGBfEAa5HTLR/mwtM1IvklUUJa0A4H8\"},\"prev_events\":[]}"},
    {7, "m.room.redaction", NULL, "{\"reason\": \"because\"}", "$abc", 2, "$GJao7H3puki1g5Fjk9jrHhPvh9dJhSUDNbuCNCPOURE",
     "{\"content\":{\"reason\":\"because\",\"redacts\":\"$abc\"},\"event_id\":\"$GJao7H3puki1g5Fjk9jrHhPvh9dJhSUDNbuCNCPOURE\",\"origin_"
     "server_ts\":1700000000123,\"redacts\":\"$abc\",\"sender\":\"@alice:example.org\",\"type\":\"m.room.redaction\"}",
     "{\"auth_events\":[\"$bjQLnP-zepicpUTmu3gKLHiQHT-zNzh2hRGjBhevoB0\",\"$S_USLzRFVMU73i67jNK349FgCtYxw4Wl18ziPHeFRZo\"],\"depth\":7,"
     "\"hashes\":{\"sha256\":\"PZM8TjNEUwOtct6jpjIIxjjhUpyfjDtmVTYsiwfuHUg\"},\"prev_events\":[\"$bjQLnP-zepicpUTmu3gKLHiQHT-"
     "zNzh2hRGjBhevoB0\"]}"},
    {7, "m.room.topic", "", "{\"topic\": \"<\\u007f\\u2028/>\"}", NULL, 2, "$1Z2O_fw9w9V75gWIH7ze4PflJjT_FHdOBpt9RQhlXS0",
     "{\"content\":{\"topic\":\"< /"
     ">\"},\"event_id\":\"$1Z2O_fw9w9V75gWIH7ze4PflJjT_FHdOBpt9RQhlXS0\",\"origin_server_ts\":1700000000123,\"sender\":\"@alice:example."
     "org\",\"state_key\":\"\",\"type\":\"m.room.topic\"}",
     "{\"auth_events\":[\"$bjQLnP-zepicpUTmu3gKLHiQHT-zNzh2hRGjBhevoB0\",\"$S_USLzRFVMU73i67jNK349FgCtYxw4Wl18ziPHeFRZo\"],\"depth\":7,"
     "\"hashes\":{\"sha256\":\"IlI2Ve0j8rK72OWYvFhMVGKnhUWsyDzhFdKOXXXXmss\"},\"prev_events\":[\"$bjQLnP-zepicpUTmu3gKLHiQHT-"
     "zNzh2hRGjBhevoB0\"]}"},
    {8, "m.room.message", NULL,
     "{\"msgtype\": \"m.text\", \"body\": \"Gr\\u00fc\\u00dfe, \\u4e16\\u754c \\ud83d\\ude00\", \"z\": [1, -2, {\"b\": null, \"a\": "
     "true}], \"m.mentions\": {}}",
     NULL, 2, "$1H24yUF9zW-q7eLkOpp0UshsmVKxqxRnj4O4ZckcUL4",
     "{\"content\":{\"body\":\"Grüße, 世界 "
     "😀\",\"m.mentions\":{},\"msgtype\":\"m.text\",\"z\":[1,-2,{\"a\":true,\"b\":null}]},\"event_id\":\"$1H24yUF9zW-"
     "q7eLkOpp0UshsmVKxqxRnj4O4ZckcUL4\",\"origin_server_ts\":1700000000123,\"sender\":\"@alice:example.org\",\"type\":\"m.room.message\"}",
     "{\"auth_events\":[\"$bjQLnP-zepicpUTmu3gKLHiQHT-zNzh2hRGjBhevoB0\",\"$S_USLzRFVMU73i67jNK349FgCtYxw4Wl18ziPHeFRZo\"],\"depth\":7,"
     "\"hashes\":{\"sha256\":\"ROqjz/"
     "Dp8AOhgaW1WBhzYmbrp0gXz0X+WeMIrzzydrg\"},\"prev_events\":[\"$bjQLnP-zepicpUTmu3gKLHiQHT-zNzh2hRGjBhevoB0\"]}"},
    {8, "m.room.member", "@alice:example.org",
     "{\"membership\": \"join\", \"displayname\": \"\\u00c4lice \\u0001\\\"\\\\\", \"join_authorised_via_users_server\": "
     "\"@bob:example.org\", \"third_party_invite\": {\"display_name\": \"a\", \"signed\": {\"mxid\": \"@alice:example.org\", \"token\": "
     "\"t\"}}}",
     NULL, 2, "$y706de7U8vcgSpa7Woi1Q5DaP4LxSZOGr26yIexxAGc",
     "{\"content\":{\"displayname\":\"Älice "
     "\\u0001\\\"\\\\\",\"join_authorised_via_users_server\":\"@bob:example.org\",\"membership\":\"join\",\"third_party_invite\":{"
     "\"display_name\":\"a\",\"signed\":{\"mxid\":\"@alice:example.org\",\"token\":\"t\"}}},\"event_id\":\"$"
     "y706de7U8vcgSpa7Woi1Q5DaP4LxSZOGr26yIexxAGc\",\"origin_server_ts\":1700000000123,\"sender\":\"@alice:example.org\",\"state_key\":\"@"
     "alice:example.org\",\"type\":\"m.room.member\"}",
     "{\"auth_events\":[\"$bjQLnP-zepicpUTmu3gKLHiQHT-zNzh2hRGjBhevoB0\",\"$S_USLzRFVMU73i67jNK349FgCtYxw4Wl18ziPHeFRZo\"],\"depth\":7,"
     "\"hashes\":{\"sha256\":\"2EvkI59N6UAqFtQOrqJw88sys3AWwmec5g4K5J4yaK4\"},\"prev_events\":[\"$bjQLnP-zepicpUTmu3gKLHiQHT-"
     "zNzh2hRGjBhevoB0\"]}"},
    {8, "m.room.power_levels", "",
     "{\"ban\": 50, \"events\": {\"m.room.name\": 50}, \"events_default\": 0, \"invite\": 0, \"kick\": 50, \"notifications\": {\"room\": "
     "20}, \"redact\": 50, \"state_default\": 50, \"users\": {\"@alice:example.org\": 100}, \"users_default\": 0, \"custom\": 1}",
     NULL, 2, "$Hmu1B2a7WrjPAS-TvBFWajmJBCVFMwTm5yqoR3Ayh40",
     "{\"content\":{\"ban\":50,\"custom\":1,\"events\":{\"m.room.name\":50},\"events_default\":0,\"invite\":0,\"kick\":50,"
     "\"notifications\":{\"room\":20},\"redact\":50,\"state_default\":50,\"users\":{\"@alice:example.org\":100},\"users_default\":0},"
     "\"event_id\":\"$Hmu1B2a7WrjPAS-TvBFWajmJBCVFMwTm5yqoR3Ayh40\",\"origin_server_ts\":1700000000123,\"sender\":\"@alice:example.org\","
     "\"state_key\":\"\",\"type\":\"m.room.power_levels\"}",
     "{\"auth_events\":[\"$bjQLnP-zepicpUTmu3gKLHiQHT-zNzh2hRGjBhevoB0\",\"$S_USLzRFVMU73i67jNK349FgCtYxw4Wl18ziPHeFRZo\"],\"depth\":7,"
     "\"hashes\":{\"sha256\":\"ELoS2TPL7T50JmoP92wDRosDE5OOdSkqyHY48AglXts\"},\"prev_events\":[\"$bjQLnP-zepicpUTmu3gKLHiQHT-"
     "zNzh2hRGjBhevoB0\"]}"},
    {8, "m.room.join_rules", "",
     "{\"join_rule\": \"restricted\", \"allow\": [{\"type\": \"m.room_membership\", \"room_id\": \"!x:y\"}], \"x\": 1}", NULL, 2,
     "$2t_U8Fa2cRVWU1rC6UJa5RGC4aurfMprK_AkYfOoX00",
     "{\"content\":{\"allow\":[{\"room_id\":\"!x:y\",\"type\":\"m.room_membership\"}],\"join_rule\":\"restricted\",\"x\":1},\"event_id\":"
     "\"$2t_U8Fa2cRVWU1rC6UJa5RGC4aurfMprK_AkYfOoX00\",\"origin_server_ts\":1700000000123,\"sender\":\"@alice:example.org\",\"state_key\":"
     "\"\",\"type\":\"m.room.join_rules\"}",
     "{\"auth_events\":[\"$bjQLnP-zepicpUTmu3gKLHiQHT-zNzh2hRGjBhevoB0\",\"$S_USLzRFVMU73i67jNK349FgCtYxw4Wl18ziPHeFRZo\"],\"depth\":7,"
     "\"hashes\":{\"sha256\":\"LPju/b+j2ZPw3MQ5eUuhOuS6WR06t/"
     "ms5ZaYVV8l0+E\"},\"prev_events\":[\"$bjQLnP-zepicpUTmu3gKLHiQHT-zNzh2hRGjBhevoB0\"]}"},
    {8, "m.room.history_visibility", "", "{\"history_visibility\": \"shared\", \"more\": {}}", NULL, 2,
     "$bvuZTEUmLpIwRrHGVW6bG44dNLkYFi_vcw-pIuBSu5w",
     "{\"content\":{\"history_visibility\":\"shared\",\"more\":{}},\"event_id\":\"$bvuZTEUmLpIwRrHGVW6bG44dNLkYFi_vcw-pIuBSu5w\",\"origin_"
     "server_ts\":1700000000123,\"sender\":\"@alice:example.org\",\"state_key\":\"\",\"type\":\"m.room.history_visibility\"}",
     "{\"auth_events\":[\"$bjQLnP-zepicpUTmu3gKLHiQHT-zNzh2hRGjBhevoB0\",\"$S_USLzRFVMU73i67jNK349FgCtYxw4Wl18ziPHeFRZo\"],\"depth\":7,"
     "\"hashes\":{\"sha256\":\"ryYKqzAvcKJLYY9pXeZVecsU+l9If7yhji381HGjO0Q\"},\"prev_events\":[\"$bjQLnP-zepicpUTmu3gKLHiQHT-"
     "zNzh2hRGjBhevoB0\"]}"},
    {8, "m.room.create", "", "{\"creator\": \"@alice:example.org\", \"room_version\": \"1\", \"m.federate\": false, \"type\": \"m.space\"}",
     NULL, 0, "$BoUW9fmDulcgnHB3BjLYezOjdrPIYb3ChUfkCXUDLG0",
     "{\"content\":{\"creator\":\"@alice:example.org\",\"m.federate\":false,\"room_version\":\"1\",\"type\":\"m.space\"},\"event_id\":\"$"
     "BoUW9fmDulcgnHB3BjLYezOjdrPIYb3ChUfkCXUDLG0\",\"origin_server_ts\":1700000000123,\"sender\":\"@alice:example.org\",\"state_key\":"
     "\"\",\"type\":\"m.room.create\"}",
     "{\"auth_events\":[],\"depth\":7,\"hashes\":{\"sha256\":\"6f7BbXbsoNaSIGBfEAa5HTLR/mwtM1IvklUUJa0A4H8\"},\"prev_events\":[]}"},
    {8, "m.room.redaction", NULL, "{\"reason\": \"because\"}", "$abc", 2, "$GJao7H3puki1g5Fjk9jrHhPvh9dJhSUDNbuCNCPOURE",
     "{\"content\":{\"reason\":\"because\",\"redacts\":\"$abc\"},\"event_id\":\"$GJao7H3puki1g5Fjk9jrHhPvh9dJhSUDNbuCNCPOURE\",\"origin_"
     "server_ts\":1700000000123,\"redacts\":\"$abc\",\"sender\":\"@alice:example.org\",\"type\":\"m.room.redaction\"}",
     "{\"auth_events\":[\"$bjQLnP-zepicpUTmu3gKLHiQHT-zNzh2hRGjBhevoB0\",\"$S_USLzRFVMU73i67jNK349FgCtYxw4Wl18ziPHeFRZo\"],\"depth\":7,"
     "\"hashes\":{\"sha256\":\"PZM8TjNEUwOtct6jpjIIxjjhUpyfjDtmVTYsiwfuHUg\"},\"prev_events\":[\"$bjQLnP-zepicpUTmu3gKLHiQHT-"
     "zNzh2hRGjBhevoB0\"]}"},
    {8, "m.room.topic", "", "{\"topic\": \"<\\u007f\\u2028/>\"}", NULL, 2, "$1Z2O_fw9w9V75gWIH7ze4PflJjT_FHdOBpt9RQhlXS0",
     "{\"content\":{\"topic\":\"< /"
     ">\"},\"event_id\":\"$1Z2O_fw9w9V75gWIH7ze4PflJjT_FHdOBpt9RQhlXS0\",\"origin_server_ts\":1700000000123,\"sender\":\"@alice:example."
     "org\",\"state_key\":\"\",\"type\":\"m.room.topic\"}",
     "{\"auth_events\":[\"$bjQLnP-zepicpUTmu3gKLHiQHT-zNzh2hRGjBhevoB0\",\"$S_USLzRFVMU73i67jNK349FgCtYxw4Wl18ziPHeFRZo\"],\"depth\":7,"
     "\"hashes\":{\"sha256\":\"IlI2Ve0j8rK72OWYvFhMVGKnhUWsyDzhFdKOXXXXmss\"},\"prev_events\":[\"$bjQLnP-zepicpUTmu3gKLHiQHT-"
     "zNzh2hRGjBhevoB0\"]}"},
    {9, "m.room.message", NULL,
     "{\"msgtype\": \"m.text\", \"body\": \"Gr\\u00fc\\u00dfe, \\u4e16\\u754c \\ud83d\\ude00\", \"z\": [1, -2, {\"b\": null, \"a\": "
     "true}], \"m.mentions\": {}}",
     NULL, 2, "$1H24yUF9zW-q7eLkOpp0UshsmVKxqxRnj4O4ZckcUL4",
     "{\"content\":{\"body\":\"Grüße, 世界 "
     "😀\",\"m.mentions\":{},\"msgtype\":\"m.text\",\"z\":[1,-2,{\"a\":true,\"b\":null}]},\"event_id\":\"$1H24yUF9zW-"
     "q7eLkOpp0UshsmVKxqxRnj4O4ZckcUL4\",\"origin_server_ts\":1700000000123,\"sender\":\"@alice:example.org\",\"type\":\"m.room.message\"}",
     "{\"auth_events\":[\"$bjQLnP-zepicpUTmu3gKLHiQHT-zNzh2hRGjBhevoB0\",\"$S_USLzRFVMU73i67jNK349FgCtYxw4Wl18ziPHeFRZo\"],\"depth\":7,"
     "\"hashes\":{\"sha256\":\"ROqjz/"
     "Dp8AOhgaW1WBhzYmbrp0gXz0X+WeMIrzzydrg\"},\"prev_events\":[\"$bjQLnP-zepicpUTmu3gKLHiQHT-zNzh2hRGjBhevoB0\"]}"},
    {9, "m.room.member", "@alice:example.org",
     "{\"membership\": \"join\", \"displayname\": \"\\u00c4lice \\u0001\\\"\\\\\", \"join_authorised_via_users_server\": "
     "\"@bob:example.org\", \"third_party_invite\": {\"display_name\": \"a\", \"signed\": {\"mxid\": \"@alice:example.org\", \"token\": "
     "\"t\"}}}",
     NULL, 2, "$XoYGH3krHJTPKOXkpPX8OAjscnqQdwJfTfVBy6UlLOo",
     "{\"content\":{\"displayname\":\"Älice "
     "\\u0001\\\"\\\\\",\"join_authorised_via_users_server\":\"@bob:example.org\",\"membership\":\"join\",\"third_party_invite\":{"
     "\"display_name\":\"a\",\"signed\":{\"mxid\":\"@alice:example.org\",\"token\":\"t\"}}},\"event_id\":\"$"
     "XoYGH3krHJTPKOXkpPX8OAjscnqQdwJfTfVBy6UlLOo\",\"origin_server_ts\":1700000000123,\"sender\":\"@alice:example.org\",\"state_key\":\"@"
     "alice:example.org\",\"type\":\"m.room.member\"}",
     "{\"auth_events\":[\"$bjQLnP-zepicpUTmu3gKLHiQHT-zNzh2hRGjBhevoB0\",\"$S_USLzRFVMU73i67jNK349FgCtYxw4Wl18ziPHeFRZo\"],\"depth\":7,"
     "\"hashes\":{\"sha256\":\"2EvkI59N6UAqFtQOrqJw88sys3AWwmec5g4K5J4yaK4\"},\"prev_events\":[\"$bjQLnP-zepicpUTmu3gKLHiQHT-"
     "zNzh2hRGjBhevoB0\"]}"},
    {9, "m.room.power_levels", "",
     "{\"ban\": 50, \"events\": {\"m.room.name\": 50}, \"events_default\": 0, \"invite\": 0, \"kick\": 50, \"notifications\": {\"room\": "
     "20}, \"redact\": 50, \"state_default\": 50, \"users\": {\"@alice:example.org\": 100}, \"users_default\": 0, \"custom\": 1}",
     NULL, 2, "$Hmu1B2a7WrjPAS-TvBFWajmJBCVFMwTm5yqoR3Ayh40",
     "{\"content\":{\"ban\":50,\"custom\":1,\"events\":{\"m.room.name\":50},\"events_default\":0,\"invite\":0,\"kick\":50,"
     "\"notifications\":{\"room\":20},\"redact\":50,\"state_default\":50,\"users\":{\"@alice:example.org\":100},\"users_default\":0},"
     "\"event_id\":\"$Hmu1B2a7WrjPAS-TvBFWajmJBCVFMwTm5yqoR3Ayh40\",\"origin_server_ts\":1700000000123,\"sender\":\"@alice:example.org\","
     "\"state_key\":\"\",\"type\":\"m.room.power_levels\"}",
     "{\"auth_events\":[\"$bjQLnP-zepicpUTmu3gKLHiQHT-zNzh2hRGjBhevoB0\",\"$S_USLzRFVMU73i67jNK349FgCtYxw4Wl18ziPHeFRZo\"],\"depth\":7,"
     "\"hashes\":{\"sha256\":\"ELoS2TPL7T50JmoP92wDRosDE5OOdSkqyHY48AglXts\"},\"prev_events\":[\"$bjQLnP-zepicpUTmu3gKLHiQHT-"
     "zNzh2hRGjBhevoB0\"]}"},
    {9, "m.room.join_rules", "",
     "{\"join_rule\": \"restricted\", \"allow\": [{\"type\": \"m.room_membership\", \"room_id\": \"!x:y\"}], \"x\": 1}", NULL, 2,
     "$2t_U8Fa2cRVWU1rC6UJa5RGC4aurfMprK_AkYfOoX00",
     "{\"content\":{\"allow\":[{\"room_id\":\"!x:y\",\"type\":\"m.room_membership\"}],\"join_rule\":\"restricted\",\"x\":1},\"event_id\":"
     "\"$2t_U8Fa2cRVWU1rC6UJa5RGC4aurfMprK_AkYfOoX00\",\"origin_server_ts\":1700000000123,\"sender\":\"@alice:example.org\",\"state_key\":"
     "\"\",\"type\":\"m.room.join_rules\"}",
     "{\"auth_events\":[\"$bjQLnP-zepicpUTmu3gKLHiQHT-zNzh2hRGjBhevoB0\",\"$S_USLzRFVMU73i67jNK349FgCtYxw4Wl18ziPHeFRZo\"],\"depth\":7,"
     "\"hashes\":{\"sha256\":\"LPju/b+j2ZPw3MQ5eUuhOuS6WR06t/"
     "ms5ZaYVV8l0+E\"},\"prev_events\":[\"$bjQLnP-zepicpUTmu3gKLHiQHT-zNzh2hRGjBhevoB0\"]}"},
    {9, "m.room.history_visibility", "", "{\"history_visibility\": \"shared\", \"more\": {}}", NULL, 2,
     "$bvuZTEUmLpIwRrHGVW6bG44dNLkYFi_vcw-pIuBSu5w",
     "{\"content\":{\"history_visibility\":\"shared\",\"more\":{}},\"event_id\":\"$bvuZTEUmLpIwRrHGVW6bG44dNLkYFi_vcw-pIuBSu5w\",\"origin_"
     "server_ts\":1700000000123,\"sender\":\"@alice:example.org\",\"state_key\":\"\",\"type\":\"m.room.history_visibility\"}",
     "{\"auth_events\":[\"$bjQLnP-zepicpUTmu3gKLHiQHT-zNzh2hRGjBhevoB0\",\"$S_USLzRFVMU73i67jNK349FgCtYxw4Wl18ziPHeFRZo\"],\"depth\":7,"
     "\"hashes\":{\"sha256\":\"ryYKqzAvcKJLYY9pXeZVecsU+l9If7yhji381HGjO0Q\"},\"prev_events\":[\"$bjQLnP-zepicpUTmu3gKLHiQHT-"
     "zNzh2hRGjBhevoB0\"]}"},
    {9, "m.room.create", "", "{\"creator\": \"@alice:example.org\", \"room_version\": \"1\", \"m.federate\": false, \"type\": \"m.space\"}",
     NULL, 0, "$BoUW9fmDulcgnHB3BjLYezOjdrPIYb3ChUfkCXUDLG0",
     "{\"content\":{\"creator\":\"@alice:example.org\",\"m.federate\":false,\"room_version\":\"1\",\"type\":\"m.space\"},\"event_id\":\"$"
     "BoUW9fmDulcgnHB3BjLYezOjdrPIYb3ChUfkCXUDLG0\",\"origin_server_ts\":1700000000123,\"sender\":\"@alice:example.org\",\"state_key\":"
     "\"\",\"type\":\"m.room.create\"}",
     "{\"auth_events\":[],\"depth\":7,\"hashes\":{\"sha256\":\"6f7BbXbsoNaSIGBfEAa5HTLR/mwtM1IvklUUJa0A4H8\"},\"prev_events\":[]}"},
    {9, "m.room.redaction", NULL, "{\"reason\": \"because\"}", "$abc", 2, "$GJao7H3puki1g5Fjk9jrHhPvh9dJhSUDNbuCNCPOURE",
     "{\"content\":{\"reason\":\"because\",\"redacts\":\"$abc\"},\"event_id\":\"$GJao7H3puki1g5Fjk9jrHhPvh9dJhSUDNbuCNCPOURE\",\"origin_"
     "server_ts\":1700000000123,\"redacts\":\"$abc\",\"sender\":\"@alice:example.org\",\"type\":\"m.room.redaction\"}",
     "{\"auth_events\":[\"$bjQLnP-zepicpUTmu3gKLHiQHT-zNzh2hRGjBhevoB0\",\"$S_USLzRFVMU73i67jNK349FgCtYxw4Wl18ziPHeFRZo\"],\"depth\":7,"
     "\"hashes\":{\"sha256\":\"PZM8TjNEUwOtct6jpjIIxjjhUpyfjDtmVTYsiwfuHUg\"},\"prev_events\":[\"$bjQLnP-zepicpUTmu3gKLHiQHT-"
     "zNzh2hRGjBhevoB0\"]}"},
    {9, "m.room.topic", "", "{\"topic\": \"<\\u007f\\u2028/>\"}", NULL, 2, "$1Z2O_fw9w9V75gWIH7ze4PflJjT_FHdOBpt9RQhlXS0",
     "{\"content\":{\"topic\":\"< /"
     ">\"},\"event_id\":\"$1Z2O_fw9w9V75gWIH7ze4PflJjT_FHdOBpt9RQhlXS0\",\"origin_server_ts\":1700000000123,\"sender\":\"@alice:example."
     "org\",\"state_key\":\"\",\"type\":\"m.room.topic\"}",
     "{\"auth_events\":[\"$bjQLnP-zepicpUTmu3gKLHiQHT-zNzh2hRGjBhevoB0\",\"$S_USLzRFVMU73i67jNK349FgCtYxw4Wl18ziPHeFRZo\"],\"depth\":7,"
     "\"hashes\":{\"sha256\":\"IlI2Ve0j8rK72OWYvFhMVGKnhUWsyDzhFdKOXXXXmss\"},\"prev_events\":[\"$bjQLnP-zepicpUTmu3gKLHiQHT-"
     "zNzh2hRGjBhevoB0\"]}"},
    {10, "m.room.message", NULL,
     "{\"msgtype\": \"m.text\", \"body\": \"Gr\\u00fc\\u00dfe, \\u4e16\\u754c \\ud83d\\ude00\", \"z\": [1, -2, {\"b\": null, \"a\": "
     "true}], \"m.mentions\": {}}",
     NULL, 2, "$1H24yUF9zW-q7eLkOpp0UshsmVKxqxRnj4O4ZckcUL4",
     "{\"content\":{\"body\":\"Grüße, 世界 "
     "😀\",\"m.mentions\":{},\"msgtype\":\"m.text\",\"z\":[1,-2,{\"a\":true,\"b\":null}]},\"event_id\":\"$1H24yUF9zW-"
     "q7eLkOpp0UshsmVKxqxRnj4O4ZckcUL4\",\"origin_server_ts\":1700000000123,\"sender\":\"@alice:example.org\",\"type\":\"m.room.message\"}",
     "{\"auth_events\":[\"$bjQLnP-zepicpUTmu3gKLHiQHT-zNzh2hRGjBhevoB0\",\"$S_USLzRFVMU73i67jNK349FgCtYxw4Wl18ziPHeFRZo\"],\"depth\":7,"
     "\"hashes\":{\"sha256\":\"ROqjz/"
     "Dp8AOhgaW1WBhzYmbrp0gXz0X+WeMIrzzydrg\"},\"prev_events\":[\"$bjQLnP-zepicpUTmu3gKLHiQHT-zNzh2hRGjBhevoB0\"]}"},
    {10, "m.room.member", "@alice:example.org",
     "{\"membership\": \"join\", \"displayname\": \"\\u00c4lice \\u0001\\\"\\\\\", \"join_authorised_via_users_server\": "
     "\"@bob:example.org\", \"third_party_invite\": {\"display_name\": \"a\", \"signed\": {\"mxid\": \"@alice:example.org\", \"token\": "
     "\"t\"}}}",
     NULL, 2, "$XoYGH3krHJTPKOXkpPX8OAjscnqQdwJfTfVBy6UlLOo",
     "{\"content\":{\"displayname\":\"Älice "
     "\\u0001\\\"\\\\\",\"join_authorised_via_users_server\":\"@bob:example.org\",\"membership\":\"join\",\"third_party_invite\":{"
     "\"display_name\":\"a\",\"signed\":{\"mxid\":\"@alice:example.org\",\"token\":\"t\"}}},\"event_id\":\"$"
     "XoYGH3krHJTPKOXkpPX8OAjscnqQdwJfTfVBy6UlLOo\",\"origin_server_ts\":1700000000123,\"sender\":\"@alice:example.org\",\"state_key\":\"@"
     "alice:example.org\",\"type\":\"m.room.member\"}",
     "{\"auth_events\":[\"$bjQLnP-zepicpUTmu3gKLHiQHT-zNzh2hRGjBhevoB0\",\"$S_USLzRFVMU73i67jNK349FgCtYxw4Wl18ziPHeFRZo\"],\"depth\":7,"
     "\"hashes\":{\"sha256\":\"2EvkI59N6UAqFtQOrqJw88sys3AWwmec5g4K5J4yaK4\"},\"prev_events\":[\"$bjQLnP-zepicpUTmu3gKLHiQHT-"
     "zNzh2hRGjBhevoB0\"]}"},
    {10, "m.room.power_levels", "",
     "{\"ban\": 50, \"events\": {\"m.room.name\": 50}, \"events_default\": 0, \"invite\": 0, \"kick\": 50, \"notifications\": {\"room\": "
     "20}, \"redact\": 50, \"state_default\": 50, \"users\": {\"@alice:example.org\": 100}, \"users_default\": 0, \"custom\": 1}",
     NULL, 2, "$Hmu1B2a7WrjPAS-TvBFWajmJBCVFMwTm5yqoR3Ayh40",
     "{\"content\":{\"ban\":50,\"custom\":1,\"events\":{\"m.room.name\":50},\"events_default\":0,\"invite\":0,\"kick\":50,"
     "\"notifications\":{\"room\":20},\"redact\":50,\"state_default\":50,\"users\":{\"@alice:example.org\":100},\"users_default\":0},"
     "\"event_id\":\"$Hmu1B2a7WrjPAS-TvBFWajmJBCVFMwTm5yqoR3Ayh40\",\"origin_server_ts\":1700000000123,\"sender\":\"@alice:example.org\","
     "\"state_key\":\"\",\"type\":\"m.room.power_levels\"}",
     "{\"auth_events\":[\"$bjQLnP-zepicpUTmu3gKLHiQHT-zNzh2hRGjBhevoB0\",\"$S_USLzRFVMU73i67jNK349FgCtYxw4Wl18ziPHeFRZo\"],\"depth\":7,"
     "\"hashes\":{\"sha256\":\"ELoS2TPL7T50JmoP92wDRosDE5OOdSkqyHY48AglXts\"},\"prev_events\":[\"$bjQLnP-zepicpUTmu3gKLHiQHT-"
     "zNzh2hRGjBhevoB0\"]}"},
    {10, "m.room.join_rules", "",
     "{\"join_rule\": \"restricted\", \"allow\": [{\"type\": \"m.room_membership\", \"room_id\": \"!x:y\"}], \"x\": 1}", NULL, 2,
     "$2t_U8Fa2cRVWU1rC6UJa5RGC4aurfMprK_AkYfOoX00",
     "{\"content\":{\"allow\":[{\"room_id\":\"!x:y\",\"type\":\"m.room_membership\"}],\"join_rule\":\"restricted\",\"x\":1},\"event_id\":"
     "\"$2t_U8Fa2cRVWU1rC6UJa5RGC4aurfMprK_AkYfOoX00\",\"origin_server_ts\":1700000000123,\"sender\":\"@alice:example.org\",\"state_key\":"
     "\"\",\"type\":\"m.room.join_rules\"}",
     "{\"auth_events\":[\"$bjQLnP-zepicpUTmu3gKLHiQHT-zNzh2hRGjBhevoB0\",\"$S_USLzRFVMU73i67jNK349FgCtYxw4Wl18ziPHeFRZo\"],\"depth\":7,"
     "\"hashes\":{\"sha256\":\"LPju/b+j2ZPw3MQ5eUuhOuS6WR06t/"
     "ms5ZaYVV8l0+E\"},\"prev_events\":[\"$bjQLnP-zepicpUTmu3gKLHiQHT-zNzh2hRGjBhevoB0\"]}"},
    {10, "m.room.history_visibility", "", "{\"history_visibility\": \"shared\", \"more\": {}}", NULL, 2,
     "$bvuZTEUmLpIwRrHGVW6bG44dNLkYFi_vcw-pIuBSu5w",
     "{\"content\":{\"history_visibility\":\"shared\",\"more\":{}},\"event_id\":\"$bvuZTEUmLpIwRrHGVW6bG44dNLkYFi_vcw-pIuBSu5w\",\"origin_"
     "server_ts\":1700000000123,\"sender\":\"@alice:example.org\",\"state_key\":\"\",\"type\":\"m.room.history_visibility\"}",
     "{\"auth_events\":[\"$bjQLnP-zepicpUTmu3gKLHiQHT-zNzh2hRGjBhevoB0\",\"$S_USLzRFVMU73i67jNK349FgCtYxw4Wl18ziPHeFRZo\"],\"depth\":7,"
     "\"hashes\":{\"sha256\":\"ryYKqzAvcKJLYY9pXeZVecsU+l9If7yhji381HGjO0Q\"},\"prev_events\":[\"$bjQLnP-zepicpUTmu3gKLHiQHT-"
     "zNzh2hRGjBhevoB0\"]}"},
    {10, "m.room.create", "",
     "{\"creator\": \"@alice:example.org\", \"room_version\": \"1\", \"m.federate\": false, \"type\": \"m.space\"}", NULL, 0,
     "$BoUW9fmDulcgnHB3BjLYezOjdrPIYb3ChUfkCXUDLG0",
     "{\"content\":{\"creator\":\"@alice:example.org\",\"m.federate\":false,\"room_version\":\"1\",\"type\":\"m.space\"},\"event_id\":\"$"
     "BoUW9fmDulcgnHB3BjLYezOjdrPIYb3ChUfkCXUDLG0\",\"origin_server_ts\":1700000000123,\"sender\":\"@alice:example.org\",\"state_key\":"
     "\"\",\"type\":\"m.room.create\"}",
     "{\"auth_events\":[],\"depth\":7,\"hashes\":{\"sha256\":\"6f7BbXbsoNaSIGBfEAa5HTLR/mwtM1IvklUUJa0A4H8\"},\"prev_events\":[]}"},
    {10, "m.room.redaction", NULL, "{\"reason\": \"because\"}", "$abc", 2, "$GJao7H3puki1g5Fjk9jrHhPvh9dJhSUDNbuCNCPOURE",
     "{\"content\":{\"reason\":\"because\",\"redacts\":\"$abc\"},\"event_id\":\"$GJao7H3puki1g5Fjk9jrHhPvh9dJhSUDNbuCNCPOURE\",\"origin_"
     "server_ts\":1700000000123,\"redacts\":\"$abc\",\"sender\":\"@alice:example.org\",\"type\":\"m.room.redaction\"}",
     "{\"auth_events\":[\"$bjQLnP-zepicpUTmu3gKLHiQHT-zNzh2hRGjBhevoB0\",\"$S_USLzRFVMU73i67jNK349FgCtYxw4Wl18ziPHeFRZo\"],\"depth\":7,"
     "\"hashes\":{\"sha256\":\"PZM8TjNEUwOtct6jpjIIxjjhUpyfjDtmVTYsiwfuHUg\"},\"prev_events\":[\"$bjQLnP-zepicpUTmu3gKLHiQHT-"
     "zNzh2hRGjBhevoB0\"]}"},
    {10, "m.room.topic", "", "{\"topic\": \"<\\u007f\\u2028/>\"}", NULL, 2, "$1Z2O_fw9w9V75gWIH7ze4PflJjT_FHdOBpt9RQhlXS0",
     "{\"content\":{\"topic\":\"< /"
     ">\"},\"event_id\":\"$1Z2O_fw9w9V75gWIH7ze4PflJjT_FHdOBpt9RQhlXS0\",\"origin_server_ts\":1700000000123,\"sender\":\"@alice:example."
     "org\",\"state_key\":\"\",\"type\":\"m.room.topic\"}",
     "{\"auth_events\":[\"$bjQLnP-zepicpUTmu3gKLHiQHT-zNzh2hRGjBhevoB0\",\"$S_USLzRFVMU73i67jNK349FgCtYxw4Wl18ziPHeFRZo\"],\"depth\":7,"
     "\"hashes\":{\"sha256\":\"IlI2Ve0j8rK72OWYvFhMVGKnhUWsyDzhFdKOXXXXmss\"},\"prev_events\":[\"$bjQLnP-zepicpUTmu3gKLHiQHT-"
     "zNzh2hRGjBhevoB0\"]}"},
    {11, "m.room.message", NULL,
     "{\"msgtype\": \"m.text\", \"body\": \"Gr\\u00fc\\u00dfe, \\u4e16\\u754c \\ud83d\\ude00\", \"z\": [1, -2, {\"b\": null, \"a\": "
     "true}], \"m.mentions\": {}}",
     NULL, 2, "$1H24yUF9zW-q7eLkOpp0UshsmVKxqxRnj4O4ZckcUL4",
     "{\"content\":{\"body\":\"Grüße, 世界 "
     "😀\",\"m.mentions\":{},\"msgtype\":\"m.text\",\"z\":[1,-2,{\"a\":true,\"b\":null}]},\"event_id\":\"$1H24yUF9zW-"
     "q7eLkOpp0UshsmVKxqxRnj4O4ZckcUL4\",\"origin_server_ts\":1700000000123,\"sender\":\"@alice:example.org\",\"type\":\"m.room.message\"}",
     "{\"auth_events\":[\"$bjQLnP-zepicpUTmu3gKLHiQHT-zNzh2hRGjBhevoB0\",\"$S_USLzRFVMU73i67jNK349FgCtYxw4Wl18ziPHeFRZo\"],\"depth\":7,"
     "\"hashes\":{\"sha256\":\"ROqjz/"
     "Dp8AOhgaW1WBhzYmbrp0gXz0X+WeMIrzzydrg\"},\"prev_events\":[\"$bjQLnP-zepicpUTmu3gKLHiQHT-zNzh2hRGjBhevoB0\"]}"},
    {11, "m.room.member", "@alice:example.org",
     "{\"membership\": \"join\", \"displayname\": \"\\u00c4lice \\u0001\\\"\\\\\", \"join_authorised_via_users_server\": "
     "\"@bob:example.org\", \"third_party_invite\": {\"display_name\": \"a\", \"signed\": {\"mxid\": \"@alice:example.org\", \"token\": "
     "\"t\"}}}",
     NULL, 2, "$hpcVvuLTh2qzy43VVkbhY1EG73RV5_ZifklqbkDCJU0",
     "{\"content\":{\"displayname\":\"Älice "
     "\\u0001\\\"\\\\\",\"join_authorised_via_users_server\":\"@bob:example.org\",\"membership\":\"join\",\"third_party_invite\":{"
     "\"display_name\":\"a\",\"signed\":{\"mxid\":\"@alice:example.org\",\"token\":\"t\"}}},\"event_id\":\"$hpcVvuLTh2qzy43VVkbhY1EG73RV5_"
     "ZifklqbkDCJU0\",\"origin_server_ts\":1700000000123,\"sender\":\"@alice:example.org\",\"state_key\":\"@alice:example.org\",\"type\":"
     "\"m.room.member\"}",
     "{\"auth_events\":[\"$bjQLnP-zepicpUTmu3gKLHiQHT-zNzh2hRGjBhevoB0\",\"$S_USLzRFVMU73i67jNK349FgCtYxw4Wl18ziPHeFRZo\"],\"depth\":7,"
     "\"hashes\":{\"sha256\":\"2EvkI59N6UAqFtQOrqJw88sys3AWwmec5g4K5J4yaK4\"},\"prev_events\":[\"$bjQLnP-zepicpUTmu3gKLHiQHT-"
     "zNzh2hRGjBhevoB0\"]}"},
    {11, "m.room.power_levels", "",
     "{\"ban\": 50, \"events\": {\"m.room.name\": 50}, \"events_default\": 0, \"invite\": 0, \"kick\": 50, \"notifications\": {\"room\": "
     "20}, \"redact\": 50, \"state_default\": 50, \"users\": {\"@alice:example.org\": 100}, \"users_default\": 0, \"custom\": 1}",
     NULL, 2, "$HO82X3COPFPzbbdziec5q7UFg7m_pd5TW8feypWh7K8",
     "{\"content\":{\"ban\":50,\"custom\":1,\"events\":{\"m.room.name\":50},\"events_default\":0,\"invite\":0,\"kick\":50,"
     "\"notifications\":{\"room\":20},\"redact\":50,\"state_default\":50,\"users\":{\"@alice:example.org\":100},\"users_default\":0},"
     "\"event_id\":\"$HO82X3COPFPzbbdziec5q7UFg7m_pd5TW8feypWh7K8\",\"origin_server_ts\":1700000000123,\"sender\":\"@alice:example.org\","
     "\"state_key\":\"\",\"type\":\"m.room.power_levels\"}",
     "{\"auth_events\":[\"$bjQLnP-zepicpUTmu3gKLHiQHT-zNzh2hRGjBhevoB0\",\"$S_USLzRFVMU73i67jNK349FgCtYxw4Wl18ziPHeFRZo\"],\"depth\":7,"
     "\"hashes\":{\"sha256\":\"ELoS2TPL7T50JmoP92wDRosDE5OOdSkqyHY48AglXts\"},\"prev_events\":[\"$bjQLnP-zepicpUTmu3gKLHiQHT-"
     "zNzh2hRGjBhevoB0\"]}"},
    {11, "m.room.join_rules", "",
     "{\"join_rule\": \"restricted\", \"allow\": [{\"type\": \"m.room_membership\", \"room_id\": \"!x:y\"}], \"x\": 1}", NULL, 2,
     "$2t_U8Fa2cRVWU1rC6UJa5RGC4aurfMprK_AkYfOoX00",
     "{\"content\":{\"allow\":[{\"room_id\":\"!x:y\",\"type\":\"m.room_membership\"}],\"join_rule\":\"restricted\",\"x\":1},\"event_id\":"
     "\"$2t_U8Fa2cRVWU1rC6UJa5RGC4aurfMprK_AkYfOoX00\",\"origin_server_ts\":1700000000123,\"sender\":\"@alice:example.org\",\"state_key\":"
     "\"\",\"type\":\"m.room.join_rules\"}",
     "{\"auth_events\":[\"$bjQLnP-zepicpUTmu3gKLHiQHT-zNzh2hRGjBhevoB0\",\"$S_USLzRFVMU73i67jNK349FgCtYxw4Wl18ziPHeFRZo\"],\"depth\":7,"
     "\"hashes\":{\"sha256\":\"LPju/b+j2ZPw3MQ5eUuhOuS6WR06t/"
     "ms5ZaYVV8l0+E\"},\"prev_events\":[\"$bjQLnP-zepicpUTmu3gKLHiQHT-zNzh2hRGjBhevoB0\"]}"},
    {11, "m.room.history_visibility", "", "{\"history_visibility\": \"shared\", \"more\": {}}", NULL, 2,
     "$bvuZTEUmLpIwRrHGVW6bG44dNLkYFi_vcw-pIuBSu5w",
     "{\"content\":{\"history_visibility\":\"shared\",\"more\":{}},\"event_id\":\"$bvuZTEUmLpIwRrHGVW6bG44dNLkYFi_vcw-pIuBSu5w\",\"origin_"
     "server_ts\":1700000000123,\"sender\":\"@alice:example.org\",\"state_key\":\"\",\"type\":\"m.room.history_visibility\"}",
     "{\"auth_events\":[\"$bjQLnP-zepicpUTmu3gKLHiQHT-zNzh2hRGjBhevoB0\",\"$S_USLzRFVMU73i67jNK349FgCtYxw4Wl18ziPHeFRZo\"],\"depth\":7,"
     "\"hashes\":{\"sha256\":\"ryYKqzAvcKJLYY9pXeZVecsU+l9If7yhji381HGjO0Q\"},\"prev_events\":[\"$bjQLnP-zepicpUTmu3gKLHiQHT-"
     "zNzh2hRGjBhevoB0\"]}"},
    {11, "m.room.create", "",
     "{\"creator\": \"@alice:example.org\", \"room_version\": \"1\", \"m.federate\": false, \"type\": \"m.space\"}", NULL, 0,
     "$SQsYnwLLUcv1_anvu5IJKkD0Ij9-A0wU9Ptd45X_NX4",
     "{\"content\":{\"creator\":\"@alice:example.org\",\"m.federate\":false,\"room_version\":\"1\",\"type\":\"m.space\"},\"event_id\":\"$"
     "SQsYnwLLUcv1_anvu5IJKkD0Ij9-A0wU9Ptd45X_NX4\",\"origin_server_ts\":1700000000123,\"sender\":\"@alice:example.org\",\"state_key\":"
     "\"\",\"type\":\"m.room.create\"}",
     "{\"auth_events\":[],\"depth\":7,\"hashes\":{\"sha256\":\"6f7BbXbsoNaSIGBfEAa5HTLR/mwtM1IvklUUJa0A4H8\"},\"prev_events\":[]}"},
    {11, "m.room.redaction", NULL, "{\"reason\": \"because\"}", "$abc", 2, "$Q8g20F8c66iSC4fDG-1XnwBqxmd0rCNICihUfiQIwKE",
     "{\"content\":{\"reason\":\"because\",\"redacts\":\"$abc\"},\"event_id\":\"$Q8g20F8c66iSC4fDG-1XnwBqxmd0rCNICihUfiQIwKE\",\"origin_"
     "server_ts\":1700000000123,\"redacts\":\"$abc\",\"sender\":\"@alice:example.org\",\"type\":\"m.room.redaction\"}",
     "{\"auth_events\":[\"$bjQLnP-zepicpUTmu3gKLHiQHT-zNzh2hRGjBhevoB0\",\"$S_USLzRFVMU73i67jNK349FgCtYxw4Wl18ziPHeFRZo\"],\"depth\":7,"
     "\"hashes\":{\"sha256\":\"RA/"
     "SsTkHQBgqlP2yUpbHZXNEW+wexjDRDcOyIGnARrE\"},\"prev_events\":[\"$bjQLnP-zepicpUTmu3gKLHiQHT-zNzh2hRGjBhevoB0\"]}"},
    {11, "m.room.topic", "", "{\"topic\": \"<\\u007f\\u2028/>\"}", NULL, 2, "$1Z2O_fw9w9V75gWIH7ze4PflJjT_FHdOBpt9RQhlXS0",
     "{\"content\":{\"topic\":\"< /"
     ">\"},\"event_id\":\"$1Z2O_fw9w9V75gWIH7ze4PflJjT_FHdOBpt9RQhlXS0\",\"origin_server_ts\":1700000000123,\"sender\":\"@alice:example."
     "org\",\"state_key\":\"\",\"type\":\"m.room.topic\"}",
     "{\"auth_events\":[\"$bjQLnP-zepicpUTmu3gKLHiQHT-zNzh2hRGjBhevoB0\",\"$S_USLzRFVMU73i67jNK349FgCtYxw4Wl18ziPHeFRZo\"],\"depth\":7,"
     "\"hashes\":{\"sha256\":\"IlI2Ve0j8rK72OWYvFhMVGKnhUWsyDzhFdKOXXXXmss\"},\"prev_events\":[\"$bjQLnP-zepicpUTmu3gKLHiQHT-"
     "zNzh2hRGjBhevoB0\"]}"},
    {12, "m.room.message", NULL,
     "{\"msgtype\": \"m.text\", \"body\": \"Gr\\u00fc\\u00dfe, \\u4e16\\u754c \\ud83d\\ude00\", \"z\": [1, -2, {\"b\": null, \"a\": "
     "true}], \"m.mentions\": {}}",
     NULL, 2, "$1H24yUF9zW-q7eLkOpp0UshsmVKxqxRnj4O4ZckcUL4",
     "{\"content\":{\"body\":\"Grüße, 世界 "
     "😀\",\"m.mentions\":{},\"msgtype\":\"m.text\",\"z\":[1,-2,{\"a\":true,\"b\":null}]},\"event_id\":\"$1H24yUF9zW-"
     "q7eLkOpp0UshsmVKxqxRnj4O4ZckcUL4\",\"origin_server_ts\":1700000000123,\"sender\":\"@alice:example.org\",\"type\":\"m.room.message\"}",
     "{\"auth_events\":[\"$bjQLnP-zepicpUTmu3gKLHiQHT-zNzh2hRGjBhevoB0\",\"$S_USLzRFVMU73i67jNK349FgCtYxw4Wl18ziPHeFRZo\"],\"depth\":7,"
     "\"hashes\":{\"sha256\":\"ROqjz/"
     "Dp8AOhgaW1WBhzYmbrp0gXz0X+WeMIrzzydrg\"},\"prev_events\":[\"$bjQLnP-zepicpUTmu3gKLHiQHT-zNzh2hRGjBhevoB0\"]}"},
    {12, "m.room.member", "@alice:example.org",
     "{\"membership\": \"join\", \"displayname\": \"\\u00c4lice \\u0001\\\"\\\\\", \"join_authorised_via_users_server\": "
     "\"@bob:example.org\", \"third_party_invite\": {\"display_name\": \"a\", \"signed\": {\"mxid\": \"@alice:example.org\", \"token\": "
     "\"t\"}}}",
     NULL, 2, "$hpcVvuLTh2qzy43VVkbhY1EG73RV5_ZifklqbkDCJU0",
     "{\"content\":{\"displayname\":\"Älice "
     "\\u0001\\\"\\\\\",\"join_authorised_via_users_server\":\"@bob:example.org\",\"membership\":\"join\",\"third_party_invite\":{"
     "\"display_name\":\"a\",\"signed\":{\"mxid\":\"@alice:example.org\",\"token\":\"t\"}}},\"event_id\":\"$hpcVvuLTh2qzy43VVkbhY1EG73RV5_"
     "ZifklqbkDCJU0\",\"origin_server_ts\":1700000000123,\"sender\":\"@alice:example.org\",\"state_key\":\"@alice:example.org\",\"type\":"
     "\"m.room.member\"}",
     "{\"auth_events\":[\"$bjQLnP-zepicpUTmu3gKLHiQHT-zNzh2hRGjBhevoB0\",\"$S_USLzRFVMU73i67jNK349FgCtYxw4Wl18ziPHeFRZo\"],\"depth\":7,"
     "\"hashes\":{\"sha256\":\"2EvkI59N6UAqFtQOrqJw88sys3AWwmec5g4K5J4yaK4\"},\"prev_events\":[\"$bjQLnP-zepicpUTmu3gKLHiQHT-"
     "zNzh2hRGjBhevoB0\"]}"},
    {12, "m.room.power_levels", "",
     "{\"ban\": 50, \"events\": {\"m.room.name\": 50}, \"events_default\": 0, \"invite\": 0, \"kick\": 50, \"notifications\": {\"room\": "
     "20}, \"redact\": 50, \"state_default\": 50, \"users\": {\"@alice:example.org\": 100}, \"users_default\": 0, \"custom\": 1}",
     NULL, 2, "$HO82X3COPFPzbbdziec5q7UFg7m_pd5TW8feypWh7K8",
     "{\"content\":{\"ban\":50,\"custom\":1,\"events\":{\"m.room.name\":50},\"events_default\":0,\"invite\":0,\"kick\":50,"
     "\"notifications\":{\"room\":20},\"redact\":50,\"state_default\":50,\"users\":{\"@alice:example.org\":100},\"users_default\":0},"
     "\"event_id\":\"$HO82X3COPFPzbbdziec5q7UFg7m_pd5TW8feypWh7K8\",\"origin_server_ts\":1700000000123,\"sender\":\"@alice:example.org\","
     "\"state_key\":\"\",\"type\":\"m.room.power_levels\"}",
     "{\"auth_events\":[\"$bjQLnP-zepicpUTmu3gKLHiQHT-zNzh2hRGjBhevoB0\",\"$S_USLzRFVMU73i67jNK349FgCtYxw4Wl18ziPHeFRZo\"],\"depth\":7,"
     "\"hashes\":{\"sha256\":\"ELoS2TPL7T50JmoP92wDRosDE5OOdSkqyHY48AglXts\"},\"prev_events\":[\"$bjQLnP-zepicpUTmu3gKLHiQHT-"
     "zNzh2hRGjBhevoB0\"]}"},
    {12, "m.room.join_rules", "",
     "{\"join_rule\": \"restricted\", \"allow\": [{\"type\": \"m.room_membership\", \"room_id\": \"!x:y\"}], \"x\": 1}", NULL, 2,
     "$2t_U8Fa2cRVWU1rC6UJa5RGC4aurfMprK_AkYfOoX00",
     "{\"content\":{\"allow\":[{\"room_id\":\"!x:y\",\"type\":\"m.room_membership\"}],\"join_rule\":\"restricted\",\"x\":1},\"event_id\":"
     "\"$2t_U8Fa2cRVWU1rC6UJa5RGC4aurfMprK_AkYfOoX00\",\"origin_server_ts\":1700000000123,\"sender\":\"@alice:example.org\",\"state_key\":"
     "\"\",\"type\":\"m.room.join_rules\"}",
     "{\"auth_events\":[\"$bjQLnP-zepicpUTmu3gKLHiQHT-zNzh2hRGjBhevoB0\",\"$S_USLzRFVMU73i67jNK349FgCtYxw4Wl18ziPHeFRZo\"],\"depth\":7,"
     "\"hashes\":{\"sha256\":\"LPju/b+j2ZPw3MQ5eUuhOuS6WR06t/"
     "ms5ZaYVV8l0+E\"},\"prev_events\":[\"$bjQLnP-zepicpUTmu3gKLHiQHT-zNzh2hRGjBhevoB0\"]}"},
    {12, "m.room.history_visibility", "", "{\"history_visibility\": \"shared\", \"more\": {}}", NULL, 2,
     "$bvuZTEUmLpIwRrHGVW6bG44dNLkYFi_vcw-pIuBSu5w",
     "{\"content\":{\"history_visibility\":\"shared\",\"more\":{}},\"event_id\":\"$bvuZTEUmLpIwRrHGVW6bG44dNLkYFi_vcw-pIuBSu5w\",\"origin_"
     "server_ts\":1700000000123,\"sender\":\"@alice:example.org\",\"state_key\":\"\",\"type\":\"m.room.history_visibility\"}",
     "{\"auth_events\":[\"$bjQLnP-zepicpUTmu3gKLHiQHT-zNzh2hRGjBhevoB0\",\"$S_USLzRFVMU73i67jNK349FgCtYxw4Wl18ziPHeFRZo\"],\"depth\":7,"
     "\"hashes\":{\"sha256\":\"ryYKqzAvcKJLYY9pXeZVecsU+l9If7yhji381HGjO0Q\"},\"prev_events\":[\"$bjQLnP-zepicpUTmu3gKLHiQHT-"
     "zNzh2hRGjBhevoB0\"]}"},
    {12, "m.room.create", "",
     "{\"creator\": \"@alice:example.org\", \"room_version\": \"1\", \"m.federate\": false, \"type\": \"m.space\"}", NULL, 0,
     "$-cHUKjmXCQBW2GSEWeO9dsI341RUnPK3CWWOEysi8hA",
     "{\"content\":{\"creator\":\"@alice:example.org\",\"m.federate\":false,\"room_version\":\"1\",\"type\":\"m.space\"},\"event_id\":\"$-"
     "cHUKjmXCQBW2GSEWeO9dsI341RUnPK3CWWOEysi8hA\",\"origin_server_ts\":1700000000123,\"sender\":\"@alice:example.org\",\"state_key\":\"\","
     "\"type\":\"m.room.create\"}",
     "{\"auth_events\":[],\"depth\":7,\"hashes\":{\"sha256\":\"Erhqu2T+yPcUMp/bazHdiHVeLkWkC1MjRJx479mXcUk\"},\"prev_events\":[]}"},
    {12, "m.room.redaction", NULL, "{\"reason\": \"because\"}", "$abc", 2, "$Q8g20F8c66iSC4fDG-1XnwBqxmd0rCNICihUfiQIwKE",
     "{\"content\":{\"reason\":\"because\",\"redacts\":\"$abc\"},\"event_id\":\"$Q8g20F8c66iSC4fDG-1XnwBqxmd0rCNICihUfiQIwKE\",\"origin_"
     "server_ts\":1700000000123,\"redacts\":\"$abc\",\"sender\":\"@alice:example.org\",\"type\":\"m.room.redaction\"}",
     "{\"auth_events\":[\"$bjQLnP-zepicpUTmu3gKLHiQHT-zNzh2hRGjBhevoB0\",\"$S_USLzRFVMU73i67jNK349FgCtYxw4Wl18ziPHeFRZo\"],\"depth\":7,"
     "\"hashes\":{\"sha256\":\"RA/"
     "SsTkHQBgqlP2yUpbHZXNEW+wexjDRDcOyIGnARrE\"},\"prev_events\":[\"$bjQLnP-zepicpUTmu3gKLHiQHT-zNzh2hRGjBhevoB0\"]}"},
    {12, "m.room.topic", "", "{\"topic\": \"<\\u007f\\u2028/>\"}", NULL, 2, "$1Z2O_fw9w9V75gWIH7ze4PflJjT_FHdOBpt9RQhlXS0",
     "{\"content\":{\"topic\":\"< /"
     ">\"},\"event_id\":\"$1Z2O_fw9w9V75gWIH7ze4PflJjT_FHdOBpt9RQhlXS0\",\"origin_server_ts\":1700000000123,\"sender\":\"@alice:example."
     "org\",\"state_key\":\"\",\"type\":\"m.room.topic\"}",
     "{\"auth_events\":[\"$bjQLnP-zepicpUTmu3gKLHiQHT-zNzh2hRGjBhevoB0\",\"$S_USLzRFVMU73i67jNK349FgCtYxw4Wl18ziPHeFRZo\"],\"depth\":7,"
     "\"hashes\":{\"sha256\":\"IlI2Ve0j8rK72OWYvFhMVGKnhUWsyDzhFdKOXXXXmss\"},\"prev_events\":[\"$bjQLnP-zepicpUTmu3gKLHiQHT-"
     "zNzh2hRGjBhevoB0\"]}"},
};
