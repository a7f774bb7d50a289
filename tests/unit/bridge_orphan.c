/* bridge_orphan.c: notes of calls whose process has died. */
#include <check.h>
#include <string.h>
#include "base/compat.h"
#include "base/journal.h"
#include "bridge/orphan.h"

static int decode(struct orphan **op, const char *text, size_t len)
{
	return orphan_decode(op, (const uint8_t *)text, len);
}

START_TEST(notes)
{
	static const char text[] = "name=7f3a\ntrunk=pbx\nx.peer=a@b/c\n"
				   "x.peer=a@b/d\ns.to=\"A = B\" <sip:a>\n"
				   "empty=\n";
	struct orphan *o;

	ck_assert_int_eq(decode(&o, text, sizeof(text) - 1), 0);
	ck_assert_str_eq(orphan_get("name", 0, o), "7f3a");
	ck_assert_str_eq(orphan_get("x.peer", 1, o), "a@b/d");
	ck_assert_str_eq(orphan_get("s.to", 0, o), "\"A = B\" <sip:a>");
	ck_assert_str_eq(orphan_get("empty", 0, o), "");
	ck_assert_ptr_null(orphan_get("x.peer", 2, o));
	ck_assert_ptr_null(orphan_get("peer", 0, o));
	mem_deref(o);
}
END_TEST

START_TEST(hostile)
{
	static const char *const bad[] = {
	    "",
	    "trunk=pbx\n", /* no name */
	    "name=x",	   /* no end */
	    "name\n",
	    "=x\nname=y\n",
	    "name=x\rVia: y\n",
	    "name=x\x01\n",
	    "name=\xff\xfe\n",
	    "name=x\n\n",
	    "name=x\nthiskeyisfartoolong=y\n",
	};
	static const char nul[] = "name=x\n\0more=y\n";
	char big[JOURNAL_RECORD + 10], many[1024] = "";
	struct orphan *o;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		ck_assert_int_eq(decode(&o, bad[i], strlen(bad[i])), EBADMSG);
	ck_assert_int_eq(decode(&o, nul, sizeof(nul) - 1), EBADMSG);
	memset(big, 'x', sizeof(big));
	memcpy(big, "name=", 5);
	big[sizeof(big) - 1] = '\n';
	ck_assert_int_eq(decode(&o, big, sizeof(big)), EBADMSG);
	for (int i = 0; i < 65; i++)
		strcat(many, "name=x\n");
	ck_assert_int_eq(decode(&o, many, strlen(many)), EBADMSG);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("orphan");
	TCase *t = tcase_create("orphan");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_test(t, notes);
	tcase_add_test(t, hostile);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);

	return failed ? 1 : 0;
}
