/* A configuration file of any bytes: refused with sentences, or taken; what is taken prints as a file that is taken again. */
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "main/settings_print.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool load(struct settings *s, struct str text, struct buf *problems)
{
    char path[40];
    int fd = memfd_create("settings", MFD_CLOEXEC);
    if (fd < 0 || write(fd, text.p, text.n) != (ssize_t)text.n) abort();
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    struct settings_source from = {.file = path};
    bool ok = settings_load(s, &from, problems) == ERR_OK;
    close(fd);
    return ok;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct settings s, again;
    struct buf problems, conf;
    buf_init(&problems, 1 << 20);
    buf_init(&conf, 1 << 20);
    bool ok = load(&s, str_make((const char *)data, size), &problems);
    if (ok != (problems.n == 0 && buf_ok(&problems))) abort();
    if (!str_is_utf8(buf_str(&problems)) && str_is_utf8(str_make((const char *)data, size)) && size < 200) abort();
    if (ok) {
        settings_print_conf(&conf, &s);
        if (!load(&again, buf_str(&conf), &problems)) abort();
        settings_release(&again);
    }
    settings_release(&s);
    buf_release(&problems);
    buf_release(&conf);
    return 0;
}
