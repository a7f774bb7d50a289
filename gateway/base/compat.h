/* compat.h: libre 1.1 (Debian 12) and 2.0 (Debian 13) through one door.
 *
 * libre's headers are included here and nowhere else, after the macros that
 * libre.pc forgets (given on the command line by the Makefile). */
#ifndef BASE_COMPAT_H
#define BASE_COMPAT_H

#include <re.h>

#endif
