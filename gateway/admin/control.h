/* control.h: the control socket, which stoxctl speaks to.
 *
 * A Unix stream socket, mode 0600.  One request a connection: a line of words,
 * "json" before them for JSON; the answer is text until the end of file.  The
 * first byte of it is '0' for success, '1' for an error, then a newline. */
#ifndef ADMIN_CONTROL_H
#define ADMIN_CONTROL_H

#include "gateway.h"

struct control;

/* mem_ref object; its destructor removes the socket.  EADDRINUSE when another
 * gateway listens there. */
int control_alloc(struct control **cp, const char *path,
		  const struct gateway *gw);

#endif
