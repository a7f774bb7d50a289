/* sip_notifier.c: SUBSCRIBEs of others: dialogs, timers, limits, and memory
 * refused. */
#include <stdlib.h>
#include <string.h>
#include "suite.h"
#include "refused.h"
#include "sip/notifier.c"
#include "sip/notify.c"
#undef mem_zalloc
#undef mbuf_alloc
#undef str_dup
#undef pl_strdup
#undef re_sdprintf
#define peer script_peer /* bridge/leg.h has another */
#include "tests/unit/sip_peer.h"

static struct sipstack *stack;
static struct notifier *all;
static struct peer peer;
static struct setup su;
static struct sa gateway;
static struct config_presence conf;

static struct {
	unsigned code; /* to refuse with */
	bool accept, end, leave;
	struct watcher *w;
	unsigned asked, gone, printed, notifies, finals;
	enum watcher_gone why;
	unsigned answer;       /* to NOTIFY; 0: none */
	const char *challenge; /* header of the answer */
	char notify[PEER_TEXT], response[PEER_TEXT];
} s;

static unsigned asked_h(struct watcher *w, const struct notifier_request *rq,
			void **wargp, void *arg)
{
	(void)rq;
	(void)arg;
	++s.asked;
	if (s.code)
		return s.code;
	s.w = w;
	*wargp = &s;
	if (s.accept)
		watcher_accept(w);

	return 0;
}

static int print_h(struct mbuf *mb, bool closed, void *warg)
{
	ck_assert_ptr_eq(warg, &s);
	++s.printed;

	return mbuf_write_str(mb, closed ? "<closed/>" : "<open/>");
}

static void gone_h(struct watcher *w, enum watcher_gone why, void *warg)
{
	ck_assert_ptr_eq(warg, &s);
	ck_assert_ptr_eq(w, s.w);
	++s.gone;
	s.why = why;
	s.w = NULL;
}

static const struct notifier_handlers handlers = {asked_h, print_h, gone_h};

static void on_datagram(struct peer *p, const struct sa *src, const char *text)
{
	char status[32];

	if (!strncmp(text, "SIP/2.0", 7)) {
		strcpy(s.response, text);
		return;
	}
	if (strncmp(text, "NOTIFY", 6)) {
		peer_answer(p, src, text, "200 OK", "");
		return;
	}
	strcpy(s.notify, text);
	++s.notifies;
	if (strstr(text, "\r\nSubscription-State: terminated"))
		++s.finals;
	(void)snprintf(status, sizeof(status), "%u Answer", s.answer);
	if (s.answer)
		peer_answer(p, src, text, status,
			    s.challenge ? s.challenge : "");
}

static void listener_find(struct sa *sa)
{
	struct siptarget t;

	ck_assert_int_eq(
	    siptrunk_target(&t, sipstack_trunk(stack, "pbx"), 0, NULL, NULL),
	    0);
	*sa = t.laddr;
}

static void setup(void)
{
	memset(&s, 0, sizeof(s));
	s.answer = 200;
	conf = (struct config_presence){
	    .expires = 60, .expires_min = 2, .spacing = 1};
	ck_assert_int_eq(libre_init(), 0);
	peer_open(&peer, "127.0.0.1", on_datagram);
	setup_init(&su);
	setup_trunk(&su, 0, &peer.addr, "");
	su.conf.limits.sip_source_rate = 10000;
	su.conf.limits.sip_source_burst = 10000;
	su.trunk[0].presence = CONFIG_PRESENCE_YES;
	su.trunk[0].username = (char *)"gw";
	su.trunk[0].password = (char *)"secret";
	ck_assert_int_eq(sipstack_alloc(&stack, &su.conf), 0);
	ck_assert_int_eq(notifier_alloc(&all, stack, &conf, &handlers, NULL),
			 0);
	listener_find(&gateway);
	loop_run(50); /* the gate stands */
}

static void teardown(void)
{
	notifier_close(all);
	mem_deref(stack);
	mem_deref(all);
	mem_deref(peer.us);
	libre_close();
}

static bool has_response(void)
{
	return s.response[0] != '\0';
}

/* A SUBSCRIBE and the code of its answer. */
static unsigned subscribe(const char *callid, unsigned cseq, const char *to,
			  const char *more)
{
	static unsigned n;
	char out[8192];
	int len;

	s.response[0] = '\0';
	len =
	    snprintf(out, sizeof(out),
		     "SUBSCRIBE sip:alice@127.0.0.1 SIP/2.0\r\n"
		     "Via: SIP/2.0/UDP 127.0.0.1:%u;branch=z9hG4bK%u\r\n"
		     "Max-Forwards: 70\r\nFrom: <sip:600@127.0.0.1>;tag=f\r\n"
		     "To: %s\r\nCall-ID: %s\r\nCSeq: %u SUBSCRIBE\r\n"
		     "Contact: <sip:600@127.0.0.1:%u>\r\n%s"
		     "Content-Length: 0\r\n\r\n",
		     sa_port(&peer.addr), ++n, to, callid, cseq,
		     sa_port(&peer.addr), more);
	peer_send(&peer, &gateway, out, (size_t)len);
	if (!loop_until(has_response, 1000))
		return 0;

	return (unsigned)strtoul(s.response + 8, NULL, 10);
}

#define TO    "<sip:alice@127.0.0.1>"
#define EVENT "Event: presence\r\n"

static unsigned begin_for(unsigned expires)
{
	char more[80];

	(void)snprintf(more, sizeof(more), EVENT "Expires: %u\r\n", expires);

	return subscribe("c1", 1, TO, more);
}

static unsigned renew_for(unsigned cseq, unsigned expires)
{
	char to[128], more[80];

	(void)snprintf(to, sizeof(to), "%s", peer_header(s.notify, "From"));
	(void)snprintf(more, sizeof(more), EVENT "Expires: %u\r\n", expires);

	return subscribe("c1", cseq, to, more);
}

static unsigned wanted;

static bool has_notifies(void)
{
	return s.notifies >= wanted;
}

static void await(unsigned notifies, const char *state)
{
	wanted = notifies;
	ck_assert_msg(loop_until(has_notifies, 3000), "%u NOTIFYs, not %u",
		      s.notifies, notifies);
	ck_assert_msg(!strncmp(peer_header(s.notify, "Subscription-State"),
			       state, strlen(state)),
		      "%s", peer_header(s.notify, "Subscription-State"));
}

static bool is_empty(void)
{
	return notifier_count(all) == 0;
}

/* ---- its life ---- */

START_TEST(pending_active_left)
{
	ck_assert_uint_eq(begin_for(3600), 200);
	ck_assert_str_eq(peer_header(s.response, "Expires"), "60");
	await(1, "pending;expires=60");
	ck_assert_str_eq(peer_header(s.notify, "Content-Length"), "0");
	ck_assert_uint_eq(s.printed, 0);

	watcher_accept(s.w);
	await(2, "active;expires=");
	ck_assert_ptr_nonnull(strstr(s.notify, "\r\n\r\n<open/>"));
	watcher_accept(s.w); /* twice is once */
	loop_run(50);
	ck_assert_uint_eq(s.notifies, 2);

	ck_assert_uint_eq(renew_for(2, 30), 200);
	ck_assert_str_eq(peer_header(s.response, "Expires"), "30");
	await(3, "active;expires=30");
	ck_assert_uint_eq(renew_for(2, 30), 500); /* an old one */

	ck_assert_uint_eq(renew_for(3, 0), 200);
	await(4, "terminated;reason=timeout");
	ck_assert_ptr_nonnull(strstr(s.notify, "\r\n\r\n<closed/>"));
	ck_assert_uint_eq(s.gone, 1);
	ck_assert_int_eq(s.why, WATCHER_LEFT);
	ck_assert(loop_until(is_empty, 1000));
	ck_assert_uint_eq(renew_for(4, 30), 481);
}
END_TEST

START_TEST(runs_out)
{
	s.accept = true;
	ck_assert_uint_eq(begin_for(2), 200);
	await(1, "active;expires=2");
	await(2, "terminated;reason=timeout");
	ck_assert_int_eq(s.why, WATCHER_EXPIRED);
	ck_assert(loop_until(is_empty, 1000));
}
END_TEST

START_TEST(asked_once)
{
	ck_assert_uint_eq(begin_for(0), 200);
	ck_assert_str_eq(peer_header(s.response, "Expires"), "0");
	loop_run(50);
	ck_assert_uint_eq(s.notifies, 0);
	watcher_accept(s.w);
	watcher_end(s.w, "timeout", true);
	await(1, "terminated;reason=timeout");
	ck_assert_ptr_nonnull(strstr(s.notify, "\r\n\r\n<open/>"));
	ck_assert(loop_until(is_empty, 1000));
	ck_assert_uint_eq(s.gone, 0);
}
END_TEST

START_TEST(ended_here)
{
	s.accept = true;
	ck_assert_uint_eq(begin_for(60), 200);
	await(1, "active");
	s.answer = 0; /* the last one need not be answered */
	watcher_end(s.w, "rejected", false);
	watcher_end(s.w, "deactivated", true);
	await(2, "terminated;reason=rejected");
	ck_assert_ptr_null(strstr(s.notify, "<open/>"));
	watcher_changed(s.w);
	ck_assert_uint_eq(renew_for(2, 30), 481);
}
END_TEST

START_TEST(spaced)
{
	s.accept = true;
	ck_assert_uint_eq(begin_for(60), 200);
	await(1, "active");
	for (unsigned i = 0; i < 100; i++)
		watcher_changed(s.w);
	loop_run(500);
	ck_assert_uint_eq(s.notifies, 1);
	await(2, "active");
	loop_run(300);
	ck_assert_uint_eq(s.notifies, 2);
}
END_TEST

/* ---- answers to NOTIFY ---- */

START_TEST(refused_by_the_watcher)
{
	s.accept = true;
	s.answer = 481;
	ck_assert_uint_eq(begin_for(60), 200);
	ck_assert(loop_until(is_empty, 1000));
	ck_assert_int_eq(s.why, WATCHER_LOST);
	ck_assert_uint_eq(s.gone, 1);
}
END_TEST

START_TEST(challenged)
{
	s.accept = true;
	s.answer = 401;
	s.challenge = "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\", "
		      "qop=\"auth\", algorithm=MD5\r\n";
	ck_assert_uint_eq(begin_for(60), 200);
	await(2, "active");
	ck_assert_ptr_nonnull(strstr(s.notify, "\r\nAuthorization: Digest "));
	ck_assert(loop_until(is_empty, 1000)); /* wrong twice is the end */
	ck_assert_uint_eq(s.notifies, 2);
}
END_TEST

/* ---- what is refused ---- */

START_TEST(refused)
{
	static const struct {
		const char *more;
		unsigned code;
	} v[] = {
	    {"", 489},
	    {"Event: dialog\r\n", 489},
	    {EVENT "Accept: text/plain\r\n", 406},
	    {EVENT "Accept: text/plain, */*;q=0.1\r\nExpires: 60\r\n", 200},
	    {EVENT "Expires: soon\r\n", 400},
	    {EVENT "Expires: -1\r\n", 400},
	    {EVENT "Expires: 99999999999999999999\r\n", 400},
	    {EVENT "Expires: 1\r\n", 423},
	    {EVENT "Record-Route: <sip:x\r\n", 400},
	};

	for (size_t i = 0; i < ARRAY_SIZE(v); i++) {
		char callid[16];
		unsigned code;

		(void)snprintf(callid, sizeof(callid), "r%zu", i);
		code = subscribe(callid, 1, TO, v[i].more);
		ck_assert_msg(code == v[i].code, "%s: %u", v[i].more, code);
	}
	ck_assert_uint_eq(notifier_count(all), 1);
	ck_assert_uint_eq(s.asked, 1);
	ck_assert_uint_eq(subscribe("x", 1, TO ";tag=none", EVENT), 481);
	s.code = 403;
	ck_assert_uint_eq(subscribe("y", 1, TO, EVENT), 403);
	ck_assert_uint_eq(notifier_count(all), 1);
}
END_TEST

START_TEST(bulky)
{
	char x[1501], more[6000];

	memset(x, 'x', sizeof(x) - 1);
	x[sizeof(x) - 1] = '\0';
	(void)snprintf(more, sizeof(more),
		       EVENT "Record-Route: <sip:127.0.0.1;lr;x=%s>\r\n"
			     "Record-Route: <sip:127.0.0.1;lr;x=%s>\r\n"
			     "Record-Route: <sip:127.0.0.1;lr;x=%s>\r\n",
		       x, x, x);
	ck_assert_uint_eq(subscribe("b", 1, TO, more), 513);
	ck_assert_uint_eq(notifier_count(all), 0);
}
END_TEST

/* A Contact elsewhere: whoever is there has asked for nothing. */
START_TEST(of_another)
{
	ck_assert_uint_eq(subscribe("o", 1, TO,
				    EVENT "Record-Route: "
					  "<sip:192.0.2.99:5060;lr>\r\n"),
			  200);
	await(1, "pending");
	ck_assert_ptr_nonnull(
	    strstr(s.notify, "\r\nRoute: <sip:192.0.2.99:5060;lr>"));
}
END_TEST

/* ---- memory refused ---- */

START_TEST(memory_refused)
{
	unsigned n, code;

	for (n = 0; n < 30; n++) {
		char callid[16];

		(void)snprintf(callid, sizeof(callid), "m%u", n);
		refuse_after = n;
		code = subscribe(callid, 1, TO, EVENT);
		refuse_after = UINT_MAX;
		if (code == 200)
			break;
		ck_assert_msg(code == 500 || code == 0, "%u: %u", n, code);
		/* without an answer it is there, with its timer */
		if (!code) {
			ck_assert_uint_eq(notifier_count(all), 1);
			ck_assert(tmr_isrunning(&s.w->tmr_end));
			notifier_close(all);
		}
		ck_assert_uint_eq(notifier_count(all), 0);
	}
	ck_assert_uint_gt(n, 4);
	ck_assert_uint_lt(n, 30);

	/* a NOTIFY that cannot be made waits for the next change */
	loop_run(50);
	watcher_accept(s.w);
	n = s.notifies + 1;
	await(n, "active");
	loop_run(1100);
	refuse_after = 0;
	watcher_changed(s.w);
	loop_run(50);
	refuse_after = UINT_MAX;
	ck_assert_uint_eq(s.notifies, n);
	watcher_changed(s.w);
	await(n + 1, "active");
}
END_TEST

START_TEST(nothing_at_all)
{
	struct notifier *n = NULL;

	ck_assert_int_eq(notifier_alloc(NULL, stack, &conf, &handlers, NULL),
			 EINVAL);
	ck_assert_int_eq(notifier_alloc(&n, NULL, &conf, &handlers, NULL),
			 EINVAL);
	ck_assert_uint_eq(notifier_count(NULL), 0);
	notifier_close(NULL);
	watcher_accept(NULL);
	watcher_changed(NULL);
	watcher_end(NULL, "timeout", false);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("notifier");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 15);
	tcase_add_test(tc, pending_active_left);
	tcase_add_test(tc, runs_out);
	tcase_add_test(tc, asked_once);
	tcase_add_test(tc, ended_here);
	tcase_add_test(tc, spaced);
	tcase_add_test(tc, refused_by_the_watcher);
	tcase_add_test(tc, challenged);
	tcase_add_test(tc, refused);
	tcase_add_test(tc, bulky);
	tcase_add_test(tc, of_another);
	tcase_add_test(tc, memory_refused);
	tcase_add_test(tc, nothing_at_all);

	return suite_run("sip_notifier", tc);
}
