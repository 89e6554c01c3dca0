/* Requests to an S3-compatible storage, made by libcurl on a thread of its own: 64 at a time, the others wait for their turn, on connections that are
 * kept, signed with AWS's version 4.
 *
 * What may pass is tried three times: the storage answers 500 to 504, or nothing that counts (the connection breaks, a limit is reached, other bytes
 * come than were asked for). Every request here can be made twice.
 *
 * Nothing that the storage does makes a request last for ever. An attempt ends after 5 s without a connection; after 20 s with less than 1 KiB/s (60 s
 * for a PUT: the storage may need time for what it has got); after 60 s in all, for a PUT a second more for each 64,000 bytes; when the answer has
 * more bytes than were asked for, or 64 KiB of an error. */
#ifndef ROOKERY_BLOB_S3_TRANSFER_H
#define ROOKERY_BLOB_S3_TRANSFER_H

#include <pthread.h>

#include "base/buf.h"
#include "base/url.h"
#include "loop/fiber.h"

struct transfers;

enum transfer_verb { TRANSFER_HEAD, TRANSFER_GET, TRANSFER_PUT, TRANSFER_DELETE };

struct transfer {
    enum transfer_verb verb;
    const char *key;    /* in the bucket; "": the bucket itself */
    uint64_t from;      /* GET: of this byte on, what `into` takes */
    struct buf *into;   /* GET */
    int fd;             /* PUT: a file of `size` bytes, read from its begin */
    uint64_t size;      /* PUT */
    const char *sha256; /* PUT: of these bytes, in hex */
    /* The answer. */
    long status;    /* HTTP's; 0: none that counts, and `why` says why not */
    uint64_t total; /* GET that was answered with bytes: those of the whole object */
    char why[160];  /* what the storage or libcurl says, for the log; of no secret */
    /* The thread's, while it is under way. */
    struct list turn;
    void *easy, *headers; /* CURL, struct curl_slist */
    uint64_t sent;
    char url[512], error[256]; /* 256: CURL_ERROR_SIZE */
    struct buf said;           /* an answer that is an error */
    const char *refused;       /* NULL, or why the answer is not listened to */
    /* Who waits: a fiber, or a thread that is no loop's. */
    struct task done;
    struct loop *loop;
    struct fiber *fiber;
    bool ended;
};

extern const char SHA256_OF_NOTHING[]; /* in hex */

struct transfers_config {
    const struct url *url; /* https or http; the path is the bucket */
    const char *region;
    const char *ca_file; /* NULL: the system's */
};

/* Not while other threads run that use libcurl: at start. */
must_use enum err transfers_new(const struct transfers_config *c, struct transfers **out, struct fault *f);
/* When nothing is under way. */
void transfers_free(struct transfers *t);
/* Makes the request and fills in the answer; waits as blob.h says. */
void transfer_run(struct transfers *in, struct transfer *t);

#endif
