/* decode.h: SIP messages of the usual shape, taken apart fast. */
#ifndef SIP_DECODE_H
#define SIP_DECODE_H

#include "sip/scan.h"

/* As libre's sip_msg_decode().  EAGAIN: it is of another shape, or wrong,
 * and libre shall decode it; mb is as it was.  ENOMEM.  Signalling thread only. */
int decode_msg(struct sip_msg **msgp, struct mbuf *mb);
/* Frees what is kept for the next message. */
void decode_close(void);

#endif
