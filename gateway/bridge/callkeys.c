/* callkeys.c: profile and SDES keys towards SIP (protocol F.2, D43). */
#include <errno.h>
#include <string.h>
#include <openssl/rand.h>
#include "bridge/callpriv.h"

/* What we offer for SRTP towards SIP, best first. */
static const enum crypto_suite suites[CALL_KEYS] = {
    SUITE_AEAD_AES_128_GCM,
    SUITE_CM128_SHA1_80,
};

static int make_key(struct crypto *c, unsigned tag, enum crypto_suite suite)
{
	memset(c, 0, sizeof(*c));
	c->tag = tag;
	c->suite = suite;
	c->keylen = (uint8_t)crypto_suite_keylen(suite);

	return RAND_bytes(c->key, c->keylen) == 1 ? 0 : ENOMEM;
}

/* The offer's first crypto line that we speak, answered with a key of ours;
 * the key stays when the line was answered before. */
static int answer_key(struct call *call, const struct transport *offer)
{
	const struct crypto *c = offer->cryptos;

	if (!c)
		return ENOENT;
	if (call->keyc == 1 && call->keys[0].tag == c->tag &&
	    call->keys[0].suite == c->suite)
		return 0;

	call->keyc = 1;

	return make_key(&call->keys[0], c->tag, c->suite);
}

static bool may_sdes(const struct config_trunk *trunk)
{
	return trunk->tls || trunk->sdes_over_plain;
}

bool callkeys_is_savp(enum desc_proto p)
{
	return p == DESC_RTP_SAVP || p == DESC_RTP_SAVPF;
}

/* Keys and profile of our answer to S's offer; ENOTSUP: cannot be answered. */
int callkeys_answer(struct call *call, struct desc_media *m,
		    const struct desc_media *o)
{
	if (o->proto >= DESC_TLS_SAVP)
		return ENOTSUP;

	m->proto = o->proto;
	if (o->transport.cryptos && may_sdes(call->trunk))
		return answer_key(call, &o->transport);

	call->keyc = 0;

	return callkeys_is_savp(o->proto) || call->trunk->media == CONFIG_SDES
		   ? ENOTSUP
		   : 0;
}

int callkeys_offer(struct call *call, struct desc_media *m)
{
	int err = 0;

	m->proto = DESC_RTP_AVP;
	if (call->trunk->media == CONFIG_AVP)
		return 0;
	if (call->trunk->media == CONFIG_SDES)
		m->proto = DESC_RTP_SAVP;
	if (!may_sdes(call->trunk))
		return 0;
	if (call->keyc)
		return 0;

	for (unsigned i = 0; i < CALL_KEYS && !err; i++)
		err = make_key(&call->keys[i], i + 1, suites[i]);
	call->keyc = err ? 0 : CALL_KEYS;

	return err;
}

const struct crypto *callkeys_find(const struct call *call, unsigned tag,
				   enum crypto_suite suite)
{
	for (unsigned i = 0; i < call->keyc; i++) {
		if (call->keys[i].tag == tag && call->keys[i].suite == suite)
			return &call->keys[i];
	}

	return NULL;
}
