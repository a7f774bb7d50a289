/* jingleleg.c: the leg_ops of Jingle, and what registers with a component. */
#include "jingle/session.h"

#include "base/id.h"
#include <errno.h>
#include <string.h>

static struct jleg *jleg_of(struct leg *leg)
{
	return (struct jleg *)(void *)leg;
}

static int op_offer(struct leg *leg, const struct desc *offer)
{
	struct jleg *l = jleg_of(leg);
	int err;

	if (l->st != JLEG_IDLE || l->incoming)
		return EPROTO;
	if (!component_up(l->j->c))
		return ENOTCONN;

	err = desc_copy(&l->br[0].local, offer);
	if (err)
		return err;
	l->audio = jleg_has(offer, DESC_AUDIO);
	l->video = jleg_has(offer, DESC_VIDEO);
	l->started = tmr_jiffies();

	jleg_link(l);
	err = jleg_is_direct(l) ? jleg_direct(l) : jleg_propose(l);
	if (err)
		jleg_gone(l);

	return err;
}

static int op_branch(struct leg *leg, unsigned branch,
		     const struct desc *offer)
{
	return jleg_branch_offer(jleg_of(leg), branch, offer);
}

static int op_ring(struct leg *leg)
{
	struct jleg *l = jleg_of(leg);

	if (l->st == JLEG_PROPOSED) {
		l->rang = true;
		return jleg_ringing_send(l);
	}
	if (l->st == JLEG_CALLED && !l->rang) {
		l->rang = true;
		jleg_info(l, "ringing");
		return 0;
	}

	return l->st == JLEG_CALLED ? 0 : EPROTO;
}

static int op_proceed(struct leg *leg)
{
	struct jleg *l = jleg_of(leg);
	int err;

	if (l->st == JLEG_CALLED)
		return EALREADY;
	if (l->st != JLEG_PROPOSED)
		return EPROTO;

	err = jleg_proceed_send(l);
	if (err && err != ENOTCONN) /* else said when the link is back, D2 */
		return err;
	jleg_enter(l, JLEG_PROCEEDING);

	return 0;
}

/* RFC 8842 5.3: an answer chooses; active unless the peer is. */
static void setup_choose(struct desc *d, const struct desc *offer)
{
	unsigned i;

	for (i = 0; i < d->mediac; i++) {
		struct transport *t = &d->media[i]->transport;
		unsigned first = desc_group_first(offer, i);

		if (t->setup == DESC_SETUP_ACTIVE ||
		    t->setup == DESC_SETUP_PASSIVE)
			continue;
		t->setup =
		    offer->media[first]->transport.setup == DESC_SETUP_ACTIVE
			? DESC_SETUP_PASSIVE
			: DESC_SETUP_ACTIVE;
	}
}

static bool same_group(const struct desc *d, unsigned a, unsigned b)
{
	return desc_group_first(d, a) == desc_group_first(d, b);
}

/* A content that is kept but not used travels with the first that is; in its
 * group it says the same as that one (RFC 8843 7.3). */
static int transports_fill(struct desc *d)
{
	const struct desc_media *from;
	unsigned first, i;
	int err = 0;

	for (first = 0; first < d->mediac; first++) {
		if (d->media[first]->transport.ufrag)
			break;
	}
	if (first == d->mediac)
		return EINVAL;
	from = d->media[first];

	for (i = 0; i < d->mediac && !err; i++) {
		struct transport *t = &d->media[i]->transport;

		if (t->ufrag)
			continue;
		memset(t, 0, sizeof(*t));
		err = desc_transport_copy(d, t, &from->transport);
		if (!same_group(d, i, first)) {
			t->candidates = NULL;
			t->candidatec = 0;
		}
	}

	return err;
}

static int answer_prepare(struct desc **out, const struct desc *offer,
			  const struct desc *answer)
{
	struct desc *d;
	int err;

	err = jleg_align(&d, offer, answer);
	if (err)
		return err;

	/* RFC 5888: a group that was offered, and none that was not */
	memcpy(d->groups, offer->groups, sizeof(d->groups));
	d->groupc = offer->groupc;

	setup_choose(d, offer);
	err = transports_fill(d);
	if (err)
		desc_free(d);
	else
		*out = d;

	return err;
}

static int answer_initiate(struct jleg *l, const struct desc *answer)
{
	struct branch *b = &l->br[0];
	struct desc *d;
	int err;

	err = answer_prepare(&d, l->remote, answer);
	if (err)
		return err;

	desc_free(b->local);
	b->local = d;

	err = jleg_accept(b);
	if (err && err != ENOTCONN) /* else said when the link is back, D2 */
		return err;

	l->held = false;
	jleg_enter(l, JLEG_ACTIVE);
	jleg_trickle_flush(b);

	return 0;
}

static int op_answer(struct leg *leg, const struct desc *answer)
{
	struct jleg *l = jleg_of(leg);
	struct branch *b = jleg_branch(l);
	struct desc *d;
	int err;

	if (l->st == JLEG_CALLED)
		return answer_initiate(l, answer);
	if (l->st != JLEG_ACTIVE || !l->offered)
		return EPROTO;

	/* A change of direction was acknowledged when it came. */
	err = jleg_align(&d, b->local, answer);
	if (err)
		return err;
	desc_free(b->local);
	b->local = d;
	l->offered = false;

	return 0;
}

static int op_refuse(struct leg *leg, const struct ending *why)
{
	struct jleg *l = jleg_of(leg);

	(void)why;

	/* Jingle has no word for "no" to a hold: each side stays as it is. */
	if (l->st != JLEG_ACTIVE || !l->offered)
		return EPROTO;
	l->offered = false;

	return 0;
}

static int op_update(struct leg *leg, const struct desc *offer)
{
	return jleg_update(jleg_of(leg), offer);
}

static int op_transport(struct leg *leg, unsigned branch, unsigned media,
			const struct transport *t)
{
	return jleg_transport(jleg_of(leg), branch, media, t);
}

static int op_dtmf(struct leg *leg, char digit, unsigned ms)
{
	(void)leg;
	(void)digit;
	(void)ms;

	return ENOTSUP; /* E.1: XEP-0181 is never sent */
}

static void op_end(struct leg *leg, const struct ending *why)
{
	static const struct ending none;
	struct jleg *l = jleg_of(leg);
	enum reason reason;

	if (!why)
		why = &none;
	leg->call = NULL;
	reason = reason_to_jingle(why, l->st == JLEG_ACTIVE);

	mem_ref(l);
	jleg_goodbye(l, reason, why);
	jleg_gone(l);
	mem_deref(l);
}

static int op_print(struct re_printf *pf, const struct leg *leg)
{
	const struct jleg *l = (const struct jleg *)(const void *)leg;
	const char *peer = l->br[l->winner].peer;

	return re_hprintf(pf, "xmpp %s, sid %s, %s", peer ? peer : l->user,
			  l->sid, jleg_state_name(l->st));
}

static const struct leg_ops jleg_ops = {
    .name = "xmpp",
    .offer = op_offer,
    .branch = op_branch,
    .ring = op_ring,
    .proceed = op_proceed,
    .answer = op_answer,
    .refuse = op_refuse,
    .update = op_update,
    .transport = op_transport,
    .dtmf = op_dtmf,
    .end = op_end,
    .away = jleg_away,
    .farewell = jleg_farewell,
    .print = op_print,
};

int jleg_new(struct jleg **lp, struct jingle *j, bool incoming,
	     const char *sid, const char *contact, const char *user)
{
	int err = jleg_alloc(lp, j, incoming, sid, contact, user);

	if (!err)
		(*lp)->leg.ops = &jleg_ops;

	return err;
}

int jingleleg_alloc(struct leg **lp, struct jingle *j, struct call *call,
		    const char *contact, const char *name, const char *user,
		    unsigned ring_timeout)
{
	char sid[ID_UUID_SIZE];
	struct jleg *l;
	int err;

	if (!lp || !j || !contact || !user)
		return EINVAL;
	if (jingle_is_full(j))
		return EBUSY;

	id_uuid(sid);
	err = jleg_new(&l, j, false, sid, contact, user);
	if (err)
		return err;
	if (name && str_dup(&l->name, name)) {
		mem_deref(l);
		return ENOMEM;
	}

	l->leg.call = call;
	l->ring_timeout = (ring_timeout ? ring_timeout : 60) * 1000;
	*lp = &l->leg;

	return 0;
}

static void jingle_destroy(void *arg)
{
	struct jingle *j = arg;
	struct le *le;

	while ((le = list_head(&j->legs)) != NULL) {
		struct jleg *l = le->data;

		jleg_fail(l, REASON_GONE, "the gateway is shutting down");
	}

	jingle_tables_free(j);
	mem_deref(j->s);
	mem_deref(j->c);
}

void jingle_limits(struct jingle *j, const struct config_limits *limits)
{
	j->half_open = limits->half_open;
	j->candidates = limits->candidates;
	j->codecs = limits->codecs;
}

int jingle_alloc(struct jingle **jp, struct component *c, struct service *s,
		 const struct config_limits *limits)
{
	struct jingle *j;
	int err;

	if (!jp || !c || !limits)
		return EINVAL;

	j = mem_zalloc(sizeof(*j), jingle_destroy);
	if (!j)
		return ENOMEM;

	j->c = mem_ref(c);
	j->s = mem_ref(s);
	jingle_limits(j, limits);

	err = jingle_tables_alloc(j);
	if (!err)
		err = component_listen(c, COMPONENT_IQ_SET, NS_JINGLE,
				       jingle_iq, j);
	if (!err)
		err = component_listen(c, COMPONENT_MESSAGE, NULL,
				       jingle_message, j);
	if (!err)
		err = component_listen_state(c, jingle_link_state, j);
	if (err)
		mem_deref(j);
	else
		*jp = j;

	return err;
}
