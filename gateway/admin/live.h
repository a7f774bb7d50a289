/* live.h: what changes by the second, for those who look at it. */
#ifndef ADMIN_LIVE_H
#define ADMIN_LIVE_H

#include <jansson.h>
#include "admin/quality.h"
#include "gateway.h"

enum { LIVE_CALLS = QUALITY_CALLS }; /* told of, the newest */

/* {"now": ms, "open": bool, "status": {..}, "calls": [..], "total": n,
 * "point": bool}; open: it takes new calls */
json_t *live_json(const struct gateway *gw, struct quality *q, bool point);
/* {"7f3a": {"mos": [..], "loss": [..], ..}, ..} */
json_t *live_curves_json(const struct quality *q);
/* Asks the media of those calls for fresh counters. */
void live_refresh(void);

#endif
