/* Who may use the databases beside this process: servers without a broker would take the slots from one another at each message. A connection of its
 * own holds a lock of PostgreSQL as long as the process lives, all servers of a cluster in common, a server without a broker alone. Where the
 * database restarts the lock is gone: it is there for mistakes at the start, not for safety, which is the fence's. */
#include <unistd.h>

#include "store/postgres/priv.h"

enum { PATIENCE_TRIES = 30, TRY_US = 200000 }; /* of a process that has just died the connection may live on for a moment */

static enum err try_lock(PGconn *c, enum store_postgres_use use, bool *held, struct fault *f)
{
    const char *sql =
        use == STORE_POSTGRES_ALONE ? "SELECT pg_try_advisory_lock(1919905643, 4)" : "SELECT pg_try_advisory_lock_shared(1919905643, 4)";
    PGresult *r = conn_ask(c, sql, NULL, 0, f);
    enum err e = r ? ERR_OK : ERR_STORAGE;
    *held = !e && strcmp(PQgetvalue(r, 0, 0), "t") == 0;
    PQclear(r);
    return e;
}

enum err guard_take(PGconn *c, enum store_postgres_use use, struct fault *f)
{
    bool held = use == STORE_POSTGRES_ANYHOW;
    /* A host that is gone with all its servers is noticed in half a minute, not in two hours. */
    enum err e = conn_run(c, "SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 4", f);
    for (int i = 0; !e && !held && i < PATIENCE_TRIES; i++) {
        if (i) usleep(TRY_US);
        e = try_lock(c, use, &held, f);
    }
    if (e || held) return e;
    return use == STORE_POSTGRES_ALONE
               ? fault_set(f, ERR_CONFLICT,
                           "Another server uses these databases ([store] url). Several need a message queue: set [broker] url on all.")
               : fault_set(f, ERR_CONFLICT,
                           "A server without a message queue uses these databases ([store] url): set [broker] url there, too.");
}
