/* What the message broker costs: RabbitMQ (one node, as tools/with-rabbitmq starts it) through src/broker/amqp.
 *
 *   from publish to one's own delivery, one at a time; CPU of this process and of RabbitMQ by how many records are published at once; messages from node to
 *   node. */
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "../../tests/broker_amqp.h"
#include "base/log.h"

enum { ROUNDS = 2000, BATCH_MAX = 256, RECORDS = 20000 };

struct peer {
    struct broker *broker;
    struct loop *loop;
    pthread_t thread;
};

static struct bench {
    struct rabbitmq *rabbit;
    struct peer a, b;
    struct broker_hold hold;
    struct broker_publish publish[BATCH_MAX];
    struct broker_port port, back;
    char bytes[65536];
    size_t size, batch, confirmed, returned, rounds;
    uint64_t last_tag;
    double began, latency[ROUNDS];
    struct task start;
    sem_t done, held;
} bench;

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double own_cpu_s(void)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) + (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

/* Of RabbitMQ's process: utime and stime of /proc/PID/stat. */
static double broker_cpu_s(void)
{
    char path[64], line[1024] = "";
    long utime = 0, stime = 0;
    snprintf(path, sizeof path, "/proc/%ld/stat", strtol(getenv("WITH_RABBITMQ_PIDS"), NULL, 10)); /* of the first node */
    FILE *f = fopen(path, "re");
    if (!f) return 0;
    if (fgets(line, sizeof line, f)) sscanf(strrchr(line, ')') + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %ld %ld", &utime, &stime);
    fclose(f);
    return (double)(utime + stime) / (double)sysconf(_SC_CLK_TCK);
}

static void *run(void *loop)
{
    loop_run(loop);
    return NULL;
}

static void attach(struct peer *p, const char *name)
{
    struct fault f;
    if (broker_amqp_attach(&bench.rabbit->config, str_c(name), &p->broker, &f) != ERR_OK) {
        fprintf(stderr, "%s\n", f.text);
        exit(1);
    }
    p->loop = loop_new(0);
    if (pthread_create(&p->thread, NULL, run, p->loop) != 0) abort();
}

static void leave(struct peer *p)
{
    loop_stop(p->loop);
    pthread_join(p->thread, NULL);
    broker_close(p->broker);
    loop_free(p->loop);
}

/* --- records --- */

static void next_round(void)
{
    if (bench.confirmed < bench.batch || bench.returned < bench.batch) return;
    if (bench.rounds < ROUNDS) bench.latency[bench.rounds] = now_s() - bench.began;
    bench.rounds++;
    broker_acknowledge(bench.a.broker, &bench.hold, bench.last_tag);
    if (bench.rounds * bench.batch >= RECORDS || (bench.batch == 1 && bench.rounds == ROUNDS)) {
        sem_post(&bench.done);
        return;
    }
    bench.confirmed = bench.returned = 0;
    bench.began = now_s();
    for (size_t i = 0; i < bench.batch; i++)
        broker_publish(bench.a.broker, &bench.publish[i]);
}

static void published(struct broker_publish *p)
{
    if (p->err != ERR_OK) abort();
    bench.confirmed++;
    next_round();
}

static void returned(struct broker_hold *h, const struct broker_record *r, size_t count)
{
    (void)h;
    bench.returned += count;
    bench.last_tag = r[count - 1].tag;
    next_round();
}

static void held(struct broker_hold *h)
{
    (void)h;
    sem_post(&bench.held);
}

static void lost(struct broker_hold *h, enum err why)
{
    (void)h, (void)why;
    abort();
}

static void subscribe(struct task *t)
{
    (void)t;
    bench.hold = (struct broker_hold){.loop = bench.a.loop, .slot = 1, .held = held, .records = returned, .lost = lost};
    broker_subscribe(bench.a.broker, &bench.hold);
}

static void start_records(struct task *t)
{
    (void)t;
    bench.rounds = 0;
    for (size_t i = 0; i < bench.batch; i++)
        bench.publish[i] =
            (struct broker_publish){.loop = bench.a.loop, .slot = 1, .bytes = str_make(bench.bytes, bench.size), .done = published};
    bench.confirmed = bench.returned = bench.batch;
    bench.began = now_s();
    next_round();
}

static void wait_for(sem_t *s)
{
    while (sem_wait(s))
        continue;
}

static void on_loop(void (*what)(struct task *t))
{
    bench.start.run = what;
    loop_post(bench.a.loop, &bench.start);
}

static int by_size(const void *x, const void *y)
{
    double a = *(const double *)x, b = *(const double *)y;
    return (a > b) - (a < b);
}

static void print_latency(const char *what)
{
    qsort(bench.latency, ROUNDS, sizeof *bench.latency, by_size);
    printf("%-44s median %5.0f us, p99 %5.0f us\n", what, bench.latency[ROUNDS / 2] * 1e6, bench.latency[ROUNDS * 99 / 100] * 1e6);
}

static void records(size_t size, size_t batch)
{
    bench.size = size;
    bench.batch = batch;
    double wall = now_s(), own = own_cpu_s(), theirs = broker_cpu_s();
    on_loop(start_records);
    wait_for(&bench.done);
    wall = now_s() - wall;
    double n = (double)(bench.rounds * batch);
    if (batch == 1) print_latency("publish to own delivery and confirm, 1 KiB");
    printf("records of %5zu B, %3zu at once: %8.0f/s, CPU of one: here %5.1f us, RabbitMQ %6.1f us\n", size, batch, n / wall,
           (own_cpu_s() - own) / n * 1e6, (broker_cpu_s() - theirs) / n * 1e6);
}

/* --- messages --- */

static void send_one(void)
{
    struct str message = str_make(bench.bytes, 1024);
    bench.began = now_s();
    broker_send(bench.a.broker, STR("bench-b"), 1, &message, 1);
}

static void echo(struct broker_port *p, struct str from, const struct str *message, size_t count)
{
    (void)p;
    broker_send(bench.b.broker, from, 2, message, count);
}

static void echoed(struct broker_port *p, struct str from, const struct str *message, size_t count)
{
    (void)p, (void)from, (void)message, (void)count;
    bench.latency[bench.rounds++] = (now_s() - bench.began) / 2;
    if (bench.rounds == ROUNDS)
        sem_post(&bench.done);
    else
        send_one();
}

static void start_messages(struct task *t)
{
    (void)t;
    bench.rounds = 0;
    bench.port = (struct broker_port){.loop = bench.b.loop, .number = 1, .received = echo};
    bench.back = (struct broker_port){.loop = bench.a.loop, .number = 2, .received = echoed};
    broker_listen(bench.b.broker, &bench.port);
    broker_listen(bench.a.broker, &bench.back);
    sem_post(&bench.held);
}
static void send_first(struct task *t)
{
    (void)t;
    send_one();
}

static void messages(void)
{
    on_loop(start_messages);
    wait_for(&bench.held);
    double own = own_cpu_s(), theirs = broker_cpu_s();
    on_loop(send_first);
    wait_for(&bench.done);
    print_latency("message from node to node, 1 KiB");
    printf("%-44s here %5.1f us (both nodes), RabbitMQ %6.1f us\n", "CPU of one message", (own_cpu_s() - own) / (2 * ROUNDS) * 1e6,
           (broker_cpu_s() - theirs) / (2 * ROUNDS) * 1e6);
}

int main(int argc, char **argv)
{
    (void)argc;
    rabbitmq_or_begin_again(argv, NULL);
    log_setup(LOG_WARN, false);
    setlinebuf(stdout);
    bench.rabbit = rabbitmq_open();
    sem_init(&bench.done, 0, 0);
    sem_init(&bench.held, 0, 0);
    attach(&bench.a, "bench-a");
    attach(&bench.b, "bench-b");
    on_loop(subscribe);
    wait_for(&bench.held);
    records(1024, 1);
    static const size_t batches[] = {4, 16, 64, 256};
    for (size_t i = 0; i < sizeof batches / sizeof *batches; i++)
        records(1024, batches[i]);
    records(16384, 16);
    messages();
    leave(&bench.a);
    leave(&bench.b);
    mem_free(bench.rabbit);
    return 0;
}
