/* join.h: what the two sides of a call have in common.
 *
 * Pure functions from descs to descs; transports are filled in by the caller.
 * X is the XMPP side, S the SIP side.  No transcoding: what one side offers to
 * the other is what both can pass through (protocol E.2, E.6, D25, D37).
 *
 * Results: 0; ENOTSUP when no codec is common or there is no audio at all;
 * ENOMEM, E2BIG. */
#ifndef BRIDGE_JOIN_H
#define BRIDGE_JOIN_H

#include "base/config.h"
#include "media/media.h"
#include "sdp/desc.h"

enum { JOIN_NO_PT = 0xff }; /* media_pt.x: that side has no number for it */

/* First audio m-line that is not rejected, or -1. */
int join_audio(const struct desc *d);

/* An offer to SIP: codecs of the trunk that X can take (x NULL: not known
 * yet). */
int join_offer_sip(struct desc **dp, const struct config_trunk *trunk,
		   const struct desc *x);

/* An offer to XMPP: codecs of the SIP offer (s NULL: of the trunk). */
int join_offer_xmpp(struct desc **dp, const struct config_trunk *trunk,
		    const struct desc *s);

/* The answer to X's offer, given what S takes: every offered content in its
 * order, audio joined, others kept inactive. */
int join_answer_xmpp(struct desc **dp, const struct desc *x_offer,
		     const struct desc *s);

/* The answer to S's offer, given what X takes: every m-line in its order,
 * others rejected. */
int join_answer_sip(struct desc **dp, const struct desc *s_offer,
		    const struct desc *x);

/* Payload type numbers that pass between the two audio m-lines. */
unsigned join_pts(struct media_pt v[MEDIA_PT_MAX], const struct desc_media *x,
		  const struct desc_media *s);

/* Adds <source/> / a=ssrc of ours with cname and msid (D39). */
int join_source(struct desc *d, struct desc_media *m, uint32_t ssrc,
		const char *cname);

#endif
