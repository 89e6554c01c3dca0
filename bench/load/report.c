#include "report.h"

#include <math.h>

#include "net.h"
#include "json/json.h"

struct phase *report_phase(struct report *r, const char *name)
{
    if (r->phase_count == PHASES_MAX) die("too many phases");
    struct phase *p = &r->phases[r->phase_count++];
    snprintf(p->name, sizeof p->name, "%s", name);
    return p;
}

void report_figure(struct report *r, const char *name, double value)
{
    if (r->figure_count == FIGURES_MAX) die("too many figures");
    struct figure *f = &r->figures[r->figure_count++];
    snprintf(f->name, sizeof f->name, "%s", name);
    f->value = value;
}

/* --- JSON --- */

static void real_member(struct json_out *o, const char *key, double v)
{
    char text[64];
    int n = snprintf(text, sizeof text, "%.3f", isfinite(v) ? v : -1);
    json_raw_member(o, key, str_make(text, (size_t)n));
}

static void put_latency(struct json_out *o, const struct hist *h)
{
    static const struct {
        const char *name;
        double q;
    } quantiles[] = {{"p50", .5}, {"p90", .9}, {"p99", .99}, {"p999", .999}};
    json_key(o, "latency_us");
    json_object(o);
    for (size_t i = 0; i < sizeof quantiles / sizeof *quantiles; i++)
        json_int_member(o, quantiles[i].name, (int64_t)hist_quantile(h, quantiles[i].q));
    json_int_member(o, "max", (int64_t)h->max);
    real_member(o, "mean", hist_mean(h));
    json_end(o);
    json_key(o, "histogram"); /* [largest value, how many], ... */
    json_array(o);
    for (size_t i = 0; i < HIST_BUCKETS; i++) {
        if (!h->bucket[i]) continue;
        json_array(o);
        json_put_int(o, (int64_t)hist_upper(i));
        json_put_int(o, (int64_t)h->bucket[i]);
        json_end(o);
    }
    json_end(o);
}

static void put_phase(struct json_out *o, const struct phase *p)
{
    json_object(o);
    json_str_member(o, "name", str_c(p->name));
    real_member(o, "operations", p->operations);
    real_member(o, "seconds", p->seconds);
    if (p->seconds > 0) real_member(o, "per_second", p->operations / p->seconds);
    if (p->operations > 0 && p->cpu_us > 0) real_member(o, "cpu_us_per_operation", p->cpu_us / p->operations);
    if (p->hist.count) put_latency(o, &p->hist);
    json_end(o);
}

static void write_file(const struct buf *b, const char *path)
{
    FILE *f = path ? fopen(path, "w") : stdout;
    if (!f || fwrite(b->p, 1, b->n, f) != b->n || fflush(f) != 0) die("%s cannot be written", path ? path : "standard output");
    if (path) fclose(f);
}

void report_json(const struct report *r, const char *path)
{
    struct buf b;
    struct json_out o;
    buf_init(&b, 16 << 20);
    json_out_init(&o, &b);
    json_object(&o);
    json_str_member(&o, "scenario", str_c(r->scenario));
    json_str_member(&o, "url", str_c(r->url));
    json_key(&o, "phases");
    json_array(&o);
    for (size_t i = 0; i < r->phase_count; i++)
        put_phase(&o, &r->phases[i]);
    json_end(&o);
    json_key(&o, "figures");
    json_object(&o);
    for (size_t i = 0; i < r->figure_count; i++)
        real_member(&o, r->figures[i].name, r->figures[i].value);
    json_end(&o);
    json_end(&o);
    buf_byte(&b, '\n');
    write_file(&b, path);
    buf_release(&b);
}

/* --- the picture: latency (log) over the share of requests that are slower (log) --- */

enum { WIDTH = 900, HEIGHT = 460, LEFT = 80, RIGHT = 260, TOP = 50, BOTTOM = 60 };
static const char *const colours[] = {"#2563eb", "#dc2626", "#059669", "#d97706", "#7c3aed", "#0891b2", "#db2777", "#4b5563"};

static double x_of(double nines)
{
    return LEFT + nines / 4 * (WIDTH - LEFT - RIGHT);
}
static double y_of(double us)
{
    return HEIGHT - BOTTOM - log10(us < 10 ? 1 : us / 10) / 6 * (HEIGHT - TOP - BOTTOM);
}

static void svg_axes(struct buf *b, const char *title)
{
    static const char *const shares[] = {"all", "90 %", "99 %", "99.9 %", "99.99 %"};
    static const char *const times[] = {"10 µs", "100 µs", "1 ms", "10 ms", "100 ms", "1 s", "10 s"};
    buf_printf(
        b,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" font-family=\"sans-serif\" font-size=\"13\">\n"
        "<rect width=\"100%%\" height=\"100%%\" fill=\"white\"/>\n<text x=\"%d\" y=\"28\" font-size=\"18\">%s: latency from the intended "
        "time of sending</text>\n",
        WIDTH, HEIGHT, LEFT, title);
    for (int i = 0; i < 5; i++) {
        double x = x_of(i);
        buf_printf(b, "<path d=\"M%.1f %d V%d\" stroke=\"#ddd\"/><text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%s</text>\n", x, TOP,
                   HEIGHT - BOTTOM, x, HEIGHT - BOTTOM + 20, shares[i]);
    }
    for (int i = 0; i < 7; i++) {
        double y = y_of(pow(10, i + 1));
        buf_printf(b, "<path d=\"M%d %.1f H%d\" stroke=\"#ddd\"/><text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%s</text>\n", LEFT, y,
                   WIDTH - RIGHT, LEFT - 8, y + 4, times[i]);
    }
    buf_printf(b, "<text x=\"%d\" y=\"%d\">share of operations that were at least this fast</text>\n", LEFT, HEIGHT - 14);
}

static void svg_phase(struct buf *b, const struct phase *p, size_t row)
{
    const char *colour = colours[row % (sizeof colours / sizeof *colours)];
    buf_printf(b, "<polyline fill=\"none\" stroke=\"%s\" stroke-width=\"2\" points=\"", colour);
    for (int i = 0; i <= 80; i++) {
        double q = 1 - pow(10, -i / 20.0);
        if ((1 - q) * (double)p->hist.count < 1 && i > 0) break;
        buf_printf(b, "%.1f,%.1f ", x_of(i / 20.0), y_of((double)hist_quantile(&p->hist, q)));
    }
    buf_printf(b, "\"/>\n<text x=\"%d\" y=\"%zu\" fill=\"%s\">%s</text>\n", WIDTH - RIGHT + 16, TOP + 16 + row * 40, colour, p->name);
    buf_printf(b, "<text x=\"%d\" y=\"%zu\" fill=\"#444\" font-size=\"11\">%.0f a second, p99 %.2f ms</text>\n", WIDTH - RIGHT + 16,
               TOP + 31 + row * 40, p->seconds > 0 ? p->operations / p->seconds : 0, (double)hist_quantile(&p->hist, .99) / 1e3);
}

void report_svg(const struct report *r, const char *path)
{
    struct buf b;
    size_t row = 0;
    buf_init(&b, 1 << 20);
    svg_axes(&b, r->scenario);
    for (size_t i = 0; i < r->phase_count; i++)
        if (r->phases[i].hist.count) svg_phase(&b, &r->phases[i], row++);
    buf_add(&b, STR("</svg>\n"));
    write_file(&b, path);
    buf_release(&b);
}
