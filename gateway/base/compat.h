/* compat.h: libre 1.1 (Debian 12) and 2.0 (Debian 13) through one door.
 *
 * libre's headers are included here and nowhere else, after the macros that
 * libre.pc forgets (given on the command line by the Makefile). */
#ifndef BASE_COMPAT_H
#define BASE_COMPAT_H

/* re_json.h and jansson.h name the same enumerators. */
#define JSON_STRING RE_JSON_STRING
#define JSON_INT    RE_JSON_INT
#define JSON_DOUBLE RE_JSON_DOUBLE
#define JSON_BOOL   RE_JSON_BOOL
#define JSON_NULL   RE_JSON_NULL
#include <re.h>
#undef JSON_STRING
#undef JSON_INT
#undef JSON_DOUBLE
#undef JSON_BOOL
#undef JSON_NULL

#endif
