/* What is read of an image before a decoder sees it; with a first byte of 'E' the rest goes to the EXIF parser alone. */
#include "engine/media/image.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool ok)
{
    if (!ok) abort();
}

static void first_picture(struct str in)
{
    struct buf b;
    struct image_info info;
    buf_init(&b, 1 << 20);
    if (image_webp_first(in, &b) && image_probe(buf_str(&b), &info)) check(info.kind == IMAGE_WEBP && !info.animated);
    buf_release(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str in = str_make((const char *)data, size);
    struct image_info info;
    if (size && data[0] == 'E') {
        check(exif_orientation(str_from(in, 1)) <= 8);
    } else if (image_probe(in, &info)) {
        check(info.kind != IMAGE_NONE && info.width && info.height);
        check(info.orientation >= 1 && info.orientation <= 8);
        if (info.kind == IMAGE_WEBP) first_picture(in);
    }
    return 0;
}
