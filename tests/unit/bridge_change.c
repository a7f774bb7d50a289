/* bridge_change.c: what changes in a call that stands: holds, offers of both
 * sides, another device, another address. */
#include "bridge_toys.h"
#include "suite.h"

START_TEST(sip_holds)
{
	s2x_active();
	offered(s_leg, s_hold);
	said_is("x.update(0,126>) ");
	answered(x_leg, x_webrtc);
	said_is("rtp stream< s.answer(0,101<) ");
	offered(s_leg, s_pcmu);
	said_is("x.update(0,126) ");
	answered(x_leg, x_webrtc);
	said_is("rtp stream>< s.answer(0,101) ");
}
END_TEST

START_TEST(xmpp_holds)
{
	char hold[1024];

	x2s_active();
	snprintf(hold, sizeof(hold), "%sa=sendonly\r\n", x_webrtc);
	offered(x_leg, hold);
	said_is("s.update(0,101>) ");
	answered(s_leg, s_pcmu);
	said_is("rtp stream> x.answer(0,126) ");
	offered(x_leg, x_webrtc);
	said_is("s.update(0,101) ");
	answered(s_leg, s_pcmu);
	said_is("rtp stream>< x.answer(0,126) ");
}
END_TEST

START_TEST(other_device_goes_on)
{
	struct ending why;

	s2x_active();
	ck_assert_int_eq(from_other_device(&why), EBUSY);
	ck_assert_int_eq(why.reason, REASON_BUSY);
	said_is("");

	suspend(1);
	ck_assert_int_eq(from_other_device(&why), 0);
	said_is("flow-end1 x.end-expired/0/603->new stream~ x.proceed ");
	ck_assert_uint_eq(legs, 2);
	ck_assert_uint_eq(calls_count(), 1);
	local_ready(2);
	said_is("");
	offered(x_leg, x_webrtc); /* no word to S: the codec stays */
	said_is("ice2 x.answer(0,126) stream>< ");
	ended(s_leg, REASON_SUCCESS, 0);
	said_is("x.end-success/0/603 ");
	ck_assert_uint_eq(legs, 0);
}
END_TEST

START_TEST(other_device_has_other_codecs)
{
	struct ending why;

	s2x_active();
	suspend(1);
	ck_assert_int_eq(from_other_device(&why), 0);
	local_ready(2);
	said[0] = '\0';
	offered(x_leg, x_opus);
	said_is("s.update(96,100,101) ");
	answered(s_leg, s_opus);
	said_is("rtp ice2 x.answer(111) stream>< ");
}
END_TEST

START_TEST(other_device_and_holds)
{
	char hold[1024];
	struct ending why;

	s2x_active();
	snprintf(hold, sizeof(hold), "%sa=sendonly\r\n", x_webrtc);
	offered(x_leg, hold);
	answered(s_leg, s_pcmu);
	said[0] = '\0';
	suspend(1);
	ck_assert_int_eq(from_other_device(&why), 0);
	local_ready(2);
	said[0] = '\0';
	offered(x_leg, x_webrtc); /* S was held and must hear that it is not */
	said_is("ice2 x.answer(0,126) stream> s.update(0,101) ");
	answered(s_leg, s_pcmu);
	said_is("rtp stream>< x.answer(0,126) ");
	offered(s_leg, s_hold);
	answered(x_leg, x_webrtc);
	said[0] = '\0';
	suspend(2);
	ck_assert_int_eq(from_other_device(&why), 0);
	local_ready(3);
	said[0] = '\0';
	offered(x_leg, x_webrtc); /* and this device that S holds it */
	said_is("ice3 x.answer(0,126) stream< x.update(0,126>) ");
}
END_TEST

START_TEST(other_device_while_changing)
{
	struct ending why;

	s2x_active();
	suspend(1);
	offered(s_leg, s_hold); /* waits for X's word */
	said[0] = '\0';
	ck_assert_int_eq(from_other_device(&why), EBUSY);
	said_is("");
}
END_TEST

START_TEST(both_offer)
{
	char hold[1024];

	s2x_active();
	snprintf(hold, sizeof(hold), "%sa=sendonly\r\n", x_webrtc);
	offered(s_leg, s_hold);
	said_is("x.update(0,126>) ");
	offered(x_leg, hold); /* waits for its turn */
	said_is("");
	answered(x_leg, x_webrtc);
	said_is("rtp stream< s.answer(0,101<) s.update(0,101>) ");
	call_refused(s_leg, &(struct ending){.sip_code = 488});
	said_is("x.refuse- ");
}
END_TEST

/* What X changes before the call is active is not lost. */
START_TEST(hold_before_active)
{
	char hold[1024];
	struct ending why;

	ck_assert_int_eq(from_sip(NULL, &why), 0);
	local_ready(1);
	answered(x_leg, x_webrtc);
	said[0] = '\0';
	snprintf(hold, sizeof(hold), "%sa=sendonly\r\n", x_webrtc);
	offered(x_leg, hold); /* the ACK with S's answer is due */
	said_is("");
	answered(s_leg, s_pcmu);
	said_is("rtp stream>< s.update(0,101>) ");
}
END_TEST

/* 491: S's offer goes before ours, and its answer tells X's hold. */
START_TEST(offer_pushes_ours_aside)
{
	char hold[1024];

	x2s_active();
	snprintf(hold, sizeof(hold), "%sa=sendonly\r\n", x_webrtc);
	offered(x_leg, hold);
	offered(x_leg, x_webrtc); /* and resumes at once */
	said[0] = '\0';
	((struct toy *)s_leg)->update_err = EBUSY;
	call_refused(s_leg, &(struct ending){.sip_code = 491});
	said_is("x.refuse- s.update(0,101) x.refuse-general-error ");
	((struct toy *)s_leg)->update_err = 0;
	offered(s_leg, s_hold);
	said_is("x.update(0,126>) ");
	answered(x_leg, x_webrtc);
	said_is("rtp stream< s.answer(0,101<) ");
}
END_TEST

/* The same while S is asked for another codec. */
START_TEST(offer_while_asked_again)
{
	struct ending why;

	ck_assert_int_eq(from_xmpp(NULL, &why), 0);
	answered(s_leg, s_pcmu);
	local_ready(1);
	offered(x_leg, x_opus);
	said[0] = '\0';
	call_refused(s_leg, &(struct ending){.sip_code = 491});
	said_is("");
	offered(s_leg, s_pcmu); /* nothing for X: ours once more */
	said_is("s.refuse-incompatible-parameters s.update(96,100,101) ");
	call_refused(s_leg, &(struct ending){.sip_code = 491});
	offered(s_leg, s_opus);
	said_is("rtp s.answer(96) ice1 x.answer(111) stream>< ");
}
END_TEST

/* S's sound must go on to X, who was told that it does not hold. */
START_TEST(refused_hold_is_none)
{
	char hold[1024];

	x2s_active();
	snprintf(hold, sizeof(hold), "%sa=sendonly\r\n", x_webrtc);
	offered(x_leg, hold);
	said_is("s.update(0,101>) ");
	call_refused(s_leg, &(struct ending){.sip_code = 488});
	said_is("x.refuse- ");
	offered(s_leg, s_pcmu);
	said_is("rtp stream>< s.answer(0,101) ");
	offered(x_leg, hold);
	said_is("s.update(0,101>) ");
	answered(s_leg, s_pcmu);
	said_is("rtp stream> x.answer(0,126) ");
}
END_TEST

/* T.38 and the like: what was refused leaves no trace. */
START_TEST(refused_offer_changes_nothing)
{
	static const char fax[] = SDP_HEAD "m=audio 0 RTP/AVP 0\r\n"
					   "m=image 4002 udptl t38\r\n";
	char hold[1024];

	x2s_active();
	offered(s_leg, fax);
	said_is("s.refuse-incompatible-parameters ");
	snprintf(hold, sizeof(hold), "%sa=sendonly\r\n", x_webrtc);
	offered(x_leg, hold);
	said_is("s.update(0,101>) ");
	answered(s_leg, s_pcmu);
	said_is("rtp stream> x.answer(0,126) ");
}
END_TEST

/* S was offered something, not X: X's refusal is no answer to that. */
START_TEST(refusal_of_nothing)
{
	char hold[1024];

	x2s_active();
	snprintf(hold, sizeof(hold), "%sa=sendonly\r\n", x_webrtc);
	offered(x_leg, hold);
	said[0] = '\0';
	call_refused(x_leg, &(struct ending){.reason = REASON_GENERAL_ERROR});
	said_is("");
	answered(s_leg, s_pcmu);
	said_is("rtp stream> x.answer(0,126) ");
}
END_TEST

START_TEST(queue_is_bounded)
{
	s2x_active();
	offered(s_leg, s_hold);
	said[0] = '\0';
	for (int i = 0; i < 4; i++)
		offered(x_leg, x_webrtc);
	said_is("");
	offered(x_leg, x_webrtc);
	said_is("x.refuse-general-error ");
}
END_TEST

/* The flow of another device or content is lost: the call goes on. */
START_TEST(suspended_elsewhere)
{
	struct ending why;

	s2x_active();
	suspend(7);
	ck_assert_int_eq(from_other_device(&why), EBUSY);
	suspend(1);
	ck_assert_int_eq(from_other_device(&why), 0);
	said[0] = '\0';
}
END_TEST

/* Not while S has an offer of its own open, nor before the call is active:
 * afterwards. */
START_TEST(readdress_later)
{
	struct ending why;

	x2s_active();
	((struct toy *)s_leg)->update_err = EBUSY;
	calls_readdress();
	said_is("restart1 s.update(0,101) ");
	((struct toy *)s_leg)->update_err = 0;
	offered(s_leg, s_pcmu);
	said_is("rtp stream>< s.answer(0,101) s.update(0,101) ");
	ended(s_leg, REASON_NONE, 0);

	ck_assert_int_eq(from_xmpp(NULL, &why), 0);
	calls_readdress();
	answered(s_leg, s_pcmu);
	offered(x_leg, x_webrtc);
	said[0] = '\0';
	local_ready(1);
	said_is("ice1 x.answer(0,126) stream>< s.update(0,101) ");
}
END_TEST

/* Our public address changed: ICE restart, re-INVITE; X is asked nothing. */
START_TEST(readdress)
{
	x2s_active();
	calls_readdress();
	said_is("restart1 s.update(0,101) ");
	answered(s_leg, s_pcmu);
	said_is("rtp stream>< ");

	/* in the middle of another change it waits for its turn */
	offered(s_leg, s_hold);
	said_is("x.update(0,126>) ");
	calls_readdress();
	said_is("restart1 ");
	answered(x_leg, x_webrtc);
	said_is("rtp stream< s.answer(0,101<) s.update(0,101) ");
	call_refused(s_leg, &(struct ending){.sip_code = 488});
	said_is("");
	ck_assert_uint_eq(calls_count(), 1);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("call");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, sip_holds);
	tcase_add_test(tc, xmpp_holds);
	tcase_add_test(tc, other_device_goes_on);
	tcase_add_test(tc, other_device_has_other_codecs);
	tcase_add_test(tc, other_device_and_holds);
	tcase_add_test(tc, other_device_while_changing);
	tcase_add_test(tc, both_offer);
	tcase_add_test(tc, hold_before_active);
	tcase_add_test(tc, offer_pushes_ours_aside);
	tcase_add_test(tc, offer_while_asked_again);
	tcase_add_test(tc, refused_hold_is_none);
	tcase_add_test(tc, refused_offer_changes_nothing);
	tcase_add_test(tc, refusal_of_nothing);
	tcase_add_test(tc, suspended_elsewhere);
	tcase_add_test(tc, readdress_later);
	tcase_add_test(tc, queue_is_bounded);
	tcase_add_test(tc, readdress);

	return suite_run("bridge_change", tc);
}
