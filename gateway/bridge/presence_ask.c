/* presence_ask.c: which SUBSCRIBE is sent when, what comes of it, and what its
 * end means (protocol C.1, D13, D14). */
#include "bridge/presence_priv.h"
#include <string.h>
#include "base/id.h"
#include "base/log.h"

static const char *const state_names[] = {
    [ASK_IDLE] = "idle",       [ASK_QUEUED] = "queued",
    [ASK_TRYING] = "trying",   [ASK_PENDING] = "pending",
    [ASK_ACTIVE] = "active",   [ASK_SYNTHETIC] = "synthetic",
    [ASK_WAITING] = "waiting", [ASK_FROZEN] = "frozen",
    [ASK_STOPPED] = "stopped", [ASK_LEAVING] = "leaving",
};

const char *ask_state_name(enum ask_state st)
{
	return state_names[st];
}

static void watch_renew(struct presence *p, const struct config_trunk *trunk);

static bool is_base(const struct ask *ask)
{
	return ask == &ask->pair->base;
}

/* The only function that writes ask->state. */
void ask_enter(struct ask *ask, enum ask_state st)
{
	if (ask->state == st)
		return;

	log_debug("presence: %s of %s for %s: %s -> %s\n",
		  is_base(ask) ? "presence" : "dialog", ask->pair->contact,
		  ask->pair->user, state_names[ask->state], state_names[st]);
	ask->state = (uint8_t)st;
	if (st != ASK_QUEUED)
		list_unlink(&ask->le);
	if (st != ASK_WAITING && st != ASK_SYNTHETIC)
		tmr_cancel(&ask->tmr);
	ask->proving = false;
}

void ask_reset(struct ask *ask)
{
	struct subscription *sub = ask->sub;

	ask->sub = NULL;
	ask->renew = false;
	ask_enter(ask, ASK_IDLE);
	subscription_drop(sub);
}

/* ---- timers ---- */

/* Who never showed itself to us may be there all the same. */
static bool is_away(const struct pair *pair)
{
	return !service_online(pair->service, pair->user) &&
	       service_seen(pair->service, pair->user) != UINT64_MAX;
}

static void wait_timeout(void *arg)
{
	struct ask *ask = arg;

	if (is_away(ask->pair) && !ask->pair->asked)
		ask_enter(ask, ASK_IDLE);
	else
		ask_queue(ask, false);
}

static void ask_wait(struct ask *ask, enum ask_state st, uint64_t ms)
{
	ask_enter(ask, st);
	/* +-20 %: what failed together shall not come back together */
	tmr_start(&ask->tmr, ms * 4 / 5 + id_random() % (ms * 2 / 5 + 1),
		  wait_timeout, ask);
}

static void ask_later(struct ask *ask, unsigned retry_after)
{
	const struct config_presence *l = presence_limits(ask->pair);
	const unsigned n = MIN(ask->failures, 12u);
	uint64_t s = MIN((uint64_t)l->retry << n, l->retry_max);

	if (ask->failures < UINT8_MAX)
		++ask->failures;
	if (retry_after)
		s = MIN(MAX(retry_after, s), MAX(l->retry_max, 1u));
	ask_wait(ask, ASK_WAITING, s * 1000);
}

/* It was there and cannot be reached: what was known is no longer true.  Who
 * answers us otherwise may just not know SUBSCRIBE. */
static void doubt(struct pair *pair)
{
	const struct siptrunk *t =
	    pair->trunk
		? sipstack_trunk(pair->p->conf.stack, pair->trunk->name)
		: NULL;

	if (pair->base.failures < FAILURES_SHOWN || pair->asked ||
	    (pair->synthetic && siptrunk_up(t)))
		return;

	pidf_status_clear(&pair->status);
	pair->known = true;
	pair->synthetic = false;
	watch_show(pair);
}

/* ---- what a subscription says ---- */

static void on_presence(struct pair *pair, const struct pl *body)
{
	struct pidf_status st;

	memset(&st, 0, sizeof(st)); /* no document: closed, RFC 8048 5.2.1 */
	if (body->l && pidf_decode(&st, body->p, body->l)) {
		log_info("presence: %s: what its server says is no PIDF\n",
			 pair->contact);
		return;
	}
	if (pair->known && !pair->asked &&
	    pidf_status_equal(&st, &pair->status)) {
		pidf_status_clear(&st);
		return;
	}

	pidf_status_clear(&pair->status);
	pair->status = st;
	pair->known = true;
	pair->synthetic = false;
	watch_settle(pair);
}

static void on_dialogs(struct ask *ask, const struct pl *body)
{
	struct pair *pair = ask->pair;
	bool before;

	if (!body->l)
		return;
	if (!pair->di)
		pair->di = mem_zalloc(sizeof(*pair->di), NULL);
	if (!pair->di)
		return;

	before = dialoginfo_busy(pair->di);
	if (dialoginfo_decode(pair->di, body->p, body->l) == ENOENT)
		subscription_refresh(ask->sub);
	if (before != dialoginfo_busy(pair->di))
		watch_show(pair);
}

/* What is active for a moment only, again and again, is a failure as well. */
static bool has_lasted(const struct ask *ask)
{
	return tmr_jiffies() - ask->since >= LASTING;
}

static void notify_h(struct subscription *sub, bool pending,
		     const struct pl *body, void *arg)
{
	struct ask *ask = arg;
	struct pair *pair = ask->pair;
	(void)sub;

	/* does its server let us ask who hides from us? */
	if (ask->state != ASK_ACTIVE && !pending &&
	    service_knows(pair->service, pair->user))
		service_ask(pair->service, pair->contact, pair->user);

	if (ask->proving && !pending)
		ask->state = ASK_ACTIVE;
	else if (!ask->proving)
		ask_enter(ask, pending ? ASK_PENDING : ASK_ACTIVE);
	if (pending)
		return;

	if (has_lasted(ask))
		ask->failures = 0;
	if (is_base(ask))
		on_presence(pair, body);
	else
		on_dialogs(ask, body);
}

/* Nobody answers: the call button shall not wait for that (D14). */
static void silent_h(struct subscription *sub, void *arg)
{
	struct ask *ask = arg;
	struct pair *pair = ask->pair;
	(void)sub;

	if (!is_base(ask) || pair->known ||
	    (pair->trunk && pair->trunk->strict) || ask->state != ASK_TRYING ||
	    ask->failures)
		return;

	pair->synthetic = true;
	watch_settle(pair);
}

static void proof_timeout(void *arg)
{
	struct ask *ask = arg;
	struct pair *pair = ask->pair;
	const uint64_t age = tmr_jiffies() - ask->since;

	if (!service_up(pair->service) ||
	    service_seen(pair->service, pair->user) <= age) {
		ask->proving = false;
		subscription_refresh(ask->sub);
		return;
	}
	if (age < ask->patience) {
		tmr_start(&ask->tmr, PROOF_STEP, proof_timeout, ask);
		return;
	}

	log_debug("presence: %s is gone, %s is no longer watched\n",
		  pair->user, pair->contact);
	ask_reset(ask);
	if (is_base(ask))
		pair->known = false;
}

/* Only who is online goes on watching (D13). */
static void due_h(struct subscription *sub, void *arg)
{
	struct ask *ask = arg;
	struct pair *pair = ask->pair;

	if (!service_up(pair->service) ||
	    service_seen(pair->service, pair->user) < PROOF_AGE) {
		subscription_refresh(sub);
		return;
	}
	/* what its devices answer is told as its server would tell it */
	if (service_knows(pair->service, pair->user)) {
		service_ask(pair->service, pair->contact, pair->user);
		subscription_refresh(sub);
		return;
	}

	ask->since = tmr_jiffies();
	ask->patience =
	    (uint32_t)MIN(subscription_left(sub) / 2, (uint64_t)PROOF_WAIT);
	ask->proving = true;
	service_ask(pair->service, pair->contact, pair->user);
	tmr_start(&ask->tmr, PROOF_STEP, proof_timeout, ask);
}

static void on_action(struct ask *ask, enum presence_action a,
		      const struct subscribe_end *end)
{
	struct pair *pair = ask->pair;
	const struct config_presence *l = presence_limits(pair);

	switch (a) {
	case PRESENCE_REFUSE:
	case PRESENCE_NONE:
		watch_refuse(pair, a);
		break;

	case PRESENCE_SYNTHETIC:
		pair->synthetic = true;
		pair->known = false;
		ask_wait(ask, ASK_SYNTHETIC, SYNTHETIC_FOR);
		watch_settle(pair);
		break;

	case PRESENCE_AGAIN:
		if (has_lasted(ask) || !ask->failures++) {
			ask_queue(ask, false);
			break;
		}
		/* fall through */
	default:
		ask_later(ask, end->retry_after);
		doubt(pair);
		break;

	case PRESENCE_PAUSE:
		ask_wait(ask, ASK_WAITING,
			 1000ULL * (end->retry_after ? end->retry_after
						     : l->giveup));
		break;

	case PRESENCE_FREEZE:
		ask_enter(ask, ASK_FROZEN);
		break;
	}
}

/* Without the dialog package a phone is just never shown as busy by it. */
static void on_blf_action(struct ask *ask, enum presence_action a,
			  const struct subscribe_end *end)
{
	bool was = watch_is_talking(ask->pair);

	ask->pair->di = mem_deref(ask->pair->di);
	if (a == PRESENCE_AGAIN || a == PRESENCE_LATER || a == PRESENCE_PAUSE)
		on_action(ask, a == PRESENCE_LATER ? PRESENCE_PAUSE : a, end);
	else
		ask_enter(ask, ASK_STOPPED);
	if (was != watch_is_talking(ask->pair))
		watch_show(ask->pair);
}

static void left(struct pair *pair)
{
	pair->from = pair->asked = pair->known = pair->shown = false;
	pair->synthetic = false;
	ask_enter(&pair->base, ASK_IDLE);
	ask_reset(&pair->blf);
	pair_save(pair);
	service_revoke(pair->service, pair->contact, pair->user, true);
}

/* Two phones of a trunk lost what they said they would keep: it was restarted
 * faster than OPTIONS can see.  The others are asked now, not with their next
 * renewal. */
static void lost(struct ask *ask)
{
	const struct pair *pair = ask->pair;
	struct presence *p = pair->p;
	const uint64_t now = tmr_jiffies();
	const bool again =
	    p->lost_trunk == pair->trunk && now - p->lost_at < LOST_WITHIN;

	p->lost_at = now;
	p->lost_trunk = pair->trunk;
	if (!again || !pair->trunk || now < p->lost_until)
		return;

	log_info("presence: trunk %s has forgotten subscriptions: its phones "
		 "are asked again\n",
		 pair->trunk->name);
	p->lost_until = now + LOST_PAUSE;
	watch_renew(p, pair->trunk);
	siptrunk_renew(sipstack_trunk(p->conf.stack, pair->trunk->name));
}

static void ended_h(struct subscription *sub, const struct subscribe_end *end,
		    void *arg)
{
	struct ask *ask = arg;
	struct pair *pair = mem_ref(ask->pair);
	enum presence_action a;
	(void)sub;

	ask->sub = mem_deref(ask->sub);
	if (pair->p->stopping)
		goto out;
	if (ask->state == ASK_ACTIVE && has_lasted(ask))
		ask->failures = 0;
	if (end->code == 481 && ask->state == ASK_ACTIVE)
		lost(ask);

	a = end->code ? presence_on_code(end->code, pair->trunk)
		      : presence_on_reason(end->reason);
	if (end->code || end->reason)
		log_info("presence: %s for %s: %u%s%s: %s\n", pair->contact,
			 pair->user, end->code, end->reason ? " " : "",
			 end->reason ? end->reason : "",
			 presence_action_name(a));
	if (ask->state == ASK_LEAVING)
		left(pair);
	else if (ask->fetch && (a == PRESENCE_AGAIN || a == PRESENCE_LATER))
		ask_enter(ask, ASK_IDLE);
	else if (is_base(ask))
		on_action(ask, a, end);
	else
		on_blf_action(ask, a, end);

out:
	if (mem_nrefs(pair) > 1)
		pair_drop(pair);
	mem_deref(pair);
}

static const struct subscribe_handlers handlers = {notify_h, silent_h, due_h,
						   ended_h};

/* ---- the queue ---- */

static int ask_start(struct ask *ask)
{
	struct pair *pair = ask->pair;
	const struct config_presence *l = presence_limits(pair);
	struct subscribe_conf conf;
	enum stanza_cond cond;
	struct peer to;
	char *as = NULL;
	int err;

	if (ask->sub) { /* in its dialog: the PBX says 481 if it forgot */
		ask->renew = false;
		subscription_refresh(ask->sub);
		return 0;
	}
	cond = route_out(pair->p->conf.route, pair->user, pair->contact, &to,
			 &pair->trunk, &as);
	if (cond)
		return EACCES;

	memset(&conf, 0, sizeof(conf));
	conf.trunk = sipstack_trunk(pair->p->conf.stack, pair->trunk->name);
	conf.uri = to.uri;
	conf.from_uri = as;
	conf.package = is_base(ask) ? &subscribe_presence : &subscribe_dialog;
	conf.expires = ask->fetch ? 0 : l->expires;
	conf.answer = l->answer;
	ask->since = tmr_jiffies();
	ask_enter(ask, ASK_TRYING);
	err = subscription_start(&ask->sub, pair->p->subscribers, &conf,
				 &handlers, ask);
	peer_clear(&to);
	mem_deref(as);

	return err;
}

static void watch_pace(void *arg)
{
	struct presence *p = arg;
	const unsigned rate = p->conf.config->presence.rate;
	const uint64_t now = tmr_jiffies();
	struct ask *ask;

	p->tokens = MIN(p->tokens + (now - p->paced) * rate,
			(uint64_t)MAX(rate, 4u) * 250);
	p->paced = now;
	while (p->tokens >= 1000 && (ask = list_ledata(p->queue.head))) {
		p->tokens -= 1000;
		list_unlink(&ask->le);
		if (ask_start(ask)) {
			ask_later(ask, 0);
			if (is_base(ask))
				doubt(ask->pair);
		}
	}
	if (p->queue.head)
		tmr_start(&p->tmr_pace, PACE_TICK, watch_pace, p);
}

void ask_queue(struct ask *ask, bool fetch)
{
	struct presence *p = ask->pair->p;

	if (p->stopping || ask->le.list)
		return;

	ask->fetch = fetch;
	if (!ask->sub)
		ask_enter(ask, ASK_QUEUED);
	list_append(&p->queue, &ask->le, ask);
	if (!tmr_isrunning(&p->tmr_pace))
		tmr_start(&p->tmr_pace, 0, watch_pace, p);
}

/* ---- a PBX that was away ---- */

static void renew(struct ask *ask)
{
	if (ask->state == ASK_ACTIVE || ask->state == ASK_PENDING ||
	    ask->state == ASK_WAITING)
		ask_queue(ask, false);
}

static bool renew_of(struct le *le, void *arg)
{
	struct pair *pair = le->data;

	if (pair->trunk == arg) {
		renew(&pair->base);
		renew(&pair->blf);
	}

	return false;
}

static void watch_renew(struct presence *p, const struct config_trunk *trunk)
{
	union {
		const struct config_trunk *in;
		void *out;
	} u = {.in = trunk};

	(void)hash_apply(p->pairs, renew_of, u.out);
}

void watch_trunks(void *arg)
{
	struct presence *p = arg;
	const struct config *c = p->conf.config;

	for (size_t i = 0; i < c->trunkc && i < 64; i++) {
		const bool up = siptrunk_up(
		    sipstack_trunk(p->conf.stack, c->trunk[i].name));
		const uint64_t bit = (uint64_t)1 << i;

		if (up && !(p->trunks_up & bit)) {
			log_info("presence: trunk %s is back: its phones are "
				 "asked again\n",
				 c->trunk[i].name);
			watch_renew(p, &c->trunk[i]);
		}
		p->trunks_up = up ? p->trunks_up | bit : p->trunks_up & ~bit;
	}
	tmr_start(&p->tmr_trunks, TRUNKS_TICK, watch_trunks, p);
}

/* ---- another configuration ---- */

static bool differ(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) != 0 : a != b;
}

/* Leaves the dialog where it is. */
static void ask_anew(struct ask *ask)
{
	if (ask->state != ASK_TRYING && ask->state != ASK_PENDING &&
	    ask->state != ASK_ACTIVE && ask->state != ASK_WAITING &&
	    ask->state != ASK_SYNTHETIC)
		return;

	ask_reset(ask);
	ask_queue(ask, ask->fetch);
}

static bool trunk_again(struct le *le, void *arg)
{
	struct pair *pair = le->data;
	const struct sipstack *stack = pair->p->conf.stack;
	const struct config_trunk *was = pair->trunk;

	(void)arg;
	if (!was)
		return false;

	pair->trunk = sipstack_conf(stack, was->name);
	if (!sipstack_trunk(stack, was->name) || !pair->trunk ||
	    differ(was->uri, pair->trunk->uri) ||
	    differ(was->outbound_proxy, pair->trunk->outbound_proxy)) {
		ask_anew(&pair->base);
		ask_anew(&pair->blf);
	}

	return false;
}

void presence_renew(struct presence *p)
{
	(void)hash_apply(p->pairs, trunk_again, NULL);
	p->trunks_up = UINT64_MAX; /* in another order perhaps */
}
