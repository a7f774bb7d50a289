/* xmpp_jid.c: a prepared JID is its own preparation; escaping comes back. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/compat.h"
#include "xmpp/jid.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void decode_check(const char *s, size_t len)
{
	struct jid a, b;
	char *t = NULL;

	if (jid_decode(&a, s, len))
		return;

	if (re_sdprintf(&t, "%H", jid_print, &a) ||
	    jid_decode(&b, t, strlen(t)) || !jid_equal(&a, &b))
		abort();

	mem_deref(t);
	jid_clear(&a);
	jid_clear(&b);
}

/* The parts alone are the same as in the whole. */
static void parts_check(const char *s, size_t len)
{
	char *z = NULL, *bare = NULL, *domain = NULL;
	struct pl pl = {s, len};

	if (pl_strdup(&z, &pl))
		return;

	if (!jid_bare(&bare, z)) {
		const char *at = strchr(bare, '@');

		if (jid_domain(&domain, at ? at + 1 : bare) ||
		    strcmp(domain, at ? at + 1 : bare) != 0)
			abort();
	}

	mem_deref(z);
	mem_deref(bare);
	mem_deref(domain);
}

/* What is taken as it stands is what preparing it would give. */
static void usual_check(const char *s, size_t len)
{
	char *z = NULL, *t = NULL, *b = NULL;
	struct pl bare, domain, pl = {s, len};
	struct jid j;

	if (pl_strdup(&z, &pl))
		return;

	if (jid_is_usual(&bare, &domain, z)) {
		if (jid_decode(&j, z, strlen(z)) ||
		    re_sdprintf(&t, "%H", jid_print, &j) || strcmp(t, z) ||
		    jid_text_bare(&b, &j) || pl_strcmp(&bare, b) ||
		    pl_strcmp(&domain, j.domain))
			abort();
		jid_clear(&j);
	}

	mem_deref(z);
	mem_deref(t);
	mem_deref(b);
}

static void escape_check(const char *s, size_t len)
{
	char *e = NULL, *u = NULL;

	if (!jid_unescape(&u, s, len))
		u = mem_deref(u);

	if (jid_escape(&e, s, len))
		return;

	/* none of the forbidden is left, and nothing is lost */
	if (strpbrk(e, " \"&'/:<>@") || jid_unescape(&u, e, strlen(e)) ||
	    strlen(u) != len || memcmp(u, s, len) != 0)
		abort();

	mem_deref(e);
	mem_deref(u);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	decode_check((const char *)data, size);
	parts_check((const char *)data, size);
	usual_check((const char *)data, size);
	escape_check((const char *)data, size);

	return 0;
}
