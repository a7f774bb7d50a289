/* invite_recv.c: messages to sessions, and the table that finds them. */
#include "sip/invite_priv.h"
#include "base/keyed.h"

static const struct invite_times default_times = {
    .t1 = SIP_T1,
    .t2 = SIP_T2,
    .give_up = 64 * SIP_T1,
    .silence = 2000,
    .deaf = 20 * 1000, /* clients wait for 30 s (E.2), Timer B for 32 */
    .second = 1000,
    .glare_min = 2100,
    .glare_max = 4000,
    .glare_other = 2000,
};

static bool invite_has_dialog(const struct invite *inv,
			      const struct sip_msg *msg)
{
	if (!inv->ltag || pl_strcmp(&msg->callid, inv->callid))
		return false;

	return !pl_strcmp(msg->req ? &msg->to.tag : &msg->from.tag, inv->ltag);
}

static bool find_handler(struct le *le, void *arg)
{
	return invite_has_dialog(le->data, arg);
}

static struct invite *invite_find(const struct invites *all,
				  const struct sip_msg *msg)
{
	return list_ledata(hash_lookup(all->ht, keyed_pl(&msg->callid),
				       find_handler, (void *)(uintptr_t)msg));
}

static bool response_handler(const struct sip_msg *msg, void *arg)
{
	struct invite *inv;
	bool taken;

	if (pl_strcmp(&msg->cseq.met, "INVITE") || msg->scode < 200 ||
	    msg->scode >= 300)
		return false;

	inv = invite_find(arg, msg);
	if (!inv)
		return false;

	mem_ref(inv);
	taken = invite_late_2xx(inv, msg);
	mem_deref(inv);

	return taken;
}

static void recv_bye(struct invite *inv, const struct sip_msg *msg)
{
	struct ending end;

	(void)sip_treply(NULL, inv->sip, msg, 200, "OK");
	invite_ending(&end, msg);
	if (end.reason == REASON_NONE && !end.sip_code && !end.q850)
		end.reason = REASON_SUCCESS; /* protocol E.5 */

	switch (inv->state) {
	case INVITE_CALLING: /* of an early dialog: RFC 3261 15 forbids it */
		break;

	case INVITE_INCOMING:
		/* RFC 3261 15.1.2: the INVITE still wants its answer */
		(void)invite_refuse_msg(inv, &inv->st, inv->msg, 487, NULL);
		/*@fallthrough@*/
	case INVITE_ACCEPTED:
	case INVITE_ACTIVE:
		invite_pending_refuse(inv);
		invite_enter(inv, INVITE_ENDED);
		invite_close(inv, &end);
		break;

	case INVITE_LEAVING: /* BYE crossing BYE: ours is answered by 481 */
	case INVITE_IDLE:
	case INVITE_CANCELLED:
	case INVITE_ENDED:
		break;
	}
}

static void recv_options(struct invite *inv, const struct sip_msg *msg)
{
	(void)sip_treplyf(NULL, NULL, inv->sip, msg, false, 200, "OK",
			  "%s%sAccept: application/sdp\r\n"
			  "Content-Length: 0\r\n\r\n",
			  sipstack_allow(inv->all->stack),
			  sipstack_supported(inv->all->stack));
}

static void recv_other(struct invite *inv, const struct sip_msg *msg)
{
	(void)invite_refuse_msg(inv, NULL, msg, 405, "%s",
				sipstack_allow(inv->all->stack));
}

/* RFC 3428 4: it says the same as one that is outside of the call. */
static void recv_message(struct invite *inv, const struct sip_msg *msg)
{
	if (!sipstack_take(inv->all->stack, inv->trunk, inv->sip, msg))
		recv_other(inv, msg);
}

static void recv_ack(struct invite *inv, const struct sip_msg *msg)
{
	invite_uas_ack(inv, msg);
}

static const struct {
	const char *met;
	void (*h)(struct invite *inv, const struct sip_msg *msg);
	bool unordered; /* ACK has the CSeq of its INVITE */
} methods[] = {
    {"ACK", recv_ack, true},
    {"BYE", recv_bye, false},
    {"INVITE", invite_update_recv, false},
    {"UPDATE", invite_update_recv, false},
    {"PRACK", invite_prack_recv, false},
    {"INFO", invite_info_recv, false},
    {"OPTIONS", recv_options, false},
    {"MESSAGE", recv_message, false},
};

/* The dialog that a request is inside of. */
static struct sipdlg *request_dialog(struct invite *inv,
				     const struct sip_msg *msg)
{
	if (inv->dlg && !pl_strcmp(&msg->from.tag, inv->dlg->rtag))
		return inv->dlg;

	return sipdlg_find(&inv->earlies, &msg->from.tag);
}

static bool request_is_late(const struct invite *inv)
{
	return inv->state == INVITE_ENDED || inv->state == INVITE_IDLE;
}

static void request_dispatch(struct invite *inv, struct sipdlg *dlg,
			     const struct sip_msg *msg)
{
	bool bye = !pl_strcmp(&msg->met, "BYE");
	size_t i;

	for (i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
		if (!pl_strcmp(&msg->met, methods[i].met))
			break;

	if (i == sizeof(methods) / sizeof(methods[0])) {
		recv_other(inv, msg);
		return;
	}
	if (!methods[i].unordered && sipdlg_order(dlg, msg)) {
		(void)invite_refuse_msg(inv, NULL, msg, 500,
					"Retry-After: %u\r\n",
					rand_u32() % 10);
		return;
	}
	if (dlg->bye && bye) {
		(void)sip_treply(NULL, inv->sip, msg, 200, "OK");
		return;
	}
	if ((inv->state == INVITE_LEAVING || inv->leave) && !bye &&
	    !methods[i].unordered) {
		(void)invite_refuse_msg(inv, NULL, msg, 481, NULL);
		return;
	}

	inv->peer = msg->src;
	methods[i].h(inv, msg);
}

static bool request_handler(const struct sip_msg *msg, void *arg)
{
	struct invite *inv;
	struct sipdlg *dlg;

	if (!pl_isset(&msg->to.tag))
		return false;

	inv = invite_find(arg, msg);
	if (!inv || request_is_late(inv))
		return false;
	dlg = request_dialog(inv, msg);
	if (!dlg)
		return false;

	mem_ref(inv);
	request_dispatch(inv, dlg, msg);
	mem_deref(inv);

	return true;
}

static void invites_destructor(void *arg)
{
	struct invites *all = arg;

	mem_deref(all->ht);
}

void invites_close(struct invites *all)
{
	struct le *le;

	if (!all)
		return;

	for (uint32_t i = 0; i < hash_bsize(all->ht); i++)
		while ((le = list_head(hash_list(all->ht, i))))
			invite_unlink(le->data);
}

int invites_alloc(struct invites **ip, struct sipstack *stack)
{
	struct invites *all;
	int err;

	if (!ip || !stack)
		return EINVAL;

	all = mem_zalloc(sizeof(*all), invites_destructor);
	if (!all)
		return ENOMEM;

	all->stack = stack;
	all->times = default_times;

	err = hash_alloc(&all->ht, INVITE_BUCKETS);
	if (err)
		goto out;
	err = sipstack_listen_dialog(stack, true, request_handler, all);
	if (err)
		goto out;
	err = sipstack_listen_dialog(stack, false, response_handler, all);

out:
	if (err)
		mem_deref(all);
	else
		*ip = all;

	return err;
}

void invites_set_times(struct invites *all, const struct invite_times *times)
{
	all->times = *times;
}

const struct invite_times *invites_times(const struct invites *all)
{
	return &all->times;
}

unsigned invites_count(const struct invites *all)
{
	return all ? all->n : 0;
}
