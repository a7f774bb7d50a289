/* pidf.c: presence documents to and from what XMPP says. */
#include "bridge/pidf.h"
#include <stdlib.h>
#include <string.h>
#include "base/keyed.h"
#include "base/text.h"
#include "xmpp/xmldoc.h"

#ifndef PLANT
#define PLANT 0 /* 1..3: a bug on purpose, for the fuzzer to find */
#endif

#define NS_PIDF	  "urn:ietf:params:xml:ns:pidf"
#define NS_MODEL  "urn:ietf:params:xml:ns:pidf:data-model"
#define NS_RPID	  "urn:ietf:params:xml:ns:pidf:rpid"
#define NS_DIALOG "urn:ietf:params:xml:ns:dialog-info"
#define NS_CLIENT "jabber:client"
#define NS_XML	  "http://www.w3.org/XML/1998/namespace"

enum {
	TEXT_MAX = 1024, /* bytes of a note that are kept */
	LANG_MAX = 35,	 /* RFC 5646 4.4.1 */
	Q_MAX = 1000,	 /* thousandths */
};

static const char *const show_names[] = {
    [PIDF_SHOW_NONE] = "",     [PIDF_SHOW_CHAT] = "chat",
    [PIDF_SHOW_AWAY] = "away", [PIDF_SHOW_XA] = "xa",
    [PIDF_SHOW_DND] = "dnd",
};

/* D15; those that are not here say nothing about being reachable. */
static const struct {
	const char *name;
	enum pidf_show show;
} activities[] = {
    {"away", PIDF_SHOW_AWAY},
    {"meal", PIDF_SHOW_AWAY},
    {"breakfast", PIDF_SHOW_AWAY},
    {"lunch", PIDF_SHOW_AWAY},
    {"dinner", PIDF_SHOW_AWAY},
    {"in-transit", PIDF_SHOW_AWAY},
    {"shopping", PIDF_SHOW_AWAY},
    {"steering", PIDF_SHOW_AWAY},
    {"vacation", PIDF_SHOW_XA},
    {"holiday", PIDF_SHOW_XA},
    {"travel", PIDF_SHOW_XA},
    {"sleeping", PIDF_SHOW_XA},
    {"permanent-absence", PIDF_SHOW_XA},
    {"worship", PIDF_SHOW_XA},
    {"busy", PIDF_SHOW_DND},
    {"on-the-phone", PIDF_SHOW_DND},
    {"meeting", PIDF_SHOW_DND},
    {"presentation", PIDF_SHOW_DND},
    {"appointment", PIDF_SHOW_DND},
    {"performance", PIDF_SHOW_DND},
};

/* The way back (C.3). */
static const char *const show_activities[] = {
    [PIDF_SHOW_NONE] = NULL,   [PIDF_SHOW_CHAT] = NULL,
    [PIDF_SHOW_AWAY] = "away", [PIDF_SHOW_XA] = "away",
    [PIDF_SHOW_DND] = "busy",
};

const char *pidf_show_name(enum pidf_show show)
{
	return show_names[show];
}

enum pidf_show pidf_show_find(const char *name)
{
	for (unsigned i = 1; i < PIDF_SHOW_MAX; i++) {
		if (!strcmp(name, show_names[i]))
			return (enum pidf_show)i;
	}

	return PIDF_SHOW_NONE;
}

/* RFC 4480 3.2 activity -> show, as D15 has it. */
static enum pidf_show activity_show(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(activities); i++) {
		if (!strcmp(name, activities[i].name))
			return activities[i].show;
	}

	return PIDF_SHOW_NONE;
}

unsigned pidf_q(int priority)
{
	return priority <= 0 ? 0 : ((unsigned)priority * Q_MAX + 63) / 127;
}

int pidf_priority(unsigned q)
{
	return ((int)MIN(q, (unsigned)Q_MAX) * 127 + 500) / Q_MAX;
}

void pidf_status_clear(struct pidf_status *st)
{
	st->text = mem_deref(st->text);
	st->lang = mem_deref(st->lang);
	memset(st, 0, sizeof(*st));
}

static bool same(const char *a, const char *b)
{
	return !strcmp(a ? a : "", b ? b : "");
}

bool pidf_status_equal(const struct pidf_status *a,
		       const struct pidf_status *b)
{
	return a->open == b->open && a->phone == b->phone &&
	       a->show == b->show && a->priority == b->priority &&
	       same(a->text, b->text) && same(a->lang, b->lang);
}

/* ---- in ---- */

/* What was cleaned, or cut, may begin and end with spaces again. */
static void trim(char *s)
{
	size_t begin = strspn(s, " "), len = strlen(s + begin);

	while (len && s[begin + len - 1] == ' ')
		--len;
	memmove(s, s + begin, len);
	s[len] = '\0';
}

static int text_of(char **tp, const struct stanza *e, size_t max)
{
	char *raw = NULL;
	struct pl pl;
	int err;

	err = stanza_text(&raw, e);
	if (err)
		return err;

	pl_set_str(&pl, raw);
#if PLANT == 1 /* as it is: the other side would see its controls */
	err = pl_strdup(tp, &pl);
	(void)max;
#else
	err = text_clean(tp, &pl, max);
#endif
	if (!err)
		trim(*tp);
	mem_deref(raw);

	return err;
}

static const char *lang_of(const struct stanza *e)
{
	const struct attr *a;

	for (; e; e = e->parent) {
		for (a = e->attrs; a; a = a->next) {
			if (!strcmp(a->ns, NS_XML) && !strcmp(a->name, "lang"))
				return a->value;
		}
	}

	return NULL;
}

/* RFC 5646 2.1: letters, digits, hyphens. */
static bool lang_is_valid(const char *s)
{
	return *s && strlen(s) <= LANG_MAX &&
	       strspn(s, "abcdefghijklmnopqrstuvwxyz"
			 "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-") == strlen(s);
}

/* "0.5", "1", "1.0" as thousandths; what is no q value counts as none. */
static unsigned q_read(const char *s)
{
	unsigned q = 0, unit = 100;

	if (!s || (*s != '0' && *s != '1'))
		return 0;
	if (*s == '1')
		return Q_MAX;
	if (s[1] != '.')
		return 0;
	for (s += 2; *s >= '0' && *s <= '9' && unit; s++, unit /= 10)
		q += (unsigned)(*s - '0') * unit;

	return q;
}

static void activity_add(struct pidf_status *st, const char *name)
{
	st->show = MAX(st->show, activity_show(name));
	if (!strcmp(name, "on-the-phone"))
		st->phone = true;
}

/* <activities/> of a <person/>, a <tuple/> or, as some write, a <status/>. */
static void activities_read(struct pidf_status *st, const struct stanza *e)
{
	const struct stanza *a = stanza_child(e, "activities", NULL), *c;

	for (; a; a = stanza_next(a, "activities", NULL)) {
		for (c = a->child; c; c = c->next) {
			if (c->name)
				activity_add(st, c->name);
		}
	}
}

static int note_read(struct pidf_status *st, const struct stanza *e)
{
	const struct stanza *note = stanza_child(e, "note", NULL);
	const char *lang;
	int err;

	if (!note || st->text)
		return 0;

	err = text_of(&st->text, note, TEXT_MAX);
	if (err)
		return err;
	if (!*st->text) {
		st->text = mem_deref(st->text);
		return 0;
	}

	lang = lang_of(note);

	return lang && (PLANT == 2 || lang_is_valid(lang))
		   ? str_dup(&st->lang, lang)
		   : 0;
}

static int show_read(struct pidf_status *st, const struct stanza *status)
{
	const struct stanza *show = stanza_child(status, "show", NS_CLIENT);
	char *text = NULL;
	int err;

	if (!show)
		return 0;

	err = text_of(&text, show, TEXT_MAX);
	if (!err && pidf_show_find(text))
		st->show = pidf_show_find(text);
	mem_deref(text);

	return err;
}

static int tuple_read(struct pidf_status *st, const struct stanza *tuple)
{
	const struct stanza *status = stanza_child(tuple, "status", NS_PIDF);
	const struct stanza *basic = stanza_child(status, "basic", NS_PIDF);
	const struct stanza *contact = stanza_child(tuple, "contact", NS_PIDF);
	char *text = NULL;
	int err = 0;

	memset(st, 0, sizeof(*st));
	if (basic)
		err = text_of(&text, basic, TEXT_MAX);
	if (!err)
		st->open = text && !strcmp(text, "open");
	mem_deref(text);
	st->priority = pidf_priority(q_read(stanza_attr(contact, "priority")));
	activities_read(st, tuple);
	activities_read(st, status);
	if (!err)
		err = note_read(st, tuple);

	return err;
}

static bool is_better(const struct pidf_status *a, const struct pidf_status *b)
{
	return a->open != b->open ? a->open : a->priority > b->priority;
}

/* Of the best tuple: its status, with the <show/> that beats RPID. */
static int tuples_read(struct pidf_status *best, const struct stanza *root)
{
	const struct stanza *t = stanza_child(root, "tuple", NS_PIDF);
	const struct stanza *chosen = NULL;
	int err = 0;

	for (; t && !err; t = stanza_next(t, "tuple", NS_PIDF)) {
		struct pidf_status st;

		err = tuple_read(&st, t);
		if (!err && (!chosen || is_better(&st, best))) {
			pidf_status_clear(best);
			*best = st;
			chosen = t;
		} else {
			pidf_status_clear(&st);
		}
	}
	if (err)
		return err;

	for (t = stanza_child(root, "person", NULL); t && !err;
	     t = stanza_next(t, "person", NULL)) {
		activities_read(best, t);
		err = note_read(best, t);
	}
	if (!err)
		err = note_read(best, root);
	if (!err && chosen)
		err = show_read(best, stanza_child(chosen, "status", NS_PIDF));

	return err;
}

int pidf_decode(struct pidf_status *st, const char *text, size_t len)
{
	struct stanza *root = NULL;
	int err;

	memset(st, 0, sizeof(*st));
	err = xmldoc_decode(&root, text, len);
	if (err)
		return err == E2BIG ? EBADMSG : err;

	err = stanza_is(root, "presence", NS_PIDF) ? tuples_read(st, root)
						   : EBADMSG;
	stanza_free(root);
	if (err)
		pidf_status_clear(st);

	return err;
}

/* ---- out ---- */

static void tuple_add(struct stanza *root, const struct pidf_document *doc,
		      const struct pidf_tuple *t)
{
	const struct pidf_status *st = t->status;
	struct stanza *tuple = stanza_add(root, "tuple", NULL), *e;

	(void)stanza_attr_setf(tuple, "id", "ID-%s", t->id);
	e = stanza_add(tuple, "status", NULL);
	(void)stanza_text_add(stanza_add(e, "basic", NULL),
			      st->open ? "open" : "closed");
	if (st->open && st->show)
		(void)stanza_text_add(stanza_add(e, "show", NS_CLIENT),
				      show_names[st->show]);
	if (st->open) {
		char uri[600];

		(void)re_snprintf(uri, sizeof(uri), "sip:%s", doc->entity);
		e = stanza_add(tuple, "contact", NULL);
		(void)stanza_text_add(e, uri);
		/* RFC 8048 6.2: a negative one must not be mapped */
		if (st->priority >= 0)
			(void)stanza_attr_setf(e, "priority", "%u.%03u",
					       pidf_q(st->priority) / Q_MAX,
					       pidf_q(st->priority) % Q_MAX);
	}
	if (!st->text)
		return;

	e = stanza_add(tuple, "note", NULL);
	(void)stanza_text_add(e, st->text);
	if (st->lang)
		(void)stanza_attr_set(e, "xml:lang", st->lang);
}

static void person_add(struct stanza *root, const struct pidf_document *doc)
{
	const char *activity = NULL;
	struct stanza *e;

	/* the first tuple is the one that speaks for the person */
	if (doc->tuplec && doc->tuples[0].status->open)
		activity = show_activities[doc->tuples[0].status->show];
	if (!activity && !doc->phone)
		return;

	e = stanza_add(root, "person", NS_MODEL);
	(void)stanza_attr_set(e, "id", "ID-person");
	e = stanza_add(e, "activities", NS_RPID);
	if (doc->phone)
		(void)stanza_add(e, "on-the-phone", NULL);
	if (activity)
		(void)stanza_add(e, activity, NULL);
}

int pidf_encode(struct mbuf *mb, const struct pidf_document *doc)
{
	static const struct pidf_status none = {.open = false};
	static const struct pidf_tuple gone = {"none", &none};
	struct stanza *root = stanza_new("presence", NS_PIDF);
	int err = 0;

	(void)stanza_attr_setf(root, "entity", "pres:%s", doc->entity);
	for (size_t i = 0; i < doc->tuplec; i++)
		tuple_add(root, doc, &doc->tuples[i]);
	if (!doc->tuplec)
		tuple_add(root, doc, &gone);
	person_add(root, doc);

	if (!stanza_ok(root))
		err = ENOMEM;
	if (!err)
		err = mbuf_printf(mb,
				  "<?xml version='1.0' encoding='UTF-8'?>\r\n"
				  "%H\r\n",
				  stanza_print, root);
	stanza_free(root);

	return err;
}

/* ---- dialog-info ---- */

bool dialoginfo_busy(const struct dialoginfo *di)
{
	return di->idc > 0;
}

static void call_set(struct dialoginfo *di, uint32_t id, bool busy)
{
	unsigned i = 0;

	while (i < di->idc && di->ids[i] != id)
		++i;
	if (i < di->idc && !busy)
		di->ids[i] = di->ids[--di->idc];
	if (i == di->idc && busy &&
	    i < DIALOGINFO_MAX + (PLANT == 3)) /* 3: one more than fits */
		di->ids[di->idc++] = id;
}

static int calls_read(struct dialoginfo *di, const struct stanza *root)
{
	const struct stanza *d = stanza_child(root, "dialog", NS_DIALOG);
	int err = 0;

	for (; d && !err; d = stanza_next(d, "dialog", NS_DIALOG)) {
		const char *id = stanza_attr(d, "id");
		const struct stanza *e = stanza_child(d, "state", NS_DIALOG);
		char *text = NULL;

		if (!id || !e)
			continue;
		err = text_of(&text, e, TEXT_MAX);
		/* who only rings can still take a call */
		if (!err)
			call_set(di, keyed_str(id),
				 !strcmp(text, "confirmed"));
		mem_deref(text);
	}

	return err;
}

/* RFC 4235 4.1: versions go up by one; "full" needs none before it. */
static int info_read(struct dialoginfo *di, const struct stanza *root)
{
	const char *version = stanza_attr(root, "version");
	const char *state = stanza_attr(root, "state");
	uint32_t v;

	if (!stanza_is(root, "dialog-info", NS_DIALOG) || !version || !state)
		return EBADMSG;

	v = (uint32_t)strtoul(version, NULL, 10);
	if (!strcmp(state, "full"))
		di->idc = 0;
	else if (!di->known || v != di->version + 1)
		return ENOENT;

	di->known = true;
	di->version = v;

	return calls_read(di, root);
}

int dialoginfo_decode(struct dialoginfo *di, const char *text, size_t len)
{
	struct stanza *root = NULL;
	int err;

	err = xmldoc_decode(&root, text, len);
	if (err)
		return err == E2BIG ? EBADMSG : err;

	err = info_read(di, root);
	stanza_free(root);

	return err;
}
