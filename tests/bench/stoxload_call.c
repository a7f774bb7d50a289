/* stoxload_call.c: what becomes of a call, and when the next one begins. */
#include <errno.h>
#include <openssl/rand.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "stoxload.h"

enum {
	LOOK = 50000,	     /* us between two looks at a set-up */
	PATIENCE = 30000000, /* us for a set-up */
	LINGER = 200000,     /* us for what is on its way */
	GOODBYE = 10000000,  /* us for an end */
	GIVE_UP = 2000000,   /* us from a failure until its slot is free */
	SOON = 5000000,	     /* us for a set-up, where capacity is sought */
	BRIEF = 1000000,     /* us that a further call lasts */
	AGAIN = 5000,	     /* us; no slot is free */
	TICK = 1000000,	     /* us of a rate */
};

static struct {
	struct node node;
	unsigned idle[LOAD_CALLS_MAX]; /* a ring: the longest idle is next */
	unsigned first, count;
	double next, rate; /* us; a second */
	bool churn;
} pace;

struct call *call_at(unsigned long index)
{
	return index < load.slots ? &load.calls[index] : NULL;
}

static void free_slot(const struct call *c)
{
	pace.idle[(pace.first + pace.count++) % load.slots] = c->index;
}

static void finish(struct call *c)
{
	load_undue(&c->timer);
	load_rtp_stop(&c->x);
	load_rtp_stop(&c->s);
	load_rtp_peers_clear(c);
	load_ice_close(c);
	phone_close(c);
	c->id[0] = c->jid[0] = '\0';
	c->state = CALL_IDLE;
	free_slot(c);
}

static void count_reason(const char *text)
{
	unsigned i;

	for (i = 0; i < load.causec; i++) {
		if (!strcmp(load.causes[i].text, text)) {
			load.causes[i].n++;
			return;
		}
	}
	if (load.causec < LOAD_REASONS) {
		(void)snprintf(load.causes[i].text, LOAD_NAME, "%s", text);
		load.causes[load.causec++].n = 1;
	}
}

void call_fail(struct call *c, const char *fmt, ...)
{
	char text[LOAD_NAME];
	size_t n;
	va_list ap;

	if (c->lost || c->state == CALL_IDLE)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	n = strcspn(text, "\r\n");
	text[n] = '\0';
	count_reason(text);
	load.failed++;
	if (c->state == CALL_SETUP)
		hist_add(&load.told, load_now() - c->began);
	c->lost = true;
	if (c->state == CALL_SETUP)
		load.setting_up--;
	else
		load.up--;
	load_rtp_stop(&c->x);
	load_rtp_stop(&c->s);
	if (c->jid[0] && !c->x_over)
		jingle_end(c);
	phone_end(c);
	c->state = CALL_ENDING;
	load_due(&c->timer, load_now() + GIVE_UP);
}

/* ---- the end ---- */

static void end(struct call *c)
{
	c->state = CALL_ENDING;
	load_due(&c->timer, load_now() + GOODBYE);
	if (load.opt.ng.sin_port)
		ng_end(c);
	else if (c->s2x)
		phone_end(c);
	else
		jingle_end(c);
}

void call_stop(struct call *c)
{
	if (c->state != CALL_UP)
		return;
	load_rtp_stop(&c->x);
	load_rtp_stop(&c->s);
	c->state = CALL_LINGER;
	load_due(&c->timer, load_now() + LINGER);
}

void call_over(struct call *c)
{
	if (c->state != CALL_ENDING || c->lost || !c->x_over || !c->s_over)
		return;
	load.ended++;
	load.up--;
	finish(c);
}

/* An echo came back, from one side or both. */
void call_probed(struct call *c)
{
	if (c->state != CALL_SETUP || !c->x_over || !c->s_over)
		return;
	load.setting_up--;
	load.answered++;
	load.ended++;
	finish(c);
}

/* ---- the beginning ---- */

static void up(struct call *c)
{
	uint64_t now = load_now();

	c->state = CALL_UP;
	load.setting_up--;
	load.up++;
	load.answered++;
	hist_add(&load.setup, now - c->began);
	load_undue(&c->timer);
	SSL_free(c->ssl);
	c->ssl = NULL;
	if (load.opt.on_hold) {
		load_rtp_stop(&c->x);
		load_rtp_stop(&c->s);
		jingle_hold(c);
	}
	if (c->index >= load.opt.calls)
		load_due(&c->timer, now + BRIEF);
	else if (load.opt.hold > 0)
		load_due(&c->timer, now + (uint64_t)(load.opt.hold * TICK));
}

void call_heard(struct call *c)
{
	if (c->state == CALL_SETUP && c->x.heard && c->s.heard)
		up(c);
}

void call_keyed(struct call *c)
{
	uint64_t now = load_now();

	if (c->state != CALL_SETUP || !c->crypt || !c->s.to.sin_port ||
	    (c->s2x && !c->answered && !load.opt.ng.sin_port))
		return;
	if (load.opt.media == LOAD_NONE) {
		up(c);
		return;
	}
	load_rtp_start(&c->s, now);
	load_rtp_start(&c->x, now);
}

static void timer_due(struct node *n)
{
	struct call *c =
	    (struct call *)(void *)((char *)n - offsetof(struct call, timer));
	unsigned patience = load.opt.capacity ? SOON : PATIENCE;
	uint64_t now = load_now();

	switch (c->state) {
	case CALL_SETUP:
		load_ice_turn(c);
		if (now > c->began + patience)
			call_fail(c, "not up in %u s", patience / TICK);
		else
			load_due(n, now + LOOK);
		break;
	case CALL_UP:
		call_stop(c);
		break;
	case CALL_LINGER:
		end(c);
		break;
	case CALL_ENDING:
		if (!c->lost)
			call_fail(c, "not ended in %d s", GOODBYE / TICK);
		else
			finish(c);
		break;
	default:
		break;
	}
}

static void reset_stream(struct stream *s, struct call *c, bool from_x)
{
	memset(s, 0, sizeof(*s));
	s->call = c;
	s->from_x = from_x;
	s->ssrc = (uint32_t)random() << 1 | from_x;
	if (from_x)
		s->pt = load.opt.media == LOAD_PCMU ? 0 : 111;
}

void call_start(struct call *c)
{
	uint64_t now = load_now();

	c->turn++;
	c->s2x = !load.opt.probe &&
		 (load.opt.direction == LOAD_S2X ||
		  (load.opt.direction == LOAD_BOTH && c->index % 2));
	reset_stream(&c->x, c, true);
	reset_stream(&c->s, c, false);
	c->controlling = !c->s2x;
	c->client = c->s2x;
	c->initiated = c->answered = c->x_over = c->s_over = false;
	c->lost = c->held = false;
	c->asked = 0;
	c->checks = 0;
	c->began = now;
	c->state = CALL_SETUP;
	load.attempted++;
	load.setting_up++;
	c->timer.h = timer_due;
	load_due(&c->timer, now + LOOK);
	(void)RAND_bytes(c->key[0], sizeof(c->key[0]));
	if (load_ice_open(c)) {
		call_fail(c, "no memory");
		return;
	}
	if (load.opt.ng.sin_port) {
		ng_call(c);
		return;
	}
	if (c->s2x || load.opt.probe) {
		c->asked = now;
		phone_call(c);
	}
	if (c->s2x)
		return;
	(void)snprintf(c->id, sizeof(c->id), "%08lx-%u-%u-%lx", random(),
		       c->index, c->turn, random());
	jingle_propose(c);
}

/* ---- one after the other ---- */

static void pace_due(struct node *n)
{
	uint64_t now = load_now();
	unsigned i;

	if (!pace.count ||
	    (load.opt.at_once && load.setting_up >= load.opt.at_once)) {
		pace.next = (double)(now + AGAIN);
	} else {
		i = pace.idle[pace.first];
		pace.first = (pace.first + 1) % load.slots;
		pace.count--;
		call_start(&load.calls[i]);
		pace.next += TICK / pace.rate;
	}
	/* Each slot once, unless calls end by themselves. */
	if (!pace.churn && load.opt.hold <= 0 && !pace.count)
		return;
	load_due(n, (uint64_t)pace.next);
}

void call_pace(void)
{
	pace.node.h = pace_due;
	pace.rate = load.opt.rate;
	pace.next = (double)load_now();
	load_due(&pace.node, (uint64_t)pace.next);
}

void call_churn(double rate)
{
	unsigned i;

	for (i = load.opt.calls; i < load.slots && !pace.churn; i++)
		free_slot(&load.calls[i]);
	pace.churn = true;
	call_pace();
	pace.rate = rate;
}

void call_unpace(void)
{
	load_undue(&pace.node);
}

int call_init(void)
{
	unsigned i;

	load.slots = load.opt.calls + (load.opt.capacity ? LOAD_FURTHER : 0);
	load.calls = calloc(load.slots, sizeof(*load.calls));
	if (!load.calls || load.slots > LOAD_CALLS_MAX)
		return ENOMEM;
	for (i = 0; i < load.slots; i++) {
		load.calls[i].index = i;
		if (i < load.opt.calls)
			free_slot(&load.calls[i]);
	}

	return 0;
}
