/* Thumbnails through real media workers: this program is its own worker, as rookery is. Images that are broken, enormous or not images at
 * all must cost their own request only; workers that die, hang or lie must not cost more. */
#include "engine/media/thumbnail.h"

#include <errno.h>
#include <fcntl.h>
#include <gd.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "contract/in_fiber.h"
#include "engine/media/image.h"
#include "engine/media/worker.h"

static struct arena arena;
static struct thumbnailer *thumbnailer;
static struct thumbnail_config config;

static void set_up(void)
{
    arena_init(&arena);
    config = thumbnail_defaults;
    /* Slow machines and sanitizers: what is not about time should not fail for it. */
    config.deadline_ms = 60000;
}

static void begin(void)
{
    thumbnailer = thumbnailer_new(&config);
}

static void end(void)
{
    thumbnailer_free(thumbnailer);
    arena_release(&arena);
}

/* --- images --- */

static struct str taken(void *p, int n)
{
    assert_non_null(p);
    struct str s = arena_str(&arena, str_make(p, (size_t)n));
    gdFree(p);
    return s;
}

static struct str encoded(gdImagePtr im, enum image_kind kind)
{
    int n = 0;
    void *p = NULL;
    if (kind == IMAGE_PNG) p = gdImagePngPtr(im, &n);
    if (kind == IMAGE_JPEG) p = gdImageJpegPtr(im, &n, 95);
    if (kind == IMAGE_WEBP) p = gdImageWebpPtrEx(im, &n, gdWebpLossless);
    if (kind == IMAGE_GIF) p = gdImageGifPtr(im, &n);
    gdImageDestroy(im);
    return taken(p, n);
}

/* Left half red, right half blue, top right corner green. */
static gdImagePtr quarters(int width, int height)
{
    gdImagePtr im = gdImageCreateTrueColor(width, height);
    gdImageFilledRectangle(im, 0, 0, width / 2 - 1, height - 1, 0xff0000);
    gdImageFilledRectangle(im, width / 2, 0, width - 1, height - 1, 0x0000ff);
    gdImageFilledRectangle(im, width / 2, 0, width - 1, height / 2 - 1, 0x00ff00);
    return im;
}

static struct str photo(enum image_kind kind, int width, int height)
{
    gdImagePtr im = quarters(width, height);
    if (kind == IMAGE_GIF) gdImageTrueColorToPalette(im, 0, 16);
    return encoded(im, kind);
}

static struct str noise(enum image_kind kind, int width, int height)
{
    gdImagePtr im = gdImageCreateTrueColor(width, height);
    uint32_t x = 1;
    for (int i = 0; i < width * height; i++) {
        x = x * 1664525 + 1013904223;
        gdImageSetPixel(im, i % width, i / width, (int)(x >> 8));
    }
    return encoded(im, kind);
}

static gdImagePtr decoded(struct str s, const char *type)
{
    void *p = (void *)(uintptr_t)s.p;
    gdImagePtr im = strcmp(type, "image/png") == 0 ? gdImageCreateFromPngPtr((int)s.n, p) : gdImageCreateFromJpegPtr((int)s.n, p);
    assert_non_null(im);
    return im;
}

static bool near(int pixel, int color)
{
    for (int shift = 0; shift < 24; shift += 8)
        if (abs((pixel >> shift & 255) - (color >> shift & 255)) > 12) return false;
    return true;
}

/* --- calls --- */

struct result {
    enum err err;
    struct str out, type;
    struct fault fault;
};

static struct result make(struct str image, unsigned width, unsigned height, bool crop)
{
    struct result r = {0};
    r.err = thumbnail_make(thumbnailer, image, width, height, crop, &arena, &r.out, &r.type, &r.fault);
    assert_int_equal(r.fault.code, r.err);
    return r;
}

static gdImagePtr thumbnail(struct str image, unsigned width, unsigned height, bool crop, const char *type)
{
    struct result r = make(image, width, height, crop);
    assert_int_equal(r.err, ERR_OK);
    assert_true(str_is(r.type, type));
    return decoded(r.out, type);
}

static void works(void)
{
    gdImageDestroy(thumbnail(photo(IMAGE_PNG, 200, 100), 32, 32, true, "image/jpeg"));
}

static void refused(struct str image, enum err expected)
{
    struct result r = make(image, 32, 32, true);
    assert_int_equal(r.err, expected);
    assert_true(strlen(r.fault.text) > 10);
}

/* --- what it makes --- */

static void every_kind(void)
{
    begin();
    for (enum image_kind kind = IMAGE_PNG; kind <= IMAGE_WEBP; kind++) {
        struct str image = photo(kind, 640, 400);
        gdImagePtr im = thumbnail(image, 160, 50, false, "image/jpeg");
        assert_int_equal(gdImageSX(im), 160);
        assert_int_equal(gdImageSY(im), 100);
        assert_true(near(gdImageGetTrueColorPixel(im, 20, 50), 0xff0000));
        assert_true(near(gdImageGetTrueColorPixel(im, 120, 80), 0x0000ff));
        assert_true(near(gdImageGetTrueColorPixel(im, 120, 20), 0x00ff00));
        gdImageDestroy(im);
        im = thumbnail(image, 96, 96, true, "image/jpeg");
        assert_int_equal(gdImageSX(im), 96);
        assert_int_equal(gdImageSY(im), 96);
        gdImageDestroy(im);
        struct result r = make(image, 640, 480, false);
        assert_true(r.err == ERR_OK && r.out.p == image.p && r.out.n == image.n && str_eq(r.type, image_type(kind)));
    }
    struct thumbnail_stats s;
    thumbnailer_stats(thumbnailer, &s);
    assert_int_equal(s.made, 12);
    assert_int_equal(s.processes_started, 1);
    assert_int_equal(s.failed + s.refused + s.waiting + s.busy, 0);
    end();
}

static void transparency(void)
{
    begin();
    for (enum image_kind kind = IMAGE_PNG; kind <= IMAGE_WEBP; kind++) {
        if (kind == IMAGE_JPEG) continue;
        gdImagePtr im = quarters(200, 200);
        gdImageSaveAlpha(im, 1);
        gdImageAlphaBlending(im, 0);
        gdImageFilledRectangle(im, 0, 0, 99, 199, gdTrueColorAlpha(0, 0, 0, 127));
        if (kind == IMAGE_GIF) {
            im = (gdImageDestroy(im), quarters(200, 200));
            gdImageTrueColorToPalette(im, 0, 16);
            gdImageColorTransparent(im, gdImageGetPixel(im, 10, 10));
        }
        gdImagePtr small = thumbnail(encoded(im, kind), 50, 50, false, "image/png");
        assert_int_equal(gdTrueColorGetAlpha(gdImageGetTrueColorPixel(small, 10, 10)), 127);
        assert_int_equal(gdTrueColorGetAlpha(gdImageGetTrueColorPixel(small, 40, 40)), 0);
        assert_true(near(gdImageGetTrueColorPixel(small, 40, 40), 0x0000ff));
        gdImageDestroy(small);
    }
    /* A transparent color of a PNG without alpha channel. */
    gdImagePtr im = quarters(200, 200);
    gdImageColorTransparent(im, 0x0000ff);
    gdImagePtr small = thumbnail(encoded(im, IMAGE_PNG), 50, 50, false, "image/png");
    assert_int_equal(gdTrueColorGetAlpha(gdImageGetTrueColorPixel(small, 40, 40)), 127);
    gdImageDestroy(small);
    end();
}

static struct str with_orientation(struct str jpeg, char orientation)
{
    char segment[] = "\xff\xe1\0\x22"
                     "Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0?\0\0\0\0\0\0";
    segment[28] = orientation;
    return arena_join(&arena, str_first(jpeg, 2), str_make(segment, 36), str_from(jpeg, 2));
}

static void turned_upright(void)
{
    begin();
    struct str jpeg = photo(IMAGE_JPEG, 600, 300); /* red left, green top right, blue bottom right */
    static const struct {
        int left_top, right_top, left_bottom;
    } corners[] = {{0xff0000, 0x00ff00, 0xff0000}, {0x00ff00, 0xff0000, 0x0000ff}, {0x0000ff, 0xff0000, 0x00ff00},
                   {0xff0000, 0x0000ff, 0xff0000}, {0xff0000, 0xff0000, 0x00ff00}, {0xff0000, 0xff0000, 0x0000ff},
                   {0x0000ff, 0x00ff00, 0xff0000}, {0x00ff00, 0x0000ff, 0xff0000}};
    for (char o = 1; o <= 8; o++) {
        bool swap = o >= 5;
        gdImagePtr im = thumbnail(with_orientation(jpeg, o), swap ? 50 : 100, swap ? 100 : 50, false, "image/jpeg");
        int w = gdImageSX(im), h = gdImageSY(im);
        assert_int_equal(w, swap ? 50 : 100);
        assert_int_equal(h, swap ? 100 : 50);
        assert_true(near(gdImageGetTrueColorPixel(im, 8, 8), corners[o - 1].left_top));
        assert_true(near(gdImageGetTrueColorPixel(im, w - 9, 8), corners[o - 1].right_top));
        assert_true(near(gdImageGetTrueColorPixel(im, 8, h - 9), corners[o - 1].left_bottom));
        gdImageDestroy(im);
    }
    end();
}

/* An animation of one frame, made from a still. */
static struct str animated(struct str still, int width, int height)
{
    struct buf b;
    buf_init(&b, 1 << 20);
    size_t picture = still.n - 12;
    buf_add(&b, STR("RIFF????WEBPVP8X\x0a\0\0\0\x02\0\0\0"));
    buf_printf(&b, "%c%c%c%c%c%c", (width - 1) & 255, (width - 1) >> 8, 0, (height - 1) & 255, (height - 1) >> 8, 0);
    buf_add(&b, STR("ANIM\x06\0\0\0\xff\xff\xff\xff\0\0ANMF"));
    buf_printf(&b, "%c%c%c%c", (int)(picture + 16) & 255, (int)(picture + 16) >> 8 & 255, 0, 0);
    buf_printf(&b, "%c%c%c%c%c%c", 0, 0, 0, 0, 0, 0);
    buf_printf(&b, "%c%c%c%c%c%c", (width - 1) & 255, (width - 1) >> 8, 0, (height - 1) & 255, (height - 1) >> 8, 0);
    buf_printf(&b, "%c%c%c%c", 100, 0, 0, 0);
    buf_add(&b, str_from(still, 12));
    struct str s = arena_str(&arena, buf_str(&b));
    buf_release(&b);
    return s;
}

static void animated_webp(void)
{
    begin();
    gdImagePtr im = thumbnail(animated(photo(IMAGE_WEBP, 300, 200), 300, 200), 30, 20, false, "image/jpeg");
    assert_int_equal(gdImageSX(im), 30);
    assert_true(near(gdImageGetTrueColorPixel(im, 5, 5), 0xff0000));
    assert_true(near(gdImageGetTrueColorPixel(im, 25, 5), 0x00ff00));
    gdImageDestroy(im);
    struct str small = animated(photo(IMAGE_WEBP, 20, 20), 20, 20);
    struct result r = make(small, 32, 32, true);
    assert_true(r.err == ERR_OK && r.out.p == small.p && str_is(r.type, "image/webp"));
    end();
}

static void standard_sizes(void)
{
    static const unsigned cases[][5] = {{1, 1, 1, 32, 32},     {32, 32, 1, 32, 32},     {33, 33, 1, 96, 96},        {97, 97, 1, 97, 97},
                                        {40, 20, 1, 40, 20},   {1, 1, 0, 320, 240},     {320, 240, 0, 320, 240},    {320, 241, 0, 640, 480},
                                        {800, 1, 0, 800, 600}, {801, 600, 0, 801, 600}, {2048, 2048, 0, 2048, 2048}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        unsigned w = cases[i][0], h = cases[i][1];
        thumbnail_standard(&w, &h, cases[i][2]);
        assert_int_equal(w, cases[i][3]);
        assert_int_equal(h, cases[i][4]);
    }
    begin();
    struct str image = photo(IMAGE_PNG, 100, 100);
    assert_int_equal(make(image, 0, 32, true).err, ERR_INVALID_PARAM);
    assert_int_equal(make(image, 32, 0, false).err, ERR_INVALID_PARAM);
    assert_int_equal(make(image, THUMBNAIL_SIDE_MAX + 1, 32, true).err, ERR_INVALID_PARAM);
    end();
}

/* --- what it refuses --- */

static void no_images(void)
{
    begin();
    refused(STR(""), ERR_UNKNOWN);
    refused(STR("<svg xmlns='http://www.w3.org/2000/svg'/>"), ERR_UNKNOWN);
    refused(STR("\x89PNG\r\n\x1a\n"), ERR_UNKNOWN);
    refused(str_make(arena_zero(&arena, 3000000), 3000000), ERR_UNKNOWN);
    works();
    struct thumbnail_stats s;
    thumbnailer_stats(thumbnailer, &s);
    assert_int_equal(s.processes_started, 1);
    assert_int_equal(s.refused, 4);
    end();
}

static void truncated(void)
{
    begin();
    for (enum image_kind kind = IMAGE_PNG; kind <= IMAGE_WEBP; kind++) {
        gdImagePtr im = gdImageCreateFromPngPtr((int)noise(IMAGE_PNG, 100, 80).n, (void *)(uintptr_t)noise(IMAGE_PNG, 100, 80).p);
        if (kind == IMAGE_GIF) gdImageTrueColorToPalette(im, 0, 256);
        struct str whole = encoded(im, kind);
        assert_int_equal(make(whole, 32, 32, true).err, ERR_OK);
        for (size_t part = 1; part < 10; part++)
            refused(str_first(whole, whole.n * part / 10), ERR_UNKNOWN);
        if (kind != IMAGE_GIF) refused(str_first(whole, whole.n - 2), ERR_UNKNOWN);
    }
    works();
    end();
}

/* Bytes flipped anywhere: an answer each time, and the next image is not harmed. */
static void mutated(void)
{
    begin();
    uint32_t x = 7;
    unsigned broken = 0;
    for (enum image_kind kind = IMAGE_PNG; kind <= IMAGE_WEBP; kind++) {
        struct str whole = photo(kind, 120, 90);
        for (int i = 0; i < 60; i++) {
            char *copy = arena_cstr(&arena, whole);
            for (int j = 0; j < 3; j++) {
                x = x * 1664525 + 1013904223;
                copy[(x >> 8) % whole.n] = (char)(x >> 24);
            }
            struct result r = make(str_make(copy, whole.n), 32, 32, true);
            assert_true(r.err == ERR_OK || r.err == ERR_UNKNOWN || r.err == ERR_TOO_LARGE);
            broken += r.err != ERR_OK;
        }
    }
    assert_true(broken > 30);
    works();
    end();
}

static void bombs(void)
{
    config.max_pixels = 1000000;
    begin();
    refused(photo(IMAGE_PNG, 1001, 1000), ERR_TOO_LARGE);
    assert_int_equal(make(photo(IMAGE_PNG, 1000, 1000), 32, 32, true).err, ERR_OK);
    /* Small files that say that they are enormous. */
    struct str png = photo(IMAGE_PNG, 10, 10);
    char *huge = arena_cstr(&arena, png);
    memcpy(huge + 16, "\0\0\xff\xff\0\0\xff\xff", 8);
    refused(str_make(huge, png.n), ERR_TOO_LARGE);
    memcpy(huge + 16, "\x7f\xff\xff\xff\x7f\xff\xff\xff", 8);
    refused(str_make(huge, png.n), ERR_TOO_LARGE);
    /* A frame beyond its screen: what the decoder makes room for is what counts. */
    refused(STR("GIF89a\x01\0\x01\0\0\0\0,\0\0\0\0\x60\xea\x60\xea\0\x02\x02\x44\x01\0;"), ERR_TOO_LARGE);
    /* A picture inside of an animation that is larger than the canvas. */
    struct str still = photo(IMAGE_WEBP, 2000, 1000);
    refused(animated(still, 10, 10), ERR_UNKNOWN);
    works();
    struct thumbnail_stats s;
    thumbnailer_stats(thumbnailer, &s);
    assert_int_equal(s.processes_started, 1);
    end();
}

/* --- workers that misbehave --- */

static char script[] = "/tmp/rookery-worker-XXXXXX";

/* A program in the worker's place. */
static void worker_is(const char *text)
{
    snprintf(script, sizeof script, "/tmp/rookery-worker-XXXXXX");
    int fd = mkstemp(script);
    assert_true(fd >= 0);
    dprintf(fd, "#!/bin/sh\n%s\n", text);
    fchmod(fd, 0700);
    close(fd);
    config.program = script;
}

static void hangs(void)
{
    worker_is("exec sleep 1000");
    config.deadline_ms = 300;
    begin();
    struct str image = photo(IMAGE_PNG, 100, 100);
    int64_t before = clock_mono_us(&clock_system);
    refused(image, ERR_UNKNOWN);
    refused(image, ERR_UNKNOWN);
    int64_t took = clock_mono_us(&clock_system) - before;
    assert_true(took >= 600000 && took < 5000000);
    struct thumbnail_stats s;
    thumbnailer_stats(thumbnailer, &s);
    assert_int_equal(s.failed, 2);
    assert_int_equal(s.processes_started, 2);
    end();
    unlink(script);
}

static void dies_or_lies(void)
{
    static const char *const scripts[] = {
        "exit 1",
        "kill -9 $$",
        "head -c 40 >/dev/null; exit 0",
        "printf 'this is no reply, but it is long enough to be read as one'; cat >/dev/null",
        /* OK with a length, a kind, and bytes that are not of this kind */
        "printf 'adem\\0\\0\\0\\0\\002\\0\\0\\0\\0\\0\\0\\0\\005\\0\\0\\0\\0\\0\\0\\0hello'; cat >/dev/null",
        /* the same with an image, but of another kind than it says */
        "printf 'adem\\0\\0\\0\\0\\002\\0\\0\\0\\0\\0\\0\\0\\035\\0\\0\\0\\0\\0\\0\\0"
        "GIF89a\\001\\0\\001\\0\\0\\0\\0,\\0\\0\\0\\0\\001\\0\\001\\0\\0\\002\\002\\104\\001\\0;'; cat >/dev/null",
        /* OK with four thousand million bytes to come */
        "printf 'adem\\0\\0\\0\\0\\002\\0\\0\\0\\0\\0\\0\\0\\377\\377\\377\\377\\0\\0\\0\\0hello'; cat >/dev/null",
        /* a status that there is not */
        "printf 'adem\\011\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0'; cat >/dev/null",
    };
    for (size_t i = 0; i < sizeof scripts / sizeof scripts[0]; i++) {
        worker_is(scripts[i]);
        begin();
        refused(noise(IMAGE_PNG, 300, 300), ERR_UNKNOWN);
        thumbnailer_free(thumbnailer);
        unlink(script);
    }
    config.program = NULL;
    begin();
    works();
    end();
}

static void cannot_be_started(void)
{
    config.program = "/nonexistent/rookery";
    begin();
    struct result r = make(photo(IMAGE_PNG, 100, 100), 32, 32, true);
    assert_int_equal(r.err, ERR_UNAVAILABLE);
    assert_true(r.fault.retry_ms > 0);
    end();
}

static void killed_while_idle(void)
{
    config.workers = 1;
    worker_is("echo $$ >$0.pid; exec /proc/$PPID/exe media-worker");
    begin();
    works();
    char name[100], text[20] = {0};
    snprintf(name, sizeof name, "%s.pid", script);
    int fd = open(name, O_RDONLY);
    assert_true(fd >= 0 && read(fd, text, sizeof text - 1) > 0);
    close(fd);
    assert_int_equal(kill((pid_t)strtol(text, NULL, 10), SIGKILL), 0);
    works(); /* nobody notices */
    struct thumbnail_stats s;
    thumbnailer_stats(thumbnailer, &s);
    assert_int_equal(s.processes_started, 2);
    assert_int_equal(s.failed, 0);
    end();
    unlink(script);
    unlink(name);
}

static void ends_when_idle(void)
{
    config.idle_ms = 200;
    begin();
    works();
    fiber_sleep_ms(1500);
    works();
    struct thumbnail_stats s;
    thumbnailer_stats(thumbnailer, &s);
    assert_int_equal(s.processes_started, 2);
    end();
}

/* --- many at once --- */

static unsigned running, ok, busy;
static struct fiber *waiting;
static struct str shared_image;

static void one_of_many(void *arg)
{
    (void)arg;
    struct arena a;
    struct str out, type;
    arena_init(&a);
    enum err e = thumbnail_make(thumbnailer, shared_image, 32, 32, true, &a, &out, &type, NULL);
    ok += e == ERR_OK;
    busy += e == ERR_UNAVAILABLE;
    arena_release(&a);
    if (--running == 0) fiber_wake(waiting);
}

static void many_at_once(void)
{
    config.queue = 20;
    begin();
    shared_image = noise(IMAGE_JPEG, 1200, 900);
    waiting = fiber_current();
    running = 50;
    ok = busy = 0;
    for (int i = 0; i < 50; i++)
        fiber_spawn(one_of_many, NULL);
    while (running)
        fiber_park();
    assert_int_equal(ok + busy, 50);
    assert_true(ok >= 20 && busy >= 10);
    struct thumbnail_stats s;
    thumbnailer_stats(thumbnailer, &s);
    assert_int_equal(s.processes_started, 2);
    assert_int_equal(s.made, ok);
    works();
    end();
}

/* --- the sandbox --- */

static char *inherited; /* a page from before */

static void do_nothing(void) {}
static void do_allowed(void)
{
    char byte;
    void *p = malloc(10 << 20);
    if (!p || read(0, &byte, 1) != 0 || write(1, "", 0) != 0) _exit(9);
    memset(p, 1, 10 << 20);
    free(p);
}
static void do_open(void)
{
    syscall(SYS_openat, AT_FDCWD, "/etc/passwd", O_RDONLY);
}
static void do_socket(void)
{
    syscall(SYS_socket, AF_INET, SOCK_STREAM, 0);
}
static void do_fork(void)
{
    syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
}
static void do_exec(void)
{
    syscall(SYS_execve, "/bin/true", NULL, NULL);
}
static void do_kill(void)
{
    syscall(SYS_kill, getppid(), 0);
}
static void do_ptrace(void)
{
    syscall(SYS_ptrace, 0, 0, 0, 0);
}
static void do_unlink(void)
{
    syscall(SYS_unlink, "/tmp/x");
}
static void do_write_elsewhere(void)
{
    syscall(SYS_write, 5, "x", 1);
}
static void do_read_elsewhere(void)
{
    syscall(SYS_read, 5, &inherited, 1);
}
static void do_executable(void)
{
    syscall(SYS_mprotect, inherited, 4096, PROT_READ | PROT_EXEC);
}
static void do_map_executable(void)
{
    syscall(SYS_mmap, NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}
static void do_raise_limits(void)
{
    syscall(SYS_prlimit64, 0, 7, NULL, &inherited);
}
static void do_spin(void)
{
    for (volatile unsigned i = 0;; i++) {
    }
}

static int sandboxed(void (*act)(void))
{
    const char *why;
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        int nothing = open("/dev/null", O_RDWR);
        dup2(nothing, 0);
        dup2(nothing, 5);
        if (!confine_user(&why) || (geteuid() == 0) || !confine_process(64 << 20, 1, &why)) _exit(3);
        act();
        syscall(SYS_exit_group, 0);
    }
    int status;
    assert_true(waitpid(child, &status, 0) == child);
    return WIFSIGNALED(status) ? WTERMSIG(status) : 1000 + WEXITSTATUS(status);
}

static void sandbox(void **state)
{
    (void)state;
    static void (*const forbidden[])(void) = {do_open,           do_socket,     do_fork,           do_exec,
                                              do_kill,           do_ptrace,     do_unlink,         do_write_elsewhere,
                                              do_read_elsewhere, do_executable, do_map_executable, do_raise_limits};
    inherited = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_int_equal(sandboxed(do_nothing), 1000);
    assert_int_equal(sandboxed(do_allowed), 1000);
    for (size_t i = 0; i < sizeof forbidden / sizeof forbidden[0]; i++)
        if (sandboxed(forbidden[i]) != SIGSYS) fail_msg("call %zu was not stopped", i);
    int end_of_spin = sandboxed(do_spin);
    assert_true(end_of_spin == SIGXCPU || end_of_spin == SIGKILL);
    munmap(inherited, 4096);
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
static void do_allocate(void)
{
    if (mmap(NULL, 100 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED) _exit(9);
}

static void memory_is_bounded(void **state)
{
    (void)state;
    assert_int_equal(sandboxed(do_allocate), 1000);
}
#else
static void memory_is_bounded(void **state)
{
    (void)state;
    skip(); /* the sanitizers need more than any bound */
}
#endif

static void run_in_fiber(void **state)
{
    set_up();
    in_fiber((void (*)(void))(uintptr_t)*state);
}

#define IN_FIBER(f)                                                                                                                        \
    {                                                                                                                                      \
#f, run_in_fiber, NULL, NULL, (void *)(uintptr_t)f                                                                                 \
    }

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "media-worker") == 0) return media_worker_main();
    const struct CMUnitTest tests[] = {
        IN_FIBER(every_kind),
        IN_FIBER(transparency),
        IN_FIBER(turned_upright),
        IN_FIBER(animated_webp),
        IN_FIBER(standard_sizes),
        IN_FIBER(no_images),
        IN_FIBER(truncated),
        IN_FIBER(mutated),
        IN_FIBER(bombs),
        IN_FIBER(hangs),
        IN_FIBER(dies_or_lies),
        IN_FIBER(cannot_be_started),
        IN_FIBER(killed_while_idle),
        IN_FIBER(ends_when_idle),
        IN_FIBER(many_at_once),
        cmocka_unit_test(sandbox),
        cmocka_unit_test(memory_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
