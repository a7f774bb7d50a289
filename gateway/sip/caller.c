/* caller.c: who sends a request. */
#include "sip/caller.h"
#include <string.h>
#include "base/text.h"
#include "sip/nameaddr.h"

enum { DIVERTED_MAX = 64 }; /* bytes */

void caller_clear(struct caller *c)
{
	c->peer.uri = mem_deref(c->peer.uri);
	c->peer.name = mem_deref(c->peer.name);
	c->peer.jid = mem_deref(c->peer.jid);
}

static int caller_set(struct caller *c, const struct nameaddr *na)
{
	int err;

	caller_clear(c);
	err = pl_strdup(&c->peer.uri, &na->uri);
	if (err)
		return err;

	return nameaddr_name(&c->peer.name, na);
}

struct asserted {
	struct nameaddr na;
	bool found, sip;
};

/* RFC 3325 9.1: one sip, one tel; sip is preferred (protocol F.3) */
static bool asserted_handler(const struct sip_hdr *hdr,
			     const struct sip_msg *msg, void *arg)
{
	struct asserted *a = arg;
	struct nameaddr na;
	bool sip, tel;
	(void)msg;

	if (nameaddr_decode(&na, &hdr->val))
		return false;

	sip = na.uri.l > 4 && !strncasecmp(na.uri.p, "sip:", 4);
	tel = na.uri.l > 4 && !strncasecmp(na.uri.p, "tel:", 4);
	if (a->sip || !(sip || (tel && !a->found)))
		return false;

	a->na = na;
	a->found = true;
	a->sip = sip;

	return false;
}

static bool privacy_asked(const struct sip_msg *msg)
{
	static const char *const kinds[] = {"id", "user", "header"};
	const struct sip_hdr *hdr = sip_msg_hdr(msg, SIP_HDR_PRIVACY);
	struct pl rest, word;

	if (!hdr)
		return false;

	rest = hdr->val; /* RFC 3323 4.2: separated by ';' */
	while (rest.l) {
		const char *semi = pl_strchr(&rest, ';');

		word = rest;
		if (semi)
			word.l = (size_t)(semi - rest.p);
		pl_advance(&rest, (ssize_t)(word.l + (semi ? 1 : 0)));
		while (word.l && word.p[0] == ' ')
			pl_advance(&word, 1);
		while (word.l && word.p[word.l - 1] == ' ')
			--word.l;
		for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
			if (!pl_strcasecmp(&word, kinds[i]))
				return true;
	}

	return false;
}

static int caller_anonymous(struct caller *c)
{
	int err;

	caller_clear(c);
	c->verified = false;
	err = str_dup(&c->peer.uri, "sip:anonymous@anonymous.invalid");
	if (err)
		return err;

	return str_dup(&c->peer.name, "Anonymous");
}

bool caller_is_trusted(const struct config_trunk *trunk)
{
	return trunk && trunk->trusted &&
	       trunk->identity == CONFIG_IDENTITY_PAI;
}

int caller_decode(struct caller *c, const struct sip_msg *msg, bool trusted)
{
	struct asserted asserted;
	struct nameaddr na;
	int err;

	memset(c, 0, sizeof(*c));
	memset(&asserted, 0, sizeof(asserted));

	err = nameaddr_decode(&na, &msg->from.val);
	if (err)
		return err;
	if (trusted)
		(void)sip_msg_hdr_apply(msg, true, SIP_HDR_P_ASSERTED_IDENTITY,
					asserted_handler, &asserted);

	/* RFC 3325 7: nobody beyond the trunk learns a hidden identity */
	if (privacy_asked(msg) ||
	    (!asserted.found && na.uri.l >= 17 &&
	     !strncasecmp(na.uri.p + na.uri.l - 17, "anonymous.invalid", 17)))
		err = caller_anonymous(c);
	else
		err = caller_set(c, asserted.found ? &asserted.na : &na);

	if (!err && strcmp(c->peer.uri, "sip:anonymous@anonymous.invalid"))
		c->verified = trusted;
	if (err)
		caller_clear(c);

	return err;
}

/* RFC 7044 10.3: "<sip:800@example.com?Reason=SIP%3Bcause%3D486>;index=1" */
static bool history_tells(const struct nameaddr *na)
{
	static const char mark[] = "reason=";

	for (size_t i = 0; i + sizeof(mark) <= na->uri.l; i++) {
		if (!strncasecmp(na->uri.p + i, mark, sizeof(mark) - 1))
			return true;
	}

	return false;
}

static bool history_handler(const struct sip_hdr *hdr,
			    const struct sip_msg *msg, void *arg)
{
	struct nameaddr *found = arg, na;
	(void)msg;

	if (!nameaddr_decode(&na, &hdr->val) && history_tells(&na))
		*found = na;

	return false;
}

int caller_diverted(char **dp, const struct sip_msg *msg)
{
	const struct sip_hdr *hdr = sip_msg_xhdr(msg, "Diversion");
	struct nameaddr na;
	struct pl user;

	*dp = NULL;
	memset(&na, 0, sizeof(na));
	if (!hdr || nameaddr_decode(&na, &hdr->val)) {
		memset(&na, 0, sizeof(na));
		(void)sip_msg_hdr_apply(msg, true, SIP_HDR_HISTORY_INFO,
					history_handler, &na);
	}
	if (!na.uri.l)
		return 0;

	user = na.uri;
	for (size_t i = 0; i < user.l; i++) {
		if (user.p[i] == ':') {
			pl_advance(&user, (ssize_t)i + 1);
			break;
		}
	}
	for (size_t i = 0; i < user.l; i++) {
		if (strchr("@;?>", user.p[i])) {
			user.l = i;
			break;
		}
	}
	if (!user.l || user.l > DIVERTED_MAX)
		return 0;

	return text_clean(dp, &user, DIVERTED_MAX);
}
