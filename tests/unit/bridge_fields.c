/* bridge_fields.c: hostile strings through whole stanzas and requests, every
 * field of text that is read: bridge_hostile.c has the printers one by one, with
 * a hundred thousand each.  TEXTS: how many here. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
/* their statics are what a request is made of */
#include "bridge/chatpriv.h"
#include "bridge/chatwire.c"
#include "sip/message.c"
/* */
#include "base/text.h"
#include "bridge/account_priv.h"
#include "bridge/enum.h"
#include "bridge/pidf.h"
#include "bridge/route.h"
#include "bridge/show.h"
#include "hostile.h"
#include "sip/caller.h"
#include "suite.h"
#include "xmpp/xmlstream.h"

#define USER	"alice@xmpp.test"
#define CONTACT "600@gw.test"

static unsigned strings = STRINGS / 10;
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

/* What a server would make of it; st is freed. */
static struct stanza *parse_again(struct stanza *st)
{
	static const struct xmlstream_handlers h = {on_open, on_stanza,
						    on_close, NULL};
	static const char open[] =
	    "<stream:stream xmlns='jabber:component:accept' "
	    "xmlns:stream='http://etherx.jabber.org/streams'>";
	static struct xmlstream *x;
	struct stanza *got;
	const char *why = "";
	char *xml;

	if (!x) {
		ck_assert_int_eq(xmlstream_alloc(&x, NULL, &h), 0);
		ck_assert_int_eq(
		    xmlstream_feed(x, open, sizeof(open) - 1, NULL), 0);
	}
	ck_assert(stanza_ok(st));
	ck_assert_int_eq(re_sdprintf(&xml, "%H", stanza_print, st), 0);
	stanza_free(st);
	ck_assert_msg(!xmlstream_feed(x, xml, strlen(xml), &why), "%s: %s",
		      why, xml);
	ck_assert_msg(came != NULL, "%s", xml);
	mem_deref(xml);
	got = came;
	came = NULL;

	return got;
}

static void text_put_to(struct stanza *st, const char *name, const char *ns,
			const char *s)
{
	(void)stanza_text_add(stanza_add(st, name, ns), s);
}

/* ---- a message to SIP ---- */

static const struct config_chat chat_conf = {.reactions = true};
static struct chat chat;

/* What a server may bring: each extension says s wherever it can. */
static struct stanza *message_with(const char *s, unsigned i)
{
	struct stanza *st = stanza_new("message", NS_COMPONENT), *e;

	(void)stanza_attr_set(st, "id", s);
	(void)stanza_attr_set(st, i & 4 ? "xml:lang" : "type", s);
	if (i & 1)
		text_put_to(st, "body", NULL, s);
	text_put_to(st, "subject", NULL, s);
	text_put_to(st, "thread", NULL, s);
	text_put_to(st, "nick", NS_NICK, s);
	text_put_to(stanza_add(st, "x", "jabber:x:oob"), "url", NULL, s);
	if (i & 2) {
		e = stanza_add(st, "reactions", "urn:xmpp:reactions:0");
		(void)stanza_attr_set(e, "id", s);
		text_put_to(e, "reaction", NULL, s);
	}
	(void)stanza_attr_set(stanza_add(st, "delay", NS_DELAY), "stamp", s);
	(void)stanza_attr_set(stanza_add(st, "received", NS_RECEIPTS), "id",
			      s);
	(void)stanza_attr_set(stanza_add(st, "displayed", NS_MARKERS), "id",
			      s);
	(void)stanza_add(st, "request", NS_RECEIPTS);
	(void)stanza_add(st, "markable", NS_MARKERS);

	return parse_again(st);
}

static void request_check(struct mbuf *mb, const struct message_conf *conf,
			  const struct chatmsg *m)
{
	static const char *const names[] = {
	    "Via",	    "Max-Forwards",  "To",	"From",
	    "Call-ID",	    "CSeq",	     "Subject", "Content-Language",
	    "Content-Type", "Content-Length"};
	struct sip_msg *msg;
	struct cpim c;
	struct pl pl;
	struct le *le;
	size_t at = 0;

	mb->pos = 0;
	ck_assert_msg(!sip_msg_decode(&msg, mb), "%.*s", (int)mb->end,
		      (char *)mb->buf);
	LIST_FOREACH (&msg->hdrl, le) {
		const struct sip_hdr *hdr = le->data;

		while (at < ARRAY_SIZE(names) &&
		       pl_strcmp(&hdr->name, names[at]))
			++at;
		ck_assert_msg(at++ < ARRAY_SIZE(names), "%.*s", (int)mb->end,
			      (char *)mb->buf);
		ck_assert(is_line(hdr->val.p, hdr->val.l));
	}
	ck_assert_int_eq(pl_strcmp(&msg->callid, conf->callid), 0);
	ck_assert_uint_eq(strcspn(conf->callid, " \t@,;"),
			  strlen(conf->callid));
	ck_assert_int_eq(pl_strcmp(&msg->from.tag, conf->tag), 0);
	ck_assert_uint_eq(mbuf_get_left(mb), conf->len);
	ck_assert(!memcmp(mbuf_buf(mb), conf->body, conf->len));
	if (m->wrapped) {
		pl.p = conf->body;
		pl.l = conf->len;
		ck_assert_int_eq(cpim_decode(&c, &pl), 0);
		ck_assert_int_eq(pl_strcmp(&c.body, m->words.body), 0);
		ck_assert_int_eq(pl_strcmp(&c.message_id, m->msgid), 0);
		ck_assert_uint_eq(c.wants, CPIM_POSITIVE | CPIM_NEGATIVE |
					       CPIM_DISPLAY);
	}
	mem_deref(msg);
}

static bool message_to_sip(struct mbuf *mb, const char *s, unsigned i)
{
	struct stanza *st = message_with(s, i);
	struct message_conf conf = {.tag = NULL};
	struct message msg = {.cseq = 1};
	struct chatpeer *peer;
	struct chatmsg *m;
	char *body = NULL;
	bool any;

	ck_assert_int_eq(
	    chatmsg_alloc(&m, NULL, CHAT_TEXT, USER "/x", CONTACT "/sip"), 0);
	ck_assert_int_eq(chatwords_decode(&m->words, st, &chat_conf, i), 0);
	any = m->words.body != NULL;
	if (any) {
		peer = chat_peer(&chat, m->contact, true);
		peer->cpim = i & 8;
		m->len = strlen(m->words.body);
		ck_assert(text_is_utf8(m->words.body, m->len));
		(void)str_dup(&m->id, stanza_attr(st, "id"));
		(void)str_dup(&m->uri, "sip:600@192.0.2.8");
		(void)str_dup(&m->as, "sip:alice@192.0.2.9");
		conf.uri = m->uri;
		conf.from_uri = m->as;
		conf.from_name = m->words.nick;
		ck_assert_int_eq(identify(&conf, &chat, m), 0);
		ck_assert_int_eq(body_make(&conf, &body, &chat, m), 0);
		ck_assert_int_eq(copy(&msg, &conf), 0);
		mbuf_rewind(mb);
		(void)mbuf_printf(mb,
				  "MESSAGE %s SIP/2.0\r\nVia: SIP/2.0/UDP "
				  "192.0.2.9:5060;branch=z9hG4bK1\r\n",
				  msg.uri);
		ck_assert_int_eq(print(mb, &msg), 0);
		request_check(mb, &conf, m);
	}
	mem_deref(msg.text);
	mem_deref(body);
	mem_deref(m);
	stanza_free(st);

	return any;
}

START_TEST(messages_to_sip)
{
	struct mbuf *mb = mbuf_alloc(4096);
	unsigned sent = 0;
	char s[LINE];

	ck_assert_int_eq(cache_alloc(&chat.threads, 64, 1000000), 0);
	ck_assert_int_eq(cache_alloc(&chat.peers, 64, 1000000), 0);
	ck_assert_int_eq(cache_alloc(&chat.sent, 64, 1000000), 0);
	for (unsigned i = 0; i < strings; i++) {
		draw(s);
		sent += message_to_sip(mb, s, i);
	}
	ck_assert_uint_gt(sent, strings / 2);
	mem_deref(chat.sent);
	mem_deref(chat.peers);
	mem_deref(chat.threads);
	mem_deref(mb);
}
END_TEST

/* What another process left, or somebody else wrote there. */
START_TEST(notes_of_messages)
{
	unsigned read = 0;
	char s[LINE], note[4 * LINE];
	struct chatlost *l;

	for (unsigned i = 0; i < strings; i++) {
		int n;

		draw(s);
		n = snprintf(note, sizeof(note), "%s%s%s%s%s", s,
			     i & 1 ? "\n" : "", s, i & 2 ? "\n12\n" : "\n", s);
		if (chatkeep_decode(&l, (const uint8_t *)note, (size_t)n))
			continue;
		/* three lines, and whatever follows */
		ck_assert_uint_eq(strcspn(l->to, "\n"), strlen(l->to));
		ck_assert_uint_eq(strcspn(l->from, "\n"), strlen(l->from));
		ck_assert_ptr_eq(l->id + strlen(l->id), l->text + n);
		ck_assert_int_eq(l->slot, JOURNAL_NONE);
		mem_deref(l);
		read++;
	}
	ck_assert_uint_gt(read, strings / 8);
	ck_assert_uint_lt(read, strings);
	ck_assert_int_eq(chatkeep_decode(&l, (const uint8_t *)"", 0), EBADMSG);
	ck_assert_int_eq(
	    chatkeep_decode(&l, (const uint8_t *)"a\nb\n1\n\0", 7), EBADMSG);
}
END_TEST

/* ---- presence to SIP ---- */

START_TEST(presence_to_sip)
{
	struct mbuf *mb = mbuf_alloc(4096);
	char s[LINE];

	for (unsigned i = 0; i < strings; i++) {
		struct list resources = LIST_INIT;
		const struct show show = {
		    .user = USER, .entity = USER, .resources = &resources};
		struct pidf_status got;
		struct stanza *st;

		draw(s);
		st = stanza_new("presence", NS_COMPONENT);
		(void)stanza_attr_set(st, "xml:lang", s);
		text_put_to(st, "status", NULL, s);
		text_put_to(st, i % 2 ? "show" : "priority", NULL, s);
		st = parse_again(st);
		show_set(&resources, s, st, true);
		mbuf_rewind(mb);
		ck_assert_int_eq(show_encode(mb, &show), 0);
		ck_assert_msg(!pidf_decode(&got, (char *)mb->buf, mb->end),
			      "%.*s", (int)mb->end, (char *)mb->buf);
		ck_assert(got.open);
		ck_assert(!got.text || is_line(got.text, strlen(got.text)));
		pidf_status_clear(&got);
		list_flush(&resources);
		stanza_free(st);
	}
	mem_deref(mb);
}
END_TEST

/* ---- forms to SIP ---- */

static char *provider = "sip.test";
static struct config config;
static struct accounts accounts;
static struct owner owner = {.a = &accounts};

static const char challenge[] =
    "SIP/2.0 401 Unauthorized\r\nVia: SIP/2.0/UDP "
    "192.0.2.9;branch=z9hG4bK1\r\n"
    "From: <sip:a@b>;tag=1\r\nTo: <sip:a@b>;tag=2\r\nCall-ID: 1\r\n"
    "CSeq: 1 REGISTER\r\nWWW-Authenticate: Digest realm=\"r\", nonce=\"n\", "
    "qop=\"auth\", algorithm=MD5\r\nContent-Length: 0\r\n\r\n";

/* All that an account puts into a REGISTER and into calls. */
static void account_check(const struct account *acc)
{
	static const char host[] = "abcdefghijklmnopqrstuvwxyz"
				   "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-:";
	struct nameaddr_out out = {acc->name, "sip:a@sip.test"};
	struct uri uri;
	struct pl pl;
	char *text;

	ck_assert_uint_eq(strspn(acc->domain, host), strlen(acc->domain));
	ck_assert(!acc->proxy ||
		  strspn(acc->proxy, host) == strlen(acc->proxy));
	ck_assert_uint_le(strlen(acc->transport), 4);

	ck_assert_int_eq(re_sdprintf(&text, "sip:%H@%s", text_print_sip_user,
				     acc->username, acc->domain),
			 0);
	pl_set_str(&pl, text);
	ck_assert(nameaddr_uri_safe(text));
	ck_assert_int_eq(uri_decode(&uri, &pl), 0);
	ck_assert_int_eq(pl_strcmp(&uri.host, provider), 0);
	mem_deref(text);

	ck_assert_int_eq(re_sdprintf(&text, "%H", nameaddr_print, &out), 0);
	ck_assert(is_line(text, strlen(text)));
	mem_deref(text);
}

/* The same name to the registrar that asks who it is. */
static void digest_check(const char *user)
{
	struct digest_request rq = {NULL, "REGISTER", "sip:sip.test"};
	struct mbuf *mb = mbuf_alloc(512);
	struct sip_msg *msg;
	char *text;

	(void)mbuf_write_str(mb, challenge);
	mb->pos = 0;
	ck_assert_int_eq(sip_msg_decode(&msg, mb), 0);
	ck_assert_int_eq(digest_alloc(&rq.digest, user, "pw", NULL), 0);
	ck_assert_int_eq(digest_challenge(rq.digest, msg, 0), 0);
	ck_assert_int_eq(re_sdprintf(&text, "%H", digest_print, &rq), 0);
	ck_assert_msg(strlen(text) > 2 && is_line(text, strlen(text) - 2),
		      "%s", text);
	mem_deref(text);
	mem_deref(rq.digest);
	mem_deref(msg);
	mem_deref(mb);
}

/* A form, or what a caller of account_alloc() says without one. */
static bool form_to_sip(const char *s, bool bare)
{
	static const char *const vars[] = {"username", "password",
					   "auth_username", "display_name",
					   "outbound_proxy"};
	struct stanza *q = stanza_new("query", NS_REGISTER), *x;
	struct register_values v;
	struct form *form = NULL;
	struct account *acc;
	const char *why;
	bool made;

	x = form_add(q, "submit", s, s, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(vars) - (chance() % 2); i++)
		(void)form_field_add(x, NULL, vars[i], s, s, false);
	q = parse_again(q);
	x = stanza_child(q, "x", NS_FORMS);
	ck_assert_int_eq(form_decode(&form, x), 0);
	register_form_read(&v, form);
	if (bare) {
		memset(&v, 0, sizeof(v));
		v.username = v.name = v.auth = s;
	}
	v.password = "pw";
	made = !account_alloc(&acc, &owner, "gw.test", &v, &why);
	if (made) {
		account_check(acc);
		if (bare)
			digest_check(acc->auth);
		mem_deref(acc);
	} else {
		ck_assert(why != NULL);
	}
	mem_deref(form);
	stanza_free(q);

	return made;
}

START_TEST(forms_to_sip)
{
	unsigned made = 0;
	char s[LINE];

	accounts.conf.config = &config;
	config.account.providers = &provider;
	config.account.providerc = 1;
	for (unsigned i = 0; i < strings; i++) {
		draw(s);
		made += form_to_sip(s, i % 2);
	}
	ck_assert_uint_gt(made, strings / 4);
}
END_TEST

/* ---- prompts, and what the DNS says ---- */

START_TEST(prompts_and_enum)
{
	struct config_xmpp xmpp = {.component = (char[]){"gw.test"}};
	unsigned known = 0;
	struct route *r;
	char s[LINE], *text;
	struct jid j;

	config.xmpp = &xmpp;
	config.xmppc = 1;
	ck_assert_int_eq(route_alloc(&r, &config, NULL), 0);
	for (unsigned i = 0; i < strings; i++) {
		draw(s);
		if (!route_prompt(r, &xmpp, &text, s)) {
			ck_assert_msg(!jid_decode(&j, text, strlen(text)),
				      "%s", text);
			ck_assert_str_eq(j.domain, "gw.test");
			ck_assert(*j.local && !*j.resource);
			jid_clear(&j);
			mem_deref(text);
			known++;
		}
		if (re_sdprintf(&text, "!^.*$!sip:%s@example.net!", s))
			continue;
		(void)enum_serves(s, s);
		{
			char *uri;

			if (!enum_rewrite(&uri, text, "+4930")) {
				ck_assert(nameaddr_uri_safe(uri));
				mem_deref(uri);
			}
		}
		mem_deref(text);
	}
	ck_assert_uint_gt(known, strings / 20);
	mem_deref(r);
}
END_TEST

/* ---- headers and documents to XMPP ---- */

static void headers_to_xmpp(struct mbuf *mb, const char *s)
{
	struct sip_msg *msg;
	struct caller c;
	char *by;

	mbuf_rewind(mb);
	(void)mbuf_printf(
	    mb,
	    "INVITE sip:a@192.0.2.9 SIP/2.0\r\n"
	    "Via: SIP/2.0/UDP 192.0.2.8;branch=z9hG4bK1\r\n"
	    "From: \"%s\" <sip:%s@192.0.2.8>;tag=1\r\nTo: <sip:a@b>\r\n"
	    "Call-ID: 1\r\nCSeq: 1 INVITE\r\n"
	    "P-Asserted-Identity: %s <sip:600@192.0.2.8>\r\n%s: "
	    "\"%s\" <sip:%s@192.0.2.8?Reason=SIP%%3Bcause%%3D486>;index=1\r\n"
	    "Privacy: %s\r\nContent-Length: 0\r\n\r\n",
	    s, s, s, chance() % 2 ? "Diversion" : "History-Info", s, s, s);
	mb->pos = 0;
	if (sip_msg_decode(&msg, mb))
		return;

	if (!caller_decode(&c, msg, chance() % 2)) {
		ck_assert(!c.peer.name ||
			  is_line(c.peer.name, strlen(c.peer.name)));
		ck_assert(c.peer.uri && *c.peer.uri);
		caller_clear(&c);
	}
	if (!caller_diverted(&by, msg) && by) {
		ck_assert(is_line(by, strlen(by)));
		ck_assert_uint_le(strlen(by), 64);
		mem_deref(by);
	}
	mem_deref(msg);
}

static void documents_to_xmpp(const char *s)
{
	struct dialoginfo di;
	struct mwi m;
	struct pl pl;
	char *text;

	(void)re_sdprintf(&text,
			  "Messages-Waiting: yes\r\nMessage-Account: %s\r\n"
			  "Voice-Message: %s\r\n%s",
			  s, s, s);
	pl_set_str(&pl, text);
	if (!mwi_decode(&m, &pl)) {
		ck_assert_uint_le(m.fresh, 9999);
		ck_assert_uint_le(m.old, 9999);
	}
	mem_deref(text);

	memset(&di, 0, sizeof(di));
	(void)re_sdprintf(
	    &text,
	    "<dialog-info xmlns='urn:ietf:params:xml:ns:dialog-info' "
	    "version='%H' state='full' entity='x'><dialog id='%H'><state>%s"
	    "</state></dialog></dialog-info>",
	    text_print_xml, &(struct pl){s, strlen(s)}, text_print_xml,
	    &(struct pl){s, strlen(s)}, s);
	(void)dialoginfo_decode(&di, text, strlen(text));
	ck_assert_uint_le(di.idc, DIALOGINFO_MAX);
	mem_deref(text);
}

START_TEST(calls_and_documents_to_xmpp)
{
	struct mbuf *mb = mbuf_alloc(4096);
	char s[LINE];

	for (unsigned i = 0; i < strings; i++) {
		draw(s);
		headers_to_xmpp(mb, s);
		documents_to_xmpp(s);
	}
	mem_deref(mb);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("fields");
	const char *texts = getenv("TEXTS");

	if (texts)
		strings = (unsigned)atoi(texts);
	tcase_set_timeout(tc, 120); /* a machine may be busy */
	tcase_add_test(tc, messages_to_sip);
	tcase_add_test(tc, notes_of_messages);
	tcase_add_test(tc, presence_to_sip);
	tcase_add_test(tc, forms_to_sip);
	tcase_add_test(tc, prompts_and_enum);
	tcase_add_test(tc, calls_and_documents_to_xmpp);

	return suite_run("bridge_fields", tc);
}
