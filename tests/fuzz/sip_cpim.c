/* sip_cpim.c: message/cpim of any bytes: what was read, written, reads the
 * same. */
#include <stdlib.h>
#include <string.h>
#include "sip/cpim.h"
#include "sip/scan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void same(const struct pl *a, const struct pl *b)
{
	if (pl_cmp(a, b) && (a->l || b->l))
		abort();
}

/* From what is escaped: a subject as it is for people. */
static void again(struct cpim *c)
{
	char *text = NULL, *subject = NULL, *back = NULL;
	struct cpim d;
	struct pl pl;

	if (cpim_text(&subject, &c->subject))
		abort();
	pl_set_str(&c->subject, subject);
	if (re_sdprintf(&text, "%H", cpim_print, c))
		goto out; /* it could break out of its line */

	/* re_sdprintf ends at no NUL, but its string does */
	if (memchr(c->body.p, 0, c->body.l) || strlen(text) < c->body.l)
		goto out;
	pl_set_str(&pl, text);
	if (cpim_decode(&d, &pl) || cpim_text(&back, &d.subject))
		abort();
	pl_set_str(&d.subject, back);
	sipscan_trim(&c->subject);
	sipscan_trim(&d.subject);
	same(&c->subject, &d.subject);
	same(&c->from, &d.from);
	same(&c->to, &d.to);
	same(&c->datetime, &d.datetime);
	same(&c->message_id, &d.message_id);
	same(&c->type, &d.type);
	same(&c->lang, &d.lang);
	same(&c->body, &d.body);
	if (c->message_id.l && c->wants != d.wants)
		abort();

out:
	mem_deref(back);
	mem_deref(text);
	mem_deref(subject);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *copy = malloc(size ? size : 1); /* ends where the input does */
	struct cpim c;
	struct pl pl;
	char *text;

	if (!copy)
		return 0;

	if (size)
		memcpy(copy, data, size);
	pl.p = copy;
	pl.l = size;
	if (!cpim_text(&text, &pl))
		mem_deref(text);
	if (!cpim_decode(&c, &pl))
		again(&c);
	free(copy);

	return 0;
}
