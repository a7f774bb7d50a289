/* rows.h: an array of objects as a table for people. */
#ifndef ADMIN_ROWS_H
#define ADMIN_ROWS_H

#include <jansson.h>
#include "admin/table.h"
#include "base/compat.h"

enum { ROWS_CELL_MAX = 512 }; /* bytes; what is longer is cut */

/* One value as people read it, without controls; "-" for none. */
void rows_cell(char *buf, size_t size, const json_t *row, const char *key);
/* By the command's columns, or what it says of none. */
int rows_print(struct mbuf *mb, const struct command *c, const json_t *rows);

#endif
