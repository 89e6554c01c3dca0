/* Time, as a thing that is passed and so can be replaced in tests. */
#ifndef ROOKERY_BASE_CLOCK_H
#define ROOKERY_BASE_CLOCK_H

#include <stdint.h>

struct clock {
    int64_t (*wall_ms)(void *ctx); /* milliseconds since 1970, may jump */
    int64_t (*mono_us)(void *ctx); /* microseconds since some point, never goes back */
    void *ctx;
};
extern const struct clock clock_system;

static inline int64_t clock_wall_ms(const struct clock *c)
{
    return c->wall_ms(c->ctx);
}
static inline int64_t clock_mono_us(const struct clock *c)
{
    return c->mono_us(c->ctx);
}

#endif
