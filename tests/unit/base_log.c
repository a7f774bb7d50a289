/* base_log.c: a line is one write, harmless, at most 4 KiB. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/compat.h"
#include "base/log.h"
#include "log_pair.h"

START_TEST(one_write_a_line)
{
	log_info("xmpp: %s\n", "up");
	ck_assert_str_eq(log_line(), "xmpp: up\n");
	log_warning("call 7f3a: x");
	ck_assert_str_eq(log_line(), "call 7f3a: x\n");
	ck_assert_str_eq(log_line(), "");
}
END_TEST

START_TEST(escapes)
{
	struct pl pl = PL("x\r\n\x1b[2J");

	log_error("sip: %r\n", &pl);
	ck_assert_str_eq(log_line(), "sip: x\\x0d\\x0a\\x1b[2J\n");
	log_error("sip: a\nb\n");
	ck_assert_str_eq(log_line(), "sip: a\\x0ab\n");
	log_error("%b", "a\0b", (size_t)3);
	ck_assert_str_eq(log_line(), "a\\x00b\n");
}
END_TEST

START_TEST(levels)
{
	static const struct {
		void (*log)(const char *fmt, ...);
		enum log_level level;
	} all[] = {
	    {log_debug, LOG_LEVEL_DEBUG},
	    {log_info, LOG_LEVEL_INFO},
	    {log_warning, LOG_LEVEL_WARNING},
	    {log_error, LOG_LEVEL_ERROR},
	};
	size_t i;

	log_debug("hidden by default\n");
	ck_assert_str_eq(log_line(), "");
	log_set_level((enum log_level)_i);
	for (i = 0; i < 4; i++) {
		bool shown = (int)i >= _i;

		all[i].log("x\n");
		ck_assert_str_eq(log_line(), shown ? "x\n" : "");
		ck_assert_int_eq(shown, log_enabled(all[i].level));
	}
}
END_TEST

START_TEST(long_lines_are_cut)
{
	char big[6000];

	memset(big, 'a', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	log_info("%s\n", big);
	(void)log_line();
	ck_assert_uint_le(strlen(got), 4096);
	ck_assert_uint_ge(strlen(got), 4090);
	ck_assert_str_eq(got + strlen(got) - 3, "..\n");

	/* escapes make it longer: still one line */
	memset(big, '\x01', sizeof(big) - 1);
	log_info("%s\n", big);
	(void)log_line();
	ck_assert_uint_le(strlen(got), 4096);
	ck_assert_str_eq(got + strlen(got) - 3, "..\n");

	/* never inside a character */
	for (size_t i = 0; i + 3 < sizeof(big); i += 3)
		memcpy(big + i, "\xe2\x82\xac", 3);
	for (int i = 0; i < 3; i++) {
		log_info("%b%s\n", "xxx", (size_t)i, big);
		(void)log_line();
		ck_assert_ptr_null(strstr(got, "\\x"));
	}
}
END_TEST

START_TEST(errno_is_kept)
{
	errno = EXDEV;
	log_info("x\n");
	ck_assert_int_eq(errno, EXDEV);
	(void)signal(SIGPIPE, SIG_IGN);
	(void)close(pair[0]);
	log_info("nobody reads\n");
	ck_assert_int_eq(errno, EXDEV);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("log");

	tcase_add_checked_fixture(tc, log_open, NULL);
	tcase_add_test(tc, one_write_a_line);
	tcase_add_test(tc, escapes);
	tcase_add_loop_test(tc, levels, 0, 4);
	tcase_add_test(tc, long_lines_are_cut);
	tcase_add_test(tc, errno_is_kept);

	return suite_run("base_log", tc);
}
