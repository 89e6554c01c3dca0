#include "main/web.h"

#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "base/log.h"

const struct str web_instead = STR(
    "This is Rookery, a chat server that speaks the Matrix protocol.\n\n"
    "Choose this address as the homeserver in any Matrix client, and register there or log in.\n\n"
    "A web client can be served right here, but is not: who runs this server builds it with `make web` in the checkout (Node.js and npm "
    "are needed), and installs it with `make install` or names its folder in the setting web.path.\n");

/* From the folder of the program: PREFIX/bin, or build/release in a checkout. */
static const char *const places[] = {"../share/rookery/web", "../../web/dist"};

static bool program_folder(char *out, size_t size)
{
    ssize_t n = readlink("/proc/self/exe", out, size - 1);
    if (n <= 0) return false;
    out[n] = 0;
    char *slash = strrchr(out, '/');
    if (slash) *slash = 0;
    return slash != NULL;
}

/* Where it is found by itself; false when it is nowhere. */
static bool find(char *out, size_t size)
{
    char program[PATH_MAX], index[PATH_MAX + 64];
    if (!program_folder(program, sizeof program)) return false;
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        int n = snprintf(out, size, "%s/%s", program, places[i]);
        snprintf(index, sizeof index, "%.*s/index.html", n, out);
        if (n > 0 && (size_t)n < size && access(index, R_OK) == 0) return true;
    }
    return false;
}

enum err web_read(struct site *s, const struct settings *set, struct fault *f)
{
    char found[PATH_MAX];
    const char *folder = set->web.path;
    struct site_size size;
    struct fault why = {0};
    if (!*folder) return fault_set(f, ERR_NOT_FOUND, "The setting web.path is empty.");
    if (str_is(str_c(folder), "auto")) {
        if (!find(found, sizeof found))
            return fault_set(f, ERR_NOT_FOUND, "`make web` builds it; the setting web.path can name its folder.");
        folder = found;
    }
    enum err e = site_read(s, folder, &size, &why);
    if (e != ERR_OK) return fault_set(f, e, "The folder %.100s of the setting web.path is not fit: %.80s.", folder, why.text);
    log_event(LOG_INFO, "main", "web client read", "folder=\"%s\" files=%zu bytes=%zu", folder, size.files, size.bytes);
    return ERR_OK;
}
