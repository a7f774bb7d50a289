/* iceflow.c: a flow towards XMPP: ICE, consent, the sockets of its packets. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/log.h"
#include "media/demux.h"
#include "media/engine.h"
#include "media/packet.h"

enum { REMOTES_FIRST = 4 }; /* of FLOW_REMOTE_MAX, a power of 2 of it */

enum { /* us; design: consent */
       ICE_DEADLINE = 15 * 1000000,
       /* From the peer's last answer: later only new credentials resume
	* (RFC 7675 5.1). */
       RESUME_MAX = 30 * 1000000,
       SUSPEND_MAX = 30 * 1000000,
};

/* Most peers have a few; without memory for more, they are strangers. */
static bool make_room(struct ice_part *i)
{
	unsigned room = i->remote_room ? 2 * i->remote_room : REMOTES_FIRST;
	struct desc_addr *list;

	if (i->remotec < i->remote_room)
		return true;
	if (room > FLOW_REMOTE_MAX)
		return false;
	list = realloc(i->remotes, room * sizeof(*list));
	if (!list)
		return false;
	i->remotes = list;
	i->remote_room = room;

	return true;
}

static bool add_remote_addr(struct ice_part *i, const struct desc_addr *a)
{
	unsigned k;

	for (k = 0; k < i->remotec; k++) {
		if (!memcmp(&i->remotes[k], a, sizeof(*a)))
			return true;
	}
	if (!make_room(i))
		return false;
	i->remotes[i->remotec++] = *a;

	return true;
}

/* The selected pair's remote, or any candidate of the peer. */
static bool is_known_source(const struct ice_part *i,
			    const struct sockaddr_storage *src)
{
	struct desc_addr a;
	unsigned k;

	if (i->paired && ss_equal(src, &i->pair.remote))
		return true;
	ss_to_desc(&a, src);
	for (k = 0; k < i->remotec; k++) {
		if (!memcmp(&i->remotes[k], &a, sizeof(a)))
			return true;
	}

	return false;
}

/* One flight that overtook the last ICE answer is kept; a source that the
 * peer named beats one that it did not. */
static void keep_early(struct flow *f, const uint8_t *p, size_t len,
		       const struct sockaddr_storage *src, int fd)
{
	struct ice_part *i = &f->i;

	if (len > FLOW_EARLY_MAX || i->assoc || f->crypt ||
	    (i->early && !is_known_source(i, src)))
		return;
	if (!i->early)
		i->early = malloc(FLOW_EARLY_MAX);
	if (!i->early)
		return;
	memcpy(i->early, p, len);
	i->earlylen = len;
	i->early_src = *src;
	i->early_fd = fd;
}

static void dtls_input(struct flow *f, const uint8_t *p, size_t len,
		       const struct sockaddr_storage *src, int fd)
{
	struct ice_part *i = &f->i;

	if (src && !i->up) {
		keep_early(f, p, len, src, fd);
		return;
	}
	if (src) {
		i->flight = *src;
		i->flight_fd = fd;
	}
	shake_input(f, p, len);
}

/* src NULL: from libnice, which has checked where it came from. */
static void input(struct flow *f, uint8_t *p, size_t len,
		  const struct sockaddr_storage *src, int fd)
{
	enum packet_kind kind = packet_kind(p, len);

	if (src && kind == PACKET_STUN) {
		consent_input(f, p, len, src);
		return;
	}
	if (src && !flow_is_aim(f, src) && (kind != PACKET_DTLS || f->i.up) &&
	    !(f->i.up && is_known_source(&f->i, src))) {
		f->count.rx_unknown_source++;
		return;
	}
	switch (kind) {
	case PACKET_RTP:
		forward_rtp(f, p, len, src);
		break;
	case PACKET_RTCP:
		forward_rtcp(f, p, len, src);
		break;
	case PACKET_DTLS:
		dtls_input(f, p, len, src, fd);
		break;
	default:
		f->count.rx_bad++;
		break;
	}
}

static void on_packet(struct watch *wt, uint8_t *p, size_t len,
		      const struct sockaddr_storage *src)
{
	struct flow *f = wt->arg;

	if (len > f->relay->conf->datagram_in)
		f->count.rx_bad++;
	else
		input(f, p, len, src, wt->fd);
}

static const struct receiver receiver = {on_packet, flow_warm};

static void open_socket(struct flow *f, int nice_fd)
{
	struct ice_socket *s = &f->i.sockets[f->i.socketc];
	socklen_t len = sizeof(s->local);
	int err, fd;

	err = demux_open(&fd, nice_fd, f->relay->conf->dscp);
	if (err) {
		log_debug("call %s: flow %u: no socket of our own: %m\n",
			  f->relay->name, f->index, err);
		return;
	}
	if (getsockname(fd, (struct sockaddr *)&s->local, &len) ||
	    worker_receive(f->relay->w, &s->watch, fd, &receiver, f)) {
		(void)close(fd);
		return;
	}
	f->i.socketc++;
}

static void tell_local(struct flow *f, const struct candidate *cands,
		       unsigned n, bool restart)
{
	struct media_event ev = {.type = MEDIA_LOCAL, .flow = f->index};
	struct candidate list[AGENT_LOCAL_MAX];
	struct transport t = {0};
	char *ufrag, *pwd;
	unsigned k;

	if (agent_credentials(f->i.agent, &ufrag, &pwd))
		return;
	for (k = 0; k < n && k < AGENT_LOCAL_MAX; k++) {
		list[k] = cands[k];
		list[k].next = k + 1 < n ? &list[k + 1] : NULL;
	}
	t.ufrag = ufrag;
	t.pwd = pwd;
	t.candidates = n ? list : NULL;
	t.candidatec = n;
	t.fingerprint = *identity_fingerprint(f->i.identity);
	t.setup = DESC_SETUP_ACTPASS;
	t.mux = true;
	ev.transport = &t;
	ev.restart = restart;
	relay_event(f->relay, &ev);
	agent_free_text(ufrag);
	agent_free_text(pwd);
}

static void on_local(void *arg, const struct candidate *cands, unsigned first,
		     unsigned n)
{
	int fds[AGENT_SOCKET_MAX];
	struct flow *f = arg;
	unsigned k, count;

	if (!n) {
		flow_fail(f, true, false, "no port is free for ICE");
		return;
	}
	/* Before anyone is told where we are, so that no packet comes while
	 * the kernel does not sort yet. */
	if (!f->i.told) {
		count = agent_sockets(f->i.agent, fds);
		if (f->relay->conf->one_socket)
			count = 0;
		for (k = 0; k < count; k++)
			open_socket(f, fds[k]);
		/* A pair there would be libnice's. */
		if (f->i.consent.mine && f->i.socketc < count)
			agent_ask(f->i.agent);
	}
	f->i.localc = first + n;
	tell_local(f, cands + first, n, f->i.asked);
	f->i.told = true;
	f->i.asked = false;
}

static void on_deadline(void *arg)
{
	struct flow *f = arg;
	char why[128];

	if (f->state == FLOW_SUSPENDED) {
		flow_fail(f, true, false,
			  "consent was lost and did not come back");
		return;
	}
	if (f->state == FLOW_SHAKING) {
		iceflow_explain(f, why, sizeof(why));
		flow_fail(f, false, f->i.fingerprint.hash == HASH_NONE, why);
		return;
	}
	iceflow_explain(f, why, sizeof(why));
	flow_fail(f, true, false,
		  f->i.restarting ? "ICE restart failed" : why);
}

static void set_deadline(struct flow *f, uint64_t us)
{
	worker_timer(f->relay->w, &f->i.deadline, us, on_deadline, f);
}

static bool may_resume(const struct flow *f)
{
	uint64_t patience =
	    f->i.consent.mine ? consent_patience() : agent_patience();

	return f->i.restarting ||
	       f->relay->w->now - f->i.suspended_at + patience < RESUME_MAX;
}

static void replay_early(struct flow *f)
{
	uint8_t *p = f->i.early;

	if (!p)
		return;
	f->i.early = NULL;
	if (is_known_source(&f->i, &f->i.early_src)) {
		f->i.flight = f->i.early_src;
		f->i.flight_fd = f->i.early_fd;
		shake_input(f, p, f->i.earlylen);
	} else {
		f->count.rx_unknown_source++;
	}
	free(p);
}

void iceflow_again(struct flow *f)
{
	if (f->state == FLOW_FAILED ||
	    (f->state == FLOW_SUSPENDED && !may_resume(f)))
		return;
	f->i.up = true;
	f->i.restarting = false;
	if (f->crypt) {
		wtimer_cancel(&f->relay->w->timers, &f->i.deadline);
		flow_enter(f, FLOW_UP);
		return;
	}
	if (f->state == FLOW_SHAKING)
		return;
	flow_enter(f, FLOW_SHAKING);
	set_deadline(f, ICE_DEADLINE);
	shake_start(f);
	replay_early(f);
}

static void on_up(void *arg)
{
	struct flow *f = arg;

	/* Whom we miss, libnice has not asked. */
	if (f->i.consent.missed && !f->i.restarting)
		return;
	iceflow_again(f);
	if (f->i.up && f->i.consent.fd < 0)
		consent_start(f);
}

/* RFC 7675 5.1: nothing may be sent from here on. */
void iceflow_lost(struct flow *f)
{
	f->i.up = false;
	flow_unaim(f);
	if (f->state == FLOW_UP) {
		f->i.suspended_at = f->relay->w->now;
		flow_enter(f, FLOW_SUSPENDED);
		set_deadline(f, SUSPEND_MAX);
	} else if (f->state == FLOW_SHAKING) {
		flow_enter(f, FLOW_CHECKING);
		set_deadline(f, ICE_DEADLINE);
	}
}

static void on_lost(void *arg)
{
	iceflow_lost(arg);
}

static void on_pair(void *arg, const struct agent_pair *pair)
{
	static const char *const types[] = {"host", "srflx", "prflx", "relay"};
	char a[SS_TEXT_SIZE], b[SS_TEXT_SIZE];
	struct flow *f = arg;
	struct ice_part *i = &f->i;
	unsigned k;

	iceflow_unpair(f);
	consent_pause(f);
	i->pair = *pair;
	i->paired = true;
	i->pair_fd = -1;
	for (k = 0; k < i->socketc; k++) {
		if (pair->local_type != CANDIDATE_RELAY &&
		    ss_equal(&i->sockets[k].local, &pair->base))
			i->pair_fd = i->sockets[k].watch.fd;
	}
	flow_say(f, "pair %s %s - %s %s%s", ss_print(a, &pair->base),
		 types[pair->local_type], ss_print(b, &pair->remote),
		 types[pair->remote_type],
		 i->pair_fd < 0 ? ", by libnice" : "");
	/* It was checked just now. */
	if (i->consent.missed)
		iceflow_again(f);
	if (i->up)
		consent_start(f);
}

static void on_remote(void *arg, const struct desc_addr *addr)
{
	struct flow *f = arg;

	(void)add_remote_addr(&f->i, addr);
}

static void on_data(void *arg, uint8_t *p, size_t len)
{
	struct flow *f = arg;

	if (len > f->relay->conf->datagram_in)
		f->count.rx_bad++;
	else
		input(f, p, len, NULL, -1);
}

static const struct agent_ops ops = {on_local, on_up,	  on_lost,
				     on_pair,  on_remote, on_data};

int iceflow_start(struct flow *f, const struct agent_conf *conf)
{
	f->i.pair_fd = f->i.flight_fd = f->i.send_fd = -1;
	f->i.consent.fd = -1;
	f->i.consent.mine = !conf->consent;

	return agent_alloc(&f->i.agent, f->relay->w, conf, f->i.controlling,
			   &ops, f);
}

static int restart(struct flow *f)
{
	struct agent_conf conf;

	engine_agent_conf(f->relay->w->engine, &conf);
	consent_pause(f);

	return agent_restart(f->i.agent, &conf);
}

static void set_credentials(struct flow *f, const struct remote_ice *c)
{
	struct ice_part *i = &f->i;
	bool known = i->have_remote;

	if (known && !strcmp(i->ufrag, c->ufrag) && !strcmp(i->pwd, c->pwd))
		return;
	/* New ones on a flow that had others: the peer restarts, unless it
	 * answers a restart of ours (RFC 8445 9). */
	if (known && !i->restarting) {
		i->asked = true;
		(void)restart(f);
	}
	i->restarting = known;
	memcpy(i->ufrag, c->ufrag, sizeof(i->ufrag));
	memcpy(i->pwd, c->pwd, sizeof(i->pwd));
	if (agent_set_remote(i->agent, i->ufrag, i->pwd)) {
		log_warning("call %s: flow %u: credentials refused\n",
			    f->relay->name, f->index);
		return;
	}
	i->have_remote = true;
	f->armed_at = f->relay->w->now;
	set_deadline(f, ICE_DEADLINE);
	if (f->state == FLOW_NEW)
		flow_enter(f, FLOW_CHECKING);
}

static void add_candidate(struct flow *f, const struct candidate *c)
{
	struct ice_part *i = &f->i;
	struct sockaddr_storage ss;
	char text[SS_TEXT_SIZE];

	if (ss_from_desc(&ss, &c->addr) &&
	    !reach_allows(i->nets, i->netc, &ss)) {
		if (!i->refused++)
			log_info("call %s: flow %u: candidate %s refused: a "
				 "private address outside of our networks and "
				 "of media_from\n",
				 f->relay->name, f->index,
				 ss_print(text, &ss));
		return;
	}
	if (!agent_add_remote(i->agent, c))
		(void)add_remote_addr(i, &c->addr);
}

/* Another certificate would be a new association (RFC 8842 3.1).  In one that
 * is up that takes new credentials, too: whoever only swaps fingerprints is
 * not who the call began with (RFC 8827 6.5). */
static bool take_fingerprint(struct flow *f, const struct remote_ice *c)
{
	struct ice_part *i = &f->i;
	const struct fingerprint *fp = &c->fingerprint;
	bool anew;

	if (fp->hash == HASH_NONE ||
	    (fp->hash == i->fingerprint.hash &&
	     fp->len == i->fingerprint.len &&
	     !memcmp(fp->md, i->fingerprint.md, fp->len)))
		return true;
	anew = c->credentials && strcmp(i->ufrag, c->ufrag);
	if (f->crypt && !anew) {
		flow_fail(f, false, true,
			  "the fingerprint changed without an ICE restart");
		return false;
	}
	shake_close(f);
	flow_unaim(f);
	crypt_free(f->crypt);
	f->crypt = NULL;
	i->fingerprint = *fp;
	if (f->state == FLOW_UP) {
		flow_enter(f, FLOW_SHAKING);
		set_deadline(f, ICE_DEADLINE);
	}

	return true;
}

void iceflow_remote(struct flow *f, const struct remote_ice *c)
{
	struct ice_part *i = &f->i;
	unsigned k;

	if (f->state == FLOW_FAILED)
		return;
	if (c->setup != DESC_SETUP_NONE)
		i->setup = c->setup;
	if (!take_fingerprint(f, c))
		return;
	if (c->credentials)
		set_credentials(f, c);
	for (k = 0; k < c->candidatec; k++)
		add_candidate(f, &c->candidates[k]);
	if (f->state == FLOW_SHAKING)
		shake_start(f);
}

void iceflow_restart(struct flow *f)
{
	if (f->state == FLOW_FAILED || restart(f))
		return;
	f->i.restarting = true;
	f->i.asked = true;
	flow_say(f, "ICE restart");
	if (f->state == FLOW_SUSPENDED)
		set_deadline(f, SUSPEND_MAX);
}

void iceflow_explain(const struct flow *f, char *buf, size_t size)
{
	const struct ice_part *i = &f->i;

	if (!i->have_remote)
		(void)snprintf(buf, size, "the peer sent no ICE credentials");
	else if (!i->up)
		(void)snprintf(buf, size,
			       "no candidate pair (%u of ours, %u of the "
			       "peer's, %u refused)",
			       i->localc, i->remotec, i->refused);
	else if (i->fingerprint.hash == HASH_NONE)
		(void)snprintf(buf, size, "the peer sent no fingerprint");
	else if (!f->crypt)
		(void)snprintf(buf, size, "DTLS not %s",
			       i->heard ? "finished"
			       : i->assoc && assoc_is_client(i->assoc)
				   ? "answered"
				   : "started");
	else
		(void)snprintf(buf, size, "nothing received");
}

void iceflow_close(struct flow *f)
{
	struct ice_part *i = &f->i;
	struct wtimers *ts = &f->relay->w->timers;
	unsigned k;

	shake_close(f);
	consent_close(f);
	wtimer_cancel(ts, &i->deadline);
	free(i->early);
	i->early = NULL;
	free(i->remotes);
	i->remotes = NULL;
	i->remotec = i->remote_room = 0;
	iceflow_unpair(f);
	/* Ours first: libnice's was bound first and must stay number 0. */
	for (k = 0; k < i->socketc; k++) {
		i->sockets[k].watch.rx = NULL;
		(void)close(i->sockets[k].watch.fd);
	}
	i->socketc = 0;
	agent_close(i->agent);
	i->agent = NULL;
	identity_free(i->identity);
	i->identity = NULL;
}
