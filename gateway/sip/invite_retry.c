/* invite_retry.c: finals that an INVITE gets over: 401, 407, 422, 3xx. */
#include "sip/invite_priv.h"
#include "base/log.h"
#include "sip/digest.h"
#include "sip/nameaddr.h"

struct redirect {
	struct le le;
	char *uri;
	unsigned q; /* thousandths */
};

static void redirect_destructor(void *arg)
{
	struct redirect *r = arg;

	list_unlink(&r->le);
	mem_deref(r->uri);
}

static bool retry_digest(struct invite *inv, const struct sip_msg *msg)
{
	struct digest *digest = siptrunk_digest(inv->trunk);
	int err;

	if (!digest || inv->authed)
		return false;

	inv->authed = true;
	err = digest_challenge(digest, msg, inv->asked);
	if (err) {
		log_warning("sip: %s: cannot answer the challenge (%m)\n",
			    inv->callid, err);
		return false;
	}
	invite_attempt_again(inv);

	return true;
}

/* 3xx stays within the trunk (protocol E.4): a Contact counts when its host
 * is the trunk's, the target's, or one that the trunk accepts calls from. */
static bool contact_is_ours(const struct invite *inv, const struct uri *uri,
			    const struct sip_msg *msg)
{
	const struct config_trunk *conf = siptrunk_conf(inv->trunk);
	struct uri trunk;
	struct sa sa;
	struct pl pl;

	if (pl_strcasecmp(&uri->scheme, "sip"))
		return false;

	if (conf && conf->uri) {
		pl_set_str(&pl, conf->uri);
		if (!uri_decode(&trunk, &pl) &&
		    !pl_casecmp(&trunk.host, &uri->host))
			return true;
	}
	if (sa_set(&sa, &uri->host, 0))
		return false;

	return sa_cmp(&sa, &msg->src, SA_ADDR) ||
	       (conf &&
		config_net_has(conf->accept_from, conf->accept_fromc, &sa));
}

static bool redirect_before(struct le *le1, struct le *le2, void *arg)
{
	const struct redirect *a = le1->data, *b = le2->data;
	(void)arg;

	return a->q >= b->q;
}

static bool contact_add(const struct sip_hdr *hdr, const struct sip_msg *msg,
			void *arg)
{
	struct invite *inv = arg;
	struct redirect *r;
	struct nameaddr na;
	struct uri uri;
	const char *end;

	if (inv->redirectc >= INVITE_REDIRECT_MAX)
		return true;
	if (nameaddr_decode(&na, &hdr->val) || uri_decode(&uri, &na.uri) ||
	    !contact_is_ours(inv, &uri, msg))
		return false;

	/* headers of a URI are not for a Request-URI (RFC 3261 19.1.1) */
	end = pl_strchr(&na.uri, '?');
	if (end)
		na.uri.l = (size_t)(end - na.uri.p);

	r = mem_zalloc(sizeof(*r), redirect_destructor);
	if (!r)
		return true;
	if (pl_strdup(&r->uri, &na.uri)) {
		mem_deref(r);
		return true;
	}
	r->q = nameaddr_q(&na);
	list_append(&inv->redirects, &r->le, r);
	++inv->redirectc;

	return false;
}

static bool retry_redirect(struct invite *inv)
{
	struct redirect *r = list_ledata(list_head(&inv->redirects));

	if (!r)
		return false;

	log_info("sip: %s: redirected to %s\n", inv->callid, r->uri);
	mem_deref(inv->ruri);
	inv->ruri = mem_ref(r->uri);
	mem_deref(r);
	inv->authed = false;
	invite_attempt_again(inv);

	return true;
}

static bool retry_3xx(struct invite *inv, const struct sip_msg *msg)
{
	(void)sip_msg_hdr_apply(msg, true, SIP_HDR_CONTACT, contact_add, inv);
	list_sort(&inv->redirects, redirect_before, NULL);

	return retry_redirect(inv);
}

bool invite_retry_final(struct invite *inv, const struct sip_msg *msg)
{
	if (msg->scode == 401 || msg->scode == 407)
		return retry_digest(inv, msg);

	if (msg->scode >= 300 && msg->scode < 400 && msg->scode != 380)
		return retry_3xx(inv, msg);

	if (msg->scode == 422) {
		if (!invite_timer_raise(inv, msg) ||
		    inv->retries++ >= INVITE_RETRY_MAX)
			return false;
		invite_attempt_again(inv);
		return true;
	}

	/* RFC 3261 8.1.3.4: the other Contacts, unless it was a global no */
	if (msg->scode < 600 && msg->scode != 503 && inv->redirectc)
		return retry_redirect(inv);

	return false;
}
