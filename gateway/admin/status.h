/* status.h: the gateway as a whole, for the control socket. */
#ifndef ADMIN_STATUS_H
#define ADMIN_STATUS_H

#include <jansson.h>
#include "gateway.h"

json_t *status_trunks_json(const struct gateway *gw);
json_t *status_messages_json(const struct gateway *gw);
void status_messages_print(struct mbuf *mb, const struct gateway *gw);
json_t *status_json(const struct gateway *gw);
/* The same for people; j: what status_json() gave. */
void status_print(struct mbuf *mb, const struct gateway *gw, const json_t *j);

#endif
