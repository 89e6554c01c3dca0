/* Addresses of services, as an administrator writes them. */
#include <stdlib.h>

#include "base/url.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    struct url u;
    struct fault f = {0};
    enum err e = url_parse(str_make((const char *)data, size), &u, &f);
    if (e == ERR_OK ? !u.host[0] || !u.scheme[0] : !f.text[0]) abort();
    return 0;
}
