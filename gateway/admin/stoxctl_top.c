/* stoxctl_top.c: status and calls in a terminal, once a second.
 *
 * Signals are blocked but where we wait, so that nothing is done in a handler;
 * whatever ends it, the terminal is as it was before. */
#include "admin/stoxctl.h"
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

enum {
	REFRESH = 1000,	 /* ms */
	PATIENCE = 3000, /* ms for an answer */
	ANSWER_MAX = 1 << 20,
	ROWS = 24, /* where the terminal does not say */
	COLUMNS = 80,
};

static volatile sig_atomic_t ending, stopping, resized;
static struct termios before;
static bool raw;

struct top {
	const char *path;
	sigset_t open; /* while we wait */
	unsigned rows, columns;
	unsigned skip; /* calls that are scrolled away */
	unsigned shown, calls;
	bool terminal;
};

static void on_signal(int sig)
{
	if (sig == SIGTSTP)
		stopping = 1;
	else if (sig == SIGWINCH)
		resized = 1;
	else if (sig != SIGCONT)
		ending = sig;
}

static void put(const char *s)
{
	size_t left = strlen(s);

	while (left) {
		ssize_t n = write(STDOUT_FILENO, s, left);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return;
		s += n;
		left -= (size_t)n;
	}
}

static void terminal_leave(void)
{
	if (!raw)
		return;

	raw = false;
	put("\033[?25h\033[?1049l");
	(void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
}

static bool terminal_enter(void)
{
	struct termios t;

	if (tcgetattr(STDIN_FILENO, &before))
		return false;

	t = before;
	t.c_lflag &= ~(tcflag_t)(ECHO | ICANON);
	t.c_cc[VMIN] = 1;
	t.c_cc[VTIME] = 0;
	if (tcsetattr(STDIN_FILENO, TCSAFLUSH, &t))
		return false;

	raw = true;
	put("\033[?1049h\033[?25l");

	return true;
}

static void size_get(struct top *t)
{
	struct winsize ws;

	memset(&ws, 0, sizeof(ws));
	(void)ioctl(STDOUT_FILENO, TIOCGWINSZ, &ws);
	t->rows = ws.ws_row ? ws.ws_row : ROWS;
	t->columns = ws.ws_col ? ws.ws_col : COLUMNS;
}

/* ^Z: the shell gets its terminal, and we come back by fg. */
static void suspend(struct top *t)
{
	stopping = 0;
	terminal_leave();
	(void)raise(SIGSTOP);
	if (!terminal_enter())
		ending = SIGHUP;
	size_get(t);
}

/* ---- keys ---- */

static void scroll(struct top *t, int by)
{
	const unsigned last = t->calls > t->shown ? t->calls - t->shown : 0;

	if (by < 0 && t->skip < (unsigned)-by)
		t->skip = 0;
	else
		t->skip += (unsigned)by;
	if (t->skip > last)
		t->skip = last;
}

/* The key that the text begins with: its length, 1 for one that means
 * nothing. */
static size_t key_take(struct top *t, const char *text)
{
	static const struct {
		const char *key;
		int lines;
	} moves[] = {{"k", -1},	    {"\033[A", -1},   {"j", 1},
		     {"\033[B", 1}, {"\033[5~", -10}, {"\033[6~", 10}};

	if (*text == 'q' || *text == 'Q')
		ending = -1;
	for (size_t i = 0; i < sizeof(moves) / sizeof(moves[0]); i++) {
		const size_t len = strlen(moves[i].key);

		if (strncmp(moves[i].key, text, len) != 0)
			continue;
		scroll(t, moves[i].lines);
		return len;
	}

	return 1;
}

static void keys(struct top *t)
{
	char buf[64];
	ssize_t n = read(STDIN_FILENO, buf, sizeof(buf) - 1);

	if (n <= 0) {
		ending = n == 0 || errno != EINTR ? SIGHUP : ending;
		return;
	}

	buf[n] = '\0';
	for (const char *p = buf; *p && !ending;)
		p += key_take(t, p);
}

static long now_ms(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);

	return ts.tv_sec * 1000L + ts.tv_nsec / 1000000;
}

/* Waits for fd (-1: for nothing), a key, a signal or the time until; true:
 * fd has something. */
static bool wait_for(struct top *t, int fd, long until)
{
	struct pollfd p[] = {{t->terminal ? STDIN_FILENO : -1, POLLIN, 0},
			     {fd, POLLIN, 0}};
	const long left = until - now_ms();
	const struct timespec ts = {left > 0 ? left / 1000 : 0,
				    left > 0 ? left % 1000 * 1000000 : 0};
	int n = ppoll(p, 2, &ts, &t->open);

	if (stopping && t->terminal)
		suspend(t);
	if (n > 0 && p[0].revents)
		keys(t);

	return n > 0 && p[1].revents;
}

/* ---- frames ---- */

/* The answer without its first line, to be freed; a reason when it is none. */
static char *answer(struct top *t, const char *words)
{
	const long until = now_ms() + PATIENCE;
	char *buf = calloc(1, ANSWER_MAX);
	int fd = buf ? ctl_ask(t->path, words) : -1;
	const char *silent = "stoxctl: stoxd does not answer\n";
	size_t len = 0;
	ssize_t n = 1;

	if (!buf)
		return NULL;
	if (fd < 0) {
		(void)snprintf(buf, ANSWER_MAX, "stoxctl: %s\n%s\n",
			       ctl_cause(errno), t->path);
		return buf;
	}

	while (n > 0 && !ending && len < ANSWER_MAX - 1 && now_ms() < until) {
		if (!wait_for(t, fd, until))
			continue;
		n = read(fd, buf + len, ANSWER_MAX - 1 - len);
		len += n > 0 ? (size_t)n : 0;
	}
	(void)close(fd);
	buf[len] = '\0';
	if (len < 2)
		strcpy(buf, silent);
	else
		memmove(buf, buf + 2, len - 1);

	return buf;
}

/* A line cut to the width; a terminal gets no control of it. */
static size_t line_add(char *to, size_t room, const char *line, size_t len,
		       unsigned width)
{
	size_t n = 0;
	unsigned glyphs = 0;

	for (size_t i = 0; i < len && n + 16 < room; i++) {
		const unsigned char c = (unsigned char)line[i];

		if ((c & 0xc0) != 0x80 && ++glyphs > width)
			break;
		to[n++] = c < ' ' || c == 0x7f ? '?' : (char)c;
	}

	return n;
}

struct frame {
	char *buf;
	size_t len, size;
	unsigned lines;
};

static void frame_line(struct frame *f, const struct top *t, const char *line,
		       size_t len)
{
	if (f->len + 64 > f->size || (t->terminal && f->lines >= t->rows))
		return;

	/* at the edge a terminal may take what comes next for this line */
	if (t->terminal)
		f->len += (size_t)snprintf(f->buf + f->len, 8, "%s\033[K",
					   f->lines ? "\n" : "");
	f->len += line_add(f->buf + f->len, f->size - f->len, line, len,
			   t->terminal ? t->columns : 4096);
	if (!t->terminal)
		f->len += (size_t)snprintf(f->buf + f->len, 8, "\n");
	f->lines++;
}

static void frame_text(struct frame *f, const struct top *t, const char *text,
		       unsigned skip)
{
	while (*text) {
		const size_t len = strcspn(text, "\n");

		if (skip)
			--skip;
		else
			frame_line(f, t, text, len);
		text += len + (text[len] == '\n');
	}
}

static unsigned count_lines(const char *text)
{
	unsigned n = 0;

	for (; *text; text++)
		n += *text == '\n';

	return n;
}

static void frame_draw(struct frame *f, struct top *t, const char *status,
		       const char *calls)
{
	const size_t head = strcspn(calls, "\n");
	const char *rest = calls[head] ? calls + head + 1 : calls + head;
	char title[80];
	time_t at = time(NULL);
	struct tm tm;

	(void)localtime_r(&at, &tm);
	(void)strftime(title, sizeof(title),
		       "stoxctl top  %H:%M:%S  q ends, up and down scroll",
		       &tm);
	if (t->terminal)
		f->len = (size_t)snprintf(f->buf, f->size, "\033[H");
	frame_line(f, t, title, strlen(title));
	frame_text(f, t, status, 0);
	frame_line(f, t, "", 0);
	frame_line(f, t, calls, head);
	t->calls = count_lines(rest);
	t->shown = t->rows > f->lines ? t->rows - f->lines : 0;
	scroll(t, 0);
	frame_text(f, t, rest, t->terminal ? t->skip : 0);
	if (t->terminal && f->lines < t->rows)
		f->len += (size_t)snprintf(f->buf + f->len, 8, "\n\033[J");
}

/* false: the gateway is not there. */
static bool frame(struct top *t)
{
	struct frame f = {calloc(1, ANSWER_MAX), 0, ANSWER_MAX, 0};
	char *status = answer(t, "status\n"), *calls;
	bool there = status && strncmp(status, "stoxctl:", 8) != 0;

	calls = there ? answer(t, "calls\n") : calloc(1, 1);
	if (f.buf && status && calls && (!ending || !t->terminal)) {
		frame_draw(&f, t, status, calls);
		put(f.buf);
	}
	free(f.buf);
	free(status);
	free(calls);

	return there;
}

static void signals(struct top *t)
{
	static const int caught[] = {SIGINT,  SIGTERM,	SIGHUP, SIGQUIT,
				     SIGTSTP, SIGWINCH, SIGCONT};
	struct sigaction sa;
	sigset_t set;

	memset(&sa, 0, sizeof(sa));
	sa.sa_handler = on_signal;
	(void)sigemptyset(&set);
	for (size_t i = 0; i < sizeof(caught) / sizeof(caught[0]); i++) {
		(void)sigaddset(&set, caught[i]);
		(void)sigaction(caught[i], &sa, NULL);
	}
	(void)sigprocmask(SIG_BLOCK, &set, &t->open);
}

static void loop(struct top *t)
{
	while (!ending) {
		const long until = now_ms() + REFRESH;
		unsigned skip = t->skip;

		(void)frame(t);
		while (!ending && !resized && skip == t->skip &&
		       now_ms() < until)
			(void)wait_for(t, -1, until);
		if (resized)
			size_get(t);
		resized = 0;
	}
}

int ctl_top(const char *path)
{
	struct top t;

	memset(&t, 0, sizeof(t));
	t.path = path;
	(void)sigemptyset(&t.open);
	t.terminal = isatty(STDOUT_FILENO) && isatty(STDIN_FILENO);
	if (!t.terminal)
		return frame(&t) ? 0 : EXIT_NOBODY;

	signals(&t);
	size_get(&t);
	if (!terminal_enter()) {
		perror("stoxctl: terminal");
		return EXIT_REFUSED;
	}
	(void)atexit(terminal_leave);
	loop(&t);
	terminal_leave();

	return ending > 0 && ending != SIGINT ? 128 + (int)ending : 0;
}
