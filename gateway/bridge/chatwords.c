/* chatwords.c: what a <message/> says that SIP has words for. */
#include "bridge/chatwords.h"
#include <errno.h>
#include <string.h>
#include "base/text.h"

#define NS_XML "http://www.w3.org/XML/1998/namespace"

enum {
	OLD = 60,	    /* s; a younger <delay/> means nothing, G.4 */
	THREAD_MAX = 1024,  /* bytes */
	SUBJECT_MAX = 1024, /* the same */
	NICK_MAX = 128,
	ID_MAX = 1024,
};

enum extension {
	EXT_ENCRYPTED,
	EXT_REPLACE,
	EXT_RETRACT,
	EXT_REACTIONS,
	EXT_OOB,
	EXT_REQUEST,
	EXT_RECEIVED,
	EXT_MARKABLE,
	EXT_DISPLAYED,
	EXT_DELAY,
	EXT_NICK,
	EXT_STATE,
};

static const struct {
	const char *name, *ns; /* name NULL: any of that namespace */
	enum extension ext;
} extensions[] = {
    {"encrypted", "eu.siacs.conversations.axolotl", EXT_ENCRYPTED},
    {"encrypted", "urn:xmpp:omemo:1", EXT_ENCRYPTED}, /* X0384 */
    {"encrypted", "urn:xmpp:omemo:2", EXT_ENCRYPTED},
    {"encryption", "urn:xmpp:eme:0", EXT_ENCRYPTED},	    /* X0380 */
    {"openpgp", "urn:xmpp:openpgp:0", EXT_ENCRYPTED},	    /* X0373 */
    {"x", "jabber:x:encrypted", EXT_ENCRYPTED},		    /* X0027 */
    {"replace", "urn:xmpp:message-correct:0", EXT_REPLACE}, /* X0308 */
    {"retract", "urn:xmpp:message-retract:0", EXT_RETRACT}, /* X0424 */
    {"retract", "urn:xmpp:message-retract:1", EXT_RETRACT},
    {"apply-to", "urn:xmpp:fasten:0", EXT_RETRACT},	  /* X0422 */
    {NULL, "urn:xmpp:message-moderate:1", EXT_RETRACT},	  /* X0425 */
    {"reactions", "urn:xmpp:reactions:0", EXT_REACTIONS}, /* X0444 */
    {"x", "jabber:x:oob", EXT_OOB},			  /* X0066 */
    {"request", NS_RECEIPTS, EXT_REQUEST},
    {"received", NS_RECEIPTS, EXT_RECEIVED},
    {"markable", NS_MARKERS, EXT_MARKABLE},
    {"displayed", NS_MARKERS, EXT_DISPLAYED},
    {"delay", NS_DELAY, EXT_DELAY}, /* X0203 */
    {"nick", NS_NICK, EXT_NICK},    /* X0172 */
    {NULL, NS_CHATSTATES, EXT_STATE},
};

static const struct {
	const char *name;
	int composing; /* D.2: chatwords_composing() */
} states[] = {
    [STATE_NONE] = {"", -1},
    [STATE_ACTIVE] = {"active", 0},
    [STATE_COMPOSING] = {"composing", 1},
    [STATE_PAUSED] = {"paused", 0},
    [STATE_INACTIVE] = {"inactive", 0},
    [STATE_GONE] = {"gone", -1},
};

int chatwords_composing(enum chat_state state)
{
	return (size_t)state < ARRAY_SIZE(states) ? states[state].composing
						  : -1;
}

void chatwords_clear(struct chatwords *w)
{
	w->body = mem_deref(w->body);
	w->subject = mem_deref(w->subject);
	w->thread = mem_deref(w->thread);
	w->lang = mem_deref(w->lang);
	w->nick = mem_deref(w->nick);
	w->received = mem_deref(w->received);
	w->displayed = mem_deref(w->displayed);
}

static const char *lang_of(const struct stanza *e)
{
	for (const struct attr *a = e->attrs; a; a = a->next) {
		if (!strcmp(a->name, "lang") && !strcmp(a->ns, NS_XML))
			return a->value;
	}

	return NULL;
}

/* Of several, the one in the language of the stanza, else the first. */
static const struct stanza *pick(const struct stanza *st, const char *name)
{
	const struct stanza *first = stanza_child(st, name, st->ns);
	const char *want = lang_of(st);

	for (const struct stanza *e = first; e;
	     e = stanza_next(e, name, st->ns)) {
		const char *lang = lang_of(e);

		if (want ? !lang || !str_casecmp(lang, want) : !lang)
			return e;
	}

	return first;
}

/* All text, not trimmed: spaces may matter to who wrote them. */
static int text_of(char **tp, const struct stanza *e)
{
	struct mbuf *mb = mbuf_alloc(256);
	int err = mb ? 0 : ENOMEM;

	for (const struct stanza *c = e->child; c && !err; c = c->next) {
		if (c->text)
			err = mbuf_write_str(mb, c->text);
	}
	if (!err) {
		mb->pos = 0;
		err = mbuf_strdup(mb, tp, mb->end);
	}
	mem_deref(mb);

	return err;
}

/* One line without control characters, at most max bytes; none if empty. */
static int line_of(char **lp, const struct stanza *e, size_t max)
{
	char *text, *line;
	struct pl pl;
	int err;

	if (!e)
		return 0;

	err = stanza_text(&text, e);
	if (err)
		return err;

	pl_set_str(&pl, text);
	err = text_clean(&line, &pl, max);
	mem_deref(text);
	if (err)
		return err;

	mem_deref(*lp);
	*lp = *line ? line : mem_deref(line);

	return 0;
}

static int lang_take(char **lp, const char *lang)
{
	struct pl pl;

	if (!lang)
		return 0;

	pl_set_str(&pl, lang);

	return chatwords_lang(lp, &pl);
}

static enum chat_state state_find(const char *name)
{
	for (size_t i = 1; i < ARRAY_SIZE(states); i++) {
		if (!strcmp(states[i].name, name))
			return (enum chat_state)i;
	}

	return STATE_NONE;
}

static int body_replace(struct chatwords *w, const char *before,
			const char *text)
{
	char *body;
	int err = re_sdprintf(&body, "%s%s", before, text);

	if (err)
		return err;

	mem_deref(w->body);
	w->body = body;

	return 0;
}

/* X0444: the emoji are the text; the body, if any, only says so in words. */
static int reactions_take(struct chatwords *w, const struct stanza *e,
			  bool wanted)
{
	struct mbuf *mb;
	int err = 0;

	w->body = mem_deref(w->body);
	if (!wanted || !stanza_child(e, "reaction", e->ns))
		return 0; /* the empty set takes reactions back */

	mb = mbuf_alloc(64);
	if (!mb)
		return ENOMEM;

	err = mbuf_write_str(mb, "reacted");
	for (const struct stanza *r = stanza_child(e, "reaction", e->ns);
	     r && !err; r = stanza_next(r, "reaction", e->ns)) {
		char *text;

		err = stanza_text(&text, r);
		if (!err)
			err = mbuf_printf(mb, " %s", text);
		mem_deref(text);
	}
	if (!err) {
		mb->pos = 0;
		err = mbuf_strdup(mb, &w->body, mb->end);
	}
	mem_deref(mb);

	return err;
}

static int oob_take(struct chatwords *w, const struct stanza *e)
{
	const struct stanza *url = stanza_child(e, "url", e->ns);

	return w->body || !url ? 0 : line_of(&w->body, url, ID_MAX);
}

static int delay_take(struct chatwords *w, const struct stanza *e, int64_t now)
{
	const char *stamp = stanza_attr(e, "stamp");
	char before[40];
	struct pl pl;
	int64_t t;

	pl_set_str(&pl, stamp ? stamp : "");
	if (!w->body || chatwords_time(&t, &pl) || t > now - OLD)
		return 0;

	(void)re_snprintf(before, sizeof(before), "[%H] ",
			  chatwords_time_print, &t);

	return body_replace(w, before, w->body);
}

static int id_take(char **idp, const struct stanza *e)
{
	const char *id = stanza_attr(e, "id");

	if (!id || *idp || strlen(id) > ID_MAX)
		return 0;

	return str_dup(idp, id);
}

struct decoding {
	struct chatwords *w;
	const struct config_chat *conf;
	int64_t now;
};

static int extension_take(const struct decoding *d, enum extension ext,
			  const struct stanza *e)
{
	struct chatwords *w = d->w;

	switch (ext) {
	case EXT_ENCRYPTED:
		w->refuse = COND_NOT_ACCEPTABLE; /* D54 */
		w->why = "unencrypted messages only";
		return 0;
	case EXT_REPLACE:
		return w->body ? body_replace(w, "* ", w->body) : 0;
	case EXT_RETRACT:
		w->body = mem_deref(w->body);
		return 0;
	case EXT_REACTIONS:
		return reactions_take(w, e, d->conf->reactions);
	case EXT_OOB:
		return oob_take(w, e);
	case EXT_REQUEST:
		w->receipt = true;
		return 0;
	case EXT_RECEIVED:
		return id_take(&w->received, e);
	case EXT_MARKABLE:
		w->markable = true;
		return 0;
	case EXT_DISPLAYED:
		return id_take(&w->displayed, e);
	case EXT_DELAY:
		return delay_take(w, e, d->now);
	case EXT_NICK:
		return line_of(&w->nick, e, NICK_MAX);
	case EXT_STATE:
		w->state = state_find(e->name);
		return 0;
	}

	return 0;
}

/* In the order of the table, so that a late correction says when it was
 * written, whatever the order in the stanza. */
static int extensions_take(const struct decoding *d, const struct stanza *st)
{
	int err = 0;

	for (size_t i = 0; i < ARRAY_SIZE(extensions) && !err; i++) {
		const struct stanza *e =
		    stanza_child(st, extensions[i].name, extensions[i].ns);

		if (e)
			err = extension_take(d, extensions[i].ext, e);
	}

	return err;
}

int chatwords_decode(struct chatwords *w, const struct stanza *st,
		     const struct config_chat *conf, int64_t now)
{
	const struct decoding d = {w, conf, now};
	const struct stanza *body = pick(st, "body");
	const char *lang = body ? lang_of(body) : NULL;
	int err = 0;

	memset(w, 0, sizeof(*w));
	if (body)
		err = text_of(&w->body, body);
	if (w->body && !*w->body)
		w->body = mem_deref(w->body);
	if (!err)
		err = line_of(&w->subject, pick(st, "subject"), SUBJECT_MAX);
	if (!err)
		err = line_of(&w->thread, stanza_child(st, "thread", st->ns),
			      THREAD_MAX);
	if (!err)
		err = lang_take(&w->lang, lang ? lang : lang_of(st));
	if (!err)
		err = extensions_take(&d, st);
	if (err)
		chatwords_clear(w);

	return err;
}
