/* The control socket, with a loop on a thread of its own and clients on this one. */
#include "main/control.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

struct fixture {
    char folder[64];
    struct loop *loop;
    struct control *control;
    pthread_t thread;
    struct task stop;
    atomic_int waiting; /* 1: `wait` runs; 2: it may go on */
};

static enum err run_echo(void *ctx, const char *argument, struct buf *answer, struct fault *f)
{
    (void)ctx;
    (void)f;
    buf_printf(answer, "<%s>\nmore", argument);
    return ERR_OK;
}

static enum err run_fail(void *ctx, const char *argument, struct buf *answer, struct fault *f)
{
    (void)ctx;
    (void)argument;
    buf_add(answer, STR("half an answer"));
    return fault_set(f, ERR_STORAGE, "The disk\nis full.");
}

static enum err run_wait(void *ctx, const char *argument, struct buf *answer, struct fault *f)
{
    (void)argument;
    (void)answer;
    (void)f;
    struct fixture *x = ctx;
    x->waiting = 1;
    while (x->waiting != 2)
        usleep(1000);
    return ERR_OK;
}

static enum err run_flood(void *ctx, const char *argument, struct buf *answer, struct fault *f)
{
    (void)ctx;
    (void)argument;
    (void)f;
    for (int i = 0; i < CONTROL_ANSWER_MAX; i++)
        buf_add(answer, STR("xx"));
    return ERR_OK;
}

static const struct control_command table[] = {{"echo", run_echo}, {"fail", run_fail}, {"wait", run_wait}, {"flood", run_flood}};

static void *run_loop(void *arg)
{
    struct fixture *x = arg;
    loop_run(x->loop);
    return NULL;
}

static int setup(void **state)
{
    struct fixture *x = mem_zero(sizeof *x);
    signal(SIGPIPE, SIG_IGN);
    snprintf(x->folder, sizeof x->folder, "/tmp/rookery-control-XXXXXX");
    if (!mkdtemp(x->folder)) return -1;
    x->loop = loop_new(0);
    struct fault f;
    if (control_start(x->loop, x->folder, table, sizeof table / sizeof *table, x, &x->control, &f) != ERR_OK) return -1;
    pthread_create(&x->thread, NULL, run_loop, x);
    *state = x;
    return 0;
}

static void stopped(void *arg)
{
    struct fixture *x = arg;
    loop_stop(x->loop);
}

static void stop_now(struct task *t)
{
    struct fixture *x = list_item(t, struct fixture, stop);
    control_stop(x->control, stopped, x);
}

static int teardown(void **state)
{
    struct fixture *x = *state;
    x->stop.run = stop_now;
    loop_post(x->loop, &x->stop);
    pthread_join(x->thread, NULL);
    loop_free(x->loop);
    int left = rmdir(x->folder); /* fails if the socket is still there */
    mem_free(x);
    return left;
}

static enum err ask(struct fixture *x, const char *line, char out[300])
{
    struct buf answer;
    struct fault f = {0};
    buf_init(&answer, CONTROL_ANSWER_MAX + 512);
    enum err e = control_ask(x->folder, line, &answer, &f);
    snprintf(out, 300, "%.*s", e ? (int)strlen(f.text) : (int)answer.n, e ? f.text : answer.p);
    buf_release(&answer);
    return e;
}

static void answers_and_failures(void **state)
{
    char out[300];
    assert_int_equal(ask(*state, "echo /some where/else", out), ERR_OK);
    assert_string_equal(out, "</some where/else> more");
    assert_int_equal(ask(*state, "echo", out), ERR_OK);
    assert_string_equal(out, "<> more");
    assert_int_equal(ask(*state, "fail now", out), ERR_UNKNOWN);
    assert_string_equal(out, "The disk is full.");
    assert_int_equal(ask(*state, "", out), ERR_UNKNOWN);
    assert_string_equal(out, "This server does not know that command.");
    assert_int_equal(ask(*state, "ech", out), ERR_UNKNOWN);
    assert_int_equal(ask(*state, "flood", out), ERR_UNKNOWN);
    assert_string_equal(out, "The answer is too long.");
    assert_int_equal(ask(*state, "echo a\necho b", out), ERR_INVALID_PARAM);
}

static int raw_connect(struct fixture *x)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    snprintf(a.sun_path, sizeof a.sun_path, "%s/control.sock", x->folder);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
    return fd;
}

static void bad_peers_cost_only_themselves(void **state)
{
    char out[300], big[CONTROL_LINE_MAX];
    memset(big, 'x', sizeof big);
    int fd = raw_connect(*state);
    close(fd);
    fd = raw_connect(*state);
    assert_int_equal(send(fd, big, sizeof big, MSG_NOSIGNAL), sizeof big);
    assert_int_equal(recv(fd, out, 1, 0), 0); /* too long a line: closed */
    close(fd);
    fd = raw_connect(*state);
    assert_int_equal(send(fd, "echo x\n", 7, MSG_NOSIGNAL), 7);
    close(fd); /* does not wait for its answer */
    int idle[20];
    for (int i = 0; i < 20; i++)
        idle[i] = raw_connect(*state);
    /* Those beyond the bound are closed; the last certainly is. */
    assert_int_equal(recv(idle[19], out, 1, 0), 0);
    for (int i = 0; i < 20; i++)
        close(idle[i]);
    enum err e;
    for (int i = 0; i < 100 && (e = ask(*state, "echo x", out)) != ERR_OK; i++)
        usleep(10000); /* until it has noticed that they have gone */
    assert_int_equal(e, ERR_OK);
}

static void *ask_wait(void *arg)
{
    char out[300];
    return ask(arg, "wait", out) == ERR_OK ? arg : NULL;
}

static void one_command_at_a_time(void **state)
{
    struct fixture *x = *state;
    char out[300];
    pthread_t other;
    void *result;
    pthread_create(&other, NULL, ask_wait, x);
    while (x->waiting != 1)
        usleep(1000);
    assert_int_equal(ask(x, "echo", out), ERR_UNKNOWN);
    assert_string_equal(out, "Another command is running. Try again when it has ended.");
    x->waiting = 2;
    pthread_join(other, &result);
    assert_non_null(result);
    assert_int_equal(ask(x, "echo", out), ERR_OK);
}

/* A stop while a command runs lets it end, and it is answered. */
static void stop_waits_for_the_command(void **state)
{
    struct fixture *x = *state;
    pthread_t other;
    void *result;
    pthread_create(&other, NULL, ask_wait, x);
    while (x->waiting != 1)
        usleep(1000);
    int idle = raw_connect(x);
    x->stop.run = stop_now;
    loop_post(x->loop, &x->stop);
    char byte;
    assert_int_equal(recv(idle, &byte, 1, 0), 0);
    close(idle);
    x->waiting = 2;
    pthread_join(other, &result);
    assert_non_null(result);
    pthread_join(x->thread, NULL);
    loop_free(x->loop);
    assert_int_equal(rmdir(x->folder), 0);
    mem_free(x);
}

static void socket_is_private_and_replaced(void **state)
{
    struct fixture *x = *state;
    char path[100];
    struct stat st;
    snprintf(path, sizeof path, "%s/control.sock", x->folder);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_true(S_ISSOCK(st.st_mode));
}

/* The first one is not disturbed. */
static void a_folder_serves_one(void **state)
{
    struct fixture *x = *state;
    struct control *second = NULL;
    struct fault f = {0};
    char out[300];
    struct loop *loop = loop_new(1);
    assert_int_equal(control_start(loop, x->folder, table, 1, x, &second, &f), ERR_CONFLICT);
    assert_non_null(strstr(f.text, x->folder));
    assert_non_null(strstr(f.text, "store.path"));
    assert_null(second);
    loop_free(loop);
    assert_int_equal(ask(x, "echo", out), ERR_OK);
}

static void no_server(void **state)
{
    (void)state;
    struct fixture x = {.folder = "/tmp/rookery-control-XXXXXX"};
    char out[300], path[100];
    assert_non_null(mkdtemp(x.folder));
    assert_int_equal(ask(&x, "echo", out), ERR_NOT_FOUND);
    /* A socket that a killed server left is no server, and the next one takes its place. */
    snprintf(path, sizeof path, "%s/control.sock", x.folder);
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    snprintf(a.sun_path, sizeof a.sun_path, "%s", path);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
    close(fd);
    assert_int_equal(ask(&x, "echo", out), ERR_NOT_FOUND);
    struct fault f;
    x.loop = loop_new(0);
    assert_int_equal(control_start(x.loop, x.folder, table, 1, &x, &x.control, &f), ERR_OK);
    pthread_create(&x.thread, NULL, run_loop, &x);
    assert_int_equal(ask(&x, "echo", out), ERR_OK);
    x.stop.run = stop_now;
    loop_post(x.loop, &x.stop);
    pthread_join(x.thread, NULL);
    loop_free(x.loop);
    assert_int_equal(rmdir(x.folder), 0);
    x.loop = loop_new(0);
    assert_int_equal(control_start(x.loop, "/nonexistent", table, 1, &x, &x.control, &f), ERR_STORAGE);
    assert_non_null(strstr(f.text, "/nonexistent/control.sock cannot be made: No such file"));
    loop_free(x.loop);
}

/* A socket's address holds 107 bytes, the path of a folder may be longer. */
static void long_paths(void **state)
{
    (void)state;
    struct fault f;
    char folder[200], out[300];
    struct fixture x = {.loop = loop_new(0)};
    snprintf(folder, sizeof folder, "/tmp/rookery-%0140d", getpid());
    assert_int_equal(mkdir(folder, 0700), 0);
    assert_int_equal(control_start(x.loop, folder, table, 1, &x, &x.control, &f), ERR_OK);
    pthread_create(&x.thread, NULL, run_loop, &x);
    struct buf answer;
    buf_init(&answer, 1000);
    assert_int_equal(control_ask(folder, "echo 1", &answer, &f), ERR_OK);
    snprintf(out, sizeof out, "%.*s", STR_FMT(buf_str(&answer)));
    assert_string_equal(out, "<1> more");
    buf_release(&answer);
    x.stop.run = stop_now;
    loop_post(x.loop, &x.stop);
    pthread_join(x.thread, NULL);
    loop_free(x.loop);
    assert_int_equal(rmdir(folder), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(answers_and_failures, setup, teardown),
        cmocka_unit_test_setup_teardown(bad_peers_cost_only_themselves, setup, teardown),
        cmocka_unit_test_setup_teardown(one_command_at_a_time, setup, teardown),
        cmocka_unit_test_setup_teardown(socket_is_private_and_replaced, setup, teardown),
        cmocka_unit_test_setup_teardown(a_folder_serves_one, setup, teardown),
        cmocka_unit_test_setup(stop_waits_for_the_command, setup),
        cmocka_unit_test(no_server),
        cmocka_unit_test(long_paths),
    };
    return cmocka_run_group_tests_name("main/control", tests, NULL, NULL);
}
