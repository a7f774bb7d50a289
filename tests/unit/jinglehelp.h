/* jinglehelp.h: XML text -> stanza, for the tests of the Jingle folder. */
#ifndef JINGLEHELP_H
#define JINGLEHELP_H

#include <stdlib.h>
#include <string.h>

#include "base/compat.h"
#include "xmpp/stanza.h"
#include "xmpp/xmlstream.h"

static void help_stanza(struct stanza *st, void *arg)
{
	struct stanza **sp = arg;

	stanza_free(*sp);
	*sp = st;
}

static void help_ignore(const struct stanza *header, void *arg)
{
	(void)header;
	(void)arg;
}

static void help_close(void *arg)
{
	(void)arg;
}

/* The last stanza of the text; NULL: not well-formed. */
static struct stanza *help_parse(const char *xml, size_t len)
{
	static const char head[] =
	    "<stream:stream xmlns='jabber:component:accept' "
	    "xmlns:stream='http://etherx.jabber.org/streams'>";
	static const struct xmlstream_limits limits = {262144, 32, 64, 4096};
	struct stanza *st = NULL;
	struct xmlstream_handlers h = {help_ignore, help_stanza, help_close,
				       &st};
	struct xmlstream *x = NULL;
	const char *why = NULL;

	if (xmlstream_alloc(&x, &limits, &h))
		return NULL;
	if (!xmlstream_feed(x, head, sizeof(head) - 1, &why))
		(void)xmlstream_feed(x, xml, len, &why);
	xmlstream_free(x);

	return st;
}

#endif
