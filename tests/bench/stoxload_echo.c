/* stoxload_echo.c: the least that can stand where a gateway does: a component
 * that sends each message back, and a telephone that answers at once.  What a
 * gateway's signalling is compared with. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include "stoxload.h"
#include "xmpp/stanza.h"

enum { MESSAGE = 8192 };

static struct input sip;

/* From and to exchanged: the text is not read. */
void echo_stanza(const struct stanza *st)
{
	const char *from = stanza_attr(st, "from"),
		   *to = stanza_attr(st, "to"), *id = stanza_attr(st, "id");
	const struct stanza *e = st->child;

	if (!stanza_is(st, "message", NULL) || !from || !to || !id || !e ||
	    !e->name)
		return;
	xmpp_say("<message type='chat' from='%s' to='%s' id='%s'>"
		 "<%s xmlns='%s' id='%s'/></message>",
		 to, from, id, e->name, e->ns,
		 stanza_attr(e, "id") ? stanza_attr(e, "id") : "");
}

static void answer(const char *req, const struct sockaddr_in *to)
{
	static const char *const names[] = {
	    "\r\nVia:", "\r\nFrom:", "\r\nTo:", "\r\nCall-ID:", "\r\nCSeq:"};
	char out[MESSAGE];
	const char *p;
	size_t i, n = (size_t)snprintf(out, sizeof(out), "SIP/2.0 200 OK");

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		p = strstr(req, names[i]);
		if (p && n < sizeof(out) - 512)
			n +=
			    (size_t)snprintf(out + n, 512, "\r\n%.*s%s",
					     (int)strcspn(p + 2, "\r\n") % 400,
					     p + 2, i == 2 ? ";tag=echo" : "");
	}
	n += (size_t)snprintf(out + n, sizeof(out) - n,
			      "\r\nContent-Length: 0\r\n\r\n");
	(void)sendto(sip.fd, out, n, MSG_DONTWAIT, (const struct sockaddr *)to,
		     sizeof(*to));
}

static void readable(struct input *in)
{
	char buf[MESSAGE];
	struct sockaddr_in from;
	socklen_t len = sizeof(from);
	ssize_t n = recvfrom(in->fd, buf, sizeof(buf) - 1, MSG_DONTWAIT,
			     (struct sockaddr *)&from, &len);

	if (n <= 0)
		return;
	buf[n] = '\0';
	if (!strncmp(buf, "INVITE ", 7))
		answer(buf, &from);
}

int echo_open(void)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&load.opt.gateway,
			   sizeof(load.opt.gateway)))
		return errno;

	return load_watch(&sip, fd, readable);
}
