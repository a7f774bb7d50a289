/* told.c: the candidates of ours that a peer is told. */
#include "media/told.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "media/ss.h"

enum { FIRST_ROOM = 2 }; /* most have one or two */

void told_public(struct told *t, const struct agent_conf *conf)
{
	ss_to_desc(&t->nat[0].own, &conf->addr4);
	ss_to_desc(&t->nat[0].pub, &conf->public4);
	ss_to_desc(&t->nat[1].own, &conf->addr6);
	ss_to_desc(&t->nat[1].pub, &conf->public6);
}

static bool is_same_ip(const struct desc_addr *a, const struct desc_addr *b)
{
	return a->family == b->family && !memcmp(a->ip, b->ip, sizeof(a->ip));
}

static void publish(const struct told *t, struct desc_addr *addr)
{
	uint16_t port = addr->port;
	unsigned i;

	for (i = 0; i < 2; i++) {
		if (!t->nat[i].pub.family || !is_same_ip(&t->nat[i].own, addr))
			continue;
		*addr = t->nat[i].pub;
		addr->port = port;
		return;
	}
}

static bool is_told(const struct told *t, const struct desc_addr *addr)
{
	unsigned i;

	for (i = 0; i < t->n; i++) {
		if (is_same_ip(&t->list[i].addr, addr) &&
		    t->list[i].addr.port == addr->port)
			return true;
	}

	return false;
}

static bool make_room(struct told *t)
{
	unsigned room = t->room ? 2 * t->room : FIRST_ROOM;
	struct candidate *list;

	if (t->n < t->room)
		return true;
	if (room > AGENT_LOCAL_MAX)
		return false;
	list = realloc(t->list, room * sizeof(*list));
	if (!list)
		return false;
	t->list = list;
	t->room = room;

	return true;
}

void told_add(struct told *t, const struct candidate *from)
{
	struct candidate c = *from;

	publish(t, &c.addr);
	publish(t, &c.rel);
	if (is_told(t, &c.addr) || !make_room(t))
		return;
	c.generation = t->generation;
	(void)snprintf(c.id, sizeof(c.id), "c%u-%u", t->generation, t->n);
	c.next = NULL;
	t->list[t->n++] = c;
}

void told_restart(struct told *t)
{
	t->generation++;
	t->n = 0;
}

void told_clear(struct told *t)
{
	free(t->list);
	memset(t, 0, sizeof(*t));
}
