/* decode_priv.h: values of headers, read as libre reads them: its errno. */
#ifndef SIP_DECODE_PRIV_H
#define SIP_DECODE_PRIV_H

#include "sip/decode.h"

static inline struct pl decode_slice(const char *from, const char *to)
{
	return (struct pl){from, (size_t)(to - from)};
}

int decode_uri(struct uri *u, const struct pl *pl);
int decode_via(struct sip_via *via, const struct pl *val);
int decode_address(struct sip_taddr *a, const struct pl *val); /* and tag */
int decode_cseq(struct sip_cseq *cseq, const struct pl *val);
int decode_type(struct msg_ctype *t, const struct pl *val);

#endif
