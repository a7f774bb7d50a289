/* reload.c: another configuration for a gateway at work. */
#include "admin/reload.h"
#include <errno.h>
#include <string.h>
#include "admin/hep.h"
#include "base/log.h"
#include "base/trace.h"
#include "sip/renew.h"

struct incoming { /* what is to hold, all checked */
	struct config *config;
	struct route *route;
	struct siprenewal *sip;
};

static void incoming_clear(struct incoming *in)
{
	in->config = mem_deref(in->config);
	in->route = mem_deref(in->route);
	in->sip = mem_deref(in->sip);
}

/* Every mistake at once, as at the start. */
static int incoming_read(struct incoming *in, const struct gateway *gw,
			 struct re_printf *pf)
{
	int err, e;

	err = config_load(&in->config, gw->config->file, pf);
	if (err)
		return err;

	err = config_fixed_check(gw->config, in->config, pf);
	e = route_alloc(&in->route, in->config, pf);
	err = err ? err : e;
	e = siprenewal_alloc(&in->sip, gw->stack, in->config, pf);

	return err ? err : e;
}

static void portals_renew(struct gateway *gw)
{
	const struct config *c = gw->config;

	for (size_t i = 0; i < c->xmppc; i++) {
		struct portal *p = &gw->portals[i];

		p->conf = &c->xmpp[i];
		component_renew(p->component, p->conf, &c->limits);
		jingle_limits(p->jingle, &c->limits);
	}
}

/* Nothing of this can fail. */
static void take_over(struct gateway *gw, struct incoming *in)
{
	void *old = config_hold(gw->config);

	config_replace(gw->config, in->config);
	route_replace(gw->route, in->route);
	siprenewal_apply(in->sip);
	in->config = NULL;
	in->route = NULL;
	policy_renew(gw->policy, gw->config);
	shed_renew(gw->shed);
	sipcalls_limits(gw->sipcalls, &gw->config->limits);
	portals_renew(gw);
	presence_renew(gw->presence);
	accounts_renew(gw->accounts);
	chat_renew(gw->chat);
	config_log_apply(gw->config);
	(void)hep_apply(&gw->hep, gw->config, gw->engine);
	mem_deref(old);
}

void reload_problems(const struct mbuf *mb, const char *area)
{
	const char *p = (const char *)mb->buf, *end = p + mb->end;

	while (p < end) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));
		const size_t len = (size_t)((nl ? nl : end) - p);

		log_error("%s: %b\n", area, p, len);
		p += len + 1;
	}
}

static int mbuf_print(const char *p, size_t size, void *arg)
{
	return mbuf_write_mem(arg, (const uint8_t *)p, size);
}

int gateway_reload(struct gateway *gw, struct re_printf *pf)
{
	struct mbuf *mb = mbuf_alloc(512);
	struct re_printf problems = {mbuf_print, mb};
	struct incoming in;
	int err;

	if (!mb)
		return ENOMEM;

	memset(&in, 0, sizeof(in));
	err = incoming_read(&in, gw, &problems);
	if (!err) {
		take_over(gw, &in);
		log_info("reload: %s is in force, %u calls go on\n",
			 gw->config->file, calls_count());
	} else {
		reload_problems(mb, "reload");
		log_error("reload: the configuration stays as it was\n");
	}
	if (pf && mb->end)
		(void)re_hprintf(pf, "%b", mb->buf, mb->end);
	incoming_clear(&in);
	mem_deref(mb);

	return err;
}
