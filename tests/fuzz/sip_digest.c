/* sip_digest.c: a challenge of a hostile server -> one clean header line. */
#include <stdlib.h>
#include <string.h>
#include "sip/digest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct sip_msg *response(const uint8_t *data, size_t size)
{
	static const char head[] =
	    "SIP/2.0 401 No\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKa\r\n"
	    "From: <sip:a@b>;tag=1\r\nTo: <sip:a@b>;tag=2\r\n"
	    "Call-ID: x\r\nCSeq: 1 REGISTER\r\nWWW-Authenticate: ";
	struct mbuf *mb = mbuf_alloc(sizeof(head) + size + 4);
	struct sip_msg *msg = NULL;

	(void)mbuf_write_str(mb, head);
	(void)mbuf_write_mem(mb, data, size);
	(void)mbuf_write_str(mb, "\r\n\r\n");
	mb->pos = 0;
	(void)sip_msg_decode(&msg, mb);
	mem_deref(mb);
	return msg;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct digest_request rq = {NULL, "REGISTER", "sip:b"};
	struct sip_msg *msg = size < 4096 ? response(data, size) : NULL;
	char *text = NULL, *end;

	if (!msg)
		return 0;
	if (digest_alloc(&rq.digest, "gw", "secret", NULL))
		abort();

	if (!digest_challenge(rq.digest, msg)) {
		if (re_sdprintf(&text, "%H", digest_print, &rq))
			abort();
		/* one line, its end at the end */
		end = strstr(text, "\r\n");
		if (!end || end[2] || strchr(text, '\n') != end + 1)
			abort();
	}
	mem_deref(text);
	mem_deref(rq.digest);
	mem_deref(msg);
	return 0;
}
