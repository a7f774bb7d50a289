/* latch.c: from whom RTP is taken and whither it goes on the SIP side. */
#include "media/latch.h"

#include "media/ss.h"

bool latch_set(struct latch *l, const struct sockaddr_storage *sdp,
	       const struct sockaddr_storage *signal)
{
	bool changed = !ss_equal(&l->sdp, sdp);

	l->sdp = *sdp;
	if (signal->ss_family != AF_UNSPEC)
		l->signal = *signal;
	if (changed) {
		l->locked = false;
		l->seen = 0;
	}

	return changed;
}

bool latch_allows(const struct latch *l, const struct sockaddr_storage *src)
{
	if (l->sdp.ss_family == AF_UNSPEC)
		return false;
	if (l->mode == LATCH_OFF)
		return ss_ip_equal(src, &l->sdp);
	if (l->locked)
		return ss_equal(src, &l->peer) ||
		       (l->seen < LATCH_PROBATION && ss_equal(src, &l->sdp));
	if (l->mode == LATCH_ANY)
		return true;

	if (ss_ip_equal(src, &l->sdp) || ss_ip_equal(src, &l->signal))
		return true;

	for (unsigned i = 0; i < l->netc; i++) {
		if (ss_in_net(src, &l->nets[i].addr, l->nets[i].prefix))
			return true;
	}

	return false;
}

bool latch_learn(struct latch *l, const struct sockaddr_storage *src)
{
	bool moved;

	if (l->mode == LATCH_OFF) {
		l->locked = true;
		return false;
	}
	if (l->locked && ss_equal(src, &l->peer)) {
		if (l->seen < LATCH_PROBATION)
			l->seen++;
		return false;
	}
	moved = !ss_equal(src, latch_dest(l));
	l->peer = *src;
	/* Nobody can be more right than the address that SDP names. */
	l->seen = ss_equal(src, &l->sdp) ? LATCH_PROBATION : 1;
	l->locked = true;

	return moved;
}

const struct sockaddr_storage *latch_dest(const struct latch *l)
{
	if (l->locked && l->mode != LATCH_OFF)
		return &l->peer;
	if (l->sdp.ss_family == AF_UNSPEC || !ss_port(&l->sdp))
		return NULL;

	return &l->sdp;
}

bool latch_is_final(const struct latch *l)
{
	return l->locked && l->mode != LATCH_OFF && l->seen >= LATCH_PROBATION;
}
