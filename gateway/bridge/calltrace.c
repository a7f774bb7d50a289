/* calltrace.c: calls in the trace: under which keys, and the lines between the
 * messages. */
#include <errno.h>
#include <string.h>
#include "base/trace.h"
#include "bridge/callpriv.h"
#include "media/rtcpjson.h"

enum { PAST_MAX = 1024 }; /* ended calls whose messages can be asked for */

_Static_assert(sizeof(((struct call_keys *)NULL)->ids[0]) > TRACE_KEY_MAX,
	       "a long Call-ID is not found");

static struct call_keys past[PAST_MAX];
static unsigned pastc; /* of all time */

static void keys_copy(struct call_keys *k, const struct call *call)
{
	memset(k, 0, sizeof(*k));
	str_ncpy(k->name, call->name, sizeof(k->name));
	str_ncpy(k->ids[CALL_KEY_X], call->x ? call->x->id : "",
		 sizeof(k->ids[0]));
	str_ncpy(k->ids[CALL_KEY_S], call->s ? call->s->id : "",
		 sizeof(k->ids[0]));
	str_ncpy(k->ids[CALL_KEY_BEFORE], call->before, sizeof(k->ids[0]));
	k->begun = call->begun;
}

void calltrace_remember(const struct call *call)
{
	keys_copy(&past[pastc++ % PAST_MAX], call);
}

/* The newest first; NULL when there is no more. */
static const struct call_keys *past_at(unsigned i)
{
	if (i >= PAST_MAX || i >= pastc)
		return NULL;

	return &past[(pastc - 1 - i) % PAST_MAX];
}

int calls_keys(const char *name, struct call_keys *k)
{
	const struct call *call = calls_find(name);
	const struct call_keys *p;

	if (call) {
		keys_copy(k, call);
		return 0;
	}

	for (unsigned i = 0; (p = past_at(i)); i++) {
		if (!strcmp(p->name, name)) {
			*k = *p;
			return 0;
		}
	}

	return ENOENT;
}

static bool has_key(const struct call_keys *k, const char *id)
{
	if (!strcmp(k->name, id))
		return true;
	for (unsigned i = 0; i < CALL_KEYS_MAX; i++) {
		if (!strcmp(k->ids[i], id))
			return true;
	}

	return false;
}

struct search {
	const char *id;
	struct call_keys *k;
};

static bool look(const struct call *call, void *arg)
{
	const struct search *s = arg;

	if (strcmp(call->name, s->id) != 0 &&
	    (!call->x || strcmp(call->x->id, s->id) != 0) &&
	    (!call->s || strcmp(call->s->id, s->id) != 0) &&
	    strcmp(call->before, s->id) != 0)
		return false;
	keys_copy(s->k, call);

	return true;
}

int calls_keys_of(const char *id, struct call_keys *k)
{
	struct search s = {id, k};
	const struct call_keys *p;

	if (!id[0])
		return ENOENT;
	if (calls_each(look, &s))
		return 0;

	for (unsigned i = 0; (p = past_at(i)); i++) {
		if (has_key(p, id)) {
			*k = *p;
			return 0;
		}
	}

	return ENOENT;
}

static const char *side(const struct call *call, const struct media_event *ev)
{
	return ev->flow == call->s_flow ? "SIP" : "XMPP";
}

int calls_tap(const char *name, unsigned ms, call_packet_h *h, void *arg)
{
	struct call *call = calls_find(name);
	int err;

	if (!call || !call->media)
		return ENOENT;
	if (h && call->tap)
		return EBUSY;
	if (!h && call->tap_arg != arg)
		return ENOENT; /* another's */

	err = media_tap(call->media, h ? ms : 0);
	if (h && err)
		return err; /* who asked is told no more */

	call->tap = h;
	call->tap_arg = h ? arg : NULL;

	return err;
}

void calltrace_end(struct call *call)
{
	call_packet_h *h = call->tap;

	call->tap = NULL;
	if (h)
		h(NULL, call->tap_arg);
}

static void sa_of(struct sa *sa, const struct sockaddr_storage *ss)
{
	if (sa_set_sa(sa, (const struct sockaddr *)ss))
		sa_init(sa, AF_UNSPEC);
}

static void trace_report(const struct call *call, const struct media_packet *p)
{
	char text[RTCPJSON_MAX];
	struct sa local, remote;
	struct trace_message m = {
	    .kind = TRACE_RTCP,
	    .way = TRACE_UDP,
	    .tx = p->tx,
	    .local = &local,
	    .remote = &remote,
	    .text = text,
	};

	m.len = rtcpjson_encode(text, p->p, p->len);
	if (!m.len)
		return;
	sa_of(&local, &p->local);
	sa_of(&remote, &p->remote);
	pl_set_str(&m.key, call->name);
	trace_message(&m);
}

static void on_packet(const struct call *call, const struct media_event *ev)
{
	if (ev->packet->rtcp)
		trace_report(call, ev->packet);
	if (call->tap && ev->flow == call->s_flow)
		call->tap(ev->packet, call->tap_arg);
}

void calltrace_media(const struct call *call, const struct media_event *ev)
{
	const char *why = ev->why ? ev->why : "", *s = side(call, ev);

	switch (ev->type) {
	case MEDIA_PACKET:
		on_packet(call, ev);
		break;
	case MEDIA_NOTE:
		trace_note(call->name, "%s: %s", s, why);
		break;
	case MEDIA_CONNECTED:
		trace_note(call->name, "%s: media up%s", s,
			   ev->relay ? ", by relay" : "");
		break;
	case MEDIA_SUSPENDED:
		trace_note(call->name, "%s: consent lost, media stopped", s);
		break;
	case MEDIA_RESUMED:
		trace_note(call->name, "%s: media again", s);
		break;
	case MEDIA_FAILED:
		trace_note(call->name, "%s: media failed: %s", s, why);
		break;
	case MEDIA_SILENT:
		trace_note(call->name, "%s: silence: %s", s, why);
		break;
	case MEDIA_TIMEOUT:
		trace_note(call->name, "%s: no packet for too long", s);
		break;
	case MEDIA_EVENT_DTMF: /* which digit it was is nobody's business */
		trace_note(call->name, "a digit in RTP from %s",
			   ev->from_x ? "XMPP" : "SIP");
		break;
	default:
		break;
	}
}
