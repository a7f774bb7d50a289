/* log_pair.h: the log's lines, read back. */
#ifndef UNIT_LOG_PAIR_H
#define UNIT_LOG_PAIR_H

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>
#include "suite.h"

static int pair[2];
static char got[8192];

/* A datagram socket as standard error keeps the borders of each write. */
static void log_open(void)
{
	ck_assert_int_eq(0, socketpair(AF_UNIX, SOCK_DGRAM, 0, pair));
	ck_assert_int_ge(dup2(pair[1], STDERR_FILENO), 0);
	ck_assert_int_eq(0, fcntl(pair[0], F_SETFL, O_NONBLOCK));
}

static const char *log_line(void)
{
	ssize_t n = read(pair[0], got, sizeof(got) - 1);

	got[n > 0 ? n : 0] = '\0';

	return got;
}

#endif
