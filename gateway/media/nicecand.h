/* nicecand.h: candidates of libnice's to and from ours. */
#ifndef MEDIA_NICECAND_H
#define MEDIA_NICECAND_H

#include <nice/agent.h>
#include "sdp/desc.h"

enum candidate_type nicecand_type(const NiceCandidate *c);
void nicecand_address(struct desc_addr *addr, const NiceAddress *na);
/* One of our own. */
void nicecand_read(struct candidate *c, const NiceCandidate *nc);
/* The peer's, for nice_candidate_free.  NULL: it is none that can be used (TCP,
 * component 2, no host ..). */
NiceCandidate *nicecand_make(const struct candidate *c, guint stream);

#endif
