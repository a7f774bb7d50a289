/* loop.h: file descriptors in the loop of the signalling thread.
 *
 * The one place that knows fd_listen(): its arguments differ between releases
 * of libre. */
#ifndef BASE_LOOP_H
#define BASE_LOOP_H

#include "base/compat.h"

/* Calls h(flags, arg) when fd is ready for one of flags (FD_READ, FD_WRITE);
 * called again for the same fd it replaces what was asked.  ENOMEM, EMFILE:
 * fd is over the table that fd_setsize() made. */
int loop_fd_add(int fd, int flags, fd_h *h, void *arg);
/* Before the descriptor is closed; a negative one is ignored. */
void loop_fd_remove(int fd);

#endif
