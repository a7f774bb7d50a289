/* base_logrules.c: levels of areas, calls and users; formats; repeated lines.
 */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log_int.h"
#include "log_pair.h"

static bool shown(enum log_level level, const char *file, const char *text)
{
	log_write(level, file, "%s\n", text);

	return log_line()[0];
}

#define SIP   "gateway/sip/register.c"
#define CALL  "gateway/bridge/call.c"
#define MEDIA "gateway/media/flow.c"

START_TEST(areas)
{
	struct log_rule r;

	log_set_level(LOG_LEVEL_WARNING);
	ck_assert_int_eq(log_area_decode(&r, "sip:debug"), 0);
	ck_assert_int_eq(log_rule_set(r.kind, r.name, r.level, 0), 0);
	ck_assert(shown(LOG_LEVEL_DEBUG, SIP, "trunk x"));
	ck_assert(shown(LOG_LEVEL_DEBUG, CALL, "sip: by its word"));
	ck_assert(!shown(LOG_LEVEL_INFO, CALL, "call 7f3a: sip is not it"));
	ck_assert(!shown(LOG_LEVEL_INFO, "gateway/sipx/a.c", "x: y"));
	/* what is narrower holds */
	ck_assert_int_eq(log_area_decode(&r, "sip/register:error"), 0);
	ck_assert_int_eq(log_rule_set(r.kind, r.name, r.level, 0), 0);
	ck_assert(!shown(LOG_LEVEL_WARNING, SIP, "sip: w"));
	ck_assert(shown(LOG_LEVEL_ERROR, SIP, "sip: w"));
	ck_assert(shown(LOG_LEVEL_DEBUG, "gateway/sip/wire.c", "sip: w"));
	/* the function that knows no file goes by the word */
	(log_debug)("sip: %s\n", "w");
	ck_assert_str_eq(log_line(), "sip: w\n");

	log_rules_clear(LOG_RULE_AREA);
	ck_assert(!shown(LOG_LEVEL_INFO, SIP, "sip: w"));
	ck_assert(!log_enabled(LOG_LEVEL_INFO));
}
END_TEST

START_TEST(calls_and_users)
{
	log_set_level(LOG_LEVEL_WARNING);
	ck_assert_int_eq(
	    log_rule_set(LOG_RULE_CALL, "5f0c2a91", LOG_LEVEL_DEBUG, 0), 0);
	ck_assert(shown(LOG_LEVEL_DEBUG, MEDIA, "call 5f0c2a91: flow 1: x"));
	ck_assert(!shown(LOG_LEVEL_INFO, MEDIA, "call 5f0c2a92: flow 1: x"));
	ck_assert(!shown(LOG_LEVEL_INFO, SIP, "sip: call 5f0c2a91: x"));
	ck_assert_int_eq(log_rule_remove(LOG_RULE_CALL, "5f0c2a91"), 0);
	ck_assert_int_eq(log_rule_remove(LOG_RULE_CALL, "5f0c2a91"), ENOENT);

	ck_assert_int_eq(
	    log_rule_set(LOG_RULE_JID, "bob@example.com", LOG_LEVEL_DEBUG, 0),
	    0);
	ck_assert(!shown(LOG_LEVEL_INFO, CALL, "call 00000001: new"));
	ck_assert(shown(LOG_LEVEL_INFO, CALL,
			"call 00000002: xmpp bob@example.com calls 6"));
	ck_assert(shown(LOG_LEVEL_DEBUG, MEDIA, "call 00000002: flow 1: x"));
	ck_assert(!shown(LOG_LEVEL_INFO, MEDIA, "call 00000001: flow 1: x"));
	ck_assert(shown(LOG_LEVEL_INFO, NULL, "chat: bob@example.com/a: x"));
	ck_assert(shown(LOG_LEVEL_INFO, NULL, "chat: to bob@example.com."));
	ck_assert(!shown(LOG_LEVEL_INFO, NULL, "chat: rob@example.com"));
	ck_assert(!shown(LOG_LEVEL_INFO, NULL, "chat: jbob@example.com"));
	ck_assert(!shown(LOG_LEVEL_INFO, NULL, "chat: bob@example.com.org"));
	ck_assert(!shown(LOG_LEVEL_INFO, NULL, "chat: bob@example.comx"));
	/* so many calls that the first is forgotten, not another's shown */
	for (int i = 0; i < 20; i++) {
		char text[64];

		(void)snprintf(text, sizeof(text),
			       "call %08x: xmpp bob@example.com calls",
			       i + 16);
		ck_assert(shown(LOG_LEVEL_INFO, CALL, text));
	}
	ck_assert(shown(LOG_LEVEL_INFO, CALL, "call 00000023: x"));
	ck_assert(!shown(LOG_LEVEL_INFO, CALL, "call 00000001: x"));
}
END_TEST

START_TEST(an_end)
{
	struct log_rule r[LOG_RULES_MAX];

	log_set_level(LOG_LEVEL_ERROR);
	ck_assert_int_eq(log_rule_set(LOG_RULE_ALL, "", LOG_LEVEL_DEBUG, 1),
			 0);
	ck_assert_uint_eq(log_rules_get(r), 1);
	ck_assert(r[0].left <= 1 && r[0].kind == LOG_RULE_ALL);
	ck_assert(shown(LOG_LEVEL_DEBUG, SIP, "sip: x"));
	while (log_rules_get(r))
		(void)usleep(50000);
	ck_assert(!shown(LOG_LEVEL_WARNING, SIP, "sip: x"));
	ck_assert(!log_enabled(LOG_LEVEL_WARNING));
	ck_assert_int_eq(log_level_get(), LOG_LEVEL_ERROR);
}
END_TEST

START_TEST(rules_that_are_none)
{
	static const char *const bad[] = {"",	      "sip",	   ":debug",
					  "sip:",     "sip:x",	   "S:info",
					  "a b:info", "sip:debug2"};
	char name[16], big[LOG_NAME_MAX + 2];
	struct log_rule r;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		ck_assert_int_eq(log_area_decode(&r, bad[i]), EINVAL);
	ck_assert_int_eq(log_rule_set(LOG_RULE_ALL, "x", LOG_LEVEL_DEBUG, 0),
			 EINVAL);
	ck_assert_int_eq(log_rule_set(LOG_RULE_CALL, "", LOG_LEVEL_DEBUG, 0),
			 EINVAL);
	memset(big, 'a', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	ck_assert_int_eq(log_rule_set(LOG_RULE_JID, big, LOG_LEVEL_DEBUG, 0),
			 EINVAL);
	for (int i = 0; i < LOG_RULES_MAX; i++) {
		(void)snprintf(name, sizeof(name), "c%d", i);
		ck_assert_int_eq(
		    log_rule_set(LOG_RULE_CALL, name, LOG_LEVEL_DEBUG, 0), 0);
	}
	ck_assert_int_eq(log_rule_set(LOG_RULE_CALL, "x", LOG_LEVEL_DEBUG, 0),
			 E2BIG);
	ck_assert_int_eq(log_rule_set(LOG_RULE_CALL, "c3", LOG_LEVEL_INFO, 0),
			 0);
}
END_TEST

START_TEST(journal)
{
	static const char *const want[] = {"<7>", "<6>", "<4>", "<3>"};
	char stream[64];
	struct stat st;

	log_set_level(LOG_LEVEL_DEBUG);
	log_set_format(LOG_FORMAT_JOURNAL);
	for (int i = 0; i < 4; i++) {
		ck_assert(shown((enum log_level)i, NULL, "x: y\nforged"));
		ck_assert_int_eq(strncmp(got, want[i], 3), 0);
		ck_assert_str_eq(got + 3, "x: y\\x0aforged\n");
	}

	/* text is this where standard error is what systemd connected */
	ck_assert_int_eq(fstat(STDERR_FILENO, &st), 0);
	(void)snprintf(stream, sizeof(stream), "%lu:%lu",
		       (unsigned long)st.st_dev, (unsigned long)st.st_ino);
	ck_assert_int_eq(setenv("JOURNAL_STREAM", stream, 1), 0);
	log_set_format(LOG_FORMAT_TEXT);
	ck_assert(shown(LOG_LEVEL_INFO, NULL, "x: y"));
	ck_assert_str_eq(got, "<6>x: y\n");
	ck_assert_int_eq(setenv("JOURNAL_STREAM", "1:2", 1), 0);
	log_set_format(LOG_FORMAT_TEXT);
	ck_assert(shown(LOG_LEVEL_INFO, NULL, "x: y"));
	/* RFC 3339 5.6: 2006-01-02T15:04:05.000Z */
	ck_assert_uint_eq(strlen(got), 24 + 1 + strlen("x: y\n"));
	for (size_t i = 0; i < 24; i++)
		ck_assert_msg(strchr("-:.TZ", "0000-00-00T00:00:00.000Z"[i])
				  ? got[i] == "0000-00-00T00:00:00.000Z"[i]
				  : got[i] >= '0' && got[i] <= '9',
			      "%s", got);
	ck_assert_str_eq(got + 24, " x: y\n");

	log_set_format(LOG_FORMAT_BARE);
	ck_assert(shown(LOG_LEVEL_INFO, NULL, "x: y"));
	ck_assert_str_eq(got, "x: y\n");
}
END_TEST

static json_t *parsed(void)
{
	json_t *j = json_loads(got, 0, NULL);

	ck_assert_msg(j, "%s", got);
	ck_assert_ptr_nonnull(strchr(got, '\n'));
	ck_assert_uint_eq((size_t)(strchr(got, '\n') - got), strlen(got) - 1);

	return j;
}

static void is(json_t *j, const char *key, const char *want)
{
	const char *v = json_string_value(json_object_get(j, key));

	ck_assert_msg(want ? v && !strcmp(v, want) : !v, "%s: %s", key, got);
}

START_TEST(json)
{
	json_t *j;

	log_set_format(LOG_FORMAT_JSON);
	ck_assert(shown(LOG_LEVEL_INFO, NULL, "sip: \"a\"\\\x1b\n\xff\xc3"));
	j = parsed();
	is(j, "level", "info");
	is(j, "area", "sip");
	is(j, "call", NULL);
	is(j, "text", "sip: \"a\"\\\x1b\n\xef\xbf\xbd\xef\xbf\xbd");
	json_decref(j);
	ck_assert(shown(LOG_LEVEL_ERROR, NULL, "call 5f0c2a91: ended"));
	j = parsed();
	is(j, "area", "call");
	is(j, "call", "5f0c2a91");
	json_decref(j);
	ck_assert(shown(LOG_LEVEL_ERROR, NULL, "Words"));
	j = parsed();
	is(j, "area", NULL);
	json_decref(j);
}
END_TEST

/* Wherever it is cut, it is whole. */
START_TEST(json_cut)
{
	static const char *const bits[] = {"\x01",   "\"",	     "\\",
					   "\\\\\"", "\xe2\x82\xac", "x\n"};
	char big[4200];

	log_set_format(LOG_FORMAT_JSON);
	for (size_t shift = 0; shift < 12; shift++) {
		size_t n = shift;

		memset(big, 'a', sizeof(big));
		while (n + 4 < sizeof(big)) {
			memcpy(big + n, bits[_i], strlen(bits[_i]));
			n += strlen(bits[_i]);
		}
		big[n] = '\0';
		ck_assert(shown(LOG_LEVEL_INFO, NULL, big));
		ck_assert_uint_le(strlen(got), 4096);
		json_decref(parsed());
	}
}
END_TEST

START_TEST(repeats)
{
	unsigned n = 0, others = 0;
	char text[64];

	for (int i = 0; i < 500; i++) {
		n += shown(LOG_LEVEL_WARNING, NULL, "sip: the same again");
		(void)snprintf(text, sizeof(text), "sip: another, %d", i);
		others += shown(LOG_LEVEL_WARNING, NULL, text);
	}
	ck_assert_uint_ge(n, 5);
	ck_assert_uint_le(n, 40);
	ck_assert_uint_eq(others, 500);
	/* messages are all shown */
	for (int i = 0; i < 100; i++)
		ck_assert(shown(LOG_LEVEL_INFO, NULL, "trace: sip < x | y"));
}
END_TEST

START_TEST(parts)
{
	static const struct {
		const char *line, *area, *call;
	} v[] = {
	    {"sip: x", "sip", ""},
	    {"call 5f0c2a91: x", "call", "5f0c2a91"},
	    {"call x", "call", ""},
	    {"call", "", ""},
	    {"calls: x", "calls", ""},
	    {"no colon here", "", ""},
	    {": x", "", ""},
	    {"", "", ""},
	    {"call 00000000000000000000: x", "call", ""},
	};
	struct pl text, area, call;

	for (size_t i = 0; i < ARRAY_SIZE(v); i++) {
		pl_set_str(&text, v[i].line);
		log_line_parts(&text, &area, &call);
		ck_assert_msg(!pl_strcmp(&area, v[i].area), "%s", v[i].line);
		ck_assert_msg(!pl_strcmp(&call, v[i].call), "%s", v[i].line);
	}
}
END_TEST

/* stoxctl(1), log level; stoxd.conf(5), areas */
START_TEST(level_names)
{
	static const struct {
		enum log_level level;
		const char *name;
	} v[] = {
	    {LOG_LEVEL_DEBUG, "debug"},
	    {LOG_LEVEL_INFO, "info"},
	    {LOG_LEVEL_WARNING, "warning"},
	    {LOG_LEVEL_ERROR, "error"},
	};
	enum log_level level;

	for (size_t i = 0; i < ARRAY_SIZE(v); i++) {
		ck_assert_str_eq(log_level_name(v[i].level), v[i].name);
		ck_assert_int_eq(log_level_decode(&level, v[i].name), 0);
		ck_assert_int_eq(level, v[i].level);
	}
	ck_assert_int_eq(log_level_decode(&level, "warn"), EINVAL);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("rules");

	tcase_add_checked_fixture(tc, log_open, NULL);
	tcase_add_test(tc, areas);
	tcase_add_test(tc, calls_and_users);
	tcase_add_test(tc, an_end);
	tcase_add_test(tc, rules_that_are_none);
	tcase_add_test(tc, journal);
	tcase_add_test(tc, json);
	tcase_add_loop_test(tc, json_cut, 0, 6);
	tcase_add_test(tc, repeats);
	tcase_add_test(tc, parts);
	tcase_add_test(tc, level_names);

	return suite_run("base_logrules", tc);
}
