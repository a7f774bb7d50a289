/* stoxload_jingle.c: users' clients: JMI (XEP-0353) and Jingle (XEP-0166,
 * 0167, 0176, 0320), as much as a call needs. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "stoxload.h"
#include "xmpp/stanza.h"

#define NS_JINGLE "urn:xmpp:jingle:1"
#define NS_RTP	  "urn:xmpp:jingle:apps:rtp:1"
#define NS_INFO	  "urn:xmpp:jingle:apps:rtp:info:1"
#define NS_ICE	  "urn:xmpp:jingle:transports:ice-udp:1"
#define NS_DTLS	  "urn:xmpp:jingle:apps:dtls:0"
#define NS_JMI	  "urn:xmpp:jingle-message:0"
#define NS_PING	  "urn:xmpp:ping"
#define NS_DISCO  "http://jabber.org/protocol/disco#info"

/* Users are b0, b1 .. */
static struct call *find_call(const char *to)
{
	return to && to[0] == 'b' ? call_at(strtoul(to + 1, NULL, 10)) : NULL;
}

/* The call whose id it is: one that ended may still be spoken of. */
static struct call *find_current(const char *to, const char *id)
{
	struct call *c = find_call(to);

	return c && id && !strcmp(c->id, id) ? c : NULL;
}

static void say_message(const struct call *c, const char *to, const char *id,
			const char *inner)
{
	xmpp_say("<message type='chat' from='b%u@%s/load' to='%s' id='%s'>%s"
		 "<store xmlns='urn:xmpp:hints'/></message>",
		 c->index, load.opt.domain, to, id, inner);
}

static void say_jmi(const struct call *c, const char *what)
{
	char inner[256], id[64];

	(void)snprintf(inner, sizeof(inner),
		       "<%s xmlns='" NS_JMI "' id='%s'/>", what, c->id);
	(void)snprintf(id, sizeof(id), "%.1s%s", what, c->id);
	say_message(c, c->jid, id, inner);
}

void jingle_ping(void)
{
	xmpp_say("<iq type='get' from='b0@%s/load' to='%s' id='ping'>"
		 "<ping xmlns='" NS_PING "'/></iq>",
		 load.opt.domain, load.opt.component);
}

void jingle_propose(struct call *c)
{
	char inner[512], id[64], to[LOAD_JID];

	(void)snprintf(to, sizeof(to), "%u@%s", LOAD_FIRST_NUMBER + c->index,
		       load.opt.component);
	(void)snprintf(c->jid, sizeof(c->jid), "%.150s/sip", to);
	(void)snprintf(id, sizeof(id), "jm-propose-%.39s", c->id);
	(void)snprintf(inner, sizeof(inner),
		       "<propose xmlns='" NS_JMI "' id='%s'>"
		       "<description xmlns='" NS_RTP "' media='audio'/>"
		       "</propose><request xmlns='urn:xmpp:receipts'/>",
		       c->id);
	say_message(c, to, id, inner);
}

static void say_jingle(const struct call *c, const char *action,
		       const char *attrs, const char *inner)
{
	xmpp_say("<iq type='set' from='b%u@%s/load' to='%s' id='%.1s%.1s%s'>"
		 "<jingle xmlns='" NS_JINGLE "' action='%s' sid='%s'%s>%s"
		 "</jingle></iq>",
		 c->index, load.opt.domain, c->jid, action + 8, action + 9,
		 c->id, action, c->id, attrs, inner);
}

void jingle_hold(struct call *c)
{
	say_jingle(c, "session-info", "", "<hold xmlns='" NS_INFO "'/>");
}

void jingle_end(struct call *c)
{
	say_jingle(c, "session-terminate", "", "<reason><success/></reason>");
}

static void say_content(const struct call *c, bool accept)
{
	struct sockaddr_in a = load_rtp_local(c, true);
	bool opus = load.opt.media != LOAD_PCMU;
	char buf[2048], who[LOAD_JID], ip[INET_ADDRSTRLEN];

	(void)inet_ntop(AF_INET, &a.sin_addr, ip, sizeof(ip));
	(void)snprintf(who, sizeof(who), " %s='b%u@%.100s/load'",
		       accept ? "responder" : "initiator", c->index,
		       load.opt.domain);
	(void)snprintf(
	    buf, sizeof(buf),
	    "<content creator='initiator' name='0' senders='both'>"
	    "<description xmlns='" NS_RTP "' media='audio'>"
	    "<payload-type id='%u' name='%s' clockrate='%u' channels='%u'/>"
	    "<rtcp-mux/></description>"
	    "<transport xmlns='" NS_ICE "' ufrag='%s' pwd='%s'>"
	    "<fingerprint xmlns='" NS_DTLS "' hash='sha-256' setup='%s'>%s"
	    "</fingerprint>"
	    "<candidate component='1' foundation='1' generation='0' id='c' "
	    "ip='%s' port='%u' priority='2130706431' protocol='udp' "
	    "type='host' network='0'/></transport></content>",
	    c->x.pt, opus ? "opus" : "PCMU", opus ? 48000 : 8000, opus ? 2 : 1,
	    c->ufrag, c->pwd, accept ? "active" : "actpass", load.fingerprint,
	    ip, ntohs(a.sin_port));
	say_jingle(c, accept ? "session-accept" : "session-initiate", who,
		   buf);
}

/* ---- what the gateway says ---- */

static void copy(char *buf, size_t size, const char *s)
{
	(void)snprintf(buf, size, "%s", s ? s : "");
}

static void take_candidate(struct call *c, const struct stanza *e)
{
	const char *ip = stanza_attr(e, "ip"), *port = stanza_attr(e, "port"),
		   *proto = stanza_attr(e, "protocol");
	struct sockaddr_in *a = &c->candidates[c->candidatec];

	if (c->candidatec == LOAD_CANDIDATES || !ip || !port || !proto ||
	    strcmp(proto, "udp") || inet_pton(AF_INET, ip, &a->sin_addr) != 1)
		return;
	a->sin_family = AF_INET;
	a->sin_port = htons((uint16_t)strtoul(port, NULL, 10));
	c->candidatec++;
	load_rtp_peer_add(c, a, true);
}

static int take_transport(struct call *c, const struct stanza *jingle)
{
	struct stanza *t = stanza_child(jingle, "content", NS_JINGLE), *e;

	t = t ? stanza_child(t, "transport", NS_ICE) : NULL;
	if (!t)
		return -1;
	copy(c->remote_ufrag, sizeof(c->remote_ufrag),
	     stanza_attr(t, "ufrag"));
	copy(c->remote_pwd, sizeof(c->remote_pwd), stanza_attr(t, "pwd"));
	e = stanza_child(t, "fingerprint", NS_DTLS);
	if (e && e->child && e->child->text)
		copy(c->fingerprint, sizeof(c->fingerprint), e->child->text);
	for (e = stanza_child(t, "candidate", NS_ICE); e;
	     e = stanza_next(e, "candidate", NS_ICE))
		take_candidate(c, e);

	return 0;
}

static bool take_codec(struct call *c, const struct stanza *jingle)
{
	const char *want = load.opt.media == LOAD_PCMU ? "PCMU" : "opus", *v;
	struct stanza *e = stanza_child(jingle, "content", NS_JINGLE);

	e = e ? stanza_child(e, "description", NS_RTP) : NULL;
	e = e ? stanza_child(e, "payload-type", NS_RTP) : NULL;
	for (; e; e = stanza_next(e, "payload-type", NS_RTP)) {
		v = stanza_attr(e, "name");
		if (!v || strcasecmp(v, want))
			continue;
		v = stanza_attr(e, "id");
		c->x.pt = (uint8_t)(v ? strtoul(v, NULL, 10) : 0);
		return true;
	}

	return false;
}

static void take_initiate(struct call *c, const struct stanza *iq,
			  const struct stanza *j)
{
	copy(c->jid, sizeof(c->jid), stanza_attr(iq, "from"));
	if (!c->s2x || c->initiated)
		return;
	c->initiated = true;
	if (take_transport(c, j) || !take_codec(c, j)) {
		call_fail(c, "session-initiate without what we need");
		return;
	}
	say_content(c, true);
}

static void take_terminate(struct call *c, const struct stanza *j)
{
	struct stanza *r = stanza_child(j, "reason", NS_JINGLE);
	const char *name =
	    r && r->child && r->child->name ? r->child->name : "no reason";

	c->x_over = true;
	if (c->state == CALL_SETUP || c->state == CALL_UP)
		call_fail(c, "session-terminate: %s", name);
	else
		call_over(c);
}

static void take_jingle(const struct stanza *iq, const struct stanza *j)
{
	const char *action = stanza_attr(j, "action");
	struct call *c =
	    find_current(stanza_attr(iq, "to"), stanza_attr(j, "sid"));

	if (!c || !action)
		return;
	if (!strcmp(action, "session-initiate")) {
		take_initiate(c, iq, j);
	} else if (!strcmp(action, "session-accept")) {
		if (take_transport(c, j))
			call_fail(c, "session-accept without a transport");
		else
			load_ice_turn(c);
	} else if (!strcmp(action, "transport-info")) {
		(void)take_transport(c, j);
	} else if (!strcmp(action, "session-terminate")) {
		take_terminate(c, j);
	}
}

static const char *condition(const struct stanza *st)
{
	const struct stanza *e = stanza_child(st, "error", NULL);

	return e && e->child && e->child->name ? e->child->name : "error";
}

static void answer(const struct stanza *iq, bool known)
{
	const char *from = stanza_attr(iq, "from"),
		   *to = stanza_attr(iq, "to"), *id = stanza_attr(iq, "id");

	if (!from || !to || !id || strpbrk(id, "<&'"))
		return;
	if (known)
		xmpp_say("<iq type='result' from='%s' to='%s' id='%s'/>", to,
			 from, id);
	else
		xmpp_say("<iq type='error' from='%s' to='%s' id='%s'>"
			 "<error type='cancel'><service-unavailable xmlns="
			 "'urn:ietf:params:xml:ns:xmpp-stanzas'/></error>"
			 "</iq>",
			 to, from, id);
}

static void take_iq(const struct stanza *iq)
{
	const char *type = stanza_attr(iq, "type"), *id;
	const struct stanza *j = stanza_child(iq, "jingle", NS_JINGLE);
	struct call *c;

	if (!type)
		return;
	if (!strcmp(type, "set") || !strcmp(type, "get")) {
		answer(iq, !strcmp(type, "set") ||
			       stanza_child(iq, "ping", NS_PING));
		if (j && !strcmp(type, "set"))
			take_jingle(iq, j);
		return;
	}
	/* An answer: the id is two letters of the action and the call's. */
	id = stanza_attr(iq, "id");
	if (id && !strcmp(id, "ping") && !strcmp(type, "result"))
		load.reached = true;
	c = id && strlen(id) > 2 ? find_current(stanza_attr(iq, "to"), id + 2)
				 : NULL;
	if (!c)
		return;
	if (!strcmp(type, "error") && c->state != CALL_ENDING) {
		call_fail(c, "Jingle: %s", condition(iq));
	} else if (!strncmp(id, "te", 2)) {
		c->x_over = true;
		call_over(c);
	}
}

/* A propose that the server could not deliver. */
static void take_bounce(const struct stanza *st)
{
	static const char mark[] = "jm-propose-";
	const char *id = stanza_attr(st, "id"), *type;
	struct call *c;

	type = stanza_attr(st, "type");
	if (!id || !type || strcmp(type, "error") ||
	    strncmp(id, mark, strlen(mark)))
		return;
	c = find_current(stanza_attr(st, "to"), id + strlen(mark));
	if (c)
		call_fail(c, "message: %s", condition(st));
}

/* That the gateway is full says more than the reason beside it. */
static const char *reason_of(const struct stanza *reject)
{
	const struct stanza *e = stanza_child(reject, "reason", NS_JINGLE);

	if (!e || !e->child || !e->child->name)
		return "no reason";

	return stanza_child(e, "resource-constraint", NULL)
		   ? "resource-constraint"
		   : e->child->name;
}

static void take_message(const struct stanza *st)
{
	const struct stanza *e;
	const char *to = stanza_attr(st, "to"), *name, *type;
	struct call *c;

	type = stanza_attr(st, "type");
	for (e = st->child; e && !(e->name && !strcmp(e->ns, NS_JMI));
	     e = e->next)
		;
	if (!e) {
		take_bounce(st);
		return;
	}
	name = e->name;
	if (!strcmp(name, "propose") && (!type || strcmp(type, "error"))) {
		c = find_call(to);
		if (c && load.opt.probe && !c->x_over) {
			hist_add(&load.invite, load_now() - c->began);
			c->x_over = true;
			call_probed(c);
			return;
		}
		if (!c || c->state != CALL_SETUP || !c->s2x || c->jid[0])
			return;
		hist_add(&load.invite, load_now() - c->began);
		copy(c->id, sizeof(c->id), stanza_attr(e, "id"));
		copy(c->jid, sizeof(c->jid), stanza_attr(st, "from"));
		say_jmi(c, "ringing");
		say_jmi(c, "proceed");
		return;
	}
	c = find_current(to, stanza_attr(e, "id"));
	if (!c)
		return;
	if (type && !strcmp(type, "error")) {
		call_fail(c, "JMI: %s", condition(st));
	} else if (!strcmp(name, "proceed") && !c->initiated && !c->s2x) {
		if (c->asked)
			hist_add(&load.proceed, load_now() - c->asked);
		c->initiated = true;
		say_content(c, false);
	} else if (!strcmp(name, "reject") && c->state == CALL_SETUP) {
		call_fail(c, "reject: %s", reason_of(e));
	}
}

void jingle_stanza(const struct stanza *st)
{
	if (stanza_is(st, "iq", NULL))
		take_iq(st);
	else if (stanza_is(st, "message", NULL))
		take_message(st);
}
