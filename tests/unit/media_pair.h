/* media_pair.h: two calls back to back for tests of the engine: phone, RTP
 * flow, ICE flow, and the same the other way round, all on loopback. */
#ifndef UNIT_MEDIA_PAIR_H
#define UNIT_MEDIA_PAIR_H

#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include "media/media.h"
#include "media/packet.h"

enum { PT_X = 111, PT_S = 96, EV_X = 110, EV_S = 101, CLOCK = 48000 };

struct side { /* one call: phone <-> RTP flow <-> ICE flow */
	const char *name;
	struct engine *engine;
	struct media *m;
	struct side *other;
	unsigned x, s;
	int phone;
	uint16_t port, gw; /* of the phone, of the RTP flow */
	bool connected, suspended, resumed, failed, security, connectivity;
	bool rtp_up, silent, timeout, hold_back, wrong_print;
	unsigned locals, restarts, candidates, ssrc;
	enum desc_setup setup; /* told to the other; NONE: as it came */
	char why[256], digit;
	struct media_stat stats[4];
	unsigned statc;
	uint16_t seq;
	uint32_t ts;
	int phone_rtcp; /* 0: RTCP comes to phone (mux) */
	uint16_t rtcp_port, gw_rtcp;
	bool no_print, relay, from_x, told_late; /* by another MEDIA_LOCAL */
	unsigned digits, ms;
	bool x_silent; /* said of the XMPP side, with x_why */
	char x_why[256];
	struct candidate cands[32]; /* as told by this side */
	unsigned candc;
	struct fingerprint print; /* ditto */
};

static struct engine *engine, *engine_b; /* the second: NULL, or of side b */

static inline uint64_t now_ms(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static inline void set_v4(struct sockaddr_storage *ss, const char *ip)
{
	struct sockaddr_in *sin = (struct sockaddr_in *)ss;

	sin->sin_family = AF_INET;
	ck_assert_int_eq(inet_pton(AF_INET, ip, &sin->sin_addr), 1);
}

static inline void default_conf(struct engine_conf *conf, unsigned warn,
				unsigned timeout)
{
	memset(conf, 0, sizeof(*conf));
	conf->workers = 2;
	conf->port_min = 30000;
	conf->port_max = 31999;
	conf->dscp = 46;
	conf->rtp_timeout = timeout;
	conf->rtp_warn = warn;
	conf->datagram_in = 1600;
	conf->datagram_out = 1500;
	set_v4(&conf->addr4, "127.0.0.1");
}

static inline void start_engine(unsigned warn, unsigned timeout)
{
	struct engine_conf conf;

	default_conf(&conf, warn, timeout);
	ck_assert_int_eq(engine_start(&engine, &conf), 0);
}

static inline void tell_other(struct side *s, const struct media_event *ev)
{
	struct transport t = *ev->transport;

	s->told_late = s->locals && !ev->restart;
	s->locals++;
	s->restarts += ev->restart;
	s->candidates += t.candidatec;
	ck_assert(t.mux);
	ck_assert_int_eq(t.setup, DESC_SETUP_ACTPASS);
	for (const struct candidate *c = t.candidates; c && s->candc < 32;
	     c = c->next)
		s->cands[s->candc++] = *c;
	s->print = t.fingerprint;
	t.setup = s->setup;
	if (s->no_print)
		t.fingerprint.hash = HASH_NONE;
	if (s->wrong_print)
		t.fingerprint.md[5] ^= 1;
	if (!s->hold_back)
		ck_assert_int_eq(
		    media_remote_ice(s->other->m, s->other->x, &t), 0);
}

static inline void handle(const struct media_event *ev, void *arg)
{
	struct side *s = arg;

	if (ev->why)
		strncpy(s->why, ev->why, sizeof(s->why) - 1);
	switch (ev->type) {
	case MEDIA_LOCAL:
		tell_other(s, ev);
		break;
	case MEDIA_CONNECTED:
		*(ev->flow == s->x ? &s->connected : &s->rtp_up) = true;
		s->relay |= ev->relay;
		break;
	case MEDIA_SUSPENDED:
		s->suspended = true;
		break;
	case MEDIA_RESUMED:
		s->resumed = true;
		break;
	case MEDIA_FAILED:
		s->failed = true;
		s->security = ev->security;
		s->connectivity = ev->connectivity;
		break;
	case MEDIA_EVENT_DTMF:
		s->digit = ev->digit;
		s->ms = ev->ms;
		s->from_x = ev->from_x;
		s->digits++;
		break;
	case MEDIA_SILENT:
		s->silent = true;
		if (ev->flow != s->x)
			break;
		s->x_silent = true;
		strncpy(s->x_why, ev->why, sizeof(s->x_why) - 1);
		break;
	case MEDIA_TIMEOUT:
		s->timeout = true;
		break;
	case MEDIA_STATS:
		s->statc = ev->statc > 4 ? 4 : ev->statc;
		memcpy(s->stats, ev->stats, s->statc * sizeof(*ev->stats));
		break;
	default:
		break;
	}
}

/* Dispatches until *flag or the time is up. */
static inline bool wait_for(const bool *flag, unsigned ms)
{
	struct pollfd p[2] = {{.fd = engine_fd(engine), .events = POLLIN}};
	uint64_t until = now_ms() + ms;

	if (engine_b) {
		p[1].fd = engine_fd(engine_b);
		p[1].events = POLLIN;
	}
	while (!(flag && *flag) && now_ms() < until) {
		if (poll(p, engine_b ? 2 : 1, 10) <= 0)
			continue;
		engine_dispatch(engine);
		if (engine_b)
			engine_dispatch(engine_b);
	}

	return flag && *flag;
}

static inline int open_socket(uint16_t *port)
{
	struct sockaddr_in a = {.sin_family = AF_INET};
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&a, len), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&a, &len), 0);
	*port = ntohs(a.sin_port);

	return fd;
}

static inline void phone_transport(struct transport *t, const struct side *s)
{
	static const uint8_t lo[4] = {127, 0, 0, 1};

	memset(t, 0, sizeof(*t));
	t->addr.family = 4;
	memcpy(t->addr.ip, lo, 4);
	t->addr.port = s->port;
	t->mux = !s->phone_rtcp;
	if (s->phone_rtcp) {
		t->rtcp = t->addr;
		t->rtcp.port = s->rtcp_port;
	}
}

static inline void set_stream(struct side *s, bool event_x)
{
	struct media_stream_conf c = {.used = true,
				      .x_to_s = true,
				      .s_to_x = true,
				      .dtmf_events = !event_x};

	c.x_flow = s->x;
	c.s_flow = s->s;
	c.pts[0] = (struct media_pt){PT_X, PT_S, CLOCK, CLOCK, false};
	c.pts[1] = (struct media_pt){event_x ? EV_X : MEDIA_PT_NONE, EV_S,
				     CLOCK, 8000, true};
	c.ptc = 2;
	c.ssrc_x = 0x11110000 + s->ssrc;
	c.ssrc_s = 0x22220000 + s->ssrc;
	ck_assert_int_eq(media_stream(s->m, 0, &c), 0);
}

static inline void open_side(struct side *s, const char *name,
			     bool controlling)
{
	struct media_rtp_conf rc = {.family = AF_INET};
	struct transport local, t;

	s->name = name;
	s->engine = !controlling && engine_b ? engine_b : engine;
	s->ssrc = controlling;
	s->phone = open_socket(&s->port);
	ck_assert_int_eq(media_open(&s->m, s->engine, name, handle, s), 0);
	ck_assert_int_eq(media_flow_ice(s->m, &s->x, controlling), 0);
	ck_assert_int_eq(media_flow_rtp(s->m, &s->s, &rc, &local), 0);
	ck_assert_uint_eq(local.addr.port % 2, 0);
	ck_assert_uint_eq(local.rtcp.port, local.addr.port + 1u);
	s->gw = local.addr.port;
	s->gw_rtcp = local.rtcp.port;
	phone_transport(&t, s);
	ck_assert_int_eq(media_remote_rtp(s->m, s->s, &t, NULL, NULL, NULL),
			 0);
	set_stream(s, true);
}

static inline void open_pair(struct side *a, struct side *b)
{
	a->other = b;
	b->other = a;
	/* b answers "active": a is the DTLS server */
	a->setup = a->setup ? a->setup : DESC_SETUP_ACTPASS;
	b->setup = b->setup ? b->setup : DESC_SETUP_ACTIVE;
	open_side(a, "aaaa", true);
	open_side(b, "bbbb", false);
}

static inline void close_pair(struct side *a, struct side *b)
{
	media_close(a->m);
	media_close(b->m);
	(void)close(a->phone);
	(void)close(b->phone);
	engine_stop(engine);
	engine_stop(engine_b);
}

static inline void send_to_gw(const struct side *s, const void *p, size_t len)
{
	struct sockaddr_in to = {.sin_family = AF_INET,
				 .sin_port = htons(s->gw)};

	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ck_assert_int_eq(
	    sendto(s->phone, p, len, 0, (struct sockaddr *)&to, sizeof(to)),
	    (ssize_t)len);
}

static inline void phone_send(struct side *s, uint8_t pt, const void *payload,
			      size_t len)
{
	struct packet pk = {.pt = pt, .seq = s->seq++, .ts = s->ts};
	uint8_t buf[1600];

	pk.ssrc = 0xabc00 + s->ssrc;
	s->ts += 960;
	packet_write(buf, &pk, false);
	memcpy(buf + PACKET_RTP_HEADER, payload, len);
	send_to_gw(s, buf, PACKET_RTP_HEADER + len);
}

/* The next RTP packet for this phone; its payload or NULL. */
static inline const uint8_t *phone_recv(struct side *s, struct packet *pk,
					unsigned ms)
{
	static uint8_t buf[2048];
	struct pollfd p = {.fd = s->phone, .events = POLLIN};
	uint64_t until = now_ms() + ms;
	ssize_t n;

	while (now_ms() < until) {
		if (poll(&p, 1, 10) <= 0)
			continue;
		n = recv(s->phone, buf, sizeof(buf), 0);
		if (n > 0 && packet_kind(buf, (size_t)n) == PACKET_RTP) {
			ck_assert_int_eq(packet_decode(pk, buf, (size_t)n), 0);
			return buf + pk->head;
		}
	}

	return NULL;
}

/* n packets each way; what arrives must be what was sent, in order. */
static inline void exchange(struct side *a, struct side *b, unsigned n)
{
	struct packet pk, last = {0};
	uint8_t payload[160];
	const uint8_t *got;
	unsigned i, k;
	struct side *from, *to;

	for (i = 0; i < 2 * n; i++) {
		from = i < n ? a : b;
		to = i < n ? b : a;
		for (k = 0; k < sizeof(payload); k++)
			payload[k] = (uint8_t)(i * 7 + k * 3);
		phone_send(from, PT_S, payload, sizeof(payload));
		got = phone_recv(to, &pk, 1000);
		ck_assert_msg(got, "packet %u of %u did not arrive", i, 2 * n);
		ck_assert_uint_eq(pk.payload, sizeof(payload));
		ck_assert(!memcmp(got, payload, sizeof(payload)));
		ck_assert_uint_eq(pk.pt, PT_S);
		ck_assert_uint_eq(pk.ssrc, 0x22220000 + to->ssrc);
		if (i % n) {
			ck_assert_uint_eq(pk.seq, (uint16_t)(last.seq + 1));
			ck_assert_uint_eq(pk.ts, last.ts + 960);
		}
		last = pk;
		wait_for(NULL, 1);
	}
}

static inline void connect_pair(struct side *a, struct side *b)
{
	open_pair(a, b);
	ck_assert_msg(wait_for(&a->connected, 8000), "a: %s", a->why);
	ck_assert_msg(wait_for(&b->connected, 4000), "b: %s", b->why);
}

#endif
