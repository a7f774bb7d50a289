/* sip_guard.c: bytes -> gate -> scanner -> guard -> libre -> reply. */
#include <stdlib.h>
#include "sip/gate.h"
#include "sip/guard.h"
#include "tests/unit/sip_same.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct config_limits limits = {
    .sip_headers = 256,
    .sip_vias = 70,
    .sip_uri_bytes = 2048,
    .sip_udp_bytes = 16384,
    .sip_source_rate = 1000000,
    .sip_source_burst = 1000000000,
};

/* What we print must be judged as what we mean: a response of that code. */
static void check_reply(const struct sipscan *s, const struct guard_verdict *v,
			const struct sa *src)
{
	struct mbuf *mb = mbuf_alloc(1024);
	struct sipscan again;

	if (guard_reply_print(mb, s, v, src, "tag", "stoxd") ||
	    sipscan_decode(&again, (const char *)mb->buf, mb->end) ||
	    again.req || again.code != v->code || !again.ended)
		abort();
	mem_deref(mb);
}

/* What passes has all of the body that it announces. */
static void check_body(const struct sipscan *s)
{
	uint64_t n;

	if (s->count[SCAN_CONTENT_LENGTH] &&
	    (!sipscan_number(&s->first[SCAN_CONTENT_LENGTH], UINT32_MAX, &n) ||
	     n > s->body.l))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct gate *gate;
	struct guard_verdict v;
	struct sip_msg *msg = NULL;
	struct sipscan s;
	struct mbuf *mb;
	struct sa src;

	if (!gate && gate_alloc(&gate, &limits))
		abort();
	(void)sa_set_str(&src, "192.0.2.1", 5060);
	(void)gate_judge_stream(gate, &src, data, size, true, 1);
	if (gate_judge(gate, &src, data, size, true, 1) != GATE_PASS ||
	    sipscan_decode(&s, (const char *)data, size))
		return 0;

	guard_judge(&v, &s, &limits, false);
	if (v.code && !v.drop)
		check_reply(&s, &v, &src);
	if (!v.code && !v.drop)
		check_body(&s);
	if (!v.code && !v.drop && same_decoded((const char *)data, size) < 0)
		abort(); /* ours and libre's decoder differ */
	guard_judge(&v, &s, &limits, true);

	mb = mbuf_alloc(size);
	(void)mbuf_write_mem(mb, data, size);
	mb->pos = 0;
	if (!v.code && !v.drop)
		(void)sip_msg_decode(&msg, mb);
	if (msg && sipscan_retry_after(msg, 3600) > 3600)
		abort();
	mem_deref(msg);
	mem_deref(mb);
	return 0;
}
