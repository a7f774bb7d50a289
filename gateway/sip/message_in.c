/* message_in.c: MESSAGE of others: each once (RFC 3428 7). */
#include "sip/message.h"
#include <string.h>
#include <openssl/evp.h>
#include "base/keyed.h"
#include "base/log.h"
#include "sip/caller.h"
#include "sip/nameaddr.h"
#include "sip/refuse.h"

enum {
	SEEN_MAX = 4096,      /* requests remembered, power of two */
	SEEN_FOR = 60 * 1000, /* ms; 64*T1 and the pause before a new try */
};

struct seen {
	struct le he, le;
	char hash[MESSAGE_HASH_SIZE];
	unsigned code;
	uint64_t until; /* ms */
};

struct messages {
	struct sipstack *stack; /* not referenced: it outlives us */
	struct hash *seen;
	struct list order; /* oldest first */
	unsigned seenc;
	EVP_MD *sha256; /* looked up once, not for each message */
	message_in_h *h;
	void *arg;
};

static void seen_destructor(void *arg)
{
	struct seen *s = arg;

	hash_unlink(&s->he);
	list_unlink(&s->le);
}

static void destructor(void *arg)
{
	struct messages *ms = arg;

	list_flush(&ms->order);
	mem_deref(ms->seen);
	EVP_MD_free(ms->sha256);
}

static bool is_hash(struct le *le, void *arg)
{
	const struct seen *s = le->data;

	return !strcmp(s->hash, arg);
}

static struct seen *seen_find(const struct messages *ms, char *hash)
{
	return list_ledata(
	    hash_lookup(ms->seen, keyed_str(hash), is_hash, hash));
}

/* Where memory is short a fork may be shown twice. */
static void seen_add(struct messages *ms, const char *hash, unsigned code)
{
	const uint64_t now = tmr_jiffies();
	struct seen *s = list_ledata(ms->order.head);

	while (s && (s->until < now || ms->seenc >= SEEN_MAX)) {
		mem_deref(s);
		--ms->seenc;
		s = list_ledata(ms->order.head);
	}

	s = mem_zalloc(sizeof(*s), seen_destructor);
	if (!s)
		return;

	str_ncpy(s->hash, hash, sizeof(s->hash));
	s->code = code;
	s->until = now + SEEN_FOR;
	hash_append(ms->seen, keyed_str(hash), &s->he, s);
	list_append(&ms->order, &s->le, s);
	++ms->seenc;
}

/* What is the same in a retransmission and in each fork (RFC 3261 8.2.2.2). */
static int identify(char hash[MESSAGE_HASH_SIZE], const struct messages *ms,
		    const struct sip_msg *msg, const struct siptrunk *trunk)
{
	unsigned char md[EVP_MAX_MD_SIZE];
	unsigned len = 0;
	char *text = NULL;
	int err;

	err = re_sdprintf(&text, "%s\n%r\n%r\n%u", siptrunk_conf(trunk)->name,
			  &msg->callid, &msg->from.tag, msg->cseq.num);
	if (err)
		return err;

	if (EVP_Digest(text, strlen(text), md, &len, ms->sha256, NULL) != 1)
		err = ENOMEM;
	mem_deref(text);
	if (!err)
		(void)re_snprintf(hash, MESSAGE_HASH_SIZE, "%w", md,
				  (size_t)MESSAGE_HASH_SIZE / 2);

	return err;
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

static void reply(struct sip *sip, const struct sip_msg *msg,
		  const struct message_reply *r)
{
	char retry[40] = "";
	int err;

	if (r->retry_after)
		(void)re_snprintf(retry, sizeof(retry), "Retry-After: %u\r\n",
				  r->retry_after);
	err = sip_treplyf(NULL, NULL, sip, msg, false, (uint16_t)r->code,
			  phrase_of(r), "%s%sContent-Length: 0\r\n\r\n", retry,
			  r->headers ? r->headers : "");
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

	if (identify(in.hash, ms, msg, trunk)) {
		reply(sip, msg, &r);
		return;
	}

	seen = seen_find(ms, in.hash);
	if (seen) {
		log_debug("sip: MESSAGE %r once more: %u\n", &msg->callid,
			  seen->code);
		r.code = seen->code;
		reply(sip, msg, &r);
		return;
	}

	raise_up(ms, &in, msg, &r);
	/* what was refused for the moment may be tried again */
	if (r.code < 300)
		seen_add(ms, in.hash, r.code);
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
	err = ms->sha256 ? hash_alloc(&ms->seen, SEEN_MAX) : ENOMEM;
	if (!err)
		err = sipstack_listen(s, "MESSAGE", request_h, ms);
	if (err)
		mem_deref(ms);
	else
		*mp = ms;

	return err;
}
