/* service.c: the service object and its small queries: ping, version, time,
 * vCard, address prompt. */
#include "xmpp/service_int.h"

#include <errno.h>
#include <string.h>
#include <time.h>

typedef bool(service_query_h)(struct service *s, const struct address *a,
			      const struct stanza *iq);

void service_address_clear(struct address *a)
{
	jid_clear(&a->from);
	jid_clear(&a->to);
	a->user = mem_deref(a->user);
	a->contact = mem_deref(a->contact);
}

static enum target target_of(const struct jid *to)
{
	if (!*to->local)
		return *to->resource ? TARGET_OTHER : TARGET_GATEWAY;
	if (!*to->resource)
		return TARGET_CONTACT;

	return strcmp(to->resource, SERVICE_RESOURCE) ? TARGET_OTHER
						      : TARGET_PHONE;
}

int service_address_decode(struct address *a, const struct stanza *st)
{
	const char *from = stanza_attr(st, "from");
	const char *to = stanza_attr(st, "to");
	int err;

	memset(a, 0, sizeof(*a));
	if (!from || !to)
		return EBADMSG;

	err = jid_decode(&a->from, from, strlen(from));
	if (!err)
		err = jid_decode(&a->to, to, strlen(to));
	if (!err)
		err = jid_text_bare(&a->user, &a->from);
	if (!err)
		err = jid_text_bare(&a->contact, &a->to);
	if (err)
		service_address_clear(a);
	else
		a->target = target_of(&a->to);

	return err;
}

enum stanza_cond service_permits(struct service *s, const struct address *a,
				 char **namep)
{
	char *name = NULL;
	enum stanza_cond cond;

	if (!*a->to.local)
		return config_serves(component_conf(s->c), a->from.domain)
			   ? COND_NONE
			   : COND_FORBIDDEN; /* B.5 */

	cond = s->h.contact(a->user, a->contact, &name, s->h.arg);
	if (namep && cond == COND_NONE)
		*namep = mem_ref(name);
	mem_deref(name);

	return cond;
}

static void refuse(struct service *s, const struct stanza *iq,
		   enum stanza_cond cond)
{
	component_reply(s->c, stanza_error(iq, cond, NULL, NULL, NULL));
}

/* The one child of a result, to be filled. */
static struct stanza *result_new(const struct stanza *iq, struct stanza **qp,
				 const char *name, const char *ns)
{
	struct stanza *r = stanza_result(iq);

	*qp = stanza_add(r, name, ns);

	return r;
}

static void text_child(struct stanza *e, const char *name, const char *text)
{
	(void)stanza_text_add(stanza_add(e, name, NULL), text);
}

static bool query_ping(struct service *s, const struct address *a,
		       const struct stanza *iq)
{
	if (a->target == TARGET_OTHER)
		return false;

	component_reply(s->c, stanza_result(iq));

	return true;
}

static bool query_version(struct service *s, const struct address *a,
			  const struct stanza *iq)
{
	struct stanza *q, *r;

	if (a->target != TARGET_GATEWAY && a->target != TARGET_PHONE)
		return false;

	r = result_new(iq, &q, "query", NS_VERSION);
	text_child(q, "name", "stoxd");
	text_child(q, "version", VERSION);
	component_reply(s->c, r);

	return true;
}

/* X0202; a contact has no clock that we know of (G.2). */
static bool query_time(struct service *s, const struct address *a,
		       const struct stanza *iq)
{
	char utc[sizeof("2026-01-01T00:00:00Z") + 16];
	struct stanza *q, *r;
	time_t now = time(NULL);
	struct tm tm;

	if (a->target != TARGET_GATEWAY || !gmtime_r(&now, &tm))
		return false;

	(void)strftime(utc, sizeof(utc), "%Y-%m-%dT%H:%M:%SZ", &tm);
	r = result_new(iq, &q, "time", NS_TIME);
	text_child(q, "tzo", "+00:00");
	text_child(q, "utc", utc);
	component_reply(s->c, r);

	return true;
}

static bool is_number(const char *s)
{
	size_t n = *s == '+' ? 1 : 0;

	return s[n] && strspn(s + n, "0123456789") == strlen(s + n);
}

/* D50: what is known, and no more. */
static int vcard_fill(struct stanza *card, const struct address *a,
		      const char *name)
{
	char *user = NULL;
	int err;

	if (a->target == TARGET_GATEWAY) {
		text_child(card, "FN", SERVICE_NAME);
		return 0;
	}

	err = jid_unescape(&user, a->to.local, strlen(a->to.local));
	if (err)
		return err;

	text_child(card, "FN", name && *name ? name : user);
	text_child(card, "NICKNAME", name && *name ? name : user);
	if (is_number(user)) {
		struct stanza *tel = stanza_add(card, "TEL", NULL);

		(void)stanza_add(tel, "VOICE", NULL);
		text_child(tel, "NUMBER", user);
	}
	mem_deref(user);

	return 0;
}

static bool query_vcard(struct service *s, const struct address *a,
			const struct stanza *iq)
{
	struct stanza *card, *r;
	enum stanza_cond cond;
	char *name = NULL;

	if (a->target == TARGET_OTHER)
		return false;

	cond = a->target == TARGET_GATEWAY ? COND_NONE
					   : service_permits(s, a, &name);
	if (cond != COND_NONE) {
		refuse(s, iq, cond);
		return true;
	}

	r = result_new(iq, &card, "vCard", NS_VCARD);
	if (vcard_fill(card, a, name)) {
		stanza_free(r);
		refuse(s, iq, COND_INTERNAL_SERVER_ERROR);
	} else {
		component_reply(s->c, r);
	}
	mem_deref(name);

	return true;
}

static bool query_gateway(struct service *s, const struct address *a,
			  const struct stanza *iq)
{
	struct stanza *q, *r;

	if (a->target != TARGET_GATEWAY)
		return false;

	r = result_new(iq, &q, "query", NS_GATEWAY);
	text_child(q, "desc",
		   "Enter the SIP address or phone number of the "
		   "person to reach.");
	text_child(q, "prompt", "SIP address or phone number");
	component_reply(s->c, r);

	return true;
}

/* X0100 6.3 */
static int prompt_answer(struct service *s, const struct stanza *iq,
			 char **jidp)
{
	const struct stanza *q, *p;
	char *text = NULL;
	int err;

	q = stanza_child(iq, "query", NS_GATEWAY);
	p = stanza_child(q, "prompt", NS_GATEWAY);
	if (!p)
		return EPROTO;

	err = stanza_text(&text, p);
	if (!err)
		err = s->h.prompt(jidp, text, s->h.arg);
	mem_deref(text);

	return err;
}

static enum stanza_cond prompt_cond(int err)
{
	switch (err) {
	case EPROTO:
		return COND_BAD_REQUEST;
	case EBADMSG:
		return COND_JID_MALFORMED;
	case ENOENT:
		return COND_ITEM_NOT_FOUND;
	default:
		return COND_INTERNAL_SERVER_ERROR;
	}
}

static bool query_gateway_set(struct service *s, const struct address *a,
			      const struct stanza *iq)
{
	enum stanza_cond cond;
	struct stanza *q, *r;
	char *jid = NULL;
	int err;

	if (a->target != TARGET_GATEWAY)
		return false;

	cond = service_permits(s, a, NULL);
	if (cond != COND_NONE) {
		refuse(s, iq, cond);
		return true;
	}

	err = prompt_answer(s, iq, &jid);
	if (err) {
		refuse(s, iq, prompt_cond(err));
		return true;
	}

	r = result_new(iq, &q, "query", NS_GATEWAY);
	text_child(q, "jid", jid);
	component_reply(s->c, r);
	mem_deref(jid);

	return true;
}

static const struct {
	enum component_kind kind;
	const char *ns;
	service_query_h *h;
} queries[] = {
    {COMPONENT_IQ_GET, NS_PING, query_ping},
    {COMPONENT_IQ_GET, NS_VERSION, query_version},
    {COMPONENT_IQ_GET, NS_TIME, query_time},
    {COMPONENT_IQ_GET, NS_VCARD, query_vcard},
    {COMPONENT_IQ_GET, NS_GATEWAY, query_gateway},
    {COMPONENT_IQ_SET, NS_GATEWAY, query_gateway_set},
};

static bool query_dispatch(struct service *s, const struct stanza *iq,
			   enum component_kind kind)
{
	struct address a;
	bool mine = false;

	if (service_address_decode(&a, iq))
		return false;

	for (size_t i = 0; i < SERVICE_COUNT(queries) && !mine; i++) {
		if (queries[i].kind == kind &&
		    stanza_child(iq, NULL, queries[i].ns))
			mine = queries[i].h(s, &a, iq);
	}
	service_address_clear(&a);

	return mine;
}

static bool iq_get(struct component *c, const struct stanza *iq, void *arg)
{
	(void)c;

	return query_dispatch(arg, iq, COMPONENT_IQ_GET);
}

static bool iq_set(struct component *c, const struct stanza *iq, void *arg)
{
	(void)c;

	return query_dispatch(arg, iq, COMPONENT_IQ_SET);
}

static void state_changed(struct component *c, bool up, void *arg)
{
	(void)c;
	service_sync(arg, up);
}

static int listen_all(struct service *s)
{
	struct component *c = s->c;
	int err = 0;

	for (size_t i = 0; i < SERVICE_COUNT(queries) && !err; i++) {
		bool get = queries[i].kind == COMPONENT_IQ_GET;

		err = component_listen(c, queries[i].kind, queries[i].ns,
				       get ? iq_get : iq_set, s);
	}
	if (!err)
		err = component_listen(c, COMPONENT_IQ_GET, NS_DISCO_INFO,
				       service_disco_info, s);
	if (!err)
		err = component_listen(c, COMPONENT_IQ_GET, NS_DISCO_ITEMS,
				       service_disco_items, s);
	if (!err)
		err = component_listen(c, COMPONENT_PRESENCE, NULL,
				       service_presence, s);
	if (!err)
		err = component_listen_state(c, state_changed, s);

	return err;
}

static void service_destructor(void *arg)
{
	struct service *s = arg;

	component_unlisten(s->c, s);
	tmr_cancel(&s->tmr_sync);
	tmr_cancel(&s->tmr_stale);
	service_shown_close(s);
	list_flush(&s->userlist);
	service_grant_none(s);
	service_caps_close(s);
	mem_deref(s->users);
	mem_deref(s->caps);
	mem_deref(s->shown_ht);
}

int service_alloc(struct service **sp, struct component *c,
		  const struct service_handlers *h)
{
	struct service *s;
	int err;

	if (!sp || !c || !h || !h->contact || !h->prompt)
		return EINVAL;

	s = mem_zalloc(sizeof(*s), service_destructor);
	if (!s)
		return ENOMEM;

	s->c = c;
	s->h = *h;
	tmr_init(&s->tmr_sync);
	tmr_init(&s->tmr_stale);

	err = hash_alloc(&s->users, 4096);
	if (!err)
		err = hash_alloc(&s->caps, 1024);
	if (!err)
		err = hash_alloc(&s->shown_ht, 256);
	if (!err)
		err = listen_all(s);
	if (err)
		mem_deref(s);
	else
		*sp = s;

	return err;
}
