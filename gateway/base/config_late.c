/* config_late.c: rules that other folders have over the whole of a file, told
 * among its other problems, and where the manual speaks of each. */
#include "config_int.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static config_late_h *late;

void config_late_set(config_late_h *h)
{
	late = h;
}

/* ---- problems that come as text ---- */

enum { SAID_MAX = 1 << 20 }; /* bytes */

static int said_add(const char *s, size_t len, void *arg)
{
	struct mbuf *mb = arg;

	return mb->end + len > SAID_MAX
		   ? 0
		   : mbuf_write_mem(mb, (const uint8_t *)s, len);
}

/* "FILE:LINE: text" */
static void line_take(struct config_parser *p, char *line)
{
	const size_t n = strlen(p->c->file);
	char *text = line;
	long at = 0;

	if (!strncmp(line, p->c->file, n) && line[n] == ':') {
		at = strtol(line + n + 1, &text, 10);
		if (*text == ':')
			text += 1 + strspn(text + 1, " ");
		else
			text = line, at = 0;
	}
	config_problem(p, (int)at, NULL, NULL, "%s", text);
}

void config_late_check(struct config_parser *p)
{
	struct re_printf pf = {said_add, NULL};
	struct mbuf *mb;
	char *s, *nl;
	int err;

	if (!late || p->err)
		return;

	mb = mbuf_alloc(1024);
	if (!mb) {
		p->err = ENOMEM;
		return;
	}
	pf.arg = mb;
	err = late(p->c, &pf);
	if (err == ENOMEM || mbuf_write_u8(mb, '\0')) {
		p->err = ENOMEM;
	} else {
		for (s = (char *)mb->buf; (nl = strchr(s, '\n')); s = nl + 1) {
			*nl = '\0';
			line_take(p, s);
		}
	}
	mem_deref(mb);
}

/* ---- the manual ---- */

/* What a line stands in: while the file is read that is what was opened
 * last. */
static const struct config_kind *kind_at(const struct config_parser *p,
					 int line, const char **keyp)
{
	const struct config_section *in = NULL;
	struct le *le;

	LIST_FOREACH (&p->sections, le) {
		const struct config_section *s = le->data;

		for (size_t i = 0; i < s->kind->keyc; i++) {
			if (abs(s->lines[i]) == line) {
				*keyp = s->kind->keys[i].name;
				return s->kind;
			}
		}
		if (s->line && s->line <= line && (!in || s->line > in->line))
			in = s;
	}
	if (!p->checking)
		return p->kind;

	return in ? in->kind : NULL;
}

int config_manual_print(struct re_printf *pf, const struct config_where *w)
{
	const struct config_kind *kind = NULL;
	const char *key = NULL;
	int err;

	if (w->line)
		kind = kind_at(w->p, w->line, &key);

	err = re_hprintf(pf, "stoxd.conf(5)");
	if (kind)
		err |= re_hprintf(pf, ", [%s%s]", kind->name,
				  kind->naming == CONFIG_NAMED ? " NAME" : "");

	return key ? err | re_hprintf(pf, " %s", key) : err;
}
