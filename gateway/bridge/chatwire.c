/* chatwire.c: a message on its way, and what goes into the request. */
#include <errno.h>
#include <string.h>
#include <time.h>
#include <openssl/evp.h>
#include "base/id.h"
#include "base/journal.h"
#include "bridge/chatpriv.h"
#include "sip/cpim.h"
#include "xmpp/jid.h"

enum {
	CALLID_MAX =
	    128,       /* bytes of a thread that may be a Call-ID as it is */
	MSGID_MIN = 8, /* RFC 5438 6.3: 64 bits that nobody guesses */
	MSGID_MAX = 64,
	HASHED = 16, /* bytes of a hash that are kept */
};

#define TYPE_PLAIN     "text/plain;charset=UTF-8"
#define TYPE_CPIM      "message/cpim"
#define TYPE_COMPOSING "application/im-iscomposing+xml"

static void msg_destructor(void *arg)
{
	struct chatmsg *m = arg;

	list_unlink(&m->le);
	chatkeep_drop(m);
	mem_deref(m->from);
	mem_deref(m->to);
	mem_deref(m->user);
	mem_deref(m->contact);
	mem_deref(m->id);
	mem_deref(m->type);
	mem_deref(m->uri);
	mem_deref(m->as);
	chatwords_clear(&m->words);
	mem_deref(m->doc);
	mem_deref(m->msgid);
}

static int addresses_set(struct chatmsg *m, const char *from, const char *to)
{
	int err = str_dup(&m->from, from);

	if (!err)
		err = str_dup(&m->to, to);
	if (!err)
		err = jid_bare(&m->user, from);
	if (!err)
		err = jid_bare(&m->contact, to);

	return err;
}

int chatmsg_alloc(struct chatmsg **mp, struct chatportal *p,
		  enum chatkind kind, const char *from, const char *to)
{
	struct chatmsg *m = mem_zalloc(sizeof(*m), msg_destructor);
	int err;

	if (!m)
		return ENOMEM;

	m->portal = p;
	m->slot = JOURNAL_NONE;
	m->kind = kind;
	m->part = m->of = 1;
	id_token(m->callid, sizeof(m->callid));
	id_token(m->tag, sizeof(m->tag));
	err = addresses_set(m, from, to);
	if (err)
		mem_deref(m);
	else
		*mp = m;

	return err;
}

int chatmsg_part(struct chatmsg **mp, const struct chatmsg *whole, size_t at,
		 size_t len)
{
	const struct chatwords *w = &whole->words;
	struct chatmsg *m;
	int err;

	err = chatmsg_alloc(&m, whole->portal, CHAT_TEXT, whole->from,
			    whole->to);
	if (err)
		return err;

	m->trunk = whole->trunk;
	m->deadline = whole->deadline;
	m->bare = true; /* a report would speak of one part alone */
	m->at = at;
	m->len = len;
	m->words.receipt = w->receipt;
	m->words.body = mem_ref(w->body);
	m->words.subject = mem_ref(w->subject);
	m->words.thread = mem_ref(w->thread);
	m->words.lang = mem_ref(w->lang);
	m->words.nick = mem_ref(w->nick);
	m->id = mem_ref(whole->id);
	m->type = mem_ref(whole->type);
	m->uri = mem_ref(whole->uri);
	m->as = mem_ref(whole->as);
	*mp = m;

	return 0;
}

static int hashed(char **textp, const char *text)
{
	unsigned char md[EVP_MAX_MD_SIZE];
	unsigned len = 0;

	if (EVP_Digest(text, strlen(text), md, &len, EVP_sha256(), NULL) != 1)
		return ENOMEM;

	return re_sdprintf(textp, "%w", md, (size_t)HASHED);
}

/* ---- threads: D16 ---- */

/* RFC 3261 25.1: word, once or with a '@' between two.  '@' is left out: what
 * others choose shall not look like a host of ours. */
static bool is_word(const char *s)
{
	static const char odd[] = "-.!%*_+`'~()<>:\\\"/[]?{}";
	const size_t len = strlen(s);

	for (size_t i = 0; i < len; i++) {
		const char c = s[i];

		if ((c < '0' || c > '9') && (c < 'a' || c > 'z') &&
		    (c < 'A' || c > 'Z') && !strchr(odd, c))
			return false;
	}

	return len && len <= CALLID_MAX;
}

static void thread_destructor(void *arg)
{
	struct chatthread *t = arg;

	cached_destruct(&t->item);
	mem_deref(t->thread);
	mem_deref(t->callid);
}

static int thread_key(char **keyp, const char *user, const char *contact,
		      const struct pl *callid)
{
	return re_sdprintf(keyp, "%s\n%s\n%r", user, contact, callid);
}

const char *chatwire_thread(struct chat *chat, const char *user,
			    const char *contact, const struct pl *callid)
{
	const struct chatthread *t;
	char *key;

	if (thread_key(&key, user, contact, callid))
		return NULL;
	t = cache_find(chat->threads, key);
	mem_deref(key);

	return t ? t->thread : NULL;
}

static int thread_get(struct chatthread **tp, struct chat *chat,
		      const struct chatmsg *m)
{
	const char *thread = m->words.thread;
	struct chatthread *t;
	char *callid = NULL, *key = NULL;
	struct pl pl;
	int err;

	err = is_word(thread) ? str_dup(&callid, thread)
			      : hashed(&callid, thread);
	if (err)
		return err;

	pl_set_str(&pl, callid);
	err = thread_key(&key, m->user, m->contact, &pl);
	if (err)
		goto out;

	*tp = cache_find(chat->threads, key);
	if (*tp)
		goto out;

	t = mem_zalloc(sizeof(*t), thread_destructor);
	err = t ? str_dup(&t->thread, thread) : ENOMEM;
	if (err) {
		mem_deref(t);
		goto out;
	}
	t->callid = mem_ref(callid);
	id_token(t->tag, sizeof(t->tag));
	err = cache_add(chat->threads, &t->item, key);
	if (!err)
		*tp = t;

out:
	mem_deref(callid);
	mem_deref(key);

	return err;
}

/* Which Call-ID, tag and CSeq the next try has. */
static int identify(struct message_conf *conf, struct chat *chat,
		    struct chatmsg *m)
{
	struct chatthread *t;
	int err;

	conf->callid = m->callid;
	conf->tag = m->tag;
	conf->cseq = ++m->cseq;
	if (m->kind != CHAT_TEXT || !m->words.thread)
		return 0;

	err = thread_get(&t, chat, m);
	if (err)
		return err;

	conf->callid = t->callid;
	conf->tag = t->tag;
	conf->cseq = ++t->cseq;

	return 0;
}

void chatwire_used(struct chat *chat, struct chatmsg *m, uint32_t cseq)
{
	struct chatthread *t;

	if (m->kind != CHAT_TEXT || !m->words.thread)
		m->cseq = cseq;
	else if (!thread_get(&t, chat, m) && t->cseq < cseq)
		t->cseq = cseq;
}

/* ---- the body ---- */

/* XMPP's id where it can be one; others share no name space with it. */
static int msgid_make(struct chatmsg *m)
{
	struct pl pl;
	char *text;
	int err;

	if (m->msgid || !m->id)
		return 0;

	pl_set_str(&pl, m->id);
	if (pl.l >= MSGID_MIN && pl.l <= MSGID_MAX && cpim_is_token(&pl))
		return str_dup(&m->msgid, m->id);

	err = re_sdprintf(&text, "%s\n%s", m->user, m->id);
	if (err)
		return err;
	err = hashed(&m->msgid, text);
	mem_deref(text);

	return err;
}

static void sent_destructor(void *arg)
{
	struct chatsent *s = arg;

	cached_destruct(&s->item);
	mem_deref(s->from);
	mem_deref(s->id);
}

struct chatsent *chatwire_sent(struct chat *chat, const char *user,
			       const char *contact, const char *msgid)
{
	struct chatsent *s;
	char *key;

	if (re_sdprintf(&key, "%s\n%s\n%s", user, contact, msgid))
		return NULL;
	s = cache_find(chat->sent, key);
	mem_deref(key);

	return s;
}

static int sent_note(struct chat *chat, const struct chatmsg *m)
{
	struct chatsent *s;
	char *key = NULL;
	int err;

	if (chatwire_sent(chat, m->user, m->contact, m->msgid))
		return 0;

	s = mem_zalloc(sizeof(*s), sent_destructor);
	if (!s)
		return ENOMEM;

	s->from = mem_ref(m->from);
	s->id = mem_ref(m->id);
	err = re_sdprintf(&key, "%s\n%s\n%s", m->user, m->contact, m->msgid);
	if (err) {
		mem_deref(s);
		return err;
	}
	err = cache_add(chat->sent, &s->item, key);
	mem_deref(key);

	return err;
}

static int cpim_make(char **bodyp, const struct chatmsg *m, struct cpim *c)
{
	const int64_t now = time(NULL);
	char date[32];

	(void)re_snprintf(date, sizeof(date), "%H", chatwords_time_print,
			  &now);
	pl_set_str(&c->from, m->as);
	pl_set_str(&c->to, m->uri);
	pl_set_str(&c->datetime, date);

	return re_sdprintf(bodyp, "%H", cpim_print, c);
}

static int wrap_text(char **bodyp, const struct chatmsg *m)
{
	struct cpim c;

	memset(&c, 0, sizeof(c));
	pl_set_str(&c.message_id, m->msgid);
	/* RFC 5438 6.2: one name for all kinds of report that are wanted */
	if (m->words.receipt)
		c.wants |= CPIM_POSITIVE | CPIM_NEGATIVE;
	if (m->words.markable)
		c.wants |= CPIM_DISPLAY;
	if (m->words.subject)
		pl_set_str(&c.subject, m->words.subject);
	if (m->words.lang)
		pl_set_str(&c.lang, m->words.lang);
	pl_set_str(&c.type, "text/plain");
	pl_set_str(&c.charset, "UTF-8");
	c.body.p = m->words.body + m->at;
	c.body.l = m->len;

	return cpim_make(bodyp, m, &c);
}

static int wrap_report(char **bodyp, const struct chatmsg *m)
{
	struct cpim c;
	char id[33];

	id_token(id, sizeof(id));
	memset(&c, 0, sizeof(c));
	pl_set_str(&c.message_id, id);
	pl_set_str(&c.type, "message/imdn+xml");
	pl_set_str(&c.disposition, "notification"); /* RFC 5438 7.1.1.1 */
	pl_set_str(&c.body, m->doc);

	return cpim_make(bodyp, m, &c);
}

/* Does the contact's phone read CPIM, and is there something to say in it? */
static bool wants_cpim(struct chat *chat, const struct chatmsg *m)
{
	const struct chatpeer *peer = chat_peer(chat, m->contact, false);

	return !m->bare && m->msgid &&
	       (m->words.receipt || m->words.markable) && peer && peer->cpim &&
	       peer->no_cpim <= tmr_jiffies();
}

static int body_make(struct message_conf *conf, char **bodyp,
		     struct chat *chat, struct chatmsg *m)
{
	int err = 0;

	m->wrapped = false;
	switch (m->kind) {
	case CHAT_IMDN:
		m->wrapped = true;
		err = wrap_report(bodyp, m);
		conf->type = TYPE_CPIM;
		break;
	case CHAT_STATE:
		*bodyp = mem_ref(m->doc);
		conf->type = TYPE_COMPOSING;
		break;
	case CHAT_TEXT:
		conf->subject = m->words.subject;
		conf->lang = m->words.lang;
		conf->type = TYPE_PLAIN;
		if (m->words.receipt || m->words.markable)
			err = msgid_make(m);
		if (!err && wants_cpim(chat, m)) {
			m->wrapped = true;
			err = wrap_text(bodyp, m);
			if (!err)
				err = sent_note(chat, m);
			conf->type = TYPE_CPIM;
		} else if (!err) {
			conf->body = m->words.body + m->at;
			conf->len = m->len;
			return 0;
		}
		break;
	}
	if (!err) {
		conf->body = *bodyp;
		conf->len = strlen(*bodyp);
	}

	return err;
}

int chatwire_send(struct message **mp, struct chat *chat, struct chatmsg *m,
		  message_h *h, void *arg)
{
	struct message_conf conf;
	char *body = NULL;
	int err;

	memset(&conf, 0, sizeof(conf));
	conf.stack = chat->conf.stack;
	conf.trunk = m->trunk;
	conf.uri = m->uri;
	conf.from_uri = m->as;
	conf.from_name = m->words.nick;
	conf.large = chat->conf.config->chat.oversize == CONFIG_OVERSIZE_TCP;
	err = identify(&conf, chat, m);
	if (!err)
		err = body_make(&conf, &body, chat, m);
	if (!err)
		err = chatloop_note(chat, m);
	if (!err)
		err = message_send(mp, &conf, h, arg);
	mem_deref(body);

	return err;
}
