/* aftermath.h: after a crash: both sides are told, records are closed. */
#ifndef ADMIN_AFTERMATH_H
#define ADMIN_AFTERMATH_H

#include "gateway.h"

/* The journal of calls stands beside the store, "PATH.calls"; without a store
 * there is none. */
int aftermath_open(struct gateway *gw);
void aftermath_close(void);

#endif
