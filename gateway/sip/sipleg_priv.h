/* sipleg_priv.h: what the files of the SIP leg share. */
#ifndef SIP_SIPLEG_PRIV_H
#define SIP_SIPLEG_PRIV_H

#include "sip/invite.h"
#include "sip/sipleg.h"

struct sipcalls {
	struct sipstack *stack;	 /* not referenced */
	struct invites *invites; /* referenced */
	unsigned sdp_bytes, half_open_max, candidates_max, codecs_max;
	unsigned half_open;  /* incoming legs without an answer */
	struct list cancels; /* INVITEs of a process that died */
};

struct sipleg {
	struct leg leg;		/* first: see leg.h */
	struct sipcalls *calls; /* referenced */
	struct invite *inv;	/* referenced; NULL: not begun, or over */
	struct siptrunk *trunk;
	bool outgoing;
	bool half_open; /* counted in calls->half_open */
	bool answered;	/* the first offer/answer is through */
	bool asked;	/* a delayed offer of ours is out, re-INVITE */
	bool absorb;	/* the next answer was sent in advance */

	char *to_uri, *from_uri, *from_name, *token;
	bool privacy;
	unsigned max_forwards;

	uint64_t origin_id, origin_version; /* D36 */
	char *text;			    /* the SDP sent last, mem_ref'd */
	struct desc *local;		    /* the same as desc */
	enum desc_dir wish[DESC_MEDIA_MAX]; /* of the last offer of ours */
};

extern const struct invite_handlers sipleg_handlers;

int sipleg_new(struct sipleg **lp, struct sipcalls *calls,
	       struct siptrunk *trunk, bool outgoing);
/* No call hears of it any more. */
void sipleg_forget(struct sipleg *l);
/* No longer half-open. */
void sipleg_settled(struct sipleg *l);
/* Text of our desc with the leg's o=; the version grows when it differs from
 * what was sent last.  *textp belongs to the leg. */
int sipleg_encode(struct sipleg *l, const struct desc *d, const char **textp);
/* Fills why and returns EBADMSG or E2BIG for SDP that is no use. */
int sipleg_decode(const struct sipleg *l, struct desc **dp,
		  const struct pl *sdp, struct ending *why);

/* farewell.c */
void sipleg_farewell_note(const struct leg *leg, leg_note_h *h, void *arg);

/* farewell_send.c: responses to what it cancels. */
bool farewell_response(const struct sip_msg *msg, void *arg);

/* sipleg_in.c */
void sipleg_incoming(struct siptrunk *trunk, struct sip *sip,
		     const struct sip_msg *msg, void *arg);

#endif
