#include "cluster/command.h"

#include "cluster/wire.h"

void command_encode(struct buf *b, const struct command *c)
{
    unsigned nums = COMMAND_INTS, strs = COMMAND_STRS;
    while (nums && c->num[nums - 1] == 0)
        nums--;
    while (strs && str_null(c->s[strs - 1]))
        strs--;
    wire_put_uint(b, c->type);
    wire_put_str(b, c->key);
    wire_put_uint(b, nums);
    wire_put_uint(b, strs);
    for (unsigned i = 0; i < nums; i++)
        wire_put_int(b, c->num[i]);
    for (unsigned i = 0; i < strs; i++)
        wire_put_str(b, c->s[i]);
}

bool command_decode(struct str in, struct command *out)
{
    uint64_t type, nums, strs;
    *out = (struct command){0};
    if (!wire_get_uint(&in, &type) || !wire_get_str(&in, &out->key) || !wire_get_uint(&in, &nums) || !wire_get_uint(&in, &strs))
        return false;
    if (type > 0xFFFF || nums > COMMAND_INTS || strs > COMMAND_STRS) return false;
    out->type = (unsigned)type;
    for (unsigned i = 0; i < nums; i++)
        if (!wire_get_int(&in, &out->num[i])) return false;
    for (unsigned i = 0; i < strs; i++)
        if (!wire_get_str(&in, &out->s[i])) return false;
    return in.n == 0;
}
