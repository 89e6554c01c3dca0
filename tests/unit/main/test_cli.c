/* The command line: each option reaches its command, whatever is wrong is refused with a sentence on stderr and status 2. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#include "main/commands.h"

/* What the commands below were called with. */
static struct {
    char name[100], to[100], config[100];
    bool man, called;
} seen;

static int run_serve(const struct invocation *in)
{
    seen.called = true;
    snprintf(seen.name, sizeof seen.name, "%s", in->settings->server.name.p);
    snprintf(seen.config, sizeof seen.config, "%s", in->config ? in->config : "");
    return 0;
}

static int run_copy(const struct invocation *in)
{
    seen.called = true;
    snprintf(seen.to, sizeof seen.to, "%s", in->to);
    seen.man = in->man;
    return in->settings ? 1 : 7;
}

static const struct cli_command commands[] = {
    {"serve", "run it", OPTION_SETTINGS, 0, false, run_serve},
    {"copy", "copy it", OPTION_TO | OPTION_MAN, OPTION_TO, false, run_copy},
    {"version", "print it", 0, 0, false, cmd_version},
    {"help", "help", OPTION_TOPIC, 0, false, cmd_help},
    {"secret", "not shown", 0, 0, true, run_copy},
};

struct outcome {
    int status;
    char out[4096], err[4096];
};

static void read_back(FILE *f, char *into, size_t size)
{
    rewind(f);
    into[fread(into, 1, size - 1, f)] = 0;
    fclose(f);
}

static struct outcome call_with(char *const *environment, char *const *argv)
{
    struct outcome o;
    int argc = 0;
    while (argv[argc])
        argc++;
    seen.called = seen.man = false;
    seen.name[0] = seen.to[0] = 0;
    FILE *out = tmpfile(), *err = tmpfile();
    assert_non_null(out);
    assert_non_null(err);
    fflush(NULL);
    int old_out = dup(STDOUT_FILENO), old_err = dup(STDERR_FILENO);
    dup2(fileno(out), STDOUT_FILENO);
    dup2(fileno(err), STDERR_FILENO);
    o.status = cli_main(commands, sizeof commands / sizeof *commands, argc, argv, environment);
    fflush(NULL);
    dup2(old_out, STDOUT_FILENO);
    dup2(old_err, STDERR_FILENO);
    close(old_out);
    close(old_err);
    read_back(out, o.out, sizeof o.out);
    read_back(err, o.err, sizeof o.err);
    return o;
}

#define CALL(...) call_with(NULL, (char *[]){"rookery", __VA_ARGS__, NULL})

static void refused(struct outcome o, const char *why)
{
    if (o.status != 2 || !strstr(o.err, why)) print_error("wanted: %s\ngot (%d): %s\n", why, o.status, o.err);
    assert_int_equal(o.status, 2);
    assert_non_null(strstr(o.err, why));
    assert_false(seen.called);
}

static void options_reach_their_command(void **state)
{
    (void)state;
    assert_int_equal(CALL("serve").status, 0);
    assert_string_equal(seen.name, "localhost");
    assert_int_equal(CALL("serve", "--set", "server.name=a.example").status, 0);
    assert_string_equal(seen.name, "a.example");
    assert_int_equal(CALL("serve", "--set=server.name=b.example", "--set=server.loops=2").status, 0);
    assert_string_equal(seen.name, "b.example");
    assert_int_equal(CALL("copy", "--to", "/x", "--man").status, 7);
    assert_string_equal(seen.to, "/x");
    assert_true(seen.man);
    assert_int_equal(CALL("secret").status, 7);
}

static void config_comes_from_option_or_environment(void **state)
{
    (void)state;
    char path[] = "/tmp/rookery-cli-XXXXXX";
    int fd = mkstemp(path);
    assert_int_equal(write(fd, "[server]\nname = filed.example\n", 30), 30);
    close(fd);
    assert_int_equal(CALL("serve", "--config", path).status, 0);
    assert_string_equal(seen.name, "filed.example");
    assert_string_equal(seen.config, path);
    char variable[100];
    snprintf(variable, sizeof variable, "ROOKERY_CONFIG=%s", path);
    assert_int_equal(call_with((char *[]){variable, NULL}, (char *[]){"rookery", "serve", NULL}).status, 0);
    assert_string_equal(seen.name, "filed.example");
    unlink(path);
    refused(CALL("serve", "--config", path), "No such file or directory");
    refused(call_with((char *[]){"ROOKERY_SERVER_NAM=x", NULL}, (char *[]){"rookery", "serve", NULL}), "did you mean ROOKERY_SERVER_NAME?");
}

static void wrong_calls(void **state)
{
    (void)state;
    refused(call_with(NULL, (char *[]){"rookery", NULL}), "usage: rookery COMMAND");
    refused(CALL("sreve"), "there is no command \"sreve\"; did you mean serve?");
    refused(CALL("frobnicate"), "`rookery help` lists them");
    refused(CALL("secrets"), "lists them");
    refused(CALL("serve", "--confog", "x"), "unknown option --confog; did you mean --config?");
    refused(CALL("serve", "--port=8008"), "unknown option --port; see `rookery serve --help`");
    refused(CALL("serve", "--to", "x"), "unknown option --to");
    refused(CALL("serve", "now"), "takes no argument now");
    refused(CALL("serve", "--config"), "--config needs a value");
    refused(CALL("serve", "--config", "a", "--config", "b"), "--config is given twice");
    refused(CALL("serve", "--set", "server.nam=x"), "did you mean name under [server]?");
    refused(CALL("copy"), "--to is needed");
    refused(CALL("copy", "--to=x", "--man=1"), "--man takes no value");
    refused(CALL("help", "nothing"), "there is no command \"nothing\"");
}

static void help_everywhere(void **state)
{
    (void)state;
    static char *const ways[][4] = {{"rookery", "--help", NULL}, {"rookery", "help", NULL}, {"rookery", "-h", NULL}};
    for (size_t i = 0; i < 3; i++) {
        struct outcome o = call_with(NULL, ways[i]);
        assert_int_equal(o.status, 0);
        assert_non_null(strstr(o.out, "serve"));
        assert_null(strstr(o.out, "secret"));
        assert_string_equal(o.err, "");
    }
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        struct outcome o = CALL((char *)(uintptr_t)commands[i].name, "--help");
        assert_int_equal(o.status, 0);
        assert_non_null(strstr(o.out, commands[i].help));
        assert_false(seen.called);
    }
    struct outcome o = CALL("help", "copy");
    assert_int_equal(o.status, 0);
    assert_non_null(strstr(o.out, "--to WHERE"));
    assert_null(strstr(o.out, "--config"));
    o = CALL("--version");
    assert_int_equal(o.status, 0);
    assert_non_null(strstr(o.out, "rookery " ROOKERY_VERSION));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_reach_their_command),
        cmocka_unit_test(config_comes_from_option_or_environment),
        cmocka_unit_test(wrong_calls),
        cmocka_unit_test(help_everywhere),
    };
    return cmocka_run_group_tests_name("main/cli", tests, NULL, NULL);
}
