/* sip_tls.c: two TLS trunks with an authority each: right ones are accepted,
 * swapped ones, wrong names and missing client certificates refused. */
#include "sip_peer.h"
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include "sip/stack_priv.h"
#include "sip/tlsconf.h"
#include "suite.h"

static char dir[] = "/tmp/sip_tls.XXXXXX";
static const char *const names[] = {"one.example", "two.example"};

static struct setup st;
static struct sipstack *stack;
static char files[2][4][160]; /* CA, certificate, key, URI */

static struct server {
	struct tcp_sock *ts;
	struct tcp_conn *tc;
	struct tls_conn *sc;
	struct tls *tls;
	struct sa addr;
	unsigned requests;
} servers[2];

static int make_certificate(unsigned i)
{
	const char *n = names[i];
	char cmd[2048];

	(void)snprintf(
	    cmd, sizeof(cmd),
	    "cd %s && openssl req -x509 -newkey ec -pkeyopt "
	    "ec_paramgen_curve:P-256 -nodes -days 2 -subj '/CN=CA of %s' "
	    "-keyout %s.cakey -out %s.ca 2>/dev/null && "
	    "openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes "
	    "-subj '/CN=%s' -keyout %s.key -out %s.csr 2>/dev/null && "
	    "printf 'subjectAltName=DNS:%s' > %s.ext && "
	    "openssl x509 -req -in %s.csr -CA %s.ca -CAkey %s.cakey "
	    "-CAcreateserial -days 2 -extfile %s.ext -out %s.pem 2>/dev/null",
	    dir, n, n, n, n, n, n, n, n, n, n, n, n, n);
	(void)snprintf(files[i][0], 160, "%s/%s.ca", dir, n);
	(void)snprintf(files[i][1], 160, "%s/%s.pem", dir, n);
	(void)snprintf(files[i][2], 160, "%s/%s.key", dir, n);
	return system(cmd);
}

static void on_recv(struct mbuf *mb, void *arg)
{
	struct server *sv = arg;
	struct mbuf *out = mbuf_alloc(2048);
	char text[4096];
	const size_t n = MIN(mbuf_get_left(mb), sizeof(text) - 1);

	memcpy(text, mbuf_buf(mb), n);
	text[n] = '\0';
	++sv->requests;
	(void)mbuf_printf(out,
			  "SIP/2.0 200 OK\r\nVia: %s\r\nFrom: %s\r\n"
			  "To: %s;tag=t\r\nCall-ID: %s\r\nCSeq: %s\r\n"
			  "Content-Length: 0\r\n\r\n",
			  peer_header(text, "Via"), peer_header(text, "From"),
			  peer_header(text, "To"),
			  peer_header(text, "Call-ID"),
			  peer_header(text, "CSeq"));
	out->pos = 0;
	(void)tcp_send(sv->tc, out);
	mem_deref(out);
}

static void on_close(int err, void *arg)
{
	struct server *sv = arg;
	(void)err;

	sv->sc = mem_deref(sv->sc);
	sv->tc = mem_deref(sv->tc);
}

static void on_connect(const struct sa *peer, void *arg)
{
	struct server *sv = arg;
	(void)peer;

	on_close(0, sv);
	ck_assert_int_eq(
	    tcp_accept(&sv->tc, sv->ts, NULL, on_recv, on_close, sv), 0);
	ck_assert_int_eq(tls_start_tcp(&sv->sc, sv->tls, sv->tc, 0), 0);
}

static void open_server(unsigned i)
{
	struct server *sv = &servers[i];
	struct sa addr;

	(void)sa_set_str(&addr, "127.0.0.1", 0);
	ck_assert_int_eq(tlsconf_server(&sv->tls, files[i][1], files[i][2]),
			 0);
	ck_assert_int_eq(tcp_listen(&sv->ts, &addr, on_connect, sv), 0);
	ck_assert_int_eq(tcp_local_get(sv->ts, &sv->addr), 0);
}

static bool both_up(void)
{
	return siptrunk_up(sipstack_trunk(stack, "pbx")) &&
	       siptrunk_up(sipstack_trunk(stack, "two"));
}

static void start(void)
{
	ck_assert_int_eq(libre_init(), 0);
	(void)alarm(50);
	setup_init(&st);
	st.conf.trunkc = 2;
	for (unsigned i = 0; i < 2; i++) {
		open_server(i);
		setup_trunk(&st, i, &servers[i].addr, ";transport=tls");
		st.trunk[i].tls = true;
		st.trunk[i].tls_ca = files[i][0];
		st.trunk[i].tls_name = (char *)(size_t)names[i];
	}
}

static void stop(void)
{
	stack = mem_deref(stack);
	for (unsigned i = 0; i < 2; i++) {
		on_close(0, &servers[i]);
		mem_deref(servers[i].ts);
		mem_deref(servers[i].tls);
	}
	libre_close();
}

START_TEST(right)
{
	struct siptarget t[2];
	struct sa laddr[2];

	start();
	ck_assert_int_eq(sipstack_alloc(&stack, &st.conf), 0);
	ck_assert(loop_until(both_up, 3000));

	for (unsigned i = 0; i < 2; i++) {
		ck_assert_int_eq(
		    siptrunk_target(&t[i],
				    sipstack_trunk(stack, i ? "two" : "pbx"),
				    0, NULL, NULL),
		    0);
		ck_assert_int_eq(t[i].tp, SIP_TRANSP_TLS);
		ck_assert_int_eq(sip_transp_laddr(t[i].sip, &laddr[i],
						  SIP_TRANSP_TLS, &t[i].addr),
				 0);
	}
	ck_assert_ptr_ne(t[0].sip, t[1].sip); /* a context each */
	stop();
}
END_TEST

START_TEST(swapped_authorities)
{
	start();
	st.trunk[0].tls_ca = files[1][0];
	st.trunk[1].tls_ca = files[0][0];
	ck_assert_int_eq(sipstack_alloc(&stack, &st.conf), 0);
	loop_run(1000);
	ck_assert(!siptrunk_up(sipstack_trunk(stack, "pbx")));
	ck_assert(!siptrunk_up(sipstack_trunk(stack, "two")));
	ck_assert_uint_eq(servers[0].requests + servers[1].requests, 0);
	stop();
}
END_TEST

START_TEST(wrong_name)
{
	start();
	st.trunk[0].tls_name = (char *)(size_t)names[1];
	st.trunk[1].tls_name = NULL; /* the URI's 127.0.0.1 */
	ck_assert_int_eq(sipstack_alloc(&stack, &st.conf), 0);
	loop_run(1000);
	ck_assert_uint_eq(servers[0].requests + servers[1].requests, 0);
	stop();
}
END_TEST

static void demand_client_certificate(unsigned i)
{
	SSL_CTX *ctx = tls_openssl_context(servers[i].tls);

	ck_assert_int_eq(SSL_CTX_load_verify_locations(ctx, files[i][0], NULL),
			 1);
	SSL_CTX_set_verify(
	    ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
}

START_TEST(client_certificates)
{
	start();
	demand_client_certificate(0);
	demand_client_certificate(1);
	st.trunk[0].tls_cert = files[0][1];
	st.trunk[0].tls_key = files[0][2];
	ck_assert_int_eq(sipstack_alloc(&stack, &st.conf), 0);
	loop_run(1000);
	ck_assert(siptrunk_up(sipstack_trunk(stack, "pbx")));
	ck_assert(!siptrunk_up(sipstack_trunk(stack, "two")));
	stop();
}
END_TEST

/* Does a server that wants a certificate take the client? */
static bool shakes(struct tls *client, struct tls *server)
{
	SSL *c = SSL_new(tls_openssl_context(client));
	SSL *s = SSL_new(tls_openssl_context(server));
	BIO *cb, *sb;
	bool ok;

	ck_assert_int_eq(BIO_new_bio_pair(&cb, 0, &sb, 0), 1);
	SSL_set_bio(c, cb, cb);
	SSL_set_bio(s, sb, sb);
	SSL_set_connect_state(c);
	SSL_set_accept_state(s);
	for (unsigned i = 0; i < 10; i++) {
		(void)SSL_do_handshake(c);
		(void)SSL_do_handshake(s);
	}
	ok = SSL_is_init_finished(s);
	SSL_free(c);
	SSL_free(s);
	ERR_clear_error();

	return ok;
}

/* Whose certificate was taken out of the configuration shows it no more. */
START_TEST(client_certificate_comes_and_goes)
{
	struct tls *tls, *with, *none;

	start();
	demand_client_certificate(0);
	ck_assert_int_eq(tlsconf_client(&none, &st.trunk[0], "h"), 0);
	st.trunk[0].tls_cert = files[0][1];
	st.trunk[0].tls_key = files[0][2];
	ck_assert_int_eq(tlsconf_client(&with, &st.trunk[0], "h"), 0);
	ck_assert_int_eq(tlsconf_client(&tls, &st.trunk[0], "h"), 0);
	ck_assert(shakes(tls, servers[0].tls));
	ck_assert(!shakes(none, servers[0].tls));
	tlsconf_renew(tls, none);
	ck_assert(!shakes(tls, servers[0].tls));
	tlsconf_renew(tls, with);
	ck_assert(shakes(tls, servers[0].tls));
	mem_deref(tls);
	mem_deref(with);
	mem_deref(none);
	stop();
}
END_TEST

START_TEST(bad_files)
{
	struct tls *tls = NULL;

	ck_assert_int_eq(libre_init(), 0);
	setup_init(&st);
	st.trunk[0].tls_ca = (char *)(size_t) "/nonexistent";
	ck_assert_int_eq(tlsconf_client(&tls, &st.trunk[0], "h"), EINVAL);
	st.trunk[0].tls_ca = NULL;
	st.trunk[0].tls_cert = files[0][1];
	st.trunk[0].tls_key = files[1][2];
	ck_assert_int_eq(tlsconf_client(&tls, &st.trunk[0], "h"), EINVAL);
	ck_assert_ptr_null(tls);
	libre_close();
}
END_TEST

static const struct {
	enum config_transport conf;
	enum sip_transp tp;
	bool stream, tls;
} kinds[] = {
    {CONFIG_UDP, SIP_TRANSP_UDP, false, false},
    {CONFIG_TCP, SIP_TRANSP_TCP, true, false},
    {CONFIG_TLS, SIP_TRANSP_TLS, true, true},
};

/* A listener is what the file says, and nothing else is open there. */
START_TEST(listener_of_each_kind)
{
	const struct wire *w = NULL;
	struct le *le;
	int fd;

	start();
	st.conf.trunkc = 0;
	st.conf.sip.cert = files[0][1];
	st.conf.sip.key = files[0][2];
	st.listen[0].transport = kinds[_i].conf;
	ck_assert_int_eq(sipstack_alloc(&stack, &st.conf), 0);
	LIST_FOREACH (&stack->wires, le)
		w = le->data;
	ck_assert_ptr_nonnull(w);
	ck_assert_uint_eq(list_count(&stack->wires), 1);
	ck_assert_int_eq(w->tp, kinds[_i].tp);
	ck_assert_int_eq(w->tls != NULL, kinds[_i].tls);
	fd = socket(AF_INET, SOCK_STREAM, 0);
	ck_assert_int_eq(connect(fd, &w->laddr.u.sa, w->laddr.len),
			 kinds[_i].stream ? 0 : -1);
	(void)close(fd);
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	ck_assert_int_eq(bind(fd, &w->laddr.u.sa, w->laddr.len),
			 kinds[_i].stream ? 0 : -1);
	(void)close(fd);
	stop();
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("tls");
	char cmd[64];
	int failed;

	if (!mkdtemp(dir) || make_certificate(0) || make_certificate(1))
		return 1;

	tcase_set_timeout(tc, 20);
	tcase_add_test(tc, right);
	tcase_add_test(tc, swapped_authorities);
	tcase_add_test(tc, wrong_name);
	tcase_add_test(tc, client_certificates);
	tcase_add_test(tc, client_certificate_comes_and_goes);
	tcase_add_test(tc, bad_files);
	tcase_add_loop_test(tc, listener_of_each_kind, 0, ARRAY_SIZE(kinds));

	failed = suite_run("sip_tls", tc);
	(void)snprintf(cmd, sizeof(cmd), "rm -r %s", dir);
	return system(cmd) || failed ? 1 : 0;
}
