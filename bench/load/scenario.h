/* The scenarios, and what the command line says. */
#ifndef ROOKERY_LOAD_SCENARIO_H
#define ROOKERY_LOAD_SCENARIO_H

#include "matrix.h"
#include "report.h"

struct options {
    const char *url, *json, *svg, *phases; /* phases: names, separated by commas, or NULL */
    int pid;                               /* of the server on this machine; 0: its costs are not measured */
    size_t connections, members, in_flight, users, events, small;
    double rate, seconds, idle_seconds;
    bool gate;
};

void scenario_http(const struct options *o, struct report *r);
void scenario_messages(const struct options *o, struct report *r);
void scenario_fanout(const struct options *o, struct report *r);
void scenario_idle(const struct options *o, struct report *r);
void scenario_growth(const struct options *o, struct report *r);
void scenario_crowd(const struct options *o, struct report *r);
void scenario_steady(const struct options *o, struct report *r);
void scenario_pairs(const struct options *o, struct report *r);
void scenario_fill(const struct options *o, struct report *r);

/* With --gate, at the beginning and the end of a phase: tells whoever measures, and waits until they have had their look. */
void gate(const struct options *o, const char *phase);
/* Runs the batch and reports it as a phase, with the server's processor time. */
void measure(struct net *n, struct batch *b, int pid, struct phase *p);

#endif
