/* xmpp_server.h: a scripted server on loopback and a component that connects to
 * it, for the tests that need both. */
#ifndef TESTS_XMPP_SERVER_H
#define TESTS_XMPP_SERVER_H

#include "suite.h"
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/ssl.h>

#include "base/compat.h"
#include "base/log.h"
#include "xmpp/component.h"

#define HEADER                                                                \
	"<?xml version='1.0'?><stream:stream "                                \
	"xmlns:stream='http://etherx.jabber.org/streams' "                    \
	"xmlns='jabber:component:accept' id='b7f3e0c2' "                      \
	"from='gw.example.com'>"

struct server {
	int lfd, fd;
	uint16_t port;
	pthread_t thread;
	void (*script)(struct server *s);
	char buf[65536]; /* what came and was not expected yet */
	size_t len;
	SSL_CTX *ctx; /* TLS if set */
	SSL *ssl;
	char id[64]; /* of the last request */
};

static void server_send(struct server *s, const char *text)
{
	size_t len = strlen(text);

	if (s->ssl)
		ck_assert_int_eq((int)len, SSL_write(s->ssl, text, (int)len));
	else
		ck_assert_int_eq((ssize_t)len,
				 send(s->fd, text, len, MSG_NOSIGNAL));
}

/* 0: the peer closed */
static size_t server_read(struct server *s)
{
	struct pollfd p = {.fd = s->fd, .events = POLLIN};
	ssize_t n;

	ck_assert_uint_lt(s->len, sizeof(s->buf) - 1);

	if (s->ssl) {
		n = SSL_read(s->ssl, s->buf + s->len,
			     (int)(sizeof(s->buf) - 1 - s->len));
	} else {
		ck_assert_msg(poll(&p, 1, 5000) == 1, "nothing came after: %s",
			      s->buf);
		n = recv(s->fd, s->buf + s->len, sizeof(s->buf) - 1 - s->len,
			 0);
	}

	if (n <= 0)
		return 0;

	s->len += (size_t)n;
	s->buf[s->len] = '\0';

	return (size_t)n;
}

/* Reads until text has come, and forgets all up to its end. */
static void server_expect(struct server *s, const char *text)
{
	char *p;

	while (!(p = strstr(s->buf, text)))
		ck_assert_msg(server_read(s) > 0, "closed before: %s", text);

	p += strlen(text);
	s->len = (size_t)(s->buf + s->len - p);
	memmove(s->buf, p, s->len + 1);
}

static void server_accept(struct server *s)
{
	struct pollfd p = {.fd = s->lfd, .events = POLLIN};

	ck_assert_msg(poll(&p, 1, 5000) == 1, "nobody connects");
	s->fd = accept(s->lfd, NULL, NULL);
	ck_assert_int_ge(s->fd, 0);
	s->len = 0;
	s->buf[0] = '\0';

	if (s->ctx) {
		s->ssl = SSL_new(s->ctx);
		SSL_set_fd(s->ssl, s->fd);
	}
}

static void server_close(struct server *s)
{
	if (s->ssl)
		SSL_free(s->ssl);
	s->ssl = NULL;
	close(s->fd);
}

static void server_wait_close(struct server *s)
{
	s->len = 0;
	while (server_read(s))
		s->len = 0;
	server_close(s);
}

static void server_up(struct server *s)
{
	server_accept(s);
	if (s->ssl)
		ck_assert_int_eq(1, SSL_accept(s->ssl));

	server_expect(s, "<stream:stream xmlns='jabber:component:accept' "
			 "xmlns:stream='http://etherx.jabber.org/streams' "
			 "to='gw.example.com'>");
	server_send(s, HEADER);
	server_expect(s, "<handshake>c9ef44935713fc22b13b0868e545b8fef6849691"
			 "</handshake>");
	server_send(s, "<handshake/>");
}

static void *server_run(void *arg)
{
	struct server *s = arg;

	s->script(s);

	return NULL;
}

static struct server srv;

static void server_listen(int af)
{
	struct sockaddr_in6 a6 = {.sin6_family = AF_INET6,
				  .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	struct sockaddr_in a4 = {.sin_family = AF_INET,
				 .sin_addr = {htonl(INADDR_LOOPBACK)}};
	struct sockaddr_storage any;
	socklen_t len = sizeof(any);
	struct sa sa;

	srv.lfd = socket(af, SOCK_STREAM, 0);
	ck_assert_int_eq(
	    0, af == AF_INET
		   ? bind(srv.lfd, (struct sockaddr *)&a4, sizeof(a4))
		   : bind(srv.lfd, (struct sockaddr *)&a6, sizeof(a6)));
	ck_assert_int_eq(0,
			 getsockname(srv.lfd, (struct sockaddr *)&any, &len));
	ck_assert_int_eq(0, sa_set_sa(&sa, (struct sockaddr *)&any));
	srv.port = sa_port(&sa);
}

static void server_start(void (*script)(struct server *s))
{
	ck_assert_int_eq(0, listen(srv.lfd, 5));
	srv.script = script;
	ck_assert_int_eq(0,
			 pthread_create(&srv.thread, NULL, server_run, &srv));
}

static void server_join(void)
{
	ck_assert_int_eq(0, pthread_join(srv.thread, NULL));
}

static struct config_xmpp conf;
static struct config_limits limits;
static struct component *comp;
static struct tmr stop_tmr;
static unsigned ups, downs, calls;

static void stop(void *arg)
{
	(void)arg;
	re_cancel();
}

/* Runs the loop until stop() or for so many ms. */
static void run(unsigned ms)
{
	tmr_start(&stop_tmr, ms, stop, NULL);
	(void)re_main(NULL);
	tmr_cancel(&stop_tmr);
}

static void state_h(struct component *c, bool up, void *arg)
{
	(void)arg;
	ck_assert(up == component_up(c));

	if (up)
		ups++;
	else
		downs++;
}

static void up_stops(struct component *c, bool up, void *arg)
{
	state_h(c, up, arg);
	if (up)
		re_cancel();
}

static void down_stops(struct component *c, bool up, void *arg)
{
	state_h(c, up, arg);
	if (!up)
		re_cancel();
}

static void comp_new(component_state_h *h)
{
	conf.port = srv.port;
	ck_assert_int_eq(0, component_alloc(&comp, &conf, &limits));
	ck_assert_int_eq(0, component_listen_state(comp, h, NULL));
}

static char text_component[] = "GW.example.com", text_server[] = "127.0.0.1",
	    text_secret[] = "example-secret", text_domain[] = "example.com";
static char *domains[] = {text_domain};

static void setup(void)
{
	ck_assert_int_eq(0, libre_init());
	log_set_level(LOG_LEVEL_ERROR);
	tmr_init(&stop_tmr);

	conf = (struct config_xmpp){.component = text_component,
				    .server = text_server,
				    .secret = text_secret,
				    .domains = domains,
				    .domainc = 1};
	limits = (struct config_limits){.stanza_bytes = 262144,
					.stanza_depth = 32,
					.stanza_attrs = 64,
					.stanza_children = 4096,
					.xmpp_queue_bytes = 8 << 20,
					.reconnect_min = 1,
					.reconnect_max = 2,
					.reconnect_conflict = 1,
					.xmpp_ping = 30,
					.xmpp_ping_timeout = 15,
					.iq_timeout = 1};
	server_listen(AF_INET);
}

static void teardown(void)
{
	comp = mem_deref(comp);
	libre_close();
}

#define FROM " from='a@example.com/r' to='gw.example.com'"

static void script_up(struct server *s)
{
	server_up(s);
	server_expect(s, "</stream:stream>");
	server_wait_close(s);
}

static bool echo_h(struct component *c, const struct stanza *st, void *arg)
{
	(void)arg;
	calls++;
	component_reply(c, stanza_result(st));

	return true;
}

#endif
