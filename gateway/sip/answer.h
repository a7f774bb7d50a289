/* answer.h: an answer without a transaction. */
#ifndef SIP_ANSWER_H
#define SIP_ANSWER_H

#include "base/compat.h"

/* As libre's sip_replyf(), with the tag of msg; headers: whole lines, or NULL.
 * Who sends it must know a request that comes again. */
int answer_send(struct sip *sip, const struct sip_msg *msg, unsigned code,
		const char *phrase, const char *headers);

#endif
