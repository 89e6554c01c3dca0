/* The databases that share the store, as administrators are shown them; the embedded store counts as one. */
#ifndef ROOKERY_MAIN_SHARD_H
#define ROOKERY_MAIN_SHARD_H

#include "main/settings.h"
#include "store/postgres/postgres.h"
#include "json/json.h"

struct shards {
    struct store_shard shard[STORE_POSTGRES_SHARDS_MAX];
    size_t count;
};

/* As they are now; the names are in `a`. Only reads. Blocking, for some seconds at most where databases do not answer. */
must_use enum err shards_look(const struct settings *s, struct arena *a, struct shards *out, struct fault *f);
/* An array with an object for each. */
void shards_put(struct json_out *o, const struct shards *s);
void shards_print(const struct shards *s);

#endif
