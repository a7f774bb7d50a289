/* tlsconf.h: TLS contexts for SIP, made by the book (RFC 5922, RFC 9325). */
#ifndef SIP_TLSCONF_H
#define SIP_TLSCONF_H

#include "base/config.h"

/* As a client of one trunk: verifies the chain against the trunk's CA file
 * (or the system's) and the name in the certificate. host: of the URI.
 * EINVAL with a log line that names the file. */
int tlsconf_client(struct tls **tlsp, const struct config_trunk *trunk,
		   const char *host);
/* For a tls: listener. */
int tlsconf_server(struct tls **tlsp, const char *cert, const char *key);
/* New connections of tls are made with what from has: certificates, whom to
 * believe, which name; those that are open stay. */
void tlsconf_renew(struct tls *tls, struct tls *from);

#endif
