/* account_mwi.c: voice messages that wait at a provider (D47): a headline once
 * for each increase, and a line in the gateway's status. */
#include <errno.h>
#include <string.h>
#include "base/id.h"
#include "base/log.h"
#include "bridge/account_priv.h"
#include "sip/mwi.h"

enum {
	EXPIRES = 3600,	     /* s; protocol I */
	ANSWER = 32,	     /* s; Timer N */
	NOT_YET = 30 * 1000, /* ms; while the account is not registered */
	AGAIN = 600 * 1000,  /* ms; after a failure that may pass */
	SOON = 1000,	     /* ms; after the registration */
};

static void ask_h(void *arg);

/* Never all at once: as REGISTERs are. */
static uint64_t spread(const struct accounts *a, uint64_t ms)
{
	const unsigned rate = a->conf.config->account.register_rate;
	const uint64_t over = (uint64_t)a->accountc * 1000 / (rate ? rate : 1);

	return ms + (over ? id_random() % over : 0);
}

static void show_status(struct account *acc)
{
	struct accounts *a = acc->owner->a;
	struct portal_face *f = face_find(a, acc->gateway);
	struct service_status st = {.open = true, .show = ""};
	unsigned n = 0;
	char text[64];
	struct le *le;

	LIST_FOREACH (&acc->owner->accounts, le) {
		const struct account *o = le->data;

		n += o->messages;
	}
	(void)re_snprintf(text, sizeof(text), "%u voice message%s", n,
			  n == 1 ? "" : "s");
	if (n)
		st.text = text;
	if (f && f->service)
		service_contact_show(f->service, acc->gateway, acc->owner->jid,
				     &st);
}

static void summary(struct account *acc, const struct mwi *m)
{
	const unsigned n = m->waiting ? MAX(m->fresh, 1u) : 0;

	if (n > acc->messages)
		account_say(acc->owner->a, acc->gateway, acc->gateway,
			    acc->owner->jid, "headline",
			    "%u new voice message%s for %s@%s", n,
			    n == 1 ? "" : "s", acc->username, acc->domain);
	if (n == acc->messages)
		return;

	acc->messages = n;
	show_status(acc);
}

/* ---- as asked for ---- */

static void on_notify(struct subscription *sub, bool pending,
		      const struct pl *body, void *arg)
{
	struct mwi m;
	(void)sub;

	if (!pending && body->l && !mwi_decode(&m, body))
		summary(arg, &m);
}

static void on_silent(struct subscription *sub, void *arg)
{
	(void)sub;
	(void)arg;
}

static void on_due(struct subscription *sub, void *arg)
{
	(void)arg;
	subscription_refresh(sub);
}

/* Most providers have no such package, and tell by themselves or never. */
static void on_ended(struct subscription *sub, const struct subscribe_end *end,
		     void *arg)
{
	struct account *acc = arg;
	(void)sub;

	acc->mwi = mem_deref(acc->mwi);
	if (end->code >= 400 && end->code < 500 && end->code != 408 &&
	    end->code != 480 && end->code != 481)
		return;

	tmr_start(&acc->tmr_mwi, spread(acc->owner->a, AGAIN), ask_h, acc);
}

static const struct subscribe_handlers handlers = {on_notify, on_silent,
						   on_due, on_ended};

static void ask_h(void *arg)
{
	struct account *acc = arg;
	struct accounts *a = acc->owner->a;
	struct subscribe_conf conf;
	struct sipline_event ev;
	char *aor = NULL;

	sipline_event(acc->slot->line, &ev);
	if (ev.state != SIPLINE_UP) {
		tmr_start(&acc->tmr_mwi, spread(a, NOT_YET), ask_h, acc);
		return;
	}
	if (siptrunk_aor(&aor, acc->slot->line, acc->username))
		return;

	memset(&conf, 0, sizeof(conf));
	conf.trunk = acc->slot->line;
	conf.uri = aor;
	conf.from_uri = aor;
	conf.package = &mwi_package;
	conf.expires = EXPIRES;
	conf.answer = ANSWER;
	if (subscription_start(&acc->mwi, a->subscribers, &conf, &handlers,
			       acc))
		tmr_start(&acc->tmr_mwi, AGAIN, ask_h, acc);
	mem_deref(aor);
}

void account_mwi_start(struct account *acc)
{
	struct accounts *a = acc->owner->a;

	if (a->conf.config->account.mwi)
		tmr_start(&acc->tmr_mwi, spread(a, SOON), ask_h, acc);
}

void account_mwi_stop(struct account *acc)
{
	struct subscription *sub = acc->mwi;

	tmr_cancel(&acc->tmr_mwi);
	acc->mwi = NULL;
	subscription_drop(sub);
}

/* ---- unasked ---- */

static void unasked(const struct config_trunk *line, const struct mwi *m,
		    void *arg)
{
	struct account *acc = account_of_line(arg, line);

	if (acc)
		summary(acc, m);
}

int account_mwi_listen(struct accounts *a)
{
	a->listener.h = unasked;
	a->listener.arg = a;
	if (mwi_listen(a->conf.stack, &a->listener))
		return ENOMEM;

	return subscribers_alloc(&a->subscribers, a->conf.stack);
}
