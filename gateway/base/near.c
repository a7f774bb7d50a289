/* near.c: what a misspelt word may have meant. */
#include "base/near.h"
#include <string.h>

enum {
	WORD_MAX = 40,
	PREFIX_MIN = 3, /* "cert" means certificate */
};

static unsigned min3(unsigned a, unsigned b, unsigned c)
{
	unsigned m = a < b ? a : b;

	return m < c ? m : c;
}

/* Edits that turn a into b: insert, delete, replace, swap of neighbours. */
static unsigned distance(const char *a, const char *b)
{
	unsigned row[3][WORD_MAX + 1];
	size_t la = strlen(a), lb = strlen(b), i, j;

	if (la > WORD_MAX || lb > WORD_MAX)
		return WORD_MAX;

	for (j = 0; j <= lb; j++)
		row[0][j] = (unsigned)j;

	for (i = 1; i <= la; i++) {
		unsigned *now = row[i % 3], *up = row[(i + 2) % 3];
		const unsigned *up2 = row[(i + 1) % 3];

		now[0] = (unsigned)i;
		for (j = 1; j <= lb; j++) {
			unsigned cost = a[i - 1] != b[j - 1];

			now[j] =
			    min3(up[j] + 1, now[j - 1] + 1, up[j - 1] + cost);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] &&
			    a[i - 2] == b[j - 1] && up2[j - 2] + 1 < now[j])
				now[j] = up2[j - 2] + 1;
		}
	}

	return row[la % 3][lb];
}

void nearest_try(struct nearest *n, const char *candidate)
{
	size_t len = strlen(n->word);
	unsigned d = distance(n->word, candidate);
	unsigned limit = len < 6 ? (unsigned)(len + 1) / 3 : 3;

	if (d > limit && len >= PREFIX_MIN &&
	    0 == strncmp(n->word, candidate, len))
		d = limit;

	if (d <= limit && (!n->best || d < n->distance)) {
		n->best = candidate;
		n->distance = d;
	}
}
