/* near.h: what a misspelt word may have meant. */
#ifndef BASE_NEAR_H
#define BASE_NEAR_H

struct nearest {
	const char *word, *best; /* not copied; best NULL: nothing is near */
	unsigned distance;
};

/* Keeps the candidate when it is nearer to the word than those before: a third
 * of the letters may be wrong, and a beginning of three may stand alone. */
void nearest_try(struct nearest *n, const char *candidate);

#endif
