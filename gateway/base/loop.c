/* loop.c: file descriptors in the loop of the signalling thread. */
#include "base/loop.h"

#include <errno.h>

int loop_fd_add(int fd, int flags, fd_h *h, void *arg)
{
	if (fd < 0 || !flags || !h)
		return EINVAL;

	return fd_listen(fd, flags, h, arg);
}

void loop_fd_remove(int fd)
{
	if (fd >= 0)
		fd_close(fd);
}
