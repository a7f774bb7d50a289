/* metrics_int.h: a family of series, for metrics*.c and their tests. */
#ifndef ADMIN_METRICS_INT_H
#define ADMIN_METRICS_INT_H

#include "admin/metrics.h"
#include "admin/metrics_now.h"

enum metrics_type {
	METRICS_COUNTER,
	METRICS_GAUGE,
	METRICS_HISTOGRAM,
	METRICS_INFO
};

struct metrics_family {
	const char *name; /* without "_total" and the like */
	const char *help, *unit;
	enum metrics_type type;
	/* uint64_t or struct histogram, as many as there are labels: at a
	 * place of their own, or in struct metrics_now */
	const void *at;
	bool now;
	size_t offset;
	/* Pairs of a name and a value, NULL after the last; labels NULL: one
	 * series.  With two lists: rows of stride values. */
	const char *const *labels, *const *labels2;
	size_t stride;
	unsigned scale; /* values are divided by it; 0: 1 */
};

extern const struct metrics_family metrics_families[];
extern const size_t metrics_familyc;

#endif
