/* sip_peer.h: a scripted SIP peer on loopback, in the loop of the test. */
#ifndef TESTS_SIP_PEER_H
#define TESTS_SIP_PEER_H

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include "base/compat.h"
#include "base/config.h"
#include "sip/stack.h"

enum { PEER_KEPT = 64, PEER_TEXT = 20000 };

struct peer;
/* Called for each datagram that is no keepalive. */
typedef void(peer_h)(struct peer *p, const struct sa *src, const char *text);

struct peer {
	struct udp_sock *us;
	struct sa addr;
	peer_h *h;
	unsigned count, keepalives;
	char last[PEER_TEXT];
	struct sa last_src;
};

static inline void peer_recv(const struct sa *src, struct mbuf *mb, void *arg)
{
	struct peer *p = arg;
	const size_t n = mbuf_get_left(mb);

	if (n <= 4) {
		++p->keepalives;
		return;
	}
	ck_assert_uint_lt(n, sizeof(p->last));
	memcpy(p->last, mbuf_buf(mb), n);
	p->last[n] = '\0';
	p->last_src = *src;
	++p->count;
	if (p->h)
		p->h(p, src, p->last);
}

static inline void peer_open(struct peer *p, const char *addr, peer_h *h)
{
	struct sa laddr;

	memset(p, 0, sizeof(*p));
	p->h = h;
	ck_assert_int_eq(sa_set_str(&laddr, addr, 0), 0);
	ck_assert_int_eq(udp_listen(&p->us, &laddr, peer_recv, p), 0);
	ck_assert_int_eq(udp_local_get(p->us, &p->addr), 0);
}

static inline void peer_send(struct peer *p, const struct sa *dst,
			     const char *text, size_t len)
{
	struct mbuf *mb = mbuf_alloc(len + 1);

	ck_assert_ptr_nonnull(mb);
	(void)mbuf_write_mem(mb, (const uint8_t *)text, len);
	mb->pos = 0;
	(void)udp_send(p->us, dst, mb);
	mem_deref(mb);
}

/* The value of a header line of text, in a static buffer; "" without. */
static inline const char *peer_header(const char *text, const char *name)
{
	static char buf[8][2048];
	static unsigned turn;
	char *out = buf[turn++ % 8], key[64];
	const char *p, *end;

	(void)snprintf(key, sizeof(key), "\r\n%s: ", name);
	*out = '\0';
	p = strstr(text, key);
	if (!p)
		return out;
	p += strlen(key);
	end = strstr(p, "\r\n");
	(void)snprintf(out, sizeof(buf[0]), "%.*s", (int)(end - p), p);
	return out;
}

/* Answers a request as a UAS would; extra: more header lines. */
static inline void peer_answer(struct peer *p, const struct sa *src,
			       const char *text, const char *status,
			       const char *extra)
{
	char out[8192];
	const int n = snprintf(
	    out, sizeof(out),
	    "SIP/2.0 %s\r\nVia: %s\r\nFrom: %s\r\nTo: %s;tag=peer\r\n"
	    "Call-ID: %s\r\nCSeq: %s\r\n%sContent-Length: 0\r\n\r\n",
	    status, peer_header(text, "Via"), peer_header(text, "From"),
	    peer_header(text, "To"), peer_header(text, "Call-ID"),
	    peer_header(text, "CSeq"), extra);

	peer_send(p, src, out, (size_t)n);
}

static inline void loop_stop(void *arg)
{
	(void)arg;
	re_cancel();
}

static inline void loop_run(unsigned ms)
{
	struct tmr tmr;

	tmr_init(&tmr);
	tmr_start(&tmr, ms, loop_stop, NULL);
	ck_assert_int_eq(re_main(NULL), 0);
	tmr_cancel(&tmr);
}

struct until {
	struct tmr tmr;
	bool (*done)(void);
	unsigned left;
};

static inline void until_h(void *arg)
{
	struct until *u = arg;

	if (u->done() || !u->left) {
		re_cancel();
		return;
	}
	--u->left;
	tmr_start(&u->tmr, 10, until_h, u);
}

/* Runs the loop until done() or ms are over; what done() says then. */
static inline bool loop_until(bool (*done)(void), unsigned ms)
{
	struct until u = {.done = done, .left = ms / 10};

	tmr_init(&u.tmr);
	tmr_start(&u.tmr, 0, until_h, &u);
	(void)re_main(NULL);
	tmr_cancel(&u.tmr);
	return done();
}

/* A configuration as config_load() would give it, on 127.0.0.1. */
struct setup {
	struct config conf;
	struct config_listen listen[2];
	struct config_trunk trunk[2];
	struct config_net net[2];
	char uri[2][128];
};

static inline void setup_init(struct setup *s)
{
	struct config *c = &s->conf;

	memset(s, 0, sizeof(*s));
	c->sip.listen = s->listen;
	c->sip.listenc = 1;
	s->listen[0].transport = CONFIG_UDP;
	s->listen[0].text = (char *)"udp:127.0.0.1:0";
	(void)sa_set_str(&s->listen[0].addr, "127.0.0.1", 0);
	s->listen[1].transport = CONFIG_TCP;
	s->listen[1].text = (char *)"tcp:127.0.0.1:0";
	(void)sa_set_str(&s->listen[1].addr, "127.0.0.1", 0);
	c->sip.user_agent = (char *)"stoxd-test";
	c->trunk = s->trunk;
	c->trunkc = 1;
	c->limits.sip_tcp_bytes = 65536;
	c->limits.sip_udp_bytes = 16384;
	c->limits.sip_headers = 256;
	c->limits.sip_vias = 70;
	c->limits.sip_uri_bytes = 2048;
	c->limits.tcp_per_source = 2;
	c->limits.sip_source_rate = 10;
	c->limits.sip_source_burst = 60;
	c->media.dscp_sip = 24;
	for (unsigned i = 0; i < 2; i++)
		s->trunk[i].name = (char *)(i ? "two" : "pbx");
}

static inline void setup_trunk(struct setup *s, unsigned i, const struct sa *a,
			       const char *params)
{
	(void)re_snprintf(s->uri[i], sizeof(s->uri[i]), "sip:%J%s", a, params);
	s->trunk[i].uri = s->uri[i];
}

#endif
