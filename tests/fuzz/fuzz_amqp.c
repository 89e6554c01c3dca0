/* What a broker says, from its first word on: frames, methods, tables and contents, on a line that takes them as if they had come from the network. */
#include <stdlib.h>

#include "base/log.h"
#include "broker/amqp/line.h"

struct hearer {
    struct line line;
    struct channel channel;
};

static void heard_method(struct channel *c, unsigned method, struct wire_in *args)
{
    (void)c, (void)method;
    wire_short(args);
    wire_u64(args);
}
static void heard_content(struct channel *c, struct content *t)
{
    (void)c;
    if (!t->post || t->got != t->post->n || strlen(t->key) >= sizeof t->key) abort();
}
static void heard_end(struct channel *c, unsigned code, struct str text)
{
    (void)code, (void)text;
    if (c->line) abort();
}
static const struct channel_ops channel_ops = {heard_method, heard_content, heard_end};

static void opened(struct line *l)
{
    struct hearer *h = list_item(l, struct hearer, line);
    if (!h->channel.line && !channel_open(l, &h->channel, &channel_ops)) h->channel.line = NULL;
}
static void ended(struct line *l)
{
    if (list_item(l, struct hearer, line)->channel.line) abort();
}
static const struct line_ops line_ops = {opened, ended};

static void hear(struct line *l, struct str bytes)
{
    struct frame f;
    while (line_is_up(l) && wire_frame(&bytes, l->frame_max, &f) == WIRE_FRAME) {
        struct wire_in args = {.rest = f.payload};
        if (f.channel)
            channels_frame(l, &f);
        else if (f.type == FRAME_METHOD)
            greeting_method(l, wire_u32(&args), &args);
    }
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);
int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    static struct url url = {.scheme = "amqp", .user = "u", .password = "p", .host = "h", .path = "/"};
    static const struct line_config config = {
        .amqp = {.urls = 1, .heartbeat_s = 3, .output_bytes = 1 << 20}, .url = &url, .name = {"n", 1}};
    struct hearer h = {0};
    log_setup((enum log_level)(LOG_ERROR + 1), false);
    struct loop *loop = loop_new(0);
    line_init(&h.line, &config, loop, "fuzz", &line_ops);
    h.line.state = LINE_GREETING;
    h.line.began_ms = 1;
    hear(&h.line, str_make((const char *)data, size));
    line_cut(&h.line);
    loop_free(loop);
    line_release(&h.line);
    return 0;
}
