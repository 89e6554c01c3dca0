/* The command line: one table of options, one of commands (main.c). */
#include <unistd.h>

#include "main/commands.h"
#include "main/nearest.h"

enum { SETS_MAX = 200 };

struct option {
    const char *name, *value; /* value NULL: the option takes none */
    unsigned bit;
    const char *help;
};

static const struct option options[] = {
    {"--config", "FILE", OPTION_SETTINGS, "read the settings from FILE (or else from $ROOKERY_CONFIG)"},
    {"--set", "SECTION.NAME=VALUE", OPTION_SETTINGS, "change one setting; may be repeated"},
    {"--to", "WHERE", OPTION_TO, "where to write: a folder, absent or empty; for migrate the URLs of the databases"},
    {"--from", "DIR", OPTION_FROM, "the folder of the backup, or of the server that is to be moved"},
    {"--shard", "NUMBER", OPTION_SHARD, "the shard, as `admin shard list` numbers them"},
    {"--slots", "LIST", OPTION_SLOTS, "which slots, such as 0-7,12; or else so many that the shard has its share"},
    {"--no-shards", NULL, OPTION_NO_SHARDS, "only what the server itself says; no database is asked"},
    {"--json", NULL, OPTION_JSON, "print it as JSON"},
    {"--man", NULL, OPTION_MAN, "print the manual page rookery.conf(5) instead"},
};
enum { OPTIONS = sizeof options / sizeof *options };

struct cli {
    struct invocation in;
    const struct cli_command *command;
    const char *set[SETS_MAX];
    size_t sets;
    unsigned given;
    bool help;
};

/* --- help --- */

static void help_command(FILE *out, const struct invocation *in, const struct cli_command *c)
{
    fprintf(out, "%s %s: %s\n\nusage: %s %s%s\n", in->program, c->name, c->help, in->program, c->name,
            c->options == OPTION_TOPIC ? " [COMMAND]" : " [OPTIONS]");
    for (size_t i = 0; i < OPTIONS; i++) {
        const struct option *o = &options[i];
        char left[40];
        snprintf(left, sizeof left, "%s%s%s", o->name, o->value ? " " : "", o->value ? o->value : "");
        if (c->options & o->bit) fprintf(out, "  %-26s %s%s\n", left, o->help, c->needs & o->bit ? " (needed)" : "");
    }
    fprintf(out, "  %-26s %s\n", "--help", "print this");
}

static void help_all(FILE *out, const struct invocation *in)
{
    fprintf(out, "rookery %s, a chat server that speaks the Matrix protocol\n\nusage: %s COMMAND [OPTIONS]\n\n", ROOKERY_VERSION,
            in->program);
    for (size_t i = 0; i < in->command_count; i++)
        if (!in->commands[i].hidden) fprintf(out, "  %-16s %s\n", in->commands[i].name, in->commands[i].help);
    fprintf(out,
            "\nWithout any configuration, `%s serve` serves http://localhost:8008 and keeps everything in ./data.\n"
            "`%s COMMAND --help` tells the options of a command.\n",
            in->program, in->program);
}

static const struct cli_command *command_find(const struct invocation *in, const char *name)
{
    for (size_t i = 0; i < in->command_count; i++)
        if (strcmp(in->commands[i].name, name) == 0) return &in->commands[i];
    return NULL;
}

static int unknown_command(const struct invocation *in, const char *name)
{
    fprintf(stderr, "%s: there is no command \"%s\"", in->program, name);
    size_t limit = nearest_limit(str_c(name));
    for (size_t i = 0; i < in->command_count; i++)
        if (!in->commands[i].hidden && nearest_distance(str_c(name), str_c(in->commands[i].name)) <= limit) {
            fprintf(stderr, "; did you mean %s?\n", in->commands[i].name);
            return 2;
        }
    fprintf(stderr, "; `%s help` lists them\n", in->program);
    return 2;
}

int cmd_help(const struct invocation *in)
{
    const struct cli_command *c = in->topic ? command_find(in, in->topic) : NULL;
    if (in->topic && !c) return unknown_command(in, in->topic);
    if (c)
        help_command(stdout, in, c);
    else
        help_all(stdout, in);
    return 0;
}

/* --- reading the options --- */

static int complain(const struct cli *c, const char *what, const char *about)
{
    fprintf(stderr, "%s %s: %s%s; see `%s %s --help`\n", c->in.program, c->command->name, what, about, c->in.program, c->command->name);
    return 2;
}

static int unknown_option(const struct cli *c, struct str name)
{
    for (size_t i = 0; i < OPTIONS; i++) {
        struct str known = str_c(options[i].name);
        if (!(c->command->options & options[i].bit) || nearest_distance(name, known) > nearest_limit(name)) continue;
        fprintf(stderr, "%s %s: unknown option %.*s; did you mean %s?\n", c->in.program, c->command->name, STR_FMT(str_first(name, 100)),
                known.p);
        return 2;
    }
    char text[120];
    snprintf(text, sizeof text, "%.*s", STR_FMT(str_first(name, 100)));
    return complain(c, "unknown option ", text);
}

static const struct option *option_find(const struct cli *c, struct str name)
{
    for (size_t i = 0; i < OPTIONS; i++)
        if (str_is(name, options[i].name) && (c->command->options & options[i].bit)) return &options[i];
    return NULL;
}

static int store_option(struct cli *c, const struct option *o, const char *value)
{
    struct str name = str_c(o->name);
    const char **place = str_is(name, "--config")  ? &c->in.config
                         : str_is(name, "--to")    ? &c->in.to
                         : str_is(name, "--from")  ? &c->in.from
                         : str_is(name, "--shard") ? &c->in.shard
                         : str_is(name, "--slots") ? &c->in.slots
                                                   : NULL;
    c->given |= o->bit;
    if (o->bit == OPTION_MAN) {
        c->in.man = true;
    } else if (o->bit == OPTION_JSON) {
        c->in.json = true;
    } else if (o->bit == OPTION_NO_SHARDS) {
        c->in.no_shards = true;
    } else if (place) {
        if (*place) return complain(c, o->name, " is given twice");
        *place = value;
    } else {
        if (c->sets == SETS_MAX) return complain(c, "too many ", o->name);
        c->set[c->sets++] = value;
    }
    return 0;
}

/* Reads the argument at *at, and the one after it if that is its value. */
static int read_argument(struct cli *c, int argc, char *const *argv, int *at)
{
    struct str arg = str_c(argv[*at]);
    if (str_is(arg, "--help") || str_is(arg, "-h")) {
        c->help = true;
        return 0;
    }
    if (!str_starts(arg, STR("-"))) {
        if (!(c->command->options & OPTION_TOPIC) || c->in.topic) return complain(c, "takes no argument ", arg.p);
        c->in.topic = arg.p;
        return 0;
    }
    ptrdiff_t equals = str_find(arg, '=');
    struct str name = equals < 0 ? arg : str_first(arg, (size_t)equals);
    const struct option *o = option_find(c, name);
    if (!o) return unknown_option(c, name);
    if (!o->value && equals >= 0) return complain(c, o->name, " takes no value");
    const char *value = equals >= 0 ? arg.p + equals + 1 : NULL;
    if (o->value && !value) {
        if (++*at >= argc) return complain(c, o->name, " needs a value");
        value = argv[*at];
    }
    return store_option(c, o, value);
}

static int check_needs(const struct cli *c)
{
    for (size_t i = 0; i < OPTIONS; i++)
        if (c->command->needs & options[i].bit & ~c->given) return complain(c, options[i].name, " is needed");
    return 0;
}

/* --- running --- */

static const char *variable(char *const *environment, struct str name)
{
    for (; environment && *environment; environment++)
        if (str_starts(str_c(*environment), name) && (*environment)[name.n] == '=') return *environment + name.n + 1;
    return NULL;
}

static int run_with_settings(struct cli *c, char *const *environment)
{
    const char *config = variable(environment, STR("ROOKERY_CONFIG"));
    if (!c->in.config && config && *config) c->in.config = config;
    struct settings_source from = {.file = c->in.config, .environment = environment, .set = c->set, .sets = c->sets};
    struct settings s;
    struct buf problems;
    buf_init(&problems, 65536);
    int status = 2;
    if (settings_load(&s, &from, &problems) == ERR_OK) {
        c->in.settings = &s;
        status = c->command->run(&c->in);
    } else {
        fprintf(stderr, "%s %s: the settings are not right:\n%.*s", c->in.program, c->command->name, STR_FMT(buf_str(&problems)));
    }
    buf_release(&problems);
    settings_release(&s);
    return status;
}

/* The command that the first arguments name, and how many they are. `admin` alone, or with a word that is none of its commands, lists them. */
static const struct cli_command *command_of(const struct invocation *in, int argc, char *const *argv, int *words)
{
    enum { WORDS_MAX = 3 };
    char name[100] = "";
    size_t n = 0;
    const struct cli_command *c = NULL;
    for (*words = 0; !c && *words < WORDS_MAX && *words + 1 < argc; ++*words) {
        n += (size_t)snprintf(name + n, sizeof name - n, "%s%s", n ? " " : "", argv[*words + 1]);
        if (n >= sizeof name) return NULL;
        c = command_find(in, name);
    }
    return c;
}

static bool help_group(FILE *out, const struct invocation *in, const char *name)
{
    bool any = false;
    for (size_t i = 0; i < in->command_count; i++) {
        struct str command = str_c(in->commands[i].name), group = str_c(name);
        if (in->commands[i].hidden || !str_starts(command, group) || command.n <= group.n || command.p[group.n] != ' ') continue;
        if (!any) fprintf(out, "usage: %s %s COMMAND [OPTIONS]\n\n", in->program, name);
        fprintf(out, "  %-16s %s\n", command.p, in->commands[i].help);
        any = true;
    }
    return any;
}

int cli_main(const struct cli_command *commands, size_t count, int argc, char *const *argv, char *const *environment)
{
    struct cli c = {.in = {.program = argc > 0 ? argv[0] : "rookery", .commands = commands, .command_count = count}};
    const char *name = argc > 1 ? argv[1] : NULL;
    int words = 1, status = 0;
    if (!name) {
        help_all(stderr, &c.in);
        return 2;
    }
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0) name = "help";
    if (strcmp(name, "--version") == 0) name = "version";
    c.command = command_find(&c.in, name);
    if (!c.command) c.command = command_of(&c.in, argc, argv, &words);
    bool asked = argc == 2 || strcmp(argv[2], "--help") == 0;
    if (!c.command && help_group(asked ? stdout : stderr, &c.in, name)) return asked ? 0 : 2;
    if (!c.command) return unknown_command(&c.in, name);
    for (int i = 1 + words; i < argc && status == 0; i++)
        status = read_argument(&c, argc, argv, &i);
    if (status == 0 && c.help) {
        help_command(stdout, &c.in, c.command);
        return 0;
    }
    if (status == 0) status = check_needs(&c);
    if (status != 0) return status;
    return c.command->options & OPTION_SETTINGS ? run_with_settings(&c, environment) : c.command->run(&c.in);
}
