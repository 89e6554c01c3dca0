/* Sync tokens and places in a timeline, as clients send them: what is taken is the same when it is written again. */
#include <stdlib.h>

#include "engine/sync/token.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static void must(bool ok)
{
    if (!ok) abort();
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    struct str text = {(const char *)data, size}, history = STR("0123456789abcdef");
    struct sync_token t, again;
    struct arena a;
    bool stale;
    int64_t ord, ord_again;
    arena_init(&a);
    if (sync_token_read(text, history, &t, &stale, NULL) == ERR_OK) {
        must(sync_token_read(sync_token_write(&a, &t, history), history, &again, &stale, NULL) == ERR_OK && !stale);
        must(again.some == t.some && memcmp(again.position, t.position, sizeof t.position) == 0);
    }
    if (place_token_read(text, history, 63, &ord, NULL) == ERR_OK)
        must(ord >= 0 && place_token_read(place_token_write(&a, ord), history, 63, &ord_again, NULL) == ERR_OK && ord == ord_again);
    arena_release(&a);
    return 0;
}
