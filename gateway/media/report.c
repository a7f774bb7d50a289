/* report.c: RTCP carried over from one side to the other. */
#include "media/report.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#ifndef PLANT
#define PLANT 0
#endif

enum {		    /* packet types */
       SR = 200,    /* RFC 3550 6.4.1 */
       RR = 201,    /* 6.4.2 */
       SDES = 202,  /* 6.5 */
       BYE = 203,   /* 6.6 */
       RTPFB = 205, /* RFC 4585 6.2 */
       PSFB = 206,  /* 6.3 */
       XR = 207,    /* RFC 3611 2 */
       TYPE_MIN = 192,
       TYPE_MAX = 223, /* RFC 5761 4 */

       SR_INFO = 20, /* bytes after the SSRC */
       BLOCK = 24,
       CNAME = 1,
       NTP_1970 = 2208988800u, /* s from 1900 */
};

struct out {
	uint8_t *p;
	size_t len;
};

struct part { /* one packet of a compound */
	uint8_t count, type;
	const uint8_t *body; /* behind the common header */
	size_t len;	     /* of body, padding left out */
};

static uint8_t *out_add(struct out *o, size_t n)
{
	uint8_t *p = o->p + o->len;

	if (n > REPORT_MAX - o->len)
		return NULL;
	o->len += n;

	return p;
}

/* Header and sender SSRC; the length is filled in by out_close. */
static size_t out_open(struct out *o, uint8_t count, uint8_t type,
		       uint32_t ssrc)
{
	size_t at = o->len;
	uint8_t *p = out_add(o, 8);

	if (!p)
		return SIZE_MAX;
	p[0] = 0x80 | count;
	p[1] = type;
	packet_put32(p + 4, ssrc);

	return at;
}

static void out_close(struct out *o, size_t at)
{
	packet_put16(o->p + at + 2, (uint16_t)((o->len - at) / 4 - 1));
}

/* The next packet of a compound at *p; EBADMSG, ENOENT at the end. */
static int next(struct part *pt, const uint8_t **p, size_t *left)
{
	const uint8_t *h = *p;
	size_t n;

	if (!*left)
		return ENOENT;
	if (*left < 4 || h[0] >> 6 != 2 || h[1] < TYPE_MIN || h[1] > TYPE_MAX)
		return EBADMSG;
	n = 4u * (packet_u16(h + 2) + 1u);
#if PLANT != 1
	if (n > *left)
		return EBADMSG;
#endif
	pt->count = h[0] & 0x1f;
	pt->type = h[1];
	pt->body = h + 4;
	pt->len = n - 4;
	if (h[0] & 0x20) { /* only the last may be padded; 6.4.1 */
		if (n != *left || !pt->len || !h[n - 1] || h[n - 1] % 4 ||
		    h[n - 1] > pt->len)
			return EBADMSG;
		pt->len -= h[n - 1];
	}
	*p += n;
	*left -= n;

	return 0;
}

/* Do the counts fit the length? */
static bool fits(const struct part *pt)
{
	size_t head = pt->type == SR ? 4 + SR_INFO : 4;

	switch (pt->type) {
	case SR:
	case RR:
#if PLANT == 2
		return pt->len >= head;
#else
		return pt->len >= head + (size_t)pt->count * BLOCK;
#endif
	case BYE:
		return pt->len >= 4u * pt->count;
	case RTPFB:
	case PSFB:
		return pt->len >= 8;
	case XR:
		return pt->len >= 4;
	default:
		return true;
	}
}

int report_check(const uint8_t *p, size_t len)
{
	struct part pt;
	int err;

	if (!len)
		return EBADMSG;
	while (!(err = next(&pt, &p, &len))) {
		if (!fits(&pt))
			return EBADMSG;
	}

	return err == ENOENT ? 0 : err;
}

static uint32_t map_sender(const struct report_map *map, uint32_t ssrc)
{
	(void)ssrc; /* whoever speaks there, we are one here */

	return map->fwd->out_ssrc;
}

static bool is_about(const struct report_map *map, uint32_t ssrc)
{
	return map->rev->started && ssrc == map->rev->out_ssrc;
}

/* Extended number that we sent -> as the source numbered it.  The cycles are
 * those that bring it closest to the source's newest. */
static uint32_t map_ext_seq(const struct track *t, uint32_t ext)
{
	uint16_t low = (uint16_t)(ext - t->seq_add);
	uint32_t newest = track_ext_seq(t);

	return newest + (uint32_t)(int32_t)(int16_t)(low - (uint16_t)newest);
}

static void note_round_trip(struct track *t, const uint8_t *block,
			    uint64_t now)
{
	uint32_t lsr = packet_u32(block + 16), dlsr = packet_u32(block + 20);
	uint64_t us, held = (uint64_t)dlsr * 1000000 / 65536;
	unsigned i;

	for (i = 0; lsr && i < TRACK_SR_LOG; i++) {
		if (t->sr_log[i].mid != lsr || !t->sr_log[i].at)
			continue;
		us = now - t->sr_log[i].at;
		if (us > held && us - held < 60 * 1000000ull)
			t->rtt_us = (uint32_t)(us - held);
	}
}

static void log_sr(struct track *t, uint32_t mid, uint64_t now)
{
	t->sr_log[t->sr_next].mid = mid;
	t->sr_log[t->sr_next].at = now;
	t->sr_next = (t->sr_next + 1) % TRACK_SR_LOG;
}

static unsigned add_blocks(struct out *o, const struct part *pt, size_t at,
			   const struct report_map *map)
{
	const uint8_t *b = pt->body + at;
	unsigned i, n = 0;
	uint8_t *p;

	for (i = 0; i < pt->count && !n; i++, b += BLOCK) {
		if (!is_about(map, packet_u32(b)))
			continue;
		p = out_add(o, BLOCK);
		if (!p)
			break;
		note_round_trip(map->rev, b, map->now);
		memcpy(p, b, BLOCK);
		packet_put32(p, map->rev->in_ssrc);
		packet_put32(p + 8, map_ext_seq(map->rev, packet_u32(b + 8)));
		n++;
	}

	return n;
}

/* SR (RFC 3550 6.4.1): packets and octets are counted by us, because we add
 * and leave out. */
static void add_sr(struct out *o, const struct part *pt,
		   const struct report_map *map)
{
	const uint8_t *in = pt->body + 4;
	struct track *t = map->fwd;
	uint32_t mid = packet_u32(in + 2);
	size_t at;
	uint8_t *p;

	if (!t->started || packet_u32(pt->body) != t->in_ssrc)
		return;
	at = out_open(o, 0, SR, t->out_ssrc);
	p = at == SIZE_MAX ? NULL : out_add(o, SR_INFO);
	if (!p) {
		o->len = at == SIZE_MAX ? o->len : at;
		return;
	}
	memcpy(p, in, 8);
	packet_put32(p + 8, packet_u32(in + 8) + t->ts_add);
	packet_put32(p + 12, t->out_packets);
	packet_put32(p + 16, t->out_octets);
	t->sr_mid = mid;
	t->sr_at = map->now;
	log_sr(t, mid, map->now);
	o->p[at] |= (uint8_t)add_blocks(o, pt, 4 + SR_INFO, map);
	out_close(o, at);
}

static void add_rr(struct out *o, const struct part *pt,
		   const struct report_map *map)
{
	size_t at = out_open(o, 0, RR, map_sender(map, 0)), start = o->len;

	if (at == SIZE_MAX)
		return;
	o->p[at] |= (uint8_t)add_blocks(o, pt, 4, map);
	/* An RR about others says nothing here. */
	if (o->len == start && pt->count)
		o->len = at;
	else
		out_close(o, at);
}

static void add_bye(struct out *o, const struct part *pt,
		    const struct report_map *map)
{
	unsigned i;
	size_t at;

	for (i = 0; i < pt->count; i++) {
		if (!map->fwd->started ||
		    packet_u32(pt->body + 4u * i) != map->fwd->in_ssrc)
			continue;
		at = out_open(o, 1, BYE, map->fwd->out_ssrc);
		if (at != SIZE_MAX)
			out_close(o, at);
		return;
	}
}

/* NACK (RFC 4585 6.2.1), TMMBR and TMMBN (RFC 5104 4.2.1, 4.2.2). */
static void add_rtpfb(struct out *o, const struct part *pt,
		      const struct report_map *map)
{
	uint32_t media = packet_u32(pt->body + 4);
	size_t i, at, n = (pt->len - 8) / 4 * 4;
	const uint8_t *fci = pt->body + 8;
	uint8_t *p;

	if (pt->count == 1 ? !is_about(map, media)
			   : pt->count != 3 && pt->count != 4)
		return;
	if (pt->count != 1 &&
	    (n % 8 || (n && !is_about(map, packet_u32(fci)))))
		return;
	at = out_open(o, pt->count, RTPFB, map_sender(map, 0));
	p = at == SIZE_MAX ? NULL : out_add(o, 4 + n);
	if (!p) {
		o->len = at == SIZE_MAX ? o->len : at;
		return;
	}
	packet_put32(p, pt->count == 1 ? map->rev->in_ssrc : 0);
	memcpy(p + 4, fci, n);
	for (i = 0; pt->count == 1 && i + 4 <= n; i += 4)
		packet_put16(p + 4 + i, (uint16_t)(packet_u16(fci + i) -
						   map->rev->seq_add));
	for (i = 0; pt->count != 1 && i + 8 <= n; i += 8)
		packet_put32(p + 4 + i, map->rev->in_ssrc);
	out_close(o, at);
}

/* FCI of PSFB with our SSRCs in it: FIR (RFC 5104 4.3.1) has an SSRC every 8
 * bytes, REMB a list after 8 bytes of its own. */
static bool map_fci(uint8_t *p, size_t n, uint8_t fmt,
		    const struct report_map *map)
{
	bool remb = fmt == 15;
	size_t i = remb ? 8 : 0, step = remb ? 4 : 8, end = n;

	if (remb) {
		if (n < 12 || memcmp(p, "REMB", 4))
			return false;
		end = 8 + 4u * p[4];
		if (end > n)
			return false;
	} else if (!n || n % 8) {
		return false;
	}
	for (; i < end; i += step) {
		if (!is_about(map, packet_u32(p + i)))
			return false;
		packet_put32(p + i, map->rev->in_ssrc);
	}

	return true;
}

/* PLI, SLI, RPSI (RFC 4585 6.3), FIR (RFC 5104 4.3.1), REMB. */
static void add_psfb(struct out *o, const struct part *pt,
		     const struct report_map *map)
{
	bool by_fci = pt->count == 4 || pt->count == 15;
	size_t at, n = pt->len - 8;
	uint8_t *p;

	if (!map->video || !map->rev->started ||
	    (!by_fci && (pt->count < 1 || pt->count > 3)) ||
	    (!by_fci && !is_about(map, packet_u32(pt->body + 4))))
		return;
	at = out_open(o, pt->count, PSFB, map_sender(map, 0));
	if (at == SIZE_MAX)
		return;
	p = out_add(o, 4 + n);
	if (!p) {
		o->len = at;
		return;
	}
	packet_put32(p, by_fci ? 0 : map->rev->in_ssrc);
	memcpy(p + 4, pt->body + 8, n);
	if (by_fci && !map_fci(p + 4, n, pt->count, map))
		o->len = at;
	else
		out_close(o, at);
}

/* Blocks of XR (RFC 3611 4): where the SSRC and the sequence numbers are. */
static const struct {
	uint8_t min; /* bytes after the block header */
	bool ssrc, seqs;
} blocks[] = {
    [1] = {8, true, true},   /* loss RLE */
    [2] = {8, true, true},   /* duplicate RLE */
    [4] = {8, false, false}, /* receiver reference time */
    [5] = {12, true, false}, /* DLRR; the first sub-block counts */
    [6] = {36, true, true},  /* statistics summary */
    [7] = {32, true, false}, /* VoIP metrics */
};

static void add_xr_block(struct out *o, const uint8_t *b, size_t n,
			 const struct report_map *map)
{
	uint8_t *p;

	if (b[0] >= sizeof(blocks) / sizeof(blocks[0]) || !blocks[b[0]].min ||
	    n < 4u + blocks[b[0]].min)
		return;
	if (blocks[b[0]].ssrc && !is_about(map, packet_u32(b + 4)))
		return;
	if (b[0] == 5) /* other sub-blocks are about others */
		n = 16;
	p = out_add(o, n);
	if (!p)
		return;
	memcpy(p, b, n);
	packet_put16(p + 2, (uint16_t)(n / 4 - 1));
	if (blocks[b[0]].ssrc)
		packet_put32(p + 4, map->rev->in_ssrc);
	if (blocks[b[0]].seqs) {
		packet_put16(
		    p + 8, (uint16_t)(packet_u16(b + 8) - map->rev->seq_add));
		packet_put16(p + 10, (uint16_t)(packet_u16(b + 10) -
						map->rev->seq_add));
	}
}

static void add_xr(struct out *o, const struct part *pt,
		   const struct report_map *map)
{
	size_t at = out_open(o, 0, XR, map_sender(map, 0)), start = o->len;
	size_t i = 4, n;

	if (at == SIZE_MAX)
		return;
	while (i + 4 <= pt->len) {
		n = 4u * (packet_u16(pt->body + i + 2) + 1u);
#if PLANT != 3
		if (n > pt->len - i)
			break;
#endif
		add_xr_block(o, pt->body + i, n, map);
		i += n;
	}
	if (o->len == start)
		o->len = at;
	else
		out_close(o, at);
}

/* RFC 3550 6.5.1; the item ends with a null octet on a 32-bit boundary. */
static void add_sdes(struct out *o, const struct report_map *map)
{
	size_t n = strnlen(map->cname, 32), pad = 4 - (2 + n) % 4, at;
	uint8_t *p;

	at = out_open(o, 1, SDES, map->fwd->out_ssrc);
	p = at == SIZE_MAX ? NULL : out_add(o, 2 + n + pad);
	if (!p) {
		o->len = at == SIZE_MAX ? o->len : at;
		return;
	}
	p[0] = CNAME;
	p[1] = (uint8_t)n;
	memcpy(p + 2, map->cname, n);
	memset(p + 2 + n, 0, pad);
	out_close(o, at);
}

typedef void(add_h)(struct out *o, const struct part *pt,
		    const struct report_map *map);

static const struct {
	uint8_t type;
	bool first; /* belongs before the SDES */
	add_h *h;
} adders[] = {
    {SR, true, add_sr},	       {RR, true, add_rr},	{XR, false, add_xr},
    {RTPFB, false, add_rtpfb}, {PSFB, false, add_psfb}, {BYE, false, add_bye},
};

static void add_all(struct out *o, const uint8_t *in, size_t len, bool first,
		    const struct report_map *map)
{
	struct part pt;
	size_t i;

	while (!next(&pt, &in, &len)) {
		for (i = 0; i < sizeof(adders) / sizeof(adders[0]); i++) {
			if (adders[i].type == pt.type &&
			    adders[i].first == first)
				adders[i].h(o, &pt, map);
		}
	}
}

int report_translate(uint8_t *out, size_t *outlen, const uint8_t *in,
		     size_t len, const struct report_map *map)
{
	struct out o = {out, 0};
	size_t reports, head;
	int err;

	*outlen = 0;
	err = report_check(in, len);
	if (err)
		return err;
	add_all(&o, in, len, true, map);
	reports = o.len;
	if (!reports) { /* a compound begins with a report; 6.1 */
		head = out_open(&o, 0, RR, map->fwd->out_ssrc);
		out_close(&o, head);
	}
	add_sdes(&o, map);
	head = o.len;
	add_all(&o, in, len, false, map);
	if (reports || o.len > head)
		*outlen = o.len;

	return 0;
}

/* RFC 3550 6.4.1, A.3 */
static void make_block(uint8_t *p, struct track *t, uint64_t now)
{
	uint32_t ext = track_ext_seq(t), expected = ext - t->in_base + 1;
	uint32_t want = expected - t->expected_prior;
	uint32_t got = t->in_packets - t->in_packets_prior;
	uint64_t lost = track_lost(t);
	uint8_t fraction = 0;

	t->expected_prior = expected;
	t->in_packets_prior = t->in_packets;
	if (want && want > got)
		fraction = (uint8_t)((uint64_t)(want - got) * 255 / want);
	if (lost > 0x7fffff)
		lost = 0x7fffff;
	packet_put32(p, t->in_ssrc);
	packet_put32(p + 4, (uint32_t)fraction << 24 | (uint32_t)lost);
	packet_put32(p + 8, ext);
	packet_put32(p + 12, t->jitter >> 4);
	packet_put32(p + 16, t->sr_at ? t->sr_mid : 0);
	packet_put32(p + 20,
		     t->sr_at ? (uint32_t)((now - t->sr_at) * 65536 / 1000000)
			      : 0);
}

size_t report_make(uint8_t *out, const struct report_map *map, uint64_t ntp)
{
	struct out o = {out, 0};
	struct track *t = map->fwd;
	bool sender = t->sent && map->now - t->out_at < 2 * REPORT_INTERVAL;
	size_t at = out_open(&o, 0, sender ? SR : RR, t->out_ssrc);
	uint8_t *p;

	if (sender) { /* REPORT_MAX is never reached here */
		p = out_add(&o, SR_INFO);
		packet_put32(p, (uint32_t)(ntp >> 32));
		packet_put32(p + 4, (uint32_t)ntp);
		packet_put32(p + 8, track_now(t, t->out_clock, map->now));
		packet_put32(p + 12, t->out_packets);
		packet_put32(p + 16, t->out_octets);
		log_sr(t, (uint32_t)(ntp >> 16), map->now);
	}
	if (map->rev->started) {
		make_block(out_add(&o, BLOCK), map->rev, map->now);
		out[at] |= 1;
	}
	out_close(&o, at);
	add_sdes(&o, map);

	return o.len;
}

uint64_t report_ntp(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_REALTIME, &ts);

	return (uint64_t)(uint32_t)(ts.tv_sec + NTP_1970) << 32 |
	       (uint64_t)ts.tv_nsec * 4294967296ull / 1000000000;
}
