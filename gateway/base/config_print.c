/* config_print.c: what holds, in the language of the file, secrets left out.
 */
#include "config_int.h"

#include <string.h>

static int section_print(struct re_printf *pf, const struct config_kind *kind,
			 const char *name, const void *base)
{
	size_t i;
	int err;

	err = name ? re_hprintf(pf, "[%s %s]\n", kind->name, name)
		   : re_hprintf(pf, "[%s]\n", kind->name);

	for (i = 0; i < kind->keyc && !err; i++) {
		const struct config_key *key = &kind->keys[i];

		if (!key->type->print)
			continue;
		err = re_hprintf(pf, "%s = ", key->name);
		err |= key->type->print(pf, key, base);
		err |= re_hprintf(pf, "\n");
	}

	return err | re_hprintf(pf, "\n");
}

static int routes_print(struct re_printf *pf, const struct config_kind *kind,
			const struct config *c)
{
	const char *base = (const char *)c;
	struct config_route *const *v = (const void *)(base + kind->offset);
	const size_t *n = (const void *)(base + kind->offset2);
	size_t i;
	int err = 0;

	if (!*n)
		return 0;

	err |= re_hprintf(pf, "[%s]\n", kind->name);
	for (i = 0; i < *n; i++) {
		err |= re_hprintf(pf, "%s = %s\n", (*v)[i].name, (*v)[i].text);
	}

	return err | re_hprintf(pf, "\n");
}

static int domains_print(struct re_printf *pf, const struct config *c)
{
	size_t i, j, n = 0;
	int err = 0;

	for (i = 0; i < c->xmppc; i++) {
		for (j = 0; j < c->xmpp[i].domainc; j++)
			err |= re_hprintf(pf, "%s%s", n++ ? ", " : "",
					  c->xmpp[i].domains[j]);
	}

	return err;
}

static int accept_print(struct re_printf *pf, const struct config_trunk *t)
{
	size_t i;
	int err = 0;

	for (i = 0; i < t->accept_fromc; i++)
		err |= re_hprintf(pf, "%s%H", i ? ", " : "", config_net_print,
				  &t->accept_from[i]);

	return t->accept_fromc ? err : re_hprintf(pf, "its own address only");
}

/* Who may call whom: what an operator most wants to be sure of. */
static int access_print(struct re_printf *pf, const struct config *c)
{
	if (c->routec) {
		return re_hprintf(pf,
				  "# access: %zu rule%s of [route]; what none "
				  "of them allows is refused\n",
				  c->routec, c->routec == 1 ? "" : "s");
	}
	if (c->trunkc != 1) {
		return re_hprintf(pf,
				  "# access: %zu trunks and no [route]; every "
				  "call is refused\n",
				  c->trunkc);
	}

	return re_hprintf(pf,
			  "# access: no [route]; users of %H may call through "
			  "trunk %s, calls from %H may ring them\n",
			  domains_print, c, c->trunk[0].name, accept_print,
			  &c->trunk[0]);
}

static bool is_quoted(const char *s)
{
	size_t len = s ? strlen(s) : 0;

	return len > 1 && (s[0] == '"' || s[0] == '\'') && s[len - 1] == s[0];
}

/* Behind NAT for signalling alone: nobody hears of it but who is called. */
static int nat_print(struct re_printf *pf, const struct config *c)
{
	if (!sa_isset(&c->sip.public4, SA_ADDR) ||
	    sa_isset(&c->media.public4, SA_ADDR) ||
	    !sa_isset(&c->media.addr4, SA_ADDR) ||
	    !config_sa_is_private(&c->media.addr4))
		return 0;

	return re_hprintf(pf,
			  "# note: [sip] public_address is set and [media] "
			  "public_address is not: phones outside are told to "
			  "send sound to %j\n",
			  &c->media.addr4);
}

/* The first rule changes what users dial. */
static int addressing_print(struct re_printf *pf, const struct config *c)
{
	if (c->trunkc != 1 || !c->routec || !c->trunk[0].addressing_auto)
		return 0;

	return re_hprintf(pf,
			  "# note: with rules in [route] users call "
			  "600\\40HOST@COMPONENT; addressing = trunk in "
			  "[trunk %s] keeps 600@COMPONENT\n",
			  c->trunk[0].name);
}

/* Right as it stands, and hardly what was meant. */
static int notes_print(struct re_printf *pf, const struct config *c)
{
	static const char note[] =
	    "# note: the %s of %s stands in quotes, which are part of it\n";
	size_t i;
	int err = 0;

	for (i = 0; i < c->xmppc; i++) {
		if (is_quoted(c->xmpp[i].secret))
			err |= re_hprintf(pf, note, "secret",
					  c->xmpp[i].component);
	}
	for (i = 0; i < c->trunkc; i++) {
		if (is_quoted(c->trunk[i].password))
			err |=
			    re_hprintf(pf, note, "password", c->trunk[i].name);
	}

	return err | nat_print(pf, c) | addressing_print(pf, c);
}

/* A plain [xmpp] shares the name of its component. */
static const char *xmpp_name(const struct config_xmpp *x)
{
	return x->name == x->component ? NULL : x->name;
}

/* A singleton's place in c; the others come one by one. */
static int kind_print(struct re_printf *pf, const struct config_kind *kind,
		      const struct config *c)
{
	size_t i;
	int err = 0;

	if (!kind->keyc)
		return routes_print(pf, kind, c);
	if (!kind->size)
		return section_print(pf, kind, NULL,
				     (const char *)c + kind->offset);

	if (kind->naming == CONFIG_MAY_BE_NAMED) {
		for (i = 0; i < c->xmppc; i++)
			err |= section_print(pf, kind, xmpp_name(&c->xmpp[i]),
					     &c->xmpp[i]);
	} else if (!strcmp(kind->name, "plan")) {
		for (i = 0; i < c->planc; i++)
			err |= section_print(pf, kind, c->plan[i].name,
					     &c->plan[i]);
	} else {
		for (i = 0; i < c->trunkc; i++)
			err |= section_print(pf, kind, c->trunk[i].name,
					     &c->trunk[i]);
	}

	return err;
}

int config_print(struct re_printf *pf, const struct config *c)
{
	size_t i;
	int err = 0;

	if (!c)
		return 0;

	for (i = 0; i < config_kindc; i++)
		err |= kind_print(pf, &config_kinds[i], c);

	return err | access_print(pf, c) | notes_print(pf, c);
}

const struct config_trunk *config_trunk_find(const struct config *c,
					     const char *name)
{
	size_t i;

	for (i = 0; c && name && i < c->trunkc; i++) {
		if (0 == str_cmp(c->trunk[i].name, name))
			return &c->trunk[i];
	}

	return NULL;
}

bool config_serves(const struct config_xmpp *x, const char *domain)
{
	for (size_t i = 0; x && domain && i < x->domainc; i++) {
		if (!str_casecmp(x->domains[i], domain))
			return true;
	}

	return false;
}
