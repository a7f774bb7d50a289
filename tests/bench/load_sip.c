/* load_sip.c: telephones: they answer each INVITE at once, and a BYE. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>
#include "load.h"

enum {
	SIP_PORT = 5060,
	MESSAGE = 8192,
	FIRST_NUMBER = 100000, /* of call 0 */
	AGAIN = 500000,	       /* us; T1, RFC 3261 13.3.1.4 */
};

static struct {
	struct load *l;
	int fd;
	struct input source;
} sip;

/* Copies each line of that name. */
static size_t copy_lines(char *out, size_t size, const char *msg,
			 const char *name, const char *more)
{
	const char *p = msg, *end;
	size_t n = 0, len = strlen(name);

	while ((p = strstr(p, "\r\n")) && strncmp(p, "\r\n\r\n", 4)) {
		p += 2;
		if (strncasecmp(p, name, len) || p[len] != ':')
			continue;
		end = strstr(p, "\r\n");
		if (end && (size_t)(end - p) + strlen(more) + 3 < size - n)
			n += (size_t)snprintf(out + n, size - n, "%.*s%s\r\n",
					      (int)(end - p), p, more);
	}
	out[n] = '\0';

	return n;
}

static void reply(char *out, size_t size, const char *req, const char *tag,
		  const char *tail)
{
	size_t n = (size_t)snprintf(out, size, "SIP/2.0 200 OK\r\n");

	n += copy_lines(out + n, size - n, req, "Via", "");
	n += copy_lines(out + n, size - n, req, "From", "");
	n += copy_lines(out + n, size - n, req, "To", tag);
	n += copy_lines(out + n, size - n, req, "Call-ID", "");
	n += copy_lines(out + n, size - n, req, "CSeq", "");
	(void)snprintf(out + n, size - n, "%s", tail);
}

static void send_text(const char *s, const struct sockaddr_in *to)
{
	(void)sendto(sip.fd, s, strlen(s), 0, (const struct sockaddr *)to,
		     sizeof(*to));
}

static bool take_media(struct call *c, const char *msg)
{
	const char *m = strstr(msg, "\r\nm=audio "),
		   *a = strstr(msg, "\r\nc=IN IP4 ");
	char ip[INET_ADDRSTRLEN];

	if (!m || !a)
		return false;
	(void)snprintf(ip, sizeof(ip), "%.*s", (int)strcspn(a + 11, "\r\n "),
		       a + 11);
	c->s.remote.sin_family = AF_INET;
	c->s.remote.sin_port = htons((uint16_t)atoi(m + 10));

	return inet_pton(AF_INET, ip, &c->s.remote.sin_addr) == 1;
}

static void take_invite(struct call *c, const char *msg,
			const struct sockaddr_in *from)
{
	char ip[INET_ADDRSTRLEN], sdp[512], tail[1024], tag[32];
	int n;

	if (c->invited) { /* again: what is said again covers it */
		send_text(c->answer, &c->answer_to);
		return;
	}
	if (!take_media(c, msg)) {
		load_fail(c, "an INVITE without an IPv4 address for sound");
		return;
	}
	(void)inet_ntop(AF_INET, &c->s.local.sin_addr, ip, sizeof(ip));
	n = snprintf(sdp, sizeof(sdp),
		     "v=0\r\no=- 1 1 IN IP4 %s\r\ns=-\r\nc=IN IP4 %s\r\n"
		     "t=0 0\r\nm=audio %u RTP/AVP 0\r\n"
		     "a=rtpmap:0 PCMU/8000\r\n",
		     ip, ip, ntohs(c->s.local.sin_port));
	(void)snprintf(tail, sizeof(tail),
		       "Contact: <sip:%u@127.0.0.1:%u>\r\n"
		       "Content-Type: application/sdp\r\n"
		       "Content-Length: %d\r\n\r\n%s",
		       FIRST_NUMBER + c->index, SIP_PORT, n, sdp);
	(void)snprintf(tag, sizeof(tag), ";tag=t%u", c->index);
	reply(c->answer, sizeof(c->answer), msg, tag, tail);
	c->answer_to = *from;
	c->answer_at = load_now();
	c->invited = true;
	send_text(c->answer, from);
}

static void other(const char *msg, const struct sockaddr_in *from)
{
	char out[2048];

	reply(out, sizeof(out), msg, "", "Content-Length: 0\r\n\r\n");
	send_text(out, from);
}

static void take(const char *msg, const struct sockaddr_in *from)
{
	const char *uri = strstr(msg, " sip:");
	unsigned long n = uri ? strtoul(uri + 5, NULL, 10) : 0;
	struct call *c = NULL;

	if (n >= FIRST_NUMBER && n - FIRST_NUMBER < sip.l->callc)
		c = &sip.l->calls[n - FIRST_NUMBER];
	if (!strncmp(msg, "SIP/2.0 ", 8))
		return;
	if (c && !strncmp(msg, "INVITE ", 7)) {
		take_invite(c, msg, from);
		return;
	}
	if (!strncmp(msg, "ACK ", 4)) {
		if (c) {
			c->acked = true;
			c->answer_at = 0;
		}
		return;
	}
	if (c && !strncmp(msg, "BYE ", 4))
		c->bye = true;
	other(msg, from);
}

static void ready(void *arg)
{
	struct sockaddr_in from;
	socklen_t len = sizeof(from);
	char buf[MESSAGE];
	ssize_t n;

	(void)arg;
	n = recvfrom(sip.fd, buf, sizeof(buf) - 1, MSG_DONTWAIT,
		     (struct sockaddr *)&from, &len);
	if (n <= 0)
		return;
	buf[n] = '\0';
	take(buf, &from);
}

int load_sip_open(struct load *l)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
				.sin_port = htons(SIP_PORT)};

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	sip.l = l;
	sip.fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (sip.fd < 0 || bind(sip.fd, (struct sockaddr *)&a, sizeof(a)))
		return errno;

	return load_watch(&sip.source, sip.fd, ready, NULL);
}

/* The number at which a call is answered. */
unsigned load_sip_number(const struct call *c)
{
	return FIRST_NUMBER + c->index;
}

void load_sip_turn(struct call *c)
{
	uint64_t now = load_now();

	if (!c->answer_at || now < c->answer_at + AGAIN)
		return;
	c->answer_at = now;
	send_text(c->answer, &c->answer_to);
}
