/* What a node announces, as another one reads it: what is taken must come out the same when it is written again. */
#include <stdlib.h>

#include "cluster/cluster.h"
#include "cluster/nodes.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);
int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    struct node_view n = {0}, again = {0};
    if (!announcement_decode(str_make((const char *)data, size), &n)) return 0;
    if (n.loops < 1 || n.loops > CLUSTER_LOOPS_MAX) abort();
    struct buf b;
    buf_init(&b, BROKER_ANNOUNCEMENT_MAX);
    announcement_encode(&b, &n);
    if (!buf_ok(&b) || !announcement_decode(buf_str(&b), &again)) abort();
    if (again.loops != n.loops || again.leaving != n.leaving || memcmp(again.stands, n.stands, sizeof n.stands) != 0) abort();
    buf_release(&b);
    return 0;
}
