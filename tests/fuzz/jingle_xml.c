/* jingle_xml.c: XML text -> <jingle/> -> desc -> <jingle/> -> desc: once
 * decoded, nothing changes any more.  The first byte chooses the role. */
#include <stddef.h>
#include <stdint.h>

#include "../unit/jinglehelp.h"
#include "jingle/jingle.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char *text_of(const struct desc *d, bool initiator, bool description)
{
	struct stanza *e = stanza_new("jingle", NS_JINGLE);
	char *text = NULL;

	if (jingle_encode(e, d, initiator, description, -1) ||
	    re_sdprintf(&text, "%H", stanza_print, e))
		abort();
	stanza_free(e);

	return text;
}

/* What was read, written, must read and write the same. */
static void again(const struct desc *d, bool initiator, bool description)
{
	char *first = text_of(d, initiator, description), *second;
	struct stanza *e = help_parse(first, strlen(first));
	struct desc *d2;

	if (!e || jingle_decode(&d2, e, initiator))
		abort();
	second = text_of(d2, initiator, description);
	if (strcmp(first, second))
		abort();

	desc_free(d2);
	stanza_free(e);
	mem_deref(first);
	mem_deref(second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	bool initiator = size && data[0] != ' ';
	struct stanza *st = help_parse((const char *)data, size);
	struct desc *d;
	struct jmi jmi;

	if (!st)
		return 0;

	if (!jmi_decode(&jmi, st) && (!jmi.id || !*jmi.id))
		abort();
	if (!jingle_decode(&d, st, initiator)) {
		again(d, initiator, true);
		again(d, initiator, false);
		desc_free(d);
	}
	stanza_free(st);

	return 0;
}
