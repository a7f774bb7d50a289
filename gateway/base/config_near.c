/* config_near.c: what a misspelt word may have meant. */
#include "config_int.h"

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

struct nearest {
	const char *word, *best;
	unsigned distance;
};

/* A third of the letters may be wrong; a beginning of three may stand alone.
 */
static void nearest_try(struct nearest *n, const char *candidate)
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

const char *config_key_near(const struct config_kind *kind, const char *name)
{
	struct nearest n = {.word = name};
	size_t i;

	for (i = 0; i < kind->keyc; i++)
		nearest_try(&n, kind->keys[i].name);

	return n.best;
}

const char *config_kind_near(const char *name)
{
	struct nearest n = {.word = name};
	size_t i;

	for (i = 0; i < config_kindc; i++)
		nearest_try(&n, config_kinds[i].name);

	return n.best;
}

const char *config_word_near(const struct config_word *words, const char *name)
{
	struct nearest n = {.word = name};

	for (; words->name; words++)
		nearest_try(&n, words->name);

	return n.best;
}

const char *config_codec_near(const char *name)
{
	static const struct {
		const char *name, *codec;
	} others[] = {
	    {"ulaw", "pcmu"},	 {"mulaw", "pcmu"}, {"g711u", "pcmu"},
	    {"alaw", "pcma"},	 {"g711a", "pcma"}, {"g711", "pcma"},
	    {"g726", "g726-32"},
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(others); i++) {
		if (0 == str_casecmp(others[i].name, name))
			return others[i].codec;
	}

	return config_word_near(config_codecs, name);
}
