/* base_config.c: configuration text: print what was read, read it again. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/config_int.h"

/* Notes say what the file left open, which what is printed does not. */
static void drop_notes(char *s)
{
	char *line = s, *end;

	while (*line) {
		end = line + strcspn(line, "\n");
		end += *end != '\0';
		if (strncmp(line, "# note: ", 8))
			line = end;
		else
			memmove(line, end, strlen(end) + 1);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int count(const char *p, size_t size, void *arg)
{
	size_t *n = arg;

	(void)p;
	*n += size;

	return 0;
}

/* A list may print longer than it was written, too long for a line. */
static bool is_long(const char *s)
{
	for (; *s; s += strcspn(s, "\n"), s += *s != '\0') {
		if (strcspn(s, "\n") >= CONFIG_LINE_MAX)
			return true;
	}

	return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct config *c = NULL, *d = NULL;
	char *a = NULL, *b = NULL;
	size_t told = 0;
	struct re_printf pf = {count, &told};
	int err;

	config_files_off = true;
	err = config_parse(&c, "/t.conf", (const char *)data, size, &pf);
	if (err) {
		/* an error is told, and leaves nothing behind */
		if (!told || c)
			abort();
		return 0;
	}
	if (told || re_sdprintf(&a, "%H", config_print, c))
		abort();
	if (is_long(a))
		goto out;

	if (config_parse(&d, "/t.conf", a, strlen(a), NULL) ||
	    re_sdprintf(&b, "%H", config_print, d))
		abort();
	drop_notes(a);
	drop_notes(b);
	if (strcmp(a, b))
		abort();

out:
	mem_deref(a);
	mem_deref(b);
	mem_deref(c);
	mem_deref(d);

	return 0;
}
