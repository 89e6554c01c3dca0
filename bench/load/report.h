/* The results of one scenario: phases (operations, time, processor time, latencies) and single figures; as JSON, and as a picture of the
 * latencies. */
#ifndef ROOKERY_LOAD_REPORT_H
#define ROOKERY_LOAD_REPORT_H

#include "hist.h"

struct phase {
    char name[48];
    double operations, seconds, cpu_us; /* cpu_us: of the server, all threads, for all operations; 0 where unknown */
    struct hist hist;
};
struct figure {
    char name[48];
    double value;
};
enum { PHASES_MAX = 16, FIGURES_MAX = 48 };
struct report {
    const char *scenario, *url;
    struct phase phases[PHASES_MAX];
    struct figure figures[FIGURES_MAX];
    size_t phase_count, figure_count;
};

struct phase *report_phase(struct report *r, const char *name);
void report_figure(struct report *r, const char *name, double value);
/* Both end the program when the file cannot be written. `path` NULL: standard output. */
void report_json(const struct report *r, const char *path);
void report_svg(const struct report *r, const char *path);

#endif
