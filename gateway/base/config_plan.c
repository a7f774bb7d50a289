/* config_plan.c: types of values that speak of telephone numbers. */
#include "config_int.h"

#include <string.h>

enum { DIGITS_MAX = 15 }; /* ITU-T E.164 6.2.1 */

static const char digits[] = "0123456789";

static const char *digits_decode(struct config_value *v, void *base)
{
	size_t len = strlen(v->text);

	if (len > DIGITS_MAX || v->text[strspn(v->text, digits)])
		return "must be digits";

	return config_type_text.decode(v, base);
}

const struct config_type config_type_digits = {
    digits_decode, config_text_print, config_text_clear, false};

/* "+49", "0900", "*", "@premium" */
static bool is_dest(const char *s)
{
	if (!strcmp(s, "*"))
		return true;
	if (*s == '@')
		return s[1] != '\0';
	if (*s == '+')
		++s;

	return *s && !s[strspn(s, "0123456789*#")];
}

static const char *dests_decode(struct config_value *v, void *base)
{
	const char *why = config_type_words.decode(v, base);
	char ***list = config_field(base, v->key->offset);
	size_t *n = config_field(base, v->key->offset2);

	for (size_t i = 0; !why && i < *n; i++) {
		struct pl elem;

		pl_set_str(&elem, (*list)[i]);
		if (!is_dest((*list)[i]))
			why = config_value_bad(v, &elem,
					       "is no prefix of numbers and "
					       "no @CLASS");
	}

	return why;
}

static int dests_print(struct re_printf *pf, const struct config_key *key,
		       const void *base)
{
	return config_type_words.print(pf, key, base);
}

static void dests_clear(const struct config_key *key, void *base)
{
	config_type_words.clear(key, base);
}

const struct config_type config_type_dests = {dests_decode, dests_print,
					      dests_clear, false};
