/* packet.h: what arrived on a media port, and the header of RTP (RFC 3550). */
#ifndef MEDIA_PACKET_H
#define MEDIA_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum packet_kind { /* RFC 7983 7, RFC 5761 4 */
		   PACKET_OTHER,
		   PACKET_STUN,
		   PACKET_DTLS,
		   PACKET_TURN,
		   PACKET_RTP,
		   PACKET_RTCP,
};

enum {
	PACKET_RTP_HEADER = 12,
	PACKET_ONE_BYTE = 0xbede, /* RFC 8285 4.2 */
	PACKET_EVENT_LEN = 4,	  /* RFC 4733 2.3 */
	PACKET_MID_MAX = 24,	  /* bytes, of packet_write_mid */
};

struct packet { /* a view of a buffer that the caller owns */
	uint8_t pt;
	bool marker, padded;
	uint16_t seq;
	uint32_t ts, ssrc;
	const uint8_t *ext; /* NULL: none */
	size_t extlen;
	uint16_t profile; /* of the extension */
	size_t head;	  /* bytes before the payload */
	size_t payload;	  /* bytes of it, padding included */
};

enum packet_kind packet_kind(const uint8_t *p, size_t len);
/* EBADMSG when lengths or the version lie. */
int packet_decode(struct packet *pk, const uint8_t *p, size_t len);
/* Of the same packet, whose header is as it was, len bytes are left. */
int packet_resize(struct packet *pk, const uint8_t *p, size_t len);
/* Header extension element id (RFC 8285); false: not there. */
bool packet_element(const struct packet *pk, unsigned id, const uint8_t **v,
		    size_t *len);
/* Writes 12 bytes of header, no CSRC; the X bit is ext. */
void packet_write(uint8_t *p, const struct packet *pk, bool ext);
/* A one-byte-header extension that holds a MID (RFC 9143 15.1): returns its
 * length, a multiple of 4, at most PACKET_MID_MAX. */
size_t packet_write_mid(uint8_t *p, unsigned id, const char *mid);

uint16_t packet_u16(const uint8_t *p);
uint32_t packet_u32(const uint8_t *p);
void packet_put16(uint8_t *p, uint16_t v);
void packet_put32(uint8_t *p, uint32_t v);

#endif
