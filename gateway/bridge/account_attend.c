/* account_attend.c: with stay_registered = no an account is registered while
 * its user shows itself to the gateway, and a while longer (X0100 4.4, 4.5,
 * D52). */
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

	acc->away = false;
	if (sipline_start(acc->slot->line, true, NULL, NULL))
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

void account_attend_stop(struct account *acc)
{
	tmr_cancel(&acc->tmr_away);
	acc->away = false;
}
