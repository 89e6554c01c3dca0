/* The commands of the program: what the command line became, and one function each. */
#ifndef ROOKERY_MAIN_COMMANDS_H
#define ROOKERY_MAIN_COMMANDS_H

#include "main/settings.h"

#define ROOKERY_VERSION "0.1.0"

struct cli_command;

struct invocation {
    const char *program;                /* as it was called */
    const struct cli_command *commands; /* the table that the command is in */
    size_t command_count;
    const struct settings *settings; /* loaded and checked; NULL for commands that take no options of this kind */
    const char *config;              /* the file of the settings; NULL: none */
    const char *to, *from;           /* backup, restore */
    bool man;                        /* print-config */
    const char *shard, *slots;       /* admin shard move */
    bool json;                       /* admin status, admin shard list */
    bool no_shards;                  /* admin status */
    const char *topic;               /* help: about which command; NULL: all */
};

/* Options that a command may take. */
enum {
    OPTION_SETTINGS = 1,
    OPTION_TO = 2,
    OPTION_FROM = 4,
    OPTION_MAN = 8,
    OPTION_TOPIC = 16,
    OPTION_JSON = 32,
    OPTION_SHARD = 64,
    OPTION_SLOTS = 128,
    OPTION_NO_SHARDS = 256
};

struct cli_command {
    const char *name; /* one word to three */
    const char *help; /* begins the sentence "NAME: ..." */
    unsigned options; /* those that it takes */
    unsigned needs;   /* those that it cannot do without */
    bool hidden;      /* started by the program itself */
    /* The exit status: 0 done, 1 failed (and said why on stderr), 2 wrongly called. */
    int (*run)(const struct invocation *in);
};

int cmd_serve(const struct invocation *in);
int cmd_check_config(const struct invocation *in);
int cmd_print_config(const struct invocation *in);
int cmd_backup(const struct invocation *in);
int cmd_restore(const struct invocation *in);
int cmd_migrate(const struct invocation *in);
int cmd_admin_status(const struct invocation *in);
int cmd_admin_drain(const struct invocation *in);
int cmd_shard_list(const struct invocation *in);
int cmd_shard_add(const struct invocation *in);
int cmd_shard_move(const struct invocation *in);
int cmd_version(const struct invocation *in);
int cmd_help(const struct invocation *in);
int cmd_media_worker(const struct invocation *in);

/* Reads the command line by the table, loads the settings where the command takes them, and runs it. */
int cli_main(const struct cli_command *commands, size_t count, int argc, char *const *argv, char *const *environment);

#endif
