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

static size_t touched(const void *p, size_t size)
{
	unsigned char in[16];
	uintptr_t first = (uintptr_t)p & ~(uintptr_t)(PAGE - 1);
	size_t i, n = 0,
		  pages = ((uintptr_t)p + size - first + PAGE - 1) / PAGE;

	ck_assert_uint_le(pages, sizeof(in));
	ck_assert_int_eq(mincore((void *)first, pages * PAGE, in), 0);
	for (i = 0; i < pages; i++)
		n += in[i] & 1;

	return n;
}

/* Nothing waits in it, what stands before and behind it is as libnice made it,
 * and it is used as ever. */
START_TEST(table)
{
	static const uint16_t known[] = {0};
	static uint8_t in[1024];
	StunTransactionId id;
	StunMessage msg;
	StunAgent *a;
	unsigned i;

	a = malloc(sizeof(*a));
	ck_assert_ptr_nonnull(a);
	memset(a, 0xff, sizeof(*a));
	ck_assert(nicemem_start());
	stun_agent_init(a, known, STUN_COMPATIBILITY_RFC5389,
			STUN_AGENT_USAGE_USE_FINGERPRINT);
	ck_assert_uint_le(touched(a->sent_ids, sizeof(a->sent_ids)), 2);
	for (i = 0; i < STUN_AGENT_MAX_SAVED_IDS; i++)
		ck_assert(!a->sent_ids[i].valid);
	ck_assert_ptr_eq(a->known_attributes, known);
	ck_assert_int_eq(a->compatibility, STUN_COMPATIBILITY_RFC5389);
	ck_assert_int_eq(a->usage_flags, STUN_AGENT_USAGE_USE_FINGERPRINT);

	for (i = 0; i < STUN_AGENT_MAX_SAVED_IDS; i++) {
		ck_assert(stun_agent_init_request(a, &msg, in, sizeof(in),
						  STUN_BINDING));
		ck_assert_uint_gt(stun_agent_finish_message(a, &msg, NULL, 0),
				  0);
	}
	stun_message_id(&msg, id);
	ck_assert(stun_agent_forget_transaction(a, id));
	ck_assert(!stun_agent_forget_transaction(a, id));
	free(a);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("all");

	tcase_add_test(tc, blocks);
	tcase_add_test(tc, more_than_there_are);
	tcase_add_test(tc, an_agent);
	tcase_add_test(tc, table);

	return suite_run("media_nicemem", tc);
}
