#include "api/listing.h"

enum err listing_ask(struct api *r, const struct command *cmd, struct call *call)
{
    struct call_group g = {0};
    enum err e = ERR_OK;
    for (unsigned i = 0; i < CLUSTER_SLOTS; i++) {
        call[i].cmd = *cmd;
        call[i].cmd.key = engine_key_of_slot(r->engine, i);
        cluster_call_start(r->engine->cluster, &call[i], &g);
    }
    cluster_call_wait(&g);
    for (unsigned i = 0; i < CLUSTER_SLOTS; i++) {
        if (call[i].reply.err == ERR_OK) continue;
        e = call[i].reply.err;
        r->fault = call[i].reply.fault;
        r->fault.code = e;
    }
    return e;
}

void listing_release(struct call *call)
{
    for (unsigned i = 0; i < CLUSTER_SLOTS; i++)
        call_release(&call[i]);
}
