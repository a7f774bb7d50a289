/* doctor_xmpp.c: the XMPP servers: handshake, who we may be there, who is
 * reached, their clocks. */
#include <errno.h>
#include <string.h>
#include <time.h>
#include "admin/doctor.h"
#include "xmpp/handshake.h"

#define NS_PING "urn:xmpp:ping" /* XEP-0199 */
#define NS_TIME "urn:xmpp:time" /* XEP-0202 */

enum { WAIT = 5000 }; /* ms */

static const char silent[] =
    "Look into the XMPP server's log for what became of a query from the "
    "component: it accepts stanzas and does not route them.";

struct query {		     /* an IQ on its way; kept by its probe */
	struct probe *probe; /* not referenced: it holds us */
	struct component_iq *iq;
	char *domain;
};

static void query_destructor(void *arg)
{
	struct query *q = arg;

	mem_deref(q->iq);
	mem_deref(q->domain);
}

static int query_send(struct probe *p, struct component *c, const char *to,
		      const char *name, const char *ns, component_iq_h *h)
{
	struct stanza *iq = stanza_new("iq", NS_COMPONENT);
	struct query *q = mem_zalloc(sizeof(*q), query_destructor);
	int err = q && iq ? str_dup(&q->domain, to) : ENOMEM;

	if (!err) {
		q->probe = p;
		probe_keep(p, mem_ref(q));
		err = stanza_attr_set(iq, "type", "get");
		err |= stanza_attr_set(iq, "to", to);
		(void)stanza_add(iq, name, ns);
		if (err || !stanza_ok(iq))
			err = ENOMEM;
	}
	if (!err)
		err = component_iq_send(&q->iq, c, iq, h, q);
	stanza_free(iq);
	mem_deref(q);

	return err;
}

/* ---- handshake ---- */

/* "the server says conflict (..)" */
static const char *remedy_of(const char *status)
{
	static const char says[] = "the server says ";
	const char *p = strstr(status, says);
	char cond[32] = "";
	const char *hint;

	if (p) {
		p += sizeof(says) - 1;
		(void)re_snprintf(cond, sizeof(cond), "%b", p,
				  strcspn(p, " (;"));
	}
	hint = handshake_remedy(cond)->hint;
	if (p && *hint)
		return hint;

	return "Start the XMPP server; it must listen for components at what "
	       "[xmpp] server says, with TLS where tls = yes.";
}

static int handshake_probe(struct doctor *d, const struct component *c)
{
	const char *status = component_status(c);
	struct probe *p;
	int err;

	err = doctor_probe(&p, d, "component", "%s", component_domain(c));
	if (err)
		return err;

	if (component_up(c))
		probe_say(p, PROBE_OK, "", "%s", status);
	else
		probe_say(p, PROBE_FAILED, remedy_of(status), "%s", status);

	return 0;
}

/* ---- do we come back to ourselves? ---- */

static void loop_h(int err, const struct stanza *reply, void *arg)
{
	static const char remedy[] =
	    "The server must let the component send from its own domain and "
	    "route that domain to it alone: no other host, component or DNS "
	    "name of the server may be called the same.";
	struct query *q = arg;

	if (!err)
		probe_say(q->probe, PROBE_OK, "",
			  "a query to ourselves came back in %u ms",
			  (unsigned)probe_age(q->probe));
	else if (err == EPROTO)
		probe_say(q->probe, PROBE_FAILED, remedy,
			  "the server answered %s to a query to ourselves",
			  cond_name(stanza_error_cond(reply)));
	else
		probe_say(q->probe, PROBE_FAILED, remedy, "%m", err);
}

/* The server took it from our domain, and what is for our domain, as users'
 * stanzas are, reaches us. */
static int from_probe(struct doctor *d, struct component *c)
{
	struct probe *p;
	int err;

	err = doctor_probe(&p, d, "from", "%s", component_domain(c));
	if (err)
		return err;

	probe_wait(p, WAIT, silent);
	err = query_send(p, c, component_domain(c), "ping", NS_PING, loop_h);
	if (err)
		probe_say(p, PROBE_FAILED, silent, "%m", err);

	return 0;
}

/* ---- the users' domains, and the time there ---- */

static void clock_of(struct doctor *d, const char *domain,
		     const struct stanza *reply)
{
	const struct stanza *e = stanza_child(reply, "time", NS_TIME);
	char *text = NULL;
	struct tm tm;

	memset(&tm, 0, sizeof(tm));
	e = e ? stanza_child(e, "utc", NULL) : NULL;
	if (e && !stanza_text(&text, e) &&
	    strptime(text, "%Y-%m-%dT%H:%M:%S", &tm))
		doctor_clock(d, domain, timegm(&tm));
	mem_deref(text);
}

static void domain_h(int err, const struct stanza *reply, void *arg)
{
	static const char remedy[] =
	    "Correct [xmpp] domains, or let the server reach that domain.";
	struct query *q = arg;
	const enum stanza_cond cond =
	    err == EPROTO ? stanza_error_cond(reply) : COND_NONE;

	if (!err)
		clock_of(probe_doctor(q->probe), q->domain, reply);
	if (err && err != EPROTO)
		probe_say(q->probe, PROBE_FAILED, remedy, "%m", err);
	else if (cond == COND_REMOTE_SERVER_NOT_FOUND ||
		 cond == COND_REMOTE_SERVER_TIMEOUT ||
		 cond == COND_NOT_ALLOWED) /* Prosody without federation */
		probe_say(q->probe, PROBE_FAILED, remedy,
			  "the server answered %s",
			  cond_name(stanza_error_cond(reply)));
	else
		probe_say(q->probe, PROBE_OK, "", "answers in %u ms",
			  (unsigned)probe_age(q->probe));
}

static int domain_probe(struct doctor *d, struct component *c,
			const char *domain)
{
	struct probe *p;
	int err;

	err = doctor_probe(&p, d, "domain", "%s", domain);
	if (err)
		return err;

	probe_wait(p, WAIT, silent);
	err = query_send(p, c, domain, "time", NS_TIME, domain_h);
	if (err)
		probe_say(p, PROBE_FAILED, silent, "%m", err);

	return 0;
}

int doctor_xmpp(struct doctor *d, const struct gateway *gw)
{
	int err = 0;

	for (size_t i = 0; gw->portals && i < gw->config->xmppc; i++) {
		struct component *c = gw->portals[i].component;
		const struct config_xmpp *x = component_conf(c);

		err |= handshake_probe(d, c);
		if (!component_up(c))
			continue;
		err |= from_probe(d, c);
		for (size_t k = 0; k < x->domainc; k++)
			err |= domain_probe(d, c, x->domains[k]);
	}

	return err ? ENOMEM : 0;
}
