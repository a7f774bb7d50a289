/* kept.h: the store and users' accounts in what "status" says. */
#ifndef ADMIN_KEPT_H
#define ADMIN_KEPT_H

#include <jansson.h>
#include "gateway.h"

json_t *kept_store_json(const struct gateway *gw);
json_t *kept_accounts_json(const struct gateway *gw);
void kept_print(struct mbuf *mb, const struct gateway *gw);

#endif
