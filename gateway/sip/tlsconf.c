/* tlsconf.c: TLS contexts for SIP (RFC 5922 7, RFC 9325 3.1). */
#include "sip/tlsconf.h"
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include "base/log.h"

static int failed(const char *whose, const char *file)
{
	/* the first says most: the last is "PEM lib" */
	const char *why = ERR_reason_error_string(ERR_peek_error());

	log_error("sip: %s: %s: %s\n", whose, file, why ? why : "refused");
	ERR_clear_error();
	return EINVAL;
}

static int load_pair(SSL_CTX *ctx, const char *cert, const char *key,
		     const char *whose)
{
	if (!cert)
		return 0;
	if (!key)
		key = cert;

	if (SSL_CTX_use_certificate_chain_file(ctx, cert) != 1)
		return failed(whose, cert);
	if (SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) != 1 ||
	    SSL_CTX_check_private_key(ctx) != 1)
		return failed(whose, key);

	return 0;
}

/* Server Name Indication: libre gives no access to a connection before its
 * ClientHello, but OpenSSL tells when a handshake starts.  The callback gets
 * the connection as const although it is ours to change. */
static void set_server_name(const SSL *ssl, int where, int ret)
{
	union {
		const SSL *in;
		SSL *out;
	} s = {.in = ssl};
	char *name;
	(void)ret;

	if (!(where & SSL_CB_HANDSHAKE_START) || SSL_is_server(ssl))
		return;

	name = X509_VERIFY_PARAM_get0_host(SSL_get0_param(s.out), 0);
	if (name)
		(void)SSL_set_tlsext_host_name(s.out, name);
}

static int verify_name(SSL_CTX *ctx, const char *name)
{
	X509_VERIFY_PARAM *param = SSL_CTX_get0_param(ctx);
	struct sa addr;
	int ok;

	X509_VERIFY_PARAM_set_hostflags(param,
					X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	if (!sa_set_str(&addr, name, 0))
		ok = X509_VERIFY_PARAM_set1_ip_asc(param, name);
	else
		ok = X509_VERIFY_PARAM_set1_host(param, name, 0);

	return ok == 1 ? 0 : ENOMEM;
}

static int context_alloc(struct tls **tlsp, SSL_CTX **ctxp)
{
	int err = tls_alloc(tlsp, TLS_METHOD_SSLV23, NULL, NULL);

	if (err)
		return err;
	*ctxp = tls_openssl_context(*tlsp);
	(void)SSL_CTX_set_min_proto_version(*ctxp, TLS1_2_VERSION);

	return 0;
}

int tlsconf_client(struct tls **tlsp, const struct config_trunk *trunk,
		   const char *host)
{
	struct tls *tls = NULL;
	SSL_CTX *ctx;
	int err;

	err = context_alloc(&tls, &ctx);
	if (err)
		return err;

	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_info_callback(ctx, set_server_name);

	err = verify_name(ctx, trunk->tls_name ? trunk->tls_name : host);
	if (err)
		goto out;

	if (trunk->tls_ca &&
	    SSL_CTX_load_verify_locations(ctx, trunk->tls_ca, NULL) != 1) {
		err = failed(trunk->name, trunk->tls_ca);
		goto out;
	}
	if (!trunk->tls_ca)
		(void)SSL_CTX_set_default_verify_paths(ctx);

	err = load_pair(ctx, trunk->tls_cert, trunk->tls_key, trunk->name);

out:
	if (err)
		mem_deref(tls);
	else
		*tlsp = tls;

	return err;
}

int tlsconf_server(struct tls **tlsp, const char *cert, const char *key)
{
	struct tls *tls = NULL;
	SSL_CTX *ctx;
	int err;

	err = context_alloc(&tls, &ctx);
	if (!err)
		err = load_pair(ctx, cert, key, "tls listener");
	if (err)
		mem_deref(tls);
	else
		*tlsp = tls;

	return err;
}

/* A context cannot forget what it shows; its connections can. */
static int show_none(SSL *ssl, void *arg)
{
	(void)arg;
	SSL_certs_clear(ssl);

	return 1;
}

/* Copies of references: nothing is read and nothing can fail half-way. */
static void copy_pair(SSL_CTX *to, SSL_CTX *from)
{
	STACK_OF(X509) *chain = NULL;
	X509 *cert = SSL_CTX_get0_certificate(from);
	EVP_PKEY *key = SSL_CTX_get0_privatekey(from);

	(void)SSL_CTX_get0_chain_certs(from, &chain);
	if (cert && key &&
	    SSL_CTX_use_cert_and_key(to, cert, key, chain, 1) != 1)
		(void)failed("certificate", "in memory");
	SSL_CTX_set_cert_cb(to, cert && key ? NULL : show_none, NULL);
}

static void copy_name(SSL_CTX *to, SSL_CTX *from)
{
	X509_VERIFY_PARAM *p = SSL_CTX_get0_param(from);
	X509_VERIFY_PARAM *q = SSL_CTX_get0_param(to);
	char *ip = X509_VERIFY_PARAM_get1_ip_asc(p);

	(void)X509_VERIFY_PARAM_set1_host(q, X509_VERIFY_PARAM_get0_host(p, 0),
					  0);
	if (ip)
		(void)X509_VERIFY_PARAM_set1_ip_asc(q, ip);
	else
		(void)X509_VERIFY_PARAM_set1_ip(q, NULL, 0);
	OPENSSL_free(ip);
}

void tlsconf_renew(struct tls *tls, struct tls *from)
{
	SSL_CTX *to = tls_openssl_context(tls);
	SSL_CTX *ctx = tls_openssl_context(from);

	copy_pair(to, ctx);
	if (SSL_CTX_get_verify_mode(ctx) & SSL_VERIFY_PEER) {
		SSL_CTX_set1_cert_store(to, SSL_CTX_get_cert_store(ctx));
		copy_name(to, ctx);
	}
}
