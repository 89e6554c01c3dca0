/* Commands as bytes, from a letter's row or another node: what is taken must come out the same when it is written again. */
#include <stdlib.h>

#include "cluster/command.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);
int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    struct command c, again;
    if (!command_decode(str_make((const char *)data, size), &c)) return 0;
    struct buf b;
    buf_init(&b, 1 << 24);
    command_encode(&b, &c);
    if (!buf_ok(&b) || !command_decode(buf_str(&b), &again)) abort();
    if (again.type != c.type || !str_eq(again.key, c.key) || str_null(again.key) != str_null(c.key)) abort();
    if (memcmp(again.num, c.num, sizeof c.num) != 0) abort();
    for (unsigned i = 0; i < COMMAND_STRS; i++)
        if (!str_eq(again.s[i], c.s[i]) || str_null(again.s[i]) != str_null(c.s[i])) abort();
    buf_release(&b);
    return 0;
}
