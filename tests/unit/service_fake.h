/* service_fake.h: the service and a component that only listens: what comes in
 * is text, what goes out is compared as text.  For xmpp_service.c and
 * xmpp_presence.c. */
#ifndef SERVICE_FAKE_H
#define SERVICE_FAKE_H

#include <stdlib.h>
#include <string.h>

#include "suite.h"
#include "refused.h"
#include "xmpp/service.c"
#include "xmpp/disco.c"
#include "xmpp/caps.c"
#include "xmpp/devices.c"
#include "xmpp/contact.c"
#undef mem_zalloc
#undef mbuf_alloc
#undef str_dup
#undef pl_strdup
#undef re_sdprintf
#include "xmpp/xmlstream.h"

#define PHONE_FEATURE(v) "<feature var='" v "'/>"
#define QUERY(x)	 "<query xmlns='" NS_DISCO_INFO "'>" x "</query>"
#define CALLABLE                                                              \
	PHONE_FEATURE("urn:xmpp:jingle:1")                                    \
	PHONE_FEATURE("urn:xmpp:jingle:apps:rtp:1")                           \
	PHONE_FEATURE("urn:xmpp:jingle:apps:rtp:audio")                       \
	PHONE_FEATURE("urn:xmpp:jingle:apps:dtls:0")                          \
	PHONE_FEATURE("urn:xmpp:jingle:transports:ice-udp:1")

/* ---- the component ---- */

enum { LISTEN_MAX = 16, SENT_MAX = 4096 };

struct component_iq {
	struct component_iq **qp;
	component_iq_h *h;
	void *arg;
	char to[256];
};

static struct {
	enum component_kind kind;
	const char *ns;
	component_stanza_h *h;
	void *arg;
} listeners[LISTEN_MAX];
static size_t listenerc;
static component_state_h *state_h;
static void *state_arg;
static char *sent[SENT_MAX]; /* since the last flush */
static size_t sentc;
static struct component_iq *asked; /* the last one that is open */
static unsigned asks;
static bool is_refusing; /* sends fail */

static char domain_text[] = "xmpp.test";
static char *domains[] = {domain_text};
static struct config_xmpp conf = {.domains = domains, .domainc = 1};
static struct service *s;

const struct config_xmpp *component_conf(const struct component *c)
{
	(void)c;
	return &conf;
}

static struct config_limits fake_limits = {.subscriptions_per_jid = 500};

const struct config_limits *component_limits(const struct component *c)
{
	(void)c;
	return &fake_limits;
}

bool component_up(const struct component *c)
{
	(void)c;
	return true;
}

const char *component_domain(const struct component *c)
{
	(void)c;
	return "sip.xmpp.test";
}

int component_listen(struct component *c, enum component_kind kind,
		     const char *ns, component_stanza_h *h, void *arg)
{
	(void)c;
	ck_assert_uint_lt(listenerc, LISTEN_MAX);
	listeners[listenerc].kind = kind;
	listeners[listenerc].ns = ns;
	listeners[listenerc].h = h;
	listeners[listenerc++].arg = arg;
	return 0;
}

int component_listen_state(struct component *c, component_state_h *h,
			   void *arg)
{
	(void)c;
	state_h = h;
	state_arg = arg;
	return 0;
}

void component_unlisten(struct component *c, const void *arg)
{
	(void)c;
	(void)arg;
	listenerc = 0;
}

int component_send(struct component *c, const struct stanza *st,
		   enum component_priority prio)
{
	(void)c;
	(void)prio;
	ck_assert(stanza_ok(st));
	if (is_refusing)
		return ENOTCONN;
	ck_assert_uint_lt(sentc, SENT_MAX);
	ck_assert_int_eq(re_sdprintf(&sent[sentc++], "%H", stanza_print, st),
			 0);
	return 0;
}

void component_reply(struct component *c, struct stanza *st)
{
	(void)component_send(c, st, COMPONENT_NORMAL);
	stanza_free(st);
}

static void iq_gone(void *arg)
{
	if (arg == asked)
		asked = NULL;
}

int component_iq_send(struct component_iq **qp, struct component *c,
		      struct stanza *iq, component_iq_h *h, void *arg)
{
	struct component_iq *q;
	int err = component_send(c, iq, COMPONENT_NEVER_SHED);

	if (err)
		return err;
	q = mem_zalloc(sizeof(*q), iq_gone);
	ck_assert_ptr_nonnull(q);
	q->qp = qp;
	q->h = h;
	q->arg = arg;
	str_ncpy(q->to, stanza_attr(iq, "to"), sizeof(q->to));
	*qp = asked = q;
	asks++;
	return 0;
}

/* ---- text in, text out ---- */

static struct stanza *parsed;

static void opened(const struct stanza *header, void *arg)
{
	(void)header;
	(void)arg;
}

static void closed(void *arg)
{
	(void)arg;
}

static void keep(struct stanza *st, void *arg)
{
	(void)arg;
	parsed = st;
}

static struct stanza *parse(const char *text)
{
	static const char head[] =
	    "<stream:stream xmlns='jabber:component:accept' "
	    "xmlns:stream='http://etherx.jabber.org/streams' id='1'>";
	const struct xmlstream_limits limits = {262144, 32, 64, 4096};
	const struct xmlstream_handlers h = {opened, keep, closed, NULL};
	struct xmlstream *x;
	const char *why;

	parsed = NULL;
	ck_assert_int_eq(xmlstream_alloc(&x, &limits, &h), 0);
	ck_assert_int_eq(xmlstream_feed(x, head, strlen(head), &why), 0);
	ck_assert_int_eq(xmlstream_feed(x, text, strlen(text), &why), 0);
	xmlstream_free(x);
	ck_assert_ptr_nonnull(parsed);
	return parsed;
}

static void flush(void)
{
	while (sentc)
		mem_deref(sent[--sentc]);
}

/* Gives a stanza to who listens; was it taken? */
static bool receive(const char *text)
{
	struct stanza *st = parse(text);
	const char *type = stanza_attr(st, "type");
	enum component_kind kind = COMPONENT_PRESENCE;
	bool taken = false;

	flush();
	if (!strcmp(st->name, "iq"))
		kind =
		    !strcmp(type, "set") ? COMPONENT_IQ_SET : COMPONENT_IQ_GET;
	for (size_t i = 0; i < listenerc && !taken; i++) {
		if (listeners[i].kind == kind &&
		    (!listeners[i].ns ||
		     stanza_child(st, NULL, listeners[i].ns)))
			taken = listeners[i].h(NULL, st, listeners[i].arg);
	}
	stanza_free(st);
	return taken;
}

static void has(const char *text, const char *part)
{
	ck_assert_msg(strstr(text, part) != NULL, "%s lacks %s", text, part);
}

/* ---- fixture ---- */

static enum stanza_cond contact_h(const char *user, const char *contact,
				  char **namep, void *arg)
{
	(void)arg;
	if (strstr(contact, "nobody"))
		return COND_ITEM_NOT_FOUND;
	if (!strstr(user, "@xmpp.test"))
		return COND_FORBIDDEN;
	if (strstr(contact, "600@"))
		return str_dup(namep, "Echo & Test") ? COND_NONE : COND_NONE;
	return COND_NONE;
}

static int prompt_h(char **jidp, const char *text, void *arg)
{
	(void)arg;
	if (!strcmp(text, "bad"))
		return EBADMSG;
	if (!strcmp(text, "none"))
		return ENOENT;
	return re_sdprintf(jidp, "%s@sip.xmpp.test", text);
}

static void setup(void)
{
	const struct service_handlers h = {contact_h, prompt_h, NULL, NULL};
	struct component *fake = (struct component *)&conf;

	listenerc = 0;
	asks = 0;
	(void)libre_init();
	ck_assert_int_eq(service_alloc(&s, fake, &h), 0);
	state_h(NULL, true, state_arg);
}

static void teardown(void)
{
	s = mem_deref(s);
	flush();
	ck_assert_ptr_null(asked);
	libre_close();
}

#endif
