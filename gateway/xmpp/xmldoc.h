/* xmldoc.h: a whole XML document as a stanza tree, for bodies that SIP
 * carries. */
#ifndef XMPP_XMLDOC_H
#define XMPP_XMLDOC_H

#include "xmpp/stanza.h"

/* UTF-8 only; comments and the XML declaration are skipped, DTDs and
 * processing instructions refused.  *rootp is freed by stanza_free.  EBADMSG,
 * E2BIG, ENOMEM. */
int xmldoc_decode(struct stanza **rootp, const char *text, size_t len);

#endif
