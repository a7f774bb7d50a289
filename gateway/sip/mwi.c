/* mwi.c: waiting messages (RFC 3842). */
#include "sip/mwi.h"
#include <errno.h>
#include <string.h>
#include "sip/invite.h"
#include "sip/refuse.h"
#include "sip/scan.h"

enum { COUNT_MAX = 9999, TEXT_MAX = 8192 };

const struct subscribe_package mwi_package = {
    "message-summary", "application/simple-message-summary"};

/* The next line, without its end. */
static bool line_next(struct pl *line, struct pl *rest)
{
	const char *nl;

	if (!rest->l)
		return false;

	nl = pl_strchr(rest, '\n');
	line->p = rest->p;
	line->l = nl ? (size_t)(nl - rest->p) : rest->l;
	pl_advance(rest, (ssize_t)(line->l + (nl ? 1 : 0)));
	if (line->l && line->p[line->l - 1] == '\r')
		line->l--;

	return true;
}

/* "name: value" */
static bool line_split(struct pl *name, struct pl *value,
		       const struct pl *line)
{
	const char *colon = pl_strchr(line, ':');

	if (!colon)
		return false;

	name->p = line->p;
	name->l = (size_t)(colon - line->p);
	value->p = colon + 1;
	value->l = line->l - name->l - 1;
	sipscan_trim(name);
	sipscan_trim(value);

	return true;
}

static unsigned number(struct pl *pl)
{
	unsigned n = 0;

	while (pl->l && *pl->p >= '0' && *pl->p <= '9') {
		n = MIN(n * 10 + (unsigned)(*pl->p - '0'),
			(unsigned)COUNT_MAX);
		pl_advance(pl, 1);
	}

	return n;
}

/* "2/8 (0/2)": new, old, and what is urgent of them. */
static void counts_read(struct mwi *m, const struct pl *value)
{
	struct pl pl = *value;

	m->fresh = number(&pl);
	m->old = 0;
	if (pl.l && *pl.p == '/') {
		pl_advance(&pl, 1);
		m->old = number(&pl);
	}
}

int mwi_decode(struct mwi *m, const struct pl *text)
{
	struct pl rest = *text, line, name, value;
	bool any = false, voice = false;

	memset(m, 0, sizeof(*m));
	if (text->l > TEXT_MAX)
		return EBADMSG;

	while (line_next(&line, &rest)) {
		if (!line_split(&name, &value, &line))
			continue;
		if (!pl_strcasecmp(&name, "Messages-Waiting")) {
			any = true;
			m->waiting = !pl_strcasecmp(&value, "yes");
		} else if (!pl_strcasecmp(&name, "Voice-Message") && !voice) {
			voice = true;
			counts_read(m, &value);
		}
	}

	return any ? 0 : EBADMSG;
}

/* ---- unasked ---- */

static bool is_summary(const struct sip_msg *msg)
{
	const struct sip_hdr *hdr = sip_msg_hdr(msg, SIP_HDR_EVENT);
	struct pl event;

	if (!hdr)
		return false;

	event = hdr->val;
	for (event.l = 0; event.l < hdr->val.l; event.l++) {
		if (strchr("; \t", event.p[event.l]))
			break;
	}

	return !pl_strcasecmp(&event, mwi_package.event);
}

static void notify(struct siptrunk *trunk, struct sip *sip,
		   const struct sip_msg *msg, void *arg)
{
	const struct mwi_listener *l = arg;
	struct pl body;
	struct mwi m;

	if (!is_summary(msg)) {
		refuse_msg(msg, trunk, REFUSE_DIALOG, 481);
		(void)sip_reply(sip, msg, 481, "Subscription Does Not Exist");
		return;
	}
	if (invite_body(&body, msg) || (body.l && mwi_decode(&m, &body))) {
		refuse_msg(msg, trunk, REFUSE_RULES, 400);
		(void)sip_reply(sip, msg, 400, "Bad Request");
		return;
	}

	(void)sip_reply(sip, msg, 200, "OK");
	if (body.l)
		l->h(siptrunk_conf(trunk), &m, l->arg);
}

int mwi_listen(struct sipstack *stack, struct mwi_listener *l)
{
	return sipstack_listen(stack, "NOTIFY", notify, l);
}
