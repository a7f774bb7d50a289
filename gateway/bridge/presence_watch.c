/* presence_watch.c: XMPP users watch SIP contacts (protocol C.1): what they do,
 * and what they are shown. */
#include "bridge/presence_priv.h"
#include <string.h>
#include "base/log.h"

void watch_init(struct pair *pair)
{
	pair->base.pair = pair->blf.pair = pair;
}

void watch_close(struct pair *pair)
{
	tmr_cancel(&pair->tmr_grace);
	tmr_cancel(&pair->tmr_show);
	if (pair->base.pair)
		ask_reset(&pair->base);
	if (pair->blf.pair)
		ask_reset(&pair->blf);
}

void watch_stop(struct pair *pair)
{
	const struct service_status gone = {.open = false, .show = ""};

	watch_close(pair);
	serve_close(pair);
	if (pair->shown)
		service_contact_show(pair->service, pair->contact, pair->user,
				     &gone);
	pair->shown = false;
}

/* ---- what the user sees ---- */

bool watch_is_talking(const struct pair *pair)
{
	return (pair->di && dialoginfo_busy(pair->di)) ||
	       presence_busy(pair->p, pair->contact);
}

/* What is known, or assumed, with the calls on top.  False: nothing is. */
static bool watch_effective(const struct pair *pair,
			    struct service_status *out)
{
	const struct pidf_status *st = &pair->status;
	enum pidf_show show = st->show;

	memset(out, 0, sizeof(*out));
	out->show = "";
	if (!pair->known && !pair->synthetic)
		return false;

	out->open = !pair->known || st->open;
	if (pair->known) {
		out->text = st->text;
		out->lang = st->lang;
		out->priority = st->priority;
	}
	if (!out->open && pair->trunk && pair->trunk->closed_xa) {
		out->open = true;
		show = PIDF_SHOW_XA;
	}
	if (out->open && (watch_is_talking(pair) || st->phone)) {
		show = PIDF_SHOW_DND;
		if (!out->text)
			out->text = "On the phone";
	}
	out->show = pidf_show_name(show);

	return true;
}

static void show_timeout(void *arg)
{
	watch_show(arg);
}

/* Nobody's NOTIFYs shall become a flood of presence. */
static bool show_is_due(struct pair *pair)
{
	enum { AHEAD = (SHOW_BURST - 1) * SHOW_EVERY };
	const uint64_t now = tmr_jiffies();

	if (pair->show_tat > now + AHEAD) {
		if (!tmr_isrunning(&pair->tmr_show))
			tmr_start(&pair->tmr_show,
				  pair->show_tat - now - AHEAD, show_timeout,
				  pair);
		return false;
	}

	pair->show_tat = MAX(pair->show_tat, now) + SHOW_EVERY;
	tmr_cancel(&pair->tmr_show);

	return true;
}

void watch_show(struct pair *pair)
{
	struct service_status st;

	if (!pair->from || !watch_effective(pair, &st) || !show_is_due(pair))
		return;

	pair->shown = st.open;
	service_contact_show(pair->service, pair->contact, pair->user, &st);
}

/* The contact lets itself be seen. */
void watch_settle(struct pair *pair)
{
	struct service_status st;

	if (!pair->asked) {
		watch_show(pair);
		return;
	}
	if (!watch_effective(pair, &st))
		return;

	pair->asked = false;
	pair->from = true;
	pair->shown = st.open;
	pair_save(pair);
	service_accept(pair->service, pair->contact, pair->user, &st);
}

void watch_refuse(struct pair *pair, enum presence_action a)
{
	log_info("presence: %s may not see %s%s\n", pair->user, pair->contact,
		 a == PRESENCE_NONE ? ", who does not exist" : "");
	ask_reset(&pair->base);
	ask_reset(&pair->blf);
	if (a == PRESENCE_NONE && pair->asked)
		service_reject(pair->service, pair->contact, pair->user);
	pair->from = pair->asked = pair->known = pair->shown = false;
	pair->synthetic = false;
	pair_save(pair);
	service_revoke(pair->service, pair->contact, pair->user,
		       !pair->to && list_isempty(&pair->onlookers));
}

/* ---- what the user does ---- */

static bool any_blf(const struct config *c)
{
	for (size_t i = 0; i < c->trunkc; i++) {
		if (c->trunk[i].blf)
			return true;
	}

	return false;
}

static void begin(struct pair *pair, bool fetch)
{
	const struct config_trunk *trunk = NULL;
	struct peer to;
	char *as = NULL;

	tmr_cancel(&pair->tmr_grace);
	if (!pair->base.sub)
		ask_queue(&pair->base, fetch);
	if (fetch || pair->blf.sub || !any_blf(pair->p->conf.config))
		return;

	if (!route_out(pair->p->conf.route, pair->user, pair->contact, &to,
		       &trunk, &as) &&
	    trunk->blf)
		ask_queue(&pair->blf, false);
	peer_clear(&to);
	mem_deref(as);
}

static void probe_timeout(void *arg)
{
	struct pair *pair = arg;

	begin(pair, !service_online(pair->service, pair->user));
}

static void on_probe(struct pair *pair)
{
	struct service_status st;

	if (!pair->from) { /* the user's server would not ask otherwise */
		pair->from = true;
		pair_save(pair);
	}
	switch (pair->base.state) {
	case ASK_IDLE:
	case ASK_STOPPED:
		if (service_online(pair->service, pair->user))
			begin(pair, false);
		else /* a log-in says more in a moment */
			tmr_start(&pair->tmr_grace, PROBE_WAIT, probe_timeout,
				  pair);
		break;

	case ASK_PENDING:
		break;

	default:
		tmr_cancel(&pair->tmr_grace);
		if (watch_effective(pair, &st))
			watch_show(pair);
		break;
	}
}

static void on_subscribe(struct pair *pair)
{
	pair->asked = true;
	switch (pair->base.state) {
	case ASK_ACTIVE:
	case ASK_FROZEN:
		watch_settle(pair);
		break;

	case ASK_QUEUED:
	case ASK_TRYING:
	case ASK_PENDING:
		break;

	case ASK_LEAVING: /* it has changed its mind */
		ask_reset(&pair->base);
		/* fall through */
	default:
		begin(pair, false);
		break;
	}
}

/* True: the rest is done when the phone has answered. */
static bool on_unsubscribe(struct pair *pair)
{
	struct subscription *sub = pair->base.sub;

	tmr_cancel(&pair->tmr_grace);
	ask_reset(&pair->blf);
	if (!sub) {
		ask_reset(&pair->base);
		pair->from = pair->asked = pair->known = false;
		pair->shown = pair->synthetic = false;
		pair_save(pair);
		return false;
	}

	ask_enter(&pair->base, ASK_LEAVING);
	subscription_leave(sub);

	return true;
}

static bool is_idle(const struct pair *pair)
{
	return pair->base.state == ASK_IDLE || pair->base.state == ASK_STOPPED;
}

void watch_online(struct pair *pair)
{
	if (pair->from && is_idle(pair))
		begin(pair, false);
}

/* Who is there for one contact is there for all. */
static bool on_available(struct pair *pair)
{
	if (!pair->from)
		return false;

	if (tmr_isrunning(&pair->tmr_grace))
		tmr_cancel(&pair->tmr_grace);
	if (is_idle(pair))
		pairs_apply(pair->p, pair->user, NULL, watch_online);

	return pair->base.state != ASK_SYNTHETIC || watch_is_talking(pair);
}

bool watch_event(struct pair *pair, enum service_event ev)
{
	switch (ev) {
	case SERVICE_SUBSCRIBE:
		on_subscribe(pair);
		return true;
	case SERVICE_UNSUBSCRIBE:
		return on_unsubscribe(pair);
	case SERVICE_PROBE:
		on_probe(pair);
		return true;
	case SERVICE_AVAILABLE:
		return on_available(pair);
	case SERVICE_SYNC:
		watch_show(pair);
		return true;
	case SERVICE_SHOWN:
		return pair->shown;
	default:
		return false;
	}
}

static void grace_timeout(void *arg)
{
	struct pair *pair = arg;

	if (service_online(pair->service, pair->user))
		return;

	ask_reset(&pair->base);
	ask_reset(&pair->blf);
	pair->known = false;
	pair_drop(pair);
}

void watch_offline(struct pair *pair)
{
	if (pair->base.state == ASK_IDLE && pair->blf.state == ASK_IDLE)
		return;

	tmr_start(&pair->tmr_grace,
		  (uint64_t)presence_limits(pair)->grace * 1000, grace_timeout,
		  pair);
}
