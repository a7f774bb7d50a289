/* admin_command.c: what stoxctl asks of a gateway that has nothing. */
#include <dlfcn.h>
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admin/command.h"
#include "admin/life.h"
#include "bridge/policy.h"
#include "bridge/route.h"
#include "suite.h"

static char answer[4096];
static bool whole;
static long left = -1; /* allocations until one fails; < 0: none does */

static bool refused(void)
{
	return left >= 0 && left-- == 0;
}

__attribute__((visibility("default"))) void *mem_alloc(size_t size,
						       mem_destroy_h *dh)
{
	static void *(*real)(size_t, mem_destroy_h *);

	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, "mem_alloc");

	return refused() ? NULL : real(size, dh);
}

__attribute__((visibility("default"))) void *mem_zalloc(size_t size,
							mem_destroy_h *dh)
{
	void *p = mem_alloc(size, dh);

	if (p)
		memset(p, 0, size);

	return p;
}

__attribute__((visibility("default"))) void *mem_realloc(void *data,
							 size_t size)
{
	static void *(*real)(void *, size_t);

	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, "mem_realloc");

	return refused() ? NULL : real(data, size);
}

static void *json_memory(size_t size)
{
	return refused() ? NULL : malloc(size);
}

static void output(int err, const char *text, size_t len, bool last, void *arg)
{
	size_t have;

	(void)arg;
	if (!answer[0])
		(void)snprintf(answer, sizeof(answer), "%d\n",
			       err == 0	       ? 0
			       : err == EINVAL ? 2
					       : 1);
	have = strlen(answer);
	ck_assert(!whole);
	ck_assert_uint_lt(have + len, sizeof(answer));
	memcpy(answer + have, text, len);
	answer[have + len] = '\0';
	whole = last;
}

static int discard(const char *p, size_t size, void *arg)
{
	(void)p;
	(void)size;
	(void)arg;

	return 0;
}

static struct config config = {.file = (char[]){"t"}};
static struct gateway gw = {.config = &config};

static void setup(void)
{
	struct re_printf pf = {discard, NULL};

	ck_assert_int_eq(libre_init(), 0);
	ck_assert_int_eq(route_alloc(&gw.route, &config, &pf), 0);
	ck_assert_int_eq(policy_alloc(&gw.policy, &config.limits, 100), 0);
}

static void teardown(void)
{
	gw.route = mem_deref(gw.route);
	gw.policy = mem_deref(gw.policy);
	libre_close();
}

static void stop(void *arg)
{
	(void)arg;
	re_cancel();
}

/* Some answers come a little later. */
static void ask(const char *line)
{
	struct command_run *run;
	struct tmr tmr;

	answer[0] = '\0';
	whole = false;
	ck_assert_int_eq(command_line(&run, &gw, line, "test", output, NULL),
			 0);
	tmr_init(&tmr);
	for (unsigned i = 0; !whole && i < 100; i++) {
		tmr_start(&tmr, 20, stop, NULL);
		(void)re_main(NULL);
	}
	ck_assert_msg(whole, "%s: no answer", line);
	mem_deref(run);
}

/* Checks what was asked last. */
static void settle(const char *asked, char *want)
{
	ck_assert_msg(!strncmp(answer, want, strlen(want)),
		      "%s\n--- got\n%s\n--- wanted\n%s", asked, answer, want);
	want[0] = '\0';
}

START_TEST(commands)
{
	FILE *f = fopen("tests/data/admin_commands.txt", "r");
	char line[256], asked[256] = "", want[2048] = "";
	unsigned n = 0;

	ck_assert_ptr_nonnull(f);
	while (fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = '\0';
		if (line[0] == '!') {
			settle(asked, want);
			(void)snprintf(asked, sizeof(asked), "%s", line + 2);
			ask(asked);
			n++;
		} else if (line[0] == '>') {
			size_t at = strlen(want);

			(void)snprintf(want + at, sizeof(want) - at, "%s%s",
				       at ? "\n" : "", line + 2);
		}
	}
	settle(asked, want);
	ck_assert_uint_gt(n, 10);
	(void)fclose(f);
}
END_TEST

static void count_answer(int err, const char *text, size_t len, bool last,
			 void *arg)
{
	(void)err;
	(void)text;
	(void)len;
	whole = last;
	++*(unsigned *)arg;
}

/* Memory is refused at each allocation in turn: there is an answer, or
 * ENOMEM, and nothing is left of either. */
START_TEST(no_memory)
{
	static const char *const lines[] = {
	    "status",
	    "json status",
	    "calls",
	    "json calls",
	    "call show 7",
	    "json trunks",
	    "limits",
	    "json limits",
	    "users",
	    "json users",
	    "version",
	    "json version",
	    "acl test a@b.example",
	    "stauts",
	    "call show %20x 9",
	};

	json_set_alloc_funcs(json_memory, free);
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		unsigned answers, refusals = 0;
		bool more = true;

		for (long n = 0; more && n < 1000; n++) {
			struct command_run *run = NULL;
			int err;

			whole = false;
			answers = 0;
			left = n;
			err = command_line(&run, &gw, lines[i], "test",
					   count_answer, &answers);
			more = left < 0;
			left = -1;
			ck_assert_msg(err == ENOMEM || (!err && whole), "%s",
				      lines[i]);
			ck_assert_uint_eq(answers, err ? 0 : 1);
			refusals += more;
			mem_deref(run);
		}
		ck_assert_msg(!more && refusals > 3, "%s: %u", lines[i],
			      refusals);
	}
}
END_TEST

/* stoxctl(1), status: the last lasts half a second, too short to be asked
 * for. */
START_TEST(states)
{
	ck_assert_str_eq(life_state_name(LIFE_OPEN), "open");
	ck_assert_str_eq(life_state_name(LIFE_DRAINED), "drained");
	ck_assert_str_eq(life_state_name(LIFE_LEAVING), "leaving");
	ck_assert_str_eq(life_state_name(LIFE_CLOSING), "closing");
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("commands");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, commands);
	tcase_add_test(tc, no_memory);
	tcase_add_test(tc, states);

	return suite_run("admin command", tc);
}
