/* What is read of images before they are decoded, and the arithmetic of scaling. */
#include "engine/media/image.h"

#include <gd.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/arena.h"
#include "engine/media/scale.h"

static struct arena arena;

static int set_up(void **state)
{
    (void)state;
    arena_init(&arena);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_release(&arena);
    return 0;
}

/* --- probing --- */

static struct str made(enum image_kind kind, int width, int height)
{
    int n = 0;
    void *p = NULL;
    gdImagePtr im = gdImageCreateTrueColor(width, height);
    if (kind == IMAGE_PNG) p = gdImagePngPtr(im, &n);
    if (kind == IMAGE_JPEG) p = gdImageJpegPtr(im, &n, 80);
    if (kind == IMAGE_WEBP) p = gdImageWebpPtr(im, &n);
    if (kind == IMAGE_GIF) {
        gdImageTrueColorToPalette(im, 0, 16);
        p = gdImageGifPtr(im, &n);
    }
    struct str s = arena_str(&arena, str_make(p, (size_t)n));
    gdFree(p);
    gdImageDestroy(im);
    return s;
}

static void dimensions(void **state)
{
    (void)state;
    for (enum image_kind kind = IMAGE_PNG; kind <= IMAGE_WEBP; kind++) {
        struct image_info info;
        assert_true(image_probe(made(kind, 301, 77), &info));
        assert_int_equal(info.kind, kind);
        assert_int_equal(info.width, 301);
        assert_int_equal(info.height, 77);
        assert_int_equal(info.orientation, 1);
        assert_false(info.cut_short || info.animated);
    }
    assert_true(str_is(image_type(IMAGE_WEBP), "image/webp"));
    assert_true(str_is(image_type(IMAGE_NONE), "application/octet-stream"));
}

static void webp_forms(void **state)
{
    (void)state;
    struct image_info info;
    gdImagePtr im = gdImageCreateTrueColor(301, 77);
    int n = 0;
    void *p = gdImageWebpPtrEx(im, &n, gdWebpLossless);
    assert_true(image_probe(str_make(p, (size_t)n), &info));
    assert_int_equal(info.width * 1000 + info.height, 301077);
    gdFree(p);
    gdImageDestroy(im);
    /* Extended and animated: the canvas counts. */
    struct str canvas = STR("RIFF\x16\0\0\0WEBPVP8X\x0a\0\0\0\x02\0\0\0\x2c\x01\0\x4c\0\0");
    assert_true(image_probe(canvas, &info));
    assert_int_equal(info.width * 1000 + info.height, 301077);
    assert_true(info.animated);
}

static void every_truncation(void **state)
{
    (void)state;
    for (enum image_kind kind = IMAGE_PNG; kind <= IMAGE_WEBP; kind++) {
        struct str whole = made(kind, 40, 30);
        for (size_t n = 0; n < whole.n; n++) {
            struct image_info info;
            char *copy = mem_alloc(n); /* so that ASan sees a read beyond */
            memcpy(copy, whole.p, n);
            bool ok = image_probe(str_make(copy, n), &info);
            if (ok && kind == IMAGE_JPEG) assert_true(info.cut_short);
            if (ok && kind == IMAGE_GIF && n + 1 < whole.n) assert_true(info.cut_short); /* its last byte is only a trailer */
            mem_free(copy);
        }
    }
}

static void not_images(void **state)
{
    (void)state;
    struct image_info info;
    static const char *const texts[] = {"", "<svg/>", "GIF90a", "\x89PNG", "\xff\xd8", "RIFF1234WAVE", "%PDF-1.4", "BM"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        assert_false(image_probe(str_c(texts[i]), &info));
        assert_int_equal(info.kind, IMAGE_NONE);
    }
    /* A picture of no size is none. */
    char png[33];
    memcpy(png, "\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\0\0\0\0\1\b\2\0\0\0....", sizeof png);
    assert_false(image_probe(str_make(png, sizeof png), &info));
    png[19] = 1;
    assert_true(image_probe(str_make(png, sizeof png), &info));
}

static void gif_frame_beyond_its_screen(void **state)
{
    (void)state;
    struct image_info info;
    struct str s = STR("GIF89a\x01\0\x01\0\0\0\0" /* a screen of 1 x 1 */
                       "!\xf9\x04\0\0\0\0\0!\xfe\x03"
                       "abc\x02"
                       "de\0"                                     /* two extensions */
                       ",\0\0\0\0\0\x60\0\x50\0\x02\x01\x44\0;"); /* a frame of 24576 x 20480 */
    assert_true(image_probe(s, &info));
    assert_int_equal(info.width, 0x6000);
    assert_int_equal(info.height, 0x5000);
}

/* --- EXIF --- */

static struct str exif(bool big, unsigned tag, unsigned type, unsigned count, unsigned value)
{
    struct buf b;
    buf_init(&b, 100);
    buf_add(&b, big ? STR("Exif\0\0MM\0*\0\0\0\x08\0\x01") : STR("Exif\0\0II*\0\x08\0\0\0\x01\0"));
    if (big)
        buf_printf(&b, "%c%c%c%c%c%c%c%c%c%c%c%c", tag >> 8, tag, type >> 8, type, 0, 0, 0, count, value >> 8, value, 0, 0);
    else
        buf_printf(&b, "%c%c%c%c%c%c%c%c%c%c%c%c", tag, tag >> 8, type, type >> 8, count, 0, 0, 0, value, value >> 8, 0, 0);
    struct str s = arena_str(&arena, buf_str(&b));
    buf_release(&b);
    return s;
}

static void exif_values(void **state)
{
    (void)state;
    for (int big = 0; big < 2; big++) {
        for (unsigned o = 1; o <= 8; o++)
            assert_int_equal(exif_orientation(exif(big, 0x112, 3, 1, o)), o);
        assert_int_equal(exif_orientation(exif(big, 0x112, 3, 1, 0)), 0);
        assert_int_equal(exif_orientation(exif(big, 0x112, 3, 1, 9)), 0);
        assert_int_equal(exif_orientation(exif(big, 0x112, 3, 2, 6)), 0);
        assert_int_equal(exif_orientation(exif(big, 0x112, 4, 1, 6)), 0);
        assert_int_equal(exif_orientation(exif(big, 0x111, 3, 1, 6)), 0);
        struct str whole = exif(big, 0x112, 3, 1, 6);
        for (size_t n = 0; n < whole.n; n++)
            assert_int_equal(exif_orientation(str_first(whole, n)), 0);
    }
    assert_int_equal(exif_orientation(STR("Exif\0\0MM\0*\xff\xff\xff\xff\0\x01")), 0);
    assert_int_equal(exif_orientation(STR("http://ns.adobe.com/xap/1.0/\0")), 0);
}

static void exif_in_a_jpeg(void **state)
{
    (void)state;
    struct str jpeg = made(IMAGE_JPEG, 20, 10), content = exif(true, 0x112, 3, 1, 6);
    char head[4] = {'\xff', '\xe1', 0, (char)(content.n + 2)};
    struct str segment = arena_join(&arena, str_make(head, 4), content, STR(""));
    struct image_info info;
    assert_true(image_probe(arena_join(&arena, str_first(jpeg, 2), segment, str_from(jpeg, 2)), &info));
    assert_int_equal(info.orientation, 6);
    assert_int_equal(info.width, 20);
    assert_false(info.cut_short);
    /* Two of them: the first counts. Bytes between segments are no reason to stop. */
    struct str other = arena_join(&arena, STR("\xff\xe1\0\x22"), exif(true, 0x112, 3, 1, 3), STR("\xff\xff"));
    other = arena_join(&arena, segment, STR("junk"), other);
    assert_true(image_probe(arena_join(&arena, str_first(jpeg, 2), other, str_from(jpeg, 2)), &info));
    assert_int_equal(info.orientation, 6);
    assert_int_equal(info.height, 10);
}

/* --- plans --- */

static void plan(uint32_t w, uint32_t h, uint32_t want_w, uint32_t want_h, bool crop, const char *expected)
{
    struct scale_plan p;
    char text[100] = "itself";
    if (scale_plan(w, h, want_w, want_h, crop, &p))
        snprintf(text, sizeof text, "%u,%u %ux%u -> %ux%u", p.x, p.y, p.width, p.height, p.out_width, p.out_height);
    assert_string_equal(text, expected);
}

static void plans(void **state)
{
    (void)state;
    plan(1600, 1200, 320, 240, false, "0,0 1600x1200 -> 320x240");
    plan(1000, 500, 320, 240, false, "0,0 1000x500 -> 480x240");
    plan(500, 1000, 320, 240, false, "0,0 500x1000 -> 320x640");
    plan(320, 240, 320, 240, false, "itself");
    plan(100, 1000, 320, 240, false, "itself");
    plan(1000, 100, 320, 240, false, "itself");
    plan(1, 1, 1, 1, false, "itself");
    plan(32767, 32767, 1, 1, false, "0,0 32767x32767 -> 1x1");
    plan(400, 200, 100, 100, true, "100,0 200x200 -> 100x100");
    plan(200, 400, 100, 100, true, "0,100 200x200 -> 100x100");
    plan(400, 200, 100, 20, true, "0,60 400x80 -> 100x20");
    plan(96, 96, 96, 96, true, "itself");
    plan(50, 60, 96, 96, true, "itself");
    plan(1000, 50, 96, 96, true, "452,0 96x50 -> 96x50");
    plan(50, 1000, 96, 96, true, "0,452 50x96 -> 50x96");
}

/* For every image and size: nothing enlarged, nothing outside, no side shorter than it must be. */
static void plans_hold(void **state)
{
    (void)state;
    static const uint32_t sides[] = {1, 2, 3, 31, 32, 33, 95, 96, 97, 240, 241, 799, 1000, 4001, 32767};
    enum { N = sizeof sides / sizeof sides[0] };
    for (unsigned i = 0; i < N * N * N * N * 2; i++) {
        uint32_t w = sides[i % N], h = sides[i / N % N], ww = sides[i / N / N % N], wh = sides[i / N / N / N % N];
        bool crop = i / N / N / N / N;
        struct scale_plan p;
        if (!scale_plan(w, h, ww, wh, crop, &p)) continue;
        assert_true(p.width <= w && p.x <= w - p.width && p.height <= h && p.y <= h - p.height);
        assert_true(p.out_width <= p.width && p.out_height <= p.height && p.out_width && p.out_height);
        if (crop)
            assert_true(p.out_width == (w < ww ? w : ww) && p.out_height == (h < wh ? h : wh));
        else
            assert_true(p.out_width >= ww && p.out_height >= wh && (p.out_width == ww || p.out_height == wh));
    }
}

/* --- pixels --- */

struct picture {
    uint32_t width;
    const int *pixels;
    uint32_t next; /* rows come in order */
};

static const int *picture_row(void *ctx, uint32_t y)
{
    struct picture *p = ctx;
    assert_true(y >= p->next);
    p->next = y + 1;
    return p->pixels + (size_t)y * p->width;
}

static void averages(void **state)
{
    (void)state;
    enum { T = 127 << 24 };
    static const int pixels[16] = {0xff0000, 0xff0000, 0x000000, 0xffffff,     0xff0000, 0xff0000, 0xffffff, 0x000000,
                                   T | 0xff, 0x00ff00, T,        T | 0xffffff, 0x00ff00, T,        T,        T};
    int out[4];
    struct picture p = {4, pixels, 0};
    scale_pixels(&(struct scale_plan){0, 0, 4, 4, 2, 2}, picture_row, &p, out);
    assert_int_equal(out[0], 0xff0000);
    assert_int_equal(out[1], 0x808080);
    assert_int_equal(out[2], 63 << 24 | 0x00ff00); /* half there, and not darkened by what is not */
    assert_int_equal(out[3], T);
    p.next = 0;
    int one;
    scale_pixels(&(struct scale_plan){0, 0, 4, 1, 1, 1}, picture_row, &p, &one);
    assert_int_equal(one, 0xbf4040);
    p.next = 0;
    int part[4];
    scale_pixels(&(struct scale_plan){1, 1, 2, 2, 2, 2}, picture_row, &p, part); /* a part, as it is */
    assert_int_equal(part[0], 0xff0000);
    assert_int_equal(part[1], 0xffffff);
    assert_int_equal(part[2], 0x00ff00);
    assert_int_equal(part[3], T);
}

static void fractions(void **state)
{
    (void)state;
    static const int pixels[3] = {0x000000, 0x0000ff, 0x000000};
    int out[2];
    struct picture p = {3, pixels, 0};
    scale_pixels(&(struct scale_plan){0, 0, 3, 1, 2, 1}, picture_row, &p, out);
    assert_int_equal(out[0], 85); /* 0.5 of 1.5 pixels */
    assert_int_equal(out[1], 85);
}

static void one_color_stays(void **state)
{
    (void)state;
    enum { SIDE = 211 };
    static int pixels[SIDE * SIDE], out[SIDE * SIDE];
    for (int i = 0; i < SIDE * SIDE; i++)
        pixels[i] = 0x12ab34;
    for (uint32_t side = 1; side <= SIDE; side += 7) {
        struct picture p = {SIDE, pixels, 0};
        scale_pixels(&(struct scale_plan){0, 0, SIDE, SIDE, side, SIDE - side + 1}, picture_row, &p, out);
        for (uint32_t i = 0; i < side * (SIDE - side + 1); i++)
            assert_int_equal(out[i], 0x12ab34);
    }
}

/* The letters of a picture ABC/DEF, stored in each way, read upright. */
static void orientations(void **state)
{
    (void)state;
    static const char *const stored[] = {"ABCDEF", "CBAFED", "FEDCBA", "DEFABC", "ADBECF", "CFBEAD", "FCEBDA", "DAEBFC"};
    for (unsigned o = 1; o <= 8; o++) {
        uint32_t w = scale_swaps(o) ? 2 : 3, h = scale_swaps(o) ? 3 : 2;
        char upright[7] = {0};
        for (uint32_t y = 0; y < 2; y++)
            for (uint32_t x = 0; x < 3; x++)
                upright[y * 3 + x] = stored[o - 1][scale_upright(o, w, h, x, y)];
        assert_string_equal(upright, "ABCDEF");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(dimensions, set_up, tear_down),
        cmocka_unit_test_setup_teardown(webp_forms, set_up, tear_down),
        cmocka_unit_test_setup_teardown(every_truncation, set_up, tear_down),
        cmocka_unit_test(not_images),
        cmocka_unit_test(gif_frame_beyond_its_screen),
        cmocka_unit_test_setup_teardown(exif_values, set_up, tear_down),
        cmocka_unit_test_setup_teardown(exif_in_a_jpeg, set_up, tear_down),
        cmocka_unit_test(plans),
        cmocka_unit_test(plans_hold),
        cmocka_unit_test(averages),
        cmocka_unit_test(fractions),
        cmocka_unit_test(one_color_stays),
        cmocka_unit_test(orientations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
