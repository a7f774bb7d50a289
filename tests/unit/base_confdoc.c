/* base_confdoc.c: conf/stoxd.conf and docs/stoxd.conf.5 show every key. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/config_int.h"
#include "suite.h"

static char *file_text(const char *path)
{
	FILE *f = fopen(path, "r");
	char *buf = calloc(1, 1 << 18);
	size_t n;

	ck_assert_msg(f && buf, "%s", path);
	n = fread(buf, 1, (1 << 18) - 1, f);
	ck_assert_uint_gt(n, 0);
	(void)fclose(f);

	return buf;
}

static int print_to_stderr(const char *p, size_t size, void *arg)
{
	(void)arg;
	(void)fwrite(p, 1, size, stderr);

	return 0;
}

static struct re_printf pf = {print_to_stderr, NULL};

/* A line "key = ..", with or without '#', within the section of kind. */
static bool line_shows(const char *text, const struct config_kind *kind,
		       const struct config_key *key)
{
	char want[256], section[64] = "", *copy = strdup(text), *line, *at;
	bool found = false;

	(void)snprintf(want, sizeof(want), "%s%s =%s%s",
		       key->required ? "" : "#", key->name,
		       key->dflt[0] ? " " : "", key->dflt);

	for (line = copy; (at = strsep(&line, "\n"));) {
		if (at[0] == '[')
			(void)snprintf(section, sizeof(section), "%.*s",
				       (int)strcspn(at + 1, " ]"), at + 1);
		if (strcmp(section, kind->name))
			continue;
		/* what must be set, and one of two ways to give a secret */
		if (key->required || !strcmp(want, "#secret ="))
			found |= !strncmp(at, want + (want[0] == '#'),
					  strlen(key->name) + 2);
		else
			found |= !strcmp(at, want);
	}
	free(copy);

	return found;
}

START_TEST(every_key_with_its_default)
{
	char *text = file_text("conf/stoxd.conf");
	size_t i, j;

	for (i = 0; i < config_kindc; i++) {
		const struct config_kind *kind = &config_kinds[i];

		for (j = 0; j < kind->keyc; j++) {
			ck_assert_msg(line_shows(text, kind, &kind->keys[j]),
				      "[%s] %s = %s is not shown", kind->name,
				      kind->keys[j].name, kind->keys[j].dflt);
		}
	}
	free(text);
}
END_TEST

static char *printed(const struct config *c)
{
	char *s = NULL;

	ck_assert_int_eq(0, re_sdprintf(&s, "%H", config_print, c));

	return s;
}

static struct config *parsed(const char *text)
{
	struct config *c = NULL;

	ck_assert_int_eq(
	    0, config_parse(&c, "conf/stoxd.conf", text, strlen(text), &pf));

	return c;
}

/* Comments gone, and keys that were comments set: the same configuration. */
START_TEST(comments_are_defaults)
{
	char *text = file_text("conf/stoxd.conf"), *bare, *full, *s;
	struct config *a, *b;
	char *x, *y;

	bare = calloc(1, strlen(text) + 1);
	full = calloc(1, strlen(text) + 1);
	for (s = text; *s;) {
		size_t n = strcspn(s, "\n");
		bool key = s[0] == '#' && n > 1 && s[1] != ' ';

		if (s[n] == '\n')
			n++;
		if (s[0] != '#')
			strncat(bare, s, n);
		if (s[0] != '#' || key)
			strncat(full, s + key, n - key);
		s += n;
	}

	a = parsed(bare);
	b = parsed(full);
	x = printed(a);
	y = printed(b);
	ck_assert_str_eq(x, y);

	mem_deref(x);
	mem_deref(y);
	mem_deref(a);
	mem_deref(b);
	free(bare);
	free(full);
	free(text);
}
END_TEST

START_TEST(manual_has_every_key)
{
	char *text = file_text("docs/stoxd.conf.5"), want[80];
	size_t i, j;

	for (i = 0; i < config_kindc; i++) {
		const struct config_kind *kind = &config_kinds[i];

		for (j = 0; j < kind->keyc; j++) {
			(void)snprintf(want, sizeof(want), ".It Ic %s ",
				       kind->keys[j].name);
			ck_assert_msg(strstr(text, want) != NULL,
				      "[%s] %s is not in the manual",
				      kind->name, kind->keys[j].name);
		}
	}
	free(text);
}
END_TEST

static const char *const examples[] = {
    "conf/examples/prosody-asterisk.conf",
    "conf/examples/ejabberd-freeswitch.conf",
    "conf/examples/mongooseim-kamailio.conf",
};

START_TEST(examples_load)
{
	struct config *c = NULL;

	ck_assert_int_eq(0, config_load(&c, examples[_i], &pf));
	mem_deref(c);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("confdoc");

	tcase_add_test(tc, every_key_with_its_default);
	tcase_add_test(tc, comments_are_defaults);
	tcase_add_test(tc, manual_has_every_key);
	tcase_add_loop_test(tc, examples_load, 0,
			    (int)(sizeof(examples) / sizeof(examples[0])));

	return suite_run("base_confdoc", tc);
}
