/* web.c: the live page and the HTTP API: connections, who may, and what is
 * where. */
#include "admin/web.h"

#include <errno.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include "admin/life.h"
#include "admin/metrics.h"
#include "admin/web_priv.h"
#include "base/log.h"
#include "base/loop.h"

enum {
	CONNECTIONS_MAX = 64,
	PER_SOURCE = 24,
	HEADER_MAX = 16 << 10,	  /* bytes of a request, and of its buffers */
	IDLE = 30,		  /* s without a byte */
	REQUEST_TIME = 10 * 1000, /* ms that a request may take to come in */
	REPLY_TIME = 60 * 1000,	  /* ms that its answer may take to leave */
	LOOK = 1000, /* ms between looks whether anybody waits for it yet */
};

struct web {
	struct MHD_Daemon *daemon;
	int epfd;
	const struct gateway *gw; /* not referenced */
	struct webfeed *feed;
	struct list asks;
	struct tmr timer;
};

struct webconn { /* a TCP connection */
	int fd;
	struct tmr timer;   /* ends it, or looks after it */
	struct webask *ask; /* while it is suspended; not referenced */
};

static void web_run(struct web *w);

const struct gateway *web_gateway(const struct web *w)
{
	return w->gw;
}

/* ---- who may ---- */

static bool is_word(const struct webask *a, size_t i, const char *word)
{
	return i < a->path.wordc && !strcmp(a->path.wordv[i], word);
}

static bool is_api(const struct webask *a)
{
	return is_word(a, 0, "api");
}

static struct webreq_scope scope_of(const struct webask *a)
{
	const struct config *c = a->web->gw->config;
	struct webreq_scope s = webreq_token(web_header(a, "Authorization"),
					     c->read_token, c->write_token);

	if (!c->read_token)
		s.read = true;

	return s;
}

/* What a page of another site could make a browser send is refused here,
 * before the words of the request mean anything. */
static enum MHD_Result judge_source(struct webask *a, bool *refused)
{
	const char *host = web_header(a, MHD_HTTP_HEADER_HOST);
	const char *site = web_header(a, "Sec-Fetch-Site");

	*refused = true;
	if (!webreq_host_is_ours(host, a->web->gw->config->read_token))
		return web_fail(a, MHD_HTTP_MISDIRECTED_REQUEST,
				"ask by address or as localhost; names are "
				"taken where read_token_file is set");
	if (!webreq_origin_is_ours(web_header(a, MHD_HTTP_HEADER_ORIGIN),
				   host))
		return web_fail(a, MHD_HTTP_FORBIDDEN,
				"a page of another site must not ask this");
	if (site && is_api(a) && strcmp(site, "same-origin") &&
	    strcmp(site, "none"))
		return web_fail(a, MHD_HTTP_FORBIDDEN,
				"a page of another site must not ask this");
	*refused = false;

	return MHD_YES;
}

/* On the headers, before a body is read. */
static enum MHD_Result judge(struct webask *a, const char *method,
			     bool *refused)
{
	const char *auth = web_header(a, MHD_HTTP_HEADER_AUTHORIZATION), *len;
	enum MHD_Result ok;

	*refused = true;
	if (a->err)
		return web_fail(a,
				a->err == E2BIG ? MHD_HTTP_URI_TOO_LONG
						: MHD_HTTP_BAD_REQUEST,
				"this is not a path");
	ok = judge_source(a, refused);
	if (*refused)
		return ok;

	*refused = true;
	a->post = !strcmp(method, MHD_HTTP_METHOD_POST);
	if (!a->post && strcmp(method, MHD_HTTP_METHOD_GET) &&
	    strcmp(method, MHD_HTTP_METHOD_HEAD))
		return web_fail_method(a, is_api(a) ? "GET, HEAD, POST"
						    : "GET, HEAD");
	if (a->post && !is_api(a))
		return web_fail_method(a, "GET, HEAD");

	len = web_header(a, MHD_HTTP_HEADER_CONTENT_LENGTH);
	if (len && (strlen(len) > 9 || strtoul(len, NULL, 10) > WEB_BODY_MAX))
		return web_fail(a, MHD_HTTP_CONTENT_TOO_LARGE,
				"a request has at most %u bytes",
				WEB_BODY_MAX);

	a->may = scope_of(a);
	if ((is_api(a) || is_word(a, 0, "metrics")) && !a->may.read)
		return web_fail_token(a, auth != NULL);
	if (is_api(a) && auth && !a->may.write &&
	    !webreq_token(auth, a->web->gw->config->read_token, NULL).read)
		return web_fail_token(a, true);
	*refused = false;

	return MHD_YES;
}

/* ---- what is where ---- */

static enum MHD_Result metrics(struct webask *a)
{
	struct mbuf *mb = mbuf_alloc(64 << 10);
	enum MHD_Result ok = MHD_NO;

	if (mb && !mbuf_printf(mb, "%H", metrics_print, a->web->gw))
		ok = web_reply(a, MHD_HTTP_OK, METRICS_CONTENT_TYPE, mb->buf,
			       mb->end);
	mem_deref(mb);

	return ok;
}

/* Would it take a call? */
static enum MHD_Result readyz(struct webask *a)
{
	const struct gateway *gw = a->web->gw;
	bool up = false;

	if (life_state(gw->life) != LIFE_OPEN)
		return web_reply_text(a, MHD_HTTP_SERVICE_UNAVAILABLE,
				      "text/plain", "no new calls\n");
	for (size_t i = 0; i < gw->config->xmppc; i++)
		up |= component_up(gw->portals[i].component);

	return up ? web_reply_text(a, MHD_HTTP_OK, "text/plain", "ready\n")
		  : web_reply_text(a, MHD_HTTP_SERVICE_UNAVAILABLE,
				   "text/plain",
				   "no XMPP server is connected\n");
}

static enum MHD_Result answer(struct webask *a)
{
	const size_t n = a->path.wordc;

	if (a->len > WEB_BODY_MAX)
		return web_fail(a, MHD_HTTP_CONTENT_TOO_LARGE,
				"a request has at most %u bytes",
				WEB_BODY_MAX);
	if (!n)
		return web_file(a, "index.html");
	if (is_api(a)) {
		if (!is_word(a, 1, "v1"))
			return web_fail(a, MHD_HTTP_NOT_FOUND,
					"the API is at /api/v1");
		if (n == 3 && is_word(a, 2, "events") && !a->post)
			return webfeed_join(a->web->feed, a);
		return a->post ? webapi_post(a) : webapi_get(a);
	}
	if (n > 1)
		return web_fail(a, MHD_HTTP_NOT_FOUND,
				"there is no such page");
	if (is_word(a, 0, "healthz"))
		return web_reply_text(a, MHD_HTTP_OK, "text/plain", "alive\n");
	if (is_word(a, 0, "readyz"))
		return readyz(a);
	if (is_word(a, 0, "metrics"))
		return metrics(a);

	return web_file(a, a->path.wordv[0]);
}

/* ---- libmicrohttpd's calls ---- */

static struct webconn *conn_of(struct MHD_Connection *c)
{
	const union MHD_ConnectionInfo *i =
	    MHD_get_connection_info(c, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	return i ? i->socket_context : NULL;
}

static void conn_timeout(void *arg)
{
	struct webconn *c = arg;

	(void)shutdown(c->fd, SHUT_RDWR);
}

static void conn_destructor(void *arg)
{
	struct webconn *c = arg;

	tmr_cancel(&c->timer);
}

/* A time for the whole of what comes next: bytes that come one by one gain
 * nobody anything. */
static void conn_time(struct MHD_Connection *connection, uint64_t ms)
{
	struct webconn *c = conn_of(connection);

	if (c && ms)
		tmr_start(&c->timer, ms, conn_timeout, c);
	else if (c)
		tmr_cancel(&c->timer);
}

void web_no_time(struct MHD_Connection *connection)
{
	conn_time(connection, 0);
}

/* The library does not see that a suspended connection is closed. */
static void conn_look(void *arg)
{
	struct webconn *c = arg;
	char byte;
	const ssize_t n = recv(c->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);

	if (!n || (n < 0 && errno != EAGAIN && errno != EINTR))
		webapi_give_up(c->ask);
	else
		tmr_start(&c->timer, LOOK, conn_look, c);
}

void web_wait(struct webask *a)
{
	struct webconn *c = conn_of(a->connection);

	a->suspended = true;
	MHD_suspend_connection(a->connection);
	if (!c)
		return;

	c->ask = a;
	tmr_start(&c->timer, LOOK, conn_look, c);
}

static void on_connection(void *arg, struct MHD_Connection *connection,
			  void **ctx, enum MHD_ConnectionNotificationCode code)
{
	const union MHD_ConnectionInfo *fd;
	struct webconn *c;

	(void)arg;
	if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
		*ctx = mem_deref(*ctx);
		return;
	}

	fd = MHD_get_connection_info(connection,
				     MHD_CONNECTION_INFO_CONNECTION_FD);
	c = mem_zalloc(sizeof(*c), conn_destructor);
	*ctx = c;
	if (!c || !fd) {
		if (fd)
			(void)shutdown(fd->connect_fd, SHUT_RDWR);
		return;
	}
	c->fd = fd->connect_fd;
	tmr_start(&c->timer, REQUEST_TIME, conn_timeout, c);
}

static void ask_destructor(void *arg)
{
	struct webask *a = arg;

	list_unlink(&a->le);
	mem_deref(a->run);
	mem_deref(a->out);
	mem_deref(a->body);
}

/* The target as it was sent: the library's own reading of it is not used. */
static void *on_uri(void *arg, const char *uri, struct MHD_Connection *c)
{
	struct webask *a = mem_zalloc(sizeof(*a), ask_destructor);
	struct web *w = arg;

	if (!a)
		return NULL;

	list_append(&w->asks, &a->le, a);
	a->web = w;
	a->connection = c;
	a->err = webreq_path_decode(&a->path, uri);
	conn_time(c, REQUEST_TIME);

	return a;
}

static size_t leave_as_it_is(void *arg, struct MHD_Connection *c, char *s)
{
	(void)arg;
	(void)c;

	return strlen(s);
}

static void body_add(struct webask *a, const char *p, size_t len)
{
	if (!a->body)
		a->body = mem_zalloc(WEB_BODY_MAX + 1, NULL);
	if (a->body && a->len + len <= WEB_BODY_MAX)
		memcpy(a->body + a->len, p, len);
	a->len += a->body ? len : WEB_BODY_MAX + 1;
}

static enum MHD_Result on_request(void *arg, struct MHD_Connection *connection,
				  const char *url, const char *method,
				  const char *version, const char *data,
				  size_t *len, void **ctx)
{
	struct webask *a = *ctx;
	enum MHD_Result ok;
	bool refused;

	(void)arg;
	(void)url;
	(void)version;
	if (!a)
		return MHD_NO; /* no memory */

	if (!a->judged) {
		a->judged = true;
		ok = judge(a, method, &refused);
		if (refused)
			conn_time(connection, REPLY_TIME);
		return ok;
	}
	if (*len) {
		body_add(a, data, *len);
		*len = 0;
		return MHD_YES;
	}

	conn_time(connection, REPLY_TIME);

	return a->status ? webapi_finish(a) : answer(a);
}

static void on_completed(void *arg, struct MHD_Connection *connection,
			 void **ctx, enum MHD_RequestTerminationCode code)
{
	(void)arg;
	(void)code;
	conn_time(connection, REQUEST_TIME);
	*ctx = mem_deref(*ctx);
}

/* ---- the loop ---- */

static void on_timer(void *arg)
{
	web_run(arg);
}

static void on_ready(int flags, void *arg)
{
	(void)flags;
	web_run(arg);
}

static void web_run(struct web *w)
{
	MHD_UNSIGNED_LONG_LONG ms;

	(void)MHD_run(w->daemon);
	if (MHD_get_timeout(w->daemon, &ms) == MHD_YES)
		tmr_start(&w->timer, ms, on_timer, w);
	else
		tmr_cancel(&w->timer);
}

void web_wake(struct web *w)
{
	tmr_start(&w->timer, 0, on_timer, w);
}

__attribute__((format(printf, 2, 0))) static void on_log(void *arg,
							 const char *fmt,
							 va_list ap)
{
	char text[256] = "";

	(void)arg;
	(void)vsnprintf(text, sizeof(text), fmt, ap); /* its format is C's */
	text[strcspn(text, "\r\n")] = '\0';
	log_debug("http: %s\n", text);
}

static struct MHD_Daemon *daemon_start(struct web *w, const struct sa *sa)
{
	const unsigned v6 = sa_af(sa) == AF_INET6 ? MHD_USE_IPv6 : 0;

	return MHD_start_daemon(
	    MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG | v6,
	    sa_port(sa), NULL, NULL, on_request, w, MHD_OPTION_EXTERNAL_LOGGER,
	    on_log, w, MHD_OPTION_SOCK_ADDR, &sa->u.sa,
	    MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS_MAX,
	    MHD_OPTION_PER_IP_CONNECTION_LIMIT, (unsigned)PER_SOURCE,
	    MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE,
	    MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)HEADER_MAX,
	    MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_NOTIFY_CONNECTION,
	    on_connection, w, MHD_OPTION_NOTIFY_COMPLETED, on_completed, w,
	    MHD_OPTION_URI_LOG_CALLBACK, on_uri, w,
	    MHD_OPTION_UNESCAPE_CALLBACK, leave_as_it_is, NULL,
	    MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1, MHD_OPTION_END);
}

/* The library does not end with a connection that is suspended. */
static void asks_end(struct web *w)
{
	struct le *le;

	LIST_FOREACH (&w->asks, le) {
		webapi_give_up(le->data);
	}
}

static void web_destructor(void *arg)
{
	struct web *w = arg;

	loop_fd_remove(w->epfd);
	webfeed_close(w->feed);
	asks_end(w);
	tmr_cancel(&w->timer);
	if (w->daemon) {
		(void)MHD_run(w->daemon);
		MHD_stop_daemon(w->daemon);
	}
	mem_deref(w->feed);
}

static int web_listen(struct web *w)
{
	const struct sa *sa = &w->gw->config->admin_http;
	const union MHD_DaemonInfo *info;
	int err;

	errno = 0;
	w->daemon = daemon_start(w, sa);
	if (!w->daemon)
		return errno ? errno : EADDRNOTAVAIL;

	info = MHD_get_daemon_info(w->daemon, MHD_DAEMON_INFO_EPOLL_FD);
	if (!info)
		return ENOSYS;
	w->epfd = info->epoll_fd;
	err = loop_fd_add(w->epfd, FD_READ, on_ready, w);
	if (!err)
		web_run(w);

	return err;
}

int web_alloc(struct web **wp, const struct gateway *gw)
{
	struct web *w;
	int err;

	w = mem_zalloc(sizeof(*w), web_destructor);
	if (!w)
		return ENOMEM;

	w->epfd = -1;
	w->gw = gw;
	err = webfeed_alloc(&w->feed, w);
	if (!err)
		err = web_listen(w);
	if (err) {
		log_error("admin: cannot listen on %J: %m; http in [admin] "
			  "sets another place\n",
			  &gw->config->admin_http, err);
		mem_deref(w);
		return err;
	}

	log_info("admin: the page is at http://%J/\n",
		 &gw->config->admin_http);
	*wp = w;

	return 0;
}

void web_call_ended(struct web *w, const struct call_end *end)
{
	if (w)
		webfeed_call_ended(w->feed, end);
}
