/* tlsclient.c: TLS to a server whose certificate is checked, on buffers.
 *
 * libre's TLS client of 1.1 verifies nothing, so this one is OpenSSL's. */
#include "xmpp/tlsclient.h"

#include <errno.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "base/compat.h"

struct tlsclient {
	SSL_CTX *ctx;
	SSL *ssl;
	BIO *in, *out; /* the SSL's */
	char *name;    /* of the server */
};

static void tlsclient_destructor(void *arg)
{
	struct tlsclient *t = arg;

	SSL_free(t->ssl);
	SSL_CTX_free(t->ctx);
	mem_deref(t->name);
}

/* One context a connection: a renewed CA file holds from the next on. */
static int ctx_new(struct tlsclient *t, const char *ca, const char **why)
{
	t->ctx = SSL_CTX_new(TLS_client_method());
	if (!t->ctx || !SSL_CTX_set_min_proto_version(t->ctx, TLS1_2_VERSION))
		return ENOMEM;

	SSL_CTX_set_verify(t->ctx, SSL_VERIFY_PEER, NULL);
	(void)SSL_CTX_set_mode(t->ctx, SSL_MODE_RELEASE_BUFFERS);

	if (ca ? SSL_CTX_load_verify_file(t->ctx, ca)
	       : SSL_CTX_set_default_verify_paths(t->ctx))
		return 0;

	*why = "no CA certificates could be read from the file of tls_ca";

	return ENOENT;
}

/* RFC 6125: the certificate must have the name that the operator wrote, an
 * address only as an address. SNI is for names (RFC 6066 3). */
static int name_expect(struct tlsclient *t)
{
	X509_VERIFY_PARAM *param = SSL_get0_param(t->ssl);
	struct sa sa;

	if (!sa_set_str(&sa, t->name, 0))
		return X509_VERIFY_PARAM_set1_ip_asc(param, t->name) ? 0
								     : EINVAL;

	X509_VERIFY_PARAM_set_hostflags(param,
					X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);

	if (!X509_VERIFY_PARAM_set1_host(param, t->name, 0) ||
	    !SSL_set_tlsext_host_name(t->ssl, t->name))
		return ENOMEM;

	return 0;
}

static int bios_new(struct tlsclient *t)
{
	t->in = BIO_new(BIO_s_mem());
	t->out = BIO_new(BIO_s_mem());
	if (!t->in || !t->out) {
		BIO_free(t->in);
		BIO_free(t->out);
		return ENOMEM;
	}

	/* empty means "later", not "end" */
	(void)BIO_set_mem_eof_return(t->in, -1);
	(void)BIO_set_mem_eof_return(t->out, -1);
	SSL_set_bio(t->ssl, t->in, t->out);

	return 0;
}

int tlsclient_alloc(struct tlsclient **tp, const char *name, const char *ca,
		    const char **why)
{
	struct tlsclient *t;
	int err;

	if (!tp || !name || !why)
		return EINVAL;

	*why = "out of memory";

	t = mem_zalloc(sizeof(*t), tlsclient_destructor);
	if (!t)
		return ENOMEM;

	err = ctx_new(t, ca, why);
	if (err)
		goto out;

	t->ssl = SSL_new(t->ctx);
	if (!t->ssl) {
		err = ENOMEM;
		goto out;
	}

	err = bios_new(t);
	if (err)
		goto out;

	err = str_dup(&t->name, name);
	if (err)
		goto out;

	err = name_expect(t);
	if (err)
		goto out;

	SSL_set_connect_state(t->ssl);

out:
	ERR_clear_error();

	if (err)
		mem_deref(t);
	else
		*tp = t;

	return err;
}

int tlsclient_feed(struct tlsclient *t, const void *buf, size_t len)
{
	if (!t || len > INT_MAX)
		return EINVAL;

	return BIO_write(t->in, buf, (int)len) == (int)len ? 0 : ENOMEM;
}

int tlsclient_handshake(struct tlsclient *t, const char **why)
{
	unsigned long e;
	long verify;
	int r;

	if (SSL_is_init_finished(t->ssl))
		return 0;

	ERR_clear_error();
	r = SSL_do_handshake(t->ssl);
	if (r == 1)
		return 0;

	if (SSL_get_error(t->ssl, r) == SSL_ERROR_WANT_READ)
		return EAGAIN;

	verify = SSL_get_verify_result(t->ssl);
	if (verify != X509_V_OK) {
		*why = X509_verify_cert_error_string(verify);
		ERR_clear_error();
		return EACCES;
	}

	e = ERR_peek_error();
	*why = e ? ERR_reason_error_string(e) : NULL;
	if (!*why)
		*why = "the handshake failed";
	ERR_clear_error();

	return EPROTO;
}

int tlsclient_read(struct tlsclient *t, void *buf, size_t size, size_t *n)
{
	int r;

	ERR_clear_error();
	if (SSL_read_ex(t->ssl, buf, size, n) == 1)
		return 0;

	r = SSL_get_error(t->ssl, 0);
	ERR_clear_error();

	switch (r) {
	case SSL_ERROR_WANT_READ:
	case SSL_ERROR_WANT_WRITE:
		return EAGAIN;
	case SSL_ERROR_ZERO_RETURN:
		return ECONNRESET;
	default:
		return EPROTO;
	}
}

int tlsclient_write(struct tlsclient *t, const void *buf, size_t len)
{
	size_t n;

	if (!len)
		return 0;

	ERR_clear_error();
	if (SSL_write_ex(t->ssl, buf, len, &n) == 1 && n == len)
		return 0;

	ERR_clear_error();

	return EPROTO;
}

void tlsclient_end(struct tlsclient *t)
{
	if (!SSL_is_init_finished(t->ssl))
		return;

	ERR_clear_error();
	(void)SSL_shutdown(t->ssl);
	ERR_clear_error();
}

size_t tlsclient_pull(struct tlsclient *t, void *buf, size_t size)
{
	int n;

	n = BIO_read(t->out, buf, size > INT_MAX ? INT_MAX : (int)size);

	return n > 0 ? (size_t)n : 0;
}

const char *tlsclient_version(const struct tlsclient *t)
{
	return SSL_get_version(t->ssl);
}
