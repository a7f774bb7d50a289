/* grant.c: what the servers of users grant the gateway (X0356): each speaks for
 * its own users alone, or one that is only served could take back what another
 * has granted. */
#include "xmpp/service_int.h"

#include <errno.h>
#include <string.h>

struct grant {
	struct le le;
	unsigned bits; /* enum service_grant */
	char domain[];
};

static void grant_destructor(void *arg)
{
	struct grant *g = arg;

	list_unlink(&g->le);
}

static struct grant *grant_find(const struct service *s, const char *user)
{
	const char *at = strchr(user, '@');
	struct le *le;

	LIST_FOREACH (&s->grants, le) {
		struct grant *g = le->data;

		if (!str_casecmp(g->domain, at ? at + 1 : user))
			return g;
	}

	return NULL;
}

int service_grant(struct service *s, const char *domain, unsigned bits)
{
	struct grant *g = grant_find(s, domain);

	if (!g && bits) {
		g = mem_zalloc(sizeof(*g) + strlen(domain) + 1,
			       grant_destructor);
		if (!g)
			return ENOMEM;
		memcpy(g->domain, domain, strlen(domain) + 1);
		list_append(&s->grants, &g->le, g);
	}
	if (g)
		g->bits = bits;
	if (!bits)
		mem_deref(g);

	return 0;
}

void service_grant_none(struct service *s)
{
	list_flush(&s->grants);
}

unsigned service_granted(const struct service *s, const char *user)
{
	const struct grant *g = s ? grant_find(s, user) : NULL;

	return g ? g->bits : 0;
}
