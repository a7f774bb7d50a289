/* cdr_csv.c: call records as a CSV file, and its older ones. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "admin/cdr_int.h"
#include "base/log.h"

enum {
	MEGABYTE = 1 << 20,
	DAY = 86400,	   /* s */
	HEADER_MAX = 1024, /* bytes of the first line */
	TAIL = 4 << 20,	   /* bytes that are searched for a record */
};

struct csv {
	int fd;
	char *path;   /* malloc'ed */
	uint64_t max; /* bytes; 0: no limit */
	unsigned days, keep;
	uint64_t size;
	time_t since; /* of the file's first record */
	struct mbuf *mb;
};

static const char *why_not(int err)
{
	switch (err) {
	case ENOSPC:
	case EDQUOT:
		return "the disk is full";
	case EROFS:
		return "the disk is read-only";
	case EACCES:
	case EPERM:
		return "the file may not be written";
	case ENOENT:
	case ENOTDIR:
		return "its folder does not exist";
	case EISDIR:
		return "it is a folder";
	case ENOMEM:
		return "out of memory";
	case EFBIG:
		return "the file may not grow";
	default:
		return "the disk reports an error";
	}
}

static const char *header(struct csv *c)
{
	mbuf_rewind(c->mb);
	if (mbuf_printf(c->mb, "%H", cdr_header_print, NULL))
		return why_not(ENOMEM);

	return NULL;
}

/* What a write that failed in the middle left goes: a line is whole, or not
 * there. */
static const char *append(struct csv *c, const void *p, size_t len)
{
	ssize_t n = write(c->fd, p, len);
	int err = n < 0 ? errno : ENOSPC;

	if (n == (ssize_t)len && !fdatasync(c->fd)) {
		c->size += len;
		return NULL;
	}

	if (n == (ssize_t)len)
		err = errno;
	if (ftruncate(c->fd, (off_t)c->size))
		log_error("records: csv: %s: %m\n", c->path, errno);

	return why_not(err);
}

/* ---- rotation: FILE, FILE.1, FILE.2 .. ---- */

static bool name_of(char *buf, size_t size, const struct csv *c, unsigned n)
{
	int len = n ? snprintf(buf, size, "%s.%u", c->path, n)
		    : snprintf(buf, size, "%s", c->path);

	return len > 0 && (size_t)len < size;
}

static const char *move_away(struct csv *c)
{
	char from[4096], to[4096];

	for (unsigned n = c->keep; n > 0; n--) {
		if (!name_of(from, sizeof(from), c, n - 1) ||
		    !name_of(to, sizeof(to), c, n))
			return why_not(ENAMETOOLONG);
		if (rename(from, to) && errno != ENOENT)
			return why_not(errno);
	}
	if (!c->keep && unlink(c->path) && errno != ENOENT)
		return why_not(errno);

	return NULL;
}

/* ---- opening ---- */

/* A kill or a loss of power may have cut the last line. */
static const char *mend(struct csv *c)
{
	char b[4096];
	off_t end = (off_t)c->size;

	while (end > 0) {
		const size_t n = MIN((size_t)end, sizeof(b));
		const char *nl;

		if (pread(c->fd, b, n, end - (off_t)n) != (ssize_t)n)
			return why_not(EIO);
		nl = memrchr(b, '\n', n);
		if (nl) {
			end -= (off_t)n - (nl + 1 - b);
			break;
		}
		end -= (off_t)n;
	}

	if ((uint64_t)end == c->size)
		return NULL;

	log_warning("records: csv: %s: its last line is cut off: removed\n",
		    c->path);
	c->size = (uint64_t)end;

	return ftruncate(c->fd, end) ? why_not(errno) : NULL;
}

/* Its first record's id begins with the time; without one it is as good as
 * new. */
static time_t begun(const struct csv *c)
{
	char b[24] = "", *end;
	uint64_t ms;

	if (pread(c->fd, b, sizeof(b) - 1, (off_t)c->mb->end) < 0)
		return c->since;
	ms = strtoull(b, &end, 10);

	return end > b && *end == '-' ? (time_t)(ms / 1000) : c->since;
}

enum whose { OURS, OLDER, FOREIGN };

/* Nothing of others is written to. */
static enum whose judge(const struct csv *c)
{
	char b[HEADER_MAX];
	const size_t want = c->mb->end;
	const ssize_t n = pread(c->fd, b, sizeof(b), 0);

	if (n >= (ssize_t)want && !memcmp(b, c->mb->buf, want))
		return OURS;

	return n > 9 && !memcmp(b, "id,start,", 9) ? OLDER : FOREIGN;
}

static const char *open_fd(struct csv *c)
{
	struct stat st;

	c->fd = open(c->path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
	if (c->fd < 0)
		return why_not(errno);
	if (fstat(c->fd, &st))
		return why_not(errno);
	if (!S_ISREG(st.st_mode))
		return "it is no file";
	c->size = (uint64_t)st.st_size;
	c->since = st.st_mtime;

	return NULL;
}

static void close_fd(struct csv *c)
{
	if (c->fd >= 0)
		(void)close(c->fd);
	c->fd = -1;
}

static const char *open_file(struct csv *c)
{
	const char *why = open_fd(c);

	if (!why)
		why = header(c);
	if (!why && c->size) {
		switch (judge(c)) {
		case OURS:
			c->since = begun(c);
			return mend(c);
		case FOREIGN:
			return "it is there already, and no file of call "
			       "records";
		case OLDER: /* of another version, with other columns */
			close_fd(c);
			why = move_away(c);
			if (!why)
				why = open_fd(c);
			break;
		}
	}
	if (!why && !c->size) {
		c->since = time(NULL);
		why = append(c, c->mb->buf, c->mb->end);
	}

	return why;
}

static void csv_close(void *state)
{
	struct csv *c = state;

	close_fd(c);
	free(c->path);
	c->path = NULL;
	c->mb = mem_deref(c->mb);
}

static const char *csv_open(void *state, const struct config_records *conf)
{
	struct csv *c = state;
	const char *why = NULL;

	memset(c, 0, sizeof(*c));
	c->fd = -1;
	c->path = strdup(conf->csv);
	c->mb = mbuf_alloc(4096);
	c->max = (uint64_t)conf->rotate * MEGABYTE;
	c->days = conf->rotate_days;
	c->keep = conf->keep;
	why = c->path && c->mb ? open_file(c) : why_not(ENOMEM);
	if (why)
		csv_close(c);

	return why;
}

/* ---- writing ---- */

static const char *rotate(struct csv *c, size_t more)
{
	const bool full = c->max && c->size + more > c->max;
	const bool old =
	    c->days && time(NULL) - c->since >= (time_t)c->days * DAY;
	const char *why;

	if ((!full && !old) || c->size <= HEADER_MAX)
		return NULL;

	close_fd(c);
	why = move_away(c);

	return why ? why : open_file(c);
}

/* A record of before a crash: was it written? */
static bool is_there(const struct csv *c, const char *id)
{
	const size_t len = c->size < TAIL ? c->size : TAIL;
	char want[64], *b = malloc(len + 1);
	ssize_t n = -1;
	bool found = false;

	if (b)
		n = pread(c->fd, b, len, (off_t)(c->size - len));
	(void)snprintf(want, sizeof(want), "\n%s,", id);
	if (n > 0)
		found = memmem(b, (size_t)n, want, strlen(want));
	free(b);

	return found;
}

static const char *csv_write(void *state, const struct cdr_record *list)
{
	struct csv *c = state;
	struct mbuf *mb = mbuf_alloc(4096);
	const char *why = NULL;
	int err = mb ? 0 : ENOMEM;

	for (; list && !err; list = list->next) {
		if (!list->again || !is_there(c, list->text[CDR_ID]))
			err = mbuf_printf(mb, "%H", cdr_record_print, list);
	}
	if (err)
		why = why_not(ENOMEM);
	if (!why && mb->end)
		why = rotate(c, mb->end);
	if (!why && mb->end)
		why = append(c, mb->buf, mb->end);
	mem_deref(mb);

	return why;
}

static void csv_recall(void *state, struct cdr_list *l, unsigned most)
{
	const struct csv *c = state;
	char name[4096];

	for (unsigned n = 0; n <= c->keep && l->n < most; n++) {
		if (name_of(name, sizeof(name), c, n))
			cdr_recall_file(l, name, most);
	}
}

const struct cdr_sink_ops cdr_csv = {
    .name = "csv",
    .size = sizeof(struct csv),
    .open = csv_open,
    .write = csv_write,
    .recall = csv_recall,
    .close = csv_close,
};
