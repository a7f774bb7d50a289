/* decode.h: what decode.c and attr.c share; inside sdp/ only. */
#ifndef SDP_DECODE_H
#define SDP_DECODE_H

#include "sdp/desc.h"
#include "sdp/scan.h"

enum {
	DECODE_PTIME_MAX = 60000, /* ms: what is above says no more */
};

struct decode_media {  /* what a desc_media does not keep */
	unsigned line; /* of m= */
	uint16_t port;
	bool conn;	  /* a c= with a numeric address holds for it */
	bool fingerprint; /* has one of its own, not the session's */
	bool bundle_only;
	bool rtcp;
	struct desc_addr rtcp_addr; /* family 0: that of c= */
};

struct decode {
	struct desc *d;
	struct desc_media *session; /* what m-lines inherit; not in d */
	struct desc_media *cur;	    /* the session or the last m-line */
	struct decode_media media[DESC_MEDIA_MAX];
	struct decode_media session_media;
	struct decode_media *extra;	    /* of cur */
	struct scan groups[DESC_GROUP_MAX]; /* the mids of a=group:BUNDLE */
	unsigned groupc;
	unsigned line;
};

bool decode_in_media(const struct decode *dec);
/* One a= line; unknown attributes are skipped. */
int decode_attribute(struct decode *dec, struct scan line);

#endif
