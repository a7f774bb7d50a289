/* trunk.c: a trunk at work: its targets, its way out, its addresses. */
#include <ctype.h>
#include <string.h>
#include "base/id.h"
#include "base/log.h"
#include "base/text.h"
#include "sip/former.h"
#include "sip/stack_priv.h"

static void destructor(void *arg)
{
	struct siptrunk *t = arg;

	list_unlink(&t->le);
	hash_unlink(&t->he);
	hash_unlink(&t->he_token);
	list_flush(&t->waiters);
	list_flush(&t->formers);
	mem_deref(t->binding);
	mem_deref(t->options);
	mem_deref(t->targets);
	mem_deref(t->digest);
	mem_deref(t->host);
	mem_deref(t->filled);
	mem_deref(t->token);
	mem_deref(t->hop);
	mem_deref(t->owned);
	mem_deref(t->held);
}

static void waiter_destructor(void *arg)
{
	struct waiter *w = arg;

	list_unlink(&w->le);
}

static void wake_waiters(struct siptrunk *t, int err)
{
	uint32_t n = list_count(&t->waiters);
	struct waiter *w;

	/* a handler may cancel others, who must be on the list, or ask again,
	 * which puts it at the end */
	while (n-- && (w = list_ledata(t->waiters.head))) {
		siptarget_h *h = w->h;
		void *arg = w->arg;

		mem_deref(w);
		h(err, arg);
	}
}

static void targets_changed(int err, void *arg)
{
	wake_waiters(arg, err);
}

void trunk_wake(struct siptrunk *t)
{
	if (!targets_busy(t->targets))
		wake_waiters(t, targets_count(t->targets) ? 0 : ENOENT);
}

/* Loopback and link-local only where the configuration names them: a record
 * in DNS shall not make us talk to our own machine (hardening 1, SSRF). */
bool trunk_address_allowed(const struct sa *addr, void *arg)
{
	const struct siptrunk *t = arg;
	uint8_t in6[16] = {0};

	if (config_net_has(t->conf->accept_from, t->conf->accept_fromc,
			   addr) ||
	    !str_casecmp(t->host, "localhost"))
		return true;
	if (sa_af(addr) == AF_INET6)
		sa_in6(addr, in6);
	else
		return !sa_is_loopback(addr) && !sa_is_linklocal(addr) &&
		       !sa_is_any(addr) && (sa_in(addr) >> 24) != 0 &&
		       (sa_in(addr) >> 28) < 14; /* multicast, RFC 1112 */

	return !sa_is_loopback(addr) && !sa_is_linklocal(addr) &&
	       !sa_is_any(addr) && in6[0] != 0xff &&
	       memcmp(in6, "\0\0\0\0\0\0\0\0\0\0\xff\xff", 12) != 0;
}

static int trunk_host(char **hostp, const char *uri_text)
{
	struct uri uri;
	struct pl pl;

	pl_set_str(&pl, uri_text);
	if (uri_decode(&uri, &pl))
		return EBADMSG;

	return pl_strdup(hostp, &uri.host);
}

int trunk_new(struct siptrunk **tp, struct sipstack *s,
	      const struct config_trunk *conf, targets_allow_h *allow)
{
	const char *hop =
	    conf->outbound_proxy ? conf->outbound_proxy : conf->uri;
	struct siptrunk *t;
	int err;

	t = mem_zalloc(sizeof(*t), destructor);
	if (!t)
		return ENOMEM;

	t->stack = s;
	t->conf = conf;
	err = trunk_host(&t->host, conf->uri);
	if (!err)
		err = targets_alloc(&t->targets, s->dnsc, hop, allow,
				    targets_changed, t);
	if (err) {
		log_error("sip: trunk %s: %s: %m\n", conf->name, hop, err);
		mem_deref(t);
	} else {
		*tp = t;
	}

	return err;
}

int trunk_line(struct siptrunk **tp, struct siptrunk *hop,
	       struct config_trunk *conf)
{
	struct siptrunk *t = mem_zalloc(sizeof(*t), destructor);

	if (!t)
		return ENOMEM;

	t->stack = hop->stack;
	t->owned = mem_ref(conf);
	t->conf = conf;
	t->hop = mem_ref(hop);
	t->host = mem_ref(hop->host);
	t->targets = mem_ref(hop->targets);
	*tp = t;

	return 0;
}

int trunk_make(struct siptrunk **tp, struct sipstack *s,
	       const struct config_trunk *conf)
{
	struct siptrunk *t;
	int err;

	err = trunk_new(&t, s, conf, trunk_address_allowed);
	if (err)
		return err;

	if (conf->username && conf->password) {
		err = digest_alloc(&t->digest, conf->username, conf->password,
				   conf->auth_realm);
		if (err) {
			log_error("sip: trunk %s: %m\n", conf->name, err);
			mem_deref(t);
			return err;
		}
	}

	*tp = t;

	return 0;
}

int trunk_alloc(struct siptrunk **tp, struct sipstack *s,
		const struct config_trunk *conf)
{
	int err = trunk_make(tp, s, conf);

	if (!err)
		list_append(&s->trunks, &(*tp)->le, *tp);

	return err;
}

void trunk_start(struct siptrunk *t)
{
	int err = 0;

	if (!t->options)
		err = options_alloc(&t->options, t);
	if (!err && t->conf->reg && !t->binding)
		err = binding_alloc(&t->binding, t);
	if (err)
		log_error("sip: trunk %s: %m\n", t->conf->name, err);
}

bool trunk_is_source(struct siptrunk *t, const struct sa *src, bool media)
{
	const struct config_trunk *conf = t->conf;

	if (!t->gone &&
	    (config_net_has(conf->accept_from, conf->accept_fromc, src) ||
	     targets_find(t->targets, src, SA_ADDR)))
		return true;
	if (media && former_has(t, src, true))
		return true;

	return media && !t->gone &&
	       config_net_has(conf->media_from, conf->media_fromc, src);
}

/* Several trunks may share an address: the private wire decides, then the
 * listener that the trunk names, then the port that it sends from. */
static unsigned fitness(struct siptrunk *t, const struct wire *w,
			const struct sa *src)
{
	if (w && w->trunk)
		return w->trunk == t ? 4 : 0;

	return 1 + (w && w->conf && t->conf->listen == w->conf ? 2 : 0) +
	       (targets_find(t->targets, src, SA_ALL) ? 1 : 0);
}

struct siptrunk *trunk_by_source(const struct sipstack *s,
				 const struct wire *w, const struct sa *src,
				 bool media)
{
	struct siptrunk *best = NULL;
	unsigned best_fit = 0;

	for (struct le *le = s->trunks.head; le; le = le->next) {
		struct siptrunk *t = le->data;
		unsigned fit;

		if (!trunk_is_source(t, src, media))
			continue;
		fit = t->registrar ? 1 : 1 + fitness(t, w, src);
		if (fit > best_fit) {
			best = t;
			best_fit = fit;
		}
	}

	return best;
}

static int wait_for(struct siptrunk *trunk, siptarget_h *h, void *arg)
{
	struct waiter *w;

	if (!h)
		return EAGAIN;

	trunk = trunk_hop(trunk);
	w = mem_zalloc(sizeof(*w), waiter_destructor);
	if (!w)
		return ENOMEM;

	w->h = h;
	w->arg = arg;
	list_append(&trunk->waiters, &w->le, w);
	return EAGAIN;
}

int siptrunk_target(struct siptarget *t, struct siptrunk *trunk, unsigned n,
		    siptarget_h *h, void *arg)
{
	const struct target *to;

	if (!t || !trunk)
		return EINVAL;

	to = targets_nth(trunk->targets, n);
	if (!to)
		return targets_busy(trunk->targets) ? wait_for(trunk, h, arg)
						    : ENOENT;

	return trunk_fill_target(t, trunk, to);
}

void siptrunk_target_cancel(struct siptrunk *trunk, void *arg)
{
	struct le *le = trunk ? trunk_hop(trunk)->waiters.head : NULL;

	while (le) {
		struct waiter *w = le->data;

		le = le->next;
		if (w->arg == arg)
			mem_deref(w);
	}
}

int siptrunk_target_tcp(struct siptarget *t, struct siptrunk *trunk)
{
	struct target to;

	if (!t || !trunk)
		return EINVAL;
	if (!trunk->conf->tcp) {
		if (!trunk->large_logged)
			log_warning("sip: trunk %s: large request by UDP; "
				    "'tcp = yes' would send it by TCP\n",
				    trunk->conf->name);
		trunk->large_logged = true;
		return ENOTSUP;
	}
	if (t->tp != SIP_TRANSP_UDP)
		return 0;

	memset(&to, 0, sizeof(to));
	to.addr = t->addr;
	to.tp = SIP_TRANSP_TCP;
	return trunk_fill_target(t, trunk, &to);
}

void siptrunk_target_failed(struct siptrunk *trunk, const struct sa *addr)
{
	struct target *to =
	    trunk ? targets_find(trunk->targets, addr, SA_ALL) : NULL;

	if (!to)
		return;
	if (!to->failed)
		log_warning("sip: trunk %s: %J failed\n", trunk->conf->name,
			    addr);
	to->failed = true;
	to->up = false;
}

int sipstack_contact_renew(char **cp, const struct sipstack *s,
			   const struct sip *sip)
{
	const char *at = *cp ? strchr(*cp, '@') : NULL;
	char *next;
	struct le *le;
	int err;

	if (!at)
		return EINVAL;

	LIST_FOREACH (&s->wires, le) {
		const struct wire *w = le->data;

		if (w->sip != sip)
			continue;
		err = re_sdprintf(&next, "%b@%J%s", *cp, (size_t)(at - *cp),
				  wire_public(w), at + strcspn(at, ";"));
		if (err)
			return err;
		mem_deref(*cp);
		*cp = next;
		return 0;
	}

	return ENOENT;
}

bool siptrunk_reconnect(struct siptrunk *trunk, const struct siptarget *target)
{
	struct le *le;

	LIST_FOREACH (&trunk->stack->wires, le) {
		struct wire *w = le->data;

		if (w->sip != target->sip || w->trunk != trunk_hop(trunk))
			continue;
		sip_transp_flush(w->sip);
		return true;
	}

	return false;
}

bool siptrunk_up(const struct siptrunk *t)
{
	for (size_t i = 0; t && i < targets_count(t->targets); i++) {
		if (targets_at(t->targets, i)->up)
			return true;
	}

	return false;
}

const char *siptrunk_status(const struct siptrunk *trunk)
{
	union {
		const struct siptrunk *in;
		struct siptrunk *out;
	} u = {.in = trunk}; /* the text is a cache inside */
	struct siptrunk *t = u.out;
	size_t up = 0;

	if (!t)
		return "";

	for (size_t i = 0; i < targets_count(t->targets); i++)
		up += targets_at(t->targets, i)->up;

	(void)re_snprintf(
	    t->status, sizeof(t->status), "%s, %zu of %zu targets answer%s%s",
	    up ? "up" : "down", up, targets_count(t->targets),
	    t->binding ? ", registration " : "",
	    t->binding ? binding_state_name(binding_state(t->binding)) : "");
	return t->status;
}

const struct config_trunk *siptrunk_conf(const struct siptrunk *t)
{
	return t ? t->conf : NULL;
}

struct digest *siptrunk_digest(struct siptrunk *t)
{
	return t ? t->digest : NULL;
}

bool siptrunk_is_peer(struct siptrunk *t, const struct sa *sa, bool phones)
{
	return t && trunk_is_source(trunk_hop(t), sa, phones);
}

struct digest *siptrunk_digest_for(struct siptrunk *t, const struct sa *sa)
{
	if (!siptrunk_is_peer(t, sa, false))
		return t ? former_digest(t, sa) : NULL;

	return t->digest;
}

/* RFC 3261 25.1: user = unreserved / escaped / user-unreserved.  What is
 * already escaped stays so. */
static bool is_user(const char *s)
{
	static const char plain[] = "-_.!~*'()&=+$,;?/";
	const unsigned char c = (unsigned char)*s;

	return (c >= '0' && c <= '9') ||
	       ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') ||
	       (c && strchr(plain, c)) ||
	       (c == '%' && isxdigit((unsigned char)s[1]) &&
		isxdigit((unsigned char)s[2]));
}

static int print_user(struct re_printf *pf, const char *user)
{
	int err = 0;

	while (*user && !err) {
		size_t n = 0;

		while (user[n] && is_user(user + n))
			++n;
		if (n)
			err = pf->vph(user, n, pf->arg);
		user += n;
		if (*user && !err)
			err = re_hprintf(pf, "%%%02X", (unsigned char)*user++);
	}

	return err;
}

static int print_contact(char **cp, const char *token, const struct sa *addr,
			 enum sip_transp tp, bool ob)
{
	if (!cp || !token)
		return EINVAL;
	if (text_is_sip_user(token))
		return text_join(cp, "sip:", token, "@", wire_addr(addr, true),
				 sip_transp_param(tp), ";i=", id_tag(),
				 ob ? ";ob" : "", NULL);

	return re_sdprintf(cp, "sip:%H@%J%s;i=%s%s", print_user, token, addr,
			   sip_transp_param(tp), id_tag(), ob ? ";ob" : "");
}

int siptrunk_contact(char **cp, const struct siptrunk *trunk,
		     const struct siptarget *t, const char *token)
{
	if (!t)
		return EINVAL;

	return print_contact(cp, token, &t->laddr, t->tp,
			     trunk && binding_outbound(trunk->binding));
}

int sipstack_contact(char **cp, const struct sipstack *s, struct sip *sip,
		     const struct sip_msg *msg, const char *token)
{
	const struct wire *w = s ? wire_find(s, sip) : NULL;
	(void)msg;

	if (!w)
		return ENOENT;

	return print_contact(cp, token, wire_public(w), w->tp, false);
}

int siptrunk_aor(char **uri, const struct siptrunk *trunk, const char *user)
{
	struct sa addr;
	bool v6;

	if (!uri || !trunk || !user)
		return EINVAL;

	v6 = !sa_set_str(&addr, trunk->host, 0) && sa_af(&addr) == AF_INET6;
	return re_sdprintf(uri, "sip:%H@%s%s%s", print_user, user,
			   v6 ? "[" : "", trunk->host, v6 ? "]" : "");
}
