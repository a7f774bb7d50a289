/* lookup.c: the addresses behind names of servers. */
#include "media/lookup.h"

#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include "base/log.h"

enum { /* s */
       AGAIN_FOUND = 300,
       AGAIN_FAILED = 30,
};

struct lookup {
	pthread_mutex_t lock;
	pthread_cond_t wake;
	unsigned users; /* the owner and the thread */
	bool stop;
	int family;
	char *names[LOOKUP_NAMES]; /* NULL: none, or numeric */
	char ip[LOOKUP_NAMES][LOOKUP_IP_SIZE];
};

static int query(char ip[LOOKUP_IP_SIZE], const char *name, int family,
		 int flags)
{
	struct addrinfo hints = {.ai_socktype = SOCK_DGRAM}, *ai = NULL;
	int err;

	hints.ai_family = family;
	hints.ai_flags = flags;
	err = getaddrinfo(name, NULL, &hints, &ai);
	if (err)
		return err;
	err = getnameinfo(ai->ai_addr, ai->ai_addrlen, ip, LOOKUP_IP_SIZE,
			  NULL, 0, NI_NUMERICHOST);
	freeaddrinfo(ai);

	return err;
}

/* Called with the lock, which it gives back. */
static void release(struct lookup *l)
{
	unsigned i, left = --l->users;

	(void)pthread_mutex_unlock(&l->lock);
	if (left)
		return;
	(void)pthread_cond_destroy(&l->wake);
	(void)pthread_mutex_destroy(&l->lock);
	for (i = 0; i < LOOKUP_NAMES; i++)
		free(l->names[i]);
	free(l);
}

/* What was found before stays when the name server fails later. */
static bool refresh(struct lookup *l, unsigned i)
{
	char ip[LOOKUP_IP_SIZE];
	int err;

	(void)pthread_mutex_unlock(&l->lock);
	err = query(ip, l->names[i], l->family, 0);
	(void)pthread_mutex_lock(&l->lock);
	if (l->stop)
		return !err;
	if (err)
		log_warning("media: cannot resolve %s: %s; trying again in "
			    "%u s\n",
			    l->names[i], gai_strerror(err),
			    (unsigned)AGAIN_FAILED);
	else if (strcmp(l->ip[i], ip))
		log_info("media: %s is %s\n", l->names[i], ip);
	if (!err)
		memcpy(l->ip[i], ip, sizeof(ip));

	return !err;
}

static void *run(void *arg)
{
	struct lookup *l = arg;
	struct timespec until;
	unsigned i;
	bool found;

	(void)pthread_mutex_lock(&l->lock);
	while (!l->stop) {
		found = true;
		for (i = 0; i < LOOKUP_NAMES && !l->stop; i++) {
			if (l->names[i] && !refresh(l, i))
				found = false;
		}
		(void)clock_gettime(CLOCK_MONOTONIC, &until);
		until.tv_sec += found ? AGAIN_FOUND : AGAIN_FAILED;
		while (!l->stop && pthread_cond_timedwait(&l->wake, &l->lock,
							  &until) != ETIMEDOUT)
			;
	}
	release(l);

	return NULL;
}

static int start_thread(struct lookup *l)
{
	pthread_t thread;
	sigset_t all, old;
	int err;

	/* Signals are the main thread's. */
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &old);
	l->users++;
	err = pthread_create(&thread, NULL, run, l);
	if (err)
		l->users--;
	else
		(void)pthread_detach(thread);
	(void)pthread_sigmask(SIG_SETMASK, &old, NULL);

	return err;
}

int lookup_start(struct lookup **lp, const char *const names[LOOKUP_NAMES],
		 int family)
{
	struct lookup *l = calloc(1, sizeof(*l));
	pthread_condattr_t attr;
	bool ask = false;
	unsigned i;
	int err = 0;

	if (!l)
		return ENOMEM;
	l->users = 1;
	l->family = family;
	(void)pthread_mutex_init(&l->lock, NULL);
	(void)pthread_condattr_init(&attr);
	(void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&l->wake, &attr);
	(void)pthread_condattr_destroy(&attr);
	for (i = 0; i < LOOKUP_NAMES && !err; i++) {
		if (!names[i] || !names[i][0] ||
		    !query(l->ip[i], names[i], AF_UNSPEC, AI_NUMERICHOST))
			continue;
		l->ip[i][0] = '\0';
		l->names[i] = strdup(names[i]);
		err = l->names[i] ? 0 : ENOMEM;
		ask = true;
	}
	if (!err && ask)
		err = start_thread(l);
	if (err)
		lookup_stop(l);
	else
		*lp = l;

	return err;
}

void lookup_stop(struct lookup *l)
{
	if (!l)
		return;
	(void)pthread_mutex_lock(&l->lock);
	l->stop = true;
	(void)pthread_cond_signal(&l->wake);
	release(l);
}

void lookup_get(struct lookup *l, unsigned i, char ip[LOOKUP_IP_SIZE])
{
	(void)pthread_mutex_lock(&l->lock);
	memcpy(ip, l->ip[i], LOOKUP_IP_SIZE);
	(void)pthread_mutex_unlock(&l->lock);
}
