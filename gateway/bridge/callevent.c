/* callevent.c: what the media of a call tells. */
#include <errno.h>
#include <string.h>
#include "base/log.h"
#include "bridge/callpriv.h"

static struct flow *flow_find(struct call *call, unsigned id, unsigned *branch,
			      unsigned *media)
{
	for (unsigned b = 0; b < LEG_BRANCH_MAX; b++) {
		for (unsigned m = 0; m < DESC_MEDIA_MAX; m++) {
			struct flow *f = &call->branch[b].flows[m];

			if (f->used && f->id == id) {
				*branch = b;
				*media = m;
				return f;
			}
		}
	}

	return NULL;
}

static int flow_keep(struct flow *f, const struct transport *t)
{
	struct transport *own;
	struct desc *box;
	int err;

	err = desc_alloc(&box);
	if (err)
		return err;

	own = desc_mem(box, sizeof(*own));
	err = own ? desc_transport_copy(box, own, t) : ENOMEM;
	if (err) {
		desc_free(box);
		return err;
	}

	desc_free(f->box);
	f->box = box;
	f->t = own;
	f->local = true;

	return 0;
}

/* A candidate that came late (STUN, TURN) also belongs to what is said
 * later: the session may not have begun yet. */
static int flow_add(struct flow *f, const struct transport *t)
{
	int err = 0;

	for (const struct candidate *c = t->candidates; c && !err;
	     c = c->next) {
		struct candidate copy = *c;

		copy.next = NULL;
		err = desc_candidate_add(f->box, f->t, &copy);
	}

	return err;
}

static void handle_local(struct call *call, const struct media_event *ev)
{
	unsigned b, m;
	struct flow *f = flow_find(call, ev->flow, &b, &m);
	bool first;

	if (!f)
		return;

	first = !f->local;
	if (first || ev->restart ? flow_keep(f, ev->transport)
				 : flow_add(f, ev->transport)) {
		call_fail(call, REASON_GENERAL_ERROR, "out of memory");
		return;
	}

	if (first) {
		if (callmedia_branch_ready(&call->branch[b]))
			call_local_ready(call, b);
	} else if (call->x) {
		(void)call->x->ops->transport(call->x, b, m, ev->transport);
	}
}

static void handle_stats(struct call *call, const struct media_event *ev)
{
	struct media_stat *v;

	v = mem_alloc(ev->statc * sizeof(*v) + 1, NULL);
	if (!v)
		return;

	memcpy(v, ev->stats, ev->statc * sizeof(*v));
	mem_deref(call->stats);
	call->stats = v;
	call->statc = ev->statc;
}

/* Is it the flow that the call lives on, not one of a second device or of a
 * content that is kept inactive? */
static bool carries_audio(const struct call *call, unsigned media)
{
	int xi = join_audio(call->x_remote);

	return xi < 0 ? media == 0
		      : media == desc_group_first(call->x_remote, xi);
}

static bool is_main(struct call *call, unsigned flow)
{
	unsigned b, m;

	return flow_find(call, flow, &b, &m) && b == call->winner &&
	       carries_audio(call, m);
}

/* E.5: a device that is off was lost, and not its path. */
static bool is_off(const struct call *call)
{
	return call->x && call->x->ops->away && call->x->ops->away(call->x);
}

static void handle_failed(struct call *call, const struct media_event *ev)
{
	enum reason reason = REASON_FAILED_TRANSPORT;
	struct ending why;

	if (ev->flow != call->s_flow) {
		if (!is_main(call, ev->flow)) {
			log_info("call %s: flow %u lost: %s\n", call->name,
				 ev->flow, ev->why ? ev->why : "");
			return;
		}
		if (ev->connectivity)
			reason = REASON_CONNECTIVITY_ERROR;
	}

	if (ev->security)
		reason = REASON_SECURITY_ERROR;
	if (ev->flow != call->s_flow)
		++*(ev->connectivity ? &call_counts.ice_failed
				     : &call_counts.dtls_failed);

	ending_set(&why, reason, 0, ev->why ? ev->why : "media failed");
	why.away = reason == REASON_CONNECTIVITY_ERROR && is_off(call);
	call_close(call, NULL, &why);
}

/* A digit in RTP that is not relayed as one. */
static void handle_dtmf(struct call *call, const struct media_event *ev)
{
	int err = ENOTSUP;

	if (ev->from_x && call->s && call->state == CALL_ACTIVE)
		err = call->s->ops->dtmf(call->s, ev->digit, ev->ms);
	++call_counts.digits[ev->from_x];
	log_info("call %s: digit from %s%s\n", call->name,
		 ev->from_x ? "xmpp" : "sip",
		 err ? ": dropped, the other side takes none" : " by INFO");
}

static bool on_hold(const struct call *call)
{
	return call->x_dir != DESC_SENDRECV || call->s_dir != DESC_SENDRECV;
}

void callevent_handler(const struct media_event *ev, void *arg)
{
	struct call *call = mem_ref(arg);

	calltrace_media(call, ev);
	switch (ev->type) {
	case MEDIA_LOCAL:
		handle_local(call, ev);
		break;
	case MEDIA_CONNECTED:
		log_info("call %s: media up on flow %u (%s)\n", call->name,
			 ev->flow,
			 ev->flow == call->s_flow ? "sip"
			 : ev->relay		  ? "xmpp, by relay"
						  : "xmpp");
		break;
	case MEDIA_SUSPENDED:
		if (is_main(call, ev->flow)) {
			++call_counts.suspended;
			call_suspended(call);
		}
		break;
	case MEDIA_RESUMED:
		if (is_main(call, ev->flow))
			call_resumed(call);
		break;
	case MEDIA_FAILED:
		handle_failed(call, ev);
		break;
	case MEDIA_EVENT_DTMF:
		handle_dtmf(call, ev);
		break;
	case MEDIA_SILENT:
		if (!on_hold(call)) {
			++call_counts.one_way[ev->flow != call->s_flow];
			log_warning("call %s: no sound one way: %s\n",
				    call->name, ev->why);
		}
		break;
	case MEDIA_TIMEOUT:
		if (!on_hold(call)) {
			++call_counts.rtp_timeouts;
			call_fail(call, REASON_MEDIA_ERROR,
				  "nothing received from the phone");
		}
		break;
	case MEDIA_STATS:
		handle_stats(call, ev);
		break;
	case MEDIA_NOTE: /* for the trace */
	case MEDIA_PACKET:
	case MEDIA_FINAL: /* comes when the call is gone */
		break;
	}

	mem_deref(call);
}
