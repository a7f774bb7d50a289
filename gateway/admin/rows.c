/* rows.c: answers as objects, and an array of those as a table for people. */
#include "admin/rows.h"
#include <errno.h>
#include <string.h>
#include "admin/run.h"
#include "base/text.h"

enum { GAP = 2 }; /* blanks between columns */

void row_text(json_t *row, const char *key, const char *text)
{
	json_object_set_new(row, key, command_string(text));
}

void row_number(json_t *row, const char *key, json_int_t n)
{
	json_object_set_new(row, key, json_integer(n));
}

void row_bool(json_t *row, const char *key, bool is)
{
	json_object_set_new(row, key, json_boolean(is));
}

static const json_t *value_at(const json_t *row, const char *key)
{
	const char *dot = strchr(key, '.');
	char first[32];
	struct pl pl;

	if (!dot)
		return json_object_get(row, key);

	pl.p = key;
	pl.l = (size_t)(dot - key);
	if (pl_strcpy(&pl, first, sizeof(first)))
		return NULL;

	return json_object_get(json_object_get(row, first), dot + 1);
}

struct cell {
	char *p;
	size_t len, left;
};

static int cell_put(const char *p, size_t size, void *arg)
{
	struct cell *c = arg;
	const size_t n = size < c->left ? size : c->left;

	memcpy(c->p + c->len, p, n);
	c->len += n;
	c->left -= n;

	return n < size ? ENOMEM : 0;
}

/* Never half a character. */
static void cell_cut(struct cell *c)
{
	size_t at = c->len;
	uint32_t cp;

	while (at && ((uint8_t)c->p[at - 1] & 0xc0) == 0x80)
		--at;
	if (at && !text_utf8_decode(&cp, c->p + at - 1, c->len - at + 1))
		c->p[at - 1] = '\0';
}

static void cell_text(char *buf, size_t size, const char *text)
{
	struct cell c = {buf, 0, size - 1};
	struct re_printf pf = {cell_put, &c};
	struct pl pl;

	pl_set_str(&pl, text);
	if (text_print_log(&pf, &pl))
		cell_cut(&c);
}

/* As a log shows what peers wrote: a terminal obeys controls. */
void rows_cell(char *buf, size_t size, const json_t *row, const char *key)
{
	const json_t *v = value_at(row, key);

	memset(buf, 0, size); /* what is cut ends, too */
	if (json_is_integer(v)) {
		(void)re_snprintf(buf, size, "%lld",
				  (long long)json_integer_value(v));
	} else if (json_is_real(v)) {
		(void)re_snprintf(buf, size, "%.1f", json_real_value(v));
	} else if (json_is_boolean(v)) {
		str_ncpy(buf, json_is_true(v) ? "yes" : "no", size);
	} else {
		cell_text(buf, size,
			  json_is_string(v) ? json_string_value(v) : "");
	}
	if (!buf[0])
		str_ncpy(buf, "-", size);
}

static size_t glyphs(const char *s)
{
	size_t n = 0;

	for (; *s; s++)
		n += ((unsigned char)*s & 0xc0) != 0x80;

	return n;
}

static int row_print(struct mbuf *mb, const struct command_column *cols,
		     const size_t *widths, const json_t *row)
{
	int err = 0;

	for (size_t i = 0; !err && i < COMMAND_COLUMNS_MAX && cols[i].key;
	     i++) {
		const bool last =
		    i + 1 == COMMAND_COLUMNS_MAX || !cols[i + 1].key;
		char text[ROWS_CELL_MAX];

		if (row)
			rows_cell(text, sizeof(text), row, cols[i].key);
		else
			str_ncpy(text, cols[i].title, sizeof(text));
		err = mbuf_write_str(mb, text);
		if (!err && !last)
			err =
			    mbuf_fill(mb, ' ', widths[i] - glyphs(text) + GAP);
	}

	return err ? err : mbuf_write_u8(mb, '\n');
}

int rows_print(struct mbuf *mb, const struct command *c, const json_t *rows)
{
	const struct command_column *cols = c->columns;
	size_t widths[COMMAND_COLUMNS_MAX] = {0}, n = json_array_size(rows);
	int err;

	if (!n)
		return mbuf_printf(mb, "%s\n", c->none ? c->none : "none");

	for (size_t i = 0; i < COMMAND_COLUMNS_MAX && cols[i].key; i++) {
		widths[i] = strlen(cols[i].title);
		for (size_t k = 0; k < n; k++) {
			char text[ROWS_CELL_MAX];
			size_t w;

			rows_cell(text, sizeof(text), json_array_get(rows, k),
				  cols[i].key);
			w = glyphs(text);
			if (w > widths[i])
				widths[i] = w;
		}
	}

	err = row_print(mb, cols, widths, NULL);
	for (size_t k = 0; !err && k < n; k++)
		err = row_print(mb, cols, widths, json_array_get(rows, k));

	return err;
}
