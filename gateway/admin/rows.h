/* rows.h: answers as objects, and an array of those as a table for people. */
#ifndef ADMIN_ROWS_H
#define ADMIN_ROWS_H

#include <jansson.h>
#include "admin/table.h"
#include "base/compat.h"

/* A value of an object.  What memory was refused for is left out; text that is
 * NULL or not UTF-8 is "". */
void row_text(json_t *row, const char *key, const char *text);
void row_number(json_t *row, const char *key, json_int_t n);
void row_bool(json_t *row, const char *key, bool is);

enum { ROWS_CELL_MAX = 512 }; /* bytes; what is longer is cut */

/* One value as people read it, without controls; "-" for none. */
void rows_cell(char *buf, size_t size, const json_t *row, const char *key);
/* By the command's columns, or what it says of none. */
int rows_print(struct mbuf *mb, const struct command *c, const json_t *rows);

#endif
