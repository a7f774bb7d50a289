/* sippeer.h: a stack of one UDP socket and scripted peers that speak text,
 * for the tests of the INVITE session.  Everything in one loop. */
#ifndef UNIT_SIPPEER_H
#define UNIT_SIPPEER_H

#include <check.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "sip/digest.h"
#include "sip/stack.h"

enum { PEER_QUEUE = 64, PEER_SEEN = 256, TARGET_MAX = 4 };

/* ---- the stack that stack.h promises ---- */

struct sipstack {
	struct sip *sip;
	struct sa laddr;
	sip_msg_h *reqh, *resph, *lateh;
	void *arg, *late_arg, *invite_arg;
	sipstack_request_h *inviteh;
	struct siptrunk *trunk;
};

struct siptrunk {
	struct config_trunk conf;
	struct sa target[TARGET_MAX];
	unsigned n, failed;
	struct sipstack *stack;
	struct digest *digest;
	bool resolving;
	siptarget_h *h;
	void *arg;
};

static struct sipstack stack;
static struct siptrunk trunk;

int sipstack_listen(struct sipstack *s, const char *method,
		    sipstack_request_h *h, void *arg)
{
	ck_assert_str_eq(method, "INVITE");
	s->inviteh = h;
	s->invite_arg = arg;
	return 0;
}

int sipstack_listen_dialog(struct sipstack *s, bool req, sip_msg_h *h,
			   void *arg)
{
	if (!req && s->resph && s->arg != arg) { /* as sipcalls_alloc() does */
		s->lateh = h;
		s->late_arg = arg;
		return 0;
	}
	*(req ? &s->reqh : &s->resph) = h;
	s->arg = arg;
	return 0;
}

const struct config_trunk *siptrunk_conf(const struct siptrunk *t)
{
	return &t->conf;
}

struct digest *siptrunk_digest(struct siptrunk *t)
{
	return t->digest;
}

struct digest *siptrunk_digest_for(struct siptrunk *t, const struct sa *sa)
{
	(void)t;
	(void)sa;
	return NULL;
}

int siptrunk_target(struct siptarget *t, struct siptrunk *tr, unsigned n,
		    siptarget_h *h, void *arg)
{
	if (tr->resolving) {
		tr->h = h;
		tr->arg = arg;
		return EAGAIN;
	}
	if (n >= tr->n)
		return ENOENT;
	t->sip = tr->stack->sip;
	t->addr = tr->target[n];
	t->tp = SIP_TRANSP_UDP;
	t->laddr = tr->stack->laddr;
	return 0;
}

void siptrunk_target_cancel(struct siptrunk *t, void *arg)
{
	if (t->arg == arg)
		t->h = NULL;
}

int siptrunk_target_tcp(struct siptarget *t, struct siptrunk *tr)
{
	if (!tr->conf.tcp)
		return ENOTSUP;
	t->tp = SIP_TRANSP_TCP;
	return 0;
}

int sipstack_contact_renew(char **cp, const struct sipstack *s,
			   const struct sip *sip)
{
	(void)cp;
	(void)s;
	(void)sip;

	return 0;
}

bool siptrunk_is_peer(struct siptrunk *t, const struct sa *sa, bool phones)
{
	(void)t;
	(void)sa;
	(void)phones;

	return true;
}

bool sipstack_take(struct sipstack *s, struct siptrunk *t, struct sip *sip,
		   const struct sip_msg *msg)
{
	(void)s;
	(void)t;
	(void)sip;
	(void)msg;

	return false;
}

struct target;
int trunk_fill_target(struct siptarget *t, struct siptrunk *from,
		      const struct target *to);
int trunk_fill_target(struct siptarget *t, struct siptrunk *from,
		      const struct target *to)
{
	(void)t;
	(void)from;
	(void)to;

	return ENOENT;
}

bool siptrunk_is_line(const struct siptrunk *t)
{
	(void)t;

	return false;
}

bool siptrunk_reconnect(struct siptrunk *t, const struct siptarget *target)
{
	(void)t;
	(void)target;

	return false;
}

void siptrunk_target_failed(struct siptrunk *t, const struct sa *addr)
{
	(void)addr;
	t->failed++;
}

int siptrunk_contact(char **cp, const struct siptrunk *t,
		     const struct siptarget *target, const char *token)
{
	(void)t;
	return re_sdprintf(cp, "sip:%s@%J;i=0", token, &target->laddr);
}

int sipstack_contact(char **cp, const struct sipstack *s, struct sip *sip,
		     const struct sip_msg *msg, const char *token)
{
	(void)sip;
	(void)msg;
	return re_sdprintf(cp, "sip:%s@%J;i=0", token, &s->laddr);
}

int sipstack_send(enum sip_transp tp, const struct sa *src,
		  const struct sa *dst, struct mbuf *mb, void *arg)
{
	(void)tp;
	(void)src;
	(void)dst;
	(void)mb;
	(void)arg;
	return 0;
}

const char *sipstack_agent(const struct sipstack *s)
{
	(void)s;

	return "User-Agent: test\r\n";
}

const char *sipstack_allow(const struct sipstack *s)
{
	(void)s;
	return "Allow: INVITE, ACK, BYE, UPDATE\r\n";
}

const char *sipstack_supported(const struct sipstack *s)
{
	(void)s;
	return "Supported: timer, 100rel\r\n";
}

static bool stack_request(const struct sip_msg *msg, void *arg)
{
	struct sipstack *s = arg;

	if (s->reqh(msg, s->arg))
		return true;
	if (pl_isset(&msg->to.tag) || pl_strcmp(&msg->met, "INVITE") ||
	    !s->inviteh)
		(void)sip_reply(s->sip, msg, 481, "No Such Call");
	else
		s->inviteh(s->trunk, s->sip, msg, s->invite_arg);
	return true;
}

static bool stack_response(const struct sip_msg *msg, void *arg)
{
	struct sipstack *s = arg;

	if (!s->resph(msg, s->arg) && s->lateh)
		(void)s->lateh(msg, s->late_arg);
	return true;
}

/* ---- the loop ---- */

static void loop_stop(void *arg)
{
	*(bool *)arg = true;
	re_cancel();
}

/* Turns the loop for ms, or until something calls re_cancel(). */
static bool loop_for(unsigned ms)
{
	bool over = false;
	struct tmr tmr;

	tmr_init(&tmr);
	tmr_start(&tmr, ms, loop_stop, &over);
	(void)re_main(NULL);
	tmr_cancel(&tmr);
	return !over;
}

static inline void loop_wait(unsigned ms)
{
	while (loop_for(ms))
		;
}

/* ---- a peer ---- */

struct peer_sock {
	struct udp_sock *us;
	struct sa addr, gw;
	char *queue[PEER_QUEUE];
	unsigned head, tail;
	char *seen[PEER_SEEN]; /* retransmissions are skipped */
	unsigned seenc;
	char *log; /* of the golden conversation */
};

static void peer_log(struct peer_sock *p, char dir, const char *text)
{
	char line[256], *s = NULL;

	if (sscanf(text, "%255[^\r\n]", line) != 1)
		return;
	if (!strncmp(line, "SIP/2.0 ", 8))
		memmove(line, line + 8, strlen(line + 8) + 1);
	else
		line[strcspn(line, " ")] = '\0';
	ck_assert_int_eq(
	    re_sdprintf(&s, "%s%c %s\n", p->log ? p->log : "", dir, line), 0);
	mem_deref(p->log);
	p->log = s;
}

static void peer_recv(const struct sa *src, struct mbuf *mb, void *arg)
{
	struct peer_sock *p = arg;
	char *text = NULL;

	p->gw = *src;
	ck_assert_int_eq(mbuf_strdup(mb, &text, mbuf_get_left(mb)), 0);
	for (unsigned i = 0; i < p->seenc; i++) {
		if (!strcmp(p->seen[i], text)) {
			mem_deref(text);
			return;
		}
	}
	ck_assert_uint_lt(p->seenc, PEER_SEEN);
	p->seen[p->seenc++] = mem_ref(text);
	p->queue[p->tail++ % PEER_QUEUE] = text;
	peer_log(p, '>', text);
	re_cancel();
}

/* Forget what was seen: the next copy counts again. */
static void peer_forget(struct peer_sock *p)
{
	while (p->seenc)
		mem_deref(p->seen[--p->seenc]);
}

static void peer_open(struct peer_sock *p, struct sipstack *s)
{
	memset(p, 0, sizeof(*p));
	ck_assert_int_eq(sa_set_str(&p->addr, "127.0.0.1", 0), 0);
	ck_assert_int_eq(udp_listen(&p->us, &p->addr, peer_recv, p), 0);
	ck_assert_int_eq(udp_local_get(p->us, &p->addr), 0);
	p->gw = s->laddr;
}

static void peer_close(struct peer_sock *p)
{
	peer_forget(p);
	while (p->head < p->tail)
		mem_deref(p->queue[p->head++ % PEER_QUEUE]);
	p->us = mem_deref(p->us);
	p->log = mem_deref(p->log);
}

/* The next message must begin so. A copy that lives as long as the test. */
static inline const char *peer_expect(struct peer_sock *p, const char *prefix)
{
	for (unsigned i = 0; p->head == p->tail && i < 100; i++)
		(void)loop_for(50);
	ck_assert_msg(p->head < p->tail, "nothing came, wanted %s", prefix);

	const char *text = p->queue[p->head++ % PEER_QUEUE];
	ck_assert_msg(!strncmp(text, prefix, strlen(prefix)),
		      "wanted %s, got %s", prefix, text);
	return text;
}

static inline void peer_quiet(struct peer_sock *p, unsigned ms)
{
	loop_wait(ms);
	ck_assert_msg(p->head == p->tail, "unexpected %s",
		      p->queue[p->head % PEER_QUEUE]);
}

static void peer_raw(struct peer_sock *p, const char *text)
{
	struct mbuf *mb = mbuf_alloc(2048);

	ck_assert_ptr_nonnull(mb);
	ck_assert_int_eq(mbuf_write_str(mb, text), 0);
	mb->pos = 0;
	ck_assert_int_eq(udp_send(p->us, &stack.laddr, mb), 0);
	mem_deref(mb);
	peer_log(p, '<', text);
}

static void peer_send(struct peer_sock *p, const char *fmt, ...)
{
	char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	ck_assert_int_eq(re_vsdprintf(&text, fmt, ap), 0);
	va_end(ap);
	peer_raw(p, text);
	mem_deref(text);
}

/* Value of a header of a message, in one of a few rotating buffers. */
static const char *hdr(const char *text, const char *name)
{
	static char buf[16][512];
	static unsigned next;
	const size_t n = strlen(name);
	char *out = buf[next++ % 16];

	out[0] = '\0';
	for (const char *l = strstr(text, "\r\n"); l; l = strstr(l, "\r\n")) {
		l += 2;
		if (!strncmp(l, name, n) && l[n] == ':') {
			size_t len = strcspn(l + n + 2, "\r");

			ck_assert_uint_lt(len, 512);
			memcpy(out, l + n + 2, len);
			out[len] = '\0';
			break;
		}
		if (!strncmp(l, "\r\n", 2))
			break;
	}
	return out;
}

static inline const char *body_of(const char *text)
{
	const char *b = strstr(text, "\r\n\r\n");

	return b ? b + 4 : "";
}

/* Value of ";tag=" of a From or To. */
static inline const char *tag_of(const char *value)
{
	const char *t = strstr(value, ";tag=");

	return t ? t + 5 : "";
}

/* Answers a request; tag NULL: To already has one. */
static void peer_reply(struct peer_sock *p, const char *rq, const char *status,
		       const char *tag, const char *lines, const char *sdp)
{
	char contact[128] = "";

	(void)re_snprintf(contact, sizeof(contact),
			  "Contact: <sip:phone@%J>\r\n", &p->addr);
	peer_send(p,
		  "SIP/2.0 %s\r\nVia: %s\r\nFrom: %s\r\nTo: %s%s%s\r\n"
		  "Call-ID: %s\r\nCSeq: %s\r\n%s%s%sContent-Length: %zu\r\n"
		  "\r\n%s",
		  status, hdr(rq, "Via"), hdr(rq, "From"), hdr(rq, "To"),
		  tag ? ";tag=" : "", tag ? tag : "", hdr(rq, "Call-ID"),
		  hdr(rq, "CSeq"), contact, lines ? lines : "",
		  sdp ? "Content-Type: application/sdp\r\n" : "",
		  sdp ? strlen(sdp) : 0, sdp ? sdp : "");
}

/* A dialog that the peer began, or that it answered: who is who. */
struct peer_dialog {
	char callid[128], us[256], them[256]; /* From and To values */
	unsigned cseq;
};

static void peer_request(struct peer_sock *p, const struct peer_dialog *d,
			 const char *met, unsigned cseq, const char *lines,
			 const char *type, const char *body)
{
	peer_send(p,
		  "%s sip:gw@%J SIP/2.0\r\n"
		  "Via: SIP/2.0/UDP %J;branch=z9hG4bK%s%u%x;rport\r\n"
		  "Max-Forwards: 69\r\nFrom: %s\r\nTo: %s\r\nCall-ID: %s\r\n"
		  "CSeq: %u %s\r\nContact: <sip:phone@%J>\r\n%s%s%s%s"
		  "Content-Length: %zu\r\n\r\n%s",
		  met, &stack.laddr, &p->addr, met, cseq, rand_u32(), d->us,
		  d->them, d->callid, cseq, met, &p->addr, lines ? lines : "",
		  type ? "Content-Type: " : "", type ? type : "",
		  type ? "\r\n" : "", body ? strlen(body) : 0,
		  body ? body : "");
}

/* The conversation so far against tests/data/NAME.txt ('#': comment). */
static inline void peer_golden(const struct peer_sock *p, const char *name)
{
	char path[256], line[256], *want = NULL, *s;
	FILE *f;

	snprintf(path, sizeof(path), "tests/data/%s.txt", name);
	f = fopen(path, "r");
	ck_assert_msg(f != NULL, "%s: cannot be read", path);
	while (fgets(line, sizeof(line), f)) {
		if (line[0] != '<' && line[0] != '>')
			continue;
		ck_assert_int_eq(
		    re_sdprintf(&s, "%s%s", want ? want : "", line), 0);
		mem_deref(want);
		want = s;
	}
	fclose(f);
	ck_assert_str_eq(p->log, want);
	mem_deref(want);
}

/* ---- all of it ---- */

static void sippeer_open(struct peer_sock *p)
{
	ck_assert_int_eq(libre_init(), 0);
	memset(&stack, 0, sizeof(stack));
	memset(&trunk, 0, sizeof(trunk));
	ck_assert_int_eq(sa_set_str(&stack.laddr, "127.0.0.1", 0), 0);
	ck_assert_int_eq(
	    sip_alloc(&stack.sip, NULL, 32, 32, 32, NULL, NULL, NULL), 0);
	ck_assert_int_eq(
	    sip_transp_add(stack.sip, SIP_TRANSP_UDP, &stack.laddr), 0);
	ck_assert_int_eq(sip_transp_laddr(stack.sip, &stack.laddr,
					  SIP_TRANSP_UDP, &stack.laddr),
			 0);
	ck_assert_int_eq(
	    sip_listen(NULL, stack.sip, true, stack_request, &stack), 0);
	ck_assert_int_eq(
	    sip_listen(NULL, stack.sip, false, stack_response, &stack), 0);
	stack.trunk = &trunk;
	trunk.stack = &stack;
	trunk.conf.name = (char *)(uintptr_t) "pbx";
	trunk.conf.uri = (char *)(uintptr_t) "sip:pbx.test";
	peer_open(p, &stack);
	trunk.target[0] = p->addr;
	trunk.n = 1;
}

static void sippeer_close(struct peer_sock *p)
{
	sip_close(stack.sip, true);
	mem_deref(stack.sip);
	peer_close(p);
	libre_close();
}

#endif
