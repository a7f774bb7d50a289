/* log_rules.c: which lines are wanted: levels of areas, calls and users, for a
 * time or for good. */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>
#include "base/log_int.h"

enum {
	CALLS_OF_JID = 8, /* newest calls of a user that a rule follows */
	CALL_SIZE = 16,
	AREA_MAX = 16, /* bytes of the word before the colon */
};

struct rule {
	struct log_rule r;
	uint64_t until;			     /* s; 0: for good */
	char calls[CALLS_OF_JID][CALL_SIZE]; /* of a JID, learnt from lines */
	unsigned callc;			     /* of all time */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct rule rules[LOG_RULES_MAX];
static unsigned rulec;
static atomic_int level_all = LOG_LEVEL_INFO;
static atomic_int level_least = LOG_LEVEL_INFO; /* of all that may hold */
static atomic_uint some;			/* rulec, for a look */

static const char *const names[] = {
    [LOG_LEVEL_DEBUG] = "debug",
    [LOG_LEVEL_INFO] = "info",
    [LOG_LEVEL_WARNING] = "warning",
    [LOG_LEVEL_ERROR] = "error",
};

const char *log_level_name(enum log_level level)
{
	return names[level];
}

int log_level_decode(enum log_level *level, const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (!strcmp(names[i], name)) {
			*level = (enum log_level)i;
			return 0;
		}
	}

	return EINVAL;
}

uint64_t log_seconds(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);

	return (uint64_t)ts.tv_sec + 1; /* never 0 */
}

/* What is looked at before a line is made. */
static void reckon(void)
{
	int least = atomic_load(&level_all);

	for (unsigned i = 0; i < rulec; i++) {
		if ((int)rules[i].r.level < least)
			least = (int)rules[i].r.level;
	}
	atomic_store(&level_least, least);
	atomic_store(&some, rulec);
}

static void forget(unsigned i)
{
	rules[i] = rules[--rulec];
}

static void expire(uint64_t now)
{
	unsigned i = 0, had = rulec;

	while (i < rulec) {
		if (rules[i].until && rules[i].until <= now)
			forget(i);
		else
			i++;
	}
	if (had != rulec)
		reckon();
}

void log_set_level(enum log_level level)
{
	(void)pthread_mutex_lock(&lock);
	atomic_store(&level_all, (int)level);
	reckon();
	(void)pthread_mutex_unlock(&lock);
}

enum log_level log_level_get(void)
{
	return (enum log_level)atomic_load(&level_all);
}

bool log_enabled(enum log_level level)
{
	return (int)level >= atomic_load(&level_least);
}

static struct rule *find(enum log_rule_kind kind, const char *name)
{
	for (unsigned i = 0; i < rulec; i++) {
		if (rules[i].r.kind == kind && !strcmp(rules[i].r.name, name))
			return &rules[i];
	}

	return NULL;
}

int log_rule_set(enum log_rule_kind kind, const char *name,
		 enum log_level level, unsigned seconds)
{
	const size_t len = strlen(name);
	struct rule *r;
	int err = 0;

	if (len > LOG_NAME_MAX || !len != (kind == LOG_RULE_ALL) ||
	    (unsigned)level >= ARRAY_SIZE(names))
		return EINVAL;

	(void)pthread_mutex_lock(&lock);
	expire(log_seconds());
	r = find(kind, name);
	if (!r && rulec == LOG_RULES_MAX) {
		err = E2BIG;
	} else {
		if (!r) {
			r = &rules[rulec++];
			memset(r, 0, sizeof(*r));
		}
		r->r.kind = kind;
		r->r.level = level;
		memcpy(r->r.name, name, len + 1);
		r->until = seconds ? log_seconds() + seconds : 0;
		reckon();
	}
	(void)pthread_mutex_unlock(&lock);

	return err;
}

int log_rule_remove(enum log_rule_kind kind, const char *name)
{
	struct rule *r;

	(void)pthread_mutex_lock(&lock);
	expire(log_seconds());
	r = find(kind, name);
	if (r) {
		forget((unsigned)(r - rules));
		reckon();
	}
	(void)pthread_mutex_unlock(&lock);

	return r ? 0 : ENOENT;
}

void log_rules_clear(enum log_rule_kind kind)
{
	unsigned i = 0;

	(void)pthread_mutex_lock(&lock);
	while (i < rulec) {
		if (rules[i].r.kind == kind)
			forget(i);
		else
			i++;
	}
	reckon();
	(void)pthread_mutex_unlock(&lock);
}

unsigned log_rules_get(struct log_rule out[LOG_RULES_MAX])
{
	const uint64_t now = log_seconds();
	unsigned n;

	(void)pthread_mutex_lock(&lock);
	expire(now);
	for (n = 0; n < rulec; n++) {
		out[n] = rules[n].r;
		out[n].left =
		    rules[n].until ? (unsigned)(rules[n].until - now) : 0;
	}
	(void)pthread_mutex_unlock(&lock);

	return n;
}

static bool is_area(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if ((s[i] < 'a' || s[i] > 'z') && (s[i] < '0' || s[i] > '9') &&
		    s[i] != '/' && s[i] != '_')
			return false;
	}

	return len > 0;
}

int log_area_decode(struct log_rule *rule, const char *text)
{
	const char *colon = strchr(text, ':');
	const size_t len = colon ? (size_t)(colon - text) : 0;

	memset(rule, 0, sizeof(*rule));
	rule->kind = LOG_RULE_AREA;
	if (!colon || len > LOG_NAME_MAX || !is_area(text, len))
		return EINVAL;
	memcpy(rule->name, text, len);

	return log_level_decode(&rule->level, colon + 1);
}

void log_line_parts(const struct pl *text, struct pl *area, struct pl *call)
{
	size_t n = 0, end;

	*area = *call = pl_null;
	while (n < text->l && n < AREA_MAX && text->p[n] >= 'a' &&
	       text->p[n] <= 'z')
		n++;
	if (!n || n == text->l || (text->p[n] != ':' && text->p[n] != ' '))
		return;
	if (text->p[n] == ' ' && (n != 4 || memcmp(text->p, "call", 4)))
		return;

	area->p = text->p;
	area->l = n;
	if (text->p[n] == ':')
		return;
	for (end = ++n; end < text->l && end - n < CALL_SIZE; end++) {
		if (text->p[end] == ':') {
			call->p = text->p + n;
			call->l = end - n;
			return;
		}
	}
}

/* "sip" is of sip/wire.c; "sip/wire" is, too. */
static bool is_of_file(const char *name, const char *file)
{
	static const char top[] = "gateway/";
	const size_t len = strlen(name);

	if (!file)
		return false;
	if (!strncmp(file, top, sizeof(top) - 1))
		file += sizeof(top) - 1;

	return !strncmp(file, name, len) &&
	       (file[len] == '/' || file[len] == '.');
}

static bool is_word(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
	       (c >= 'A' && c <= 'Z') || c == '.' || c == '-' || c == '_' ||
	       c == '@';
}

/* As a whole: bob@example.com is not in rob@example.com. */
static bool names_jid(const struct pl *text, const char *jid)
{
	const size_t len = strlen(jid);
	const char *p = text->p, *end = text->p + text->l;

	while ((p = memmem(p, (size_t)(end - p), jid, len))) {
		const bool after = p + len < end && is_word(p[len]) &&
				   (p[len] != '.' || (p + len + 1 < end &&
						      is_word(p[len + 1])));

		if ((p == text->p || !is_word(p[-1])) && !after)
			return true;
		p++;
	}

	return false;
}

static bool is_call_of(struct rule *r, const struct pl *call)
{
	for (unsigned i = 0; call->l && i < CALLS_OF_JID; i++) {
		if (!pl_strcmp(call, r->calls[i]))
			return true;
	}

	return false;
}

static bool is_of_jid(struct rule *r, const struct log_line *l,
		      const struct pl *call)
{
	char *known = r->calls[r->callc % CALLS_OF_JID];

	if (is_call_of(r, call))
		return true;
	if (!names_jid(&l->text, r->r.name))
		return false;
	if (call->l && call->l < CALL_SIZE) {
		(void)pl_strcpy(call, known, CALL_SIZE);
		++r->callc;
	}

	return true;
}

/* How narrow the rule is that holds for the line; 0: it does not. */
static unsigned rule_rank(struct rule *r, const struct log_line *l,
			  const struct pl *area, const struct pl *call)
{
	switch (r->r.kind) {
	case LOG_RULE_ALL:
		return 1;
	case LOG_RULE_AREA:
		if (area->l && !pl_strcmp(area, r->r.name))
			return 3;
		if (is_of_file(r->r.name, l->file))
			return strchr(r->r.name, '/') ? 4 : 2;
		return 0;
	case LOG_RULE_JID:
		return is_of_jid(r, l, call) ? 5 : 0;
	case LOG_RULE_CALL:
		return call->l && !pl_strcmp(call, r->r.name) ? 6 : 0;
	}

	return 0;
}

bool log_rules_want(const struct log_line *l)
{
	int level = atomic_load(&level_all);
	unsigned best = 0, rank;
	struct pl area, call;

	if (!atomic_load(&some))
		return (int)l->level >= level;

	log_line_parts(&l->text, &area, &call);
	(void)pthread_mutex_lock(&lock);
	expire(log_seconds());
	level = atomic_load(&level_all);
	for (unsigned i = 0; i < rulec; i++) {
		rank = rule_rank(&rules[i], l, &area, &call);
		if (rank > best) {
			best = rank;
			level = (int)rules[i].r.level;
		}
	}
	(void)pthread_mutex_unlock(&lock);

	return (int)l->level >= level;
}
