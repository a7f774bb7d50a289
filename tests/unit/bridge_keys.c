/* bridge_keys.c: keys offered towards SIP, and the names of a call's states,
 * against tests/data. */
#include <stdio.h>
#include <string.h>
#include "bridge/callpriv.h"
#include "suite.h"

static FILE *open_data(const char *name)
{
	FILE *f = fopen(name, "r");

	ck_assert_msg(f != NULL, "%s: run from the top of the tree", name);

	return f;
}

/* The next line that is no comment. */
static bool next_line(FILE *f, char *line, int size)
{
	while (fgets(line, size, f)) {
		line[strcspn(line, "\n")] = '\0';
		if (*line && *line != '#')
			return true;
	}

	return false;
}

START_TEST(offer)
{
	static struct call call;
	static struct desc_media media;
	const struct config_trunk trunk = {.media = CONFIG_SDES, .tls = true};
	FILE *f = open_data("tests/data/sdes_offer.txt");
	char line[128], text[128];
	unsigned n = 0;

	call.trunk = &trunk;
	ck_assert_int_eq(callkeys_offer(&call, &media), 0);
	ck_assert_int_eq(media.proto, DESC_RTP_SAVP);
	for (; next_line(f, line, sizeof(line)); n++) {
		const struct crypto *c = &call.keys[n];

		ck_assert_uint_lt(n, call.keyc);
		(void)snprintf(text, sizeof(text), "%u %s %u", c->tag,
			       crypto_suite_name(c->suite), c->keylen);
		ck_assert_str_eq(text, line);
		ck_assert_ptr_eq(callkeys_find(&call, c->tag, c->suite), c);
	}
	ck_assert_uint_eq(n, call.keyc);
	ck_assert_ptr_null(
	    callkeys_find(&call, call.keys[0].tag, call.keys[1].suite));
	(void)fclose(f);
}
END_TEST

START_TEST(states)
{
	FILE *f = open_data("tests/data/call_states.txt");
	char line[128];
	int st = CALL_NEW;

	for (; next_line(f, line, sizeof(line)); st++) {
		ck_assert_int_le(st, CALL_ENDED);
		ck_assert_str_eq(call_state_name((enum call_state)st), line);
	}
	ck_assert_int_eq(st, CALL_ENDED + 1);
	(void)fclose(f);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("keys");

	tcase_add_test(tc, offer);
	tcase_add_test(tc, states);

	return suite_run("bridge_keys", tc);
}
