/* bridge_imdn.c: IMDN and isComposing documents of any bytes: what was read,
 * written, reads the same. */
#include <stdlib.h>
#include <string.h>
#include "bridge/imdn.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void report(const struct pl *xml)
{
	struct imdn d, e;
	char *text;
	struct pl pl;

	if (imdn_decode(&d, xml))
		return;
	if (!d.id || !*d.id || imdn_encode(&text, &d, 0))
		abort();

	pl_set_str(&pl, text);
	/* a status that nobody knows has no name to be written with */
	if (d.status != IMDN_UNKNOWN) {
		if (imdn_decode(&e, &pl) || strcmp(d.id, e.id) ||
		    d.kind != e.kind || d.status != e.status)
			abort();
		imdn_clear(&e);
	}
	mem_deref(text);
	imdn_clear(&d);
}

static void state(const struct pl *xml)
{
	struct composing c, d;
	char *text;
	struct pl pl;

	if (composing_decode(&c, xml))
		return;
	if (composing_encode(&text, &c))
		abort();
	pl_set_str(&pl, text);
	if (composing_decode(&d, &pl) || c.active != d.active ||
	    (c.active && c.refresh != d.refresh))
		abort();
	mem_deref(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *copy = malloc(size ? size : 1); /* ends where the input does */
	struct pl xml;

	if (!copy)
		return 0;

	if (size)
		memcpy(copy, data, size);
	xml.p = copy;
	xml.l = size;
	report(&xml);
	state(&xml);
	free(copy);

	return 0;
}
