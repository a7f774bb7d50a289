/* tlsclient.h: TLS to a server whose certificate is checked, on buffers.
 *
 * No socket: bytes that arrived are fed, bytes to be sent are pulled. */
#ifndef XMPP_TLSCLIENT_H
#define XMPP_TLSCLIENT_H

#include <stddef.h>

struct tlsclient;

/* name: host name or address that the certificate must have; ca: file, NULL:
 * the system's.  TLS 1.2 or later.  mem_ref object.  *why (static or valid
 * until the next call) says what failed.  ENOENT: the CA file. */
int tlsclient_alloc(struct tlsclient **tp, const char *name, const char *ca,
		    const char **why);

int tlsclient_feed(struct tlsclient *t, const void *buf, size_t len);
/* 0: established and verified; EAGAIN: go on; EPROTO, EACCES (certificate)
 * with *why. Pull in every case: there may be an alert. */
int tlsclient_handshake(struct tlsclient *t, const char **why);
/* EAGAIN: no more; ECONNRESET: the peer closed; EPROTO. */
int tlsclient_read(struct tlsclient *t, void *buf, size_t size, size_t *n);
int tlsclient_write(struct tlsclient *t, const void *buf, size_t len);
/* Says goodbye; pull afterwards. */
void tlsclient_end(struct tlsclient *t);
/* How much was moved to buf, 0: nothing is waiting. */
size_t tlsclient_pull(struct tlsclient *t, void *buf, size_t size);

const char *tlsclient_version(const struct tlsclient *t);

#endif
