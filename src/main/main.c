#include "main/commands.h"

#include <unistd.h>

static const struct cli_command commands[] = {
    {"serve", "run the server", OPTION_SETTINGS, 0, false, cmd_serve},
    {"check-config", "say whether the settings are right, and what is wrong", OPTION_SETTINGS, 0, false, cmd_check_config},
    {"print-config", "print a documented configuration file with every setting", OPTION_SETTINGS | OPTION_MAN, 0, false, cmd_print_config},
    {"backup", "copy store and media into a folder, also while the server runs", OPTION_SETTINGS | OPTION_TO, OPTION_TO, false, cmd_backup},
    {"restore", "make store and media from a backup", OPTION_SETTINGS | OPTION_FROM, OPTION_FROM, false, cmd_restore},
    {"migrate", "copy a server's embedded store into PostgreSQL databases", OPTION_SETTINGS | OPTION_FROM | OPTION_TO, OPTION_FROM, false,
     cmd_migrate},
    {"admin status", "tell who lives, who has which slot, what waits to be written, how long things take, and the shards",
     OPTION_SETTINGS | OPTION_JSON | OPTION_NO_SHARDS, 0, false, cmd_admin_status},
    {"admin drain", "give this server's slots to the others before it is stopped", OPTION_SETTINGS, 0, false, cmd_admin_drain},
    {"admin shard list", "list the databases that share the store", OPTION_SETTINGS | OPTION_JSON, 0, false, cmd_shard_list},
    {"admin shard add", "make a database ready that was added to store.url", OPTION_SETTINGS, 0, false, cmd_shard_add},
    {"admin shard move", "move slots to a database while the servers run", OPTION_SETTINGS | OPTION_SHARD | OPTION_SLOTS, OPTION_SHARD,
     false, cmd_shard_move},
    {"version", "print the version", 0, 0, false, cmd_version},
    {"help", "print this, or the options of a command", OPTION_TOPIC, 0, false, cmd_help},
    {"media-worker", "decode images for a server that started it", 0, 0, true, cmd_media_worker},
};

int main(int argc, char **argv)
{
    return cli_main(commands, sizeof commands / sizeof *commands, argc, argv, environ);
}
