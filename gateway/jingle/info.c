/* info.c: session-info: hold, ringing, digits (XEP-0167 8, 0181; protocol
 * E.6, D32, D33). */
#include "jingle/session.h"

#include "jingle/codec.h"
#include <errno.h>
#include <string.h>

enum { /* ms; D33 */
       DTMF_DEFAULT = 100,
       DTMF_MIN = 40,
       DTMF_MAX = 8000,
};

void jleg_redirect(struct jleg *l)
{
	unsigned mask = l->peer_held ? DESC_SENDONLY : DESC_SENDRECV;
	bool changed = false;
	unsigned i;

	for (i = 0; i < l->remote->mediac; i++) {
		struct desc_media *m = l->remote->media[i];
		enum desc_dir dir = (enum desc_dir)(l->dirs[i] & mask);

		changed |= dir != m->dir;
		m->dir = dir;
	}

	if (!changed || l->st != JLEG_ACTIVE || !l->leg.call)
		return;

	l->offered = true;
	call_offered(&l->leg, l->remote);
}

/* ---- what may stand in a session-info ---- */

static void info_ringing(struct jleg *l, const struct stanza *e)
{
	(void)e;
	if (l->st == JLEG_CALLING)
		jleg_ringing(l);
}

static void info_hold(struct jleg *l, const struct stanza *e)
{
	(void)e;
	l->peer_held = true;
	if (l->remote)
		jleg_redirect(l);
}

static void info_unhold(struct jleg *l, const struct stanza *e)
{
	(void)e;
	l->peer_held = false;
	if (l->remote)
		jleg_redirect(l);
}

/* Of all contents, or of one (XEP-0167 8.2). */
static bool is_about_audio(const struct jleg *l, const struct stanza *e)
{
	const char *name = stanza_attr(e, "name");
	unsigned i;

	if (!name)
		return true;

	for (i = 0; l->remote && i < l->remote->mediac; i++) {
		const struct desc_media *m = l->remote->media[i];

		if (m->kind == DESC_AUDIO && m->mid && !strcmp(m->mid, name))
			return true;
	}

	return false;
}

static void info_mute(struct jleg *l, const struct stanza *e)
{
	if (is_about_audio(l, e))
		call_muted(&l->leg, true);
}

static void info_unmute(struct jleg *l, const struct stanza *e)
{
	if (is_about_audio(l, e))
		call_muted(&l->leg, false);
}

static const struct {
	const char *name;
	void (*h)(struct jleg *l, const struct stanza *e);
} infos[] = {
    {"active", info_unhold}, {"hold", info_hold},
    {"mute", info_mute},     {"ringing", info_ringing},
    {"unhold", info_unhold}, {"unmute", info_unmute},
};

static bool info_rtp(struct jleg *l, const struct stanza *iq,
		     const struct stanza *e)
{
	size_t i;

	if (strcmp(e->ns, NS_JINGLE_INFO))
		return false;

	for (i = 0; i < sizeof(infos) / sizeof(infos[0]); i++) {
		if (strcmp(infos[i].name, e->name))
			continue;
		jingle_result(l->j, iq);
		infos[i].h(l, e);
		return true;
	}

	return false;
}

static void info_dtmf(struct jleg *l, const struct stanza *iq,
		      const struct stanza *e)
{
	const char *code = stanza_attr(e, "code");
	uint32_t ms = DTMF_DEFAULT;

	if (!code || !code[0] || code[1] ||
	    !strchr("0123456789*#ABCDabcd", code[0])) {
		jingle_refuse(l->j, iq, COND_BAD_REQUEST, NULL);
		return;
	}
	if (!l->remote || !jleg_has(l->remote, DESC_AUDIO)) {
		jingle_refuse(l->j, iq, COND_SERVICE_UNAVAILABLE, NULL);
		return;
	}

	(void)codec_number(stanza_attr(e, "duration"), UINT32_MAX, &ms);
	if (ms < DTMF_MIN)
		ms = DTMF_MIN;
	if (ms > DTMF_MAX)
		ms = DTMF_MAX;

	jingle_result(l->j, iq);
	if (l->leg.call)
		call_dtmf(&l->leg,
			  code[0] >= 'a' ? (char)(code[0] - 'a' + 'A')
					 : code[0],
			  ms);
}

void jleg_info_in(struct jleg *l, unsigned branch, const struct stanza *iq,
		  const struct stanza *jingle)
{
	const struct stanza *e = stanza_child(jingle, NULL, NULL);

	(void)branch;

	if (!e) /* "are you there?", XEP-0166 6.8 */
		jingle_result(l->j, iq);
	else if (stanza_is(e, "dtmf", NS_JINGLE_DTMF))
		info_dtmf(l, iq, e);
	else if (!info_rtp(l, iq, e))
		jingle_refuse(l->j, iq, COND_FEATURE_NOT_IMPLEMENTED,
			      "unsupported-info");
}

/* ---- our own changes ---- */

/* D32: what the peer's answer to our directions would be; Jingle has none. */
static void update_answer(void *arg)
{
	struct jleg *l = arg;
	const struct desc *local = jleg_branch(l)->local;
	struct desc *d;
	unsigned i;

	l->updating = false;
	if (!l->leg.call)
		return;

	if (desc_copy(&d, l->remote)) {
		struct ending end = {.reason = REASON_GENERAL_ERROR};

		call_refused(&l->leg, &end);
		return;
	}

	for (i = 0; i < d->mediac && i < local->mediac; i++)
		d->media[i]->dir =
		    (enum desc_dir)(desc_dir_reverse(local->media[i]->dir) &
				    l->remote->media[i]->dir);

	call_answered(&l->leg, l->winner, d);
	desc_free(d);
}

/* A side that does not want to hear us has put us on hold. */
static bool holds(const struct desc *d)
{
	unsigned i;

	for (i = 0; i < d->mediac; i++) {
		if (d->media[i]->kind == DESC_AUDIO && !d->media[i]->rejected)
			return !(d->media[i]->dir & DESC_RECVONLY);
	}

	return false;
}

int jleg_update(struct jleg *l, const struct desc *offer)
{
	struct branch *b = jleg_branch(l);
	struct desc *d;
	int err;

	if (l->st != JLEG_ACTIVE)
		return EPROTO;
	if (l->updating)
		return EBUSY;

	err = jleg_align(&d, b->local, offer);
	if (err)
		return err;
	desc_free(b->local);
	b->local = d;

	if (holds(d) != l->held) {
		l->held = !l->held;
		jleg_info(l, l->held ? "hold" : "unhold");
	}

	l->updating = true;
	tmr_start(&l->tmr_later, 0, update_answer, l);

	return 0;
}
