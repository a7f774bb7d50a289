/* media_rtp.c: RTP header: decode -> encode -> decode is equal; elements. */
#include <stdlib.h>
#include <string.h>
#include "media/packet.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void touch(const uint8_t *v, size_t len)
{
	volatile uint8_t sum = 0;
	size_t i;

	for (i = 0; i < len; i++)
		sum = (uint8_t)(sum + v[i]);
}

static void again(const struct packet *pk, const uint8_t *payload)
{
	struct packet back;
	uint8_t *p = malloc(PACKET_RTP_HEADER + pk->payload);

	if (!p)
		return;
	packet_write(p, pk, false);
	memcpy(p + PACKET_RTP_HEADER, payload, pk->payload);
	if (packet_decode(&back, p, PACKET_RTP_HEADER + pk->payload) ||
	    back.pt != pk->pt || back.marker != pk->marker ||
	    back.padded != pk->padded || back.seq != pk->seq ||
	    back.ts != pk->ts || back.ssrc != pk->ssrc ||
	    back.payload != pk->payload)
		abort();
	free(p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct packet pk;
	const uint8_t *v;
	unsigned id;
	size_t n;

	if (size > 2048 || packet_decode(&pk, data, size))
		return 0;
	if (pk.head + pk.payload != size)
		abort();
	touch(data + pk.head, pk.payload);
	for (id = 1; id < 16; id++) {
		if (packet_element(&pk, id, &v, &n))
			touch(v, n);
	}
	again(&pk, data + pk.head);

	return 0;
}
