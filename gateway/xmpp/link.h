/* link.h: the bytes between us and the component port of an XMPP server: TCP
 * with or without TLS, and the queue in front of it. */
#ifndef XMPP_LINK_H
#define XMPP_LINK_H

#include <stddef.h>
#include "base/config.h"

struct xmpplink;

struct xmpplink_handlers {
	void (*open)(void *arg); /* connected, and verified if by TLS */
	void (*recv)(const char *buf, size_t len, void *arg);
	/* Once, never from within a function below.  what: for people; hint:
	 * what the operator should do, "" if nothing but wait. */
	void (*close)(const char *what, const char *hint, void *arg);
	void *arg;
};

/* Resolves conf->server and connects to its addresses in turn.  tcp_timeout:
 * seconds that bytes of ours may wait for the server's acknowledgement.
 * mem_ref object; its destructor closes at once and calls no handler. */
int xmpplink_open(struct xmpplink **lp, const struct config_xmpp *conf,
		  unsigned tcp_timeout, const struct xmpplink_handlers *h);

/* The same, at another place in memory. */
void xmpplink_conf(struct xmpplink *l, const struct config_xmpp *conf);

/* Queues and sends what the socket takes.  ENOTCONN, ENOMEM. */
int xmpplink_send(struct xmpplink *l, const void *buf, size_t len);
size_t xmpplink_queued(const struct xmpplink *l); /* bytes */

int xmpplink_fd(const struct xmpplink *l); /* its socket, once open */

/* Sends a last text if the socket takes it, closes; no more handlers. */
void xmpplink_end(struct xmpplink *l, const char *last);

#endif
