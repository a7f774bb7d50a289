/* xmlstream.c: bytes -> stream header and stanzas (expat; RFC 6120 11). */
#include "xmpp/xmlstream.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <expat.h>

#include "base/compat.h"
#include "base/id.h"
#include "base/text.h"
#include "xmpp/arena.h"

#ifndef PLANT
#define PLANT 0
#endif

/* It is not the peer's to choose: RFC 6120 11.6. */
#define ENCODING "UTF-8"

enum {
	SEPARATOR = '\n',      /* between namespace, name and prefix */
	SLICE = 4096,	       /* bytes given to expat between two checks */
	TOKEN_MAX = 64 * 1024, /* bytes of one tag; expat holds it whole */
	/* expat keeps every element, attribute and prefix name that it has
	 * seen until its end: start afresh so often (bytes read) */
	PARSER_LIFE = 256 * 1024,
	HELD_PER_BYTE = 8, /* hardening.md 1, XML bombs */
	HELD_FREE = 4096,  /* bytes that even the shortest stanza may hold */
	TEXT_KEEP = 16384, /* bytes of text buffer kept between stanzas */
	HEADER_NS = 16,	   /* namespaces of the stream header */
};

/* hardening.md section 3 */
static const struct xmlstream_limits limits_default = {256 * 1024, 32, 64,
						       4096};

/* In 2.6, and in Debian's 2.5 without a sign of it in the version. */
extern XML_Bool XML_SetReparseDeferralEnabled(XML_Parser parser,
					      XML_Bool enabled)
    __attribute__((weak));

struct xmlstream {
	XML_Parser parser;
	struct xmlstream_limits limits;
	struct xmlstream_handlers h;

	struct stanza *root, *cur; /* being built */
	unsigned depth;		   /* open elements, stream included */
	unsigned nodes;		   /* elements of this stanza */
	unsigned nsdecls;	   /* of the tag to come */

	char *text; /* not yet added to cur */
	size_t text_len, text_size;

	/* offsets in what this parser was fed */
	uint64_t fed;
	uint64_t base;	/* where the stanza, or the space before it, began */
	uint64_t token; /* end of the last token that was seen */

	char *header; /* stream tag for the next parser */
	bool replay;  /* it is being fed */
	bool renew;   /* at the end of this stanza */
	bool closed;

	int err;
	const char *why;
};

struct name { /* of expat's "namespace\nname\nprefix" */
	struct pl ns, name, prefix;
};

static void fail(struct xmlstream *x, int err, const char *why)
{
	if (x->err)
		return;

	x->err = err;
	x->why = why;
	(void)XML_StopParser(x->parser, XML_FALSE);
}

static void name_split(struct name *n, const char *s)
{
	const char *sep = strchr(s, SEPARATOR), *end;

	n->ns.p = s;
	n->ns.l = sep ? (size_t)(sep - s) : 0;
	n->name.p = sep ? sep + 1 : s;
	end = sep ? strchr(sep + 1, SEPARATOR) : NULL;
	n->name.l = end ? (size_t)(end - n->name.p) : strlen(n->name.p);
	n->prefix.p = end ? end + 1 : "";
	n->prefix.l = strlen(n->prefix.p);
}

static void budget_set(struct xmlstream *x)
{
	if (x->root)
		x->root->arena->budget =
		    HELD_FREE + HELD_PER_BYTE * (size_t)(x->token - x->base);
}

/* Called first by each handler: notes where we are.  False: do nothing. */
static bool token_note(struct xmlstream *x)
{
	if (x->err || x->closed || x->renew)
		return false;

	x->token = (uint64_t)(XML_GetCurrentByteIndex(x->parser) +
			      XML_GetCurrentByteCount(x->parser));

	if (x->depth > 1 && x->token - x->base > x->limits.bytes) {
		fail(x, E2BIG, "stanza is too long");
		return false;
	}

	budget_set(x);

	return true;
}

static void refused(struct xmlstream *x)
{
	if (x->root && x->root->arena->over)
		fail(x, E2BIG, "stanza takes too much memory");
	else
		fail(x, ENOMEM, "out of memory");
}

static void text_flush(struct xmlstream *x)
{
	if (!x->text_len)
		return;

	if (!stanza_textn_add(x->cur, x->text, x->text_len))
		refused(x);

	x->text_len = 0;
}

static void text_append(struct xmlstream *x, const char *s, size_t len)
{
	size_t need = x->text_len + len;

#if PLANT == 1
	if (need > x->text_size + 1) {
#else
	if (need > x->text_size) {
#endif
		size_t size = need + need / 2 + 64;
		char *t = x->text ? mem_realloc(x->text, size)
				  : mem_alloc(size, NULL);

		if (!t) {
			refused(x);
			return;
		}

		x->text = t;
		x->text_size = size;
	}

	memcpy(x->text + x->text_len, s, len);
	x->text_len = need;
}

static bool attrs_add(struct stanza *e, const char **atts)
{
	for (; *atts; atts += 2) {
		struct name n;

		name_split(&n, atts[0]);
		if (stanza_attr_setn(e, &n.name, &n.ns, atts[1]))
			return false;
	}

	return true;
}

/* Completes "<p:name xmlns..": what the next parser gets before the rest. */
static void header_keep(struct xmlstream *x, const struct name *n)
{
	char *tag = NULL;

	if (re_sdprintf(&tag, "<%r%s%r%s>", &n->prefix, n->prefix.l ? ":" : "",
			&n->name, x->header ? x->header : "")) {
		refused(x);
		return;
	}

	mem_deref(x->header);
	x->header = tag;
}

static void header_open(struct xmlstream *x, const struct name *n,
			const char **atts)
{
	struct stanza *e;

	header_keep(x, n);
	if (x->err)
		return;

	e = stanza_addn(NULL, &n->name, &n->ns);
	if (e && attrs_add(e, atts))
		x->h.open(e, x->h.arg);
	else
		refused(x);

	stanza_free(e);
}

static bool limits_hold(struct xmlstream *x, const char **atts)
{
	unsigned n = x->nsdecls;

	x->nsdecls = 0;

	while (*atts) {
		n++;
		atts += 2;
	}

	if (n > x->limits.attrs)
		fail(x, E2BIG, "element has too many attributes");
	else if (x->depth > x->limits.depth)
		fail(x, E2BIG, "stanza is too deep");
	else if (x->nodes >= x->limits.children)
		fail(x, E2BIG, "stanza has too many elements");

	return !x->err;
}

static void start_h(void *arg, const char *name, const char **atts)
{
	struct xmlstream *x = arg;
	struct stanza *e;
	struct name n;

	if (!token_note(x) || !limits_hold(x, atts))
		return;

	name_split(&n, name);

	if (x->depth++ == 0) {
		if (!x->replay)
			header_open(x, &n, atts);
		x->base = x->token;
		return;
	}

	x->nodes++;

	if (x->cur)
		text_flush(x);
	if (x->err)
		return;

	e = stanza_addn(x->cur, &n.name, &n.ns);
	if (!x->root) {
		x->root = e;
		budget_set(x);
	}
	if (!e || !attrs_add(e, atts)) {
		refused(x);
		return;
	}

	x->cur = e;
}

static void stanza_done(struct xmlstream *x)
{
	struct stanza *st = x->root;

	x->root = x->cur = NULL;
	x->nodes = 0;
	x->base = x->token;

	st->arena->budget = 0; /* it is the handler's now */

	if (x->text_size > TEXT_KEEP) {
		x->text = mem_deref(x->text);
#if PLANT != 3
		x->text_size = 0;
#endif
	}

	if (x->token > PARSER_LIFE) {
		x->renew = true;
		(void)XML_StopParser(x->parser, XML_TRUE);
	}

	x->h.stanza(st, x->h.arg);
}

static void end_h(void *arg, const char *name)
{
	struct xmlstream *x = arg;

	(void)name;

	if (!token_note(x))
		return;

	x->depth--;

	if (x->depth == 0) {
		x->closed = true;
		(void)XML_StopParser(x->parser, XML_FALSE);
		x->h.close(x->h.arg);
		return;
	}

	text_flush(x);
	if (x->err)
		return;

	x->cur = x->cur->parent;
	if (!x->cur)
		stanza_done(x);
}

static bool is_space(const char *s, size_t len)
{
	while (len && memchr(" \t\r\n", s[len - 1], 4))
		len--;

	return len == 0;
}

static void text_h(void *arg, const char *s, int len)
{
	struct xmlstream *x = arg;

	if (!token_note(x))
		return;

	if (x->cur) {
		text_append(x, s, (size_t)len);
		return;
	}

	/* RFC 6120 4.6.1: white space keeps the connection alive */
	if (is_space(s, (size_t)len))
		x->base = x->token;
	else
		fail(x, EBADMSG, "text between stanzas");
}

static void header_ns(struct xmlstream *x, const char *prefix, const char *uri)
{
	char *text = NULL;
	struct pl pl;

	if (x->nsdecls > HEADER_NS) {
		fail(x, E2BIG, "stream header has too many namespaces");
		return;
	}

	pl_set_str(&pl, uri ? uri : "");

	if (re_sdprintf(&text, "%s xmlns%s%s='%H'", x->header ? x->header : "",
			prefix ? ":" : "", prefix ? prefix : "",
			text_print_xml, &pl)) {
		refused(x);
		return;
	}

	mem_deref(x->header);
	x->header = text;
}

/* Comes before the start of the element; expat does not count these among the
 * attributes. */
static void ns_h(void *arg, const char *prefix, const char *uri)
{
	struct xmlstream *x = arg;

	if (x->err || x->closed)
		return;

	x->nsdecls++;

	if (x->depth == 0 && !x->replay)
		header_ns(x, prefix, uri);
}

/* RFC 6120 11.1: none of these three in a stream. */
static void doctype_h(void *arg, const char *name, const char *sysid,
		      const char *pubid, int internal)
{
	(void)name;
	(void)sysid;
	(void)pubid;
	(void)internal;

	fail(arg, EBADMSG, "document type declaration");
}

static void pi_h(void *arg, const char *target, const char *data)
{
	(void)target;
	(void)data;

	fail(arg, EBADMSG, "processing instruction");
}

static void comment_h(void *arg, const char *data)
{
	(void)data;

	fail(arg, EBADMSG, "comment");
}

/* One of a short document waits for the next: what expat takes for each is
 * most of the work of so few bytes. */
static XML_Parser spare;

/* Not within a handler of its own. */
static void parser_drop(struct xmlstream *x)
{
	if (!x->parser)
		return;
	if (spare || x->err || x->fed > SLICE ||
	    !XML_ParserReset(x->parser, ENCODING))
		XML_ParserFree(x->parser);
	else
		spare = x->parser;
	x->parser = NULL;
}

static int parser_new(struct xmlstream *x)
{
	XML_Parser p = spare;

	if (p)
		spare = NULL;
	else
		p = XML_ParserCreateNS(ENCODING, SEPARATOR);
	if (!p)
		return ENOMEM;

	/* what arrived is delivered at once, not with the next bytes */
	if (XML_SetReparseDeferralEnabled)
		(void)XML_SetReparseDeferralEnabled(p, XML_FALSE);

	/* expat would ask the kernel for one each time */
	(void)XML_SetHashSalt(p, (unsigned long)id_random());
	XML_SetReturnNSTriplet(p, 1);
	XML_SetUserData(p, x);
	XML_SetElementHandler(p, start_h, end_h);
	XML_SetCharacterDataHandler(p, text_h);
	XML_SetStartNamespaceDeclHandler(p, ns_h);
	XML_SetStartDoctypeDeclHandler(p, doctype_h);
	XML_SetProcessingInstructionHandler(p, pi_h);
	XML_SetCommentHandler(p, comment_h);

	parser_drop(x);
	x->parser = p;

	return 0;
}

/* Between two stanzas: a new parser that has seen the same stream tag. */
static int parser_renew(struct xmlstream *x)
{
	size_t len = strlen(x->header);
	int err;

	err = parser_new(x);
	if (err)
		return err;

	x->renew = false;
	x->depth = x->nsdecls = 0;
	x->fed = len;
	x->replay = true;

	if (XML_Parse(x->parser, x->header, (int)len, XML_FALSE) !=
	    XML_STATUS_OK)
		err = x->err ? x->err : ENOMEM;

	x->replay = false;

	return err;
}

/* Returns in *used how much of buf was taken. */
static int slice_feed(struct xmlstream *x, const char *buf, size_t len,
		      size_t *used)
{
	uint64_t start = x->fed;
	int err;

	*used = len;
	x->fed += len;

	switch (XML_Parse(x->parser, buf, (int)len, XML_FALSE)) {
	case XML_STATUS_OK:
		break;
	case XML_STATUS_SUSPENDED:
#if PLANT == 2
		*used = (size_t)(x->token - start) + (len > 4000);
#else
		*used = (size_t)(x->token - start);
#endif
		err = parser_renew(x);
		if (err)
			fail(x, err, "out of memory");
		return x->err;
	default:
		if (!x->err && !x->closed) {
			enum XML_Error e = XML_GetErrorCode(x->parser);

			x->err = e == XML_ERROR_NO_MEMORY ? ENOMEM : EBADMSG;
			x->why = XML_ErrorString(e);
		}
		return x->err;
	}

	if (x->fed - x->token > TOKEN_MAX)
		fail(x, E2BIG, "tag is too long");
	else if (x->fed - x->base > x->limits.bytes)
		fail(x, E2BIG, "stanza is too long");

	return x->err;
}

int xmlstream_feed(struct xmlstream *x, const char *buf, size_t len,
		   const char **why)
{
	int err = 0;

	if (!x || (!buf && len))
		return EINVAL;

	err = x->err;

	while (len && !err && !x->closed) {
		size_t used;

		err = slice_feed(x, buf, len < SLICE ? len : SLICE, &used);
		buf += used;
		len -= used;
	}

	if (why)
		*why = x->why;

	return err;
}

int xmlstream_alloc(struct xmlstream **xp, const struct xmlstream_limits *l,
		    const struct xmlstream_handlers *h)
{
	struct xmlstream *x;
	int err;

	if (!xp || !h || !h->open || !h->stanza || !h->close)
		return EINVAL;

	x = mem_zalloc(sizeof(*x), NULL);
	if (!x)
		return ENOMEM;

	x->limits = l ? *l : limits_default;
	x->h = *h;

	err = parser_new(x);
	if (err)
		xmlstream_free(x);
	else
		*xp = x;

	return err;
}

void xmlstream_free(struct xmlstream *x)
{
	if (!x)
		return;

	parser_drop(x);
	stanza_free(x->root);
	mem_deref(x->header);
	mem_deref(x->text);
	mem_deref(x);
}
