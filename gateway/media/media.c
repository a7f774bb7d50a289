/* media.c: the signalling thread's half of a call. */
#include "media/media.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include "base/log.h"
#include "media/media_priv.h"
#include "media/ports.h"

struct media {
	struct engine *engine; /* not owned */
	uint64_t id;
	unsigned worker;
	char name[RELAY_NAME_SIZE];
	media_event_h *h;
	void *arg;
	enum { FREE, ICE, RTP } flows[MEDIA_FLOW_MAX];
	uint16_t ports[MEDIA_FLOW_MAX]; /* of RTP flows */
	bool v6[MEDIA_FLOW_MAX];	/* ditto */
	unsigned next_flow;
	bool has_events[MEDIA_STREAM_MAX][2]; /* by enum media_side */
	struct media_net nets[MEDIA_NET_MAX];
	unsigned netc;
	/* Made at the start, so that closing cannot fail for want of memory */
	struct command *close;
};

static struct command *command_new(const struct media *m,
				   enum command_type type, unsigned index)
{
	struct command *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->type = type;
	c->id = m->id;
	c->index = index;

	return c;
}

static void command_send(const struct media *m, struct command *c)
{
	engine_command(m->engine, m->worker, c);
}

static int command_plain(const struct media *m, enum command_type type,
			 unsigned index)
{
	struct command *c = command_new(m, type, index);

	if (!c)
		return ENOMEM;
	command_send(m, c);

	return 0;
}

static void hex(char *out, size_t size, uint64_t v)
{
	(void)snprintf(out, size, "%016llx", (unsigned long long)v);
}

static int relay_new(struct relay **rp, struct media *m)
{
	struct relay *r = calloc(1, sizeof(*r));
	uint64_t random = 0;

	if (!r)
		return ENOMEM;
	if (getrandom(&random, sizeof(random), 0) < 0)
		random = m->id;
	r->id = m->id;
	r->seed = (uint32_t)random;
	r->conf = engine_conf(m->engine);
	memcpy(r->name, m->name, sizeof(r->name));
	hex(r->cname, sizeof(r->cname), random); /* RFC 7022 4.2 */
	*rp = r;

	return 0;
}

int media_open(struct media **mp, struct engine *e, const char *name,
	       media_event_h *h, void *arg)
{
	struct command *c = NULL;
	struct media *m;
	int err;

	if (!engine_room(e))
		return ENFILE;
	m = calloc(1, sizeof(*m));
	if (!m)
		return ENOMEM;
	m->engine = e;
	m->h = h;
	m->arg = arg;
	(void)snprintf(m->name, sizeof(m->name), "%s", name);
	err = engine_add(e, m, &m->id, &m->worker);
	if (err) {
		free(m);
		return err;
	}
	m->close = command_new(m, COMMAND_CLOSE, 0);
	c = command_new(m, COMMAND_OPEN, 0);
	err = c && m->close ? relay_new(&c->relay, m) : ENOMEM;
	if (err) {
		engine_remove(e, m->id, m->worker);
		free(m->close);
		free(c);
		free(m);
		return err;
	}
	command_send(m, c);
	*mp = m;

	return 0;
}

static void use(struct media *m, unsigned flow, int sign)
{
	const struct engine_conf *conf = engine_conf(m->engine);
	int both = conf->addr4.ss_family && conf->addr6.ss_family;

	if (m->flows[flow] == ICE)
		engine_use(m->engine, sign * (1 + both),
			   sign * (5 + 2 * both));
	else if (m->flows[flow] == RTP)
		engine_use(m->engine, sign * 2, sign * 2);
}

void media_close(struct media *m)
{
	unsigned i;

	if (!m)
		return;
	for (i = 0; i < MEDIA_FLOW_MAX; i++)
		use(m, i, -1);
	command_send(m, m->close);
	engine_remove(m->engine, m->id, m->worker);
	free(m);
}

void media_handle(struct media *m, const struct media_event *ev)
{
	/* An event of a flow that was ended meanwhile says nothing. */
	if ((ev->type == MEDIA_LOCAL || ev->type == MEDIA_CONNECTED ||
	     ev->type == MEDIA_SUSPENDED || ev->type == MEDIA_RESUMED ||
	     ev->type == MEDIA_FAILED) &&
	    m->flows[ev->flow] == FREE)
		return;
	m->h(ev, m->arg);
}

int media_allow(struct media *m, const struct media_net *nets, unsigned n)
{
	unsigned i;

	if (n > MEDIA_NET_MAX)
		return E2BIG;
	m->netc = 0;
	for (i = 0; i < n; i++) {
		if (nets[i].addr.family)
			m->nets[m->netc++] = nets[i];
	}

	return 0;
}

/* ---- flows ---- */

/* Numbers go round, so that a late event of a flow that was ended does not
 * seem to be about a new one. */
static int find_flow(struct media *m, unsigned *flow)
{
	unsigned i;

	for (i = 0; i < MEDIA_FLOW_MAX; i++) {
		*flow = (m->next_flow + i) % MEDIA_FLOW_MAX;
		if (m->flows[*flow] == FREE) {
			m->next_flow = *flow + 1;
			return 0;
		}
	}

	return ENFILE;
}

static int flow_new(struct command **cp, struct media *m, unsigned flow,
		    bool ice)
{
	struct command *c = command_new(m, COMMAND_FLOW, flow);

	if (!c)
		return ENOMEM;
	c->flow = flow_alloc(ice);
	if (!c->flow) {
		free(c);
		return ENOMEM;
	}
	c->flow->index = flow;
	*cp = c;

	return 0;
}

static void set_nets(const struct media *m, struct ice_part *i)
{
	const struct media_net *links;
	unsigned n;

	links = engine_links(m->engine, &n);
	memcpy(i->nets, m->nets, m->netc * sizeof(*m->nets));
	memcpy(i->nets + m->netc, links, n * sizeof(*links));
	i->netc = m->netc + n;
}

int media_flow_ice(struct media *m, unsigned *flow, bool controlling)
{
	struct command *c;
	unsigned n;
	int err;

	err = find_flow(m, &n);
	if (err)
		return err;
	err = flow_new(&c, m, n, true);
	if (err)
		return err;
	c->flow->i.controlling = controlling;
	c->flow->i.identity = engine_identity(m->engine);
	set_nets(m, &c->flow->i);
	m->flows[n] = ICE;
	use(m, n, 1);
	*flow = n;
	command_send(m, c);

	return 0;
}

static void set_local(struct transport *local,
		      const struct sockaddr_storage *addr, uint16_t port)
{
	struct sockaddr_storage ss = *addr;

	memset(local, 0, sizeof(*local));
	ss_set_port(&ss, port);
	ss_to_desc(&local->addr, &ss);
	ss_set_port(&ss, (uint16_t)(port + 1));
	ss_to_desc(&local->rtcp, &ss);
}

static int family_addresses(const struct engine_conf *conf, int family,
			    const struct sockaddr_storage **addr,
			    const struct sockaddr_storage **pub)
{
	bool v6 = family == AF_INET6;

	*addr = v6 ? &conf->addr6 : &conf->addr4;
	*pub = v6 ? &conf->public6 : &conf->public4;
	if (!(*addr)->ss_family)
		return EAFNOSUPPORT;
	if (!(*pub)->ss_family)
		*pub = *addr;

	return 0;
}

int media_flow_rtp(struct media *m, unsigned *flow,
		   const struct media_rtp_conf *conf, struct transport *local)
{
	static const enum latch_mode modes[] = {
	    [MEDIA_LATCH_RESTRICTED] = LATCH_RESTRICTED,
	    [MEDIA_LATCH_OFF] = LATCH_OFF,
	    [MEDIA_LATCH_ANY] = LATCH_ANY,
	};
	const struct engine_conf *ec = engine_conf(m->engine);
	const struct sockaddr_storage *addr, *pub;
	struct command *c;
	uint16_t port;
	unsigned n;
	int err;

	err = family_addresses(ec, conf->family, &addr, &pub);
	if (err)
		return err;
	err = find_flow(m, &n);
	if (err)
		return err;
	err = flow_new(&c, m, n, false);
	if (err)
		return err;
	err = ports_open(c->flow->r.fds, &port, addr, ec->port_min,
			 ec->port_max, ec->dscp);
	if (err) {
		free(c->flow);
		free(c);
		return err == EMFILE ? ENFILE : err;
	}
	for (unsigned i = 0; i < 2; i++) {
		struct latch *l = &c->flow->r.latch[i];

		l->mode = modes[conf->latch];
		l->netc =
		    conf->fromc < MEDIA_NET_MAX ? conf->fromc : MEDIA_NET_MAX;
		memcpy(l->nets, conf->from, l->netc * sizeof(l->nets[0]));
	}
	m->flows[n] = RTP;
	m->ports[n] = port;
	m->v6[n] = conf->family == AF_INET6;
	use(m, n, 1);
	set_local(local, pub, port);
	*flow = n;
	command_send(m, c);

	return 0;
}

int media_flow_address(const struct media *m, unsigned flow,
		       struct transport *local)
{
	const struct sockaddr_storage *addr, *pub;
	int err;

	if (flow >= MEDIA_FLOW_MAX || m->flows[flow] != RTP)
		return EINVAL;

	err = family_addresses(engine_conf(m->engine),
			       m->v6[flow] ? AF_INET6 : AF_INET, &addr, &pub);
	if (!err)
		set_local(local, pub, m->ports[flow]);

	return err;
}

void media_flow_end(struct media *m, unsigned flow)
{
	if (flow >= MEDIA_FLOW_MAX || m->flows[flow] == FREE)
		return;
	if (command_plain(m, COMMAND_FLOW_END, flow)) {
		log_error("call %s: no memory to end flow %u\n", m->name,
			  flow);
		return; /* it goes with the call */
	}
	use(m, flow, -1);
	m->flows[flow] = FREE;
}

/* ---- the other end ---- */

static bool copy_credential(char out[DESC_UFRAG_MAX + 1], const char *s)
{
	size_t n = s ? strlen(s) : 0;

	if (!n || n > DESC_UFRAG_MAX)
		return false;
	memcpy(out, s, n + 1);

	return true;
}

int media_remote_ice(struct media *m, unsigned flow, const struct transport *t)
{
	const struct candidate *cand;
	struct remote_ice *ice;
	struct command *c;
	unsigned n = 0;

	if (flow >= MEDIA_FLOW_MAX || m->flows[flow] != ICE)
		return EINVAL;
	for (cand = t->candidates; cand && n < DESC_CANDIDATE_MAX;
	     cand = cand->next)
		n++;
	c = command_new(m, COMMAND_REMOTE_ICE, flow);
	ice = calloc(1, sizeof(*ice) + n * sizeof(ice->candidates[0]));
	if (!c || !ice) {
		free(c);
		free(ice);
		return ENOMEM;
	}
	ice->credentials = copy_credential(ice->ufrag, t->ufrag) &&
			   copy_credential(ice->pwd, t->pwd);
	ice->fingerprint = t->fingerprint;
	ice->setup = t->setup;
	for (cand = t->candidates; cand && ice->candidatec < n;
	     cand = cand->next)
		ice->candidates[ice->candidatec++] = *cand;
	c->ice = ice;
	command_send(m, c);

	return 0;
}

/* Without a=rtcp it is the next port (RFC 3605 2.1, RFC 3550 11); its address
 * may be left out of a=rtcp. */
static void set_rtcp(struct remote_rtp *r, const struct transport *t)
{
	if (ss_from_desc(&r->rtcp, &t->rtcp))
		return;
	r->rtcp = r->addr;
	ss_set_port(&r->rtcp, t->rtcp.port ? t->rtcp.port
					   : (uint16_t)(t->addr.port + 1));
	if (!t->addr.port)
		ss_set_port(&r->rtcp, 0);
}

int media_remote_rtp(struct media *m, unsigned flow, const struct transport *t,
		     const struct crypto *tx, const struct crypto *rx,
		     const struct desc_addr *signalling)
{
	struct remote_rtp *r;
	struct command *c;

	if (flow >= MEDIA_FLOW_MAX || m->flows[flow] != RTP || !tx != !rx)
		return EINVAL;
	if (tx && (crypt_keylen(tx->suite) != tx->keylen ||
		   crypt_keylen(rx->suite) != rx->keylen || !tx->keylen ||
		   !rx->keylen))
		return EINVAL;
	c = command_new(m, COMMAND_REMOTE_RTP, flow);
	r = calloc(1, sizeof(*r));
	if (!c || !r) {
		free(c);
		free(r);
		return ENOMEM;
	}
	(void)ss_from_desc(&r->addr, &t->addr);
	set_rtcp(r, t);
	if (signalling)
		(void)ss_from_desc(&r->signal, signalling);
	r->mux = t->mux;
	r->encrypted = tx;
	if (tx) {
		r->tx = *tx;
		r->rx = *rx;
	}
	c->rtp = r;
	command_send(m, c);

	return 0;
}

int media_restart(struct media *m, unsigned flow)
{
	if (flow >= MEDIA_FLOW_MAX || m->flows[flow] != ICE)
		return EINVAL;

	return command_plain(m, COMMAND_RESTART, flow);
}

/* ---- streams ---- */

static bool has_event(const struct media_stream_conf *conf, bool x)
{
	const struct media_pt *m;
	unsigned i;

	for (i = 0; conf->used && i < conf->ptc; i++) {
		m = &conf->pts[i];
		if (m->event && (x ? m->x : m->s) != MEDIA_PT_NONE)
			return true;
	}

	return false;
}

int media_stream(struct media *m, unsigned stream,
		 const struct media_stream_conf *conf)
{
	struct command *c;

	if (stream >= MEDIA_STREAM_MAX || conf->ptc > MEDIA_PT_MAX)
		return EINVAL;
	c = command_new(m, COMMAND_STREAM, stream);
	if (!c)
		return ENOMEM;
	c->stream = calloc(1, sizeof(*c->stream));
	if (!c->stream) {
		free(c);
		return ENOMEM;
	}
	c->stream->conf = *conf;
	m->has_events[stream][MEDIA_TO_S] = has_event(conf, false);
	m->has_events[stream][MEDIA_TO_X] = has_event(conf, true);
	command_send(m, c);

	return 0;
}

int media_dtmf(struct media *m, unsigned stream, enum media_side to,
	       char digit, unsigned ms)
{
	struct command *c;

	if (stream >= MEDIA_STREAM_MAX || dtmf_event(digit) < 0)
		return EINVAL;
	if (!m->has_events[stream][to])
		return ENOTSUP;
	c = command_new(m, COMMAND_DTMF, stream);
	if (!c)
		return ENOMEM;
	c->dtmf.to = to;
	c->dtmf.digit = digit;
	c->dtmf.ms = ms;
	command_send(m, c);

	return 0;
}

int media_tap(struct media *m, unsigned ms)
{
	return command_plain(m, COMMAND_TAP, ms);
}

int media_stats(struct media *m)
{
	return command_plain(m, COMMAND_STATS, 0);
}
