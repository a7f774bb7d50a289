/* enum.c: what records of ENUM say (RFC 6116, RFC 3402). */
#include "bridge/enum.h"
#include <errno.h>
#include <string.h>
#include "bridge/address.h"
#include "bridge/number.h"
#include "sip/nameaddr.h"

#ifndef PLANT
#define PLANT 0 /* 1..3: a bug on purpose, for the fuzzer to find */
#endif

enum { RULE_MAX = 255, URI_MAX = 255 }; /* bytes; RFC 1035 3.3 */

static const char digits[] = "0123456789";

int enum_name(char *name, size_t size, const char *number, const char *zone)
{
	const size_t n = strlen(number);
	char *p = name;

	if (number[0] != '+' || n < 3 || n > NUMBER_DIGITS + 1 ||
	    number[1 + strspn(number + 1, digits)] ||
	    2 * (n - 1) + strlen(zone) >= size)
		return EBADMSG;

	for (size_t i = n - 1; i > 0; i--) {
		*p++ = number[i];
		*p++ = '.';
	}
	memcpy(p, zone, strlen(zone) + 1);

	return 0;
}

bool enum_serves(const char *flags, const char *services)
{
	const char *s = services;

	if (!flags || str_casecmp(flags, "u") || !s ||
	    strncasecmp(s, "E2U", 3))
		return false;

	for (s += 3; *s == '+'; s += 1 + strcspn(s + 1, "+")) {
		const size_t n = strcspn(s + 1, "+:");

		if (n == 3 && !strncasecmp(s + 1, "sip", n))
			return true;
	}

	return false;
}

/* A part of the rule up to its delimiter; NULL: there is none. */
static const char *part_end(const char *p, char delim)
{
	for (; *p; p++) {
		if (*p == '\\' && p[1])
			++p;
		else if (*p == delim)
			return p;
	}

	return NULL;
}

/* "^\+49(.*)$" on a number: all that it may say.  *group: what the brackets
 * hold, whose length is l; p NULL: there are none. */
static int match(struct pl *group, const char *p, const char *end,
		 const char *number)
{
	const char *s = number;
	bool any = false, open = false;

	group->p = NULL;
	group->l = 0;
	if (p < end && *p == '^')
		++p;
	for (; p < end; p++) {
		if (*p == '(' && !group->p && !any) {
			group->p = s;
			open = true;
		} else if (*p == ')' && open) {
			group->l = (size_t)(s - group->p);
			open = false;
		} else if (*p == '.' && p + 1 < end && p[1] == '*' && !any) {
			any = true;
			++p;
			s += PLANT == 1 ? strlen(number) : strlen(s);
		} else if (*p == '$' && p + 1 == end) {
			break;
		} else {
			if (*p == '\\' && p + 1 < end && p[1] == '+')
				++p;
			if (any || *p != *s || !*s)
				return EBADMSG;
			++s;
		}
	}

	return *s || open ? EBADMSG : 0;
}

/* Puts the group where the replacement wants it. */
static int replace(char out[URI_MAX + 1], const char *p, const char *end,
		   const struct pl *group)
{
	size_t n = 0;

	for (; p < end; p++) {
		const char *add = p;
		size_t len = 1;

		if (*p == '\\' && p + 1 < end) {
			++p;
			add = *p == '1' ? group->p : p;
			len = *p == '1' ? group->l : 1;
			if (!add || (*p != '1' && strchr(digits, *p)))
				return EBADMSG;
		}
		if (n + len > URI_MAX && PLANT != 2)
			return EBADMSG;
		memcpy(out + n, add, len);
		n += len;
	}
	out[n] = '\0';

	return 0;
}

static bool is_host(const char *host, size_t len)
{
	const char name[] = "abcdefghijklmnopqrstuvwxyz"
			    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.";
	bool letter = false;

	for (size_t i = 0; i < len; i++) {
		if (!strchr(name, host[i]) || !host[i])
			return false;
		letter |= !strchr("0123456789.-", host[i]);
	}

	return letter || PLANT == 3;
}

/* What the record adds to an address is not for us: it says how to go there,
 * and we go through the trunk. */
static int take_uri(char **urip, char *text)
{
	struct address a;
	const char *host;
	size_t len;

	text[strcspn(text, ";?")] = '\0';
	host = strchr(text, '@');
	if (strncasecmp(text, "sip:", 4) || !host || strchr(host + 1, '@') ||
	    !nameaddr_uri_safe(text) || address_decode(&a, text))
		return EBADMSG;
	address_clear(&a);

	++host;
	len = strcspn(host, ":");
	if (!is_host(host, len) ||
	    (host[len] && (!host[len + 1] ||
			   host[len + 1 + strspn(host + len + 1, digits)])))
		return EBADMSG;

	return re_sdprintf(urip, "sip:%s", text + 4);
}

int enum_rewrite(char **urip, const char *rule, const char *number)
{
	const size_t len = strlen(rule);
	const char *mid, *end;
	char text[URI_MAX + 1];
	struct pl group;
	int err;

	/* RFC 3402 3.2; of flags there is "i", which digits do not care for */
	if (len < 4 || len > RULE_MAX || strchr("\\i0123456789", rule[0]))
		return EBADMSG;
	mid = part_end(rule + 1, rule[0]);
	end = mid ? part_end(mid + 1, rule[0]) : NULL;
	if (!end || (end[1] && strcmp(end + 1, "i")))
		return EBADMSG;

	err = match(&group, rule + 1, mid, number);
	if (!err)
		err = replace(text, mid + 1, end, &group);
	if (!err)
		err = take_uri(urip, text);

	return err;
}
