/* Is an address within a network? */
#ifndef ROOKERY_MAIN_NETWORK_H
#define ROOKERY_MAIN_NETWORK_H

#include "base/str.h"

/* `network`: an address or CIDR block, as network_is_valid takes it; `address`: IPv4 or IPv6 as text. An IPv4 address that is written as IPv6
 * (::ffff:a.b.c.d) counts as IPv4. */
bool network_has(struct str network, struct str address);

#endif
