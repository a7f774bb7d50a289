/* jingle_leg.c: the Jingle leg, driven by the golden conversations of
 * tests/data/jingle_*.txt against a component, a service, a call and a clock
 * that are scripted.
 *
 * Lines of a conversation: "< XML" comes in, "! WORDS" is what the call or the
 * world does, "> XML" must go out and "= WORDS" must be told to the call, in
 * this order.  $SID is the session id that the leg drew. */
#include <errno.h>
#include <glob.h>
#include <malloc.h>
#include <stdio.h>

#include "jingle/session.h"
#include "jinglehelp.h"
#include "suite.h"

/* ---- a clock ---- */

static uint64_t now;
static struct list timers;

uint64_t tmr_jiffies(void)
{
	return now;
}

void tmr_init(struct tmr *tmr)
{
	memset(tmr, 0, sizeof(*tmr));
}

void tmr_cancel(struct tmr *tmr)
{
	if (tmr->th)
		list_unlink(&tmr->le);
	tmr->th = NULL;
}

void tmr_start(struct tmr *tmr, uint64_t delay, tmr_h *th, void *arg)
{
	tmr_cancel(tmr);
	if (!th)
		return;
	tmr->th = th;
	tmr->arg = arg;
	tmr->jfs = now + delay;
	list_append(&timers, &tmr->le, tmr);
}

static struct tmr *next_timer(uint64_t until)
{
	struct tmr *first = NULL;
	struct le *le;

	LIST_FOREACH (&timers, le) {
		struct tmr *t = le->data;

		if (t->jfs <= until && (!first || t->jfs < first->jfs))
			first = t;
	}

	return first;
}

static void wait_ms(uint64_t ms)
{
	uint64_t until = now + ms;
	struct tmr *t;

	while ((t = next_timer(until)) != NULL) {
		tmr_h *th = t->th;
		void *arg = t->arg;

		now = t->jfs;
		tmr_cancel(t);
		th(arg);
	}
	now = until;
}

/* ---- what the leg sees ---- */

struct component {
	bool up;
};

struct service {
	int unused;
};

struct component_iq {
	char id[16];
	struct component_iq **qp;
	component_iq_h *h;
	void *arg;
	struct le le;
};

static struct component *comp;
static struct service *serv;
static component_stanza_h *iq_h, *message_h;
static component_state_h *state_h;
static void *handler_arg;
static struct list asked;
static unsigned iq_count;
static struct device devices[4];
static size_t devicec;
static char *out; /* lines that came out */
static char sid[80];
static struct leg *the_leg, *other_leg;
static unsigned refuse_with;
static bool may_take; /* the call goes to another device */

static void line_add(const char *mark, const char *text)
{
	char *was = out, *fixed = NULL;
	const char *p = *sid ? strstr(text, sid) : NULL;

	(void)re_sdprintf(&fixed, "%s", "");
	while (p) {
		char *more = NULL;

		(void)re_sdprintf(&more, "%s%b$SID", fixed, text,
				  (size_t)(p - text));
		mem_deref(fixed);
		fixed = more;
		text = p + strlen(sid);
		p = strstr(text, sid);
	}

	ck_assert(!re_sdprintf(&out, "%s%s %s%s\n", was ? was : "", mark,
			       fixed, text));
	mem_deref(was);
	mem_deref(fixed);
}

static void stanza_out(const struct stanza *st)
{
	char *text = NULL;

	ck_assert(stanza_ok(st));
	ck_assert(!re_sdprintf(&text, "%H", stanza_print, st));
	line_add(">", text);
	mem_deref(text);
}

const char *component_domain(const struct component *c)
{
	(void)c;
	return "gw.test";
}

bool component_up(const struct component *c)
{
	return c->up;
}

int component_listen(struct component *c, enum component_kind kind,
		     const char *ns, component_stanza_h *h, void *arg)
{
	(void)c;
	(void)ns;
	if (kind == COMPONENT_IQ_SET)
		iq_h = h;
	else
		message_h = h;
	handler_arg = arg;
	return 0;
}

int component_listen_state(struct component *c, component_state_h *h,
			   void *arg)
{
	(void)c;
	(void)arg;
	state_h = h;
	return 0;
}

int component_send(struct component *c, const struct stanza *st,
		   enum component_priority prio)
{
	ck_assert_int_eq(prio, COMPONENT_NEVER_SHED);
	if (!c->up)
		return ENOTCONN;
	stanza_out(st);
	return 0;
}

void component_reply(struct component *c, struct stanza *st)
{
	(void)c;
	stanza_out(st);
	stanza_free(st);
}

static void iq_destroy(void *arg)
{
	struct component_iq *q = arg;

	list_unlink(&q->le);
}

int component_iq_send(struct component_iq **qp, struct component *c,
		      struct stanza *iq, component_iq_h *h, void *arg)
{
	struct component_iq *q;

	if (!c->up)
		return ENOTCONN;

	q = mem_zalloc(sizeof(*q), iq_destroy);
	ck_assert_ptr_nonnull(q);
	snprintf(q->id, sizeof(q->id), "i%u", ++iq_count);
	stanza_attr_set(iq, "id", q->id);
	stanza_out(iq);
	q->h = h;
	q->arg = arg;
	q->qp = qp;
	list_append(&asked, &q->le, q);
	if (qp)
		*qp = q;
	return 0;
}

static void iq_done(struct component_iq *q, int err, const struct stanza *st)
{
	component_iq_h *h = q->h;
	void *arg = q->arg;

	if (q->qp)
		*q->qp = NULL;
	mem_deref(q);
	h(err, st, arg);
}

static void iq_answered(const struct stanza *st, int err)
{
	const char *id = stanza_attr(st, "id");
	struct le *le;

	LIST_FOREACH (&asked, le) {
		struct component_iq *q = le->data;

		if (strcmp(q->id, id))
			continue;
		iq_done(q, err, st);
		return;
	}
}

static void iqs_end(int err)
{
	struct le *le;

	while ((le = list_head(&asked)) != NULL)
		iq_done(le->data, err, NULL);
}

size_t service_devices(const struct service *s, const char *bare,
		       struct device *v, size_t max)
{
	size_t i;

	(void)s;
	ck_assert_str_eq(bare, "alice@test");
	for (i = 0; i < devicec && i < max; i++)
		v[i] = devices[i];
	return i;
}

/* The full JID that is online, or "". */
static char online[64];

bool service_device_online(const struct service *s, const char *full)
{
	(void)s;

	return !strcmp(online, full);
}

void service_show(struct service *s, const char *contact, const char *user)
{
	(void)s;
	ck_assert_str_eq(contact, "bob@gw.test");
	line_add("=", "show");
	ck_assert_str_eq(user, "alice@test");
}

void service_hide(struct service *s, const char *contact, const char *user)
{
	(void)s;
	(void)contact;
	(void)user;
	line_add("=", "hide");
}

/* ---- what the leg tells ---- */

struct call {
	int unused;
};

static struct call the_call;

static const char *dir_name(enum desc_dir dir)
{
	static const char *const names[] = {"inactive", "sendonly", "recvonly",
					    "sendrecv"};

	return names[dir];
}

static void told(const char *what, const struct desc *d)
{
	char text[512];
	int n = snprintf(text, sizeof(text), "%s", what);
	unsigned i;

	for (i = 0; d && i < d->mediac; i++) {
		const struct desc_media *m = d->media[i];

		n += snprintf(text + n, sizeof(text) - (size_t)n,
			      " %s:%s:%s:%u%s", m->mid, m->media,
			      dir_name(m->dir), m->transport.candidatec,
			      m->rejected ? ":rejected" : "");
	}
	line_add("=", text);
}

static void told_ending(const char *what, const struct ending *end)
{
	char text[256];

	snprintf(text, sizeof(text), "%s %s %u %u%s %s", what,
		 end->reason ? reason_name(end->reason) : "none",
		 end->sip_code, end->q850, end->reject ? " reject" : "",
		 end->text);
	line_add("=", text);
}

/* As bridge/calltake.c does. */
static int taken(const struct call_request *rq, struct ending *why)
{
	struct ending over = {.reason = REASON_EXPIRED, .migrated = rq->sid};

	if (!may_take) {
		why->reason = REASON_BUSY;
		return EBUSY;
	}

	told("taken", NULL);
	ck_assert_ptr_eq(rq->old, the_leg);
	the_leg->ops->end(the_leg, &over);
	mem_deref(the_leg);
	the_leg = mem_ref(rq->leg);
	rq->leg->call = &the_call;

	return rq->leg->ops->proceed(rq->leg);
}

static bool no_time;

bool call_admits(const char *from, const char *to, struct ending *why)
{
	(void)from;
	(void)to;
	memset(why, 0, sizeof(*why));
	if (no_time) {
		why->sip_code = 503;
		why->retry_after = 7;
		why->full = true;
		str_ncpy(why->text, "too busy", sizeof(why->text));
	}

	return !no_time;
}

int call_incoming(const struct call_request *rq, struct ending *why)
{
	if (rq->old)
		return taken(rq, why);

	ck_assert(rq->verified);
	if (refuse_with) {
		why->sip_code = refuse_with;
		told("incoming refused", NULL);
		return EACCES;
	}

	told(rq->video ? "incoming video" : "incoming", rq->offer);
	the_leg = mem_ref(rq->leg);
	rq->leg->call = &the_call;
	return 0;
}

void call_ringing(struct leg *leg)
{
	ck_assert_ptr_eq(leg->call, &the_call);
	told("ringing", NULL);
}

void call_branch(struct leg *leg, unsigned branch)
{
	char text[32];

	(void)leg;
	snprintf(text, sizeof(text), "branch %u", branch);
	told(text, NULL);
}

void call_answered(struct leg *leg, unsigned branch, const struct desc *answer)
{
	char text[32];

	ck_assert_ptr_eq(leg->call, &the_call);
	snprintf(text, sizeof(text), "answered %u", branch);
	told(text, answer);
}

void call_refused(struct leg *leg, const struct ending *why)
{
	(void)leg;
	told_ending("refused", why);
}

void call_offered(struct leg *leg, const struct desc *offer)
{
	ck_assert_ptr_eq(leg->call, &the_call);
	told("offered", offer);
}

void call_transport(struct leg *leg, unsigned branch, unsigned media,
		    const struct transport *t)
{
	char text[96];

	ck_assert_ptr_eq(leg->call, &the_call);
	snprintf(text, sizeof(text), "transport %u %u %s %u", branch, media,
		 t->ufrag ? t->ufrag : "-", t->candidatec);
	told(text, NULL);
}

void call_muted(struct leg *leg, bool muted)
{
	(void)leg;
	told(muted ? "muted" : "unmuted", NULL);
}

void call_dtmf(struct leg *leg, char digit, unsigned ms)
{
	char text[32];

	(void)leg;
	snprintf(text, sizeof(text), "dtmf %c %u", digit, ms);
	told(text, NULL);
}

void call_ended(struct leg *leg, const struct ending *why)
{
	ck_assert_ptr_eq(leg->call, &the_call);
	told_ending("ended", why);
	if (leg == other_leg)
		other_leg = NULL;
	else
		the_leg = NULL;
	mem_deref(leg);
}

const char *call_name(const struct leg *leg)
{
	(void)leg;
	return "-";
}

/* ---- our side of the media ---- */

static void candidate_fill(struct candidate *c, const char *ip)
{
	memset(c, 0, sizeof(*c));
	snprintf(c->foundation, sizeof(c->foundation), "1");
	c->component = 1;
	c->priority = 2130706431;
	ck_assert(!desc_addr_decode(&c->addr, ip, strlen(ip)));
	c->addr.port = 4000;
}

static struct desc *ours(bool video, enum desc_dir dir)
{
	struct desc *d;
	struct desc_media *m;
	struct codec *c;
	struct candidate cand;
	unsigned i;

	ck_assert(!desc_alloc(&d));
	for (i = 0; i < 1u + video; i++) {
		ck_assert(!desc_media_add(&m, d, i ? DESC_VIDEO : DESC_AUDIO,
					  i ? "1" : "0"));
		m->dir = dir;
		ck_assert(!desc_codec_add(&c, d, m, i ? 96 : 8,
					  i ? "VP8" : "PCMA", i ? 90000 : 8000,
					  1));
		m->transport.ufrag = desc_str(d, "gwgw");
		m->transport.pwd = desc_str(d, "gwpwgwpwgwpwgwpwgwpwgw");
		m->transport.mux = true;
		m->transport.setup = DESC_SETUP_ACTPASS;
		m->transport.fingerprint.hash = HASH_SHA256;
		m->transport.fingerprint.len = 32;
		candidate_fill(&cand, "192.0.2.1");
		ck_assert(!desc_candidate_add(d, &m->transport, &cand));
	}
	return d;
}

/* ---- the script ---- */

static struct jingle *jingle;

static void leg_make(void)
{
	struct leg *leg;

	ck_assert(!jingleleg_alloc(&leg, jingle, &the_call, "bob@gw.test",
				   "Bob", "alice@test", 60));
	the_leg = leg;
	snprintf(sid, sizeof(sid), "%s", leg->id);
}

static void do_offer(bool video)
{
	struct desc *d = ours(video, DESC_SENDRECV);

	leg_make();
	ck_assert_int_eq(the_leg->ops->offer(the_leg, d), 0);
	ck_assert_int_eq(the_leg->ops->offer(the_leg, d), EPROTO);
	desc_free(d);
}

static void do_answer(bool video, enum desc_dir dir)
{
	struct desc *d = ours(video, dir);

	ck_assert_int_eq(the_leg->ops->answer(the_leg, d), 0);
	desc_free(d);
}

static void do_update(enum desc_dir dir)
{
	struct desc *d = ours(false, dir);

	ck_assert_int_eq(the_leg->ops->update(the_leg, d), 0);
	ck_assert_int_eq(the_leg->ops->update(the_leg, d), EBUSY);
	desc_free(d);
}

static void do_branch(unsigned n)
{
	struct desc *d = ours(false, DESC_SENDRECV);

	ck_assert_int_eq(the_leg->ops->branch(the_leg, n, d), 0);
	desc_free(d);
}

static void do_trickle(const char *ip, const char *ufrag)
{
	struct candidate c;
	struct transport t;

	memset(&t, 0, sizeof(t));
	candidate_fill(&c, ip);
	t.ufrag = ufrag;
	t.pwd = "gwpwgwpwgwpwgwpwgwpwgw";
	t.candidates = &c;
	t.candidatec = 1;
	ck_assert_int_eq(the_leg->ops->transport(the_leg, 0, 0, &t), 0);
}

static void do_end(const char *args)
{
	struct ending why;

	memset(&why, 0, sizeof(why));
	if (!strncmp(args, "sip ", 4))
		why.sip_code = (unsigned)strtoul(args + 4, NULL, 10);
	else
		why.reason = reason_find(args, strlen(args));
	the_leg->ops->end(the_leg, &why);
	the_leg = mem_deref(the_leg);
}

static void do_device(const char *args)
{
	static const char *const names[] = {"one", "two", "three", "four"};
	struct device *v = &devices[devicec];

	v->resource = names[devicec++];
	v->known = strstr(args, "known") != NULL;
	v->jmi = strstr(args, "jmi") != NULL;
	v->call = strstr(args, "call") != NULL;
}

static void do_link(bool up)
{
	comp->up = up;
	if (!up)
		iqs_end(ENOTCONN);
	state_h(comp, up, handler_arg);
}

static const struct {
	const char *word;
	enum desc_dir dir;
} dirs[] = {
    {"inactive", DESC_INACTIVE},
    {"sendonly", DESC_SENDONLY},
    {"recvonly", DESC_RECVONLY},
    {"sendrecv", DESC_SENDRECV},
};

static enum desc_dir dir_of(const char *word)
{
	size_t i;

	for (i = 0; i < 4; i++) {
		if (!strcmp(dirs[i].word, word))
			return dirs[i].dir;
	}
	return DESC_SENDRECV;
}

static bool is(const char *line, const char *word, const char **args)
{
	size_t n = strlen(word);

	if (strncmp(line, word, n) || (line[n] && line[n] != ' '))
		return false;
	*args = line + n + (line[n] == ' ');
	return true;
}

static void do_swap(void)
{
	struct leg *leg = the_leg;

	the_leg = other_leg;
	other_leg = leg;
}

static void act(const char *line)
{
	const char *a;

	if (is(line, "offer", &a))
		do_offer(!strcmp(a, "video"));
	else if (is(line, "sid", &a))
		snprintf(sid, sizeof(sid), "%s", a);
	else if (is(line, "ring", &a))
		ck_assert_int_eq(the_leg->ops->ring(the_leg), 0);
	else if (is(line, "proceed", &a))
		ck_assert_int_eq(the_leg->ops->proceed(the_leg),
				 strcmp(a, "already") ? 0 : EALREADY);
	else if (is(line, "answer", &a))
		do_answer(!strcmp(a, "video"), dir_of(a));
	else if (is(line, "refuse", &a))
		ck_assert_int_eq(the_leg->ops->refuse(the_leg, NULL), 0);
	else if (is(line, "update", &a))
		do_update(dir_of(a));
	else if (is(line, "branch", &a))
		do_branch((unsigned)strtoul(a, NULL, 10));
	else if (is(line, "trickle", &a))
		do_trickle(a, "gwgw");
	else if (is(line, "restart", &a))
		do_trickle(a, "new1");
	else if (is(line, "end", &a))
		do_end(a);
	else if (is(line, "wait", &a))
		wait_ms(strtoul(a, NULL, 10));
	else if (is(line, "device", &a))
		do_device(a);
	else if (is(line, "online", &a))
		str_ncpy(online, a, sizeof(online));
	else if (is(line, "away", &a))
		ck_assert_msg(the_leg->ops->away(the_leg) == !strcmp(a, "yes"),
			      "away is not %s", a);
	else if (is(line, "take", &a))
		may_take = true;
	else if (is(line, "refusing", &a))
		refuse_with = (unsigned)strtoul(a, NULL, 10);
	else if (is(line, "busy", &a))
		no_time = true;
	else if (is(line, "link", &a))
		do_link(!strcmp(a, "up"));
	else if (is(line, "swap", &a))
		do_swap();
	else if (is(line, "iq", &a))
		iqs_end(ETIMEDOUT);
	else
		ck_abort_msg("no such word: %s", line);
}

static char *with_sid(const char *line)
{
	const char *p;
	char *s = NULL;

	ck_assert(!re_sdprintf(&s, "%s", line));
	while ((p = strstr(s, "$SID")) != NULL) {
		char *more = NULL;

		ck_assert(!re_sdprintf(&more, "%b%s%s", s, (size_t)(p - s),
				       sid, p + 4));
		mem_deref(s);
		s = more;
	}
	return s;
}

static void come(const char *line)
{
	char *text = with_sid(line);
	struct stanza *st = help_parse(text, strlen(text));
	const char *type;

	ck_assert_msg(st != NULL, "not XML: %s", text);
	type = stanza_attr(st, "type");
	if (!strcmp(st->name, "message"))
		message_h(comp, st, handler_arg);
	else if (!strcmp(type, "set"))
		ck_assert(iq_h(comp, st, handler_arg));
	else
		iq_answered(st, strcmp(type, "error") ? 0 : EPROTO);

	stanza_free(st);
	mem_deref(text);
}

/* Compares what came out since the last input with the next lines. */
static void settle(const char *file, unsigned line, char *expected)
{
	ck_assert_msg(!strcmp(out ? out : "", expected),
		      "%s:%u: expected\n%sgot\n%s", file, line, expected,
		      out ? out : "");
	out = mem_deref(out);
	expected[0] = '\0';
}

static void converse(const char *file)
{
	static char line[8192], expected[32768];
	struct config_limits limits;
	unsigned n = 0;
	FILE *f = fopen(file, "r");

	ck_assert_msg(f != NULL, "%s", file);
	memset(&limits, 0, sizeof(limits));
	limits.half_open = 2;
	comp = mem_zalloc(sizeof(*comp), NULL);
	serv = mem_zalloc(sizeof(*serv), NULL);
	comp->up = true;
	ck_assert(!jingle_alloc(&jingle, comp, serv, &limits));

	while (fgets(line, sizeof(line), f)) {
		n++;
		line[strcspn(line, "\n")] = '\0';
		if (line[0] == '<' || line[0] == '!')
			settle(file, n, expected);
		if (line[0] == '<' && line[1] == ' ')
			come(line + 2);
		else if (line[0] == '!')
			act(line + 2);
		else if (line[0] == '>' || line[0] == '=')
			snprintf(expected + strlen(expected),
				 sizeof(expected) - strlen(expected), "%s\n",
				 line);
	}
	settle(file, n, expected);
	fclose(f);
}

static glob_t files;

START_TEST(test_conversation)
{
	converse(files.gl_pathv[_i]);
	/* every conversation ends its legs, so that nothing is left */
	ck_assert_msg(!the_leg, "the call still holds a leg");
	ck_assert_uint_eq(list_count(&jingle->legs), 0);
	ck_assert_uint_eq(jingle->unsettled, 0);
	ck_assert_uint_eq(jingle->tombc, list_count(&jingle->tombs));
	ck_assert_uint_eq(list_count(&timers), 0);

	jingle = mem_deref(jingle);
	ck_assert_uint_eq(mem_nrefs(comp), 1);
	mem_deref(comp);
	mem_deref(serv);
	iqs_end(ECANCELED);
}
END_TEST

static void restart(unsigned n)
{
	char line[640];

	snprintf(line, sizeof(line),
		 "<iq type='set' id='r' from='alice@test/phone' "
		 "to='bob@gw.test/sip'><jingle xmlns='urn:xmpp:jingle:1' "
		 "action='transport-info' sid='$SID'><content "
		 "creator='initiator' name='0'><transport "
		 "xmlns='urn:xmpp:jingle:transports:ice-udp:1' "
		 "ufrag='u%u' pwd='peerpwpeerpwpeerpwpeer'><candidate "
		 "component='1' foundation='1' generation='0' id='c' "
		 "ip='192.0.2.7' port='%u' priority='1' protocol='udp' "
		 "type='host'/></transport></content></jingle></iq>",
		 n, 1024 + n);
	come(line);
	out = mem_deref(out);
}

/* What a peer said before its last ICE restart is not kept. */
START_TEST(test_restarts)
{
	size_t before;

	converse("tests/data/restart_jingle.txt");
	for (unsigned n = 0; n < 10; n++)
		restart(n);
	before = mallinfo2().uordblks;
	for (unsigned n = 10; n < 3000; n++)
		restart(n);
	ck_assert_uint_lt(mallinfo2().uordblks, before + 100000);

	act("end success");
	jingle = mem_deref(jingle);
	out = mem_deref(out);
	mem_deref(comp);
	mem_deref(serv);
	iqs_end(ECANCELED);
}
END_TEST

/* What "stoxctl call" shows of a leg. */
START_TEST(test_state_names)
{
	static const char *const v[] = {
	    [JLEG_IDLE] = "idle",
	    [JLEG_PROPOSING] = "proposing",
	    [JLEG_CALLING] = "calling",
	    [JLEG_PROPOSED] = "proposed",
	    [JLEG_PROCEEDING] = "proceeding",
	    [JLEG_CALLED] = "called",
	    [JLEG_ACTIVE] = "active",
	    [JLEG_ENDED] = "ended",
	};

	for (unsigned i = 0; i < ARRAY_SIZE(v); i++)
		ck_assert_str_eq(jleg_state_name((enum jleg_state)i), v[i]);
}
END_TEST

/* ---- errors ---- */

/* What the other side says to an INVITE when this comes back. */
static unsigned code_of(const char *cond, bool full, const char *address,
			struct ending *end)
{
	struct stanza *st = stanza_new("iq", "jabber:component:accept");
	struct stanza *e = stanza_add(st, "error", NULL);
	struct reason_sip rs;

	(void)stanza_attr_set(st, "type", "error");
	(void)stanza_attr_set(st, "from", full ? "a@test/one" : "a@test");
	e = stanza_add(e, cond, "urn:ietf:params:xml:ns:xmpp-stanzas");
	if (address)
		(void)stanza_text_add(e, address);
	ck_assert(stanza_ok(st));
	jleg_error_ending(end, st);
	stanza_free(st);
	reason_to_sip(&rs, end, REASON_UAS);
	ck_assert_str_eq(end->text, cond);
	ck_assert(end->reason != REASON_NONE);

	return rs.code;
}

/* Protocol B.3, row by row. */
START_TEST(test_errors)
{
	FILE *f = fopen("tests/data/cond_to_sip.txt", "r");
	char line[256], cond[64], want[2][16];
	unsigned rows = 0;

	ck_assert_ptr_nonnull(f);
	while (fgets(line, sizeof(line), f)) {
		if (*line == '#')
			continue;
		ck_assert_int_eq(
		    sscanf(line, "%63s %15s %15s", cond, want[0], want[1]), 3);
		for (unsigned i = 0; i < 2; i++) {
			const char *slash = strchr(want[i], '/');
			const unsigned plain =
			    (unsigned)atoi(slash ? slash + 1 : want[i]);
			struct ending end;

			ck_assert_msg(code_of(cond, !i, NULL, &end) == plain,
				      "%s", line);
			ck_assert_str_eq(end.redirect, "");
			ck_assert_msg(code_of(cond, !i, "sip:b@test", &end) ==
					  plain,
				      "%s", line);
			ck_assert_msg(code_of(cond, !i, "xmpp:B@test?x",
					      &end) == (unsigned)atoi(want[i]),
				      "%s", line);
			ck_assert_str_eq(end.redirect, slash ? "b@test" : "");
		}
		++rows;
	}
	(void)fclose(f);
	ck_assert_uint_eq(rows, COND_MAX - 1);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("conversations");
	int failed;

	if (glob("tests/data/jingle_*.txt", 0, NULL, &files)) {
		fprintf(stderr, "no tests/data/jingle_*.txt\n");
		return 1;
	}

	tcase_add_loop_test(tc, test_conversation, 0, (int)files.gl_pathc);
	tcase_add_test(tc, test_restarts);
	tcase_add_test(tc, test_state_names);
	tcase_add_test(tc, test_errors);

	failed = suite_run("jingle leg", tc);
	globfree(&files);

	return failed;
}
