/* account_line.c: the lines of accounts, which are never freed: calls may point
 * to them for long.  Of one user they are few, and used again. */
#include <errno.h>
#include <string.h>
#include "base/id.h"
#include "bridge/account_priv.h"

static void slot_destructor(void *arg)
{
	struct slot *s = arg;

	list_unlink(&s->le);
	hash_unlink(&s->he);
	mem_deref(s->conf);
}

static const char *transport_param(const struct account *acc)
{
	return !strcmp(acc->transport, "tcp")	? ";transport=tcp"
	       : !strcmp(acc->transport, "tls") ? ";transport=tls"
	       : !strcmp(acc->transport, "udp") ? ";transport=udp"
						: "";
}

static int line_conf(struct config_trunk **cp, const struct account *acc)
{
	struct accounts *a = acc->owner->a;
	const struct config *config = a->conf.config;
	struct config_trunk *t;
	int err;

	err = config_trunk_alloc(
	    &t, config_trunk_find(config, config->account.like));
	if (err)
		return err;

	t->reg = true;
	t->tls = !strcmp(acc->transport, "tls");
	t->password = mem_ref(acc->password);
	err = re_sdprintf(&t->name, "account %u", ++a->last_line);
	if (!err)
		err = str_dup(&t->username, acc->username);
	if (!err)
		err = re_sdprintf(&t->uri, "sip:%s%s", acc->domain,
				  transport_param(acc));
	if (!err && acc->proxy)
		err = re_sdprintf(&t->outbound_proxy, "sip:%s%s", acc->proxy,
				  transport_param(acc));
	if (err)
		mem_deref(t);
	else
		*cp = t;

	return err;
}

static bool same_line(const struct slot *s, const struct config_trunk *conf)
{
	const char *p = s->conf->outbound_proxy, *q = conf->outbound_proxy;

	return !strcmp(s->conf->uri, conf->uri) &&
	       !strcmp(s->conf->username, conf->username) &&
	       !strcmp(p ? p : "", q ? q : "");
}

static struct slot *slot_reuse(struct account *acc,
			       const struct config_trunk *conf)
{
	struct le *le;

	LIST_FOREACH (&acc->owner->slots, le) {
		struct slot *s = le->data;

		if (same_line(s, conf))
			return s;
	}

	return NULL;
}

static int slot_new(struct slot **sp, struct account *acc,
		    struct config_trunk *conf, const char *token)
{
	struct owner *o = acc->owner;
	const char *hop = acc->proxy ? acc->proxy : acc->domain;
	struct slot *s;
	int err;

	s = mem_zalloc(sizeof(*s), slot_destructor);
	if (!s)
		return ENOMEM;

	s->owner = o;
	s->conf = mem_ref(conf);
	if (token)
		str_ncpy(s->token, token, sizeof(s->token));
	else
		id_token(s->token, sizeof(s->token));
	err = sipline_alloc(&s->line, o->a->conf.stack, conf, acc->auth,
			    s->token, !account_is_named(o->a, hop));
	if (err) {
		mem_deref(s);
		return err;
	}

	list_append(&o->slots, &s->le, s);
	hash_append(o->a->slots, hash_joaat((uint8_t *)&conf, sizeof(conf)),
		    &s->he, s);
	*sp = s;

	return 0;
}

int account_line(struct account *acc, const char *token)
{
	struct config_trunk *conf;
	int err;

	err = line_conf(&conf, acc);
	if (err)
		return err;

	acc->slot = slot_reuse(acc, conf);
	if (!acc->slot && list_count(&acc->owner->slots) >= SLOTS_MAX)
		err = ENOSPC;
	else if (!acc->slot)
		err = slot_new(&acc->slot, acc, conf, token);
	mem_deref(conf);

	return err;
}
