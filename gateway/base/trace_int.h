/* trace_int.h: what the files of the trace share among themselves. */
#ifndef BASE_TRACE_INT_H
#define BASE_TRACE_INT_H

#include "base/trace.h"

/* Copies text to d with each secret as at most three stars: never longer.
 * Returns the length. */
size_t trace_blank(char *d, const char *text, size_t len);

#endif
