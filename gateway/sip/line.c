/* line.c: accounts of users at their registrars: many lines, few places. */
#include <string.h>
#include "base/keyed.h"
#include "base/log.h"
#include "sip/stack_priv.h"

enum { GOODBYE_MAX = 500 }; /* lines that unregister when we stop */

static uint32_t key_of(const char *s)
{
	return keyed_str(s);
}

/* ---- registrars ---- */

static const char *hop_of(const struct config_trunk *conf)
{
	return conf->outbound_proxy ? conf->outbound_proxy : conf->uri;
}

static struct siptrunk *registrar_find(const struct sipstack *s,
				       const struct config_trunk *conf)
{
	struct le *le;

	LIST_FOREACH (&s->trunks, le) {
		struct siptrunk *t = le->data;

		if (t->registrar && !strcmp(t->conf->uri, conf->uri) &&
		    !strcmp(hop_of(t->conf), hop_of(conf)))
			return t;
	}

	return NULL;
}

/* Addresses that DNS gives to a place that nobody of ours has named. */
static bool address_strict(const struct sa *addr, void *arg)
{
	const uint32_t in = sa_af(addr) == AF_INET ? sa_in(addr) : 0;
	uint8_t in6[16] = {0};

	if (!trunk_address_allowed(addr, arg))
		return false;
	if (sa_af(addr) == AF_INET) /* RFC 1918, RFC 6598 */
		return in >> 24 != 10 && in >> 20 != 0xac1 &&
		       in >> 16 != 0xc0a8 && in >> 22 != 0x191;

	sa_in6(addr, in6);
	return (in6[0] & 0xfe) != 0xfc; /* RFC 4193 */
}

static int registrar_conf(struct config_trunk **cp,
			  const struct config_trunk *like)
{
	struct config_trunk *c;
	int err;

	err = config_trunk_alloc(&c, like);
	if (err)
		return err;

	c->uri = mem_ref(like->uri);
	c->outbound_proxy = mem_ref(like->outbound_proxy);
	err = re_sdprintf(&c->name, "registrar %s", hop_of(like));
	if (err)
		mem_deref(c);
	else
		*cp = c;

	return err;
}

/* It belongs to the list of trunks. */
static int registrar_get(struct siptrunk **tp, struct sipstack *s,
			 const struct config_trunk *like, bool strict)
{
	struct config_trunk *conf;
	struct siptrunk *t;
	int err;

	t = registrar_find(s, like);
	if (t) {
		*tp = t;
		return 0;
	}

	err = registrar_conf(&conf, like);
	if (err)
		return err;

	err = trunk_new(&t, s, conf,
			strict ? address_strict : trunk_address_allowed);
	if (err) {
		mem_deref(conf);
		return err;
	}
	t->owned = conf;
	t->registrar = true;
	list_append(&s->trunks, &t->le, t);
	*tp = t;

	return 0;
}

/* Nobody asks how a place is where nobody is registered. */
static void registrar_use(struct siptrunk *t, bool more)
{
	if (more) {
		if (!t->linec++ && options_alloc(&t->options, t))
			log_warning("sip: trunk %s: is not watched: no "
				    "memory\n",
				    t->conf->name);
	} else if (!--t->linec) {
		t->options = mem_deref(t->options);
	}
}

/* ---- lines ---- */

int sipline_alloc(struct siptrunk **lp, struct sipstack *s,
		  struct config_trunk *conf, const char *auth_user,
		  const char *token, bool strict)
{
	struct siptrunk *t, *hop;
	int err;

	if (!lp || !s || !conf || !conf->username || !conf->password || !token)
		return EINVAL;

	err = registrar_get(&hop, s, conf, strict);
	if (err)
		return err;
	err = trunk_line(&t, hop, conf);
	if (err)
		return err;

	err = str_dup(&t->token, token);
	if (!err)
		err = sipline_password(t, auth_user, conf->password);
	if (err) {
		mem_deref(t);
		return err;
	}

	hash_append(s->lines, key_of(conf->name), &t->he, t);
	hash_append(s->tokens, key_of(token), &t->he_token, t);
	*lp = t;

	return 0;
}

int sipline_password(struct siptrunk *line, const char *auth_user,
		     const char *password)
{
	struct digest *d;
	int err;

	err = digest_alloc(&d, auth_user ? auth_user : line->conf->username,
			   password, NULL);
	if (err)
		return err;

	mem_deref(line->digest);
	line->digest = d;

	return 0;
}

int sipline_start(struct siptrunk *line, bool paced, sipline_h *h, void *arg)
{
	struct binding *b;
	int err;

	if (!line || !line->hop)
		return EINVAL;

	err = binding_alloc(&b, line);
	if (err)
		return err;

	if (line->binding) { /* its Call-ID ends, its binding is replaced */
		binding_listen(line->binding, NULL, NULL);
		mem_deref(line->binding);
	} else {
		registrar_use(line->hop, true);
		line->stack->linec++;
	}
	line->binding = b;
	binding_listen(b, h, arg);
	if (paced)
		binding_pace(b);

	return 0;
}

void sipline_listen(struct siptrunk *line, sipline_h *h, void *arg)
{
	if (line)
		binding_listen(line->binding, h, arg);
}

void sipline_stop(struct siptrunk *line)
{
	if (!line || !line->binding)
		return;

	binding_listen(line->binding, NULL, NULL);
	binding_close(line->binding);
	line->binding = mem_deref(line->binding);
	registrar_use(line->hop, false);
	line->stack->linec--;
}

void sipline_event(const struct siptrunk *line, struct sipline_event *ev)
{
	binding_event(line ? line->binding : NULL, ev);
}

bool siptrunk_is_line(const struct siptrunk *t)
{
	return t && t->hop;
}

unsigned sipstack_lines(const struct sipstack *s)
{
	return s ? s->linec : 0;
}

static bool name_is(struct le *le, void *arg)
{
	const struct siptrunk *t = le->data;

	return !strcmp(t->conf->name, arg);
}

struct siptrunk *line_find(const struct sipstack *s, const char *name)
{
	union {
		const char *in;
		char *out;
	} u = {.in = name};

	return list_ledata(
	    hash_lookup(s->lines, key_of(name), name_is, u.out));
}

static bool token_is(struct le *le, void *arg)
{
	const struct siptrunk *t = le->data;

	return !pl_strcmp(arg, t->token);
}

struct siptrunk *line_by_request(const struct sipstack *s,
				 const struct sip_msg *msg)
{
	struct pl user = msg->uri.user;
	struct siptrunk *t;

	if (!s->linec || !user.l)
		return NULL;

	t = list_ledata(
	    hash_lookup(s->tokens, keyed_pl(&user), token_is, &user));

	return t && t->binding && trunk_is_source(t->hop, &msg->src, false)
		   ? t
		   : NULL;
}

/* A leaky bucket without a queue: each gets the next free moment. */
uint64_t line_turn(struct sipstack *s)
{
	const unsigned rate = s->conf->account.register_rate;
	const uint64_t now = tmr_jiffies();
	uint64_t wait;

	if (s->slot < now * 1000)
		s->slot = now * 1000;
	wait = s->slot / 1000 - now;
	s->slot += 1000000 / (rate ? rate : 1); /* us */

	return wait;
}

static bool line_close(struct le *le, void *arg)
{
	struct siptrunk *t = le->data;
	(void)arg;

	binding_close(t->binding);

	return false;
}

/* So many that a registrar would take it for an attack keep what they have:
 * their Contact is the same after a restart. */
void lines_close(struct sipstack *s)
{
	if (s->linec <= GOODBYE_MAX)
		(void)hash_apply(s->lines, line_close, NULL);
}

static bool line_refresh(struct le *le, void *arg)
{
	struct siptrunk *t = le->data;
	(void)arg;

	binding_refresh(t->binding);

	return false;
}

static bool line_renew(struct le *le, void *arg)
{
	struct siptrunk *t = le->data;

	if (t->hop == arg)
		binding_refresh(t->binding);

	return false;
}

void lines_renew(struct siptrunk *hop)
{
	(void)hash_apply(hop->stack->lines, line_renew, hop);
}

void siptrunk_renew(struct siptrunk *t)
{
	if (!t)
		return;

	binding_refresh(t->binding);
	if (t->hop)
		lines_renew(t->hop);
}

void lines_refresh(struct sipstack *s)
{
	(void)hash_apply(s->lines, line_refresh, NULL);
}
