/* config_check.c: rules over more than one key, and what "auto" means. */
#include "config_int.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static bool section_is(const struct config_section *s, const char *kind)
{
	return 0 == strcmp(s->kind->name, kind);
}

int config_line_of(const struct config_section *s, const char *name)
{
	const struct config_key *key = config_key_find(s->kind, name);
	int line = key ? abs(s->lines[key - s->kind->keys]) : 0;

	return line ? line : s->line;
}

static bool key_is_set(const struct config_section *s, const char *name)
{
	const struct config_key *key = config_key_find(s->kind, name);

	return key && s->lines[key - s->kind->keys] > 0;
}

static void required_check(struct config_parser *p,
			   const struct config_section *s)
{
	size_t i;

	for (i = 0; i < s->kind->keyc; i++) {
		if (s->kind->keys[i].required && !s->lines[i]) {
			config_problem(
			    p, s->line, NULL, NULL, "[%s%s%s] has no %s",
			    s->kind->name, s->name ? " " : "",
			    s->name ? s->name : "", s->kind->keys[i].name);
		}
	}
}

/* A secret by one key or the other, not both; required: at least one. */
static void secret_check(struct config_parser *p,
			 const struct config_section *s, const char *key,
			 const char *file_key, bool required)
{
	if (key_is_set(s, key) && key_is_set(s, file_key)) {
		config_problem(p, config_line_of(s, file_key), NULL, NULL,
			       "%s and %s are both set; one is enough", key,
			       file_key);
	}
	if (required && !key_is_set(s, key) && !key_is_set(s, file_key)) {
		config_problem(p, s->line, NULL, NULL,
			       "[%s] has no %s and no %s", s->kind->name, key,
			       file_key);
	}
}

/* ---- [xmpp] ---- */

static bool host_is_local(const char *host)
{
	struct sa sa;

	if (0 == sa_set_str(&sa, host, 0))
		return sa_is_loopback(&sa);

	return 0 == strcasecmp(host, "localhost");
}

static void xmpp_check(struct config_parser *p, const struct config_section *s)
{
	struct config_xmpp *x = s->base;
	struct le *le;

	secret_check(p, s, "secret", "secret_file", true);

	x->line = s->line;
	if (x->server && !x->tls && !x->allow_plain &&
	    !host_is_local(x->server)) {
		config_problem(p, config_line_of(s, "server"), x->server, NULL,
			       "server is not on this machine; set \"tls = "
			       "yes\" or \"allow_plain = yes\"");
	}

	/* XEP-0114: the server routes a domain to its users or to us */
	for (size_t i = 0; i < x->domainc && x->component; i++) {
		if (0 == strcmp(x->component, x->domains[i]))
			config_problem(p, config_line_of(s, "component"),
				       x->component, NULL,
				       "component is a domain of users; the "
				       "gateway needs one of its own");
	}

	for (le = p->sections.head; le && le->data != s; le = le->next) {
		const struct config_section *o = le->data;
		const struct config_xmpp *ox = o->base;

		if (section_is(o, "xmpp") && x->component && ox->component &&
		    0 == strcmp(x->component, ox->component)) {
			config_problem(p, config_line_of(s, "component"),
				       x->component, NULL,
				       "component is the same as in line %d",
				       config_line_of(o, "component"));
			break;
		}
	}
}

/* ---- [sip] ---- */

static void pair_check(struct config_parser *p, const struct config_section *s,
		       const char *a, const char *have_a, const char *b,
		       const char *have_b)
{
	if (!have_a == !have_b || key_is_set(s, have_a ? b : a))
		return;

	config_problem(p, config_line_of(s, have_a ? a : b), NULL, NULL,
		       "%s needs %s as well", have_a ? a : b, have_a ? b : a);
}

static void sip_check(struct config_parser *p, const struct config_section *s)
{
	struct config_sip *sip = s->base;
	bool tls = false;
	size_t i;
	int err;

	for (i = 0; i < sip->listenc; i++)
		tls |= sip->listen[i].transport == CONFIG_TLS;
	if (tls && !key_is_set(s, "certificate"))
		config_problem(p, config_line_of(s, "listen"), NULL, NULL,
			       "listening on tls: needs certificate");
	if (tls && !key_is_set(s, "key"))
		config_problem(p, config_line_of(s, "listen"), NULL, NULL,
			       "listening on tls: needs key");
	if (!tls)
		pair_check(p, s, "certificate", sip->cert, "key", sip->key);

	err = config_listen_expand(sip);
	if (err == ENOMEM)
		p->err = err;
	else if (err || !sip->listenc)
		config_problem(p, config_line_of(s, "listen"), NULL, NULL,
			       "listen finds no local address");
}

/* ---- [trunk] ---- */

static void trunk_media_check(struct config_parser *p,
			      const struct config_section *s)
{
	struct config_trunk *t = s->base;

	if ((int)t->media == CONFIG_AUTO)
		t->media = t->tls ? CONFIG_OSRTP : CONFIG_AVP;

	/* protocol D43: keys in clear text only where that was asked for */
	if (t->media == CONFIG_SDES && !t->tls && !t->sdes_over_plain) {
		config_problem(p, config_line_of(s, "media"), "sdes", NULL,
			       "media would send keys over a trunk without "
			       "TLS; set \"sdes_over_plain = yes\" or use "
			       "transport=tls in uri");
	}
}

/* The trunk itself, and its site where that is a private one. */
static void media_from_default(struct config_parser *p, struct config_trunk *t,
			       const struct sa *host)
{
	struct config_net *net;

	if (t->media_from || sa_af(host) == AF_UNSPEC)
		return;

	net = mem_zalloc(sizeof(*net), NULL);
	if (!net) {
		p->err = ENOMEM;
		return;
	}

	net->addr = *host;
	sa_set_port(&net->addr, 0);
	net->prefix = sa_af(host) == AF_INET6 ? 128 : 32;
	if (sa_af(host) == AF_INET &&
	    (config_sa_is_private(host) || sa_is_loopback(host))) {
		sa_set_in(&net->addr, sa_in(host) & 0xffff0000, 0);
		net->prefix = 16;
	} else if (sa_af(host) == AF_INET6 && config_sa_is_private(host)) {
		uint8_t ip[16];

		sa_in6(host, ip);
		memset(ip + 8, 0, 8); /* a subnet, RFC 4193 3.1 */
		sa_set_in6(&net->addr, ip, 0);
		net->prefix = 64;
	}

	t->media_from = net;
	t->media_fromc = 1;
}

static void trunk_listen_check(struct config_parser *p,
			       const struct config_section *s,
			       enum config_transport transport)
{
	struct config_trunk *t = s->base;

	if (!t->listen_text)
		return;

	t->listen = config_listen_find(&p->c->sip, t->listen_text);
	if (!t->listen) {
		config_problem(p, config_line_of(s, "listen"), t->listen_text,
			       NULL, "listen is none of [sip] listen");
	} else if (t->listen->transport != transport) {
		config_problem(p, config_line_of(s, "listen"), t->listen_text,
			       NULL, "listen has another transport than uri");
	}
}

/* Our own calls would come back as if the trunk had sent them. */
static void trunk_loop_check(struct config_parser *p,
			     const struct config_section *s)
{
	const struct config_trunk *t = s->base;
	const char *key = t->outbound_proxy ? "outbound_proxy" : "uri";
	const char *uri = t->outbound_proxy ? t->outbound_proxy : t->uri;
	enum config_transport transport;
	struct sa to;
	size_t i;

	if (config_uri_check(uri, &to, &transport))
		return;

	for (i = 0; i < p->c->sip.listenc; i++) {
		const struct config_listen *l = &p->c->sip.listen[i];

		if (l->transport == transport && sa_cmp(&l->addr, &to, SA_ALL))
			config_problem(p, config_line_of(s, key), uri, NULL,
				       "%s leads back to the gateway, which "
				       "listens there itself",
				       key);
	}
}

static void trunk_login_check(struct config_parser *p,
			      const struct config_section *s)
{
	const struct config_trunk *t = s->base;
	bool password =
	    key_is_set(s, "password") || key_is_set(s, "password_file");

	secret_check(p, s, "password", "password_file", false);
	if (t->username && !password) {
		config_problem(p, config_line_of(s, "username"), NULL, NULL,
			       "username needs password or password_file");
	}
	if (password && !key_is_set(s, "username")) {
		config_problem(p,
			       config_line_of(s, key_is_set(s, "password")
						     ? "password"
						     : "password_file"),
			       NULL, NULL, "a password needs username");
	}
	if (t->reg && !key_is_set(s, "username")) {
		config_problem(p, config_line_of(s, "register"), NULL, NULL,
			       "register needs username");
	}
}

static void trunk_check(struct config_parser *p,
			const struct config_section *s,
			enum config_addressing addressing)
{
	struct config_trunk *t = s->base;
	enum config_transport transport = CONFIG_UDP;
	struct sa host;

	sa_init(&host, AF_UNSPEC);
	if (t->uri)
		(void)config_uri_check(t->uri, &host, &transport);

	t->line = s->line;
	t->tls = transport == CONFIG_TLS;
	t->addressing_auto = t->addressing == CONFIG_ADDR_AUTO;
	if (t->addressing_auto)
		t->addressing = addressing;

	trunk_login_check(p, s);
	pair_check(p, s, "tls_cert", t->tls_cert, "tls_key", t->tls_key);
	if (!t->uri)
		return;

	trunk_media_check(p, s);
	media_from_default(p, t, &host);
	trunk_listen_check(p, s, transport);
	trunk_loop_check(p, s);
}

/* ---- [media] ---- */

static void media_default(struct config_media *m)
{
	if (sa_isset(&m->addr4, SA_ADDR) || sa_isset(&m->addr6, SA_ADDR))
		return;

	if (config_local_address(&m->addr4, AF_INET) == 0)
		return;
	sa_init(&m->addr4, AF_UNSPEC);
	if (config_local_address(&m->addr6, AF_INET6) == 0)
		return;
	sa_init(&m->addr6, AF_UNSPEC);
	(void)sa_set_str(&m->addr4, "127.0.0.1", 0);
}

static void account_check(struct config_parser *p,
			  const struct config_section *s)
{
	const struct config_account *a = s->base;
	struct le *le;

	if (!a->like)
		return;

	LIST_FOREACH (&p->sections, le) {
		const struct config_section *o = le->data;

		if (section_is(o, "trunk") && o->name &&
		    0 == strcmp(o->name, a->like))
			return;
	}
	config_problem(p, config_line_of(s, "like"), a->like, NULL,
		       "like is none of the trunks");
}

void config_check(struct config_parser *p)
{
	enum config_addressing addressing;
	size_t xmppc = 0, trunkc = 0;
	struct le *le;

	LIST_FOREACH (&p->sections, le) {
		const struct config_section *s = le->data;

		required_check(p, s);
		xmppc += section_is(s, "xmpp");
		trunkc += section_is(s, "trunk");
		if (section_is(s, "xmpp"))
			xmpp_check(p, s);
		else if (section_is(s, "sip"))
			sip_check(p, s);
		else if (section_is(s, "admin"))
			config_admin_check(p, s);
		else if (section_is(s, "log"))
			config_log_check(p, s);
	}
	if (!xmppc)
		config_problem(p, 0, NULL, NULL, "has no [xmpp] section");

	/* protocol D8 */
	addressing = trunkc == 1 && !p->c->routec ? CONFIG_ADDR_TRUNK
						  : CONFIG_ADDR_ESCAPED;
	LIST_FOREACH (&p->sections, le) {
		const struct config_section *s = le->data;

		if (section_is(s, "trunk"))
			trunk_check(p, s, addressing);
		else if (section_is(s, "plan"))
			((struct config_plan *)s->base)->line = s->line;
		else if (section_is(s, "account"))
			account_check(p, s);
	}

	media_default(&p->c->media);
	config_clash_check(p);
}
