/* account_list.c: users' accounts, for who looks at them from outside. */
#include "bridge/account_priv.h"

struct listing {
	account_info_h *h;
	void *arg;
	bool stopped;
};

static bool account_tell(const struct account *acc, struct listing *l)
{
	char name[2 * ACCOUNT_TEXT_MAX + 2], state[256];
	struct account_info info = {acc->owner->jid, acc->gateway, name, state,
				    false,	     acc->messages};
	struct sipline_event ev;

	sipline_event(acc->slot ? acc->slot->line : NULL, &ev);
	info.up = ev.state == SIPLINE_UP;
	if (re_snprintf(name, sizeof(name), "%H", account_print, acc) < 0)
		name[0] = '\0';
	if (re_snprintf(state, sizeof(state), "%H", account_print_state, acc) <
	    0)
		state[0] = '\0';

	return l->h(&info, l->arg);
}

static bool owner_tell(struct le *le, void *arg)
{
	const struct owner *o = le->data;
	struct listing *l = arg;
	struct le *la;

	LIST_FOREACH (&o->accounts, la) {
		if (account_tell(la->data, l))
			return l->stopped = true;
	}

	return false;
}

void accounts_apply(const struct accounts *a, const char *user,
		    account_info_h *h, void *arg)
{
	struct listing l = {h, arg, false};
	struct owner *o;

	if (!a)
		return;
	if (!user) {
		(void)hash_apply(a->owners, owner_tell, &l);
		return;
	}

	o = owner_find(a, user);
	if (o)
		(void)owner_tell(&o->he, &l);
}
