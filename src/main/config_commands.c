/* The commands that only look at the settings. */
#include <errno.h>
#include <unistd.h>

#include "main/commands.h"
#include "main/settings_print.h"
#include "store/store.h"

/* Of a file that a setting names. */
static bool readable(const struct settings *s, const char *section, const char *name, const char *path)
{
    if (!*path || access(path, R_OK) == 0) return true;
    const char *where = s->origin[setting_find(str_c(section), str_c(name)) - setting_rows].where;
    fprintf(stderr, "%s%s[%s] %s: %s cannot be read: %s\n", where ? where : "", where ? ": " : "", section, name, path, strerror(errno));
    return false;
}

int cmd_check_config(const struct invocation *in)
{
    const struct settings *s = in->settings;
    bool all = readable(s, "tls", "certificate", s->tls.certificate);
    all = readable(s, "tls", "key", s->tls.key) && all;
    all = readable(s, "broker", "ca_file", s->broker.ca_file) && all;
    all = readable(s, "cache", "ca_file", s->cache.ca_file) && all;
    if (!all) return 1;
    printf("The settings are right%s%s.\n", in->config ? ": " : "", in->config ? in->config : "");
    return 0;
}

int cmd_print_config(const struct invocation *in)
{
    struct buf out;
    buf_init(&out, 1 << 20);
    if (in->man)
        settings_print_man(&out);
    else
        settings_print_conf(&out, in->settings);
    bool ok = buf_ok(&out) && fwrite(out.p, 1, out.n, stdout) == out.n && fflush(stdout) == 0;
    buf_release(&out);
    return ok ? 0 : 1;
}

int cmd_version(const struct invocation *in)
{
    (void)in;
    printf("rookery %s (store format %d)\n", ROOKERY_VERSION, STORE_FORMAT);
    return 0;
}
