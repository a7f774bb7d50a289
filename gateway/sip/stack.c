/* stack.c: the SIP stack: listeners, trunks, and who gets which message. */
#include <string.h>
#include "base/log.h"
#include "sip/guard.h"
#include "sip/refuse.h"
#include "sip/sipcount.h"
#include "sip/stack_priv.h"
#include "sip/tlsconf.h"
#include "sip/udptx.h"

/* Methods that the INVITE session handles by itself within its dialogs. */
static const char dialog_methods[] = "ACK, CANCEL, BYE, PRACK, UPDATE, INFO";

static const enum sip_transp transports[] = {
    [CONFIG_UDP] = SIP_TRANSP_UDP,
    [CONFIG_TCP] = SIP_TRANSP_TCP,
    [CONFIG_TLS] = SIP_TRANSP_TLS,
};

enum { LINE_BUCKETS = 4096 };

static void destructor(void *arg)
{
	struct sipstack *s = arg;

	s->closing = true;
	hash_flush(s->lines);
	list_flush(&s->trunks);
	list_flush(&s->wires);
	list_flush(&s->handlers);
	mem_deref(s->tls);
	mem_deref(s->gate);
	mem_deref(s->dnsc);
	mem_deref(s->lines);
	mem_deref(s->tokens);
}

static void handler_destructor(void *arg)
{
	struct handler *h = arg;

	list_unlink(&h->le);
	mem_deref(h->method);
}

/* The handler of a method: the first that asked for it. */
static const struct handler *find_method(const struct sipstack *s,
					 const struct pl *method)
{
	for (struct le *le = s->handlers.head; le; le = le->next) {
		const struct handler *h = le->data;

		if (h->method && !pl_strcmp(method, h->method))
			return h;
	}

	return NULL;
}

/* Allow is what can be handled, nothing else (protocol F.3). */
static void write_allow(struct sipstack *s)
{
	bool dialogs = false;
	struct mbuf *mb = mbuf_alloc(sizeof(s->allow));
	int err;

	if (!mb)
		return;

	err = mbuf_write_str(mb, "Allow: OPTIONS");
	for (struct le *le = s->handlers.head; le; le = le->next) {
		const struct handler *h = le->data;

		struct pl name;

		if (h->method)
			pl_set_str(&name, h->method);
		if (h->method && find_method(s, &name) == h)
			err |= mbuf_printf(mb, ", %s", h->method);
		else
			dialogs = dialogs || h->req;
	}
	if (dialogs)
		err |= mbuf_printf(mb, ", %s", dialog_methods);
	err |= mbuf_write_str(mb, "\r\n");

	mb->pos = 0;
	if (!err && mb->end < sizeof(s->allow)) {
		memcpy(s->allow, mb->buf, mb->end);
		s->allow[mb->end] = '\0';
	}
	mem_deref(mb);

	s->supported[0] = '\0';
	for (size_t i = 0; dialogs && guard_options[i]; i++) {
		const size_t n = strlen(s->supported);

		(void)re_snprintf(s->supported + n, sizeof(s->supported) - n,
				  "%s%s",
				  i ? ", " : "Supported: ", guard_options[i]);
	}
	if (dialogs)
		strcat(s->supported, "\r\n");
}

static int add_handler(struct sipstack *s, const struct handler *from,
		       const char *method)
{
	struct handler *h;
	int err = 0;

	h = mem_zalloc(sizeof(*h), handler_destructor);
	if (!h)
		return ENOMEM;

	h->req = from->req;
	h->requesth = from->requesth;
	h->msgh = from->msgh;
	h->arg = from->arg;
	if (method)
		err = str_dup(&h->method, method);
	if (err) {
		mem_deref(h);
		return err;
	}

	list_append(&s->handlers, &h->le, h);
	write_allow(s);
	return 0;
}

bool sipstack_take(struct sipstack *s, struct siptrunk *trunk, struct sip *sip,
		   const struct sip_msg *msg)
{
	const struct handler *h = find_method(s, &msg->met);

	if (h)
		h->requesth(trunk, sip, msg, h->arg);

	return h != NULL;
}

int sipstack_listen(struct sipstack *s, const char *method,
		    sipstack_request_h *h, void *arg)
{
	const struct handler handler = {
	    .req = true, .requesth = h, .arg = arg};

	if (!s || !method || !h)
		return EINVAL;

	return add_handler(s, &handler, method);
}

int sipstack_listen_dialog(struct sipstack *s, bool req, sip_msg_h *h,
			   void *arg)
{
	const struct handler handler = {.req = req, .msgh = h, .arg = arg};

	if (!s || !h)
		return EINVAL;

	return add_handler(s, &handler, NULL);
}

static bool ask_dialogs(struct sipstack *s, const struct sip_msg *msg)
{
	struct le *le = s->handlers.head;

	while (le) {
		const struct handler *h = le->data;

		le = le->next;
		if (!h->method && h->req == msg->req && h->msgh(msg, h->arg))
			return true;
	}

	return false;
}

static bool is(const struct sip_msg *msg, const char *method)
{
	return !pl_strcmp(&msg->met, method);
}

/* Methods that Allow names but that mean something in a dialog alone. */
static bool dialog_only(const struct sip_msg *msg)
{
	static const char *const methods[] = {"CANCEL", "BYE", "PRACK",
					      "UPDATE", "INFO"};

	for (size_t i = 0; i < ARRAY_SIZE(methods); i++) {
		if (is(msg, methods[i]))
			return true;
	}

	return false;
}

/* Nobody took it: the answers of RFC 3261 8.2.1 and 12.2.2. */
static void refuse_rest(struct sipstack *s, struct sip *sip,
			const struct siptrunk *trunk,
			const struct sip_msg *msg)
{
	const bool known = guard_knows_method(&msg->met);

	if (is(msg, "ACK"))
		return;
	if (pl_isset(&msg->to.tag) || dialog_only(msg)) {
		refuse_msg(msg, trunk, REFUSE_DIALOG, 481);
		(void)sip_reply(sip, msg, 481,
				"Call/Transaction Does Not Exist");
		return;
	}

	refuse_msg(msg, trunk, REFUSE_METHOD, known ? 405 : 501);
	(void)sip_replyf(sip, msg, known ? 405 : 501,
			 known ? "Method Not Allowed" : "Not Implemented",
			 "%sContent-Length: 0\r\n\r\n", s->allow);
}

/* Streams, and datagrams that came before the gate stood: judged here. */
static bool pass_rules(struct wire *w, const struct siptrunk *trunk,
		       const struct sip_msg *msg)
{
	const char *start = msg->req ? msg->met.p : msg->ver.p;
	const char *end = (const char *)msg->mb->buf + msg->mb->end;
	struct guard_verdict v;
	struct sipscan scan;

	if (sipscan_decode(&scan, start, (size_t)(end - start)))
		return false;

	guard_judge(&v, &scan, &w->stack->conf->limits,
		    msg->tp != SIP_TRANSP_UDP);
	if (!v.code && !v.drop)
		return true;

	++sip_counts.gate[GATE_RULES];
	log_info("sip: guard: %s from %J: %s%s\n",
		 msg->req ? "request" : "response", &msg->src,
		 guard_why_name(v.why), v.drop ? ", dropped" : "");
	if (msg->req)
		refuse_msg(msg, trunk, REFUSE_RULES, v.drop ? 0 : v.code);
	if (!v.drop)
		(void)sip_replyf(w->sip, msg, (uint16_t)v.code, v.phrase,
				 "%sContent-Length: 0\r\n\r\n", v.header);
	return false;
}

static bool may_pass(struct wire *w, const struct sip_msg *msg,
		     struct siptrunk **trunk)
{
	const bool media = msg->req && pl_isset(&msg->to.tag);

	*trunk = trunk_by_source(w->stack, w, &msg->src, false);
	if (!*trunk && media)
		*trunk = trunk_by_source(w->stack, w, &msg->src, true);

	if (msg->tp != SIP_TRANSP_UDP)
		return wire_stream_judge(w, msg, *trunk != NULL) &&
		       pass_rules(w, *trunk, msg);
	if (w->us)
		return true; /* the gate has judged it */

	return *trunk && pass_rules(w, *trunk, msg);
}

bool stack_request(struct wire *w, const struct sip_msg *msg)
{
	struct sipstack *s = w->stack;
	const struct handler *h;
	struct siptrunk *trunk, *line;

	if (s->closing || wire_is_probe(w, msg) || !may_pass(w, msg, &trunk))
		return true;
	if (ask_dialogs(s, msg))
		return true;

	h = pl_isset(&msg->to.tag) ? NULL : find_method(s, &msg->met);
	line = h ? line_by_request(s, msg) : NULL;
	if (line)
		trunk = line;
	if (h && trunk && trunk->registrar) /* it speaks for lines alone */
		(void)sip_reply(w->sip, msg, 404, "Not Found");
	else if (h && trunk)
		h->requesth(trunk, w->sip, msg, h->arg);
	else if (is(msg, "OPTIONS") && !pl_isset(&msg->to.tag))
		options_answer(s, w->sip, msg);
	else
		refuse_rest(s, w->sip, trunk, msg);

	return true;
}

bool stack_response(struct wire *w, const struct sip_msg *msg)
{
	if (!w->stack->closing && !udptx_response(msg) &&
	    !ask_dialogs(w->stack, msg))
		log_debug("sip: response %u from %J belongs to nothing\n",
			  msg->scode, &msg->src);

	return true; /* libre itself would print */
}

static int open_listener(struct sipstack *s, const struct config_listen *l)
{
	const struct config_sip *conf = &s->conf->sip;
	struct wire *w;
	int err = 0;

	if (l->transport == CONFIG_TLS && !s->tls) {
		if (!conf->cert) {
			log_error("sip: listen %s: no certificate: set "
				  "certificate and key in [sip]\n",
				  l->text);
			return EINVAL;
		}
		err = tlsconf_server(&s->tls, conf->cert, conf->key);
		if (err)
			return err;
	}

	err = wire_alloc(&w, s, transports[l->transport], &l->addr, s->tls);
	if (err) {
		log_error("sip: listen %s: %m%s\n", l->text, err,
			  err == EADDRINUSE ? ": does a PBX have that port? "
					      "listen in [sip] sets another"
					    : "");
		return err;
	}

	w->conf = l;
	log_info("sip: listens on %s %J\n", sip_transp_name(w->tp), &w->laddr);
	return 0;
}

static void open_dns(struct sipstack *s)
{
	struct sa server[4];
	uint32_t n = ARRAY_SIZE(server);
	int err;

	err = dns_srv_get(NULL, 0, server, &n);
	if (!err)
		err = dnsc_alloc(&s->dnsc, NULL, server, n);
	if (err)
		log_warning("sip: no name server: %m; addresses must be "
			    "numeric\n",
			    err);
}

struct dnsc *sipstack_dns(const struct sipstack *s)
{
	return s->dnsc;
}

int sipstack_alloc(struct sipstack **sp, const struct config *conf)
{
	struct sipstack *s;
	int err;

	if (!sp || !conf)
		return EINVAL;

	s = mem_zalloc(sizeof(*s), destructor);
	if (!s)
		return ENOMEM;

	s->conf = conf;
	(void)re_snprintf(s->agent, sizeof(s->agent), "User-Agent: %s\r\n",
			  conf->sip.user_agent ? conf->sip.user_agent
					       : "stoxd");
	write_allow(s);
	open_dns(s);
	err = gate_alloc(&s->gate, &conf->limits);
	if (!err)
		err = hash_alloc(&s->lines, LINE_BUCKETS);
	if (!err)
		err = hash_alloc(&s->tokens, LINE_BUCKETS);

	for (size_t i = 0; i < conf->sip.listenc && !err; i++)
		err = open_listener(s, &conf->sip.listen[i]);

	for (size_t i = 0; i < conf->trunkc && !err; i++) {
		struct siptrunk *t;

		err = trunk_alloc(&t, s, &conf->trunk[i]);
	}

	for (struct le *le = s->trunks.head; le && !err; le = le->next)
		trunk_start(le->data);

	if (err)
		mem_deref(s);
	else
		*sp = s;

	return err;
}

void sipstack_close(struct sipstack *s)
{
	if (!s)
		return;

	for (struct le *le = s->trunks.head; le; le = le->next) {
		const struct siptrunk *t = le->data;

		binding_close(t->binding);
	}
	lines_close(s);
}

void sipstack_set_public(struct sipstack *s, const struct sa *addr)
{
	if (!s || !addr)
		return;

	for (struct le *le = s->wires.head; le; le = le->next) {
		struct wire *w = le->data;

		if (sa_af(&w->laddr) != sa_af(addr))
			continue;
		w->public = *addr;
		if (!sa_port(addr))
			sa_set_port(&w->public, sa_port(&w->laddr));
	}
	for (struct le *le = s->trunks.head; le; le = le->next) {
		const struct siptrunk *t = le->data;

		binding_refresh(t->binding);
	}
	lines_refresh(s);
}

struct siptrunk *sipstack_trunk(const struct sipstack *s, const char *name)
{
	for (struct le *le = s && name ? s->trunks.head : NULL; le;
	     le = le->next) {
		struct siptrunk *t = le->data;

		if (!t->gone && !strcmp(t->conf->name, name))
			return t;
	}

	return s && name ? line_find(s, name) : NULL;
}

const struct config_trunk *sipstack_conf(const struct sipstack *s,
					 const char *name)
{
	struct le *le;

	LIST_FOREACH (&s->trunks, le) {
		const struct siptrunk *t = le->data;

		if (!strcmp(t->conf->name, name))
			return t->conf;
	}

	return siptrunk_conf(line_find(s, name));
}

const char *sipstack_agent(const struct sipstack *s)
{
	return s ? s->agent : "";
}

const char *sipstack_allow(const struct sipstack *s)
{
	return s ? s->allow : "";
}

const char *sipstack_supported(const struct sipstack *s)
{
	return s ? s->supported : "";
}

void sipstack_drain(struct sipstack *s, unsigned retry_after)
{
	s->retry_after = retry_after;
}
