/* message_in.c: MESSAGE of others: each once (RFC 3428 7). */
#include "sip/message.h"
#include <string.h>
#include <openssl/evp.h>
#include "base/log.h"
#include "sip/answer.h"
#include "sip/caller.h"
#include "sip/nameaddr.h"
#include "sip/refuse.h"

enum {
	SEEN_MIN = 1024,       /* requests remembered at first, .. */
	SEEN_MAX = 128 * 1024, /* .. and at most; powers of two */
	SEEN_FOR = 60,	       /* s; 64*T1 and the pause before a new try */
	HASH = MESSAGE_HASH_SIZE / 2, /* bytes */
};

struct seen {
	uint8_t hash[HASH];
	uint16_t code;
	uint32_t until; /* s */
	uint32_t next;	/* in its chain: 1 + its place */
};

/* A ring: who comes takes the place of the oldest. */
struct messages {
	struct sipstack *stack; /* not referenced: it outlives us */
	struct seen *seen;	/* size of them */
	uint32_t *chains;	/* the same number */
	size_t size, head, used;
	EVP_MD *sha256; /* looked up once, not for each message */
	EVP_MD_CTX *md;
	message_in_h *h;
	void *arg;
};

static void destructor(void *arg)
{
	struct messages *ms = arg;

	mem_deref(ms->seen);
	mem_deref(ms->chains);
	EVP_MD_CTX_free(ms->md);
	EVP_MD_free(ms->sha256);
}

static uint32_t now_s(void)
{
	return (uint32_t)(tmr_jiffies() / 1000);
}

/* The hash is one that nobody can aim: of SHA-256. */
static uint32_t *chain_of(const struct messages *ms, const uint8_t *hash)
{
	uint32_t v;

	memcpy(&v, hash, sizeof(v));

	return &ms->chains[v & (ms->size - 1)];
}

static const struct seen *seen_find(const struct messages *ms,
				    const uint8_t *hash)
{
	const uint32_t now = now_s();

	for (uint32_t i = *chain_of(ms, hash); i; i = ms->seen[i - 1].next) {
		const struct seen *s = &ms->seen[i - 1];

		if (!memcmp(s->hash, hash, HASH))
			return s->until >= now ? s : NULL;
	}

	return NULL;
}

static void chain_add(struct messages *ms, size_t at)
{
	uint32_t *chain = chain_of(ms, ms->seen[at].hash);

	ms->seen[at].next = *chain;
	*chain = (uint32_t)at + 1;
}

static void chain_remove(struct messages *ms, size_t at)
{
	uint32_t *p = chain_of(ms, ms->seen[at].hash);

	while (*p && *p != at + 1)
		p = &ms->seen[*p - 1].next;
	*p = ms->seen[at].next;
}

/* Its oldest is the first of the new one. */
static int grow(struct messages *ms, size_t size)
{
	struct seen *seen = mem_alloc(size * sizeof(*seen), NULL);
	uint32_t *chains = mem_zalloc(size * sizeof(*chains), NULL);

	if (!seen || !chains) {
		mem_deref(seen);
		mem_deref(chains);
		return ENOMEM;
	}
	for (size_t i = 0; i < ms->used; i++)
		seen[i] = ms->seen[(ms->head + ms->size - ms->used + i) &
				   (ms->size - 1)];
	mem_deref(ms->seen);
	mem_deref(ms->chains);
	ms->seen = seen;
	ms->chains = chains;
	ms->size = size;
	ms->head = ms->used;
	for (size_t i = 0; i < ms->used; i++)
		chain_add(ms, i);

	return 0;
}

/* Where memory is short a fork may be shown twice. */
static void seen_add(struct messages *ms, const uint8_t *hash, unsigned code)
{
	const uint32_t now = now_s();
	struct seen *s;

	if (ms->used == ms->size && ms->size < SEEN_MAX &&
	    ms->seen[ms->head].until >= now)
		(void)grow(ms, 2 * ms->size);
	if (ms->used == ms->size)
		chain_remove(ms, ms->head);
	else
		ms->used++;

	s = &ms->seen[ms->head];
	memcpy(s->hash, hash, HASH);
	s->code = (uint16_t)code;
	s->until = now + SEEN_FOR;
	chain_add(ms, ms->head);
	ms->head = (ms->head + 1) & (ms->size - 1);
}

/* What is the same in a retransmission and in each fork (RFC 3261 8.2.2.2). */
static int identify(uint8_t hash[HASH], const struct messages *ms,
		    const struct sip_msg *msg, const struct siptrunk *trunk)
{
	const char *name = siptrunk_conf(trunk)->name;
	const struct pl *tag = &msg->from.tag;
	unsigned char md[EVP_MAX_MD_SIZE];
	char num[16];
	int n;
	bool ok;

	n = re_snprintf(num, sizeof(num), "\n%u", msg->cseq.num);
	ok = n > 0 && EVP_DigestInit_ex(ms->md, ms->sha256, NULL) &&
	     EVP_DigestUpdate(ms->md, name, strlen(name)) &&
	     EVP_DigestUpdate(ms->md, "\n", 1) &&
	     EVP_DigestUpdate(ms->md, msg->callid.p, msg->callid.l) &&
	     EVP_DigestUpdate(ms->md, "\n", 1) &&
	     EVP_DigestUpdate(ms->md, tag->p, tag->l) &&
	     EVP_DigestUpdate(ms->md, num, (size_t)n) &&
	     EVP_DigestFinal_ex(ms->md, md, NULL);
	if (ok)
		memcpy(hash, md, HASH);

	return ok ? 0 : ENOMEM;
}

static void hash_text(char text[MESSAGE_HASH_SIZE], const uint8_t hash[HASH])
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < HASH; i++) {
		text[2 * i] = digits[hash[i] >> 4];
		text[2 * i + 1] = digits[hash[i] & 15];
	}
	text[2 * HASH] = '\0';
}

static const struct {
	unsigned code;
	const char *phrase;
} phrases[] = {
    {202, "Accepted"},
    {415, "Unsupported Media Type"},
};

static const char *phrase_of(const struct message_reply *r)
{
	for (size_t i = 0; i < ARRAY_SIZE(phrases) && !r->phrase; i++) {
		if (phrases[i].code == r->code)
			return phrases[i].phrase;
	}

	return r->phrase ? r->phrase : reason_phrase(r->code);
}

/* What is answered once more has the tag that it had (RFC 3261 8.2.7). */
static void tag_set(const struct sip_msg *msg, const uint8_t hash[HASH])
{
	union {
		const struct sip_msg *in;
		struct sip_msg *out;
	} u = {.in = msg};

	memcpy(&u.out->tag, hash + HASH - sizeof(u.out->tag),
	       sizeof(u.out->tag));
}

/* Of what was taken no transaction is kept, which would hold the whole message
 * for 32 s: a repeated one is known by what was seen. */
static void reply(struct sip *sip, const struct sip_msg *msg,
		  const struct message_reply *r)
{
	char retry[40] = "";
	int err;

	if (r->retry_after)
		(void)re_snprintf(retry, sizeof(retry), "Retry-After: %u\r\n",
				  r->retry_after);
	if (r->code < 300)
		err = answer_send(sip, msg, r->code, phrase_of(r), r->headers);
	else
		err =
		    sip_treplyf(NULL, NULL, sip, msg, false, (uint16_t)r->code,
				phrase_of(r), "%s%sContent-Length: 0\r\n\r\n",
				retry, r->headers ? r->headers : "");
	if (err)
		log_warning("sip: MESSAGE from %J: %m\n", &msg->src, err);
}

static struct pl header(const struct sip_msg *msg, enum sip_hdrid id)
{
	const struct sip_hdr *hdr = sip_msg_hdr(msg, id);

	return hdr ? hdr->val : pl_null;
}

/* token / quoted-string of "charset=" */
static struct pl charset_of(const struct sip_msg *msg)
{
	struct pl val;

	if (msg_param_decode(&msg->ctyp.params, "charset", &val))
		return pl_null;
	if (val.l > 1 && val.p[0] == '"' && val.p[val.l - 1] == '"') {
		++val.p;
		val.l -= 2;
	}

	return val;
}

/* Whom it is for.  Within a call the Request-URI is a Contact of ours, and
 * the address that both sides go by is in To. */
static int target_of(char **urip, const struct sip_msg *msg)
{
	struct nameaddr na;
	int err;

	if (!pl_isset(&msg->to.tag))
		return pl_strdup(urip, &msg->ruri);

	err = nameaddr_decode(&na, &msg->to.val);

	return err ? err : pl_strdup(urip, &na.uri);
}

static void raise_up(struct messages *ms, struct message_in *in,
		     const struct sip_msg *msg, struct message_reply *r)
{
	const struct config_trunk *conf = siptrunk_conf(in->trunk);
	struct caller caller;
	char *ruri = NULL;
	int err;

	err = caller_decode(&caller, msg, caller_is_trusted(conf));
	if (err) {
		r->code = err == ENOMEM ? 500 : 400;
		return;
	}

	err = target_of(&ruri, msg);
	if (!err) {
		in->ruri = ruri;
		in->from = &caller.peer;
		in->verified = caller.verified;
		in->callid = msg->callid;
		in->type = msg->ctyp.type;
		in->subtype = msg->ctyp.subtype;
		in->charset = charset_of(msg);
		in->encoding = header(msg, SIP_HDR_CONTENT_ENCODING);
		in->lang = header(msg, SIP_HDR_CONTENT_LANGUAGE);
		in->subject = header(msg, SIP_HDR_SUBJECT);
		in->body.p = (const char *)mbuf_buf(msg->mb);
		in->body.l = mbuf_get_left(msg->mb);
		ms->h(in, r, ms->arg);
	}
	mem_deref(ruri);
	caller_clear(&caller);
}

static void request_h(struct siptrunk *trunk, struct sip *sip,
		      const struct sip_msg *msg, void *arg)
{
	struct messages *ms = arg;
	struct message_reply r = {.code = 500};
	struct message_in in = {.trunk = trunk};
	const struct seen *seen;
	uint8_t hash[HASH];

	if (identify(hash, ms, msg, trunk)) {
		reply(sip, msg, &r);
		return;
	}

	tag_set(msg, hash);
	seen = seen_find(ms, hash);
	if (seen) {
		log_debug("sip: MESSAGE %r once more: %u\n", &msg->callid,
			  seen->code);
		r.code = seen->code;
		reply(sip, msg, &r);
		return;
	}

	hash_text(in.hash, hash);
	raise_up(ms, &in, msg, &r);
	/* what was refused for the moment may be tried again */
	if (r.code < 300)
		seen_add(ms, hash, r.code);
	else
		refuse_msg(msg, trunk, REFUSE_MESSAGE, r.code);
	reply(sip, msg, &r);
}

int messages_alloc(struct messages **mp, struct sipstack *s, message_in_h *h,
		   void *arg)
{
	struct messages *ms;
	int err;

	if (!mp || !s || !h)
		return EINVAL;

	ms = mem_zalloc(sizeof(*ms), destructor);
	if (!ms)
		return ENOMEM;

	ms->stack = s;
	ms->h = h;
	ms->arg = arg;
	ms->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
	ms->md = EVP_MD_CTX_new();
	err = ms->sha256 && ms->md ? grow(ms, SEEN_MIN) : ENOMEM;
	if (!err)
		err = sipstack_listen(s, "MESSAGE", request_h, ms);
	if (err)
		mem_deref(ms);
	else
		*mp = ms;

	return err;
}
