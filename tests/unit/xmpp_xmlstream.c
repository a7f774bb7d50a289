/* xmpp_xmlstream.c: bytes -> stanzas, limits, what a stream may not have. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/compat.h"
#include "xmpp/arena.h"
#include "xmpp/xmlstream.h"
#include "suite.h"

#define OPEN                                                                  \
	"<stream:stream xmlns='jabber:component:accept' "                     \
	"xmlns:stream='http://etherx.jabber.org/streams' id='i&amp;d' "       \
	"from='gw'>"

struct got {
	char *id;
	struct mbuf *mb; /* stanzas printed one after another */
	unsigned n, opened, closed;
	size_t held, in; /* of the last stanza */
};

static void open_h(const struct stanza *header, void *arg)
{
	struct got *g = arg;

	g->opened++;
	ck_assert(
	    stanza_is(header, "stream", "http://etherx.jabber.org/streams"));
	mem_deref(g->id);
	g->id = NULL;
	ck_assert_int_eq(0, str_dup(&g->id, stanza_attr(header, "id")));
}

static void stanza_h(struct stanza *st, void *arg)
{
	struct got *g = arg;

	g->n++;
	g->held = st->arena->held;
	if (g->mb->end < 4096)
		ck_assert_int_eq(0,
				 mbuf_printf(g->mb, "%H", stanza_print, st));
	stanza_free(st);
}

static void close_h(void *arg)
{
	struct got *g = arg;

	g->closed++;
}

static struct xmlstream *stream_new(struct got *g,
				    const struct xmlstream_limits *l)
{
	const struct xmlstream_handlers h = {open_h, stanza_h, close_h, g};
	struct xmlstream *x = NULL;

	memset(g, 0, sizeof(*g));
	g->mb = mbuf_alloc(64);
	ck_assert_int_eq(0, xmlstream_alloc(&x, l, &h));

	return x;
}

static void stream_end(struct xmlstream *x, struct got *g)
{
	xmlstream_free(x);
	mem_deref(g->mb);
	mem_deref(g->id);
}

static int feed(struct xmlstream *x, const char *s)
{
	const char *why = NULL;
	int err = xmlstream_feed(x, s, strlen(s), &why);

	ck_assert(!err == !why);

	return err;
}

static void got_is(const struct got *g, const char *s)
{
	ck_assert_uint_eq(strlen(s), g->mb->end);
	ck_assert_int_eq(0, memcmp(s, g->mb->buf, g->mb->end));
}

static const struct {
	const char *in, *out;
} accepted[] = {
    {"<iq type='get'/>", "<iq type='get'/>"},
    {"<a>t</a>", "<a>t</a>"},
    {"<a> <b/>x<c/>y</a>", "<a> <b/>x<c/>y</a>"},
    {"<q xmlns='n'><r xmlns='m'/><s/></q>",
     "<q xmlns='n'><r xmlns='m'/><s/></q>"},
    {"<p:q xmlns:p='n'><p:r/><s/></p:q>",
     "<q xmlns='n'><r/><s xmlns='jabber:component:accept'/></q>"},
    {"<a xml:lang='de' xmlns:z='zz' z:y='1'/>",
     "<a xml:lang='de' xmlns:a1='zz' a1:y='1'/>"},
    {"<a>&lt;&amp;&#65;&#x20AC;</a>", "<a>&lt;&amp;A\xe2\x82\xac</a>"},
    {"<a><![CDATA[<b>]]></a>", "<a>&lt;b&gt;</a>"},
    {"<a b=\"'\"/>", "<a b='&apos;'/>"},
    {"<stream:error><x xmlns='y'/></stream:error>",
     "<error xmlns='http://etherx.jabber.org/streams'>"
     "<x xmlns='y'/></error>"},
    {" \n<a/>\t <b/>\r\n", "<a/><b/>"},
};

START_TEST(test_accepted)
{
	struct got g;
	struct xmlstream *x = stream_new(&g, NULL);

	ck_assert_int_eq(0, feed(x, "<?xml version='1.0'?>" OPEN));
	ck_assert_uint_eq(1, g.opened);
	ck_assert_str_eq("i&d", g.id);
	ck_assert_int_eq(0, feed(x, accepted[_i].in));
	got_is(&g, accepted[_i].out);
	ck_assert_int_eq(0, feed(x, "</stream:stream>"));
	ck_assert_uint_eq(1, g.closed);
	ck_assert_int_eq(0, feed(x, "junk after the end"));
	stream_end(x, &g);
}
END_TEST

START_TEST(test_cut_anywhere)
{
	const char *in = accepted[_i].in;
	size_t cut;

	for (cut = 0; cut <= strlen(in); cut++) {
		struct got g;
		struct xmlstream *x = stream_new(&g, NULL);

		ck_assert_int_eq(0, feed(x, OPEN));
		ck_assert_int_eq(0, xmlstream_feed(x, in, cut, NULL));
		ck_assert_int_eq(0, feed(x, in + cut));

		/* nothing is held back until more comes */
		got_is(&g, accepted[_i].out);
		stream_end(x, &g);
	}
}
END_TEST

static const struct {
	const char *in;
	int err;
} refused[] = {
    {"<!DOCTYPE a [<!ENTITY b 'c'>]>", EBADMSG},
    {"<!DOCTYPE a SYSTEM 'file:///etc/passwd'>" OPEN, EBADMSG},
    {"<!-- c -->", EBADMSG},
    {OPEN "<!-- c -->", EBADMSG},
    {OPEN "<a><!-- c --></a>", EBADMSG},
    {OPEN "<?p i?>", EBADMSG},
    {"<?p i?>", EBADMSG},
    {OPEN "<a>&b;</a>", EBADMSG},
    {OPEN "<a></b>", EBADMSG},
    {OPEN "<a b='1' b='2'/>", EBADMSG},
    {OPEN "<p:a/>", EBADMSG},
    {OPEN "text<a/>", EBADMSG},
    {OPEN "<a>\x01</a>", EBADMSG},
    {OPEN "<a>\xff</a>", EBADMSG},
    {OPEN "<a>&#0;</a>", EBADMSG},
    {"<?xml version='1.0' encoding='ISO-8859-1'?>" OPEN "<a>\xe9</a>",
     EBADMSG},
    {"HTTP/1.1 400 Bad Request\r\n\r\n", EBADMSG},
};

START_TEST(test_refused)
{
	struct got g;
	struct xmlstream *x;
	const struct xmlstream_handlers none = {0};

	ck_assert_int_eq(EINVAL, xmlstream_alloc(&x, NULL, &none));

	x = stream_new(&g, NULL);
	ck_assert_int_eq(refused[_i].err, feed(x, refused[_i].in));

	/* and so it stays */
	ck_assert_int_eq(refused[_i].err, feed(x, "<a/>"));
	ck_assert_uint_eq(0, g.n);
	stream_end(x, &g);
}
END_TEST

static int feed_n(struct xmlstream *x, const char *s, unsigned n)
{
	int err = 0;

	while (n-- && !err)
		err = feed(x, s);

	return err;
}

START_TEST(test_limit_bytes)
{
	const struct xmlstream_limits l = {10000, 32, 64, 4096};
	struct got g;
	struct xmlstream *x = stream_new(&g, &l);

	ck_assert_int_eq(0, feed(x, OPEN "<a>"));
	ck_assert_int_eq(0, feed_n(x, "0123456789", 998));
	ck_assert_int_eq(0, feed(x, "</a>"));
	ck_assert_int_eq(0, feed_n(x, " ", 30000)); /* keepalives are free */
	ck_assert_int_eq(0, feed(x, "<a>"));
	ck_assert_int_eq(E2BIG, feed_n(x, "0123456789", 1001));
	ck_assert_uint_eq(1, g.n);
	stream_end(x, &g);

	x = stream_new(&g, &l);
	ck_assert_int_eq(0, feed(x, OPEN "<a b='"));
	ck_assert_int_eq(E2BIG, feed_n(x, "0123456789", 1001));
	stream_end(x, &g);
}
END_TEST

START_TEST(test_limit_tag)
{
	struct got g;
	struct xmlstream *x = stream_new(&g, NULL);

	ck_assert_int_eq(0, feed(x, OPEN "<a b='"));
	ck_assert_int_eq(0, feed_n(x, "0123456789", 6000));
	ck_assert_int_eq(E2BIG, feed_n(x, "0123456789", 1000));
	stream_end(x, &g);

	x = stream_new(&g, NULL);
	ck_assert_int_eq(0, feed(x, "<stream:stream id='"));
	ck_assert_int_eq(E2BIG, feed_n(x, "0123456789", 7000));
	ck_assert_uint_eq(0, g.opened);
	stream_end(x, &g);
}
END_TEST

START_TEST(test_limit_depth)
{
	struct got g;
	struct xmlstream *x = stream_new(&g, NULL);

	ck_assert_int_eq(0, feed(x, OPEN));
	ck_assert_int_eq(0, feed_n(x, "<a>", 32));
	ck_assert_int_eq(0, feed_n(x, "</a>", 32));
	ck_assert_uint_eq(1, g.n);
	ck_assert_int_eq(E2BIG, feed_n(x, "<a>", 33));
	stream_end(x, &g);
}
END_TEST

START_TEST(test_limit_attrs)
{
	struct got g;
	struct xmlstream *x = stream_new(&g, NULL);
	char tag[2048] = "<a";
	int i;

	ck_assert_int_eq(0, feed(x, OPEN));

	for (i = 0; i < 64; i++)
		(void)re_snprintf(tag + strlen(tag), 32, " a%d='1'", i);
	(void)re_snprintf(tag + strlen(tag), 32, "/>");
	ck_assert_int_eq(0, feed(x, tag));

	(void)re_snprintf(tag + strlen(tag) - 2, 32, " xmlns:p='n'/>");
	ck_assert_int_eq(E2BIG, feed(x, tag));
	ck_assert_uint_eq(1, g.n);
	stream_end(x, &g);
}
END_TEST

START_TEST(test_limit_children)
{
	const struct xmlstream_limits l = {256 * 1024, 32, 64, 100};
	struct got g;
	struct xmlstream *x = stream_new(&g, &l);

	ck_assert_int_eq(0, feed(x, OPEN "<a>"));
	ck_assert_int_eq(0, feed_n(x, "<bcdefghijklmnop/>", 99));
	ck_assert_int_eq(0, feed(x, "</a><a>"));
	ck_assert_int_eq(E2BIG, feed_n(x, "<bcdefghijklmnop/>", 100));
	stream_end(x, &g);
}
END_TEST

/* Prosody CVE-2026-43507: few bytes must not cost many. */
START_TEST(test_cve_2026_43507_amplification)
{
	struct got g;
	struct xmlstream *x = stream_new(&g, NULL);
	unsigned i;

	ck_assert_int_eq(0, feed(x, OPEN "<a>"));
	ck_assert_int_eq(E2BIG, feed_n(x, "<b/>", 4000));
	stream_end(x, &g);

	x = stream_new(&g, NULL);
	ck_assert_int_eq(0, feed(x, OPEN "<a>"));
	for (i = 0; i < 1000; i++)
		ck_assert_int_eq(0, feed(x, "<feature var='urn:x:y'/>"));
	ck_assert_int_eq(0, feed(x, "</a>"));
	ck_assert_uint_eq(1, g.n);
	ck_assert_uint_le(g.held, 8 * 24000 + 4096);
	stream_end(x, &g);
}
END_TEST

START_TEST(test_cve_2023_52425_big_token)
{
	struct got g;
	struct xmlstream *x = stream_new(&g, NULL);
	char *s = malloc(200000);

	/* large text is no token: it passes in pieces */
	ck_assert_ptr_nonnull(s);
	memset(s, 'a', 200000);
	ck_assert_int_eq(0, feed(x, OPEN "<a>"));
	ck_assert_int_eq(0, xmlstream_feed(x, s, 200000, NULL));
	ck_assert_int_eq(0, feed(x, "</a>"));
	ck_assert_uint_eq(1, g.n);
	ck_assert_uint_le(g.held, 8 * 200000);
	free(s);
	stream_end(x, &g);
}
END_TEST

/* expat never forgets a name; the stream outlives its parsers. */
START_TEST(test_many_names)
{
	struct got g;
	struct xmlstream *x = stream_new(&g, NULL);
	const unsigned n = 60000;
	char text[64 * 64];
	unsigned i, k;

	ck_assert_int_eq(0, feed(x, OPEN));

	for (i = 0; i < n;) {
		size_t len = 0;

		for (k = 0; k < 48; k++, i++)
			len += (size_t)re_snprintf(
			    text + len, sizeof(text) - len,
			    "<m%u a%u='1'><stream:b>t</stream:b></m%u>", i, i,
			    i);

		ck_assert_int_eq(0, xmlstream_feed(x, text, len, NULL));
	}

	ck_assert_uint_eq(n, g.n);
	ck_assert_uint_eq(1, g.opened);
	ck_assert_int_eq(0, feed(x, "</stream:stream>"));
	ck_assert_uint_eq(1, g.closed);
	stream_end(x, &g);
}
END_TEST

/* The next parser starts in the middle of what was read. */
START_TEST(test_renewed_mid_read)
{
	struct got g;
	struct xmlstream *x = stream_new(&g, NULL);
	struct mbuf *mb = mbuf_alloc(1 << 20);
	unsigned i;

	ck_assert_int_eq(0, feed(x, OPEN));
	for (i = 0; i < 20000; i++)
		(void)mbuf_printf(mb, "<message id='%u'/> ", i);

	ck_assert_int_eq(0, xmlstream_feed(x, (char *)mb->buf, mb->end, NULL));
	ck_assert_uint_eq(20000, g.n);
	mem_deref(mb);
	stream_end(x, &g);
}
END_TEST

START_TEST(test_freed_in_the_middle)
{
	struct got g;
	struct xmlstream *x = stream_new(&g, NULL);

	ck_assert_int_eq(0, feed(x, OPEN "<a b='c'>text<d>more"));
	stream_end(x, &g);
	xmlstream_free(NULL);
}
END_TEST

/* Whatever became of the stream before: nothing of it is left in the next. */
START_TEST(test_one_after_another)
{
	static const char *const ends[] = {"</stream:stream>",
					   "<p:a xmlns:p='n'>in the middle",
					   "<!-- -->", "</wrong>"};
	struct xmlstream *x;
	struct got g;

	for (size_t i = 0; i < ARRAY_SIZE(accepted); i++) {
		x = stream_new(&g, NULL);
		ck_assert_int_eq(0, feed(x, OPEN));
		ck_assert_int_eq(0, feed(x, accepted[i].in));
		got_is(&g, accepted[i].out);
		(void)feed(x, ends[i % ARRAY_SIZE(ends)]);
		stream_end(x, &g);

		x = stream_new(&g, NULL);
		ck_assert_int_eq(0, feed(x, OPEN));
		ck_assert_int_eq(EBADMSG, feed(x, "<p:q/>"));
		stream_end(x, &g);
	}
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("xmlstream");

	tcase_add_loop_test(tc, test_accepted, 0, ARRAY_SIZE(accepted));
	tcase_add_loop_test(tc, test_cut_anywhere, 0, ARRAY_SIZE(accepted));
	tcase_add_loop_test(tc, test_refused, 0, ARRAY_SIZE(refused));
	tcase_add_test(tc, test_limit_bytes);
	tcase_add_test(tc, test_limit_tag);
	tcase_add_test(tc, test_limit_depth);
	tcase_add_test(tc, test_limit_attrs);
	tcase_add_test(tc, test_limit_children);
	tcase_add_test(tc, test_cve_2026_43507_amplification);
	tcase_add_test(tc, test_cve_2023_52425_big_token);
	tcase_add_test(tc, test_many_names);
	tcase_add_test(tc, test_renewed_mid_read);
	tcase_add_test(tc, test_freed_in_the_middle);
	tcase_add_test(tc, test_one_after_another);

	return suite_run("xmpp_xmlstream", tc);
}
