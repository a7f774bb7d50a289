/* sip_stack.c: the whole stack on loopback against scripted peers. */
#include "sip_peer.h"
#include <stdio.h>
#include <unistd.h>
#include "sip/sipcount.h"
#include "suite.h"

static struct setup st;
static struct sipstack *stack;
static struct peer pbx, stranger;
static struct sa gw; /* where the stack listens */
static unsigned invites;

static void answer_all(struct peer *p, const struct sa *src, const char *text)
{
	gw = *src;
	if (strncmp(text, "SIP/2.0", 7))
		peer_answer(p, src, text, "200 OK", "");
}

static void on_invite(struct siptrunk *trunk, struct sip *sip,
		      const struct sip_msg *msg, void *arg)
{
	(void)arg;
	ck_assert_str_eq(siptrunk_conf(trunk)->name, "pbx");
	++invites;
	(void)sip_reply(sip, msg, 486, "Busy Here");
}

static bool is_up(void)
{
	return siptrunk_up(sipstack_trunk(stack, "pbx"));
}

static void start(const char *params)
{
	ck_assert_int_eq(libre_init(), 0);
	(void)alarm(50);
	setup_init(&st);
	peer_open(&pbx, "127.0.0.1", answer_all);
	peer_open(&stranger, "127.0.0.2", NULL);
	setup_trunk(&st, 0, &pbx.addr, params);
}

static void open_stack(void)
{
	ck_assert_int_eq(sipstack_alloc(&stack, &st.conf), 0);
	ck_assert_int_eq(sipstack_listen(stack, "INVITE", on_invite, NULL), 0);
	ck_assert(loop_until(is_up, 2000));
}

static void stop(void)
{
	sipstack_close(stack);
	stack = mem_deref(stack);
	pbx.us = mem_deref(pbx.us);
	stranger.us = mem_deref(stranger.us);
	libre_close();
}

/* As long as a phone's: a refusal may be hardly longer than what it answers. */
static void send_request(struct peer *p, const char *method, const char *uri,
			 const char *extra)
{
	static unsigned serial;
	char text[4096];
	const unsigned id = ++serial;
	const int n = snprintf(
	    text, sizeof(text),
	    "%s %s SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:9;rport;"
	    "branch=z9hG4bK%u\r\nFrom: <sip:b@h>;tag=1\r\n%s"
	    "Call-ID: c%u\r\nCSeq: 1 %s\r\nContact: <sip:b@h>\r\n%s"
	    "User-Agent: a phone of the usual sort/1.0 (and what it runs)\r\n"
	    "Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE\r\n"
	    "Content-Length: 0\r\n\r\n",
	    method, uri, id, strstr(extra, "To:") ? "" : "To: <sip:a@gw>\r\n",
	    id, method, extra);

	peer_send(p, &gw, text, (size_t)n);
}

static unsigned status_after(struct peer *p, const char *method,
			     const char *uri, const char *extra)
{
	p->last[0] = '\0';
	send_request(p, method, uri, extra);
	loop_run(60);
	return strncmp(p->last, "SIP/2.0 ", 8) ? 0
					       : (unsigned)atoi(p->last + 8);
}

START_TEST(asks_options)
{
	start("");
	open_stack();
	ck_assert(!strncmp(pbx.last, "OPTIONS sip:127.0.0.1:", 22));
	ck_assert_str_eq(peer_header(pbx.last, "User-Agent"), "stoxd-test");
	ck_assert_ptr_nonnull(
	    strstr(siptrunk_status(sipstack_trunk(stack, "pbx")), "1 of 1"));
	stop();
}
END_TEST

/* Which of the gates refused, and how. */
START_TEST(gates)
{
	start("");
	open_stack();

	ck_assert_uint_eq(status_after(&pbx, "INVITE", "sip:a@gw", ""), 486);
	ck_assert_uint_eq(invites, 1);
	ck_assert_uint_eq(status_after(&pbx, "OPTIONS", "sip:gw", ""), 200);
	ck_assert_str_eq(peer_header(pbx.last, "Allow"), "OPTIONS, INVITE");
	ck_assert_str_eq(peer_header(pbx.last, "Accept"), "application/sdp");
	ck_assert_uint_eq(status_after(&pbx, "MESSAGE", "sip:a@gw", ""), 405);
	ck_assert_str_eq(peer_header(pbx.last, "Allow"), "OPTIONS, INVITE");
	ck_assert_uint_eq(status_after(&pbx, "FROB", "sip:a@gw", ""), 501);
	ck_assert_uint_eq(status_after(&pbx, "BYE", "sip:a@gw",
				       "To: <sip:a@gw>;tag=none\r\n"),
			  481);
	ck_assert_uint_eq(status_after(&pbx, "INVITE", "sip:a@gw",
				       "To: <sip:a@gw>;tag=none\r\n"),
			  481);
	ck_assert_uint_eq(status_after(&pbx, "CANCEL", "sip:a@gw", ""), 481);
	ck_assert_uint_eq(status_after(&pbx, "ACK", "sip:a@gw", ""), 0);

	ck_assert_uint_eq(
	    status_after(&pbx, "INVITE", "sip:a@gw", "Require: foo\r\n"), 420);
	ck_assert_str_eq(peer_header(pbx.last, "Unsupported"), "foo");
	ck_assert_uint_eq(
	    status_after(&pbx, "INVITE", "sip:a@gw", "Max-Forwards: 0\r\n"),
	    483);
	ck_assert_uint_eq(status_after(&pbx, "INVITE", "sips:a@gw", ""), 480);
	ck_assert_ptr_nonnull(strstr(pbx.last, "Warning: 380"));
	ck_assert_uint_eq(status_after(&pbx, "INVITE", "im:a@gw", ""), 416);
	ck_assert_uint_eq(status_after(&pbx, "INVITE", "sip:", ""), 400);
	ck_assert_uint_eq(invites, 1);

	/* strangers hear nothing, whatever they say */
	ck_assert_uint_eq(status_after(&stranger, "INVITE", "sip:a@gw", ""),
			  0);
	ck_assert_uint_eq(status_after(&stranger, "OPTIONS", "sip:gw", ""), 0);
	ck_assert_uint_eq(status_after(&stranger, "INVITE", "sip:a@gw",
				       "To: <sip:a@gw>;tag=x\r\n"),
			  0);
	ck_assert_uint_eq(invites, 1);

	ck_assert_uint_eq(sip_counts.gate[GATE_STRANGER], 3);
	ck_assert_uint_eq(sip_counts.gate[GATE_RULES], 5);
	stop();
}
END_TEST

START_TEST(phones_of_a_trunk_in_dialogs)
{
	start("");
	(void)sa_set_str(&st.net[0].addr, "127.0.0.2", 0);
	st.net[0].prefix = 32;
	st.trunk[0].media_from = st.net;
	st.trunk[0].media_fromc = 1;
	open_stack();
	ck_assert_uint_eq(status_after(&stranger, "BYE", "sip:a@gw",
				       "To: <sip:a@gw>;tag=x\r\n"),
			  481);
	ck_assert_uint_eq(status_after(&stranger, "INVITE", "sip:a@gw", ""),
			  0);
	stop();
}
END_TEST

START_TEST(accept_from)
{
	start("");
	(void)sa_set_str(&st.net[0].addr, "127.0.0.0", 0);
	st.net[0].prefix = 8;
	st.trunk[0].accept_from = st.net;
	st.trunk[0].accept_fromc = 1;
	open_stack();
	ck_assert_uint_eq(status_after(&stranger, "INVITE", "sip:a@gw", ""),
			  486);
	stop();
}
END_TEST

START_TEST(junk_and_floods)
{
	start("");
	open_stack();
	for (unsigned i = 0; i < 50; i++) {
		peer_send(&pbx, &gw, "\x01\x01 junk", 7);
		peer_send(&stranger, &gw, "\x00\x01\x00\x00 stun...", 12);
		peer_send(&stranger, &gw, "\r\n\r\n", 4);
		peer_send(&stranger, &gw, "GET / HTTP/1.0\r\n\r\n", 18);
	}
	loop_run(100);
	ck_assert_uint_eq(stranger.count, 0);
	ck_assert_uint_eq(status_after(&pbx, "OPTIONS", "sip:gw", ""), 200);

	pbx.count = 0;
	for (unsigned i = 0; i < 300; i++)
		send_request(&pbx, "OPTIONS", "sip:gw", "");
	loop_run(200);
	ck_assert_uint_ge(pbx.count, 40);
	ck_assert_uint_le(pbx.count, 65);
	stop();
}
END_TEST

/* Nothing private on the wire: Via, Contact, From. */
START_TEST(public_address)
{
	struct siptarget t;
	struct siptrunk *trunk;
	char *contact = NULL, *aor = NULL;

	start("");
	(void)sa_set_str(&st.conf.sip.public4, "198.51.100.7", 0);
	open_stack();
	ck_assert_ptr_nonnull(strstr(pbx.last, "Via: SIP/2.0/UDP "
					       "198.51.100.7:"));
	ck_assert_ptr_nonnull(strstr(pbx.last, "Contact: <sip:198.51.100.7:"));
	ck_assert_ptr_nonnull(strstr(pbx.last, "From: <sip:198.51.100.7:"));

	trunk = sipstack_trunk(stack, "pbx");
	ck_assert_int_eq(siptrunk_target(&t, trunk, 0, NULL, NULL), 0);
	ck_assert_int_eq(siptrunk_target(&t, trunk, 1, NULL, NULL), ENOENT);
	ck_assert_int_eq(siptrunk_target(&t, trunk, 0, NULL, NULL), 0);
	ck_assert_int_eq(siptrunk_contact(&contact, trunk, &t, "al ice"), 0);
	ck_assert(!strncmp(contact, "sip:al%20ice@198.51.100.7:", 26));
	ck_assert_ptr_nonnull(strstr(contact, ";i="));
	mem_deref(contact);
	ck_assert_int_eq(sipstack_contact(&contact, stack, t.sip, NULL, "a"),
			 0);
	ck_assert(!strncmp(contact, "sip:a@198.51.100.7:", 19));
	ck_assert_int_eq(siptrunk_aor(&aor, trunk, "a%20b@c"), 0);
	ck_assert_str_eq(aor, "sip:a%20b%40c@127.0.0.1");
	mem_deref(contact);
	mem_deref(aor);
	stop();
}
END_TEST

static struct tcp_sock *ts;
static struct tcp_conn *tc;
static char tcp_text[8192];

static void tcp_recv(struct mbuf *mb, void *arg)
{
	char *text = arg;
	const size_t n = MIN(mbuf_get_left(mb), sizeof(tcp_text) - 1);
	struct mbuf *out = mbuf_alloc(2048);

	memcpy(text, mbuf_buf(mb), n);
	text[n] = '\0';
	if (strncmp(text, "SIP/2.0", 7)) {
		(void)mbuf_printf(
		    out,
		    "SIP/2.0 200 OK\r\nVia: %s\r\nFrom: %s\r\nTo: %s;tag=t"
		    "\r\nCall-ID: %s\r\nCSeq: %s\r\nContent-Length: 0\r\n\r\n",
		    peer_header(text, "Via"), peer_header(text, "From"),
		    peer_header(text, "To"), peer_header(text, "Call-ID"),
		    peer_header(text, "CSeq"));
		out->pos = 0;
		(void)tcp_send(tc, out);
	}
	mem_deref(out);
}

static bool tcp_closed;

static void tcp_close_(int err, void *arg)
{
	(void)err;
	(void)arg;
	tcp_closed = true;
}

static void tcp_accept_(const struct sa *peer, void *arg)
{
	(void)peer;
	(void)arg;
	ck_assert_int_eq(
	    tcp_accept(&tc, ts, NULL, tcp_recv, tcp_close_, tcp_text), 0);
}

START_TEST(tcp_trunk)
{
	struct sa addr;

	start("");
	(void)sa_set_str(&addr, "127.0.0.1", 0);
	ck_assert_int_eq(tcp_listen(&ts, &addr, tcp_accept_, NULL), 0);
	ck_assert_int_eq(tcp_local_get(ts, &addr), 0);
	setup_trunk(&st, 0, &addr, ";transport=tcp");
	st.conf.sip.listenc = 2;
	(void)sa_set_str(&st.conf.sip.public4, "198.51.100.7", 0);
	open_stack();
	ck_assert_ptr_nonnull(strstr(tcp_text, "Via: SIP/2.0/TCP "
					       "198.51.100.7:"));
	mem_deref(tc);
	mem_deref(ts);
	stop();
}
END_TEST

static void tcp_send_request(const char *extra)
{
	struct mbuf *mb = mbuf_alloc(1024);

	(void)mbuf_printf(mb,
			  "OPTIONS sip:gw SIP/2.0\r\n"
			  "Via: SIP/2.0/TCP h;branch=z9hG4bKq\r\n"
			  "From: <sip:b@h>;tag=1\r\nTo: <sip:a@gw>\r\n"
			  "Call-ID: q\r\nCSeq: 1 OPTIONS\r\n%s\r\n",
			  extra);
	mb->pos = 0;
	(void)tcp_send(tc, mb);
	mem_deref(mb);
}

static char tcp_extra[256];

static void tcp_estab(void *arg)
{
	(void)arg;
	tcp_send_request(tcp_extra);
}

static void tcp_open(const char *from, const char *extra)
{
	struct sa laddr, dst;
	struct siptarget t;

	(void)snprintf(tcp_extra, sizeof(tcp_extra), "%s", extra);
	tcp_text[0] = '\0';
	tcp_closed = false;
	st.trunk[0].tcp = true;
	ck_assert_int_eq(
	    siptrunk_target(&t, sipstack_trunk(stack, "pbx"), 0, NULL, NULL),
	    0);
	ck_assert_int_eq(siptrunk_target_tcp(&t, sipstack_trunk(stack, "pbx")),
			 0);
	ck_assert_int_eq(t.tp, SIP_TRANSP_TCP);
	ck_assert_ptr_nonnull(strstr(t.route_text, ";transport=tcp;lr>"));
	ck_assert_int_eq(
	    sip_transp_laddr(t.sip, &dst, SIP_TRANSP_TCP, &t.addr), 0);
	(void)sa_set_str(&laddr, from, 0);
	ck_assert_int_eq(tcp_connect_bind(&tc, &dst, tcp_estab, tcp_recv,
					  tcp_close_, &laddr, tcp_text),
			 0);
	loop_run(150);
}

static void tcp_ask(const char *from, const char *extra)
{
	tcp_open(from, extra);
	tc = mem_deref(tc);
}

START_TEST(tcp_in)
{
	start("");
	st.conf.sip.listenc = 2;
	open_stack();

	tcp_ask("127.0.0.1", "Content-Length: 0\r\n");
	ck_assert(!strncmp(tcp_text, "SIP/2.0 200", 11));
	tcp_ask("127.0.0.1", "Content-Length: 0\r\nRequire: x\r\n");
	ck_assert(!strncmp(tcp_text, "SIP/2.0 420", 11));
	tcp_ask("127.0.0.2", "Content-Length: 0\r\n");
	ck_assert_str_eq(tcp_text, "");
	ck_assert(tcp_closed);
	stop();
}
END_TEST

/* tcp_queue_bytes: what waits for a peer that reads nothing has an end. */
START_TEST(tcp_queue_is_bounded)
{
	struct mbuf *mb = mbuf_alloc(16384);
	struct sockaddr_in any = {.sin_family = AF_INET,
				  .sin_addr = {htonl(INADDR_LOOPBACK)}};
	const int fd = socket(AF_INET, SOCK_STREAM, 0);
	socklen_t len = sizeof(any);
	struct sa dst;
	int err = 0;

	start("");
	st.conf.limits.tcp_queue_bytes = 100000;
	open_stack();
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&any, len), 0);
	ck_assert_int_eq(listen(fd, 1), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&any, &len), 0);
	ck_assert_int_eq(sa_set_sa(&dst, (struct sockaddr *)&any), 0);
	ck_assert_int_eq(tcp_connect(&tc, &dst, NULL, NULL, NULL, NULL), 0);
	loop_run(50);
	memset(mb->buf, 'x', mb->size);
	for (unsigned i = 0; i < 4096 && !err; i++) {
		mb->pos = 0;
		mb->end = mb->size;
		err = tcp_send(tc, mb);
	}
	ck_assert_int_eq(err, ENOSPC);
	ck_assert_uint_gt(tcp_conn_txqsz(tc), 100000 - mb->size);
	ck_assert_uint_le(tcp_conn_txqsz(tc), 100000);
	mem_deref(mb);
	tc = mem_deref(tc);
	(void)close(fd);
	stop();
}
END_TEST

/* hardening 3: tcp_per_source, here 2. */
START_TEST(tcp_connections_are_few)
{
	struct tcp_conn *kept[2];

	start("");
	st.conf.sip.listenc = 2;
	open_stack();
	for (unsigned i = 0; i < 2; i++) {
		tcp_open("127.0.0.1", "Content-Length: 0\r\n");
		ck_assert(!strncmp(tcp_text, "SIP/2.0 200", 11));
		kept[i] = tc;
		tc = NULL;
	}
	tcp_ask("127.0.0.1", "Content-Length: 0\r\n");
	ck_assert_str_eq(tcp_text, "");
	ck_assert(tcp_closed);
	ck_assert_uint_eq(sip_counts.gate[GATE_CONNS], 1);

	/* room again once one has gone */
	mem_deref(kept[0]);
	loop_run(50);
	tcp_ask("127.0.0.1", "Content-Length: 0\r\n");
	ck_assert(!strncmp(tcp_text, "SIP/2.0 200", 11));
	mem_deref(kept[1]);
	stop();
}
END_TEST

START_TEST(listener_in_use)
{
	struct sipstack *other = NULL;

	start("");
	st.listen[0].addr = pbx.addr;
	ck_assert_int_eq(sipstack_alloc(&other, &st.conf), EADDRINUSE);
	ck_assert_ptr_null(other);
	pbx.us = mem_deref(pbx.us);
	stranger.us = mem_deref(stranger.us);
	libre_close();
}
END_TEST

int main(void)
{
	TCase *tc_ = tcase_create("stack");

	tcase_set_timeout(tc_, 20);
	tcase_add_test(tc_, asks_options);
	tcase_add_test(tc_, gates);
	tcase_add_test(tc_, phones_of_a_trunk_in_dialogs);
	tcase_add_test(tc_, accept_from);
	tcase_add_test(tc_, junk_and_floods);
	tcase_add_test(tc_, public_address);
	tcase_add_test(tc_, tcp_trunk);
	tcase_add_test(tc_, tcp_in);
	tcase_add_test(tc_, tcp_queue_is_bounded);
	tcase_add_test(tc_, tcp_connections_are_few);
	tcase_add_test(tc_, listener_in_use);

	return suite_run("sip_stack", tc_);
}
