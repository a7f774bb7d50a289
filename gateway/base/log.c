/* log.c: one line a step, to standard error. */
#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "base/compat.h"
#include "base/text.h"

/* POSIX promises that a pipe takes this much in one piece (PIPE_BUF): lines of
 * several threads never mix, and the peer cannot make us write more. */
enum { LINE_MAX_SIZE = 4096 }; /* bytes, with the line end */

struct line {
	char buf[LINE_MAX_SIZE];
	size_t len;
	bool cut;
};

static atomic_int log_level = LOG_LEVEL_INFO;

void log_set_level(enum log_level level)
{
	atomic_store(&log_level, (int)level);
}

bool log_enabled(enum log_level level)
{
	return (int)level >= atomic_load(&log_level);
}

/* Takes what fits and says that it took all: the rest of a line is dropped. */
static int line_append(const char *p, size_t size, void *arg)
{
	struct line *line = arg;
	size_t room = sizeof(line->buf) - 4 - line->len; /* "..\n", NUL */

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

static void line_print(enum log_level level, const char *fmt, va_list ap)
{
	struct line raw = {.len = 0}, line = {.len = 0};
	struct re_printf pf = {.vph = line_append, .arg = &line};
	struct pl pl;
	int saved = errno;

	if (!log_enabled(level))
		return;

	(void)re_vhprintf(fmt, ap, line_append, &raw);
	if (raw.len && raw.buf[raw.len - 1] == '\n')
		raw.len--;

	pl.p = raw.buf;
	pl.l = raw.len;
	(void)text_print_log(&pf, &pl);

	if (raw.cut || line.cut) {
		line.buf[line.len++] = '.';
		line.buf[line.len++] = '.';
	}
	line.buf[line.len++] = '\n';

	line_write(&line);
	errno = saved;
}

#define LOG_FUNCTION(name, level)                                             \
	void name(const char *fmt, ...)                                       \
	{                                                                     \
		va_list ap;                                                   \
                                                                              \
		va_start(ap, fmt);                                            \
		line_print(level, fmt, ap);                                   \
		va_end(ap);                                                   \
	}

LOG_FUNCTION(log_debug, LOG_LEVEL_DEBUG)
LOG_FUNCTION(log_info, LOG_LEVEL_INFO)
LOG_FUNCTION(log_warning, LOG_LEVEL_WARNING)
LOG_FUNCTION(log_error, LOG_LEVEL_ERROR)
