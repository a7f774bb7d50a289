/* link.c: the bytes between us and the component port of an XMPP server. */
#include "xmpp/link.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include "base/lag.h"
#include "base/log.h"
#include "base/loop.h"
#include "xmpp/outqueue.h"
#include "xmpp/resolve.h"
#include "xmpp/tlsclient.h"

enum {
	RESOLVE_WAIT = 30 * 1000, /* ms; resolvers try for 20 or so */
	CONNECT_WAIT = 10 * 1000, /* ms, each address */
	TLS_WAIT = 10 * 1000,	  /* ms */
	READ_SIZE = 16 * 1024,	  /* bytes */
	READ_ROUNDS = 2,	  /* reads before others have their turn */
	OUT_KEEP = 64 * 1024,	  /* bytes of queue kept when empty */
	OUT_TURN = 16 * 1024,	  /* bytes that wait for the turn's end */
};

struct xmpplink {
	const struct config_xmpp *conf;
	struct xmpplink_handlers h;
	struct resolve *resolve;
	struct sa addrv[RESOLVE_MAX];
	size_t addrc, next;    /* next to be tried */
	unsigned tcp_timeout;  /* s */
	struct tmr tmr;	       /* of the step before open */
	struct tmr tmr_out;    /* what is queued goes out */
	struct tlsclient *tls; /* NULL: plain */
	struct outqueue out;
	int fd;
	int flags; /* asked of the loop */
	bool connected, open, ended;
	bool heard;	 /* a byte, from any address */
	uint64_t unread; /* for lag_input */
	char what[160];	 /* why the last address failed */
	const char *hint;
};

static void address_try(struct xmpplink *l);

static void socket_close(struct xmpplink *l)
{
	loop_fd_remove(l->fd);
	if (l->fd >= 0)
		(void)close(l->fd);

	l->fd = -1;
	l->flags = 0;
	l->connected = false;
	l->tls = mem_deref(l->tls);
	outqueue_clear(&l->out);
}

static void link_destructor(void *arg)
{
	struct xmpplink *l = arg;

	l->ended = true;
	tmr_cancel(&l->tmr);
	tmr_cancel(&l->tmr_out);
	mem_deref(l->resolve);
	socket_close(l);
}

/* Ends the link and says so; the owner drops it in the handler. */
static void link_fail(struct xmpplink *l)
{
	if (l->ended)
		return;

	l->ended = true;
	tmr_cancel(&l->tmr);
	tmr_cancel(&l->tmr_out);
	l->resolve = mem_deref(l->resolve);
	socket_close(l);
	l->h.close(l->what, l->hint, l->h.arg);
}

static void what_set(struct xmpplink *l, const char *hint, const char *fmt,
		     ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)re_vsnprintf(l->what, sizeof(l->what), fmt, ap);
	va_end(ap);

	l->hint = hint;
}

/* Before it was open: the next address.  After: the end. */
static void address_fail(struct xmpplink *l)
{
	bool was_open = l->open;

	if (l->ended)
		return;

	socket_close(l);

	if (was_open)
		link_fail(l);
	else
		address_try(l);
}

static void out_flush(struct xmpplink *l, int *errp)
{
	struct outqueue *q = &l->out;

	while (q->pos < q->end) {
		ssize_t n = send(l->fd, q->buf + q->pos, q->end - q->pos,
				 MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno != EAGAIN) {
			*errp = errno;
			return;
		}
		if (n <= 0)
			break;

		q->pos += (size_t)n;
	}

	if (q->pos < q->end)
		return;

	q->pos = q->end = 0;
	if (q->size > OUT_KEEP)
		outqueue_clear(q);
}

static int tls_pull(struct xmpplink *l)
{
	char buf[READ_SIZE];
	size_t n;
	int err = 0;

	while (!err && (n = tlsclient_pull(l->tls, buf, sizeof(buf))))
		err = outqueue_add(&l->out, buf, n);

	return err;
}

static void link_event(int flags, void *arg);

static int flags_ask(struct xmpplink *l)
{
	int flags = FD_READ, err;

	if (!l->connected || l->out.pos < l->out.end)
		flags |= FD_WRITE;
	if (flags == l->flags)
		return 0;

	err = loop_fd_add(l->fd, flags, link_event, l);
	if (!err)
		l->flags = flags;

	return err;
}

/* Everything that waits goes out, as far as the socket takes it. */
static int out_push(struct xmpplink *l)
{
	int err = 0;

	if (l->tls)
		err = tls_pull(l);
	if (!err)
		out_flush(l, &err);
	if (!err)
		err = flags_ask(l);

	return err;
}

static void link_opened(struct xmpplink *l)
{
	tmr_cancel(&l->tmr);
	l->open = true;
	l->h.open(l->h.arg);
}

static void tls_step(struct xmpplink *l)
{
	const char *why = "";
	int err, perr;

	err = tlsclient_handshake(l->tls, &why);
	perr = out_push(l);

	if (err == EAGAIN && !perr)
		return;

	if (!err && !perr) {
		log_debug("xmpp: %s: %s with %J\n", l->conf->component,
			  tlsclient_version(l->tls), &l->addrv[l->next - 1]);
		link_opened(l);
		return;
	}

	if (err == EACCES)
		what_set(l,
			 "give the server a certificate for that name, or "
			 "set tls_name to the name that it has and tls_ca "
			 "to the CA that signed it",
			 "certificate of %s refused: %s",
			 l->conf->tls_name ? l->conf->tls_name
					   : l->conf->server,
			 why);
	else if (err != EAGAIN)
		what_set(l,
			 "is the port of server = a TLS port? If not, set "
			 "tls = no",
			 "TLS with %J failed: %s", &l->addrv[l->next - 1],
			 why);
	else
		what_set(l, "", "TLS with %J failed: %m",
			 &l->addrv[l->next - 1], perr);

	address_fail(l);
}

static void step_timeout(void *arg)
{
	struct xmpplink *l = arg;

	what_set(l,
		 "is the address in server = right, and does a firewall "
		 "let us through?",
		 "%J does not answer", &l->addrv[l->next - 1]);
	address_fail(l);
}

static void connect_done(struct xmpplink *l)
{
	const char *name, *why = "";
	socklen_t len = sizeof(int);
	int err = 0;

	if (getsockopt(l->fd, SOL_SOCKET, SO_ERROR, &err, &len))
		err = errno;
	if (!err) {
		l->connected = true;
		err = flags_ask(l);
	}
	if (err) {
		what_set(l,
			 "is the server up, and is the port of server = "
			 "its component port?",
			 "%J: %m", &l->addrv[l->next - 1], err);
		address_fail(l);
		return;
	}

	if (!l->conf->tls) {
		link_opened(l);
		return;
	}

	name = l->conf->tls_name ? l->conf->tls_name : l->conf->server;

	if (tlsclient_alloc(&l->tls, name, l->conf->tls_ca, &why)) {
		what_set(l, "check tls_ca and tls_name", "TLS: %s", why);
		address_fail(l);
		return;
	}

	tmr_start(&l->tmr, TLS_WAIT, step_timeout, l);
	tls_step(l);
}

/* 0: more may come; else the link is over. */
static int tls_recv(struct xmpplink *l, const char *buf, size_t len)
{
	char plain[READ_SIZE];
	size_t n;
	int err;

	err = tlsclient_feed(l->tls, buf, len);
	if (err)
		return err;

	if (!l->open)
		tls_step(l);

	while (l->open && !l->ended) {
		err = tlsclient_read(l->tls, plain, sizeof(plain), &n);
		if (err)
			break;
		l->h.recv(plain, n, l->h.arg);
	}

	if (err == EAGAIN)
		err = 0;
	if (!err && l->tls && l->open && !l->ended)
		err = out_push(l); /* key updates */

	return err;
}

static void link_read(struct xmpplink *l)
{
	char buf[READ_SIZE];
	int i, err = 0;

	for (i = 0; i < READ_ROUNDS && !l->ended && l->connected; i++) {
		ssize_t n = recv(l->fd, buf, sizeof(buf), 0);

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			break;

		l->heard = l->heard || n > 0;
		if (n < 0)
			err = errno;
		else if (n == 0)
			err = ECONNRESET;
		else if (l->tls)
			err = tls_recv(l, buf, (size_t)n);
		else
			l->h.recv(buf, (size_t)n, l->h.arg);

		if (err && !l->ended) {
			what_set(l,
				 l->heard || l->tls
				     ? ""
				     : "is the port of server = one for "
				       "components? If it wants TLS, set "
				       "tls = yes",
				 n == 0 ? "the server closed the connection"
					: "connection lost: %m",
				 err);
			address_fail(l);
			return;
		}

		if (n < (ssize_t)sizeof(buf))
			break;
	}
	lag_input(&l->unread, i == READ_ROUNDS);
}

static void link_event(int flags, void *arg)
{
	struct xmpplink *l = arg;
	int err;

	mem_ref(l); /* handlers may drop it */

	if (!l->connected) {
		connect_done(l);
		goto out;
	}

	if (flags & FD_WRITE) {
		err = out_push(l);
		if (err) {
			what_set(l, "", "connection lost: %m", err);
			address_fail(l);
			goto out;
		}
	}

	if (flags & ~FD_WRITE)
		link_read(l);

out:
	mem_deref(l);
}

static int socket_open(struct xmpplink *l, const struct sa *sa)
{
	unsigned wait = l->tcp_timeout * 1000;
	int one = 1;

	l->fd = socket(sa_af(sa), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
		       IPPROTO_TCP);
	if (l->fd < 0)
		return errno;

	/* D1: a peer that is gone is noticed, even while bytes of ours wait
	 * for its acknowledgement */
	(void)setsockopt(l->fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &wait,
			 sizeof(wait));
	(void)setsockopt(l->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));

	if (connect(l->fd, &sa->u.sa, sa->len) && errno != EINPROGRESS)
		return errno;

	return flags_ask(l);
}

static bool address_allowed(struct xmpplink *l, const struct sa *sa)
{
	if (l->conf->tls || l->conf->allow_plain || sa_is_loopback(sa))
		return true;

	what_set(l,
		 "set tls = yes, or allow_plain = yes if the network in "
		 "between is trusted",
		 "refusing to send to %j without TLS", sa);

	return false;
}

static void address_try(struct xmpplink *l)
{
	while (l->next < l->addrc) {
		const struct sa *sa = &l->addrv[l->next++];
		int err;

		if (!address_allowed(l, sa))
			continue;

		err = socket_open(l, sa);
		if (!err) {
			tmr_start(&l->tmr, CONNECT_WAIT, step_timeout, l);
			return;
		}

		what_set(l, "", "%J: %m", sa, err);
		socket_close(l);
	}

	link_fail(l);
}

static void resolve_timeout(void *arg)
{
	struct xmpplink *l = arg;

	what_set(l, "check the resolver, or write an address in server =",
		 "no answer to the name %s", l->conf->server);
	link_fail(l);
}

static void resolved(int err, const struct sa *addrv, size_t n, void *arg)
{
	struct xmpplink *l = arg;

	l->resolve = mem_deref(l->resolve);
	tmr_cancel(&l->tmr);

	if (err) {
		what_set(l, "check the name in server =",
			 "cannot find the host %s: %m", l->conf->server, err);
		link_fail(l);
		return;
	}

	memcpy(l->addrv, addrv, n * sizeof(*addrv));
	l->addrc = n;
	address_try(l);
}

static void start_h(void *arg)
{
	address_try(arg);
}

static void out_h(void *arg)
{
	struct xmpplink *l = arg;
	int err = out_push(l);

	if (!err)
		return;
	what_set(l, "", "connection lost: %m", err);
	address_fail(l);
}

void xmpplink_conf(struct xmpplink *l, const struct config_xmpp *conf)
{
	if (l)
		l->conf = conf;
}

int xmpplink_open(struct xmpplink **lp, const struct config_xmpp *conf,
		  unsigned tcp_timeout, const struct xmpplink_handlers *h)
{
	struct xmpplink *l;
	int err = 0;

	if (!lp || !conf || !conf->server || !h)
		return EINVAL;

	l = mem_zalloc(sizeof(*l), link_destructor);
	if (!l)
		return ENOMEM;

	l->conf = conf;
	l->h = *h;
	l->tcp_timeout = tcp_timeout;
	l->fd = -1;
	l->hint = "";
	tmr_init(&l->tmr);
	tmr_init(&l->tmr_out);

	if (!sa_set_str(&l->addrv[0], conf->server, conf->port)) {
		l->addrc = 1;
		tmr_start(&l->tmr, 0, start_h, l);
	} else {
		err = resolve_start(&l->resolve, conf->server, conf->port,
				    resolved, l);
		tmr_start(&l->tmr, RESOLVE_WAIT, resolve_timeout, l);
	}

	if (err)
		mem_deref(l);
	else
		*lp = l;

	return err;
}

int xmpplink_send(struct xmpplink *l, const void *buf, size_t len)
{
	int err;

	if (!l || !l->open || l->ended)
		return ENOTCONN;

	if (!l->tls)
		err = outqueue_add(&l->out, buf, len);
	else
		err = tlsclient_write(l->tls, buf, len);
	if (!err && l->tls)
		err = tls_pull(l);
	if (err)
		return err;

	/* what one turn of the loop has to say goes out in one piece; that it
	 * cannot, the owner hears from the loop, not in the middle of what it
	 * is doing */
	if (xmpplink_queued(l) > OUT_TURN && !out_push(l))
		return 0;
	if (!tmr_isrunning(&l->tmr_out))
		tmr_start(&l->tmr_out, 0, out_h, l);

	return 0;
}

size_t xmpplink_queued(const struct xmpplink *l)
{
	return l ? l->out.end - l->out.pos : 0;
}

int xmpplink_fd(const struct xmpplink *l)
{
	return l->fd;
}

void xmpplink_end(struct xmpplink *l, const char *last)
{
	int err = 0;

	if (!l || l->ended)
		return;

	if (l->open && last)
		(void)xmpplink_send(l, last, strlen(last));
	if (l->tls) {
		tlsclient_end(l->tls);
		err = tls_pull(l);
	}
	if (!err && l->open)
		out_flush(l, &err);

	l->ended = true;
	tmr_cancel(&l->tmr);
	tmr_cancel(&l->tmr_out);
	l->resolve = mem_deref(l->resolve);
	socket_close(l);
}
