/* pending.c: a request of a client that is answered later. */
#include "xmpp/pending.h"
#include <errno.h>

struct pending {
	struct component *c; /* referenced */
	struct stanza *iq;
	bool answered;
};

static void destructor(void *arg)
{
	struct pending *p = arg;

	/* RFC 6120 8.2.3: there is always an answer */
	if (!p->answered && p->iq)
		pending_error(p, COND_INTERNAL_SERVER_ERROR, NULL, NULL, NULL);
	stanza_free(p->iq);
	mem_deref(p->c);
}

int pending_alloc(struct pending **pp, struct component *c,
		  const struct stanza *iq)
{
	struct pending *p = mem_zalloc(sizeof(*p), destructor);

	if (!p)
		return ENOMEM;

	p->c = mem_ref(c);
	p->iq = stanza_copy(NULL, iq);
	if (!p->iq || !stanza_ok(p->iq)) {
		mem_deref(p);
		return ENOMEM;
	}

	*pp = p;
	return 0;
}

const struct stanza *pending_iq(const struct pending *p)
{
	return p->iq;
}

void pending_reply(struct pending *p, struct stanza *answer)
{
	if (p->answered) {
		stanza_free(answer);
		return;
	}

	p->answered = true;
	component_reply(p->c, answer);
}

void pending_error(struct pending *p, enum stanza_cond cond, const char *app,
		   const char *app_ns, const char *text)
{
	pending_reply(p, stanza_error(p->iq, cond, app, app_ns, text));
}
