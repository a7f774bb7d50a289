/* packet.c: what arrived on a media port, and the header of RTP. */
#include "media/packet.h"

#include <errno.h>
#include <string.h>

#ifndef PLANT
#define PLANT 0
#endif

uint16_t packet_u16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

uint32_t packet_u32(const uint8_t *p)
{
	return (uint32_t)packet_u16(p) << 16 | packet_u16(p + 2);
}

void packet_put16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

void packet_put32(uint8_t *p, uint32_t v)
{
	packet_put16(p, (uint16_t)(v >> 16));
	packet_put16(p + 2, (uint16_t)v);
}

enum packet_kind packet_kind(const uint8_t *p, size_t len)
{
	static const struct {
		uint8_t from, to;
		enum packet_kind kind;
	} ranges[] = {
	    {0, 3, PACKET_STUN},
	    {20, 63, PACKET_DTLS},
	    {64, 79, PACKET_TURN},
	    {128, 191, PACKET_RTP},
	};
	size_t i;

	for (i = 0; len && i < sizeof(ranges) / sizeof(ranges[0]); i++) {
		if (p[0] < ranges[i].from || p[0] > ranges[i].to)
			continue;
		if (ranges[i].kind != PACKET_RTP)
			return ranges[i].kind;
#if PLANT != 4
		if (len < 2)
			return PACKET_OTHER;
#endif
		/* RTCP types 192..223 (RFC 5761 4) */
		return p[1] >= 192 && p[1] <= 223 ? PACKET_RTCP : PACKET_RTP;
	}

	return PACKET_OTHER;
}

static int decode_ext(struct packet *pk, const uint8_t *p, size_t len)
{
	size_t n;

	if (len < pk->head + 4)
		return EBADMSG;
	n = 4u * packet_u16(p + pk->head + 2);
#if PLANT != 1
	if (len < pk->head + 4 + n)
		return EBADMSG;
#endif
	pk->profile = packet_u16(p + pk->head);
	pk->ext = p + pk->head + 4;
	pk->extlen = n;
	pk->head += 4 + n;

	return 0;
}

/* len: at least the header's */
static int set_payload(struct packet *pk, const uint8_t *p, size_t len)
{
	pk->payload = len - pk->head;
	/* RFC 3550 5.1: the last octet counts the padding, itself included */
	if (pk->padded &&
	    (!pk->payload || !p[len - 1] || p[len - 1] > pk->payload))
		return EBADMSG;

	return 0;
}

int packet_decode(struct packet *pk, const uint8_t *p, size_t len)
{
	int err;

	memset(pk, 0, sizeof(*pk));
	if (len < PACKET_RTP_HEADER || p[0] >> 6 != 2)
		return EBADMSG;
	pk->padded = p[0] & 0x20;
	pk->marker = p[1] & 0x80;
	pk->pt = p[1] & 0x7f;
	pk->seq = packet_u16(p + 2);
	pk->ts = packet_u32(p + 4);
	pk->ssrc = packet_u32(p + 8);
	pk->head = PACKET_RTP_HEADER + 4u * (p[0] & 0x0f);
#if PLANT != 2
	if (len < pk->head)
		return EBADMSG;
#endif
	if (p[0] & 0x10) {
		err = decode_ext(pk, p, len);
		if (err)
			return err;
	}

	return set_payload(pk, p, len);
}

int packet_resize(struct packet *pk, const uint8_t *p, size_t len)
{
	return len < pk->head ? EBADMSG : set_payload(pk, p, len);
}

bool packet_element(const struct packet *pk, unsigned id, const uint8_t **v,
		    size_t *len)
{
	bool one = pk->profile == PACKET_ONE_BYTE;
	size_t i = 0, n, head = one ? 1 : 2;
	unsigned el;

	/* RFC 8285 4.3: 0x100 and four bits that mean nothing to us */
	if (!pk->ext || (!one && pk->profile >> 4 != 0x100))
		return false;
	while (i < pk->extlen) {
		if (!pk->ext[i]) { /* padding */
			i++;
			continue;
		}
		el = one ? pk->ext[i] >> 4 : pk->ext[i];
		if ((one && el == 15) || i + head > pk->extlen)
			return false;
		n = one ? (pk->ext[i] & 0xfu) + 1u : pk->ext[i + 1];
#if PLANT != 3
		if (i + head + n > pk->extlen)
			return false;
#endif
		if (el == id) {
			*v = pk->ext + i + head;
			*len = n;
			return true;
		}
		i += head + n;
	}

	return false;
}

void packet_write(uint8_t *p, const struct packet *pk, bool ext)
{
	p[0] = (uint8_t)(0x80 | (pk->padded ? 0x20 : 0) | (ext ? 0x10 : 0));
	p[1] = (uint8_t)((pk->marker ? 0x80 : 0) | pk->pt);
	packet_put16(p + 2, pk->seq);
	packet_put32(p + 4, pk->ts);
	packet_put32(p + 8, pk->ssrc);
}

size_t packet_write_mid(uint8_t *p, unsigned id, const char *mid)
{
	size_t n = strnlen(mid, 16), words = (1 + n + 3) / 4;

	packet_put16(p, PACKET_ONE_BYTE);
	packet_put16(p + 2, (uint16_t)words);
	memset(p + 4, 0, 4 * words);
	p[4] = (uint8_t)(id << 4 | (n - 1));
	memcpy(p + 5, mid, n);

	return 4 + 4 * words;
}
