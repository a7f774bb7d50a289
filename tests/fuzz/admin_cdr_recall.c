/* admin_cdr_recall.c: a line of a CSV file that others may have written to:
 * what is read of it is written again as it was read. */
#include <stdlib.h>
#include <string.h>
#include "admin/cdr_int.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static char *print(const struct cdr_record *r)
{
	char *text = NULL;

	if (re_sdprintf(&text, "%H", cdr_record_print, r))
		abort();
	text[strcspn(text, "\n")] = '\0';

	return text;
}

/* NULL: it is none. */
static char *read_and_print(const char *text)
{
	char *line = strdup(text), *again = NULL;
	struct cdr_record *r = line ? cdr_record_decode(line) : NULL;

	free(line);
	if (r) {
		json_decref(cdr_record_json(r));
		again = print(r);
	}
	free(r);

	return again;
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	char *text = malloc(size + 1), *a, *b = NULL, *c = NULL;

	if (!text)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';

	/* the first time, what is no text of ours goes */
	a = read_and_print(text);
	free(text);
	if (a)
		b = read_and_print(a);
	if (b)
		c = read_and_print(b);
	if (c && strcmp(b, c))
		abort();
	mem_deref(a);
	mem_deref(b);
	mem_deref(c);

	return 0;
}
