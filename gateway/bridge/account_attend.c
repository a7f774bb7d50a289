/* account_attend.c: with stay_registered = no an account is registered while
 * its user shows itself to the gateway, and a while longer (X0100 4.4, 4.5,
 * D52); what another configuration means for the accounts that there are. */
#include "base/log.h"
#include "bridge/account_priv.h"

static bool stays(const struct account *acc)
{
	return acc->owner->a->conf.config->account.stay;
}

int account_attend(struct account *acc)
{
	acc->away = !stays(acc);

	return acc->away ? 0
			 : sipline_start(acc->slot->line, true, NULL, NULL);
}

static void away_h(void *arg)
{
	struct account *acc = arg;

	log_info("account: %s is offline: %H is not registered for now\n",
		 acc->owner->jid, account_print, acc);
	acc->away = true;
	sipline_stop(acc->slot->line);
}

static void come(struct account *acc)
{
	tmr_cancel(&acc->tmr_away);
	if (!acc->away)
		return;

	acc->away = sipline_start(acc->slot->line, true, NULL, NULL) != 0;
	if (acc->away) /* its next presence tries again */
		log_warning("account: %H is not registered: no memory\n",
			    account_print, acc);
}

/* A client that comes back at once costs no two REGISTERs. */
static void go(struct account *acc)
{
	const unsigned s = acc->owner->a->conf.config->presence.grace;

	if (!stays(acc) && !acc->away)
		tmr_start(&acc->tmr_away, (uint64_t)s * 1000, away_h, acc);
}

void account_attend_event(struct owner *o, enum service_event ev)
{
	struct le *le;

	LIST_FOREACH (&o->accounts, le) {
		if (ev == SERVICE_AVAILABLE)
			come(le->data);
		else
			go(le->data);
	}
}

/* Of a gateway that is not connected nobody knows who is there. */
static bool is_offline(const struct account *acc)
{
	const struct portal_face *f = face_find(acc->owner->a, acc->gateway);

	return f && f->service && service_up(f->service) &&
	       !service_online(f->service, acc->owner->jid);
}

static void attend_renew(struct account *acc)
{
	if (stays(acc))
		come(acc);
	else if (is_offline(acc) && !tmr_isrunning(&acc->tmr_away))
		go(acc);
}

/* What is asked of its provider, and told there. */
static void packages_renew(struct account *acc)
{
	const struct config_account *conf =
	    &acc->owner->a->conf.config->account;
	const bool away = acc->away;

	if (!conf->mwi)
		account_mwi_stop(acc);
	else if (!acc->mwi && !tmr_isrunning(&acc->tmr_mwi))
		account_mwi_start(acc);
	if (conf->publish && !acc->pub) {
		account_publish_start(acc, NULL);
	} else if (!conf->publish && acc->pub) {
		account_publish_stop(acc);
		acc->away = away;
	}
}

static bool renew(struct le *le, void *arg)
{
	const struct owner *o = le->data;
	(void)arg;

	LIST_FOREACH (&o->accounts, le) {
		packages_renew(le->data);
		attend_renew(le->data);
	}

	return false;
}

void accounts_renew(struct accounts *a)
{
	if (a)
		(void)hash_apply(a->owners, renew, NULL);
}

void account_attend_stop(struct account *acc)
{
	tmr_cancel(&acc->tmr_away);
	acc->away = false;
}
