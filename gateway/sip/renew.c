/* renew.c: another configuration for a stack at work. */
#include "sip/renew.h"
#include <string.h>
#include "base/log.h"
#include "sip/former.h"
#include "sip/stack_priv.h"
#include "sip/tlsconf.h"

struct renewed { /* a trunk of the next configuration */
	struct le le;
	const struct config_trunk *conf;
	struct siptrunk *trunk;	 /* NULL: it is new; referenced */
	struct siptrunk *fresh;	 /* what it will be, or gives its parts */
	struct tls *tls;	 /* of a TLS trunk */
	void *held;		 /* whose part its configuration was */
	bool moved, login, bind; /* what differs */
	bool relisten;		 /* the listener alone */
};

struct siprenewal {
	struct sipstack *stack; /* not referenced */
	struct list trunks;	/* of struct renewed */
	struct tls *tls;	/* of tls: listeners */
};

static void renewed_destructor(void *arg)
{
	struct renewed *n = arg;

	list_unlink(&n->le);
	mem_deref(n->trunk);
	mem_deref(n->fresh);
	mem_deref(n->tls);
	mem_deref(n->held);
}

static void destructor(void *arg)
{
	struct siprenewal *r = arg;

	list_flush(&r->trunks);
	mem_deref(r->tls);
}

static bool differ(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) != 0 : a != b;
}

static struct siptrunk *find(const struct sipstack *s, const char *name)
{
	struct le *le;

	LIST_FOREACH (&s->trunks, le) {
		struct siptrunk *t = le->data;

		if (!t->registrar && !strcmp(t->conf->name, name))
			return t;
	}

	return NULL;
}

static void compare(struct renewed *n)
{
	const struct config_trunk *a, *b = n->conf;

	if (!n->trunk)
		return;

	a = n->trunk->conf;
	n->moved = n->trunk->gone || differ(a->uri, b->uri) ||
		   differ(a->outbound_proxy, b->outbound_proxy);
	n->login = differ(a->username, b->username) ||
		   differ(a->password, b->password) ||
		   differ(a->auth_realm, b->auth_realm);
	n->bind = n->moved || n->login || a->reg != b->reg;
	n->relisten = !n->bind && differ(a->listen_text, b->listen_text);
}

/* ---- all that can fail ---- */

static int problem(const struct config *next, const struct config_trunk *t,
		   const char *what, struct re_printf *pf)
{
	(void)re_hprintf(pf, "%s:%d: [trunk %s] %s\n", next->file, t->line,
			 t->name, what);

	return EBADMSG;
}

static int prepare(struct siprenewal *r, const struct config *next,
		   const struct config_trunk *conf, struct re_printf *pf)
{
	struct renewed *n = mem_zalloc(sizeof(*n), renewed_destructor);
	int err;

	if (!n)
		return ENOMEM;

	n->conf = conf;
	n->trunk = mem_ref(find(r->stack, conf->name));
	list_append(&r->trunks, &n->le, n);
	compare(n);
	err = trunk_make(&n->fresh, r->stack, conf);
	if (err == ENOMEM)
		return err;
	if (err)
		return problem(next, conf, "uri cannot be used", pf);

	if (conf->tls && tlsconf_client(&n->tls, conf, n->fresh->host))
		return problem(next, conf,
			       "its certificates cannot be used; the log says "
			       "why",
			       pf);

	return 0;
}

int siprenewal_alloc(struct siprenewal **rp, struct sipstack *s,
		     const struct config *next, struct re_printf *pf)
{
	struct siprenewal *r;
	int err = 0;

	r = mem_zalloc(sizeof(*r), destructor);
	if (!r)
		return ENOMEM;

	r->stack = s;
	if (s->tls && tlsconf_server(&r->tls, next->sip.cert, next->sip.key)) {
		(void)re_hprintf(pf,
				 "%s: [sip] certificate or key cannot be "
				 "used; the log says why\n",
				 next->file);
		err = EBADMSG;
	}
	for (size_t i = 0; i < next->trunkc && err != ENOMEM; i++) {
		const int e = prepare(r, next, &next->trunk[i], pf);

		err = e ? e : err;
	}

	if (err)
		mem_deref(r);
	else
		*rp = r;

	return err;
}

/* ---- in force ---- */

static void swap(void *ap, void *bp)
{
	void **a = ap, **b = bp, *c = *a;

	*a = *b;
	*b = c;
}

/* Others may point to what was, of a trunk that comes again: it is freed with
 * the renewal. */
static void conf_set(struct renewed *n, struct siptrunk *t)
{
	n->held = t->held;
	t->held = config_hold(t->stack->conf);
	t->conf = n->conf;
	t->large_logged = false;
}

/* Connections that are open keep what they were made with. */
static void tls_renew(struct siptrunk *t, struct tls *tls)
{
	struct le *le;

	LIST_FOREACH (&t->stack->wires, le) {
		struct wire *w = le->data;

		if (w->trunk == t && w->tls && tls)
			tlsconf_renew(w->tls, tls);
	}
}

/* The parts of the trunk before are freed with fresh. */
static void take_parts(struct renewed *n)
{
	struct siptrunk *t = n->trunk;

	if (n->moved) {
		targets_give(n->fresh->targets, t);
		targets_give(t->targets, n->fresh);
		swap(&t->targets, &n->fresh->targets);
		swap(&t->host, &n->fresh->host);
		t->options = mem_deref(t->options);
	}
	if (n->login)
		swap(&t->digest, &n->fresh->digest);
}

static void change(struct renewed *n)
{
	struct siptrunk *t = n->trunk;
	const bool same_place =
	    !n->moved && n->conf->reg &&
	    !differ(t->conf->username, n->conf->username) &&
	    !differ(t->conf->listen_text, n->conf->listen_text);

	if (!t->gone && former_add(t))
		log_warning("sip: trunk %s: calls at its old address may "
			    "suffer: no memory\n",
			    t->conf->name);
	if (n->bind && t->binding) {
		if (!same_place)
			binding_close(t->binding);
		t->binding = mem_deref(t->binding);
	}
	take_parts(n);
	conf_set(n, t);
	tls_renew(t, n->tls);
	t->gone = false;
	trunk_start(t);
	if (n->relisten)
		binding_refresh(t->binding);
	if (n->moved)
		trunk_wake(t);
}

static void begin(struct renewed *n)
{
	struct siptrunk *t = mem_ref(n->fresh);

	list_append(&t->stack->trunks, &t->le, t);
	conf_set(n, t);
	trunk_start(t);
}

static bool is_named(const struct siprenewal *r, const struct siptrunk *t)
{
	struct le *le;

	LIST_FOREACH (&r->trunks, le) {
		const struct renewed *n = le->data;

		if (n->trunk == t)
			return true;
	}

	return false;
}

/* What it was stays readable for the calls that run on. */
static void leave(struct siptrunk *t)
{
	if (t->gone)
		return;

	log_info("sip: trunk %s: is gone\n", t->conf->name);
	(void)former_add(t);
	binding_close(t->binding);
	t->binding = mem_deref(t->binding);
	t->options = mem_deref(t->options);
	t->gone = true;
}

void siprenewal_apply(struct siprenewal *r)
{
	struct sipstack *s = r->stack;
	struct le *le;

	LIST_FOREACH (&s->trunks, le) {
		struct siptrunk *t = le->data;

		if (!t->registrar && !is_named(r, t))
			leave(t);
	}
	LIST_FOREACH (&r->trunks, le) {
		struct renewed *n = le->data;

		if (n->trunk)
			change(n);
		else
			begin(n);
	}

	if (s->tls && r->tls)
		tlsconf_renew(s->tls, r->tls);
	gate_limits(s->gate, &s->conf->limits);
	wires_limits(s);
}
