/* stoxload_sip.c: telephones: they answer each INVITE at once, they call, they
 * say BYE.  One socket for all; UDP, with the repeats of RFC 3261 17. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "stoxload.h"

enum {
	MESSAGE = 8192,
	VALUE = 256,
	T1 = 500000, /* us; RFC 3261 17.1.1.1 */
	TRIES = 6,
	BUFFER = 8 << 20,
};

static const char empty[] = "Content-Length: 0\r\n\r\n";
static struct input sip;

/* ---- reading ---- */

/* The value of the first header of that name; "" when there is none. */
static const char *header(const char *msg, const char *name, char buf[VALUE])
{
	const char *p = msg;
	size_t n, len = strlen(name);

	buf[0] = '\0';
	while ((p = strstr(p, "\r\n")) && strncmp(p, "\r\n\r\n", 4)) {
		p += 2;
		if (strncasecmp(p, name, len) || p[len] != ':')
			continue;
		p += len + 1;
		p += strspn(p, " ");
		n = strcspn(p, "\r\n");
		if (n < VALUE)
			(void)snprintf(buf, VALUE, "%.*s", (int)n, p);
		break;
	}

	return buf;
}

/* Copies each line of that name, with more at its end. */
static size_t copy_lines(char *out, size_t size, const char *msg,
			 const char *name, const char *more)
{
	const char *p = msg, *end;
	size_t n = 0, len = strlen(name);

	out[0] = '\0';
	while ((p = strstr(p, "\r\n")) && strncmp(p, "\r\n\r\n", 4)) {
		p += 2;
		if (strncasecmp(p, name, len) || p[len] != ':')
			continue;
		end = strstr(p, "\r\n");
		if (end && (size_t)(end - p) + strlen(more) + 3 < size - n)
			n += (size_t)snprintf(out + n, size - n, "%.*s%s\r\n",
					      (int)(end - p), p, more);
	}

	return n;
}

/* The URI of a Contact; without a name-addr it is all up to the parameters. */
static void take_target(struct call *c, const char *msg)
{
	char v[VALUE];
	const char *p = header(msg, "Contact", v), *a = strchr(p, '<');

	if (a)
		(void)snprintf(c->target, sizeof(c->target), "%.*s",
			       (int)strcspn(a + 1, ">"), a + 1);
	else if (*p)
		(void)snprintf(c->target, sizeof(c->target), "%.*s",
			       (int)strcspn(p, ";"), p);
}

/* ---- writing ---- */

static void send_text(const char *s, const struct sockaddr_in *to)
{
	(void)sendto(sip.fd, s, strlen(s), MSG_DONTWAIT,
		     (const struct sockaddr *)to, sizeof(*to));
}

static void hush(struct call *c)
{
	load_undue(&c->repeat);
	free(c->msg);
	c->msg = NULL;
}

static struct call *call_of_repeat(struct node *n)
{
	return (struct call *)(void *)((char *)n -
				       offsetof(struct call, repeat));
}

static void repeat_due(struct node *n)
{
	struct call *c = call_of_repeat(n);

	if (!c->msg || c->tries++ >= TRIES) {
		hush(c);
		return;
	}
	send_text(c->msg, &c->sip_peer);
	load_due(n, n->at + ((uint64_t)T1 << c->tries));
}

/* Until hush(). */
static void send_until(struct call *c, const char *s)
{
	hush(c);
	c->msg = strdup(s);
	c->tries = 0;
	c->repeat.h = repeat_due;
	load_due(&c->repeat, load_now() + T1);
	send_text(s, &c->sip_peer);
}

static void reply(char *out, size_t size, const char *req, const char *status,
		  const char *tag, const char *tail)
{
	static const char *const names[] = {"Via", "Record-Route", "From",
					    "To",  "Call-ID",	   "CSeq"};
	size_t i, n = (size_t)snprintf(out, size, "SIP/2.0 %s\r\n", status);

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		n += copy_lines(out + n, size - n, req, names[i],
				!strcmp(names[i], "To") ? tag : "");
	(void)snprintf(out + n, size - n, "%s", tail);
}

static void reply_empty(const char *req, const char *status, const char *tag,
			const struct sockaddr_in *from)
{
	char out[MESSAGE];

	reply(out, sizeof(out), req, status, tag, empty);
	send_text(out, from);
}

/* Contact and SDP, the end of a message. */
static void write_tail(const struct call *c, char *buf, size_t size,
		       bool answer)
{
	char ip[INET_ADDRSTRLEN], sdp[1024];
	size_t n = load_sdp_give(c, sdp, sizeof(sdp), answer);

	(void)inet_ntop(AF_INET, &load.opt.sip.sin_addr, ip, sizeof(ip));
	(void)snprintf(buf, size,
		       "Contact: <sip:%u@%s:%u>\r\n"
		       "Content-Type: application/sdp\r\n"
		       "Content-Length: %zu\r\n\r\n%s",
		       LOAD_FIRST_NUMBER + c->index, ip,
		       ntohs(load.opt.sip.sin_port), n, sdp);
}

/* A request of ours in the dialog of c, or the one that begins it.  branch:
 * the method whose transaction it belongs to. */
static void request(struct call *c, const char *method, const char *branch,
		    unsigned cseq, const char *tail, char *out, size_t size)
{
	static unsigned run;
	char ip[INET_ADDRSTRLEN];

	/* No branch is one of a run before (RFC 3261 8.1.1.7). */
	if (!run)
		run = (unsigned)random() | 1;
	(void)inet_ntop(AF_INET, &load.opt.sip.sin_addr, ip, sizeof(ip));
	(void)snprintf(out, size,
		       "%s %s SIP/2.0\r\n"
		       "Via: SIP/2.0/UDP %s:%u;branch=z9hG4bK%x-%u-%u-%s;rport"
		       "\r\nMax-Forwards: 70\r\n"
		       "From: %s\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: %u %s\r\n"
		       "%s",
		       method, c->target, ip, ntohs(load.opt.sip.sin_port),
		       run, c->index, c->turn, branch, c->from, c->to,
		       c->call_id, cseq, method, tail);
}

void phone_call(struct call *c)
{
	char ip[2][INET_ADDRSTRLEN], out[MESSAGE], tail[2048];

	(void)inet_ntop(AF_INET, &load.opt.sip.sin_addr, ip[0], sizeof(ip[0]));
	(void)inet_ntop(AF_INET, &load.opt.gateway.sin_addr, ip[1],
			sizeof(ip[1]));
	(void)snprintf(c->target, sizeof(c->target), "sip:b%u@%s:%u", c->index,
		       ip[1], ntohs(load.opt.gateway.sin_port));
	(void)snprintf(c->from, sizeof(c->from), "<sip:%u@%s>;tag=f%u-%u",
		       LOAD_FIRST_NUMBER + c->index, ip[0], c->index, c->turn);
	(void)snprintf(c->to, sizeof(c->to), "<%.200s>", c->target);
	(void)snprintf(c->call_id, sizeof(c->call_id), "l%u-%u-%lx", c->index,
		       c->turn, random());
	c->sip_peer = load.opt.gateway;
	c->cseq = 1;
	write_tail(c, tail, sizeof(tail), false);
	request(c, "INVITE", "INVITE", c->cseq, tail, out, sizeof(out));
	send_until(c, out);
}

void phone_end(struct call *c)
{
	char out[MESSAGE];

	if (!c->to[0] || c->s_over)
		return;
	if (c->answered || !c->s2x) {
		request(c, "BYE", "BYE", ++c->cseq, empty, out, sizeof(out));
		send_until(c, out);
	} else {
		request(c, "CANCEL", "INVITE", 1, empty, out, sizeof(out));
		send_text(out, &c->sip_peer);
	}
}

void phone_close(struct call *c)
{
	hush(c);
	c->call_id[0] = c->to[0] = c->from[0] = '\0';
	crypt_free(c->s_crypt);
	c->s_crypt = NULL;
}

/* ---- requests of the gateway ---- */

static void answer_invite(struct call *c, const char *msg,
			  const struct sockaddr_in *from, const char *tag)
{
	char out[MESSAGE], tail[2048];

	write_tail(c, tail, sizeof(tail), true);
	reply(out, sizeof(out), msg, "200 OK", tag, tail);
	c->sip_peer = *from;
	send_until(c, out);
}

static void begin_dialog(struct call *c, const char *msg, const char *tag)
{
	char v[VALUE];

	(void)snprintf(c->call_id, sizeof(c->call_id), "%.150s",
		       header(msg, "Call-ID", v));
	(void)snprintf(c->from, sizeof(c->from), "%.200s%s",
		       header(msg, "To", v), tag);
	(void)snprintf(c->to, sizeof(c->to), "%s", header(msg, "From", v));
	take_target(c, msg);
	c->cseq = 100;
}

static void take_invite(struct call *c, const char *msg,
			const struct sockaddr_in *from)
{
	char v[VALUE], tag[32];

	if (strstr(header(msg, "To", v), ";tag=")) {
		if (strcmp(header(msg, "Call-ID", v), c->call_id)) {
			reply_empty(msg, "481 No such call", "", from);
			return;
		}
		(void)load_sdp_take(c, msg);
		answer_invite(c, msg, from, "");
		return;
	}
	if (c->state != CALL_SETUP || c->s2x) {
		reply_empty(msg, "486 Busy Here", ";tag=busy", from);
		return;
	}
	if (!strcmp(header(msg, "Call-ID", v), c->call_id)) {
		if (c->msg)
			send_text(c->msg, from);
		return;
	}
	hist_add(&load.invite, load_now() - c->began);
	(void)snprintf(tag, sizeof(tag), ";tag=t%u-%u", c->index, c->turn);
	if (load_sdp_take(c, msg)) {
		reply_empty(msg, "488 Not Acceptable Here", tag, from);
		call_fail(c, "INVITE without the codec or its keys");
		return;
	}
	begin_dialog(c, msg, tag);
	reply_empty(msg, "180 Ringing", tag, from);
	answer_invite(c, msg, from, tag);
	c->asked = load_now();
}

static void take_bye(struct call *c, const char *msg)
{
	char v[VALUE];

	if (strcmp(header(msg, "Call-ID", v), c->call_id))
		return;
	c->s_over = true;
	hush(c);
	if (c->state == CALL_UP || c->state == CALL_SETUP)
		call_fail(c, "BYE: %.40s", header(msg, "Reason", v));
	else
		call_over(c);
}

static void take_request(struct call *c, const char *msg,
			 const struct sockaddr_in *from)
{
	char v[VALUE];

	if (!strncmp(msg, "ACK ", 4)) {
		if (c && !strcmp(header(msg, "Call-ID", v), c->call_id)) {
			hush(c);
			c->answered = true;
		}
		return;
	}
	if (c && !strncmp(msg, "INVITE ", 7)) {
		take_invite(c, msg, from);
		return;
	}
	if (!strncmp(msg, "CANCEL ", 7) && c && c->state == CALL_SETUP)
		call_fail(c, "CANCEL");
	if (c && !strncmp(msg, "BYE ", 4))
		take_bye(c, msg);
	reply_empty(msg, "200 OK", "", from);
}

/* ---- answers of the gateway ---- */

static void acknowledge(struct call *c, const char *msg, bool ok)
{
	char out[MESSAGE], v[VALUE];

	(void)snprintf(c->to, sizeof(c->to), "%s", header(msg, "To", v));
	if (ok)
		take_target(c, msg);
	/* RFC 3261 17.1.1.3: a refusal's is the INVITE's transaction. */
	request(c, "ACK", ok ? "ACK" : "INVITE", 1, empty, out, sizeof(out));
	send_text(out, &c->sip_peer);
}

static void take_final(struct call *c, const char *msg, unsigned code)
{
	bool again = c->answered;

	hush(c);
	if (load.opt.probe) {
		hist_add(&load.proceed, load_now() - c->asked);
		c->s_over = true;
		call_probed(c);
		return;
	}
	if (code >= 300) {
		acknowledge(c, msg, false);
		c->s_over = true; /* there is nothing to cancel */
		call_fail(c, "SIP %.30s", msg + 8);
		return;
	}
	acknowledge(c, msg, true);
	c->answered = true;
	if (again)
		return;
	if (load_sdp_take(c, msg))
		call_fail(c, "200 without the codec or its keys");
	else if (c->crypt)
		call_keyed(c);
}

static void take_response(const char *msg)
{
	unsigned code = (unsigned)strtoul(msg + 8, NULL, 10);
	char v[VALUE];
	struct call *c;
	const char *id = header(msg, "Call-ID", v);

	/* Ours name the call; the gateway's are known by it. */
	c = id[0] == 'l' ? call_at(strtoul(id + 1, NULL, 10)) : NULL;
	if (!c || strcmp(c->call_id, id)) {
		(void)header(msg, "From", v);
		id = strstr(v, ";tag=t");
		c = id ? call_at(strtoul(id + 6, NULL, 10)) : NULL;
		if (!c || strcmp(c->call_id, header(msg, "Call-ID", v)))
			return;
	}
	if (strstr(header(msg, "CSeq", v), "INVITE")) {
		if (code < 200 && code > 100)
			hush(c); /* it rings */
		else if (code < 200)
			load_undue(&c->repeat);
		else if (c->s2x || load.opt.probe)
			take_final(c, msg, code);
	} else if (strstr(v, "BYE") && code >= 200) {
		hush(c);
		c->s_over = true;
		call_over(c);
	}
}

static void take(const char *msg, const struct sockaddr_in *from)
{
	const char *uri = strstr(msg, " sip:");
	unsigned long n = uri ? strtoul(uri + 5, NULL, 10) : 0;
	struct call *c = NULL;

	if (!strncmp(msg, "SIP/2.0 ", 8)) {
		take_response(msg);
		return;
	}
	if (n >= LOAD_FIRST_NUMBER)
		c = call_at(n - LOAD_FIRST_NUMBER);
	take_request(c, msg, from);
}

static void readable(struct input *in)
{
	static char buf[65536];
	struct sockaddr_in from;
	socklen_t len;
	ssize_t n;
	int i;

	for (i = 0; i < 32; i++) {
		len = sizeof(from);
		n = recvfrom(in->fd, buf, sizeof(buf) - 1, MSG_DONTWAIT,
			     (struct sockaddr *)&from, &len);
		if (n <= 0)
			break;
		buf[n] = '\0';
		take(buf, &from);
	}
}

int phone_open(void)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), size = BUFFER;

	if (fd < 0)
		return errno;
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	if (bind(fd, (struct sockaddr *)&load.opt.sip, sizeof(load.opt.sip)))
		return errno;

	return load_watch(&sip, fd, readable);
}
