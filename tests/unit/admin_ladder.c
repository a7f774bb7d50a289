/* admin_ladder.c: what a message is called in a ladder, however long its words
 * are. */
#include <stdlib.h>
#include <string.h>
#include "admin/ladder.h"
#include "suite.h"

static char label[LADDER_LABEL_MAX];

static void name_it(enum trace_kind kind, const char *text)
{
	const struct trace_entry e = {
	    .kind = kind, .text = text, .len = strlen(text)};

	memset(label, 'x', sizeof(label));
	ladder_label(label, &e);
}

START_TEST(short_ones)
{
	name_it(TRACE_SIP, "SIP/2.0 486 Busy Here\r\nCSeq: 1 INVITE\r\n\r\n");
	ck_assert_str_eq(label, "486 Busy Here");
	name_it(TRACE_SIP, "OPTIONS sip:a@b SIP/2.0\r\nCSeq: 1 OPTIONS\r\n"
			   "\r\n");
	ck_assert_str_eq(label, "OPTIONS");
	name_it(TRACE_SIP, "\r\n");
	ck_assert_str_eq(label, "not SIP");
	name_it(TRACE_MEDIA, "media up");
	ck_assert_str_eq(label, "media up");
}
END_TEST

/* Cut, not left out. */
START_TEST(long_ones)
{
	char text[600], words[300];

	memset(words, 'w', sizeof(words) - 1);
	words[sizeof(words) - 1] = '\0';
	(void)re_snprintf(text, sizeof(text),
			  "SIP/2.0 480 %s\r\nCSeq: 1 INVITE\r\n\r\n", words);
	name_it(TRACE_SIP, text);
	ck_assert(!strncmp(label, "480 www", 7));
	ck_assert_uint_eq(strlen(label), LADDER_LABEL_MAX - 1);
	name_it(TRACE_MEDIA, words);
	ck_assert(!strncmp(label, words, LADDER_LABEL_MAX - 1));
	ck_assert_uint_eq(strlen(label), LADDER_LABEL_MAX - 1);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("ladder");

	tcase_add_test(tc, short_ones);
	tcase_add_test(tc, long_ones);

	return suite_run("admin_ladder", tc);
}
