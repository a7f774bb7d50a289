/* caps.c: entity capabilities (X0115): our own, and what those of others
 * stand for. */
#include "xmpp/service_int.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "base/keyed.h"
#include "base/log.h"

enum {
	STRINGS_MAX = 512, /* identities, features or fields of one reply */
	VER_MAX = 128,	   /* bytes of a peer's ver attribute */
	NODE_MAX = 512,
};

const char service_caps_node[] = "https://stoxd.example";

struct strings { /* mem_ref'd */
	char *v[STRINGS_MAX];
	size_t n;
};

static void strings_clear(struct strings *t)
{
	while (t->n)
		mem_deref(t->v[--t->n]);
}

/* Takes over s. */
static int strings_take(struct strings *t, char *s)
{
	if (!s)
		return ENOMEM;
	if (t->n >= STRINGS_MAX) {
		mem_deref(s);
		return EBADMSG;
	}
	t->v[t->n++] = s;

	return 0;
}

/* i;octet, but '<', which ends each part, sorts before all: parts compare one
 * by one. */
static int string_cmp(const void *a, const void *b)
{
	const unsigned char *x = *(unsigned char *const *)a;
	const unsigned char *y = *(unsigned char *const *)b;

	while (*x && *x == *y) {
		x++;
		y++;
	}

	return (*x == '<' ? 1
		: *x	  ? *x + 1
			  : 0) -
	       (*y == '<' ? 1
		: *y	  ? *y + 1
			  : 0);
}

/* The strings in order, one after the other; EBADMSG if one is there twice
 * (X0115 5.4, 3.3 to 3.6). */
static int strings_join(char **sp, struct strings *t)
{
	struct mbuf *mb = mbuf_alloc(256);
	int err = mb ? 0 : ENOMEM;

	if (t->n)
		qsort(t->v, t->n, sizeof(t->v[0]), string_cmp);
	for (size_t i = 0; i < t->n && !err; i++) {
		if (i && !strcmp(t->v[i], t->v[i - 1]))
			err = EBADMSG;
		else
			err = mbuf_write_str(mb, t->v[i]);
	}
	if (!err) {
		mb->pos = 0;
		err = mbuf_strdup(mb, sp, mb->end);
	}
	mem_deref(mb);

	return err;
}

/* '<' is what separates: with it inside, two lists could have one ver. */
static bool is_plain(const char *s)
{
	return s && !strchr(s, '<');
}

static const char *attr_or_empty(const struct stanza *e, const char *name)
{
	const char *v = stanza_attr(e, name);

	return v ? v : "";
}

static int identities_collect(struct strings *t, const struct stanza *query)
{
	const struct stanza *e;
	int err = 0;

	for (e = stanza_child(query, "identity", NS_DISCO_INFO); e && !err;
	     e = stanza_next(e, "identity", NS_DISCO_INFO)) {
		const char *cat = attr_or_empty(e, "category");
		const char *type = attr_or_empty(e, "type");
		const char *name = attr_or_empty(e, "name");
		const char *lang = "";
		char *s = NULL;

		for (const struct attr *a = e->attrs; a; a = a->next) {
			if (!strcmp(a->name, "lang") && *a->ns)
				lang = a->value;
		}
		if (!is_plain(cat) || !is_plain(type) || !is_plain(name) ||
		    !is_plain(lang))
			return EBADMSG;
		err = re_sdprintf(&s, "%s/%s/%s/%s<", cat, type, lang, name);
		if (!err)
			err = strings_take(t, s);
	}

	return err;
}

static int features_collect(struct strings *t, const struct stanza *query)
{
	const struct stanza *e;
	int err = 0;

	for (e = stanza_child(query, "feature", NS_DISCO_INFO); e && !err;
	     e = stanza_next(e, "feature", NS_DISCO_INFO)) {
		const char *var = stanza_attr(e, "var");
		char *s = NULL;

		if (!is_plain(var))
			return EBADMSG;
		err = re_sdprintf(&s, "%s<", var);
		if (!err)
			err = strings_take(t, s);
	}

	return err;
}

/* "value<" of each <value/>, in order, joined. */
static int values_join(char **sp, const struct stanza *field)
{
	struct strings *t = mem_zalloc(sizeof(*t), NULL);
	const struct stanza *e;
	int err = t ? 0 : ENOMEM;

	for (e = stanza_child(field, "value", NS_DATA); e && !err;
	     e = stanza_next(e, "value", NS_DATA)) {
		char *text = NULL, *s = NULL;

		err = stanza_text(&text, e);
		if (!err && !is_plain(text))
			err = EBADMSG;
		if (!err)
			err = re_sdprintf(&s, "%s<", text);
		if (!err)
			err = strings_take(t, s);
		mem_deref(text);
	}
	if (!err)
		err = strings_join(sp, t);
	if (t)
		strings_clear(t);
	mem_deref(t);

	return err;
}

/* *sp "FORM_TYPE<" and each field "var<values"; "" for a form without
 * FORM_TYPE, which does not count (X0115 5.4, 3.6). */
static int form_join(char **sp, const struct stanza *form)
{
	struct strings *t = mem_zalloc(sizeof(*t), NULL);
	char *type = NULL, *fields = NULL;
	const struct stanza *e;
	int err = t ? 0 : ENOMEM;

	for (e = stanza_child(form, "field", NS_DATA); e && !err;
	     e = stanza_next(e, "field", NS_DATA)) {
		const char *var = attr_or_empty(e, "var");
		char *values = NULL, *s = NULL;

		err = is_plain(var) ? values_join(&values, e) : EBADMSG;
		if (!err && !strcmp(var, "FORM_TYPE")) {
			mem_deref(type);
			type = values;
			continue;
		}
		if (!err)
			err = re_sdprintf(&s, "%s<%s", var, values);
		if (!err)
			err = strings_take(t, s);
		mem_deref(values);
	}
	if (!err)
		err = strings_join(&fields, t);
	if (!err)
		err = type ? re_sdprintf(sp, "%s%s", type, fields)
			   : str_dup(sp, "");
	if (t)
		strings_clear(t);
	mem_deref(t);
	mem_deref(type);
	mem_deref(fields);

	return err;
}

static int forms_collect(struct strings *t, const struct stanza *query)
{
	const struct stanza *e;
	int err = 0;

	for (e = stanza_child(query, "x", NS_DATA); e && !err;
	     e = stanza_next(e, "x", NS_DATA)) {
		char *s = NULL;

		err = form_join(&s, e);
		if (!err && *s)
			err = strings_take(t, s);
		else
			mem_deref(s);
	}

	return err;
}

typedef int(collect_h)(struct strings *t, const struct stanza *query);

int service_ver_make(char ver[SERVICE_VER_SIZE], const struct stanza *query)
{
	static collect_h *const parts[] = {
	    identities_collect,
	    features_collect,
	    forms_collect,
	};
	struct strings *t = mem_zalloc(sizeof(*t), NULL);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	unsigned char md[EVP_MAX_MD_SIZE];
	unsigned len = 0;
	int err = 0;

	if (!t || !ctx || EVP_DigestInit_ex(ctx, EVP_sha1(), NULL) != 1)
		err = ENOMEM;
	for (size_t i = 0; i < SERVICE_COUNT(parts) && !err; i++) {
		char *s = NULL;

		err = parts[i](t, query);
		if (!err)
			err = strings_join(&s, t);
		if (!err && EVP_DigestUpdate(ctx, s, strlen(s)) != 1)
			err = ENOMEM;
		mem_deref(s);
		strings_clear(t);
	}
	if (!err && EVP_DigestFinal_ex(ctx, md, &len) != 1)
		err = ENOMEM;
	if (!err)
		(void)EVP_EncodeBlock((unsigned char *)ver, md, (int)len);
	EVP_MD_CTX_free(ctx);
	mem_deref(t);

	return err;
}

const char *service_ver(enum target target)
{
	static char vers[TARGET_OTHER + 1][SERVICE_VER_SIZE];
	struct stanza *query;

	if (*vers[target])
		return vers[target];

	query = stanza_new("query", NS_DISCO_INFO);
	service_disco_add(query, target, NULL);
	if (!stanza_ok(query) || service_ver_make(vers[target], query))
		*vers[target] = '\0';
	stanza_free(query);

	return vers[target];
}

const char *service_caps_ver(void)
{
	return service_ver(TARGET_PHONE);
}

const char *service_own_ver(struct service *s, enum target target)
{
	const struct config_xmpp *conf = component_conf(s->c);
	struct stanza *query;

	if (target != TARGET_GATEWAY || !service_disco_more(conf))
		return service_ver(target);
	if (*s->ver)
		return s->ver;

	query = stanza_new("query", NS_DISCO_INFO);
	service_disco_add(query, target, conf);
	if (!stanza_ok(query) || service_ver_make(s->ver, query))
		*s->ver = '\0';
	stanza_free(query);

	return s->ver;
}

void service_caps_put(struct service *s, struct stanza *presence,
		      enum target target)
{
	struct stanza *c = stanza_add(presence, "c", NS_CAPS);

	(void)stanza_attr_set(c, "hash", "sha-1");
	(void)stanza_attr_set(c, "node", service_caps_node);
	(void)stanza_attr_set(c, "ver", service_own_ver(s, target));
}

/* ---- those of others ---- */

static void asking_ended(struct caps *caps)
{
	if (caps->s && caps->s->asking)
		caps->s->asking--;
}

static void caps_destructor(void *arg)
{
	struct caps *caps = arg;

	if (caps->iq)
		asking_ended(caps);
	mem_deref(caps->iq);
	hash_unlink(&caps->he);
	list_unlink(&caps->le);
	mem_deref(caps->ver);
	mem_deref(caps->asked);
}

static int caps_new(struct caps **cp, struct service *s, const char *ver)
{
	struct caps *caps = mem_zalloc(sizeof(*caps), caps_destructor);

	if (!caps)
		return ENOMEM;
	if (str_dup(&caps->ver, ver)) {
		mem_deref(caps);
		return ENOMEM;
	}
	caps->s = s;
	*cp = caps;

	return 0;
}

static bool ver_equal(struct le *le, void *arg)
{
	const struct caps *caps = le->data;

	return !strcmp(caps->ver, arg);
}

/* Makes room: the oldest that no device has. */
static bool cache_trim(struct service *s)
{
	struct le *le;

	if (s->capsc < SERVICE_CAPS_MAX)
		return true;

	LIST_FOREACH (&s->capslist, le) {
		struct caps *caps = le->data;

		if (mem_nrefs(caps) > 1)
			continue;
		mem_deref(caps);
		s->capsc--;
		return true;
	}

	return false;
}

static int cache_get(struct caps **cp, struct service *s, const char *ver)
{
	char key[VER_MAX + 1];
	struct le *le;
	int err;

	str_ncpy(key, ver, sizeof(key));
	le = hash_lookup(s->caps, keyed_str(key), ver_equal, key);
	if (le) {
		*cp = mem_ref(le->data);
		return 0;
	}
	if (!cache_trim(s))
		return ENOSPC;

	err = caps_new(cp, s, ver);
	if (err)
		return err;

	hash_append(s->caps, keyed_str(ver), &(*cp)->he, *cp);
	list_append(&s->capslist, &(*cp)->le, *cp);
	s->capsc++;
	mem_ref(*cp);

	return 0;
}

int service_caps_single(struct caps **cp, struct service *s, const char *ver,
			unsigned bits)
{
	int err = caps_new(cp, s, ver);

	if (err)
		return err;

	(*cp)->single = true;
	(*cp)->known = true;
	(*cp)->bits = bits;

	return 0;
}

int service_caps_read(struct caps **cp, struct service *s,
		      const struct stanza *presence)
{
	const struct stanza *c = stanza_child(presence, "c", NS_CAPS);
	const char *ver = stanza_attr(c, "ver");
	const char *node = stanza_attr(c, "node");
	const char *hash = stanza_attr(c, "hash");
	int err;

	*cp = NULL;
	if (!ver || !node || strlen(ver) > VER_MAX || strlen(node) > NODE_MAX)
		ver = "";

	if (*ver && hash && !strcmp(hash, "sha-1"))
		return cache_get(cp, s, ver);

	/* no caps, or a hash that cannot be checked: for this device only */
	err = caps_new(cp, s, ver);
	if (!err)
		(*cp)->single = true;

	return err;
}

static const struct {
	const char *var;
	unsigned bit;
} known[] = {
    {"urn:xmpp:jingle-message:0", FEATURE_JMI},
    {"urn:xmpp:jingle:1", FEATURE_JINGLE},
    {"urn:xmpp:jingle:apps:rtp:1", FEATURE_RTP},
    {"urn:xmpp:jingle:transports:ice-udp:1", FEATURE_ICE},
    {"urn:xmpp:jingle:apps:dtls:0", FEATURE_DTLS},
};

static unsigned bits_read(const struct stanza *query)
{
	const struct stanza *e;
	unsigned bits = 0;

	for (e = stanza_child(query, "feature", NS_DISCO_INFO); e;
	     e = stanza_next(e, "feature", NS_DISCO_INFO)) {
		const char *var = attr_or_empty(e, "var");

		for (size_t i = 0; i < SERVICE_COUNT(known); i++) {
			if (!strcmp(var, known[i].var))
				bits |= known[i].bit;
		}
	}

	return bits;
}

/* X0115 5.4: what does not hash to its ver must not stand for it, or one
 * client could speak for all that use the same software. */
static void caps_learn(struct caps *caps, const struct stanza *query)
{
	char ver[SERVICE_VER_SIZE];
	unsigned bits = bits_read(query);

	if (caps->single ||
	    (!service_ver_make(ver, query) && !strcmp(ver, caps->ver))) {
		caps->bits = bits;
		caps->known = true;
		return;
	}

	log_info("xmpp: %s: its features do not match its caps\n",
		 caps->asked);
	service_device_own(caps->s, caps->asked, bits);
}

static void caps_answered(int err, const struct stanza *reply, void *arg)
{
	struct caps *caps = arg;
	const struct stanza *query =
	    stanza_child(reply, "query", NS_DISCO_INFO);

	asking_ended(caps);
	caps->iq = NULL;
	mem_ref(caps); /* its device may let it go */
	if (!err && query)
		caps_learn(caps, query);
	if (!caps->known)
		caps->again = tmr_jiffies() + SERVICE_CAPS_WAIT;
	mem_deref(caps);
}

void service_caps_ask(struct caps *caps, const struct stanza *presence,
		      const char *from, const char *full)
{
	const struct stanza *c = stanza_child(presence, "c", NS_CAPS);
	struct service *s = caps->s;
	struct stanza *iq, *query;

	if (caps->known || caps->iq || tmr_jiffies() < caps->again ||
	    s->asking >= SERVICE_ASKING_MAX)
		return;

	caps->asked = mem_deref(caps->asked);
	if (str_dup(&caps->asked, full))
		return;

	iq = stanza_new("iq", NS_COMPONENT);
	(void)stanza_attr_set(iq, "type", "get");
	(void)stanza_attr_set(iq, "from", from);
	(void)stanza_attr_set(iq, "to", full);
	query = stanza_add(iq, "query", NS_DISCO_INFO);
	if (*caps->ver)
		(void)stanza_attr_setf(query, "node", "%s#%s",
				       stanza_attr(c, "node"), caps->ver);
	if (stanza_ok(iq) &&
	    !component_iq_send(&caps->iq, s->c, iq, caps_answered, caps))
		s->asking++;
	stanza_free(iq);
}

void service_caps_close(struct service *s)
{
	struct le *le;

	LIST_FOREACH (&s->capslist, le) {
		struct caps *caps = le->data;

		caps->s = NULL;
	}
	list_flush(&s->capslist);
}
