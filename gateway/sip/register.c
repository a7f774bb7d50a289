/* register.c: a trunk's or line's registration (RFC 3261 10), kept alive. */
#include "sip/register.h"
#include <string.h>
#include "base/id.h"
#include "base/log.h"
#include "sip/flow.h"
#include "sip/scan.h"
#include "sip/stack_priv.h"

enum {
	EXPIRES = 3600,		     /* s, asked for; protocol I */
	EXPIRES_MAX = 86400,	     /* s, that Min-Expires may demand */
	EXPIRES_MIN = 10,	     /* s, that we take from an answer */
	EARLY = 30 * 1000,	     /* ms before the end; protocol F.3 */
	BACKOFF = 30 * 1000,	     /* ms, first */
	BACKOFF_MAX = 3600 * 1000,   /* ms */
	FORBIDDEN_FOR = 3600 * 1000, /* ms after a 403 */
	SILENCE = 8 * 1000, /* ms without an answer: the next target */
};

struct binding {
	struct siptrunk *trunk; /* not referenced */
	struct sip_request *req;
	struct regflow *flow; /* NULL: another keeps the way open, or nobody */
	struct tmr tmr, tmr_silence;
	struct siptarget target;
	char *aor, *contact;
	char *former; /* another Contact that the registrar has, or NULL */
	char callid[33], tag[12];
	uint32_t cseq, asked; /* the digest's serial of the last one */
	unsigned expires, failures, tries, nth, code;
	enum binding_state state;
	bool plain;	  /* without RFC 5626: 439 */
	bool outbound;	  /* with it: what the last 200 requires */
	const char *text; /* what is wrong, for the owner of a line */
	sipline_h *h;
	void *arg;
	struct tmr tmr_tell;
};

static const char *const state_names[] = {
    [BINDING_TRYING] = "under way",	   [BINDING_BOUND] = "accepted",
    [BINDING_WAITING] = "failed, waiting", [BINDING_FORBIDDEN] = "forbidden",
    [BINDING_CLOSED] = "closed",
};

static void attempt_h(void *arg);
static void turn_h(void *arg);
static void tell_h(void *arg);
static int send_register(struct binding *b, unsigned expires);

/* One binding of a registrar's lines keeps the way open for all. */
static void keeper_leave(struct binding *b)
{
	struct siptrunk *hop = trunk_hop(b->trunk);

	b->flow = mem_deref(b->flow);
	if (hop->keeper == b)
		hop->keeper = NULL;
}

static bool keeper_take(struct binding *b)
{
	struct siptrunk *hop = trunk_hop(b->trunk);

	if (!hop->keeper)
		hop->keeper = b;

	return hop->keeper == b;
}

static void destructor(void *arg)
{
	struct binding *b = arg;

	tmr_cancel(&b->tmr);
	tmr_cancel(&b->tmr_silence);
	tmr_cancel(&b->tmr_tell);
	siptrunk_target_cancel(b->trunk, b);
	keeper_leave(b);
	mem_deref(b->req);
	mem_deref(b->aor);
	mem_deref(b->contact);
	mem_deref(b->former);
}

const char *binding_state_name(enum binding_state st)
{
	return (size_t)st < ARRAY_SIZE(state_names) ? state_names[st] : "?";
}

enum binding_state binding_state(const struct binding *b)
{
	return b ? b->state : BINDING_CLOSED;
}

unsigned binding_code(const struct binding *b)
{
	return b ? b->code : 0;
}

bool binding_outbound(const struct binding *b)
{
	return b && b->state == BINDING_BOUND && b->outbound;
}

uint64_t binding_due(const struct binding *b)
{
	return b ? tmr_get_expire(&b->tmr) : 0;
}

uint64_t binding_refresh_after(unsigned expires)
{
	const uint64_t ms = (uint64_t)expires * 1000;

	/* the earlier of 0.9 and 30 s before the end, where there is room */
	return ms > 2 * EARLY ? MIN(ms * 9 / 10, ms - EARLY) : ms * 9 / 10;
}

uint64_t binding_backoff(unsigned failures, uint64_t random)
{
	const unsigned n = failures ? MIN(failures - 1, 10u) : 0;
	const uint64_t ms = MIN((uint64_t)BACKOFF << n, BACKOFF_MAX);

	return ms * 4 / 5 + random % (ms * 2 / 5); /* +-20 % */
}

void binding_event(const struct binding *b, struct sipline_event *ev)
{
	static const enum sipline_state states[] = {
	    [BINDING_TRYING] = SIPLINE_TRYING,
	    [BINDING_BOUND] = SIPLINE_UP,
	    [BINDING_WAITING] = SIPLINE_FAILED,
	    [BINDING_FORBIDDEN] = SIPLINE_REFUSED,
	    [BINDING_CLOSED] = SIPLINE_FAILED,
	};

	memset(ev, 0, sizeof(*ev));
	ev->state = b ? states[b->state] : SIPLINE_FAILED;
	ev->code = b ? b->code : 0;
	ev->text = b && b->text ? b->text : "";
	if (ev->state == SIPLINE_FAILED && ev->code == 404)
		ev->state = SIPLINE_REFUSED;
}

static void tell_h(void *arg)
{
	struct binding *b = mem_ref(arg);
	struct sipline_event ev;

	binding_event(b, &ev);
	if (b->h)
		b->h(&ev, b->arg);
	mem_deref(b);
}

void binding_listen(struct binding *b, sipline_h *h, void *arg)
{
	if (!b)
		return;

	b->h = h;
	b->arg = arg;
	if (!h)
		tmr_cancel(&b->tmr_tell);
}

/* The only function that writes b->state. */
static void enter(struct binding *b, enum binding_state st, uint64_t next)
{
	const char *name = b->trunk->conf->name;

	if (st != b->state || st != BINDING_BOUND)
		log_debug("sip: trunk %s: registration %s -> %s\n", name,
			  state_names[b->state], state_names[st]);
	b->state = st;
	tmr_cancel(&b->tmr_silence);

	if (st == BINDING_CLOSED || st == BINDING_TRYING)
		tmr_cancel(&b->tmr);
	else
		tmr_start(&b->tmr, next, b->trunk->hop ? turn_h : attempt_h,
			  b);
	if (st == BINDING_CLOSED)
		siptrunk_target_cancel(b->trunk, b);
	if (st == BINDING_CLOSED || st == BINDING_FORBIDDEN)
		keeper_leave(b);
	if (b->h && st != BINDING_CLOSED && st != BINDING_TRYING)
		tmr_start(&b->tmr_tell, 0, tell_h, b);
}

static void fail(struct binding *b, uint64_t wait)
{
	++b->failures;
	if (b->state == BINDING_BOUND || !b->text)
		b->text = "the registration failed";
	++b->nth; /* the next attempt goes elsewhere, if there is elsewhere */
	if (!wait)
		wait = binding_backoff(b->failures, id_random());

	log_warning("sip: trunk %s: registration failed (%u), again in %llu "
		    "s\n",
		    b->trunk->conf->name, b->code,
		    (unsigned long long)wait / 1000);
	enter(b, BINDING_WAITING, wait);
}

/* Before a pause, the other targets get their turn at once. */
static void fail_over(struct binding *b)
{
	siptrunk_target_failed(b->trunk, &b->target.addr);
	if (b->nth + 1 < targets_count(b->trunk->targets)) {
		++b->nth;
		attempt_h(b);
		return;
	}

	fail(b, 0);
	b->nth = 0;
}

/* Who is reached by it is registered again, each line in its turn. */
static void flow_failed(void *arg)
{
	struct binding *b = arg;
	struct siptrunk *hop = trunk_hop(b->trunk);

	if (hop->registrar)
		lines_renew(hop);
	else
		binding_refresh(b);
}

static void keep_open(struct binding *b, const struct sip_msg *msg)
{
	int err;

	if (!regflow_wanted(&b->target, msg) || !keeper_take(b))
		return;

	err = regflow_start(&b->flow, &b->target, msg, flow_failed, b);
	if (!err)
		return;

	log_warning("sip: trunk %s: the way to %J is not kept open: %m\n",
		    b->trunk->conf->name, &b->target.addr, err);
	keeper_leave(b);
}

struct expiry {
	const struct binding *b;
	unsigned expires;
};

static bool own_contact(const struct sip_hdr *hdr, const struct sip_msg *msg,
			void *arg)
{
	struct expiry *e = arg;
	struct sip_addr addr;
	struct pl pl;
	uint64_t n;
	(void)msg;

	if (sip_addr_decode(&addr, &hdr->val) ||
	    pl_strcasecmp(&addr.auri, e->b->contact))
		return false;
	if (msg_param_decode(&addr.params, "expires", &pl) ||
	    !sipscan_number(&pl, EXPIRES_MAX, &n))
		return false;

	e->expires = (unsigned)n;
	return true;
}

/* RFC 3261 10.2.4: of our Contact, else of Expires, else as we asked. */
static unsigned granted(const struct binding *b, const struct sip_msg *msg)
{
	struct expiry e = {b, 0};
	uint64_t n;

	if (sip_msg_hdr_apply(msg, true, SIP_HDR_CONTACT, own_contact, &e))
		return MAX(e.expires, EXPIRES_MIN);
	if (sipscan_number(&msg->expires, EXPIRES_MAX, &n))
		return MAX((unsigned)n, EXPIRES_MIN);

	return b->expires;
}

static void on_bound(struct binding *b, const struct sip_msg *msg)
{
	const unsigned expires = granted(b, msg);
	uint64_t after;

	if (b->state != BINDING_BOUND)
		log_info("sip: trunk %s: registered as %s for %u s\n",
			 b->trunk->conf->name, b->aor, expires);
	b->failures = 0;
	b->text = NULL;
	b->outbound = sip_msg_hdr_has_value(msg, SIP_HDR_REQUIRE, "outbound");
	b->former = mem_deref(b->former);
	keep_open(b, msg);
	after = binding_refresh_after(expires);
	/* lines that came up together shall not come back together */
	if (b->trunk->hop && b->state != BINDING_BOUND)
		after = after / 10 + id_random() % (after * 9 / 10 + 1);
	enter(b, BINDING_BOUND, after);
}

static void on_challenge(struct binding *b, const struct sip_msg *msg)
{
	const int err = digest_challenge(b->trunk->digest, msg, b->asked);

	if (!err && ++b->tries <= 2 && !send_register(b, b->expires))
		return;

	b->text = !b->trunk->digest ? "it wants a password, none is set"
		  : err == ENOTSUP  ? "no digest algorithm in common"
				    : "user name, password or realm wrong";
	log_error("sip: trunk %s: registration refused: %s\n",
		  b->trunk->conf->name, b->text);
	if (b->trunk->hop) /* a registrar bars who guesses on */
		enter(b, BINDING_FORBIDDEN, FORBIDDEN_FOR);
	else
		fail(b, 0);
}

static void on_brief(struct binding *b, const struct sip_msg *msg)
{
	const struct sip_hdr *hdr = sip_msg_xhdr(msg, "Min-Expires");
	uint64_t n;

	if (hdr && sipscan_number(&hdr->val, EXPIRES_MAX, &n) &&
	    n > b->expires && ++b->tries <= 2) {
		b->expires = (unsigned)n;
		if (!send_register(b, b->expires))
			return;
	}

	fail(b, 0);
}

static void on_final(struct binding *b, const struct sip_msg *msg)
{
	const uint64_t retry =
	    sipscan_retry_after(msg, BACKOFF_MAX / 1000) * 1000ULL;

	b->code = msg->scode;

	switch (msg->scode) {
	case 401:
	case 407:
		on_challenge(b, msg);
		break;
	case 403:
		b->text = "the registrar forbids it";
		log_error("sip: trunk %s: registration forbidden (403); "
			  "tried again in an hour\n",
			  b->trunk->conf->name);
		enter(b, BINDING_FORBIDDEN, FORBIDDEN_FOR);
		break;
	case 423:
		on_brief(b, msg);
		break;
	case 503:
		if (retry)
			fail(b, retry);
		else
			fail_over(b);
		break;
	case 439: /* RFC 5626 11.6: a hop before the registrar has none of it */
		if (!b->plain && ++b->tries <= 2) {
			b->plain = true;
			if (!send_register(b, b->expires))
				break;
		}
		fail(b, 0);
		break;
	default:
		if (msg->scode < 300) {
			on_bound(b, msg);
			break;
		}
		b->text = msg->scode == 404 ? "the registrar knows no such "
					      "user"
					    : "the registrar refuses";
		fail(b, retry);
		break;
	}
}

static void answer_h(int err, const struct sip_msg *msg, void *arg)
{
	struct binding *b = arg;

	if (b->state == BINDING_CLOSED || (!err && msg->scode < 200))
		return;

	tmr_cancel(&b->tmr_silence);
	if (err) {
		b->code = 0;
		b->text = "no connection to the registrar";
		fail_over(b);
		return;
	}

	on_final(b, msg);
}

static void silence_h(void *arg)
{
	struct binding *b = arg;

	b->req = mem_deref(b->req);
	b->code = 408;
	b->text = "the registrar does not answer";
	fail_over(b);
}

/* RFC 3261 10.2.2: what we were called at before goes by the same request, so
 * that nobody calls us twice.  RFC 5626 6: one that is not 0 has a reg-id. */
static int former_print(struct re_printf *pf, const struct binding *b)
{
	return b->former
		   ? re_hprintf(pf, "Contact: <%s>;expires=0\r\n", b->former)
		   : 0;
}

static int send_register(struct binding *b, unsigned expires)
{
	const struct sipstack *s = b->trunk->stack;
	const struct config_trunk *conf = b->trunk->conf;
	char registrar[300];
	const struct digest_request rq = {b->trunk->digest, "REGISTER",
					  registrar};
	struct sip_request **reqp = expires ? &b->req : NULL;
	const char *host = strchr(b->aor, '@');
	char outbound[sizeof(";+sip.instance=\"<>\";reg-id=1") + REGFLOW_URN];
	char urn[REGFLOW_URN];
	int err;

	regflow_instance(urn, b->aor,
			 b->trunk->token ? b->trunk->token : conf->name);
	(void)re_snprintf(outbound, sizeof(outbound),
			  ";+sip.instance=\"<%s>\";reg-id=1", urn);

	(void)re_snprintf(registrar, sizeof(registrar), "sip:%s",
			  host ? host + 1 : b->trunk->host);
	b->asked = digest_serial(b->trunk->digest);
	b->req = mem_deref(b->req);
	err = sip_requestf(
	    reqp, b->target.sip, true, "REGISTER", registrar, &b->target.route,
	    NULL, sipstack_send, expires ? answer_h : NULL, expires ? b : NULL,
	    "To: <%s>\r\nFrom: <%s>;tag=%s\r\n"
	    "Call-ID: %s\r\nCSeq: %u REGISTER\r\n"
	    "Contact: <%s>%s;expires=%u\r\n%HExpires: %u\r\n"
	    "%H%s%s%sContent-Length: 0\r\n\r\n",
	    b->aor, b->aor, b->tag, b->callid, ++b->cseq, b->contact,
	    b->plain ? "" : outbound, expires, former_print, b, expires,
	    digest_print, &rq, sipstack_allow(s),
	    b->plain ? sipstack_supported(s) : "Supported: path, outbound\r\n",
	    sipstack_agent(s));
	if (err)
		log_warning("sip: trunk %s: REGISTER: %m\n", conf->name, err);
	else if (expires)
		tmr_start(&b->tmr_silence, SILENCE, silence_h, b);

	return err;
}

static void resolved_h(int err, void *arg)
{
	struct binding *b = arg;

	b->text = err ? "the registrar's name leads nowhere" : NULL;
	if (err)
		fail(b, 0);
	else
		attempt_h(b);
}

/* The Contact as it is on this way; where the same registrar knows another, it
 * shall forget that one. */
static int contact_renew(struct binding *b, const struct sa *before)
{
	const struct siptrunk *t = b->trunk;
	char *contact = NULL;
	int err;

	err = siptrunk_contact(&contact, NULL, &b->target,
			       t->token ? t->token : t->conf->username);
	if (err)
		return err;

	if (b->state == BINDING_BOUND && b->contact && !b->former &&
	    sa_cmp(before, &b->target.addr, SA_ALL) &&
	    strcmp(b->contact, contact))
		b->former = mem_ref(b->contact);
	if (b->former && !strcmp(b->former, contact))
		b->former = mem_deref(b->former);
	mem_deref(b->contact);
	b->contact = contact;

	return 0;
}

static void attempt_h(void *arg)
{
	struct binding *b = arg;
	const struct sa before = b->target.addr;
	const size_t n = targets_count(b->trunk->targets);
	int err;

	b->tries = 0;
	b->text = NULL;
	digest_reset(b->trunk->digest);
	siptrunk_target_cancel(b->trunk, b);
	err = siptrunk_target(&b->target, b->trunk,
			      n ? b->nth % (unsigned)n : 0, resolved_h, b);
	if (err == EAGAIN)
		return;

	if (!err)
		err = contact_renew(b, &before);
	if (!err)
		err = send_register(b, b->expires);
	if (err) {
		b->code = 0;
		b->text = "the registrar cannot be reached";
		fail(b, 0);
	}
}

int binding_alloc(struct binding **bp, struct siptrunk *trunk)
{
	struct binding *b;
	int err;

	if (!bp || !trunk || !trunk->conf->username)
		return EINVAL;

	b = mem_zalloc(sizeof(*b), destructor);
	if (!b)
		return ENOMEM;

	b->trunk = trunk;
	b->expires = EXPIRES;
	b->state = BINDING_TRYING;
	id_token(b->callid, sizeof(b->callid));
	id_token(b->tag, sizeof(b->tag));
	err = siptrunk_aor(&b->aor, trunk, trunk->conf->username);
	if (err) {
		mem_deref(b);
		return err;
	}

	tmr_start(&b->tmr, 0, attempt_h, b);
	*bp = b;
	return 0;
}

/* A line's turn, then the attempt. */
static void turn_h(void *arg)
{
	struct binding *b = arg;
	const uint64_t wait = line_turn(b->trunk->stack);

	if (wait)
		tmr_start(&b->tmr, wait, attempt_h, b);
	else
		attempt_h(b);
}

void binding_pace(struct binding *b)
{
	if (b && b->state != BINDING_CLOSED)
		tmr_start(&b->tmr, 0, turn_h, b);
}

void binding_close(struct binding *b)
{
	if (!b || b->state == BINDING_CLOSED)
		return;

	if (b->state == BINDING_BOUND)
		(void)send_register(b, 0);
	enter(b, BINDING_CLOSED, 0);
}

void binding_refresh(struct binding *b)
{
	if (!b || b->state == BINDING_CLOSED || b->state == BINDING_FORBIDDEN)
		return;

	tmr_start(&b->tmr, 0, b->trunk->hop ? turn_h : attempt_h, b);
}
