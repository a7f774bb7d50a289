/* account_try.c: an account is tried before it is kept, and its user is told
 * in words what became of that. */
#include <errno.h>
#include <string.h>
#include "base/log.h"
#include "bridge/account_priv.h"

struct trial { /* a mem_ref object: of the list, and of the store's answer */
	struct le le;
	struct accounts *a;  /* not referenced; NULL: it is over */
	struct account *acc; /* referenced */
	struct account *old; /* referenced; may be acc itself: a test */
	account_done_h *h;
	void *arg; /* a mem_ref object, referenced */
	struct tmr tmr;
	bool storing;
};

static void destructor(void *arg)
{
	struct trial *t = arg;

	tmr_cancel(&t->tmr);
	list_unlink(&t->le);
	mem_deref(t->acc);
	mem_deref(t->old);
	mem_deref(t->arg);
}

static void finish(struct trial *t, enum stanza_cond cond, const char *text)
{
	account_done_h *h = t->h;

	tmr_cancel(&t->tmr);
	t->h = NULL;
	if (h)
		h(cond, text, t->acc, t->arg);
	if (t->a) {
		t->a = NULL;
		mem_deref(t); /* the list's reference */
	}
}

/* ---- what the registrar said ---- */

static enum stanza_cond event_cond(const struct sipline_event *ev)
{
	switch (ev->code) {
	case 401:
	case 403:
	case 407:
		return COND_NOT_AUTHORIZED; /* G.3 */
	case 404:
		return COND_ITEM_NOT_FOUND;
	case 0:
		return COND_REMOTE_SERVER_NOT_FOUND;
	case 408:
		return COND_REMOTE_SERVER_TIMEOUT;
	default:
		return COND_NOT_ACCEPTABLE;
	}
}

/* The account that was there before goes on as it was. */
static void take_back(struct trial *t)
{
	struct account *acc = t->acc, *old = t->old;

	if (old && acc->slot == old->slot) {
		if (acc != old)
			(void)sipline_password(old->slot->line, old->auth,
					       old->password);
		if (sipline_start(old->slot->line, true, NULL, NULL))
			log_warning("account: %H is not registered: no "
				    "memory\n",
				    account_print, old);
	} else {
		sipline_stop(acc->slot->line);
	}
}

static void failed(struct trial *t, enum stanza_cond cond, const char *text,
		   unsigned code)
{
	char words[160];

	(void)re_snprintf(words, sizeof(words), "%s", text);
	if (code && code != 408)
		(void)re_snprintf(words, sizeof(words), "%s (SIP %u)", text,
				  code);
	log_info("account: %s: %H: %s\n", t->acc->owner->jid, account_print,
		 t->acc, words);
	if (t->acc != t->old)
		take_back(t);
	finish(t, cond, words);
}

/* ---- keeping it ---- */

static void store_timeout(void *arg)
{
	struct trial *t = arg;

	finish(
	    t, COND_RESOURCE_CONSTRAINT,
	    "the account works, but the gateway's disk takes no writes now; "
	    "it is kept once that is over");
}

static void stored(int err, void *arg)
{
	struct trial *t = arg;

	t->acc->stored = !err;
	if (!t->a)
		return;
	if (err)
		finish(t, COND_INTERNAL_SERVER_ERROR,
		       "the account works, but cannot be kept");
	else
		finish(t, COND_NONE, NULL);
}

/* The new one takes the place of the old, with its number. */
static void replace(struct trial *t)
{
	struct account *acc = t->acc, *old = t->old;

	acc->id = old ? old->id : ++t->a->last_id;
	if (old) {
		account_mwi_stop(old);
		account_publish_stop(old);
		if (old->slot != acc->slot)
			sipline_stop(old->slot->line);
		account_drop(old);
	}
	mem_ref(acc);
	account_add(acc);
	account_mwi_start(acc);
	account_publish_start(acc, NULL);
}

static void registered(struct trial *t)
{
	struct account *acc = t->acc;
	int err;

	if (acc == t->old) {
		finish(t, COND_NONE, NULL);
		return;
	}

	replace(t);
	log_info("account: %s: %H is registered\n", acc->owner->jid,
		 account_print, acc);
	t->storing = true;
	tmr_start(&t->tmr, STORE_WAIT, store_timeout, t);
	err = account_save(acc, stored, t);
	if (err)
		finish(t, COND_RESOURCE_CONSTRAINT,
		       "the account works, but cannot be kept");
}

static void event_handler(const struct sipline_event *ev, void *arg)
{
	struct trial *t = arg;

	if (!t->a || t->storing)
		return;

	mem_ref(t);
	/* from here on it is an account like others */
	if (ev->state == SIPLINE_UP) {
		sipline_listen(t->acc->slot->line, NULL, NULL);
		registered(t);
	} else {
		sipline_listen(t->acc->slot->line, NULL, NULL);
		failed(t, event_cond(ev), ev->text, ev->code);
	}
	mem_deref(t);
}

static void timed_out(void *arg)
{
	struct trial *t = arg;

	mem_ref(t);
	sipline_listen(t->acc->slot->line, NULL, NULL);
	failed(t, COND_REMOTE_SERVER_TIMEOUT, "the registrar does not answer",
	       0);
	mem_deref(t);
}

static bool is_trying(const struct accounts *a, const struct slot *slot)
{
	struct le *le;

	LIST_FOREACH (&a->trials, le) {
		const struct trial *t = le->data;

		if (t->acc->slot == slot)
			return true;
	}

	return false;
}

static int trial_start(struct account *acc, struct account *old,
		       account_done_h *h, void *arg)
{
	struct accounts *a = acc->owner->a;
	struct trial *t;
	int err;

	if (list_count(&a->trials) >= TRIALS_MAX || is_trying(a, acc->slot))
		return EBUSY;

	t = mem_zalloc(sizeof(*t), destructor);
	if (!t)
		return ENOMEM;

	t->acc = mem_ref(acc);
	t->old = mem_ref(old);
	t->h = h;
	t->arg = mem_ref(arg);
	if (acc != old)
		err = sipline_password(acc->slot->line, acc->auth,
				       acc->password);
	else
		err = 0;
	if (!err)
		err = sipline_start(acc->slot->line, false, event_handler, t);
	if (err) {
		t->h = NULL;
		mem_deref(t);
		return err;
	}

	t->a = a;
	list_append(&a->trials, &t->le, t);
	tmr_start(&t->tmr,
		  (uint64_t)a->conf.config->account.register_wait * 1000,
		  timed_out, t);

	return 0;
}

int account_try(struct account *acc, struct account *old, account_done_h *h,
		void *arg)
{
	int err;

	err = account_line(acc, NULL);
	/* another account of the user has that line */
	if (!err && acc->slot->account && acc->slot->account != old)
		err = EEXIST;
	if (!err)
		err = trial_start(acc, old, h, arg);
	mem_deref(acc); /* the trial has its own */

	return err;
}

int account_test(struct account *acc, account_done_h *h, void *arg)
{
	account_attend_stop(acc); /* who asks is there */

	return trial_start(acc, acc, h, arg);
}

/* Nothing may come back by a trial of it. */
static void trials_end(struct account *acc)
{
	struct le *le = acc->owner->a->trials.head;

	while (le) {
		struct trial *t = le->data;

		le = le->next;
		if (t->old != acc || t->storing)
			continue;
		sipline_listen(t->acc->slot->line, NULL, NULL);
		sipline_stop(t->acc->slot->line);
		finish(t, COND_ITEM_NOT_FOUND,
		       "the account was removed meanwhile");
	}
}

void account_remove(struct account *acc)
{
	trials_end(acc);
	log_info("account: %s: %H is removed\n", acc->owner->jid,
		 account_print, acc);
	account_mwi_stop(acc);
	account_publish_stop(acc);
	sipline_stop(acc->slot->line);
	if (account_forget(acc))
		log_error("account: %H is not removed from the store\n",
			  account_print, acc);
	account_drop(acc);
}

void account_trials_close(struct accounts *a)
{
	struct trial *t;

	while ((t = list_ledata(a->trials.head))) {
		t->a = NULL;
		t->h = NULL;
		tmr_cancel(&t->tmr);
		sipline_listen(t->acc->slot->line, NULL, NULL);
		list_unlink(&t->le);
		mem_deref(t);
	}
}

unsigned account_trials(const struct owner *o)
{
	unsigned n = 0;
	struct le *le;

	LIST_FOREACH (&o->a->trials, le) {
		const struct trial *t = le->data;

		n += t->acc->owner == o && !t->old && !t->acc->le.list;
	}

	return n;
}
