/* media_demux.c: whatever arrives on a media port: it is sorted as the kernel
 * sorts it, and DTLS is answered or refused without harm. */
#include <stdlib.h>
#include <string.h>
#include "media/assoc.h"
#include "media/demux.h"
#include "media/packet.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

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

/* Datagrams on their way to one end of a handshake. */
struct wire {
	uint8_t p[16][1600];
	size_t len[16], n;
};

static void carry(void *arg, const uint8_t *p, size_t len)
{
	struct wire *w = arg;

	if (packet_kind(p, len) != PACKET_DTLS)
		abort();
	if (w->n == 16 || len > sizeof(w->p[0]))
		return;
	memcpy(w->p[w->n], p, len);
	w->len[w->n++] = len;
}

static void deliver(struct wire *w, struct assoc *to)
{
	struct wire now = *w;
	size_t i;

	w->n = 0;
	for (i = 0; i < now.n; i++)
		(void)assoc_input(to, now.p[i], now.len[i]);
}

/* A handshake with a client of ours, so that what follows it is reached. */
static void establish(struct assoc *server, struct wire *to_client,
		      struct identity *id)
{
	struct wire to_server = {.n = 0};
	struct assoc *client;
	int i;

	if (assoc_alloc(&client, id, true, carry, &to_server))
		return;
	(void)assoc_input(client, NULL, 0);
	for (i = 0; i < 4; i++) {
		deliver(&to_server, server);
		deliver(to_client, client);
	}
	if (assoc_input(server, NULL, 0) != ASSOC_DONE)
		abort();
	assoc_free(client);
}

/* Input: datagrams, each behind its length in two bytes.  The top bit of the
 * first: they come to an association that is established. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct identity *id;
	static struct wire out;
	struct assoc *a;
	size_t n;

	if (!id && identity_alloc(&id))
		abort();
	out.n = 0;
	if (size > 8192 || assoc_alloc(&a, id, false, carry, &out))
		return 0;
	if (size >= 2 && data[0] & 0x80)
		establish(a, &out, id);
	while (size >= 2) {
		n = packet_u16(data) & 0x7fff;
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
