/* bridge_imdn.c: IMDN and isComposing documents, row by row of
 * tests/data/imdn.txt. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "bridge/imdn.h"
#include "suite.h"

#define NS  "urn:ietf:params:xml:ns:imdn"
#define CNS "urn:ietf:params:xml:ns:im-iscomposing"

START_TEST(each_status)
{
	FILE *f = fopen("tests/data/imdn.txt", "r");
	char line[256], kind[32], status[32], xml[512];
	unsigned k, st, out, rows = 0;

	ck_assert_ptr_nonnull(f);
	while (fgets(line, sizeof(line), f)) {
		struct imdn d;
		struct pl pl;

		if (line[0] == '#' || sscanf(line, "%31s %31s %u %u %u", kind,
					     status, &k, &st, &out) != 5)
			continue;
		(void)snprintf(xml, sizeof(xml),
			       "<?xml version='1.0'?><i:imdn xmlns:i='" NS
			       "'><i:message-id> 34jk </i:message-id>"
			       "<i:datetime>x</i:datetime><i:%s-notification>"
			       "<i:status><i:%s/></i:status></i:%s-"
			       "notification></i:imdn>",
			       kind, status, kind);
		pl_set_str(&pl, xml);
		ck_assert_int_eq(imdn_decode(&d, &pl), 0);
		ck_assert_str_eq(d.id, "34jk");
		ck_assert_msg((unsigned)d.kind == k &&
				  (unsigned)d.status == st,
			      "%s", line);
		if (out) {
			char *made, want[512];

			ck_assert_int_eq(imdn_encode(&made, &d, 0), 0);
			(void)snprintf(
			    want, sizeof(want),
			    "<?xml version='1.0' encoding='UTF-8'?>\n"
			    "<imdn xmlns='" NS "'><message-id>34jk"
			    "</message-id><datetime>1970-01-01T00:00:00Z"
			    "</datetime><%s-notification><status><%s/>"
			    "</status></%s-notification></imdn>",
			    kind, status, kind);
			ck_assert_str_eq(made, want);
			mem_deref(made);
		}
		imdn_clear(&d);
		++rows;
	}
	ck_assert_uint_eq(rows, 10);
	fclose(f);
}
END_TEST

START_TEST(imdn_refused)
{
	static const char *const bad[] = {
	    "",
	    "<imdn/>",
	    "<imdn xmlns='" NS "'/>",
	    "<imdn xmlns='" NS "'><message-id>a</message-id></imdn>",
	    "<imdn xmlns='" NS "'><message-id/><delivery-notification><status>"
	    "<delivered/></status></delivery-notification></imdn>",
	    "<imdn xmlns='" NS "'><message-id>a</message-id>"
	    "<delivery-notification/></imdn>",
	    "<imdn xmlns='" NS "'><message-id>a</message-id>"
	    "<delivery-notification><status/></delivery-notification></imdn>",
	    "<imdn xmlns='" NS "'><delivery-notification><status><delivered/>"
	    "</status></delivery-notification></imdn>",
	    "<!DOCTYPE x><imdn xmlns='" NS "'/>",
	    "<imdn xmlns='" NS "'><message-id>a",
	    "nonsense",
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct imdn d;
		struct pl pl;

		pl_set_str(&pl, bad[i]);
		ck_assert_msg(imdn_decode(&d, &pl) == EBADMSG, "%s", bad[i]);
		ck_assert_ptr_null(d.id);
	}
}
END_TEST

START_TEST(composing)
{
	static const struct {
		const char *inner;
		int err;
		bool active;
		unsigned refresh;
	} v[] = {
	    {"<state>active</state>", 0, true, 0},
	    {"<state> active </state><refresh>90</refresh>", 0, true, 90},
	    {"<state>active</state><contenttype>text/plain</contenttype>"
	     "<lastactive>x</lastactive><refresh>61</refresh>",
	     0, true, 61},
	    {"<state>idle</state>", 0, false, 0},
	    {"<state>sleeping</state>", 0, false, 0},
	    {"<state>active</state><refresh>1</refresh>", 0, true, 60},
	    {"<state>active</state><refresh>9999</refresh>", 0, true, 3600},
	    {"<state>active</state><refresh>99999999999999</refresh>", 0, true,
	     3600},
	    {"<state>active</state><refresh>-5</refresh>", EBADMSG, false, 0},
	    {"<state>active</state><refresh>soon</refresh>", EBADMSG, false,
	     0},
	    {"<state>active</state><refresh/>", 0, true, 0},
	    {"<state/>", EBADMSG, false, 0},
	    {"", EBADMSG, false, 0},
	};
	struct composing c;
	char xml[512];
	struct pl pl;

	for (size_t i = 0; i < ARRAY_SIZE(v); i++) {
		(void)snprintf(xml, sizeof(xml),
			       "<isComposing xmlns='" CNS "'>%s</isComposing>",
			       v[i].inner);
		pl_set_str(&pl, xml);
		ck_assert_msg(composing_decode(&c, &pl) == v[i].err, "%s",
			      xml);
		if (v[i].err)
			continue;
		ck_assert_msg(c.active == v[i].active, "%s", xml);
		ck_assert_msg(c.refresh == v[i].refresh, "%s", xml);
	}
	pl_set_str(&pl, "<isComposing><state>active</state></isComposing>");
	ck_assert_int_eq(composing_decode(&c, &pl), EBADMSG);
	pl_set_str(&pl, "<isComposing");
	ck_assert_int_eq(composing_decode(&c, &pl), EBADMSG);
}
END_TEST

START_TEST(composing_printed)
{
	struct composing c = {true, 90}, again;
	struct pl pl;
	char *xml;

	ck_assert_int_eq(composing_encode(&xml, &c), 0);
	ck_assert_str_eq(xml, "<?xml version='1.0' encoding='UTF-8'?>\n"
			      "<isComposing xmlns='" CNS
			      "'><state>active</state><contenttype>text/plain"
			      "</contenttype><refresh>90</refresh>"
			      "</isComposing>");
	pl_set_str(&pl, xml);
	ck_assert_int_eq(composing_decode(&again, &pl), 0);
	ck_assert(again.active && again.refresh == 90);
	mem_deref(xml);

	c.active = false;
	ck_assert_int_eq(composing_encode(&xml, &c), 0);
	ck_assert_str_eq(xml, "<?xml version='1.0' encoding='UTF-8'?>\n"
			      "<isComposing xmlns='" CNS
			      "'><state>idle</state><contenttype>text/plain"
			      "</contenttype></isComposing>");
	mem_deref(xml);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("imdn");

	tcase_add_test(tc, each_status);
	tcase_add_test(tc, imdn_refused);
	tcase_add_test(tc, composing);
	tcase_add_test(tc, composing_printed);

	return suite_run("bridge_imdn", tc);
}
