/* nicepool.h: what the agents of one thread can do with once: contexts that
 * are free, and the list of the machine's addresses. */
#ifndef MEDIA_NICEPOOL_H
#define MEDIA_NICEPOOL_H

#include <glib.h>
#include <stdbool.h>

/* A context that this thread owns, without sources. */
GMainContext *nicepool_take(void);
/* Of one without sources: the descriptor by which other threads interrupt who
 * polls it. */
gint nicepool_wake(GMainContext *empty);
/* g_main_context_query without that descriptor; -1: with all.  Whoever lets no
 * other thread in would hear by it of nothing but what it does itself. */
gint nicepool_query(GMainContext *ctx, gint wake, gint prio, gint *ms,
		    GPollFD *fds, gint max);
/* Takes it back, to be used again or not. */
void nicepool_leave(GMainContext *ctx);
/* Until it ends, a context that is made is one that this thread has for all
 * that nobody iterates. */
void nicepool_component(bool begins);
/* The thread has no agent any more: nothing is kept. */
void nicepool_clear(void);

#endif
