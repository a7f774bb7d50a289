/* doctor_net.c: the world outside: STUN, the ports of media, TURN. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "admin/doctor.h"
#include "xmpp/resolve.h"

enum {
	WAIT = 5000,	     /* ms */
	PORT_DEFAULT = 3478, /* RFC 8489 8.1 */
	PORTS_TRIED = 3,     /* of [media] ports: first, middle, last */
	NEARBY = 64,	     /* ports beside one that is taken */
	LIFETIME = 60,	     /* s; of an allocation that nobody uses */
};

struct server {		     /* of a STUN or TURN server; kept by its probe */
	struct probe *probe; /* not referenced: it holds us */
	const struct gateway *gw;
	char *host, *user, *password;
	uint16_t port;
	bool tcp;
	struct resolve *resolve;
	struct sa addr;
	struct udp_sock *us;
	struct tcp_conn *tc;
	struct stun *stun;
	struct stun_ctrans *ct;
	struct turnc *turnc;
	struct sa mapped;
	unsigned part; /* of [media] ports that is tried */
};

static void server_destructor(void *arg)
{
	struct server *s = arg;

	mem_deref(s->resolve);
	mem_deref(s->turnc);
	mem_deref(s->ct);
	mem_deref(s->stun);
	mem_deref(s->us);
	mem_deref(s->tc);
	mem_deref(s->host);
	mem_deref(s->user);
	if (s->password)
		explicit_bzero(s->password, strlen(s->password));
	mem_deref(s->password);
}

static int slice(char **dp, const char *from, const char *to)
{
	const struct pl pl = {from, (size_t)(to - from)};

	return pl_strdup(dp, &pl);
}

/* "[user:password@]host[:port][;transport=tcp]", which config_net.c has
 * judged; IPv6 in brackets. */
static int server_split(struct server *s, const char *text)
{
	const char *at = strrchr(text, '@'), *host = at ? at + 1 : text;
	const char *end = host + strcspn(host, ";");
	const char *colon = memchr(host, ':', (size_t)(end - host));
	int err = 0;

	if (at) {
		const char *c = strchr(text, ':');

		err = slice(&s->user, text, c);
		if (!err)
			err = slice(&s->password, c + 1, at);
	}
	s->tcp = *end && strcasecmp(end, ";transport=udp");
	s->port = PORT_DEFAULT;
	if (*host == '[') {
		const char *close = strchr(host, ']');

		colon = close && close[1] == ':' ? close + 1 : NULL;
		++host;
		if (!err && close)
			err = slice(&s->host, host, close);
	} else if (!err) {
		err = slice(&s->host, host, colon ? colon : end);
	}
	if (colon)
		s->port = (uint16_t)strtoul(colon + 1, NULL, 10);

	return err ? err : s->host ? 0 : EINVAL;
}

/* Ours, of the family of to. */
static const struct sa *ours(const struct server *s)
{
	const struct config_media *m = &s->gw->config->media;

	return sa_af(&s->addr) == AF_INET6 ? &m->addr6 : &m->addr4;
}

static int server_start(struct probe *p, const struct gateway *gw,
			const char *text, unsigned part, resolve_h *h)
{
	struct server *s = mem_zalloc(sizeof(*s), server_destructor);
	int err;

	if (!s)
		return ENOMEM;

	probe_keep(p, s);
	s->probe = p;
	s->gw = gw;
	s->part = part;
	err = server_split(s, text);
	if (!err)
		err = resolve_start(&s->resolve, s->host, s->port, h, s);

	return err;
}

/* Takes the first address of a family that media has. */
static bool server_found(struct server *s, int err, const struct sa *v,
			 size_t n, const char *remedy)
{
	for (size_t i = 0; !err && i < n; i++) {
		s->addr = v[i];
		if (sa_isset(ours(s), SA_ADDR))
			return true;
	}

	probe_say(s->probe, PROBE_FAILED, remedy, "%s: %s%m", s->host,
		  err ? "" : "no address that [media] address can reach, ",
		  err ? err : ENETUNREACH);

	return false;
}

/* ---- STUN ---- */

static const char stun_remedy[] =
    "Correct [media] stun, or let the firewall pass UDP from [media] ports to "
    "that server.";

static bool is_public(const struct server *s, const struct sa **sap)
{
	const struct config_media *m = &s->gw->config->media;

	*sap = sa_af(&s->mapped) == AF_INET6 ? &m->public6 : &m->public4;

	return sa_isset(*sap, SA_ADDR);
}

/* What the world sees against what we say. */
static bool stun_judge(struct server *s)
{
	static const char remedy[] =
	    "Set [media] public_address (and [sip] public_address for trunks "
	    "outside) to what the server sees.";
	const struct sa *said;

	if (is_public(s, &said)) {
		if (sa_cmp(said, &s->mapped, SA_ADDR))
			return true;
		probe_say(s->probe, PROBE_FAILED, remedy,
			  "outside sees %j, public_address says %j",
			  &s->mapped, said);
		return false;
	}
	if (sa_cmp(ours(s), &s->mapped, SA_ADDR))
		return true;

	probe_say(s->probe, PROBE_WARNING, remedy,
		  "behind NAT: outside sees %j, not %j; phones outside may "
		  "send into the void",
		  &s->mapped, ours(s));
	return false;
}

static void stun_done(struct server *s, const char *more)
{
	struct sa local;

	memset(&local, 0, sizeof(local));
	(void)udp_local_get(s->us, &local);
	probe_say(s->probe, PROBE_OK, "", "port %u is %J outside%s",
		  sa_port(&local), &s->mapped, more);
}

/* RFC 5780 3: the server has answered from another port of its own. */
static void changed_h(int err, uint16_t scode, const char *reason,
		      const struct stun_msg *msg, void *arg)
{
	struct server *s = arg;

	(void)reason;
	(void)msg;
	if (err || scode)
		probe_say(s->probe, PROBE_WARNING,
			  "Let the firewall pass UDP from anywhere to [media] "
			  "ports.",
			  "outside sees %J, and only who was sent to comes in",
			  &s->mapped);
	else
		stun_done(s, ", and others reach it");
}

static void stun_h(int err, uint16_t scode, const char *reason,
		   const struct stun_msg *msg, void *arg)
{
	struct server *s = arg;
	struct stun_change_req change = {.port = true};
	const struct stun_attr *a;

	if (err || scode) {
		probe_say(s->probe, PROBE_FAILED, stun_remedy, "%s: %s%m",
			  s->host, scode ? reason : "", err);
		return;
	}
	a = stun_msg_attr(msg, STUN_ATTR_XOR_MAPPED_ADDR);
	if (!a)
		a = stun_msg_attr(msg, STUN_ATTR_MAPPED_ADDR);
	if (!a) {
		probe_say(s->probe, PROBE_FAILED, stun_remedy,
			  "%s answers without an address", s->host);
		return;
	}
	s->mapped = a->v.sa;
	if (!stun_judge(s))
		return;
	if (!stun_msg_attr(msg, STUN_ATTR_OTHER_ADDR)) {
		stun_done(s, "");
		return;
	}
	err = stun_request(&s->ct, s->stun, IPPROTO_UDP, s->us, &s->addr, 0,
			   STUN_METHOD_BINDING, NULL, 0, false, changed_h, s,
			   1, STUN_ATTR_CHANGE_REQ, &change);
	if (err)
		stun_done(s, "");
}

static void stun_recv_h(const struct sa *src, struct mbuf *mb, void *arg)
{
	struct server *s = arg;

	(void)src;
	(void)stun_recv(s->stun, mb);
}

/* A free port of the range, at or behind this one. */
static int port_open(struct server *s, unsigned port, udp_recv_h *h)
{
	const struct config_media *m = &s->gw->config->media;
	struct sa local = *ours(s);
	int err = EADDRINUSE;

	for (unsigned i = 0; i < NEARBY && err; i++, port++) {
		if (port > m->port_max)
			port = m->port_min;
		sa_set_port(&local, (uint16_t)port);
		err = udp_listen(&s->us, &local, h, s);
	}

	return err;
}

/* Three retransmissions within the time that the probe has. */
static const struct stun_conf quick = {
    .rto = 400, .rc = 4, .rm = 2, .ti = 3000};

static void stun_found(int err, const struct sa *v, size_t n, void *arg)
{
	const struct config_media *m;
	struct server *s = arg;
	unsigned span;

	s->resolve = mem_deref(s->resolve);
	if (!server_found(s, err, v, n, stun_remedy))
		return;

	m = &s->gw->config->media;
	span = m->port_max - m->port_min;
	err = port_open(s, m->port_min + span * s->part / (PORTS_TRIED - 1),
			stun_recv_h);
	if (!err)
		err = stun_alloc(&s->stun, &quick, NULL, NULL);
	if (!err)
		err = stun_request(&s->ct, s->stun, IPPROTO_UDP, s->us,
				   &s->addr, 0, STUN_METHOD_BINDING, NULL, 0,
				   false, stun_h, s, 0);
	if (err)
		probe_say(s->probe, PROBE_FAILED, stun_remedy, "%J: %m",
			  &s->addr, err);
}

/* ---- TURN ---- */

static const char turn_remedy[] =
    "Correct user, password and address in [media] turn; the server must "
    "allow our address and have ports left.";

static void turn_h(int err, uint16_t scode, const char *reason,
		   const struct sa *relay, const struct sa *mapped,
		   const struct stun_msg *msg, void *arg)
{
	struct server *s = arg;

	(void)mapped;
	(void)msg;
	if (err)
		probe_say(s->probe, PROBE_FAILED, turn_remedy, "%J: %m",
			  &s->addr, err);
	else if (scode)
		probe_say(s->probe, PROBE_FAILED, turn_remedy,
			  "the server says %u %s", scode, reason);
	else
		probe_say(s->probe, PROBE_OK, "", "relays at %J", relay);
}

static void turn_recv_h(const struct sa *src, struct mbuf *mb, void *arg)
{
	(void)src;
	(void)mb;
	(void)arg;
}

static void turn_tcp_up(void *arg)
{
	struct server *s = arg;

	probe_say(s->probe, PROBE_OK, "",
		  "takes connections by TCP; no relay was asked for");
}

static void turn_tcp_closed(int err, void *arg)
{
	struct server *s = arg;

	probe_say(s->probe, PROBE_FAILED, turn_remedy, "%J by TCP: %m",
		  &s->addr, err);
}

static void turn_found(int err, const struct sa *v, size_t n, void *arg)
{
	struct server *s = arg;

	s->resolve = mem_deref(s->resolve);
	if (!server_found(s, err, v, n, turn_remedy))
		return;

	if (s->tcp) {
		err = tcp_connect(&s->tc, &s->addr, turn_tcp_up, NULL,
				  turn_tcp_closed, s);
	} else {
		err = port_open(s, s->gw->config->media.port_min, turn_recv_h);
		if (!err)
			err = turnc_alloc(&s->turnc, &quick, IPPROTO_UDP,
					  s->us, 0, &s->addr, s->user,
					  s->password, LIFETIME, turn_h, s);
	}
	if (err)
		probe_say(s->probe, PROBE_FAILED, turn_remedy, "%J: %m",
			  &s->addr, err);
}

static int net_probe(struct doctor *d, const struct gateway *gw,
		     const char *name, const char *text, unsigned part,
		     const char *remedy, resolve_h *h)
{
	const char *at = strrchr(text, '@');
	struct probe *p;
	int err;

	err = doctor_probe(&p, d, name, "%s", at ? at + 1 : text);
	if (err)
		return err;

	probe_wait(p, WAIT, remedy);
	err = server_start(p, gw, text, part, h);
	if (err)
		probe_say(p, PROBE_FAILED, remedy, "%m", err);

	return 0;
}

int doctor_net(struct doctor *d, const struct gateway *gw)
{
	const struct config_media *m = &gw->config->media;
	int err = 0;

	for (unsigned i = 0; m->stun && i < PORTS_TRIED && !err; i++)
		err = net_probe(d, gw, "ports", m->stun, i, stun_remedy,
				stun_found);
	if (m->turn && !err)
		err = net_probe(d, gw, "turn", m->turn, 0, turn_remedy,
				turn_found);

	return err;
}
