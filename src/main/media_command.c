/* `rookery media-worker`: started by the server itself, to decode images without privileges. */
#include "engine/media/worker.h"
#include "main/commands.h"

int cmd_media_worker(const struct invocation *in)
{
    (void)in;
    return media_worker_main();
}
