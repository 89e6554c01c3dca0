/* Base64: any bytes survive encoding and decoding, in both alphabets; any text that decodes has exactly one encoding of its
 * bytes, which differs from the text at most in padding and in the last letter. */
#include <stdlib.h>

#include "crypto/crypto.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static void must(bool ok)
{
    if (!ok) abort();
}

static void check_bytes(struct arena *a, struct str bytes, bool url_safe)
{
    struct str text = base64_encode(a, bytes, url_safe), back;
    must(text.n == (bytes.n * 4 + 2) / 3);
    must(base64_decode(a, text, url_safe, &back) && str_eq(bytes, back));
}

static void check_text(struct arena *a, struct str text, bool url_safe)
{
    struct str bytes;
    if (!base64_decode(a, text, url_safe, &bytes)) return;
    struct str again = base64_encode(a, bytes, url_safe);
    must(again.n <= text.n && text.n - again.n <= 2);
    must(again.n == 0 || memcmp(again.p, text.p, again.n - 1) == 0);
    if (bytes.n % 3 == 0) must(str_eq(again, text));
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    struct arena a = {0};
    struct str in = str_make((const char *)data, size);
    for (int url_safe = 0; url_safe < 2; url_safe++) {
        check_bytes(&a, in, url_safe);
        check_text(&a, in, url_safe);
    }
    arena_release(&a);
    return 0;
}
