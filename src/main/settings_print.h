/* The table of settings as documents: the configuration file with every setting, and the manual page. */
#ifndef ROOKERY_MAIN_SETTINGS_PRINT_H
#define ROOKERY_MAIN_SETTINGS_PRINT_H

#include "main/settings.h"

/* A configuration file: each setting with its help; those that are not at their default stand there with their value, the others
 * commented out with their default. `s` NULL: all at their default. */
void settings_print_conf(struct buf *out, const struct settings *s);
/* rookery.conf(5), as mdoc. */
void settings_print_man(struct buf *out);

#endif
