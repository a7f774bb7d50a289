/* digest.c: HTTP digest as a client (RFC 7616, RFC 8760, RFC 3261 22). */
#include "sip/digest.h"
#include <string.h>
#include <openssl/evp.h>
#include "base/id.h"
#include "base/text.h"
#include "sip/scan.h"

#ifndef PLANT
#define PLANT 0
#endif

enum {
	CNONCE_SIZE = 17,  /* with the NUL */
	VALUE_MAX = 1024,  /* bytes of a nonce, realm or opaque */
	PARAMS_MAX = 32,   /* of one challenge */
	CREDIT = 2,	   /* challenges a request may meet: first, stale */
	CREDIT_MAX = 1000, /* many requests may be under way at once */
};

/* Weakest first: RFC 8760 2.4. */
static const struct {
	const char *name;
	const char *evp;
} algs[] = {
    [DIGEST_MD5] = {"MD5", "MD5"},
    [DIGEST_SHA256] = {"SHA-256", "SHA256"},
    [DIGEST_SHA512_256] = {"SHA-512-256", "SHA512-256"},
};

struct challenge {
	char *realm, *nonce, *opaque;
	enum digest_alg alg;
	bool named; /* the challenge named its algorithm */
	bool set;
	uint32_t nc;
	uint32_t serial; /* of the digest's when it was taken */
};

struct digest {
	char *user, *password, *realm;
	struct challenge www, proxy;
	enum digest_alg floor; /* best that was ever offered */
	unsigned credit;
	uint32_t serial;
};

/* One parsed challenge, slices into the header. */
struct offer {
	struct pl realm, nonce, opaque;
	enum digest_alg alg;
	bool named, stale, known_alg, qop_auth, digest;
};

static void challenge_clear(struct challenge *c)
{
	c->realm = mem_deref(c->realm);
	c->nonce = mem_deref(c->nonce);
	c->opaque = mem_deref(c->opaque);
	c->set = false;
	c->nc = 0;
}

static void destructor(void *arg)
{
	struct digest *d = arg;

	challenge_clear(&d->www);
	challenge_clear(&d->proxy);
	mem_deref(d->user);
	if (d->password)
		OPENSSL_cleanse(d->password, strlen(d->password));
	mem_deref(d->password);
	mem_deref(d->realm);
}

int digest_alloc(struct digest **dp, const char *user, const char *password,
		 const char *realm)
{
	struct digest *d;
	int err;

	if (!dp || !user || !password)
		return EINVAL;

	d = mem_zalloc(sizeof(*d), destructor);
	if (!d)
		return ENOMEM;

	d->credit = CREDIT;
	err = str_dup(&d->user, user);
	err |= str_dup(&d->password, password);
	if (realm)
		err |= str_dup(&d->realm, realm);

	if (err)
		mem_deref(d);
	else
		*dp = d;

	return err ? ENOMEM : 0;
}

void digest_reset(struct digest *d)
{
	if (d)
		d->credit = MIN(d->credit + CREDIT, CREDIT_MAX);
}

/* One "name=value" of a challenge. */
static bool next_param(struct pl *in, struct pl *name, struct pl *value)
{
	while (in->l && (*in->p == ',' || *in->p == ' ' || *in->p == '\t' ||
			 *in->p == '\r' || *in->p == '\n'))
		pl_advance(in, 1);

	name->p = in->p;
	while (in->l && *in->p != '=' && *in->p != ',')
		pl_advance(in, 1);
	name->l = (size_t)(in->p - name->p);
	sipscan_trim(name);
	*value = (struct pl){in->p, 0};
	if (!in->l || *in->p != '=')
		return name->l > 0;

	pl_advance(in, 1);
	while (in->l && (*in->p == ' ' || *in->p == '\t'))
		pl_advance(in, 1);

	if (in->l && *in->p == '"') {
		pl_advance(in, 1);
		value->p = in->p;
		while (in->l && *in->p != '"')
			pl_advance(in,
				   *in->p == '\\' && (in->l > 1 || PLANT == 1)
				       ? 2
				       : 1);
		value->l = (size_t)(in->p - value->p);
		if (in->l)
			pl_advance(in, 1);
		return true;
	}

	value->p = in->p;
	while (in->l && *in->p != ',')
		pl_advance(in, 1);
	value->l = (size_t)(in->p - value->p);
	sipscan_trim(value);
	return true;
}

static bool qop_has_auth(const struct pl *value, void *arg)
{
	(void)arg;
	return !pl_strcasecmp(value, "auth");
}

static void take_param(struct offer *o, const struct pl *name,
		       const struct pl *value)
{
	if (!pl_strcasecmp(name, "realm")) {
		o->realm = *value;
	} else if (!pl_strcasecmp(name, "nonce")) {
		o->nonce = *value;
	} else if (!pl_strcasecmp(name, "opaque")) {
		o->opaque = *value;
	} else if (!pl_strcasecmp(name, "stale")) {
		o->stale = !pl_strcasecmp(value, "true");
	} else if (!pl_strcasecmp(name, "qop")) {
		o->qop_auth = sipscan_values(value, qop_has_auth, NULL);
	} else if (!pl_strcasecmp(name, "algorithm")) {
		o->named = true;
		o->known_alg = false;
		for (size_t i = 0; i < ARRAY_SIZE(algs); i++) {
			if (pl_strcasecmp(value, algs[i].name))
				continue;
			o->alg = (enum digest_alg)i;
			o->known_alg = true;
		}
	}
}

/* What goes back inside quotes must be free of syntax. */
static bool is_quotable(const struct pl *p)
{
	bool escaped = false;

	if (p->l > VALUE_MAX)
		return false;

	for (size_t i = 0; i < p->l; i++) {
		const unsigned char c = (unsigned char)p->p[i];

		if ((c < 0x20 || c == 0x7f) && PLANT != 2)
			return false;
		if (escaped)
			escaped = false;
		else if (c == '"')
			return false;
		else
			escaped = c == '\\';
	}

	return !escaped || PLANT == 3;
}

static bool offer_decode(struct offer *o, const struct pl *header)
{
	struct pl in = *header, name, value;

	memset(o, 0, sizeof(*o));
	o->known_alg = true; /* absent: MD5, RFC 7616 3.3 */

	if (in.l < 7 || strncasecmp(in.p, "Digest", 6) ||
	    (in.p[6] != ' ' && in.p[6] != '\t'))
		return false;
	pl_advance(&in, 7);

	for (unsigned i = 0; i < PARAMS_MAX && in.l; i++) {
		if (!next_param(&in, &name, &value))
			break;
		take_param(o, &name, &value);
	}

	o->digest = o->realm.p && o->nonce.l && is_quotable(&o->realm) &&
		    is_quotable(&o->nonce) && is_quotable(&o->opaque);
	return o->digest;
}

struct choice {
	struct digest *d;
	struct offer best;
	bool found, foreign;
};

static bool realm_is(const char *realm, const struct pl *p)
{
	return !realm || !pl_strcmp(p, realm);
}

static bool weigh(const struct sip_hdr *hdr, const struct sip_msg *msg,
		  void *arg)
{
	struct choice *c = arg;
	struct offer o;
	(void)msg;

	if (!offer_decode(&o, &hdr->val))
		return false;
	if (!realm_is(c->d->realm, &o.realm)) {
		c->foreign = true;
		return false;
	}
	if (!o.known_alg)
		return false;

	/* also one without qop tells what the server is able to do */
	c->d->floor = MAX(c->d->floor, o.alg);
	if (!o.qop_auth)
		return false;
	if (!c->found || o.alg > c->best.alg) {
		c->best = o;
		c->found = true;
	}

	return false;
}

static int challenge_take(struct digest *d, struct challenge *c,
			  const struct offer *o, uint32_t asked)
{
	int err;

	/* What we answered was wrong, or another request, which left before
	 * this challenge came, answers it when it is sent again. */
	if (c->set && !o->stale && !pl_strcmp(&o->nonce, c->nonce))
		return asked >= c->serial ? EACCES : 0;
	if (!d->credit)
		return EACCES; /* a new nonce for each wrong answer */
	--d->credit;

	challenge_clear(c);
	err = pl_strdup(&c->realm, &o->realm);
	err |= pl_strdup(&c->nonce, &o->nonce);
	if (o->opaque.p)
		err |= pl_strdup(&c->opaque, &o->opaque);
	if (!d->realm)
		err |= pl_strdup(&d->realm, &o->realm);
	if (err) {
		challenge_clear(c);
		return ENOMEM;
	}

	c->alg = o->alg;
	c->named = o->named;
	c->serial = ++d->serial;
	c->set = true;
	return 0;
}

uint32_t digest_serial(const struct digest *d)
{
	return d ? d->serial : 0;
}

int digest_challenge(struct digest *d, const struct sip_msg *msg,
		     uint32_t asked)
{
	struct choice c = {.d = d};
	bool proxy;

	if (!d || !msg)
		return EINVAL;
	if (msg->scode != 401 && msg->scode != 407)
		return EINVAL;

	proxy = msg->scode == 407;
	(void)sip_msg_hdr_apply(msg, true,
				proxy ? SIP_HDR_PROXY_AUTHENTICATE
				      : SIP_HDR_WWW_AUTHENTICATE,
				weigh, &c);

	if (!c.found)
		return c.foreign ? EACCES : ENOTSUP;
	if (c.best.alg < d->floor)
		return ENOTSUP; /* downgrade: hardening 1, "Digest leak" */

	return challenge_take(d, proxy ? &d->proxy : &d->www, &c.best, asked);
}

const char *digest_realm(const struct digest *d)
{
	return d ? d->realm : NULL;
}

void digest_restore(struct digest *d, const char *realm)
{
	if (d && realm && !d->realm)
		(void)str_dup(&d->realm, realm);
}

static int hash_hex(char out[DIGEST_HEX], enum digest_alg alg,
		    const char *const *parts, size_t n)
{
	unsigned char md[EVP_MAX_MD_SIZE];
	unsigned len = 0;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	EVP_MD *type = EVP_MD_fetch(NULL, algs[alg].evp, NULL);
	int err = ENOMEM;

	if (!ctx || !type || EVP_DigestInit_ex(ctx, type, NULL) != 1)
		goto out;

	for (size_t i = 0; i < n; i++) {
		if (i && EVP_DigestUpdate(ctx, ":", 1) != 1)
			goto out;
		if (EVP_DigestUpdate(ctx, parts[i], strlen(parts[i])) != 1)
			goto out;
	}
	if (EVP_DigestFinal_ex(ctx, md, &len) != 1 || len > 32)
		goto out;

	for (unsigned i = 0; i < len; i++)
		(void)re_snprintf(out + 2 * (size_t)i, 3, "%02x", md[i]);
	err = 0;

out:
	EVP_MD_free(type);
	EVP_MD_CTX_free(ctx);
	return err;
}

/* RFC 7616 3.4.1 with qop=auth. */
int digest_compute(char out[DIGEST_HEX], const struct digest_input *in)
{
	char ha1[DIGEST_HEX], ha2[DIGEST_HEX], nc[9];
	const char *a1[] = {in->user, in->realm, in->password};
	const char *a2[] = {in->method, in->uri};
	const char *all[] = {ha1, in->nonce, nc, in->cnonce, "auth", ha2};
	int err;

	(void)re_snprintf(nc, sizeof(nc), "%08x", in->nc);
	err = hash_hex(ha1, in->alg, a1, ARRAY_SIZE(a1));
	if (!err)
		err = hash_hex(ha2, in->alg, a2, ARRAY_SIZE(a2));
	if (!err)
		err = hash_hex(out, in->alg, all, ARRAY_SIZE(all));

	OPENSSL_cleanse(ha1, sizeof(ha1));
	return err;
}

static int challenge_print(struct re_printf *pf, const char *name,
			   struct challenge *c,
			   const struct digest_request *rq)
{
	const struct digest *d = rq->digest;
	char cnonce[CNONCE_SIZE], response[DIGEST_HEX];
	struct pl user;
	struct digest_input in = {
	    .alg = c->alg,
	    .user = d->user,
	    .realm = c->realm,
	    .password = d->password,
	    .method = rq->method,
	    .uri = rq->uri,
	    .nonce = c->nonce,
	    .cnonce = cnonce,
	};
	int err;

	if (!c->set)
		return 0;

	id_token(cnonce, sizeof(cnonce));
	in.nc = ++c->nc;
	err = digest_compute(response, &in);
	if (err)
		return err;

	pl_set_str(&user, d->user); /* which may be what some user typed */
	err = re_hprintf(pf, "%s: Digest username=\"%H\", realm=\"%s\"", name,
			 text_print_sip_quoted, &user, c->realm);
	err |= re_hprintf(pf, ", nonce=\"%s\", uri=\"%s\", response=\"%s\"",
			  c->nonce, rq->uri, response);
	if (c->named)
		err |= re_hprintf(pf, ", algorithm=%s", algs[c->alg].name);
	err |= re_hprintf(pf, ", qop=auth, cnonce=\"%s\", nc=%08x", cnonce,
			  c->nc);
	if (c->opaque)
		err |= re_hprintf(pf, ", opaque=\"%s\"", c->opaque);
	err |= re_hprintf(pf, "\r\n");

	return err;
}

int digest_print(struct re_printf *pf, const struct digest_request *rq)
{
	int err;

	if (!rq || !rq->digest)
		return 0;

	err = challenge_print(pf, "Authorization", &rq->digest->www, rq);
	err |=
	    challenge_print(pf, "Proxy-Authorization", &rq->digest->proxy, rq);
	return err;
}
