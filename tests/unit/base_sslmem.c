/* base_sslmem.c: buffers of OpenSSL come from blocks of their own. */
#include <stdlib.h>
#include <string.h>
#include "base/sslmem.c"
#include "suite.h"

START_TEST(buffers_are_blocks)
{
	uint8_t *p[BLOCKS + 2], *q;
	unsigned i;

	ck_assert(sslmem_init());
	for (i = 0; i < BLOCKS + 2; i++) {
		p[i] = sslmem_alloc(17000);
		ck_assert_ptr_nonnull(p[i]);
		ck_assert_int_eq(is_block(p[i]), i < BLOCKS);
		memset(p[i], (int)i, 17000);
	}
	for (i = 0; i < BLOCKS + 2; i++) {
		ck_assert_uint_eq(p[i][0], i);
		ck_assert_uint_eq(p[i][16999], i);
		sslmem_free(p[i]);
	}
	/* The last that was left is the first that is taken. */
	q = sslmem_alloc(BLOCK);
	ck_assert_ptr_eq(q, p[BLOCKS - 1]);
	sslmem_free(q);
	sslmem_free(NULL);
	q = sslmem_alloc(100);
	ck_assert(!is_block(q));
	sslmem_free(q);
	q = sslmem_alloc(BLOCK + 1);
	ck_assert(!is_block(q));
	sslmem_free(q);
}
END_TEST

START_TEST(a_block_may_grow_out)
{
	uint8_t *p, *q;

	ck_assert(sslmem_init());
	p = sslmem_alloc(9000);
	ck_assert(is_block(p));
	memset(p, 7, 9000);
	ck_assert_ptr_eq(sslmem_realloc(p, BLOCK), p);
	q = sslmem_realloc(p, BLOCK + 1);
	ck_assert_ptr_nonnull(q);
	ck_assert(!is_block(q));
	ck_assert_uint_eq(q[0], 7);
	ck_assert_uint_eq(q[8999], 7);
	ck_assert_ptr_eq(sslmem_alloc(9000), p);
	q = sslmem_realloc(q, 2 * BLOCK);
	ck_assert_ptr_nonnull(q);
	ck_assert_uint_eq(q[8999], 7);
	sslmem_free(q);
	ck_assert_ptr_null(sslmem_realloc(p, 0));
	ck_assert_ptr_eq(sslmem_alloc(9000), p);
}
END_TEST

/* OpenSSL uses it: before anything of it was. */
START_TEST(openssl_asks_here)
{
	void *p;

	ck_assert(sslmem_init());
	p = OPENSSL_malloc(20000);
	ck_assert(is_block(p));
	OPENSSL_free(p);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("all");

	tcase_add_test(tc, buffers_are_blocks);
	tcase_add_test(tc, a_block_may_grow_out);
	tcase_add_test(tc, openssl_asks_here);

	return suite_run("base_sslmem", tc);
}
