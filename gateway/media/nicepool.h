/* nicepool.h: what the agents of one thread can do with once: contexts that
 * are free, and the list of the machine's addresses. */
#ifndef MEDIA_NICEPOOL_H
#define MEDIA_NICEPOOL_H

#include <glib.h>

/* A context that this thread owns, without sources. */
GMainContext *nicepool_take(void);
/* Takes it back, to be used again or not. */
void nicepool_leave(GMainContext *ctx);
/* The thread has no agent any more: nothing is kept. */
void nicepool_clear(void);

#endif
