/* callmedia.c: the media of a call: which flows, which keys, what passes. */
#include <errno.h>
#include <string.h>
#include "base/id.h"
#include "base/log.h"
#include "bridge/callpriv.h"

bool callmedia_branch_ready(const struct branch *b)
{
	bool any = false;

	for (unsigned m = 0; m < DESC_MEDIA_MAX; m++) {
		if (b->flows[m].used && !b->flows[m].local)
			return false;
		any |= b->flows[m].used;
	}

	return any;
}

static void addr_to_sa(struct sa *sa, const struct desc_addr *a)
{
	uint32_t v4;

	sa_init(sa, AF_INET);
	if (a->family == 4) {
		memcpy(&v4, a->ip, 4);
		sa_set_in(sa, ntohl(v4), a->port);
	} else {
		sa_set_in6(sa, a->ip, a->port);
	}
}

static void sa_to_addr(struct desc_addr *a, const struct sa *sa)
{
	uint32_t v4;

	memset(a, 0, sizeof(*a));
	if (sa_af(sa) == AF_INET) {
		a->family = 4;
		v4 = htonl(sa_in(sa));
		memcpy(a->ip, &v4, 4);
	} else {
		a->family = 6;
		sa_in6(sa, a->ip);
	}
	a->port = sa_port(sa);
}

/* The family that the phone's side speaks, as far as the signalling shows,
 * among those that we have. */
static int family_of(const struct call *call)
{
	const struct config_media *m = &calls_conf.config->media;
	const struct sa *sig = call->s ? sipleg_signalling(call->s) : NULL;
	struct siptarget target;
	struct siptrunk *trunk;

	if (!sa_isset(&m->addr6, SA_ADDR))
		return AF_INET;
	if (!sa_isset(&m->addr4, SA_ADDR))
		return AF_INET6;
	if (sig && sa_isset(sig, SA_ADDR))
		return sa_af(sig);

	trunk = sipstack_trunk(calls_conf.stack, call->trunk->name);
	if (!siptrunk_target(&target, trunk, 0, NULL, NULL))
		return sa_af(&target.addr);

	return AF_INET;
}

int callmedia_open(struct call *call)
{
	struct media_rtp_conf conf;
	uint64_t raw;
	int err;

	err = media_open(&call->media, calls_conf.engine, call->name,
			 callevent_handler, call);
	if (err)
		return err;

	memset(&conf, 0, sizeof(conf));
	conf.family = family_of(call);
	for (size_t i = 0;
	     i < call->trunk->media_fromc && conf.fromc < MEDIA_NET_MAX; i++) {
		const struct config_net *net = &call->trunk->media_from[i];

		sa_to_addr(&conf.from[conf.fromc].addr, &net->addr);
		conf.from[conf.fromc++].prefix = net->prefix;
	}
	conf.latch = call->trunk->latch == CONFIG_LATCH_OFF ? MEDIA_LATCH_OFF
		     : call->trunk->latch == CONFIG_LATCH_ANY
			 ? MEDIA_LATCH_ANY
			 : MEDIA_LATCH_RESTRICTED;

	/* Clients may be where the phones are, and nowhere else inside. */
	err = media_allow(call->media, conf.from, conf.fromc);
	if (err)
		return err;

	err = media_flow_rtp(call->media, &call->s_flow, &conf, &call->s_addr);
	if (err)
		return err;

	raw = id_random();
	call->ssrc_x = (uint32_t)raw;
	call->ssrc_s = (uint32_t)(raw >> 32);
	id_token(call->cname, sizeof(call->cname));

	return 0;
}

void callmedia_close(struct call *call)
{
	if (call->media)
		media_close(call->media);
	call->media = NULL;

	for (unsigned b = 0; b < LEG_BRANCH_MAX; b++) {
		for (unsigned m = 0; m < DESC_MEDIA_MAX; m++) {
			desc_free(call->branch[b].flows[m].box);
			memset(&call->branch[b].flows[m], 0,
			       sizeof(call->branch[b].flows[m]));
		}
	}
}

void callmedia_end_branches(struct call *call, unsigned keep)
{
	for (unsigned b = 0; b < LEG_BRANCH_MAX; b++) {
		for (unsigned m = 0; m < DESC_MEDIA_MAX && b != keep; m++) {
			struct flow *f = &call->branch[b].flows[m];

			if (!f->used)
				continue;
			media_flow_end(call->media, f->id);
			desc_free(f->box);
			memset(f, 0, sizeof(*f));
		}
	}
}

int callmedia_flow(struct call *call, unsigned branch, unsigned media,
		   bool controlling)
{
	struct flow *f = &call->branch[branch].flows[media];
	int err;

	if (f->used)
		return 0;

	err = media_flow_ice(call->media, &f->id, controlling);
	if (!err)
		f->used = true;

	return err;
}

int callmedia_flows_for(struct call *call, const struct desc *x, bool *ready)
{
	int err;

	for (unsigned i = 0; i < x->mediac; i++) {
		err = callmedia_flow(call, 0, desc_group_first(x, i), false);
		if (err)
			return err;
	}

	*ready = callmedia_branch_ready(&call->branch[0]);

	return 0;
}

static void answer_setup(struct transport *t, const struct transport *theirs)
{
	t->setup = theirs && theirs->setup == DESC_SETUP_ACTIVE
		       ? DESC_SETUP_PASSIVE
		       : DESC_SETUP_ACTIVE;
}

int callmedia_fill_x(struct call *call, unsigned branch, struct desc *d,
		     bool answer)
{
	int xi = join_audio(d);
	int err;

	for (unsigned i = 0; i < d->mediac; i++) {
		unsigned first = desc_group_first(d, i);
		const struct flow *f = &call->branch[branch].flows[first];
		struct desc_media *m = d->media[i];

		if (!f->local)
			return EPROTO;

		err = desc_transport_copy(d, &m->transport, f->t);
		if (err)
			return err;

		m->proto = DESC_TLS_SAVPF;
		m->transport.mux = true;
		m->transport.setup = DESC_SETUP_ACTPASS;
		if (answer)
			answer_setup(
			    &m->transport,
			    call->x_remote && first < call->x_remote->mediac
				? &call->x_remote->media[first]->transport
				: NULL);
	}

	if (xi < 0)
		return 0;

	return join_source(d, d->media[xi], call->ssrc_x, call->cname);
}

int callmedia_fill_s(struct call *call, struct desc *d,
		     const struct desc *offer)
{
	int si = join_audio(d);
	struct desc_media *m;
	int err;

	if (si < 0)
		return ENOTSUP;

	m = d->media[si];
	m->transport.addr = call->s_addr.addr;
	m->transport.rtcp = call->s_addr.rtcp;
	m->transport.mux = offer && offer->media[si]->transport.mux;

	err = offer ? callkeys_answer(call, m, offer->media[si])
		    : callkeys_offer(call, m);
	if (err)
		return err;

	for (unsigned i = 0; i < call->keyc && !err; i++)
		err = desc_crypto_add(d, &m->transport, &call->keys[i]);

	return err;
}

int callmedia_remote_x(struct call *call, const struct desc *x)
{
	const struct branch *b = &call->branch[call->winner];
	int err = 0;

	for (unsigned i = 0; i < x->mediac && !err; i++) {
		if (desc_group_first(x, i) == i && b->flows[i].used)
			err = media_remote_ice(call->media, b->flows[i].id,
					       &x->media[i]->transport);
	}

	return err;
}

static bool is_private(const struct sa *sa)
{
	uint8_t ip[16];
	uint32_t v4;

	if (sa_is_loopback(sa) || sa_is_linklocal(sa) || sa_is_any(sa))
		return true;
	if (sa_af(sa) == AF_INET6) {
		sa_in6(sa, ip);
		return (ip[0] & 0xfe) == 0xfc; /* RFC 4193 */
	}

	v4 = sa_in(sa); /* RFC 1918 */

	return v4 >> 24 == 10 || v4 >> 20 == 0xac1 || v4 >> 16 == 0xc0a8;
}

/* May media go there (hardening.md, SSRF)?  A private address behind a public
 * signaller is a phone behind NAT: latching takes the signaller's. */
static bool addr_allowed(const struct call *call, const struct desc_addr *a)
{
	const struct config_trunk *t = call->trunk;
	const struct sa *sig = call->s ? sipleg_signalling(call->s) : NULL;
	struct sa sa;

	if (!a->family || !a->port)
		return true; /* held, or to be learnt */

	addr_to_sa(&sa, a);
	if (config_net_has(t->media_from, t->media_fromc, &sa) ||
	    config_net_has(t->accept_from, t->accept_fromc, &sa))
		return true;
	if (!is_private(&sa))
		return true;

	return sig && !is_private(sig) && t->latch != CONFIG_LATCH_OFF &&
	       !sa_is_loopback(&sa) && !sa_is_linklocal(&sa);
}

int callmedia_remote_s(struct call *call, const struct desc *s, bool answer)
{
	int si = join_audio(s);
	const struct transport *t;
	const struct crypto *rx, *tx = NULL;
	const struct sa *sig;
	struct desc_addr from;

	if (si < 0)
		return ENOTSUP;

	t = &s->media[si]->transport;
	if (!addr_allowed(call, &t->addr)) {
		log_warning("call %s: sip: media address in the SDP is not in "
			    "media_from of [trunk %s]: refused\n",
			    call->name, call->trunk->name);
		return EACCES;
	}

	rx = t->cryptos;
	if (rx)
		tx = callkeys_find(call, rx->tag, rx->suite);
	if (!tx)
		rx = NULL;
	if (answer && !tx &&
	    (call->trunk->media == CONFIG_SDES ||
	     callkeys_is_savp(s->media[si]->proto)))
		return ENOTSUP;

	memset(&from, 0, sizeof(from));
	sig = call->s ? sipleg_signalling(call->s) : NULL;
	if (sig && sa_isset(sig, SA_ADDR))
		sa_to_addr(&from, sig);

	return media_remote_rtp(call->media, call->s_flow, t, tx, rx, &from);
}

static const struct desc_media *audio(const struct desc *d)
{
	int i = join_audio(d);

	return i < 0 ? NULL : d->media[i];
}

const struct desc_media *callmedia_x_agreed(const struct call *call)
{
	return audio(call->x_agreed_local ? call->x_local : call->x_remote);
}

const struct desc_media *callmedia_s_agreed(const struct call *call)
{
	return audio(call->s_agreed_local ? call->s_local : call->s_remote);
}

int callmedia_stream(struct call *call)
{
	const struct desc_media *x = callmedia_x_agreed(call);
	const struct desc_media *s = callmedia_s_agreed(call);
	const struct desc_media *from = audio(call->x_remote);
	struct media_stream_conf conf;
	int xi = join_audio(call->x_remote);
	unsigned first = xi < 0 ? 0 : desc_group_first(call->x_remote, xi);

	memset(&conf, 0, sizeof(conf));
	conf.used = true;
	conf.kind = DESC_AUDIO;
	conf.s_flow = call->s_flow;
	conf.x_flow = call->branch[call->winner].flows[first].id;
	conf.ssrc_x = call->ssrc_x;
	conf.ssrc_s = call->ssrc_s;
	conf.dtmf_events = true;
	conf.x_events = call->trunk->dtmf == CONFIG_INFO;

	if (!x && s) { /* only S has answered: keep its latch and NAT open */
		conf.s_keepalive = true;
		conf.ptc = join_pts(conf.pts, s, s);
		return media_stream(call->media, 0, &conf);
	}
	if (!x || !s)
		return EPROTO;

	conf.x_to_s =
	    (call->x_dir & DESC_SENDONLY) && (call->s_dir & DESC_RECVONLY);
	conf.s_to_x =
	    (call->s_dir & DESC_SENDONLY) && (call->x_dir & DESC_RECVONLY);
	conf.x_muted = call->x_muted;
	conf.s_keepalive = call->state < CALL_ACTIVE;
	conf.ptc = join_pts(conf.pts, x, s);
	for (const struct source *c = from ? from->sources : NULL;
	     c && conf.x_ssrcc < 8; c = c->next)
		conf.x_ssrc[conf.x_ssrcc++] = c->ssrc;

	return media_stream(call->media, 0, &conf);
}
