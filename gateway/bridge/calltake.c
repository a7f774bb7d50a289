/* calltake.c: a device that is lost, and another at which its user goes on with
 * the call (XEP-0353 4.2; protocol E.4, D30). */
#include <errno.h>
#include <string.h>
#include "base/log.h"
#include "bridge/callpriv.h"

enum { RESTART_DELAY = 3 * 1000 }; /* ms; design.md section 5, consent */

void call_restart_ice(struct call *call)
{
	for (unsigned i = 0; i < DESC_MEDIA_MAX; i++) {
		const struct flow *f = &call->branch[call->winner].flows[i];

		if (f->used)
			(void)media_restart(call->media, f->id);
	}
}

static void restart(void *arg)
{
	call_restart_ice(arg);
}

void call_suspended(struct call *call)
{
	call->suspended = true;
	log_warning("call %s: %s is silent to ICE checks, media stopped: "
		    "waiting for it to come back\n",
		    call->name, call->xp.jid);
	if (!call->from_xmpp)
		tmr_start(&call->restart, RESTART_DELAY, restart, call);
}

void call_resumed(struct call *call)
{
	call->suspended = false;
	tmr_cancel(&call->restart);
	log_info("call %s: %s is back\n", call->name, call->xp.jid);
}

/* Only where the device before is lost: nobody takes a call away from a device
 * that still speaks. */
static bool may_take(const struct call *call)
{
	return call && call->state == CALL_ACTIVE && call->suspended &&
	       !call->updating && !call->queuec;
}

/* One flow towards X in place of all that there are. */
static int flow_again(struct call *call)
{
	struct flow next = {.used = true};
	int err;

	/* First, so that its number is none that old events may name. */
	err = media_flow_ice(call->media, &next.id, false);
	if (err)
		return err;

	callmedia_end_branches(call, LEG_BRANCH_MAX);
	call->winner = 0;
	call->branch[0].flows[0] = next;

	return 0;
}

static void desc_drop(struct desc **dp)
{
	desc_free(*dp);
	*dp = NULL;
}

/* X offers anew, as if S had answered just now. */
static void replace(struct call *call, struct leg *leg, const char *sid)
{
	struct ending over;

	ending_set(&over, REASON_EXPIRED, 0, "goes on at another device");
	over.migrated = sid;
	if (call->x)
		str_ncpy(call->before, call->x->id, sizeof(call->before));
	call_leg_end(call, &call->x, &over);
	call->x = mem_ref(leg);
	leg->call = call;

	desc_drop(&call->x_local);
	desc_drop(&call->x_remote);
	call->x_agreed_local = false;
	call->from_xmpp = call->jmi = call->taken = true;
	call->late = call->reinvited = call->suspended = false;
	call->x_muted = false;
	tmr_cancel(&call->restart);
}

int call_take(const struct call_request *rq, struct ending *why)
{
	struct call *call = rq->old->call;
	int err;

	if (!may_take(call)) {
		ending_set(why, REASON_BUSY, 0, "");
		return EBUSY;
	}

	err = flow_again(call);
	if (err) {
		ending_set(why, REASON_GENERAL_ERROR, 503,
			   "no port or descriptor is left");
		return err;
	}

	++call_counts.migrated;
	log_info("call %s: %s goes on at another device\n", call->name,
		 call->xp.jid);
	mem_ref(call);
	replace(call, rq->leg, rq->sid);
	call_enter(call, CALL_PROCEEDING);
	(void)callmedia_stream(call);
	err = call->x->ops->proceed(call->x);
	if (err) {
		call_leg_drop(&call->x);
		ending_set(why, REASON_GENERAL_ERROR, 0, "");
		call_fail_err(call, err);
	}
	mem_deref(call);

	return err;
}
