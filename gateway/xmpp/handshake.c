/* handshake.c: XEP-0114 3: the proof of the secret, and what to do when the
 * server refuses. */
#include "xmpp/handshake.h"

#include <errno.h>
#include <string.h>

#include <openssl/evp.h>

#include "base/compat.h"

int handshake_hash(char hex[HANDSHAKE_SIZE], const char *id,
		   const char *secret)
{
	unsigned char md[EVP_MAX_MD_SIZE];
	EVP_MD_CTX *ctx;
	unsigned int n = 0;
	int ok;

	ctx = EVP_MD_CTX_new();
	if (!ctx)
		return ENOMEM;

	ok = EVP_DigestInit_ex(ctx, EVP_sha1(), NULL) &&
	     EVP_DigestUpdate(ctx, id, strlen(id)) &&
	     EVP_DigestUpdate(ctx, secret, strlen(secret)) &&
	     EVP_DigestFinal_ex(ctx, md, &n) && n == 20;
	EVP_MD_CTX_free(ctx);

	if (!ok)
		return ENOTSUP;

	(void)re_snprintf(hex, HANDSHAKE_SIZE, "%w", md, (size_t)n);

	return 0;
}

static const struct handshake_remedy remedies[] = {
    {"conflict", WAIT_CONFLICT,
     "another connection for this component is up, perhaps our own old one; "
     "in Prosody set component_conflict_resolve = \"kick_old\", in MongooseIM "
     "conflict_behaviour = \"kick_old\"; or component = is a domain that the "
     "server itself serves"},
    {"host-unknown", WAIT_OPERATOR,
     "the server does not know the name in component =; in Prosody add "
     "Component \"NAME\" with a component_secret, in ejabberd a host under "
     "ejabberd_service; or the port in server = is the one for clients"},
    {"not-authorized", WAIT_OPERATOR,
     "secret (or secret_file) is not what the server has as component_secret "
     "(Prosody) or password (ejabberd); quotes and what stands behind the "
     "value are part of it"},
    {"invalid-namespace", WAIT_OPERATOR,
     "the port in server = is not for components but for clients or servers; "
     "Prosody's component_ports are 5347 by default"},
    {"improper-addressing", WAIT_OPERATOR,
     "component = must be exactly the name that the server gives the "
     "component"},
    {"invalid-from", WAIT_BACKOFF,
     "a stanza had a sender outside component =; please report this"},
    {"policy-violation", WAIT_BACKOFF,
     "a stanza was against the server's limits; in Prosody raise "
     "component_stanza_size_limit"},
    {"resource-constraint", WAIT_BACKOFF, "the server is overloaded"},
    {"connection-timeout", WAIT_BACKOFF, ""},
    {"system-shutdown", WAIT_BACKOFF, ""},
    {"reset", WAIT_BACKOFF, ""},
    {"see-other-host", WAIT_OPERATOR,
     "the server sends us elsewhere: put that address in server ="},
    {"", WAIT_BACKOFF, "look into the log of the server"},
};

const struct handshake_remedy *handshake_remedy(const char *cond)
{
	const struct handshake_remedy *r = remedies;

	while (*r->cond && strcmp(r->cond, cond) != 0)
		r++;

	return r;
}
