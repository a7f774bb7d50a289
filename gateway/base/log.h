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
#include <stddef.h>

enum log_level {
	LOG_LEVEL_DEBUG,
	LOG_LEVEL_INFO,
	LOG_LEVEL_WARNING,
	LOG_LEVEL_ERROR,
};

enum log_format {
	LOG_FORMAT_TEXT,    /* the time first, or as journal where standard
			     * error is journald's */
	LOG_FORMAT_JOURNAL, /* "<6>" first, sd-daemon(3) */
	LOG_FORMAT_JSON,    /* an object a line */
	LOG_FORMAT_BARE,    /* nothing first; also until one is set */
};

enum { LOG_RULES_MAX = 32, LOG_NAME_MAX = 255 /* bytes */ };

/* What a level of its own is for. */
enum log_rule_kind {
	LOG_RULE_ALL,  /* instead of what log_set_level() says */
	LOG_RULE_AREA, /* "sip", "media/latch", "call": a folder, a file, or
			* the word that lines begin with */
	LOG_RULE_CALL, /* "5f0c2a91" */
	LOG_RULE_JID,  /* lines that name it, and those of its calls */
};

struct log_rule {
	enum log_rule_kind kind;
	enum log_level level;
	char name[LOG_NAME_MAX + 1]; /* "" for all */
	unsigned left;		     /* s; 0: for good */
};

void log_set_level(enum log_level level);
void log_set_format(enum log_format format);
/* For so many seconds, 0: for good.  Replaces what was said of the same. E2BIG
 * when there are LOG_RULES_MAX, EINVAL. */
int log_rule_set(enum log_rule_kind kind, const char *name,
		 enum log_level level, unsigned seconds);
/* ENOENT. */
int log_rule_remove(enum log_rule_kind kind, const char *name);
void log_rules_clear(enum log_rule_kind kind);
/* Those that hold now; returns how many. */
unsigned log_rules_get(struct log_rule rules[LOG_RULES_MAX]);
enum log_level log_level_get(void); /* as log_set_level() said */

const char *log_level_name(enum log_level level);
int log_level_decode(enum log_level *level, const char *name); /* EINVAL */
/* "sip:debug" as [log] areas has it. EINVAL. */
int log_area_decode(struct log_rule *rule, const char *text);

/* May a line of this level be printed at all? */
bool log_enabled(enum log_level level);

void log_debug(const char *fmt, ...);
void log_info(const char *fmt, ...);
void log_warning(const char *fmt, ...);
void log_error(const char *fmt, ...);

/* The same, and the file says which area it is. */
void log_write(enum log_level level, const char *file, const char *fmt, ...);
#define log_debug(...)	 log_write(LOG_LEVEL_DEBUG, __FILE__, __VA_ARGS__)
#define log_info(...)	 log_write(LOG_LEVEL_INFO, __FILE__, __VA_ARGS__)
#define log_warning(...) log_write(LOG_LEVEL_WARNING, __FILE__, __VA_ARGS__)
#define log_error(...)	 log_write(LOG_LEVEL_ERROR, __FILE__, __VA_ARGS__)

#endif
