/* log.h: one line a step, to standard error.
 *
 * Formats are libre's re_printf formats (%H takes a printer and its argument,
 * %r a struct pl, %J a struct sa, %m an errno).  A line is one write(2); bytes
 * below 0x20 and 0x7f are printed as \xNN, so that outside text cannot forge
 * lines.  Safe from every thread.  Each line starts with "call 7f3a:" or the
 * name of a module ("xmpp:", "sip:").  Secrets are never passed in. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>

enum log_level {
	LOG_LEVEL_DEBUG,
	LOG_LEVEL_INFO,
	LOG_LEVEL_WARNING,
	LOG_LEVEL_ERROR,
};

void log_set_level(enum log_level level);
bool log_enabled(enum log_level level);
void log_debug(const char *fmt, ...);
void log_info(const char *fmt, ...);
void log_warning(const char *fmt, ...);
void log_error(const char *fmt, ...);

#endif
