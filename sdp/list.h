/* list.h: appending to the lists of a desc, with the limits that desc.h leaves
 * to this folder; inside sdp/ only. */
#ifndef SDP_LIST_H
#define SDP_LIST_H

#include "sdp/desc.h"

enum { /* per list; E2BIG above */
       DESC_PARAM_MAX = 64,
       DESC_FB_MAX = 64,
       DESC_EXTMAP_MAX = 64,
       DESC_SOURCE_MAX = 64,
       DESC_SOURCE_GROUP_MAX = 32,
       DESC_BANDWIDTH_MAX = 8,
};

/* d will hold a copy of what like holds: one block for all of it. */
void arena_fit(struct desc *d, const struct desc *like);

int desc_fb_append(struct desc *d, struct rtcpfb **list, const char *type,
		   const char *subtype);
int desc_extmap_append(struct desc *d, struct extmap **list, unsigned id,
		       enum desc_dir dir, const char *uri);
int desc_bandwidth_append(struct desc *d, struct bandwidth **list,
			  const char *type, uint32_t value);
int desc_source_group_append(struct desc *d, struct source_group **list,
			     const char *semantics, const uint32_t *ssrc,
			     unsigned n);

#endif
