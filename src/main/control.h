/* The control socket: how other commands of this program ask the running server, which alone may open the store.
 *
 * A unix socket <store.path>/control.sock, for its owner only (mode 0600). One line asks: "backup DIR\n"; one line answers:
 * "ok TEXT\n" or "error SENTENCE\n". One command runs at a time. */
#ifndef ROOKERY_MAIN_CONTROL_H
#define ROOKERY_MAIN_CONTROL_H

#include "base/buf.h"
#include "base/err.h"
#include "loop/loop.h"

enum { CONTROL_LINE_MAX = 4200, CONTROL_ANSWER_MAX = 65536 };

struct control_command {
    const char *name;
    /* Called on a worker thread, so it may block. `argument`: the rest of the line. What it adds to `answer` is told on success (line
     * breaks become blanks). */
    enum err (*run)(void *ctx, const char *argument, struct buf *answer, struct fault *f);
};

struct control;
/* On the loop's thread, or before the loop runs. CONFLICT: another server that lives has its socket in that
 * folder. SIGPIPE must be ignored. The table must live as long as the control. */
must_use enum err control_start(struct loop *l, const char *folder, const struct control_command *table, size_t count, void *ctx,
                                struct control **out, struct fault *f);
/* On the loop's thread. Takes no more commands, lets a running one end, frees `c`, then calls done (may be NULL). NULL is allowed for c: then
 * done is called at once. */
void control_stop(struct control *c, void (*done)(void *arg), void *arg);

/* The client's side: asks and waits for the answer. NOT_FOUND: no server runs there. Otherwise a failure's sentence is the server's. */
must_use enum err control_ask(const char *folder, const char *line, struct buf *answer, struct fault *f);

#endif
