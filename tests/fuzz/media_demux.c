/* media_demux.c: whatever arrives on a media port: it is sorted as the kernel
 * sorts it, and DTLS is answered or refused without harm. */
#include <stdlib.h>
#include "media/assoc.h"
#include "media/demux.h"
#include "media/packet.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void drop(void *arg, const uint8_t *p, size_t len)
{
	(void)arg;
	if (packet_kind(p, len) != PACKET_DTLS)
		abort();
}

static void check_kind(const uint8_t *data, size_t size)
{
	enum packet_kind kind = packet_kind(data, size);
	bool ours =
	    kind == PACKET_DTLS || kind == PACKET_RTP || kind == PACKET_RTCP;

	if (size && ours && !demux_choose(data[0]))
		abort();
	if (size && (kind == PACKET_STUN || kind == PACKET_TURN) &&
	    demux_choose(data[0]))
		abort();
}

/* Input: datagrams, each behind its length in two bytes. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct identity *id;
	struct assoc *a;
	size_t n;

	if (!id && identity_alloc(&id))
		abort();
	if (size > 8192 || assoc_alloc(&a, id, false, drop, NULL))
		return 0;
	while (size >= 2) {
		n = packet_u16(data);
		data += 2;
		size -= 2;
		if (n > size)
			n = size;
		check_kind(data, n);
		if (packet_kind(data, n) == PACKET_DTLS)
			(void)assoc_input(a, data, n);
		data += n;
		size -= n;
	}
	assoc_free(a);

	return 0;
}
