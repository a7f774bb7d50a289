/* event.c: what a worker tells the signalling thread. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/log.h"
#include "media/engine.h"

static void copy_text(char *dst, size_t size, const char *src)
{
	size_t n = src ? strnlen(src, size - 1) : 0;

	if (n)
		memcpy(dst, src, n);
	dst[n] = '\0';
}

static void copy_transport(struct event *e, const struct transport *t)
{
	const struct candidate *c;
	unsigned i = 0;

	e->transport = *t;
	copy_text(e->ufrag, sizeof(e->ufrag), t->ufrag);
	copy_text(e->pwd, sizeof(e->pwd), t->pwd);
	e->transport.ufrag = e->ufrag;
	e->transport.pwd = e->pwd;
	for (c = t->candidates; c && i < t->candidatec; c = c->next, i++) {
		e->candidates[i] = *c;
		e->candidates[i].next = NULL;
		if (i)
			e->candidates[i - 1].next = &e->candidates[i];
	}
	e->transport.candidates = i ? e->candidates : NULL;
	e->transport.candidatec = i;
	e->ev.transport = &e->transport;
}

void relay_event(struct relay *r, const struct media_event *ev)
{
	size_t candc = ev->transport ? ev->transport->candidatec : 0;
	struct event *e;

	if (r->gone)
		return;
	e = calloc(1, sizeof(*e) + candc * sizeof(struct candidate) +
			  ev->statc * sizeof(struct media_stat));
	if (!e) {
		log_error("call %s: no memory to tell of an event\n", r->name);
		return;
	}
	e->id = r->id;
	e->ev = *ev;
	e->candidates = (struct candidate *)(e + 1);
	e->stats = (struct media_stat *)(e->candidates + candc);
	if (ev->transport)
		copy_transport(e, ev->transport);
	copy_text(e->why, sizeof(e->why), ev->why);
	e->ev.why = e->why;
	if (ev->statc) {
		memcpy(e->stats, ev->stats, ev->statc * sizeof(*ev->stats));
		e->ev.stats = e->stats;
	}
	worker_told(r->w, engine_post(r->w->engine, e));
}

void flow_note(struct flow *f, const char *fmt, ...)
{
	struct media_event ev = {.type = MEDIA_NOTE, .flow = f->index};
	char text[200];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	ev.why = text;
	relay_event(f->relay, &ev);
}

void flow_say(struct flow *f, const char *fmt, ...)
{
	char text[200];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	log_info("call %s: flow %u: %s\n", f->relay->name, f->index, text);
	flow_note(f, "%s", text);
}
