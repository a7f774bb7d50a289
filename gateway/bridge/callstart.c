/* callstart.c: new calls, from either side. */
#include <errno.h>
#include <string.h>
#include "base/id.h"
#include "base/journal.h"
#include "base/log.h"
#include "base/trace.h"
#include "bridge/callpriv.h"

enum {
	LOOP_WINDOW = 2 * 1000, /* ms; D12 */
	MAX_FORWARDS = 70,	/* RFC 3261 8.1.1.6 */
};

static int call_alloc(struct call **cp, const struct config_trunk *trunk,
		      bool by_user, bool dialled)
{
	struct call *call;

	call = mem_zalloc(sizeof(*call), call_destructor);
	if (!call)
		return ENOMEM;

	call->trunk = trunk;
	call->slot = JOURNAL_NONE;
	call->held = config_hold(calls_conf.config);
	call->by_user = by_user;
	call->dialled = dialled;
	call->from_xmpp = by_user && !dialled;
	call->x_dir = call->s_dir = DESC_SENDRECV;
	re_snprintf(call->name, sizeof(call->name), "%08x",
		    (unsigned)id_random());
	callend_begin(call);
	*cp = call;

	return 0;
}

static void leg_take(struct leg **lp, struct call *call, struct leg *leg)
{
	*lp = mem_ref(leg);
	leg->call = call;
}

/* On error the leg answers for itself and the call vanishes. */
static int call_discard(struct call *call, int err, struct ending *why)
{
	callend_tell(call, NULL, true, why);
	calltrace_remember(call);
	call_leg_drop(&call->x);
	if (call->s && call->by_user)
		call_leg_end(call, &call->s, why);
	call_leg_drop(&call->s);
	mem_deref(call);

	return err;
}

static int admit(struct call *call, const struct config_plan *plan,
		 struct ending *why)
{
	struct policy_ask ask;
	uint64_t age;
	int err;

	if (!call->emergency && calls_rival(call, &age)) {
		ending_set(why, REASON_BUSY, age < LOOP_WINDOW ? 482 : 486,
			   "these two are calling each other already");
		return EBUSY;
	}

	memset(&ask, 0, sizeof(ask));
	ask.user = call->xp.jid;
	ask.trunk = call->trunk->name;
	ask.plan = plan;
	ask.paced = call->by_user;
	ask.emergency = call->emergency;
	err = policy_ask(calls_conf.policy, &ask, why);
	if (err)
		log_info("call %s: %s through trunk %s: refused: %s\n",
			 call->name, call->xp.jid, call->trunk->name,
			 why->text);
	else
		call->admitted = call->starting = true;
	if (call->starting)
		shed_begin(calls_conf.shed);

	return err;
}

static void media_error(struct ending *why, int err)
{
	if (err == ENOTSUP)
		ending_set(why, REASON_INCOMPATIBLE_PARAMETERS, 0,
			   "no codec in common");
	else if (err == ENFILE || err == EMFILE)
		ending_set(why, REASON_GENERAL_ERROR, 503,
			   "no port or descriptor is left");
	else if (err == EBUSY) /* half_open, of one side alone */
		ending_set(why, REASON_GENERAL_ERROR, 503,
			   "too many calls are being set up, try again soon");
	else
		ending_set(why, REASON_GENERAL_ERROR, 500, "");
	if (why->sip_code == 503)
		why->retry_after = 10; /* s, as policy.c says when full */
}

static int sip_leg(struct call *call, const struct route_choice *choice,
		   const struct call_request *rq)
{
	struct sipleg_conf conf;
	char token[17];

	memset(&conf, 0, sizeof(conf));
	id_token(token, sizeof(token));
	conf.trunk = sipstack_trunk(calls_conf.stack, call->trunk->name);
	conf.to_uri = call->sp.uri;
	conf.from_uri = choice->as;
	conf.from_name = choice->name ? choice->name : rq->from.name;
	conf.privacy = choice->privacy;
	conf.token = call->trunk->reg ? call->trunk->username : token;
	conf.max_forwards = rq->max_forwards;

	return sipleg_alloc(&call->s, calls_conf.sip, call, &conf);
}

static int offer_sip(struct call *call)
{
	struct desc *d;
	int err;

	err = join_offer_sip(&d, call->trunk, call->x_remote);
	if (err)
		return err;

	err = callmedia_fill_s(call, d, NULL);
	call_desc_move(&call->s_local, d);
	if (!err)
		err = call->s->ops->offer(call->s, call->s_local);

	return err;
}

static void found(const char *uri, void *arg)
{
	struct call *call = mem_ref(arg);
	int err = 0;

	call->lookup = mem_deref(call->lookup);
	if (uri && !sipleg_aim(call->s, uri)) {
		log_info("call %s: ENUM: %s is %s\n", call->name, call->sp.uri,
			 uri);
		trace_note(call->name, "ENUM: %s", uri);
		mem_deref(call->sp.uri);
		(void)str_dup(&call->sp.uri, uri);
	} else {
		log_info("call %s: ENUM: nothing for %s\n", call->name,
			 call->sp.uri);
	}
	if (!call->dialled) /* else X's answer is waited for */
		err = offer_sip(call);
	if (err)
		call_fail_err(call, err);

	mem_deref(call);
}

/* Without an answer of the name server the number is called. */
static bool looks_up(struct call *call, const struct route_choice *choice)
{
	return choice->lookup[0] &&
	       !route_lookup(&call->lookup, choice,
			     sipstack_dns(calls_conf.stack), found, call);
}

/* The caller's reference is given back.  A leg may have ended the call while
 * it was being started; then all is said. */
static int started(struct call *call, int err, struct ending *why)
{
	if (call->state == CALL_ENDED) {
		mem_deref(call);
		return 0;
	}

	mem_deref(call);
	if (!err)
		return 0;

	log_info("call %s: not started: %m\n", call->name, err);
	media_error(why, err);
	if (err == ENOTCONN) {
		ending_set(why, REASON_GONE, 480, "the XMPP server is away");
		why->retry_after = 30; /* s, protocol A */
	}

	return call_discard(call, err, why);
}

static enum reason cond_reason(enum stanza_cond cond)
{
	switch (cond) {
	case COND_FORBIDDEN:
	case COND_NOT_ALLOWED:
		return REASON_DECLINE;
	case COND_ITEM_NOT_FOUND:
	case COND_JID_MALFORMED:
		return REASON_GONE;
	default:
		return REASON_GENERAL_ERROR;
	}
}

/* Who may not call is told why. */
static int choose(const struct call_request *rq, struct route_choice *choice,
		  struct ending *why)
{
	const struct route_ask ask = {.from = rq->from.jid, .to = rq->to.jid};
	enum stanza_cond cond = COND_FORBIDDEN;

	memset(choice, 0, sizeof(*choice));
	/* a server is nobody: what would the telephone call back? */
	if (strchr(rq->from.jid, '@'))
		cond = route_choose(calls_conf.route, &ask, choice);
	if (!cond)
		return 0;

	ending_set(why, cond_reason(cond), 0,
		   choice->why[0]	    ? choice->why
		   : cond == COND_FORBIDDEN ? "you may not call this address"
					    : "no such address");
	log_info("xmpp: %s may not call %s: %s, %s\n", rq->from.jid,
		 rq->to.jid, cond_name(cond), why->text);

	return EACCES;
}

/* The call takes over the peer that was chosen. */
static int open_call(struct call **cp, const struct call_request *rq,
		     struct route_choice *choice, struct ending *why)
{
	struct call *call;
	int err;

	err = call_alloc(&call, choice->trunk, true, !rq->leg);
	if (err) {
		media_error(why, err);
		return err;
	}

	call->sp = choice->to;
	memset(&choice->to, 0, sizeof(choice->to));
	call->as = mem_ref(choice->as);
	if (choice->rule)
		(void)str_dup(&call->rule, choice->rule);
	call->emergency = choice->emergency;
	call->metered = !choice->emergency;
	call->jmi = rq->leg && !rq->offer;
	call->late = !rq->leg;
	if (rq->leg)
		leg_take(&call->x, call, rq->leg);
	err = peer_copy(&call->xp, &rq->from);
	if (!err)
		err = admit(call, choice->plan, why);
	if (err)
		return call_discard(call, err, why);

	*cp = call;

	return 0;
}

static int incoming_xmpp(const struct call_request *rq, struct ending *why)
{
	struct route_choice choice;
	struct call *call = NULL;
	int err;

	err = choose(rq, &choice, why);
	if (err) {
		callend_refused(rq, why);
		return err;
	}
	err = open_call(&call, rq, &choice, why);
	if (err) {
		route_choice_clear(&choice);
		return err;
	}

	trace_note(call->name, "%s calls %s through trunk %s", call->xp.jid,
		   call->sp.uri, call->trunk->name);
	log_info("call %s: xmpp %s calls %s through trunk %s%s%s\n",
		 call->name, call->xp.jid, call->sp.uri, call->trunk->name,
		 call->jmi ? "" : ", no proposal",
		 call->emergency ? ", emergency" : "");
	if (rq->offer)
		err = call_desc_keep(&call->x_remote, rq->offer);
	if (!err)
		err = callmedia_open(call);
	call_enter(call, CALL_TRYING);
	calls_add(call);
	mem_ref(call);
	if (!err)
		err = sip_leg(call, &choice, rq);
	if (!err && !looks_up(call, &choice))
		err = offer_sip(call);
	route_choice_clear(&choice);

	return started(call, err, why);
}

static int start_xmpp(struct call *call, const char *component)
{
	struct jingle *j = calls_jingle(component);
	struct desc *d;
	int err;

	if (!j)
		return ENOTCONN;
	if (!call->late) { /* refuse at once what can never be joined */
		err = join_offer_xmpp(&d, call->trunk, call->s_remote);
		if (err)
			return err;
		desc_free(d);
	}

	err = callmedia_open(call);
	if (!err && !call->late)
		err = callmedia_remote_s(call, call->s_remote, false);
	if (!err)
		err = jingleleg_alloc(&call->x, j, call, call->sp.jid,
				      call->sp.name, call->xp.jid,
				      call->trunk->ring_timeout);
	if (!err)
		err = callmedia_flow(call, 0, 0, true);
	if (err)
		return err;

	call_enter(call, CALL_OPENING);

	return 0;
}

static int incoming_sip(const struct call_request *rq, struct ending *why)
{
	const struct config_trunk *trunk;
	const struct config_xmpp *component;
	const char *rule;
	struct call *call;
	unsigned code;
	int err;

	trunk = config_trunk_find(calls_conf.config, rq->trunk);
	if (!trunk) /* a line */
		trunk =
		    siptrunk_conf(sipstack_trunk(calls_conf.stack, rq->trunk));
	if (!trunk || call_alloc(&call, trunk, false, false)) {
		ending_set(why, REASON_GENERAL_ERROR, 500, "");
		return ENOMEM;
	}

	leg_take(&call->s, call, rq->leg);
	call->late = !rq->offer;
	if (rq->diverted)
		(void)str_dup(&call->diverted, rq->diverted);
	(void)str_dup(&call->as, rq->to.uri);
	code = route_in(calls_conf.route, trunk, rq->to.uri, &rq->from,
			&call->sp, &call->xp, &component);
	if (!call->sp.uri && rq->from.uri)
		(void)str_dup(&call->sp.uri, rq->from.uri);
	rule = route_in_rule(calls_conf.route, trunk, rq->to.uri);
	if (rule)
		(void)str_dup(&call->rule, rule);
	if (!code && route_dnd(calls_conf.route, call->xp.jid))
		code = 480;
	if (code) {
		ending_set(why, REASON_NONE, code,
			   code == 403	 ? "you may not call this address"
			   : code == 404 ? "no such user here"
					 : "");
		log_info("sip: trunk %s: %s may not call %s: %u\n",
			 trunk->name, rq->from.uri, rq->to.uri, code);
		return call_discard(call, EACCES, why);
	}

	err = admit(call, NULL, why);
	if (err)
		return call_discard(call, err, why);

	trace_note(call->name, "%s calls %s from trunk %s", call->sp.jid,
		   call->xp.jid, trunk->name);
	log_info("call %s: sip %s calls %s from trunk %s%s\n", call->name,
		 call->sp.jid, call->xp.jid, trunk->name,
		 call->late ? ", no offer" : "");
	if (rq->offer)
		err = call_desc_keep(&call->s_remote, rq->offer);
	calls_add(call);
	mem_ref(call);
	if (!err)
		err = start_xmpp(call, component->component);

	return started(call, err, why);
}

/* XEP-0050 has no leg of its own: the user's devices are asked as if SIP had
 * called without an offer, and what they answer goes out as ours. */
int calls_dial(const char *user, const char *contact, struct ending *why)
{
	struct call_request rq = {.max_forwards = MAX_FORWARDS};
	struct route_choice choice;
	struct call *call = NULL;
	int err;

	if (!calls_conf.config || !call_admits(user, contact, why)) {
		if (!calls_conf.config)
			ending_set(why, REASON_GONE, 480, "shutting down");
		return ENOTCONN;
	}

	memset(why, 0, sizeof(*why));
	err = str_dup(&rq.from.jid, user) || str_dup(&rq.to.jid, contact)
		  ? ENOMEM
		  : 0;
	if (!err)
		err = choose(&rq, &choice, why);
	if (err) {
		callend_refused(&rq, why);
		goto out;
	}
	err = open_call(&call, &rq, &choice, why);
	if (err) {
		route_choice_clear(&choice);
		goto out;
	}

	trace_note(call->name, "%s asks for %s through trunk %s", call->xp.jid,
		   call->sp.uri, call->trunk->name);
	log_info("call %s: xmpp %s asks for %s through trunk %s: its devices "
		 "ring first%s\n",
		 call->name, call->xp.jid, call->sp.uri, call->trunk->name,
		 call->emergency ? ", emergency" : "");
	calls_add(call);
	mem_ref(call);
	err = sip_leg(call, &choice, &rq);
	if (!err)
		(void)looks_up(call, &choice);
	if (!err)
		err = start_xmpp(call, strchr(call->sp.jid, '@') + 1);
	route_choice_clear(&choice);
	err = started(call, err, why);

out:
	peer_clear(&rq.from);
	peer_clear(&rq.to);

	return err;
}

int call_incoming(const struct call_request *rq, struct ending *why)
{
	memset(why, 0, sizeof(*why));
	if (!calls_conf.config) {
		ending_set(why, REASON_GONE, 480, "shutting down");
		return ENOTCONN;
	}

	if (rq->old)
		return call_take(rq, why);
	if (!strcmp(rq->leg->ops->name, "xmpp"))
		return incoming_xmpp(rq, why);

	return incoming_sip(rq, why);
}
