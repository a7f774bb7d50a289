/* disco.c: service discovery (X0030): what the gateway and its contacts are
 * (G.1, G.2). */
#include "xmpp/service_int.h"

#include <errno.h>
#include <string.h>
#include "xmpp/forms.h"

struct identity { /* registrar, disco-categories */
	enum target target;
	const char *category, *type, *name;
};

/* D48: clients in the wild key on gateway/sip and gateway/pstn. */
static const struct identity identities[] = {
    {TARGET_GATEWAY, "gateway", "simple", SERVICE_NAME},
    {TARGET_GATEWAY, "gateway", "sip", SERVICE_NAME},
    {TARGET_GATEWAY, "gateway", "pstn", SERVICE_NAME},
    {TARGET_CONTACT, "account", "registered", NULL},
    {TARGET_PHONE, "client", "phone", "SIP"},
};

static const struct {
	enum target target;
	const char *var;
} features[] = {
    {TARGET_GATEWAY, NS_CAPS},
    {TARGET_GATEWAY, "http://jabber.org/protocol/commands"},
    {TARGET_GATEWAY, NS_DISCO_INFO},
    {TARGET_GATEWAY, NS_DISCO_ITEMS},
    {TARGET_GATEWAY, "http://jabber.org/protocol/rosterx"},
    {TARGET_GATEWAY, NS_GATEWAY},
    {TARGET_GATEWAY, "jabber:iq:register"},
    {TARGET_GATEWAY, "jabber:iq:search"},
    {TARGET_GATEWAY, NS_VERSION},
    {TARGET_GATEWAY, NS_DATA},
    {TARGET_GATEWAY, "jid\\20escaping"},
    {TARGET_GATEWAY, NS_PING},
    {TARGET_GATEWAY, NS_TIME},
    {TARGET_GATEWAY, NS_VCARD},

    {TARGET_CONTACT, NS_VCARD},

    {TARGET_PHONE, NS_CAPS},
    {TARGET_PHONE, "http://jabber.org/protocol/chatstates"},
    {TARGET_PHONE, NS_DISCO_INFO},
    {TARGET_PHONE, "urn:ietf:rfc:5576"},
    {TARGET_PHONE, "urn:ietf:rfc:5888"},
    {TARGET_PHONE, "urn:xmpp:jingle-message:0"},
    {TARGET_PHONE, "urn:xmpp:jingle:1"},
    {TARGET_PHONE, "urn:xmpp:jingle:apps:dtls:0"},
    {TARGET_PHONE, "urn:xmpp:jingle:apps:rtp:1"},
    {TARGET_PHONE, "urn:xmpp:jingle:apps:rtp:audio"},
    {TARGET_PHONE, "urn:xmpp:jingle:apps:rtp:rtcp-fb:0"},
    {TARGET_PHONE, "urn:xmpp:jingle:apps:rtp:rtp-hdrext:0"},
    {TARGET_PHONE, "urn:xmpp:jingle:transports:ice-udp:1"},
    {TARGET_PHONE, NS_PING},
    {TARGET_PHONE, "urn:xmpp:receipts"},
};

static void identity_add(struct stanza *query, const char *category,
			 const char *type, const char *name)
{
	struct stanza *e = stanza_add(query, "identity", NULL);

	(void)stanza_attr_set(e, "category", category);
	(void)stanza_attr_set(e, "type", type);
	(void)stanza_attr_set(e, "name", name);
}

bool service_disco_more(const struct config_xmpp *conf)
{
	return conf && (conf->sms || conf->adminc || conf->supportc);
}

static void addresses_add(struct stanza *x, const char *var, char *const *v,
			  size_t n)
{
	struct stanza *e;

	if (!n)
		return;

	e = form_field_add(x, "list-multi", var, NULL, NULL, false);
	for (size_t i = 0; i < n; i++)
		(void)stanza_text_add(stanza_add(e, "value", NULL), v[i]);
}

/* X0157 2; G.1 */
static void more_add(struct stanza *query, const struct config_xmpp *conf)
{
	struct stanza *x;

	if (conf->sms)
		identity_add(query, "gateway", "sms", SERVICE_NAME);
	if (!conf->adminc && !conf->supportc)
		return;

	x = form_add(query, "result", NULL, NULL,
		     "http://jabber.org/network/serverinfo");
	addresses_add(x, "admin-addresses", conf->admins, conf->adminc);
	addresses_add(x, "support-addresses", conf->support, conf->supportc);
}

void service_disco_add(struct stanza *query, enum target target,
		       const struct config_xmpp *conf)
{
	for (size_t i = 0; i < SERVICE_COUNT(identities); i++) {
		const struct identity *id = &identities[i];

		if (id->target == target)
			identity_add(query, id->category, id->type, id->name);
	}
	for (size_t i = 0; i < SERVICE_COUNT(features); i++) {
		if (features[i].target == target)
			(void)stanza_attr_set(
			    stanza_add(query, "feature", NULL), "var",
			    features[i].var);
	}
	if (target == TARGET_GATEWAY && conf)
		more_add(query, conf);
}

/* None, or the one that our caps announce (X0115 6.2). */
static bool is_our_node(struct service *s, const char *node,
			enum target target)
{
	size_t n = strlen(service_caps_node);

	if (!node || !*node)
		return true;
	if (target == TARGET_CONTACT)
		return false;

	return !strncmp(node, service_caps_node, n) && node[n] == '#' &&
	       !strcmp(node + n + 1, service_own_ver(s, target));
}

static enum stanza_cond info_cond(struct service *s, const struct address *a,
				  const char *node)
{
	if (a->target == TARGET_OTHER)
		return COND_SERVICE_UNAVAILABLE;
	if (!is_our_node(s, node, a->target))
		return COND_ITEM_NOT_FOUND;
	if (a->target == TARGET_GATEWAY)
		return COND_NONE; /* servers ask too, to show the service */

	return service_permits(s, a, NULL);
}

static void answer(struct service *s, const struct stanza *iq,
		   const struct address *a, const char *ns)
{
	const struct stanza *asked = stanza_child(iq, "query", ns);
	const char *node = stanza_attr(asked, "node");
	enum stanza_cond cond = info_cond(s, a, node);
	struct stanza *r, *query;

	if (!asked)
		cond = COND_BAD_REQUEST;
	if (cond != COND_NONE) {
		component_reply(s->c,
				stanza_error(iq, cond, NULL, NULL, NULL));
		return;
	}

	r = stanza_result(iq);
	query = stanza_add(r, "query", ns);
	if (query && node)
		(void)stanza_attr_set(query, "node", node);
	if (!strcmp(ns, NS_DISCO_INFO))
		service_disco_add(query, a->target, component_conf(s->c));
	component_reply(s->c, r);
}

static bool disco(struct service *s, const struct stanza *iq, const char *ns)
{
	struct address a;

	if (service_address_decode(&a, iq))
		return false;

	answer(s, iq, &a, ns);
	service_address_clear(&a);

	return true;
}

bool service_disco_info(struct component *c, const struct stanza *iq,
			void *arg)
{
	(void)c;

	return disco(arg, iq, NS_DISCO_INFO);
}

bool service_disco_items(struct component *c, const struct stanza *iq,
			 void *arg)
{
	(void)c;

	return disco(arg, iq, NS_DISCO_ITEMS);
}
