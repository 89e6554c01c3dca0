#include "main/control.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"
#include "loop/fiber.h"

static const char socket_name[] = "control.sock";
enum { CONNECTIONS_MAX = 8, LINE_TIMEOUT_MS = 5000 };

struct control {
    struct loop *loop;
    const struct control_command *table;
    size_t count;
    void *ctx;
    int folder; /* descriptor: the socket's address goes through it, since an address holds 107 bytes only */
    uv_pipe_t listener;
    struct list connections;
    size_t open; /* handles that are not closed yet */
    bool running, stopping;
    void (*done)(void *arg);
    void *done_arg;
};

struct connection {
    struct list link;
    struct control *control;
    uv_pipe_t pipe;
    uv_write_t write;
    struct timer timer;
    char line[CONTROL_LINE_MAX];
    size_t n;
    struct buf answer;
    struct fault fault;
    enum err err;
    const struct control_command *command;
    const char *argument;
    bool busy; /* its command runs, or its answer is on its way */
};

/* --- both sides: the address --- */

static int folder_open(const char *folder, struct sockaddr_un *address)
{
    int fd = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (fd >= 0) snprintf(address->sun_path, sizeof address->sun_path, "/proc/self/fd/%d/%s", fd, socket_name);
    return fd;
}

/* --- the server's side: an end --- */

static void handle_closed(struct control *c)
{
    if (--c->open > 0) return;
    void (*done)(void *) = c->done;
    void *arg = c->done_arg;
    close(c->folder);
    mem_free(c);
    if (done) done(arg);
}

static void listener_closed(uv_handle_t *h)
{
    handle_closed(h->data);
}

static void connection_closed(uv_handle_t *h)
{
    struct connection *n = h->data;
    struct control *c = n->control;
    buf_release(&n->answer);
    mem_free(n);
    handle_closed(c);
}

static void connection_close(struct connection *n)
{
    timer_clear(n->control->loop, &n->timer);
    list_remove(&n->link);
    if (!uv_is_closing((uv_handle_t *)&n->pipe)) uv_close((uv_handle_t *)&n->pipe, connection_closed);
}

/* --- an answer --- */

static void written(uv_write_t *w, int status)
{
    (void)status;
    connection_close(w->data);
}

static void one_line(struct buf *b)
{
    for (size_t i = 0; i < b->n; i++)
        if (b->p[i] == '\n' || b->p[i] == '\r') b->p[i] = ' ';
}

static void respond(struct connection *n)
{
    if (n->err == ERR_OK && !buf_ok(&n->answer)) n->err = fault_set(&n->fault, ERR_INTERNAL, "The answer is too long.");
    if (n->err != ERR_OK) {
        buf_clear(&n->answer);
        buf_printf(&n->answer, "error %s", n->fault.text[0] ? n->fault.text : err_sentence(n->err));
    }
    one_line(&n->answer);
    buf_byte(&n->answer, '\n');
    uv_buf_t piece = uv_buf_init(n->answer.p, (unsigned)n->answer.n);
    n->write.data = n;
    if (uv_write(&n->write, (uv_stream_t *)&n->pipe, &piece, 1, written) != 0) connection_close(n);
}

/* --- a command --- */

static void work(void *arg)
{
    struct connection *n = arg;
    n->err = n->command->run(n->control->ctx, n->argument, &n->answer, &n->fault);
}

static void run(void *arg)
{
    struct connection *n = arg;
    struct control *c = n->control;
    c->running = true;
    log_event(LOG_INFO, "control", "command", "name=%s", n->command->name);
    buf_add(&n->answer, STR("ok "));
    fiber_work(work, n);
    if (n->err != ERR_OK) log_event(LOG_WARN, "control", "command failed", "name=%s reason=\"%s\"", n->command->name, n->fault.text);
    c->running = false;
    respond(n);
}

static const struct control_command *command_find(const struct control *c, struct str name)
{
    for (size_t i = 0; i < c->count; i++)
        if (str_is(name, c->table[i].name)) return &c->table[i];
    return NULL;
}

static void take_line(struct connection *n)
{
    struct control *c = n->control;
    struct str line = str_c(n->line);
    ptrdiff_t blank = str_find(line, ' ');
    n->busy = true;
    n->argument = blank < 0 ? "" : n->line + blank + 1;
    n->command = command_find(c, blank < 0 ? line : str_first(line, (size_t)blank));
    uv_read_stop((uv_stream_t *)&n->pipe);
    timer_clear(c->loop, &n->timer);
    n->err = ERR_OK;
    if (!n->command) n->err = fault_set(&n->fault, ERR_UNRECOGNIZED, "This server does not know that command.");
    if (c->running) n->err = fault_set(&n->fault, ERR_UNAVAILABLE, "Another command is running. Try again when it has ended.");
    if (n->err == ERR_OK)
        fiber_spawn(run, n);
    else
        respond(n);
}

static void give_room(uv_handle_t *h, size_t suggested, uv_buf_t *out)
{
    (void)suggested;
    struct connection *n = h->data;
    *out = uv_buf_init(n->line + n->n, (unsigned)(sizeof n->line - n->n));
}

static void received(uv_stream_t *stream, ssize_t got, const uv_buf_t *piece)
{
    (void)piece;
    struct connection *n = stream->data;
    if (got < 0) {
        connection_close(n);
        return;
    }
    n->n += (size_t)got;
    char *end = memchr(n->line, '\n', n->n);
    if (end) {
        *end = 0;
        take_line(n);
    } else if (n->n == sizeof n->line) {
        connection_close(n);
    }
}

static void too_slow(struct timer *t)
{
    connection_close(list_item(t, struct connection, timer));
}

static void accepted(uv_stream_t *listener, int status)
{
    struct control *c = listener->data;
    if (status != 0) return;
    struct connection *n = mem_zero(sizeof *n);
    n->control = c;
    buf_init(&n->answer, CONTROL_ANSWER_MAX);
    list_push(&c->connections, &n->link);
    uv_pipe_init(loop_uv(c->loop), &n->pipe, 0);
    n->pipe.data = n;
    c->open++;
    if (uv_accept(listener, (uv_stream_t *)&n->pipe) != 0 || c->open > CONNECTIONS_MAX + 1 ||
        uv_read_start((uv_stream_t *)&n->pipe, give_room, received) != 0)
        connection_close(n);
    else
        timer_set(c->loop, &n->timer, LINE_TIMEOUT_MS, too_slow);
}

/* --- a life --- */

static int socket_new(void)
{
    return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

/* EAGAIN: it has much to do. */
static bool somebody_listens(const struct sockaddr_un *address)
{
    int fd = socket_new();
    if (fd < 0) return false;
    bool yes = connect(fd, (const struct sockaddr *)address, sizeof *address) == 0 || errno == EAGAIN;
    close(fd);
    return yes;
}

/* A listening socket of its owner only. Nobody can connect before listen, so the mode is right in time. A dead server's goes. */
static int socket_make(const struct sockaddr_un *address)
{
    int fd = socket_new();
    if (fd < 0) return -1;
    unlink(address->sun_path);
    if (bind(fd, (const struct sockaddr *)address, sizeof *address) == 0 && chmod(address->sun_path, 0600) == 0) return fd;
    int why = errno;
    close(fd);
    errno = why;
    return -1;
}

enum err control_start(struct loop *l, const char *folder, const struct control_command *table, size_t count, void *ctx,
                       struct control **out, struct fault *f)
{
    struct sockaddr_un address;
    int dir = folder_open(folder, &address);
    if (dir >= 0 && somebody_listens(&address)) {
        close(dir);
        return fault_set(f, ERR_CONFLICT, "Another server uses %.150s: each needs a folder of its own (setting store.path).", folder);
    }
    int fd = dir < 0 ? -1 : socket_make(&address);
    if (fd < 0) {
        enum err e = fault_set(f, ERR_STORAGE, "%.150s/%s cannot be made: %s", folder, socket_name, strerror(errno));
        if (dir >= 0) close(dir);
        return e;
    }
    struct control *c = mem_zero(sizeof *c);
    *c = (struct control){.loop = l, .table = table, .count = count, .ctx = ctx, .folder = dir, .open = 1};
    list_init(&c->connections);
    uv_pipe_init(loop_uv(l), &c->listener, 0);
    c->listener.data = c;
    int bad = uv_pipe_open(&c->listener, fd);
    if (bad) close(fd);
    if (!bad) bad = uv_listen((uv_stream_t *)&c->listener, CONNECTIONS_MAX, accepted);
    if (bad) {
        control_stop(c, NULL, NULL);
        return fault_set(f, ERR_STORAGE, "%.150s/%s cannot be listened to: %s", folder, socket_name, uv_strerror(bad));
    }
    *out = c;
    return ERR_OK;
}

void control_stop(struct control *c, void (*done)(void *arg), void *arg)
{
    if (!c) {
        if (done) done(arg);
        return;
    }
    c->done = done;
    c->done_arg = arg;
    unlinkat(c->folder, socket_name, 0);
    uv_close((uv_handle_t *)&c->listener, listener_closed);
    list_each_safe(it, &c->connections)
    {
        struct connection *n = list_item(it, struct connection, link);
        if (!n->busy) connection_close(n);
    }
}

/* --- the client's side --- */

static int connect_to(const char *folder)
{
    struct sockaddr_un address;
    int dir = folder_open(folder, &address);
    if (dir < 0) return -1;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool ok = fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof address) == 0;
    int why = errno;
    if (!ok && fd >= 0) close(fd);
    close(dir);
    errno = why;
    return ok ? fd : -1;
}

static bool send_line(int fd, struct str line)
{
    while (line.n) {
        ssize_t n = send(fd, line.p, line.n, MSG_NOSIGNAL);
        if (n <= 0) return false;
        line = str_from(line, (size_t)n);
    }
    return true;
}

static bool read_answer(int fd, struct buf *answer)
{
    char piece[1024];
    ssize_t n;
    while ((n = recv(fd, piece, sizeof piece, 0)) > 0)
        buf_add(answer, str_make(piece, (size_t)n));
    return n == 0 && buf_ok(answer) && answer->n > 0 && answer->p[answer->n - 1] == '\n';
}

static enum err converse(int fd, const char *line, struct buf *answer, struct fault *f)
{
    if (!send_line(fd, str_c(line)) || !send_line(fd, STR("\n")) || !read_answer(fd, answer))
        return fault_set(f, ERR_UNAVAILABLE, "The server went away before it answered; whether it did what was asked is not known.");
    answer->n--;
    struct str said = buf_str(answer);
    if (str_starts(said, STR("error "))) return fault_set(f, ERR_UNKNOWN, "%.*s", STR_FMT(str_from(said, 6)));
    if (!str_starts(said, STR("ok "))) return fault_set(f, ERR_UNKNOWN, "The server gave an answer that is not understood.");
    buf_shift(answer, 3);
    return ERR_OK;
}

enum err control_ask(const char *folder, const char *line, struct buf *answer, struct fault *f)
{
    if (strlen(line) + 2 > CONTROL_LINE_MAX || strchr(line, '\n')) return fault_set(f, ERR_INVALID_PARAM, "That path is too long.");
    int fd = connect_to(folder);
    if (fd < 0 && (errno == ENOENT || errno == ECONNREFUSED || errno == ENOTDIR))
        return fault_set(f, ERR_NOT_FOUND, "No server runs in %.150s.", folder);
    if (fd < 0) return fault_set(f, ERR_FORBIDDEN, "The server in %.150s cannot be asked: %s", folder, strerror(errno));
    buf_clear(answer);
    enum err e = converse(fd, line, answer, f);
    close(fd);
    return e;
}
