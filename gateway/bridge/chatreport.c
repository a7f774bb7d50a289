/* chatreport.c: receipts, markers and chat states of XMPP, IMDN and
 * isComposing of SIP (protocol D.2). */
#include <errno.h>
#include <string.h>
#include <time.h>
#include "base/log.h"
#include "bridge/chatpriv.h"
#include "bridge/imdn.h"
#include "sip/cpim.h"

enum { REFRESH = 120 }; /* s; RFC 3994 3.3: where none is given */

/* ---- XMPP -> SIP ---- */

static struct chatgot *got_find(struct chat *chat, const char *user,
				const char *contact, const char *id)
{
	struct chatgot *got;
	char *key;

	if (re_sdprintf(&key, "%s\n%s\n%s", user, contact, id))
		return NULL;
	got = cache_find(chat->got, key);
	mem_deref(key);

	return got;
}

static void imdn_send(struct chatportal *p, const char *user,
		      const char *contact, const char *id, unsigned want,
		      enum imdn_kind kind, enum imdn_status status)
{
	struct chatgot *got = got_find(p->chat, user, contact, id);
	struct imdn d = {.kind = kind, .status = status};
	const struct chatpeer *peer;
	char *doc;

	if (!got || !(got->wants & want))
		return;
	peer = chat_peer(p->chat, contact, false);
	if (!peer || peer->no_cpim > tmr_jiffies())
		return;

	/* RFC 5438 7.2.1.1: one delivery report, whatever it says */
	got->wants &= want == CPIM_DISPLAY
			  ? ~want
			  : ~(unsigned)(CPIM_POSITIVE | CPIM_NEGATIVE);
	d.id = got->msgid;
	if (!imdn_encode(&doc, &d, time(NULL)))
		(void)chatout_report(p, user, contact, CHAT_IMDN, doc);
}

static void state_send(struct chatportal *p, const char *user,
		       const char *contact, enum chat_state state)
{
	const struct chatpeer *peer = chat_peer(p->chat, contact, false);
	const uint64_t now = tmr_jiffies();
	struct composing c = {.refresh = CHAT_COMPOSING / 1000};
	const int active = chatwords_composing(state);
	struct chattalk *talk;
	char *doc;

	if (active < 0 || !peer || !peer->composing ||
	    peer->no_composing > now)
		return;
	talk = chat_talk(p, user, contact);
	if (!talk || (active && talk->sent_active &&
		      now < talk->sent_at + CHAT_COMPOSING))
		return;
	if (!active && !talk->sent_active)
		return;

	talk->sent_active = active;
	talk->sent_at = now;
	c.active = active;
	if (!composing_encode(&doc, &c))
		(void)chatout_report(p, user, contact, CHAT_STATE, doc);
}

void chatreport_out(struct chatportal *p, const struct chatwords *w,
		    const char *user, const char *contact)
{
	if (w->received)
		imdn_send(p, user, contact, w->received, CPIM_POSITIVE,
			  IMDN_DELIVERY, IMDN_DELIVERED);
	if (w->displayed)
		imdn_send(p, user, contact, w->displayed, CPIM_DISPLAY,
			  IMDN_DISPLAY, IMDN_DISPLAYED);
	if (w->state)
		state_send(p, user, contact, w->state);
}

/* RFC 3994 3.2: a message ends the state. */
void chatreport_wrote(struct chatportal *p, const char *user,
		      const char *contact)
{
	const struct chatpeer *peer = chat_peer(p->chat, contact, false);
	struct chattalk *talk =
	    peer && peer->composing ? chat_talk(p, user, contact) : NULL;

	if (talk)
		talk->sent_active = false;
}

void chatreport_bounced(struct chatportal *p, const char *user,
			const char *contact, const char *id,
			enum stanza_cond cond)
{
	log_info("chat: %s to %s: came back, %s\n", contact, user,
		 cond_name(cond));
	imdn_send(p, user, contact, id, CPIM_NEGATIVE, IMDN_DELIVERY,
		  IMDN_FAILED);
}

static void got_destructor(void *arg)
{
	struct chatgot *got = arg;

	cached_destruct(&got->item);
	mem_deref(got->msgid);
}

int chatreport_expect(struct chat *chat, const char *user, const char *contact,
		      const char *id, const struct pl *msgid, unsigned wants)
{
	struct chatgot *got = mem_zalloc(sizeof(*got), got_destructor);
	char *key = NULL;
	int err;

	if (!got)
		return ENOMEM;

	got->wants = wants;
	err = pl_strdup(&got->msgid, msgid);
	if (!err)
		err = re_sdprintf(&key, "%s\n%s\n%s", user, contact, id);
	if (err) {
		mem_deref(got);
		return err;
	}
	err = cache_add(chat->got, &got->item, key);
	mem_deref(key);

	return err;
}

/* ---- SIP -> XMPP ---- */

/* D.2, by status. */
static const struct {
	enum imdn_status status;
	const char *name, *ns; /* of the child; NULL: an error */
	enum stanza_cond cond;
} outcomes[] = {
    {IMDN_DELIVERED, "received", NS_RECEIPTS, COND_NONE},
    {IMDN_DISPLAYED, "displayed", NS_MARKERS, COND_NONE},
    {IMDN_FAILED, NULL, NULL, COND_RECIPIENT_UNAVAILABLE},
    {IMDN_FORBIDDEN, NULL, NULL, COND_INTERNAL_SERVER_ERROR},
    {IMDN_ERROR, NULL, NULL, COND_INTERNAL_SERVER_ERROR},
};

static struct stanza *report_make(const struct chatsent *sent,
				  const char *contact, size_t i)
{
	struct stanza *st = chat_message(contact, sent->from, "chat", NULL);
	struct stanza *error;

	if (outcomes[i].name) {
		(void)stanza_attr_set(
		    stanza_add(st, outcomes[i].name, outcomes[i].ns), "id",
		    sent->id);
		(void)stanza_add(st, "no-store", NS_HINTS);
		return st;
	}

	/* an error comes from the one that was written to */
	(void)stanza_attr_set(st, "to", contact);
	(void)stanza_attr_set(st, "from", sent->from);
	(void)stanza_attr_set(st, "id", sent->id);
	error = stanza_error(st, outcomes[i].cond, NULL, NULL,
			     "the telephone says that it was not delivered");
	stanza_free(st);

	return error;
}

/* Each kind is told once; a failure counts as the end of delivery. */
static bool is_news(struct chatsent *sent, enum imdn_kind kind)
{
	bool *told = kind == IMDN_DISPLAY ? &sent->displayed : &sent->received;
	const bool news = !*told;

	*told = true;

	return news;
}

int chatreport_imdn(struct chatportal *p, const char *user,
		    const char *contact, const struct pl *xml)
{
	struct chatsent *sent;
	struct imdn d;
	int err;

	err = imdn_decode(&d, xml);
	if (err)
		return err;

	sent = chatwire_sent(p->chat, user, contact, d.id);
	for (size_t i = 0; i < ARRAY_SIZE(outcomes) && sent; i++) {
		if (outcomes[i].status != d.status ||
		    d.kind == IMDN_PROCESSING || !is_news(sent, d.kind))
			continue;
		err =
		    chat_stanza_send(p, report_make(sent, contact, i), false);
	}
	if (!sent)
		log_debug("chat: %s to %s: a report on nothing\n", contact,
			  user);
	imdn_clear(&d);

	return err;
}

static int state_tell(struct chatportal *p, const char *user,
		      const char *contact, const char *state)
{
	struct stanza *st = chat_message(contact, user, "chat", NULL);

	(void)stanza_add(st, state, NS_CHATSTATES);
	(void)stanza_add(st, "no-store", NS_HINTS);

	return chat_stanza_send(p, st, false);
}

/* RFC 3994 3.3: who does not say it again has stopped. */
static void typing_over(void *arg)
{
	struct chattalk *talk = arg;

	(void)state_tell(talk->portal, talk->user, talk->contact, "active");
}

int chatreport_composing(struct chatportal *p, const char *user,
			 const char *contact, const struct pl *xml)
{
	struct chatpeer *peer;
	struct chattalk *talk;
	struct composing c;
	int err;

	err = composing_decode(&c, xml);
	if (err)
		return err;

	peer = chat_peer(p->chat, contact, true);
	talk = chat_talk(p, user, contact);
	if (!peer || !talk)
		return ENOMEM;

	peer->composing = true;
	if (c.active)
		tmr_start(&talk->typing,
			  (uint64_t)(c.refresh ? c.refresh : REFRESH) * 1000,
			  typing_over, talk);
	else
		tmr_cancel(&talk->typing);

	return state_tell(p, user, contact, c.active ? "composing" : "active");
}
