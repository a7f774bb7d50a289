/* wayout.c: which listener or connection of ours a request leaves through. */
#include <string.h>
#include "base/log.h"
#include "sip/stack_priv.h"
#include "sip/tlsconf.h"

/* The address that the kernel would send from. */
static int source_for(struct sa *laddr, const struct sa *dst)
{
	struct udp_sock *us = NULL;
	struct sa any;
	int err;

	err = sa_set_str(&any, sa_af(dst) == AF_INET6 ? "::" : "0.0.0.0", 0);
	if (!err)
		err = udp_listen(&us, &any, NULL, NULL);
	if (!err)
		err = udp_connect(us, dst);
	if (!err)
		err = udp_local_get(us, laddr);
	mem_deref(us);

	return err;
}

static bool wire_fits(const struct wire *w, const struct siptrunk *t,
		      const struct target *to)
{
	if (w->tp != to->tp || sa_af(&w->laddr) != sa_af(&to->addr))
		return false;
	if (to->tp == SIP_TRANSP_TLS)
		return w->trunk == t;

	return !w->trunk;
}

static int open_private(struct wire **wp, struct siptrunk *t,
			const struct target *to, const struct sa *laddr)
{
	struct sa any_port = *laddr;
	struct tls *tls = NULL;
	struct wire *w;
	int err = 0;

	sa_set_port(&any_port, 0);
	if (to->tp == SIP_TRANSP_TLS) {
		err = tlsconf_client(&tls, t->conf, t->host);
		if (err)
			return err;
	}

	err = wire_alloc(&w, t->stack, to->tp, &any_port, tls);
	mem_deref(tls);
	if (err)
		return err;

	if (to->tp == SIP_TRANSP_TLS)
		w->trunk = t;
	log_info("sip: trunk %s: sends from %s %J\n", t->conf->name,
		 sip_transp_name(w->tp), &w->laddr);
	*wp = w;
	return 0;
}

static int trunk_wire(struct wire **wp, struct siptrunk *t,
		      const struct target *to)
{
	struct wire *first = NULL;
	struct sa laddr;
	unsigned n = 0;
	int err;

	for (struct le *le = t->stack->wires.head; le; le = le->next) {
		struct wire *w = le->data;

		if (!wire_fits(w, t, to))
			continue;
		if (w->conf && w->conf == t->conf->listen) {
			*wp = w;
			return 0;
		}
		if (!n++)
			first = w;
	}
	if (n == 1) { /* the kernel has nothing to choose */
		*wp = first;
		return 0;
	}

	err = source_for(&laddr, &to->addr);
	if (err)
		return err;
	if (!n)
		return open_private(wp, t, to, &laddr);

	for (struct le *le = t->stack->wires.head; le; le = le->next) {
		struct wire *w = le->data;

		if (wire_fits(w, t, to) &&
		    !sa_cmp(&first->laddr, &laddr, SA_ADDR) &&
		    sa_cmp(&w->laddr, &laddr, SA_ADDR))
			first = w;
	}
	*wp = first;

	return 0;
}

/* The text of from is t's as well: so are the parts of its URI. */
static void copy_route(struct siptarget *t, const struct siptarget *from)
{
	struct pl *const parts[] = {
	    &t->route.scheme,  &t->route.user, &t->route.password,
	    &t->route.host,    &t->route.path, &t->route.params,
	    &t->route.headers,
	};

	memcpy(t->route_text, from->route_text, sizeof(t->route_text));
	t->route = from->route;
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		if (parts[i]->p)
			parts[i]->p =
			    t->route_text + (parts[i]->p - from->route_text);
	}
}

static int write_route(struct siptarget *t)
{
	struct pl pl;
	int n;

	n = re_snprintf(t->route_text, sizeof(t->route_text), "<sip:%J%s;lr>",
			&t->addr, sip_transp_param(t->tp));
	if (n < 3)
		return ENOMEM;

	pl.p = t->route_text + 1;
	pl.l = (size_t)n - 2;
	return uri_decode(&t->route, &pl);
}

int trunk_fill_target(struct siptarget *t, struct siptrunk *trunk,
		      const struct target *to)
{
	struct siptrunk *hop;
	struct wire *w;
	int err;

	err = trunk_wire(&w, trunk_hop(trunk), to);
	if (err)
		return err;

	memset(t, 0, sizeof(*t));
	t->sip = w->sip;
	t->addr = to->addr;
	t->tp = to->tp;
	t->laddr = *wire_public(w);
	hop = trunk_hop(trunk);
	if (hop->filled && hop->filled->tp == t->tp &&
	    sa_cmp(&hop->filled->addr, &t->addr, SA_ALL)) {
		copy_route(t, hop->filled);
		return 0;
	}

	err = write_route(t);
	if (err)
		return err;
	if (!hop->filled)
		hop->filled = mem_zalloc(sizeof(*t), NULL);
	if (hop->filled) {
		*hop->filled = *t;
		copy_route(hop->filled, t);
	}

	return 0;
}
