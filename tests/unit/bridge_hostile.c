/* bridge_hostile.c: a hundred thousand hostile strings through every field of
 * text, both ways: nothing crosses as syntax, everything is read again. */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "base/compat.h"
#include "base/text.h"
#include "bridge/address.h"
#include "bridge/chatwords.h"
#include "bridge/imdn.h"
#include "bridge/pidf.h"
#include "hostile.h"
#include "sip/cpim.h"
#include "sip/nameaddr.h"
#include "xmpp/jid.h"
#include "xmpp/xmlstream.h"

/* ---- to SIP ---- */

/* Name, subject, user part and text of a MESSAGE, which is read again. */
static void to_sip(struct mbuf *mb, const char *s)
{
	struct nameaddr_out out = {s, "sip:600@192.0.2.9"};
	const struct sip_hdr *hdr;
	struct sip_msg *msg;
	struct nameaddr na;
	struct address a;
	char *uri, *name;
	struct pl pl;

	pl_set_str(&pl, s);
	ck_assert_int_eq(address_print(&uri, s, "192.0.2.8"), 0);
	mbuf_rewind(mb);
	ck_assert_int_eq(
	    mbuf_printf(mb,
			"MESSAGE %s SIP/2.0\r\n"
			"Via: SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bK1\r\n"
			"From: %H;tag=1\r\nTo: <%s>\r\nCall-ID: 1\r\n"
			"CSeq: 1 MESSAGE\r\nSubject: %H\r\n"
			"Content-Length: %zu\r\n\r\n%s",
			uri, nameaddr_print, &out, uri, text_print_sip, &pl,
			pl.l, s),
	    0);
	mb->pos = 0;
	ck_assert_msg(!sip_msg_decode(&msg, mb), "%.*s", (int)mb->end,
		      (char *)mb->buf);
	ck_assert_uint_eq(list_count(&msg->hdrl), 7);
	ck_assert_int_eq(pl_strcmp(&msg->ruri, uri), 0);
	ck_assert_int_eq(pl_strcmp(&msg->uri.host, "192.0.2.8"), 0);
	ck_assert_int_eq(pl_strcmp(&msg->from.tag, "1"), 0);
	ck_assert(!pl_isset(&msg->to.tag));

	ck_assert_int_eq(nameaddr_decode(&na, &msg->from.val), 0);
	ck_assert_int_eq(pl_strcmp(&na.uri, out.uri), 0);
	ck_assert_int_eq(nameaddr_name(&name, &na), 0);
	ck_assert(!name || is_line(name, strlen(name)));
	mem_deref(name);

	hdr = sip_msg_hdr(msg, SIP_HDR_SUBJECT);
	ck_assert(hdr && is_line(hdr->val.p, hdr->val.l));

	/* the user part says what it said */
	if (address_decode(&a, uri) == 0) {
		ck_assert_str_eq(a.user, s);
		ck_assert_str_eq(a.host, "192.0.2.8");
		address_clear(&a);
	} else {
		ck_assert(!is_line(s, pl.l));
	}

	ck_assert_uint_eq(mbuf_get_left(mb), pl.l);
	ck_assert(!memcmp(mbuf_buf(mb), s, pl.l));
	mem_deref(msg);
	mem_deref(uri);
}

START_TEST(names_and_texts_to_sip)
{
	struct mbuf *mb = mbuf_alloc(4096);
	char s[LINE];

	for (unsigned i = 0; i < STRINGS; i++) {
		draw(s);
		to_sip(mb, s);
	}
	mem_deref(mb);
}
END_TEST

START_TEST(cpim_to_sip)
{
	char s[LINE], *text;
	struct cpim c, got;
	struct pl pl;

	for (unsigned i = 0; i < STRINGS; i++) {
		draw(s);
		memset(&c, 0, sizeof(c));
		pl_set_str(&c.from, "sip:600@192.0.2.9");
		pl_set_str(&c.to, "sip:601@192.0.2.8");
		pl_set_str(&c.message_id, "id1");
		pl_set_str(&c.subject, s);
		pl_set_str(&c.type, "text/plain");
		pl_set_str(&c.body, s);
		ck_assert_int_eq(re_sdprintf(&text, "%H", cpim_print, &c), 0);
		pl_set_str(&pl, text);
		ck_assert_msg(!cpim_decode(&got, &pl), "%s", text);
		ck_assert_int_eq(pl_cmp(&got.from, &c.from), 0);
		ck_assert_int_eq(pl_cmp(&got.to, &c.to), 0);
		ck_assert_int_eq(pl_cmp(&got.message_id, &c.message_id), 0);
		ck_assert_int_eq(pl_cmp(&got.body, &c.body), 0);
		ck_assert_uint_eq(got.datetime.l, 0);
		ck_assert_uint_eq(got.wants, 0);
		mem_deref(text);

		/* as an id it may pass, or is refused */
		pl_set_str(&c.message_id, s);
		if (re_sdprintf(&text, "%H", cpim_print, &c))
			continue;
		pl_set_str(&pl, text);
		ck_assert_msg(!cpim_decode(&got, &pl), "%s", text);
		ck_assert_int_eq(pl_strcmp(&got.message_id, s), 0);
		mem_deref(text);
	}
}
END_TEST

/* A report on a message that is called so. */
static void report(char *id)
{
	const struct imdn said = {id, IMDN_DISPLAY, IMDN_DISPLAYED};
	struct imdn got;
	struct pl pl;
	char *xml;

	if (!id[strspn(id, " \t\r\n")] || imdn_encode(&xml, &said, 0))
		return;
	pl_set_str(&pl, xml);
	memset(&got, 0, sizeof(got));
	ck_assert_msg(!imdn_decode(&got, &pl), "%s", xml);
	ck_assert_int_eq(got.kind, IMDN_DISPLAY);
	ck_assert_int_eq(got.status, IMDN_DISPLAYED);
	imdn_clear(&got);
	mem_deref(xml);
}

START_TEST(presence_to_sip)
{
	struct mbuf *mb = mbuf_alloc(4096);
	char s[LINE];

	for (unsigned i = 0; i < STRINGS; i++) {
		struct pidf_status said = {.open = true, .text = s};
		const struct pidf_tuple t = {s, &said};
		const struct pidf_document doc = {s, &t, 1, false};
		struct pidf_status st;

		draw(s);
		mbuf_rewind(mb);
		ck_assert_int_eq(pidf_encode(mb, &doc), 0);
		memset(&st, 0, sizeof(st));
		ck_assert_msg(!pidf_decode(&st, (char *)mb->buf, mb->end),
			      "%.*s", (int)mb->end, (char *)mb->buf);
		ck_assert(st.open);
		pidf_status_clear(&st);
		report(s);
	}
	mem_deref(mb);
}
END_TEST

/* ---- to XMPP ---- */

static struct stanza *came;

static void on_open(const struct stanza *header, void *arg)
{
	(void)header;
	(void)arg;
}

static void on_stanza(struct stanza *st, void *arg)
{
	(void)arg;
	ck_assert(!came);
	came = st;
}

static void on_close(void *arg)
{
	(void)arg;
	ck_abort_msg("the stream was closed");
}

/* A stanza of ours: five texts and nothing else. */
static struct stanza *message(const char *s, const char *clean,
			      const char *from)
{
	struct stanza *st = stanza_new("message", NS_COMPONENT);

	(void)stanza_attr_set(st, "from", from);
	(void)stanza_attr_set(st, "id", s);
	(void)stanza_text_add(stanza_add(st, "body", NULL), s);
	(void)stanza_text_add(stanza_add(st, "subject", NULL), clean);
	(void)stanza_attr_set(stanza_add(st, "x", "urn:x"), "y", s);
	ck_assert(stanza_ok(st));

	return st;
}

static void read_again(struct xmlstream *x, struct mbuf *mb, const char *clean,
		       const char *from)
{
	static const char *const names[] = {"body", "subject", "x"};
	const char *why = "";
	struct stanza *e;
	size_t i = 0;

	ck_assert_msg(!xmlstream_feed(x, (char *)mb->buf, mb->end, &why),
		      "%s: %.*s", why, (int)mb->end, (char *)mb->buf);
	ck_assert(came != NULL);
	ck_assert_str_eq(came->name, "message");
	ck_assert_str_eq(stanza_attr(came, "from"), from);
	for (e = came->child; e; e = e->next) {
		ck_assert(i < ARRAY_SIZE(names) && e->name);
		ck_assert_str_eq(e->name, names[i++]);
		ck_assert(!e->child || !e->child->name);
	}
	ck_assert_uint_eq(i, ARRAY_SIZE(names));
	e = stanza_child(came, "subject", NULL);
	/* of what is UTF-8, XML refuses these two (XML 1.0 2.2) */
	if (!strstr(clean, "\xef\xbf\xbe") && !strstr(clean, "\xef\xbf\xbf"))
		ck_assert_str_eq(e->child ? e->child->text : "", clean);
	stanza_free(came);
	came = NULL;
}

START_TEST(names_and_texts_to_xmpp)
{
	static const struct xmlstream_handlers h = {on_open, on_stanza,
						    on_close, NULL};
	static const char open[] =
	    "<stream:stream xmlns='jabber:component:accept' "
	    "xmlns:stream='http://etherx.jabber.org/streams'>";
	struct mbuf *mb = mbuf_alloc(4096);
	struct xmlstream *x;
	char s[LINE];

	ck_assert_int_eq(xmlstream_alloc(&x, NULL, &h), 0);
	ck_assert_int_eq(xmlstream_feed(x, open, sizeof(open) - 1, NULL), 0);
	for (unsigned i = 0; i < STRINGS; i++) {
		const char *from = "600@sip.example.com/sip";
		char *clean, *local = NULL, *jid = NULL, *back;
		struct stanza *st;
		struct jid j;
		struct pl pl;

		draw(s);
		pl_set_str(&pl, s);
		ck_assert_int_eq(text_clean(&clean, &pl, LINE), 0);
		ck_assert(is_line(clean, strlen(clean)));
		if (!jid_escape(&local, s, pl.l) &&
		    !re_sdprintf(&jid, "%s@sip.example.com/sip", local) &&
		    !jid_decode(&j, jid, strlen(jid))) {
			ck_assert_str_eq(j.domain, "sip.example.com");
			ck_assert_str_eq(j.resource, "sip");
			ck_assert_int_eq(
			    jid_unescape(&back, j.local, strlen(j.local)), 0);
			mem_deref(back);
			jid_clear(&j);
			from = jid;
		}
		st = message(s, clean, from);
		mbuf_rewind(mb);
		ck_assert_int_eq(mbuf_printf(mb, "%H", stanza_print, st), 0);
		read_again(x, mb, clean, from);
		stanza_free(st);
		mem_deref(clean);
		mem_deref(local);
		mem_deref(jid);
	}
	xmlstream_free(x);
	mem_deref(mb);
}
END_TEST

/* What a phone may call text: it is text then, or refused. */
START_TEST(bodies_to_xmpp)
{
	static const char *const charsets[] = {"", "utf-8", "iso-8859-1"};
	char s[LINE], *text;

	for (unsigned i = 0; i < STRINGS; i++) {
		struct pl pl, charset;

		draw(s);
		pl_set_str(&pl, s);
		pl_set_str(&charset, charsets[i % ARRAY_SIZE(charsets)]);
		if (!chatwords_text(&text, &pl, &charset)) {
			ck_assert(text_is_utf8(text, strlen(text)));
			mem_deref(text);
		}
		if (text_is_utf8(s, pl.l)) {
			ck_assert_int_eq(chatwords_flatten(&text, &pl), 0);
			ck_assert(text_is_utf8(text, strlen(text)));
			mem_deref(text);
		}
		text = NULL;
		if (!chatwords_lang(&text, &pl) && text)
			ck_assert_uint_eq(
			    strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJ"
					 "KLMNOPQRSTUVWXYZ0123456789-"),
			    strlen(text));
		text = mem_deref(text);
	}
}
END_TEST

/* XML as a well-behaved peer would write it, and as it stands. */
static int said(char **xmlp, const char *fmt, const char *s, bool escaped)
{
	struct stanza *st = stanza_new("x", "");
	char *text = NULL;
	int err = 0;

	(void)stanza_text_add(st, s);
	if (escaped)
		err = re_sdprintf(&text, "%H", stanza_print, st);
	if (!err && escaped) { /* without its <x> and </x> */
		const char *from = strchr(text, '>'), *to = strrchr(text, '<');
		const size_t n =
		    from && to > from ? (size_t)(to - from - 1) : 0;

		err = re_sdprintf(xmlp, fmt, from + 1, n, from + 1, n,
				  from + 1, n);
	} else if (!err) {
		err = re_sdprintf(xmlp, fmt, s, strlen(s), s, strlen(s), s,
				  strlen(s));
	}
	mem_deref(text);
	stanza_free(st);

	return err;
}

/* What documents and headers of a telephone bring: each is text, or nothing
 * is taken. */
static bool document_to_xmpp(const char *s, bool escaped)
{
	static const char pidf[] =
	    "<presence xmlns='urn:ietf:params:xml:ns:pidf' entity='pres:a@b'>"
	    "<tuple id='a'><status><basic>open</basic>"
	    "<show xmlns='jabber:client'>%b</show></status>"
	    "<contact priority='0.5'>sip:%b</contact>"
	    "<note>%b</note></tuple></presence>";
	static const char imdn[] =
	    "<imdn xmlns='urn:ietf:params:xml:ns:imdn'><message-id>%b"
	    "</message-id><datetime>%b</datetime><display-notification>"
	    "<status><displayed/></status><note>%b</note>"
	    "</display-notification></imdn>";
	struct pidf_status st;
	struct imdn d;
	struct pl pl;
	bool taken;
	char *xml;

	ck_assert_int_eq(said(&xml, pidf, s, escaped), 0);
	memset(&st, 0, sizeof(st));
	taken = !pidf_decode(&st, xml, strlen(xml));
	if (taken) {
		ck_assert(!st.text || is_line(st.text, strlen(st.text)));
		ck_assert(!st.lang);
		ck_assert_uint_lt(st.show, PIDF_SHOW_MAX);
	}
	pidf_status_clear(&st);
	mem_deref(xml);

	ck_assert_int_eq(said(&xml, imdn, s, escaped), 0);
	pl_set_str(&pl, xml);
	memset(&d, 0, sizeof(d));
	if (!imdn_decode(&d, &pl))
		ck_assert(d.id && text_is_utf8(d.id, strlen(d.id)));
	imdn_clear(&d);
	mem_deref(xml);

	return taken;
}

static void header_to_xmpp(const char *s)
{
	struct nameaddr na;
	struct cpim c;
	struct pl pl;
	char *text, *name = NULL;

	ck_assert_int_eq(re_sdprintf(&text, "\"%s\" <sip:600@192.0.2.9>", s),
			 0);
	pl_set_str(&pl, text);
	if (!nameaddr_decode(&na, &pl) && !nameaddr_name(&name, &na) && name)
		ck_assert(is_line(name, strlen(name)));
	mem_deref(name);
	mem_deref(text);

	ck_assert_int_eq(
	    re_sdprintf(&text,
			"From: %s <sip:600@192.0.2.9>\r\nSubject: %s\r\n"
			"DateTime: %s\r\nNS: imdn <urn:ietf:params:imdn>\r\n"
			"imdn.Message-ID: %s\r\n\r\n"
			"Content-Type: text/plain\r\n\r\n%s",
			s, s, s, s, s),
	    0);
	pl_set_str(&pl, text);
	if (!cpim_decode(&c, &pl)) { /* a slice is of one line */
		ck_assert(!memchr(c.subject.p, '\n', c.subject.l));
		ck_assert(!memchr(c.message_id.p, '\n', c.message_id.l));
		ck_assert(!memchr(c.from.p, '\n', c.from.l));
	}
	mem_deref(text);
}

START_TEST(documents_to_xmpp)
{
	unsigned taken = 0;
	char s[LINE];

	for (unsigned i = 0; i < STRINGS; i++) {
		draw(s);
		taken += document_to_xmpp(s, i % 2);
		header_to_xmpp(s);
	}
	ck_assert_uint_gt(taken, STRINGS / 2);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("bridge_hostile");
	TCase *tc = tcase_create("hostile");
	SRunner *sr;
	int failed;

	tcase_set_timeout(tc, 120); /* a machine may be busy */
	tcase_add_test(tc, names_and_texts_to_sip);
	tcase_add_test(tc, cpim_to_sip);
	tcase_add_test(tc, presence_to_sip);
	tcase_add_test(tc, names_and_texts_to_xmpp);
	tcase_add_test(tc, bodies_to_xmpp);
	tcase_add_test(tc, documents_to_xmpp);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);

	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
