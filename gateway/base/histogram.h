/* histogram.h: how often a number was how large.  Values; one thread. */
#ifndef BASE_HISTOGRAM_H
#define BASE_HISTOGRAM_H

#include <stdint.h>

enum { HISTOGRAM_MAX = 12 }; /* bounds */

struct histogram {
	unsigned bounds[HISTOGRAM_MAX]; /* ascending, 0 after the last */
	uint64_t n[HISTOGRAM_MAX + 1];	/* by the first bound not below; the
					 * last: above all */
	uint64_t sum, count;
};

void histogram_add(struct histogram *h, uint64_t value);
unsigned histogram_bounds(const struct histogram *h); /* how many */

#endif
