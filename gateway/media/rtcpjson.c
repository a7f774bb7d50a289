/* rtcpjson.c: an RTCP report as JSON. */
#include "media/rtcpjson.h"
#include <stdarg.h>
#include <stdio.h>
#include "media/packet.h"

#ifndef PLANT
#define PLANT 0 /* 1..3: a bug on purpose, for the fuzzer to find */
#endif

enum {
	SR = 200, /* RFC 3550 6.4.1 */
	RR = 201, /* 6.4.2 */
	SR_INFO = 20,
	BLOCK = 24,
	BLOCKS = 4, /* that are told */
};

struct out {
	char *p;
	size_t len;
};

static void put(struct out *o, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static void put(struct out *o, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(o->p + o->len, RTCPJSON_MAX - o->len, fmt, ap);
	va_end(ap);
	if (n > 0 && (size_t)n < RTCPJSON_MAX - o->len)
		o->len += (size_t)n;
}

static void put_sender(struct out *o, const uint8_t *p)
{
	put(o,
	    "\"sender_information\":{\"ntp_timestamp_sec\":%u,"
	    "\"ntp_timestamp_usec\":%u,\"rtp_timestamp\":%u,\"packets\":%u,"
	    "\"octets\":%u},",
	    packet_u32(p),
	    (unsigned)((uint64_t)packet_u32(p + 4) * 1000000 >> 32),
	    packet_u32(p + 8), packet_u32(p + 12), packet_u32(p + 16));
}

static void put_block(struct out *o, const uint8_t *p)
{
	int32_t lost = (int32_t)(packet_u32(p + 4) << 8) / 256;

	put(o,
	    "{\"source_ssrc\":%u,\"fraction_lost\":%u,\"packets_lost\":%d,"
	    "\"highest_seq_no\":%u,\"ia_jitter\":%u,\"lsr\":%u,\"dlsr\":%u}",
	    packet_u32(p), p[4], (int)lost, packet_u32(p + 8),
	    packet_u32(p + 12), packet_u32(p + 16), packet_u32(p + 20));
}

size_t rtcpjson_encode(char buf[RTCPJSON_MAX], const uint8_t *p, size_t len)
{
	struct out o = {buf, 0};
	size_t n, i, blocks;

	if (len < 8 || p[0] >> 6 != 2 || (p[1] != SR && p[1] != RR))
		return 0;
	n = 4u * (packet_u16(p + 2) + 1u);
	if (n < len)
		len = n;
	n = 8 + (p[1] == SR ? SR_INFO : 0);
	if (len < n && PLANT != 1)
		return 0;

	put(&o, "{\"ssrc\":%u,\"type\":%u,", packet_u32(p + 4), p[1]);
	if (p[1] == SR)
		put_sender(&o, p + 8);
	blocks = p[0] & 0x1f;
	if (blocks > (len - n) / BLOCK && PLANT != 2)
		blocks = (len - n) / BLOCK;
	if (blocks > BLOCKS && PLANT != 3)
		blocks = BLOCKS;
	put(&o, "\"report_count\":%zu,\"report_blocks\":[", blocks);
	for (i = 0; i < blocks; i++) {
		put(&o, "%s", i ? "," : "");
		put_block(&o, p + n + i * BLOCK);
	}
	put(&o, "]}");

	return o.len;
}
