/* timer4028.c: session timers (RFC 4028), either side as refresher. */
#include "sip/invite_priv.h"

/* Session-Expires and Min-SE of a request of ours. */
int invite_timer_print(struct re_printf *pf, const struct invite *inv)
{
	/* RFC 4028 7.4: a refresh keeps who refreshes */
	bool we = inv->refresher || inv->state == INVITE_CALLING;

	return re_hprintf(pf,
			  "Session-Expires: %u;refresher=%s\r\n"
			  "Min-SE: %u\r\n",
			  inv->se, we ? "uac" : "uas", inv->min_se);
}

int invite_timer_answer_print(struct re_printf *pf,
			      const struct timer_answer *ta)
{
	if (!ta->se)
		return 0;

	/* RFC 4028 9: Require where the peer is to refresh */
	return re_hprintf(pf, "%sSession-Expires: %u;refresher=%s\r\n",
			  ta->require ? "Require: timer\r\n" : "", ta->se,
			  ta->uac ? "uac" : "uas");
}

/* delta-seconds of a header; 0: absent. refresher: parameter. */
static unsigned expires_get(const struct sip_msg *msg, enum sip_hdrid id,
			    struct pl *refresher)
{
	const struct sip_hdr *hdr = sip_msg_hdr(msg, id);
	struct pl num, params;

	if (refresher)
		*refresher = pl_null;
	if (!hdr ||
	    re_regex(hdr->val.p, hdr->val.l, "[0-9]+[^]*", &num, &params))
		return 0;
	if (refresher)
		(void)msg_param_decode(&params, "refresher", refresher);

	return num.l > 6 ? SESSION_MAX : MIN(pl_u32(&num), SESSION_MAX);
}

static void expire_timeout(void *arg)
{
	invite_fail(arg, 408, REASON_EXPIRED, "session timer expired");
}

static void refresh_timeout(void *arg)
{
	struct invite *inv = arg;
	unsigned grace = MIN(32, inv->se / 3);

	/* RFC 4028 10: BYE when nobody refreshed until then */
	tmr_start(&inv->tmr_se,
		  (uint64_t)(inv->se - inv->se / 2 - grace) *
		      inv->all->times.second,
		  expire_timeout, inv);

	/* what is open either way refreshes as well */
	if (inv->change.open || inv->in.st || inv->state != INVITE_ACTIVE)
		return;

	inv->change.refresh = true;
	inv->change.tries = 0;
	(void)invite_change_send(inv);
}

static void timer_arm(struct invite *inv)
{
	uint64_t second = inv->all->times.second;
	unsigned grace = MIN(32, inv->se / 3);

	if (inv->refresher)
		tmr_start(&inv->tmr_se, inv->se / 2 * second, refresh_timeout,
			  inv);
	else
		tmr_start(&inv->tmr_se, (inv->se - grace) * second,
			  expire_timeout, inv);
}

void invite_timer_stop(struct invite *inv)
{
	tmr_cancel(&inv->tmr_se);
}

unsigned invite_timer_request(const struct invite *inv,
			      const struct sip_msg *msg)
{
	unsigned se;

	if (!sip_msg_hdr(msg, SIP_HDR_SESSION_EXPIRES))
		return 0;

	se = expires_get(msg, SIP_HDR_SESSION_EXPIRES, NULL);

	return se < inv->min_se ? 422 : 0;
}

/* RFC 4028 9, table 2: their wish counts; without one who can refresh does,
 * and where the request had no timer at all, we do. */
void invite_timer_answer(struct invite *inv, struct timer_answer *ta,
			 const struct sip_msg *msg)
{
	bool knows = sip_msg_hdr_has_value(msg, SIP_HDR_SUPPORTED, "timer");
	unsigned se, min_se;
	struct pl who;

	ta->se = 0;
	ta->uac = ta->require = false;
	if (inv->state == INVITE_CALLING ||
	    (inv->state == INVITE_INCOMING && pl_strcmp(&msg->met, "INVITE")))
		return; /* there is no session yet */

	se = expires_get(msg, SIP_HDR_SESSION_EXPIRES, &who);
	min_se = expires_get(msg, SIP_HDR_MIN_SE, NULL);

	if (!se && !knows) {
		invite_timer_stop(inv);
		return;
	}
	if (!se) {
		inv->se = MAX(SESSION_EXPIRES, min_se);
		inv->refresher = true;
	} else {
		inv->se = se;
		inv->refresher =
		    !knows || (who.p && !pl_strcasecmp(&who, "uas"));
	}

	ta->se = inv->se;
	ta->uac = !inv->refresher;
	ta->require = ta->uac;
	timer_arm(inv);
}

void invite_timer_response(struct invite *inv, const struct sip_msg *msg)
{
	struct pl who;
	unsigned se = expires_get(msg, SIP_HDR_SESSION_EXPIRES, &who);

	if (se < MIN_SE) { /* RFC 4028 7.2: absent means no timer */
		invite_timer_stop(inv);
		return;
	}

	inv->se = se;
	inv->refresher = !who.p || pl_strcasecmp(&who, "uas");
	timer_arm(inv);
}

bool invite_timer_raise(struct invite *inv, const struct sip_msg *msg)
{
	unsigned min_se = expires_get(msg, SIP_HDR_MIN_SE, NULL);

	if (min_se <= inv->min_se || min_se >= SESSION_MAX)
		return false;

	inv->min_se = min_se;
	inv->se = MAX(inv->se, min_se);

	return true;
}
