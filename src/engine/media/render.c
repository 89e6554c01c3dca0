#include "engine/media/render.h"

#include <dlfcn.h>
#include <gd.h>
#include <limits.h>

#include "engine/media/scale.h"

enum { JPEG_QUALITY = 85, PNG_LEVEL = 6 };

struct gd {
    __typeof__(gdSetErrorMethod) *set_error_method;
    __typeof__(gdImageCreateFromPngPtr) *from_png;
    __typeof__(gdImageCreateFromJpegPtr) *from_jpeg;
    __typeof__(gdImageCreateFromGifPtr) *from_gif;
    __typeof__(gdImageCreateFromWebpPtr) *from_webp;
    __typeof__(gdImageCreateTrueColor) *create;
    __typeof__(gdImageSaveAlpha) *save_alpha;
    __typeof__(gdImagePngPtrEx) *to_png;
    __typeof__(gdImageJpegPtr) *to_jpeg;
    __typeof__(gdImageDestroy) *destroy;
    __typeof__(gdFree) *free;
};

static void say_nothing(int priority, const char *format, va_list args)
{
    (void)priority;
    (void)format;
    (void)args;
}

const struct gd *gd_load(const char **why)
{
    /* Once per process, as the library itself; constant afterwards. */
    static struct gd gd;
    static const struct {
        const char *name;
        void *to;
    } functions[] = {
        {"gdSetErrorMethod", &gd.set_error_method},
        {"gdImageCreateFromPngPtr", &gd.from_png},
        {"gdImageCreateFromJpegPtr", &gd.from_jpeg},
        {"gdImageCreateFromGifPtr", &gd.from_gif},
        {"gdImageCreateFromWebpPtr", &gd.from_webp},
        {"gdImageCreateTrueColor", &gd.create},
        {"gdImageSaveAlpha", &gd.save_alpha},
        {"gdImagePngPtrEx", &gd.to_png},
        {"gdImageJpegPtr", &gd.to_jpeg},
        {"gdImageDestroy", &gd.destroy},
        {"gdFree", &gd.free},
    };
    /* All symbols now: in the sandbox no file can be opened any more. */
    void *library = dlopen("libgd.so.3", RTLD_NOW | RTLD_LOCAL);
    for (size_t i = 0; library && i < sizeof functions / sizeof functions[0]; i++) {
        void *f = dlsym(library, functions[i].name);
        if (!f) library = NULL;
        memcpy(functions[i].to, &f, sizeof f);
    }
    if (!library) {
        *why = dlerror();
        return NULL;
    }
    gd.set_error_method(say_nothing);
    return &gd;
}

/* --- decoding --- */

static gdImagePtr decode(const struct gd *gd, enum image_kind kind, struct str image)
{
    int n = (int)image.n;
    void *p = (void *)(uintptr_t)image.p; /* the functions only read */
    switch (kind) {
    case IMAGE_PNG:
        return gd->from_png(n, p);
    case IMAGE_JPEG:
        return gd->from_jpeg(n, p);
    case IMAGE_GIF:
        return gd->from_gif(n, p);
    case IMAGE_WEBP:
        return gd->from_webp(n, p);
    case IMAGE_NONE:
        break;
    }
    return NULL;
}

/* Rows of a decoded image, whatever its form, as true color with transparency. */
struct rows {
    gdImagePtr image;
    int color[gdMaxColors];
    int *line;
};

static void rows_init(struct rows *r, gdImagePtr image)
{
    r->image = image;
    r->line = mem_array((size_t)image->sx, sizeof *r->line);
    for (int i = 0; i < gdMaxColors; i++) {
        int alpha = i == image->transparent ? gdAlphaTransparent : image->alpha[i];
        r->color[i] = gdTrueColorAlpha(image->red[i], image->green[i], image->blue[i], alpha);
    }
}

static const int *rows_get(void *ctx, uint32_t y)
{
    struct rows *r = ctx;
    gdImagePtr im = r->image;
    if (im->trueColor && im->transparent < 0) return im->tpixels[y];
    for (int x = 0; x < im->sx; x++) {
        if (!im->trueColor)
            r->line[x] = r->color[im->pixels[y][x]];
        else /* a PNG may name one color that is transparent */
            r->line[x] = im->tpixels[y][x] == im->transparent ? gdAlphaTransparent << 24 : im->tpixels[y][x];
    }
    return r->line;
}

/* --- encoding --- */

/* An upright image of the pixels; NULL when there is no room for one. */
static gdImagePtr upright(const struct gd *gd, const int *pixels, const struct scale_plan *p, unsigned orientation)
{
    bool swap = scale_swaps(orientation);
    uint32_t width = swap ? p->out_height : p->out_width, height = swap ? p->out_width : p->out_height;
    gdImagePtr out = gd->create((int)width, (int)height);
    for (uint32_t y = 0; out && y < height; y++)
        for (uint32_t x = 0; x < width; x++)
            out->tpixels[y][x] = pixels[scale_upright(orientation, p->out_width, p->out_height, x, y)];
    return out;
}

static bool is_opaque(const int *pixels, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (gdTrueColorGetAlpha(pixels[i])) return false;
    return true;
}

static struct rendered encode(const struct gd *gd, gdImagePtr image, bool opaque)
{
    int n = 0;
    struct rendered r = {.status = MEDIA_BROKEN, .kind = opaque ? IMAGE_JPEG : IMAGE_PNG};
    gd->save_alpha(image, !opaque);
    r.bytes = opaque ? gd->to_jpeg(image, &n, JPEG_QUALITY) : gd->to_png(image, &n, PNG_LEVEL);
    if (!r.bytes) return r;
    r.n = (size_t)n;
    r.status = r.n <= MEDIA_REPLY_MAX ? MEDIA_OK : MEDIA_TOO_LARGE;
    return r;
}

static struct rendered scaled(const struct gd *gd, gdImagePtr image, const struct scale_plan *p, unsigned orientation)
{
    struct rendered r = {.status = MEDIA_BROKEN};
    struct rows rows;
    size_t n = (size_t)p->out_width * p->out_height;
    int *pixels = mem_array(n, sizeof *pixels);
    rows_init(&rows, image);
    scale_pixels(p, rows_get, &rows, pixels);
    mem_free(rows.line);
    gdImagePtr out = upright(gd, pixels, p, orientation);
    if (out) {
        r = encode(gd, out, is_opaque(pixels, n));
        gd->destroy(out);
    }
    mem_free(pixels);
    return r;
}

static bool too_large(const struct image_info *i, uint64_t max_pixels)
{
    return i->width > MEDIA_SIDE_MAX || i->height > MEDIA_SIDE_MAX || (uint64_t)i->width * i->height > max_pixels;
}

static struct rendered render_still(const struct gd *gd, const struct media_job *job, struct str image, const struct image_info *info)
{
    struct scale_plan plan;
    if (too_large(info, job->max_pixels)) return (struct rendered){.status = MEDIA_TOO_LARGE};
    gdImagePtr decoded = info->cut_short ? NULL : decode(gd, info->kind, image);
    if (!decoded) return (struct rendered){.status = MEDIA_BROKEN};
    struct rendered r = {.status = MEDIA_ORIGINAL, .kind = info->kind};
    bool swap = scale_swaps(info->orientation);
    uint32_t width = swap ? job->height : job->width, height = swap ? job->width : job->height;
    if (scale_plan((uint32_t)decoded->sx, (uint32_t)decoded->sy, width, height, job->crop, &plan))
        r = scaled(gd, decoded, &plan, info->orientation);
    gd->destroy(decoded);
    return r;
}

struct rendered render(const struct gd *gd, const struct media_job *job, struct str image)
{
    struct image_info info;
    if (image.n > INT_MAX) return (struct rendered){.status = MEDIA_TOO_LARGE};
    if (!image_probe(image, &info)) return (struct rendered){.status = info.kind ? MEDIA_BROKEN : MEDIA_UNKNOWN};
    if (!info.animated) return render_still(gd, job, image, &info);
    struct rendered r = {.status = MEDIA_BROKEN};
    struct buf first;
    buf_init(&first, INT_MAX);
    /* The picture has dimensions of its own, to be looked at like those of any other. */
    if (image_webp_first(image, &first) && image_probe(buf_str(&first), &info)) r = render_still(gd, job, buf_str(&first), &info);
    buf_release(&first);
    return r;
}

void rendered_release(const struct gd *gd, struct rendered *r)
{
    if (r->bytes) gd->free(r->bytes);
    r->bytes = NULL;
}
