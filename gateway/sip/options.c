/* options.c: OPTIONS, asked of each target every 25 s and answered
 * (RFC 3261 11). */
#include <string.h>
#include "base/id.h"
#include "base/log.h"
#include "sip/stack_priv.h"

enum {
	ASK_EVERY = 25 * 1000,	/* ms; keeps a NAT's UDP binding (30 s) */
	ASK_DOWN = 10 * 1000,	/* ms, while a target is silent */
	ANSWER_WAIT = 5 * 1000, /* ms; then the target counts as silent */
};

struct probe { /* one target being asked */
	struct sip_request *req;
	struct sa addr;
	struct tmr tmr;
	struct options *options; /* not referenced */
};

struct options {
	struct siptrunk *trunk; /* not referenced */
	struct tmr tmr;
	struct probe probe[TARGETS_MAX];
	uint32_t cseq;
	bool heard; /* the state of the trunk was logged once */
};

static void destructor(void *arg)
{
	struct options *o = arg;

	tmr_cancel(&o->tmr);
	for (size_t i = 0; i < TARGETS_MAX; i++) {
		tmr_cancel(&o->probe[i].tmr);
		o->probe[i].req = mem_deref(o->probe[i].req);
	}
}

static void set_state(struct options *o, const struct sa *addr, bool up,
		      const char *why)
{
	struct target *t = targets_find(o->trunk->targets, addr, SA_ALL);

	if (!t)
		return; /* DNS took it away meanwhile */

	if (t->up != up || !o->heard) {
		if (up)
			log_info("sip: trunk %s: %J answers\n",
				 o->trunk->conf->name, addr);
		else
			log_warning("sip: trunk %s: %J: %s\n",
				    o->trunk->conf->name, addr, why);
	}
	o->heard = true;
	t->up = up;
	t->failed = !up;
}

static void answer_h(int err, const struct sip_msg *msg, void *arg)
{
	struct probe *p = arg;

	if (!err && msg->scode < 200)
		return;

	tmr_cancel(&p->tmr);
	if (err)
		set_state(p->options, &p->addr, false, "no connection");
	else /* RFC 3263 4.3: 503 means elsewhere; all else means alive */
		set_state(p->options, &p->addr, msg->scode != 503, "503");
}

static void silence_h(void *arg)
{
	struct probe *p = arg;

	p->req = mem_deref(p->req);
	set_state(p->options, &p->addr, false, "no answer to OPTIONS");
}

static int ask(struct options *o, struct probe *p, const struct target *to)
{
	const struct sipstack *s = o->trunk->stack;
	struct siptarget t;
	char uri[300], tag[12], callid[24];
	int err;

	err = trunk_fill_target(&t, o->trunk, to);
	if (err)
		return err;

	(void)re_snprintf(uri, sizeof(uri), "sip:%J%s", &t.addr,
			  sip_transp_param(t.tp));
	id_token(tag, sizeof(tag));
	id_token(callid, sizeof(callid));
	p->addr = to->addr;
	p->options = o;
	err = sip_requestf(&p->req, t.sip, true, "OPTIONS", uri, &t.route,
			   NULL, sipstack_send, answer_h, p,
			   "To: <%s>\r\n"
			   "From: <sip:%J>;tag=%s\r\n"
			   "Call-ID: %s\r\n"
			   "CSeq: %u OPTIONS\r\n"
			   "Contact: <sip:%J%s>\r\n"
			   "Accept: application/sdp\r\n"
			   "%s%s"
			   "%s"
			   "Content-Length: 0\r\n\r\n",
			   uri, &t.laddr, tag, callid, ++o->cseq, &t.laddr,
			   sip_transp_param(t.tp), sipstack_allow(s),
			   sipstack_supported(s), sipstack_agent(s));
	if (!err)
		tmr_start(&p->tmr, ANSWER_WAIT, silence_h, p);
	return err;
}

static void round_h(void *arg)
{
	struct options *o = arg;
	struct targets *ts = o->trunk->targets;
	bool all_up = targets_count(ts) > 0;

	for (size_t i = 0; i < targets_count(ts); i++) {
		const struct target *t = targets_at(ts, i);
		struct probe *p = &o->probe[i];
		const struct sa addr = t->addr;
		int err;

		all_up = all_up && t->up;
		if (p->req)
			continue; /* the last round is not over */
		err = ask(o, p, t);
		if (err)
			set_state(o, &addr, false, strerror(err));
	}

	/* +-10 %: several gateways shall not fall into step */
	tmr_start(&o->tmr,
		  (all_up ? ASK_EVERY : ASK_DOWN) * 9 / 10 +
		      id_random() % ((all_up ? ASK_EVERY : ASK_DOWN) / 5),
		  round_h, o);
}

int options_alloc(struct options **op, struct siptrunk *trunk)
{
	struct options *o;

	o = mem_zalloc(sizeof(*o), destructor);
	if (!o)
		return ENOMEM;

	o->trunk = trunk;
	tmr_start(&o->tmr, 0, round_h, o);
	*op = o;
	return 0;
}

/* What the bodies of requests with a handler may be. */
static const char message_types[] =
    ", text/plain, message/cpim, application/im-iscomposing+xml, "
    "message/imdn+xml";

void options_answer(struct sipstack *s, struct sip *sip,
		    const struct sip_msg *msg)
{
	if (s->retry_after) { /* RFC 3261 21.5.4: who balances goes elsewhere */
		(void)sip_replyf(sip, msg, 503, "Service Unavailable",
				 "%sRetry-After: %u\r\n"
				 "Content-Length: 0\r\n\r\n",
				 sipstack_allow(s), s->retry_after);
		return;
	}

	(void)sip_replyf(sip, msg, 200, "OK",
			 "%s%sAccept: application/sdp%s\r\n"
			 "Content-Length: 0\r\n\r\n",
			 sipstack_allow(s), sipstack_supported(s),
			 strstr(s->allow, ", MESSAGE") ? message_types : "");
}
