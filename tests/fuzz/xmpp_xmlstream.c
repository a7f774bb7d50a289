/* xmpp_xmlstream.c: a stream cut at odd places; what is printed reads back.
 *
 * The first byte says how long the pieces are (0: all at once), its highest bit
 * that the input brings its own stream header. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/compat.h"
#include "xmpp/xmlstream.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define OPEN                                                                  \
	"<stream:stream xmlns='jabber:component:accept' "                     \
	"xmlns:stream='http://etherx.jabber.org/streams'>"

static void open_h(const struct stanza *header, void *arg)
{
	(void)header;
	(void)arg;
}

static void close_h(void *arg)
{
	(void)arg;
}

static void stanza_h(struct stanza *st, void *arg)
{
	struct stanza *copy = stanza_copy(NULL, st);

	if (mbuf_printf(arg, "%H", stanza_print, copy))
		abort();

	stanza_free(copy);
	stanza_free(st);
}

/* Feeds what is in pieces; the stanzas come out as text. */
static int stream_read(struct mbuf *out, const char *in, size_t len,
		       size_t piece, bool header)
{
	const struct xmlstream_handlers h = {open_h, stanza_h, close_h, out};
	struct xmlstream *x = NULL;
	int err;

	err = xmlstream_alloc(&x, NULL, &h);
	if (!err && header)
		err = xmlstream_feed(x, OPEN, sizeof(OPEN) - 1, NULL);

	while (len && !err) {
		size_t n = piece && piece < len ? piece : len;

		err = xmlstream_feed(x, in, n, NULL);
		in += n;
		len -= n;
	}

	xmlstream_free(x);

	return err;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mbuf *whole = mbuf_alloc(512), *cut = mbuf_alloc(512);
	struct mbuf *again = mbuf_alloc(512);
	bool head;

	if (size-- < 1)
		goto out;

	head = !(data[0] & 0x80);
	(void)stream_read(whole, (const char *)data + 1, size, 0, head);
	(void)stream_read(cut, (const char *)data + 1, size, data[0] & 0x7f,
			  head);
	(void)stream_read(again, (char *)whole->buf, whole->end, 0, true);

	if (whole->end != cut->end || whole->end != again->end ||
	    memcmp(whole->buf, cut->buf, cut->end) != 0 ||
	    memcmp(whole->buf, again->buf, again->end) != 0)
		abort();

out:
	mem_deref(whole);
	mem_deref(cut);
	mem_deref(again);

	return 0;
}
