/* sip_register.c: registration against a scripted registrar. */
#include "sip_peer.h"
#include <stdio.h>
#include <unistd.h>
#include "sip/flow.h"
#include "sip/register.h"
#include "sip/stack_priv.h"
#include "suite.h"

static struct setup st;
static struct sipstack *stack;
static struct peer one;
static unsigned registers;
static char last[PEER_TEXT];
static const char *script[8]; /* status and headers, by turn */
static const char *extra[8];

static void registrar(struct peer *p, const struct sa *src, const char *text)
{
	unsigned turn;

	if (strncmp(text, "REGISTER ", 9)) {
		peer_answer(p, src, text, "200 OK", "");
		return;
	}
	turn = MIN(registers, 7u);
	++registers;
	(void)snprintf(last, sizeof(last), "%s", text);
	if (script[turn])
		peer_answer(p, src, text, script[turn],
			    extra[turn] ? extra[turn] : "");
}

static struct binding *binding(void)
{
	return sipstack_trunk(stack, "pbx")->binding;
}

static bool is_bound(void)
{
	return binding_state(binding()) == BINDING_BOUND;
}

static bool is_waiting(void)
{
	return binding_state(binding()) == BINDING_WAITING;
}

static bool is_forbidden(void)
{
	return binding_state(binding()) == BINDING_FORBIDDEN;
}

static void start(void)
{
	ck_assert_int_eq(libre_init(), 0);
	(void)alarm(50);
	setup_init(&st);
	peer_open(&one, "127.0.0.1", registrar);
	setup_trunk(&st, 0, &one.addr, "");
	st.trunk[0].username = (char *)(size_t) "gw";
	st.trunk[0].password = (char *)(size_t) "gwpass";
	st.trunk[0].reg = true;
}

static void open_stack(void)
{
	ck_assert_int_eq(sipstack_alloc(&stack, &st.conf), 0);
}

static void stop(void)
{
	stack = mem_deref(stack);
	one.us = mem_deref(one.us);
	libre_close();
}

START_TEST(challenged_then_bound)
{
	script[0] = "401 Unauthorized";
	extra[0] = "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\", "
		   "qop=\"auth\", algorithm=SHA-256\r\n";
	script[1] = "200 OK";
	extra[1] = "Expires: 600\r\n";
	start();
	open_stack();
	ck_assert(loop_until(is_bound, 3000));
	ck_assert_uint_eq(registers, 2);
	ck_assert_ptr_nonnull(strstr(last, "\r\nCSeq: 2 REGISTER\r\n"));
	ck_assert_ptr_nonnull(strstr(last, "\r\nAuthorization: Digest "
					   "username=\"gw\", realm=\"r\""));
	ck_assert_ptr_nonnull(strstr(last, "\r\nTo: <sip:gw@127.0.0.1>\r\n"));
	ck_assert_ptr_nonnull(strstr(last, "\r\nContact: <sip:gw@127.0.0.1:"));
	ck_assert_ptr_nonnull(strstr(last, ">;+sip.instance=\"<urn:uuid:"));
	ck_assert_ptr_nonnull(strstr(last, ">\";reg-id=1;expires=3600\r\n"));
	ck_assert_ptr_nonnull(
	    strstr(last, "\r\nSupported: path, outbound\r\n"));
	ck_assert_ptr_null(strstr(last, "gwpass"));

	/* taken back at the end, with the nonce that is known */
	script[2] = "200 OK";
	sipstack_close(stack);
	loop_run(100);
	ck_assert_uint_eq(registers, 3);
	ck_assert_ptr_nonnull(strstr(last, "\r\nExpires: 0\r\n"));
	ck_assert_ptr_nonnull(strstr(last, "nc=00000002"));
	ck_assert_int_eq(binding_state(binding()), BINDING_CLOSED);
	stop();
}
END_TEST

START_TEST(wrong_password)
{
	for (unsigned i = 0; i < 8; i++) {
		script[i] = "401 Unauthorized";
		extra[i] = "WWW-Authenticate: Digest realm=\"r\", "
			   "nonce=\"n\", qop=\"auth\"\r\n";
	}
	start();
	open_stack();
	ck_assert(loop_until(is_waiting, 3000));
	loop_run(200);
	ck_assert_uint_eq(registers, 2);
	stop();
}
END_TEST

START_TEST(too_brief)
{
	script[0] = "423 Interval Too Brief";
	extra[0] = "Min-Expires: 7200\r\n";
	script[1] = "200 OK";
	start();
	open_stack();
	ck_assert(loop_until(is_bound, 3000));
	ck_assert_ptr_nonnull(strstr(last, "\r\nExpires: 7200\r\n"));
	stop();
}
END_TEST

START_TEST(forbidden)
{
	script[0] = "403 Forbidden";
	script[1] = "200 OK";
	start();
	open_stack();
	ck_assert(loop_until(is_forbidden, 3000));
	binding_refresh(binding());
	loop_run(200);
	ck_assert_uint_eq(registers, 1);
	ck_assert_uint_eq(binding_code(binding()), 403);
	stop();
}
END_TEST

START_TEST(unavailable_then_again)
{
	script[0] = "500 No";
	script[1] = "200 OK";
	start();
	open_stack();
	ck_assert(loop_until(is_waiting, 3000));
	binding_refresh(binding());
	ck_assert(loop_until(is_bound, 3000));
	stop();
}
END_TEST

START_TEST(public_address_changes)
{
	struct sa addr;

	script[0] = script[1] = "200 OK";
	start();
	open_stack();
	ck_assert(loop_until(is_bound, 3000));
	(void)sa_set_str(&addr, "198.51.100.9", 0);
	sipstack_set_public(stack, &addr);
	loop_run(200);
	ck_assert_uint_eq(registers, 2);
	ck_assert_ptr_nonnull(strstr(last, "Contact: <sip:gw@198.51.100.9:"));
	ck_assert_ptr_null(strstr(last, "Via: SIP/2.0/UDP 127.0.0.1"));
	stop();
}
END_TEST

START_TEST(short_expiry_is_refreshed)
{
	script[0] = "200 OK";
	extra[0] = "Expires: 1\r\n"; /* taken as 10 s: no storm */
	start();
	open_stack();
	ck_assert(loop_until(is_bound, 3000));
	loop_run(500);
	ck_assert_uint_eq(registers, 1);
	stop();
}
END_TEST

/* RFC 5626 11.6: a hop that has none of it gets a plain one. */
START_TEST(first_hop_lacks_outbound)
{
	script[0] = "439 First Hop Lacks Outbound Support";
	script[1] = "200 OK";
	extra[1] = "Expires: 600\r\n";
	start();
	open_stack();
	ck_assert(loop_until(is_bound, 3000));
	ck_assert_uint_eq(registers, 2);
	ck_assert_ptr_null(strstr(last, "reg-id"));
	ck_assert_ptr_null(strstr(last, "outbound"));
	stop();
}
END_TEST

static bool is_kept_alive(void)
{
	return one.keepalives > 0;
}

/* RFC 5626 4.4.1, 5.4: the registrar says how often. */
START_TEST(flow_timer)
{
	script[0] = "200 OK";
	extra[0] = "Expires: 600\r\nFlow-Timer: 1\r\n";
	start();
	open_stack();
	ck_assert(loop_until(is_bound, 3000));
	loop_run(3500);
	ck_assert_uint_eq(one.keepalives, 0); /* not below 5 s */
	ck_assert(loop_until(is_kept_alive, 2500));

	for (unsigned i = 0; i < 1000; i++) {
		ck_assert_uint_ge(regflow_interval(100, i * 7919), 80000);
		ck_assert_uint_le(regflow_interval(100, i * 7919), 100000);
		ck_assert_uint_eq(regflow_interval(0, i), 25000);
	}
	stop();
}
END_TEST

START_TEST(instances)
{
	char a[REGFLOW_URN], b[REGFLOW_URN];

	regflow_instance(a, "sip:gw@127.0.0.1", "pbx");
	regflow_instance(b, "sip:gw@127.0.0.1", "pbx");
	ck_assert_str_eq(a, b);
	ck_assert_uint_eq(strlen(a), REGFLOW_URN - 1);
	ck_assert_int_eq(a[9 + 14], '8');
	ck_assert_ptr_nonnull(strchr("89ab", a[9 + 19]));
	regflow_instance(b, "sip:gw@127.0.0.1", "other");
	ck_assert_str_ne(a, b);
	regflow_instance(b, "sip:gw@127.0.0.2", "pbx");
	ck_assert_str_ne(a, b);
}
END_TEST

START_TEST(times)
{
	/* the earlier of 0.9 and 30 s before the end */
	ck_assert_uint_eq(binding_refresh_after(3600), 3240000);
	ck_assert_uint_eq(binding_refresh_after(200), 170000);
	ck_assert_uint_eq(binding_refresh_after(60), 54000);
	ck_assert_uint_eq(binding_refresh_after(30), 27000);

	/* 30 s * 2^n, at most an hour, +-20 % */
	for (unsigned i = 0; i < 1000; i++) {
		ck_assert_uint_ge(binding_backoff(1, i * 7919), 24000);
		ck_assert_uint_lt(binding_backoff(1, i * 7919), 36000);
		ck_assert_uint_ge(binding_backoff(2, i * 7919), 48000);
		ck_assert_uint_lt(binding_backoff(3, i * 7919), 144000);
		ck_assert_uint_ge(binding_backoff(30, i * 7919), 2880000);
		ck_assert_uint_lt(binding_backoff(30, i * 7919), 4320000);
	}
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("register");

	tcase_set_timeout(tc, 20);
	tcase_add_test(tc, challenged_then_bound);
	tcase_add_test(tc, wrong_password);
	tcase_add_test(tc, too_brief);
	tcase_add_test(tc, forbidden);
	tcase_add_test(tc, unavailable_then_again);
	tcase_add_test(tc, public_address_changes);
	tcase_add_test(tc, short_expiry_is_refreshed);
	tcase_add_test(tc, first_hop_lacks_outbound);
	tcase_add_test(tc, flow_timer);
	tcase_add_test(tc, instances);
	tcase_add_test(tc, times);

	return suite_run("sip_register", tc);
}
