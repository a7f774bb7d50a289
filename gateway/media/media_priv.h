/* media_priv.h: what engine.c and media.c share. */
#ifndef MEDIA_MEDIA_PRIV_H
#define MEDIA_MEDIA_PRIV_H

#include "media/engine.h"

const struct engine_conf *engine_conf(const struct engine *e);
/* Referenced for the caller; made anew before it expires. */
struct identity *engine_identity(struct engine *e);
/* The networks that our addresses are in. */
const struct media_net *engine_links(const struct engine *e, unsigned *n);
/* Ports and descriptors taken (or, negative, given back) by a call. */
void engine_use(struct engine *e, int ports, int fds);
int engine_add(struct engine *e, struct media *m, uint64_t *id,
	       unsigned *worker);
void engine_remove(struct engine *e, uint64_t id, unsigned worker);
/* Gives c away. */
void engine_command(struct engine *e, unsigned worker, struct command *c);

void media_handle(struct media *m, const struct media_event *ev);

#endif
