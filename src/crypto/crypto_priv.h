/* What the files of crypto/ share. */
#ifndef ROOKERY_CRYPTO_CRYPTO_PRIV_H
#define ROOKERY_CRYPTO_CRYPTO_PRIV_H

#include "base/err.h"

must_use enum err hash_init(struct fault *f);

#endif
