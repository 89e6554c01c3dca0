/* rookery-load: load and measurements for any Matrix homeserver. */
#include "scenario.h"

static const struct {
    const char *name, *help;
    void (*run)(const struct options *o, struct report *r);
} scenarios[] = {
    {"messages", "--connections users send into a room each, as fast as answers come, then at --rate", scenario_messages},
    {"steady", "--connections users send into a room each, at --rate only", scenario_steady},
    {"pairs", "--connections users send at --rate, each to another who waits in /sync at the next address", scenario_pairs},
    {"fanout", "--members sync in one room; 1, then --in-flight messages under way; with --rate an open loop instead", scenario_fanout},
    {"idle", "--users wait in /sync, in rooms of 100, for --idle-seconds", scenario_idle},
    {"growth", "send, sync and /messages in a room of --small and of --events events", scenario_growth},
    {"crowd", "sending into a room of 2 and into one of --members members who are not online", scenario_crowd},
    {"fill", "--events messages into --connections rooms", scenario_fill},
    {"http", "the requests of `messages` to any HTTP server, for comparison", scenario_http},
};
enum { SCENARIOS = sizeof scenarios / sizeof *scenarios };

static int usage(FILE *out)
{
    fputs(
        "usage: rookery-load SCENARIO [--url http://127.0.0.1:8008[,http://...]] [--pid PID] [--json FILE] [--svg FILE]\n"
        "         [--connections 64] [--rate PER-SECOND] [--seconds 5] [--members 100] [--in-flight 20] [--users 1000]\n"
        "         [--idle-seconds 60] [--small 1000] [--events 100000] [--gate yes] [--phases NAME,NAME]\n\n"
        "Makes users (m.login.dummy) and rooms of its own on the server; switch the server's rate limits off. With --pid, the process of\n"
        "a server on this machine, its processor time and memory are reported too. With --gate, \"gate PHASE\" is written to the standard\n"
        "error output before and after each phase, which goes on when a line has come on the standard input.\n\n",
        out);
    for (size_t i = 0; i < SCENARIOS; i++)
        fprintf(out, "  %-9s %s\n", scenarios[i].name, scenarios[i].help);
    return out == stdout ? 0 : 2;
}

static double number(const char *name, const char *text)
{
    char *end;
    double v = strtod(text, &end);
    if (end == text || *end || v < 0 || v > 1e9) die("%s: %s is no number for this", name, text);
    return v;
}

static bool option_set(struct options *o, const char *name, const char *value)
{
    const struct {
        const char *name;
        size_t *size;
        double *real;
        const char **text;
    } known[] = {
        {"--url", NULL, NULL, &o->url},         {"--json", NULL, NULL, &o->json},
        {"--svg", NULL, NULL, &o->svg},         {"--connections", &o->connections, NULL, NULL},
        {"--members", &o->members, NULL, NULL}, {"--in-flight", &o->in_flight, NULL, NULL},
        {"--users", &o->users, NULL, NULL},     {"--events", &o->events, NULL, NULL},
        {"--small", &o->small, NULL, NULL},     {"--rate", NULL, &o->rate, NULL},
        {"--seconds", NULL, &o->seconds, NULL}, {"--idle-seconds", NULL, &o->idle_seconds, NULL},
        {"--phases", NULL, NULL, &o->phases},
    };
    if (strcmp(name, "--pid") == 0) {
        o->pid = (int)number(name, value);
        return true;
    }
    if (strcmp(name, "--gate") == 0) {
        o->gate = strcmp(value, "yes") == 0;
        return true;
    }
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (strcmp(known[i].name, name) != 0) continue;
        if (known[i].text) *known[i].text = value;
        if (known[i].size) *known[i].size = (size_t)number(name, value);
        if (known[i].real) *known[i].real = number(name, value);
        return true;
    }
    return false;
}

int main(int argc, char **argv)
{
    struct options o = {.url = "http://127.0.0.1:8008",
                        .connections = 64,
                        .members = 100,
                        .in_flight = 20,
                        .users = 1000,
                        .events = 100000,
                        .small = 1000,
                        .seconds = 5,
                        .idle_seconds = 60};
    if (argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0)) return usage(stdout);
    size_t which = 0;
    while (argc > 1 && which < SCENARIOS && strcmp(scenarios[which].name, argv[1]) != 0)
        which++;
    if (argc < 2 || which == SCENARIOS || argc % 2) return usage(stderr);
    for (int i = 2; i < argc; i += 2)
        if (!option_set(&o, argv[i], argv[i + 1])) return usage(stderr);
    if (o.connections < 1 || o.members < 1 || o.users < 1) die("at least one");
    struct report *r = mem_zero(sizeof *r);
    r->scenario = scenarios[which].name;
    r->url = o.url;
    scenarios[which].run(&o, r);
    report_json(r, o.json);
    if (o.svg) report_svg(r, o.svg);
    mem_free(r);
    return 0;
}
