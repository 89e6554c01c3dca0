/* A node at the broker: its thread, its two lines, and how they begin and end. */
#include "broker/amqp/amqp_priv.h"

#include <signal.h>
#include <stdio.h>

#include "base/log.h"

enum { LEAVE_MS = 1000 };

const struct broker_amqp_config broker_amqp_defaults = {
    .prefix = {"rookery", 7},
    .prefetch = 65000,
    .heartbeat_s = 2,
    .silence_ms = 6000,
    .beat_ms = 1000,
    .ping_ms = 5000,
    .confirm_ms = 10000,
    .patience_ms = 4000,
    .output_bytes = 64 * 1048576,
};

/* --- being there --- */

static void mail_run(struct task *t)
{
    struct node *n = list_item(t, struct node, mail);
    n->mailing = false;
    mailbox_send_all(&n->dirty);
}

void mail_soon(struct node *n)
{
    if (n->mailing) return;
    n->mailing = true;
    n->mail.run = mail_run;
    loop_defer(n->io, &n->mail);
}

void node_attached(struct node *n, enum err e, const char *why)
{
    if (!n->waited_for) return;
    n->waited_for = false;
    timer_clear(n->io, &n->patience);
    n->verdict = e == ERR_CONFLICT ? fault_set(&n->fault, e, "A node of the name %s is there already.", n->name)
                 : e != ERR_OK     ? fault_set(&n->fault, e, "%s", why)
                                   : ERR_OK;
    sem_post(&n->attached);
}

void node_check_ready(struct node *n)
{
    bool ready = n->queue_ready && n->letters.line;
    if (n->ready == ready) return;
    n->ready = ready;
    if (!ready) return;
    roll_begin_session(n);
    wishes_start(n);
    node_attached(n, ERR_OK, "");
}

static void out_of_patience(struct timer *t)
{
    struct node *n = list_item(t, struct node, patience);
    log_event(LOG_WARN, "broker", "broker is not there yet; it is looked for", "hosts=%zu", n->config.amqp.urls);
    node_attached(n, ERR_OK, "");
}

static void line_ended(struct node *n, const struct line *l)
{
    node_check_ready(n);
    if (l->why.code == ERR_FORBIDDEN) node_attached(n, ERR_FORBIDDEN, l->why.text);
    if (n->taking.state == LINE_DEAD && n->giving.state == LINE_DEAD && n->stopping) loop_stop(n->io);
}

static void taking_opened(struct line *l)
{
    queue_open(node_of_taking(l));
}
static void taking_ended(struct line *l)
{
    line_ended(node_of_taking(l), l);
}
static void giving_opened(struct line *l)
{
    letters_open(node_of_giving(l));
}
static void giving_ended(struct line *l)
{
    line_ended(node_of_giving(l), l);
}

static const struct line_ops taking_ops = {taking_opened, taking_ended};
static const struct line_ops giving_ops = {giving_opened, giving_ended};

/* --- leaving --- */

static void leave_now(struct timer *t)
{
    struct node *n = list_item(t, struct node, leaving);
    line_cut(&n->giving);
    line_cut(&n->taking);
}

static void leave_run(struct task *t)
{
    struct node *n = list_item(t, struct node, leave);
    n->stopping = true;
    roll_leave(n);
    timer_set(n->io, &n->leaving, LEAVE_MS, leave_now);
    if (n->giving.state == LINE_DEAD && n->taking.state == LINE_DEAD) loop_stop(n->io);
    line_leave(&n->giving);
    line_leave(&n->taking);
}

static void cut_run(struct task *t)
{
    struct node *n = list_item(t, struct node, cut);
    line_cut(&n->taking);
    line_cut(&n->giving);
    sem_post(&n->is_cut);
}

static void break_run(struct task *t)
{
    struct node *n = list_item(t, struct node, cut);
    line_fail(&n->taking, ERR_UNAVAILABLE, "broken on purpose");
    line_fail(&n->giving, ERR_UNAVAILABLE, "broken on purpose");
    sem_post(&n->is_cut);
}

static void break_giving_run(struct task *t)
{
    struct node *n = list_item(t, struct node, cut);
    line_fail(&n->giving, ERR_UNAVAILABLE, "broken on purpose");
    sem_post(&n->is_cut);
}

static void do_and_wait(struct node *n, void (*run)(struct task *t))
{
    n->cut.run = run;
    loop_post(n->io, &n->cut);
    while (sem_wait(&n->is_cut))
        continue;
}

void broker_amqp_cut(struct broker *b)
{
    do_and_wait(node_of(b), cut_run);
}

void broker_amqp_break(struct broker *b)
{
    do_and_wait(node_of(b), break_run);
}

void broker_amqp_break_giving(struct broker *b)
{
    do_and_wait(node_of(b), break_giving_run);
}

static void node_free(struct node *n)
{
    while (!list_is_empty(&n->all_wishes))
        wish_free(list_item(n->all_wishes.next, struct wish, of_node));
    for (unsigned i = 0; i < BROKER_PORTS; i++)
        amqp_inbox_free(n->inbox[i]);
    for (unsigned i = 0; i < BROKER_SLOTS; i++)
        ledger_release(&n->publisher[i].flying);
    roll_release(n);
    if (n->io) {
        line_release(&n->taking);
        line_release(&n->giving);
    }
    SSL_CTX_free(n->config.tls);
    for (size_t i = 0; i < n->config.amqp.urls; i++)
        mem_wipe(n->config.url[i].password, sizeof n->config.url[i].password);
    mem_free(n->config.url);
    pthread_mutex_destroy(&n->lock);
    sem_destroy(&n->attached);
    sem_destroy(&n->is_cut);
    mem_free(n);
}

static void amqp_close(struct broker *b)
{
    struct node *n = node_of(b);
    n->leave.run = leave_run;
    loop_post(n->io, &n->leave);
    pthread_join(n->thread, NULL);
    loop_free(n->io);
    node_free(n);
}

/* --- beginning --- */

static struct str amqp_self(struct broker *b)
{
    return node_of(b)->config.name;
}

static void amqp_stats(struct broker *b, struct broker_stats *out)
{
    const struct counters *c = &node_of(b)->count;
    *out = (struct broker_stats){.connected = atomic_load(&node_of(b)->ready),
                                 .sent = c->sent,
                                 .received = c->received,
                                 .lost = c->lost,
                                 .published = c->published,
                                 .refused = c->refused,
                                 .delivered = c->delivered,
                                 .acknowledged = c->acknowledged,
                                 .holding = c->holding,
                                 .backlog_records = c->backlog_records,
                                 .backlog_bytes = c->backlog_bytes};
}

static const struct broker_ops ops = {
    .name = "amqp",
    .self = amqp_self,
    .listen = amqp_listen,
    .send = amqp_send,
    .subscribe = amqp_subscribe,
    .release = amqp_release,
    .acknowledge = amqp_acknowledge,
    .publish = amqp_publish,
    .announce = amqp_announce,
    .watch = amqp_watch,
    .stats = amqp_stats,
    .close = amqp_close,
};

enum err broker_amqp_check_url(struct str url, struct fault *f)
{
    struct url u;
    enum err e = amqp_url_parse(url, &u, f);
    mem_wipe(u.password, sizeof u.password);
    return e;
}

static enum err read_urls(struct node *n, const struct broker_amqp_config *c, struct fault *f)
{
    struct fault why;
    bool tls = false;
    n->config.url = mem_array(c->urls, sizeof *n->config.url);
    for (size_t i = 0; i < c->urls; i++) {
        if (amqp_url_parse(c->url[i], &n->config.url[i], &why) != ERR_OK)
            return fault_set(f, ERR_INVALID_PARAM, "[broker] url: the %zu. one: %s", i + 1, why.text);
        tls |= amqp_url_tls(&n->config.url[i]);
    }
    enum err e = tls ? socket_tls_new(c->ca_file, &n->config.tls, &why) : ERR_OK;
    return e == ERR_OK ? e : fault_set(f, e, "[broker] ca_file: %s", why.text);
}

static void keep_config(struct node *n, const struct broker_amqp_config *c, struct str name)
{
    n->broker.ops = &ops;
    memcpy(n->name, name.p, name.n);
    memcpy(n->prefix, c->prefix.p, c->prefix.n);
    n->config.amqp = *c;
    n->config.name = str_c(n->name);
    pthread_mutex_init(&n->lock, NULL);
    sem_init(&n->attached, 0, 0);
    sem_init(&n->is_cut, 0, 0);
    list_init(&n->all_wishes);
    list_init(&n->dirty);
    list_init(&n->wishes);
    list_init(&n->peers);
    list_init(&n->lookouts);
}

static void *io_thread(void *arg)
{
    struct node *n = arg;
    n->began_ms = loop_now_ms(n->io);
    timer_set(n->io, &n->patience, n->config.amqp.patience_ms, out_of_patience);
    roll_init(n);
    line_start(&n->taking);
    line_start(&n->giving);
    loop_run(n->io);
    return NULL;
}

/* Signals are the business of the program's own threads. */
static void start_thread(struct node *n)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    if (pthread_create(&n->thread, NULL, io_thread, n) != 0) abort();
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

enum err broker_amqp_attach(const struct broker_amqp_config *c, struct str name, struct broker **out, struct fault *f)
{
    if (!broker_name_ok(name)) return fault_set(f, ERR_INVALID_PARAM, "%.*s cannot be the name of a node.", STR_FMT(name));
    if (!broker_name_ok(c->prefix) || c->prefix.n > BROKER_AMQP_PREFIX_MAX)
        return fault_set(f, ERR_INVALID_PARAM, "[broker] prefix: takes 1 to 32 letters, digits, '.', '_' and '-'");
    struct node *n = mem_zero(sizeof *n);
    keep_config(n, c, name);
    enum err e = read_urls(n, c, f);
    if (e != ERR_OK) {
        n->config.amqp.urls = 0; /* the array is freed as it is */
        node_free(n);
        return e;
    }
    n->io = loop_new(0);
    line_init(&n->taking, &n->config, n->io, "taking", &taking_ops);
    line_init(&n->giving, &n->config, n->io, "giving", &giving_ops);
    publishers_init(n);
    n->waited_for = true;
    start_thread(n);
    while (sem_wait(&n->attached))
        continue;
    if (n->verdict != ERR_OK) {
        if (f) *f = n->fault;
        e = n->verdict;
        amqp_close(&n->broker);
        return e;
    }
    *out = &n->broker;
    return ERR_OK;
}
