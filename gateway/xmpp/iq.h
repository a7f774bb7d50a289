/* iq.h: requests of ours that wait for their answer (RFC 6120 8.2.3). */
#ifndef XMPP_IQ_H
#define XMPP_IQ_H

#include "xmpp/component.h"

enum { IQ_ID_SIZE = 21 }; /* 20 characters: 100 bits */

struct iqtable;

int iqtable_alloc(struct iqtable **tp);

/* Enters a request with id to the JID to, for wait ms.  server: the JID whose
 * answers may come without from (RFC 6120 8.1.2.1).  qp as in component.h. */
int iqtable_add(struct component_iq **qp, struct iqtable *t, const char *id,
		const char *to, const char *server, unsigned wait,
		component_iq_h *h, void *arg);
/* Takes a request back as if it had never been. */
void iqtable_remove(struct iqtable *t, const char *id);

/* Gives an IQ of type result or error to whom it belongs. */
void iqtable_answer(struct iqtable *t, const struct stanza *iq);
/* All that wait end with err. */
void iqtable_fail(struct iqtable *t, int err);

#endif
