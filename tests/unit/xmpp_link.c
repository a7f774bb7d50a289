/* xmpp_link.c: how the component reaches its server: names, addresses, TLS, and
 * what answers there that is no component port. */
#include "tests/unit/xmpp_server.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>

START_TEST(test_name)
{
	static char name[] = "localhost";

	conf.server = name;
	server_start(script_up);
	comp_new(up_stops);
	run(5000);
	ck_assert_uint_eq(1, ups);
	comp = mem_deref(comp);
	server_join();
}
END_TEST

START_TEST(test_name_unknown)
{
	static char name[] = "no-such-host.invalid";

	conf.server = name;
	comp_new(state_h);
	run(200);
	ck_assert(!component_up(comp));

	/* and one that is dropped while it asks */
	comp = mem_deref(comp);
	comp_new(state_h);
	comp = mem_deref(comp);
	run(300);
}
END_TEST

START_TEST(test_ipv6)
{
	static char addr[] = "::1";

	close(srv.lfd);
	server_listen(AF_INET6);
	conf.server = addr;
	server_start(script_up);
	comp_new(up_stops);
	run(3000);
	ck_assert_uint_eq(1, ups);
	comp = mem_deref(comp);
	server_join();
}
END_TEST

START_TEST(test_plain_refused)
{
	static char far[] = "192.0.2.1";

	conf.server = far;
	comp_new(state_h);
	run(100);
	ck_assert_str_eq("refusing to send to 192.0.2.1 without TLS",
			 component_status(comp));
}
END_TEST

static const char *junk[] = {
    "HTTP/1.1 400 Bad Request\r\n\r\n",
    "<html>",
    "<stream:stream xmlns:stream='http://etherx.jabber.org/streams'>",
    "<!DOCTYPE x>",
};
static const char *junk_now;

static void script_junk(struct server *s)
{
	server_accept(s);
	server_expect(s, "<stream:stream ");
	server_send(s, junk_now);
	server_wait_close(s);
}

START_TEST(test_junk)
{
	junk_now = junk[_i];
	server_start(script_junk);
	comp_new(state_h);
	run(500);
	ck_assert(strstr(component_status(comp), "bad XML") ||
		  strstr(component_status(comp), "no component port"));
	server_join();
}
END_TEST

static char ca_file[] = "/tmp/xmpp_component.XXXXXX";

static SSL_CTX *tls_server(const char *names)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
	X509_EXTENSION *ext;
	X509 *x = X509_new();
	FILE *f;

	X509_set_version(x, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
	X509_gmtime_adj(X509_getm_notBefore(x), -3600);
	X509_gmtime_adj(X509_getm_notAfter(x), 3600);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN",
				   MBSTRING_ASC, (const unsigned char *)"test",
				   -1, -1, 0);
	X509_set_issuer_name(x, X509_get_subject_name(x));
	X509_set_pubkey(x, key);
	ext = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, names);
	X509_add_ext(x, ext, -1);
	X509_EXTENSION_free(ext);
	ck_assert_int_gt(X509_sign(x, key, EVP_sha256()), 0);

	ck_assert_int_eq(1, SSL_CTX_use_certificate(ctx, x));
	ck_assert_int_eq(1, SSL_CTX_use_PrivateKey(ctx, key));

	f = fdopen(mkstemp(ca_file), "w");
	ck_assert_ptr_nonnull(f);
	PEM_write_X509(f, x);
	fclose(f);
	X509_free(x);
	EVP_PKEY_free(key);

	return ctx;
}

static void tls_end(void)
{
	unlink(ca_file);
	SSL_CTX_free(srv.ctx);
}

static void script_tls_refused(struct server *s)
{
	server_accept(s);
	ck_assert_int_ne(1, SSL_accept(s->ssl));
	server_close(s);
}

static const struct {
	const char *names;
	const char *name; /* tls_name */
	bool ca;
	int max;	     /* TLS version of the server */
	const char *refused; /* NULL: connected */
} tls_cases[] = {
    {"IP:127.0.0.1", NULL, true, 0, NULL},
    {"DNS:xmpp.example", "xmpp.example", true, 0, NULL},
    {"DNS:xmpp.example", "xmpp.example", true, TLS1_2_VERSION, NULL},
    {"DNS:*.x.example", "xmpp.x.example", true, 0, NULL},
    {"DNS:other.example", "xmpp.example", true, 0, "hostname mismatch"},
    {"DNS:127.0.0.1", NULL, true, 0, "IP address mismatch"},
    {"IP:127.0.0.1", NULL, false, 0, "self-signed certificate"},
    {"IP:127.0.0.1", NULL, true, TLS1_1_VERSION, "TLS with"},
};

/* At most 10 s: a busy machine is slow with certificates. */
static void run_until_said(const char *want)
{
	for (unsigned i = 0; i < 100 && !strstr(component_status(comp), want);
	     i++)
		run(100);
}

START_TEST(test_tls)
{
	char name[32] = "";

	srv.ctx = tls_server(tls_cases[_i].names);
	if (tls_cases[_i].max) {
		SSL_CTX_set_min_proto_version(srv.ctx, 0);
		SSL_CTX_set_max_proto_version(srv.ctx, tls_cases[_i].max);
	}

	conf.tls = true;
	conf.tls_ca = tls_cases[_i].ca ? ca_file : NULL;
	if (tls_cases[_i].name) {
		str_ncpy(name, tls_cases[_i].name, sizeof(name));
		conf.tls_name = name;
	}

	server_start(tls_cases[_i].refused ? script_tls_refused : script_up);
	comp_new(up_stops);
	if (tls_cases[_i].refused)
		run_until_said(tls_cases[_i].refused);
	else
		run(3000);

	if (tls_cases[_i].refused) {
		ck_assert_uint_eq(0, ups);
		ck_assert_msg(
		    strstr(component_status(comp), tls_cases[_i].refused),
		    "%s", component_status(comp));
	} else {
		ck_assert_uint_eq(1, ups);
	}

	comp = mem_deref(comp);
	server_join();
	tls_end();
}
END_TEST

static void script_tls_big(struct server *s)
{
	char *big = malloc(200001);
	int i;

	ck_assert_ptr_nonnull(big);
	memset(big, 'x', 200000);
	big[200000] = '\0';
	server_up(s);

	for (i = 0; i < 5; i++) {
		server_send(s, "<message" FROM "><q xmlns='urn:q'>");
		server_send(s, big);
		server_send(s, "</q></message>");
	}
	free(big);
	for (i = 0; i < 5; i++)
		server_expect(s, "type='result'");
	server_close(s);
}

START_TEST(test_tls_big)
{
	srv.ctx = tls_server("IP:127.0.0.1");
	conf.tls = true;
	conf.tls_ca = ca_file;
	server_start(script_tls_big);
	comp_new(down_stops);
	component_listen(comp, COMPONENT_MESSAGE, "urn:q", echo_h, NULL);
	run(5000);
	ck_assert_uint_eq(5, calls);
	ck_assert_uint_eq(1, downs);
	server_join();
	tls_end();
}
END_TEST

static void script_not_tls(struct server *s)
{
	server_accept(s);
	server_send(s, "HTTP/1.1 400 Bad Request\r\n\r\n");
	server_wait_close(s);
}

START_TEST(test_tls_to_plain)
{
	conf.tls = true;
	server_start(script_not_tls);
	comp_new(state_h);
	run_until_said("TLS with");
	ck_assert_msg(strstr(component_status(comp), "TLS with"), "%s",
		      component_status(comp));
	server_join();
}
END_TEST

START_TEST(test_tls_no_ca)
{
	static char nowhere[] = "/nowhere/ca.pem";

	conf.tls = true;
	conf.tls_ca = nowhere;
	server_start(script_not_tls);
	comp_new(state_h);
	run(300);
	ck_assert_msg(strstr(component_status(comp), "tls_ca"), "%s",
		      component_status(comp));
	server_join();
}
END_TEST

enum { TURNS = 30, TURN = 20 }; /* of the loop; stanzas in each */

static void script_all(struct server *s)
{
	char id[32];

	server_up(s);
	for (unsigned i = 0; i < TURNS * TURN; i++) {
		(void)re_snprintf(id, sizeof(id), " id='m%u'", i);
		server_expect(s, id);
	}
	server_expect(s, "</stream:stream>");
	server_wait_close(s);
}

/* Of much that is said, and not yet sent when the stream is closed,
 * all comes, and in order. */
START_TEST(test_much)
{
	struct stanza *st = stanza_new("message", NS_COMPONENT);
	char id[32], text[201];

	memset(text, 'x', 200);
	text[200] = '\0';
	stanza_attr_set(st, "from", "u@gw.example.com/sip");
	stanza_attr_set(st, "to", "a@example.com");
	stanza_text_add(stanza_add(st, "body", NULL), text);
	if (_i) {
		srv.ctx = tls_server("IP:127.0.0.1");
		conf.tls = true;
		conf.tls_ca = ca_file;
	}
	server_start(script_all);
	comp_new(up_stops);
	run(10000);
	ck_assert_uint_eq(1, ups);
	for (unsigned i = 0; i < TURNS * TURN; i++) {
		(void)re_snprintf(id, sizeof(id), "m%u", i);
		stanza_attr_set(st, "id", id);
		ck_assert_int_eq(0,
				 component_send(comp, st, COMPONENT_NORMAL));
		if (i % TURN == TURN - 1 && i + 1 < TURNS * TURN)
			run(1);
	}
	comp = mem_deref(comp);
	server_join();
	stanza_free(st);
	if (_i)
		tls_end();
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("link");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 20);
	tcase_add_test(tc, test_name);
	tcase_add_test(tc, test_name_unknown);
	tcase_add_test(tc, test_ipv6);
	tcase_add_test(tc, test_plain_refused);
	tcase_add_loop_test(tc, test_junk, 0, ARRAY_SIZE(junk));
	tcase_add_loop_test(tc, test_tls, 0, ARRAY_SIZE(tls_cases));
	tcase_add_test(tc, test_tls_big);
	tcase_add_test(tc, test_tls_to_plain);
	tcase_add_test(tc, test_tls_no_ca);
	tcase_add_loop_test(tc, test_much, 0, 2);

	return suite_run("xmpp_link", tc);
}
