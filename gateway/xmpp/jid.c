/* jid.c: XMPP addresses: stringprep (RFC 6122) and XEP-0106 escaping. */
#include "xmpp/jid.h"

#include <errno.h>
#include <string.h>

#include <stringprep.h>

#include "base/compat.h"
#include "base/text.h"

#ifndef PLANT
#define PLANT 0
#endif

static bool is_ascii(const char *s)
{
	while (*s) {
		if ((unsigned char)*s++ >= 0x80)
			return false;
	}

	return true;
}

static int prep_round(char buf[JID_PART_MAX + 1],
		      const Stringprep_profile *profile)
{
	switch (stringprep(buf, JID_PART_MAX + 1, 0, profile)) {
	case STRINGPREP_OK:
		return *buf ? 0 : EBADMSG;
	case STRINGPREP_MALLOC_ERROR:
		return ENOMEM;
	default:
		return EBADMSG;
	}
}

/* What every profile leaves as it is; resourceprep leaves all of ASCII but its
 * control characters (RFC 6122 B.3, B.5). */
static bool is_prepared(const char *s, size_t len,
			const Stringprep_profile *profile)
{
	bool resource = profile == stringprep_xmpp_resourceprep;

	for (; len; len--, s++) {
		if ((*s >= 'a' && *s <= 'z') || (*s >= '0' && *s <= '9') ||
		    *s == '-' || *s == '.' || *s == '_' || *s == '+')
			continue;
		if (!resource || *s < ' ' || *s > '~')
			return false;
	}

	return true;
}

/* A few odd strings change again when prepared a second time: as keys they
 * would not be found, so they are refused. */
static int prep(char buf[JID_PART_MAX + 1], const char *s, size_t len,
		const Stringprep_profile *profile)
{
	char again[JID_PART_MAX + 1];
	int err;

#if PLANT == 1
	if (!len || len > JID_PART_MAX + 1 || memchr(s, 0, len) ||
#else
	if (!len || len > JID_PART_MAX || memchr(s, 0, len) ||
#endif
	    !text_is_utf8(s, len))
		return EBADMSG;

	memcpy(buf, s, len);
	buf[len] = '\0';
	if (is_prepared(s, len, profile))
		return 0;

	err = prep_round(buf, profile);
	if (err || is_ascii(buf))
		return err;

	memcpy(again, buf, sizeof(again));
	err = prep_round(again, profile);
	if (err)
		return err;

	return strcmp(again, buf) ? EBADMSG : 0;
}

static int dup(char **dp, const char *s, size_t len)
{
	char *d = mem_alloc(len + 1, NULL);

	if (!d)
		return ENOMEM;

	memcpy(d, s, len);
	d[len] = '\0';
	*dp = d;

	return 0;
}

static int part_decode(char **dp, const char *s, size_t len,
		       const Stringprep_profile *profile)
{
	char buf[JID_PART_MAX + 1];
	int err;

	if (len && len <= JID_PART_MAX && is_prepared(s, len, profile))
		return dup(dp, s, len);

	err = prep(buf, s, len, profile);
	if (err)
		return err;

	return str_dup(dp, buf);
}

static bool is_domain_char(char c)
{
	return (unsigned char)c >= 0x80 || (c >= 'a' && c <= 'z') ||
	       (c >= '0' && c <= '9') || c == '-' || c == '_';
}

/* RFC 7622 3.2: a domain name, an IPv4 address or an IPv6 literal. */
static bool is_domain(const char *s)
{
	size_t len = strlen(s), label = 0;

	if (s[0] == '[')
		return len > 3 && s[len - 1] == ']' &&
		       strspn(s + 1, "0123456789abcdef:.") == len - 2;

	for (; *s; s++) {
		if (*s == '.' ? !label : !is_domain_char(*s))
			return false;
		label = *s == '.' ? 0 : label + 1;
	}

	return label > 0;
}

static int domain_decode(char **dp, const char *s, size_t len)
{
	char buf[JID_PART_MAX + 1];
	int err;

	/* RFC 7622 3.2: a final dot is stripped before anything else */
	if (len > 1 && s[len - 1] == '.')
		len--;

	err = prep(buf, s, len, stringprep_nameprep);
	if (err)
		return err;

	return is_domain(buf) ? str_dup(dp, buf) : EBADMSG;
}

/* Small letters and digits: a domain as it is, or else to be looked at. */
static bool is_usual_domain(const char *s, size_t len)
{
	size_t label = 0;

	for (; len; len--, s++) {
		if (*s == '.' ? !label
			      : !(*s >= 'a' && *s <= 'z') &&
				    !(*s >= '0' && *s <= '9') && *s != '-')
			return false;
		label = *s == '.' ? 0 : label + 1;
	}

	return label > 0;
}

bool jid_is_usual(struct pl *bare, struct pl *domain, const char *jid)
{
	const size_t len = strlen(jid);
	const char *slash = memchr(jid, '/', len), *at;
	const size_t n = slash ? (size_t)(slash - jid) : len;

	if (len >= JID_PART_MAX)
		return false;
	at = memchr(jid, '@', n);
	*bare = (struct pl){jid, n};
	*domain = *bare;
	if (at)
		pl_advance(domain, at + 1 - jid);

	return is_usual_domain(domain->p, domain->l) &&
	       (!at || (at != jid && is_prepared(jid, (size_t)(at - jid),
						 stringprep_xmpp_nodeprep))) &&
	       (!slash ||
		(n + 1 < len && is_prepared(slash + 1, len - n - 1,
					    stringprep_xmpp_resourceprep)));
}

int jid_decode(struct jid *j, const char *s, size_t len)
{
	struct jid n = {NULL, NULL, NULL};
	const char *end, *at, *slash;
	int err = 0;

	if (!j || !s)
		return EINVAL;
	if (len >= JID_SIZE)
		return EBADMSG;

	end = s + len;

	/* RFC 7622 3.1: first the resource off, then the localpart */
	slash = memchr(s, '/', len);
	at = memchr(s, '@', (size_t)((slash ? slash : end) - s));

	if (slash)
		err = part_decode(&n.resource, slash + 1,
				  (size_t)(end - slash - 1),
				  stringprep_xmpp_resourceprep);
	else
		err = str_dup(&n.resource, "");

	if (!err && at)
		err = part_decode(&n.local, s, (size_t)(at - s),
				  stringprep_xmpp_nodeprep);
	else if (!err)
		err = str_dup(&n.local, "");

	if (!err) {
		const char *d = at ? at + 1 : s;

		err = domain_decode(&n.domain, d,
				    (size_t)((slash ? slash : end) - d));
	}

	if (err)
		jid_clear(&n);
	else
		*j = n;

	return err;
}

void jid_clear(struct jid *j)
{
	if (!j)
		return;

	j->local = mem_deref(j->local);
	j->domain = mem_deref(j->domain);
	j->resource = mem_deref(j->resource);
}

int jid_print_bare(struct re_printf *pf, const struct jid *j)
{
	if (!j || !j->domain)
		return 0;

	return re_hprintf(pf, "%s%s%s", j->local, *j->local ? "@" : "",
			  j->domain);
}

int jid_print(struct re_printf *pf, const struct jid *j)
{
	if (!j || !j->domain)
		return 0;

	return re_hprintf(pf, "%H%s%s", jid_print_bare, j,
			  *j->resource ? "/" : "", j->resource);
}

bool jid_equal(const struct jid *a, const struct jid *b)
{
	return jid_equal_bare(a, b) && !strcmp(a->resource, b->resource);
}

bool jid_equal_bare(const struct jid *a, const struct jid *b)
{
	return a && b && a->domain && b->domain &&
	       !strcmp(a->local, b->local) && !strcmp(a->domain, b->domain);
}

int jid_text_bare(char **tp, const struct jid *j)
{
	const size_t n = strlen(j->local), m = strlen(j->domain);
	char *d = mem_alloc(n + m + 2, NULL);

	*tp = d;
	if (!d)
		return ENOMEM;

	memcpy(d, j->local, n);
	if (n)
		d[n] = '@';
	memcpy(d + n + (n > 0), j->domain, m + 1);

	return 0;
}

int jid_bare(char **bp, const char *jid)
{
	struct pl bare, domain;
	struct jid j;
	int err;

	if (!bp || !jid)
		return EINVAL;
	if (jid_is_usual(&bare, &domain, jid))
		return dup(bp, bare.p, bare.l);

	err = jid_decode(&j, jid, strlen(jid));
	if (err)
		return err;

	err = jid_text_bare(bp, &j);
	jid_clear(&j);

	return err;
}

int jid_domain(char **dp, const char *domain)
{
	if (!dp || !domain)
		return EINVAL;

	return domain_decode(dp, domain, strlen(domain));
}

/* XEP-0106 3.2, table 1 */
static const struct escape {
	char c;
	char hex[3];
} escapes[] = {
    {' ', "20"}, {'"', "22"}, {'&', "26"}, {'\'', "27"}, {'/', "2f"},
    {':', "3a"}, {'<', "3c"}, {'>', "3e"}, {'@', "40"},	 {'\\', "5c"},
};

static const struct escape *escape_by_char(char c)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(escapes); i++) {
		if (escapes[i].c == c)
			return &escapes[i];
	}

	return NULL;
}

/* The escape whose two hex digits stand at s, in either case if fold. */
static const struct escape *escape_by_hex(const char *s, size_t len, bool fold)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(escapes) && len >= 2; i++) {
		if (fold ? !strncasecmp(escapes[i].hex, s, 2)
			 : !memcmp(escapes[i].hex, s, 2))
			return &escapes[i];
	}

	return NULL;
}

int jid_escape(char **dp, const char *s, size_t len)
{
	size_t i, n = 0;
	char *d;

	if (!dp || !s)
		return EINVAL;
	if (!len || len > JID_PART_MAX || s[0] == ' ' || s[len - 1] == ' ' ||
	    memchr(s, 0, len) || !text_is_utf8(s, len))
		return EBADMSG;

#if PLANT == 2
	d = mem_alloc(3 * len, NULL);
#else
	d = mem_alloc(3 * len + 1, NULL);
#endif
	if (!d)
		return ENOMEM;

	for (i = 0; i < len; i++) {
		const struct escape *e = escape_by_char(s[i]);

		/* XEP-0106 4.2 rule 3: '\' only where it would read as an
		 * escape; nodeprep, which follows, folds the hex digits */
#if PLANT == 3
		if (e && s[i] == '\\')
			e = NULL;
#else
		if (e && s[i] == '\\' &&
		    !escape_by_hex(s + i + 1, len - i - 1, true))
			e = NULL;
#endif

		if (!e) {
			d[n++] = s[i];
			continue;
		}

		d[n++] = '\\';
		d[n++] = e->hex[0];
		d[n++] = e->hex[1];
	}

	d[n] = '\0';
	*dp = d;

	return 0;
}

int jid_unescape(char **dp, const char *s, size_t len)
{
	size_t i, n = 0;
	char *d;

	if (!dp || !s)
		return EINVAL;

	d = mem_alloc(len + 1, NULL);
	if (!d)
		return ENOMEM;

	for (i = 0; i < len; i++) {
		const struct escape *e = NULL;

		if (s[i] == '\\')
			e = escape_by_hex(s + i + 1, len - i - 1, false);

		d[n++] = e ? e->c : s[i];
		i += e ? 2 : 0;
	}

	d[n] = '\0';
	*dp = d;

	return 0;
}
