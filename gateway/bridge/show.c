/* show.c: what an XMPP user shows, resource by resource. */
#include "bridge/show.h"
#include <stdlib.h>
#include <string.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include "base/id.h"
#include "base/text.h"

enum { TOKEN_LEN = 26, LANG_MAX = 35, STATUS_MAX = 1024 };

struct resource { /* of a user, as SIP sees it */
	struct le le;
	char *name;
	struct pidf_status status; /* closed: said once, then dropped */
};

/* D7: the same resource has the same name, which tells nothing of it. */
static void token_make(char out[TOKEN_LEN + 1], const char *user,
		       const char *resource)
{
	static const char digits[] = "abcdefghijklmnopqrstuvwxyz234567";
	static uint64_t key[4];
	unsigned char md[EVP_MAX_MD_SIZE] = {0};
	char *jid = NULL;
	unsigned len = 0, bits = 0, n = 0;
	uint32_t acc = 0;

	while (!key[0]) {
		for (size_t i = 0; i < ARRAY_SIZE(key); i++)
			key[i] = id_random();
	}
	if (!re_sdprintf(&jid, "%s/%s", user, resource))
		(void)HMAC(EVP_sha256(), key, (int)sizeof(key),
			   (const unsigned char *)jid, strlen(jid), md, &len);
	mem_deref(jid);

	for (size_t i = 0; n < TOKEN_LEN; i++) {
		acc = acc << 8 | md[i];
		for (bits += 8; bits >= 5 && n < TOKEN_LEN; bits -= 5)
			out[n++] = digits[acc >> (bits - 5) & 31];
	}
	out[n] = '\0';
}

static void resource_destructor(void *arg)
{
	struct resource *r = arg;

	list_unlink(&r->le);
	mem_deref(r->name);
	pidf_status_clear(&r->status);
}

static struct resource *resource_find(const struct list *l, const char *name)
{
	struct le *le;

	LIST_FOREACH (l, le) {
		struct resource *r = le->data;

		if (!strcmp(r->name, name))
			return r;
	}

	return NULL;
}

/* Those that are gone are shown as closed once, until something changes. */
static void sweep(struct list *l, const char *but)
{
	struct le *le = l->head;

	while (le) {
		struct resource *r = le->data;

		le = le->next;
		if (!r->status.open && strcmp(r->name, but))
			mem_deref(r);
	}
}

static void place(struct list *l, struct resource *r)
{
	struct le *le = l->head;

	while (le) {
		const struct resource *other = le->data;

		if (other->status.open < r->status.open ||
		    (other->status.open == r->status.open &&
		     other->status.priority < r->status.priority))
			break;
		le = le->next;
	}
	if (le)
		list_insert_before(l, le, &r->le, r);
	else
		list_append(l, &r->le, r);
}

static int child_text(char **tp, const struct stanza *st, const char *name)
{
	const struct stanza *e = stanza_child(st, name, st->ns);
	char *raw = NULL;
	struct pl pl;
	int err;

	if (!e)
		return 0;

	err = stanza_text(&raw, e);
	if (err)
		return err;
	pl_set_str(&pl, raw);
	err = *raw ? text_clean(tp, &pl, STATUS_MAX) : 0;
	mem_deref(raw);

	return err;
}

static const char *lang_of(const struct stanza *st)
{
	const struct stanza *e = stanza_child(st, "status", st->ns);
	const struct attr *a;

	for (; e; e = e->parent) {
		for (a = e->attrs; a; a = a->next) {
			if (*a->ns && !strcmp(a->name, "lang") &&
			    strlen(a->value) <= LANG_MAX)
				return a->value;
		}
	}

	return NULL;
}

static int status_read(struct pidf_status *out, const struct stanza *st,
		       bool open)
{
	char *show = NULL, *priority = NULL;
	const char *lang = lang_of(st);
	long n;
	int err;

	memset(out, 0, sizeof(*out));
	out->open = open;
	err = child_text(&out->text, st, "status");
	err |= child_text(&show, st, "show");
	err |= child_text(&priority, st, "priority");
	if (out->text && lang)
		err |= str_dup(&out->lang, lang);
	if (show)
		out->show = pidf_show_find(show);
	n = priority ? strtol(priority, NULL, 10) : 0;
	out->priority = n < -128 || n > 127 ? 0 : (int)n;
	mem_deref(show);
	mem_deref(priority);

	return err;
}

void show_set(struct list *l, const char *name, const struct stanza *st,
	      bool open)
{
	struct resource *r = resource_find(l, name);
	struct pidf_status status;

	sweep(l, name);
	if (!r && (!open || list_count(l) >= SHOW_MAX))
		return;
	if (status_read(&status, st, open)) {
		pidf_status_clear(&status);
		return;
	}
	if (!r) {
		r = mem_zalloc(sizeof(*r), resource_destructor);
		if (!r || str_dup(&r->name, name)) {
			mem_deref(r);
			pidf_status_clear(&status);
			return;
		}
	}
	pidf_status_clear(&r->status);
	r->status = status;
	list_unlink(&r->le);
	place(l, r);
}

bool show_is_open(const struct list *l)
{
	const struct resource *r = list_ledata(list_head(l));

	return r && r->status.open;
}

int show_encode(struct mbuf *mb, const struct show *show)
{
	char ids[SHOW_MAX][TOKEN_LEN + 1];
	const unsigned max = show->max ? MIN(show->max, SHOW_MAX) : SHOW_MAX;
	struct pidf_tuple tuples[SHOW_MAX];
	struct pidf_document doc;
	struct le *le;

	memset(&doc, 0, sizeof(doc));
	doc.entity = show->entity;
	doc.tuples = tuples;
	doc.phone = show->phone;
	for (le = list_head(show->resources); le && doc.tuplec < max;
	     le = le->next) {
		const struct resource *r = le->data;

		token_make(ids[doc.tuplec], show->user, r->name);
		tuples[doc.tuplec].id = ids[doc.tuplec];
		tuples[doc.tuplec++].status = &r->status;
	}

	return pidf_encode(mb, &doc);
}
