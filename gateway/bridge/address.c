/* address.c: SIP URIs <-> JIDs (protocol B.1, B.2). */
#include <errno.h>
#include <string.h>
#include <strings.h>
#include "base/text.h"
#include "bridge/address.h"
#include "bridge/route.h"
#include "xmpp/jid.h"

#ifndef PLANT
#define PLANT 0 /* 1..3: a bug on purpose, for the fuzzer to find */
#endif

enum { URI_MAX = 2048 };

/* Percent-decodes in place of a copy: UTF-8 without controls, or EBADMSG. */
static int decode_user(char **dp, const struct pl *pl)
{
	char *out;
	size_t n = 0;

	out = mem_alloc(pl->l + (PLANT != 1), NULL);
	if (!out)
		return ENOMEM;

	for (size_t i = 0; i < pl->l; i++) {
		char c = pl->p[i];

		if (c == '%') {
			bool whole = i + 2 < pl->l || PLANT == 2;
			int hi = whole ? text_hex(pl->p[i + 1]) : -1;
			int lo = whole ? text_hex(pl->p[i + 2]) : -1;

			if (hi < 0 || lo < 0)
				goto bad;
			c = (char)(hi << 4 | lo);
			i += 2;
		}
		if ((unsigned char)c < 0x20 || c == 0x7f)
			goto bad;
		out[n++] = c;
	}

	out[n] = '\0';
	if (!n || !text_is_utf8(out, n))
		goto bad;

	*dp = out;

	return 0;

bad:
	mem_deref(out);

	return EBADMSG;
}

static bool strip_prefix(struct pl *pl, const char *prefix)
{
	size_t n = strlen(prefix);

	if (pl->l < n || strncasecmp(pl->p, prefix, n))
		return false;

	pl_advance(pl, (ssize_t)n);

	return true;
}

static void cut_at(struct pl *pl, const char *any)
{
	for (size_t i = 0; i < pl->l; i++) {
		if (strchr(any, pl->p[i])) {
			pl->l = i;
			return;
		}
	}
}

/* RFC 3966 3: visual separators say nothing. */
static void strip_visual(char *s)
{
	char *out = s;

	for (; *s; s++) {
		if (!strchr("-.()", *s))
			*out++ = *s;
	}
	*out = '\0';
}

static bool is_number(const char *s)
{
	if (*s == '+')
		++s;
	if (!*s)
		return false;

	return s[strspn(s, "0123456789")] == '\0';
}

static int decode_tel(struct address *a, const struct pl *rest)
{
	struct pl number = *rest, context;
	int err;

	cut_at(&number, ";?");
	err = decode_user(&a->user, &number);
	if (err)
		return err;

	strip_visual(a->user);
	a->tel = true;
	if (a->user[0] == '+')
		return is_number(a->user) ? 0 : EBADMSG;
	if (a->user[strspn(a->user, "0123456789*#ABCDabcd")])
		return EBADMSG;

	/* RFC 3966 5.1.5: a local number has a context */
	if (re_regex(rest->p, rest->l, ";phone-context=[^;?]+", &context))
		return EBADMSG;

	return pl_strdup(&a->host, &context);
}

static bool is_phone(const struct pl *params)
{
	static const char word[] = ";user=phone";
	const size_t n = sizeof(word) - 1;
	const char *p = params->p, *const end = p + params->l;

	while (p < end && (p = memchr(p, ';', (size_t)(end - p)))) {
		if ((size_t)(end - p) >= n && !strncasecmp(p, word, n))
			return true;
		p++;
	}

	return false;
}

static int decode_sip(struct address *a, struct pl rest)
{
	const char *at = pl_strchr(&rest, '@');
	struct pl user, host, params;
	int err;

	if (!at)
		return EBADMSG; /* no user: the gateway itself */

	user.p = rest.p;
	user.l = (size_t)(at - rest.p);
	host.p = at + 1;
	host.l = rest.l - user.l - 1;
	params = host;
	cut_at(&user, ":");
	cut_at(&host, ";?");

	err = decode_user(&a->user, &user);
	if (err)
		return err;

	if (is_phone(&params)) {
		strip_visual(a->user);
		a->tel = true;
	}

	if (host.l && host.p[0] == '[') { /* IPv6 */
		cut_at(&host, "]");
		if (host.l < 2)
			return EBADMSG;
		pl_advance(&host, 1);
	} else {
		cut_at(&host, ":");
	}
	if (!host.l)
		return EBADMSG;

	return pl_strdup(&a->host, &host);
}

int address_decode(struct address *a, const char *uri)
{
	struct pl rest;
	int err;

	memset(a, 0, sizeof(*a));
	pl_set_str(&rest, uri);
	if (rest.l > URI_MAX)
		return EBADMSG;

	if (strip_prefix(&rest, "sips:"))
		return EACCES; /* RFC 5630 5.1.2, D4 */

	if (strip_prefix(&rest, "tel:"))
		err = decode_tel(a, &rest);
	else if (strip_prefix(&rest, "sip:") || strip_prefix(&rest, "im:") ||
		 strip_prefix(&rest, "pres:"))
		err = decode_sip(a, rest);
	else
		err = EBADMSG;
	if (err)
		address_clear(a);

	return err;
}

void address_clear(struct address *a)
{
	a->user = mem_deref(a->user);
	a->host = mem_deref(a->host);
}

static int make_jid(char **jidp, const char *text, const char *domain)
{
	char *local, *raw = NULL;
	struct jid jid;
	int err;

	err = jid_escape(&local, text, strlen(text));
	if (err)
		return err;

	err = re_sdprintf(&raw, "%s@%s", local, domain);
	mem_deref(local);
	if (err)
		return err;

	err = jid_decode(&jid, raw, strlen(raw));
	mem_deref(raw);
	if (err)
		return err;

	err = jid_text_bare(jidp, &jid);
	jid_clear(&jid);

	return err;
}

int route_uri_to_jid(char **jidp, const char *uri, enum config_addressing mode,
		     const char *domain)
{
	struct address a;
	char *text = NULL;
	int err;

	err = address_decode(&a, uri);
	if (err)
		return err;

	if (mode == CONFIG_ADDR_ESCAPED && a.host &&
	    !(a.tel && a.user[0] == '+'))
		err = re_sdprintf(&text, "%s@%s", a.user, a.host);
	else
		err = str_dup(&text, a.user);
	if (!err)
		err = make_jid(jidp, text, domain);

	mem_deref(text);
	address_clear(&a);

	return err;
}

/* A host name or a numeric address, nothing that could be URI syntax. */
static bool is_host(const char *s)
{
	static const char ok[] = "abcdefghijklmnopqrstuvwxyz"
				 "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.:[]";

	return *s && s[strspn(s, ok)] == '\0';
}

int address_join(char **urip, const char *user, const char *host,
		 const char *params)
{
	if (text_is_sip_user(user) || PLANT == 3)
		return text_join(urip, "sip:", user, "@", host, params, NULL);

	return re_sdprintf(urip, "sip:%H@%s%s", text_print_sip_user, user,
			   host, params);
}

int address_print(char **urip, const char *user, const char *host)
{
	return address_join(urip, user, host,
			    user[0] == '+' && is_number(user) ? ";user=phone"
							      : "");
}

static int escaped_uri(char **urip, char *text)
{
	char *at = strrchr(text, '@');

	if (!at)
		at = strrchr(text, '%'); /* XEP-0106 4.4: legacy alias */
	if (!at || at == text || !is_host(at + 1))
		return EBADMSG;

	*at = '\0';

	return address_print(urip, text, at + 1);
}

int route_jid_to_uri(char **urip, const char *jid_text,
		     enum config_addressing mode, const char *trunk_host)
{
	char *text = NULL;
	struct jid jid;
	int err;

	err = jid_decode(&jid, jid_text, strlen(jid_text));
	if (err)
		return err;

	if (!jid.local[0]) {
		err = EBADMSG;
		goto out;
	}

	err = jid_unescape(&text, jid.local, strlen(jid.local));
	if (err)
		goto out;

	switch (mode) {
	case CONFIG_ADDR_ESCAPED:
		err = escaped_uri(urip, text);
		break;
	case CONFIG_ADDR_DOMAIN:
		err = is_host(jid.domain)
			  ? address_print(urip, text, jid.domain)
			  : EBADMSG;
		break;
	default:
		err = address_print(urip, text, trunk_host);
		break;
	}

out:
	mem_deref(text);
	jid_clear(&jid);

	return err;
}
