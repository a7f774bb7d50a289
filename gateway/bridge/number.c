/* number.c: numbers as people dial them <-> numbers of the world. */
#include <errno.h>
#include <string.h>
#include "bridge/number.h"
#include "bridge/rules.h"

#ifndef PLANT
#define PLANT 0 /* 1..3: a bug on purpose, for the fuzzer to find */
#endif

/* RFC 3966 3, and what else people write between digits. */
static const char separators[] = "-.() /";
static const char digits[] = "0123456789";

const char *number_kind_name(enum number_kind kind)
{
	static const char *const names[] = {
	    [NUMBER_NAME] = "a name",
	    [NUMBER_SHORT] = "a short number",
	    [NUMBER_LOCAL] = "a number of unknown place",
	    [NUMBER_GLOBAL] = "an international number",
	};

	return names[kind];
}

static bool is_digits(const char *s)
{
	return *s && !s[strspn(s, digits)];
}

static bool begins(const char *s, const char *prefix)
{
	return prefix && *prefix && !strncmp(s, prefix, strlen(prefix));
}

/* Without what RFC 3966 3 calls visual separators, spaces and slashes; "(0)"
 * in an international number is not dialled.  EOVERFLOW. */
static int clean(char *out, const char *s)
{
	const bool global = *s == '+';
	size_t n = 0;

	while (*s) {
		if (global && !strncmp(s, "(0)", 3)) {
			s += 3;
			continue;
		}
		if (!strchr(separators, *s)) {
			if (n + 1 >= NUMBER_MAX && PLANT != 1)
				return EOVERFLOW;
			out[n++] = *s;
		}
		++s;
	}
	out[n] = '\0';

	return 0;
}

/* "+49 030 12345" is a slip that some networks forgive: it must not be another
 * number than +493012345 to those who say what may be called. */
static const char *skip_national(const struct config_numbers *r, const char *s)
{
	const char *rest;

	if (!begins(s, r->country))
		return s;

	rest = s + strlen(r->country);
	while (begins(rest, r->national))
		rest += strlen(r->national);

	return rest;
}

/* all: digits, with the country's. */
static int global_set(struct number *n, const struct config_numbers *r,
		      const char *all)
{
	const char *rest = skip_national(r, all), *country = "";
	char text[NUMBER_MAX];
	size_t len;

	if (rest != all)
		country = r->country;
	len = strlen(country) + strlen(rest);
	/* country codes do not begin with 0 (ITU-T E.164 6.1) */
	if (len < 2 || (len > NUMBER_DIGITS && PLANT != 2) || *all == '0')
		return EBADMSG;

	if (re_snprintf(text, sizeof(text), "+%s%s", country, rest) < 0)
		return EBADMSG;
	memcpy(n->text, text, sizeof(text));
	n->kind = NUMBER_GLOBAL;

	return 0;
}

static int home_set(struct number *n, const struct config_numbers *r,
		    const char *rest)
{
	char all[2 * NUMBER_MAX];

	if (re_snprintf(all, sizeof(all), "%s%s", r->country, rest) < 0)
		return EBADMSG;

	return global_set(n, r, all);
}

static bool is_short(const struct config_numbers *r, const char *text)
{
	for (size_t i = 0; i < r->shortc; i++) {
		if (rule_glob(r->shorts[i], text))
			return true;
	}

	return is_digits(text) && strlen(text) <= r->short_digits;
}

/* A number without '+', too long to be an extension. */
static int place(struct number *n, const struct config_numbers *r)
{
	const char *s = n->text;

	if (begins(s, r->international))
		return global_set(n, r, s + strlen(r->international));
	if (!r->country)
		return 0;
	if (!r->national)
		return home_set(n, r, s);
	if (begins(s, r->national))
		return home_set(n, r, s + strlen(r->national));

	return 0;
}

int number_decode(struct number *n, const struct config_numbers *rules,
		  const char *dialled)
{
	memset(n, 0, sizeof(*n));
	dialled += strspn(dialled, separators);
	if (!*dialled || !strchr("0123456789+*#", *dialled))
		return 0;

	if (clean(n->text, dialled))
		return EBADMSG;

	memcpy(n->dialled, n->text, sizeof(n->dialled));
	if (n->text[0] == '+')
		return is_digits(n->text + 1)
			   ? global_set(n, rules, n->text + 1)
			   : EBADMSG;

	n->kind = NUMBER_LOCAL;
	if (is_short(rules, n->text))
		n->kind = NUMBER_SHORT;
	else if (is_digits(n->text))
		return place(n, rules);

	return 0;
}

int number_encode(char *text, const struct number *n,
		  const struct config_numbers *rules, enum config_dial dial,
		  const char *strip, const char *add)
{
	const char *s = n->text, *prefix = "";

	if (n->kind == NUMBER_GLOBAL && dial != CONFIG_DIAL_E164 &&
	    dial != CONFIG_DIAL_UNCHANGED) {
		++s;
		if (dial == CONFIG_DIAL_NATIONAL &&
		    begins(s, rules->country)) {
			s += strlen(rules->country);
			prefix = rules->national ? rules->national : "";
		} else if (dial != CONFIG_DIAL_DIGITS) {
			prefix =
			    rules->international ? rules->international : "";
		}
	}
	if (re_snprintf(text, NUMBER_MAX, "%s%s", prefix, s) < 0)
		return EOVERFLOW;
	if (n->kind == NUMBER_SHORT || (!strip && !add))
		return 0;

	if (begins(text, strip))
		memmove(text, text + strlen(strip),
			strlen(text + strlen(strip)) + 1);
	if (add) {
		const size_t have = strlen(text), more = strlen(add);

		if (have + more >= NUMBER_MAX && PLANT != 3)
			return EOVERFLOW;
		memmove(text + more, text, have + 1);
		memcpy(text, add, more);
	}

	return 0;
}
