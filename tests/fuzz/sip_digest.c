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

/* Is each quoted string closed? */
static bool closed(const char *p)
{
	bool quoted = false;

	for (; *p; p++) {
		if (quoted && *p == '\\' && p[1])
			p++;
		else if (*p == '"')
			quoted = !quoted;
	}

	return !quoted;
}

/* One challenge; what is answered is one line, its end at the end. */
static void challenge(struct digest_request *rq, const uint8_t *data,
		      size_t size)
{
	struct sip_msg *msg = response(data, size);
	char *text = NULL, *end;

	if (msg && !digest_challenge(rq->digest, msg, 0)) {
		if (re_sdprintf(&text, "%H", digest_print, rq))
			abort();
		end = strstr(text, "\r\n");
		if (!end || end[2] || strchr(text, '\n') != end + 1 ||
		    !closed(text))
			abort();
		for (char *p = text; p < end; p++) {
			if ((unsigned char)*p < 0x20 || *p == 0x7f)
				abort();
		}
	}
	mem_deref(text);
	mem_deref(msg);
}

/* Input: challenges in turn, a NUL between them; '!' first: the trunk's realm
 * is configured. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct digest_request rq = {NULL, "REGISTER", "sip:b"};
	const bool bound = size && *data == '!';
	const uint8_t *end;
	size_t n;

	if (size >= 4096)
		return 0;
	if (digest_alloc(&rq.digest, "gw", "sec\"ret", bound ? "b" : NULL))
		abort();

	for (data += bound, size -= bound; size; data += n, size -= n) {
		end = memchr(data, '\0', size);
		n = end ? (size_t)(end - data) : size;
		challenge(&rq, data, n);
		n += end ? 1 : 0;
	}
	digest_reset(rq.digest);
	mem_deref(rq.digest);
	return 0;
}
