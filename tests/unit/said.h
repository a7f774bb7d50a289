/* said.h: what is said of a configuration, kept. */
#ifndef UNIT_SAID_H
#define UNIT_SAID_H

#include <errno.h>
#include <string.h>
#include "base/config_int.h"
#include "suite.h"

static char said[65536];
static size_t saidlen;

static void said_clear(void)
{
	saidlen = 0;
	said[0] = '\0';
}

static int say(const char *p, size_t size, void *arg)
{
	(void)arg;
	if (size >= sizeof(said) - saidlen)
		return ENOMEM;
	memcpy(said + saidlen, p, size);
	saidlen += size;
	said[saidlen] = '\0';

	return 0;
}

static struct re_printf pf = {say, NULL};

static inline char *shown(const struct config *c)
{
	char *s = NULL;

	ck_assert_int_eq(0, re_sdprintf(&s, "%H", config_print, c));

	return s;
}

#endif
