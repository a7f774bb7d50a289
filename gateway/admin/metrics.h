/* metrics.h: all that is counted: one table of series, as OpenMetrics or as the
 * older text of Prometheus, for those who do not ask for the first.
 *
 * No label of any of them comes from outside. */
#ifndef ADMIN_METRICS_H
#define ADMIN_METRICS_H

#include "gateway.h"

#define METRICS_CONTENT_TYPE                                                  \
	"application/openmetrics-text; version=1.0.0; charset=utf-8"

#define METRICS_TEXT_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* %H */
int metrics_print(struct re_printf *pf, const struct gateway *gw);
int metrics_print_text(struct re_printf *pf, const struct gateway *gw);

#endif
