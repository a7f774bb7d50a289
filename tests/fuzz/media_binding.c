/* media_binding.c: whatever comes as a check of consent: what is read stays in
 * the datagram, and only who knows the password is believed. */
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>
#include <string.h>
#include "media/binding.h"
#include "media/packet.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char pwd[] = "VOkJxbRl1RmTxUk/WvJxBt";

/* By another way than ours. */
static bool is_proven(const struct binding *b, const uint8_t *data)
{
	uint8_t copy[BINDING_MAX], md[EVP_MAX_MD_SIZE];
	size_t len;
	unsigned n;

	if (!b->proof)
		return false;
	len = (size_t)(b->proof - data) - 4;
	memcpy(copy, data, len);
	packet_put16(copy + 2, (uint16_t)(len + 24 - 20));
	if (!HMAC(EVP_sha1(), pwd, (int)strlen(pwd), copy, len, md, &n))
		abort();

	return !memcmp(md, b->proof, n);
}

static unsigned sum(const uint8_t *p, size_t n)
{
	unsigned all = 0;

	while (n--)
		all += *p++;

	return all;
}

/* What we say is understood, and believed. */
static void check_made(const uint8_t *p, size_t n, enum binding_type type,
		       const struct evp_hmac *key)
{
	struct binding b;

	if (n > BINDING_MAX || binding_decode(&b, p, n) || b.type != type ||
	    !binding_is_authentic(&b, key))
		abort();
}

static void check_ours(const struct binding *b, const struct evp_hmac *key)
{
	struct sockaddr_storage ss = {.ss_family = AF_INET6};
	struct binding_check c = {"h6vY", "evtj", {0}, 7, b->error > 400};
	uint8_t buf[BINDING_MAX];

	memcpy(c.id, b->id, BINDING_ID);
	check_made(buf, binding_answer(buf, b->id, &ss, key), BINDING_SUCCESS,
		   key);
	check_made(buf, binding_ask(buf, &c, key), BINDING_REQUEST, key);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static volatile unsigned seen;
	struct evp_hmac key;
	struct binding b;

	if (binding_decode(&b, data, size))
		return 0;
	evp_hmac_key(&key, (const uint8_t *)pwd, strlen(pwd));
	seen += sum(b.id, BINDING_ID);
	if (b.user)
		seen += sum(b.user, b.userlen);
	if (binding_is_authentic(&b, &key) != is_proven(&b, data))
		abort();
	check_ours(&b, &key);
	(void)seen;

	return 0;
}
