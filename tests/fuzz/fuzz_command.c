/* Commands and replies as bytes, from a letter's row or another node: what is taken must come out the same when it is written again. */
#include <stdlib.h>

#include "cluster/command.h"

static void same_fields(const int64_t *x_num, const struct str *x, const int64_t *y_num, const struct str *y)
{
    if (memcmp(x_num, y_num, COMMAND_INTS * sizeof *x_num) != 0) abort();
    for (unsigned i = 0; i < COMMAND_STRS; i++)
        if (!str_eq(x[i], y[i]) || str_null(x[i]) != str_null(y[i])) abort();
}

static void try_command(struct str bytes)
{
    struct command c, again;
    if (!command_decode(bytes, &c)) return;
    struct buf b;
    buf_init(&b, 1 << 24);
    command_encode(&b, &c);
    if (!buf_ok(&b) || !command_decode(buf_str(&b), &again)) abort();
    if (again.type != c.type || !str_eq(again.key, c.key) || str_null(again.key) != str_null(c.key)) abort();
    same_fields(c.num, c.s, again.num, again.s);
    buf_release(&b);
}

static void try_reply(struct str bytes)
{
    struct reply r, again;
    if (!reply_decode(bytes, &r)) return;
    struct buf b;
    buf_init(&b, 1 << 24);
    reply_encode(&b, &r);
    if (!buf_ok(&b) || !reply_decode(buf_str(&b), &again)) abort();
    if (again.err != r.err || again.fault.retry_ms != r.fault.retry_ms || strcmp(again.fault.text, r.fault.text) != 0) abort();
    same_fields(r.num, r.s, again.num, again.s);
    buf_release(&b);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);
int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    struct str bytes = str_make((const char *)data, size);
    try_command(bytes);
    try_reply(bytes);
    return 0;
}
