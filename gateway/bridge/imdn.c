/* imdn.c: IMDN and isComposing documents by the stanza tree. */
#include "bridge/imdn.h"
#include <errno.h>
#include <string.h>
#include "bridge/chatwords.h"
#include "xmpp/stanza.h"
#include "xmpp/xmldoc.h"

#ifndef PLANT
#define PLANT 0
#endif

#define NS_IMDN	     "urn:ietf:params:xml:ns:imdn"
#define NS_COMPOSING "urn:ietf:params:xml:ns:im-iscomposing"

enum {
	ID_MAX = 1024,	    /* bytes */
	REFRESH_MIN = 60,   /* s; RFC 3994 3.3 */
	REFRESH_MAX = 3600, /* s */
};

static const char *const kinds[] = {
    [IMDN_DELIVERY] = "delivery-notification",
    [IMDN_DISPLAY] = "display-notification",
    [IMDN_PROCESSING] = "processing-notification",
};

static const char *const statuses[] = {
    [IMDN_UNKNOWN] = "",
    [IMDN_DELIVERED] = "delivered",
    [IMDN_FAILED] = "failed",
    [IMDN_DISPLAYED] = "displayed",
    [IMDN_PROCESSED] = "processed",
    [IMDN_STORED] = "stored",
    [IMDN_FORBIDDEN] = "forbidden",
    [IMDN_ERROR] = "error",
};

static int text_of(char **tp, const struct stanza *e)
{
	int err;

	if (!e)
		return EBADMSG;

	err = stanza_text(tp, e);
	if (!err && (!**tp || strlen(*tp) > ID_MAX)) {
		*tp = mem_deref(*tp);
		err = EBADMSG;
	}

	return err;
}

/* ---- IMDN ---- */

static int status_read(struct imdn *d, const struct stanza *root)
{
	const struct stanza *e, *status, *what;

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		e = stanza_child(root, kinds[i], root->ns);
		if (!e)
			continue;

		d->kind = (enum imdn_kind)i;
		status = stanza_child(e, "status", root->ns);
		what = stanza_child(status, NULL, root->ns);
#if PLANT == 2
		if (strlen(what->name) == 0)
#else
		if (!what)
#endif
			return EBADMSG;
		for (size_t s = 1; s < ARRAY_SIZE(statuses); s++) {
			if (!strcmp(what->name, statuses[s]))
				d->status = (enum imdn_status)s;
		}
		return 0;
	}

	return EBADMSG;
}

int imdn_decode(struct imdn *d, const struct pl *xml)
{
	struct stanza *root;
	int err;

	memset(d, 0, sizeof(*d));
	err = xmldoc_decode(&root, xml->p, xml->l);
	if (err)
		return err;

	if (!stanza_is(root, "imdn", NS_IMDN))
		err = EBADMSG;
	if (!err)
		err = text_of(&d->id,
			      stanza_child(root, "message-id", root->ns));
	if (!err)
		err = status_read(d, root);
	if (err)
		imdn_clear(d);
	stanza_free(root);

	return err;
}

void imdn_clear(struct imdn *d)
{
	d->id = mem_deref(d->id);
}

static int document_print(char **xmlp, struct stanza *root)
{
	int err = ENOMEM;

	if (stanza_ok(root))
		err = re_sdprintf(xmlp,
				  "<?xml version='1.0' encoding='UTF-8'?>\n%H",
				  stanza_print, root);
	stanza_free(root);

	return err;
}

int imdn_encode(char **xmlp, const struct imdn *d, int64_t at)
{
	struct stanza *root = stanza_new("imdn", NS_IMDN), *e;
	char date[32];

	(void)re_snprintf(date, sizeof(date), "%H", chatwords_time_print, &at);
	(void)stanza_text_add(stanza_add(root, "message-id", NULL), d->id);
	(void)stanza_text_add(stanza_add(root, "datetime", NULL), date);
	e = stanza_add(root, kinds[d->kind], NULL);
	e = stanza_add(e, "status", NULL);
	(void)stanza_add(e, statuses[d->status], NULL);

	return document_print(xmlp, root);
}

/* ---- isComposing ---- */

static int refresh_read(struct composing *c, const struct stanza *root)
{
	const struct stanza *e = stanza_child(root, "refresh", root->ns);
	char *text, digits[5] = "";
	struct pl pl;
	size_t n;
	int err;

	if (!e)
		return 0;

	err = stanza_text(&text, e);
	if (err)
		return err;

	for (n = 0; text[n] && !err; n++) {
		if (text[n] < '0' || text[n] > '9')
			err = EBADMSG;
#if PLANT == 1
		digits[n] = text[n];
#else
		if (n < sizeof(digits) - 1)
			digits[n] = text[n];
#endif
	}
	pl_set_str(&pl, digits);
	if (!err)
		c->refresh = n < sizeof(digits) ? pl_u32(&pl) : REFRESH_MAX;
	if (c->refresh && c->refresh < REFRESH_MIN)
		c->refresh = REFRESH_MIN;
	if (c->refresh > REFRESH_MAX)
		c->refresh = REFRESH_MAX;
	mem_deref(text);

	return err;
}

int composing_decode(struct composing *c, const struct pl *xml)
{
	const struct stanza *e;
	struct stanza *root;
	char *state = NULL;
	int err;

	memset(c, 0, sizeof(*c));
	err = xmldoc_decode(&root, xml->p, xml->l);
	if (err)
		return err;

	e = stanza_child(root, "state", root->ns);
	if (!stanza_is(root, "isComposing", NS_COMPOSING))
		err = EBADMSG;
	if (!err)
		err = text_of(&state, e);
	if (!err) {
		/* RFC 3994 3.2: what is unknown is idle */
		c->active = !strcmp(state, "active");
		err = refresh_read(c, root);
	}
#if PLANT == 3
	if (err)
		mem_deref(state);
#else
	mem_deref(state);
#endif
	stanza_free(root);

	return err;
}

int composing_encode(char **xmlp, const struct composing *c)
{
	struct stanza *root = stanza_new("isComposing", NS_COMPOSING);
	char refresh[16];

	(void)re_snprintf(refresh, sizeof(refresh), "%u", c->refresh);
	(void)stanza_text_add(stanza_add(root, "state", NULL),
			      c->active ? "active" : "idle");
	(void)stanza_text_add(stanza_add(root, "contenttype", NULL),
			      "text/plain");
	if (c->active && c->refresh)
		(void)stanza_text_add(stanza_add(root, "refresh", NULL),
				      refresh);

	return document_print(xmlp, root);
}
