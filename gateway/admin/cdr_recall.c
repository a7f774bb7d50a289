/* cdr_recall.c: records of before this process, read again where they were
 * written. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "admin/cdr_int.h"

enum {
	TAIL = 1 << 20,	 /* bytes of a file that are looked at */
	DIGITS_MAX = 18, /* of a number; one more might not fit */
};

void cdr_list_add(struct cdr_list *l, struct cdr_record *r)
{
	if (l->last)
		l->last->next = r;
	else
		l->first = r;
	l->last = r;
	l->n++;
}

bool cdr_time_decode(int64_t *ms, const char *text)
{
	struct tm tm;
	const char *p;
	char *end;
	long n;

	memset(&tm, 0, sizeof(tm));
	p = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
	if (!p || *p != '.' || strspn(p + 1, "0123456789") != 3)
		return false;

	n = strtol(p + 1, &end, 10);
	*ms = (int64_t)timegm(&tm) * 1000 + n;

	return !strcmp(end, "Z");
}

/* One field of a line, in place: what cdr_record_print() wrote.  NULL: it is
 * none; else what follows it, '\0' or past the comma. */
static char *field_take(char **field, char *p)
{
	char *to;

	*field = p;
	if (*p != '"') {
		p += strcspn(p, ",\"");
		if (*p == '"')
			return NULL;
	} else {
		*field = to = ++p;
		while (*p && (*p != '"' || p[1] == '"')) {
			p += *p == '"';
			*to++ = *p++;
		}
		if (!*p)
			return NULL;
		*to = '\0';
		p++;
		if (*p && *p != ',')
			return NULL;
	}
	if (*p == ',')
		*p++ = '\0';

	return p;
}

static bool number_decode(int64_t *v, const char *text, bool centi)
{
	const char *digits = text + (*text == '-');
	const size_t n = strspn(digits, "0123456789");
	char *end;

	if (!n || n > DIGITS_MAX - 2)
		return false;

	*v = strtoll(text, &end, 10);
	if (!centi)
		return !*end;
	if (*end != '.' || strspn(end + 1, "0123456789") != 2 || end[3])
		return false;
	*v = *v * 100 + strtol(end + 1, NULL, 10);

	return true;
}

static bool field_decode(struct cdr_draft *d, size_t i, const char *text)
{
	switch (cdr_columns[i].kind) {
	case CDR_TEXT: /* is written as it is, and ours has none of these */
		d->text[i] = text;
		return !strpbrk(text, "\",");
	case CDR_WORDS: /* the apostrophe before a formula is ours */
		if (text[0] == '\'' && text[1] && strchr("=+-@", text[1]))
			text++;
		d->text[i] = text;
		return true;
	case CDR_TIME:
		return !*text || cdr_time_decode(&d->v[i], text);
	case CDR_INT:
	case CDR_CENTI:
		return !*text ||
		       number_decode(&d->v[i], text,
				     cdr_columns[i].kind == CDR_CENTI);
	}

	return false;
}

struct cdr_record *cdr_record_decode(char *line)
{
	struct cdr_draft d;
	char *p = line, *field;

	cdr_draft_init(&d);
	for (size_t i = 0; i < CDR_FIELDS; i++) {
		const bool last = i + 1 == CDR_FIELDS;
		const char *const begin = p;

		p = field_take(&field, p);
		if (!p || !field_decode(&d, i, field))
			return NULL;
		/* a comma was there where more follow, and only there */
		if ((p > begin && !p[-1]) == last)
			return NULL;
	}

	return d.text[CDR_ID][0] ? cdr_record_new(&d) : NULL;
}

/* The lines of text, the last one first. */
static void take_lines(struct cdr_list *l, char *text, size_t len,
		       unsigned most)
{
	while (len && l->n < most) {
		struct cdr_record *r;
		char *nl;

		text[--len] = '\0'; /* the line's end */
		nl = memrchr(text, '\n', len);
		if (!nl)
			break; /* the header, or a piece of a line */
		r = cdr_record_decode(nl + 1);
		if (r)
			cdr_list_add(l, r);
		len = (size_t)(nl + 1 - text);
	}
}

static bool is_ours(int fd)
{
	struct mbuf *mb = mbuf_alloc(1024);
	char *b = NULL;
	bool ours = false;

	if (mb && !mbuf_printf(mb, "%H", cdr_header_print, NULL))
		b = malloc(mb->end);
	if (b)
		ours = pread(fd, b, mb->end, 0) == (ssize_t)mb->end &&
		       !memcmp(b, mb->buf, mb->end);
	free(b);
	mem_deref(mb);

	return ours;
}

void cdr_recall_file(struct cdr_list *l, const char *path, unsigned most)
{
	const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;
	char *text = NULL;
	ssize_t n = -1;
	off_t from;

	if (fd < 0)
		return;
	if (!fstat(fd, &st) && S_ISREG(st.st_mode) && is_ours(fd)) {
		from = st.st_size > TAIL ? st.st_size - TAIL : 0;
		text = malloc(TAIL);
		if (text)
			n = pread(fd, text, TAIL, from);
	}
	(void)close(fd);
	while (n > 0 && text[n - 1] != '\n')
		n--; /* a line that was cut off */
	if (n > 0)
		take_lines(l, text, (size_t)n, most);
	free(text);
}
