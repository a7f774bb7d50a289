/* chatin.c: messages from SIP (protocol D.1, D.2). */
#include <errno.h>
#include <string.h>
#include <time.h>
#include "base/log.h"
#include "base/text.h"
#include "bridge/address.h"
#include "bridge/chatpriv.h"
#include "sip/cpim.h"
#include "xmpp/jid.h"

#define NS_XML "http://www.w3.org/XML/1998/namespace"

enum {
	OLD = 30,	    /* s; an older DateTime becomes a <delay/> */
	SUBJECT_MAX = 1024, /* bytes */
};

struct arrival { /* one MESSAGE on its way to XMPP */
	struct chatportal *portal;
	const struct message_in *in;
	struct peer from, to; /* both sides, by route_in() */
	struct cpim cpim;     /* .type.l 0: it is not wrapped */
	struct pl type, charset, lang, body;
	char id[MESSAGE_HASH_SIZE + 2]; /* "s-" */
};

/* ---- a text ---- */

static int lang_put(struct stanza *st, const struct pl *lang)
{
	const struct pl name = PL("lang"), ns = PL(NS_XML);
	char *tag = NULL;
	int err;

	err = chatwords_lang(&tag, lang);
	if (!err && tag)
		err = stanza_attr_setn(st, &name, &ns, tag);
	mem_deref(tag);

	return err;
}

static int subject_put(struct stanza *st, const struct arrival *a)
{
	char *text = NULL, *line = NULL;
	struct pl pl;
	int err = 0;

	if (a->cpim.subject.l)
		err = cpim_text(&text, &a->cpim.subject);
	else if (a->in->subject.l)
		err = pl_strdup(&text, &a->in->subject);
	if (err || !text)
		return err;

	pl_set_str(&pl, text);
	err = text_clean(&line, &pl, SUBJECT_MAX);
	if (!err && *line)
		(void)stanza_text_add(stanza_add(st, "subject", NULL), line);
	mem_deref(text);
	mem_deref(line);

	return err;
}

static void delay_put(struct stanza *st, const struct arrival *a)
{
	const int64_t now = time(NULL);
	struct stanza *e;
	int64_t t;

	if (!a->cpim.datetime.l || chatwords_time(&t, &a->cpim.datetime) ||
	    t > now - OLD)
		return;

	e = stanza_add(st, "delay", NS_DELAY);
	(void)stanza_attr_set(e, "from", a->from.jid);
	(void)stanza_attr_setf(e, "stamp", "%H", chatwords_time_print, &t);
}

/* What the phone wants to be told of, as what XMPP can be asked for. */
static int wants_put(struct stanza *st, const struct arrival *a)
{
	const unsigned wants =
	    a->cpim.wants & (CPIM_POSITIVE | CPIM_NEGATIVE | CPIM_DISPLAY);

	if (!wants || !cpim_is_token(&a->cpim.message_id))
		return 0;

	if (wants & CPIM_POSITIVE)
		(void)stanza_add(st, "request", NS_RECEIPTS);
	if (wants & CPIM_DISPLAY)
		(void)stanza_add(st, "markable", NS_MARKERS);

	return chatreport_expect(a->portal->chat, a->to.jid, a->from.jid,
				 a->id, &a->cpim.message_id, wants);
}

static int extensions_put(struct stanza *st, struct arrival *a)
{
	struct chat *chat = a->portal->chat;
	struct chattalk *talk = chat_talk(a->portal, a->to.jid, a->from.jid);
	const struct chatpeer *peer = chat_peer(chat, a->from.jid, false);
	const char *thread =
	    chatwire_thread(chat, a->to.jid, a->from.jid, &a->in->callid);

	if (!talk)
		return ENOMEM;

	tmr_cancel(&talk->typing); /* the text ends it, RFC 3994 3.2 */
	if (thread)
		(void)stanza_text_add(stanza_add(st, "thread", NULL), thread);
	(void)stanza_attr_set(stanza_add(st, "origin-id", NS_SID), "id",
			      a->id);
	if (peer && peer->composing)
		(void)stanza_add(st, "active", NS_CHATSTATES);
	if (a->from.name && !talk->named)
		(void)stanza_text_add(stanza_add(st, "nick", NS_NICK),
				      a->from.name);
	talk->named = true;
	(void)stanza_add(st, "unstyled", NS_STYLING);
	delay_put(st, a);

	return wants_put(st, a);
}

static int text_send(struct arrival *a, const char *text)
{
	const struct config_chat *conf = &a->portal->chat->conf.config->chat;
	struct stanza *st;
	int err;

	st = chat_message(a->from.jid, a->to.jid,
			  conf->strict_type ? NULL : "chat", a->id);
	err = lang_put(st, &a->lang);
	if (!err)
		err = subject_put(st, a);
	(void)stanza_text_add(stanza_add(st, "body", NULL), text);
	if (!err)
		err = extensions_put(st, a);
	if (err) {
		stanza_free(st);
		return err;
	}

	return chat_stanza_send(a->portal, st, false);
}

static int take_plain(struct arrival *a)
{
	char *text;
	int err;

	err = chatwords_text(&text, &a->body, &a->charset);
	if (err)
		return err;

	err = *text ? text_send(a, text) : EBADMSG;
	mem_deref(text);

	return err;
}

/* D20: nothing to read is 415. */
static int take_html(struct arrival *a)
{
	char *html, *text = NULL;
	struct pl pl;
	int err;

	err = chatwords_text(&html, &a->body, &a->charset);
	if (err)
		return err;

	pl_set_str(&pl, html);
	err = chatwords_flatten(&text, &pl);
	if (!err)
		err = *text ? text_send(a, text) : ENOTSUP;
	mem_deref(html);
	mem_deref(text);

	return err;
}

static int take_imdn(struct arrival *a)
{
	return chatreport_imdn(a->portal, a->to.jid, a->from.jid, &a->body);
}

static int take_composing(struct arrival *a)
{
	return chatreport_composing(a->portal, a->to.jid, a->from.jid,
				    &a->body);
}

/* ---- by type ---- */

static const struct {
	const char *type;
	int (*h)(struct arrival *a);
} types[] = {
    {"text/plain", take_plain},
    {"text/html", take_html},
    {"message/imdn+xml", take_imdn},
    {"application/im-iscomposing+xml", take_composing},
};

#define ACCEPT                                                                \
	"Accept: text/plain, message/cpim, "                                  \
	"application/im-iscomposing+xml, message/imdn+xml\r\n"

static int take_type(struct arrival *a)
{
	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		if (!pl_strcasecmp(&a->type, types[i].type))
			return types[i].h(a);
	}

	return ENOTSUP;
}

static bool same_address(const struct pl *uri, const char *other)
{
	struct address a, b;
	char *text = NULL;
	bool same = false;

	if (pl_strdup(&text, uri))
		return false;
	if (!address_decode(&a, text)) {
		if (!address_decode(&b, other)) {
			same = !strcmp(a.user, b.user) &&
			       (!a.host || !b.host ||
				!str_casecmp(a.host, b.host));
			address_clear(&b);
		}
		address_clear(&a);
	}
	mem_deref(text);

	return same;
}

static bool is_identity(const struct pl *encoding)
{
	static const char *const ok[] = {"identity", "7bit", "8bit", "binary"};

	for (size_t i = 0; i < ARRAY_SIZE(ok); i++) {
		if (!pl_strcasecmp(encoding, ok[i]))
			return true;
	}

	return !encoding->l;
}

/* What is inside speaks for itself; who sent it, the envelope says. */
static int unwrap(struct arrival *a)
{
	struct chatpeer *peer;
	int err;

	err = cpim_decode(&a->cpim, &a->body);
	if (err)
		return err;
	if (!is_identity(&a->cpim.encoding))
		return ENOTSUP;
	if (a->cpim.from.l && !same_address(&a->cpim.from, a->from.uri))
		return EACCES;

	peer = chat_peer(a->portal->chat, a->from.jid, true);
	if (!peer)
		return ENOMEM;
	peer->cpim = true;
	a->type = a->cpim.type;
	a->charset = a->cpim.charset;
	a->body = a->cpim.body;
	if (a->cpim.lang.l)
		a->lang = a->cpim.lang;

	return 0;
}

static int take(struct arrival *a, const char *type)
{
	int err = 0;

	pl_set_str(&a->type, type);
	a->charset = a->in->charset;
	a->lang = a->in->lang;
	a->body = a->in->body;
	if (!is_identity(&a->in->encoding))
		return ENOTSUP;
	if (!pl_strcasecmp(&a->type, "message/cpim"))
		err = unwrap(a);

	return err ? err : take_type(a);
}

/* ---- the answer ---- */

static const struct {
	int err;
	unsigned code;
	unsigned retry_after; /* s */
	const char *phrase, *headers;
} answers[] = {
    {0, 202, 0, NULL, NULL},
    {EBADMSG, 400, 0, "Bad Message Body", NULL},
    {EACCES, 403, 0, "From Differs In CPIM", NULL},
    {ENOTSUP, 415, 0, NULL, ACCEPT},
    {ELOOP, 482, 0, NULL, NULL},
    {ENOTCONN, 480, CHAT_AWAY_RETRY, NULL, NULL}, /* protocol A */
    {ENOBUFS, 480, CHAT_AWAY_RETRY, NULL, NULL},
};

static void answer(struct message_reply *r, int err)
{
	r->code = 500;
	for (size_t i = 0; i < ARRAY_SIZE(answers); i++) {
		if (answers[i].err != err)
			continue;
		r->code = answers[i].code;
		r->retry_after = answers[i].retry_after;
		r->phrase = answers[i].phrase;
		r->headers = answers[i].headers;
	}
}

static int arrive(struct chat *chat, struct arrival *a,
		  const struct config_xmpp *component)
{
	char *type = NULL;
	int err;

	a->portal = chat_portal(chat, component->component);
	if (!a->portal || !component_up(a->portal->c))
		return ENOTCONN;

	(void)re_snprintf(a->id, sizeof(a->id), "s-%s", a->in->hash);
	err = re_sdprintf(&type, "%r/%r", &a->in->type, &a->in->subtype);
	if (!err)
		err = take(a, type);
	mem_deref(type);

	return err;
}

void chatin_request(const struct message_in *in, struct message_reply *r,
		    void *arg)
{
	struct chat *chat = arg;
	const struct config_trunk *trunk = siptrunk_conf(in->trunk);
	const struct config_xmpp *component;
	struct arrival a;
	unsigned code;
	int err;

	if (chat->closed) {
		answer(r, ENOTCONN);
		return;
	}

	memset(&a, 0, sizeof(a));
	a.in = in;
	code = route_in(chat->conf.route, trunk, in->ruri, in->from, &a.from,
			&a.to, &component);
	if (code) {
		r->code = code;
		++chat->stats.refused;
		log_info("chat: trunk %s: %s may not write to %s: %u\n",
			 trunk->name, in->from->uri, in->ruri, code);
		return;
	}

	err = chatloop_is(chat, in) ? ELOOP : arrive(chat, &a, component);
	answer(r, err);
	if (r->code < 300)
		++chat->stats.received;
	else
		++chat->stats.refused;
	log_info("chat: %s to %s: %r/%r, %zu bytes, %u\n", a.from.jid,
		 a.to.jid, &in->type, &in->subtype, in->body.l, r->code);
	peer_clear(&a.from);
	peer_clear(&a.to);
}
