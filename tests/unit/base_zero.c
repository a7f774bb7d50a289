/* base_zero.c: large zeroed memory is zero, and not written for it. */
#include <stdlib.h>
#include <string.h>
#include "base/zero.c"
#include "suite.h"

enum { TABLE = 4 << 20 };

/* Whole pages within the block that somebody has written. */
static unsigned pages(uint8_t *p, size_t size)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	uint8_t *first = p + (-(uintptr_t)p & (page - 1));
	size_t n = (size_t)(p + size - first) / page, i;
	unsigned char *in = calloc(1, n);
	unsigned count = 0;

	ck_assert_ptr_nonnull(in);
	ck_assert_int_eq(mincore(first, n * page, in), 0);
	for (i = 0; i < n; i++)
		count += in[i] & 1;
	free(in);

	return count;
}

static bool all_zero(const uint8_t *p, size_t size)
{
	return !p[0] && !memcmp(p, p + 1, size - 1);
}

START_TEST(large_is_not_written)
{
	uint8_t *p = mem_zalloc(TABLE, NULL);

	ck_assert_ptr_nonnull(p);
	ck_assert_uint_eq(pages(p, TABLE), 0);
	ck_assert(all_zero(p, TABLE));
	mem_deref(p);
}
END_TEST

/* libre asks here too: its descriptors' table is as little written. */
START_TEST(libre_asks_here)
{
	struct hash *h;
	struct list *first;

	ck_assert_int_eq(hash_alloc(&h, TABLE / sizeof(struct list)), 0);
	first = hash_list(h, 0);
	ck_assert_uint_eq(pages((uint8_t *)first, TABLE), 0);
	mem_deref(h);
}
END_TEST

/* Blocks of any size at any place, in memory that was used before. */
START_TEST(used_memory_is_zeroed)
{
	static const size_t sizes[] = {
	    1, 100, 4096, LARGE - 1, LARGE, LARGE + 1, 60000, 100000, 300001};
	uint8_t *block[ARRAY_SIZE(sizes)], *guard[ARRAY_SIZE(sizes)];
	unsigned round;
	size_t i;

	for (round = 0; round < 20; round++) {
		for (i = 0; i < ARRAY_SIZE(sizes); i++) {
			block[i] = mem_zalloc(sizes[i], NULL);
			guard[i] = mem_alloc(round * 37 + 1, NULL);
			ck_assert_ptr_nonnull(block[i]);
			ck_assert_ptr_nonnull(guard[i]);
			ck_assert(all_zero(block[i], sizes[i]));
			memset(block[i], 0x5a, sizes[i]);
			memset(guard[i], 0xa5, round * 37 + 1);
		}
		for (i = 0; i < ARRAY_SIZE(sizes); i++) {
			ck_assert_uint_eq(guard[i][0], 0xa5);
			ck_assert_uint_eq(guard[i][round * 37], 0xa5);
			ck_assert_uint_eq(block[i][sizes[i] - 1], 0x5a);
			mem_deref(block[i]);
			mem_deref(guard[i]);
		}
	}
}
END_TEST

static unsigned destroyed;

static void destructor(void *arg)
{
	(void)arg;
	destroyed++;
}

START_TEST(destructor_is_called)
{
	mem_deref(mem_zalloc(10, destructor));
	mem_deref(mem_zalloc(TABLE, destructor));
	ck_assert_uint_eq(destroyed, 2);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("all");

	tcase_add_test(tc, large_is_not_written);
	tcase_add_test(tc, libre_asks_here);
	tcase_add_test(tc, used_memory_is_zeroed);
	tcase_add_test(tc, destructor_is_called);

	return suite_run("base_zero", tc);
}
