#include "engine/media/scale.h"

enum { TRANSPARENT = 127 };

static uint32_t smaller(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

/* a * b / c without overflow, for c > 0. */
static uint32_t share(uint32_t a, uint32_t b, uint32_t c)
{
    return (uint32_t)((uint64_t)a * b / c);
}

static void plan_scale(uint32_t width, uint32_t height, uint32_t want_width, uint32_t want_height, struct scale_plan *p)
{
    p->width = width;
    p->height = height;
    bool by_width = (uint64_t)want_width * height >= (uint64_t)want_height * width; /* the width needs the larger factor */
    p->out_width = by_width ? want_width : share(want_height, width, height);
    p->out_height = by_width ? share(want_width, height, width) : want_height;
}

static void plan_crop(uint32_t width, uint32_t height, uint32_t want_width, uint32_t want_height, struct scale_plan *p)
{
    p->out_width = smaller(width, want_width);
    p->out_height = smaller(height, want_height);
    p->width = p->out_width;
    p->height = p->out_height;
    if (want_width < width && want_height < height) {
        bool by_width = (uint64_t)want_width * height >= (uint64_t)want_height * width;
        p->width = by_width ? width : share(want_width, height, want_height);
        p->height = by_width ? share(want_height, width, want_width) : height;
    }
    p->x = (width - p->width) / 2;
    p->y = (height - p->height) / 2;
}

bool scale_plan(uint32_t width, uint32_t height, uint32_t want_width, uint32_t want_height, bool crop, struct scale_plan *out)
{
    *out = (struct scale_plan){0};
    if (crop) {
        if (want_width >= width && want_height >= height) return false;
        plan_crop(width, height, want_width, want_height, out);
    } else {
        if (want_width >= width || want_height >= height) return false;
        plan_scale(width, height, want_width, want_height, out);
    }
    return true;
}

/* The source pixels that one output pixel covers along one axis; all but the outer ones whole. */
struct span {
    uint32_t first, last;
    float first_weight, last_weight;
};

static struct span span_of(uint32_t i, uint32_t count, uint32_t from, uint32_t length)
{
    double step = (double)length / count, begin = i * step, end = (i + 1) * step;
    struct span s = {.first = (uint32_t)begin};
    s.last = smaller((uint32_t)end, length - 1);
    if (s.last > s.first && end - s.last < 1e-6) s.last--; /* ends at a pixel's edge */
    s.first_weight = (float)((s.last == s.first ? end : s.first + 1.0) - begin);
    s.last_weight = (float)(end - s.last);
    s.first += from;
    s.last += from;
    return s;
}

static float span_weight(const struct span *s, uint32_t at)
{
    return at == s->first ? s->first_weight : at == s->last ? s->last_weight : 1;
}

/* Sums of opacity, and of colors times opacity. */
struct sums {
    float opacity, red, green, blue;
};

static void sums_add(struct sums *s, int pixel, float weight)
{
    float opacity = weight * (float)(TRANSPARENT - (pixel >> 24 & 127));
    s->opacity += opacity;
    s->red += opacity * (float)(pixel >> 16 & 255);
    s->green += opacity * (float)(pixel >> 8 & 255);
    s->blue += opacity * (float)(pixel & 255);
}

static void row_add(struct sums *out, const int *row, const struct span *span, uint32_t count, float weight)
{
    for (uint32_t i = 0; i < count; i++) {
        struct sums s = {0};
        for (uint32_t x = span[i].first; x <= span[i].last; x++)
            sums_add(&s, row[x], span_weight(&span[i], x));
        out[i].opacity += weight * s.opacity;
        out[i].red += weight * s.red;
        out[i].green += weight * s.green;
        out[i].blue += weight * s.blue;
    }
}

static int rounded(float v, int most)
{
    int i = (int)(v + 0.5f);
    return i > most ? most : i;
}

static int average(const struct sums *s, float area)
{
    int opacity = rounded(s->opacity / area, TRANSPARENT);
    if (opacity == 0) return TRANSPARENT << 24;
    return (TRANSPARENT - opacity) << 24 | rounded(s->red / s->opacity, 255) << 16 | rounded(s->green / s->opacity, 255) << 8 |
           rounded(s->blue / s->opacity, 255);
}

void scale_pixels(const struct scale_plan *p, scale_row *row, void *ctx, int *out)
{
    struct span *span = mem_array(p->out_width, sizeof *span);
    struct sums *sums = mem_array(p->out_width, sizeof *sums);
    for (uint32_t i = 0; i < p->out_width; i++)
        span[i] = span_of(i, p->out_width, p->x, p->width);
    float area = (float)((double)p->width / p->out_width * p->height / p->out_height);
    uint32_t have = UINT32_MAX; /* a row on the border of two output rows is read once */
    const int *pixels = NULL;
    for (uint32_t j = 0; j < p->out_height; j++) {
        struct span lines = span_of(j, p->out_height, p->y, p->height);
        memset(sums, 0, p->out_width * sizeof *sums);
        for (uint32_t y = lines.first; y <= lines.last; y++) {
            if (y != have || !pixels) pixels = row(ctx, y);
            have = y;
            row_add(sums, pixels, span, p->out_width, span_weight(&lines, y));
        }
        for (uint32_t i = 0; i < p->out_width; i++)
            out[(size_t)j * p->out_width + i] = average(&sums[i], area);
    }
    mem_free(span);
    mem_free(sums);
}

size_t scale_upright(unsigned orientation, uint32_t width, uint32_t height, uint32_t x, uint32_t y)
{
    bool swap = scale_swaps(orientation);
    uint32_t sx = swap ? y : x, sy = swap ? x : y;
    if (orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8) sx = width - 1 - sx;
    if (orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7) sy = height - 1 - sy;
    return (size_t)sy * width + sx;
}
