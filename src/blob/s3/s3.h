/* Blobs in an S3-compatible storage: objects ab/<hash> of one bucket, ab being the hash's first two digits, as blob/files/ names its files: a folder of
 * those can be copied into a bucket as it is.
 *
 * What is written is spooled into a file without a name in `spool`, and becomes an object, whole or not at all, at the commit. What is read comes in
 * ranges of 256 KiB, the first of them when a blob is opened. So a blob of more than that which is deleted while it is read ends in STORAGE; and so
 * does an answer that cannot be the bytes that were asked for. */
#ifndef ROOKERY_BLOB_S3_S3_H
#define ROOKERY_BLOB_S3_S3_H

#include "blob/blob.h"

struct blobs_s3_config {
    struct str url; /* https://KEY:SECRET@HOST:PORT/BUCKET, or http:// */
    const char *region;
    const char *ca_file; /* NULL: the certificates that the system believes */
    const char *spool;   /* [store] path: a folder for unfinished uploads */
};

/* INVALID_PARAM with a sentence that has no secret in it. */
must_use enum err blobs_s3_check_url(struct str url, struct fault *f);
/* Asks the storage for the bucket, and fails when it refuses, or when nothing can be made in `spool`; when nobody answers that is only written into the
 * log. Blocks: at start only. */
must_use enum err blobs_s3_open(const struct blobs_s3_config *c, struct blobs **out, struct fault *f);

#endif
