/* xmpp_component.c: the component against a scripted server on loopback. */
#include "tests/unit/xmpp_server.h"

#include <netinet/tcp.h>

#include "base/trace.h"
#include "xmpp/handshake.h"

static int iq_err;
static char iq_reply[256];
static struct component_iq *iq_req;

static struct stanza *iq_new(const char *to)
{
	struct stanza *iq = stanza_new("iq", NS_COMPONENT);

	stanza_attr_set(iq, "type", "get");
	stanza_attr_set(iq, "to", to);
	stanza_add(iq, "q", "urn:q");

	return iq;
}

static void iq_h(int err, const struct stanza *reply, void *arg)
{
	ck_assert(!reply == (err == ETIMEDOUT || err == ENOTCONN));
	ck_assert_ptr_null(iq_req);
	if (reply)
		(void)re_snprintf(iq_reply, sizeof(iq_reply), "%H",
				  stanza_print, reply);
	iq_err = err;
	calls++;
	if (arg)
		re_cancel();
}

static void iq_ask(const char *to)
{
	struct stanza *iq = iq_new(to);

	iq_err = -1;
	iq_reply[0] = '\0';
	ck_assert_int_eq(0, component_iq_send(&iq_req, comp, iq, iq_h, &comp));
	ck_assert_ptr_nonnull(iq_req);
	stanza_free(iq);
}

/* The id of the request that comes next. */
static void server_id(struct server *s)
{
	size_t n;

	server_expect(s, " id='");
	while (!strchr(s->buf, '\''))
		ck_assert_uint_gt(server_read(s), 0);

	n = strcspn(s->buf, "'");
	ck_assert_uint_lt(n, sizeof(s->id));
	memcpy(s->id, s->buf, n);
	s->id[n] = '\0';
}

START_TEST(test_hash)
{
	char hex[HANDSHAKE_SIZE];

	ck_assert_int_eq(0, handshake_hash(hex, "b7f3e0c2", "example-secret"));
	ck_assert_str_eq("c9ef44935713fc22b13b0868e545b8fef6849691", hex);
}
END_TEST

START_TEST(test_up)
{
	server_start(script_up);
	comp_new(up_stops);
	ck_assert_str_eq("gw.example.com", component_domain(comp));
	ck_assert_ptr_eq(&conf, component_conf(comp));
	ck_assert(!component_up(comp));
	run(3000);
	ck_assert_uint_eq(1, ups);
	ck_assert_str_eq("connected", component_status(comp));

	/* its end is polite */
	comp = mem_deref(comp);
	server_join();
}
END_TEST

static const struct {
	const char *cond;
	enum handshake_wait wait;
} errors[] = {
    {"conflict", WAIT_CONFLICT},
    {"host-unknown", WAIT_OPERATOR},
    {"not-authorized", WAIT_OPERATOR},
    {"invalid-namespace", WAIT_OPERATOR},
    {"improper-addressing", WAIT_OPERATOR},
    {"invalid-from", WAIT_BACKOFF},
    {"policy-violation", WAIT_BACKOFF},
    {"system-shutdown", WAIT_BACKOFF},
    {"undefined-condition", WAIT_BACKOFF},
};
static const char *error_cond;
static bool error_again;
static int error_wait; /* ms */

static void script_error(struct server *s)
{
	char text[300];
	struct pollfd p = {.fd = s->lfd, .events = POLLIN};

	server_accept(s);
	server_expect(s, "<stream:stream ");
	server_send(s, HEADER);
	server_expect(s, "</handshake>");
	(void)re_snprintf(text, sizeof(text),
			  "<stream:error><%s xmlns='urn:ietf:params:xml:ns:"
			  "xmpp-streams'/><text xmlns='urn:ietf:params:xml:ns:"
			  "xmpp-streams'>so there</text></stream:error>"
			  "</stream:stream>",
			  error_cond);
	server_send(s, text);
	server_wait_close(s);
	error_again = poll(&p, 1, error_wait) == 1;
}

START_TEST(test_stream_error)
{
	char expected[128];

	error_cond = errors[_i].cond;
	(void)re_snprintf(expected, sizeof(expected),
			  "the server says %s (so there)", error_cond);
	ck_assert_int_eq(errors[_i].wait, handshake_remedy(error_cond)->wait);

	/* one of each kind is waited for */
	error_wait = _i < 2 || _i == 8 ? 1300 : 0;

	server_start(script_error);
	comp_new(state_h);
	run(error_wait ? 1400 : 150);
	ck_assert_uint_eq(0, ups);
	ck_assert_uint_eq(0, downs);
	ck_assert_str_eq(expected, component_status(comp));
	server_join();

	/* what only an operator can mend is tried rarely */
	ck_assert(!error_wait ||
		  error_again == (errors[_i].wait != WAIT_OPERATOR));
}
END_TEST

/* Protocol A: how long until the next try, and what the operator is told: a
 * key, or the setting of the server. */
START_TEST(test_remedies)
{
	static const struct {
		const char *cond;
		enum handshake_wait wait;
		const char *says;
	} v[] = {
	    {"conflict", WAIT_CONFLICT,
	     "component_conflict_resolve = \"kick_old\""},
	    {"host-unknown", WAIT_OPERATOR, "component ="},
	    {"not-authorized", WAIT_OPERATOR, "secret"},
	    {"invalid-namespace", WAIT_OPERATOR, "server ="},
	    {"improper-addressing", WAIT_OPERATOR, "component ="},
	    {"invalid-from", WAIT_BACKOFF, "component ="},
	    {"policy-violation", WAIT_BACKOFF, "component_stanza_size_limit"},
	    {"resource-constraint", WAIT_BACKOFF, "overloaded"},
	    {"connection-timeout", WAIT_BACKOFF, NULL},
	    {"system-shutdown", WAIT_BACKOFF, NULL},
	    {"reset", WAIT_BACKOFF, NULL},
	    {"see-other-host", WAIT_OPERATOR, "server ="},
	    {"of-another-day", WAIT_BACKOFF, "log of the server"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(v); i++) {
		const struct handshake_remedy *r = handshake_remedy(v[i].cond);

		ck_assert_msg(r->wait == v[i].wait, "%s", v[i].cond);
		ck_assert_msg(v[i].says ? strstr(r->hint, v[i].says) != NULL
					: !*r->hint,
			      "%s: %s", v[i].cond, r->hint);
	}
}
END_TEST

static bool no_h(struct component *c, const struct stanza *st, void *arg)
{
	(void)c;
	(void)st;
	(void)arg;
	calls += 100;

	return false;
}

#define STANZAS "urn:ietf:params:xml:ns:xmpp-stanzas"

static const struct {
	const char *in, *out; /* out NULL: no answer */
	unsigned handled;
} dispatched[] = {
    {"<iq type='get' id='x'" FROM "><q xmlns='urn:q'/></iq>",
     "<iq type='result' id='x' from='gw.example.com' "
     "to='a@example.com/r'/>",
     101},
    {"<iq type='set' id='x'" FROM "><q xmlns='urn:q'/></iq>",
     "<error type='cancel'><service-unavailable xmlns='" STANZAS "'/>", 0},
    {"<iq type='get' id='x'" FROM "><q xmlns='urn:other'/></iq>",
     "<error type='cancel'><service-unavailable xmlns='" STANZAS "'/>", 0},
    {"<iq type='get' id='x'" FROM "/>",
     "<error type='modify'><bad-request xmlns='" STANZAS "'/>", 0},
    {"<iq type='get' id='x'" FROM "><q xmlns='urn:q'/><q xmlns='urn:q'/>"
     "</iq>",
     "<error type='modify'><bad-request xmlns='" STANZAS "'/>", 0},
    {"<iq type='get'" FROM "><q xmlns='urn:q'/></iq>",
     "<error type='modify'><bad-request xmlns='" STANZAS "'/>", 0},
    {"<iq type='?' id='x'" FROM "><q xmlns='urn:q'/></iq>",
     "<error type='modify'><bad-request xmlns='" STANZAS "'/>", 0},
    {"<iq id='x'" FROM "><q xmlns='urn:q'/></iq>",
     "<error type='modify'><bad-request xmlns='" STANZAS "'/>", 0},
    {"<iq type='get' id='x' from='a b@c' to='gw.example.com'>"
     "<q xmlns='urn:q'/></iq>",
     "<error type='modify'><jid-malformed xmlns='" STANZAS "'/>", 0},
    {"<iq type='result' id='x'" FROM "/>", NULL, 0},
    {"<iq type='error' id='x'" FROM "><q xmlns='urn:q'/></iq>", NULL, 0},
    {"<iq type='get' id='x' from='a@b' to='c@elsewhere.org'>"
     "<q xmlns='urn:q'/></iq>",
     NULL, 0},
    {"<iq type='get' id='x' from='a@b' to='c@'><q xmlns='urn:q'/></iq>", NULL,
     0},
    {"<iq type='get' id='x' from='a@b'><q xmlns='urn:q'/></iq>", NULL, 0},
    {"<message" FROM "><z/><q xmlns='urn:q'/></message>",
     "<message type='result'", 1},
    {"<message" FROM "><body>hello</body></message>",
     "<error type='cancel'><service-unavailable xmlns='" STANZAS "'/>", 0},
    {"<message type='error'" FROM "><body>hello</body></message>", NULL, 0},
    {"<message type='groupchat'" FROM "><body>hello</body></message>", NULL,
     0},
    {"<message from='@' to='gw.example.com'><q xmlns='urn:q'/></message>",
     NULL, 0},
    {"<presence" FROM "/>", "<presence type='result'", 1},
    {"<presence xmlns='jabber:client'" FROM "/>", NULL, 0},
    {"<other" FROM "/>", NULL, 0},
};
static const char *dispatch_in, *dispatch_out;

static void script_dispatch(struct server *s)
{
	server_up(s);
	server_send(s, dispatch_in);
	if (dispatch_out)
		server_expect(s, dispatch_out);

	/* what comes next is the answer to this, so nothing was before */
	s->len = dispatch_out ? s->len : 0;
	server_send(s, "<iq type='get' id='end'" FROM ">"
		       "<q xmlns='urn:q'/></iq>");
	if (dispatch_out) {
		server_expect(s, "id='end'");
	} else {
		server_expect(s, "<");
		server_expect(s, "iq type='result' id='end'");
	}
	server_close(s);
}

START_TEST(test_dispatch)
{
	dispatch_in = dispatched[_i].in;
	dispatch_out = dispatched[_i].out;

	server_start(script_dispatch);
	comp_new(down_stops);
	ck_assert_int_eq(
	    0, component_listen(comp, COMPONENT_IQ_GET, "urn:q", no_h, NULL));
	ck_assert_int_eq(0, component_listen(comp, COMPONENT_IQ_GET, "urn:q",
					     echo_h, NULL));
	ck_assert_int_eq(0, component_listen(comp, COMPONENT_MESSAGE, "urn:q",
					     echo_h, NULL));
	ck_assert_int_eq(
	    0, component_listen(comp, COMPONENT_PRESENCE, NULL, echo_h, NULL));
	run(3000);
	ck_assert_uint_eq(1, downs);
	ck_assert_uint_eq(dispatched[_i].handled + 101, calls);
	server_join();
}
END_TEST

/* The texts of one JID that are answered; a resource is nobody else. */
static void script_texts(struct server *s)
{
	server_up(s);
	server_send(s, "<message id='1'" FROM "><body>a</body></message>"
		       "<message id='2'" FROM "><body>b</body></message>"
		       "<message id='3' from='a@example.com/other'"
		       " to='gw.example.com'><body>c</body></message>"
		       "<message id='4' from='b@example.com/r'"
		       " to='gw.example.com'><body>d</body></message>");
	server_expect(s, "id='1'");
	server_expect(s, "id='2'");
	while (!strstr(s->buf, "id='4'"))
		ck_assert_uint_gt(server_read(s), 0);
	ck_assert_ptr_null(strstr(s->buf, "id='3'"));
	server_close(s);
}

START_TEST(test_texts)
{
	limits.message_rate = 1;
	limits.message_burst = 2;
	server_start(script_texts);
	comp_new(down_stops);
	run(3000);
	ck_assert_uint_eq(1, downs);
	server_join();
}
END_TEST

/* xmpp_tcp_timeout reaches the socket. */
START_TEST(test_user_timeout)
{
	unsigned found = 0;

	limits.xmpp_tcp_timeout = 7;
	server_start(script_up);
	comp_new(up_stops);
	run(3000);
	ck_assert_uint_eq(1, ups);
	for (int fd = 3; fd < 64; fd++) {
		unsigned ms = 0;
		socklen_t len = sizeof(ms);

		if (!getsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &ms, &len))
			found += ms == 7000;
	}
	ck_assert_uint_eq(1, found);
	comp = mem_deref(comp);
	server_join();
}
END_TEST

static bool leave_h(struct component *c, const struct stanza *st, void *arg)
{
	(void)st;
	calls++;
	component_unlisten(c, arg);

	return false;
}

static void script_leave(struct server *s)
{
	server_up(s);
	server_send(s, "<presence" FROM "/><presence" FROM "/>"
		       "<presence" FROM "/>");
	server_wait_close(s);
}

START_TEST(test_unlisten)
{
	server_start(script_leave);
	comp_new(state_h);
	component_listen(comp, COMPONENT_PRESENCE, NULL, leave_h, &calls);
	component_listen(comp, COMPONENT_PRESENCE, NULL, leave_h, &calls);
	run(300);
	ck_assert_uint_eq(1, calls);
	component_unlisten(comp, NULL); /* state_h */
	comp = mem_deref(comp);
	ck_assert_uint_eq(0, downs);
	server_join();
}
END_TEST

static bool drop_h(struct component *c, const struct stanza *st, void *arg)
{
	(void)st;
	(void)arg;
	(void)c;
	calls++;
	comp = mem_deref(comp);
	re_cancel();

	return true;
}

START_TEST(test_dropped_in_handler)
{
	server_start(script_leave);
	comp_new(state_h);
	component_listen(comp, COMPONENT_PRESENCE, NULL, drop_h, NULL);
	run(3000);
	ck_assert_uint_eq(1, calls);
	server_join();
}
END_TEST

static void iq_answer(struct server *s, const char *from, const char *rest)
{
	char text[400];

	(void)re_snprintf(text, sizeof(text),
			  "<iq id='%s' to='gw.example.com'%s %s", s->id, from,
			  rest);
	server_send(s, text);
}

static void script_iq(struct server *s)
{
	server_up(s);

	server_id(s);
	ck_assert_uint_eq(20, strlen(s->id));
	iq_answer(s, " from='mallory@example.com/r'", "type='result'/>");
	iq_answer(s, " from='a@example.com/R'", "type='result'/>");
	iq_answer(s, "", "type='result'/>");
	iq_answer(s, " from='A@Example.com/r'", "type='result'><z/></iq>");
	iq_answer(s, " from='a@example.com/r'", "type='error'/>");

	server_id(s);
	iq_answer(s, " from='b@example.com'", "type='error'/>");

	server_id(s);
	iq_answer(s, "", "type='result'/>");

	server_id(s); /* no answer: it times out */

	server_id(s); /* no answer: the link goes */
	server_close(s);
}

START_TEST(test_iq)
{
	struct stanza *iq;

	server_start(script_iq);
	comp_new(up_stops);

	iq = iq_new("a@example.com");
	ck_assert_int_eq(ENOTCONN,
			 component_iq_send(&iq_req, comp, iq, iq_h, NULL));
	ck_assert_ptr_null(iq_req);
	run(3000);
	stanza_attr_set(iq, "to", "@");
	ck_assert_int_eq(EBADMSG,
			 component_iq_send(&iq_req, comp, iq, iq_h, NULL));
	stanza_free(iq);

	iq_ask("a@example.com/r");
	run(3000);
	ck_assert_int_eq(0, iq_err);
	ck_assert_ptr_nonnull(strstr(iq_reply, "<z/>"));

	iq_ask("b@example.com");
	run(3000);
	ck_assert_int_eq(EPROTO, iq_err);

	iq_ask("example.com");
	run(3000);
	ck_assert_int_eq(0, iq_err);

	iq_ask("c@example.com");
	run(3000);
	ck_assert_int_eq(ETIMEDOUT, iq_err);
	ck_assert_uint_eq(4, calls);

	iq_ask("d@example.com");
	run(3000);
	ck_assert_int_eq(ENOTCONN, iq_err);
	ck_assert_uint_eq(1, downs);
	ck_assert_uint_eq(5, calls);
	server_join();
}
END_TEST

START_TEST(test_iq_cancel)
{
	server_start(script_up);
	comp_new(up_stops);
	run(3000);
	iq_ask("a@example.com");
	iq_req = mem_deref(iq_req);
	run(1300);
	ck_assert_uint_eq(0, calls);
	comp = mem_deref(comp);
	server_join();
}
END_TEST

static void script_reconnect(struct server *s)
{
	server_up(s);
	server_close(s); /* as if killed */
	server_up(s);
	server_send(s, "</stream:stream>"); /* as if restarted */
	server_wait_close(s);
	server_up(s);
	server_wait_close(s);
}

static void up3_stops(struct component *c, bool up, void *arg)
{
	state_h(c, up, arg);
	if (ups == 3)
		re_cancel();
}

START_TEST(test_reconnect)
{
	server_start(script_reconnect);
	comp_new(up3_stops);
	run(8000);
	ck_assert_uint_eq(3, ups);
	ck_assert_uint_eq(2, downs);
	comp = mem_deref(comp);
	server_join();
}
END_TEST

START_TEST(test_down_at_boot)
{
	comp_new(up_stops); /* nobody listens yet */
	run(300);
	ck_assert_ptr_nonnull(
	    strstr(component_status(comp), "Connection refused"));
	server_start(script_up);
	run(4000);
	ck_assert_uint_eq(1, ups);
	comp = mem_deref(comp);
	server_join();
}
END_TEST

static pthread_barrier_t shed_over;

static void script_shed(struct server *s)
{
	server_up(s);
	pthread_barrier_wait(&shed_over); /* a zero window */
	server_close(s);
}

/* Sends until it is refused; how often it was not. */
static unsigned flood(const struct stanza *st, enum component_priority prio)
{
	unsigned n = 0;
	int err;

	while (!(err = component_send(comp, st, prio)))
		ck_assert_uint_lt(n++, 100000);
	ck_assert_int_eq(ENOBUFS, err);

	return n;
}

START_TEST(test_shed)
{
	struct stanza *st = stanza_new("message", NS_COMPONENT);
	unsigned a, b, d;
	char big[1001];

	memset(big, 'x', 1000);
	big[1000] = '\0';
	stanza_attr_set(st, "from", "u@gw.example.com/sip");
	stanza_attr_set(st, "to", "a@example.com");
	stanza_text_add(stanza_add(st, "body", NULL), big);

	limits.xmpp_queue_bytes = 100000;
	pthread_barrier_init(&shed_over, NULL, 2);
	server_start(script_shed);
	comp_new(up_stops);
	ck_assert_int_eq(ENOTCONN, component_send(comp, st, COMPONENT_NORMAL));
	run(3000);

	a = flood(st, COMPONENT_SHED_FIRST);
	b = flood(st, COMPONENT_NORMAL);
	d = flood(st, COMPONENT_NEVER_SHED);
	ck_assert_uint_ge(a, 80);
	ck_assert_uint_ge(b, 20);
	ck_assert_uint_ge(d, 60);

	pthread_barrier_wait(&shed_over);
	stanza_free(st);
	server_join();
}
END_TEST

START_TEST(test_send_refuses)
{
	static const char *const froms[] = {NULL, "", "a@example.com",
					    "gw.example.com.evil.org",
					    "xgw.example.com"};
	struct stanza *st = stanza_new("message", NS_COMPONENT);
	size_t i;

	server_start(script_up);
	comp_new(up_stops);
	run(3000);

	stanza_attr_set(st, "to", "a@example.com");
	for (i = 0; i < ARRAY_SIZE(froms); i++) {
		stanza_attr_set(st, "from", froms[i]);
		ck_assert_int_eq(EINVAL,
				 component_send(comp, st, COMPONENT_NORMAL));
	}
	stanza_attr_set(st, "from", "x@GW.example.com/sip");
	ck_assert_int_eq(0, component_send(comp, st, COMPONENT_NORMAL));
	stanza_attr_set(st, "to", NULL);
	ck_assert_int_eq(EINVAL, component_send(comp, st, COMPONENT_NORMAL));
	stanza_free(st);
	comp = mem_deref(comp);
	server_join();
}
END_TEST

static void script_ping(struct server *s)
{
	server_up(s);
	server_expect(s, "<iq type='get' to='example.com'");
	server_id(s);
	server_expect(s, "<ping xmlns='urn:xmpp:ping'/></iq>");
	iq_answer(s, " from='example.com'", "type='error'/>");
	server_expect(s, "<iq type='get' to='example.com'");
	server_wait_close(s); /* no answer, no sign of life */
}

START_TEST(test_ping)
{
	limits.xmpp_ping = 1;
	limits.xmpp_ping_timeout = 1;
	server_start(script_ping);
	comp_new(down_stops);
	run(1900); /* the error was an answer */
	ck_assert(component_up(comp));
	run(2500);
	ck_assert_uint_eq(1, downs);
	ck_assert_ptr_nonnull(strstr(component_status(comp), "ping"));
	server_join();
}
END_TEST

static void script_bomb(struct server *s)
{
	unsigned i;

	server_up(s);
	server_send(s, "<message>");
	for (i = 0; i < 40; i++)
		server_send(s, "<x>");
	server_expect(s, "</stream:stream>");
	server_wait_close(s);
}

START_TEST(test_over_limit)
{
	server_start(script_bomb);
	comp_new(down_stops);
	run(3000);
	ck_assert_uint_eq(1, downs);
	ck_assert_str_eq("bad XML from the server: stanza is too deep",
			 component_status(comp));
	server_join();
}
END_TEST

static void script_sessions(struct server *s)
{
	server_up(s);
	server_send(s,
		    "<iq type='set' id='1'" FROM "><jingle "
		    "xmlns='urn:xmpp:jingle:1' sid='s1' id='x'/></iq>"
		    "<message id='2'" FROM "><propose "
		    "xmlns='urn:xmpp:jingle-message:0' id='m1' sid='x'/>"
		    "</message>"
		    "<message id='3'" FROM "><other xmlns='urn:o' "
		    "id='o1' sid='o2'/></message>"
		    "<iq type='get' id='4'" FROM "><q xmlns='urn:q'/></iq>");
	server_expect(s, "id='4'");
	server_close(s);
}

static void count_h(const struct trace_entry *e, void *arg)
{
	ck_assert_int_eq(e->kind, TRACE_XMPP);
	++*(unsigned *)arg;
}

/* A call's stanzas are found by its session: XEP-0166 7.2, XEP-0353 3. */
START_TEST(test_trace)
{
	static const struct {
		const char *key;
		unsigned n;
	} v[] = {{"s1", 1}, {"m1", 1}, {"o1", 0}, {"o2", 0}, {"x", 0}};

	server_start(script_sessions);
	comp_new(down_stops);
	run(3000);
	server_join();
	for (size_t i = 0; i < ARRAY_SIZE(v); i++) {
		unsigned n = 0;

		ck_assert_int_eq(0, trace_chain(&v[i].key, 1, count_h, &n));
		ck_assert_msg(n == v[i].n, "%s: %u", v[i].key, n);
	}
	trace_close();
}
END_TEST

START_TEST(test_arguments)
{
	ck_assert_int_eq(EINVAL, component_alloc(&comp, NULL, &limits));
	conf.component = text_server + 9;
	text_server[8] = '\0';
	ck_assert_int_eq(EBADMSG, component_alloc(&comp, &conf, &limits));
	ck_assert_int_eq(EINVAL, component_listen(NULL, 0, NULL, echo_h, 0));
	ck_assert_str_eq("", component_status(NULL));
	ck_assert(!component_up(NULL));
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("component");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 20);
	tcase_add_test(tc, test_hash);
	tcase_add_test(tc, test_up);
	tcase_add_loop_test(tc, test_stream_error, 0, ARRAY_SIZE(errors));
	tcase_add_test(tc, test_remedies);
	tcase_add_loop_test(tc, test_dispatch, 0, ARRAY_SIZE(dispatched));
	tcase_add_test(tc, test_unlisten);
	tcase_add_test(tc, test_texts);
	tcase_add_test(tc, test_user_timeout);
	tcase_add_test(tc, test_dropped_in_handler);
	tcase_add_test(tc, test_iq);
	tcase_add_test(tc, test_iq_cancel);
	tcase_add_test(tc, test_reconnect);
	tcase_add_test(tc, test_down_at_boot);
	tcase_add_test(tc, test_shed);
	tcase_add_test(tc, test_send_refuses);
	tcase_add_test(tc, test_ping);
	tcase_add_test(tc, test_over_limit);
	tcase_add_test(tc, test_trace);
	tcase_add_test(tc, test_arguments);

	return suite_run("xmpp_component", tc);
}
