/* base_table.c: hash tables that grow with what is in them. */
#include "base/table.h"
#include "suite.h"

enum { SMALL = 4, MANY = 1000 };

struct thing {
	struct le he;
	uint32_t key;
	unsigned n;
};

static struct thing things[MANY];
static unsigned walked;

static uint32_t key_of(const void *data)
{
	return ((const struct thing *)data)->key;
}

static bool is(struct le *le, void *arg)
{
	++walked;

	return le->data == arg;
}

static struct hash *filled(void)
{
	struct hash *h;

	ck_assert_int_eq(0, hash_alloc(&h, SMALL));
	for (unsigned i = 0; i < MANY; i++) {
		things[i].key = i * 2654435761u;
		things[i].n = i;
		table_grow(&h, i, key_of);
		hash_append(h, things[i].key, &things[i].he, &things[i]);
	}

	return h;
}

static void empty(struct hash *h)
{
	hash_clear(h);
	mem_deref(h);
}

START_TEST(test_all_is_found)
{
	struct hash *h = filled();

	ck_assert_uint_gt(hash_bsize(h), MANY / 4);
	for (unsigned i = 0; i < MANY; i++)
		ck_assert_ptr_nonnull(
		    hash_lookup(h, things[i].key, is, &things[i]));
	/* past few others */
	ck_assert_uint_lt(walked, 3 * MANY);
	hash_unlink(&things[7].he);
	ck_assert_ptr_null(hash_lookup(h, things[7].key, is, &things[7]));
	empty(h);
}
END_TEST

START_TEST(test_order)
{
	struct hash *h;
	struct le *le;
	unsigned n = 0;

	ck_assert_int_eq(0, hash_alloc(&h, SMALL));
	for (unsigned i = 0; i < MANY; i++) {
		things[i].key = i % 2;
		things[i].n = i;
		table_grow(&h, i, key_of);
		hash_append(h, things[i].key, &things[i].he, &things[i]);
	}
	LIST_FOREACH (hash_list(h, 1), le) {
		const struct thing *t = le->data;

		ck_assert_uint_eq(t->n, 2 * n++ + 1);
	}
	ck_assert_uint_eq(n, MANY / 2);
	empty(h);
}
END_TEST

START_TEST(test_stays_small)
{
	struct hash *h;

	ck_assert_int_eq(0, hash_alloc(&h, SMALL));
	for (unsigned i = 0; i < 2 * SMALL; i++)
		table_grow(&h, i, key_of);
	ck_assert_uint_eq(hash_bsize(h), SMALL);
	table_grow(&h, 2 * SMALL, key_of);
	ck_assert_uint_gt(hash_bsize(h), SMALL);
	mem_deref(h);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("table");

	tcase_add_test(tc, test_all_is_found);
	tcase_add_test(tc, test_order);
	tcase_add_test(tc, test_stays_small);

	return suite_run("base_table", tc);
}
