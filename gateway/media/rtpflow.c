/* rtpflow.c: a pair of sockets towards SIP. */
#include <errno.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/log.h"
#include "media/engine.h"
#include "media/packet.h"

/* RTCP is of the host that sends RTP, or of the address that SDP names for
 * it: a latch of its own would go to the first of the phones' network. */
static bool rtcp_may_come(const struct rtp_part *r,
			  const struct sockaddr_storage *src)
{
	const struct sockaddr_storage *rtp = latch_dest(&r->latch[0]);

	return (rtp && ss_ip_equal(src, rtp)) ||
	       ss_ip_equal(src, &r->latch[1].sdp);
}

static void input(struct flow *f, uint8_t *p, size_t len,
		  const struct sockaddr_storage *src, unsigned socket)
{
	struct rtp_part *r = &f->r;
	enum packet_kind kind = packet_kind(p, len);
	bool rtcp = kind == PACKET_RTCP;

	if (kind != PACKET_RTP && !rtcp) {
		f->count.rx_bad++;
		return;
	}
	/* RTCP may come by either socket (RFC 5761 5.1.1), RTP by one. */
	if (socket == 1 && !rtcp) {
		f->count.rx_bad++;
		return;
	}
	if (!(socket == 0 && flow_is_aim(f, src)) &&
	    (!latch_allows(&r->latch[socket], src) ||
	     (socket == 1 && !rtcp_may_come(r, src)))) {
		f->count.rx_unknown_source++;
		return;
	}
	if (rtcp)
		forward_rtcp(f, p, len, src);
	else
		forward_rtp(f, p, len, src);
}

static void on_packet(struct watch *wt, uint8_t *p, size_t len,
		      const struct sockaddr_storage *src)
{
	struct flow *f = wt->arg;

	if (len > f->relay->conf->datagram_in)
		f->count.rx_bad++;
	else
		input(f, p, len, src, wt == &f->r.watch[1]);
}

static const struct receiver receiver = {on_packet, flow_warm};

int rtpflow_start(struct flow *f)
{
	struct worker *w = f->relay->w;
	int err;

	err = worker_receive(w, &f->r.watch[0], f->r.fds[0], &receiver, f);
	if (!err)
		err = worker_receive(w, &f->r.watch[1], f->r.fds[1], &receiver,
				     f);

	return err;
}

/* A connected socket saves the kernel a route look-up a packet, and takes
 * datagrams from nobody else. */
static void set_connected(struct flow *f, bool on)
{
	struct sockaddr_storage none = {.ss_family = AF_UNSPEC};
	const struct sockaddr_storage *to = &none;

	if (on)
		to = latch_dest(&f->r.latch[0]);
	if (on == f->connected || !to)
		return;
	flow_unaim(f);
	if (!connect(f->r.fds[0], (const struct sockaddr *)to,
		     on ? ss_len(to) : sizeof(struct sockaddr)))
		f->connected = on;
}

static bool same_key(const struct crypto *a, const struct crypto *b)
{
	return a->suite == b->suite && a->keylen == b->keylen &&
	       !CRYPTO_memcmp(a->key, b->key, a->keylen);
}

static int set_keys(struct flow *f, const struct remote_rtp *c)
{
	struct crypt *crypt = NULL;
	int err;

	if (!c->encrypted) {
		crypt_free(f->crypt);
		f->crypt = NULL;
		f->r.encrypted = false;
		return 0;
	}
	/* The same keys go on with the same rollover counters. */
	if (f->crypt && same_key(&f->r.tx, &c->tx) &&
	    same_key(&f->r.rx, &c->rx))
		return 0;
	f->r.encrypted = true;
	err = crypt_alloc(&crypt, c->tx.suite, c->tx.key, c->rx.suite,
			  c->rx.key);
	if (err)
		return err;
	crypt_free(f->crypt);
	f->crypt = crypt;
	f->r.tx = c->tx;
	f->r.rx = c->rx;

	return 0;
}

void rtpflow_remote(struct flow *f, const struct remote_rtp *c)
{
	struct rtp_part *r = &f->r;
	char text[SS_TEXT_SIZE];

	if (set_keys(f, c)) {
		flow_fail(f, false, true, "the SRTP keys cannot be used");
		return;
	}
	r->mux = c->mux;
	flow_unaim(f);
	if (latch_set(&r->latch[0], &c->addr, &c->signal)) {
		set_connected(f, false);
		f->armed_at = f->relay->w->now;
		flow_say(f, "RTP to %s%s", ss_print(text, &c->addr),
			 c->encrypted ? ", encrypted" : "");
	}
	(void)latch_set(&r->latch[1], &c->rtcp, &c->signal);
}

void rtpflow_learn(struct flow *f, const struct sockaddr_storage *src,
		   bool rtcp)
{
	struct rtp_part *r = &f->r;
	unsigned socket =
	    rtcp && !r->mux && ss_port(src) != ss_port(&r->latch[0].peer);
	char text[SS_TEXT_SIZE];

	if (rtcp && !socket)
		return;
	if (latch_learn(&r->latch[socket], src)) {
		flow_unaim(f);
		flow_say(f, "%s now goes to %s", socket ? "RTCP" : "RTP",
			 ss_print(text, src));
	}
	if (socket)
		return;
	if (latch_is_final(&r->latch[0]))
		set_connected(f, true);
	if (f->state == FLOW_NEW)
		flow_enter(f, FLOW_UP);
	f->settled = latch_is_final(&r->latch[0]);
}

bool rtpflow_aim(struct flow *f)
{
	const struct sockaddr_storage *to = latch_dest(&f->r.latch[0]);

	f->aim.fd = f->r.fds[0];
	f->aim.len = ss_len(to);
	memcpy(&f->aim.sa, to, f->aim.len);

	return true;
}

void rtpflow_send(struct flow *f, const uint8_t *p, size_t len, bool rtcp)
{
	struct rtp_part *r = &f->r;
	unsigned socket = rtcp && !r->mux;
	const struct sockaddr_storage *to = latch_dest(&r->latch[socket]);
	ssize_t n;

	if (!to) {
		f->count.tx_drop++;
		return;
	}
	if (f->connected && !socket)
		n = send(r->fds[0], p, len, MSG_DONTWAIT | MSG_NOSIGNAL);
	else
		n = sendto(r->fds[socket], p, len, MSG_DONTWAIT | MSG_NOSIGNAL,
			   (const struct sockaddr *)to, ss_len(to));
	if (n < 0) {
		f->count.tx_drop++;
		return;
	}
	f->count.tx_packets++;
	f->count.tx_bytes += len;
}

void rtpflow_close(struct flow *f)
{
	unsigned i;

	for (i = 0; i < 2; i++) {
		f->r.watch[i].rx = NULL;
		if (f->r.fds[i] >= 0)
			(void)close(f->r.fds[i]);
		f->r.fds[i] = -1;
	}
	OPENSSL_cleanse(&f->r.tx, sizeof(f->r.tx));
	OPENSSL_cleanse(&f->r.rx, sizeof(f->r.rx));
}
