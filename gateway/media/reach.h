/* reach.h: which addresses of a peer ICE may try (hardening: SSRF). */
#ifndef MEDIA_REACH_H
#define MEDIA_REACH_H

#include <stdbool.h>
#include <sys/socket.h>
#include "media/media.h"

/* The network of the interface that has addr; one host when there is none. */
void reach_link(struct media_net *net, const struct sockaddr_storage *addr);

/* Public addresses always; private, link-local and loopback ones only in one
 * of nets; all of 127/8 where a net is in it. */
bool reach_allows(const struct media_net *nets, unsigned n,
		  const struct sockaddr_storage *ss);

#endif
