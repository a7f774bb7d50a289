/* log.c: one line a step, to standard error. */
#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "base/compat.h"
#include "base/log_int.h"
#include "base/text.h"

/* POSIX promises that a pipe takes this much in one piece (PIPE_BUF): lines of
 * several threads never mix, and the peer cannot make us write more. */
enum {
	LINE_MAX_SIZE = 4096, /* bytes, with the line end */
	TAIL_MAX = 8,	      /* bytes kept for "..", quotes and line end */
};

struct line {
	char buf[LINE_MAX_SIZE];
	size_t len;
	bool cut;
};

/* The text is written as far as it goes, not cleared before. */
static void line_init(struct line *line)
{
	line->len = 0;
	line->cut = false;
}

static atomic_int log_format = LOG_FORMAT_BARE;

/* sd-daemon(3); syslog(3) */
static const char *const priorities[] = {
    [LOG_LEVEL_DEBUG] = "<7>",
    [LOG_LEVEL_INFO] = "<6>",
    [LOG_LEVEL_WARNING] = "<4>",
    [LOG_LEVEL_ERROR] = "<3>",
};

/* systemd.exec(5), $JOURNAL_STREAM: "DEVICE:INODE" of what it connected. */
static bool is_journal(void)
{
	const char *text = getenv("JOURNAL_STREAM");
	char *end = NULL;
	struct stat st;
	uint64_t dev;

	if (!text || fstat(STDERR_FILENO, &st))
		return false;
	dev = strtoull(text, &end, 10);

	return end != text && *end == ':' && dev == (uint64_t)st.st_dev &&
	       strtoull(end + 1, NULL, 10) == (uint64_t)st.st_ino;
}

void log_set_format(enum log_format format)
{
	if (format == LOG_FORMAT_TEXT && is_journal())
		format = LOG_FORMAT_JOURNAL;
	atomic_store(&log_format, (int)format);
}

/* Takes what fits and says that it took all: the rest of a line is dropped. */
static int line_append(const char *p, size_t size, void *arg)
{
	struct line *line = arg;
	size_t room = sizeof(line->buf) - TAIL_MAX - line->len;

	if (line->cut)
		return 0;

	if (size > room) {
		line->cut = true;
		while (room && ((uint8_t)p[room] & 0xc0) == 0x80)
			room--; /* not inside a character */
		size = room;
	}

	memcpy(line->buf + line->len, p, size);
	line->len += size;

	return 0;
}

static void line_write(const struct line *line)
{
	size_t done = 0;

	/* A short write happens only on a broken or full standard error. */
	while (done < line->len) {
		ssize_t n;

		n = write(STDERR_FILENO, line->buf + done, line->len - done);
		if (n <= 0 && errno != EINTR)
			return;
		if (n > 0)
			done += (size_t)n;
	}
}

static void line_end(struct line *line, bool cut, const char *tail)
{
	if (cut) {
		line->buf[line->len++] = '.';
		line->buf[line->len++] = '.';
	}
	while (*tail)
		line->buf[line->len++] = *tail++;
}

/* RFC 3339 5.6, to ms */
static int time_print(struct re_printf *pf, const struct timespec *ts)
{
	struct tm tm;

	if (!gmtime_r(&ts->tv_sec, &tm))
		return EINVAL;

	return re_hprintf(pf, "%04d-%02d-%02dT%02d:%02d:%02d.%03uZ",
			  tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday,
			  tm.tm_hour, tm.tm_min, tm.tm_sec,
			  (unsigned)(ts->tv_nsec / 1000000));
}

static void print_text(struct line *line, const struct log_line *l, bool cut)
{
	struct re_printf pf = {.vph = line_append, .arg = line};
	struct timespec now;

	switch (atomic_load(&log_format)) {
	case LOG_FORMAT_JOURNAL:
		(void)re_hprintf(&pf, "%s", priorities[l->level]);
		break;
	case LOG_FORMAT_TEXT:
		(void)clock_gettime(CLOCK_REALTIME, &now);
		(void)re_hprintf(&pf, "%H ", time_print, &now);
		break;
	default:
		break;
	}
	(void)text_print_log(&pf, &l->text);
	line_end(line, cut || line->cut, "\n");
}

/* Not inside an escape: "\u0000" is the longest. */
static void uncut_escape(struct line *line, size_t start)
{
	size_t i, slashes = 0;

	for (i = line->len; i > start && line->len - i < 6; i--) {
		if (line->buf[i - 1] != '\\')
			continue;
		while (i - slashes > start &&
		       line->buf[i - 1 - slashes] == '\\')
			slashes++;
		if (slashes % 2)
			line->len = i - 1;
		return;
	}
}

static void print_json(struct line *line, const struct log_line *l, bool cut)
{
	struct re_printf pf = {.vph = line_append, .arg = line};
	struct pl area, call;
	struct timespec now;
	size_t start;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	log_line_parts(&l->text, &area, &call);
	(void)re_hprintf(&pf, "{\"time\":\"%H\",\"level\":\"%s\"", time_print,
			 &now, log_level_name(l->level));
	if (area.l)
		(void)re_hprintf(&pf, ",\"area\":\"%H\"", text_print_json,
				 &area);
	if (call.l)
		(void)re_hprintf(&pf, ",\"call\":\"%H\"", text_print_json,
				 &call);
	(void)re_hprintf(&pf, ",\"text\":\"");
	start = line->len;
	(void)text_print_json(&pf, &l->text);
	if (line->cut)
		uncut_escape(line, start);
	line_end(line, cut || line->cut, "\"}\n");
}

static void line_print(const struct log_line *l, bool cut)
{
	struct line line;

	line_init(&line);
	if (atomic_load(&log_format) == LOG_FORMAT_JSON)
		print_json(&line, l, cut);
	else
		print_text(&line, l, cut);
	line_write(&line);
}

static void say_more(const struct log_repeats *more)
{
	struct log_line l = {LOG_LEVEL_WARNING, __FILE__, PL_INIT};
	char text[sizeof(more->text) + 64];

	if (!more->n)
		return;

	(void)re_snprintf(text, sizeof(text), "log: %u times more: %s",
			  more->n, more->text);
	pl_set_str(&l.text, text);
	line_print(&l, false);
}

static void write_line(enum log_level level, const char *file, const char *fmt,
		       va_list ap)
{
	struct log_line l = {level, file, PL_INIT};
	struct line raw;
	struct log_repeats more = {.n = 0};
	int saved = errno;
	bool may;

	if (!log_enabled(level))
		return;

	line_init(&raw);
	(void)re_vhprintf(fmt, ap, line_append, &raw);
	if (raw.len && raw.buf[raw.len - 1] == '\n')
		raw.len--;
	l.text.p = raw.buf;
	l.text.l = raw.len;

	if (log_rules_want(&l)) {
		may = log_repeat_may(&l.text, &more);
		say_more(&more);
		if (may)
			line_print(&l, raw.cut);
	}
	errno = saved;
}

void log_write(enum log_level level, const char *file, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	write_line(level, file, fmt, ap);
	va_end(ap);
}

/* The names in parentheses are functions, not macros. */
#define LOG_FUNCTION(name, level)                                             \
	void(name)(const char *fmt, ...)                                      \
	{                                                                     \
		va_list ap;                                                   \
                                                                              \
		va_start(ap, fmt);                                            \
		write_line(level, NULL, fmt, ap);                             \
		va_end(ap);                                                   \
	}

LOG_FUNCTION(log_debug, LOG_LEVEL_DEBUG)
LOG_FUNCTION(log_info, LOG_LEVEL_INFO)
LOG_FUNCTION(log_warning, LOG_LEVEL_WARNING)
LOG_FUNCTION(log_error, LOG_LEVEL_ERROR)
