/* log_repeat.c: a line that comes again and again is counted, not printed. */
#include <pthread.h>
#include <string.h>
#include "base/log_int.h"

enum {
	LINES = 16,  /* that are watched */
	BURST = 20,  /* times that a line is printed .. */
	WINDOW = 10, /* .. in so many seconds */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct seen {
	uint64_t hash;
	uint64_t since; /* s */
	unsigned n;
	struct log_repeats more;
} seen[LINES];

/* FNV-1a: two lines that are taken for one another are no harm. */
static uint64_t line_hash(const struct pl *text)
{
	uint64_t h = 0xcbf29ce484222325u;

	for (size_t i = 0; i < text->l; i++)
		h = (h ^ (uint8_t)text->p[i]) * 0x100000001b3u;

	return h;
}

static bool is_trace(const struct pl *text)
{
	return text->l > 6 && !memcmp(text->p, "trace:", 6);
}

/* One whose time is over and of which there is something to say. */
static void take_over(struct log_repeats *more, uint64_t now)
{
	for (size_t i = 0; i < LINES; i++) {
		struct seen *s = &seen[i];

		if (s->more.n && now - s->since >= WINDOW) {
			*more = s->more;
			memset(s, 0, sizeof(*s));
			return;
		}
	}
}

static struct seen *find(uint64_t hash, uint64_t now)
{
	struct seen *s = &seen[hash % LINES];

	/* a line with a count to tell keeps its place until it is told */
	if (s->hash != hash && !s->more.n) {
		memset(s, 0, sizeof(*s));
		s->hash = hash;
		s->since = now;
	}

	return s->hash == hash ? s : NULL;
}

/* Its beginning: re_snprintf() has all of a text, or nothing. */
static void keep_text(struct log_repeats *more, const struct pl *text)
{
	size_t n = MIN(text->l, sizeof(more->text) - 1);

	while (n && n < text->l && ((uint8_t)text->p[n] & 0xc0) == 0x80)
		n--; /* not inside a character */
	memcpy(more->text, text->p, n);
	more->text[n] = '\0';
}

bool log_repeat_may(const struct pl *text, struct log_repeats *more)
{
	const uint64_t now = log_seconds();
	struct seen *s;
	bool may = true;

	more->n = 0;
	if (is_trace(text))
		return true;

	(void)pthread_mutex_lock(&lock);
	take_over(more, now);
	s = find(line_hash(text), now);
	if (s && now - s->since >= WINDOW) {
		s->since = now;
		s->n = 0;
	}
	if (s && ++s->n > BURST) {
		if (!s->more.n++)
			keep_text(&s->more, text);
		may = false;
	}
	(void)pthread_mutex_unlock(&lock);

	return may;
}
