/* sdp_text.c: text -> desc -> text -> desc says the same. */
#include "sdp/desc.h"
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_limits(const struct desc *d)
{
	for (unsigned i = 0; i < d->mediac; i++) {
		const struct desc_media *m = d->media[i];

		if (m->codecc > DESC_FORMAT_MAX || m->ptime > 60000 ||
		    m->transport.candidatec > DESC_CANDIDATE_MAX)
			abort();
	}
	for (unsigned i = 0; i < d->groupc; i++) {
		if (!d->groups[i].n || d->groups[i].n > d->mediac)
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct desc *a = NULL, *b = NULL, *c = NULL;
	char *text = NULL;
	unsigned line;
	size_t len;

	if (desc_decode(&a, (const char *)data, size, &line))
		return 0;
	check_limits(a);
	if (desc_encode(&text, &len, a))
		abort();
	/* the text may be longer than what is accepted from outside */
	if (len <= DESC_BYTES_MAX) {
		if (desc_decode(&b, text, len, &line) || !desc_equal(a, b))
			abort();
	}
	if (desc_copy(&c, a) || !desc_equal(a, c))
		abort();
	free(text);
	desc_free(a);
	desc_free(b);
	desc_free(c);
	return 0;
}
