/* histogram.c: how often a number was how large. */
#include "base/histogram.h"

unsigned histogram_bounds(const struct histogram *h)
{
	unsigned n = 0;

	while (n < HISTOGRAM_MAX && h->bounds[n])
		++n;

	return n;
}

void histogram_add(struct histogram *h, uint64_t value)
{
	unsigned i = 0;

	while (i < HISTOGRAM_MAX && h->bounds[i] && value > h->bounds[i])
		++i;

	++h->n[i];
	h->sum += value;
	++h->count;
}
