/* stoxload_xmpp.c: the stream of a component, XEP-0114: as the server that the
 * gateway attaches to, or as a component beside it at a real one. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <netinet/tcp.h>
#include "stoxload.h"
#include "base/compat.h"
#include "xmpp/handshake.h"
#include "xmpp/xmlstream.h"

enum { PIECE = 65536, QUEUE_MAX = 64 << 20 };

static const char stream_id[] = "stoxload";

static struct {
	struct input listen, in;
	struct xmlstream *xs;
	bool open, up, broken;
	char *out; /* not yet taken by the kernel */
	size_t len, size;
} xmpp = {.in = {.fd = -1}, .listen = {.fd = -1}};

bool xmpp_is_up(void)
{
	return xmpp.up;
}

bool xmpp_is_open(void)
{
	return xmpp.open;
}

static int room(size_t more)
{
	size_t size = xmpp.size ? xmpp.size : PIECE;
	char *p;

	while (size < xmpp.len + more)
		size *= 2;
	if (size == xmpp.size)
		return 0;
	p = size <= QUEUE_MAX ? realloc(xmpp.out, size) : NULL;
	if (!p)
		return ENOMEM;
	xmpp.out = p;
	xmpp.size = size;

	return 0;
}

void xmpp_say(const char *fmt, ...)
{
	va_list ap, again;
	int n;

	va_start(ap, fmt);
	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	if (n > 0 && xmpp.open && !room((size_t)n + 1)) {
		(void)vsnprintf(xmpp.out + xmpp.len, (size_t)n + 1, fmt, ap);
		xmpp.len += (size_t)n;
	}
	va_end(ap);
}

void xmpp_flush(void)
{
	ssize_t n;

	if (!xmpp.len || xmpp.in.fd < 0)
		return;
	n = send(xmpp.in.fd, xmpp.out, xmpp.len, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n <= 0)
		return;
	xmpp.len -= (size_t)n;
	memmove(xmpp.out, xmpp.out + n, xmpp.len);
}

static void hang_up(void)
{
	if (xmpp.in.fd >= 0)
		(void)close(xmpp.in.fd);
	xmpp.in.fd = -1;
	xmpp.open = xmpp.up = xmpp.broken = false;
	xmpp.len = 0;
	xmlstream_free(xmpp.xs);
	xmpp.xs = NULL;
}

static void stream_open(const struct stanza *header, void *arg)
{
	const char *id = stanza_attr(header, "id");
	char hex[HANDSHAKE_SIZE];

	(void)arg;
	if (!load.opt.attach) {
		xmpp_say("<?xml version='1.0'?><stream:stream "
			 "xmlns='jabber:component:accept' id='%s' "
			 "xmlns:stream='http://etherx.jabber.org/streams' "
			 "from='%s'>",
			 stream_id, load.opt.component);
	} else if (id && !handshake_hash(hex, id, load.opt.secret)) {
		xmpp_say("<handshake>%s</handshake>", hex);
	} else {
		xmpp.broken = true;
	}
}

static void take_handshake(const struct stanza *st)
{
	char hex[HANDSHAKE_SIZE], *text = NULL;

	if (load.opt.attach) {
		xmpp.up = true;
		return;
	}
	if (!stanza_text(&text, st) &&
	    !handshake_hash(hex, stream_id, load.opt.secret) &&
	    !strcmp(text, hex)) {
		xmpp_say("<handshake/>");
		xmpp.up = true;
	} else {
		(void)fprintf(stderr, "stoxload: the component's secret is "
				      "not the one of --secret\n");
		xmpp_say("<stream:error><not-authorized xmlns='urn:ietf:"
			 "params:xml:ns:xmpp-streams'/></stream:error>"
			 "</stream:stream>");
		xmpp.broken = true;
	}
	mem_deref(text);
}

static void stream_stanza(struct stanza *st, void *arg)
{
	(void)arg;
	if (stanza_is(st, "handshake", NULL)) {
		take_handshake(st);
	} else if (stanza_is(st, "error", NULL)) {
		(void)fprintf(stderr,
			      "stoxload: the server ends the stream: "
			      "%s\n",
			      st->child && st->child->name ? st->child->name
							   : "");
		xmpp.broken = true;
	} else if (load.opt.echo) {
		echo_stanza(st);
	} else if (xmpp.up) {
		jingle_stanza(st);
	}
	stanza_free(st);
}

static void stream_close(void *arg)
{
	(void)arg;
	xmpp.broken = true;
}

static void readable(struct input *in)
{
	static char buf[PIECE];
	const char *why = NULL;
	ssize_t n = recv(in->fd, buf, sizeof(buf), MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0 && xmlstream_feed(xmpp.xs, buf, (size_t)n, &why)) {
		(void)fprintf(stderr, "stoxload: XMPP: %s\n", why);
		xmpp.broken = true;
	}
	if (n <= 0 || xmpp.broken) {
		xmpp_flush();
		hang_up();
	}
}

static int begin(int fd)
{
	const struct xmlstream_limits limits = {1 << 18, 32, 64, 4096};
	const struct xmlstream_handlers h = {stream_open, stream_stanza,
					     stream_close, NULL};
	int on = 1, err;

	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	err = xmlstream_alloc(&xmpp.xs, &limits, &h);
	xmpp.open = !err;

	return err ? err : load_watch(&xmpp.in, fd, readable);
}

static void accept_one(struct input *in)
{
	int fd = accept4(in->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd < 0)
		return;
	/* One component; a second one waits until it has gone. */
	if (xmpp.in.fd >= 0 || begin(fd))
		(void)close(fd);
}

static int serve(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

	if (fd < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) ||
	    bind(fd, (struct sockaddr *)&load.opt.xmpp,
		 sizeof(load.opt.xmpp)) ||
	    listen(fd, 1))
		return errno;

	return load_watch(&xmpp.listen, fd, accept_one);
}

int xmpp_open(void)
{
	const struct timeval wait = {10, 0}; /* not the kernel's minutes */
	int fd, err;

	if (!load.opt.attach)
		return serve();
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait));
	if (fd < 0 || connect(fd, (struct sockaddr *)&load.opt.xmpp,
			      sizeof(load.opt.xmpp)))
		return errno == EINPROGRESS ? ETIMEDOUT : errno;
	err = begin(fd);
	xmpp_say("<stream:stream xmlns='jabber:component:accept' "
		 "xmlns:stream='http://etherx.jabber.org/streams' to='%s'>",
		 load.opt.echo ? load.opt.component : load.opt.domain);

	return err;
}
