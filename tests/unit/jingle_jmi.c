/* jingle_jmi.c: JMI elements and reasons (XEP-0353 3, XEP-0166 7.4). */
#include <errno.h>

#include "jingle/jingle.h"
#include "jinglehelp.h"
#include "suite.h"

#define JMI "xmlns='urn:xmpp:jingle-message:0' id='c1'"
#define RTP "xmlns='urn:xmpp:jingle:apps:rtp:1'"

static struct stanza *st;
static struct jmi jmi;

static int decode(const char *inner)
{
	char *text = NULL;
	int err;

	stanza_free(st);
	ck_assert(!re_sdprintf(&text,
			       "<message id='m1' from='a@b/c'>%s"
			       "</message>",
			       inner));
	st = help_parse(text, strlen(text));
	ck_assert_ptr_nonnull(st);
	err = jmi_decode(&jmi, st);
	mem_deref(text);
	return err;
}

static void finish(void)
{
	stanza_free(st);
	st = NULL;
}

START_TEST(test_propose)
{
	ck_assert_int_eq(0, decode("<propose " JMI "><description " RTP
				   " media='audio'/><description " RTP
				   " media='video'/></propose><request "
				   "xmlns='urn:xmpp:receipts'/>"));
	ck_assert_int_eq(jmi.kind, JMI_PROPOSE);
	ck_assert_str_eq(jmi.id, "c1");
	ck_assert_str_eq(jmi.message_id, "m1");
	ck_assert(jmi.audio && jmi.video && !jmi.other && jmi.receipt);

	ck_assert_int_eq(0, decode("<propose " JMI "><description xmlns='f' "
				   "media='audio'/></propose>"));
	ck_assert(!jmi.audio && !jmi.video && jmi.other && !jmi.receipt);
	finish();
}
END_TEST

static const struct {
	const char *name;
	enum jmi_kind kind;
} kinds[] = {
    {"propose", JMI_PROPOSE}, {"ringing", JMI_RINGING},
    {"proceed", JMI_PROCEED}, {"reject", JMI_REJECT},
    {"retract", JMI_RETRACT}, {"finish", JMI_FINISH},
    {"accept", JMI_ACCEPT},   {"whatever", JMI_UNKNOWN},
};

START_TEST(test_kinds)
{
	char text[128];

	snprintf(text, sizeof(text), "<%s " JMI "/>", kinds[_i].name);
	ck_assert_int_eq(0, decode(text));
	ck_assert_int_eq(jmi.kind, kinds[_i].kind);
	ck_assert_int_eq(jmi.why.reason, REASON_NONE);
	ck_assert_str_eq(jmi.why.text, "");
	finish();
}
END_TEST

START_TEST(test_reasons)
{
	ck_assert_int_eq(0, decode("<reject " JMI "><reason "
				   "xmlns='urn:xmpp:jingle:1'><busy/><text>on "
				   "the\nphone</text></reason></reject>"));
	ck_assert_int_eq(jmi.why.reason, REASON_BUSY);
	ck_assert_ptr_null(strchr(jmi.why.text, '\n'));
	ck_assert(!jmi.tie_break);

	ck_assert_int_eq(0, decode("<retract " JMI "><reason "
				   "xmlns='urn:xmpp:jingle:1'><expired/>"
				   "</reason><tie-break/></retract>"));
	ck_assert_int_eq(jmi.why.reason, REASON_EXPIRED);
	ck_assert(jmi.tie_break);

	ck_assert_int_eq(0, decode("<finish " JMI "><reason "
				   "xmlns='urn:xmpp:jingle:1'><expired/>"
				   "</reason><migrated to='n'/></finish>"));
	ck_assert_str_eq(jmi.migrated, "n");
	finish();
}
END_TEST

START_TEST(test_bad)
{
	char text[1024];

	ck_assert_int_eq(ENOENT, decode("<body>hello</body>"));
	ck_assert_int_eq(EBADMSG,
			 decode("<proceed xmlns='urn:xmpp:jingle-message:0'"
				"/>"));
	ck_assert_int_eq(EBADMSG,
			 decode("<proceed xmlns='urn:xmpp:jingle-message:0' "
				"id=''/>"));
	ck_assert_int_eq(EBADMSG,
			 decode("<proceed xmlns='urn:xmpp:jingle-message:0' "
				"id='a&#10;b'/>"));
	snprintf(text, sizeof(text),
		 "<proceed xmlns='urn:xmpp:jingle-message:0' id='%0300d'/>",
		 1);
	ck_assert_int_eq(EBADMSG, decode(text));
	finish();
}
END_TEST

static void reason_prints(enum reason r, const struct ending *end,
			  const char *expected)
{
	struct stanza *e = stanza_new("x", NS_JINGLE);
	char *text = NULL;

	ck_assert_int_eq(0, jingle_reason_encode(e, r, end));
	ck_assert(!re_sdprintf(&text, "%H", stanza_print, e));
	ck_assert_str_eq(text, expected);
	mem_deref(text);
	stanza_free(e);
}

START_TEST(test_reason_encode)
{
	struct ending end;

	memset(&end, 0, sizeof(end));
	reason_prints(REASON_SUCCESS, &end,
		      "<x xmlns='urn:xmpp:jingle:1'><reason><success/>"
		      "</reason></x>");
	end.sip_code = 486;
	reason_prints(REASON_BUSY, &end,
		      "<x xmlns='urn:xmpp:jingle:1'><reason><busy/><text>486 "
		      "Busy Here</text><sip-error xmlns='urn:stoxd:sip:0' "
		      "code='486'/></reason></x>");
	snprintf(end.text, sizeof(end.text), "a<b");
	reason_prints(REASON_BUSY, &end,
		      "<x xmlns='urn:xmpp:jingle:1'><reason><busy/><text>486 "
		      "a&lt;b</text><sip-error xmlns='urn:stoxd:sip:0' "
		      "code='486'/></reason></x>");
}
END_TEST

/* XEP-0166 7.2 */
START_TEST(test_actions)
{
	static const struct {
		const char *name;
		enum jingle_action action;
	} v[] = {
	    {"content-accept", JINGLE_CONTENT_ACCEPT},
	    {"content-add", JINGLE_CONTENT_ADD},
	    {"content-modify", JINGLE_CONTENT_MODIFY},
	    {"content-reject", JINGLE_CONTENT_REJECT},
	    {"content-remove", JINGLE_CONTENT_REMOVE},
	    {"description-info", JINGLE_DESCRIPTION_INFO},
	    {"security-info", JINGLE_SECURITY_INFO},
	    {"session-accept", JINGLE_SESSION_ACCEPT},
	    {"session-info", JINGLE_SESSION_INFO},
	    {"session-initiate", JINGLE_SESSION_INITIATE},
	    {"session-terminate", JINGLE_SESSION_TERMINATE},
	    {"transport-accept", JINGLE_TRANSPORT_ACCEPT},
	    {"transport-info", JINGLE_TRANSPORT_INFO},
	    {"transport-reject", JINGLE_TRANSPORT_REJECT},
	    {"transport-replace", JINGLE_TRANSPORT_REPLACE},
	};

	ck_assert_uint_eq(ARRAY_SIZE(v), JINGLE_ACTION_UNKNOWN);
	for (size_t i = 0; i < ARRAY_SIZE(v); i++) {
		ck_assert_int_eq(v[i].action, jingle_action_find(v[i].name));
		ck_assert_str_eq(v[i].name, jingle_action_name(v[i].action));
	}
	ck_assert_int_eq(JINGLE_ACTION_UNKNOWN, jingle_action_find("x"));
	ck_assert_int_eq(JINGLE_ACTION_UNKNOWN, jingle_action_find(NULL));
	ck_assert_str_eq("", jingle_action_name(JINGLE_ACTION_UNKNOWN));
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("jmi");

	tcase_add_test(tc, test_propose);
	tcase_add_loop_test(tc, test_kinds, 0,
			    sizeof(kinds) / sizeof(kinds[0]));
	tcase_add_test(tc, test_reasons);
	tcase_add_test(tc, test_bad);
	tcase_add_test(tc, test_reason_encode);
	tcase_add_test(tc, test_actions);

	return suite_run("jingle jmi", tc);
}
