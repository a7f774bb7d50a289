/* xmldoc.c: a whole XML document as a stanza tree. */
#include "xmpp/xmldoc.h"

#include <errno.h>
#include <string.h>

#include "base/compat.h"
#include "xmpp/xmlstream.h"

/* Where pat begins, or the end of the text. */
static size_t find(const char *s, size_t len, const char *pat)
{
	const char *p = memmem(s, len, pat, strlen(pat));

	return p ? (size_t)(p - s) : len;
}

static bool begins(const char *s, size_t len, const char *pat)
{
	return len >= strlen(pat) && !memcmp(s, pat, strlen(pat));
}

/* Length of the XML declaration and what may stand before it. */
static size_t prolog(const char *s, size_t len)
{
	size_t i = 0, n;

	if (begins(s, len, "\xef\xbb\xbf"))
		i += 3;
	while (i < len && strchr(" \t\r\n", s[i]) && s[i])
		++i;
	if (!begins(s + i, len - i, "<?xml"))
		return i;

	n = find(s + i, len - i, "?>");

	return i + n + (n < len - i ? 2 : 0);
}

/* The text without comments; what CDATA holds is none. */
static int strip(struct mbuf *mb, const char *s, size_t len)
{
	int err = 0;

	while (len && !err) {
		size_t n = find(s, len, "<!"), skip = 0;

		if (begins(s + n, len - n, "<!--")) {
			skip = find(s + n, len - n, "-->");
			if (skip == len - n)
				return EBADMSG;
			skip += 3;
		} else if (begins(s + n, len - n, "<![CDATA[")) {
			n += find(s + n, len - n, "]]>");
		} else if (n < len) {
			++n; /* a DTD: the parser refuses it */
		}
		err = mbuf_write_mem(mb, (const uint8_t *)s, n);
		s += n + skip;
		len -= n + skip;
	}

	return err;
}

static void opened(const struct stanza *header, void *arg)
{
	(void)header;
	(void)arg;
}

/* The first element is the document. */
static void element(struct stanza *st, void *arg)
{
	struct stanza **rootp = arg;

	if (*rootp)
		stanza_free(st);
	else
		*rootp = st;
}

static void closed(void *arg)
{
	(void)arg;
}

int xmldoc_decode(struct stanza **rootp, const char *text, size_t len)
{
	static const char head[] = "<d>";
	const struct xmlstream_limits limits = {64 * 1024, 16, 32, 1024};
	struct xmlstream_handlers h = {opened, element, closed, NULL};
	struct xmlstream *x = NULL;
	struct stanza *root = NULL;
	const size_t skip = text ? prolog(text, len) : 0;
	struct mbuf *mb;
	const char *why;
	int err;

	if (!rootp || !text)
		return EINVAL;

	mb = mbuf_alloc(len - skip + 1);
	if (!mb)
		return ENOMEM;

	h.arg = &root;
	err = strip(mb, text + skip, len - skip);
	if (!err)
		err = xmlstream_alloc(&x, &limits, &h);
	if (!err)
		err = xmlstream_feed(x, head, strlen(head), &why);
	if (!err)
		err = xmlstream_feed(x, (const char *)mb->buf, mb->end, &why);
	if (!err && !root)
		err = EBADMSG;

	xmlstream_free(x);
	mem_deref(mb);
	if (err)
		stanza_free(root);
	else
		*rootp = root;

	return err;
}
