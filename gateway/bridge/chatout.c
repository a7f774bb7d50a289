/* chatout.c: messages of XMPP users, and what became of them (D.1, G.4). */
#include <errno.h>
#include <string.h>
#include <time.h>
#include "base/log.h"
#include "base/text.h"
#include "bridge/chatpriv.h"
#include "xmpp/jid.h"

#define NS_STANZAS "urn:ietf:params:xml:ns:xmpp-stanzas"

enum { PHRASE_MAX = 200 }; /* bytes of a Reason-Phrase that are shown */

/* ---- errors ---- */

/* The stanza that an error answers, as far as it is needed for that. */
static struct stanza *original(const struct chatmsg *m)
{
	struct stanza *st = stanza_new("message", NS_COMPONENT);

	(void)stanza_attr_set(st, "from", m->from);
	(void)stanza_attr_set(st, "to", m->to);
	(void)stanza_attr_set(st, "id", m->id);

	return st;
}

void chatout_fail(const struct chatmsg *m, enum stanza_cond cond,
		  const char *text, const char *address)
{
	struct stanza *st, *e, *c;

	if (m->kind != CHAT_TEXT)
		return; /* nobody waits for it */

	log_info("chat: %s to %s: not delivered, %s\n", m->user, m->uri,
		 cond_name(cond));
	++m->portal->chat->stats.failed;
	st = original(m);
	e = stanza_error(st, cond, NULL, NULL, text && *text ? text : NULL);
	stanza_free(st);
	c = stanza_child(stanza_child(e, "error", NULL), cond_name(cond),
			 NS_STANZAS);
	if (address && c)
		(void)stanza_text_add(c, address);
	(void)chat_stanza_send(m->portal, e, true);
}

/* Who moved: RFC 6120 8.3.3.5 and 8.3.3.14 want a URI. */
static char *moved_to(const struct chatmsg *m, const struct message_result *r)
{
	const struct config_trunk *conf = siptrunk_conf(m->trunk);
	char *uri = NULL, *jid = NULL, *text = NULL;

	if (!r->contact.l || pl_strdup(&uri, &r->contact))
		return NULL;
	if (!route_uri_to_jid(&jid, uri, conf->addressing,
			      component_domain(m->portal->c)))
		(void)re_sdprintf(&text, "xmpp:%s", jid);
	mem_deref(uri);
	mem_deref(jid);

	return text;
}

static enum stanza_cond cond_of(const struct message_result *r, bool address)
{
	if (r->err)
		return COND_REMOTE_SERVER_TIMEOUT;
	if (r->code == 301 && !address)
		return COND_ITEM_NOT_FOUND; /* B.4: gone only with whereto */

	return cond_from_sip(r->code);
}

static void refused(const struct chatmsg *m, const struct message_result *r)
{
	char *address = r->code < 400 ? moved_to(m, r) : NULL;
	char *phrase = NULL, text[PHRASE_MAX + 80];

	if (r->err)
		(void)str_dup(&phrase, "the SIP side does not answer");
	else if (r->phrase.l)
		(void)text_clean(&phrase, &r->phrase, PHRASE_MAX);
	if (!phrase || !*phrase) {
		mem_deref(phrase);
		phrase = NULL;
		(void)str_dup(&phrase, reason_phrase(r->code));
	}
	if (m->of > 1)
		(void)re_snprintf(text, sizeof(text),
				  "part %u of %u and what follows was not "
				  "delivered: %s",
				  m->part, m->of, phrase ? phrase : "");
	else
		str_ncpy(text, phrase ? phrase : "", sizeof(text));

	chatout_fail(m, cond_of(r, address != NULL), text, address);
	mem_deref(phrase);
	mem_deref(address);
}

/* ---- results ---- */

/* What an Accept says of the phone (D21). */
static void learn(struct chat *chat, const struct chatmsg *m,
		  const struct message_result *r)
{
	struct chatpeer *peer;

	if (!r->accept)
		return;

	peer = chat_peer(chat, m->contact, r->cpim || r->composing);
	if (peer) {
		peer->cpim = r->cpim;
		peer->composing = r->composing;
	}
}

static void receipt_send(struct chat *chat, const struct chatmsg *m)
{
	struct chatsent *sent =
	    m->msgid ? chatwire_sent(chat, m->user, m->contact, m->msgid)
		     : NULL;
	struct stanza *st;

	if (sent && sent->received)
		return;
	if (sent)
		sent->received = true;

	st = chat_message(m->contact, m->from, m->type, NULL);
	(void)stanza_attr_set(stanza_add(st, "received", NS_RECEIPTS), "id",
			      m->id);
	(void)stanza_add(st, "no-store", NS_HINTS);
	(void)chat_stanza_send(m->portal, st, true);
}

/* 415: what was in CPIM goes as it is; the rest is not sent for a day. */
static enum chatfate not_understood(struct chat *chat, struct chatmsg *m)
{
	struct chatpeer *peer = chat_peer(chat, m->contact, true);
	const uint64_t until = tmr_jiffies() + CHAT_REFUSED * 1000ULL;

	if (peer && m->wrapped)
		peer->no_cpim = until;
	if (peer && m->kind == CHAT_STATE)
		peer->no_composing = until;
	if (m->kind != CHAT_TEXT)
		return FATE_DONE;
	if (!m->wrapped)
		return FATE_FAILED;

	m->bare = true;

	return FATE_AGAIN;
}

enum chatfate chatout_done(struct chatmsg *m, const struct message_result *r)
{
	struct chat *chat = m->portal->chat;
	enum chatfate fate = FATE_FAILED;

	if (!r->err)
		learn(chat, m, r);
	if (!r->err && r->code == 415)
		fate = not_understood(chat, m);
	else if (!r->err && r->code < 300)
		fate = FATE_DONE;
	if (fate == FATE_AGAIN)
		return fate;

	if (fate == FATE_DONE && m->kind == CHAT_TEXT) {
		++chat->stats.sent;
		log_info("chat: %s to %s: %zu bytes, %u\n", m->user, m->uri,
			 m->len, r->code);
		/* D18: 200 comes from the phone, 202 from a store */
		if (r->code == 200 && m->words.receipt && m->part == m->of &&
		    m->id)
			receipt_send(chat, m);
	} else if (fate == FATE_FAILED) {
		refused(m, r);
	}

	return m->kind == CHAT_TEXT ? fate : FATE_DONE;
}

/* ---- a stanza ---- */

static void refuse(struct chatportal *p, const struct stanza *st,
		   enum stanza_cond cond, const char *text)
{
	log_info("chat: %s to %s: refused, %s\n", stanza_attr(st, "from"),
		 stanza_attr(st, "to"), cond_name(cond));
	++p->chat->stats.failed;
	(void)chat_stanza_send(p, stanza_error(st, cond, NULL, NULL, text),
			       true);
}

static enum stanza_cond route(struct chatportal *p, struct chatmsg *m)
{
	const struct chat *chat = p->chat;
	const struct config_trunk *trunk;
	enum stanza_cond cond;
	struct peer to;

	/* D10: nobody is there to answer to; a server is nobody either */
	if (!strncmp(m->contact, "anonymous@", 10))
		return COND_ITEM_NOT_FOUND;
	if (!strchr(m->user, '@'))
		return COND_FORBIDDEN;

	cond = route_out(chat->conf.route, m->user, m->contact, &to, &trunk,
			 &m->as);
	if (cond)
		return cond;

	m->uri = mem_ref(to.uri);
	peer_clear(&to);
	m->trunk = sipstack_trunk(chat->conf.stack, trunk->name);

	return m->trunk && m->as ? COND_NONE : COND_INTERNAL_SERVER_ERROR;
}

enum stanza_cond chatout_reroute(struct chatmsg *m)
{
	char *uri = m->uri, *as = m->as;
	enum stanza_cond cond;

	m->uri = m->as = NULL;
	cond = route(m->portal, m);
	if (cond) { /* what it was is said in its error */
		mem_deref(m->uri);
		mem_deref(m->as);
		m->uri = uri;
		m->as = as;
	} else {
		mem_deref(uri);
		mem_deref(as);
	}

	return cond;
}

static const char *route_words(enum stanza_cond cond)
{
	return cond == COND_FORBIDDEN ? "you may not write to this address"
	       : cond == COND_ITEM_NOT_FOUND ? "no such address"
					     : NULL;
}

/* Does its sender wait for an answer (RFC 6121 8.5)? */
static bool says_something(const struct chatwords *w)
{
	return w->refuse || w->body;
}

/* What can never pass is refused before it waits. */
static bool is_too_long(const struct chatmsg *m, const struct config_chat *c)
{
	return m->len > (c->oversize == CONFIG_OVERSIZE_REJECT
			     ? MESSAGE_UDP_MAX
			     : MESSAGE_TCP_MAX);
}

static void take(struct chatportal *p, const struct stanza *st,
		 struct chatmsg *m)
{
	struct chat *chat = p->chat;
	enum stanza_cond cond;
	char text[80];
	int err;

	if (!pace_take(chat->pace, m->user, tmr_jiffies())) {
		if (says_something(&m->words))
			refuse(p, st, COND_RESOURCE_CONSTRAINT,
			       "too many messages, wait a moment");
		goto out;
	}
	if (m->words.refuse) {
		refuse(p, st, m->words.refuse, m->words.why);
		goto out;
	}

	cond = route(p, m);
	if (cond) {
		if (says_something(&m->words))
			refuse(p, st, cond, route_words(cond));
		goto out;
	}

	if (!m->words.body) {
		chatreport_out(p, &m->words, m->user, m->contact);
		goto out;
	}

	m->len = strlen(m->words.body);
	if (is_too_long(m, &chat->conf.config->chat)) {
		refuse(p, st, COND_POLICY_VIOLATION, CHAT_TOO_LONG);
		goto out;
	}
	chatreport_wrote(p, m->user, m->contact);
	err = chatqueue_add(chat, mem_ref(m));
	if (err == ENOBUFS) {
		(void)re_snprintf(text, sizeof(text),
				  "%u messages to this address wait already",
				  chat->conf.config->chat.queue);
		refuse(p, st, COND_RESOURCE_CONSTRAINT, text);
	} else if (err == ENOSPC) {
		refuse(p, st, COND_RESOURCE_CONSTRAINT,
		       "too many messages wait at the gateway, try later");
	} else if (err) {
		refuse(p, st, COND_INTERNAL_SERVER_ERROR, NULL);
	}

out:
	mem_deref(m);
}

static int decode(struct chatmsg **mp, struct chatportal *p,
		  const struct stanza *st)
{
	const char *id = stanza_attr(st, "id"), *type;
	struct chatmsg *m;
	int err;

	err = chatmsg_alloc(&m, p, CHAT_TEXT, stanza_attr(st, "from"),
			    stanza_attr(st, "to"));
	if (err)
		return err;

	type = stanza_attr(st, "type");
	if (id)
		err = str_dup(&m->id, id);
	if (!err && type)
		err = str_dup(&m->type, type);
	if (!err)
		err = chatwords_decode(
		    &m->words, st, &p->chat->conf.config->chat, time(NULL));
	if (err)
		mem_deref(m);
	else
		*mp = m;

	return err;
}

static void bounced(struct chatportal *p, const struct stanza *st)
{
	const char *id = stanza_attr(st, "id");
	char *user = NULL, *contact = NULL;

	if (id && !jid_bare(&user, stanza_attr(st, "from")) &&
	    !jid_bare(&contact, stanza_attr(st, "to")))
		chatreport_bounced(p, user, contact, id,
				   stanza_error_cond(st));
	mem_deref(user);
	mem_deref(contact);
}

bool chatout_stanza(struct component *c, const struct stanza *st, void *arg)
{
	struct chatportal *p = arg;
	const char *type = stanza_attr(st, "type");
	struct chatmsg *m;
	(void)c;

	if (p->chat->closed || !strchr(stanza_attr(st, "to"), '@'))
		return false; /* the gateway itself reads nothing */
	if (type && !strcmp(type, "error")) {
		bounced(p, st);
		return true;
	}
	if (type && !strcmp(type, "groupchat")) {
		if (stanza_child(st, "body", st->ns))
			refuse(p, st, COND_SERVICE_UNAVAILABLE,
			       "a telephone is no room");
		return true;
	}

	if (decode(&m, p, st))
		refuse(p, st, COND_INTERNAL_SERVER_ERROR, NULL);
	else
		take(p, st, m);

	return true;
}

int chatout_report(struct chatportal *p, const char *user, const char *contact,
		   enum chatkind kind, char *doc)
{
	struct chatmsg *m;
	int err;

	err = chatmsg_alloc(&m, p, kind, user, contact);
	if (err) {
		mem_deref(doc);
		return err;
	}

	m->doc = doc;
	if (route(p, m)) {
		mem_deref(m);
		return EACCES;
	}

	return chatqueue_add(p->chat, m);
}
