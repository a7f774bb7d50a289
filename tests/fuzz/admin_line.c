/* admin_line.c: a request of the control socket; what stoxctl writes is read
 * as it was meant. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "admin/line.h"
#include "base/compat.h"

#include "../../gateway/admin/stoxctl_ask.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool same(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}

/* The words, written by stoxctl and read again. */
static void again(const struct line *l)
{
	const char *const *v = (const char *const *)l->v;
	char text[CTL_REQUEST];
	struct line *m;

	for (size_t i = 0; i < l->n; i++) {
		if (!*v[i])
			return;
	}
	if (!l->n || (!l->json && !strcmp(v[0], "json")) ||
	    !ctl_request(text, sizeof(text), l->json, v, l->n))
		return;

	text[strcspn(text, "\n")] = '\0';
	if (line_parse(&m, text))
		abort();
	if (m->json != l->json || m->n != l->n || m->command != l->command)
		abort();
	for (size_t i = 0; i < l->n; i++) {
		if (!same(m->v[i], l->v[i]))
			abort();
	}
	mem_deref(m);
}

static void judge(const struct line *l)
{
	size_t which = COMMAND_ARGS_MAX;

	if (!l->command) {
		if (!l->why[0] || strchr(l->why, '\n'))
			abort();
		return;
	}

	if (command_judge(l->command, l->argv, &which) &&
	    (which >= command_argc(l->command) || !l->argv[which]))
		abort();
	for (size_t i = command_argc(l->command); i < COMMAND_ARGS_MAX; i++) {
		if (l->argv[i])
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct pl pl = {(const char *)data, size};
	struct line *l;
	char *text;

	if (pl_strdup(&text, &pl))
		return 0;
	for (char *p = text; p < text + size; p++)
		*p = *p == '\n' || !*p ? '?' : *p;

	if (!line_parse(&l, text)) {
		judge(l);
		if (l->command && strstr(text, "%00")) /* would cut a word */
			abort();
		if (l->command)
			again(l);
		mem_deref(l);
	}
	mem_deref(text);

	return 0;
}
