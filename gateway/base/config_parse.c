/* config_parse.c: the file, line by line, into sections and keys.
 *
 * inih splits the lines.  It neither counts them for its handler nor tells
 * of a section without keys, so the reader that feeds it looks at each line
 * first: section headers and lines that are refused never reach it. */
#include "config_int.h"

#include <errno.h>
#include <ini.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"

enum { WORD_SHOWN_MAX = 60 }; /* bytes of a bad line that are shown */

static const char name_chars[] = "abcdefghijklmnopqrstuvwxyz"
				 "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";

/* ---- sections ---- */

static void section_destructor(void *arg)
{
	struct config_section *s = arg;

	list_unlink(&s->le);
	mem_deref(s->name);
	if (s->owned) {
		config_section_clear(s->kind, s->base);
		mem_deref(s->base);
	}
}

/* "xmpp", "trunk pbx" */
static struct config_section *section_find(const struct config_parser *p,
					   const struct config_kind *kind,
					   const char *name)
{
	struct le *le;

	LIST_FOREACH (&p->sections, le) {
		struct config_section *s = le->data;

		if (s->kind == kind && !s->name == !name &&
		    (!name || 0 == strcmp(s->name, name)))
			return s;
	}

	return NULL;
}

/* The value that a key has before the file says anything. */
static void section_defaults(struct config_parser *p, struct config_section *s)
{
	size_t i;

	for (i = 0; i < s->kind->keyc; i++) {
		struct config_value v = {.key = &s->kind->keys[i],
					 .text = s->kind->keys[i].dflt,
					 .dir = p->c->dir,
					 .p = p};

		if (!v.text[0])
			continue;
		if (v.key->type->decode(&v, s->base))
			p->err = v.err ? v.err : EINVAL;
	}
}

struct config_section *config_section_add(struct config_parser *p,
					  const struct config_kind *kind,
					  const char *name, int line)
{
	struct config_section *s;

	if (list_count(&p->sections) >= CONFIG_SECTIONS_MAX) {
		p->err = E2BIG;
		return NULL;
	}

	s = mem_zalloc(sizeof(*s), section_destructor);
	if (!s) {
		p->err = ENOMEM;
		return NULL;
	}
	list_append(&p->sections, &s->le, s);
	s->kind = kind;
	s->line = line;

	if (kind->size) {
		s->base = mem_zalloc(kind->size, NULL);
		s->owned = s->base != NULL;
	} else {
		s->base = (char *)p->c + kind->offset;
	}
	if (!s->base || (name && str_dup(&s->name, name))) {
		p->err = ENOMEM;
		return NULL;
	}

	section_defaults(p, s);

	return s;
}

const struct config_kind *config_kind_find(const char *name)
{
	size_t i;

	for (i = 0; i < config_kindc; i++) {
		if (0 == strcmp(config_kinds[i].name, name))
			return &config_kinds[i];
	}

	return NULL;
}

/* Whether this kind may be called so; the reason when not. */
static const char *naming_check(const struct config_kind *kind,
				const char *name)
{
	if (!name)
		return kind->naming == CONFIG_NAMED ? "section needs a name"
						    : NULL;
	if (kind->naming == CONFIG_UNNAMED)
		return "section takes no name";
	if (name[strspn(name, name_chars)])
		return "name may hold letters, digits, '.', '_' and '-' only";

	return NULL;
}

/* header: what stands between the brackets, cut at the first space. */
static void section_open(struct config_parser *p, const char *header,
			 const char *word, const char *name)
{
	const struct config_kind *kind = config_kind_find(word);
	struct config_section *s;
	const char *why;

	p->cur = NULL;
	p->skip = true;
	p->kind = kind;

	if (!kind) {
		config_problem(p, p->line, header, config_kind_near(word),
			       "unknown section");
		return;
	}
	why = naming_check(kind, name);
	if (why) {
		config_problem(p, p->line, header, NULL, "%s", why);
		return;
	}

	s = section_find(p, kind, name);
	if (s && s->line) {
		config_problem(p, p->line, header, NULL,
			       "duplicate section, the first is in line %d",
			       s->line);
		s = NULL;
		if (!kind->size)
			return;
	}

	if (s)
		s->line = p->line;
	else
		s = config_section_add(p, kind, name, p->line);
	p->cur = s;
	p->skip = !s;
}

static void header_parse(struct config_parser *p, char *s)
{
	char *end = strchr(s, ']'), *name;
	char header[CONFIG_LINE_MAX + 1];

	if (!end || end[1 + strspn(end + 1, " \t")]) {
		p->cur = NULL;
		p->skip = true;
		p->kind = NULL;
		config_problem(p, p->line, s, NULL,
			       "section must be [NAME], alone in its line");
		return;
	}

	*end = '\0';
	while (end > s && strchr(" \t", end[-1]))
		*--end = '\0';
	s += 1 + strspn(s + 1, " \t");
	(void)re_snprintf(header, sizeof(header), "%s", s);

	name = strpbrk(s, " \t");
	if (name) {
		*name++ = '\0';
		name += strspn(name, " \t");
	}
	section_open(p, header, s, name);
}

/* ---- keys ---- */

static void route_add(struct config_parser *p, const char *name,
		      const char *value)
{
	const struct config_kind *kind = p->cur->kind;
	struct config_route **vp =
	    (struct config_route **)(void *)((char *)p->c + kind->offset);
	size_t *np = (size_t *)(void *)((char *)p->c + kind->offset2);
	struct config_route *r;
	size_t i;

	for (i = 0; i < *np; i++) {
		if (0 == strcmp((*vp)[i].name, name)) {
			config_problem(p, p->line, name, NULL,
				       "duplicate rule, the first is in line "
				       "%d",
				       (*vp)[i].line);
			return;
		}
	}
	if (!value[0]) {
		config_problem(p, p->line, name, NULL,
			       "nothing behind the '='");
		return;
	}
	if (*np >= CONFIG_SECTIONS_MAX) {
		p->err = E2BIG;
		return;
	}

	r = mem_reallocarray(*vp, *np + 1, sizeof(*r), NULL);
	if (!r) {
		p->err = ENOMEM;
		return;
	}
	*vp = r;
	r += (*np)++;
	memset(r, 0, sizeof(*r));
	r->line = p->line;
	if (str_dup(&r->name, name) || str_dup(&r->text, value))
		p->err = ENOMEM;
}

/* Our name for it, another section that has it, or the nearest key here. */
static void key_unknown(struct config_parser *p, const char *name)
{
	const char *ours = config_key_synonym(p->cur->kind, name);
	const char *mean = config_key_near(p->cur->kind, name);
	char other[64];
	size_t i;

	if (ours)
		mean = ours;
	for (i = 0; !ours && i < config_kindc; i++) {
		if (!config_key_find(&config_kinds[i], name))
			continue;
		(void)re_snprintf(
		    other, sizeof(other), "%s in [%s%s]", name,
		    config_kinds[i].name,
		    config_kinds[i].naming == CONFIG_NAMED ? " NAME" : "");
		mean = other;
	}

	config_problem(p, p->line, name, mean, "unknown key in [%s]",
		       p->cur->kind->name);
}

/* An empty value means none, where none is a possible value. */
static void value_empty(struct config_parser *p, const struct config_key *key)
{
	bool none = !key->required &&
		    (!key->dflt[0] || key->type == &config_type_nets);

	if (!none) {
		config_problem(p, p->line, NULL, NULL, "%s has no value",
			       key->name);
		return;
	}
	if (key->type->clear)
		key->type->clear(key, p->cur->base);
}

static void key_set(struct config_parser *p, const char *name,
		    const char *value)
{
	struct config_section *s = p->cur;
	const struct config_key *key = config_key_find(s->kind, name);
	struct config_value v = {
	    .key = key, .text = value, .dir = p->c->dir, .p = p};
	const char *why;
	int *line;

	if (!key) {
		key_unknown(p, name);
		return;
	}

	line = &s->lines[key - s->kind->keys];
	if (*line) {
		config_problem(p, p->line, name, NULL,
			       "duplicate key, the first is in line %d",
			       abs(*line));
		return;
	}
	*line = p->line;

	if (!value[0]) {
		*line = -p->line;
		value_empty(p, key);
		return;
	}

	why = key->type->decode(&v, s->base);
	if (why)
		config_value_problem(&v, v.text, why);
	else if (key->fixed && !p->err)
		p->err = config_written_add(p->c, s, key, value, p->line);
}

/* Up to the first space: after it may stand what was meant to be secret. */
static void line_problem(struct config_parser *p, const char *name,
			 const char *msg)
{
	char word[WORD_SHOWN_MAX + 1];
	size_t n = strcspn(name, " \t");

	if (n >= sizeof(word))
		n = sizeof(word) - 1;
	memcpy(word, name, n);
	word[n] = '\0';
	config_problem(p, p->line, word, NULL, "%s", msg);
}

static int key_handler(void *arg, const char *section, const char *name,
		       const char *value)
{
	struct config_parser *p = arg;

	(void)section; /* known from the reader */

	if (p->err || p->skip)
		return 1;

	if (!value)
		line_problem(p, name, "line has no '='");
	else if (!name[0])
		line_problem(p, name, "line has no key before the '='");
	else if (!p->cur)
		line_problem(p, name, "key stands before any [section]");
	else if (name[strcspn(name, " \t")])
		line_problem(p, name, "key is more than one word");
	else if (!p->cur->kind->keyc)
		route_add(p, name, value);
	else
		key_set(p, name, value);

	return 1;
}

/* ---- lines ---- */

static const char *line_check(const char *s, size_t len)
{
	size_t i;

	if (len >= CONFIG_LINE_MAX && PLANT != 2)
		return "line is too long (4000 bytes)";
	if (!text_is_utf8(s, len))
		return "line is not UTF-8";
	for (i = 0; i < len; i++) {
		if (s[i] != '\t' &&
		    ((unsigned char)s[i] < 0x20 || s[i] == 0x7f))
			return "line holds a control character";
	}

	return NULL;
}

/* fgets() for inih: the next line, or an empty one in place of a line that is
 * dealt with here. */
static char *line_reader(char *str, int num, void *arg)
{
	struct config_parser *p = arg;
	const char *nl, *why;
	size_t len, skip;

	if (p->text >= p->end || num < CONFIG_LINE_MAX + 3)
		return NULL;

	nl = memchr(p->text, '\n', (size_t)(p->end - p->text));
	len = (size_t)((nl ? nl : p->end) - p->text);
	p->line++;

	str[0] = '\0';
	why = line_check(p->text, len && nl && nl[-1] == '\r' ? len - 1 : len);
	if (why) {
		config_problem(p, p->line, NULL, NULL, "%s", why);
	} else {
		memcpy(str, p->text, len);
		str[len] = '\0';
		str[strcspn(str, "\r")] = '\0';
		skip = strspn(str, " \t");
		if (str[skip] == '[') {
			header_parse(p, str + skip);
			str[0] = '\0';
		}
	}
	p->text = nl ? nl + 1 : p->end;

	len = strlen(str);
	str[len] = '\n';
	str[len + 1] = '\0';

	return str;
}

/* Several values may hold ';' or '#': a comment is a line of its own. */
void config_lines_read(struct config_parser *p)
{
	static const char bom[] = "\xef\xbb\xbf";

	if (p->end - p->text >= 3 && 0 == memcmp(p->text, bom, 3))
		p->text += 3;

	ini_allow_multiline = false;
	ini_allow_inline_comments = false;
	ini_allow_no_value = true;
	ini_stop_on_first_error = false;
	ini_use_stack = false;
	ini_allow_realloc = false;
	ini_initial_alloc = CONFIG_LINE_MAX + 16;
	ini_max_line = CONFIG_LINE_MAX + 16;

	if (ini_parse_stream(line_reader, p, key_handler, p) == -2)
		p->err = ENOMEM;
}
