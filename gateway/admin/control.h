/* control.h: the control socket, which stoxctl speaks to.
 *
 * A Unix stream socket, mode 0600, or 0660 for [admin] socket_group.  One request a connection: a line as
 * command_line() takes it.  The answer begins with 0 and a newline for success,
 * 2 when it was asked in a wrong way, 1 when it cannot be; the rest of it, to
 * the end of file, is the result or the reason. */
#ifndef ADMIN_CONTROL_H
#define ADMIN_CONTROL_H

#include "gateway.h"

struct control;

/* mem_ref object; its destructor removes the socket.  EADDRINUSE when another
 * gateway listens there. */
int control_alloc(struct control **cp, const char *path,
		  const struct gateway *gw);

#endif
