/* load.h: what limits the calls, for status. */
#ifndef ADMIN_LOAD_H
#define ADMIN_LOAD_H

#include <jansson.h>
#include "gateway.h"

json_t *load_json(const struct gateway *gw);
int load_print(struct re_printf *pf, const struct gateway *gw);

#endif
