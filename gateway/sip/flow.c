/* flow.c: the way to a registrar, kept open (RFC 5626). */
#include "sip/flow.h"
#include <string.h>
#include <unistd.h>
#include <openssl/evp.h>
#include "base/id.h"
#include "base/log.h"
#include "sip/scan.h"

enum {
	UDP = 25 * 1000,  /* ms; RFC 5626 4.4: below 30 s */
	TCP = 120,	  /* s; RFC 5626 4.4.1: 95 to 120 s */
	TIMER_MIN = 5,	  /* s; of Flow-Timer */
	TIMER_MAX = 3600, /* s */
};

struct regflow {
	struct siptarget target;
	struct tmr tmr;
	struct sip_keepalive *ka; /* of TCP and TLS: libre hears the answer */
	unsigned timer;		  /* s; Flow-Timer, 0: none */
	regflow_h *h;
	void *arg;
};

static void destructor(void *arg)
{
	struct regflow *f = arg;

	tmr_cancel(&f->tmr);
	mem_deref(f->ka);
}

uint64_t regflow_interval(unsigned flow_timer, uint64_t random)
{
	const uint64_t ms = (uint64_t)flow_timer * 1000;

	return flow_timer ? ms * 8 / 10 + random % (ms / 5 + 1) : UDP;
}

static void send_h(void *arg)
{
	struct regflow *f = arg;
	struct mbuf *mb = mbuf_alloc(4);

	tmr_start(&f->tmr, regflow_interval(f->timer, id_random()), send_h, f);
	if (mb && !mbuf_write_str(mb, "\r\n\r\n")) {
		mb->pos = 0;
		(void)sip_send(f->target.sip, NULL, f->target.tp,
			       &f->target.addr, mb);
	}
	mem_deref(mb);
}

static void failed_h(int err, void *arg)
{
	struct regflow *f = arg;

	log_info("sip: the way to %J is gone: %m\n", &f->target.addr, err);
	f->ka = mem_deref(f->ka);
	f->h(f->arg);
}

static unsigned flow_timer(const struct sip_msg *msg)
{
	const struct sip_hdr *hdr = sip_msg_xhdr(msg, "Flow-Timer");
	uint64_t n;

	return hdr && sipscan_number(&hdr->val, TIMER_MAX, &n)
		   ? MAX((unsigned)n, TIMER_MIN)
		   : 0;
}

bool regflow_wanted(const struct siptarget *target, const struct sip_msg *msg)
{
	return target->tp == SIP_TRANSP_UDP || flow_timer(msg) ||
	       sip_msg_hdr_has_value(msg, SIP_HDR_REQUIRE, "outbound");
}

int regflow_start(struct regflow **fp, const struct siptarget *target,
		  const struct sip_msg *msg, regflow_h *h, void *arg)
{
	struct regflow *f;
	int err = 0;

	if (!fp || !target || !msg || !h)
		return EINVAL;

	f = mem_zalloc(sizeof(*f), destructor);
	if (!f)
		return ENOMEM;

	f->target = *target;
	f->timer = flow_timer(msg);
	f->h = h;
	f->arg = arg;
	if (target->tp == SIP_TRANSP_UDP)
		tmr_start(&f->tmr, regflow_interval(f->timer, id_random()),
			  send_h, f);
	else /* libre takes 80 to 100 % of it, 20 s at least, and hears the
	      * answer */
		err = sip_keepalive_start(&f->ka, target->sip, msg,
					  f->timer ? f->timer : TCP, failed_h,
					  f);
	if (err) {
		mem_deref(f);
		return err;
	}

	mem_deref(*fp);
	*fp = f;

	return 0;
}

/* A name made of a name (RFC 9562 5.8): where we run, and as whom. */
void regflow_instance(char urn[REGFLOW_URN], const char *aor,
		      const char *token)
{
	unsigned char md[EVP_MAX_MD_SIZE] = {0};
	char host[256] = "", *text = NULL;

	(void)gethostname(host, sizeof(host) - 1);
	if (!re_sdprintf(&text, "%s\n%s\n%s", host, aor, token))
		(void)EVP_Digest(text, strlen(text), md, NULL, EVP_sha256(),
				 NULL);
	mem_deref(text);

	md[6] = (md[6] & 0x0f) | 0x80; /* version 8 */
	md[8] = (md[8] & 0x3f) | 0x80; /* variant 10 */
	(void)re_snprintf(urn, REGFLOW_URN, "urn:uuid:%w-%w-%w-%w-%w", md,
			  (size_t)4, md + 4, (size_t)2, md + 6, (size_t)2,
			  md + 8, (size_t)2, md + 10, (size_t)6);
}
