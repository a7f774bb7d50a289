/* bridge_pidf.c: presence documents and dialog-info: decode, encode, decode
 * again, the same. */
#include <stdlib.h>
#include <string.h>
#include "bridge/pidf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What a document cannot say of closed tuples, or says otherwise. */
static void normalise(struct pidf_status *st)
{
	if (st->open)
		return;
	st->show = PIDF_SHOW_NONE;
	st->priority = 0;
}

/* What goes on to the other side is harmless. */
static void check(const struct pidf_status *st)
{
	for (const char *s = st->text; s && *s; s++) {
		if ((unsigned char)*s < ' ')
			abort();
	}
	for (const char *s = st->lang; s && *s; s++) {
		if (*s != '-' && (*s < '0' || *s > 'z'))
			abort();
	}
}

static void round_trip(struct pidf_status *st)
{
	const struct pidf_tuple tuple = {"x", st};
	struct pidf_document doc = {"alice@example.com", &tuple, 1, false};
	struct mbuf *mb = mbuf_alloc(256);
	struct pidf_status again;

	normalise(st);
	doc.phone = st->phone;
	if (!mb || pidf_encode(mb, &doc))
		abort();
	if (pidf_decode(&again, (const char *)mb->buf, mb->end))
		abort();
	if (!st->open || st->show == PIDF_SHOW_NONE) /* RPID says the rest */
		again.show = st->show;
	if (!pidf_status_equal(st, &again))
		abort();

	pidf_status_clear(&again);
	mem_deref(mb);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dialoginfo di = {.known = true, .version = 1};
	char *copy = malloc(size + 1); /* ends where the input does */
	struct pidf_status st;

	if (!copy)
		return 0;
	memcpy(copy, data, size);
	copy = realloc(copy, size ? size : 1);

	if (!pidf_decode(&st, copy, size)) {
		check(&st);
		round_trip(&st);
		pidf_status_clear(&st);
	}
	(void)dialoginfo_decode(&di, copy, size);
	if (di.idc > DIALOGINFO_MAX)
		abort();

	free(copy);
	return 0;
}
