/* keydec.c: OpenSSL for DTLS, which decodes keys of certificates quickly.
 *
 * For the key of each certificate OpenSSL 3.0 goes through all kinds of keys
 * and all decoders that its providers have, and asks of each of these whether
 * it could be a step towards any of those: a third of what a handshake takes.
 * So handshakes have a library context of their own with one provider, which
 * is OpenSSL's default one but knows only the keys that DTLS can use, and of
 * the decoders only those for them as they are in a certificate (RFC 5280
 * 4.1). */
#include "media/keydec.h"

#include <openssl/core.h>
#include <openssl/core_dispatch.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/provider.h>
#include <pthread.h>
#include <string.h>

enum { FEW = 8 };

static pthread_once_t once = PTHREAD_ONCE_INIT;
static OSSL_PROVIDER *whole;
static OSSL_ALGORITHM decoders[FEW + 1], keys[FEW + 1]; /* end with zeros */
static OSSL_LIB_CTX *lib;

/* Of certificates (RFC 8422 5.3, RFC 8446 4.2.3), of key exchanges, of records
 * that are not AEAD's. */
static const struct {
	const char *name;
	bool decoded;
} kinds[FEW] = {
    {"EC", true},    {"RSA", true},	{"RSA-PSS", true}, {"ED25519", true},
    {"ED448", true}, {"X25519", false}, {"X448", false},   {"HMAC", false},
};

/* names: "EC:id-ecPublicKey:1.2.840.10045.2.1" */
static bool is_kind(const char *names, unsigned i)
{
	size_t n = strlen(kinds[i].name);

	return !strncmp(names, kinds[i].name, n) &&
	       (!names[n] || names[n] == ':');
}

static bool is_wanted(const OSSL_ALGORITHM *a, bool decoder)
{
	const char *how = a->property_definition;
	unsigned i;

	if (decoder && (!how || !strstr(how, "input=der") ||
			!strstr(how, "structure=SubjectPublicKeyInfo")))
		return false;
	for (i = 0; i < FEW; i++) {
		if (is_kind(a->algorithm_names, i))
			return kinds[i].decoded || !decoder;
	}

	return false;
}

static bool choose(OSSL_ALGORITHM few[FEW + 1], int operation)
{
	const OSSL_ALGORITHM *a;
	int no_cache;
	unsigned n = 0;

	a = OSSL_PROVIDER_query_operation(whole, operation, &no_cache);
	for (; a && a->algorithm_names && n < FEW; a++) {
		if (is_wanted(a, operation == OSSL_OP_DECODER))
			few[n++] = *a;
	}

	return n > 0;
}

static const OSSL_ALGORITHM *on_query(void *ctx, int operation, int *no_cache)
{
	(void)ctx;
	*no_cache = 0;
	switch (operation) {
	case OSSL_OP_DECODER:
		return decoders;
	case OSSL_OP_KEYMGMT:
		return keys;
	default:
		return OSSL_PROVIDER_query_operation(whole, operation,
						     no_cache);
	}
}

/* Groups of TLS. */
static int on_capabilities(void *ctx, const char *what, OSSL_CALLBACK *h,
			   void *arg)
{
	(void)ctx;

	return OSSL_PROVIDER_get_capabilities(whole, what, h, arg);
}

static int on_init(const OSSL_CORE_HANDLE *core, const OSSL_DISPATCH *in,
		   const OSSL_DISPATCH **out, void **ctx)
{
	static const OSSL_DISPATCH functions[] = {
	    {OSSL_FUNC_PROVIDER_QUERY_OPERATION, (void (*)(void))on_query},
	    {OSSL_FUNC_PROVIDER_GET_CAPABILITIES,
	     (void (*)(void))on_capabilities},
	    {0, NULL},
	};

	(void)core;
	(void)in;
	*out = functions;
	/* Its functions are called with what they know of their provider. */
	*ctx = OSSL_PROVIDER_get0_provider_ctx(whole);

	return 1;
}

static void start(void)
{
	OSSL_LIB_CTX *l;

	/* Who is made to use other providers has reasons. */
	if (!OSSL_PROVIDER_available(NULL, "default") ||
	    EVP_default_properties_is_fips_enabled(NULL))
		return;
	whole = OSSL_PROVIDER_load(NULL, "default");
	if (!whole || !choose(decoders, OSSL_OP_DECODER) ||
	    !choose(keys, OSSL_OP_KEYMGMT))
		return;
	l = OSSL_LIB_CTX_new();
	if (l && OSSL_PROVIDER_add_builtin(l, "few-decoders", on_init) &&
	    OSSL_PROVIDER_load(l, "few-decoders"))
		lib = l;
	else
		OSSL_LIB_CTX_free(l);
	ERR_clear_error();
}

bool keydec_start(void)
{
	(void)pthread_once(&once, start);

	return lib;
}

OSSL_LIB_CTX *keydec_lib(void)
{
	return lib;
}
