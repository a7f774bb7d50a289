/* account_route.c: calls and messages through users' accounts. */
#include <ctype.h>
#include <string.h>
#include "base/text.h"
#include "bridge/account_priv.h"

static bool is_up(const struct account *acc)
{
	struct sipline_event ev;

	sipline_event(acc->slot->line, &ev);

	return ev.state == SIPLINE_UP;
}

/* The account of that domain, else the first that works, else the first. */
static struct account *choose(const struct owner *o, const char *gateway,
			      const char *domain)
{
	struct account *acc, *works = NULL;

	for (unsigned n = 0; (acc = account_nth(o, gateway, n)); n++) {
		if (domain && !str_casecmp(acc->domain, domain))
			return acc;
		if (!works && is_up(acc))
			works = acc;
	}

	return works ? works : account_nth(o, gateway, 0);
}

static bool out(const char *user, const char *gateway, const char *dialled,
		struct route_line *line, void *arg)
{
	const struct owner *o = owner_find(arg, user);
	const char *at = strrchr(dialled, '@');
	const struct account *acc;
	int err;

	acc = o ? choose(o, gateway, at ? at + 1 : NULL) : NULL;
	if (!acc)
		return false;

	memset(line, 0, sizeof(*line));
	line->trunk = acc->slot->conf;
	line->name = acc->name;
	line->privacy = acc->privacy;
	err = re_sdprintf(&line->as, "sip:%H@%s", text_print_sip_user,
			  acc->username, acc->domain);
	if (!err && at) {
		const struct pl local = {dialled, (size_t)(at - dialled)};
		char *name = NULL;

		err = pl_strdup(&name, &local);
		if (!err)
			err = re_sdprintf(&line->uri, "sip:%H@%s",
					  text_print_sip_user, name, at + 1);
		mem_deref(name);
	} else if (!err) {
		err = re_sdprintf(&line->uri, "sip:%H@%s", text_print_sip_user,
				  dialled, acc->domain);
	}
	if (err) {
		line->as = mem_deref(line->as);
		line->uri = mem_deref(line->uri);
	}

	return !err;
}

static bool is_conf(struct le *le, void *arg)
{
	const struct slot *s = le->data;

	return s->conf == arg;
}

static const struct slot *slot_of(const struct accounts *a,
				  const struct config_trunk *trunk)
{
	union {
		const struct config_trunk *in;
		struct config_trunk *out;
	} u = {.in = trunk};

	return list_ledata(
	    hash_lookup(a->slots, hash_joaat((uint8_t *)&u.in, sizeof(u.in)),
			is_conf, u.out));
}

struct account *account_of_line(const struct accounts *a,
				const struct config_trunk *conf)
{
	const struct slot *s = conf ? slot_of(a, conf) : NULL;

	return s ? s->account : NULL;
}

static bool in(const struct config_trunk *trunk, struct route_owner *owner,
	       void *arg)
{
	const struct slot *s = slot_of(arg, trunk);

	if (!s)
		return false;

	owner->user = s->account ? s->owner->jid : NULL;
	owner->gateway = s->account ? s->account->gateway : NULL;
	owner->domain = s->account ? s->account->domain : NULL;

	return true;
}

static bool dnd(const char *user, void *arg)
{
	const struct owner *o = owner_find(arg, user);

	return o && o->dnd;
}

const struct route_accounts account_routes = {out, in, dnd};
