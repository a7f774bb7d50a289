/* media_nicemem.c: large buffers of libnice have pages of their own. */
#include <nice/agent.h>
#include <string.h>
#include <unistd.h>
#include "media/nicemem.c"
#include "suite.h"

static size_t resident(const uint8_t *p)
{
	unsigned char in[BLOCK / 4096];
	size_t i, n = 0;

	ck_assert_int_eq(mincore((void *)(uintptr_t)p, BLOCK, in), 0);
	for (i = 0; i < sizeof(in); i++)
		n += in[i] & 1;

	return n;
}

START_TEST(blocks)
{
	uint8_t *p, *q;

	p = g_malloc(FOR_UDP);
	ck_assert(!is_block(p)); /* not yet */
	ck_assert(nicemem_start() && nicemem_start());
	g_free(p);

	p = g_malloc(FOR_UDP);
	q = g_malloc(FOR_TCP);
	ck_assert(is_block(p) && is_block(q));
	ck_assert_uint_eq(nicemem_held(), 2);
	ck_assert_uint_eq(resident(p) + resident(q), 0);
	memset(p, 1, FOR_UDP);
	memset(q, 2, FOR_TCP);
	ck_assert_uint_eq(p[0], 1);
	ck_assert_uint_eq(p[FOR_UDP - 1], 1);
	ck_assert_uint_eq(resident(p), 16);

	/* The last that was freed is the next, with nothing left in it. */
	g_free(p);
	ck_assert_uint_eq(resident(p), 0);
	ck_assert_ptr_eq(g_malloc(FOR_TCP), p);
	ck_assert_uint_eq(p[0], 0);
	g_free(p);
	g_free(q);
	ck_assert_uint_eq(nicemem_held(), 0);

	ck_assert_ptr_null(g_malloc(0));
	g_free(NULL);
	p = g_malloc(100);
	ck_assert(!is_block(p));
	g_free(p);
	g_free(g_strdup("GLib's own"));
}
END_TEST

START_TEST(more_than_there_are)
{
	static void *p[BLOCKS + 1];
	unsigned i;

	ck_assert(nicemem_start());
	for (i = 0; i <= BLOCKS; i++) {
		p[i] = g_malloc(FOR_UDP);
		ck_assert_int_eq(is_block(p[i]), i < BLOCKS);
	}
	for (i = 0; i <= BLOCKS; i++)
		g_free(p[i]);
	ck_assert_uint_eq(nicemem_held(), 0);
}
END_TEST

/* libnice asks for what is expected of it, and gives it back. */
START_TEST(an_agent)
{
	NiceAgent *nice;

	ck_assert(nicemem_start());
	nice = nice_agent_new(NULL, NICE_COMPATIBILITY_RFC5245);
	ck_assert_uint_gt(nice_agent_add_stream(nice, 1), 0);
	ck_assert_uint_eq(nicemem_held(), 2);
	g_object_unref(nice);
	while (g_main_context_iteration(NULL, FALSE))
		;
	ck_assert_uint_eq(nicemem_held(), 0);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("all");

	tcase_add_test(tc, blocks);
	tcase_add_test(tc, more_than_there_are);
	tcase_add_test(tc, an_agent);

	return suite_run("media_nicemem", tc);
}
