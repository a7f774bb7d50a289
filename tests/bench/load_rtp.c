/* load_rtp.c: sound both ways, counted and compared. */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include "load.h"

enum {
	SLOTS = 20, /* of a packet's time: when calls take turns */
	SSRC = 0x10ad0000,
	DRAIN = 300000, /* us of silence that end a run */
	DRAIN_MAX = 5000000,
};

static uint64_t heard_at; /* us; any packet */

static void put32(uint8_t *p, uint32_t v)
{
	v = htonl(v);
	memcpy(p, &v, sizeof(v));
}

static uint32_t get32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));

	return ntohl(v);
}

/* Of which call, which way, which one; the rest follows from that. */
static void fill(uint8_t *p, unsigned index, bool to_x, uint32_t number)
{
	unsigned i;

	put32(p, index << 1 | to_x);
	put32(p + 4, number);
	for (i = 8; i < LOAD_PAYLOAD; i++)
		p[i] = (uint8_t)(i * 7 + index + number);
}

static bool is_right(const uint8_t *p, unsigned index, bool to_x)
{
	uint32_t number = get32(p + 4);
	unsigned i;

	if (get32(p) != (index << 1 | to_x))
		return false;
	for (i = 8; i < LOAD_PAYLOAD; i++) {
		if (p[i] != (uint8_t)(i * 7 + index + number))
			return false;
	}

	return true;
}

void load_rtp_input(struct end *e, uint8_t *p, size_t len)
{
	struct call *c = e->call;
	bool at_x = e == &c->x;
	size_t head;

	if (len < LOAD_HEADER)
		return;
	heard_at = load_now();
	if (p[1] >= 192 && p[1] <= 223) { /* RFC 5761 4 */
		e->count.rtcp++;
		return;
	}
	if (at_x && (!c->crypt || crypt_unprotect(c->crypt, p, &len, false))) {
		e->count.wrong++;
		return;
	}
	head = LOAD_HEADER + (p[0] & 15) * 4u;
	if (p[0] & 16 && len >= head + 4)
		head += 4 + 4u * (get32(p + head) & 0xffff);
	if (len != head + LOAD_PAYLOAD || !is_right(p + head, c->index, at_x))
		e->count.wrong++;
	else
		e->count.received++;
}

static void send_one(struct end *e, uint16_t seq)
{
	uint32_t buf[(LOAD_HEADER + LOAD_PAYLOAD + CRYPT_TRAILER) / 4];
	uint8_t *p = (uint8_t *)buf;
	struct call *c = e->call;
	size_t len = LOAD_HEADER + LOAD_PAYLOAD;
	bool from_x = e == &c->x;

	put32(p, 0x80000000u | seq); /* PCMU is 0 */
	put32(p + 4, e->packets * LOAD_PAYLOAD);
	put32(p + 8, SSRC + c->index * 2 + from_x);
	fill(p + LOAD_HEADER, c->index, !from_x, e->packets);
	e->packets++;
	if (from_x && crypt_protect(c->crypt, p, &len, false))
		return;
	if (sendto(e->fd, p, len, MSG_DONTWAIT, (struct sockaddr *)&e->remote,
		   sizeof(e->remote)) == (ssize_t)len)
		e->count.sent++;
}

static void send_slot(struct load *l, unsigned slot)
{
	struct call *c;
	unsigned i;

	for (i = slot; i < l->callc; i += SLOTS) {
		c = &l->calls[i];
		if (c->state != CALL_UP)
			continue;
		send_one(&c->s, (uint16_t)c->s.packets);
		send_one(&c->x, (uint16_t)c->x.packets);
	}
}

void load_rtp_run(struct load *l, double seconds)
{
	uint64_t start = load_now(), next = start, now;
	uint64_t end = start + (uint64_t)(seconds * 1e6);
	uint64_t step = 1000000u / l->rate / SLOTS;
	unsigned slot = 0;

	for (;;) {
		now = load_now();
		while (now >= next && next < end) {
			send_slot(l, slot);
			slot = (slot + 1) % SLOTS;
			next += step;
		}
		/* A relay that waits for its turn has not lost them. */
		if (now > end + DRAIN_MAX ||
		    (now > end + DRAIN && now > heard_at + DRAIN))
			break;
		load_turn(1);
	}
}

void load_rtp_forget(struct load *l)
{
	unsigned i;

	for (i = 0; i < l->callc; i++) {
		memset(&l->calls[i].x.count, 0, sizeof(struct count));
		memset(&l->calls[i].s.count, 0, sizeof(struct count));
	}
}
