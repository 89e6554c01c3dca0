/* Identifiers: whatever a parser takes is put together from its parts again, and keeps the limits. */
#include <stdlib.h>

#include "base/arena.h"
#include "matrix/id.h"
#include "matrix/path.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static void must(bool ok)
{
    if (!ok) abort();
}

static void check_id(struct arena *a, struct str s, char sigil, bool (*parse)(struct str s, struct id *out))
{
    struct id id;
    if (!parse(s, &id)) return;
    must(s.n <= ID_MAX && s.p[0] == sigil && str_is_utf8(s) && str_find(s, 0) < 0);
    struct str again = arena_join(a, str_make(&sigil, 1), id.local, id.server.n ? arena_join(a, STR(":"), id.server, STR("")) : STR(""));
    must(str_eq(again, s) && str_eq(id_server_of(s), id.server));
}

static void check_server(struct str s)
{
    struct str host;
    unsigned port;
    if (!id_server_name(s, &host, &port)) return;
    must(host.n > 0 && host.n <= s.n && port <= 65535 && str_starts(s, host));
}

static void check_mxc(struct arena *a, struct str s)
{
    struct id id;
    if (!id_mxc(s, &id)) return;
    must(str_eq(s, arena_join(a, arena_join(a, STR("mxc://"), id.server, STR("/")), id.local, STR(""))));
    must(str_find(id.local, '/') < 0 && str_find(id.local, '.') < 0);
}

/* No part of a path is longer than the path, and there are as many as dots at most. */
static void check_path(struct arena *a, struct str s)
{
    struct path p;
    if (!path_parse(a, s, &p)) return;
    size_t bytes = p.n - 1;
    for (size_t i = 0; i < p.n; i++)
        bytes += p.parts[i].n;
    must(p.n >= 1 && bytes <= s.n);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    struct arena a = {0};
    struct str s = str_make((const char *)data, size);
    check_id(&a, s, '@', id_user);
    check_id(&a, s, '!', id_room);
    check_id(&a, s, '#', id_alias);
    check_id(&a, s, '$', id_event);
    check_server(s);
    check_mxc(&a, s);
    check_path(&a, s);
    must(!id_localpart_is_new(s) || (s.n && s.n <= ID_MAX));
    must(!id_opaque(s) || id_device(s));
    must(!id_common(s) || id_opaque(s));
    must(id_slot(s) < ID_SLOTS);
    arena_release(&a);
    return 0;
}
