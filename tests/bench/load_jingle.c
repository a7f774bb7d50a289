/* load_jingle.c: the XMPP server of one component, and its users' clients.
 *
 * It reads what one program prints, the gateway; it is no parser of XML. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "load.h"

enum {
	XMPP_PORT = 5347,
	BUFFER = 1 << 20,
	READY = 10 * 1000000, /* us */
};

static struct {
	struct load *l;
	int listen, fd;
	struct input accepting, source;
	bool up;
	char buf[BUFFER];
	size_t len, seen; /* bytes; those that were looked at */
	size_t start;	  /* of the stanza, when depth is over 1 */
	int depth;
	char fingerprint[128];
} xmpp;

static void say(const char *fmt, ...)
{
	char buf[4096];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(buf, sizeof(buf), fmt, ap);
	va_end(ap);
	if (xmpp.fd < 0 || write(xmpp.fd, buf, (size_t)n) != n)
		(void)fprintf(stderr, "load: the component is gone\n");
}

/* Attribute of the tag that s is in. */
static bool attr(const char *s, const char *name, char *buf, size_t size)
{
	const char *end = strchr(s, '>'), *p = s;
	size_t n = strlen(name);

	buf[0] = '\0';
	while (end && (p = strstr(p, name)) && p < end) {
		if (p[-1] == ' ' && p[n] == '=') {
			p += n + 1;
			n = strcspn(p + 1, p[0] == '"' ? "\"" : "'");
			(void)snprintf(buf, size, "%.*s", (int)n, p + 1);
			return true;
		}
		p += n;
	}

	return false;
}

/* Users are b0, b1 .. */
static struct call *find_call(const char *jid)
{
	unsigned long i = jid[0] == 'b' ? strtoul(jid + 1, NULL, 10) : 0;

	return i < xmpp.l->callc ? &xmpp.l->calls[i] : NULL;
}

static void take_transport(struct call *c, const char *st)
{
	const char *t = strstr(st, "<transport"), *p;
	char ip[LOAD_NAME], port[16], proto[16];
	struct sockaddr_in *a;

	if (!t)
		return;
	if (!c->remote_pwd[0]) {
		(void)attr(t, "ufrag", c->remote_ufrag,
			   sizeof(c->remote_ufrag));
		(void)attr(t, "pwd", c->remote_pwd, sizeof(c->remote_pwd));
	}
	for (p = t; (p = strstr(p, "<candidate")); p++) {
		if (c->candidatec == LOAD_CANDIDATES)
			break;
		a = &c->candidates[c->candidatec];
		if (attr(p, "ip", ip, sizeof(ip)) &&
		    attr(p, "port", port, sizeof(port)) &&
		    attr(p, "protocol", proto, sizeof(proto)) &&
		    !strcmp(proto, "udp") &&
		    inet_pton(AF_INET, ip, &a->sin_addr) == 1) {
			a->sin_family = AF_INET;
			a->sin_port = htons((uint16_t)atoi(port));
			c->candidatec++;
		}
	}
}

static void take_jingle(struct call *c, const char *st)
{
	char action[32];

	(void)attr(strstr(st, "<jingle"), "action", action, sizeof(action));
	if (!strcmp(action, "session-accept")) {
		take_transport(c, st);
		c->accepted = true;
	} else if (!strcmp(action, "transport-info")) {
		take_transport(c, st);
	} else if (!strcmp(action, "session-terminate")) {
		load_fail(c, "the gateway ended the call");
	}
}

static void take_iq(const char *st)
{
	char from[128], to[128], id[128], type[16];
	struct call *c;

	(void)attr(st, "from", from, sizeof(from));
	(void)attr(st, "to", to, sizeof(to));
	(void)attr(st, "id", id, sizeof(id));
	(void)attr(st, "type", type, sizeof(type));
	c = find_call(to);
	if (!strcmp(type, "error") && c)
		load_fail(c, "the gateway answered with an error");
	if (!strcmp(type, "result") && c && id[0] == 't')
		c->told = true;
	if (!strcmp(type, "set") && c && strstr(st, "<jingle"))
		take_jingle(c, st);
	if (!strcmp(type, "set") || strstr(st, "<ping"))
		say("<iq type='result' from='%s' to='%s' id='%s'/>", to, from,
		    id);
	else if (!strcmp(type, "get"))
		say("<iq type='error' from='%s' to='%s' id='%s'>"
		    "<error type='cancel'><service-unavailable xmlns="
		    "'urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>",
		    to, from, id);
}

static void take_stanza(const char *st)
{
	if (!strncmp(st, "<iq", 3)) {
		take_iq(st);
	} else if (!strncmp(st, "<handshake", 10)) {
		say("<handshake/>");
		xmpp.up = true;
	}
}

/* One tag at buf[at], its '>' at end. */
static void take_tag(size_t at, size_t end)
{
	char *p = xmpp.buf, was;

	if (p[at + 1] == '?')
		return;
	if (p[at + 1] == '/') {
		xmpp.depth--;
	} else {
		if (xmpp.depth == 1)
			xmpp.start = at;
		xmpp.depth++;
		if (xmpp.depth == 1)
			say("<?xml version='1.0'?><stream:stream "
			    "xmlns='jabber:component:accept' id='bench' "
			    "xmlns:stream='http://etherx.jabber.org/streams' "
			    "from='sip.xmpp.test'>");
		else if (p[end - 1] == '/')
			xmpp.depth--;
	}
	if (xmpp.depth == 1 && xmpp.start) {
		was = p[end + 1];
		p[end + 1] = '\0';
		take_stanza(p + xmpp.start);
		p[end + 1] = was;
		xmpp.start = 0;
	}
}

static void readable(void *arg)
{
	char *lt, *gt;
	size_t keep;
	ssize_t n;

	(void)arg;
	n = recv(xmpp.fd, xmpp.buf + xmpp.len, BUFFER - xmpp.len - 2, 0);
	if (n <= 0) {
		(void)close(xmpp.fd);
		xmpp.fd = -1;
		xmpp.up = false;
		return;
	}
	xmpp.len += (size_t)n;
	xmpp.buf[xmpp.len] = '\0';
	while ((lt = strchr(xmpp.buf + xmpp.seen, '<')) &&
	       (gt = strchr(lt, '>'))) {
		take_tag((size_t)(lt - xmpp.buf), (size_t)(gt - xmpp.buf));
		xmpp.seen = (size_t)(gt - xmpp.buf) + 1;
	}
	/* The place before a stanza is never 0, which means none. */
	keep = xmpp.start ? xmpp.start - 1 : xmpp.seen - 1;
	memmove(xmpp.buf, xmpp.buf + keep, xmpp.len - keep + 1);
	xmpp.len -= keep;
	xmpp.seen -= keep;
	xmpp.start -= xmpp.start ? keep : 0;
}

static void accept_one(void *arg)
{
	int fd = accept(xmpp.listen, NULL, NULL);

	(void)arg;
	if (fd < 0)
		return;
	xmpp.fd = fd;
	xmpp.len = xmpp.seen = xmpp.start = 0;
	xmpp.depth = 0;
	(void)load_watch(&xmpp.source, fd, readable, NULL);
}

static void nothing(void *arg)
{
	uint32_t buf[LOAD_DATAGRAM / 4];
	struct end *e = arg;
	ssize_t n = recv(e->fd, buf, sizeof(buf), MSG_DONTWAIT);

	if (n > 0)
		load_rtp_input(e, (uint8_t *)buf, (size_t)n);
}

static int open_gateway(struct load *l)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
				.sin_port = htons(XMPP_PORT)};
	int on = 1, err;
	unsigned i;

	xmpp.l = l;
	xmpp.fd = -1;
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	xmpp.listen = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (xmpp.listen < 0 ||
	    setsockopt(xmpp.listen, SOL_SOCKET, SO_REUSEADDR, &on,
		       sizeof(on)) ||
	    bind(xmpp.listen, (struct sockaddr *)&a, sizeof(a)) ||
	    listen(xmpp.listen, 1))
		return errno;
	err = load_watch(&xmpp.accepting, xmpp.listen, accept_one, NULL);
	err = err ? err : load_sip_open(l);
	err = err ? err : load_ice_init(l, xmpp.fingerprint);
	for (i = 0; i < l->callc && !err; i++) {
		struct call *c = &l->calls[i];

		err = load_socket(&c->s, c, l->media, nothing);
		err = err ? err : load_ice_open(l, c);
	}

	return err;
}

static int ready_gateway(struct load *l)
{
	uint64_t end = load_now() + READY;

	(void)l;
	while (!xmpp.up && load_now() < end)
		load_turn(100);

	return xmpp.up ? 0 : ETIMEDOUT;
}

static void start_gateway(struct load *l, struct call *c)
{
	char ip[INET_ADDRSTRLEN];

	(void)l;
	(void)inet_ntop(AF_INET, &c->x.local.sin_addr, ip, sizeof(ip));
	say("<iq type='set' from='b%u@xmpp.test/bench' id='i%u' "
	    "to='%u@sip.xmpp.test/sip'>"
	    "<jingle xmlns='urn:xmpp:jingle:1' action='session-initiate' "
	    "sid='bench-%u' initiator='b%u@xmpp.test/bench'>"
	    "<content creator='initiator' name='0' senders='both'>"
	    "<description xmlns='urn:xmpp:jingle:apps:rtp:1' media='audio'>"
	    "<payload-type id='0' name='PCMU' clockrate='8000'/><rtcp-mux/>"
	    "</description>"
	    "<transport xmlns='urn:xmpp:jingle:transports:ice-udp:1' "
	    "ufrag='%s' pwd='%s'>"
	    "<fingerprint xmlns='urn:xmpp:jingle:apps:dtls:0' "
	    "hash='sha-256' setup='actpass'>%s</fingerprint>"
	    "<candidate component='1' foundation='1' generation='0' id='c' "
	    "ip='%s' port='%u' priority='2130706431' protocol='udp' "
	    "type='host' network='0'/></transport></content></jingle></iq>",
	    c->index, c->index, load_sip_number(c), c->index, c->index,
	    c->ufrag, c->pwd, xmpp.fingerprint, ip,
	    ntohs(c->x.local.sin_port));
}

static void turn_gateway(struct load *l, struct call *c)
{
	(void)l;
	if (c->state == CALL_SETUP) {
		load_sip_turn(c);
		load_ice_turn(c);
		if (c->acked && c->accepted && c->nominated && c->crypt)
			c->state = CALL_UP;
	} else if (c->state == CALL_ENDING && c->bye && c->told) {
		c->state = CALL_ENDED;
	}
}

static void stop_gateway(struct load *l, struct call *c)
{
	(void)l;
	c->state = CALL_ENDING;
	say("<iq type='set' from='b%u@xmpp.test/bench' id='t%u' "
	    "to='%u@sip.xmpp.test/sip'><jingle xmlns='urn:xmpp:jingle:1' "
	    "action='session-terminate' sid='bench-%u'><reason><success/>"
	    "</reason></jingle></iq>",
	    c->index, c->index, load_sip_number(c), c->index);
}

const struct way way_gateway = {
    "gateway",	   "stoxd: Jingle to SIP, one user and one number a call",
    open_gateway,  ready_gateway,
    start_gateway, turn_gateway,
    stop_gateway};
